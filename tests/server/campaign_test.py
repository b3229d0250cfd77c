#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Campaigns: moves, waves, sites and feeders, windows, halts, and what each
charger is told meanwhile."""
import sys
import time

import harness
from harness import World

NEW, BOTH = ("1.1.0", 2), {"gateway": 2, "controller": 2}


def everybody(fleet):
    """The filter that takes these chargers."""
    return {"ids": [c.id for c in fleet]}


def update(world, charger, number, wait=True):
    """A charger that was told installs the release and proves it."""
    charger.report(status="Downloading", campaignSeq=2, phase="fetching")
    charger.install(*NEW)
    assert charger.report(status="Installed", campaignSeq=2).code == 200
    assert charger.report().code == 200
    if wait:
        world.wait(lambda: world.members(number)[charger.id] == "updated")


def moves(tap, world):
    """A campaign moves by its table alone, each move by who may"""
    # S2.4
    world.fleet(10, site="quay")
    number = world.campaign("1.1.0", start=False,
                            filter={"sites": ["quay"]})

    def move(who, word, which=number):
        return world.people[who].post(f"/v1/campaigns/{which}/{word}")
    for word in ("pause", "resume", "start"):
        tap.equal(move("otto", word).code, 409, f"a draft does not {word}")
    tap.equal(move("anna", "approve").code, 200, "another approves it")
    for word, code, state in (
            ("pause", 409, "approved"), ("start", 200, "running"),
            ("start", 409, "running"), ("resume", 409, "running"),
            ("pause", 200, "paused"), ("pause", 409, "paused"),
            ("resume", 200, "running"), ("abort", 200, "aborted"),
            ("abort", 409, "aborted"), ("resume", 409, "aborted"),
            ("start", 409, "aborted")):
        got = move("otto", word)
        shown = world.shown(number)["state"]
        tap.check(got.code == code and shown == state,
                  f"{word}: {code}, then it is {state}", (got, shown))
    for bad in ("999", "0", "-1", "01", "1x", "9" * 20):
        tap.equal(move("otto", "start", bad).code, 404, f"no campaign {bad}")
    log = [(r["actor"], r["action"]) for r in world.audit()
           if r["subject"] == number]
    tap.equal(log, [("otto", "campaign-created"),
                    ("anna", "campaign-approved"),
                    ("otto", "campaign-started"), ("otto", "campaign-paused"),
                    ("otto", "campaign-resumed"),
                    ("otto", "campaign-aborted")],
              "the log has each move and who made it, refused ones not")


def paused(tap, world):
    """Paused or aborted, nobody new is told; resumed, they are"""
    charger, late = world.fleet(50)[0], world.fleet(53, site="late")[0]
    number = world.campaign("1.1.0", filter=everybody([charger, late]))
    tap.equal(charger.told(), BOTH, "running, it tells")
    otto = world.people["otto"]
    otto.post(f"/v1/campaigns/{number}/pause")
    tap.equal(late.told(), {}, "paused, it tells nobody new")
    tap.equal(charger.told(), BOTH, "who was told stays told")
    otto.post(f"/v1/campaigns/{number}/resume")
    tap.equal(late.told(), BOTH, "resumed, it does")
    never, = world.fleet(54, site="never")
    number = world.campaign("1.1.0", filter=everybody([never]))
    otto.post(f"/v1/campaigns/{number}/abort")
    tap.equal(never.told(), {}, "aborted, it tells nobody")


def waves(tap, world):
    """Waves open one after the other, each proven by signed reports"""
    # S0.26 S0.3
    fleet = [world.fleet(20 + i, site=f"wave-{i}")[0] for i in range(4)]
    ids = [c.id for c in fleet]
    outside = world.fleet(25, site="wave-0")[0]
    number = world.campaign("1.1.0", filter=everybody(fleet), waves=[
        {"count": 1}, {"percent": 50}, {"percent": 100}])
    order = []
    for wave, size in enumerate((1, 1, 2)):
        told = [c for c in fleet if c.told() and c.runs["gateway"][1] == 1]
        tap.equal(len(told), size, f"wave {wave + 1} tells {size}")
        again = [c for c in fleet if c.told() and c.runs["gateway"][1] == 1]
        tap.equal([c.id for c in again], [c.id for c in told],
                  "asking again tells the same")
        tap.equal(outside.told(), {}, "who is not in it is told nothing")
        for c in told:
            names = c.director()[2]["signed"]["targets"]
            tap.check(copied(world, c, names), f"{c.id} is told both "
                      "components, as the image repository names them",
                      names)
            tap.equal(world.members(number)[c.id], "started",
                      f"{c.id} is started")
            update(world, c, number)
            tap.equal(world.members(number)[c.id], "updated",
                      f"{c.id} is updated after its report")
        order += [c.id for c in told]
    tap.equal(sorted(order), sorted(ids), "each charger was told once")
    tap.check(world.wait(lambda: world.shown(number)["state"] == "done"),
              "then the campaign is done", world.shown(number))
    by_salt = salted(world.shown(number)["plan"]["salt"], ids)
    tap.equal(order[:2], by_salt[:2], "the order follows from the salt")
    for word in ("update-started", "update-soaking", "update-confirmed"):
        tap.equal(sorted(r["subject"] for r in world.audit()
                         if r["action"] == word and r["subject"] in ids),
                  sorted(ids),
                  f"the log has {word} once for each")


def salted(salt, ids):
    """campaign/order.c, written a second time."""
    mask = 2 ** 64 - 1

    def rank(name):
        h = 0xcbf29ce484222325
        for byte in salt.encode() + b"\0" + name.encode():
            h = (h ^ byte) * 0x100000001b3 & mask
        for factor in (0xff51afd7ed558ccd, 0xc4ceb9fe1a85ec53, 1):
            h = (h ^ h >> 33) * factor & mask
        return h
    return sorted(ids, key=rank)


def copied(world, charger, targets):
    """Whether a director says of each target what the image repository
    says, and gives it to the right ECU."""
    if sorted(t.split("/")[0] for t in targets) != ["controller", "gateway"]:
        return False
    for path, entry in targets.items():
        image = world.room.targets[path]
        ecu = f"{charger.id}-{path.split('/')[0]}"
        hardware = image["custom"]["hardwareIds"][0]
        if entry["length"] != image["length"] or \
                entry["hashes"] != image["hashes"] or \
                entry["custom"]["ecuIdentifiers"] != \
                {ecu: {"hardwareId": hardware}} or \
                any(entry["custom"][k] != image["custom"][k] for k in
                    ("hardwareIds", "releaseCounter", "rollbackIndex")):
            return False
    return True


def sites(tap, world):
    """Never two chargers of one site or feeder at once; windows hold"""
    # S0.28
    a, b = world.fleet(30, 31, site="pair")
    number = world.campaign("1.1.0", filter={"sites": ["pair"]}, per_site=1)
    first, second = (a, b) if a.told() else (b, a)
    tap.check(first.told() and not second.told() and not second.told(),
              "one of the two is told, the other waits")
    tap.check(second.id in world.wait(lambda: world.shown(number)["because"]),
              "and the campaign says why", world.shown(number)["because"])
    update(world, first, number)
    tap.check(world.wait(second.told), "then the other is told")
    feeders = [world.charger(n, f"feeder-{n}") for n in (32, 33)]
    for c in feeders:
        world.people["otto"].post("/v1/devices", c.registration(feeder="F1"))
        c.report()
    world.campaign("1.1.0", filter=everybody(feeders), per_site=9)
    tap.equal(sum(bool(c.told()) for c in feeders), 1,
              "of two sites on one feeder one is told")
    night, = world.fleet(34, site="night")
    hour = (time.gmtime().tm_hour + 6) % 24
    number = world.campaign("1.1.0", filter=everybody([night]), window={
        "start": f"{hour:02}:00", "end": f"{hour:02}:30"})
    tap.check(night.told() == {} and world.wait(
        lambda: "window" in world.shown(number)["because"]),
        "outside its window nobody is told", world.shown(number)["because"])
    quiet = world.charger(35, "quiet")
    world.people["otto"].post("/v1/devices", quiet.registration())
    world.campaign("1.1.0", filter=everybody([quiet]))
    tap.equal(quiet.told(), {}, "who never reported is told nothing")
    quiet.report()
    tap.equal(quiet.told(), BOTH, "after its first report it is")


def halts(tap, world):
    """A failure halts the campaign and leaves the others alone"""
    # S0.9 S1.9 S2.13
    fleet = [world.fleet(40 + i, site=f"halt-{i}")[0] for i in range(3)]
    number = world.campaign("1.2.0", filter=everybody(fleet), soak_s=3600,
                            waves=[{"count": 1}, {"percent": 100}])
    canary, = [c for c in fleet if c.told()]
    canary.report(status="InstallationFailed", campaignSeq=3, fellBack=True,
                  reason="health-failed", fallbackReason="health-failed",
                  detail="health check no. 3 said no")
    tap.check(world.wait(lambda: world.shown(number)["state"] == "halted"),
              "one failed canary halts the campaign", world.shown(number))
    shown = world.shown(number)
    row, = [m for m in shown["members"] if m["id"] == canary.id]
    tap.check(row["state"] == "failed" and row["reason"] == "health-failed"
              and "no. 3" in row["detail"], "it is failed, with its reason",
              row)
    tap.check("failed" in shown["because"], "the campaign says why it halted",
              shown["because"])
    for c in fleet:
        if c is not canary:
            tap.check(c.told() == {} and
                      world.members(number)[c.id] == "waiting",
                      f"{c.id} is left alone")
    tap.equal(canary.told(), {}, "the bad release is not offered again")
    words = [(r["actor"], r["action"], r["subject"]) for r in world.audit()]
    for word in (("server", "campaign-halted", number),
                 (canary.id, "update-failed", canary.id),
                 (canary.id, "fell-back", canary.id)):
        tap.check(word in words, f"{word[1]} is in the log", words[-8:])
    tap.equal(world.people["otto"].post(
        f"/v1/campaigns/{number}/resume").code, 409,
        "a halted campaign is not resumed")


def failures(tap, world):
    """Sick, slow or lying: none of it counts as updated"""
    sick, = world.fleet(45, site="sick")
    number = world.campaign("1.1.0", filter=everybody([sick]), soak_s=3600)
    sick.told()
    update(world, sick, number, wait=False)
    tap.equal(world.members(number)[sick.id], "soaking",
              "the new version alone is not yet success")
    sick.report(healthy=False)
    tap.check(world.wait(lambda: world.members(number)[sick.id] == "failed"),
              "who gets ill in its soak has failed", world.shown(number))
    slow, = world.fleet(46, site="slow")
    number = world.campaign("1.1.0", filter=everybody([slow]), timeout_s=1)
    slow.told()
    tap.check(world.wait(lambda: world.members(number)[slow.id] == "failed"),
              "who takes too long has failed", world.shown(number))
    liar, = world.fleet(49, site="liar")
    number = world.campaign("1.1.0", filter=everybody([liar]))
    liar.told()
    liar.report(status="Installed", campaignSeq=2)
    time.sleep(0.5)
    tap.equal(world.members(number)[liar.id], "started",
              "'Installed' without the version is no success")
    number = world.campaign("1.1.0", filter=everybody(world.fleet(
        55, site="trial")))
    trial = world.chargers["CP-0055"]
    trial.told()
    trial.install(*NEW)
    trial.report(trial=True)
    time.sleep(0.5)
    tap.equal(world.members(number)[trial.id], "started",
              "nor is the version on trial")


def skipped(tap, world):
    """Who has the release, a later one or no use for it is skipped"""
    has, older = world.fleet(47, site="has")[0], world.fleet(48, site="o")[0]
    has.install(*NEW)
    older.install("1.2.0", 3)
    has.report()
    older.report()
    number = world.campaign("1.1.0", filter=everybody([has, older]))
    tap.equal(set(world.members(number).values()), {"skipped"},
              "who has the release or a later one is skipped")
    tap.check(has.told() == older.told() == {}, "and told nothing")
    for n, what, count, hardware in (
            (51, "who lacks a component of the release", 1, "gw-rev3"),
            (52, "whose hardware the release is not for", 2, "gw-rev9")):
        c = world.charger(n, f"unfit-{n}")
        says = c.registration()
        says["ecus"] = says["ecus"][:count]
        says["ecus"][0]["hardware"] = hardware
        world.people["otto"].post("/v1/devices", says)
        c.report()
        number = world.campaign("1.1.0", filter=everybody([c]))
        tap.check(world.members(number)[c.id] == "skipped" and
                  c.told() == {}, f"{what} is skipped", world.shown(number))


def never_back(tap, world):
    """Nobody is told a release below what he reports to run"""
    # S0.23: a charger that was updated from a stick meanwhile
    c, = world.fleet(60, site="stick")
    world.campaign("1.1.0", filter=everybody([c]))
    tap.equal(c.told(), BOTH, "it is told the release")
    c.install("1.2.0", 3)
    c.report()
    tap.equal(c.told(), {}, "it runs a later one by now: told nothing")
    world.power_cut()
    tap.equal(c.told(), {}, "nor after a restart")
    c.install(*NEW)
    c.report()
    tap.equal(c.told(), BOTH, "back at the release, it is named again")


def run(tap, program, folder):
    """All of it over one server with three releases."""
    world = World(program, folder)
    world.add_people()
    try:
        world.start()
        world.fleet(1)
        for name, seq in (("1.1.0", 2), ("1.2.0", 3)):
            world.room.release(name, seq)
        world.upload()
        assert world.publish(world.room.files()).code == 200
        for section in (moves, paused, waves, sites, halts, failures,
                        skipped, never_back):
            tap.section(section, world)
        tap.equal(world.stop(), 0, "it stops in good order")
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
