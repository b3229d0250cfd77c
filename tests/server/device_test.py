#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Chargers: their certificates, their director, the image repository, seals
and packs, reports."""
import hashlib
import json
import ssl
import sys
import time

import harness
from chargers import canonical, envelope, openssl, sha256, verified
from harness import Authority, World


def refused_in_handshake(client):
    """Whether TLS itself ends a connection."""
    try:
        return client.get("/director/timestamp.json").code == 0
    except (ssl.SSLError, OSError):
        return True


def certificates(tap, world):
    """Only the registered certificate of a charger is let in"""
    # S0.13 S0.24 S1.23 S2.21 S3.45
    a = world.chargers["CP-0001"]
    tap.equal(a.client.get("/director/timestamp.json").code, 200,
              "the registered certificate is let in")
    tap.check(refused_in_handshake(world.device()),
              "none at all ends the handshake")
    stranger = Authority(world.path("tls"), "stranger-ca")
    issue = {"another CA's": (stranger, {}),
             "a server's": (world.device_ca, {"purpose": "serverAuth"}),
             "an expired": (world.device_ca, {"days": 0}),
             "the server CA's": (world.server_ca, {})}
    for what, (authority, how) in issue.items():
        path = authority.issue(f"/CN={a.id}", a.key.path,
                               world.path("identities", "wrong.pem"), **how)
        time.sleep(2 if "days" in how else 0)
        tap.check(refused_in_handshake(world.device(path, a.key.path)),
                  f"{what} certificate with this name ends the handshake")
    again = world.device_ca.issue(f"/CN={a.id}", a.key.path,
                                  world.path("identities", "again.pem"))
    answer = world.device(again, a.key.path).get("/director/timestamp.json")
    tap.check(answer.code == 401 and answer.reason == "not-allowed",
              "a second certificate of the same key and name gets 401",
              answer)
    own = world.path("identities", "self.pem")
    openssl("req", "-x509", "-key", a.key.path, "-out", own, "-subj",
            f"/CN={a.id}", "-days", "2")
    tap.check(refused_in_handshake(world.device(own, a.key.path)),
              "a self-signed certificate ends the handshake")
    for subject in ("/CN=CP-0999", "/CN=cp-0001", "/CN=..\\/CP-0001", "/CN=CP-0001/CN=CP-0002", "/O=x",
                    "/CN=..%2f", "/CN=" + "a" * 64):
        path = world.device_ca.issue(subject, a.key.path,
                                     world.path("identities", "odd.pem"))
        answer = world.device(path, a.key.path).get(
            "/director/timestamp.json")
        tap.equal(answer.code, 401, f"subject {subject[:24]} gets 401")


def late(tap, world):
    """Who is registered is let in from then on"""
    charger = world.charger(8, "north")
    get = charger.client.get
    tap.equal([get(p).code for p in ("/director/timestamp.json",
                                     "/image/1.root.json", "/packs/x")],
              [401] * 3, "not registered yet: 401, whatever is asked for")
    tap.equal(charger.report().code, 401, "nor is a report taken")
    world.people["otto"].post("/v1/devices", charger.registration())
    tap.equal([get(p).code for p in ("/director/timestamp.json",
                                     "/image/1.root.json", "/packs/x")],
              [200, 200, 404], "registered, it is answered")


def registration(tap, world):
    """What an operator says of a charger is checked to the last field"""
    otto = world.people["otto"]
    c = world.charger(50, "west")
    bad = {"no id": {"id": ""}, "a path as id": {"id": "../x"},
           "another id": {"id": "CP-0051"}, "no site": {"site": ""},
           "no certificate": {"certificate": "x"},
           "no ECU": {"ecus": []}, "an ECU twice": {
               "ecus": c.registration()["ecus"][:1] * 2},
           "nine ECUs": {"ecus": [{"id": f"e{i}", "component": "gateway",
                                   "hardware": "h"} for i in range(9)]},
           "a wild time zone": {"utc_offset_min": 99999}}
    for what, change in bad.items():
        answer = otto.post("/v1/devices", c.registration(**change))
        tap.check(answer.code == 400 and answer.one_line(),
                  f"{what} is refused", answer)
    tap.equal(otto.post("/v1/devices", c.registration()).code, 201,
              "a good one is taken")
    answer = otto.post("/v1/devices", c.registration())
    tap.check(answer.code == 409 and answer.reason == "conflict",
              "but once", answer)
    shown = json.loads(otto.good("/v1/devices/CP-0050"))
    tap.check(shown["site"] == "west" and not shown["online"] and
              shown["last_report"] == "" and
              shown["components"]["gateway"]["release_seq"] == 0,
              "it has said nothing yet", shown)


def director(tap, world):
    """A charger's own director: signed, of one piece, in time"""
    a, b = world.chargers["CP-0001"], world.chargers["CP-0002"]
    root = json.loads(a.client.good("/director/1.root.json"))["signed"]
    files = a.director()
    for name, made in zip(("timestamp", "snapshot", "targets"), files):
        key_id = made["signatures"][0]["keyid"]
        tap.check(key_id in root["roles"][name]["keyids"] and
                  verified(root["keys"][key_id], canonical(made["signed"]),
                           bytes.fromhex(made["signatures"][0]["sig"])),
                  f"{name} is signed by the root's key for it")
    body = files[2]["signed"]
    tap.check(body["vehicleIdentifier"] == a.id and body["targets"] == {},
              "it names this charger, and nothing to install", body)
    tap.equal(b.director()[2]["signed"]["vehicleIdentifier"], b.id,
              "another charger gets its own")
    answer = a.client.get("/director/timestamp.json")
    tap.equal(answer.headers["Retry-After"], "7", "it is told when to ask "
                                                  "again")
    tap.equal(a.client.get("/director/timestamp.json").body, answer.body,
              "a poll makes nothing new")
    for name in ("2.root.json", "0.targets.json", "targets.json",
                 "999.snapshot.json", "1.root.json.", "x"):
        tap.equal(a.client.get("/director/" + name).code, 404,
                  f"director/{name} is not there")
    tap.equal(a.client.ask("POST", "/director/timestamp.json").code, 405,
              "a charger posts reports alone")
    tap.equal(a.client.get("/v1/devices").code, 404,
              "people's paths are not on this listener")


def reports(tap, world):
    """A report counts if the charger's own key signed it and it is new"""
    # S0.27
    a, b = world.chargers["CP-0001"], world.chargers["CP-0002"]
    first = a.report(status="Idle")
    tap.check(first.code == 200 and len(first.json()["nonce"]) == 64,
              "a good one is answered with a nonce", first)
    same = a.send(envelope(a.body(), [a.key]))
    tap.check(same.code == 409 and same.reason == "replay",
              "the same counter again is a replay", same)
    a.counter += 1
    answer = a.send(envelope(a.body(), [b.key]))
    tap.check(answer.code == 403 and answer.reason == "bad-signature",
              "another charger's key is refused", answer)
    answer = a.send(envelope(a.body(vehicleIdentifier=b.id), [a.key]))
    tap.check(answer.code == 403 and answer.reason == "wrong-vehicle",
              "a report about another charger is refused", answer)
    altered = json.loads(envelope(a.body(), [a.key]))
    altered["signed"]["healthy"] = False
    answer = a.send(json.dumps(altered).encode())
    tap.equal(answer.reason, "bad-signature", "an altered one is refused")
    for what, data in {"nothing": b"", "no JSON": b"{", "no fields":
                       envelope({"_type": "vehicle-manifest"}, [a.key]),
                       "another kind of thing": envelope(
                           {**a.body(), "healthy": 1}, [a.key])}.items():
        answer = a.send(data)
        tap.check(answer.code == 400 and answer.one_line(),
                  f"{what} gets 400", answer)
    unsigned = envelope(a.body(), [])
    tap.equal(a.send(unsigned).reason, "bad-signature",
              "an unsigned one is refused")
    renamed = json.loads(envelope(a.body(), [b.key]))
    renamed["signatures"][0]["keyid"] = a.key.id
    tap.equal(a.send(json.dumps(renamed).encode()).reason, "bad-signature",
              "another key under this key's id is refused")
    fields(tap, a)
    tap.equal(a.send(b"x" * 70000).code, 413, "over 64 KiB get 413")
    tap.equal(a.report().code, 200, "and the next good one is taken")
    seen = [(r["action"], r["reason"]) for r in world.audit()
            if r["subject"] == a.id]
    for reason in ("replay", "bad-signature", "wrong-vehicle", "malformed"):
        tap.check(("report-refused", reason) in seen,
                  f"{reason} is in the log")
    ed = world.chargers["CP-0003"]
    tap.equal(ed.report().code, 200, "an Ed25519 identity reports too")


def kept(tap, world):
    """The last signed report is shown as it came, byte for byte"""
    # S0.27 S2.4
    c = world.charger(44, "north")
    vera, path = world.people["vera"], f"/v1/devices/{c.id}/report"
    assert world.people["otto"].post(
        "/v1/devices", c.registration()).code == 201
    tap.equal(vera.get(path).code, 404, "before the first there is none")
    assert c.report().code == 200
    c.counter += 1
    data = envelope(c.body(status="Downloading"), [c.key])
    assert c.send(data).code == 200
    tap.equal(vera.get(path).body, data, "it is what the charger sent")
    record, = [x for x in world.audit() if x["actor"] == c.id
               and x["action"] == "report-kept"][-1:]
    tap.equal(record["detail"], hashlib.sha256(data).hexdigest(),
              "the log names it")
    c.counter += 1
    same = envelope(c.body(status="Downloading"), [c.key])
    assert c.send(same).code == 200
    tap.equal(world.audit()[-1]["seq"], record["seq"],
              "one without news adds nothing")
    named = f"{path}?seq={record['seq']}"
    tap.equal(vera.get(named).body, data, "what was named is kept")
    tap.equal(vera.get(f"{path}?seq={record['seq'] - 1}").code, 404,
              "no other record has a report")
    tap.equal(vera.get(f"/v1/devices/CP-0001/report?seq={record['seq']}"
                       ).code, 404, "and it is no other charger's")
    data = same
    c.counter += 1
    assert c.send(envelope(c.body(), [world.chargers["CP-0001"].key])
                  ).code != 200
    world.power_cut()
    tap.equal(vera.get(path).body, data,
              "also after one that was refused, and a power cut")
    tap.equal(hashlib.sha256(vera.get(named).body).hexdigest(),
              record["detail"], "and so is the one that the log names")
    tap.equal(vera.get(f"{path}?seq=x").code, 400, "x is no record")


def manifests(tap, world):
    """A report fits what is known of its charger, or is refused and logged"""
    # S0.27: the vehicle version manifest, primary and secondaries
    charger = world.chargers["CP-0002"]
    charger.report()
    ecus = charger.body()["ecus"]
    wrong = {
        "of an ECU that is another's": ("unknown-ecu", {"ecus": [
            ecus[0], {**ecus[1], "ecuIdentifier": "CP-0001-controller"}]}),
        "signed by an ECU that it lacks": ("unknown-ecu", {
            "primary": "CP-0001-gateway"}),
        "of other hardware": ("wrong-hardware", {"ecus": [
            ecus[0], {**ecus[1], "hardwareId": "toaster"}]}),
        "without a secondary": ("incomplete-set", {"ecus": ecus[:1]}),
        "with a nonce that was not given": ("replay", {"nonce": "f" * 64}),
    }
    for what, (reason, change) in wrong.items():
        held = charger.nonce
        answer = charger.report(**change)
        tap.check(answer.reason == reason and answer.one_line() and
                  charger.nonce == held,
                  f"a report {what} is refused: {reason}", answer)
        log = [(r["actor"], r["reason"]) for r in world.audit()
               if r["action"] == "report-refused"]
        tap.check(log[-1] == (charger.id, reason), "and logged", log[-3:])
    answer = charger.report()
    held = charger.nonce
    tap.equal(answer.code, 200, "a good one is taken after them")
    for i in range(2):
        charger.report()
        charger.nonce = held  # this answer was lost
    tap.equal(charger.report().code, 200,
              "who lost two answers still has a nonce that counts")
    first, charger.nonce = charger.nonce, ""
    answer = charger.report()
    tap.check((answer.code, answer.reason) == (409, "replay") and
              answer.json()["nonce"] == first,
              "one that shows no nonce is told the one to show", answer)
    charger.nonce = answer.json()["nonce"]
    tap.equal(charger.report().code, 200, "and then it is taken")
    tap.equal(charger.report().code, 200, "(and the next)")
    held, charger.nonce = charger.nonce, first
    tap.equal(charger.report().reason, "replay",
              "and does not come back to one from before")
    charger.nonce = held
    tap.equal(charger.report().code, 200, "(in order again)")


BOOT = {"verdict": "boot", "cause": "power", "slot": 0, "trial": False,
        "fellBack": False, "recordLost": False, "floorRaised": False,
        "tries": 0, "recovery": "none", "keyring": 1, "epoch": 1,
        "keyrings": [{"version": 1, "refused": "none"}] * 3,
        "slots": [{"refused": "none", "component": 0, "keyring": 1},
                  {"refused": "below-floor", "component": 1, "keyring": 1}]}


def boot_of(charger, **changed):
    """A boot decision that fits what the charger runs."""
    parts = [{"name": c, "version": v, "salt": "00" * 32,
              "rootHash": "11" * 32, "length": 4096, "releaseCounter": seq,
              "rollbackIndex": 1, "floor": 1, "releaseCounterA": seq,
              "releaseCounterB": 0, "rollbackIndexA": 1, "rollbackIndexB": 0}
             for c, (v, seq) in charger.runs.items()]
    return {**BOOT, "components": parts, **changed}


def decisions(tap, world):
    """What the boot loader decided is shown, and compared"""
    # S0.18
    b = world.chargers["CP-0002"]
    vera = world.people["vera"]

    def shown():
        return json.loads(vera.good("/v1/devices/" + b.id))

    def flagged(flag):
        return [d["id"] for d in json.loads(
            vera.good("/v1/devices?flag=" + flag))]
    tap.equal(shown()["boot"], {}, "a charger that tells none has none")
    tap.equal(b.report(boot=boot_of(b)).code, 200, "one is taken")
    told = shown()
    tap.check(told["boot"]["verdict"] == "boot" and
              told["boot"]["slots"][1] == {
                  "refused": "below-floor", "component": "controller",
                  "keyring": 1} and
              told["boot"]["components"]["gateway"]["floor"] == 1 and
              told["boot"]["epoch"] == 1 and told["flags"] == {},
              "and shown", told)
    answer = b.report(boot=boot_of(b, verdict="perhaps"))
    tap.equal(answer.reason, "malformed", "one without meaning is refused")
    ecus = b.body()["ecus"]
    ecus[0]["floor"] = 0
    b.report(boot=boot_of(b, slot=1, epoch=0), ecus=ecus)
    told = shown()
    tap.equal(sorted(told["flags"]), ["boot-differs", "floor-fell"],
              "a floor that fell and another slot are flagged")
    tap.equal(flagged("floor-fell"), [b.id], "and listed by flag")
    tap.equal(flagged("floor-not-raised"), [], "not under another")
    tap.equal(vera.ask("GET", "/v1/devices?flag=red").code, 400,
              "a flag that is none gets 400")
    world.stop()
    world.start()
    again = shown()
    tap.check(again["flags"] == told["flags"] and
              again["boot"] == told["boot"],
              "a restart forgets neither flags nor decision", again)
    b.report(boot=boot_of(b))
    tap.equal(shown()["flags"], {}, "and cleared when it fits again")
    log = [(r["action"], r["detail"].split(":")[0]) for r in world.audit()
           if r["subject"] == b.id and r["action"].startswith("flag-")]
    tap.equal(sorted(log), [("flag-cleared", "boot-differs"),
                            ("flag-cleared", "floor-fell"),
                            ("flag-raised", "boot-differs"),
                            ("flag-raised", "floor-fell")],
              "each change of it is in the log once")


def fields(tap, charger):
    """Each field of a well signed report is checked."""
    before = charger.client.get("/director/timestamp.json").code
    wrong = {"_type": "targets", "formatVersion": 2, "counter": -1,
             "healthy": "yes", "status": None, "slot": 256, "time": "now",
             "reason": "bored", "detail": "x" * 200, "ecus": {},
             "directorVersion": 2 ** 60, "bytesFetched": "1"}
    many = [{**charger.body()["ecus"][0], "ecuIdentifier": f"e{i}"}
            for i in range(9)]
    for field, value in {**wrong, "ecus ": many}.items():
        answer = charger.send(envelope(charger.body(**{
            field.strip(): value}), [charger.key]))
        tap.check((answer.code, answer.reason) in (
            (400, "malformed"), (400, "wrong-type"), (400, "unsupported"),
            (413, "too-large")) and answer.one_line(),
            f"{field} {str(value)[:20]} is refused", answer)
    short = charger.body()
    del short["phase"]
    answer = charger.send(envelope(short, [charger.key]))
    tap.check(answer.code == 400 and before == 200, "no phase gets 400",
              answer)


def refusals(tap, world):
    """What a charger refused is in the log, in its words, once"""
    # S0.27
    b = world.chargers["CP-0002"]
    for _ in range(3):
        b.report(reason="release-rollback", about="gateway/old.seal",
                 status="InvalidSignature", detail="line\nfeed")
    b.report(reason="metadata-expired", about="image/timestamp.json")
    b.report()
    b.report(reason="metadata-expired", about="image/timestamp.json")
    log = [(r["reason"], r["detail"]) for r in world.audit()
           if r["action"] == "refused" and r["subject"] == b.id]
    tap.equal(log, [("release-rollback", "gateway/old.seal"),
                    ("metadata-expired", "image/timestamp.json"),
                    ("metadata-expired", "image/timestamp.json")],
              "each change of it is one record")
    shown = json.loads(world.people["vera"].good("/v1/devices/" + b.id))
    tap.check(shown["reason"] == "metadata-expired" and
              shown["about"] == "image/timestamp.json" and shown["online"] and
              shown["components"]["gateway"] == {
                  "version": "1.0.0", "release_seq": 1, "floor": 1},
              "and people see the last", shown)


def image(tap, world):
    """The image repository, seals and packs under their names alone"""
    a = world.chargers["CP-0001"]
    get = a.client.get
    tap.equal(get("/image/1.root.json").body, world.room.first_root,
              "before anything is published there is the root")
    tap.equal(get("/image/timestamp.json").code, 404, "and nothing else")
    paths = world.room.release("1.1.0", 2)
    world.upload()
    files = world.room.files()
    answer = world.publish(files)
    tap.check(answer.code == 200 and answer.json()["releases"] == ["1.1.0"],
              "a release is published", answer)
    for name, data in files.items():
        tap.equal(get("/image/" + name).body, data, f"{name} byte for byte")
    stamp = get("/image/timestamp.json").json()["signed"]
    version = stamp["meta"]["snapshot.json"]["version"]
    snapshot = get(f"/image/{version}.snapshot.json")
    tap.equal(sha256(snapshot.body),
              stamp["meta"]["snapshot.json"]["hashes"]["sha256"],
              "the timestamp vouches for the snapshot")
    tap.equal(sorted(snapshot.json()["signed"]["meta"]),
              ["release.json", "targets.json"],
              "the snapshot lists targets and the delegated role")
    target = world.room.targets[paths[0]]
    digest = target["hashes"]["sha256"]
    seal = get(f"/targets/gateway/{digest}.gateway-1.1.0.seal")
    tap.equal(seal.body, world.room.artifacts[digest], "the seal is there")
    pack = target["custom"]["pack"]["sha256"]
    tap.equal(get(f"/packs/{pack}.pack").body, world.room.artifacts[pack],
              "the pack is there")
    for path in (f"/targets/{digest}.gateway-1.1.0.seal", f"/packs/{digest}",
                 f"/packs/{digest}.pack", f"/targets/gateway/{digest}",
                 "/packs/../voltseal.db", f"/packs/{pack}",
                 "/targets/gateway/../../voltseal.db",
                 "/targets/..%2f..%2fvoltseal.db", "/image/../voltseal.db",
                 "/image/2.root.json", "/targets/", "/packs/"):
        tap.equal(get(path).code, 404, f"{path[:40]} is not there")
    ranges(tap, a, f"/packs/{pack}.pack", world.room.artifacts[pack])


def ranges(tap, charger, path, data):
    """One range at a time, to the byte."""
    n = len(data)
    for asked, first, last in ((f"0-{n - 1}", 0, n - 1), ("0-0", 0, 0),
                               ("5-9", 5, 9), ("7-", 7, n - 1),
                               ("-3", n - 3, n - 1), (f"{n - 1}-", n - 1,
                                                      n - 1),
                               (f"2-{n + 50}", 2, n - 1),
                               (f"-{n + 9}", 0, n - 1)):
        answer = charger.client.get(path, Range="bytes=" + asked)
        tap.check(answer.code == 206 and answer.body == data[first:last + 1]
                  and answer.headers["Content-Range"] ==
                  f"bytes {first}-{last}/{n}", f"bytes={asked}", answer)
    for asked in (f"{n}-", f"{n + 1}-{n + 2}", "-0"):
        answer = charger.client.get(path, Range="bytes=" + asked)
        tap.check(answer.code == 416 and
                  answer.headers["Content-Range"] == f"bytes */{n}",
                  f"bytes={asked.replace(str(n), 'N')} is not there", answer)
    for asked in ("bytes=0-1,4-5", "bytes=a-b", "bytes=3-1", "lines=1-2",
                  "bytes=" + "9" * 40 + "-"):
        answer = charger.client.get(path, Range=asked)
        tap.check(answer.code == 200 and answer.body == data,
                  f"{asked[:16]} is answered with the whole", answer)
    tag = charger.client.get(path).headers["ETag"]
    tap.check(tag == f'"{sha256(data)}"', "the hash is the ETag", tag)
    for what, held, code in (("its own ETag", tag, 206),
                             ("another", '"x"', 200),
                             ("a weak one", "W/" + tag, 200),
                             ("a date", "Sat, 21 Nov 2026 00:00:00 GMT",
                              200)):
        answer = charger.client.get(path, **{"Range": "bytes=5-9",
                                             "If-Range": held})
        tap.check(answer.code == code and
                  answer.body == (data if code == 200 else data[5:10]),
                  f"If-Range with {what}: {code}", answer)
    answer = charger.client.ask("HEAD", path)
    tap.check(answer.code == 200 and answer.body == b"" and
              answer.headers["Content-Length"] == str(n),
              "HEAD tells the length", answer)


def run(tap, program, folder):
    """All of it over one server."""
    world = World(program, folder)
    world.add_people()
    try:
        world.start()
        world.fleet(1, 2)
        ed = world.charger(3, "south", ed25519=True)
        world.people["otto"].post("/v1/devices", ed.registration())
        for section in (certificates, late, registration, director, reports,
                        kept, manifests, decisions, refusals, image):
            tap.section(section, world)
        tap.equal(world.stop(), 0, "it stops in good order")
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
