# SPDX-License-Identifier: Apache-2.0
"""LMS keys in the signing room: made, asked for beside P-256, used up leaf by
leaf, never twice; moved, restored, cut off and exhausted.

Arguments: voltseal-sign, folder of the helpers.  S0.18 S0.43 S3.35
"""
import json
import os
import shutil
import struct
import subprocess
import sys

from world import (FAULTS, SIGN, World, changed, main, read, test, tree,
                   write)

PASS = "correct horse battery staple"
KILLED, TOO_FEW = 137, 99
LMS_LEN = {5: 44 + 34 * 32 + 5 * 32}


def lms_args(w, who, folder=None):
    """Options that bring a person's LMS key."""
    return ["--lms-key", folder or w.path(who + ".lms"), "--passphrase-file",
            w.path("pass")]


def generate(w, who, height=5, expect=0):
    """Makes a key of this person and exports its public part."""
    folder = w.path(who + ".lms")
    out = w.run("lms", "generate", *lms_args(w, who), "--holder", who,
                "--height", height, expect=expect)
    w.run("lms", "export", "--lms-key", folder, "--out", w.key(who, "lms"))
    return out


def state(w, folder):
    """What lms show tells."""
    return json.loads(w.run("lms", "show", "--lms-key", folder, "--json")[0])


def signatures(path):
    """(key id, scheme, bytes) of a seal or a keyring file."""
    raw = read(path)
    at = 512
    if raw[:8] == b"VLTRING1":
        at = struct.unpack_from("<I", raw, 20)[0]
    count = struct.unpack_from("<H", raw, at + 4)[0]
    found, at = [], at + 12
    for _ in range(count):
        scheme, length = struct.unpack_from("<HH", raw, at + 32)
        found.append((raw[at:at + 32].hex(), scheme,
                      raw[at + 36:at + 36 + length]))
        at += 36 + length
    return found


def leaves(w):
    """Every (key, leaf) of LMS signatures in the room, with all that it has
    made: the same message signed anew is another signature."""
    found = {}
    for path, raw in tree(w.room).items():
        if raw[:8] == b"VLTSEAL1":
            over = raw[:512]
        elif raw[:8] == b"VLTRING1":
            over = raw[:struct.unpack_from("<I", raw, 20)[0]]
        else:
            continue
        for key, scheme, sig in signatures(os.path.join(w.room, path)):
            if scheme == 2:
                leaf = struct.unpack_from(">I", sig)[0]
                found.setdefault((key, leaf), set()).add((over, sig))
    return found


def no_leaf_twice(w):
    """No leaf in the room has signed two things."""
    for (key, leaf), over in leaves(w).items():
        assert len(over) == 1, (key, leaf)


def approve(w, name, who, *more, **kwargs):
    """approve with the token and what else is given."""
    return w.run(*w.args("approve", name, who), *more, **kwargs)


def with_lms(w, **changes):
    """The tests' policy, asking for one of two LMS keys."""
    policy = json.loads(read(w.policy(mode="demo")))
    policy["keyring"].update(
        lms_keys=["keys/alice-lms.pub.json", "keys/bob-lms.pub.json"],
        lms_threshold=1)
    policy["keyring"].update(changes)
    return write(w.path("lms.json"), json.dumps(policy))


@test
def a_key_is_made_and_its_folder_is_the_holders_alone(w):
    write(w.path("pass"), PASS + "\n", 0o600)
    for who in ("alice", "bob"):
        out, _ = generate(w, who)
        assert f"lms of {who}" in out
        folder = w.path(who + ".lms")
        assert os.stat(folder).st_mode & 0o777 == 0o700
        for name in ("seed", "leaves", "tree"):
            mode = os.stat(os.path.join(folder, name)).st_mode & 0o777
            assert mode == 0o600, (name, oct(mode))
        assert state(w, folder)["left"] == 32
    seed = read(w.path("alice.lms", "seed"))
    assert len(seed) == 88 and PASS.encode() not in seed
    w.refuse("there is something already", "lms", "generate",
             *lms_args(w, "alice"), "--holder", "alice", "--height", 5)
    write(w.path("short"), "eleven char\n", 0o600)
    w.refuse("12 characters", "lms", "generate", "--lms-key", w.path("x"),
             "--passphrase-file", w.path("short"), "--holder", "x",
             "--height", 5)
    w.refuse("5, 10 or 15", "lms", "generate", "--lms-key", w.path("x"),
             "--passphrase-file", w.path("pass"), "--holder", "x",
             "--height", 6)


@test
def a_policy_that_cannot_hold_is_refused(w):
    for person in ("alice", "bob", "carol"):
        w.token(person, "root", "release", "boot")
    w.online_key()
    shutil.copy(w.key("alice", "lms"), w.key("twice", "lms"))
    other = json.loads(read(w.key("bob", "lms")))
    write(w.key("same", "lms"), json.dumps(dict(other, holder="alice")))
    write(w.key("bad", "lms"), json.dumps(dict(other, lms="00" * 56)))
    a, b = "keys/alice-lms.pub.json", "keys/bob-lms.pub.json"

    def init(word, **changes):
        w.refuse(word, "room", "init", "--dir", w.path("no"), "--policy",
                 with_lms(w, **changes))
    init("below the 2 keys", lms_threshold=2)
    init("below the 1 keys", lms_keys=[a])
    init("one key twice", lms_keys=[a, "keys/twice-lms.pub.json"])
    init("holds two", lms_keys=[a, "keys/same-lms.pub.json"])
    init("no public key", lms_keys=[b, "keys/bad-lms.pub.json"])
    init("lms_threshold", lms_keys=[a, b], lms_threshold="1")
    init("1 to 16 keys", lms_keys=[])
    policy = json.loads(read(with_lms(w)))
    del policy["mode"]  # production
    write(w.path("lms.json"), json.dumps(policy))
    w.refuse("has height 5, not 15", "room", "init", "--dir", w.path("no"),
             "--policy", w.path("lms.json"))


@test
def a_first_keyring_with_lms_keys_needs_both_thresholds(w):
    w.run("room", "init", "--dir", w.room, "--policy", with_lms(w))
    out, _ = w.run(*w.args("show", "init"))
    assert "and LMS    1 of 2" in out
    assert "boot keyring 1: 0 of 2 and LMS 0 of 1 approvals" in out
    assert "alice (lms)" in out
    approve(w, "init", "alice")
    out, _ = approve(w, "init", "bob")
    assert "needs 1 more LMS keys of: " in out
    w.refuse("LMS 0 of 1", *w.args("publish", "init"))
    assert state(w, w.path("alice.lms"))["next"] == 0
    out, _ = approve(w, "init", "alice", *lms_args(w, "alice"))
    assert "alice (lms) signs boot keyring 1" in out
    assert state(w, w.path("alice.lms"))["next"] == 1
    w.run(*w.args("publish", "init"))
    assert "all good" in w.run("verify", "--room", w.room)[0]
    ring = json.loads(w.run("inspect", "--json",
                            os.path.join(w.out, "keyring"))[0])
    assert ring["lms_threshold"] == 1
    assert sum("lms" in key for key in ring["keys"]) == 2


@test
def a_release_collects_one_lms_signature_on_each_seal(w):
    write(w.path("image"), bytes(range(256)) * 2500)
    write(w.path("small"), b"small" * 100)
    w.propose("1.0.0", 10, "1.0.0")
    approve(w, "1.0.0", "alice", *lms_args(w, "alice"))
    before = state(w, w.path("bob.lms"))
    approve(w, "1.0.0", "bob", *lms_args(w, "bob"))
    assert state(w, w.path("bob.lms")) == before, "nobody needed it"
    assert state(w, w.path("alice.lms"))["next"] == 3
    approve(w, "1.0.0", "alice")
    w.run(*w.args("publish", "1.0.0"))
    for component in ("gateway", "controller"):
        found = signatures(w.proposal("1.0.0", component + ".seal"))
        assert [s for _, s, _ in found].count(1) == 2
        assert [len(b) for _, s, b in found if s == 2] == [LMS_LEN[5]]
    seals = [p for p in tree(w.out)
             if read(os.path.join(w.out, p))[:8] == b"VLTSEAL1"]
    for seal in seals:
        out, _ = w.run("verify", "--seal", os.path.join(w.out, seal),
                       "--keyring", os.path.join(w.out, "keyring"))
        assert "good" in out
    assert len(seals) == 2
    no_leaf_twice(w)


@test
def a_seal_that_lacks_the_lms_signature_stays_in_the_room(w):
    w.propose("1.0.1", 11, "1.0.1")
    for who in ("alice", "bob", "carol"):
        w.run(*w.args("approve", "1.0.1", who), expect=1 if who == "carol"
              else 0)
    w.refuse("2 of 2 and LMS 0 of 1", *w.args("publish", "1.0.1"))
    out, _ = w.run(*w.args("show", "1.0.1"))
    assert "needs 1 more LMS keys of: " in out
    data = json.loads(w.run("show", "--room", w.room, "--proposal", "1.0.1",
                            "--json")[0])
    assert data["approvals"][0]["lms_threshold"] == 1
    assert not data["approvals"][0]["enough"]


@test
def a_key_opens_for_its_holder_and_passphrase_only(w):
    w.refuse("is the key of alice, and the token that of bob",
             *w.args("approve", "1.0.1", "bob"), *lms_args(w, "alice"))
    write(w.path("wrong"), "another passphrase\n", 0o600)
    w.refuse("wrong passphrase", *w.args("approve", "1.0.1", "alice"),
             "--lms-key", w.path("alice.lms"), "--passphrase-file",
             w.path("wrong"), code=3)
    seed = w.path("alice.lms", "seed")
    os.chmod(seed, 0o640)
    w.refuse("others may read it", *w.args("approve", "1.0.1", "alice"),
             *lms_args(w, "alice"), code=3)
    os.chmod(seed, 0o600)
    for at in (13, 30, 45, 80):  # salt, nonce, seed, tag
        back = spoiled(seed, at)
        w.refuse("was changed", *w.args("approve", "1.0.1", "alice"),
                 *lms_args(w, "alice"), code=3)
        back()
    w.refuse("no such file", *w.args("approve", "1.0.1", "alice"),
             *lms_args(w, "alice", w.path("nowhere")), code=4)


@test
def a_tree_or_public_part_that_was_changed_is_refused(w):
    for name, at, word in (("tree", 64 * 32 - 5, "not the tree"),
                           ("tree", 33 * 32, "not the tree")):
        back = spoiled(w.path("alice.lms", name), at)
        w.refuse(word, *w.args("approve", "1.0.1", "alice"),
                 *lms_args(w, "alice"))
        back()
    public = w.path("alice.lms", "public.json")
    old = read(public)
    write(public, read(w.path("bob.lms", "public.json")))
    w.refuse("state of another key", *w.args("approve", "1.0.1", "bob"),
             *lms_args(w, "alice"))
    write(public, old)
    assert state(w, w.path("alice.lms"))["next"] == 3, "no leaf was lost"


@test
def one_copy_of_the_state_may_be_lost_and_both_may_not(w):
    path = w.path("alice.lms", "leaves")
    old = read(path)
    for at in (0, 17, 4096, 4096 + 500):
        with open(path, "r+b") as f:  # in place: it stays the same file
            f.seek(at)
            f.write(bytes([old[at] ^ 1]))
        assert state(w, w.path("alice.lms"))["next"] == 3, at
        with open(path, "r+b") as f:
            f.write(old)
    with open(path, "r+b") as f:
        f.write(bytes(5000))
    w.refuse("neither copy is whole", "lms", "show", "--lms-key",
             w.path("alice.lms"))
    with open(path, "r+b") as f:
        f.write(old)
        f.truncate(len(old))


@test
def a_copied_folder_signs_nothing(w):
    copy = w.path("copy.lms")
    subprocess.run(["cp", "-a", w.path("alice.lms"), copy], check=True)
    w.refuse("copied here or restored", *w.args("approve", "1.0.1", "alice"),
             *lms_args(w, "alice", copy))
    # moved away and put back, as a backup is
    os.rename(w.path("alice.lms"), w.path("aside.lms"))
    os.rename(copy, w.path("alice.lms"))
    w.refuse("copied here or restored", *w.args("approve", "1.0.1", "alice"),
             *lms_args(w, "alice"))
    shutil.rmtree(w.path("alice.lms"))
    os.rename(w.path("aside.lms"), w.path("alice.lms"))  # the file itself
    assert state(w, w.path("alice.lms"))["next"] == 3


def spoiled(path, at, flip=1):
    """changed(), for a file that is its owner's alone."""
    back = changed(path, at, flip)
    os.chmod(path, 0o600)

    def undo():
        back()
        os.chmod(path, 0o600)
    return undo


def put_back(w, old):
    """The state as it was, into the same file."""
    with open(w.path("alice.lms", "leaves"), "r+b") as f:
        f.write(old)


@test
def a_state_older_than_the_room_is_found_out(w):
    path = w.path("alice.lms", "leaves")
    old = read(path)
    approve(w, "1.0.1", "alice", *lms_args(w, "alice"))
    new = read(path)
    put_back(w, old)
    w.propose("1.0.2", 12, "1.0.2")
    said = w.refuse("older than the room", *w.args("approve", "1.0.2",
                                                   "alice"),
                    *lms_args(w, "alice"))
    assert "leaf 3" in said or "leaf 4" in said, said
    assert "(replay)" in said
    assert not leaves(w).keys() & {("", 5)}
    put_back(w, new)
    approve(w, "1.0.2", "alice", *lms_args(w, "alice"))
    no_leaf_twice(w)


@test
def garbage_in_a_proposal_neither_stops_a_key_nor_accuses_it(w):
    path = w.proposal("1.0.2", "gateway.seal")
    key = state(w, w.path("alice.lms"))["boot"]
    at = read(path).find(bytes.fromhex(key)) + 36
    back = changed(path, at + 3, 8)  # another leaf: it verifies no more
    w.propose("1.0.3", 13, "1.0.3")
    approve(w, "1.0.3", "alice", *lms_args(w, "alice"))
    assert "all good" in w.run("verify", "--room", w.room)[0]
    back()


@test
def a_leaf_that_signed_two_things_stops_the_room(w):
    path = w.path("alice.lms", "leaves")
    old = read(path)
    kept = w.path("kept-room")
    w.propose("2.0.0", 20, "2.0.0")
    w.propose("2.0.1", 21, "2.0.1")
    shutil.copytree(w.room, kept)
    approve(w, "2.0.0", "alice", *lms_args(w, "alice"))
    stolen = w.path("stolen")
    os.rename(w.proposal("2.0.0"), stolen)
    put_back(w, old)  # a room that has never seen it cannot tell
    approve(w, "2.0.1", "alice", *lms_args(w, "alice"))
    approve(w, "2.0.1", "bob")
    approve(w, "2.0.1", "alice")
    os.rename(stolen, w.proposal("2.0.0"))
    for args in (w.args("publish", "2.0.1"), ["verify", "--room", w.room]):
        said = w.refuse("has signed two things", *args)
        assert "withdraw the key" in said and "(conflict)" in said
    shutil.rmtree(w.room)
    os.rename(kept, w.room)


@test
def leaves_that_are_reserved_sign_elsewhere_and_nowhere_twice(w):
    before = state(w, w.path("alice.lms"))
    w.run("lms", "reserve", "--lms-key", w.path("alice.lms"), "--leaves", 4,
          "--out", w.path("second.lms"))
    second, here = state(w, w.path("second.lms")), state(w, w.path(
        "alice.lms"))
    assert second["first"] == second["next"] == before["next"]
    assert second["end"] == here["next"] == before["next"] + 4
    assert here["left"] == before["left"] - 4
    w.propose("2.0.2", 22, "2.0.2")
    w.propose("2.0.3", 23, "2.0.3")
    approve(w, "2.0.2", "alice", *lms_args(w, "alice"))
    approve(w, "2.0.3", "alice", *lms_args(w, "alice",
                                           w.path("second.lms")))
    approve(w, "2.0.2", "bob")
    no_leaf_twice(w)
    w.refuse("leaves left, and 33 are needed", "lms", "reserve", "--lms-key",
             w.path("alice.lms"), "--leaves", 33, "--out", w.path("x.lms"))
    assert not os.path.exists(w.path("x.lms.new"))
    w.refuse("there is something already", "lms", "reserve", "--lms-key",
             w.path("alice.lms"), "--leaves", 1, "--out",
             w.path("second.lms"))


@test
def a_key_that_ends_warns_first_and_then_says_so(w):
    rest = w.path("rest.lms")
    w.run("lms", "reserve", "--lms-key", w.path("alice.lms"), "--leaves",
          state(w, w.path("alice.lms"))["left"] - 2, "--out", rest)
    w.propose("2.0.4", 24, "2.0.4")
    _, err = approve(w, "2.0.4", "alice", *lms_args(w, "alice"))
    assert "0 signatures are left of LMS key lms of alice" in err
    w.propose("2.0.5", 25, "2.0.5")
    _, err = approve(w, "2.0.5", "alice", *lms_args(w, "alice"), expect=1)
    assert "is used up" in err and "another LMS key" in err, err
    # one leaf for two seals: none is begun
    one = w.path("one.lms")
    w.run("lms", "reserve", "--lms-key", rest, "--leaves", 1, "--out", one)
    before = read(w.proposal("2.0.5", "gateway.seal")).count(b"\0\0\0\5")
    _, err = approve(w, "2.0.5", "alice", *lms_args(w, "alice", one),
                     expect=1)
    assert "has 1 leaves left, and 2 are needed" in err, err
    assert state(w, one)["left"] == 1
    seal = read(w.proposal("2.0.5", "gateway.seal"))
    assert seal.count(b"\0\0\0\5") == before
    approve(w, "2.0.5", "bob", *lms_args(w, "bob"))
    out, _ = w.run(*w.args("show", "2.0.5"))
    assert "LMS 1 of 1" in out, out
    no_leaf_twice(w)


@test
def the_forecast_tells_of_keys_that_end(w):
    out, _ = w.run("forecast", "--room", w.room)
    told = {line.split("  ")[0]: line for line in out.splitlines()}
    assert told["LMS key lms of alice"].endswith("0 left  USED UP"), told
    assert told["LMS key lms of bob"].endswith("30 left  good"), told
    data = json.loads(w.run("forecast", "--room", w.room, "--json")[0])
    bob = [one for one in data if one["what"] == "LMS key lms of bob"]
    assert bob == [{"what": "LMS key lms of bob", "left": 30, "leaves": 32,
                    "state": "good"}], bob
    _, err = w.run("forecast", "--room", w.room, "--within", 1, expect=1)
    assert "an LMS key is nearly used up" in err, err


@test
def two_commands_with_one_key_do_not_run_at_once(w):
    with open(w.path("bob.lms", "leaves"), "r+b") as f:
        import fcntl
        fcntl.flock(f, fcntl.LOCK_EX)
        w.refuse("another command is at work", "lms", "show", "--lms-key",
                 w.path("bob.lms"))


@test
def a_ceremony_brings_lms_signatures_home(w):
    w.run("propose", "renew", "--room", w.room, "--name", "renew", "--role",
          "root")  # not what needs a key: the release below does
    w.propose("2.1.0", 30, "2.1.0")
    stick = w.path("stick")
    w.token("erin", "author")
    w.run("export", "--room", w.room, "--proposal", "2.1.0", "--out", stick,
          "--token", "erin", "--key", "author", "--pin-file", w.pin)
    for who in ("bob", "carol"):
        w.run("sign", "--ceremony", stick, "--token", who, "--pin-file",
              w.pin, "--yes", *(lms_args(w, "bob") if who == "bob" else []))
    w.run("merge", "--room", w.room, "--proposal", "2.1.0", "--ceremony",
          stick)
    out, _ = w.run(*w.args("show", "2.1.0"))
    assert "seals of release 2.1.0: 2 of 2 and LMS 1 of 1" in out, out
    out, _ = w.run("transcript", "show", "--room", w.room, "--proposal",
                   "2.1.0")
    assert "bob" in out
    no_leaf_twice(w)
    # a signature that no line of the transcript tells of is not taken
    w.propose("2.1.1", 31, "2.1.1")
    shutil.rmtree(stick)
    w.run("export", "--room", w.room, "--proposal", "2.1.1", "--out", stick,
          "--token", "erin", "--key", "author", "--pin-file", w.pin)
    w.run("sign", "--ceremony", stick, "--token", "bob", "--pin-file", w.pin,
          "--yes", *lms_args(w, "bob"))
    lines = os.path.join(stick, "proposals", "2.1.1", "transcript")
    told = read(lines).splitlines(keepends=True)
    key = state(w, w.path("bob.lms"))["boot"].encode()
    write(lines, b"".join(line for line in told if key not in line))
    w.refuse("tells of no signature of bob (lms)", "merge", "--room", w.room,
             "--proposal", "2.1.1", "--ceremony", stick)


class Cut:
    """A command under a kill at each of its changes of the disk.  What is on
    the disk before is kept beside by renaming: a copied key signs nothing.
    """

    def __init__(self, w, *args):
        self.w, self.args = w, [str(a) for a in args]

    def kill(self, nth):
        """The status with a kill at the nth change."""
        return subprocess.run([FAULTS, "kill", str(nth), SIGN, *self.args],
                              env=self.w.env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False,
                              timeout=120).returncode


@test
def generate_killed_anywhere_leaves_nothing_or_a_key(w):
    folder = w.path("cut.lms")
    args = ["lms", "generate", *lms_args(w, "x", folder), "--holder", "x",
            "--height", 5]
    nth = 0
    while True:
        nth += 1
        status = Cut(w, *args).kill(nth)
        if status == TOO_FEW:
            break
        assert status == KILLED, (nth, status)
        if not os.path.exists(folder):
            w.run(*args)
        assert state(w, folder)["left"] == 32, nth
        assert not os.path.exists(folder + ".new"), nth
        shutil.rmtree(folder)
    assert nth > 10, nth


@test
def reserve_killed_anywhere_has_no_leaf_in_two_folders(w):
    w.run("lms", "generate", *lms_args(w, "x", w.path("from.lms")),
          "--holder", "x", "--height", 10)
    nth, used = 0, set()
    while True:
        nth += 1
        to = w.path(f"to{nth}.lms")
        status = Cut(w, "lms", "reserve", "--lms-key", w.path("from.lms"),
                     "--leaves", 8, "--out", to).kill(nth)
        here = state(w, w.path("from.lms"))
        if os.path.exists(to):
            there = state(w, to)
            got = set(range(there["next"], there["end"]))
            assert not got & used, nth
            assert there["end"] <= here["next"], nth
            used |= got
        if status == TOO_FEW:
            break
        assert status == KILLED, (nth, status)
        # what is left half-made signs nothing that is free here
        half = to + ".new"
        if os.path.exists(os.path.join(half, "leaves")):
            os.rename(half, to)
            done = subprocess.run(
                [SIGN, "lms", "show", "--lms-key", to, "--json"],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            if done.returncode == 0:
                there = json.loads(done.stdout)
                assert there["end"] <= here["next"], nth
    assert nth > 10 and used, nth


@test
def approve_killed_anywhere_uses_no_leaf_twice(w):
    other = World.__new__(World)
    other.__dict__.update(w.__dict__)
    w.run("lms", "generate", *lms_args(w, "carol"), "--holder", "carol",
          "--height", 10)
    w.run("lms", "export", "--lms-key", w.path("carol.lms"), "--out",
          w.key("carol", "lms"))
    a, b, c = (f"keys/{p}-lms.pub.json" for p in ("alice", "bob", "carol"))
    other.room, other.out = w.path("cut-room"), w.path("cut-out")
    other.run("room", "init", "--dir", other.room, "--policy",
              with_lms(w, lms_keys=[a, b, c]))
    approve(other, "init", "alice")
    approve(other, "init", "carol", *lms_args(w, "carol"))
    other.run(*other.args("publish", "init"))
    seen, nth = {}, 0
    other.propose("c", 11, "c")
    fresh = w.path("fresh-proposal")
    shutil.copytree(other.proposal("c"), fresh)

    def collect():
        for at, over in leaves(other).items():
            assert len(over) == 1, at
            assert seen.setdefault(at, over) == over, (nth, at)
    while True:
        nth += 1
        shutil.rmtree(other.proposal("c"))
        shutil.copytree(fresh, other.proposal("c"))
        args = [*other.args("approve", "c", "carol"),
                *lms_args(w, "carol")]
        status = Cut(w, *args).kill(nth)
        collect()
        next_leaf = state(w, w.path("carol.lms"))["next"]
        assert all(leaf < next_leaf for _, leaf in seen), nth
        if status == TOO_FEW:
            break
        assert status == KILLED, (nth, status)
        done = subprocess.run([SIGN, *map(str, args)], env=w.env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)
        assert done.returncode == 0 or "a key counts once" in done.stderr
        collect()
        for part in ("gateway", "controller"):
            found = signatures(other.proposal("c", part + ".seal"))
            assert sorted(s for _, s, _ in found) == [1, 2], (nth, part)
    out, _ = other.run(*other.args("show", "c"))
    assert "1 of 2 and LMS 1 of 1" in out, out
    assert "DO NOT VERIFY" not in out
    assert nth > 10 and len(seen) > 20, (nth, len(seen))


@test
def a_full_disk_loses_no_key_and_no_leaf_twice(w):
    room = w.path("cut-room")
    other = World.__new__(World)
    other.__dict__.update(w.__dict__, room=room)
    other.propose("full", 900, "full")
    seen = dict(leaves(other))
    for nth in range(1, 40, 3):
        subprocess.run(
            [FAULTS, "full", str(nth), SIGN,
             *map(str, other.args("approve", "full", "carol")),
             *map(str, lms_args(w, "carol"))], env=w.env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        for at, over in leaves(other).items():
            assert seen.setdefault(at, over) == over, (nth, at)
        assert state(w, w.path("carol.lms"))["left"] > 0
    out, _ = other.run(*other.args("show", "full"))
    assert "DO NOT VERIFY" not in out


@test
def a_fleet_comes_to_lms_by_a_successor_of_its_keyring(w):
    other = World.__new__(World)
    other.__dict__.update(w.__dict__, room=w.path("plain"),
                          out=w.path("plain-out"))
    other.run("room", "init", "--dir", other.room, "--policy",
              w.policy(mode="demo"))
    other.publish("init", "alice", "bob")
    other.propose("1.0.0", 10, "1.0.0")
    other.approve_release("1.0.0")
    other.run(*other.args("publish", "1.0.0"))
    other.run("propose", "policy", "--room", other.room, "--name", "ring-2",
              "--policy", with_lms(w))
    other.run("propose", "release", "--room", other.room, "--name", "1.0.1",
              "--seq", 11, "--level", 1, "--keyring", "ring-2",
              "--component", f"gateway={w.path('image')}:1.0.1:gw-rev3:1",
              "--component",
              f"controller={w.path('small')}:1.0.1:mc-rev1,mc-rev2:1")
    approve(other, "1.0.1", "alice")
    approve(other, "1.0.1", "bob")
    other.refuse("LMS 0 of 1", *other.args("publish", "1.0.1"))
    approve(other, "1.0.1", "bob", *lms_args(w, "bob"))
    approve(other, "1.0.1", "alice")
    other.run(*other.args("publish", "1.0.1"))
    approve(other, "ring-2", "alice")
    out, _ = approve(other, "ring-2", "bob", *lms_args(w, "bob"))
    assert "bob (lms) signs boot keyring 2" in out
    other.run(*other.args("publish", "ring-2"))
    assert "all good" in other.run("verify", "--room", other.room)[0]
    ring = json.loads(other.run("inspect", "--json",
                                os.path.join(other.out, "keyring.2"))[0])
    assert ring["lms_threshold"] == 1
    no_leaf_twice(other)


if __name__ == "__main__":
    sys.exit(main())
