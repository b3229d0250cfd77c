#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Versions of online metadata are the last one's successor or the time in
seconds, whichever is higher; so chargers that an intruder with our online
keys had led ahead, and a server restored from a backup, recover by
themselves."""
import json
import os
import sqlite3
import sys
import time

import harness
from chargers import Key, body_of, canonical, envelope, sha256, verified
from harness import World


class Client:
    """What a charger remembers of a repository's online roles: it refuses
    versions below those it trusts (TUF 1.0.34 section 5.4.3)."""

    def __init__(self, charger, room):
        self.charger = charger
        self.room = room
        self.trusts = {"director": 0, "image": 0}

    def look(self, repository):
        """The timestamp's version if it is signed well, of one piece with
        its snapshot, and not below what is trusted; else None."""
        get = self.charger.client.good
        file = json.loads(get(f"/{repository}/timestamp.json"))
        key = "director" if repository == "director" else "timestamp"
        sigs = {s["keyid"]: s["sig"] for s in file["signatures"]}
        mine = sigs.get(self.room.online_id(key))
        assert mine and verified(self.room.online[key],
                                 canonical(file["signed"]),
                                 bytes.fromhex(mine)), repository
        entry = file["signed"]["meta"]["snapshot.json"]
        data = get(f"/{repository}/{entry['version']}.snapshot.json")
        assert sha256(data) == entry["hashes"]["sha256"], repository
        return self.judge(repository, file["signed"]["version"])

    def judge(self, repository, version):
        """The rule itself."""
        if version < self.trusts[repository]:
            return None
        self.trusts[repository] = version
        return version

    def both(self):
        """Both repositories' versions; None where one is refused."""
        return [self.look("director"), self.look("image")]


def stolen(world, name, version):
    """A timestamp as one makes it who has our online key."""
    key = Key(world.path("data", "online", name + ".pem"), ed25519=True)
    body = body_of("timestamp", version, meta={"snapshot.json": {
        "version": version, "length": 9, "hashes": {"sha256": "0" * 64}}})
    return json.loads(envelope(body, [key]))


def clock(tap, world):
    """Versions start at the clock and rise with each signing"""
    client = Client(world.chargers["CP-0001"], world.room)
    now = int(time.time())
    first = client.both()
    tap.check(all(now - 60 < v <= now + 5 for v in first),
              "both repositories' versions are near the time in seconds",
              (first, now))
    world.power_cut()
    second = client.both()
    tap.check(None not in second and
              all(b > a for a, b in zip(first, second)),
              "after a power cut both are above what was shown",
              (first, second))
    tap.equal(world.stop(), 0, "(it stops)")
    world.start()
    third = client.both()
    tap.check(None not in third and all(b > a for a, b in zip(second, third)),
              "and so they are after a stop", (second, third))


def led_ahead(tap, world):
    """A charger that an intruder led ahead recovers by its next report"""
    # A2: the online keys are stolen; S0.18
    charger = world.chargers["CP-0001"]
    client = Client(charger, world.room)
    ours = client.both()
    forged = stolen(world, "director", ours[0] + 10 ** 9)
    tap.check(forged["signatures"][0]["keyid"] ==
              world.room.online_id("director"), "(he signs with our key)")
    client.judge("director", forged["signed"]["version"])
    tap.equal(client.look("director"), None,
              "a billion ahead: it refuses our director")
    charger.report(directorVersion=client.trusts["director"],
                   reason="metadata-rollback", about="director/timestamp.json")
    tap.equal(client.look("director"), ours[0] + 10 ** 9 + 1,
              "after its report the director goes past him")
    world.power_cut()
    tap.check(client.look("director"), "and stays past him after a power cut")
    forged = stolen(world, "timestamp", client.look("image") + 2)
    client.judge("image", forged["signed"]["version"])
    tap.equal(client.look("image"), None,
              "two counted on: it refuses our image repository")
    time.sleep(max(0, forged["signed"]["version"] + 1 - time.time()))
    charger.report(reason="metadata-rollback", about="image/timestamp.json")
    tap.check(world.wait(lambda: client.look("image"), 3),
              "after its report the image repository is signed anew, past "
              "him", client.trusts)
    seen = [(r["action"], r["reason"], r["detail"]) for r in world.audit()
            if r["subject"] == charger.id and r["reason"]]
    tap.check(("director-overtaken", "wrong-version",
               "trusts a later director than ours") in seen and
              ("refused", "metadata-rollback", "image/timestamp.json") in
              seen, "the log says that it happened", seen)


def snapshot_version(client):
    """Of the snapshot that the image repository's timestamp names."""
    file = json.loads(client.charger.client.good("/image/timestamp.json"))
    return file["signed"]["meta"]["snapshot.json"]["version"]


def image_led_ahead(tap, world):
    """The image repository goes past what a charger says it trusts"""
    # A2, S0.18: the online keys are stolen
    charger, bystander = (world.chargers[i] for i in ("CP-0001", "CP-0002"))
    client = Client(charger, world.room)
    ours = client.look("image")
    tap.equal(charger.report(imageVersion=ours, imageSnapshotVersion=1).code,
              200, "(a charger says what it trusts)")
    time.sleep(0.5)
    tap.equal(client.look("image"), ours, "what is ours changes nothing")
    far, farther = ours + 10 ** 9, ours + 2 * 10 ** 9
    client.judge("image", far)
    tap.equal(client.look("image"), None,
              "a billion ahead: it refuses our image repository")
    charger.report(reason="metadata-rollback", about="image/timestamp.json",
                   imageVersion=far, imageSnapshotVersion=farther)
    tap.check(world.wait(lambda: client.look("image"), 3),
              "after its report the timestamp is past him", client.trusts)
    tap.equal([client.trusts["image"], snapshot_version(client)],
              [far + 1, farther + 1], "by one, and so is the snapshot")
    world.power_cut()
    tap.check((client.look("image") or 0) > far and
              snapshot_version(client) > farther,
              "and they stay past him after a power cut")
    charger.report(imageVersion=far, imageSnapshotVersion=farther)
    now = client.look("image")
    time.sleep(0.5)
    tap.equal(client.look("image"), now, "who is behind again changes nothing")
    last = 2 ** 53 - 1
    for _ in range(2):
        bystander.report(imageVersion=last)
    time.sleep(0.5)
    tap.equal(client.look("image"), now,
              "it is not followed where no versions are left")
    bystander.report(imageSnapshotVersion=2 ** 52)
    tap.check(world.wait(lambda: snapshot_version(client) == 2 ** 52 + 1, 3),
              "up to half of all versions it is")
    log = [(r["action"], r["subject"], r["reason"]) for r in world.audit()
           if r["action"].startswith("image-o")]
    tap.equal(log, [("image-overtaken", charger.id, "wrong-version"),
                    ("image-out-of-reach", bystander.id, "wrong-version"),
                    ("image-overtaken", bystander.id, "wrong-version")],
              "the log says each of it once")


def out_of_reach(tap, world):
    """A charger led to the last version there is comes back by new keys"""
    # A2; TUF 1.0.34 5.3.11: fast-forward recovery
    charger, last = world.chargers["CP-0002"], 2 ** 53 - 1
    client = Client(charger, world.room)
    client.look("director")
    client.judge("director", last)
    for _ in range(2):
        charger.report(directorVersion=last, reason="metadata-rollback",
                       about="director/timestamp.json")
        answer = charger.client.get("/director/timestamp.json")
        tap.check(answer.code == 200 and
                  answer.json()["signed"]["version"] < 2 ** 40,
                  "it is not followed where no versions are left", answer)
    tap.equal(client.look("director"), None, "it refuses our director")
    log = [r["detail"] for r in world.audit()
           if r["action"] == "director-out-of-reach"]
    tap.check(len(log) == 1 and "rotated" in log[0],
              "the log says once that keys must be rotated", log)
    world.stop()
    for end in (".pem", ".pub.json"):
        os.unlink(world.path("data", "online", "director" + end))
    old = world.room.online_id("director")
    world.run("init", "--config", world.conf)
    world.room.read_online(world.path("data", "online"))
    world.write(world.room.root(2, director=True), "director",
                "2.root.json")
    world.start()
    root = json.loads(charger.client.good("/director/2.root.json"))
    tap.check(old not in json.dumps(root), "the new root has another key")
    client.trusts["director"] = 0  # what the new keys make it do
    seen = [client.look("director")]
    charger.report(directorVersion=last)  # still under way as it came
    seen.append(client.look("director"))
    for _ in range(2):
        tap.equal(charger.report(directorVersion=seen[-1]).code, 200,
                  "it reports what it trusts now")
        seen.append(client.look("director"))
    tap.check(None not in seen and seen[-1] < 2 ** 40,
              "with new keys it trusts our director again", seen)
    world.power_cut()
    tap.check(client.look("director"), "also after a power cut")
    led = 2 ** 52
    client.judge("director", led)
    charger.report(directorVersion=led)
    tap.equal(client.look("director"), led + 1,
              "up to half of all versions it is followed")
    charger.report(directorVersion=led + 1)
    world.power_cut()
    tap.check(client.look("director") > led,
              "and stays followed after a power cut")
    tap.equal(len([r for r in world.audit()
                   if r["action"] == "director-out-of-reach"]), 1,
              "which is not out of reach")


def restored(tap, world):
    """A server restored from a backup continues above what was shown"""
    client = Client(world.chargers["CP-0002"], world.room)
    backup = world.path("backup.db")
    with sqlite3.connect(world.path("data", "voltseal.db")) as db:
        db.execute("VACUUM INTO ?", (backup,))
    before = client.both()
    for _ in range(3):
        client.charger.report(directorVersion=client.trusts["director"] + 1)
        client.trusts["director"] += 1
        client.both()
    later = [client.trusts["director"], client.trusts["image"]]
    head = world.audit()[-1]
    world.stop()
    path = world.path("data", "voltseal.db")
    for end in ("", "-wal", "-shm"):
        if os.path.exists(path + end):
            os.unlink(path + end)
    os.rename(backup, path)
    time.sleep(max(0, max(later) - time.time()) + 0.1)
    world.start()
    after = client.both()
    tap.check(None not in after and all(a >= b for a, b in zip(after, later)),
              "both versions are above all that was shown since the backup",
              (before, later, after))
    tap.check(world.audit()[-1]["seq"] < head["seq"],
              "(it is the older database)")
    tap.equal(client.charger.report().code, 200,
              "a charger's next report is taken")


def renewal(tap, world):
    """Timestamps are signed anew before they expire"""
    # A3: freeze; S0.4
    charger = world.chargers["CP-0001"]
    world.stop()
    world.settings.update(timestamp_ttl_s=4, director_ttl_s=4,
                          snapshot_ttl_s=8)
    world.configure(world.conf)
    world.start()
    client = Client(charger, world.room)
    seen = {"director": set(), "image": set()}
    end, late = time.monotonic() + 6, []
    while time.monotonic() < end:
        for where, versions in seen.items():
            body = json.loads(charger.client.good(
                f"/{where}/timestamp.json"))["signed"]
            left = time.mktime(time.strptime(
                body["expires"], "%Y-%m-%dT%H:%M:%SZ")) - \
                time.mktime(time.gmtime())
            late += [(where, left)] if left < 1 else []
            versions.add(body["version"])
        assert None not in client.both()
        time.sleep(0.2)
    tap.check(not late, "none was handed out near its end", late)
    tap.check(all(len(v) >= 3 for v in seen.values()),
              "versions rise as they are made anew", seen)


def run(tap, program, folder):
    """All of it over one server."""
    world = World(program, folder)
    world.add_people()
    try:
        world.start()
        world.fleet(1, 2)
        world.room.release("1.1.0", 2)
        world.upload()
        assert world.publish(world.room.files()).code == 200
        for section in (clock, restored, led_ahead, out_of_reach,
                        image_led_ahead, renewal):
            tap.section(section, world)
        tap.equal(world.stop(), 0, "it stops in good order")
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
