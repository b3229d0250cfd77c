#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Publishing: artifacts under their hashes, and metadata that comes into
force only if a charger would believe all of it."""
import json
import os
import sys
import threading

import harness
from chargers import Image, Key, envelope, sha256
from harness import World


def artifacts(tap, world):
    """An artifact is there whole or not at all"""
    otto = world.people["otto"]
    data = os.urandom(300_000)
    name = sha256(data)
    path = "/v1/artifacts/" + name
    tap.equal(otto.get(path).code, 404, "it is not there")
    answer = otto.put(path, data)
    tap.check(answer.code == 201 and answer.json()["length"] == len(data),
              "it is new", answer)
    tap.equal(otto.put(path, data).code, 200, "it is there already")
    tap.equal(json.loads(otto.good(path)), {"sha256": name,
                                            "length": len(data)},
              "its length is told")
    with open(world.path("data", "artifacts", name), "rb") as f:
        tap.equal(sha256(f.read()), name, "it is under its hash on disk")
    other = sha256(b"other")
    answer = otto.put("/v1/artifacts/" + other, data)
    tap.check(answer.code == 400 and answer.reason == "hash-mismatch",
              "bytes of another hash are refused", answer)
    for bad in ("x", name[:-1], name.upper(), name + "0", "g" * 64):
        tap.equal(otto.put("/v1/artifacts/" + bad, b"x").code, 400,
                  f"{bad[:8]}... ({len(bad)}) names no artifact")
    half = ("PUT /v1/artifacts/" + sha256(b"y") + " HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {otto.token}\r\n"
            "Content-Length: 100000\r\n\r\n").encode() + b"y" * 5000
    otto.raw(half, wait=False)
    tap.check(world.wait(lambda: not leftovers(world), 10),
              "a body that breaks off leaves nothing", leftovers(world))
    tap.equal(otto.get("/v1/artifacts/" + sha256(b"y")).code, 404,
              "and is not there")
    six = [threading.Thread(target=otto.put, args=(
        "/v1/artifacts/" + sha256(b"same"), b"same")) for _ in range(6)]
    for one in six:
        one.start()
    for one in six:
        one.join()
    tap.check(otto.get("/v1/artifacts/" + sha256(b"same")).code == 200 and
              not leftovers(world), "six uploads of one at once make one",
              leftovers(world))
    chunked = (f"PUT /v1/artifacts/{other} HTTP/1.1\r\nHost: x\r\n"
               f"Authorization: Bearer {otto.token}\r\nTransfer-Encoding: "
               "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    tap.equal(otto.raw(chunked.encode()), 400,
              "chunked bytes are held against the name too")
    for what, body in (("no", b""), ("one byte less", b"othe"),
                       ("one byte more", b"other!")):
        tap.equal(otto.put("/v1/artifacts/" + other, body).code, 400,
                  f"{what} bytes are refused")
    with open(world.path("data", "artifacts", ".upload-x"), "wb") as f:
        f.write(b"left by a power cut")
    world.power_cut()
    tap.equal(leftovers(world), [], "a start sweeps what a power cut left")
    tap.equal(otto.get(path).code, 200, "and keeps what was whole")
    big = otto.raw(("PUT /v1/artifacts/" + other + " HTTP/1.1\r\nHost: x\r\n"
                    f"Authorization: Bearer {otto.token}\r\n"
                    "Content-Length: 2000000\r\n\r\n").encode())
    tap.equal(big, 413, "over the limit of the settings it is refused")
    large = os.urandom((1 << 20) + 1)
    head = (f"PUT /v1/artifacts/{sha256(large)} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {otto.token}\r\nTransfer-Encoding: "
            "chunked\r\n\r\n%x\r\n" % len(large)).encode()
    said = otto.raw(head + large + b"\r\n0\r\n\r\n")
    tap.check(said in (0, 413) and otto.get(
        "/v1/artifacts/" + sha256(large)).code == 404,
        "and so it is in chunks, right as its bytes are", said)
    tap.check(world.wait(lambda: not leftovers(world), 10),
              "which leaves nothing either", leftovers(world))


def leftovers(world):
    """Files of the artifacts folder that are under no hash."""
    return [n for n in os.listdir(world.path("data", "artifacts"))
            if len(n) != 64]


def in_force(world):
    """Names and hashes of what the chargers are served."""
    c = world.chargers["CP-0001"].client
    stamp = json.loads(c.good("/image/timestamp.json"))["signed"]
    version = stamp["meta"]["snapshot.json"]["version"]
    meta = json.loads(c.good(f"/image/{version}.snapshot.json"))["signed"]
    return {n: (e["version"], e["hashes"]["sha256"])
            for n, e in meta["meta"].items()}


def refused(tap, world, what, files, reason):
    """Proposes files; they must be refused and change nothing."""
    before = in_force(world)
    answer = world.publish(files)
    tap.check(answer.code == 409 and answer.one_line() and
              (reason is None or answer.reason == reason),
              f"{what}: {reason or 'refused'}", answer)
    tap.equal(in_force(world), before, f"{what}: what is in force stays")


def published(tap, world):
    """A good release is published once, and again harmlessly"""
    room = world.room
    room.release("1.1.0", 2)
    answer = world.publish(room.files())
    tap.check(answer.code == 409 and answer.reason == "unreadable",
              "without its artifacts it is refused", answer)
    room.version = 0
    world.upload()
    files = room.files()
    answer = world.publish(files)
    tap.equal(answer.json().get("releases"), ["1.1.0"], "then it is taken")
    tap.equal(sorted(answer.json()["published"]),
              ["1.release.json", "1.targets.json"], "the answer names the "
                                                    "files that are new")
    answer = world.publish(files)
    tap.check(answer.code == 200 and answer.json()["releases"] == [],
              "the same again changes nothing", answer)
    shown = json.loads(world.people["vera"].good("/v1/releases/1.1.0"))
    tap.check(shown["release_seq"] == 2 and shown["security_version"] == 1
              and shown["uploaded_by"] == "otto" and
              [t["component"] for t in shown["targets"]] ==
              ["gateway", "controller"] or len(shown["targets"]) == 2,
              "people see it", shown)
    gateway = next(t for t in shown["targets"]
                   if t["component"] == "gateway")
    tap.check(gateway["length"] == 524288 + 5 * 4096 + 123 and
              gateway["pack_length"] > 64 and
              gateway["hardwareIds"] == ["gw-rev3"], "with its lengths",
              gateway)
    tap.check(any(r["action"] == "release-published" and
                  r["actor"] == "otto" and "1.1.0" in r["subject"]
                  for r in world.audit()), "the log says who")


def signatures(tap, world):
    """Metadata that a charger would not believe is refused"""
    # S0.20 S0.44 S2.26 A1 A2 A7
    room = world.room
    rogue = [Key(world.path("room", f"rogue-{i}.pem")) for i in range(2)]
    top = room.first_top

    def role(version, **how):
        return {f"{version}.release.json": room.delegated(version, **how)}
    room.release("1.2.0", 3)
    world.upload()
    refused(tap, world, "one signature of two", role(
        2, signers=room.releasers[:1]), "threshold-not-met")
    refused(tap, world, "one key twice", role(
        2, signers=[room.releasers[0]] * 2), "duplicate-key-id")
    two_ids = json.loads(role(2, signers=room.releasers[:1])[
        "2.release.json"])
    two_ids["signatures"].append({**two_ids["signatures"][0],
                                  "keyid": room.releasers[1].id})
    refused(tap, world, "one signature under two key ids", {
        "2.release.json": json.dumps(two_ids).encode()}, "threshold-not-met")
    good = role(2)["2.release.json"]
    at = good.index(b'"length": ') + 10
    flipped = bytearray(good)
    flipped[at] = ord("1") + (flipped[at] == ord("1"))
    refused(tap, world, "one digit changed", {
        "2.release.json": bytes(flipped)}, "threshold-not-met")
    refused(tap, world, "a file cut short", {"2.release.json": good[:-20]},
            "malformed")
    refused(tap, world, "strangers' signatures", role(2, signers=rogue),
            "threshold-not-met")
    refused(tap, world, "root keys for a release", role(
        2, signers=room.roots[:2]), "threshold-not-met")
    refused(tap, world, "the same version with other bytes", role(1),
            "conflict")
    refused(tap, world, "a version announced as another", {
        "3.release.json": room.delegated(2)}, "wrong-version")
    refused(tap, world, "a role nobody delegated", {
        "1.stranger.json": room.delegated(1, targets={
            "other/x": list(room.targets.values())[0]})}, None)
    refused(tap, world, "a path outside the delegation", role(
        2, targets={**room.targets, "metering/x":
                    list(room.targets.values())[0]}), "not-listed")
    refused(tap, world, "our own online roles", {
        "99.snapshot.json": top, "2.release.json": room.delegated(2)},
        "bad-path")
    for name in ("timestamp.json", "release.json", "../1.root.json",
                 "01.release.json", "1.release.json.bak", "0.release.json"):
        refused(tap, world, f"the name {name}", {name: top}, "bad-path")
    refused(tap, world, "no JSON", {"2.release.json": b"{"}, "malformed")
    refused(tap, world, "a root signed by strangers", {
        "2.root.json": room.root(2, signers=rogue)}, "threshold-not-met")
    refused(tap, world, "a root after a gap", {
        "3.root.json": room.root(3)}, "wrong-version")
    expired = json.loads(room.delegated(2))["signed"]
    expired["expires"] = "2020-01-01T00:00:00Z"
    refused(tap, world, "an expired file", {
        "2.release.json": envelope(expired, room.releasers[:2])},
        "metadata-expired")


def online(tap, world):
    """The server's own keys sign no release and no root"""
    # S2.16
    room, folder = world.room, world.path("data", "online")
    keys = [Key(os.path.join(folder, n), ed25519=True)
            for n in sorted(os.listdir(folder)) if n.endswith(".pem")]
    tap.check({room.online_id(n) for n in room.online} <=
              {k.id for k in keys} and len(room.online) == 3,
              "(these are its director's, snapshot's and timestamp's)")
    kept = dict(room.targets)
    room.release("1.3.0", 4)
    world.upload()
    for signers in (keys, keys + room.releasers[:1]):
        refused(tap, world, f"{len(keys)} of its keys and "
                f"{len(signers) - len(keys)} of the release team's",
                {"2.release.json": room.delegated(2, signers)},
                "threshold-not-met")
    refused(tap, world, "a root of them", {
        "2.root.json": room.root(2, signers=keys)}, "threshold-not-met")
    room.targets = kept


def seals(tap, world):
    """Seals and packs that do not bear out their metadata are refused"""
    # S0.1 S0.25
    room = world.room
    kept = dict(room.targets)

    def attempt(what, reason, *args, **changed):
        room.targets = dict(kept)
        room.release("1.3.0", 4, *args, **changed)
        world.upload()
        refused(tap, world, what, {"2.release.json": room.delegated(2)},
                reason)
    attempt("one boot key of two", "seal-signature", boot=room.boot[:1])
    attempt("no boot key", "seal-signature", boot=[])
    attempt("release keys as boot keys", "seal-signature",
            boot=room.releasers[:2])
    attempt("another version", "seal-mismatch", version="1.3.1")
    attempt("another counter", "seal-mismatch", releaseCounter=5)
    attempt("a higher floor than sealed", "seal-mismatch", rollbackIndex=9)
    attempt("hardware it was not sealed for", "seal-mismatch",
            hardwareIds=["gw-rev3", "gw-rev4"])
    attempt("less hardware", "seal-mismatch", hardwareIds=[])
    attempt("another component", None, component="metering")
    attempt("no pack named", "malformed", pack={})
    attempt("a pack that is not there", "unreadable",
            pack={"sha256": sha256(b"none")})
    attempt("a seal as its pack", None, pack={
        "sha256": list(kept.values())[0]["hashes"]["sha256"]})
    other = Image(b"other" * 3000, b"s" * 32).pack()
    room.artifacts[sha256(other)] = other
    attempt("another image's pack", "seal-mismatch",
            pack={"sha256": sha256(other)})
    attempt("a release name that leads out", "malformed", release="../x")
    room.targets = dict(kept)
    room.release("1.3.0", 4)
    path, target = list(room.targets.items())[-1]
    whole = room.artifacts[target["hashes"]["sha256"]]
    right = dict(target)
    for what, at in (("header", 208), ("root hash", 270),
                     ("signature", 600)):
        flipped = bytearray(whole)
        flipped[at] ^= 1
        room.artifacts[sha256(flipped)] = bytes(flipped)
        target["hashes"] = {"sha256": sha256(flipped)}
        world.upload()
        refused(tap, world, f"one bit in the {what} of {path}", {
            "2.release.json": room.delegated(2)}, "seal-signature")
    for what, change, reason in (
            ("a length one too long", {"length": target["length"] + 1},
             "length-mismatch"),
            ("a wrong sha512", {"hashes": {**right["hashes"],
                                           "sha512": "0" * 128}},
             "hash-mismatch")):
        room.targets[path] = {**right, **change}
        refused(tap, world, what, {"2.release.json": room.delegated(2)},
                reason)
    room.targets = kept


def rotation(tap, world):
    """A new root comes into force with what it changes"""
    room = world.room
    answer = world.publish({"2.root.json": room.root(2),
                            "2.release.json": room.delegated(2)})
    tap.check(answer.code == 200 and "1.2.0" in answer.json()["releases"],
              "root and release in one step", answer)
    c = world.chargers["CP-0001"].client
    tap.check(json.loads(c.good("/image/2.root.json"))["signed"]["version"]
              == 2, "chargers get the new root")
    world.power_cut()
    names = [r["name"] for r in
             json.loads(world.people["vera"].good("/v1/releases"))]
    tap.equal(names, ["1.1.0", "1.2.0"], "and all is there after a power cut")
    by = json.loads(world.people["vera"].good(
        "/v1/releases/1.1.0"))["uploaded_by"]
    tap.equal(by, "otto", "and who brought it")


def new_keys(tap, world):
    """Stolen online keys are replaced without losing a charger"""
    # A2
    room, c = world.room, world.chargers["CP-0001"]
    old = c.client.good("/image/timestamp.json")
    world.stop()
    for name in ("snapshot", "timestamp"):
        os.unlink(world.path("data", "online", name + ".pem"))
    world.run("init", "--config", world.conf)
    room.read_online(world.path("data", "online"))
    world.start()
    with open(world.log, encoding="utf-8") as f:
        tap.check("names other keys" in f.read(),
                  "the server starts and says what it waits for")
    tap.equal(c.client.good("/image/timestamp.json"), old,
              "meanwhile what was signed stays")
    answer = world.publish({"3.root.json": room.root(3)})
    tap.equal(answer.code, 200, "the next root names the new keys")
    made = json.loads(c.client.good("/image/timestamp.json"))
    tap.check(made["signatures"][0]["keyid"] == room.online_id("timestamp")
              and made["signed"]["version"] >
              json.loads(old)["signed"]["version"],
              "and they sign from then on", made)


def run(tap, program, folder):
    """All of it over one server."""
    world = World(program, folder, artifact_max_mb=1, idle_s=5)
    world.add_people()
    try:
        world.start()
        world.fleet(1)
        for section in (artifacts, published, signatures, online, seals, rotation,
                        new_keys):
            tap.section(section, world)
        tap.equal(world.stop(), 0, "it stops in good order")
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
