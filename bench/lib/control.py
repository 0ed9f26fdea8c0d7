"""Run control: breakpoints whose condition is false, and steps by lines."""

import os
import re
import signal
import subprocess
import time

from long_call import long_call
from processes import Stuck, expect
from report import Line, median

MEASURED_S = 1.0
SETTLE_S = 1.0
LINES = 2_000
NEVER = "$rdi == -1"


def rate_of(target):
    """Calls of hot_function a second, as the target counts them."""
    first = target.ask("hot")
    time.sleep(MEASURED_S)
    last = target.ask("hot")
    return (last["hot_calls"] - first["hot_calls"]) / (last["at_ns"] - first["at_ns"]) * 1e9


def store_address(target):
    """Where hot_function writes its argument: the instruction that breakpoints on it stop at."""
    start = target.facts["hot_function"]
    with open(f"/proc/{target.pid}/mem", "rb") as memory:
        memory.seek(start)
        code = memory.read(32)
    at = code.find(b"\x48\x89\x3d")
    if at < 0:
        raise Stuck("hot_function has no store that the floor knows")
    return start + at


def rate_under(argv, target, ready):
    """The rate while a debugger with a breakpoint runs; it is interrupted afterwards."""
    tool = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        seen = b""
        while not re.search(ready, seen):
            byte = tool.stdout.read(1)
            if not byte:
                raise Stuck(f"{os.path.basename(argv[0])} has ended: {seen[-200:]!r}")
            seen += byte
        time.sleep(SETTLE_S)
        return rate_of(target)
    finally:
        tool.send_signal(signal.SIGINT)
        try:
            tool.stdin.close()
            tool.wait(20)
        except (subprocess.TimeoutExpired, OSError):
            tool.kill()
            tool.wait()
        tool.stdout.close()


def clew_rate(bench, target):
    argv = [bench.clew, "attach", str(target.pid)]
    argv += ["-x", f"break hot_function if {NEVER}", "-x", "continue", "-x", "wait 60s"]
    return rate_under(argv, target, rb"\nrunning\n")


def gdb_rate(bench, target):
    argv = [bench.gdb, "-p", str(target.pid), "-batch", "-nx"]
    argv += ["-ex", f"break hot_function if {NEVER}", "-ex", "continue"]
    return rate_under(argv, target, rb"Breakpoint 1 at")


def floor_rate(bench, arguments, kind, hot):
    with bench.target(*arguments) as target:
        argv = [bench.floor, kind, str(target.pid), str(store_address(target)), "1500"]
        return expect(argv + (["--idle"] if hot == 1 else [])).json()["hits_per_s"]


def hits_of(bench, name, hot, idle, with_others):
    arguments = (idle + 1, "--hot", hot)
    floors, two_stop_floors, clews = [], [], []
    for turn in range(bench.rounds(1) if with_others else 3):
        bench.say(f"{name}: round {turn + 1}")
        floors.append(floor_rate(bench, arguments, "hits", hot))
        two_stop_floors.append(floor_rate(bench, arguments, "hits2", hot))
        with bench.target(*arguments) as target:
            clews.append(clew_rate(bench, target))
    others = {}
    for tool, run in (("gdb", gdb_rate),):
        if getattr(bench, tool) is None or not with_others:
            continue
        try:
            with bench.target(*arguments) as target:
                bench.say(f"{name}: {tool}")
                others[tool] = run(bench, target)
        except Stuck as error:
            bench.say(f"{name}: {tool}: {error}")
    bench.keep(name, floor_per_s=floors, floor2_per_s=two_stop_floors, clew_per_s=clews, **others)
    return median(floors), median(two_stop_floors), median(clews), others


def hits(bench):
    lines = []
    alone = None
    for hot, idle in ((1, 0), (8, 0), (1, 500), (1, 5_000)):
        name = f"hits: {hot} hot" + (f", {idle:,} idle" if idle else "")
        with_others = idle <= 500 and not bench.quick
        floor, floor2, clew, others = hits_of(bench, name, hot, idle, with_others)
        lines.append(Line(name, "/s", floor, clew, **others).judge(least=0.6))
        lines.append(Line(f"{name}: floor with two stops", "/s", floor2))
        if others.get("gdb"):
            ratio = clew / others["gdb"]
            lines.append(
                Line(f"{name}: clew / gdb", "", clew=clew, gdb=others["gdb"]).judge(
                    ratio=ratio, least=10
                )
            )
        if idle == 0 and hot == 1:
            alone = clew
        if idle == 5_000:
            lines.append(
                Line("hits: 5,000 idle / none", "", clew=clew).judge(ratio=clew / alone, least=0.8)
            )
    return lines


def lines_per_s(run_ms, count):
    return (count - 1) / (run_ms(count) - run_ms(1)) * 1e3


def clew_next(bench, target, others, count):
    tid = target.facts["hot"][0]

    def run_ms(steps):
        argv = [bench.clew, "attach", str(target.pid), "--batch", "-x", f"thread tid {tid}"]
        argv += ["-x", f"set step-others {others}", "-x", f"next {steps}"]
        return expect(argv).wall_ms

    return lines_per_s(run_ms, count)


def gdb_next(bench, target, locked, count):
    tid = target.facts["hot"][0]
    switch = (
        "python [t.switch() for t in gdb.selected_inferior().threads() if t.ptid[1] == %d]" % tid
    )

    def run_ms(steps):
        argv = [bench.gdb, "-p", str(target.pid), "-batch", "-nx", "-ex", switch]
        argv += ["-ex", f"set scheduler-locking {'on' if locked else 'off'}"]
        return expect([*argv, "-ex", f"next {steps}"], timeout=600).wall_ms

    return lines_per_s(run_ms, count)


def next_lines(bench):
    lines = []
    for idle, others, least in ((0, "hold", 2), (500, "hold", 100), (500, "run", 5)):
        what = "held" if others == "hold" else "running"
        name = "next" + (f", {idle} idle threads {what}" if idle else "")
        rates = []
        for turn in range(bench.rounds(1)):
            bench.say(f"{name}: round {turn + 1}")
            with bench.target(idle + 1, "--hot", 1) as target:
                rates.append(clew_next(bench, target, others, LINES))
        gdb = None
        if bench.gdb and not bench.quick:
            gdb_rates = []
            for turn in range(3):
                bench.say(f"{name}: gdb, round {turn + 1}")
                with bench.target(idle + 1, "--hot", 1) as target:
                    # With many threads gdb makes from twenty to a thousand lines a second; so many
                    # take longer than the time of an attach differs from one to the next.
                    gdb_rates.append(gdb_next(bench, target, others == "hold", LINES // 2))
            gdb = median(gdb_rates)
        bench.keep(name, clew_per_s=rates, gdb_per_s=gdb)
        line = Line(name, "/s", clew=median(rates), gdb=gdb)
        lines.append(line.judge(ratio=median(rates) / gdb, least=least) if gdb else line)
    return lines


def control(bench):
    return hits(bench) + next_lines(bench) + long_call(bench)
