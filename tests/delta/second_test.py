#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""second.py, which was written from the documents, applies what we make.

Arguments: TOOL PROGRAMS: tests/delta/tool.c, and the folder of the specimens.
What second.py gives is compared byte for byte with the new image; of damaged
deltas and old images it must give the blocks that our applier gives, and fail
where that fails.  S0.31
"""
import concurrent.futures
import os
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import second  # noqa: E402
import second_soup  # noqa: E402
from second_bend import Bender  # noqa: E402
from second_images import (  # noqa: E402
    CLUSTERS, FIXED, MKE2FS, OTHERWISE, SYSTEMS, images, inode_of, long_file)
from second_programs import Fault  # noqa: E402
from second_units import Units  # noqa: E402

PAIRS = (("delta_specimen", "delta_specimen_more"),
         ("delta_specimen_more", "delta_specimen"),
         ("delta_specimen_o1", "delta_specimen_os"),
         ("firmware_thumb_old", "firmware_thumb_new"),
         ("firmware_a64_old", "firmware_a64_new"),
         ("firmware_arm_old", "firmware_arm_new"),
         ("firmware_a32_old", "firmware_a32_new"),
         ("firmware_riscv_old", "firmware_riscv_new"))
WRONG = (("batches", -1), ("batch", 1), ("batch", -1), ("fixes", 1),
         ("fix_at", 2), ("fix_at", 999), ("fix_len", 1), ("fix_len", 2))
LENGTH = 187, 0x20  # of FIXED: a length that stands behind no begin
UNUSED = 3  # all came out, and there are bytes left


def load(path):
    """A file's bytes."""
    with open(path, "rb") as f:
        return f.read()


def tool(how, old, other, timeout=100):
    """(exit code, what our own maker or applier wrote)."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, n) for n in ("old", "other", "out")]
        for path, data in zip(paths, (old, other)):
            with open(path, "wb") as f:
                f.write(data)
        code = subprocess.run([sys.argv[1], how, *paths], check=False,
                              timeout=timeout).returncode
        return code, load(paths[2])


def make(old, new):
    """A delta."""
    code, delta = tool("make", old, new)
    if code != 0:
        raise RuntimeError(f"the maker gave {code}")
    return delta


def apply(old, delta):
    """(exit code, what second.py gives)."""
    parts, out = second.apply(old, delta), b""
    try:
        while True:
            out += next(parts)
    except StopIteration as end:
        return (0 if end.value == len(delta) else UNUSED), out
    except Fault:
        return 1, out


def comes_out(old, new, form=0, judge_delta=None):
    """What is wrong with a pair of images, whose delta is of that form."""
    delta = make(old, new)
    if delta[10] != form:
        return f"form {delta[10]}"
    wrong = judge_delta and judge_delta(old, delta)
    if wrong:
        return wrong
    code, out = apply(old, delta)
    if code == 0 and out == new:
        return None
    if code == UNUSED and out == new:
        return "the delta is not used up"
    good = len(os.path.commonprefix((out, new)))
    return f"exit {code}, right up to {good} of {len(new)}"


def program(was, now):
    """Two builds of one program."""
    paths = [os.path.join(sys.argv[2], name) for name in (was, now)]
    if not all(os.path.exists(p) for p in paths):
        return "SKIP no clang or lld"
    return comes_out(*map(load, paths))


def system(which):
    """Two file systems."""
    old, new = images(which, sys.argv[2])
    if not old:
        return "SKIP no tool that makes one"
    if which in CLUSTERS:
        fixes = len(OTHERWISE) if which == FIXED else 0
        return comes_out(old, new, 1,
                         lambda *both: not_in_batches(*both, fixes))
    return comes_out(old, new, 0 if SYSTEMS[which] is MKE2FS else 1)


def not_in_batches(old, delta, fixes):
    """Why a delta is not one that these pairs are there for."""
    coder = second.Coder(delta, 128)
    for is_new in (False, True):
        units = Units(coder, second.Number, second.Tree, is_new, len(old))
    batches = max((u.batches for u in units.list), key=len)
    found = [len(batch.fixes) for batch in batches]
    if len(found) < 3 or sum(found) != fixes:
        return f"batches with {found} fixes"
    if fixes and max(found) == fixes:
        return "all fixes in one batch"
    return None


def soup(machine):
    """Two files of instructions by chance."""
    return comes_out(*second_soup.pair(machine, 7))


def edited(seed):
    """Two images of random bytes, the second one with edits."""
    dice = random.Random(seed)
    old = dice.randbytes(dice.randrange(1, 100000))
    new = bytearray(old)
    for _ in range(dice.randrange(6)):
        at = dice.randrange(len(new) + 1)
        change = dice.randbytes(dice.randrange(60))
        end = at + dice.choice((0, len(change), dice.randrange(99)))
        new[at:end] = change
    return old, bytes(new[:max(1, dice.choice((len(new), len(new) // 2)))])


def edits(seed):
    """Random edits."""
    return comes_out(*edited(seed))


def damaged(seed, what):
    """A delta or an old image with damage: both appliers must agree."""
    if what in SYSTEMS:
        old, new = images(what, sys.argv[2])
        if not old:
            return "SKIP no tool that makes one"
    else:
        paths = [os.path.join(sys.argv[2], name) for name in what]
        if not all(os.path.exists(p) for p in paths):
            return "SKIP no clang or lld"
        old, new = map(load, paths)
    dice = random.Random(seed)
    delta = make(old, new)
    for _ in range(3 if what in CLUSTERS else 2):
        broken, bent = bytearray(delta), bytearray(old)
        how = dice.randrange(4)
        if how == 0:
            del broken[dice.randrange(len(broken)):]
        elif how == 1:
            broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
        elif how == 2:
            broken[dice.randrange(128, 160)] ^= 1 << dice.randrange(8)
        else:
            for _ in range(dice.randrange(1, 40)):
                bent[dice.randrange(len(bent))] ^= 1 << dice.randrange(8)
        wrong = differ(bytes(bent), bytes(broken))
        if wrong:
            return f"way {how}: {wrong}"
    return None


def index(seed, which):
    """An old image in which a packed file's index has damage."""
    old, new = images(which, sys.argv[2])
    if not old:
        return "SKIP no tool that makes one"
    dice, delta = random.Random(seed), make(old, new)
    begin, end = inode_of(old, long_file(0)).index
    spots = [(dice.randrange(end - begin), 1 << dice.randrange(8))
             for _ in range(5)]
    for at, mask in [LENGTH, *spots]:
        bent = bytearray(old)
        bent[begin + at] ^= mask
        wrong = differ(bytes(bent), delta)
        if wrong:
            return f"{mask:#x} of {at}: {wrong}"
    return None


def differ(old, delta):
    """What both appliers say that is not the same."""
    theirs, ours = tool("apply", old, delta), apply(old, delta)
    if theirs == (ours[0] if ours[0] != UNUSED else 0, ours[1]):
        return None
    return (f"exit {theirs[0]} with {len(theirs[1])} and "
            f"exit {ours[0]} with {len(ours[1])} bytes")


def misnumbered(seed, which):
    """Deltas with one wrong number in their lists of units."""
    old, new = images(which, sys.argv[2])
    if not old:
        return "SKIP no tool that makes one"
    dice, bender = random.Random(seed), Bender(old, make(old, new))
    for name, more in WRONG:
        numbers = [n for n in bender.numbers if n.name == name]
        if not numbers:
            continue
        n = dice.choice(numbers)
        wrong = differ(old, bender.bend(n, max(n.value + more, 0)))
        if wrong:
            return f"{name} {n.value} and {more}: {wrong}"
    return None


CASES = [(f"{was} becomes {now}", program, was, now) for was, now in PAIRS] + [
    (f"{which} becomes another", system, which) for which in SYSTEMS
] + [
    (f"a wrong number is seen alike: {which}", misnumbered, seed, which)
    for seed, which in enumerate((FIXED, "clusters of 64 KiB"))
] + [
    (f"damage of an index is seen alike: {which}", index, seed, which)
    for seed, which in enumerate((FIXED, "clusters with a full index"))
] + [(f"instructions by chance come out: {name}", soup, machine)
     for name, machine in (("x86-64", 62), ("A64", 183), ("Arm", 40),
                           ("RV64", 243))
] + [(f"random edits {seed} come out", edits, seed) for seed in range(6)] + [
    (f"damage is seen alike: {what if what in SYSTEMS else what[0]}",
     damaged, seed, what) for seed, what in enumerate((*PAIRS, *SYSTEMS))]


def judge(case):
    """What is wrong with a case."""
    try:
        return case[1](*case[2:])
    except Exception as e:  # pylint: disable=broad-except
        return f"{type(e).__name__}: {e}"


def main():
    """All cases, two at a time."""
    print(f"1..{len(CASES)}")
    failed = 0
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        for i, wrong in enumerate(pool.map(judge, CASES), 1):
            skip = wrong is not None and wrong.startswith("SKIP ")
            failed += wrong is not None and not skip
            print("not ok" if wrong and not skip else "ok", i, "-",
                  CASES[i - 1][0] + (" # " + wrong if wrong else ""),
                  flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
