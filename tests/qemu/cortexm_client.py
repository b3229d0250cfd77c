# SPDX-License-Identifier: Apache-2.0
"""The gateway's side of the serial update protocol (docs/formats/serial.md),
written from that page alone."""
import random
import struct
import time
import zlib

VERSION = 1
(STATUS, DECISION, BEGIN, ERASE, CHECK, WRITE, FINISH, CONFIRM, GIVE_UP,
 RESTART) = range(1, 11)
OK, INPUT, REFUSED, IO, NOMEM, LIMIT, ABSENT, STATE = range(8)
STATES = ("empty", "trial", "good", "bad")


class LineLost(Exception):
    """No answer in time, or the line was closed."""


class Refused(Exception):
    def __init__(self, kind, result):
        super().__init__(f"request {kind}: result {result}")
        self.result = result


def stuff(data):
    """A frame as the line carries it, its zero included."""
    out = bytearray()
    more = True
    while more:
        run = data[:254].split(b"\0", 1)[0]
        out += bytes([len(run) + 1]) + run
        data = data[len(run):]
        more = len(data) > 0
        if more and len(run) < 254:
            data = data[1:]
    return bytes(out) + b"\0"


def unstuff(line):
    """The bytes of a frame without its zero; None if there is none."""
    out = bytearray()
    at = 0
    while at < len(line):
        code = line[at]
        if code == 0 or at + code > len(line):
            return None
        out += line[at + 1:at + code]
        at += code
        if code < 255 and at < len(line):
            out.append(0)
    return bytes(out)


def seal(data):
    return data + struct.pack("<I", zlib.crc32(data))


class Client:
    """line has send(bytes) and receive(seconds), which gives b"" when nothing
    came, and raises LineLost when nothing will come."""

    def __init__(self, line, patience=3.0, attempts=3):
        self.line = line
        self.patience = patience
        self.attempts = attempts
        self.number = random.randrange(1 << 16)
        self.heard = b""

    def frames(self, seconds):
        end = time.monotonic() + seconds
        while True:
            while b"\0" in self.heard:
                raw, self.heard = self.heard.split(b"\0", 1)
                frame = unstuff(raw)
                if frame and len(frame) >= 8 and seal(frame[:-4]) == frame:
                    yield frame
            left = end - time.monotonic()
            if left <= 0:
                return
            self.heard += self.line.receive(min(left, 0.2))

    def ask(self, kind, payload=b""):
        """The answer's body; Refused if it says anything but OK."""
        self.number = (self.number + 1) & 0xffff
        head = struct.pack("<BBH", VERSION, kind, self.number)
        wire = stuff(seal(head + payload))
        expected = struct.pack("<BBH", VERSION, kind | 0x80, self.number)
        for _ in range(self.attempts):
            self.line.send(wire)
            for frame in self.frames(self.patience):
                if frame[:4] == expected and len(frame) >= 9:
                    if frame[4] != OK:
                        raise Refused(kind, frame[4])
                    return frame[5:-4]
        raise LineLost(f"no answer to request {kind}")

    def status(self):
        body = self.ask(STATUS)
        assert len(body) == 120, len(body)

        def text(at):
            field = body[at:at + 32]
            word = field.rstrip(b"\0")
            assert b"\0" not in word and len(word) < 32
            return word.decode("ascii")

        slots = []
        for at in (4, 8):
            state, tries, reason = struct.unpack_from("<BBH", body, at)
            slots.append({"state": STATES[state], "tries": tries,
                          "reason": reason})
        sector, length, most, floor = struct.unpack_from("<IIHH", body, 12)
        return {"runs": body[0], "target": body[1], "recorded": body[2],
                "first": body[3], "slots": slots, "sector_len": sector,
                "slot_len": length, "data_max": most, "raise_floor": floor,
                "component": text(24), "hardware": text(56),
                "version": text(88)}

    def decision(self):
        return self.ask(DECISION)

    def check(self, at, length):
        return struct.unpack("<I", self.ask(
            CHECK, struct.pack("<II", at, length)))[0]

    def update(self, slot, tries=3):
        """Writes what differs, arms it; the caller restarts.  Gives how many
        sectors had to be written."""
        said = self.status()
        sector_len = said["sector_len"]
        assert len(slot) == said["slot_len"]
        self.ask(BEGIN)
        written = 0
        for sector in range(len(slot) // sector_len):
            at = sector * sector_len
            want = slot[at:at + sector_len]
            if self.check(at, sector_len) == zlib.crc32(want):
                continue
            written += 1
            self.ask(ERASE, struct.pack("<I", sector))
            # What is erased needs no writing.
            for i in range(0, sector_len, said["data_max"]):
                data = want[i:i + said["data_max"]]
                if data.strip(b"\xff"):
                    self.ask(WRITE, struct.pack("<I", at + i) + data)
        self.ask(FINISH, struct.pack("<IBxxx", zlib.crc32(slot), tries))
        return written
