#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The transparency log: static files for whoever asks, taken only if they
add up and go on from what was served; proofs that travel with seals."""
import base64
import hashlib
import json
import os
import struct
import sys

import harness
from chargers import Key, canonical, sha256
from harness import World

ORIGIN = "log.example/seals"


def node(left, right):
    """RFC 6962."""
    return hashlib.sha256(b"\1" + left + right).digest()


def split(n):
    """The largest power of two below n."""
    return 1 << (n - 1).bit_length() - 1


def root(hashes):
    """MTH of RFC 6962 over hashes of leaves."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256(b"").digest()
    k = split(len(hashes))
    return node(root(hashes[:k]), root(hashes[k:]))


def inclusion(index, hashes):
    """PATH of RFC 6962."""
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if index < k:
        return inclusion(index, hashes[:k]) + [root(hashes[k:])]
    return inclusion(index - k, hashes[k:]) + [root(hashes[:k])]


def b64(data):
    """As text."""
    return base64.b64encode(data).decode()


class Log:
    """A log as the signing room keeps it."""

    def __init__(self, folder, name="log"):
        self.key = Key(os.path.join(folder, name + ".pem"), ed25519=True)
        raw = bytes.fromhex(self.key.object["keyval"]["public"])
        self.id = hashlib.sha256(ORIGIN.encode() + b"\n\1" + raw).digest()[:4]
        self.vkey = f"{ORIGIN}+{self.id.hex()}+{b64(b'%c' % 1 + raw)}"
        self.entries = []

    def hashes(self, size=None):
        """Of the leaves."""
        return [hashlib.sha256(b"\0" + e).digest()
                for e in self.entries[:size]]

    def checkpoint(self, size=None, head=None, origin=ORIGIN):
        """Signed."""
        size = len(self.entries) if size is None else size
        head = head or root(self.hashes(size))
        text = f"{origin}\n{size}\n{b64(head)}\n"
        sig = b64(self.id + self.key.sign(text.encode()))
        return f"{text}\n\u2014 {origin} {sig}\n".encode()

    def tiles(self, size=None):
        """{name: bytes} of all that a checkpoint of size needs."""
        size = len(self.entries) if size is None else size
        out, level, kind = {}, self.hashes(size), 0

        def put(where, items, start):
            part = items[start:start + 256]
            end = "" if len(part) == 256 else f".p/{len(part)}"
            out[f"tile/{where}/{start // 256:03}{end}"] = b"".join(part)
        for start in range(0, size, 256):
            put("entries", [struct.pack(">H", len(e)) + e
                            for e in self.entries[:size]], start)
        while level:
            for start in range(0, len(level), 256):
                put(kind, level, start)
            kind += 1
            level = [root(level[i:i + 256])
                     for i in range(0, len(level) // 256 * 256, 256)]
        return out

    def proof(self, index, leaf):
        """A .tlog-proof of an entry under the newest checkpoint."""
        extra = json.dumps({"leaf": leaf, "consistency": []}).encode()
        path = "".join(b64(h) + "\n" for h in inclusion(index,
                                                        self.hashes()))
        return (f"c2sp.org/tlog-proof@v1\nextra {b64(extra)}\n"
                f"index {index}\n{path}\n").encode() + self.checkpoint()


def leaf_of(target):
    """What the log says of a seal."""
    custom = target["custom"]
    return {"_type": "voltseal-seal", "component": custom["component"],
            "version": custom["version"],
            "hardwareIds": custom["hardwareIds"],
            "releaseCounter": custom["releaseCounter"],
            "rollbackIndex": custom["rollbackIndex"],
            "seal": {"length": target["length"],
                     "sha256": target["hashes"]["sha256"]}}


def put(world, name, data, who="otto"):
    """PUT of a file of the log."""
    return world.people[who].put("/v1/log/" + name, data)


def put_all(world, log, size=None):
    """Tiles first, the checkpoint last."""
    for name, data in log.tiles(size).items():
        answer = put(world, name, data)
        assert answer.code == 200, (name, answer)
    return put(world, "checkpoint", log.checkpoint(size))


def served(tap, world, log):
    """What was published is there for whoever asks, byte for byte"""
    anybody = world.person(None)
    charger = world.chargers["CP-0001"].client
    tap.equal([c.get("/log/checkpoint").code for c in (anybody, charger)],
              [404, 404], "before anything is published there is nothing")
    log.entries = [b"entry %d" % i for i in range(3)]
    tap.equal(put_all(world, log).code, 200, "a log of three is taken")
    log.entries += [b"more %d" % i for i in range(3, 517)]
    tap.equal(put_all(world, log).code, 200, "and of 517 after it")
    tap.equal(put(world, "checkpoint", log.checkpoint()).code, 200,
              "the same once more is no error")
    wrong = [name for name, data in log.tiles().items()
             for c in (anybody, charger) if c.get("/log/" + name).body != data]
    tap.equal(wrong, [], "every tile is there on both listeners")
    for client in (anybody, charger):
        answer = client.get("/log/checkpoint")
        tap.check(answer.body == log.checkpoint() and
                  answer.headers["Content-Type"] ==
                  "text/plain; charset=utf-8" and
                  answer.headers["Cache-Control"] == "no-cache",
                  "the checkpoint is text that is not kept", answer)
        answer = client.get("/log/tile/1/000.p/2")
        tap.check(answer.headers["Content-Type"] ==
                  "application/octet-stream" and
                  answer.headers["Cache-Control"] ==
                  "public, max-age=31536000, immutable",
                  "a tile is bytes for ever", dict(answer.headers))
    for name in ("tile/0/002", "tile/0/000.p/256", "tile/8/000", "policy",
                 "tile/0/0", "tile/entries/../../voltseal.db",
                 "tile/0/..%2f", "../voltseal.db", "proofs/" + "0" * 64, ""):
        tap.equal(anybody.get("/log/" + name).code,
                  404 if name and ".." not in name else
                  anybody.get("/nothing").code,
                  f"{name[:24]} is not there")
    tap.equal([anybody.get("/v1/whoami").code, anybody.ask(
        "PUT", "/log/checkpoint", b"x").code,
        put(world, "checkpoint", log.checkpoint(), "vera").code],
        [401, 401, 403], "and that is all that anybody may")


def refused(tap, world, log):
    """What does not add up or does not go on is refused and logged"""
    otto, first = world.people["otto"], log.checkpoint()

    def says(name, data, reason, sentence):
        answer = otto.put("/v1/log/" + name, data)
        tap.check(answer.reason == reason and answer.one_line(), sentence,
                  answer)
    says("tile/0/000", b"\0" * 8192, "conflict", "a covered tile stays")
    says("tile/0/002.p/6", b"\0" * 191, "length-mismatch",
         "a tile has its hashes")
    says("tile/entries/002.p/6", b"\0\1", "malformed",
         "a bundle has its entries")
    says("tile/0/0", b"", "bad-path", "a tile has its name")
    says("checkpoint", b"", "malformed", "a checkpoint is a note")
    says("checkpoint", log.checkpoint(3), "log-truncated", "a smaller log")
    says("checkpoint", log.checkpoint(head=b"x" * 32), "hash-mismatch",
         "another root")
    says("checkpoint", log.checkpoint(518, b"x" * 32), "unreadable",
         "a log without its tiles")
    fork = Log(world.folder)
    fork.entries = [b"fork"] + log.entries[1:] + [b"x"] * 6
    tiles = fork.tiles()
    refusals = {name: put(world, name, data).code
                for name, data in tiles.items()}
    tap.check(refusals["tile/0/000"] == 409 and
              refusals["tile/0/002.p/11"] == 200,
              "of a forked log no covered tile is taken", refusals)
    says("checkpoint", fork.checkpoint(), "hash-mismatch", "nor itself")
    more = Log(world.folder)
    more.entries = log.entries + [b"next"] * 7
    tiles = more.tiles()
    bad = {**tiles, "tile/entries/002.p/12":
           tiles["tile/entries/002.p/12"].replace(b"next", b"nixt", 1)}
    for name, data in bad.items():
        put(world, name, data)
    says("checkpoint", more.checkpoint(), "hash-mismatch",
         "an entry that does not hash to its leaf")
    for name, data in tiles.items():
        put(world, name, data)
    says("checkpoint", more.checkpoint(origin="log.example/others"),
         "wrong-origin", "another log")
    tap.equal(world.person(None).get("/log/checkpoint").body, first,
              "all this while the first is served")
    tap.equal(put(world, "checkpoint", more.checkpoint()).code, 200,
              "the whole one is taken")
    log.entries = more.entries
    told = {(r["action"], r["reason"]) for r in world.audit()
            if r["action"].startswith("log-")}
    tap.check({("log-refused", "hash-mismatch"), ("log-published", ""),
               ("log-refused", "log-truncated")} <= told,
              "the audit log has it", told)


def restart(world, *logs):
    """With a policy of these logs, or without one."""
    world.stop()
    world.settings.pop("tlog_policy", None)
    if logs:
        world.settings["tlog_policy"] = world.write("".join(
            f"log {log.vkey}\n" for log in logs).encode() +
            b"quorum none\n", "tlog-policy")
    world.configure(world.conf)
    world.start()


def again(world):
    """Publishes what was refused before."""
    world.room.version -= 1
    return world.publish(world.room.files())


def policy(tap, world, log):
    """With a policy only its logs are taken, and seals only with a proof"""
    # S0.18: a stolen signing key cannot be used quietly
    restart(world, log)
    other = Log(world.folder, "other-log")
    other.entries = log.entries + [b"x"]
    for name, data in other.tiles().items():
        put(world, name, data)
    answer = put(world, "checkpoint", other.checkpoint())
    tap.check(answer.code == 409 and answer.reason == "unknown-key",
              "a log of another key is refused", answer)
    room, otto = world.room, world.people["otto"]
    paths = room.release("1.2.0", 3, components=("gateway",))
    target = room.targets[paths[0]]
    seal = target["hashes"]["sha256"]
    log.entries.append(canonical(leaf_of(target)))
    tap.equal(put_all(world, log).code, 200, "(the log has it now)")
    proof = log.proof(len(log.entries) - 1, leaf_of(target))
    tap.equal(otto.put("/v1/proofs/" + seal, proof).code, 404,
              "a seal that was not uploaded has no proof")
    world.upload()
    answer = otto.put("/v1/proofs/" + target["custom"]["pack"]["sha256"],
                      proof)
    tap.check(answer.code in (400, 409) and answer.one_line(),
              "nor has a file that is no seal", answer)
    answer = world.publish(room.files())
    tap.check(answer.code == 409 and answer.reason == "not-logged",
              "a seal without a proof is refused", answer)
    target["custom"]["tlogProof"] = {"sha256": sha256(proof)}
    otto.put("/v1/artifacts/" + sha256(proof), proof)
    answer = again(world)
    tap.check(answer.code == 409 and answer.reason == "not-logged",
              "metadata that names a proof is none", answer)
    del target["custom"]["tlogProof"]
    lies = {"another entry's": (log.proof(0, leaf_of(target)), "not-logged"),
            "another log's": (other.proof(0, leaf_of(target)),
                              "unknown-key"),
            "no": (b"c2sp.org/tlog-proof@v1\n", "malformed")}
    for what, (data, reason) in lies.items():
        answer = otto.put("/v1/proofs/" + seal, data)
        tap.check(answer.code in (400, 409) and answer.reason == reason,
                  f"{what} proof is refused", answer)
    tap.equal(again(world).reason, "not-logged", "and counts for nothing")
    restart(world)
    tap.equal(otto.put("/v1/proofs/" + seal, lies["another log's"][0]).code,
              200, "a server without a policy takes another log's")
    restart(world, log)
    tap.equal(again(world).reason, "unknown-key",
              "with one it judges again what it took before")
    tap.equal(otto.put("/v1/proofs/" + seal, proof).code, 200,
              "a good proof is taken before its release")
    path = f"/targets/gateway/{seal}.gateway-1.2.0.seal.tlog-proof"
    charger = world.chargers["CP-0001"].client
    tap.equal(charger.get(path).code, 404, "which nobody is shown yet")
    tap.equal(again(world).code, 200, "the release is taken with it")
    answer = charger.get(path)
    tap.check(answer.body == proof and
              answer.headers["Cache-Control"] == "no-cache",
              "a charger finds it beside the seal", answer)
    log.entries.append(b"the log goes on")
    newer = log.proof(len(log.entries) - 2, leaf_of(target))
    answer = otto.put("/v1/proofs/" + seal, lies["another entry's"][0])
    tap.check(answer.code == 409 and answer.reason == "not-logged",
              "a newer proof is judged too", answer)
    tap.equal([world.people["vera"].put("/v1/proofs/" + seal, newer).code,
               otto.put("/v1/proofs/" + seal, newer).code,
               charger.get(path).body], [403, 200, newer],
              "a newer proof takes its place")


def run(tap, program, folder):
    """All of it over one server."""
    world = World(program, folder)
    world.add_people()
    log = Log(folder)
    try:
        world.start()
        world.fleet(1)
        for section in (served, refused, policy):
            tap.section(section, world, log)
        tap.equal(world.stop(), 0, "it stops in good order")
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
