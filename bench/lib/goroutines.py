"""Goroutines: `clew goroutines` and `clew stacks` on Go programs with many parked ones, beside a floor
that only copies the memory in question, and dlv."""

import os
import shutil
import subprocess
import tempfile

from processes import Stuck, Target, expect, measure
from report import Line, median

COUNTS = (1_000, 100_000, 1_000_000)
STACKS = 100_000
# Of each stack: what is copied to come to the user's code, and what holds all of a small one.
TOP_BYTES, WHOLE_BYTES = 512, 4096
# dlv takes minutes beyond.
MOST_FOR_DLV = 100_000


def variables(program):
    """Where the runtime keeps its list of goroutines, as the floor wants it."""
    names = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
    address = {line.split()[-1]: int(line.split()[0], 16) for line in names.splitlines() if line[0] != " "}
    return [str(address[f"runtime.{name}"]) for name in ("allgptr", "allglen")]


def run_dlv(bench, target, command):
    """Its wall in ms and peak in MiB; it lets the program go at its end."""
    with tempfile.NamedTemporaryFile("w", suffix=".init") as script:
        script.write(f"{command}\nexit\n")
        script.flush()
        argv = [bench.dlv, "attach", str(target.pid), "--init", script.name]
        argv.append("--allow-non-terminal-interactive=true")
        # With nobody to say whether the program is to be killed, it says so with its status.
        run = measure(argv, timeout=900, watch_peak=True)
    if "goroutines]" not in run.text:
        raise Stuck(f"dlv has shown no goroutines: {run.text[-200:]!r}")
    return run.wall_ms, run.peak_kib / 1024


def with_dlv(bench, name, program, count, command):
    if bench.dlv is None or bench.quick or count > MOST_FOR_DLV:
        return None
    try:
        with Target(program, [count]) as target:
            bench.say(f"{name}: dlv")
            wall, peak = run_dlv(bench, target, command)
    except Stuck as error:
        bench.say(f"{name}: {error}")
        return None
    bench.keep(name, dlv_wall_ms=wall, dlv_mib=peak)
    return wall


class Measured:
    """What the rounds of one benchmark have given."""

    def __init__(self):
        self.values = {}

    def add(self, **values):
        for key, value in values.items():
            self.values.setdefault(key, []).append(value)

    def median(self, key):
        return median(self.values[key])


def wall_without_cache(clew):
    """As the first look at a program is: nothing is kept of the layout of its runtime's structures."""
    folder = tempfile.mkdtemp(prefix="clew-cache-")
    try:
        return expect(clew, timeout=600, env={"XDG_CACHE_HOME": folder}).wall_ms
    finally:
        shutil.rmtree(folder)


def rounds(bench, name, target, clew, floor, count):
    found = Measured()
    for turn in range(bench.rounds(count) + 1):
        bench.say(f"{name}: round {turn}")
        floor_gap, run = target.gap_during(lambda: expect(floor))
        floor_pause, floor_wall = run.json()["pause_ms"], run.wall_ms
        # What is judged is what a person sees; the figures are in the other form.
        clew_wall = expect(clew, timeout=600).wall_ms
        cold_wall = wall_without_cache(clew) if count == COUNTS[0] and clew[1] == "goroutines" else None
        clew_gap, run = target.gap_during(lambda: expect([*clew, "--json"], timeout=600))
        if turn == 0:
            continue
        if cold_wall is not None:
            found.add(cold_wall=cold_wall)
        found.add(floor_gap=floor_gap, floor_pause=floor_pause, floor_wall=floor_wall)
        found.add(clew_gap=clew_gap, clew_pause=run.json()["pause_ms"], clew_wall=clew_wall)
    bench.keep(name, **found.values)
    return found


def pause_lines(name, found, most):
    lines = []
    for what, key in (("pause seen inside", "gap"), ("pause, own figure", "pause")):
        line = Line(f"{name}: {what}", "ms", found.median(f"floor_{key}"), found.median(f"clew_{key}"))
        lines.append(line.judge(most=most) if most else line)
    return lines


def dlv_line(name, dlv, clew, least):
    line = Line(f"{name}: dlv / clew", "", clew=clew, dlv=dlv)
    return line.judge(ratio=dlv / clew, least=least)


def list_of(bench, program, count):
    name = f"{count:,} goroutines"
    with Target(program, [count, "-clock"]) as target:
        floor = [bench.floor, "goroutines", str(target.pid), *variables(program), str(TOP_BYTES)]
        clew = [bench.clew, "goroutines", str(target.pid)]
        found = rounds(bench, name, target, clew, floor, count)
        peak = expect(clew, timeout=600, watch_peak=True).peak_kib / 1024
    bench.keep(name, clew_mib=peak)
    dlv = with_dlv(bench, name, program, count, "goroutines")
    clew_ms = found.median("clew_wall")
    wall = Line(f"{name}: clew goroutines", "ms", found.median("floor_wall"), clew_ms, dlv=dlv)
    if count == COUNTS[0]:
        # The start of a process and the reading of its files is nearly all of it.
        wall.judge(limit="<= 30 ms", ok=clew_ms <= 30)
    else:
        wall.judge(most=3)
    lines = [*pause_lines(name, found, 1.3), wall]
    if dlv:
        lines.append(dlv_line(name, dlv, clew_ms, 20))
    if count == COUNTS[0]:
        cold_ms = found.median("cold_wall")
        cold = Line(f"{name}: clew goroutines, no cache", "ms", clew=cold_ms, dlv=dlv)
        lines.append(cold.judge(limit="<= 30 ms", ok=cold_ms <= 30))
        if dlv:
            lines.append(dlv_line(f"{name}, no cache", dlv, cold_ms, 20))
    memory = Line(f"{name}: memory", "MiB", clew=peak)
    lines.append(memory.judge(limit="<= 500 MiB", ok=peak <= 500) if count == COUNTS[-1] else memory)
    return lines, clew_ms


def stacks_of(bench, program):
    name = f"stacks of {STACKS:,} goroutines"
    with Target(program, [STACKS, "-clock"]) as target:
        floor = [bench.floor, "goroutines", str(target.pid), *variables(program), str(WHOLE_BYTES)]
        clew = [bench.clew, "stacks", str(target.pid)]
        found = rounds(bench, name, target, clew, floor, STACKS)
        peak = expect(clew, timeout=600, watch_peak=True).peak_kib / 1024
    bench.keep(name, clew_mib=peak)
    dlv = with_dlv(bench, name, program, STACKS, "goroutines -t 50")
    clew_ms = found.median("clew_wall")
    wall = Line(f"{name}: clew stacks", "ms", found.median("floor_wall"), clew_ms, dlv=dlv)
    lines = [*pause_lines(name, found, None), wall.judge(most=4)]
    if dlv:
        lines.append(dlv_line(name, dlv, clew_ms, 30))
    lines.append(Line(f"{name}: memory", "MiB", clew=peak))
    return lines


def goroutines(bench):
    program = os.path.join(bench.build, "fixtures", "go", "many")
    if not os.access(program, os.X_OK):
        bench.say("goroutines: no Go was there to build fixtures/go/many")
        return []
    lines, clew_walls = [], {}
    for count in COUNTS:
        found, clew_walls[count] = list_of(bench, program, count)
        lines += found
    few, many = COUNTS[-2:]
    ratio = clew_walls[many] / clew_walls[few]
    line = Line(f"goroutines: wall, {many:,} to {few:,}", "", clew=ratio)
    lines.append(line.judge(ratio=ratio, most=12))
    return lines + stacks_of(bench, program)
