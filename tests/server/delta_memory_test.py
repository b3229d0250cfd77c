#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What making a delta may take of memory.  Without sanitizers alone: they take
terabytes of addresses, which are what is bounded.
S0.31"""
import os
import sys

import harness
from delta_bounds_test import Bounded, dropped_once, shuffled


def memory(tap, program, folder):
    """A pair too large for the memory is dropped with its reason"""
    one = Bounded(program, folder, 1, delta_memory_mb=64)
    try:
        noise = os.urandom(8 << 20)
        one.publish(tap, {60: noise, 61: shuffled(noise, 1)})
        one.runs(60, *one.chargers)
        dropped_once(tap, one, one.name(60, 61),
                     "takes more memory than it may (delta_memory_mb)")
        tap.equal(one.again(delta_memory_mb=2048), 0, "it stops in good order")
        tap.check(one.waits_for(lambda: one.name(60, 61) in one.made()),
                  "with more, the next start makes it", one.world.said())
    finally:
        one.world.stop()


def run(tap, program, folder):
    """One section."""
    tap.section(memory, program, folder)


if __name__ == "__main__":
    sys.exit(harness.main(run))
