"""`next` over a line whose call loops a million times (tests/fixtures/c/steps.c), beside the time
that the thread itself needs for it."""

import os
import re
import subprocess
import time

from processes import Stuck, Target
from report import Line, median

SOURCE = os.path.join(
    os.path.dirname(__file__), "..", "..", "tests", "fixtures", "c", "steps.c"
)
BEYOND_MS = 1.0


def line_of(mark):
    with open(SOURCE, encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            if line.rstrip().endswith(f"mark: {mark}"):
                return number
    raise Stuck(f"steps.c has no mark {mark}")


class Prompt:
    """A debugger whose commands come through a pipe."""

    def __init__(self, argv):
        self.tool = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def say(self, command, answer):
        """@return when the answer was there, after how many ms."""
        began = time.monotonic_ns()
        self.tool.stdin.write(command.encode() + b"\n")
        self.tool.stdin.flush()
        seen = b""
        while not re.search(answer.encode(), seen):
            more = os.read(self.tool.stdout.fileno(), 65536)
            if not more:
                raise Stuck(f"clew has ended: {seen[-200:]!r}")
            seen += more
        return (time.monotonic_ns() - began) / 1e6

    def close(self):
        self.tool.stdin.close()
        try:
            self.tool.wait(20)
        except subprocess.TimeoutExpired:
            self.tool.kill()
            self.tool.wait()
        self.tool.stdout.close()


def own_ms(pid):
    """How long the main thread has been on a CPU (proc(5), schedstat)."""
    with open(f"/proc/{pid}/task/{pid}/schedstat", encoding="utf-8") as schedstat:
        return int(schedstat.read().split()[0]) / 1e6


def long_call(bench):
    program = os.path.join(bench.build, "fixtures", "steps")
    loop, behind = line_of("loop"), line_of("library")
    own, whole = [], []
    with Target(program, []) as target:
        prompt = Prompt([bench.clew, "attach", str(target.pid)])
        try:
            prompt.say(f"tbreak steps.c:{loop}", "breakpoint 1")
            prompt.say("continue", f"steps.c:{loop}\\b(.|\\n)*steps.c:{loop}\\b")
            for turn in range(bench.rounds(1)):
                bench.say(f"next over a million rounds: round {turn + 1}")
                if turn:
                    prompt.say(f"tbreak steps.c:{loop}", "breakpoint")
                    prompt.say("continue", f"hit (.|\\n)*steps.c:{loop}\\b")
                before = own_ms(target.pid)
                whole.append(prompt.say("next", f"steps.c:{behind}\\b"))
                own.append(own_ms(target.pid) - before)
        finally:
            prompt.close()
    beyond = median([w - o for w, o in zip(whole, own)])
    bench.keep("next over a million rounds", whole_ms=whole, own_ms=own)
    line = Line("next over a million rounds", "ms", floor=median(own), clew=median(whole))
    return [line.judge(limit=f"floor + {BEYOND_MS:g} ms", ok=beyond <= BEYOND_MS)]
