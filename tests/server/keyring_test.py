#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Boot keyrings by version, for chargers that have an older one.  S0.18"""
import os
import sys

import harness
from chargers import keyring
from harness import World

PARTS = ["gateway", "controller"]


def published(world, at="image"):
    """Three keyrings, one after the other, as publish writes them out."""
    keys = world.room.boot
    rings = [keyring(n, keys, 2, PARTS, keys[:2]) for n in (1, 2, 3)]
    for n, ring in enumerate(rings, 1):
        world.write(ring, at, f"keyring.{n}")
    world.write(rings[-1], at, "keyring")
    return rings


def served(tap, world):
    """Each that was published is there under its number, byte for byte"""
    rings = published(world)
    world.start()
    a, = world.fleet(1)
    for n, ring in enumerate(rings, 1):
        answer = a.client.get(f"/keyring/{n}")
        tap.check(answer.code == 200 and answer.body == ring,
                  f"keyring {n}", answer)
    for name in ("4", "0", "01", "", "keyring.1", "../image/keyring",
                 "..%2fkeyring", "1/2", "-1"):
        tap.equal(a.client.get("/keyring/" + name).code, 404,
                  f"{name!r} is not there")
    tap.equal(world.people["vera"].get("/keyring/1").code, 404,
              "nor is it on people's listener")
    stranger = world.device()
    tap.check(stranger.get("/keyring/1").code in (0, 401, 403),
              "nor for who has no certificate")
    tap.equal(world.stop(), 0, "it stops in good order")


def gaps(tap, world):
    """Who keeps only some of them serves those"""
    os.unlink(world.path("image", "keyring.2"))
    world.start()
    a = world.chargers["CP-0001"]
    tap.equal([a.client.get(f"/keyring/{n}").code for n in (1, 2, 3)],
              [200, 404, 200], "one that is missing is not there")
    tap.equal(world.stop(), 0, "it stops in good order")


def wrong(tap, world):
    """What is no keyring of its number, or no successor, is named at the start
    """
    keys, others = world.room.boot, world.room.releasers
    good = published(world)
    cases = {
        "another number": (keyring(5, keys, 2, PARTS, keys[:2]),
                           "wrong-version"),
        "the one before": (good[0], "keyring-rollback"),
        "a flipped bit": (good[1][:40] + bytes([good[1][40] ^ 1]) +
                          good[1][41:], "keyring.2"),
        "too few signatures": (keyring(2, keys, 2, PARTS, keys[:1]),
                               "seal-signature"),
        "other people's": (keyring(2, others, 2, PARTS, others[:2]),
                           "seal-signature"),
        "nothing": (b"", "keyring.2"),
    }
    for what, (ring, word) in cases.items():
        world.write(ring, "image", "keyring.2")
        done = world.run("check-config", "--config", world.conf, expect=None)
        tap.check(done.returncode == 1 and "keyring.2" in done.stderr and
                  word in done.stderr and
                  len(done.stderr.strip().splitlines()) == 1,
                  f"{what} is refused by name", done)


def run(tap, program, folder):
    """All of it over one server."""
    world = World(program, folder)
    world.add_people()
    try:
        for section in (served, gaps, wrong):
            tap.section(section, world)
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
