# SPDX-License-Identifier: Apache-2.0
"""Killed before any change it makes to the disk, or refused that change and
all after it for want of space, a command leaves the old or the new state, and
the same command again makes good.

Arguments: voltseal-sign, folder of the helpers.  S0.43 S3.35
"""
import json
import os
import shutil
import subprocess
import sys

from world import (FAULTS, SIGN, World, main, read, sha256, test, tree,
                   write)

KILLED, TOO_FEW, CANNOT = 137, 99, 125


class Cut:
    """A command, the state before it, and what it makes when left alone."""

    def __init__(self, w, *args):
        self.w, self.args = w, [str(a) for a in args]
        self.kept = w.path("kept")
        shutil.rmtree(self.kept, ignore_errors=True)
        self.copy(w.folder, self.kept)

    def copy(self, old, new):
        """Room, published files, CA and tokens from one place to another."""
        for name in ("room", "out", "ca", "cp", "sealed", "tokens", "stick"):
            if os.path.isdir(os.path.join(new, name)):
                shutil.rmtree(os.path.join(new, name))
            if os.path.isdir(os.path.join(old, name)):
                shutil.copytree(os.path.join(old, name),
                                os.path.join(new, name))

    def back(self):
        """The state before the command."""
        self.copy(self.kept, self.w.folder)

    def run(self, how, nth):
        """The command with a fault at its nth change."""
        self.back()
        return subprocess.run(
            [FAULTS, how, str(nth), SIGN, *self.args], env=self.w.env,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            check=False, timeout=120)

    def every(self, how):
        """Runs it with a fault at each of its changes (for want of space at
        each other one), until there is no fault any more; gives (nth, what
        it said)."""
        nth = 0
        while True:
            nth += 1 if how == "kill" else 2
            done = self.run(how, nth)
            assert done.returncode != CANNOT, "no seccomp notification here"
            if done.returncode == TOO_FEW:
                break
            if how == "kill":
                assert done.returncode == KILLED, (nth, done)
            else:
                lines = done.stderr.strip().splitlines()
                assert done.returncode == 1, (nth, done)
                assert len(lines) == 1, (nth, lines)
            yield nth, done.stderr
        assert nth > 5, nth  # it changes something at all


def no_leavings(w):
    """Nothing half-done lies about."""
    for folder in (w.room, w.out, w.path("cp"), w.path("sealed")):
        for at, folders, files in os.walk(folder):
            for name in folders + files:
                assert ".new" not in name and ".part" not in name, (at, name)


def published_is_whole(w):
    """Whatever metadata names is there."""
    folder = os.path.join(w.out, "metadata")
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        if not name.endswith(".release.json"):
            continue
        body = json.loads(read(os.path.join(folder, name)))["signed"]
        for target in body["targets"].values():
            for digest in (target["hashes"]["sha256"],
                           target["custom"]["pack"]["sha256"]):
                path = os.path.join(w.out, "artifacts", digest)
                assert sha256(path) == digest, name


@test
def a_room_stands_with_one_release(w):
    w.open_room()
    write(w.path("image"), bytes(range(256)) * 2500)
    write(w.path("small"), b"small" * 100)
    w.propose("1.0.0", 10, "1.0.0")
    w.publish("1.0.0", "alice", "bob", "alice")


def publish_cut(w, how):
    """publish under a fault."""
    cut = Cut(w, *w.args("publish", "1.1.0"))
    w.run(*cut.args)
    want = tree(w.room), tree(w.out)
    for nth, said in cut.every(how):
        out, _ = w.run("verify", "--room", w.room)
        assert "all good" in out, nth
        published_is_whole(w)
        if how == "full":
            assert "No space left" in said, (nth, said)
            no_leavings(w)
        w.run(*cut.args)
        assert (tree(w.room), tree(w.out)) == want, nth
    cut.back()


@test
def publish_killed_anywhere_leaves_the_old_or_the_new(w):
    w.propose("1.1.0", 11, "1.1.0")
    for who in ("alice", "bob", "alice"):
        w.run(*w.args("approve", "1.1.0", who))
    publish_cut(w, "kill")


@test
def publish_on_a_full_disk_says_so_and_leaves_nothing_half_done(w):
    publish_cut(w, "full")
    w.run(*w.args("publish", "1.1.0"))


def propose_cut(w, how):
    """propose release under a fault."""
    before = tree(w.room)
    args = ["propose", "release", "--room", w.room, "--name", "1.2.0",
            "--seq", 12, "--level", 1, "--component",
            f"gateway={w.path('image')}:1.2.0:gw-rev3:1"]
    cut = Cut(w, *args)
    for nth, said in cut.every(how):
        assert "all good" in w.run("verify", "--room", w.room)[0]
        whole = os.path.exists(w.proposal("1.2.0"))
        if how == "full":
            assert "No space left" in said, (nth, said)
            assert tree(w.room) == before, nth
            no_leavings(w)
        if whole:
            w.refuse("already", *args)
        else:
            w.run(*args)
        no_leavings(w)
        assert sorted(os.listdir(w.proposal("1.2.0"))) == [
            "gateway.pack", "gateway.seal", "proposal.json"], nth
        w.run(*w.args("show", "1.2.0"))
    cut.back()


@test
def propose_killed_anywhere_leaves_the_old_or_the_new(w):
    propose_cut(w, "kill")


@test
def propose_on_a_full_disk_says_so_and_leaves_nothing(w):
    propose_cut(w, "full")


def approve_cut(w, how, who):
    """approve under a fault; what counts is who has signed what."""
    cut = Cut(w, *w.args("approve", "1.3.0", who))
    w.run(*cut.args)
    want = w.run(*w.args("show", "1.3.0"))[0].split("signatures:")[1]
    for nth, _ in cut.every(how):
        w.run(*w.args("show", "1.3.0"))
        if how == "full":
            no_leavings(w)
        again = subprocess.run([SIGN, *cut.args], env=w.env, text=True,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, check=False)
        assert again.returncode == 0 or (
            "a key counts once" in again.stderr), (nth, again)
        out = w.run(*w.args("show", "1.3.0"))[0]
        assert out.split("signatures:")[1] == want, nth
        assert "DO NOT VERIFY" not in out
    cut.back()


@test
def approve_killed_anywhere_leaves_the_old_or_the_new(w):
    w.propose("1.3.0", 13, "1.3.0")
    approve_cut(w, "kill", "alice")
    w.run(*w.args("approve", "1.3.0", "alice"))
    approve_cut(w, "kill", "bob")  # seals, freeze, metadata


@test
def approve_on_a_full_disk_says_so_and_leaves_no_broken_signature(w):
    approve_cut(w, "full", "bob")


def stick(w, *more):
    """Arguments of export."""
    return ["export", "--room", w.room, "--proposal", "1.3.1", "--out",
            w.path("stick"), *more]


@test
def export_killed_anywhere_is_finished_by_the_same_command(w):
    w.propose("1.3.1", 14, "1.3.1")
    cut = Cut(w, *stick(w, "--token", "carol", "--key", "root", "--pin-file",
                        w.pin))
    w.run(*cut.args)
    want = sorted(tree(w.path("stick")))
    for nth, _ in cut.every("kill"):
        if not os.path.exists(w.path("stick", "policy.json")):
            w.run(*cut.args)
        assert sorted(tree(w.path("stick"))) == want, (
            nth, set(tree(w.path("stick"))) ^ set(want))
        text = read(w.path("stick", "proposals", "1.3.1", "transcript"))
        assert text.count(b"\n") == 1, nth
        shutil.rmtree(w.path("stick"))
    cut.back()
    w.run(*cut.args)


@test
def sign_and_merge_killed_anywhere_are_finished_by_the_same_command(w):
    for who in ("alice", "bob"):
        cut = Cut(w, "sign", "--ceremony", w.path("stick"), "--token", who,
                  "--pin-file", w.pin, "--yes")
        for nth, _ in cut.every("kill"):
            again = subprocess.run([SIGN, *cut.args], env=w.env, text=True,
                                   stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, check=False)
            assert again.returncode == 0 or (
                "a key counts once" in again.stderr), (nth, again)
            w.run("merge", "--room", w.room, "--proposal", "1.3.1",
                  "--ceremony", w.path("stick"))
        cut.back()
        w.run(*cut.args)
    cut = Cut(w, "merge", "--room", w.room, "--proposal", "1.3.1",
              "--ceremony", w.path("stick"))
    w.run(*cut.args)
    want = w.run(*w.args("show", "1.3.1"))[0].split("signatures:")[1]
    assert "2 of 2" in want
    for nth, _ in cut.every("kill"):
        w.run(*cut.args)
        out = w.run(*w.args("show", "1.3.1"))[0].split("signatures:")[1]
        assert out == want, nth
        out, _ = w.run("transcript", "show", "--room", w.room, "--proposal",
                       "1.3.1")
        assert out.count(" merged ") == 1, nth
    cut.back()


@test
def a_new_policy_killed_anywhere_is_finished_by_the_same_command(w):
    policy = json.loads(read(os.path.join(w.room, "policy.json")))
    for role in ("root", "targets", "release"):
        del policy[role]["keys"][2]
    write(w.path("two.json"), json.dumps(policy))
    w.run("propose", "policy", "--room", w.room, "--name", "two", "--policy",
          w.path("two.json"))
    for who in ("alice", "bob"):
        w.run(*w.args("approve", "two", who))
    cut = Cut(w, *w.args("publish", "two"))
    w.run(*cut.args)
    want = tree(w.room), tree(w.out)
    for nth, _ in cut.every("kill"):
        w.run(*cut.args)
        assert (tree(w.room), tree(w.out)) == want, nth
    cut.back()


@test
def room_init_killed_anywhere_is_finished_by_the_same_command(w):
    fresh = w.path("fresh")
    os.mkdir(fresh)
    w.env["HOME"] = fresh
    other = World.__new__(World)
    other.__dict__.update(w.__dict__, room=os.path.join(fresh, "room"))
    cut = Cut(w, "room", "init", "--dir", other.room, "--policy",
              w.policy())
    for nth, _ in cut.every("kill"):
        if not os.path.exists(os.path.join(other.room, "policy.json")):
            w.run(*cut.args)
        out, _ = other.run(*other.args("show", "init"))
        assert "boot keyring 1: 0 of 2" in out, nth
        assert not os.path.exists(other.proposal(".new-init"))
        shutil.rmtree(other.room)


@test
def seal_killed_anywhere_makes_the_same_again(w):
    os.mkdir(w.path("sealed"))
    seal, pack = w.path("sealed", "x.seal"), w.path("sealed", "x.pack")
    cut = Cut(w, "seal", "--image", w.path("image"), "--component",
              "gateway", "--hardware", "gw-rev3", "--version", "1",
              "--seq", 1, "--security-version", 1, "--level", 1, "--room",
              w.room, "--out", seal, "--pack", pack)
    w.run(*cut.args)
    want = read(seal), read(pack)
    for how in ("kill", "full"):
        for nth, said in cut.every(how):
            assert not os.path.exists(seal) or read(seal) == want[0], nth
            assert not os.path.exists(pack) or read(pack) == want[1], nth
            assert how == "kill" or "No space left" in said, (nth, said)
            w.run(*cut.args)
            assert (read(seal), read(pack)) == want, nth


@test
def a_certificate_killed_anywhere_is_issued_by_the_same_command(w):
    w.token("certificates")
    ca = ["--dir", w.path("ca"), "--token", "certificates", "--pin-file",
          w.pin]
    w.run("ca", "init", *ca, "--key", "ca")
    cut = Cut(w, "ca", "issue", *ca, "--subject", "CP-1", "--out",
              w.path("cp"))
    for nth, _ in cut.every("kill"):
        if not os.path.exists(w.path("cp", "cert.pem")):
            w.run(*cut.args)
        done = subprocess.run(
            ["openssl", "verify", "-CAfile", w.path("cp", "ca.pem"),
             w.path("cp", "cert.pem")], check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert done.returncode == 0, nth
        mode = os.stat(w.path("cp", "key.pem")).st_mode & 0o777
        assert mode == 0o600, nth


if __name__ == "__main__":
    sys.exit(main())
