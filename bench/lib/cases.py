"""The benchmarks. Contenders take turns within a benchmark, so that whatever else the machine does
hits all of them alike; what is compared are medians of the same rounds."""

import os
import shutil

from containers import containers
from control import control
from goroutines import goroutines
from names import names
from processes import Stuck, Target, expect, measure
from report import Line, median

MANY = 10_000
STEPS = 20_000


class Bench:
    """Where the programs are, how often to repeat, and what has been measured."""

    def __init__(self, build, repeat, quick, say, program=None, function=None):
        self.build = build
        self.program = program  # that the benchmark of names looks at, with its arguments
        self.function = function
        self.clew = os.path.join(build, "clew")
        self.floor = os.path.join(build, "bench", "floor")
        self.sleepers = os.path.join(build, "fixtures", "sleepers")
        self.repeat = repeat
        self.quick = quick
        self.say = say
        self.gdb = shutil.which("gdb")
        self.lldb = shutil.which("lldb")
        self.dlv = shutil.which("dlv")
        self.eu_stack = shutil.which("eu-stack")
        self.raw = {}

    def missing(self):
        return [p for p in (self.clew, self.floor, self.sleepers) if not os.access(p, os.X_OK)]

    def rounds(self, threads):
        if self.repeat:
            return self.repeat
        if self.quick:
            return 3
        return 5 if threads >= MANY else 7

    def target(self, *arguments):
        return Target(self.sleepers, arguments)

    def keep(self, name, **values):
        """Keeps raw numbers under `name` for --json, and returns them."""
        self.raw.setdefault(name, {}).update(values)
        return values

    # The contenders. Each takes a Target and returns a finished Run.

    def run_floor(self, target, *options):
        return expect([self.floor, "freeze", str(target.pid), *options])

    def run_threads(self, target, *options):
        return expect([self.clew, "threads", str(target.pid), *options])

    def run_gdb(self, target):
        argv = [self.gdb, "-p", str(target.pid), "-batch", "-nx", "-ex", "info threads"]
        return expect(argv, timeout=600)

    def run_lldb(self, target):
        argv = [self.lldb, "-b", "--no-lldbinit", "-p", str(target.pid), "-o", "thread list"]
        return expect([*argv, "-o", "detach"], timeout=600)

    def other_debuggers(self, name, arguments, threads):
        """Medians of the walls of gdb and lldb, each on a target of its own."""
        found = {}
        for tool, run in (("gdb", self.run_gdb), ("lldb", self.run_lldb)):
            slow = threads >= MANY or "busy" in name
            if getattr(self, tool) is None or (self.quick and slow):
                continue
            walls = []
            try:
                for _ in range(1 if slow else min(3, self.rounds(threads))):
                    # A fresh one each time: they may leave a target stopped.
                    with self.target(*arguments) as target:
                        self.say(f"{name}: {tool}")
                        walls.append(run(target).wall_ms)
            except Stuck as error:
                self.say(f"{name}: {error}")
            self.keep(name, **{f"{tool}_wall_ms": walls})
            found[tool] = median(walls)
        return found


def pauses(bench, name, threads, floor_options=(), arguments=(), inside=True):
    """Lines on how long the target is stopped."""
    floor_gaps, clew_gaps, quiet_gaps, floor_own, clew_own = [], [], [], [], []
    with bench.target(threads, "--clock", *arguments) as target:

        def look(run):
            return target.gap_during(run) if inside else (None, run())

        # The first run of each pays for what the kernel does once (page tables, caches).
        bench.run_floor(target, *floor_options)
        bench.run_threads(target, "--json")
        for turn in range(bench.rounds(threads)):
            bench.say(f"{name}: pause, round {turn + 1}")
            gap, run = look(lambda: bench.run_floor(target, *floor_options))
            floor_gaps.append(gap)
            floor_own.append(run.json()["pause_ms"])
            gap, run = look(lambda: bench.run_threads(target, "--json"))
            clew_gaps.append(gap)
            clew_own.append(run.json()["pause_ms"])
            if inside:
                gap, _ = look(lambda: measure(["sleep", "0.1"]))
                quiet_gaps.append(gap)
    bench.keep(
        name,
        floor_gap_ms=floor_gaps,
        clew_gap_ms=clew_gaps,
        quiet_gap_ms=quiet_gaps,
        floor_pause_ms=floor_own,
        clew_pause_ms=clew_own,
    )
    lines = []
    if inside:
        lines.append(
            Line(f"{name}: pause seen inside", "ms", median(floor_gaps), median(clew_gaps)).judge(
                most=1.25
            )
        )
    lines.append(
        Line(f"{name}: pause, own figure", "ms", median(floor_own), median(clew_own)).judge(
            most=1.25
        )
    )
    if inside:
        shares = [
            median([own / gap for own, gap in zip(*pair)])
            for pair in ((floor_own, floor_gaps), (clew_own, clew_gaps))
        ]
        lines.append(
            Line(f"{name}: own figure / seen inside", "", *shares).judge(
                ratio=shares[1], least=0.9, most=1.1
            )
        )
    return lines


def walls(bench, name, arguments, threads, floor_options=()):
    """Medians of the whole processes of floor and clew, and those of gdb and lldb."""
    floor_walls, clew_walls = [], []
    with bench.target(*arguments) as target:
        bench.run_floor(target, *floor_options)
        bench.run_threads(target)
        for turn in range(bench.rounds(threads)):
            bench.say(f"{name}: wall, round {turn + 1}")
            floor_walls.append(bench.run_floor(target, *floor_options).wall_ms)
            clew_walls.append(bench.run_threads(target).wall_ms)
    bench.keep(name, floor_wall_ms=floor_walls, clew_wall_ms=clew_walls)
    others = bench.other_debuggers(name, arguments, threads)
    return Line(f"{name}: clew threads", "ms", median(floor_walls), median(clew_walls), **others)


def attach(bench):
    lines = []
    for threads in (10, 100, 1_000, MANY):
        name = f"{threads:,} threads"
        lines += pauses(bench, name, threads)
        wall = walls(bench, name, [threads], threads)
        floor, clew = wall.values["floor"], wall.values["clew"]
        most = 1.5 * floor + 15
        lines.append(wall.judge(limit=f"<= {most:.0f} ms", ok=clew <= most))
        if threads == MANY and wall.values["gdb"]:
            lines.append(
                Line(f"{name}: gdb / clew", "", clew=clew, gdb=wall.values["gdb"]).judge(
                    ratio=wall.values["gdb"] / clew, least=40
                )
            )
    return lines


def busy(bench):
    threads = 200
    arguments = ("--busy", threads)
    name = "200 busy"
    # Seen from inside the wait for a CPU, some 100 ms, would hide the stop.
    lines = pauses(bench, name, 1, ("--rt",), arguments, inside=False)
    plain = []
    with bench.target(1, *arguments) as target:
        for turn in range(bench.rounds(threads)):
            bench.say(f"{name}: floor at ordinary priority, round {turn + 1}")
            plain.append(bench.run_floor(target).json()["pause_ms"])
    bench.keep(name, floor_plain_pause_ms=plain)
    lines.append(Line(f"{name}: pause, floor without --rt", "ms", floor=median(plain)))
    wall = walls(bench, name, [1, *arguments], threads, ("--rt",))
    lines.append(wall)
    if wall.values["gdb"]:
        clew = wall.values["clew"]
        lines.append(
            Line(f"{name}: gdb / clew", "", clew=clew, gdb=wall.values["gdb"]).judge(
                ratio=wall.values["gdb"] / clew, least=10
            )
        )
    return lines


def linear(bench):
    found = {1_000: ([], []), MANY: ([], [])}
    floors = {1_000: [], MANY: []}
    with bench.target(1_000) as small, bench.target(MANY) as large:
        for turn in range(bench.rounds(MANY) + 1):
            for threads, target in ((1_000, small), (MANY, large)):
                bench.say(f"linear: {threads:,} threads, round {turn}")
                floor = bench.run_floor(target)
                run = bench.run_threads(target, "--json")
                if turn == 0:
                    continue
                floors[threads].append(floor.wall_ms)
                found[threads][0].append(run.wall_ms)
                found[threads][1].append(run.json()["pause_ms"])
    bench.keep("linear", floor_wall_ms=floors, clew_wall_and_pause_ms=found)
    times = {kind: [median(found[t][i]) for t in found] for i, kind in enumerate(("wall", "pause"))}
    floor_ratio = median(floors[MANY]) / median(floors[1_000])
    lines = []
    for kind, (small_ms, large_ms) in times.items():
        ratio = large_ms / small_ms
        floor = floor_ratio if kind == "wall" else None
        lines.append(
            Line(f"linear: {kind}, 10,000 to 1,000 threads", "", floor, ratio).judge(
                ratio=ratio, most=12
            )
        )
    return lines


def step(bench):
    lines = []
    steps = STEPS // 10 if bench.quick else STEPS
    for idle in (0, 500):
        name = "step, alone" if idle == 0 else f"step, {idle} idle threads"
        with bench.target(idle + 1, "--busy", 1) as target:
            lines += step_one(bench, name, target, steps)
        if idle == 0 and bench.gdb and not bench.quick:
            with bench.target(1, "--busy", 1) as target:
                bench.say(f"{name}: gdb")
                lines[0].values["gdb"] = gdb_step_us(bench, target, steps // 10)
    return lines


def step_one(bench, name, target, steps):
    tid = target.facts["busy"][0]

    def floor_us(*options):
        argv = [bench.floor, "step", str(target.pid), str(tid), str(steps), *options]
        return expect(argv).json()["ns_per_step"] / 1e3

    def clew_ms(count):
        select = f"thread tid {tid}"
        argv = [bench.clew, "attach", str(target.pid), "--batch", "-x", select]
        return expect([*argv, "-x", f"stepi {count}"]).wall_ms

    plain, pinned, together, clew = [], [], [], []
    for turn in range(bench.rounds(1)):
        bench.say(f"{name}: round {turn + 1}")
        plain.append(floor_us())
        pinned.append(floor_us("--pin"))
        together.append(floor_us("--idle"))
        # What the attach, the end and the process cost is in both.
        clew.append((clew_ms(steps) - clew_ms(1)) / (steps - 1) * 1e3)
    bench.keep(
        name, floor_us=plain, floor_pin_us=pinned, floor_idle_us=together, clew_us=clew, steps=steps
    )
    # The tracer on the thread's CPU is the floor; the other ways to run it are there to compare.
    return [
        Line(name, "us", median(together), median(clew)).judge(most=1.5),
        Line(f"{name}: floor, only pinned", "us", median(pinned)),
        Line(f"{name}: floor, as it comes", "us", median(plain)),
    ]


def gdb_step_us(bench, target, steps):
    tid = target.facts["busy"][0]
    switch = (
        "python [t.switch() for t in gdb.selected_inferior().threads() if t.ptid[1] == %d]" % tid
    )

    def run_ms(count):
        argv = [bench.gdb, "-p", str(target.pid), "-batch", "-nx", "-ex", switch]
        argv += ["-ex", "set scheduler-locking on", "-ex", f"stepi {count}"]
        return expect(argv, timeout=600).wall_ms

    took = (run_ms(steps) - run_ms(1)) / (steps - 1) * 1e3
    bench.keep("step, alone", gdb_us=[took])
    return took


def memory(bench):
    lines = []
    with bench.target(MANY) as target:
        for form in ("text", "--json"):
            peaks, floors = [], []
            for turn in range(3):
                bench.say(f"memory: {form}, round {turn + 1}")
                floor = [bench.floor, "freeze", str(target.pid)]
                clew = [bench.clew, "threads", str(target.pid)]
                floors.append(expect(floor, watch_peak=True).peak_kib / 1024)
                run = expect(clew if form == "text" else [*clew, form], watch_peak=True)
                peaks.append(run.peak_kib / 1024)
            bench.keep(f"memory, {form}", clew_mib=peaks, floor_mib=floors)
            lines.append(
                Line(f"memory at 10,000 threads, {form}", "MiB", median(floors), median(peaks)).judge(
                    limit="<= 40 MiB", ok=median(peaks) <= 40
                )
            )
    return lines


def stacks(bench):
    """All backtraces: `clew stacks` beside a floor that copies 4 KiB of each stack."""
    lines = []
    walls_of, pauses_of = {}, {}
    for threads in (1_000, MANY):
        name = f"stacks of {threads:,} threads"
        floor_walls, floor_pauses, clew_walls, clew_pauses, peaks = [], [], [], [], []
        with bench.target(threads) as target:
            floor = [bench.floor, "stacks", str(target.pid)]
            clew = [bench.clew, "stacks", str(target.pid), "--json"]
            expect(floor)
            expect(clew)
            for turn in range(bench.rounds(threads)):
                bench.say(f"{name}: round {turn + 1}")
                run = expect(floor)
                floor_walls.append(run.wall_ms)
                floor_pauses.append(run.json()["pause_ms"])
                run = expect(clew)
                clew_walls.append(run.wall_ms)
                clew_pauses.append(run.json()["pause_ms"])
            peaks.append(expect(clew, watch_peak=True).peak_kib / 1024)
        others = all_stacks_of_others(bench, name, threads)
        bench.keep(
            name,
            floor_wall_ms=floor_walls,
            floor_pause_ms=floor_pauses,
            clew_wall_ms=clew_walls,
            clew_pause_ms=clew_pauses,
            clew_mib=peaks,
        )
        walls_of[threads], pauses_of[threads] = median(clew_walls), median(clew_pauses)
        lines.append(
            Line(f"{name}: pause", "ms", median(floor_pauses), median(clew_pauses)).judge(most=1.5)
        )
        lines.append(
            Line(f"{name}: wall", "ms", median(floor_walls), median(clew_walls), **others).judge(
                most=5
            )
        )
        for tool, wall in others.items():
            shown = "eu-stack" if tool == "eu" else tool
            line = Line(f"{name}: {shown} / clew", "", clew=median(clew_walls), **{tool: wall})
            lines.append(line.judge(ratio=wall / median(clew_walls), least=15))
        if threads == MANY:
            lines.append(
                Line(f"{name}: memory", "MiB", clew=peaks[0]).judge(
                    limit="<= 120 MiB", ok=peaks[0] <= 120
                )
            )
    for kind, found in (("wall", walls_of), ("pause", pauses_of)):
        ratio = found[MANY] / found[1_000]
        lines.append(
            Line(f"stacks: {kind}, 10,000 to 1,000 threads", "", clew=ratio).judge(
                ratio=ratio, most=12
            )
        )
    return lines


def all_stacks_of_others(bench, name, threads):
    """By the name that Line has for the tool."""
    if bench.quick:
        return {}
    found = {}
    tools = {"gdb": [bench.gdb, "-batch", "-nx", "-ex", "thread apply all bt"], "eu": [bench.eu_stack]}
    for tool, argv in tools.items():
        if argv[0] is None:
            continue
        with bench.target(threads) as target:
            bench.say(f"{name}: {os.path.basename(argv[0])}")
            # eu-stack's status is 1 where one frame of one thread could not be told.
            run = measure([*argv, "-p", str(target.pid)], timeout=600)
            if run.text.count("TID" if tool == "eu" else "Thread ") < threads:
                raise Stuck(f"{os.path.basename(argv[0])} has not shown every thread")
            found[tool] = run.wall_ms
    return found


ALL = {
    "attach": attach,
    "busy": busy,
    "linear": linear,
    "step": step,
    "memory": memory,
    "control": control,
    "names": names,
    "containers": containers,
    "stacks": stacks,
    "goroutines": goroutines,
}
