#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What making deltas may take of the server's machine: processor time and
disk (delta_memory_test.py has the memory).  A pair that takes more is dropped with its reason, once; what was
dropped or cut off is gone on with by the next start.
S0.31"""
import contextlib
import os
import random
import re
import signal
import sys
import time

import harness
from chargers import Image
from harness import World


class Bounded:
    """A server of its own, whose releases have the images given."""

    def __init__(self, program, folder, chargers, **settings):
        self.world = World(program, folder, artifact_max_mb=32, idle_s=5,
                           delta_s=1, **settings)
        self.world.add_people()
        self.world.start()
        self.chargers = self.world.fleet(*range(1, chargers + 1))
        self.images = {}

    def publish(self, tap, datas):
        """{release_seq: bytes of its gateway image}"""
        room = self.world.room
        plain = room.image

        def image(component, seq):
            self.images[seq] = Image(datas[seq], plain(component, seq).salt)
            return self.images[seq]

        room.image = image
        for seq in datas:
            room.release(f"7.{seq}.0", seq, components=("gateway",))
        room.image = plain
        self.world.upload()
        tap.equal(self.world.publish(room.files()).code, 200,
                  "releases are published")

    def runs(self, seq, *chargers):
        """Chargers report that they run it."""
        for c in chargers:
            c.install(f"7.{seq}.0", seq)
            ecus = c.body()["ecus"]
            for e in ecus:
                if e["path"].startswith("gateway/"):
                    e["sha256"] = self.world.room.targets[e["path"]][
                        "hashes"]["sha256"]
            assert c.report(ecus=ecus).code == 200

    def name(self, old, new):
        """What the delta between two is called."""
        return (f"{self.images[old].root.hex()}-"
                f"{self.images[new].root.hex()}")

    def made(self):
        """What lies in the folder of deltas."""
        return sorted(os.listdir(self.world.path("data", "deltas")))

    def said(self, name, what):
        """How often the log says this of a delta."""
        with open(self.world.log, encoding="utf-8") as log:
            return sum(name[:24] in line and what in line for line in log)

    def waits_for(self, what, seconds=120):
        """Whether it comes true in time."""
        return self.world.wait(what, seconds)

    def again(self, **settings):
        """Stops it in good order, and starts it with other bounds."""
        code = self.world.stop()
        self.world.settings.update(settings)
        self.world.configure(self.world.conf)
        self.world.start()
        return code

    def makers(self):
        """The processes that are at a delta of this server."""
        data = os.fsencode(self.world.path("data"))
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
                if words[0].endswith(b"voltseal-delta") and data in words:
                    yield int(pid)

    def bounded(self):
        """Those of them that are bound to their server, and to a time: before
        that they have only begun."""
        for pid in self.makers():
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/limits", encoding="ascii") as f:
                    if re.search(r"^Max cpu time +\d", f.read(), re.M):
                        yield pid

    def retire(self, *seqs):
        """Nobody goes to these any more."""
        for seq in seqs:
            answer = self.world.people["otto"].post(
                f"/v1/releases/7.{seq}.0/retire", {"note": "older"})
            assert answer.code == 200, answer


def shuffled(data, seed):
    """Its pieces in another order, which is much work for a maker."""
    pieces = [data[at:at + 700] for at in range(0, len(data), 700)]
    random.Random(seed).shuffle(pieces)
    return b"".join(pieces)


def dropped_once(tap, one, name, what):
    """With its reason, and not again in this run."""
    tap.check(one.waits_for(lambda: one.said(name, what)),
              f"it is dropped: {what}", one.world.said())
    time.sleep(3)
    tap.equal((one.said(name, what), one.made()), (1, []),
              "once, and nothing is left of it")


def processor(tap, program, folder):
    """One too much work is dropped, and one that is cut off is begun anew"""
    one = Bounded(program, folder, 1, delta_cpu_s=1)
    try:
        noise = os.urandom(24 << 20)
        one.publish(tap, {60: noise, 61: shuffled(noise, 2)})
        one.runs(60, *one.chargers)
        name = one.name(60, 61)
        dropped_once(tap, one, name,
                     "takes more processor time than it may (delta_cpu_s)")
        tap.equal(one.again(delta_cpu_s=1800), 0, "it stops in good order")
        tap.check(one.waits_for(lambda: list(one.bounded())),
                  "the next start is at it")
        before = set(one.bounded())
        for pid in before:  # it must not come to its end by itself
            os.kill(int(pid), signal.SIGSTOP)
        one.world.power_cut()
        tap.check(one.waits_for(lambda: set(one.makers()) - before),
                  "after a power cut another one is at it")
        tap.check(one.waits_for(lambda: not before & set(one.makers()), 10),
                  "and the first went with its server")
        for pid in before & set(one.makers()):
            os.kill(int(pid), signal.SIGKILL)
        tap.check(one.waits_for(lambda: one.made() == [name], 240),
                  "which is made, and nothing else is left", one.made())
    finally:
        one.world.stop()


def disk(tap, program, folder):
    """Where the disk is used up, the delta for the fewest goes"""
    one = Bounded(program, folder, 6, delta_disk_mb=3)
    try:
        # in each release the first 550,000 bytes are others
        rest = os.urandom(700_000)
        one.publish(tap, {seq: os.urandom(550_000) + rest
                          for seq in (60, 61, 62, 63)})
        one.retire(60, 61, 62)
        first, second, third = (one.name(n, 63) for n in (60, 61, 62))
        one.runs(60, one.chargers[0])
        one.runs(61, *one.chargers[1:3])
        tap.check(one.waits_for(lambda: {first, second} <= set(one.made())),
                  "there is room for two", one.world.said())
        used = sum(os.path.getsize(one.world.path("data", "deltas", n))
                   for n in one.made())
        tap.check(used > 1 << 20, "of a megabyte and more", used)
        one.runs(62, one.chargers[3])
        tap.check(one.waits_for(lambda: one.said(third, "no room for it")),
                  "one charger more is no reason", one.world.said())
        one.runs(62, *one.chargers[4:])
        tap.check(one.waits_for(lambda: third in one.made()),
                  "one that three would fetch is made", one.world.said())
        tap.equal((first in one.made(), second in one.made()), (False, True),
                  "the one for one charger goes, that for two stays")
        tap.check(one.waits_for(lambda: one.said(first, "no room for it")),
                  "for which there is no room now", one.world.said())
        time.sleep(2)
        tap.equal((one.said(first, "no room for it"), set(one.made())),
                  (1, {second, third}), "and it pushes nothing out")
    finally:
        one.world.stop()


def run(tap, program, folder):
    """Each bound over a server of its own."""
    for section in (processor, disk):
        place = os.path.join(folder, section.__name__)
        os.makedirs(place)
        tap.section(section, program, place)


if __name__ == "__main__":
    sys.exit(harness.main(run))
