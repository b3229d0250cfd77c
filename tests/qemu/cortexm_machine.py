# SPDX-License-Identifier: Apache-2.0
"""A controller in QEMU: its flash is a file that outlives it, its serial line
is a pipe.  Flash contents are written here from docs/formats/boot-record.md,
not by the code under test."""
import os
import select
import struct
import subprocess
import time
import zlib

from cortexm_client import Client, LineLost

SECTOR = 4096
SECTORS = 256
PSRAM = 16 << 20
RECORD, FLOOR, SLOT_A, SLOT_B, SLOT_SECTORS = 0, 2, 8, 40, 32
EMPTY, TRIAL, GOOD, BAD = range(4)
FACTORY_AT = 0x7000


def record(seq, slot, slots, raise_floor=0, last_reset=1):
    """slots: two of (state, tries, reason)."""
    body = struct.pack("<8sHHIBBBB", b"VSBOOTRC", 1, 0, seq, slot, last_reset,
                       raise_floor, 0)
    for state in slots:
        body += struct.pack("<BBH", *state)
    body = body.ljust(508, b"\0")
    return body + struct.pack("<I", zlib.crc32(body))


def floor_word(mark, number, value):
    body = struct.pack("<BBHII", mark, number, 0, value, ~value & 0xffffffff)
    return body + struct.pack("<I", zlib.crc32(body))


def floors(values):
    """A sector with these floors, complete."""
    words = b"".join(floor_word(0x46, n, v) for n, v in values.items())
    return words + floor_word(0x43, 0, 0)


def flash(path, rec, floor, slot_a=b"", slot_b=b""):
    """A flash file; rec and floor as bytes, None: erased."""
    image = bytearray(b"\xff" * (SECTOR * SECTORS))

    def put(sector, data):
        image[sector * SECTOR:sector * SECTOR + len(data)] = data

    put(RECORD, rec or b"")
    put(FLOOR, floor or b"")
    put(SLOT_A, slot_a)
    put(SLOT_B, slot_b)
    with open(path, "wb") as f:
        f.write(image)
        f.truncate(PSRAM)


class Machine:
    """Runs from power-on to power-off; a line for Client."""

    def __init__(self, loader, factory, flash_file):
        self.process = subprocess.Popen(
            ["qemu-system-arm", "-M", "mps2-an385,memory-backend=m",
             "-object", f"memory-backend-file,id=m,size={PSRAM},"
             f"mem-path={flash_file},share=on",
             "-accel", "tcg", "-display", "none", "-monitor", "none",
             "-serial", "stdio", "-kernel", loader, "-device",
             f"loader,file={factory},addr={FACTORY_AT:#x},force-raw=on"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.said = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut()

    def cut(self):
        """Power off, at once."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def send(self, data):
        try:
            self.process.stdin.write(data)
        except (BrokenPipeError, ValueError) as error:
            raise LineLost("the machine is off") from error

    def receive(self, seconds):
        try:
            ready = select.select([self.process.stdout], [], [], seconds)[0]
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
        except (OSError, ValueError) as error:
            raise LineLost("the machine is off") from error
        if ready and not data:
            raise LineLost("the machine is off")
        self.said += data
        return data

    def wait_for(self, text, seconds=20.0):
        """Text from the line up to and with this one; AssertionError if it
        does not come."""
        end = time.monotonic() + seconds
        want = text.encode()
        while want not in self.said:
            if time.monotonic() > end:
                raise AssertionError(
                    f"no {text!r} in {self.said.decode(errors='replace')!r}")
            self.receive(0.2)
        upto = self.said.index(want) + len(want)
        heard, self.said = self.said[:upto], self.said[upto:]
        return heard.decode(errors="replace")

    def client(self):
        return Client(self)
