# SPDX-License-Identifier: Apache-2.0
"""Tokens, pins, images and a signing room in a folder of their own, and the
running of tests over it.  TAP on standard output.
"""
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile

SIGN = os.path.abspath(sys.argv[1])
NOSOCKET, FAULTS, ROGUE, LIAR, BROKEN, PROBE = (
    os.path.join(os.path.abspath(sys.argv[2]), name)
    for name in ("nosocket", "faults", "rogue", "liar.so", "broken.so",
                 "probe.so"))
PIN, SO_PIN = "246813", "97531864"
PEOPLE = ("alice", "bob", "carol")
TESTS = []


def test(function):
    """A test's name is a sentence."""
    TESTS.append(function)
    return function


def write(path, data, mode=0o644):
    """Writes text or bytes to a file of this mode."""
    with open(path, "wb") as f:
        f.write(data.encode() if isinstance(data, str) else data)
    os.chmod(path, mode)
    return path


def read(path):
    """The bytes of a file."""
    with open(path, "rb") as f:
        return f.read()


def sha256(path):
    """SHA-256 of a file in hex."""
    return hashlib.sha256(read(path)).hexdigest()


class World:
    """Tokens, pins, images and a room in a folder of their own."""

    def __init__(self, folder):
        self.folder = folder
        self.env = dict(os.environ, SOFTHSM2_CONF=self.path("softhsm2.conf"))
        os.mkdir(self.path("tokens"))
        os.mkdir(self.path("keys"))
        write(self.path("softhsm2.conf"),
              f"directories.tokendir = {self.path('tokens')}\n"
              "objectstore.backend = file\nlog.level = ERROR\n")
        self.pin = write(self.path("pin"), PIN + "\n", 0o600)
        self.so_pin = write(self.path("so-pin"), SO_PIN + "\n", 0o600)
        self.room = self.path("room")
        self.out = self.path("out")

    def path(self, *parts):
        """A path inside the world."""
        return os.path.join(self.folder, *parts)

    def run(self, *args, expect=0, guard=True, stdin=None):
        """Runs voltseal-sign; gives (stdout, stderr)."""
        command = ([NOSOCKET] if guard else []) + [SIGN, *map(str, args)]
        done = subprocess.run(command, env=self.env, input=stdin, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False, timeout=120)
        assert done.returncode == expect, (
            f"{' '.join(map(str, args))}: exit {done.returncode}, not "
            f"{expect}\n{done.stdout}{done.stderr}")
        return done.stdout, done.stderr

    def refuse(self, word, *args, code=1, guard=True):
        """A refusal is one line on standard error that holds the word."""
        out, err = self.run(*args, expect=code, guard=guard)
        lines = err.strip().splitlines()
        assert len(lines) == 1, f"not one line: {err}"
        assert word in lines[0], f"no {word!r} in: {err}"
        assert PIN not in out + err
        return lines[0]

    def token(self, name, *keys):
        """A person with a token."""
        self.run("token", "init", "--label", name, "--pin-file", self.pin,
                 "--so-pin-file", self.so_pin)
        for key in keys:
            self.run("key", "generate", "--token", name, "--key", key,
                     "--pin-file", self.pin)
            self.run("key", "export", "--token", name, "--key", key,
                     "--pin-file", self.pin, "--out", self.key(name, key))

    def key(self, name, key):
        """The file with the public part."""
        return self.path("keys", f"{name}-{key}.pub.json")

    def policy(self, **changes):
        """The policy of the tests; keys by name, relative to its file."""
        def keys(kind):
            return [f"keys/{p}-{kind}.pub.json" for p in PEOPLE]
        online = {"keys": ["keys/online.pem"], "threshold": 1}
        people = {"threshold": 2, "expires_days": 365}
        whole = {
            "root": {"keys": keys("root"), **people},
            "targets": {"keys": keys("root"), **people},
            "release": {"keys": keys("release"), **people,
                        "paths": ["gateway/*", "controller/*"]},
            "snapshot": online, "timestamp": online,
            "director": {"online": online},
            "keyring": {"keys": keys("boot"), "threshold": 2,
                        "components": ["gateway", "controller"]},
        }
        whole.update(changes)
        return write(self.path("policy.json"), json.dumps(whole))

    def args(self, verb, proposal, who=None):
        """Arguments of approve, publish and show."""
        args = [verb, "--room", self.room, "--proposal", proposal]
        if who:
            args += ["--token", who, "--pin-file", self.pin, "--yes"]
        if verb == "publish":
            args += ["--out", self.out]
        return args

    def propose(self, name, seq, version, security=1, image="image",
                expect=0):
        """Proposes a release of both components."""
        return self.run(
            "propose", "release", "--room", self.room, "--name", name,
            "--seq", seq, "--level", 1, "--update-type", "security",
            "--component", f"gateway={self.path(image)}:{version}:gw-rev3:"
            f"{security}",
            "--component", f"controller={self.path('small')}:{version}:"
            f"mc-rev1,mc-rev2:{security}", expect=expect)

    def approve_release(self, name):
        """Seals by two, then metadata by two."""
        for who in ("alice", "bob", "alice"):
            self.run(*self.args("approve", name, who))

    def open_room(self, **changes):
        """Makes the tokens, the room and its first metadata."""
        for person in PEOPLE:
            self.token(person, "root", "release", "boot")
        self.online_key()
        self.run("room", "init", "--dir", self.room, "--policy",
                 self.policy(**changes))
        self.publish("init", "alice", "bob")

    def online_key(self):
        """The server's key, whose public part the roots name."""
        subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519", "-out",
                        self.path("online.key")], check=True)
        subprocess.run(["openssl", "pkey", "-in", self.path("online.key"),
                        "-pubout", "-out", self.path("keys", "online.pem")],
                       check=True)

    def publish(self, name, *people):
        """These approve one after the other; then it comes into force."""
        for who in people:
            self.run(*self.args("approve", name, who))
        self.run(*self.args("publish", name))

    def images(self):
        """The two images that propose() takes."""
        random.seed(7)
        write(self.path("image"),
              random.randbytes(3_000_001) + bytes(900_000))
        write(self.path("small"), random.randbytes(3_000))

    def proposal(self, name, *parts):
        """A path in a proposal's folder."""
        return os.path.join(self.room, "proposals", name, *parts)

    def release(self, name):
        """The release metadata in force as published."""
        versions = [f for f in os.listdir(os.path.join(self.out, "metadata"))
                    if f.endswith(".release.json")]
        newest = max(versions, key=lambda f: int(f.split(".")[0]))
        whole = json.loads(read(os.path.join(self.out, "metadata", newest)))
        return {path: target
                for path, target in whole["signed"]["targets"].items()
                if target["custom"]["release"] == name}


def changed(path, at, flip=1):
    """Flips a bit; gives a function that puts the file back."""
    old = read(path)
    new = bytearray(old)
    new[at] ^= flip
    write(path, bytes(new))
    return lambda: write(path, old)


def tree(folder):
    """Every file below a folder with its bytes, for comparing."""
    return {os.path.relpath(os.path.join(at, name), folder):
            read(os.path.join(at, name))
            for at, _, names in os.walk(folder) for name in names}


def main():
    """Runs the tests in order: each builds on the room as it is then."""
    failed = 0
    print(f"1..{len(TESTS)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="vs-sign-") as folder:
        world = World(folder)
        for number, function in enumerate(TESTS, 1):
            name = function.__name__.replace("_", " ")
            try:
                skip = function(world)
                print(f"ok {number} - {name}" +
                      (f" # {skip}" if skip else ""), flush=True)
            except Exception as error:  # a broken test must not hide others
                failed += 1
                print(f"not ok {number} - {name}", flush=True)
                for line in f"{type(error).__name__}: {error}".splitlines():
                    print("# " + line, flush=True)
    return 1 if failed else 0
