# SPDX-License-Identifier: Apache-2.0
"""Disks for machines in QEMU, made without root, loop devices or mounts.

Partition table, boot record and keyring partition are written here from the
pages in docs/formats/, not by the code under test.
"""
import os
import struct
import subprocess
import uuid
import zlib

SECTOR = 512
MIB = 1 << 20
ESP_TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
VOLTSEAL_TYPE = uuid.UUID("e3d78eb0-f8f7-4d50-9ffe-bd105b7e3459")
FOOTER_LEN = 16384
STATES = {"empty": 0, "trial": 1, "good": 2, "bad": 3}


def record(seq, slot, states, raise_floor=0):
    """A copy of the boot record; states: (state, tries) of slot a and b."""
    out = struct.pack("<8sHHIBBBB", b"VSBOOTRC", 1, 0, seq, slot, 0,
                      raise_floor, 0)
    for state, tries in states:
        out += struct.pack("<BBH", STATES[state], tries, 0)
    out = out.ljust(508, b"\0")
    return out + struct.pack("<I", zlib.crc32(out))


def read_record(raw):
    """(seq, slot, [(state, tries, reason)] * 2), or None."""
    if raw[:8] != b"VSBOOTRC" or \
            zlib.crc32(raw[:508]) != struct.unpack_from("<I", raw, 508)[0]:
        return None
    seq, slot = struct.unpack_from("<IB", raw, 12)
    names = {v: k for k, v in STATES.items()}
    slots = [struct.unpack_from("<BBH", raw, at) for at in (20, 24)]
    return seq, slot, [(names[s], t, r) for s, t, r in slots]


def keyring_partition(rings):
    return struct.pack("<8sII", b"VSRINGS1", len(rings), 0) + rings


def reset_note(cause):
    out = struct.pack("<8sB3x", b"VSRESET1", cause)
    return out + struct.pack("<I", zlib.crc32(out))


class Disk:
    """A file with a partition table.  layout: (name, MiB), the first an ESP."""

    def __init__(self, path, layout):
        self.path = path
        self.parts = {}
        at = MIB
        for name, size in layout:
            self.parts[name] = (at, size * MIB)
            at += size * MIB
        self.len = at + MIB
        with open(path, "wb") as f:
            f.truncate(self.len)
        self._write_tables()

    def copy(self, path):
        other = object.__new__(Disk)
        other.path, other.parts, other.len = path, self.parts, self.len
        subprocess.run(["cp", "--sparse=always", self.path, path], check=True)
        return other

    def _entries(self):
        out = b""
        for name, (at, size) in self.parts.items():
            kind = VOLTSEAL_TYPE if name != "esp" else ESP_TYPE
            own = uuid.uuid5(VOLTSEAL_TYPE, name)
            out += kind.bytes_le + own.bytes_le
            out += struct.pack("<QQQ", at // SECTOR,
                               (at + size) // SECTOR - 1, 0)
            out += name.encode("utf-16le").ljust(72, b"\0")
        return out.ljust(128 * 128, b"\0")

    def _header(self, own, other, table, entries):
        def pack(crc):
            return struct.pack(
                "<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, crc, 0, own,
                other, 34, self.len // SECTOR - 34, VOLTSEAL_TYPE.bytes_le,
                table, 128, 128, zlib.crc32(entries))
        return pack(zlib.crc32(pack(0))).ljust(SECTOR, b"\0")

    def _write_tables(self):
        last = self.len // SECTOR - 1
        entries = self._entries()
        mbr = struct.pack("<446x8BII48x2s", 0, 0, 2, 0, 0xee, 255, 255, 255,
                          1, last, b"\x55\xaa")
        with open(self.path, "r+b") as f:
            f.write(mbr + self._header(1, last, 2, entries) + entries)
            f.seek((last - 32) * SECTOR)
            f.write(entries + self._header(last, 1, last - 32, entries))

    def write(self, name, data, at=0):
        start, size = self.parts[name]
        if at < 0:
            at += size
        assert at + len(data) <= size, f"{name} is too small"
        with open(self.path, "r+b") as f:
            f.seek(start + at)
            f.write(data)

    def read(self, name, at, length):
        start, size = self.parts[name]
        with open(self.path, "rb") as f:
            f.seek(start + at + (size if at < 0 else 0))
            return f.read(length)

    def write_slot(self, name, slot):
        with open(slot, "rb") as f:
            self.write(name, f.read())
        with open(slot + ".footer", "rb") as f:
            self.write(name, f.read(), -FOOTER_LEN)

    def wipe(self, name):
        self.write(name, b"\0" * FOOTER_LEN, -FOOTER_LEN)

    def flip(self, name, at):
        self.write(name, bytes([self.read(name, at, 1)[0] ^ 1]), at)

    def write_records(self, *args, **more):
        """The same record in both copies, the second one newer."""
        self.write("record", record(1, *args, **more))
        self.write("record", record(2, *args, **more), 4096)

    def record(self):
        """The record in force."""
        copies = [read_record(self.read("record", at, 512))
                  for at in (0, 4096)]
        return max((c for c in copies if c), default=None)

    def write_esp(self, files):
        """files: {path in the ESP: path here}.  Made anew."""
        start, size = self.parts["esp"]
        image = f"{self.path}@@{start}"
        with open(self.path, "r+b") as f:
            f.seek(start)
            f.write(b"\0" * MIB)

        def run(*argv):
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL,
                           env=dict(os.environ, MTOOLS_SKIP_CHECK="1"))

        run("mformat", "-i", image, "-T", str(size // SECTOR), "-h", "16",
            "-s", "63", "::")
        made = set()
        for there, here in files.items():
            folder = ""
            for part in there.split("/")[:-1]:
                folder += "/" + part
                if folder not in made:
                    run("mmd", "-i", image, "::" + folder)
                    made.add(folder)
            run("mcopy", "-i", image, here, "::/" + there)
