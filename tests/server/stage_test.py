#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Releases go lab, pilot, general, retired: each step with evidence, the one
to general by two people, and each stage for its chargers alone.

Arguments: voltseal-server, voltseal."""
import hashlib
import json
import os
import subprocess
import sys
import threading
import time

import harness
from harness import World


def evidence(world, kind="test-report", text=b"all green"):
    """A piece of evidence, uploaded."""
    name = hashlib.sha256(text).hexdigest()
    assert world.people["otto"].put("/v1/artifacts/" + name,
                                    text).code in (200, 201)
    return {"kind": kind, "sha256": name, "note": "of tonight"}


def step(world, who, name, word, **body):
    """POST /v1/releases/NAME/WORD."""
    return world.people[who].post(f"/v1/releases/{name}/{word}", body)


def stage(world, name):
    """The stage that a viewer is shown."""
    return world.people["vera"].get("/v1/releases/" + name).json()["stage"]


def publish(world, name, seq, **says):
    """A release of the room, uploaded and published."""
    world.room.release(name, seq, **says)
    world.upload()
    answer = world.publish(world.room.files())
    assert answer.code == 200, answer


def reach(world, name, tag):
    """{charger: reason} of those that a campaign skips when it starts, and
    the set of those that it takes."""
    number = world.campaign(name, name=tag)
    members = world.shown(number)["members"]
    world.people["otto"].post(f"/v1/campaigns/{number}/abort")
    return ({m["id"]: m["detail"] for m in members
             if m["state"] == "skipped"},
            {m["id"] for m in members if m["state"] != "skipped"})


def way(tap, world):
    """A release goes from the lab to all, step by step"""
    # S0.29
    publish(world, "1.1.0", 2)
    vera, shown = world.people["vera"], "/v1/releases/1.1.0"
    first = vera.get(shown).json()
    tap.check(first["stage"] == "lab" and first["stage_by"] == "otto" and
              first["evidence"] == [] and first["update_type"] == "security"
              and first["targets"][0]["update_type"] == "security",
              "what is published begins in the lab", first)
    skipped, taken = reach(world, "1.1.0", "in-lab")
    tap.check(taken == {"CP-0001"} and set(skipped) == {
        "CP-0002", "CP-0003"} and "in the lab" in skipped["CP-0003"],
        "from there a campaign takes chargers with the tag lab",
        (skipped, taken))
    proof = evidence(world)
    answer = step(world, "otto", "1.1.0", "promote", to="general",
                  evidence=[proof])
    tap.equal(answer.code, 409, "no stage is left out")
    answer = step(world, "otto", "1.1.0", "promote", to="pilot",
                  evidence=[proof])
    tap.check(answer.code == 200 and answer.json()["stage"] == "pilot" and
              answer.json()["stage_by"] == "otto", "to pilot", answer)
    skipped, taken = reach(world, "1.1.0", "in-pilot")
    tap.check(taken == {"CP-0001", "CP-0002"} and "pilot" in
              skipped["CP-0003"], "a pilot is for those with lab or pilot",
              (skipped, taken))
    tap.equal(step(world, "anna", "1.1.0", "approve").code, 409,
              "what nobody asked for is not approved")
    answer = step(world, "both", "1.1.0", "promote", to="general",
                  evidence=[evidence(world, "sbom", b"{}")], note="two weeks")
    tap.check(answer.code == 200 and answer.json()["stage"] == "pilot" and
              answer.json()["general_asked_by"] == "both",
              "general is asked for and not there yet", answer)
    answer = step(world, "both", "1.1.0", "approve")
    tap.check(answer.code == 403 and answer.reason == "four-eyes",
              "who asked does not approve", answer)
    tap.equal(step(world, "anna", "1.1.0", "reject").code, 400,
              "a rejection says why")
    tap.equal(step(world, "anna", "1.1.0", "reject", note="a week more").json()
              ["general_asked_by"], "", "rejected, it stays a pilot")
    step(world, "both", "1.1.0", "promote", to="general", evidence=[proof])
    world.power_cut()
    tap.equal(vera.get(shown).json()["general_asked_by"], "both",
              "(after a power cut it is asked for still)")
    answer = step(world, "anna", "1.1.0", "approve").json()
    tap.check((answer["stage"], answer["stage_by"],
               answer["stage_approved_by"]) == ("general", "both", "anna"),
              "another approves it: general", answer)
    tap.equal(reach(world, "1.1.0", "for-all"), (
        {}, {"CP-0001", "CP-0002", "CP-0003"}), "it is for all")
    kinds = [(e["stage"], e["kind"], e["by"]) for e in answer["evidence"]]
    tap.equal(kinds, [("pilot", "test-report", "otto"),
                      ("general", "sbom", "both"),
                      ("general", "test-report", "both")],
              "the evidence of each step stays")


def retired(tap, world):
    """A retired release gets no new campaign"""
    running = world.campaign("1.1.0", name="before")
    tap.equal(step(world, "otto", "1.1.0", "retire").code, 400,
              "it takes a reason")
    tap.equal(step(world, "otto", "1.1.0", "retire",
                   note="1.1.1 is out").json()["stage"], "retired", "retired")
    answer = world.people["otto"].post("/v1/campaigns", {
        "name": "late", "release": "1.1.0", "waves": [{"percent": 100}]})
    tap.check(answer.code == 400 and "retired" in answer.json()["detail"],
              "a new campaign is refused", answer)
    tap.equal(world.shown(running)["state"], "running",
              "one that runs goes on")
    world.people["otto"].post(f"/v1/campaigns/{running}/abort")
    tap.equal([step(world, who, "1.1.0", word, note="x").code for who, word in
               (("otto", "retire"), ("anna", "approve"), ("anna", "reject"))],
              [409] * 3, "nothing leads back")
    answer = step(world, "otto", "1.1.0", "evidence",
                  evidence=[evidence(world, "incident", b"why")])
    tap.check(answer.code == 200 and answer.json()["evidence"][-1]["stage"] ==
              "retired", "evidence can be added to the end", answer)
    publish(world, "1.1.1", 3)
    tap.equal((stage(world, "1.1.0"), stage(world, "1.1.1")),
              ("retired", "lab"), "publishing the next changes no stage")


def wrong(tap, world):
    """What is not right is refused, and nothing changes"""
    proof = evidence(world)
    none = {"kind": "sbom", "sha256": "ab" * 32}
    bodies = [{}, {"to": "pilot"}, {"to": "pilot", "evidence": []},
              {"to": "pilot", "evidence": [{}]},
              {"to": "pilot", "evidence": [{**proof, "kind": "a b"}]},
              {"to": "pilot", "evidence": [{**proof, "more": 1}]},
              {"to": "pilot", "evidence": [{**proof, "note": "a\nb"}]},
              {"to": "pilot", "evidence": [{**proof, "note": "x" * 257}]},
              {"to": "pilot", "evidence": [{**proof, "sha256": "xy"}]},
              {"to": "pilot", "evidence": [proof] * 17},
              {"to": "pilot", "evidence": [proof], "force": True},
              {"to": "moon", "evidence": [proof]}, {"evidence": [proof]}]
    bad = [b for b in bodies
           if step(world, "otto", "1.1.1", "promote", **b).code != 400]
    tap.equal(bad, [], "each member is checked")
    answer = step(world, "otto", "1.1.1", "promote", to="pilot",
                  evidence=[none])
    tap.check(answer.code == 409 and answer.reason == "unreadable",
              "evidence that was not uploaded is none", answer)
    tap.equal([step(world, who, "1.1.1", "promote", to="pilot",
                    evidence=[proof]).code for who in ("vera", "anna", "aude")],
              [403] * 3, "who only reads or approves does not promote")
    tap.equal(step(world, "otto", "9.9.9", "promote", to="pilot",
                   evidence=[proof]).code, 404, "no such release")
    tap.equal(stage(world, "1.1.1"), "lab", "nothing came of it")


def told(tap, world):
    """The audit log has each step"""
    log = [(r["actor"], r["action"], r["detail"].split(":")[0])
           for r in world.audit() if r["subject"] == "1.1.0" and
           r["action"] != "release-published"]
    tap.equal([x for x in log if x[1] != "release-evidence"],
              [("otto", "release-promoted", "pilot"),
               ("both", "release-asked", "general"),
               ("anna", "release-rejected", "pilot"),
               ("both", "release-asked", "general"),
               ("anna", "release-approved", "general"),
               ("otto", "release-retired", "retired")], "in order")
    tap.equal(len([x for x in log if x[1] == "release-evidence"]), 4,
              "each piece of evidence too, the rejected step's as well")


def older(tap, world):
    """A release of an older server is general"""
    world.stop()
    with world.database() as db:
        db.execute("DELETE FROM stage WHERE release = '1.1.1'")
    world.start()
    tap.equal(stage(world, "1.1.1"), "general", "it was for all before")
    world.stop()
    world.configure(world.conf, release_stage="pilot")
    world.start()
    publish(world, "1.1.2", 4)
    tap.equal(stage(world, "1.1.2"), "pilot", "release_stage is the first one")
    for value in ("retired", "moon"):
        path = world.configure(world.path("bad.conf"), release_stage=value)
        done = world.run("check-config", "--config", path, expect=None)
        tap.check(done.returncode == 2 and "release_stage" in done.stderr,
                  f"release_stage = {value} is an error", done)


def command(tap, world, voltseal):
    """voltseal release goes the same way"""
    def ask(who, *words, expect=0):
        token = world.write(world.people[who].token.encode(), who + ".token")
        os.chmod(token, 0o600)
        done = subprocess.run(
            [voltseal, "release", *words, "--server",
             f"https://127.0.0.1:{world.ports[1]}", "--ca",
             world.server_ca.certificate, "--token-file", token],
            capture_output=True, text=True, check=False, timeout=30)
        tap.check(done.returncode == expect, f"release {' '.join(words)[:40]}",
                  done)
        return done.stdout + done.stderr
    report = world.write(b"<junit/>", "report.xml")
    publish(world, "1.2.0", 5)
    ask("both", "promote", "1.2.0", "--to", "general", expect=2)
    ask("both", "promote", "1.2.0", "--evidence", "a=b", expect=2)
    ask("both", "promote", "1.2.0", "--to", "general", "--evidence",
        "report", expect=2)
    ask("both", "promote", "1.2.0", "--to", "general", "--evidence",
        "test-report=" + world.path("none"), expect=1)
    ask("both", "promote", "1.2.0", "--to", "general", "--evidence",
        "test-report=" + report, "--note", "nightly")
    said = ask("both", "approve", "1.2.0", expect=1)
    tap.check("four-eyes" in said, "it says four-eyes", said)
    ask("anna", "reject", "1.2.0", expect=2)
    ask("anna", "approve", "1.2.0")
    publish(world, "1.2.1", 6)
    for word, code in (("reject", 1), ("approve", 0)):
        body = {"note": "no"} if word == "reject" else {}
        timer = threading.Timer(1.5, step, (world, "anna", "1.2.1", word),
                                body)
        timer.start()
        began = time.monotonic()
        ask("both", "promote", "1.2.1", "--to", "general", "--wait",
            "--evidence", "test-report=" + report, expect=code)
        tap.check(time.monotonic() - began > 1, f"--wait waits: {word}")
        timer.join()
    ask("otto", "evidence", "1.2.0", "--evidence", "sbom=" + report)
    said = ask("vera", "show", "1.2.0")
    tap.check(all(w in said for w in ("general", "anna", "test-report", "sbom",
                                      "nightly", "security")),
              "show tells it", said)
    listed = json.loads(ask("vera", "list", "--json"))
    tap.equal({r["name"]: r["stage"] for r in listed}["1.2.0"], "general",
              "list tells the stage")
    ask("otto", "retire", "1.2.0", "--note", "a bug")
    tap.check("retired" in ask("vera", "list"), "and when it is retired")


def run(tap, program, voltseal, folder):
    """All of it over one server."""
    world = World(program, folder, release_stage="lab")
    world.add_people()
    try:
        world.start()
        for n, tags in ((1, ["lab"]), (2, ["pilot", "fast"]), (3, ["fast"])):
            c = world.charger(n, "north")
            assert world.people["otto"].post(
                "/v1/devices", c.registration(tags=tags)).code == 201
            assert c.report().code == 200
        for section in (way, retired, wrong, told, older):
            tap.section(section, world)
        tap.section(command, world, voltseal)
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
