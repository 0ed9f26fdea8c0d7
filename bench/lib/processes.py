"""Starting, measuring and ending processes. Everything that is started is ended by its pid."""

import json
import os
import select
import signal
import subprocess
import time

_started = {}  # pid -> kind, of every process that has not been waited for


class Stuck(Exception):
    """A measured program did not end in time, or failed."""


class Run:
    """One finished run of a program: wall time in ms, peak memory in KiB, its output."""

    def __init__(self, wall_ms, peak_kib, status, text):
        self.wall_ms = wall_ms
        self.peak_kib = peak_kib  # resident, or None when it was not watched
        self.status = status
        self.text = text

    def json(self):
        return json.loads(self.text)


def measure(argv, timeout=300.0, stderr=None, watch_peak=False, env=None):
    """Runs a program as a shell would, with its output in memory, from start to end.

    posix_spawn and wait4 are used for every contender, so that each pays the same for its start.
    watch_peak also finds its peak memory. (The kernel counts in ru_maxrss what the starting process
    had as well: Python's own 25 MiB would be the least that wait4 could ever tell.)
    """
    out = os.memfd_create("output")
    null = os.open(os.devnull, os.O_RDWR)
    env = dict(os.environ, DEBUGINFOD_URLS="", LC_ALL="C.UTF-8", **(env or {}))
    actions = [
        (os.POSIX_SPAWN_DUP2, null, 0),
        (os.POSIX_SPAWN_DUP2, out, 1),
        (os.POSIX_SPAWN_DUP2, out if stderr == "output" else null, 2),
    ]
    try:
        began = time.monotonic_ns()
        pid = os.posix_spawnp(argv[0], argv, env, file_actions=actions)
        _started[pid] = "tool"
        with_pidfd = os.pidfd_open(pid)
        try:
            waiter = select.poll()
            waiter.register(with_pidfd, select.POLLIN)
            peak = _peak_while(pid, waiter, timeout) if watch_peak else None
            if not waiter.poll(timeout * 1000):
                _end(pid)
                raise Stuck(f"{os.path.basename(argv[0])} did not end in {timeout:.0f} s")
        finally:
            os.close(with_pidfd)
        _, status, usage = os.wait4(pid, 0)
        if watch_peak and usage.ru_maxrss > _peak("self"):
            peak = usage.ru_maxrss
        wall = time.monotonic_ns() - began
        del _started[pid]
        size = os.fstat(out).st_size
        text = os.pread(out, size, 0).decode("utf-8", "replace")
    finally:
        os.close(out)
        os.close(null)
    return Run(wall / 1e6, peak, os.waitstatus_to_exitcode(status), text)


def _peak(pid):
    """VmHWM of a process in KiB; 0 once its memory is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def _peak_while(pid, ended, timeout):
    """The peak of a process, looked at each ms until it ends."""
    peak = 0
    last = time.monotonic() + timeout
    while not ended.poll(1) and time.monotonic() < last:
        peak = max(peak, _peak(pid))
    return peak


def expect(argv, **options):
    """Like measure(), but a status other than 0 is a failure of the benchmark."""
    run = measure(argv, **options)
    if run.status != 0:
        raise Stuck(f"{' '.join(map(os.path.basename, argv[:2]))}: status {run.status}")
    return run


class Target:
    """The program that is looked at: a `sleepers` process, or another that `answers` as that does.
    Of one that does not, nothing is known but its pid."""

    def __init__(self, program, arguments, answers=True):
        self.process = subprocess.Popen(
            [program, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.pid = self.process.pid
        _started[self.pid] = "target"
        try:
            self.facts = self._answer() if answers else self._settle()
        except BaseException:
            self.close()
            raise

    def _settle(self):
        """Waits until every thread sleeps: the program has loaded and waits for its input."""
        last = time.monotonic() + 60
        while time.monotonic() < last:
            states = set()
            for tid in os.listdir(f"/proc/{self.pid}/task"):
                with open(f"/proc/{self.pid}/task/{tid}/stat", encoding="utf-8") as stat:
                    states.add(stat.read().rpartition(")")[2].split()[0])
            if states == {"S"}:
                return {}
            time.sleep(0.05)
        raise Stuck("the program does not come to rest")

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Stuck("the target has ended")
        return json.loads(line)

    def ask(self, command):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        return self._answer()

    def gap_during(self, action):
        """The longest gap in ms that the target's clock thread saw during `action`, and its result."""
        self.ask("reset")
        result = action()
        return self.ask("gap")["gap_ns"] / 1e6, result

    def close(self):
        if self.pid not in _started:
            return
        # Also a target that another debugger left stopped.
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        del _started[self.pid]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


def _end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass
    _started.pop(pid, None)


def end_all():
    """Ends whatever is left: debuggers first, so that none of them holds a target."""
    for kind in ("tool", "target"):
        for pid in [p for p, k in _started.items() if k == kind]:
            _end(pid)
