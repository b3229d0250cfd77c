#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Campaigns by filter, rehearsed, retried, sent back, frozen; what survives a
power cut of the server."""
import sys
import time

import harness
from harness import World

BOTH = {"gateway": 2, "controller": 2}


def ids(fleet):
    """The filter that takes these chargers."""
    return "id in (" + ", ".join(c.id for c in fleet) + ")"


def install(charger, version="1.1.0", seq=2):
    """Installs what it was told and proves it."""
    charger.report(status="Downloading", campaignSeq=seq, phase="fetching")
    charger.install(version, seq)
    assert charger.report(status="Installed", campaignSeq=seq).code == 200
    assert charger.report().code == 200


def breaks(charger, seq=2):
    """Reports that it could not install."""
    assert charger.report(status="InstallationFailed", campaignSeq=seq,
                          fellBack=True, reason="health-failed",
                          fallbackReason="health-failed").code == 200


def move(world, number, word, who="otto"):
    """POST /v1/campaigns/NUMBER/WORD."""
    return world.people[who].post(f"/v1/campaigns/{number}/{word}")


def special(world, number, site="lab", **says):
    """A charger that is registered with more than usual."""
    c = world.charger(number, site)
    answer = world.people["otto"].post("/v1/devices", c.registration(**says))
    assert answer.code == 201, answer
    assert c.report().code == 200
    return c


def filters(tap, world):
    """Chargers are chosen by a filter, and stay chosen"""
    # S0.26
    a = special(world, 10, model="ac22", region="nord", tags=["canary"])
    b = special(world, 11, model="ac22", region="nord")
    c = special(world, 12, model="ac22", region="sued")
    otto = world.people["otto"]
    number = world.campaign(
        "1.1.0", filter=" model=ac22  and gateway<1.1 and region = nord",
        waves=[{"tag": "canary"}, {"filter": "site = lab"}], per_site=9)
    shown = world.shown(number)
    tap.equal(shown["plan"]["filter"],
              "model = ac22 and gateway < 1.1 and region = nord",
              "it is kept in its printed form")
    tap.equal(set(world.members(number)), {a.id, b.id}, "it takes these two")
    tap.equal((a.told(), b.told(), c.told()), (BOTH, {}, {}),
              "the wave of the tag starts first")
    install(a)
    tap.check(world.wait(lambda: b.told() == BOTH), "then the others")
    world.power_cut()
    tap.equal(set(world.members(number)), {a.id, b.id},
              "a restart does not ask the versions anew")
    tap.equal([w["size"] for w in world.shown(number)["wave_progress"]],
              [1, 1], "nor the waves")
    move(world, number, "abort")
    for text, column, what in (("model = ", 9, "value"),
                               ("model < ac22", 7, "order"),
                               ("site in (1", 11, "list")):
        answer = otto.post("/v1/campaigns", {
            "name": "x", "release": "1.1.0", "filter": text,
            "waves": [{"percent": 100}]})
        tap.check(answer.code == 400 and f"column {column}:" in
                  answer.json()["error"] and what in answer.json()["error"],
                  f"'{text}' is refused at column {column}", answer)
    answer = otto.post("/v1/campaigns", {
        "name": "x", "release": "1.1.0",
        "waves": [{"filter": "tag ="}, {"percent": 100}]})
    tap.check(answer.code == 400 and "column 6" in answer.json()["error"],
              "so is a wave's", answer)


def rehearsed(tap, world):
    """A dry run says who would be told and who refused, and makes nothing"""
    good = [special(world, 20 + i, site=f"dry-{i}", tags=["dry"])
            for i in range(3)]
    odd = {
        "policy": special(world, 24, tags=["dry"], updates="security"),
        "legacy": special(world, 25, tags=["dry"], profile="legacy"),
        "has-it": special(world, 26, tags=["dry"]),
        "later": special(world, 27, tags=["dry"]),
    }
    world.charger(28, "lab")
    hardware = world.chargers["CP-0028"]
    says = hardware.registration(tags=["dry"])
    for ecu in says["ecus"]:
        ecu["hardware"] = "other"
    assert world.people["otto"].post("/v1/devices", says).code == 201
    odd["hardware"] = hardware
    odd["component"] = world.charger(29, "lab")
    says = odd["component"].registration(tags=["dry"])
    del says["ecus"][1]
    assert world.people["otto"].post("/v1/devices", says).code == 201
    odd["floor"] = special(world, 33, tags=["dry"])
    ecus = odd["floor"].body()["ecus"]
    ecus[0]["floor"] = 2  # above the release's security version
    assert odd["floor"].report(ecus=ecus).code == 200
    odd["has-it"].install("1.3.0", 4)
    odd["has-it"].report()
    odd["later"].install("1.4.0", 5)
    odd["later"].report()
    before = (len(world.audit()), len(world.people["otto"].get(
        "/v1/campaigns").json()))
    answer = world.people["otto"].post("/v1/campaigns/dry-run", {
        "release": "1.3.0", "filter": "has tag dry",
        "waves": [{"count": 1}, {"percent": 100}]})
    tap.equal(answer.code, 200, "it is answered")
    said = answer.json()
    tap.equal((said["members"], said["told"]), (10, 3), "ten fit, three go")
    tap.equal([w["size"] for w in said["waves"]], [1, 2], "one, then two")
    tap.equal({i for w in said["waves"] for i in w["ids"]},
              {c.id for c in good}, "they are named")
    tap.equal(said["refused_by"], {k: 1 for k in odd}, "the others are too")
    tap.equal({r["id"]: r["reason"] for r in said["refused"]},
              {c.id: k for k, c in odd.items()}, "each with its reason")
    tap.check(all(r["why"] for r in said["refused"]), "and a sentence")
    tap.equal((len(world.audit()), len(world.people["otto"].get(
        "/v1/campaigns").json())), before, "nothing was made or logged")
    number = world.campaign("1.3.0", filter="has tag dry", per_site=9)
    states = world.members(number)
    tap.equal({i for i, s in states.items() if s == "skipped"},
              {c.id for c in odd.values()}, "who is refused is skipped then")
    world.power_cut()
    tap.equal(world.members(number), states, "also after a power cut")
    row, = [m for m in world.shown(number)["members"]
            if m["id"] == odd["policy"].id]
    tap.check("security" in row["detail"], "with the reason", row)
    tap.equal(odd["policy"].told(), {}, "and is told nothing")
    move(world, number, "abort")
    secure = world.campaign("1.1.0", filter=ids([odd["policy"]]))
    tap.equal(odd["policy"].told(), BOTH, "a security update it does take")
    move(world, secure, "abort")


def retried(tap, world):
    """Who failed gets another chance, with another approval if it halted"""
    a, b = (special(world, 30 + i, site=f"retry-{i}") for i in range(2))
    number = world.campaign("1.1.0", filter=ids([a, b]), fail_count=2,
                            waves=[{"percent": 100}])
    tap.equal((a.told(), b.told()), (BOTH, BOTH), "both are told")
    breaks(a)
    tap.equal(world.members(number)[a.id], "failed", "one fails")
    tap.equal(a.told(), {}, "and is told no more")
    tap.equal(move(world, number, "retry").code, 200, "it is retried")
    tap.equal(a.told(), BOTH, "and told again")
    row, = [m for m in world.shown(number)["members"] if m["id"] == a.id]
    tap.equal(row["attempts"], 2, "for the second time")
    tap.equal(move(world, number, "retry").code, 409, "nobody else failed")
    breaks(a)
    breaks(b)
    tap.check(world.wait(lambda: world.shown(number)["state"] == "halted"),
              "two failures halt it")
    tap.equal(move(world, number, "retry").json()["state"], "draft",
              "then a retry makes it a draft")
    tap.equal(world.shown(number)["approved_by"], "", "approved by nobody")
    tap.equal((a.told(), move(world, number, "start").code), ({}, 409),
              "that tells nobody and does not start")
    tap.equal(move(world, number, "approve", "otto").code, 403,
              "its maker does not approve it")
    tap.equal((move(world, number, "approve", "anna").code,
               move(world, number, "start").code), (200, 200),
              "another does, and it starts")
    for c in (a, b):
        tap.equal(c.told(), BOTH, f"{c.id} is told again")
        install(c)
    tap.check(world.wait(lambda: world.shown(number)["state"] == "done"),
              "and it is done", world.shown(number))


def aborted(tap, world):
    """An abort takes back who can be reached; the others finish"""
    near, far = (special(world, 35 + i, site=f"abort-{i}") for i in range(2))
    number = world.campaign("1.1.0", filter=ids([near, far]))
    tap.equal((near.told(), far.told()), (BOTH, BOTH), "both are told")
    near.report(status="Downloading", campaignSeq=2)
    far.report(status="Installing", campaignSeq=2)
    tap.equal(move(world, number, "abort").code, 200, "it is aborted")
    tap.equal(world.members(number),
              {near.id: "waiting", far.id: "started"},
              "who installs already is left to it")
    tap.equal((near.told(), far.told()), ({}, BOTH),
              "who does not yet is told no more")
    install(far)
    tap.check(world.wait(
        lambda: world.members(number)[far.id] == "updated"),
        "and what the other did is still taken down")
    words = [r["action"] for r in world.audit() if r["subject"] == near.id]
    tap.check("update-taken-back" in words, "the log says it", words)


def sent_back(tap, world):
    """The old code goes back to whom a campaign told, as a campaign of its
    own"""
    # S0.26 S2.23
    a, b, c = (special(world, 40 + i, site=f"back-{i}") for i in range(3))
    number = world.campaign("1.1.0", filter=ids([a, b, c]),
                            waves=[{"count": 2}, {"percent": 100}],
                            soak_s=3600)
    told = [x for x in (a, b, c) if x.told()]
    tap.equal(len(told), 2, "two are told")
    install(told[0])
    otto = world.people["otto"]

    def send(**body):
        return otto.post(f"/v1/campaigns/{number}/send-back", body)
    tap.equal(send(release="1.1.0").code, 400,
              "the same release is no way back")
    tap.equal(send(release="9.9.9").code, 400, "nor is one that is not there")
    tap.equal(send(release="1.4.0", filter="all").code, 400,
              "nor can others be taken along")
    answer = send(release="1.4.0")
    tap.check(answer.code == 201 and answer.json()["state"] == "draft",
              "the old code under a higher number is", answer)
    back = answer.json()
    tap.equal({m["id"] for m in back["members"]}, {x.id for x in told},
              "it goes to whom the campaign told")
    tap.equal(back["plan"]["sends_back"], number, "and says what it takes back")
    move(world, number, "abort")
    tap.equal(move(world, back["id"], "approve", "otto").code, 403,
              "it too needs another's approval")
    move(world, back["id"], "approve", "anna")
    move(world, back["id"], "start")
    tap.equal(told[0].told(), {"gateway": 5, "controller": 5},
              "then who was updated is told")
    tap.equal(otto.post("/v1/campaigns", {
        "name": "x", "release": "1.4.0", "waves": [{"percent": 100}],
        "sends_back": number}).code, 400,
        "no plan can say by itself that it sends back")
    move(world, back["id"], "abort")


def frozen(tap, world):
    """A freeze stops everything; another person lifts it"""
    a, b = (special(world, 45 + i, site=f"ice-{i}") for i in range(2))
    number = world.campaign("1.1.0", filter=ids([a, b]))
    tap.equal(a.told(), BOTH, "one is told")
    otto, anna = world.people["otto"], world.people["anna"]

    def freeze(who, on, because="a fire"):
        return who.post("/v1/freeze", {"frozen": on, "because": because})
    tap.equal(freeze(otto, False).code, 409, "nothing is frozen")
    tap.equal(freeze(otto, True, "").code, 400, "a reason is asked for")
    tap.equal(freeze(otto, True).json()["frozen"], True, "everything is")
    tap.equal(freeze(anna, True).code, 409, "once")
    tap.equal((a.told(), b.told()), ({}, {}), "nobody is told anything")
    tap.equal(world.members(number), {a.id: "waiting", b.id: "waiting"},
              "who was told waits again")
    world.power_cut()
    tap.equal((a.told(), b.told()), ({}, {}), "nor after a power cut")
    tap.equal(freeze(otto, False).code, 403, "who froze it does not lift it")
    shown = otto.get("/v1/freeze").json()
    tap.equal((shown["frozen"], shown["by"], shown["because"]),
              (True, "otto", "a fire"), "it says who and why")
    tap.equal(freeze(anna, False, "it is out").code, 200, "another does")
    tap.equal((a.told(), b.told()), (BOTH, BOTH), "and they go on")
    words = [(r["actor"], r["action"]) for r in world.audit()]
    tap.check(("otto", "frozen") in words and ("anna", "unfrozen") in words
              and ("otto", "denied") in words, "the log has all of it",
              words[-8:])
    move(world, number, "abort")


def emergency(tap, world):
    """An emergency skips windows and waves, not the second person"""
    a, b = (special(world, 50 + i, site=f"urgent-{i}") for i in range(2))
    hour = (time.gmtime().tm_hour + 6) % 24
    number = world.campaign(
        "1.1.0", start=False, filter=ids([a, b]), emergency=True,
        waves=[{"count": 1}, {"percent": 100}],
        window={"start": f"{hour:02}:00", "end": f"{hour:02}:30"})
    answer = move(world, number, "approve", "anna")
    tap.check(answer.code == 403 and "admin" in answer.json()["error"],
              "an approver is not enough", answer)
    tap.equal(move(world, number, "approve", "adam").code, 200,
              "an admin approves it")
    move(world, number, "start")
    tap.equal((a.told(), b.told()), (BOTH, BOTH),
              "both are told at once, whatever the hour")
    move(world, number, "abort")
    made = world.people["adam"].post("/v1/campaigns", {
        "name": "own", "release": "1.1.0", "emergency": True,
        "filter": ids([a, b]), "waves": [{"percent": 100}]}).json()["id"]
    answer = move(world, made, "approve", "adam")
    tap.check(answer.code == 403 and "created" in answer.json()["error"],
              "its maker does not, admin or not", answer)
    move(world, made, "abort")


def limits(tap, world):
    """Feeders and hours hold over campaigns and restarts"""
    # S0.28 S1.9
    a, b = (special(world, 55 + i, site=f"grid-{i}", feeder="F9")
            for i in range(2))
    one = world.campaign("1.1.0", filter=ids([a]))
    two = world.campaign("1.1.0", filter=ids([b]))
    tap.equal((a.told(), b.told()), (BOTH, {}),
              "two campaigns do not take two chargers of one feeder group")
    tap.check(world.wait(lambda: b.id in world.shown(two)["because"]),
              "and the one that waits says why", world.shown(two)["because"])
    install(a)
    tap.check(world.wait(lambda: b.told() == BOTH), "then it goes on")
    move(world, two, "abort")
    crowd = [special(world, 60 + i, site=f"hour-{i}") for i in range(3)]
    number = world.campaign("1.1.0", filter=ids(crowd), per_hour=2)
    told = [c for c in crowd if c.told()]
    tap.equal(len(told), 2, "two an hour are told")
    for c in told:
        install(c)
    world.power_cut()
    tap.equal([bool(c.told()) for c in crowd if c not in told], [False],
              "the third waits, after a restart too")
    move(world, number, "abort")
    move(world, one, "abort")


def zones(tap, world):
    """A window is where the charger stands"""
    # S0.29 S2.15
    otto = world.people["otto"]
    c = world.charger(70, "zone")
    answer = otto.post("/v1/devices", c.registration(zone="Mars/Olympus"))
    tap.check(answer.code == 400 and "zone" in answer.json()["error"],
              "a zone that nobody knows is refused", answer)
    for bad in ("../../etc/passwd", "/etc/localtime", "zone.tab"):
        tap.equal(otto.post("/v1/devices",
                            c.registration(zone=bad)).code, 400,
                  f"so is {bad}")
    # Kiritimati has no summer time and is at UTC+14, so a window of two
    # hours around the present there is closed in UTC.
    there = special(world, 71, "zone-1", zone="Pacific/Kiritimati")
    here = special(world, 72, "zone-2", zone="Etc/UTC")
    hour = (time.gmtime().tm_hour + 14) % 24
    number = world.campaign(
        "1.1.0", filter="zone in (Pacific/Kiritimati, Etc/UTC)",
        windows=[{"start": f"{(hour + 23) % 24:02}:00",
                  "end": f"{(hour + 2) % 24:02}:00"}])
    tap.equal((there.told(), here.told()), (BOTH, {}),
              "it is open there and closed here")
    shown = otto.get(f"/v1/devices/{there.id}").json()
    tap.equal((shown["zone"], shown["region"], shown["tags"]),
              ("Pacific/Kiritimati", "", []), "the charger shows its zone")
    world.power_cut()
    tap.equal(here.told(), {}, "after a restart too")
    move(world, number, "abort")


def faults(tap, world):
    """More faults than the same charger had before halt a campaign"""
    # S2.29
    c = special(world, 85, site="faults")
    for _ in range(2):
        assert c.report(faults=100).code == 200
        time.sleep(1.1)
    world.power_cut()  # what it is compared with is kept
    number = world.campaign("1.1.0", filter=ids([c]), soak_s=3600)
    tap.equal(c.told(), BOTH, "it is told")
    c.install("1.1.0", 2)
    c.report(status="Installed", campaignSeq=2, faults=100)
    c.report(faults=101)
    time.sleep(0.5)
    tap.equal((world.members(number)[c.id], world.shown(number)["state"]),
              ("soaking", "running"), "one fault more is no rise")
    c.report(faults=160)
    tap.check(world.wait(lambda: world.shown(number)["state"] == "halted"),
              "sixty within a second are", world.shown(number))
    tap.check("faults rose" in world.shown(number)["because"],
              "and the campaign says so", world.shown(number)["because"])


def views(tap, world):
    """Members by page, who is stuck, and when it ends"""
    fleet = [special(world, 75 + i, site=f"view-{i}") for i in range(4)]
    silent = world.charger(79, "view-9")
    world.people["otto"].post("/v1/devices", silent.registration())
    fleet.append(silent)
    number = world.campaign("1.1.0", filter=ids(fleet), fail_count=9,
                            fail_percent=100)
    told = [c for c in fleet[:4] if c.told()]
    breaks(told[0])
    install(told[1])
    world.wait(lambda: world.members(number)[told[1].id] == "updated")
    vera = world.people["vera"]
    base = f"/v1/campaigns/{number}"
    pages, after = [], 0
    while page := vera.get(f"{base}/members?limit=2&after={after}").json():
        pages.append(page)
        after = page[-1]["place"]
    tap.equal([len(p) for p in pages], [2, 2, 1], "pages of two")
    tap.equal(sorted(m["id"] for p in pages for m in p),
              sorted(c.id for c in fleet), "miss nobody")
    tap.equal([m["id"] for m in vera.get(
        f"{base}/members?state=failed").json()], [told[0].id],
        "they can be narrowed")
    stuck = vera.get(f"{base}/stuck").json()
    tap.equal(stuck["counts"], {"failed": 1, "unseen": 1},
              "who failed and who was never seen is stuck")
    tap.check(all(m["why"] and m["advice"] for m in stuck["members"]),
              "each with a reason and an advice", stuck)
    ends = vera.get(f"{base}/forecast").json()
    tap.check(ends["observed"] and ends["ends"] >= time.strftime(
        "%Y-%m-%dT%H:%M", time.gmtime()), "a forecast is made", ends)
    for word in ("members", "stuck", "forecast"):
        tap.equal(vera.get(f"/v1/campaigns/999/{word}").code, 404,
                  f"no campaign, no {word}")
    move(world, number, "abort")


def run(tap, program, folder):
    """All of it over one server with four releases."""
    world = World(program, folder)
    world.add_people()
    try:
        world.start()
        world.fleet(1)
        world.room.release("1.1.0", 2)
        world.room.release("1.3.0", 4, updateType="feature")
        world.room.release("1.4.0", 5)
        world.upload()
        assert world.publish(world.room.files()).code == 200
        for section in (filters, rehearsed, retried, aborted, sent_back,
                        frozen, emergency, limits, zones, faults, views):
            tap.section(section, world)
        tap.equal(world.stop(), 0, "it stops in good order")
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
