#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Everybody reconnects at once after a regional power cut: far more chargers
than there are connections, handshakes and places at the disk.  Nobody is lost,
nobody waits for ever; those turned away and those told Retry-After come again
and have all polled in the end.  A charger that was in before stays in.

Arguments: voltseal-server, herd, storm; then how many chargers (2000)."""
import http.client
import json
import os
import sqlite3
import subprocess
import sys
import threading

import harness
import metrics_test
from chargers import Charger, Key
from harness import World, free_port

CHARGERS = int(sys.argv[4]) if len(sys.argv) > 4 else 2000
SECONDS = 240  # in which all have polled, however busy the machine
# Small enough that each is exceeded by far.
LIMITS = {"device_connections": 300, "address_connections": 15,
          "handshakes": 100, "handshake_rate": 700, "waiting_jobs": 20,
          "retry_s": 1, "poll_s": 300}
RESIDENT = "CP-9999"


def enroll(world, folder):
    """Registers them all over a few connections that are kept."""
    left = list(range(1, CHARGERS + 1))
    odd = []

    def work():
        c = http.client.HTTPSConnection(
            "127.0.0.1", world.ports[1], timeout=60,
            context=world.people["otto"].context)
        while left:
            try:
                n = left.pop()
            except IndexError:
                break
            x = Charger.__new__(Charger)
            x.id, x.site = f"CP-{n:04d}", f"site-{n // 20}"
            x.certificate = os.path.join(folder, x.id + ".cert.pem")
            c.request("POST", "/v1/devices", json.dumps(x.registration()),
                      {"Authorization": "Bearer " +
                       world.people["otto"].token})
            answer = c.getresponse()
            if answer.status != 201:
                odd.append((n, answer.status, answer.read()))
            answer.read()
        c.close()
    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not odd, odd[:3]


class Resident(threading.Thread):
    """A charger with a connection since before the storm; it polls on it."""

    def __init__(self, world):
        super().__init__(daemon=True)
        c = world.chargers[RESIDENT]
        self.connection = http.client.HTTPSConnection(
            "127.0.0.1", world.ports[0], timeout=60, context=c.client.context)
        self.codes, self.reconnects = {}, -1
        self.over = threading.Event()
        self.ask()

    def ask(self):
        """One poll; http.client connects anew after Connection: close."""
        self.reconnects += self.connection.sock is None
        self.connection.request("GET", "/director/timestamp.json")
        answer = self.connection.getresponse()
        answer.read()
        self.codes[answer.status] = self.codes.get(answer.status, 0) + 1

    def run(self):
        while not self.over.wait(0.1):
            try:
                self.ask()
            except (OSError, http.client.HTTPException):
                self.codes[0] = self.codes.get(0, 0) + 1
                self.connection.close()
        self.connection.close()


def hold_disk(world, over):
    """Keeps the database's lock until somebody was told to come again: a
    slow disk, on any machine."""
    db = sqlite3.connect(world.path("data", "voltseal.db"), timeout=10,
                         isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    for _ in range(40):
        if over.wait(0.1) or metrics_test.figures(world)[
                "voltseal_overloaded_total"] > 0:
            break
    db.execute("ROLLBACK")
    db.close()


def storm(tap, world, program):
    """After a power cut, and after an outage of the network"""
    # S0.28
    resident = Resident(world)
    resident.start()
    over = threading.Event()
    disk = threading.Thread(target=hold_disk, args=(world, over))
    disk.start()
    done = subprocess.run(
        [program, str(world.ports[0]), world.server_ca.certificate,
         world.key.path, world.path("herd"), str(CHARGERS), str(SECONDS),
         "2"], capture_output=True, text=True, check=False)
    over.set()
    resident.over.set()
    disk.join()
    resident.join()
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    for r in rounds:
        print("# " + ", ".join(f"{k} {v}" for k, v in r.items()), flush=True)
    f = metrics_test.figures(world)
    told = {k: int(v) for k, v in f.items() if 'devices"' in k and v and
            k.startswith(("voltseal_connections_", "voltseal_handshakes"))}
    print("# " + ", ".join(f"{k} {v}" for k, v in told.items()), flush=True)
    print(f"# resident: {resident.codes}, connected anew "
          f"{resident.reconnects}", flush=True)
    tap.check(done.returncode == 0 and len(rounds) == 2, "the storm ends",
              done.stderr[-2000:])
    cut, outage = rounds
    for name, r in (("power cut", cut), ("outage", outage)):
        tap.equal(r["polled"], CHARGERS, f"{name}: all {CHARGERS} have "
                  f"polled, the last after {r['last_ms'] / 1000:.1f} s")
        tap.equal(r["odd"], 0, f"{name}: nobody got another answer")
        tap.check(r["turned_away"] > 0,
                  f"{name}: {r['turned_away']} were turned away in between")
    judge(tap, world, cut, outage, f)
    tap.check(resident.codes.get(200, 0) > 10 and
              resident.reconnects <= 2,
              "who was in before was served meanwhile, and kept his place",
              resident.codes)


def judge(tap, world, cut, outage, f):
    """What the server counted agrees with what chargers saw."""
    tap.check(cut["overloaded"] > 0 and cut["overloaded"] +
              outage["overloaded"] == f["voltseal_overloaded_total"],
              f"{cut['overloaded']} were told to come again",
              f["voltseal_overloaded_total"])
    tap.check(cut["retry_least_s"] == 1 and cut["retry_most_s"] <= 2,
              "after one to two seconds", cut)
    refused = sum(v for k, v in f.items() if k.startswith(
        'voltseal_connections_refused_total{listener="devices"'))
    tap.check(refused > 0, f"{refused:.0f} were turned away before TLS cost "
              "anything")
    tap.check(outage["resumed"] >= CHARGERS * 9 // 10,
              f"outage: {outage['resumed']} resumed their session")
    tap.equal(f["voltseal_devices_online"], CHARGERS + 1,
              "the server has seen each of them")
    tap.check(world.wait(lambda: metrics_test.figures(world)[
        'voltseal_connections{listener="devices"}'] == 0, 60),
        "and nothing is left of them")


def run(tap, program, herd, storm_program, *rest):
    """All of it over one server."""
    port = free_port()
    world = World(program, rest[-1], person_rate=1000,
                  metrics_listen=f"127.0.0.1:{port}", **LIMITS)
    world.metrics_port = port
    world.add_people()
    folder = world.path("herd")
    os.makedirs(folder)
    try:
        world.start()
        world.key = Key(os.path.join(folder, "shared.pem"))
        subprocess.run([herd, world.device_ca.certificate,
                        world.device_ca.key, world.key.path, str(CHARGERS),
                        folder], check=True)
        enroll(world, folder)
        world.fleet(9999)
        world.power_cut()
        tap.section(storm, world, storm_program)
        tap.equal(world.stop(), 0, "it stops in good order")
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
