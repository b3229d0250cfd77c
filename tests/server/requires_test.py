#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a release requires of other components: who is refused in a rehearsal
and in a campaign, who is not told and is later, and what a person is shown.

Arguments: voltseal-server, voltseal."""
import json
import os
import subprocess
import sys

import harness
from harness import World

ALONE = {"gateway": 6}
NEEDS = "requires controller 1.1.0, has 1.0.0"


def move(world, number, word, who="otto"):
    """POST /v1/campaigns/NUMBER/WORD."""
    return world.people[who].post(f"/v1/campaigns/{number}/{word}")


def charger(world, number, controller="1.0.0", reports=True):
    """A charger with a controller of this version, tag needs."""
    c = world.charger(number, f"needs-{number}")
    c.runs["controller"] = (controller, 1)
    assert world.people["otto"].post("/v1/devices", c.registration(
        tags=["needs"])).code == 201
    if reports:
        assert c.report().code == 200
    return c


def rehearse(world, release):
    """POST /v1/campaigns/dry-run."""
    return world.people["otto"].post("/v1/campaigns/dry-run", {
        "release": release, "filter": "has tag needs",
        "waves": [{"percent": 100}]}).json()


def stuck(world, number):
    """{charger: (kind, why)} of who holds a campaign up."""
    return {m["id"]: (m["stuck"], m["why"]) for m in world.people["vera"].get(
        f"/v1/campaigns/{number}/stuck").json()["members"]}


def rehearsed(tap, world):
    """A dry run says who lacks what a release requires"""
    # S0.26
    said = rehearse(world, "1.5.0")
    tap.equal((said["members"], said["told"]), (3, 2), "three fit, two go")
    tap.equal(said["refused_by"], {"requires": 1}, "one is refused for it")
    tap.equal([(r["id"], r["reason"], r["why"]) for r in said["refused"]],
              [("CP-0011", "requires", NEEDS)],
              "who, and which component of which version")
    said = rehearse(world, "2.0.0")
    tap.equal((said["told"], said["refused_by"]), (3, {}),
              "what the release brings itself is not lacking")
    said = rehearse(world, "1.6.0")
    tap.equal((said["told"], {r["why"] for r in said["refused"]}),
              (1, {"requires safety 1.0, has none"}),
              "a component that a charger has not got is; who never reported "
              "is not judged")


def ask(world, voltseal, *words):
    """What voltseal prints."""
    token = world.write(world.people["otto"].token.encode(), "otto.token")
    os.chmod(token, 0o600)
    return subprocess.run(
        [voltseal, *words, "--server", f"https://127.0.0.1:{world.ports[1]}",
         "--ca", world.server_ca.certificate, "--token-file", token],
        check=True, text=True, stdout=subprocess.PIPE, timeout=60).stdout


def command(tap, world, voltseal):
    """voltseal campaign dry-run says the same"""
    rehearsal = ("campaign", "dry-run", "--release", "1.5.0", "--filter",
                 "has tag needs", "--wave", "100%")
    text = ask(world, voltseal, *rehearsal)
    tap.check("2 of 3 chargers would be told" in text, "who would be", text)
    row = [line.split(maxsplit=3) for line in text.splitlines()
           if line.startswith("CP-0011")]
    tap.equal(row, [["CP-0011", "needs-11", "requires", NEEDS]],
              "who would not, and why")
    said = json.loads(ask(world, voltseal, *rehearsal, "--json"))
    tap.equal([r["why"] for r in said["refused"]], [NEEDS], "and as JSON")


def told(tap, world, able, old, new):
    """Who lacks it is not told; who gets it later is"""
    world.number = number = world.campaign("1.5.0", filter="has tag needs")
    tap.equal(world.members(number), {able.id: "waiting", old.id: "skipped",
                                      new.id: "waiting"},
              "who lacks it at the start is skipped")
    row, = [m for m in world.shown(number)["members"] if m["id"] == old.id]
    tap.check("older than the release requires" in row["detail"],
              "with the reason", row)
    tap.equal((able.told(), old.told()), (ALONE, {}),
              "who has it is told, who lacks it is not")
    custom, = [t["custom"] for t in able.director()[2]["signed"][
        "targets"].values()]
    tap.check("requires" not in custom, "the director says nothing of it")
    assert new.report().code == 200
    tap.equal((new.told(), world.members(number)[new.id]), ({}, "waiting"),
              "who turns out to lack it waits")
    tap.equal(stuck(world, number).get(new.id), ("requires", NEEDS),
              "and is shown with what it lacks")
    world.power_cut()
    tap.equal((new.told(), world.members(number)[old.id]), ({}, "skipped"),
              "a power cut changes neither")
    new.runs["controller"] = ("1.2.0", 2)
    assert new.report().code == 200
    tap.equal(new.told(), ALONE, "with a later controller it is told")
    tap.check(new.id not in stuck(world, number), "and is stuck no more")


def taken_back(tap, world, able):
    """Who was told and lacks it since is named nothing until it has it"""
    number = world.number
    able.runs["controller"] = ("1.0.0", 1)
    assert able.report(status="Downloading", campaignSeq=6).code == 200
    tap.equal(able.told(), {}, "with an older controller it is named nothing")
    tap.equal(world.members(number)[able.id], "started", "it is not given up")
    tap.equal(stuck(world, number).get(able.id), ("requires", NEEDS),
              "a person is told why")
    able.runs["controller"] = ("1.1.0", 1)
    assert able.report().code == 200
    tap.equal(able.told(), ALONE, "with the controller back it is named again")
    able.runs["gateway"] = ("1.5.0", 6)
    able.runs["controller"] = ("1.0.0", 1)
    assert able.report(healthy=False).code == 200
    tap.equal(able.told(), ALONE, "what runs is named, whatever it lacks now")
    tap.equal((world.members(number)[able.id], stuck(world, number)),
              ("started", {}), "nobody is bothered with that")
    assert able.report(status="Installed", campaignSeq=6).code == 200
    move(world, number, "abort")


def together(tap, world, old):
    """A release that brings both is told to who has neither"""
    number = world.campaign("2.0.0", filter=f"id = {old.id}")
    tap.equal(old.told(), {"gateway": 8, "controller": 8}, "it is told both")
    move(world, number, "abort")


def overdue(tap, world, voltseal):
    """Who is overdue for lack of another component is shown so"""
    def late():
        return {o["id"]: (o["wants"], o["lacks"]) for o in
                world.people["vera"].get("/v1/fleet/overdue").json()
                if o["component"] == "gateway"}
    wanted = {"CP-0010": ("1.6.0", "requires safety 1.0, has none"),
              "CP-0011": ("1.5.0", NEEDS), "CP-0012": ("1.5.0", "")}
    world.wait(lambda: late() == wanted)
    tap.equal(late(), wanted, "with what it lacks, if it lacks something")
    row, = [line for line in ask(
        world, voltseal, "fleet", "overdue").splitlines()
        if line.startswith("CP-0011") and "gateway" in line]
    tap.check(row.endswith(NEEDS), "also to a person", row)


def uploaded(tap, world):
    """What does not follow the format is not published; what does is shown"""
    room = world.room
    shown = world.people["vera"].get("/v1/releases/1.5.0").json()
    tap.equal([t["requires"] for t in shown["targets"]],
              [{"controller": "1.1.0"}], "a release shows what it requires")
    kept = dict(room.targets)
    for requires in ([], {"controller": 1}, {"controller": ">= 1"},
                     {"gateway": "1.0"}, None):
        room.targets = dict(kept)
        room.release("3.0.0", 9, components=("gateway",), requires=requires)
        world.upload()
        answer = world.publish({
            f"{room.version + 1}.release.json": room.delegated(
                room.version + 1)})
        tap.check(answer.code == 409 and answer.reason == "malformed" and
                  b"requires" in answer.body, f"{requires} is refused", answer)
    room.targets = dict(kept)
    tap.check(not [r for r in world.people["vera"].get("/v1/releases").json()
                   if r["name"] == "3.0.0"], "nothing of them is published")


def run(tap, program, voltseal, folder):
    """All of it over one server."""
    world = World(program, folder, overdue_security_s=0)
    world.add_people()
    try:
        world.start()
        room = world.room
        room.release("1.5.0", 6, components=("gateway",),
                     requires={"controller": "1.1.0"})
        room.release("1.6.0", 7, components=("gateway",),
                     requires={"safety": "1.0"})
        room.release("2.0.0", 8)
        room.targets["gateway/gateway-2.0.0.seal"]["custom"]["requires"] = {
            "controller": "2.0.0"}
        world.upload()
        assert world.publish(room.files()).code == 200
        able = charger(world, 10, "1.1.0")
        old = charger(world, 11)
        new = charger(world, 12, reports=False)
        tap.section(rehearsed, world)
        tap.section(command, world, voltseal)
        tap.section(told, world, able, old, new)
        tap.section(taken_back, world, able)
        tap.section(together, world, old)
        tap.section(overdue, world, voltseal)
        tap.section(uploaded, world)
        tap.equal(world.stop(), 0, "it stops in good order")
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
