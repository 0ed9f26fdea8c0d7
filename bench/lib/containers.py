"""The benchmark of containers: a std::map of 100,000 elements printed whole, from the start of the
debugger to its end."""

import os
import shutil
import subprocess

from processes import Stuck, Target, expect
from report import Line, median

COUNT = 100_000
# Attach, detach and loading are not what is meant: the same without the map.
NOTHING = "print 1"

SOURCE = """\
// Made by bench/run. Ready when it waits for its input, whose end is its own.
#include <unistd.h>

#include <cstdio>
#include <map>
#include <string>

std::map<int, int> numbers;
std::map<std::string, std::string> texts;

int main(int, char** argv) {
  const int count = std::stoi(argv[1]);
  for (int i = 0; i < count; ++i) {
    // In no order, as nodes of a program that has run for long lie in memory.
    const int key = static_cast<int>(i * 7919L % 1000003);
    numbers[key] = i;
    texts["key number " + std::to_string(key)] = std::to_string(i);
  }
  std::printf("{\\"pid\\":%d,\\"ready\\":true}\\n", static_cast<int>(getpid()));
  std::fflush(stdout);
  char byte = 0;
  while (read(0, &byte, 1) > 0) {
  }
  _exit(0);
}
"""
FLAGS = ["-std=c++17", "-O0", "-g"]


def build(folder):
    """Makes the program unless it is there. @return its path."""
    source = os.path.join(folder, "containers.cpp")
    program = os.path.join(folder, "containers")
    try:
        with open(source, encoding="utf-8") as known:
            if known.read() == SOURCE and os.access(program, os.X_OK):
                return program
    except FileNotFoundError:
        pass
    compiler = os.environ.get("CXX") or shutil.which("g++") or "c++"
    os.makedirs(folder, exist_ok=True)
    with open(source, "w", encoding="utf-8") as out:
        out.write(SOURCE)
    subprocess.run([compiler, *FLAGS, source, "-o", program], check=True)
    return program


def clew_argv(bench, pid, command):
    limits = ["-x", "set print elements unlimited", "-x", "frame 1"]
    return [bench.clew, "attach", str(pid), "--batch", *limits, "-x", command]


def gdb_argv(bench, pid, command):
    limits = ["-ex", "set print elements 0", "-ex", "set width 0", "-ex", "set language c++"]
    return [bench.gdb, "-p", str(pid), "-batch", "-nx", *limits, "-ex", command]


def containers(bench):
    program = build(os.path.join(bench.build, "bench", "containers"))
    lines = []
    with Target(program, [COUNT]) as target:
        for variable in ("numbers", "texts"):
            walls = {"clew": [], "gdb": []}
            # gdb takes some ten seconds: once is enough to tell.
            rounds = {"clew": bench.rounds(1), "gdb": 1 if bench.gdb and not bench.quick else 0}
            for tool, argv in (("clew", clew_argv), ("gdb", gdb_argv)):
                for turn in range(rounds[tool]):
                    bench.say(f"containers: {variable} by {tool}, round {turn}")
                    base = expect(argv(bench, target.pid, NOTHING), timeout=600).wall_ms
                    run = expect(argv(bench, target.pid, f"print {variable}"), timeout=600)
                    if run.text.count("] = ") < COUNT:
                        raise Stuck(f"{tool} does not show all of {variable}")
                    walls[tool].append(run.wall_ms - base)
            bench.keep(f"containers: {variable}", **{f"{t}_ms": w for t, w in walls.items()})
            name = f"std::map of {COUNT:,} {variable}"
            clew, gdb = median(walls["clew"]), median(walls["gdb"])
            line = Line(f"{name}: printed whole", "ms", clew=clew, gdb=gdb)
            lines.append(line.judge(limit="<= 1,000 ms", ok=clew <= 1000))
            if gdb:
                line = Line(f"{name}: gdb / clew", "", clew=clew, gdb=gdb)
                lines.append(line.judge(ratio=gdb / clew, least=1))
    return lines
