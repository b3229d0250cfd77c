# SPDX-License-Identifier: Apache-2.0
"""What people sign follows from a policy, from seals or from what is in
force, and is shown to them before.

Arguments: voltseal-sign, folder of the helpers.  S0.20 S0.43 S2.40 S3.35
"""
import json
import os
import re
import sys

from world import PEOPLE, main, read, test, tree, write

@test
def a_faulty_policy_is_told_by_file_and_field_and_makes_no_room(w):
    for person in PEOPLE:
        w.token(person, "root", "release", "boot")
    w.online_key()
    good = json.loads(read(w.policy()))
    root = good["root"]
    for field, change in {
            "threshold": dict(root, threshold=4),
            "expires_days": dict(root, expires_days=0),
            "one person": dict(root, keys=root["keys"][:2] +
                               ["keys/alice-boot.pub.json"]),
            "one key twice": dict(root, keys=root["keys"][:1] * 2),
            "treshold": dict(root, treshold=2),
    }.items():
        policy = w.policy(root=change)
        w.refuse(field, "room", "init", "--dir", w.room, "--policy", policy)
    w.refuse("no such file", "room", "init", "--dir", w.room, "--policy",
             w.policy(root=dict(root, keys=["keys/nobody.pub.json"])),
             code=4)
    w.refuse("safety", "room", "init", "--dir", w.room, "--policy",
             w.policy(safety=root))
    w.refuse("components", "room", "init", "--dir", w.room, "--policy",
             w.policy(keyring=dict(good["keyring"], components=[])))
    write(w.path("policy.json"), '{"root": 1, "root": 2}')
    w.refuse("policy.json", "room", "init", "--dir", w.room, "--policy",
             w.path("policy.json"))
    assert not os.path.exists(w.room)


def signed(path):
    """The signed part of a metadata file."""
    return json.loads(read(path))["signed"]


def forge(path, change):
    """Alters the signed part and takes the signatures off, so that only what
    people are shown and what the program compares stands in the way."""
    body = signed(path)
    change(body)
    write(path, json.dumps({"signatures": [], "signed": body}))


@test
def nothing_is_signed_that_does_not_follow_from_the_policy(w):
    w.run("room", "init", "--dir", w.room, "--policy", w.policy())
    root = w.proposal("init", "image.root.json")
    targets = w.proposal("init", "image.targets.json")

    def lower(body):
        body["roles"]["targets"]["threshold"] = 1

    def smuggle(body):
        body["targets"]["gateway/x.seal"] = {
            "length": 1, "hashes": {"sha256": "0" * 64}}

    def stretch(body):
        body["expires"] = "2999-01-01T00:00:00Z"

    for path, change in ((root, lower), (targets, smuggle), (root, stretch),
                         (root, lambda body: body.update(note="x"))):
        old = read(path)
        forge(path, change)
        before = tree(w.room)
        w.refuse("policy says", *w.args("approve", "init", "alice"))
        assert tree(w.room) == before
        write(path, old)
    ring = w.proposal("init", "boot.keyring")
    old = read(ring)
    assert old.count(b"controller") == 1
    write(ring, old.replace(b"controller", b"controllex"))
    w.refuse("policy says", *w.args("approve", "init", "alice"))
    write(ring, old)


@test
def every_key_is_shown_by_its_whole_id(w):
    out, _ = w.run(*w.args("show", "init"))
    for person in PEOPLE:
        listed, _ = w.run("key", "list", "--token", person, "--pin-file",
                          w.pin)
        ids = re.findall("[0-9a-f]{64}", listed)
        assert len(ids) == 6
        for kind, id_kind in (("root", 0), ("release", 0), ("boot", 1)):
            want = json.loads(w.run("key", "list", "--json", "--token",
                                    person, "--pin-file", w.pin)[0])
            key = next(k for k in want if k["label"] == kind)
            key = key["boot"] if id_kind else key["tuf"]
            assert key in ids
            at = out.index(key)
            assert f"{person} ({kind})" in out[at:at + 120], (person, kind)
    w.publish("init", "alice", "bob")
    w.images()
    w.propose("1.0.0", 10, "1.0.0")
    w.publish("1.0.0", "alice", "bob", "alice")


@test
def what_is_shown_of_a_release_is_what_its_bytes_are(w):
    w.propose("1.1.0", 11, "1.1.0")
    about = w.proposal("1.1.0", "proposal.json")
    old = read(about)
    whole = json.loads(old)
    metadata = w.proposal("1.1.0", "image.release.json")

    def refused(word):
        before = tree(w.room)
        w.refuse(word, *w.args("approve", "1.1.0", "carol"))
        assert tree(w.room) == before

    for name, lie in (("imageSha256", "0" * 64), ("packSha256", "0" * 64),
                      ("packLength", 1)):
        lying = json.loads(old)
        lying["images"][0][name] = lie
        write(about, json.dumps(lying))
        assert str(lie) in w.run(*w.args("show", "1.1.0"))[0]
        refused("hash-mismatch")
    write(about, old)
    for who in ("alice", "bob"):
        w.run(*w.args("approve", "1.1.0", who))
    # the second step: the metadata tells the same lie as the proposal
    signatures = read(metadata)
    whole["images"][0]["imageSha256"] = "0" * 64
    write(about, json.dumps(whole))

    def lie(body):
        path = "gateway/gateway-1.1.0.seal"
        body["targets"][path]["custom"]["imageSha256"] = "0" * 64

    forge(metadata, lie)
    refused("hash-mismatch")
    write(about, old)
    refused("do not say")
    write(metadata, signatures)


@test
def the_metadata_is_shown_too_before_it_is_signed(w):
    w.propose("1.2.0", 12, "1.2.0")
    w.run(*w.args("approve", "1.2.0", "alice"))
    args = [a for a in w.args("approve", "1.2.0", "bob") if a != "--yes"]
    out, err = w.run(*args, expect=3, stdin="yes\nno\n")
    assert "metadata is not" in err
    assert "image release 2 (in force: 1)" in out.split("Type yes")[1]
    assert not json.loads(read(
        w.proposal("1.2.0", "image.release.json")))["signatures"]
    w.run(*args, stdin="yes\n")


@test
def a_withdrawn_key_counts_no_more_and_a_new_one_does(w):
    w.token("dave", "root", "release")
    whole = json.loads(read(w.policy()))
    for role in ("root", "targets", "release"):
        kind = "release" if role == "release" else "root"
        whole[role]["keys"][2] = f"keys/dave-{kind}.pub.json"
    policy = write(w.path("policy.json"), json.dumps(whole))
    propose = ["propose", "policy", "--room", w.room, "--policy", policy]
    w.run(*propose, "--name", "dave-for-carol")
    w.run(*propose, "--name", "late")
    out, _ = w.run(*w.args("show", "dave-for-carol"))
    assert "policy 2 (in force: 1)" in out
    whole = json.loads(w.run(*w.args("show", "dave-for-carol"),
                             "--json")[0])
    assert whole["policy"] == 2 and len(whole["documents"]) == 4
    assert [b["what"] for b in whole["approvals"]][:2] == [
        "image root 2", "image root 2, by the keys in force"]
    assert whole["approvals"][0]["asked"] == [
        "alice (root)", "bob (root)", "dave (root)"]
    assert re.search(r"was +2 of 3: alice \(root\), bob \(root\), carol", out)
    w.run(*w.args("approve", "dave-for-carol", "dave"))
    w.refuse("image root 2: 1 of 2", *w.args("publish", "dave-for-carol"))
    w.run(*w.args("approve", "dave-for-carol", "alice"))
    w.refuse("by the keys in force: 1 of 2",
             *w.args("publish", "dave-for-carol"))
    w.refuse("threshold", "verify", "--room", w.room, "--proposal",
             "dave-for-carol")
    w.run(*w.args("approve", "dave-for-carol", "carol"))
    out, _ = w.run("verify", "--room", w.room, "--proposal", "dave-for-carol")
    assert "all good with proposal dave-for-carol in force" in out
    assert not os.path.exists(os.path.join(w.room,
                                           "in-force/image/2.root.json"))
    w.publish("dave-for-carol")  # carol's key counts for that
    w.refuse("in force (wrong-version)", *w.args("approve", "late", "alice"))
    assert json.loads(read(os.path.join(w.room, "policy.json")))[
        "version"] == 2
    assert "all good" in w.run("verify", "--room", w.room)[0]
    w.propose("1.3.0", 13, "1.3.0")
    w.publish("1.3.0", "alice", "bob", "dave")
    w.propose("1.4.0", 14, "1.4.0")
    for who in ("alice", "carol", "dave"):  # carol's boot key stays
        w.run(*w.args("approve", "1.4.0", who))
    w.refuse("has approved it already", *w.args("approve", "1.4.0", "dave"))
    w.refuse("no key that may", *w.args("approve", "1.4.0", "carol"))
    w.publish("1.4.0", "alice")


@test
def a_policy_that_was_published_before_does_not_come_back(w):
    whole = json.loads(read(os.path.join(w.room, "policy.json")))
    whole["release"]["paths"].append("display/*")
    w.run("propose", "policy", "--room", w.room, "--name", "display",
          "--policy", write(w.path("policy.json"), json.dumps(whole)))
    w.publish("display", "alice", "bob")
    now = read(os.path.join(w.room, "policy.json"))
    assert json.loads(now)["version"] == 3
    out, _ = w.run(*w.args("publish", "dave-for-carol"))
    assert "already" in out
    assert read(os.path.join(w.room, "policy.json")) == now
    assert "all good" in w.run("verify", "--room", w.room)[0]


@test
def a_policy_that_changes_nothing_or_the_keyring_is_refused(w):
    propose = ["propose", "policy", "--room", w.room, "--name", "p",
               "--policy"]
    policy = write(w.path("now.json"),
                   read(os.path.join(w.room, "policy.json")))
    w.refuse("changes nothing", *propose, policy)
    w.refuse("changed alone", *propose, w.policy(keyring={
        "keys": ["keys/alice-boot.pub.json"], "threshold": 1,
        "components": ["gateway"]}))
    assert not os.path.exists(w.proposal("p"))
    assert not [n for n in os.listdir(os.path.join(w.room, "proposals"))
                if n.startswith(".")]


@test
def a_renewal_says_the_same_again_and_nothing_else(w):
    w.refuse("--role", "propose", "renew", "--room", w.room, "--name", "r",
             "--role", "snapshot")
    w.run("propose", "renew", "--room", w.room, "--name", "renew", "--role",
          "root", "--role", "targets", "--role", "release", "--role",
          "director-root")
    w.run(*w.args("approve", "renew", "alice"))
    w.refuse("1 of 2 approvals", *w.args("publish", "renew"))
    root = os.path.join(w.room, "proposals", "renew", "image.root.json")
    old = read(root)
    body = json.loads(old)["signed"]
    body["roles"]["root"]["threshold"] = 1
    write(root, json.dumps({"signatures": [], "signed": body}))
    w.refuse("new expiry", *w.args("approve", "renew", "bob"))
    write(root, old)
    w.run(*w.args("approve", "renew", "bob"))
    w.run(*w.args("publish", "renew"))
    for name in ("metadata/2.root.json", "metadata/2.targets.json",
                 "metadata/2.release.json", "image-root/2.root.json",
                 "director-root/2.root.json", "metadata/1.root.json"):
        assert os.path.exists(os.path.join(w.out, name)), name
    out, _ = w.run("verify", "--room", w.room)
    assert "all good" in out


if __name__ == "__main__":
    sys.exit(main())
