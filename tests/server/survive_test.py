#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Power cuts and orderly stops: what was acknowledged is there afterwards."""
import json
import signal
import socket
import sys
import threading
import time

import harness
from chargers import envelope, sha256
from harness import World


def everything(world):
    """All that people see, but for who is online."""
    get = world.people["adam"].good
    devices = [{**d, "online": 0} for d in json.loads(get("/v1/devices"))]
    campaigns = [json.loads(get(f"/v1/campaigns/{c['id']}"))
                 for c in json.loads(get("/v1/campaigns"))]
    return [devices, campaigns, json.loads(get("/v1/releases")),
            world.audit()]


def lost(fleet, counts):
    """Whose last acknowledged report the server has forgotten."""
    return [(c.id, counts[c.id]) for c in fleet if c.send(envelope(
        c.body(counter=counts[c.id]), [c.key])).reason != "replay"]


class Chatter:
    """Chargers that report without a pause until the server is gone."""

    def __init__(self, fleet):
        self.counts = {c.id: c.counter for c in fleet}
        self.odd = []
        self.threads = [threading.Thread(target=self.talk, args=(c,))
                        for c in fleet]
        for thread in self.threads:
            thread.start()

    def talk(self, charger):
        """One of them."""
        while True:
            answer = charger.report()
            if answer.code != 200:
                if answer.code not in (0, 503):
                    self.odd.append(answer)
                return
            self.counts[charger.id] = charger.counter

    def end(self):
        """Waits for all of them."""
        for thread in self.threads:
            thread.join()


def told(tap, world):
    """Who was told a release is told the same after a power cut"""
    charger, = world.fleet(60, site="cut")
    number = world.campaign("1.1.0", filter={"ids": [charger.id]})
    got = charger.client.get("/director/timestamp.json")
    world.power_cut()
    tap.check(got.code == 200 and
              world.members(number)[charger.id] == "started",
              "it is started", world.shown(number))
    tap.equal(charger.told(), {"gateway": 2, "controller": 2},
              "and is told the same")
    tap.check(charger.director()[0]["signed"]["version"] >
              got.json()["signed"]["version"], "in a higher version")


def each_write(tap, world):
    """Each kind of acknowledged write survives kill -9 right after it"""
    # S0.27
    otto, vera = world.people["otto"], world.people["vera"]
    new, name = world.charger(68, "new"), sha256(b"kept")
    number = None

    def register():
        return otto.post("/v1/devices", new.registration()).code == 201, \
            lambda: vera.get("/v1/devices/" + new.id).code == 200

    def report():
        return new.report().code == 200, lambda: not lost(
            [new], {new.id: new.counter})

    def upload():
        return otto.put("/v1/artifacts/" + name, b"kept").code == 201, \
            lambda: vera.get("/v1/artifacts/" + name).code == 200

    def publish():
        world.room.release("1.2.0", 3)
        world.upload()
        return world.publish(world.room.files()).code == 200, \
            lambda: vera.get("/v1/releases/1.2.0").code == 200

    def create():
        nonlocal number
        number = world.campaign("1.1.0", start=False,
                                filter={"ids": [new.id]})
        return True, lambda: world.shown(number)["state"] == "draft"

    def approve():
        return world.people["anna"].post(
            f"/v1/campaigns/{number}/approve").code == 200, \
            lambda: world.shown(number)["approved_by"] == "anna"

    def refuse():
        return vera.post("/v1/devices").code == 403, lambda: any(
            r["action"] == "denied" and r["actor"] == "vera"
            for r in world.audit())
    for write in (register, report, upload, publish, create, approve,
                  refuse):
        done, there = write()
        world.power_cut()
        tap.check(done and there(), f"{write.__name__}: it is there after "
                                    "kill -9")


def storms(tap, world):
    """No acknowledged report of many is lost in a power cut"""
    fleet = world.fleet(*range(61, 67), site="many")
    for cut in (1, 2):
        chatter = Chatter(fleet)
        time.sleep(0.6 + 0.2 * cut)
        world.stop(signal.SIGKILL)
        chatter.end()
        world.start()
        total = sum(chatter.counts.values())
        gone = lost(fleet, chatter.counts)
        tap.check(not gone and not chatter.odd and total > 2 * len(fleet),
                  f"cut {cut}: all {len(fleet)} chargers' reports are there",
                  (total, gone, chatter.odd))


def graceful(tap, world):
    """SIGTERM ends it in order, whoever is asking"""
    fleet = [world.chargers[f"CP-{n:04d}"] for n in range(61, 67)]
    chatter = Chatter(fleet)
    time.sleep(0.5)
    begun = time.monotonic()
    tap.equal(world.stop(), 0, "SIGTERM: exit 0")
    chatter.end()
    tap.check(time.monotonic() - begun < 10, "within ten seconds")
    tap.check(not chatter.odd, "nobody was told nonsense meanwhile",
              chatter.odd)
    world.start()
    tap.equal(lost(fleet, chatter.counts), [],
              "and what was acknowledged is there")
    tap.equal(world.stop(signal.SIGINT), 0, "SIGINT: exit 0")
    world.start()
    with socket.create_connection(("127.0.0.1", world.ports[1])):
        tap.equal(world.stop(), 0, "with an idle connection open: exit 0")
    world.start()


def restart(tap, world):
    """A restart brings back all that was there"""
    before = everything(world)
    tap.equal(world.stop(), 0, "it stops in good order")
    world.start()
    world.wait(lambda: everything(world)[:3] == before[:3], 5)
    after = everything(world)
    for what, a, b in zip(("chargers", "campaigns", "releases", "log"),
                          before, after):
        wrong = [(x, y) for x, y in zip(a, b) if x != y]
        tap.check(len(a) == len(b) and not wrong, f"{what} are as before",
                  wrong[:2])


def run(tap, program, folder):
    """All of it over one folder."""
    world = World(program, folder)
    world.add_people()
    try:
        world.start()
        world.fleet(1)
        world.room.release("1.1.0", 2)
        world.upload()
        assert world.publish(world.room.files()).code == 200
        for section in (told, each_write, storms, graceful, restart):
            tap.section(section, world)
        tap.equal(world.stop(), 0, "it stops in good order")
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
