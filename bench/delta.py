# SPDX-License-Identifier: Apache-2.0
"""Deltas of two images, ours and what others make of the same pair: bytes,
processor seconds and peak memory of both ways.  Each result is compared."""
import filecmp
import os
import re
import shutil
import subprocess

import packed

MB = 1e6
SALT = "00" * 32
# name, maker, applier; O, N, D, R: old, new, delta, result
PEERS = (
    ("bsdiff", "bsdiff O N D", "bspatch O R D"),
    ("xdelta3 -9", "xdelta3 -9 -f -B 536870912 -e -s O N D",
     "xdelta3 -f -B 536870912 -d -s O D R"),
    ("zstd -19 --patch-from", "zstd -q -f -19 --long=28 --patch-from=O N -o D",
     "zstd -q -f -d --long=28 --patch-from=O D -o R"),
)


def missing():
    """Peers that are not installed."""
    return [name for name, maker, _ in PEERS
            if not shutil.which(maker.split()[0])]


def packed_pairs(folder, limit_kb):
    """The same of packed file systems, made when they are asked for."""
    old, new = [f"build/images/gateway-1.{i}.0.img" for i in (0, 1)]
    if packed.missing() or not os.path.exists(new):
        return
    for kind in packed.KINDS:
        yield (f"Debian root, {kind}", packed.build(kind, old, folder),
               packed.build(kind, new, folder), limit_kb)


def pairs(programs):
    """(name, old, new, how many times smaller than bsdiff it should be) of
    the pairs that are at hand."""
    images = "build/images"
    loaders = os.path.join(programs, "boot/port/cortexm/cortexm/loader-")
    known = (
        ("Debian root, ext4", images + "/gateway-1.0.0.img",
         images + "/gateway-1.1.0.img", None),
        ("Cortex-M loaders", loaders + "direct.bin", loaders + "swap.bin",
         None),
        ("Cortex-M image", images + "/controller-2.0.0.img",
         images + "/controller-2.1.0.img", None),
    )
    return [p for p in known if os.path.exists(p[1]) and os.path.exists(p[2])]


def measured(argv):
    """Runs it: (processor seconds, peak bytes)."""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as child:
        said = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(argv[:2])} failed")
    peak = used.ru_maxrss
    if os.path.basename(argv[0]) == "bench-delta":
        peak = int(said.split()[0])
    return used.ru_utime + used.ru_stime, peak * 1024


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

    def both_ways(self, maker, applier):
        """{bytes, make: (seconds, peak), apply: (seconds, peak)}"""
        made = measured(maker)
        size = os.path.getsize(self.path("D"))
        applied = measured(applier)
        if not filecmp.cmp(self.path("R"), self.new, shallow=False):
            raise RuntimeError(f"{maker[0]} does not give the new image")
        os.unlink(self.path("R"))
        os.unlink(self.path("D"))
        return {"bytes": size, "make": made, "apply": applied}

    def ours(self):
        return self.both_ways(
            [self.sign, "delta", self.seal(self.old, "old.seal"),
             self.seal(self.new, "new.seal"), "--old", self.old,
             "--new", self.new, "--out", self.path("D")],
            [self.applier, self.old, self.path("D"), self.path("R")])

    def peer(self, maker, applier):
        names = {"O": self.old, "N": self.new, "D": self.path("D"),
                 "R": self.path("R")}

        def words(line):
            return [re.sub(r"^(.*=)?([ONDR])$",
                           lambda m: (m.group(1) or "") + names[m.group(2)],
                           word) for word in line.split()]
        return self.both_ways(words(maker), words(applier))
