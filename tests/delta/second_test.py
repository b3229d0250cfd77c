#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""second.py, which was written from the documents, applies what we make.

Arguments: TOOL PROGRAMS: tests/delta/tool.c, and the folder of the specimens.
What second.py gives is compared byte for byte with the new image; of damaged
deltas and old images it must give the blocks that our applier gives, and fail
where that fails.
"""
import concurrent.futures
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import second  # noqa: E402
from second_programs import Fault  # noqa: E402

PAIRS = (("delta_specimen", "delta_specimen_more"),
         ("delta_specimen_more", "delta_specimen"),
         ("delta_specimen_o1", "delta_specimen_os"),
         ("firmware_thumb_old", "firmware_thumb_new"),
         ("firmware_a64_old", "firmware_a64_new"),
         ("firmware_arm_old", "firmware_arm_new"),
         ("firmware_a32_old", "firmware_a32_new"),
         ("firmware_riscv_old", "firmware_riscv_new"))
UNUSED = 3  # all came out, and there are bytes left
UUID = "4ea5ee68-fea0-5586-1068-90ded5733820"


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


def comes_out(old, new):
    """What is wrong with a pair of images."""
    delta = make(old, new)
    code, out = apply(old, delta)
    if code == 0 and out == new:
        return None
    if code == UNUSED:
        return "the delta is not used up"
    good = len(os.path.commonprefix((out, new)))
    return f"exit {code}, right up to {good} of {len(new)}"


def program(was, now):
    """Two builds of one program."""
    paths = [os.path.join(sys.argv[2], name) for name in (was, now)]
    if not all(os.path.exists(p) for p in paths):
        return "SKIP no clang or lld"
    return comes_out(*map(load, paths))


def ext4(seed, was, now):
    """Two file systems with a program in them, and files that moved."""
    mke2fs = shutil.which("mke2fs", path="/usr/sbin:/sbin:/usr/bin")
    if not mke2fs:
        return "SKIP no mke2fs"
    images = []
    for name in (was, now):
        with tempfile.TemporaryDirectory() as folder:
            tree = os.path.join(folder, "tree")
            image = os.path.join(folder, "image")
            dice = random.Random(seed)
            os.mkdir(tree)
            shutil.copy(os.path.join(sys.argv[2], name), tree + "/program")
            for i in range(3 if name == was else 4):
                with open(f"{tree}/{i}", "wb") as f:
                    f.write(dice.randbytes(dice.randrange(1, 9000)))
                os.utime(f"{tree}/{i}", (1700000000, 1700000000))
            os.utime(tree + "/program", (1700000000, 1700000000))
            os.utime(tree, (1700000000, 1700000000))
            env = {"E2FSPROGS_FAKE_TIME": "1700000000"}
            subprocess.run([mke2fs, "-q", "-t", "ext4", "-b", "4096", "-O",
                            "^has_journal", "-N", "64", "-U", UUID, "-E",
                            "hash_seed=" + UUID, "-d", tree, image, "512k"],
                           check=True, env=env, timeout=60,
                           stdout=subprocess.DEVNULL)
            images.append(load(image))
    return comes_out(*images)


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


def damaged(seed, was, now):
    """A delta or an old image with damage: both appliers must agree."""
    paths = [os.path.join(sys.argv[2], name) for name in (was, now)]
    if not all(os.path.exists(p) for p in paths):
        return "SKIP no clang or lld"
    old, new = map(load, paths)
    dice = random.Random(seed)
    delta = make(old, new)
    for _ in range(4):
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
        theirs = tool("apply", bytes(bent), bytes(broken))
        ours = apply(bytes(bent), bytes(broken))
        if theirs != (ours[0] if ours[0] != UNUSED else 0, ours[1]):
            return (f"way {how}: exit {theirs[0]} with {len(theirs[1])} and "
                    f"exit {ours[0]} with {len(ours[1])} bytes")
    return None


CASES = [(f"{was} becomes {now}", program, was, now) for was, now in PAIRS] + [
    ("an ext4 image becomes another", ext4, 1, "delta_specimen",
     "delta_specimen_more"),
] + [(f"random edits {seed} come out", edits, seed) for seed in range(12)] + [
    (f"damage is seen alike: {was}", damaged, seed, was, now)
    for seed, (was, now) in enumerate(PAIRS)]


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
