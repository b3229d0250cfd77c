# SPDX-License-Identifier: Apache-2.0
"""Ceremonies by files: a proposal goes out on sticks, is signed on machines
apart from the room, and comes back; what was altered on the way is refused.

Arguments: voltseal-sign, folder of the helpers.  S0.40 S0.43 S1.32 S3.17 S3.35
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys

from world import PEOPLE, main, read, sha256, test, tree, write


def export(w, name, stick, author=None, key="root"):
    """Arguments of export."""
    args = ["export", "--room", w.room, "--proposal", name, "--out",
            w.path(stick)]
    if author:
        args += ["--token", author, "--key", key, "--pin-file", w.pin]
    return args


def sign(w, stick, who):
    """Arguments of sign."""
    return ["sign", "--ceremony", w.path(stick), "--token", who,
            "--pin-file", w.pin, "--yes"]


def merge(w, name, stick):
    """Arguments of merge."""
    return ["merge", "--room", w.room, "--proposal", name, "--ceremony",
            w.path(stick)]


def transcript(w, name):
    """The transcript's text and what the program tells of it."""
    out, _ = w.run("transcript", "show", "--room", w.room, "--proposal", name)
    return read(w.proposal(name, "transcript")).decode(), out


def renew(w, name, *roles):
    """Proposes a renewal."""
    args = ["propose", "renew", "--room", w.room, "--name", name]
    for role in roles:
        args += ["--role", role]
    w.run(*args)


@test
def an_author_opens_a_ceremony_and_others_sign_elsewhere(w):
    for person in PEOPLE:
        w.token(person, "root", "release", "boot")
    w.token("erin", "author")
    w.online_key()
    w.run("room", "init", "--dir", w.room, "--policy", w.policy())
    w.refuse("its author opens it", *export(w, "init", "a"))
    out, _ = w.run(*export(w, "init", "a", "erin", "author"))
    assert "by erin (author), WHOM THE POLICY DOES NOT NAME" in out
    w.run(*export(w, "init", "b"))
    before = tree(w.room)
    out, _ = w.run(*sign(w, "a", "alice"))
    assert "image root 1: 1 of 2 approvals: alice (root)" in out
    w.run(*sign(w, "b", "bob"))
    assert tree(w.room) == before  # the room is elsewhere
    w.run(*merge(w, "init", "a"))
    w.refuse("1 of 2 approvals", *w.args("publish", "init"))
    out, _ = w.run(*merge(w, "init", "b"))
    assert "image root 1: 2 of 2 approvals: alice (root), bob (root)" in out
    done = tree(w.room)
    out, _ = w.run(*merge(w, "init", "b"))
    assert "0 votes taken over" in out and tree(w.room) == done
    out, _ = w.run("verify", "--room", w.room, "--proposal", "init")
    assert "all good with proposal init in force" in out
    w.run(*w.args("publish", "init"))
    assert "all good" in w.run("verify", "--room", w.room)[0]


@test
def the_exact_bytes_and_the_difference_stand_on_the_stick(w):
    whole = json.loads(read(w.policy()))
    whole["root"]["threshold"] = 3
    whole["release"]["expires_days"] = 100
    whole["release"]["paths"] = ["gateway/*"]
    w.run("propose", "policy", "--room", w.room, "--name", "three",
          "--policy", write(w.path("p.json"), json.dumps(whole)))
    w.run(*export(w, "three", "c", "carol"))
    for name in ("image.root.2", "image.targets.2", "director.root.2"):
        document = json.loads(read(w.path("c", "proposals", "three",
                                          name[:-2] + ".json")))
        signed = read(w.path("c", "to-sign", name))
        assert json.loads(signed, strict=False) == document["signed"]
        assert hashlib.sha256(signed).hexdigest() in read(
            w.path("c", "difference.txt")).decode()
    text = read(w.path("c", "difference.txt")).decode()
    assert "  - roles.root.threshold: 2\n  + roles.root.threshold: 3" in text
    assert '- delegations.roles.release.paths: "controller/*"' in text
    assert "snapshot" not in text  # what stays is not told
    out, _ = w.run(*sign(w, "c", "alice"))
    assert text in out  # derived again there, not read


@test
def a_signature_from_a_stick_verifies_with_another_tool(w):
    pub = json.loads(read(w.key("alice", "root")))["tuf"]
    write(w.path("alice.pem"), pub["keyval"]["public"])
    document = json.loads(read(w.path("c", "proposals", "three",
                                      "image.root.json")))
    write(w.path("sig"), bytes.fromhex(document["signatures"][0]["sig"]))
    subprocess.run(["openssl", "dgst", "-sha256", "-verify",
                    w.path("alice.pem"), "-signature", w.path("sig"),
                    w.path("c", "to-sign", "image.root.2")], check=True,
                   stdout=subprocess.DEVNULL)


@test
def the_author_approves_nothing_here_or_there(w):
    w.refuse("four-eyes", *sign(w, "c", "carol"))
    w.refuse("four-eyes", *w.args("approve", "three", "carol"))
    # a program of the author's own, which signs all the same
    renew(w, "own", "root")
    w.run(*export(w, "own", "own-1", "bob"))
    renew(w, "twin", "root")
    shutil.copy(w.proposal("own", "image.root.json"),
                w.proposal("twin", "image.root.json"))
    w.run(*w.args("approve", "twin", "bob"))  # no ceremony: he may
    shutil.copy(w.proposal("twin", "image.root.json"),
                w.path("own-1", "proposals", "own", "image.root.json"))
    before = tree(w.room)
    w.refuse("four-eyes", *merge(w, "own", "own-1"))
    assert tree(w.room) == before
    shutil.copy(w.proposal("twin", "image.root.json"),
                w.proposal("own", "image.root.json"))
    w.run(*w.args("approve", "own", "alice"))
    w.refuse("four-eyes", *w.args("publish", "own"))
    # who has signed already opens no ceremony over it
    renew(w, "late", "root")
    w.run(*w.args("approve", "late", "alice"))
    w.refuse("four-eyes", *export(w, "late", "late-1", "alice"))


@test
def what_was_altered_on_the_way_is_not_signed(w):
    renew(w, "r", "root", "targets")
    w.run(*export(w, "r", "d", "carol"))
    root = w.path("d", "proposals", "r", "image.root.json")
    in_force = w.path("d", "in-force", "image", "1.root.json")
    body = json.loads(read(root))["signed"]
    body["expires"] = "2026-12-01T00:00:00Z"  # the judge alone lets it pass
    for path, data, word in (
            (root, json.dumps({"signatures": [], "signed": body}),
             "author opened"),
            (in_force, read(in_force).replace(b"2", b"3", 1),
             "author opened"),
            (w.path("d", "in-force", "image", "2.root.json"),
             read(in_force), "author opened"),
            (w.path("d", "policy.json"),
             read(w.path("d", "policy.json")).replace(
                 b'_days": 365', b'_days": 366'),
             "author opened")):
        old = read(path) if os.path.exists(path) else None
        write(path, data)
        before = tree(w.path("d"))
        w.refuse(word, *sign(w, "d", "alice"))
        assert tree(w.path("d")) == before
        os.unlink(path)
        if old is not None:
            write(path, old)
    gone = w.path("d", "in-force", "boot", "1.keyring")
    old = read(gone)
    os.unlink(gone)
    w.refuse("author opened", *sign(w, "d", "alice"))
    write(gone, old)
    line = w.path("d", "proposals", "r", "transcript")
    old = read(line)
    write(line, old.replace(b'"proposal":"r"', b'"proposal":"q"'))
    w.refuse("is not signed by who it names", *sign(w, "d", "alice"))
    write(line, old[:-1])
    w.refuse("cut short", *sign(w, "d", "alice"))
    write(line, old)
    w.run(*sign(w, "d", "alice"))


@test
def what_was_altered_on_the_way_back_is_not_taken_over(w):
    before = tree(w.room)
    line = w.path("d", "proposals", "r", "transcript")
    old = read(line)
    root = w.path("d", "proposals", "r", "image.root.json")
    signed = read(root)
    # a signature that the transcript does not tell of
    write(line, old.splitlines(True)[0])
    w.refuse("tells of no signature of alice", *merge(w, "r", "d"))
    write(line, old)
    # one that does not verify
    whole = json.loads(signed)
    sig = whole["signatures"][0]["sig"]
    whole["signatures"][0]["sig"] = sig[:-2] + ("00" if sig[-2:] != "00"
                                                else "01")
    write(root, json.dumps(whole))
    w.refuse("does not verify", *merge(w, "r", "d"))
    # another document under good signatures
    whole = json.loads(signed)
    whole["signed"]["expires"] = "2026-12-01T00:00:00Z"
    write(root, json.dumps(whole))
    w.refuse("conflict", *merge(w, "r", "d"))
    write(root, signed)
    # another ceremony altogether
    w.refuse("another ceremony", "merge", "--room", w.room, "--proposal",
             "r", "--ceremony", swap(w, "d", "own-1", "r"))
    assert tree(w.room) == before
    out, _ = w.run(*merge(w, "r", "d"))
    assert "1 of 2 approvals: alice (root)" in out


def swap(w, stick, other, name):
    """A stick with another ceremony's transcript."""
    shutil.copytree(w.path(stick), w.path("swapped"))
    shutil.copy(w.path(other, "proposals", "own", "transcript"),
                w.path("swapped", "proposals", name, "transcript"))
    return w.path("swapped")


@test
def a_transcript_tells_who_did_what_and_is_witnessed(w):
    w.run(*w.args("approve", "r", "bob"))  # in the room, the same ceremony
    w.run(*w.args("publish", "r"))
    w.run("transcript", "witness", "--room", w.room, "--proposal", "r",
          "--token", "erin", "--key", "author", "--pin-file", w.pin, "--yes")
    text, told = transcript(w, "r")
    events = [line.split()[1] for line in told.splitlines()
              if line.startswith("20")]
    assert events == (["opened"] + ["signed"] * 2 + ["merged"] +
                      ["signed"] * 2 + ["published", "witnessed"]), events
    assert "opened by carol (root)" in told
    assert "signed by alice (root)" in told
    for line in text.splitlines():
        whole = json.loads(line)
        away = whole["signed"]["event"] in ("merged", "published")
        assert len(whole["signatures"]) == (0 if away else 1)
    lines = text.splitlines(True)
    path = w.proposal("r", "transcript")
    show = ["transcript", "show", "--room", w.room, "--proposal", "r"]
    for bad in (lines[:1] + lines[2:],          # a line is missing
                lines[1:],                      # the opening is
                lines[:4] + lines[6:],          # the room's last are
                [lines[0], lines[0]] + lines[1:],
                lines[:-1] + [lines[-1].replace("witnessed", "published")]):
        write(path, "".join(bad))
        w.refuse("bad-signature", *show)
    write(path, text)
    w.run(*show)


@test
def a_release_is_signed_on_machines_apart(w):
    w.images()
    w.propose("1.0.0", 10, "1.0.0")
    w.run(*export(w, "1.0.0", "e", "carol", "release"))
    w.run(*export(w, "1.0.0", "f"))
    w.run(*sign(w, "e", "alice"))
    # bob completes the seals over there, sees the metadata and signs it
    shutil.copytree(w.path("e"), w.path("g"))
    out, _ = w.run(*sign(w, "g", "bob"))
    assert "image release 1: 1 of 2" in out
    out, _ = w.run(*merge(w, "1.0.0", "g"))
    assert "seals of release 1.0.0: 2 of 2" in out
    assert "image release 1: 1 of 2 approvals: bob (release)" in out
    w.run(*export(w, "1.0.0", "h"))
    w.run(*sign(w, "h", "alice"))
    w.run(*merge(w, "1.0.0", "h"))
    w.run(*w.args("publish", "1.0.0"))
    assert w.release("1.0.0")["gateway/gateway-1.0.0.seal"]
    assert "all good" in w.run("verify", "--room", w.room)[0]


@test
def two_sticks_complete_seals_together_and_the_room_makes_the_metadata(w):
    w.propose("1.1.0", 11, "1.1.0")
    w.run(*export(w, "1.1.0", "i", "carol", "release"))
    w.run(*export(w, "1.1.0", "j"))
    w.run(*sign(w, "i", "alice"))
    w.run(*sign(w, "j", "bob"))
    pack = w.path("j", "proposals", "1.1.0", "gateway.pack")
    w.run(*merge(w, "1.1.0", "i"))
    out, _ = w.run(*merge(w, "1.1.0", "j"))
    assert "metadata is made" in out and "image release 2: 0 of 2" in out
    w.run(*export(w, "1.1.0", "k"))
    for who in ("bob", "alice"):
        w.run(*sign(w, "k", who))
    w.run(*merge(w, "1.1.0", "k"))
    w.run(*w.args("publish", "1.1.0"))
    # and a pack that was altered on the stick is not what was opened
    write(pack, read(pack)[:-1] + b"x")
    w.refuse("author opened", *sign(w, "j", "alice"))


@test
def a_cut_export_is_no_ceremony_and_a_full_folder_is_not_written_over(w):
    renew(w, "x", "root")
    w.run(*export(w, "x", "l", "carol"))
    w.refuse("already", *export(w, "x", "l"))
    before = tree(w.path("l"))
    os.unlink(w.path("l", "policy.json"))
    w.refuse("not a signing room", *sign(w, "l", "alice"), code=4)
    w.run(*export(w, "x", "l"))
    assert tree(w.path("l")) == before
    assert sha256(w.path("l", "policy.json")) == sha256(
        os.path.join(w.room, "policy.json"))


@test
def the_pin_is_in_no_argument_and_no_environment(w):
    before = read(w.path("l", "proposals", "x", "transcript"))
    w.run("sign", "--ceremony", w.path("l"), "--token", "alice", "--pin",
          "246813", "--yes", expect=2)
    env, w.env = w.env, dict(w.env, VOLTSEAL_PIN="246813", PIN="246813")
    done = subprocess.run(
        ["setsid", sys.argv[1], "sign", "--ceremony", w.path("l"), "--token",
         "alice", "--yes"], env=w.env, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    w.env = env
    assert done.returncode == 1 and "no terminal" in done.stderr
    assert read(w.path("l", "proposals", "x", "transcript")) == before


if __name__ == "__main__":
    sys.exit(main())
