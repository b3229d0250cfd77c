#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""voltseal-fleet's judge can fail: campaign code that errs is found out, with
the seed and the commit, and the command that is printed shows it again.

usage: mistakes_test.py VOLTSEAL-FLEET-MISTAKEN"""
import os
import re
import shlex
import subprocess
import sys

# what errs, in which kind of release, and what is to be said of it
MISTAKES = (
    ("window", "good", r"starts at \d\d:\d\d \S+, in no window"),
    ("feeder", "good", r"starts while its feeder lacks another"),
    ("site", "good", r"starts while \d+ of its site are away"),
    ("wave", "good", r"a start in wave \d: \d+ of \d+ in wave \d are proven"),
    ("hour", "good", r"\d+ starts within an hour, \d+ are the cap"),
    ("away", "good", r"\d+ are under way already"),
    ("soak", "good", r"has not passed its soak"),
    ("restart", "good", r"is told twice"),
    ("count", "good", r"counters: .* history: "),
    ("alarm", "good", r"halted without cause: "),
    ("deaf", "good", r"is well and still failed"),
    ("halt", "bad", r"starts after too many failed"),
    ("trust", "bad", r"cannot run it and counts as updated"),
)
SEEDS = 12  # not every scene has the caps, or comes to its end undisturbed


def run(program, mistake, *words):
    """It, with such a mistake."""
    return subprocess.run(
        [program, *words], check=False, text=True, capture_output=True,
        stdin=subprocess.DEVNULL, timeout=120,
        env={**os.environ, "VS_FLEET_MISTAKE": mistake})


def found(program, mistake, kind, said, commit):
    """None, or why the mistake is not found as it should be."""
    done = run(program, mistake, "--seed", "1", "--seeds", str(SEEDS),
               "--chargers", "300", "--release", kind)
    failures = re.findall(
        r"^voltseal-fleet: seed (\d+), commit (\S+): (.*)\n"
        r"  again with: (.*)$", done.stderr, re.MULTILINE)
    fit = [f for f in failures if re.search(said, f[2])]
    if done.returncode != 1 or not fit:
        return done
    seed, named, what, command = fit[0]
    again = run(program, mistake, *shlex.split(command)[1:])
    if named != commit or again.returncode != 1 or \
            f"seed {seed}, commit {commit}: {what}\n" not in again.stderr:
        return again
    return None


def main():
    program = sys.argv[1]
    commit = run(program, "", "--version").stdout.split()[1]
    number = bad = 0
    clean = run(program, "", "--seeds", "3", "--chargers", "300")
    rows = [("without a mistake nothing is found",
             None if clean.returncode == 0 and not clean.stderr else clean)]
    rows += [(f"{mistake}: found, and found again",
              found(program, mistake, kind, said, commit))
             for mistake, kind, said in MISTAKES]
    for number, (what, wrong) in enumerate(rows, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {what}")
        if wrong:
            bad += 1
            print("# " + str(wrong.stderr)[-1500:].replace("\n", "\n# "))
    print(f"1..{number}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
