#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs of Debian's packages, as released and as updated for security, come
out of a delta byte for byte.  S0.31

Arguments: TOOL FOLDER: tests/delta/tool.c, and where what was fetched is kept:
the next run needs no network.
"""
import concurrent.futures
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import packages  # noqa: E402

# Each has had an update; both versions of all of them are less than 10 MB.
PACKAGES = ("libexpat1", "libxml2", "libcurl4", "nginx", "libssl3")
MOST = 2  # of a delta there are so many in what zstd makes of the program


def fetch(out):
    """Whole or not at all."""
    with tempfile.TemporaryDirectory() as work:
        arch = packages.run(["dpkg", "--print-architecture"]).strip()
        apt = packages.Apt(os.path.join(work, "apt"), arch,
                           packages.suites())
        found = os.path.join(work, "pairs")
        packages.fetch_pairs(apt, PACKAGES, found)
        if not packages.pairs(found):
            raise packages.NoPackages("none of them has an update")
        shutil.rmtree(out + ".new", ignore_errors=True)
        shutil.copytree(found, out + ".new")
        os.rename(out + ".new", out)


def packed(path):
    """Bytes of what zstd makes of it."""
    return len(subprocess.run(["zstd", "-q", "-19", "-c", path], check=True,
                              capture_output=True, timeout=60).stdout)


def load(path):
    """A file's bytes."""
    with open(path, "rb") as f:
        return f.read()


def comes_out(was, now):
    """(what is wrong, what to tell) of a pair of programs."""
    with tempfile.TemporaryDirectory() as work:
        delta, out = (os.path.join(work, name) for name in ("delta", "out"))
        for words in (("make", was, now, delta), ("apply", was, delta, out)):
            code = subprocess.run([sys.argv[1], *words], check=False,
                                  timeout=200).returncode
            if code != 0:
                return f"{words[0]} gives {code}", ""
        got, new, size = load(out), load(now), os.path.getsize(delta)
    whole = packed(now)
    told = f"{len(new)} bytes, zstd -19 {whole}, delta {size}"
    if got != new:
        good = len(os.path.commonprefix((got, new)))
        return f"right up to {good} of {len(new)}", told
    return "the delta is long" if MOST * size >= whole else None, told


def grown(case):
    """By how many bytes."""
    return abs(os.path.getsize(case[0]) - os.path.getsize(case[1]))


def judge(case):
    """The same, whatever happens."""
    try:
        return comes_out(*case)
    except Exception as e:  # pylint: disable=broad-except
        return f"{type(e).__name__}: {e}", ""


def main():
    """All programs, and one back to what it was; two at a time."""
    these = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:8]
    folder = os.path.join(sys.argv[2], "packages-" + these)
    try:
        if not packages.pairs(folder):
            fetch(folder)
    except packages.NoPackages as why:
        print(f"1..0 # SKIP no packages can be fetched: {why}")
        return 0
    cases = packages.pairs(folder)
    cases.append(tuple(reversed(max(cases, key=grown))))
    print(f"1..{len(cases)}")
    failed = 0
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        for i, (wrong, told) in enumerate(pool.map(judge, cases), 1):
            failed += wrong is not None
            print("not ok" if wrong else "ok", i, "-",
                  " becomes ".join(os.path.basename(p) for p in cases[i - 1])
                  + (": " + wrong if wrong else ""))
            print("#", told, flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
