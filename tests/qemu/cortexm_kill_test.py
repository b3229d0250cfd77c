#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the controller while it is updated and while its slots are swapped.

Its flash is a file, so a kill leaves what a power cut leaves: sectors half
erased, grains half programmed.  After each kill it must start a whole image,
which this test finds in the flash by itself, and the update must go on.

usage: cortexm_kill_test.py PROGRAMS FORGE [KILLS [SEED]]
"""
import mmap
import os
import random
import struct
import sys
import time
import unittest

import cortexm_bench as bench
import cortexm_client as client
import cortexm_machine as machine
from cortexm_machine import EMPTY, GOOD, SLOT_A, SLOT_B

PROGRAMS, FORGE = sys.argv[1:3]
KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 60
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 32)
HW = "ctl-rev2"
# Three images, each with its own bytes in every sector, so that no two sectors
# can be mistaken for one another.
VERSIONS = ("1.0.0", "1.1.0", "1.2.0")
IMAGE_LEN = 40960
JOURNAL = 4


def journal(flash):
    """(swapped, pending, steps) of the newest entry: boot-record.md
    section 6."""
    newest = max(((serial, word) for serial, word, inverse, _
                  in struct.iter_unpack("<IIII", flash)
                  if word ^ inverse == 0xffffffff), default=(0, 0))
    word = newest[1]
    return bool(word >> 31), bool(word >> 30 & 1), word & ((1 << 30) - 1)


class Killer:
    """One charger's life: updates to and fro, killed at random."""

    def __init__(self, the_bench, variant, dice):
        self.bench = the_bench
        self.variant = variant
        self.dice = dice
        self.kills = self.updates = self.in_swap = 0
        machine.flash(the_bench.file,
                      machine.record(5, 0, [(GOOD, 0, 0), (EMPTY, 0, 0)]),
                      machine.floors({0: 1}), the_bench.slots[VERSIONS[0]])

    def holds_whole(self, said):
        """The slot that runs lies in the flash, every byte."""
        slot = said["runs"]
        if self.variant == "swap":
            swapped, pending, _ = journal(self.bench.flash_part(JOURNAL, 8192))
            assert not pending, "an image runs while a swap is pending"
            assert swapped == (slot == 1), "runs where it does not lie"
            first = SLOT_A
        else:
            first = SLOT_B if slot == 1 else SLOT_A
        want = self.bench.slots[said["version"]]
        assert self.bench.area(first) == want, "what runs is not whole"

    def boot(self, m):
        """Waits for an image; what it says."""
        m.wait_for("controller: version")
        m.wait_for("\0")
        line = m.client()
        said = line.status()
        self.holds_whole(said)
        return line, said

    def advance(self, m):
        """Goes on with what there is to do until the time is over."""
        line, said = self.boot(m)
        while True:
            state = said["slots"][said["runs"]]["state"]
            if state == "trial":
                line.ask(client.CONFIRM)
                self.updates += 1
            else:
                others = [v for v in VERSIONS if v != said["version"]]
                other = self.dice.choice(others)
                line.update(self.bench.slots[other], tries=7)
            line.ask(client.RESTART)
            m.watch_swap()
            line, said = self.boot(m)

    def note(self):
        self.kills += 1
        if journal(self.bench.flash_part(JOURNAL, 8192))[1]:
            self.in_swap += 1

    def live(self, kills):
        while self.kills < kills:
            with self.bench.start(self.variant) as m:
                try:
                    self.advance(Limited(m, self))
                except client.LineLost:
                    pass
            self.note()
        with self.bench.start(self.variant) as m:
            self.boot(m)


class Limited:
    """A machine whose power goes at a random time: so many bytes after the
    update began, or in a swap, which the journal in the flash betrays."""

    def __init__(self, m, killer):
        self.m = m
        self.dice = killer.dice
        self.bytes = None
        self.in_swap = None
        if killer.variant == "swap" and self.dice.random() < 0.7:
            # how many of the steps, three for a sector, are done
            self.in_swap = self.dice.randrange(3 * IMAGE_LEN //
                                               machine.SECTOR)
            self.file = killer.bench.file
        else:
            self.bytes = self.dice.randrange(60000)

    def watch_swap(self):
        """To be called when a restart was asked for."""
        if self.in_swap is None:
            return
        with open(self.file, "rb") as f, mmap.mmap(
                f.fileno(), 0, prot=mmap.PROT_READ) as flash:
            end = time.monotonic() + 20
            before = b""
            while time.monotonic() < end:
                at = JOURNAL * machine.SECTOR
                raw = flash[at:at + 8192]
                if raw == before:
                    self.m.receive(0)
                    if b"in slot" in self.m.said:
                        return  # nothing to swap, or it was too fast
                    continue
                before = raw
                _, pending, step = journal(raw)
                if pending and step >= self.in_swap:
                    self.power_off()

    def power_off(self):
        self.m.cut()
        raise client.LineLost("power cut")

    def send(self, data):
        if self.bytes is None:
            self.m.send(data)
            return
        part = data[:self.bytes]
        self.m.send(part)
        self.bytes -= len(part)
        if self.bytes <= 0:
            time.sleep(self.dice.random() * 0.01)
            self.power_off()

    def receive(self, seconds):
        return self.m.receive(seconds)

    def wait_for(self, text):
        return self.m.wait_for(text)

    def client(self):
        return client.Client(self)


class Kills(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = bench.Bench(PROGRAMS, FORGE)
        with open(os.path.join(PROGRAMS, "controller.bin"), "rb") as f:
            program = f.read()
        dice = random.Random(SEED)
        slots = {}
        for seq, version in enumerate(VERSIONS, 1):
            path = os.path.join(cls.bench.dir, version + ".bin")
            with open(path, "wb") as f:
                f.write(program + dice.randbytes(IMAGE_LEN - len(program)))
            slots[version] = (path, version, seq, 1, HW, "1l")
        cls.bench.make(1, slots)

    @classmethod
    def tearDownClass(cls):
        cls.bench.drop()

    def live(self, variant, kills):
        killer = Killer(self.bench, variant, random.Random(SEED))
        killer.live(kills)
        print(f"# {variant}: seed {SEED}, {killer.kills} kills, "
              f"{killer.in_swap} of them in a swap, "
              f"{killer.updates} updates confirmed")
        if kills >= 20:
            self.assertGreater(killer.updates, 0)
        return killer

    def test_kills_during_swaps_leave_a_whole_image(self):
        killer = self.live("swap", KILLS * 2 // 3)
        self.assertGreater(killer.in_swap, 0)

    def test_kills_during_updates_leave_a_whole_image(self):
        self.live("direct", KILLS - KILLS * 2 // 3)


if __name__ == "__main__":
    sys.exit(bench.run(Kills, PROGRAMS))
