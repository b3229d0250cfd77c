#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Backups of a server with a campaign running, and a restore of each: what was
acknowledged before is there, the log is whole, the campaign goes on."""
import os
import resource
import sqlite3
import subprocess
import sys
import threading
import time

import harness
from harness import World


class Talk:
    """Chargers that report without a pause; the highest counter of each that
    was acknowledged."""

    def __init__(self, chargers):
        self.acknowledged = {c.id: c.counter for c in chargers}
        self.over = False
        self.threads = [threading.Thread(target=self.run, args=(c,))
                        for c in chargers]
        for t in self.threads:
            t.start()

    def run(self, charger):
        """One of them."""
        while not self.over:
            if charger.report().code == 200:
                self.acknowledged[charger.id] = charger.counter

    def end(self):
        """Waits for all."""
        self.over = True
        for t in self.threads:
            t.join()


def counters(path):
    """{charger: counter} of a database file."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return dict(db.execute("SELECT device, counter FROM report"))
    finally:
        db.close()


def take(world, talk, bad):
    """Five backups; bad: what each lacks."""
    for n in range(5):
        time.sleep(0.2)
        before = dict(talk.acknowledged)
        path = world.path(f"backup-{n}.db")
        said = world.run("backup", path, "--config", world.conf)
        kept = counters(path)
        bad += [(n, c, before[c], kept[c]) for c in before
                if kept[c] < before[c]]
        if "records of the audit log" not in said or os.stat(
                path).st_mode & 0o777 != 0o600:
            bad.append((n, said))
        world.backups.append((path, kept, world.members(world.number)))


def running(tap, world):
    """While chargers report, a backup is one whole moment"""
    # S1.9
    fleet = world.fleet(1, 2, 3, 4)
    number = world.campaign("1.1.0", waves=[{"count": 1}, {"percent": 100}],
                            per_site=4, soak_s=0)
    for c in fleet:
        c.client.get("/director/timestamp.json")
    world.number = number
    talk = Talk(fleet)
    world.backups, bad = [], []
    try:
        take(world, talk, bad)
    finally:
        talk.end()
    tap.equal(bad, [], "what was acknowledged before it is in each of five")
    tap.check(world.backups[0][1] != world.backups[4][1] and
              talk.acknowledged["CP-0001"] > 5,
              "while there was work", talk.acknowledged)
    done = world.run("backup", world.backups[0][0], "--config", world.conf,
                     expect=None)
    tap.check(done.returncode == 1 and "already" in done.stderr,
              "a file that is there is not written over", done)
    done = world.run("restore", world.backups[0][0], "--config", world.conf,
                     expect=None)
    tap.check(done.returncode == 1 and "another server runs" in done.stderr,
              "a running server is not pulled from under its chargers", done)


def back(tap, world):
    """A restored database serves: chargers, campaign and log go on"""
    path, kept, _ = world.backups[4]
    world.stop()
    db = world.path("data", "voltseal.db")
    with open(db, "r+b") as f:
        f.seek(4096)
        f.write(os.urandom(65536))
    tap.check(world.run("check-config", "--config", world.conf,
                        expect=None).returncode == 1,
              "(the database is destroyed)")
    with open(db, "rb") as f:
        broken = f.read()
    said = world.run("restore", path, "--config", world.conf)
    aside = said.strip().rsplit(" ", 1)[1]
    with open(aside, "rb") as f:
        tap.check(f.read() == broken, "what was there is beside it", said)
    tap.equal(counters(db), kept, "it is the backup")
    world.start()
    tap.equal(world.shown(world.number)["state"], "running",
              "the campaign is where it was")
    log = world.audit()
    tap.check(log[-1]["action"] == "store-restored" or any(
        r["action"] == "store-restored" and r["subject"] == "backup-4.db"
        for r in log[-5:]), "the log says so", log[-3:])
    tap.equal([r["seq"] for r in log], list(range(1, len(log) + 1)),
              "and has no gap")
    fleet = [world.chargers[f"CP-000{n}"] for n in (1, 2, 3, 4)]
    end = time.monotonic() + 20
    while world.shown(world.number)["state"] == "running" and \
            time.monotonic() < end:
        for c in fleet:
            if c.report().code == 409:
                continue
            if c.told():
                c.install("1.1.0", 2)
                c.report(status="Installed")
        time.sleep(0.2)
    tap.equal(world.shown(world.number)["state"], "done",
              "it goes on to its end")
    world.stop()
    tap.equal(world.run("check-config", "--config", world.conf).count(
        "in order"), 1, "all is in order")


def wrong(tap, world):
    """What is no backup is refused, and nothing changes"""
    db = world.path("data", "voltseal.db")
    with open(db, "rb") as f:
        before = f.read()
    good = world.backups[0][0]
    half, foreign, forged, newer = (world.path(n) for n in (
        "half.db", "foreign.db", "forged.db", "newer.db"))
    with open(good, "rb") as f:
        data = f.read()
    for path, bytes_ in ((half, data[:len(data) // 2]), (forged, data),
                         (newer, data)):
        with open(path, "wb") as f:
            f.write(bytes_)
    sqlite3.connect(foreign).execute("CREATE TABLE x (y)").connection.commit()
    c = sqlite3.connect(forged)
    c.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 3")
    c.commit()
    c.close()
    c = sqlite3.connect(newer)
    c.execute("UPDATE meta SET value = '99' WHERE name = 'schema'")
    c.commit()
    c.close()
    for path in (half, foreign, forged, newer, world.path("none.db"),
                 world.conf):
        done = world.run("restore", path, "--config", world.conf, expect=None)
        tap.check(done.returncode == 1 and
                  len(done.stderr.splitlines()) == 1,
                  f"{os.path.basename(path)} is refused", done)
    with open(db, "rb") as f:
        tap.check(f.read() == before, "the database is as it was")
    tap.equal([n for n in os.listdir(world.path("data"))
               if "restored" in n or n.endswith(".part")], [],
              "and nothing half done lies beside it")
    small = world.path("small.db")
    done = subprocess.run(
        [world.program, "backup", small, "--config", world.conf],
        capture_output=True, text=True, check=False, preexec_fn=lambda: (
            resource.setrlimit(resource.RLIMIT_FSIZE, (40960, 40960))))
    tap.check(done.returncode == 1 and not os.path.exists(small) and
              not os.path.exists(small + ".part") and
              len(done.stderr.splitlines()) == 1,
              "no room: no backup that looks like one", done)
    tap.equal([world.run(*args, "--config", world.conf,
                         expect=None).returncode
               for args in (["backup"], ["restore"], ["backup", "a", "b"])],
              [2] * 3, "a wrong line is exit 2")


def run(tap, program, folder):
    """All of it over one server."""
    world = World(program, folder, poll_s=1)
    world.add_people()
    try:
        world.start()
        world.room.release("1.1.0", 2)
        world.upload()
        assert world.publish(world.room.files()).code == 200
        for section in (running, back, wrong):
            tap.section(section, world)
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
