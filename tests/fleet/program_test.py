#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""voltseal-fleet from the outside: options, exit codes, JSON, traces."""
import json
import subprocess
import sys


def run(program, *words):
    return subprocess.run([program, *words], check=False, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60)


def checks(program):
    """(what, whether) of each."""
    good = run(program, "--seed", "3", "--chargers", "200", "--days", "2",
               "--seeds", "2", "--json")
    lines = [json.loads(line) for line in good.stdout.splitlines()]
    yield "two seeds give two objects and exit 0", \
        good.returncode == 0 and [r["seed"] for r in lines] == [3, 4]
    yield "an object has counters that add up", all(
        r["members"] == r["waiting"] + r["started"] + r["soaking"] +
        r["updated"] + r["failed"] + r["skipped"] for r in lines)
    bad = run(program, "--release", "bad", "--chargers", "300", "--json")
    result = json.loads(bad.stdout)
    yield "a bad release is halted within the canary, exit 0", \
        bad.returncode == 0 and result["state"] == "halted" and \
        result["told"] <= result["canary"]
    trace = run(program, "--chargers", "100", "--days", "1", "--trace")
    yield "a trace has a line for each hour", \
        trace.returncode == 0 and trace.stdout.count(" h  ") >= 15
    for words in (["--seed"], ["--seed", "-1"], ["--seed", "1x"],
                  ["--chargers", "49"], ["--days", "0"], ["--days", "29"],
                  ["--release", "worse"], ["--frobnicate"], ["7"]):
        wrong = run(program, *words)
        yield f"{' '.join(words)}: one line and exit 2", \
            wrong.returncode == 2 and not wrong.stdout and \
            wrong.stderr.count("\n") == 1
    said = run(program, "--version")
    yield "--version names a commit", \
        said.returncode == 0 and len(said.stdout.split()) == 2


def main():
    number = bad = 0
    for number, (what, whether) in enumerate(checks(sys.argv[1]), 1):
        print(f"{'ok' if whether else 'not ok'} {number} - {what}")
        bad += not whether
    print(f"1..{number}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
