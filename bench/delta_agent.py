#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench/delta_agent.py - an update by a delta with the whole agent.

What came over the wire, all of it: metadata, seal, delta, answers, TLS.  The
memory of all its processes at the moment of their highest sum, and of the one
that unpacks.  The same inside a memory cgroup in which the appliers of others
are killed.  The slot is compared with the image each time.
"""
import argparse
import bz2
import os
import shutil
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from cell import MIB, Cell, Timer  # noqa: E402
from machine import Machine  # noqa: E402
from ways import OursTls, check  # noqa: E402
from wire import Wire  # noqa: E402
from world import read_json  # noqa: E402

SMALL = 32 * MIB
LEVEL = 1  # of packs, which nobody fetches
BESIDE = 40_000  # bytes beside the delta and a twentieth of it, at most
UNPACK_MAX_MB, AGENT_MAX_MB = 12, 24
UNPACK = "voltseal-unpack"
# As a charger on a metered link asks: nothing comes twice by chance.
SELDOM = {"poll_ms": 60000, "report_ms": 60000}
# O, N, D, R: old, new, delta, result; no maker: made_by_hand()
PEERS = (
    ("bspatch", None, "bspatch O R D"),
    ("xdelta3", "xdelta3 -1 -f -B 536870912 -e -s O N D",
     "xdelta3 -f -B 536870912 -d -s O D R"),
    ("zstd --patch-from", "zstd -q -f -1 --long=28 --patch-from=O N -o D",
     "zstd -q -f -d --long=28 --patch-from=O D -o R"),
)


class Pair(Machine):
    """A signing room and a server with two releases, and a delta."""

    def __init__(self, programs, folder, old, new):
        self.old, self.new = old, new
        super().__init__(programs, folder, new, LEVEL)
        self.delta_len = self.make_delta()
        self.wire = Wire(self.server.ports["device"])

    def release(self, version, seq, image, level):
        """The first is no noise here: it is what the delta is from."""
        return super().release(version, seq, self.old if seq == 1 else image,
                               level)

    def make_delta(self):
        """Beside what is uploaded, under its name; gives its length."""
        folder = os.path.join(self.published, "deltas")
        made = os.path.join(self.world.folder, "delta")
        self.world.run("voltseal-sign", "delta", self.first[0], self.seal,
                       "--old", self.old, "--new", self.new, "--out", made)
        with open(made, "rb") as delta:
            head = delta.read(96)
        os.makedirs(folder)
        name = head[32:64].hex() + "-" + head[64:96].hex()
        os.rename(made, os.path.join(folder, name))
        return os.path.getsize(os.path.join(folder, name))

    def serve(self, count):
        """Chargers speak to the wire."""
        device = self.server.ports["device"]
        self.server.ports["device"] = self.wire.port
        try:
            return super().serve(count)
        finally:
            self.server.ports["device"] = device


class Way(OursTls):
    """An update, from the start of the agent to the written slot."""

    def once(self, watch=False):
        charger = self.left[-1]
        got = super().once(watch)
        fetched = read_json(os.path.join(charger.folder, "agent",
                                         "fetch.json"))
        if got and fetched["clusters_fetched"]:
            with open(charger.log, encoding="utf-8") as log:
                said = [line for line in log if "delta" in line]
            raise RuntimeError(f"clusters were fetched: {said} {fetched}")
        return got


def ask_seldom(charger):
    """Its settings, with these."""
    path = os.path.join(charger.folder, "agent.conf")
    with open(path, encoding="utf-8") as f:
        lines = [line for line in f if line.split(" ")[0] not in SELDOM]
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(lines)
        f.writelines(f"{k} = {v}\n" for k, v in SELDOM.items())


def ours(pair, cell, say):
    """{down, up, links, memory, little}"""
    chargers = pair.serve(3)
    for one in chargers:
        ask_seldom(one)
    way = Way(Timer(cell), chargers, pair.new)
    say("bytes on the wire")
    before = pair.wire.read()
    if not way.once():
        raise RuntimeError("the charger did not fetch the release")
    up, down, links = (b - a for a, b in zip(before, pair.wire.read()))
    say("memory")
    got = {"up": up, "down": down, "links": links,
           "memory": way.once(watch=True)["memory"], "little": None}
    if cell:
        say("in little memory")
        cell.limit(SMALL)
        try:
            got["little"] = way.once()
        finally:
            cell.limit(None)
    return got


def made_by_hand(old, path):
    """A patch of bsdiff's kind from an image to itself, whose making takes
    nobody gigabytes: its applier has as much in memory for any other."""
    size = os.path.getsize(old)
    packer, diff = bz2.BZ2Compressor(9), b""
    for at in range(0, size, MIB):
        diff += packer.compress(bytes(min(MIB, size - at)))
    diff += packer.flush()
    control = bz2.compress(struct.pack("<3q", size, 0, 0))
    with open(path, "wb") as out:
        out.write(b"BSDIFF40" + struct.pack("<3q", len(control), len(diff),
                                            size) + control + diff +
                  bz2.compress(b""))


def peer(words, cell, limit):
    """Seconds, or None: it failed or was killed."""
    cell.limit(limit)
    try:
        got = Timer(cell).run(words)
    finally:
        cell.limit(None)
    return got["seconds"] if got else None


def peers(pair, folder, cell, say):
    """{name: (seconds without a limit, with one; None: killed)}"""
    names = {"O": pair.old, "N": pair.new, "D": os.path.join(folder, "D"),
             "R": os.path.join(folder, "R")}
    out = {}
    for name, maker, applier in PEERS:
        if not shutil.which(name.split()[0]):
            say("not here: " + name)
            continue
        say(name)

        def words(line):
            return [word.replace("=O", "=" + names["O"]) if "=" in word
                    else names.get(word, word) for word in line.split()]
        if maker:
            subprocess.run(words(maker), check=True)
        else:
            made_by_hand(pair.old, names["D"])
        free = peer(words(applier), cell, None)
        if free:
            check(pair.new if maker else pair.old, names["R"], name)
        out[name] = free, peer(words(applier), cell, SMALL)
    return out


def rows(programs, folder, old, new, say):
    """What bench/run's row() takes behind the area: (name, value, unit, peer,
    their value, reach), of one pair."""
    cell = Cell()
    pair = Pair(programs, folder, old, new)
    try:
        got = ours(pair, cell, say)
        theirs = peers(pair, folder, cell, say) if cell else {}
    finally:
        pair.drop()
        cell.drop()
    size, memory = pair.delta_len, got["memory"]
    name = "update by delta"
    yield f"{name}: the delta", size / 1e3, "kB", None, None, None
    yield (f"{name}: all that came", got["down"] / 1e3, "kB", None, None,
           (size * 1.05 + BESIDE) / 1e3)
    yield f"{name}: all that went", got["up"] / 1e3, "kB", None, None, None
    yield f"{name}: connections", got["links"], "", None, None, None
    for process, peak in sorted(memory.items()):
        yield (f"{name}: memory (PSS), {process}", peak / 1e6, "MB", None,
               None, UNPACK_MAX_MB if process == UNPACK else None)
    yield (f"{name}: memory (PSS), all processes",
           sum(memory.values()) / 1e6, "MB", None, None, AGENT_MAX_MB)
    if not got["little"]:
        raise RuntimeError("the agent was killed in a 32 MB memory cgroup")
    for one, (free, little) in theirs.items():
        said = one if little else one + (": killed" if free else ": fails")
        yield (f"{name}: in a 32 MB memory cgroup",
               got["little"]["seconds"] * 1e3, "ms", said,
               little and little * 1e3, None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--programs", default="build/release")
    parser.add_argument("--old", default="build/images/gateway-1.0.0.img")
    parser.add_argument("--new", default="build/images/gateway-1.1.0.img")
    args = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"

    def say(text):
        print("bench: " + text, file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(
            os.path.abspath(args.programs))) as folder:
        for name, value, unit, other, theirs, reach in rows(
                args.programs, folder, os.path.abspath(args.old),
                os.path.abspath(args.new), say):
            bound = "-" if reach is None else f"{reach:.1f}"
            peers_value = "-" if theirs is None else f"{theirs:.0f}"
            print(f"{name:52} {value:9.1f} {unit:3} {bound:>8} "
                  f"{peers_value:>7} {other or ''}")


if __name__ == "__main__":
    main()
