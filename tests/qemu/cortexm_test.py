#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The controller's loader and image on QEMU's mps2-an385: what starts, what is
refused, how an update over the serial line ends.

usage: cortexm_test.py PROGRAMS FORGE
"""
import os
import struct
import sys
import unittest
import zlib

import cortexm_bench as bench
import cortexm_client as client
import cortexm_machine as machine
from cortexm_bench import REASON, VARIANTS
from cortexm_machine import BAD, EMPTY, GOOD, SLOT_A, SLOT_B, TRIAL

PROGRAMS, FORGE = sys.argv[1:3]
HW = "ctl-rev2"
SLOTS = {
    "old": ("controller.bin", "1.0.0", 1, 1, HW, "2l"),
    "new": ("controller.bin", "1.1.0", 2, 2, HW, "2l"),
    "hang": ("hang.bin", "1.2.0", 3, 1, HW, "2l"),
    "other": ("controller.bin", "1.1.0", 2, 2, "ctl-rev9", "2l"),
    "below": ("controller.bin", "1.1.0", 2, 0, HW, "2l"),
    "no_lms": ("controller.bin", "1.1.0", 2, 2, HW, "2"),
    "one_person": ("controller.bin", "1.1.0", 2, 2, HW, "1l"),
}
ONE_GOOD = [(GOOD, 0, 0), (EMPTY, 0, 0)]
BOTH_GOOD = [(GOOD, 0, 0), (GOOD, 0, 0)]
POWER, REQUEST, WATCHDOG = 1, 2, 3


def flip(data, at, bit=0):
    out = bytearray(data)
    out[at] ^= 1 << bit
    return bytes(out)


class Controller(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = bench.Bench(PROGRAMS, FORGE)
        headless = os.path.join(cls.bench.dir, "headless.bin")
        with open(os.path.join(PROGRAMS, "controller.bin"), "rb") as f:
            image = f.read()
        with open(headless, "wb") as f:  # no address of Thumb code
            f.write(flip(image, 4))
        cls.bench.make(2, SLOTS | {
            "headless": (headless, "1.3.0", 4, 1, HW, "2l")})
        cls.slot = cls.bench.slots

    @classmethod
    def tearDownClass(cls):
        cls.bench.drop()

    def flash(self, slots=None, a=None, b=None, first=0, floor=1, **more):
        rec = machine.record(5, first, slots or ONE_GOOD, **more)
        machine.flash(self.bench.file, rec, machine.floors({0: floor}),
                      self.slot["old"] if a is None else a, b or b"")

    def boot(self, m, slot):
        """The decision, as the image that started tells it."""
        m.wait_for(f"in slot {slot}\r\n")
        return bench.decode_decision(m.client().decision())

    def denied(self, m):
        m.wait_for("nothing starts, serving")
        d = bench.decode_decision(m.client().decision())
        self.assertEqual((d["verdict"], d["slot"]), ("deny", 255))
        return d

    # S0.16
    def test_a_good_image_starts_and_gets_the_decision(self):
        for variant in VARIANTS:
            self.flash()
            with self.bench.start(variant) as m:
                d = self.boot(m, 0)
            self.assertEqual(
                (d["verdict"], d["slot"], d["cause"], d["floor"],
                 d["keyring"], d["version"], d["component"]),
                ("boot", 0, POWER, 1, 7, "1.0.0", "controller"))
            self.assertEqual(d["refused"], [0, REASON["NO_SEAL"]])

    def test_both_slots_start_where_they_are(self):
        for variant in VARIANTS:
            self.flash(slots=BOTH_GOOD, b=self.slot["new"], first=1)
            with self.bench.start(variant) as m:
                self.assertEqual(self.boot(m, 1)["version"], "1.1.0")

    def test_it_fits_into_32_kib_of_flash_and_8_kib_of_ram(self):
        with open(os.path.join(PROGRAMS, "size"), encoding="ascii") as f:
            rows = f.read().splitlines()[1:]
        self.assertEqual(len(rows), 2)
        for row in rows:
            self.assertLessEqual(int(row.split()[0]) + 4096, 32768)
        for variant in VARIANTS:  # the floor rises and a try is taken
            self.flash(slots=[(GOOD, 0, 0), (TRIAL, 2, 0)], first=1,
                       b=self.slot["new"], last_reset=REQUEST)
            with self.bench.start(variant) as m:
                used = m.wait_for("in slot 1\r\n")
            used = int(used.split("memory ")[1].split()[0])
            self.assertGreater(used, 4096)
            self.assertLess(used, 8192)
            print(f"# {variant}: {used} bytes of RAM")

    # S0.16 S0.21: everything a slot holds is under the signatures
    def test_a_flipped_bit_anywhere_starts_nothing(self):
        old = self.slot["old"]
        footer = len(old) - 16384
        blocks = old.index(b"\xff" * 4096) // 4096
        for at in (0, 5, 4096, blocks * 4096 - 5000, blocks * 4096 - 4096,
                   footer, footer + 20, footer + 60, footer + 180,
                   footer + 216, footer + 230, footer + 300, footer + 400,
                   footer + 512, footer + 570, footer + 900,
                   len(old) - 1):
            with self.subTest(at=at):
                self.flash(a=flip(old, at, at % 8))
                with self.bench.start() as m:
                    self.assertNotEqual(self.denied(m)["refused"][0], 0)

    # S2.8 S3.42
    def test_what_is_not_for_here_starts_nothing_and_says_why(self):
        for name, why in (("other", "WRONG_HARDWARE"),
                          ("below", "BELOW_FLOOR"),
                          ("no_lms", "SEAL_SIGNATURE"),
                          ("one_person", "SEAL_SIGNATURE")):
            with self.subTest(name):
                self.flash(a=self.slot[name])
                with self.bench.start() as m:
                    self.assertEqual(self.denied(m)["refused"][0],
                                     REASON[why])

    # S2.8: whose key stands twice in the keyring is one person still
    def test_a_factory_page_with_a_key_twice_starts_nothing(self):
        with open(self.bench.factory, "rb") as f:
            page = f.read()
        at = range(76, 76 + 4 * 100, 100)  # docs/boot.md
        people = [i for i in at if page[i + 32] == 1]  # not the LMS key
        self.assertEqual(len(people), 3)
        one, two = (slice(i, i + 100) for i in people[:2])
        twice = page[:two.start] + page[one] + page[two.stop:]
        path = os.path.join(self.bench.dir, "twice.bin")
        with open(path, "wb") as f:
            f.write(twice)
        self.flash(a=self.slot["one_person"])
        with machine.Machine(self.bench.loader("direct"), path,
                             self.bench.file) as m:
            self.denied(m)

    # S3.22
    def test_without_a_floor_nothing_starts(self):
        rec = machine.record(5, 0, ONE_GOOD)
        machine.flash(self.bench.file, rec, None, self.slot["old"])
        with self.bench.start() as m:
            d = self.denied(m)
        self.assertEqual(d["refused"][0], REASON["UNREADABLE"])
        self.assertEqual(d["floor"], 0xffffffff)

    # S0.2
    def test_without_a_record_the_newest_that_verifies_starts(self):
        for variant in VARIANTS:
            machine.flash(self.bench.file, None, machine.floors({0: 1}),
                          self.slot["old"], self.slot["new"])
            with self.bench.start(variant) as m:
                d = self.boot(m, 1)
                self.assertTrue(d["lost"])
                m.client().ask(client.RESTART)
                self.assertFalse(self.boot(m, 1)["lost"])

    # S0.17 S0.18 S3.30
    def test_an_update_is_tried_confirmed_and_raises_the_floor(self):
        for variant in VARIANTS:
            self.flash()
            with self.bench.start(variant) as m:
                self.boot(m, 0)
                line = m.client()
                before = line.status()
                self.assertEqual(before["component"], "controller")
                self.assertEqual(before["hardware"], HW)
                self.assertGreater(line.update(self.slot["new"]), 4)
                line.ask(client.RESTART)
                d = self.boot(m, 1)
                self.assertEqual((d["trial"], d["tries"], d["floor"],
                                  d["cause"]), (True, 2, 1, REQUEST))
                line.ask(client.CONFIRM)
                self.assertEqual(line.status()["raise_floor"], 1)
                line.ask(client.RESTART)
                d = self.boot(m, 1)
                self.assertEqual((d["trial"], d["raised"], d["floor"]),
                                 (False, True, 2))
                self.assertEqual(d["refused"][0], REASON["BELOW_FLOOR"])
                # and there is no way back
                self.assertEqual(line.status()["target"], 0)
                line.update(self.slot["old"])
                line.ask(client.RESTART)
                d = self.boot(m, 1)
                self.assertTrue(d["fell_back"])
                said = line.status()
                self.assertEqual(said["slots"][0]["state"], "bad")
                self.assertEqual(said["slots"][0]["reason"],
                                 REASON["BELOW_FLOOR"])

    def test_tries_are_used_up_but_not_by_the_power(self):
        self.flash(slots=[(GOOD, 0, 0), (TRIAL, 2, 0)], first=1,
                   b=self.slot["new"])
        for _ in range(2):
            with self.bench.start() as m:
                self.assertEqual(self.boot(m, 1)["tries"], 2)
        with self.bench.start() as m:
            line = m.client()
            self.boot(m, 1)
            for tries in (1, 0):
                line.ask(client.RESTART)
                self.assertEqual(self.boot(m, 1)["tries"], tries)
            line.ask(client.RESTART)
            d = self.boot(m, 0)
            self.assertEqual(d["refused"][1], REASON["NO_TRIES"])
            self.assertTrue(d["fell_back"])
            self.assertEqual(line.status()["slots"][1]["state"], "bad")

    # S3.30
    def test_an_image_that_hangs_is_left_by_the_watchdog(self):
        for variant in VARIANTS:
            self.flash(slots=[(GOOD, 0, 0), (TRIAL, 1, 0)], first=1,
                       b=self.slot["hang"])
            with self.bench.start(variant) as m:
                m.wait_for("here I stay")
                m.wait_for("here I stay")  # power took no try
                d = self.boot(m, 0)
                self.assertEqual(d["cause"], WATCHDOG)
                self.assertEqual(d["refused"][1], REASON["NO_TRIES"])

    # S0.17 S3.30
    def test_an_image_that_cannot_start_is_left_at_once(self):
        for variant in VARIANTS:
            self.flash(slots=[(GOOD, 0, 0), (TRIAL, 3, 0)], first=1,
                       b=self.slot["headless"])
            with self.bench.start(variant) as m:
                m.wait_for("does not start, slot 1")
                d = self.boot(m, 0)
                self.assertEqual((d["fell_back"], d["refused"][1]),
                                 (True, REASON["BOOT_FAILED"]))
                said = m.client().status()["slots"][1]
                self.assertEqual((said["state"], said["reason"]),
                                 ("bad", REASON["BOOT_FAILED"]))

    def test_the_loader_is_not_taken_for_an_image_that_cannot_start(self):
        for variant in VARIANTS:
            self.flash(slots=[(TRIAL, 3, 0), (EMPTY, 0, 0)],
                       a=self.slot["headless"])
            with self.bench.start(variant) as m:
                d = self.denied(m)
                self.assertEqual(d["refused"][0], REASON["BOOT_FAILED"])
                line = m.client()
                said = line.status()
                self.assertEqual((said["runs"], said["version"]), (255, ""))
                with self.assertRaises(client.Refused):
                    line.ask(client.CONFIRM)
                line.update(self.slot["new"])
                line.ask(client.RESTART)
                self.assertEqual(self.boot(m, 1)["version"], "1.1.0")

    def test_what_is_given_up_is_left(self):
        self.flash(slots=[(GOOD, 0, 0), (TRIAL, 3, 0)], first=1,
                   b=self.slot["new"])
        with self.bench.start() as m:
            self.boot(m, 1)
            line = m.client()
            why = REASON["HEALTH_FAILED"]
            line.ask(client.GIVE_UP, struct.pack("<H", why))
            line.ask(client.RESTART)
            self.assertEqual(self.boot(m, 0)["refused"][1],
                             REASON["MARKED_BAD"])
            self.assertEqual(line.status()["slots"][1]["reason"], why)

    def test_a_controller_with_nothing_to_start_is_repaired(self):
        for variant in VARIANTS:
            self.flash(slots=[(GOOD, 0, 0), (BAD, 0, 35)],
                       a=flip(self.slot["old"], 100))
            with self.bench.start(variant) as m:
                self.denied(m)
                line = m.client()
                self.assertEqual(line.status()["runs"], 255)
                with self.assertRaises(client.Refused):
                    line.ask(client.CONFIRM)
                line.update(self.slot["new"])
                line.ask(client.RESTART)
                d = self.boot(m, 1)
                self.assertEqual((d["version"], d["lost"]), ("1.1.0", True))

    # S3.16: nothing that a line may carry does harm
    def test_wrong_requests_are_refused(self):
        self.flash(slots=BOTH_GOOD)
        slot = self.slot["new"]
        with self.bench.start() as m:
            self.boot(m, 0)
            line = m.client()

            def refused(result, kind, payload=b""):
                with self.assertRaises(client.Refused) as caught:
                    line.ask(kind, payload)
                self.assertEqual(caught.exception.result, result,
                                 (kind, payload))

            pack = struct.pack
            refused(client.STATE, client.ERASE, pack("<I", 0))
            refused(client.STATE, client.WRITE, pack("<I", 0) + slot[:16])
            refused(client.STATE, client.FINISH,
                    pack("<IBxxx", zlib.crc32(slot), 3))
            line.ask(client.BEGIN)
            line.ask(client.BEGIN)
            for kind in (client.STATUS, client.DECISION, client.BEGIN,
                         client.CONFIRM, client.RESTART):
                refused(client.INPUT, kind, b"\0")
            for kind, payload in (
                    (client.ERASE, pack("<I", 32)),
                    (client.ERASE, b"\0\0\0"),
                    (client.CHECK, pack("<II", 0, 0)),
                    (client.CHECK, pack("<II", 16, 131072)),
                    (client.CHECK, pack("<II", 0xfffffff0, 32)),
                    (client.CHECK, pack("<II", 8, 16)),
                    (client.WRITE, pack("<I", 131072) + slot[:16]),
                    (client.WRITE, pack("<I", 4080) + slot[:32]),
                    (client.WRITE, pack("<I", 8) + slot[:16]),
                    (client.WRITE, pack("<I", 0) + slot[:15]),
                    (client.WRITE, pack("<I", 0)),
                    (client.FINISH, pack("<IBxxx", 0, 0)),
                    (client.FINISH, pack("<IBxxx", 0, 8)),
                    (client.FINISH, pack("<IBBBB", 0, 3, 0, 0, 1)),
                    (client.GIVE_UP, pack("<H", 0)),
                    (client.GIVE_UP, pack("<H", 999))):
                refused(client.INPUT, kind, payload)
            for kind in (0, 11, 0x7f):
                refused(client.ABSENT, kind)
            refused(client.REFUSED, client.FINISH,
                    pack("<IBxxx", zlib.crc32(slot), 3))
            line.ask(client.WRITE, pack("<I", 0) + b"\x12" * 16)
            refused(client.IO, client.WRITE, pack("<I", 0) + b"\x02" * 16)
            self.assertEqual(line.check(0, 16), zlib.crc32(b"\x12" * 16))
            self.assertEqual(self.bench.area(SLOT_A), self.slot["old"])
            line.update(slot)
            line.ask(client.RESTART)
            self.assertEqual(self.boot(m, 1)["version"], "1.1.0")

    def test_noise_on_the_line_only_costs_time(self):
        self.flash()
        with self.bench.start() as m:
            self.boot(m, 0)
            line = m.client()
            request = struct.pack("<BBH", 1, client.RESTART, 7)
            good = client.seal(request)
            wrong = [client.stuff(flip(good, i)) for i in range(len(good))]
            wrong += [client.stuff(good)[:-2] + b"\0", b"\0\0\0", b"\xff\0",
                      bytes(range(255, 0, -1)) * 4 + b"\0",
                      client.stuff(client.seal(b"\1" * 800)),
                      client.stuff(good[:3]), b"\x05\1\1"]
            for noise in wrong:
                m.send(noise)
                # The next zero ends the noise; a request in it is lost.
                self.assertEqual(line.status()["version"], "1.0.0")
            self.assertNotIn(b"loader", m.said)

    def test_a_request_that_comes_twice_is_done_once(self):
        self.flash()
        with self.bench.start() as m:
            self.boot(m, 0)
            line = m.client()
            line.ask(client.BEGIN)
            write = client.WRITE
            head = struct.pack("<BBH", 1, write, 4711)
            wire = client.stuff(client.seal(
                head + struct.pack("<I", 0) + b"\x77" * 16))
            for _ in range(2):  # the second would break a rule of NOR flash
                m.send(wire)
                frame = next(line.frames(5.0))
                self.assertEqual(frame[1], write | 0x80)
                self.assertEqual(frame[4], client.OK)

    def test_an_update_goes_on_where_it_was_cut(self):
        self.flash()
        with self.bench.start() as m:
            self.boot(m, 0)
            line = m.client()
            all_of_it = line.update(self.slot["new"])
        self.flash()
        with self.bench.start() as m:
            self.boot(m, 0)
            line = m.client()
            line.ask(client.BEGIN)
            for sector in (0, 1):
                for i in range(0, 4096, 512):
                    at = sector * 4096 + i
                    line.ask(client.WRITE, struct.pack("<I", at) +
                             self.slot["new"][at:at + 512])
        with self.bench.start() as m:
            self.boot(m, 0)
            line = m.client()
            self.assertEqual(line.update(self.slot["new"]), all_of_it - 2)
            self.assertEqual(self.bench.area(SLOT_B), self.slot["new"])


if __name__ == "__main__":
    sys.exit(bench.run(Controller, PROGRAMS))
