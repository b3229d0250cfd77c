#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A charger's certificate is replaced: the new one counts at once and after a
restart, the old one does not, and nothing else of the charger changes.

Arguments: voltseal-server, voltseal."""
import os
import subprocess
import sys

import harness
from chargers import Key
from harness import World


def another(world, charger, name, ed25519=False, subject=None):
    """A new key and certificate of a charger: (key, path, PEM)."""
    key = Key(world.path("identities", name + ".key"), ed25519)
    path = world.path("identities", name + ".pem")
    world.device_ca.issue(f"/CN={subject or charger.id}", key.path, path)
    with open(path, encoding="utf-8") as f:
        return key, path, f.read()


def put(world, charger, pem, who="otto"):
    """PUT .../certificate."""
    return world.people[who].ask(
        "PUT", f"/v1/devices/{charger.id}/certificate", {"certificate": pem})


def take(world, charger, key, path):
    """The charger has its new identity now."""
    charger.key = key
    charger.client = world.device(path, key.path)


def replaced(tap, world):
    """The new certificate counts, the old one does not"""
    # S2.29
    c = world.chargers["CP-0001"]
    old, before = c.client, world.people["vera"].get(
        "/v1/devices/" + c.id).json()
    key, path, pem = another(world, c, "second", ed25519=True)
    tap.equal(world.device(path, key.path).get(
        "/director/timestamp.json").code, 401, "(it is not registered yet)")
    answer = put(world, c, pem)
    tap.equal(answer.code, 200, "it is replaced")
    tap.equal(old.get("/director/timestamp.json").code, 401,
              "the old one is refused")
    forged, c.client = c.client, world.device(path, key.path)
    tap.equal(c.report().code, 403, "the old key signs no report any more")
    take(world, c, key, path)
    tap.equal((c.client.get("/director/timestamp.json").code,
               c.report().code), (200, 200), "the new one does both")
    after = world.people["vera"].get("/v1/devices/" + c.id).json()
    tap.equal({k: v for k, v in after.items()
               if k in ("id", "site", "model", "components")},
              {k: v for k, v in before.items()
               if k in ("id", "site", "model", "components")},
              "nothing else has changed")
    record = [r for r in world.audit()
              if r["action"] == "device-certificate"][-1]
    tap.equal((record["actor"], record["subject"]), ("otto", c.id),
              "the log has it")
    world.power_cut()
    tap.equal((c.report().code, old.get("/director/timestamp.json").code),
              (200, 401), "also after a power cut")
    del forged


def unreported(tap, world):
    """Before it reports anew, its last report is still what is known"""
    c = world.chargers["CP-0002"]
    c.install("1.3.0", 4)
    c.report()
    for name in ("third", "fourth"):
        key, path, pem = another(world, c, name)
        assert put(world, c, pem).code == 200
        world.power_cut()
        shown = world.people["vera"].get("/v1/devices/" + c.id).json()
        tap.equal(shown["components"]["gateway"]["version"], "1.3.0",
                  f"with the {name} certificate")
    take(world, c, key, path)
    tap.equal(c.report().code, 200, "it goes on")
    world.power_cut()
    key, path, pem = another(world, c, "fifth")
    put(world, c, pem)
    world.power_cut()
    tap.equal(world.people["vera"].get("/v1/devices/" + c.id).code, 200,
              "replaced once more, and started again")
    take(world, c, key, path)
    tap.equal(c.report().code, 200, "and it goes on")


def wrong(tap, world):
    """What is not right is refused, and nothing changes"""
    c = world.chargers["CP-0003"]
    _, _, pem = another(world, c, "sixth")
    _, _, other = another(world, c, "seventh", subject="CP-0001")
    with open(c.certificate, encoding="utf-8") as f:
        same = f.read()
    tap.equal([put(world, c, x).code for x in ("", "no PEM", other)],
              [400] * 3, "no certificate, or another charger's")
    tap.equal(put(world, c, same).code, 409, "the one that it has")
    tap.equal([put(world, c, pem, who).code
               for who in ("vera", "anna", "aude")], [403] * 3,
              "who does not register chargers")
    tap.equal(world.people["otto"].ask(
        "PUT", "/v1/devices/CP-9999/certificate",
        {"certificate": pem}).code, 400, "a charger that is not this one")
    tap.equal(world.people["otto"].ask(
        "PUT", f"/v1/devices/{c.id}/certificate",
        {"certificate": pem, "force": 1}).code, 400, "one member more")
    tap.equal(c.report().code, 200, "its certificate is the old one")


def command(tap, world, voltseal):
    """voltseal device certificate does it"""
    c = world.chargers["CP-0003"]
    key, path, _ = another(world, c, "eighth")
    token = world.write(world.people["otto"].token.encode(), "otto.token")
    os.chmod(token, 0o600)

    def ask(*words):
        return subprocess.run(
            [voltseal, "device", "certificate", *words, "--server",
             f"https://127.0.0.1:{world.ports[1]}", "--ca",
             world.server_ca.certificate, "--token-file", token],
            capture_output=True, text=True, check=False, timeout=30)
    done = ask(c.id, path)
    tap.check(done.returncode == 0 and c.id in done.stdout, "it says so",
              done)
    take(world, c, key, path)
    tap.equal(c.report().code, 200, "and so it is")
    tap.equal([ask(c.id, path).returncode, ask(c.id).returncode,
               ask(c.id, "/none").returncode], [1, 2, 1],
              "errors have their exit status")


def run(tap, program, voltseal, folder):
    """All of it over one server."""
    world = World(program, folder)
    world.add_people()
    try:
        world.start()
        world.fleet(1, 2, 3)
        for section in (replaced, unreported, wrong):
            tap.section(section, world)
        tap.section(command, world, voltseal)
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
