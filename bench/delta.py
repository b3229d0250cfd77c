# SPDX-License-Identifier: Apache-2.0
"""Deltas of two images, ours and what others make of the same pair: bytes,
seconds and peak memory of both ways.  Each result is compared."""
import filecmp
import hashlib
import os
import re
import shutil
import statistics
import subprocess
import time

import delta_firmware
import delta_pair
import packed

MB = 1e6
SALT = "00" * 32
FLOOR_LEVEL = 19
# name, maker, applier; O, N, D, R: old, new, delta, result
BSDIFF = "bsdiff"
PEERS = (
    (BSDIFF, "bsdiff O N D", "bspatch O R D"),
    ("xdelta3 -9", "xdelta3 -9 -f -B 536870912 -e -s O N D",
     "xdelta3 -f -B 536870912 -d -s O D R"),
    ("zstd -19 --patch-from", "zstd -q -f -19 --long=29 --patch-from=O N -o D",
     "zstd -q -f -d --long=29 --patch-from=O D -o R"),
)
LARGE = 64 * MB  # of such images a peer may take minutes and gigabytes
FOLDER = "build/bench-pair"
LOADERS = "boot/port/cortexm/cortexm/loader-"
ALL, OPENSSL = "all updates", "OpenSSL updated"


class Known:
    """A pair of images and what we promise of it: the delta's kB, bsdiff's
    size as a multiple of ours, whether making and applying count too."""

    def __init__(self, name, files, kb=None, times=None, ways=False):
        self.name, self.files = name, files
        self.kb, self.times, self.ways = kb, times, ways

    def is_large(self):
        return os.path.getsize(self.files[0][0]) > LARGE


def missing():
    """Peers that are not installed."""
    return [name for name, maker, _ in PEERS
            if not shutil.which(maker.split()[0])]


def images_of(folder, *names):
    return [tuple(os.path.join(folder, name + ".img") for name in names)]


def openssl_pair(say):
    """The pair whose delta is small beside all that comes with it."""
    folder = delta_pair.ensure(FOLDER, say)
    return images_of(folder, delta_pair.RELEASED, delta_pair.OPENSSL)[0]


def packed_pairs(folder):
    """The same files as squashfs and erofs, made when they are asked for."""
    old, new = (os.path.join(folder, name + ".img")
                for name in (delta_pair.RELEASED, delta_pair.UPDATED))
    if packed.missing():
        return
    for kind, words in packed.KINDS.items():
        recipe = hashlib.sha256(words.encode()).hexdigest()[:8]
        out = os.path.join(folder, "packed-" + recipe)
        yield Known(f"{kind}, {ALL}", [(packed.build(kind, old, out),
                                        packed.build(kind, new, out))],
                    kb=800, ways=True)


def pairs(programs, say):
    """Known by Known."""
    folder = delta_pair.ensure(FOLDER, say)
    loaders = os.path.join(programs, LOADERS)
    old, new, openssl = delta_pair.IMAGES
    yield Known(f"ext4, {ALL}", images_of(folder, old, new), kb=750,
                ways=True)
    yield Known(f"ext4, {OPENSSL}", images_of(folder, old, openssl), kb=50,
                ways=True)
    yield from packed_pairs(folder)
    arm64 = delta_pair.arm64(folder)
    if arm64:
        yield Known(f"arm64, {len(arm64)} programs", arm64, times=1 / 0.3)
    firmware = delta_firmware.make(folder)
    if firmware:
        yield Known("Cortex-M, 160 KB", [firmware], times=2)
    for known in (
            Known("Cortex-M, one loader to another",
                  [(loaders + "direct.bin", loaders + "swap.bin")]),
            Known("Cortex-M, a script in flash",
                  images_of("build/images", "controller-2.0.0",
                            "controller-2.1.0"))):
        if all(os.path.exists(name) for name in known.files[0]):
            yield known


def measured(argv):
    """Runs it: processor seconds, peak bytes and seconds on the clock."""
    os.sync()
    start = time.monotonic()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as child:
        said = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(argv[:2])} failed")
    os.sync()
    took = time.monotonic() - start
    peak = used.ru_maxrss
    if os.path.basename(argv[0]) == "bench-delta":
        peak = int(said.split()[0])
    return {"cpu": used.ru_utime + used.ru_stime, "peak": peak * 1024,
            "clock": took}


def middle(rounds):
    """Of round after round: medians, and the highest peak."""
    return {key: (max if key == "peak" else statistics.median)(
        [one[key] for one in rounds]) for key in rounds[0]}


def added(one, other):
    """Of pair after pair: sums, and the highest peak."""
    if one is None:
        return other
    if isinstance(one, dict):
        return {key: max(one[key], other[key]) if key == "peak"
                else added(one[key], other[key]) for key in one}
    return one + other


class Pair:
    """Two images, their seals, and a folder for what is made of them."""

    def __init__(self, programs, folder, old, new):
        self.sign = os.path.join(programs, "sign", "voltseal-sign")
        self.applier = os.path.join(programs, "bench", "bench-delta")
        self.folder, self.old, self.new = folder, old, new
        os.makedirs(folder, exist_ok=True)
        with open(self.path("salt"), "w", encoding="ascii") as salt:
            salt.write(SALT + "\n")

    def path(self, name):
        return os.path.join(self.folder, name)

    def seal(self, image, name):
        measured([self.sign, "seal", "--image", image, "--component", "pair",
                  "--hardware", "any", "--version", name, "--seq", "1",
                  "--security-version", "1", "--salt-file",
                  self.path("salt"), "--level", "1", "--pack",
                  self.path("pack"), "--out", self.path(name)])
        os.unlink(self.path("pack"))
        return self.path(name)

    def applied(self, applier):
        """As measured, once."""
        got = measured(applier)
        if not filecmp.cmp(self.path("R"), self.new, shallow=False):
            raise RuntimeError(f"{applier[0]} does not give the new image")
        os.unlink(self.path("R"))
        return got

    def both_ways(self, maker, apply):
        """{bytes, make: as measured, and what apply gives}"""
        made = measured(maker)
        size = os.path.getsize(self.path("D"))
        got = {"bytes": size, "make": made, **apply()}
        os.unlink(self.path("D"))
        return got

    def ours(self, rounds):
        """In turns with the floor, if there are rounds."""
        applier = [self.applier, self.old, self.path("D"), self.path("R")]

        def turns():
            both = [(self.applied(applier), self.floor())
                    for _ in range(rounds)]
            return {"apply": middle([ours for ours, _ in both]),
                    "floor": middle([floor for _, floor in both])}

        def once():
            return {"apply": self.applied(applier)}
        return self.both_ways(
            [self.sign, "delta", self.seal(self.old, "old.seal"),
             self.seal(self.new, "new.seal"), "--old", self.old,
             "--new", self.new, "--out", self.path("D")],
            turns if rounds else once)

    def peer(self, maker, applier):
        names = {"O": self.old, "N": self.new, "D": self.path("D"),
                 "R": self.path("R")}

        def words(line):
            return [re.sub(r"^(.*=)?([ONDR])$",
                           lambda m: (m.group(1) or "") + names[m.group(2)],
                           word) for word in line.split()]
        return self.both_ways(
            words(maker), lambda: {"apply": self.applied(words(applier))})

    def floor(self):
        """The whole image from one frame, written: no delta is needed."""
        frame = self.new + ".zst"
        if not os.path.exists(frame):
            measured(["zstd", "-q", "-f", f"-{FLOOR_LEVEL}", "-T0", self.new,
                      "-o", frame])
        got = measured(["zstd", "-q", "-f", "-d", frame, "-o",
                        self.path("R")])
        os.unlink(self.path("R"))
        return got


class Peers:
    """Those that are here; of large images only if they are asked for."""

    def __init__(self, slow):
        absent = missing()
        self.slow = slow
        self.here = [peer for peer in PEERS if peer[0] not in absent]

    def of(self, known):
        return self.here if self.slow or not known.is_large() else ()


def measure(programs, folder, known, peers, say, rounds):
    """(ours, {peer: theirs}); ours has a floor if making and applying count,
    and then both are the middle of so many rounds, in turns"""
    ours, theirs = None, {}
    for number, (old, new) in enumerate(known.files):
        say(f"{known.name}, {number + 1} of {len(known.files)}")
        pair = Pair(programs, folder, old, new)
        ours = added(ours, pair.ours(rounds if known.ways else 0))
        for name, *ways in peers.of(known):
            say(f"{known.name}, {name}")
            theirs[name] = added(theirs.get(name), pair.peer(*ways))
    return ours, theirs
