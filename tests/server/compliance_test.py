#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who runs what by signed reports, who is overdue, what expires when.

Arguments: voltseal-server, voltseal."""
import json
import os
import subprocess
import sys
import time

import harness
from chargers import sha256
from harness import World

DAY = 86400


def get(world, who, path):
    """The JSON of a GET that is answered."""
    return json.loads(world.people[who].good(path))


def versions(world, who="vera"):
    """{(component, version): (chargers, release)}."""
    return {(v["component"], v["version"]): (v["chargers"], v["release"])
            for v in get(world, who, "/v1/fleet/versions")}


def who_runs_what(tap, world):
    """Versions are counted, as signed reports have them"""
    # S0.29
    tap.equal(versions(world), {("gateway", "1.0.0"): (4, ""),
                                ("controller", "1.0.0"): (4, ""),
                                ("gateway", ""): (1, ""),
                                ("controller", ""): (1, "")},
              "one that never reported is counted as such")
    c = world.chargers["CP-0002"]
    c.install("1.1.0", 2)
    c.report()
    tap.equal({k: v for k, v in versions(world).items() if k[1] == "1.1.0"},
              {("gateway", "1.1.0"): (1, "1.1.0"),
               ("controller", "1.1.0"): (1, "1.1.0")},
              "a published version has its release")
    tap.equal(versions(world, "nora"), {("gateway", "1.0.0"): (2, ""),
                                        ("controller", "1.0.0"): (2, "")},
              "who has to do with the south counts the south")
    world.power_cut()
    tap.equal(versions(world)["gateway", "1.1.0"], (1, "1.1.0"),
              "also after a power cut")


def which_run(tap, world):
    """A seal has its chargers"""
    old, new = (sha256(f"gateway {v}".encode()) for v in ("1.0.0", "1.1.0"))
    tap.equal(get(world, "vera", "/v1/fleet/running/" + new), ["CP-0002"],
              "the new one")
    tap.equal(get(world, "vera", "/v1/fleet/running/" + old),
              ["CP-0001", "CP-0003", "CP-0004"], "the old one")
    tap.equal(get(world, "nora", "/v1/fleet/running/" + old),
              ["CP-0003", "CP-0004"], "one's own")
    tap.equal(get(world, "vera", "/v1/fleet/running/" + "0" * 64), [],
              "a seal of zeros is not what the silent run")
    tap.equal(get(world, "vera", "/v1/fleet/running/" + "ab" * 32), [],
              "one that nobody runs")
    first = world.people["vera"].get(
        f"/v1/fleet/running/{old}?limit=2")
    path = first.headers["Link"][1:].split(">")[0]
    tap.equal((first.json(), get(world, "vera", path)),
              (["CP-0001", "CP-0003"], ["CP-0004"]), "in pages")
    tap.equal([world.people["vera"].get("/v1/fleet/running/" + x).code
               for x in ("x", "AB" * 32)], [400] * 2, "what is no SHA-256")


def move_back(world, release, days):
    """A release has been general for so many days."""
    world.stop()
    with world.database() as db:
        db.execute("UPDATE stage SET since_s = ? WHERE release = ?",
                   (int(time.time()) - days * DAY, release))
    world.start()


def overdue(world, who="vera"):
    """{charger: (wants, days)}."""
    return {o["id"]: (o["wants"], o["days"])
            for o in get(world, who, "/v1/fleet/overdue")}


def late(tap, world):
    """A charger is overdue when it lacks a general release for too long"""
    tap.equal(overdue(world), {}, "not on the first day")
    move_back(world, "1.1.0", 13)
    tap.equal(overdue(world), {}, "not within two weeks")
    move_back(world, "1.1.0", 16)
    tap.equal(overdue(world), {f"CP-000{n}": ("1.1.0", 2)
                               for n in (1, 3, 4, 5)},
              "after two weeks of a security release")
    tap.equal(overdue(world, "nora"), {f"CP-000{n}": ("1.1.0", 2)
                                       for n in (3, 4)}, "one's own")
    world.room.release("1.2.0", 3, updateType="feature")
    world.upload()
    assert world.publish(world.room.files()).code == 200
    move_back(world, "1.2.0", 80)
    tap.check("CP-0002" not in overdue(world),
              "a feature release may be missing for longer")
    move_back(world, "1.2.0", 91)
    tap.equal(overdue(world)["CP-0002"], ("1.2.0", 1), "but not for ever")
    world.people["otto"].post("/v1/releases/1.2.0/retire", {"note": "x"})
    tap.check("CP-0002" not in overdue(world),
              "a retired one is missed by nobody")
    c = world.chargers["CP-0001"]
    c.install("1.1.0", 2)
    c.report()
    tap.check("CP-0001" not in overdue(world), "who installs it is not")


def ends(tap, world):
    """What expires, and when"""
    shown = get(world, "vera", "/v1/forecast")
    kinds = {(e["kind"], os.path.basename(e["name"])): e["days"]
             for e in shown["server"]}
    tap.check(set(kinds) >= {("tls_cert", "server.pem"),
                             ("device_ca", "device-ca.pem"),
                             ("director", "1.root.json"),
                             ("image", "1.root.json"),
                             ("image", "timestamp.json")}, "all of it", kinds)
    tap.check(kinds["tls_cert", "server.pem"] == 29 and
              kinds["image", "timestamp.json"] in (0, 1), "with its days", kinds)
    when = [e["expires"] for e in shown["server"]]
    tap.equal(when, sorted(when), "soonest first")
    tap.equal([e["name"] for e in shown["chargers_soon"]][:1], ["CP-0005"],
              "chargers too")
    tap.equal(sum(shown["chargers_by_month"].values()), 5,
              "and all of them by month")
    tap.equal(sum(get(world, "nora", "/v1/forecast")
                  ["chargers_by_month"].values()), 2, "one's own")


def command(tap, world, voltseal):
    """voltseal fleet and voltseal forecast say the same"""
    token = world.write(world.people["vera"].token.encode(), "vera.token")
    os.chmod(token, 0o600)

    def ask(*words, expect=0):
        done = subprocess.run(
            [voltseal, *words, "--server",
             f"https://127.0.0.1:{world.ports[1]}", "--ca",
             world.server_ca.certificate, "--token-file", token],
            capture_output=True, text=True, check=False, timeout=30)
        tap.check(done.returncode == expect, " ".join(words)[:60], done)
        return done.stdout
    tap.check("1.1.0" in ask("fleet", "versions"), "it has the version")
    tap.equal(ask("fleet", "running", sha256(b"gateway 1.1.0")).split(),
              ["CP-0001", "CP-0002"], "an id a line")
    tap.check("CP-0003" in ask("fleet", "overdue"), "it has the charger")
    ask("fleet", "overdue", "--check", expect=1)
    said = ask("forecast")
    tap.check("tls_cert" in said and "CP-0005" in said, "it has both")
    tap.equal(set(json.loads(ask("forecast", "--json"))),
              {"server", "chargers_by_month", "chargers_soon"}, "as JSON")
    ask("fleet", "running", expect=2)


CROWD = 2500


def crowd(tap, world, voltseal):
    """A seal that thousands run is named with all of them"""
    # S1.9: more than two pages, and those of one's own alone
    world.stop()
    ids = [(f"CW-{n:05d}", n) for n in range(1, CROWD + 1)]
    with world.database() as db:
        columns = "site, feeder, model, utc_offset, registered_s, labels"
        db.executemany(
            f"INSERT INTO device (id, seq, {columns}, ecus, fingerprint, "
            f"expires_s) SELECT ?1, 100 + ?2, {columns}, replace(ecus, "
            "'CP-0003', ?1), fingerprint, expires_s FROM device "
            "WHERE id = 'CP-0003'", ids)
        columns = "counter, received_s, faults, fetched, runs, said"
        db.executemany(
            f"INSERT INTO charger_state (device, {columns}) "
            f"SELECT ?1, {columns} FROM charger_state "
            "WHERE device = 'CP-0003' AND ?2", ids)
        db.execute("UPDATE device SET site = 'north' WHERE seq > 1100")
    world.start()
    seal = sha256(b"gateway 1.0.0")
    token = world.write(world.people["vera"].token.encode(), "vera.token")
    os.chmod(token, 0o600)
    done = subprocess.run(
        [voltseal, "fleet", "running", seal, "--server",
         f"https://127.0.0.1:{world.ports[1]}", "--ca",
         world.server_ca.certificate, "--token-file", token],
        capture_output=True, text=True, check=False, timeout=60)
    named = done.stdout.split()
    wanted = [i for i, _ in ids]
    tap.equal(done.returncode, 0, "(it answers)")
    tap.equal([n for n in named if n.startswith("CW")], wanted,
              "each of them once, in the order of registration")
    tap.check("CP-0003" in named, "and those who were there before")
    tap.equal([n for n in get(world, "nora", "/v1/fleet/running/" + seal)
               if n.startswith("CW")], wanted[:1000],
              "who has to do with the south is told of the south")


def run(tap, program, voltseal, folder):
    """All of it over one server."""
    world = World(program, folder)
    world.add_people()
    token = world.run("user", "add", "nora", "--role", "viewer", "--scope",
                      "site=south", "--config", world.conf).strip()
    try:
        world.start()
        world.people["nora"] = world.person(token)
        world.room.release("1.1.0", 2)
        world.upload()
        assert world.publish(world.room.files()).code == 200
        world.fleet(1, 2)
        world.fleet(3, 4, site="south")
        c = world.charger(5, "north")
        world.device_ca.issue(f"/CN={c.id}", c.key.path, c.certificate,
                              days=3)
        assert world.people["otto"].post(
            "/v1/devices", c.registration()).code == 201
        for section in (who_runs_what, which_run, late, ends):
            tap.section(section, world)
        tap.section(command, world, voltseal)
        tap.section(crowd, world, voltseal)
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
