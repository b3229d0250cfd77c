# SPDX-License-Identifier: Apache-2.0
"""inspect on every kind of file and on garbage; verify on flipped bits.

Arguments: voltseal-sign, folder of the helpers.  S0.1 S3.16
"""
import json
import os
import random
import subprocess
import sys

from world import SIGN, changed, main, read, test, write


@test
def a_room_stands_with_one_release(w):
    w.open_room()
    w.images()
    w.propose("1.0.0", 10, "1.0.0")
    w.publish("1.0.0", "alice", "bob", "alice")


def kinds(w):
    """A file of each kind."""
    target = w.release("1.0.0")["gateway/gateway-1.0.0.seal"]
    artifacts = os.path.join(w.out, "artifacts")
    return {
        "seal": os.path.join(artifacts, target["hashes"]["sha256"]),
        "pack": os.path.join(artifacts, target["custom"]["pack"]["sha256"]),
        "keyring": os.path.join(w.out, "keyring"),
        "metadata": os.path.join(w.out, "metadata", "1.release.json"),
    }


@test
def inspect_tells_each_kind_of_file_in_words_and_in_json(w):
    want = {"seal": ("component", "gateway"), "pack": ("clusters", 8),
            "keyring": ("components", ["gateway", "controller"]),
            "metadata": ("signed", None)}
    for kind, path in kinds(w).items():
        fields = json.loads(w.run("inspect", "--json", path)[0])
        name, value = want[kind]
        assert fields["kind"] == kind
        assert value in (None, fields[name]), fields
        out, _ = w.run("inspect", path)
        assert kind in out and name in out
    for name in ("1.root.json", "1.targets.json"):
        w.run("inspect", os.path.join(w.out, "metadata", name))


@test
def inspect_of_garbage_is_one_clear_line(w):
    garbage = write(w.path("garbage"), b"")
    w.refuse("garbage", "inspect", garbage)
    for data in (b"\0" * 4096, b"{", b"{}", b"[" * 100000, b"\xff\xfe",
                 b'{"signatures":[],"signed":{},"signed":{}}',
                 b"VPACK001", b"VLTRING1" + b"\xff" * 500, b"\x1b[2J" * 99):
        write(garbage, data)
        line = w.refuse("garbage", "inspect", garbage)
        assert "\x1b" not in line
    w.refuse("nowhere", "inspect", w.path("nowhere"), code=4)
    w.refuse(w.folder, "inspect", w.folder)
    for kind, path in kinds(w).items():
        whole = read(path)
        for length in (1, 7, 8, 9, 63, 64, 100, 511, 512, len(whole) - 1):
            if kind == "pack" and length >= 64:
                continue  # inspect looks at a pack's head alone
            write(garbage, whole[:length])
            w.refuse("garbage", "inspect", garbage)


@test
def inspect_of_flipped_bits_never_falls_over(w):
    rand = random.Random(3)
    path = w.path("flipped")
    for kind, whole in kinds(w).items():
        old = read(whole)[:100000]
        for _ in range(40):
            new = bytearray(old)
            new[rand.randrange(min(len(old), 700))] ^= 1 << rand.randrange(8)
            write(path, bytes(new))
            done = subprocess.run([SIGN, "inspect", path], check=False,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
            assert done.returncode in (0, 1), (kind, done)


def flips(path, count):
    """Positions and bits to flip: the ends, and some between."""
    size = os.path.getsize(path)
    rand = random.Random(size)
    yield 0, 1
    yield size - 1, 0x80
    for _ in range(count):
        yield rand.randrange(size), 1 << rand.randrange(8)


@test
def verify_finds_one_flipped_bit_in_any_file_in_force(w):
    assert "all good" in w.run("verify", "--room", w.room)[0]
    tried = 0
    for at, _, names in os.walk(os.path.join(w.room, "in-force")):
        for name in names:
            path = os.path.join(at, name)
            for where, bit in flips(path, 6):
                undo = changed(path, where, bit)
                out, err = w.run("verify", "--room", w.room, expect=1)
                assert "all good" not in out
                assert len(err.strip().splitlines()) == 1, err
                undo()
                tried += 1
    assert tried == 9 * 8, tried
    assert "all good" in w.run("verify", "--room", w.room)[0]


@test
def verify_finds_a_file_in_force_that_is_gone(w):
    for at, _, names in os.walk(os.path.join(w.room, "in-force")):
        for name in names:
            path = os.path.join(at, name)
            old = read(path)
            os.unlink(path)
            done = subprocess.run([SIGN, "verify", "--room", w.room],
                                  check=False, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
            gone = name != "1.release.json"  # before the first release
            assert (done.returncode != 0) == gone, (name, done)
            write(path, old)


@test
def verify_finds_one_flipped_bit_in_a_seal_or_its_keyring(w):
    files = kinds(w)
    args = ["verify", "--seal", files["seal"], "--keyring", files["keyring"]]
    assert "good" in w.run(*args)[0]
    for path in (files["seal"], files["keyring"]):
        for where, bit in flips(path, 30):
            undo = changed(path, where, bit)
            w.refuse(os.path.basename(path), *args)
            undo()


@test
def nothing_in_a_proposals_folder_may_be_garbage(w):
    w.propose("1.1.0", 11, "1.1.0")
    folder = w.proposal("1.1.0")
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        old = read(path)
        for data in (b"", b"\0" * 600, b"{}", old[:-9], old[:40]):
            write(path, data)
            for who in ("alice", "bob"):
                out, err = w.run(*w.args("approve", "1.1.0", who), expect=1)
                assert len(err.strip().splitlines()) == 1, (name, err)
            write(path, old)
        os.unlink(path)
        w.run(*w.args("approve", "1.1.0", "alice"),
              expect=4)
        write(path, old)
    w.publish("1.1.0", "alice", "bob", "alice")


if __name__ == "__main__":
    sys.exit(main())
