# SPDX-License-Identifier: Apache-2.0
"""Drills: every role changes hands, keys are lost, keys are stolen, expiries
come near.  After each, what charger and outside client run still believes
what it should, and old keys are refused.

Arguments: voltseal-sign, folder of the helpers, the source tree, voltseal.
S0.40 S0.44 S0.54 S1.32 S2.9 S2.37 S2.40 A14 A17
"""
import functools
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading

from world import PEOPLE, main, read, test, write

VOLTSEAL = os.path.abspath(sys.argv[4])


def canonical(value):
    """OLPC canonical JSON of what metadata holds."""
    if isinstance(value, dict):
        return "{" + ",".join(canonical(k) + ":" + canonical(value[k])
                              for k in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return json.dumps(value)


class Server:
    """The server's part: snapshot and timestamp over what was published, and
    what an outside client makes of it."""

    def __init__(self, w):
        self.w, self.version, self.key = w, 0, "online"
        handler = functools.partial(Quiet, directory=w.path("served"))
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"

    def sign(self, body):
        """Metadata by the server's key."""
        w = self.w
        write(w.path("body"), canonical(body))
        subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey",
                        w.path(self.key + ".key"), "-in", w.path("body"),
                        "-out", w.path("body.sig")], check=True)
        root = newest(w.path("served", "metadata"), "root")[1]
        ids = root["roles"]["timestamp"]["keyids"]
        return json.dumps({"signed": body, "signatures": [
            {"keyid": ids[0], "sig": read(w.path("body.sig")).hex()}]})

    def serve(self, folder=None):
        """Takes over what was published; signs over it."""
        w = self.w
        shutil.rmtree(w.path("served"), ignore_errors=True)
        shutil.copytree(folder or w.out, w.path("served"))
        at = w.path("served", "metadata")
        self.version += 1
        head = {"spec_version": "1.0.34", "version": self.version,
                "expires": "2039-01-01T00:00:00Z"}
        meta = {f"{role}.json": {"version": newest(at, role)[0]}
                for role in ("targets", "release") if newest(at, role)}
        snapshot = self.sign(dict(head, _type="snapshot", meta=meta))
        write(os.path.join(at, f"{self.version}.snapshot.json"), snapshot)
        write(os.path.join(at, "timestamp.json"), self.sign(dict(
            head, _type="timestamp",
            meta={"snapshot.json": {"version": self.version}})))
        for name in os.listdir(w.path("served", "artifacts")):
            self.place(name)

    def place(self, name):
        """An artifact where a client looks for its target."""
        release = newest(self.w.path("served", "metadata"), "release")
        for path, target in (release[1]["targets"] if release else {}).items():
            if target["hashes"]["sha256"] != name:
                continue
            folder, file = os.path.split(path)
            os.makedirs(self.w.path("served", "targets", folder),
                        exist_ok=True)
            shutil.copy(self.w.path("served", "artifacts", name),
                        self.w.path("served", "targets", folder,
                                    f"{name}.{file}"))

    def client(self, *args, expect=0):
        """voltseal tuf with the first root there ever was, and what it has
        come to trust since."""
        w = self.w
        trusted = w.path("trusted")
        if not os.path.isdir(trusted):
            os.mkdir(trusted)
            subprocess.run([VOLTSEAL, "tuf", "--metadata-dir", trusted, "init",
                            w.path("out", "metadata", "1.root.json")],
                           check=True)
        done = subprocess.run(
            [VOLTSEAL, "tuf", "--metadata-dir", trusted, "--metadata-url",
             self.url + "metadata/", *args], text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        assert done.returncode == expect, (args, done.stderr)
        return done.stderr

    def believed(self, target):
        """A new client and one of old come to this target's bytes."""
        w = self.w
        for fresh in (False, True):
            if fresh:
                shutil.rmtree(w.path("trusted"))
            os.makedirs(w.path("fetched"), exist_ok=True)
            self.client("--target-name", target, "--target-base-url",
                        self.url + "targets/", "--target-dir",
                        w.path("fetched"), "download")
            got = read(w.path("fetched", target.replace("/", "%2F")))
            release = newest(w.path("served", "metadata"), "release")[1]
            assert hashlib.sha256(got).hexdigest() == release["targets"][
                target]["hashes"]["sha256"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *args):
        pass


def newest(folder, role):
    """(version, body) of a role's newest file; None if there is none."""
    versions = [int(n.split(".")[0]) for n in os.listdir(folder)
                if n.endswith(f".{role}.json") and n[0].isdigit()]
    if not versions:
        return None
    path = os.path.join(folder, f"{max(versions)}.{role}.json")
    return max(versions), json.loads(read(path))["signed"]


def good(w):
    """The device's own code over everything in force."""
    assert "all good" in w.run("verify", "--room", w.room)[0]


def policy(w, old, new, *roles):
    """The policy of before, with other people's keys in some roles."""
    whole = json.loads(read(w.path("policy.json")))
    for role in roles:
        kind = {"release": "release", "keyring": "boot"}.get(role, "root")
        whole[role]["keys"] = [
            k.replace(f"/{old}-{kind}.", f"/{new}-{kind}.")
            for k in whole[role]["keys"]]
    return write(w.path("policy.json"), json.dumps(whole))


def rotate(w, name, path, *people):
    """A change of policy, approved and in force."""
    w.run("propose", "policy", "--room", w.room, "--name", name, "--policy",
          path)
    w.publish(name, *people)
    good(w)


def release(w, name, seq, *people, extra=()):
    """A release of both components."""
    propose(w, name, seq, extra)
    w.publish(name, *people)
    good(w)


def propose(w, name, seq, extra=(), image="image"):
    """Proposes it."""
    w.run("propose", "release", "--room", w.room, "--name", name, "--seq",
          seq, "--level", 1, "--update-type", "security", *extra,
          "--component", f"gateway={w.path(image)}:{name}:gw-rev3:1",
          "--component", f"controller={w.path('small')}:{name}:mc-rev1,mc-rev2:1")


def with_recovery():
    """Changes of the tests' policy."""
    return {
        "keyring": {"threshold": 2, "keys": [
            f"keys/{p}-boot.pub.json" for p in PEOPLE],
                    "components": ["gateway", "controller", "recovery"]},
        "release": {"threshold": 2, "expires_days": 365, "keys": [
            f"keys/{p}-release.pub.json" for p in PEOPLE],
                    "paths": ["gateway/*", "controller/*", "recovery/*"]}}


def recovery(w, name, seq, *extra):
    """Proposes a recovery image."""
    w.run("propose", "release", "--room", w.room, "--name", name, "--seq",
          seq, "--level", 1, *extra, "--component",
          f"recovery={w.path('small')}:{name}:gw-rev3:1")


@test
def a_room_and_an_outside_client_agree(w):
    w.open_room(**with_recovery())
    w.images()
    for person in ("dave", "erin", "frank"):
        w.token(person, "root", "release", "boot")
    recovery(w, "0.9.0", 9)
    w.publish("0.9.0", "alice", "carol", "alice")
    release(w, "1.0.0", 10, "alice", "bob", "alice")
    shutil.copytree(w.room, w.path("room-1"))
    w.server = Server(w)
    w.server.serve()
    w.server.believed("gateway/gateway-1.0.0.seal")


@test
def one_lost_key_of_each_role_stops_nothing(w):
    # carol's token is gone, with her root, release and boot key
    w.env["SOFTHSM2_CONF"] = w.path("without-carol.conf")
    shutil.copytree(w.path("tokens"), w.path("tokens-2"))
    write(w.path("without-carol.conf"),
          read(w.path("softhsm2.conf")).replace(b"/tokens", b"/tokens-2"))
    for at in os.listdir(w.path("tokens-2")):
        if b"carol" in read(w.path("tokens-2", at, "token.object")):
            shutil.rmtree(w.path("tokens-2", at))
    w.refuse("no token", *w.args("approve", "1.0.0", "carol"), code=4)
    release(w, "1.1.0", 11, "alice", "bob", "alice")
    w.run("propose", "renew", "--room", w.room, "--name", "without-carol",
          "--role", "root", "--role", "targets", "--role", "release",
          "--role", "director-root")
    w.publish("without-carol", "alice", "bob")
    w.env["SOFTHSM2_CONF"] = w.path("softhsm2.conf")
    good(w)
    w.server.serve()
    w.server.believed("gateway/gateway-1.1.0.seal")


@test
def one_stolen_key_of_each_role_releases_nothing(w):
    # carol's thief has all her keys and a room of his own, with our files
    thief = w.path("thief")
    shutil.copytree(w.room, thief)
    room, w.room = w.room, thief
    propose(w, "9.0.0", 90)
    w.run(*w.args("approve", "9.0.0", "carol"))
    w.refuse("1 of 2 approvals", *w.args("publish", "9.0.0"))
    w.run("propose", "policy", "--room", w.room, "--name", "mine", "--policy",
          alone(w))
    w.run(*w.args("approve", "mine", "carol"))
    w.refuse("by the keys in force: 1 of 2", *w.args("publish", "mine"))
    # nor does a client believe it when his own program publishes it
    shutil.copytree(w.out, w.path("stolen"))
    shutil.copy(w.proposal("mine", "image.root.json"),
                w.path("stolen", "metadata", "3.root.json"))
    w.room = room
    w.server.serve(w.path("stolen"))
    assert "threshold" in w.server.client("refresh", expect=1)
    w.server.serve()
    w.server.client("refresh")


def alone(w):
    """A policy where carol decides alone."""
    whole = json.loads(read(w.path("policy.json")))
    for role in ("root", "targets", "release"):
        kind = "release" if role == "release" else "root"
        whole[role] = dict(whole[role], threshold=1,
                           keys=[f"keys/carol-{kind}.pub.json"])
    return write(w.path("carol.json"), json.dumps(whole))


@test
def each_role_of_people_changes_hands(w):
    rotate(w, "targets", policy(w, "carol", "dave", "targets"),
           "alice", "bob")
    rotate(w, "release", policy(w, "carol", "dave", "release"),
           "alice", "bob")
    whole = json.loads(read(w.path("policy.json")))
    whole["director"]["root"] = dict(whole["root"], keys=[
        f"keys/{p}-root.pub.json" for p in ("alice", "bob", "erin")])
    rotate(w, "director", write(w.path("policy.json"), json.dumps(whole)),
           "alice", "bob")
    w.server.serve()
    w.server.believed("gateway/gateway-1.1.0.seal")
    # carol's keys count no more in these, dave's do
    propose(w, "1.2.0", 12)
    w.run(*w.args("approve", "1.2.0", "alice"))
    w.run(*w.args("approve", "1.2.0", "bob"))
    w.refuse("holds no key that may", *w.args("approve", "1.2.0", "carol"))
    w.publish("1.2.0", "dave")
    w.server.serve()
    w.server.believed("gateway/gateway-1.2.0.seal")


@test
def root_changes_all_of_its_holders_in_a_chain_of_steps(w):
    steps = (("carol", "dave"), ("bob", "erin"), ("alice", "frank"))
    holders = list(PEOPLE)
    for number, (old, new) in enumerate(steps, 1):
        path = policy(w, old, new, "root", "targets")
        stay = [p for p in holders if p != old]
        w.run("propose", "policy", "--room", w.room, "--name",
              f"step-{number}", "--policy", path)
        # the new ones alone do not do, nor one of the old
        w.run(*w.args("approve", f"step-{number}", new))
        w.run(*w.args("approve", f"step-{number}", stay[0]))
        w.refuse("by the keys in force: 1 of 2",
                 *w.args("publish", f"step-{number}"))
        w.publish(f"step-{number}", stay[1])
        good(w)
        holders[holders.index(old)] = new
    assert sorted(holders) == ["dave", "erin", "frank"]
    root = newest(os.path.join(w.out, "metadata"), "root")
    assert root[0] >= 5
    w.server.serve()
    w.server.believed("gateway/gateway-1.2.0.seal")  # from root 1 on
    # a charger walks the same chain; without one step it goes nowhere
    shutil.copytree(w.out, w.path("gap"))
    os.unlink(w.path("gap", "metadata", f"{root[0] - 1}.root.json"))
    shutil.rmtree(w.path("trusted"))
    w.server.serve(w.path("gap"))
    w.server.client("refresh", expect=1)
    w.server.serve()
    w.server.client("refresh")


@test
def old_root_keys_are_refused_together(w):
    # all three of before, who made root 1, are nobody now
    w.run("propose", "renew", "--room", w.room, "--name", "old", "--role",
          "root")
    for who in PEOPLE:
        w.refuse("no key that may", *w.args("approve", "old", who))
    w.refuse("0 of 2 approvals", *w.args("publish", "old"))
    # in a copy of the room from before they go on among themselves
    version, _ = newest(os.path.join(w.out, "metadata"), "root")
    room, w.room, out, w.out = w.room, w.path("room-1"), w.out, w.path("fork")
    for number in range(2, version + 2):
        w.run("propose", "renew", "--room", w.room, "--name", f"r{number}",
              "--role", "root")
        w.publish(f"r{number}", "alice", "bob")
    good(w)
    w.room, w.out = room, out
    shutil.copytree(w.out, w.path("forged"))
    shutil.copy(w.path("fork", "metadata", f"{version + 1}.root.json"),
                w.path("forged", "metadata"))
    w.server.serve(w.path("forged"))
    assert "threshold" in w.server.client("refresh", expect=1)
    w.server.serve()
    w.server.client("refresh")


@test
def the_server_keys_change_and_the_stolen_ones_sign_nothing(w):
    served = w.path("served", "metadata", "timestamp.json")
    for number, kind in enumerate(("online", "next")):
        if number:
            subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519",
                            "-out", w.path("next.key")], check=True)
            subprocess.run(["openssl", "pkey", "-in", w.path("next.key"),
                            "-pubout", "-out", w.path("keys", "next.pem")],
                           check=True)
            whole = json.loads(read(w.path("policy.json")))
            one = {"keys": ["keys/next.pem"], "threshold": 1}
            whole["director"]["online"] = one
            whole["snapshot"] = whole["timestamp"] = one
            # both roots: one is held by alice, bob and erin, one by the new
            rotate(w, "online", write(w.path("policy.json"),
                                      json.dumps(whole)),
                   "alice", "bob", "dave", "erin")
        w.server.key = kind
        w.server.serve()
        w.server.believed("gateway/gateway-1.2.0.seal")
    stolen = json.loads(read(served))["signed"]
    stolen["version"] += 1
    w.server.key = "online"
    write(served, w.server.sign(stolen))
    assert "threshold" in w.server.client("refresh", expect=1)
    w.server.key = "next"
    w.server.serve()
    w.server.client("refresh")
    ids = newest(os.path.join(w.out, "director-root"), "root")[1]
    assert len(ids["roles"]["timestamp"]["keyids"]) == 1


@test
def a_keyring_that_would_strand_chargers_does_not_come_into_force(w):
    w.ring_1 = read(os.path.join(w.out, "keyring"))
    w.run("propose", "policy", "--room", w.room, "--name", "ring-2",
          "--policy", policy(w, "carol", "dave", "keyring"))
    out, _ = w.run(*w.args("show", "ring-2"))
    assert "boot keyring 2 (in force: 1)" in out and "dave (boot)" in out
    # dave alone of the new, nobody of the old
    w.run(*w.args("approve", "ring-2", "dave"))
    w.refuse("boot keyring 2: 1 of 2", *w.args("publish", "ring-2"))
    w.run(*w.args("approve", "ring-2", "alice"))
    w.refuse("by the keys in force: 1 of 2", *w.args("publish", "ring-2"))
    w.run(*w.args("approve", "ring-2", "carol"))  # she is of the old
    # alice and bob signed what the slots run, and both are of the new, but
    # carol helped to sign the recovery image
    for args in (["verify", "--room", w.room, "--proposal", "ring-2"],
                 w.args("publish", "ring-2")):
        assert "stranded" in w.refuse("recovery/recovery-0.9.0.seal", *args)
    recovery(w, "0.9.1", 12, "--keyring", "ring-2")
    w.publish("0.9.1", "alice", "carol", "dave", "alice")
    w.run("verify", "--room", w.room, "--proposal", "ring-2")
    # and a release after it that she helped to sign
    propose(w, "1.3.0", 13)
    w.publish("1.3.0", "alice", "carol", "alice", "bob")
    before = read(w.path("out", "keyring"))
    w.refuse("stranded", *w.args("publish", "ring-2"))
    w.refuse("stranded", "verify", "--room", w.room, "--proposal", "ring-2")
    assert read(w.path("out", "keyring")) == before == w.ring_1
    assert not os.path.exists(os.path.join(w.room, "in-force", "boot",
                                           "2.keyring"))


@test
def what_chargers_run_is_signed_for_both_keyrings_first(w):
    # one component after the other; until the last nothing is in force
    w.run("propose", "release", "--room", w.room, "--name", "1.4.0", "--seq",
          14, "--level", 1, "--keyring", "ring-2", "--component",
          f"gateway={w.path('image')}:1.4.0:gw-rev3:1")
    w.run(*w.args("approve", "1.4.0", "alice"))
    w.run(*w.args("approve", "1.4.0", "carol"))
    out, _ = w.run(*w.args("show", "1.4.0"))
    assert "seals of release 1.4.0: 2 of 2 approvals" in out
    assert ("seals of release 1.4.0, for keyring 2: 1 of 2 approvals: alice"
            in out)
    w.refuse("for keyring 2: 1 of 2", *w.args("publish", "1.4.0"))
    w.publish("1.4.0", "dave", "alice")
    good(w)
    w.refuse("controller/controller-1.3.0.seal: keyring 2 does not accept",
             *w.args("publish", "ring-2"))
    w.run("propose", "release", "--room", w.room, "--name", "1.4.1", "--seq",
          15, "--level", 1, "--keyring", "ring-2", "--component",
          f"controller={w.path('small')}:1.4.1:mc-rev1:1")
    w.publish("1.4.1", "alice", "dave", "carol", "alice", "bob")
    # hardware that a later release left out is still in the field
    w.refuse("stranded", *w.args("publish", "ring-2"))
    w.run("propose", "release", "--room", w.room, "--name", "1.4.2", "--seq",
          16, "--level", 1, "--keyring", "ring-2", "--component",
          f"controller={w.path('small')}:1.4.2:mc-rev1,mc-rev2:1")
    w.publish("1.4.2", "alice", "dave", "carol", "alice", "bob")
    w.run(*w.args("publish", "ring-2"))
    good(w)
    w.server.serve()
    w.server.believed("gateway/gateway-1.4.0.seal")


@test
def old_boot_keys_sign_nothing_any_more(w):
    assert read(w.path("out", "keyring.1")) == w.ring_1
    ring = w.path("out", "keyring")
    assert read(ring) == read(w.path("out", "keyring.2")) != w.ring_1
    assert "2" in w.run("inspect", ring)[0]
    propose(w, "1.5.0", 17)
    w.run(*w.args("approve", "1.5.0", "alice"))
    w.refuse("no key that may", *w.args("approve", "1.5.0", "carol"))
    w.publish("1.5.0", "dave", "alice")
    good(w)
    seals = {"1.0.0": (0, 1), "1.3.0": (0, 1), "1.4.0": (0, 0),
             "1.5.0": (1, 0)}
    for name, codes in seals.items():
        hashes = w.release(name)[f"gateway/gateway-{name}.seal"]["hashes"]
        seal = w.path("out", "artifacts", hashes["sha256"])
        for version, code in enumerate(codes, 1):
            if name == "1.0.0" and version == 2:
                code = 0  # alice's and bob's, and both stayed
            w.run("verify", "--seal", seal, "--keyring",
                  first(w, version), expect=code)


def first(w, version):
    """A keyring as a charger has it."""
    return w.path("out", f"keyring.{version}")


@test
def a_lost_boot_key_is_replaced_and_the_ring_goes_on_in_steps(w):
    # dave's token is lost too; alice and bob carry it on to ring 3
    w.run("propose", "policy", "--room", w.room, "--name", "ring-3",
          "--policy", policy(w, "dave", "erin", "keyring"))
    w.run("propose", "release", "--room", w.room, "--name", "1.6.0", "--seq",
          18, "--level", 1, "--keyring", "ring-3", "--component",
          f"gateway={w.path('image')}:1.6.0:gw-rev3:1", "--component",
          f"controller={w.path('small')}:1.6.0:mc-rev1,mc-rev2:1",
          "--component", f"recovery={w.path('small')}:1.6.0:gw-rev3:1")
    w.publish("1.6.0", "alice", "bob", "alice")
    w.publish("ring-3", "alice", "bob")
    good(w)
    # the chain is what counts: without its middle it is refused
    middle = os.path.join(w.room, "in-force", "boot", "2.keyring")
    old = read(middle)
    write(middle, read(os.path.join(w.room, "in-force", "boot",
                                    "1.keyring")))
    w.refuse("keyring-rollback", "verify", "--room", w.room)
    write(middle, old)
    good(w)


@test
def a_keyring_is_proposed_alone_and_not_slipped_in(w):
    path = policy(w, "erin", "dave", "keyring")
    whole = json.loads(read(path))
    whole["release"]["expires_days"] = 99
    whole["targets"]["expires_days"] = 99
    whole["release"]["threshold"] = 3
    w.refuse("changed alone", "propose", "policy", "--room", w.room, "--name",
             "both", "--policy", write(w.path("both.json"),
                                       json.dumps(whole)))
    w.run("propose", "policy", "--room", w.room, "--name", "ring-4",
          "--policy", path)
    ring = w.proposal("ring-4", "boot.keyring")
    old = read(ring)
    write(ring, old.replace(b"controller", b"controllex"))
    w.refuse("policy says", *w.args("approve", "ring-4", "alice"))
    shutil.copy(os.path.join(w.room, "proposals", "ring-3", "boot.keyring"),
                ring)
    w.run("show", "--room", w.room, "--proposal", "ring-4", expect=1)
    write(ring, old)
    w.refuse("proposes no keyring", "propose", "release", "--room", w.room,
             "--name", "x", "--seq", 30, "--level", 1, "--keyring", "1.6.0",
             "--component", f"gateway={w.path('image')}:x:gw-rev3:1")
    w.refuse("in force already", "propose", "release", "--room", w.room,
             "--name", "x", "--seq", 30, "--level", 1, "--keyring", "ring-3",
             "--component", f"gateway={w.path('image')}:x:gw-rev3:1", code=4)
    # a release that names itself, or another release
    about = w.proposal("1.6.0", "proposal.json")
    old = read(about)
    for name in (b"1.6.0", b"1.5.0"):
        write(about, old.replace(b'"ring-3"', b'"' + name + b'"'))
        w.refuse("proposes a release", *w.args("show", "1.6.0"))
    write(about, old)
    policy(w, "dave", "erin", "keyring")


@test
def an_emergency_release_waits_for_nobody_but_its_signers(w):
    # no wait anywhere: proposed, signed and in force within one sitting,
    # with one token of each role lost; below a threshold never
    propose(w, "1.7.0", 19)
    w.run(*w.args("approve", "1.7.0", "alice"))
    w.refuse("1 of 2 approvals", *w.args("publish", "1.7.0"))
    w.refuse("counts once", *w.args("approve", "1.7.0", "alice"))
    w.run(*w.args("approve", "1.7.0", "erin"))
    w.refuse("0 of 2 approvals", *w.args("publish", "1.7.0"))
    w.run(*w.args("approve", "1.7.0", "alice"))
    w.refuse("1 of 2 approvals", *w.args("publish", "1.7.0"))
    w.publish("1.7.0", "bob")
    w.server.serve()
    w.server.believed("gateway/gateway-1.7.0.seal")
    for option in ("--force", "--emergency", "--threshold"):
        w.run(*w.args("publish", "1.7.0"), option, expect=2)


@test
def an_expiry_is_told_60_30_and_7_days_ahead_and_renewed(w):
    forecast = ["forecast", "--room", w.room]
    first_run = json.loads(w.run(*forecast, "--json")[0])
    assert {one["what"].rsplit(" ", 1)[0] for one in first_run} == {
        "image root", "image targets", "image release", "director root"}
    assert all(one["state"] == "good" for one in first_run)
    soonest = min(one["days"] for one in first_run)
    for left, word, code in ((60, "good", 0), (59, "renew soon", 0),
                             (30, "renew soon", 0), (29, "renew now", 0),
                             (7, "renew now", 0), (6, "URGENT", 0),
                             (0, "URGENT", 0), (-1, "EXPIRED", 1)):
        out, _ = w.run(*forecast, "--json", "--in", soonest - left,
                       expect=code)
        told = {one["state"] for one in json.loads(out)
                if one["days"] == left}
        assert told == {word}, (left, told)
    w.refuse("within 30 days", *forecast, "--in", soonest - 29, "--within",
             30)
    w.run(*forecast, "--in", soonest - 30, "--within", 30)
    w.run("ca", "init", "--dir", w.path("ca"), "--token", "frank", "--key",
          "ca", "--days", 20, "--pin-file", w.pin)
    out, _ = w.run(*forecast, "--certificate", w.path("ca", "cert.pem"))
    assert "renew now" in out
    w.refuse("not a certificate", *forecast, "--certificate", w.path("pin"))
    # years later: what expired is renewed by the same people, the same way
    for role, people in (("director-root", ("alice", "bob")),
                         ("root", ("dave", "erin"))):
        w.run("propose", "renew", "--room", w.room, "--name",
              f"late-{role}", "--role", role)
        w.publish(f"late-{role}", *people)
    good(w)


if __name__ == "__main__":
    sys.exit(main())
