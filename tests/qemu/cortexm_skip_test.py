#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Skips each instruction of the loader in turn: no single one starts a wrong
image.

For each kind of wrong image, the instructions that the loader executes with it
are found out; then it runs once for each of them, with that one made a
no-operation.  The elliptic curve's are swept where the curve has to say no, in
the loader itself; for all others a loader with a faster curve is taken.  The
sweep first shows that it sees an image that starts, and that the loader refuses
without a skip.

usage: cortexm_skip_test.py PROGRAMS FORGE [EVERY [WORD...]]
EVERY: every how many instructions, from a random one on; 1 if not given.
WORD: only the tests whose names have one of these words in them.
"""
import concurrent.futures
import os
import random
import re
import select
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import cortexm_bench as bench
import cortexm_machine as machine
from cortexm_machine import EMPTY, GOOD

PROGRAMS, FORGE = sys.argv[1:3]
EVERY = int(sys.argv[3]) if len(sys.argv) > 3 else 1
WORDS = sys.argv[4:]
MACHINES = os.cpu_count() or 1
HW = "ctl-rev2"
SLOTS = {
    "right": ("mark.bin", "1.0.0", 1, 1, HW, "1l"),
    "no_lms": ("mark.bin", "1.0.0", 1, 1, HW, "1"),
    "no_people": ("mark.bin", "1.0.0", 1, 1, HW, "0l"),
    "other": ("mark.bin", "1.0.0", 1, 1, "ctl-rev9", "1l"),
    "below": ("mark.bin", "1.0.0", 1, 0, HW, "1l"),
}
FOOTER = 16384
HEADER, ENTRY = 512, 36  # of a seal; of a signature, before its bytes
CODE_AT, LIST_AT, FLASH_AT = 0x200000, 0x210000, 0x280000
FLASH_LEN = 72 * machine.SECTOR
CODE_END = machine.FACTORY_AT
CODE_LEN = 65536
BX_LR = 0x4770
LIMIT_MAX = 20  # times 2^24 ticks of the processor's timer
HEADS = {"vs_uart_get": "skip_refused", "vs_board_reset": "skip_reset"}
STALL = 4  # seconds without a letter: the machine may have stopped
IDLE = 0.05  # of them the processor's, and it has
LONGEST = 20  # of the processor's for one letter


def symbols(path):
    """Addresses by name, bit 0 cleared."""
    rows = subprocess.run(["nm", path], check=True, capture_output=True,
                          text=True).stdout.splitlines()
    return {row.split()[-1]: int(row.split()[0], 16) & ~1
            for row in rows if len(row.split()) == 3}


def curve_ranges(path):
    """Where the elliptic curve's code is, by the linker's map."""
    found = []
    with open(path, encoding="ascii") as f:
        for row in f:
            m = re.match(r"\s*([0-9a-f]+)\s+[0-9a-f]+\s+([0-9a-f]+)\s+\d+"
                         r"\s+\S*/bearssl/(\w+)\.o:\(\.text", row)
            if m and m[3] != "sha2small":
                at = int(m[1], 16)
                found.append(range(at, at + int(m[2], 16)))
    assert found
    return found


def far_jump(to):
    """movw ip, low; movt ip, high; bx ip."""
    out = b""
    to |= 1
    for op, part in ((0xf240, to & 0xffff), (0xf2c0, to >> 16)):
        high = op | (part >> 12 & 15) | (part >> 11 & 1) << 10
        low = 12 << 8 | (part >> 8 & 7) << 12 | (part & 0xff)
        out += struct.pack("<HH", high, low)
    return out + struct.pack("<H", 0x4760)


def processor_time(pid):
    """Seconds that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Sweep:
    def __init__(self, the_bench, loader):
        self.bench = the_bench
        self.loader = os.path.join(PROGRAMS, loader)
        self.own = symbols(os.path.join(PROGRAMS, "skip.elf"))
        self.theirs = symbols(self.loader + ".elf")
        self.curve = curve_ranges(os.path.join(PROGRAMS, "loader-direct.map"))
        self.heads = set()
        self.limit = 1  # what takes longer hangs
        self.write("code.bin", self.code())

    def path(self, name):
        return os.path.join(self.bench.dir, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)

    def code(self):
        """The loader, its ways out led back to the sweep."""
        with open(self.loader + ".bin", "rb") as f:
            code = bytearray(f.read().ljust(CODE_LEN, b"\xff"))
        with open(self.bench.factory, "rb") as f:
            page = f.read()
        code[CODE_END:CODE_END + len(page)] = page
        # The watchdog is none of the decision.
        struct.pack_into("<H", code, self.theirs["vs_board_watch"], BX_LR)
        for vector in range(2, 16):
            name = "skip_tick" if vector == 15 else "skip_fault"
            struct.pack_into("<I", code, 4 * vector, self.own[name] | 1)
        for theirs, own in HEADS.items():
            jump = far_jump(self.own[own])
            at = self.theirs[theirs]
            code[at:at + len(jump)] = jump
            self.heads.update(range(at, at + len(jump)))
        return bytes(code)

    def set_flash(self, slot):
        machine.flash(self.bench.file,
                      machine.record(5, 0, [(GOOD, 0, 0), (EMPTY, 0, 0)]),
                      machine.floors({0: 1}), slot)
        with open(self.bench.file, "rb") as f:
            self.write("flash-part.bin", f.read(FLASH_LEN))

    def qemu(self, skips, list_file, *more):
        list_file.seek(0)
        list_file.truncate()
        list_file.write(struct.pack("<II", self.limit, len(skips)) +
                        b"".join(struct.pack("<I", at | length << 16)
                                 for at, length in skips))
        list_file.flush()
        parts = []
        for path, at in ((self.path("code.bin"), CODE_AT),
                         (list_file.name, LIST_AT),
                         (self.path("flash-part.bin"), FLASH_AT)):
            parts += ["-device", f"loader,file={path},"
                      f"addr={at:#x},force-raw=on"]
        return ["qemu-system-arm", "-M", "mps2-an385", "-accel", "tcg",
                "-icount", "shift=3,sleep=off", "-display", "none",
                "-monitor", "none", "-serial", "null", "-serial", "stdio",
                "-kernel", os.path.join(PROGRAMS, "skip.elf"), *parts, *more]

    def letters(self, skips, *more):
        """One for each skip; x where the machine stopped for good."""
        said = b""
        with tempfile.NamedTemporaryFile(dir=self.bench.dir) as list_file:
            while len(said) < len(skips):
                process = subprocess.Popen(
                    self.qemu(skips[len(said):], list_file, *more),
                    stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)
                try:
                    said += self.hear(process)
                finally:
                    process.kill()
                    process.wait()
                    process.stdout.close()
                if len(said) < len(skips):
                    said += b"x"
        return said.decode("ascii")

    def all_letters(self, skips):
        """The same, by as many machines as there are processors."""
        parts = [skips[i::MACHINES] for i in range(MACHINES)]
        said = [""] * len(skips)
        with concurrent.futures.ThreadPoolExecutor(MACHINES) as pool:
            for i, part in enumerate(pool.map(self.letters, parts)):
                said[i::MACHINES] = part
        return "".join(said)

    @staticmethod
    def hear(process):
        """Letters up to the line's end, or to where the machine stops: it uses
        no time, or too much of its own.  Time that it is not given does not
        count."""
        fd = process.stdout.fileno()
        said = b""
        begin = seen = 0.0
        while not said.endswith(b"\n"):
            if select.select([fd], [], [], STALL)[0]:
                part = os.read(fd, 4096)
                if not part:
                    break
                said += part
                begin = seen = processor_time(process.pid)
                continue
            before, seen = seen, processor_time(process.pid)
            if seen - before < IDLE or seen - begin > LONGEST:
                break
        return said.rstrip(b"\n")

    def executed(self):
        """(address, length) of what the loader executes, found by QEMU."""
        log = self.path("in_asm.log")
        # QEMU writes the last of its log when it ends by itself.
        said = self.letters([(0, 0)], "-d", "in_asm", "-D", log)
        while said != "." and self.limit < LIMIT_MAX:
            self.limit += 1
            said = self.letters([(0, 0)], "-d", "in_asm", "-D", log)
        found = {}
        with open(log, encoding="ascii", errors="replace") as f:
            for row in f:
                m = re.match(r"0x([0-9a-f]{8}):\s+((?:[0-9a-f]{4} ?)+)\s", row)
                if m and int(m[1], 16) < CODE_END:
                    found[int(m[1], 16)] = 2 * len(m[2].split())
        return sorted((at, n) for at, n in found.items()
                      if at not in self.heads)

    def in_curve(self, at):
        return any(at in r for r in self.curve)


def flip(data, at):
    out = bytearray(data)
    out[at] ^= 1
    return bytes(out)


class Skips(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = bench.Bench(PROGRAMS, FORGE)
        cls.bench.make(1, SLOTS)
        cls.sweep = Sweep(cls.bench, "loader-skip")
        cls.tried = 0

    @classmethod
    def tearDownClass(cls):
        print(f"# {cls.tried} skips tried")
        cls.bench.drop()

    def sound(self, sweep):
        """The sweep sees an image that starts."""
        sweep.set_flash(self.bench.slots["right"])
        while sweep.letters([(0, 0)]) == "h" and sweep.limit < LIMIT_MAX:
            sweep.limit += 1
        self.assertEqual(sweep.letters([(0, 0)]), "!")

    def no_skip_starts(self, name, slot, sweep=None):
        curve = sweep is not None
        sweep = sweep or self.sweep
        self.sound(sweep)
        sweep.set_flash(slot)
        self.assertEqual(sweep.letters([(0, 0)]), ".")
        skips = [(at, n) for at, n in sweep.executed()
                 if sweep.in_curve(at) == curve]
        self.assertGreater(len(skips), 1000)
        skips = skips[random.randrange(EVERY)::EVERY]
        begin = time.monotonic()
        said = sweep.all_letters(skips)
        self.assertEqual(len(said), len(skips))
        type(self).tried += len(skips)
        print(f"# {name}: {len(skips)} skips, {said.count('.')} refused, "
              f"{said.count('r')} resets, {said.count('f')} faults, "
              f"{said.count('h')} hang, {said.count('x')} stop the machine, "
              f"{said.count('!')} start it, {said.count('?')} run its bytes; "
              f"{time.monotonic() - begin:.0f} s", flush=True)
        self.assertEqual([hex(at) for (at, _), letter in zip(skips, said)
                          if letter in "!?"], [])

    def test_no_skip_starts_changed_bytes(self):
        self.no_skip_starts("changed byte",
                            flip(self.bench.slots["right"], 600))

    def test_no_skip_starts_a_changed_tree(self):
        slot = self.bench.slots["right"]
        blocks = slot.index(b"\xff" * 4096) // 4096
        self.no_skip_starts("changed tree",
                            flip(slot, (blocks - 1) * 4096 + 5))

    def test_no_skip_starts_what_people_did_not_sign(self):
        """All of their signatures are missing, or one is wrong."""
        self.no_skip_starts("nobody signed", self.bench.slots["no_people"])
        slot = self.bench.slots["right"]
        first = len(slot) - FOOTER + HEADER + 12 + ENTRY
        wrong = flip(slot, first + 40)
        self.no_skip_starts("wrong P-256", wrong)
        self.no_skip_starts("wrong P-256, in the curve", wrong,
                            Sweep(self.bench, "loader-direct"))

    def test_no_skip_starts_what_lms_did_not_sign(self):
        self.no_skip_starts("no LMS", self.bench.slots["no_lms"])
        slot = self.bench.slots["right"]
        second = len(slot) - FOOTER + HEADER + 12 + ENTRY + 64 + ENTRY
        self.no_skip_starts("wrong LMS", flip(slot, second + 300))

    def test_no_skip_starts_what_is_for_other_hardware(self):
        self.no_skip_starts("other hardware", self.bench.slots["other"])

    def test_no_skip_starts_what_is_below_the_floor(self):
        self.no_skip_starts("below the floor", self.bench.slots["below"])


if __name__ == "__main__":
    sys.exit(bench.run(Skips, PROGRAMS, WORDS))
