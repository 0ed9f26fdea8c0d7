"""The benchmark of names: attach, `info line FUNCTION`, a backtrace with lines, detach, on a program
with more than 200 MB of debug information, from start to end."""

import os
import shlex
import shutil
import tempfile

import large_program
from processes import Target, expect
from report import Line, median

FUNCTION = "shop::unit7::visit12"
# Runs of each contender beside the thread that sees how long the program stands still.
GAP_ROUNDS = 3


class Contender:
    """One way to do it, and what was measured of it."""

    def __init__(self, name, argv, prepare=lambda: None):
        self.name = name
        self.argv = argv
        self.prepare = prepare
        self.walls, self.peaks, self.gaps = [], [], []

    def run(self, target):
        run = self.once(target)
        self.walls.append(run.wall_ms)
        self.peaks.append(run.peak_kib / 1024)

    def watch(self, target):
        """Once more, beside the clock's thread, which takes a CPU for itself."""
        self.gaps.append(target.gap_during(lambda: self.once(target))[0])

    def once(self, target):
        self.prepare()
        argv = [word.replace("@PID@", str(target.pid)) for word in self.argv]
        return expect(argv, timeout=600, watch_peak=True, env=self.env())

    def env(self):
        return {}


class Clew(Contender):
    """clew with a cache folder of its own, which is emptied before a cold run."""

    def __init__(self, name, program, function, folder, keep):
        argv = [program, "attach", "@PID@", "--batch", "-x", f"info line {function}", "-x", "bt"]
        super().__init__(name, argv, self.empty if not keep else lambda: None)
        self.folder = folder

    def empty(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def env(self):
        return {"XDG_CACHE_HOME": self.folder}


def contenders(bench, function, folder):
    cache = os.path.join(folder, "clew")
    found = [
        Clew("clew, no cache", bench.clew, function, cache, keep=False),
        Clew("clew, its cache", bench.clew, function, cache, keep=True),
    ]
    if bench.gdb:
        attach = [bench.gdb, "-p", "@PID@", "-batch", "-nx"]
        look = ["-ex", f"info line {function}", "-ex", "bt"]
        index = [f"set index-cache directory {os.path.join(folder, 'gdb')}"]
        index += ["set index-cache enabled on"]
        settings = [word for setting in index for word in ("-iex", setting)]
        found.append(Contender("gdb, no index", [*attach, *look]))
        found.append(Contender("gdb, its index cache", [*attach, *settings, *look]))
    if bench.lldb:
        argv = [bench.lldb, "-b", "--no-lldbinit", "-p", "@PID@"]
        argv += ["-o", f"image lookup -v -n {function}", "-o", "bt", "-o", "detach"]
        found.append(Contender("lldb", argv))
    return found


def names(bench):
    if bench.program:
        argv = shlex.split(bench.program)
        function, with_gap = bench.function, False
    else:
        folder = os.path.join(bench.build, "bench", "names")
        argv = [large_program.build(folder, bench.say)]
        function, with_gap = bench.function or FUNCTION, True
    with tempfile.TemporaryDirectory(prefix="clew-bench-") as folder:
        found = contenders(bench, function, folder)
        with Target(argv[0], argv[1:], answers=with_gap) as target:
            for turn in range(bench.rounds(1) + 1):
                for contender in found:
                    bench.say(f"names: {contender.name}, round {turn}")
                    contender.run(target)
                    if with_gap and 1 <= turn <= GAP_ROUNDS:
                        contender.watch(target)
                if turn == 0:  # the first fills caches: the kernel's, and those of the index
                    for contender in found:
                        contender.walls.clear()
                        contender.peaks.clear()
    for c in found:
        bench.keep(f"names: {c.name}", wall_ms=c.walls, peak_mib=c.peaks, gap_ms=c.gaps)
    return lines_of({c.name: c for c in found}, with_gap)


def lines_of(found, with_gap):
    wall = {name: median(c.walls) for name, c in found.items()}
    lines = []

    def ratio(other, clew, least):
        if other not in wall:
            return
        tool = other.split(",")[0]
        line = Line(f"names: {other} / {clew}", "ms", clew=wall[clew], **{tool: wall[other]})
        lines.append(line.judge(ratio=wall[other] / wall[clew], least=least))

    for clew in ("clew, no cache", "clew, its cache"):
        ratio("gdb, no index", clew, 10)
        ratio("gdb, its index cache", clew, 5)
        ratio("lldb", clew, 5)
    cold, warm = wall["clew, no cache"], wall["clew, its cache"]
    line = Line("names: clew, its cache / no cache", "ms", floor=None, clew=warm)
    lines.append(line.judge(ratio=warm / cold, most=1))
    for name, c in found.items():
        tool = name.split(",")[0]
        peak = Line(f"names: {name}: peak memory", "MiB", **{tool: median(c.peaks)})
        is_clew = tool == "clew"
        if is_clew:
            peak.judge(limit="<= 200 MiB", ok=median(c.peaks) <= 200)
        lines.append(peak)
        if not with_gap:
            continue
        gap = Line(f"names: {name}: pause seen inside", "ms", **{tool: median(c.gaps)})
        if is_clew:
            gap.judge(limit="<= 10 ms", ok=median(c.gaps) <= 10)
        lines.append(gap)
    return lines
