# SPDX-License-Identifier: Apache-2.0
"""Verified installs of one image, whole processes, by us and by others; the
floor is zstd -d of the image as one frame, and sync."""
import os
import shutil
import statistics
import sys

sys.dont_write_bytecode = True
from cell import MIB, Cell, Timer  # noqa: E402
import large  # noqa: E402
from machine import Machine  # noqa: E402
from ways import (Copy, Floor, Ours, OursTls, Rauc, Swupdate,  # noqa: E402
                  SwupdateTls)

ONE_CORE = {0}
SMALL = 32 * MIB
MS = 1e-3
OTHERS = (Rauc, Swupdate)
# What we reach, as ratios of the floor to us.
AT_MOST = {"two cores": 1 / 0.75, "one core": 1 / 1.1, "cpu": 1 / 1.15,
           "resume": 1 / 0.6, "tls": 1.0}
MEMORY_MAX_MB = 16
TWO, ONE, RESUME, TLS = ("two cores", "one core", "resume: re-hash",
                         "over loopback TLS")
LITTLE = "32 MB memory cgroup"
LITTLE_TLS = f"{TLS}, {LITTLE}"


def missing():
    """Programs that are not installed."""
    return [p for p in (*[w.program for w in OTHERS], "nginx", "dbus-daemon")
            if not shutil.which(p)]


class Install:
    """All ways, each once a round, one after another."""

    def __init__(self, programs, folder, image, frame, say):
        folder = os.path.abspath(folder)
        self.say, self.got = say, {}
        self.cell = Cell()
        timer = Timer(self.cell)
        absent = missing()
        say("install: packing for us")
        self.machine = Machine(programs, os.path.join(folder, "ours"), image,
                               large.LEVEL)
        self.ours = Ours(timer, self.machine, image)
        self.ways = [
            Floor(timer, os.path.join(folder, "floor"), image, frame),
            Copy(timer, os.path.join(folder, "copy"), image, frame),
            self.ours]
        say("install: packing for the others")
        if "rauc" not in absent and "dbus-daemon" not in absent:
            self.ways.append(Rauc(timer, os.path.join(folder, "rauc"), image))
        self.tls = []
        if "swupdate" not in absent:
            other = Swupdate(timer, os.path.join(folder, "swupdate"), image,
                             frame)
            self.ways.append(other)
            if "nginx" not in absent:
                self.tls.append(SwupdateTls(other))
        self.timer = timer

    def drop(self):
        """Ends what runs."""
        self.machine.drop()
        self.cell.drop()

    def note(self, what, way, result):
        self.got.setdefault((what, way.name), []).append(result)

    def measure(self, rounds):
        """{(what, whose): [{seconds, cpu, memory} or None: failed]}"""
        chargers = self.machine.serve(2 * rounds + 1)
        self.cell.add(self.machine.server.process.pid)
        self.tls.insert(0, OursTls(self.timer, chargers,
                                    self.ours.image))
        for number in range(rounds):
            self.say(f"install: round {number + 1}, load "
                     f"{os.getloadavg()[0]:.1f}")
            for way in self.ways:
                self.note(TWO, way, way.once())
                self.note(ONE, way, way.once(cores=ONE_CORE))
            self.note(RESUME, self.ours, self.resumed())
            for way in self.tls:
                self.note(TLS, way, way.once())
            self.little()
        self.say("install: memory")
        for way in self.ways:
            self.note("memory", way, way.once(watch=True))
        self.note("memory", self.tls[0], self.tls[0].once(watch=True))
        return self.got

    def resumed(self):
        self.ours.once()
        return self.ours.resume()

    def little(self):
        """Each in little memory; some are killed."""
        if not self.cell:
            return
        self.cell.limit(SMALL)
        try:
            for way in self.ways:
                self.note(LITTLE, way, way.once())
            self.note(LITTLE_TLS, self.tls[0], self.tls[0].once())
        finally:
            self.cell.limit(None)


def median(results, key):
    """None: it failed once, or was not tried."""
    if not results or None in results:
        return None
    return statistics.median(one[key] for one in results)


def rows(got):
    """(name, unit, ours, peer, theirs, reach as a ratio or a bound)"""
    def beside(name, unit, what, key, scale, reaches, ours=Ours.name):
        value = median(got.get((what, ours)), key)
        for (at, peer), results in got.items():
            if at != what or peer == ours or value is None:
                continue
            theirs = median(results, key)
            label = peer if theirs else peer + ": killed"
            reach = reaches.get(peer, 1.0)
            yield (name, unit, value / scale, label,
                   theirs / scale if theirs else None,
                   reach if theirs else None)

    floor, copy, image = Floor.name, Copy.name, large.SIZE / 1e9
    yield from beside("verified, " + TWO, "ms", TWO, "seconds", MS,
                      {floor: AT_MOST[TWO], copy: None})
    yield from beside("verified, pinned to " + ONE, "ms", ONE, "seconds",
                      MS, {floor: AT_MOST[ONE], copy: None})
    yield from beside("processor time per GB of image", "s", TWO, "cpu",
                      image, {floor: AT_MOST["cpu"], copy: None})
    yield from beside("in a " + LITTLE, "ms", LITTLE, "seconds", MS,
                      {floor: None, copy: None})
    yield from resume_rows(got)
    yield from tls_rows(got)
    yield from memory_rows(got)


def resume_rows(got):
    """The others begin anew."""
    value = median(got.get((RESUME, Ours.name)), "seconds")
    for peer, reach in ((Floor.name, AT_MOST["resume"]), (Rauc.name, 1.0),
                        (Swupdate.name, 1.0)):
        theirs = median(got.get((TWO, peer)), "seconds")
        if theirs:
            yield (RESUME + " of the slot", "ms", value / MS, peer,
                   theirs / MS, reach)


def tls_rows(got):
    for name, what, peer, reach in (
            (TLS, TWO, Floor.name, AT_MOST["tls"]),
            (TLS, TLS, SwupdateTls.name, 1.0),
            (LITTLE_TLS, LITTLE, Floor.name, None)):
        value = median(got.get((name, OursTls.name)), "seconds")
        theirs = median(got.get((what, peer)), "seconds")
        if value and theirs:
            yield (name, "ms", value / MS, peer, theirs / MS, reach)


def memory_rows(got):
    """PSS of each process at the peak of their sum."""
    def peak(name):
        one = (got.get(("memory", name)) or [None])[0]
        return one["memory"] if one else {}

    for whose, what in ((Ours.name, "file"), (OursTls.name, "TLS")):
        parts = peak(whose)
        for process, size in sorted(parts.items()):
            yield (f"memory (PSS), {what}: {process}", "MB", size / 1e6, None,
                   None, None)
        yield (f"memory (PSS), {what}: all processes", "MB",
               sum(parts.values()) / 1e6, None, None, MEMORY_MAX_MB)
    ours = sum(peak(OursTls.name).values()) / 1e6
    for name, reach in ((Floor.name, None), (Rauc.name, 1.0),
                        (Swupdate.name, 1.0)):
        theirs = sum(peak(name).values()) / 1e6
        if theirs:
            yield ("memory (PSS), TLS: all processes", "MB", ours, name,
                   theirs, reach)
