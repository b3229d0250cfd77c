#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 again and again while a campaign brings a release to many chargers:
nothing acknowledged is lost, nobody is started twice, no wave begins early,
and the campaign comes to its end.

Arguments: voltseal-server, herd; then how many chargers and kills, and a seed.
The suite runs a small herd; without numbers it is 2000 and 100."""
import os
import random
import signal
import subprocess
import sys
import threading
import time

import harness
from chargers import Charger, Key
from harness import World

CHARGERS = int(sys.argv[3]) if len(sys.argv) > 3 else 2000
KILLS = int(sys.argv[4]) if len(sys.argv) > 4 else 100
SEED = int(sys.argv[5]) if len(sys.argv) > 5 else int(time.time())
THREADS = 4
CANARIES = max(2, min(20, CHARGERS // 20))


class Herd:
    """Chargers that share a key, and what the server acknowledged to each."""

    def __init__(self, world, herd):
        folder = world.path("identities")
        os.makedirs(folder)
        key = Key(os.path.join(folder, "shared.pem"))
        subprocess.run([herd, world.device_ca.certificate,
                        world.device_ca.key, key.path, str(CHARGERS),
                        folder], check=True)
        self.all, self.acknowledged, self.versions = [], {}, {}
        self.odd, self.left = [], []
        for n in range(1, CHARGERS + 1):
            c = Charger.__new__(Charger)
            c.id, c.site, c.key = f"CP-{n:04d}", f"site-{n % 50}", key
            c.certificate = os.path.join(folder, c.id + ".cert.pem")
            c.runs = {"gateway": ("1.0.0", 1), "controller": ("1.0.0", 1)}
            c.counter, c.nonce, c.done = 0, "", False
            c.client = None
            self.all.append(c)
        self.world = world

    def each(self, chargers, what):
        """Does it for all, in a few threads, until self.left is emptied."""
        left = self.left = list(chargers)

        def work():
            while left:
                try:
                    c = left.pop()
                except IndexError:
                    return
                what(c)
        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        for t in threads:
            t.start()
        return threads

    def enroll(self, c):
        """Registers one."""
        answer = self.world.people["otto"].post("/v1/devices",
                                                c.registration())
        assert answer.code == 201, answer

    def report(self, c, **says):
        """A report; what was acknowledged is kept."""
        answer = c.report(**says)
        if answer.code == 200:
            self.acknowledged[c.id] = c.counter
        elif answer.code == 409 and answer.json().get("nonce"):
            # the answer to its first report was lost: it has one now
            c.nonce = answer.json()["nonce"]
        elif answer.code not in (0, 503):
            self.odd.append((c.id, answer))
        return answer.code == 200

    def live(self, c):
        """A poll; if it is told a release, it installs it and says so."""
        c.client = c.client or self.world.device(c.certificate, c.key.path)
        try:
            if not self.acknowledged.get(c.id) and not self.report(c):
                return
            timestamp, _, targets = c.director()
            version = timestamp["signed"]["version"]
            if version < self.versions.get(c.id, 0):
                self.odd.append((c.id, "an older director version"))
            self.versions[c.id] = version
            if targets["signed"]["targets"] or c.runs["gateway"][1] == 2:
                c.install("1.1.0", 2)
                c.done = self.report(c, status="Installed",
                                     campaignSeq=2)
        except (AssertionError, OSError, ValueError):
            return  # the server went away meanwhile


def lost(world, herd):
    """Chargers whose acknowledged report is not in the database."""
    with world.reader() as db:
        kept = dict(db.execute("SELECT device, counter FROM report"))
    return [c for c, n in list(herd.acknowledged.items())
            if kept.get(c, 0) < n]


def killed(tap, world, herd):
    """Nothing acknowledged is lost, whenever it is killed"""
    # S0.27 S1.9
    r = random.Random(SEED)
    print(f"# seed {SEED}, {CHARGERS} chargers, {KILLS} kills", flush=True)
    for t in herd.each(herd.all, herd.enroll):
        t.join()
    number = world.campaign("1.1.0", waves=[{"count": CANARIES},
                                            {"percent": 100}],
                            per_site=CHARGERS, soak_s=0)
    world.number = number
    first = {m["id"] for m in world.people["vera"].get(
        f"/v1/campaigns/{number}/members?limit={CANARIES}").json()
        if m["wave"] == 0}
    tap.equal(len(first), CANARIES, "(those of the first wave)")
    bad = []
    for n in range(KILLS):
        busy = [c for c in herd.all if not c.done]
        r.shuffle(busy)  # whoever is not done may be the one that talks,
        busy.sort(key=lambda c: c.id in first)  # from the end of the list
        threads = herd.each(busy, herd.live)
        time.sleep(r.uniform(0.05, 1.5))
        acknowledged = dict(herd.acknowledged)
        world.stop(signal.SIGKILL)
        herd.left.clear()
        for t in threads:
            t.join()
        bad += lost(world, herd)
        world.start()
        if bad:
            break
    tap.equal(bad, [], f"{KILLS} kills, {len(acknowledged)} chargers had "
              "answers by then")
    tap.check(len(acknowledged) > max(CHARGERS // 4, CANARIES),
              "a quarter of them talked between the kills",
              len(acknowledged))
    tap.check(sum(c.done for c in herd.all) > CANARIES,
              "the first wave was passed in between",
              sum(c.done for c in herd.all))


def to_the_end(tap, world, herd):
    """The campaign comes to its end"""
    end = time.monotonic() + max(400, 2 * CHARGERS)
    while time.monotonic() < end and not all(c.done for c in herd.all):
        for t in herd.each([c for c in herd.all if not c.done], herd.live):
            t.join()
    tap.equal([c.id for c in herd.all if not c.done], [],
              "each charger has installed it")
    tap.check(world.wait(lambda: world.shown(world.number)["state"] == "done",
                         30), "it is done", world.shown(world.number)
              ["progress"])
    tap.equal(world.shown(world.number)["progress"]["updated"], CHARGERS,
              "with all of them")
    tap.equal(herd.odd[:5], [], "nobody got an answer that fits nothing")
    tap.equal(lost(world, herd), [], "and no report is lost")


def told_once(tap, world, herd):
    """Nobody is started twice, no wave begins before the one before it ends"""
    log = world.audit()
    tap.equal([x["seq"] for x in log], list(range(1, len(log) + 1)),
              "the log has no gap")
    started = [x["subject"] for x in log if x["action"] == "update-started"]
    tap.equal((len(started), len(set(started))), (CHARGERS, CHARGERS),
              "each charger is started once")
    begun, ended, early = 0, 0, []
    for x in log:
        ended += x["action"] == "update-confirmed"
        if x["action"] == "update-started":
            begun += 1
            if begun > CANARIES > ended:
                early.append(x["seq"])
    tap.equal(early, [], f"the second wave waits for all {CANARIES} of the "
              "first")
    tap.equal(ended, CHARGERS, "each is confirmed once")
    world.stop()
    tap.check("in order" in world.run("check-config", "--config", world.conf),
              "the audit chain is whole")
    del herd


def run(tap, program, herd_program, *rest):
    """All of it over one server."""
    folder = rest[-1]
    world = World(program, folder, poll_s=1, person_rate=1000)
    world.add_people()
    try:
        world.start()
        world.room.release("1.1.0", 2)
        world.upload()
        assert world.publish(world.room.files()).code == 200
        herd = Herd(world, herd_program)
        for section in (killed, to_the_end, told_once):
            tap.section(section, world, herd)
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
