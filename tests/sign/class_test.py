# SPDX-License-Identifier: Apache-2.0
"""Classes of components, each released by people of its own: what a content
key may not, what a meter's image needs, and how a room comes to have them.

Arguments: voltseal-sign, folder of the helpers.  S0.20 S0.43 S2.40 S3.35
"""
import json
import os
import re
import shutil
import subprocess
import sys

from world import PIN, main, read, sha256, test, tree, write

CLASSES = {
    "safety": ("controller", ("alice", "bob"), 2),
    "metering": ("meter", ("alice", "bob"), 2),
    "gateway": ("gateway", ("alice", "bob"), 1),
    "content": ("display", ("carol",), 1),
}
COMPONENTS = ["gateway", "controller", "meter", "display"]


def keys(people, kind):
    """Names of key files, from the policy's folder."""
    return [f"keys/{who}-{kind}.pub.json" for who in people]


def classes(w, **changes):
    """A whole policy whose releases are given to classes."""
    whole = json.loads(read(w.policy()))
    del whole["release"]
    whole["keyring"]["components"] = COMPONENTS
    for name, (component, people, threshold) in CLASSES.items():
        whole[name] = {"keys": keys(people, name), "threshold": threshold,
                       "expires_days": 90, "components": [component]}
    whole["metering"]["checksums"] = [sha256(w.path("meter"))]
    for name, change in changes.items():
        if change is None:
            del whole[name]
        elif isinstance(whole.get(name), dict):
            whole[name] = {**whole[name], **change}
        else:
            whole[name] = change
    return write(w.path("classes.json"), json.dumps(whole))


def component(w, name, version, image=None, security=1):
    """An argument of propose release."""
    return ["--component",
            f"{name}={w.path(image or name)}:{version}:hw-1:{security}"]


def propose(w, name, seq, *parts):
    """The arguments of a proposal of these components."""
    return ["propose", "release", "--room", w.room, "--name", name, "--seq",
            seq, "--level", 1, *sum(parts, [])]


def signed(w, path):
    """The signed part of a file in force."""
    return json.loads(read(os.path.join(w.room, "in-force", "image",
                                        path)))["signed"]


def room_policy(w):
    """The policy that the room keeps."""
    return json.loads(read(os.path.join(w.room, "policy.json")))


@test
def a_policy_that_mixes_classes_makes_no_room(w):
    w.token("alice", "root", "boot", "release", "safety", "metering",
            "gateway")
    w.token("bob", "root", "boot", "release", "safety", "metering", "gateway")
    w.token("carol", "root", "boot", "release", "content")
    w.online_key()
    for name in COMPONENTS:
        write(w.path(name), name.encode() * 1000)
    init = ["room", "init", "--dir", w.room, "--policy"]
    for word, change in (
            ("metering: threshold: must be 2", {"metering": {"threshold": 1}}),
            ("checksums: must be SHA-256", {"metering": {"checksums": ["x"]}}),
            ("is one of safety", {"content": {
                "keys": keys(["bob"], "safety")}}),
            ("controller/* is given to safety", {"content": {
                "components": ["controller"]}}),
            ("given to release", {"release": {
                "keys": keys(["carol"], "release"), "threshold": 1,
                "expires_days": 9, "paths": ["*/*"]}}),
            ("no boot keyring covers", {"content": {
                "components": ["screen"]}}),
            ("paths: must be of", {"release": {
                "keys": keys(["carol"], "release"), "threshold": 1,
                "expires_days": 9, "paths": ["[a-z]*/x"]}}),
            ("paths: no such member", {"content": {"paths": ["*"]}}),
            ("checksums: no such member", {"root": {"checksums": []}}),
            ("key_types: must be of", {"safety": {"key_types": ["dsa"]}}),
            ("of alice is ecdsa", {"safety": {"key_types": ["ed25519"]}}),
            ("mode: must be", {"mode": "test"}),
            ("nothing could be released", {
                **{name: None for name in CLASSES}, "keyring": {}})):
        w.refuse(word, *init, classes(w, **change))
    whole = json.loads(read(classes(w)))
    del whole["metering"]["checksums"]
    w.refuse("metering: checksums: is missing", *init,
             write(w.path("classes.json"), json.dumps(whole)))
    assert not os.path.exists(w.room)


@test
def a_published_private_key_makes_no_room_in_production(w):
    # Ed25519, the seed 01 00 00 ...: a key of the tests of trust/
    der = bytes.fromhex("302e020100300506032b657004220420") + bytes([1]) + \
        bytes(31)
    demo = write(w.path("demo.der"), der)
    subprocess.run(["openssl", "pkey", "-inform", "DER", "-in", demo,
                    "-pubout", "-out", w.path("keys", "demo.pem")],
                   check=True)
    change = {"snapshot": {"keys": ["keys/demo.pem"]}}
    for mode in ({}, {"mode": "production"}):
        w.refuse("demo key", "room", "init", "--dir", w.room, "--policy",
                 classes(w, **change, **mode))
    assert not os.path.exists(w.room)
    other = w.path("demo-room")
    out, _ = w.run("room", "init", "--dir", other, "--policy",
                   classes(w, mode="demo", **change))
    assert "for a demo" in out
    out, _ = w.run("show", "--room", other, "--proposal", "init")
    assert "chargers in production take none" in out
    policy = os.path.join(other, "policy.json")
    write(policy, read(policy).replace(b'"demo"', b'"production"'))
    w.refuse("demo key", "show", "--room", other, "--proposal", "init")


@test
def one_command_makes_both_repositories_and_says_who_may_what(w):
    out, _ = w.run("room", "init", "--dir", w.room, "--policy", classes(w))
    for line in ("metering         2 of 2: alice, bob; for 90 days; releases "
                 "meter/*; only 1 listed images",
                 "content          1 of 1: carol; for 90 days; releases "
                 "display/*",
                 "director.root    2 of 3: alice, bob, carol"):
        assert line in out, out
    out, _ = w.run(*w.args("show", "init"))
    assert "+only image " + sha256(w.path("meter")) in out
    w.publish("init", "alice", "bob")
    roles = {role["name"]: role for role in
             signed(w, "1.targets.json")["delegations"]["roles"]}
    assert set(roles) == set(CLASSES)
    for name, (part, people, threshold) in CLASSES.items():
        assert roles[name]["paths"] == [part + "/*"]
        assert roles[name]["terminating"] is True
        assert roles[name]["threshold"] == threshold
        assert len(roles[name]["keyids"]) == len(people)
    assert roles["metering"]["imageSha256"] == [sha256(w.path("meter"))]
    assert os.path.exists(os.path.join(w.out, "director-root/1.root.json"))


@test
def each_class_releases_alone_with_its_own_threshold(w):
    w.run(*propose(w, "d1", 1, component(w, "display", "1.0")))
    for who in ("alice", "bob"):  # boot keys
        w.run(*w.args("approve", "d1", who))
    w.refuse("image content 1: 0 of 1", *w.args("publish", "d1"))
    w.refuse("no key that may", *w.args("approve", "d1", "alice"))
    w.publish("d1", "carol")
    names = os.listdir(os.path.join(w.out, "metadata"))
    assert "1.content.json" in names and "1.safety.json" not in names
    assert "all good" in w.run("verify", "--room", w.room)[0]


@test
def a_content_key_releases_no_safety_image(w):
    w.run(*propose(w, "c1", 2, component(w, "controller", "1.0")))
    for who in ("carol", "alice"):
        w.run(*w.args("approve", "c1", who))
    w.refuse("no key that may", *w.args("approve", "c1", "carol"))
    w.refuse("image safety 1: 1 of 2", *w.args("publish", "c1"))
    # nor when the content role's own metadata names it
    w.run(*propose(w, "d2", 3, component(w, "display", "2.0")))
    for who in ("alice", "bob"):
        w.run(*w.args("approve", "d2", who))
    path = w.proposal("d2", "image.content.json")
    old = read(path)
    whole = json.loads(old)
    targets = whole["signed"]["targets"]
    targets["controller/controller-d2.seal"] = \
        targets["display/display-d2.seal"]
    whole["signatures"] = []
    write(path, json.dumps(whole))
    before = tree(w.room)
    w.refuse("do not say", *w.args("approve", "d2", "carol"))
    assert tree(w.room) == before
    write(path, old)
    w.publish("d2", "carol")
    w.publish("c1", "bob")
    assert "all good" in w.run("verify", "--room", w.room)[0]


def der(raw):
    """r and s as ASN.1."""
    def number(part):
        part = part.lstrip(b"\0") or b"\0"
        part = (b"\0" if part[0] & 0x80 else b"") + part
        return bytes([2, len(part)]) + part
    both = number(raw[:32]) + number(raw[32:])
    return bytes([0x30, len(both)]) + both


@test
def what_a_content_key_signed_by_other_tools_is_refused_too(w):
    tool = shutil.which("pkcs11-tool")
    if not tool:
        return "SKIP pkcs11-tool is not installed"
    body = signed(w, "2.content.json")
    body["version"] = 3
    stolen = signed(w, "1.safety.json")["targets"]
    body["targets"].update(stolen)
    canon = json.dumps(body, sort_keys=True, separators=(",", ":"),
                       ensure_ascii=False)
    digest = subprocess.run(["openssl", "dgst", "-sha256", "-binary"],
                            input=canon.encode(), check=True,
                            stdout=subprocess.PIPE).stdout
    write(w.path("digest"), digest)
    base = [tool, "--module", "/usr/lib/softhsm/libsofthsm2.so", "--login",
            "--pin", PIN, "--token-label", "carol"]
    listed = subprocess.run([*base, "--list-objects", "--type", "pubkey"],
                            env=w.env, check=True, text=True,
                            stdout=subprocess.PIPE).stdout
    key = re.search(r"label: +content\s+ID: +([0-9a-f]+)", listed).group(1)
    subprocess.run([*base, "--id", key, "--sign", "--mechanism", "ECDSA",
                    "--input-file", w.path("digest"), "--output-file",
                    w.path("raw")], env=w.env, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    whole = json.loads(read(os.path.join(w.room, "in-force", "image",
                                         "2.content.json")))
    whole["signed"] = body
    whole["signatures"][0]["sig"] = der(read(w.path("raw"))).hex()
    path = os.path.join(w.room, "in-force", "image", "3.content.json")
    write(path, json.dumps(whole))
    line = w.refuse("none of the paths of its role", "verify", "--room",
                    w.room)
    assert "controller/controller-c1.seal" in line
    os.unlink(path)
    return None


@test
def a_meter_takes_two_people_and_a_listed_checksum(w):
    write(w.path("meter-2"), b"another meter")
    w.refuse("is not on the list of metering",
             *propose(w, "m1", 4, component(w, "meter", "1.0", "meter-2")))
    assert not os.path.exists(w.proposal("m1"))
    w.run(*propose(w, "m1", 4, component(w, "meter", "1.0")))
    # a proposal that was not made here says what it likes
    about = w.proposal("m1", "proposal.json")
    old = read(about)
    write(about, old.replace(sha256(w.path("meter")).encode(),
                             sha256(w.path("meter-2")).encode()))
    before = tree(w.room)
    w.refuse("is not on the list", *w.args("approve", "m1", "alice"))
    assert tree(w.room) == before
    write(about, old)
    for who in ("carol", "alice"):
        w.run(*w.args("approve", "m1", who))
    w.refuse("image metering 1: 1 of 2", *w.args("publish", "m1"))
    w.publish("m1", "bob")
    # a new image needs the list first: the holders of targets sign it
    policy = room_policy(w)
    policy["metering"]["checksums"].append(sha256(w.path("meter-2")))
    w.run("propose", "policy", "--room", w.room, "--name", "certified",
          "--policy", write(w.path("p.json"), json.dumps(policy)))
    out, _ = w.run(*w.args("show", "certified"))
    assert "+only image " + sha256(w.path("meter-2")) in out
    assert " only image " + sha256(w.path("meter")) in out
    documents = json.loads(w.run(*w.args("show", "certified"),
                                 "--json")[0])["documents"]
    assert [d["role"] for d in documents] == ["targets", "metering"]
    w.publish("certified", "alice", "bob")
    w.run(*propose(w, "m2", 5, component(w, "meter", "2.0", "meter-2")))


@test
def a_checksum_that_was_taken_back_stops_a_proposal_and_no_release(w):
    policy = room_policy(w)
    with_both = list(policy["metering"]["checksums"])
    policy["metering"]["checksums"] = with_both[1:]
    args = ["propose", "policy", "--room", w.room, "--policy",
            w.path("p.json"), "--name"]
    write(w.path("p.json"), json.dumps(policy))
    w.refuse("is released, and metering does not list", *args, "back")
    policy["metering"]["checksums"] = with_both[:1]
    write(w.path("p.json"), json.dumps(policy))
    w.run(*args, "back")
    w.publish("back", "alice", "bob")
    before = tree(w.room)
    w.refuse("is not on the list", *w.args("approve", "m2", "alice"))
    assert tree(w.room) == before
    assert "all good" in w.run("verify", "--room", w.room)[0]


@test
def a_release_of_two_classes_asks_both(w):
    w.run(*propose(w, "all1", 6, component(w, "gateway", "1.0"),
                   component(w, "display", "3.0")))
    for who in ("bob", "carol"):
        w.run(*w.args("approve", "all1", who))
    w.refuse("image gateway 1: 0 of 1", *w.args("publish", "all1"))
    w.publish("all1", "alice")
    sets = [signed(w, path)["targets"][name]["custom"]["releaseSet"]
            for path, name in
            (("1.gateway.json", "gateway/gateway-all1.seal"),
             ("3.content.json", "display/display-all1.seal"))]
    assert sets[0] == sets[1] == ["gateway/gateway-all1.seal",
                                  "display/display-all1.seal"]
    w.run("propose", "renew", "--room", w.room, "--name", "renew", "--role",
          "content", "--role", "metering")
    w.publish("renew", "carol", "alice", "bob")
    assert "all good" in w.run("verify", "--room", w.room)[0]


@test
def a_component_moves_to_another_class_with_all_it_has(w):
    policy = room_policy(w)
    policy["gateway"]["components"] = []
    policy["safety"]["components"] = ["controller", "gateway"]
    write(w.path("p.json"), json.dumps(policy))
    args = ["propose", "policy", "--room", w.room, "--policy",
            w.path("p.json"), "--name"]
    w.run(*args, "move")
    # nobody may slip a version in on the way
    path = w.proposal("move", "image.safety.json")
    old = read(path)
    whole = json.loads(old)
    del whole["signed"]["targets"]["controller/controller-c1.seal"]
    write(path, json.dumps(whole))
    w.refuse("does not say what is in force",
             *w.args("approve", "move", "alice"))
    write(path, old)
    w.publish("move", "alice", "bob")
    assert "gateway/gateway-all1.seal" in signed(w, "2.safety.json")["targets"]
    assert not signed(w, "2.gateway.json")["targets"]
    assert "all good" in w.run("verify", "--room", w.room)[0]
    w.run(*propose(w, "g2", 7, component(w, "gateway", "2.0")))
    for who in ("alice", "bob", "alice"):
        w.run(*w.args("approve", "g2", who))
    w.run(*w.args("publish", "g2"))
    assert "all good" in w.run("verify", "--room", w.room)[0]
    # what has released stays, and what is released stays with somebody
    policy = room_policy(w)
    gone = dict(policy)
    del gone["gateway"]
    write(w.path("p.json"), json.dumps(gone))
    w.refuse("must stay in the policy", *args, "gone")
    gone = dict(policy, content=dict(policy["content"], components=[]))
    write(w.path("p.json"), json.dumps(gone))
    w.refuse("gives it to no role", *args, "gone")


@test
def a_simple_room_comes_to_have_classes(w):
    w.room, w.out = w.path("simple"), w.path("simple-out")
    w.images()
    w.run("room", "init", "--dir", w.room, "--policy", w.policy(keyring={
        "keys": keys(("alice", "bob", "carol"), "boot"), "threshold": 2,
        "components": COMPONENTS}))
    w.publish("init", "alice", "bob")
    w.propose("1.0.0", 10, "1.0.0")
    w.publish("1.0.0", "alice", "bob", "alice")
    whole = json.loads(read(classes(w)))
    whole["release"] = dict(room_policy(w)["release"], paths=[])
    write(w.path("p.json"), json.dumps(whole))
    args = ["propose", "policy", "--room", w.room, "--policy",
            w.path("p.json"), "--name"]
    w.run(*args, "classes")
    w.publish("classes", "alice", "bob")
    assert not signed(w, "2.release.json")["targets"]
    assert list(signed(w, "1.safety.json")["targets"]) == [
        "controller/controller-1.0.0.seal"]
    assert "all good" in w.run("verify", "--room", w.room)[0]
    write(w.path("p.json"), json.dumps(dict(
        whole, mode="demo", root=dict(whole["root"], threshold=1))))
    w.refuse("does not become a demo", *args, "demo")
    w.propose("1.1.0", 11, "1.1.0")
    w.publish("1.1.0", "alice", "bob", "alice")
    assert "all good" in w.run("verify", "--room", w.room)[0]


if __name__ == "__main__":
    sys.exit(main())
