# SPDX-License-Identifier: Apache-2.0
"""What the controller's tests share: where the programs are, signed slots, and
a decision record's reader (docs/formats/boot-record.md section 4)."""
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import traceback
import unittest
import zlib

import cortexm_machine as machine

VARIANTS = ("direct", "swap")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def reasons():
    """base/status.h's reasons by name: numbers in records are theirs."""
    with open(os.path.join(ROOT, "base", "status.h"), encoding="ascii") as f:
        names = re.findall(r"^\tVS_REASON_(\w+)", f.read(), re.MULTILINE)
    return {name: number for number, name in enumerate(names)}


REASON = reasons()


class Bench:
    def __init__(self, programs, forge):
        self.programs = programs
        self.forge = forge
        self.dir = tempfile.mkdtemp(prefix="voltseal-cortexm-")
        self.factory = os.path.join(self.dir, "factory.bin")
        self.file = os.path.join(self.dir, "flash.bin")
        self.slots = {}

    def drop(self):
        shutil.rmtree(self.dir)

    def make(self, threshold, slots):
        """slots: name -> (image, version, seq, security, hardware, signed)"""
        words = []
        for name, (image, *rest) in slots.items():
            words += [name, os.path.join(self.programs, image), *map(str, rest)]
        subprocess.run([self.forge, self.dir, str(threshold), *words],
                       check=True)
        for name in slots:
            with open(os.path.join(self.dir, name + ".slot"), "rb") as f:
                self.slots[name] = f.read()

    def loader(self, variant):
        return os.path.join(self.programs, f"loader-{variant}.elf")

    def start(self, variant="direct"):
        return machine.Machine(self.loader(variant), self.factory, self.file)

    def flash_part(self, sector, length):
        with open(self.file, "rb") as f:
            f.seek(sector * machine.SECTOR)
            return f.read(length)

    def area(self, first):
        return self.flash_part(first,
                               machine.SLOT_SECTORS * machine.SECTOR)


def decode_decision(raw):
    assert len(raw) == 252 and raw[:8] == b"VSDECIDE"
    assert struct.unpack_from("<I", raw, 248)[0] == zlib.crc32(raw[:248])
    (version, length, count, verdict, slot, cause, flags, tries, recovery,
     keyring, epoch) = struct.unpack_from("<HHBBBBBBHII", raw, 8)
    assert (version, length, count, recovery) == (1, 252, 1, 0)
    refused = [struct.unpack_from("<H", raw, at)[0] for at in (52, 60)]
    name = raw[72:104].rstrip(b"\0").decode()
    floor = struct.unpack_from("<I", raw, 72 + 164)[0]
    return {"verdict": ("deny", "boot", "recovery")[verdict], "slot": slot,
            "cause": cause, "trial": bool(flags & 1),
            "fell_back": bool(flags & 2), "lost": bool(flags & 4),
            "raised": bool(flags & 8), "tries": tries, "keyring": keyring,
            "epoch": epoch, "refused": refused, "component": name,
            "version": raw[104:136].rstrip(b"\0").decode(), "floor": floor}


class Tap(unittest.TestResult):
    """A line for each test; what went wrong behind a #."""

    def __init__(self):
        super().__init__()
        self.at = 0

    def line(self, good, test, more=""):
        self.at += 1
        name = test.id().split(".")[-1].removeprefix("test_")
        print(f"{'ok' if good else 'not ok'} {self.at} - {name}{more}",
              flush=True)

    def addSuccess(self, test):
        self.line(True, test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line(False, test)
        for row in "".join(traceback.format_exception(*err)).splitlines():
            print("# " + row)

    addError = addFailure


def missing(programs):
    """Why nothing can be run; None if it can."""
    why = os.path.join(programs, "missing")
    if os.path.exists(why):
        with open(why, encoding="utf-8") as f:
            return f.read().strip()
    if not shutil.which("qemu-system-arm"):
        return "there is no qemu-system-arm"
    return None


def run(case, programs, words=()):
    """Runs a TestCase as TAP, or those of its tests whose names have one of the
    words in them; the exit status."""
    why = missing(programs)
    if why:
        print(f"1..0 # SKIP {why}")
        return 0
    loader = unittest.defaultTestLoader
    names = [name for name in loader.getTestCaseNames(case)
             if not words or any(word in name for word in words)]
    if not names:
        print(f"Bail out! no test is called {' or '.join(words)}")
        return 1
    suite = unittest.TestSuite(map(case, names))
    print(f"1..{suite.countTestCases()}", flush=True)
    return 0 if suite.run(Tap()).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit("this is a part of cortexm_*_test.py")
