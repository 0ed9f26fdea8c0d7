"""For gdb's python: prints the frames of every thread as one line of JSON, to be compared with clew's."""

import json

import gdb


def level_of(frame):
    symbol = frame.function()
    return {
        "pc": frame.pc(),
        "function": (symbol.print_name if symbol else frame.name()) or "",
        "linkage_name": (symbol.linkage_name if symbol else "") or "",
        "inlined": frame.type() == gdb.INLINE_FRAME,
        "signal_frame": frame.type() == gdb.SIGTRAMP_FRAME,
        "line": frame.find_sal().line,
    }


def frames(most):
    found = []
    frame = gdb.newest_frame()
    while frame is not None and len(found) < most:
        # A function that was left by a jump has no frame; gdb makes one up where there is only one way.
        if frame.type() != gdb.TAILCALL_FRAME:
            found.append(level_of(frame))
        try:
            frame = frame.older()
        except gdb.error:
            break
    return found


def show(most=400):
    threads = {}
    for thread in gdb.selected_inferior().threads():
        thread.switch()
        threads[str(thread.ptid[1])] = frames(most)
    print("STACKS " + json.dumps(threads), flush=True)


gdb.execute("set backtrace past-main on")
gdb.execute("set backtrace past-entry on")
show()
