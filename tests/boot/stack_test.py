#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How deep boot/ and the seal's core stand on the stack: the compiler says what
each function takes and whom it calls, this adds it up.  S1.33

What is called through struct vs_boot_ops and struct vs_crypto is the board's
and counts as nothing.  A recursion, or a frame whose length is not known, is a
failure.

usage: stack_test.py CC SOURCE_ROOT SOURCE...
"""
import collections
import os
import re
import subprocess
import sys
import tempfile

# Bytes on the machine that runs the tests, a tenth above what was measured.
LIMITS = {
    "vs_boot_decide": 8800,
    "vs_boot_recover": 8800,
    "vs_boot_recovery_raise": 8800,
    "vs_boot_verify_component": 3400,
    "vs_keyring_open": 5000,
    "vs_decision_decode": 1250,
    "vs_swap_bring": 700,
    "vs_flash_floor_raise": 510,
}
FUNCTIONS_MIN = 80
MEMORY = {"memcpy", "memmove", "memset", "memcmp"}
PLACEHOLDER = "__indirect_call"
CULPRITS = """
unsigned deep(unsigned n);
unsigned twice(unsigned n);
unsigned twice(unsigned n) { return n ? deep(n - 1) * twice(n / 2) : 1; }
unsigned deep(unsigned n)
{
	volatile char room[n + 1];

	room[n] = 1;
	return room[n] + twice(n);
}
"""


class Graph:
    def __init__(self):
        self.frame = {}
        self.dynamic = set()
        self.calls = collections.defaultdict(set)

    def read(self, path):
        with open(path, encoding="utf-8") as f:
            for row in f:
                name = re.match(r'node: { title: "([^"]+)" label: "([^"]*)"',
                                row)
                edge = re.match(r'edge: { sourcename: "([^"]+)" '
                                r'targetname: "([^"]+)"', row)
                if edge:
                    self.calls[edge[1]].add(edge[2])
                if not name:
                    continue
                used = re.search(r"(\d+) bytes \(([^)]*)\)", name[2])
                if used:
                    self.frame[name[1]] = int(used[1])
                    if used[2] == "dynamic":
                        self.dynamic.add(name[1])

    def depth(self, name, above=()):
        """Bytes below name, itself included, and the way there."""
        if name in above:
            raise RecursionError(" -> ".join(above + (name,)))
        if name == PLACEHOLDER or name in MEMORY:
            return 0, ()
        deepest = (0, ())
        for callee in self.calls[name]:
            deepest = max(deepest, self.depth(callee, above + (name,)))
        # A call's return address is on top of what the frame takes, where
        # the compiler has not counted it: eight bytes too many do no harm.
        return (self.frame[name] + 8 + deepest[0], (name,) + deepest[1])


def graph_of(cc, level, root, sources):
    graph = Graph()
    with tempfile.TemporaryDirectory(prefix="voltseal-stack-") as work:
        for i, source in enumerate(sources):
            out = os.path.join(work, f"{i}.o")
            subprocess.run(
                [cc, "-std=c17", "-ffreestanding", "-fno-stack-protector",
                 "-fno-pic", "-fcallgraph-info=su", level, "-I" + root, "-c",
                 source, "-o", out], check=True)
            graph.read(os.path.join(work, f"{i}.ci"))
    return graph


def sees_culprits(cc):
    with tempfile.NamedTemporaryFile(suffix=".c", mode="w") as f:
        f.write(CULPRITS)
        f.flush()
        graph = graph_of(cc, "-O0", ".", [f.name])
    try:
        graph.depth("deep")
    except RecursionError:
        return graph.dynamic == {"deep"}
    return False


def problems(graph):
    if len(graph.frame) < FUNCTIONS_MIN:
        yield f"only {len(graph.frame)} functions were seen"
    for name in graph.dynamic:
        yield f"{name}: its frame has no fixed length"
    for name, limit in LIMITS.items():
        if name not in graph.frame:
            yield f"{name}: was not seen"
            continue
        try:
            depth, way = graph.depth(name)
        except (RecursionError, KeyError) as error:
            yield f"{name}: {type(error).__name__}: {error}"
            continue
        steps = ", ".join(step.split(":")[-1] for step in way)
        print(f"# {name}: {depth} bytes by {steps}")
        if depth > limit:
            yield f"{name}: {depth} bytes are above {limit}"


def understands(cc):
    """Whether cc can say what is asked for: gcc can, clang cannot."""
    with tempfile.TemporaryDirectory() as work:
        return subprocess.run(
            [cc, "-fcallgraph-info=su", "-x", "c", "-c", os.devnull, "-o",
             os.path.join(work, "o")], check=False,
            stderr=subprocess.DEVNULL).returncode == 0


def main():
    cc, root, *sources = sys.argv[1:]
    cc = next((c for c in (cc, "gcc") if understands(c)), None)
    if not cc:
        print("1..0 # SKIP no compiler tells what its frames take")
        return 0
    levels = ("-O2", "-Os")
    print(f"1..{len(levels) + 1}")
    good = sees_culprits(cc)
    print(f"{'ok' if good else 'not ok'} 1 - a recursion and a frame without "
          "a length are seen")
    for i, level in enumerate(levels, 2):
        wrong = list(problems(graph_of(cc, level, root, sources)))
        for row in wrong:
            print("# " + row)
        print(f"{'not ok' if wrong else 'ok'} {i} - within its bounds at "
              f"{level}")
        good = good and not wrong
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
