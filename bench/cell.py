# SPDX-License-Identifier: Apache-2.0
"""Timing whole processes, their children included.

What is timed runs in a control group of its own with a large share of the
processor, so that the rest of a shared machine weighs less."""
import contextlib
import mmap
import os
import subprocess
import threading
import time

MIB = 1 << 20
SAMPLE_S = 0.01
GROUPS = "/sys/fs/cgroup"
GROUP = "voltseal-bench"


def put(path, text):
    """Writes a small file."""
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


class Cell:
    """The control group, where this machine and user have one: version 1 or
    2.  Without it all is timed as it comes, and nothing in little memory."""

    def __init__(self):
        two = os.path.exists(os.path.join(GROUPS, "cgroup.controllers"))
        kinds = [""] if two else ["cpu", "memory"]
        self.limit_file = "memory.max" if two else "memory.limit_in_bytes"
        share = ("cpu.weight", 10000) if two else ("cpu.shares", 200000)
        self.folders = [os.path.join(GROUPS, k, GROUP) for k in kinds]
        try:
            for folder in self.folders:
                os.makedirs(folder, exist_ok=True)
            put(os.path.join(self.folders[0], share[0]), str(share[1]))
            self.limit(None)
        except OSError:
            self.folders = []

    def __bool__(self):
        return bool(self.folders)

    def limit(self, memory):
        """At most so many bytes, page cache and all; None: no limit."""
        path = os.path.join(self.folders[-1], self.limit_file)
        two = self.limit_file == "memory.max"
        put(path, str(memory or ("max" if two else -1)))

    def enter(self, cores):
        """What a child does first."""
        def first():
            for folder in self.folders:
                put(os.path.join(folder, "cgroup.procs"), "0")
            if cores:
                os.sched_setaffinity(0, cores)
        return first

    def add(self, pid):
        """A process that runs already and serves what is timed: it shares
        the processor, and no limit of memory."""
        for folder in self.folders[:-1]:
            put(os.path.join(folder, "cgroup.procs"), str(pid))

    def drop(self):
        for folder in self.folders:
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def tree(pid):
    """A process and all below it."""
    yield pid
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            path = f"/proc/{pid}/task/{task}/children"
            with open(path, encoding="ascii") as f:
                for child in f.read().split():
                    yield from tree(int(child))


def ticks(pid):
    """Processor seconds of a process, of its ended threads and children."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def pss(pid):
    """(its name, bytes of memory: its own, and its part of what is shared)"""
    with open(f"/proc/{pid}/comm", encoding="ascii") as f:
        name = f.read().strip()
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        for line in f:
            if line.startswith("Pss:"):
                return name, int(line.split()[1]) * 1024
    return name, 0


class Watch(threading.Thread):
    """The memory of processes at the moment when their sum is highest."""

    def __init__(self, *pids):
        super().__init__()
        self.pids, self.over, self.peak = pids, threading.Event(), {}

    def run(self):
        while not self.over.wait(SAMPLE_S):
            now = {}
            for top in self.pids:
                for pid in tree(top):
                    with contextlib.suppress(OSError):
                        name, size = pss(pid)
                        now[name] = now.get(name, 0) + size
            if sum(now.values()) > sum(self.peak.values()):
                self.peak = now

    def stop(self):
        """{name: bytes}"""
        self.over.set()
        self.join()
        return self.peak


def settle():
    """Nothing is still being written; free pages are the machine's own, which
    a virtual one may have to ask for."""
    os.sync()
    with mmap.mmap(-1, 700 * MIB) as pages:
        for at in range(0, len(pages), mmap.PAGESIZE):
            pages[at] = 1


class Timer:
    """Runs commands one after another in the cell."""

    def __init__(self, cell):
        self.cell = cell

    def run(self, *commands, cores=None, service=None, env=None, watch=False):
        """{seconds, cpu, memory}; None: one of them failed or was killed.
        service: a process that does the work for it."""
        settle()
        served = ticks(service) if service else 0
        used, memory = 0, None
        start = time.monotonic()
        for argv in commands:
            child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, env=env,
                preexec_fn=self.cell.enter(cores))
            if watch and memory is None:
                watcher = Watch(child.pid, *([service] if service else []))
                watcher.start()
            _, status, usage = os.wait4(child.pid, 0)
            if watch and memory is None:
                memory = watcher.stop()
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode:
                return None
            used += usage.ru_utime + usage.ru_stime
        took = time.monotonic() - start
        if service:
            used += ticks(service) - served
        return {"seconds": took, "cpu": used, "memory": memory}
