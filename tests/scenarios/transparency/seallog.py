# SPDX-License-Identifier: Apache-2.0
"""The transparency log of a signing room, its witness and its monitor, by
the documented commands."""
import json
import os
import subprocess

from world import StoryError, write_text

ORIGIN = "log.example/seals"
WITNESS = "witness.example/w1"


class Witness:
    """A witness daemon on loopback; a new memory is another folder."""

    def __init__(self, world, policy):
        self.world = world
        self.policy = policy
        self.key = os.path.join(world.folder, "witness.key")
        self.vkey = world.run("voltseal", "witness", "init", "--key",
                              self.key, "--name", WITNESS).strip()
        self.process = self.url = None
        self.starts = 0

    def start(self, memory):
        """On a free port, with what it remembers in a folder."""
        self.starts += 1
        log = f"witness-{self.starts}"
        self.process = self.world.start(
            "voltseal", "witness", "serve", "--key", self.key, "--name",
            WITNESS, "--policy", self.policy, "--state",
            os.path.join(self.world.folder, memory), "--listen",
            "127.0.0.1:0", log=log)
        path = os.path.join(self.world.logs, log + ".log")

        def port():
            with open(path, encoding="utf-8") as f:
                words = f.readline().split()
            return words[-1] if words[:2] == ["listening", "on"] else None
        self.url = "http://127.0.0.1:" + self.world.wait_for(
            "the witness", port, 10, 0.05)

    def stop(self):
        """Ends it."""
        self.world.stop(self.process)


class Log:
    """The log of one room.  key: of the log, outside the room."""

    def __init__(self, world, room, key):
        self.world = world
        self.room = room
        self.key = key
        self.policy = os.path.join(world.folder, "tlog-policy")

    @property
    def folder(self):
        """What everybody may read."""
        return os.path.join(self.room, "log")

    def do(self, verb, *args, expect=0):
        """One of voltseal-sign's log commands."""
        return self.world.run("voltseal-sign", "log", verb, "--room",
                              self.room, *args, expect=expect)

    def make(self):
        """A log, its witness, and the policy that asks for both."""
        vkey = self.do("init", "--origin", ORIGIN, "--key", self.key).strip()
        logs = os.path.join(self.world.folder, "witness-policy")
        write_text(logs, f"log {vkey}\nquorum none\n")
        witness = Witness(self.world, logs)
        write_text(self.policy, f"log {vkey}\nwitness w1 {witness.vkey}\n"
                   "quorum w1\n")
        self.do("policy", self.policy)
        return witness

    def sign(self):
        """Signs the log as it stands."""
        return self.do("checkpoint", "--key", self.key)

    def ask(self, witness, since, expect=0):
        """Asks a witness who knows the log at that size."""
        request = os.path.join(self.world.folder, "witness-request")
        answer = os.path.join(self.world.folder, "witness-answer")
        self.do("request", "--from", since, "--out", request)
        said = self.world.run("voltseal", "witness", "ask", witness.url,
                              request, "--out", answer, expect=expect)
        if not expect and "published" not in self.do("cosign", answer):
            raise StoryError("one witness is enough, but nothing was "
                             "published")
        return said

    def prove_seal(self, seal, out):
        """A proof of one seal."""
        os.makedirs(os.path.dirname(out), exist_ok=True)
        self.do("prove", "--seal", seal, "--out", out)

    def watch(self, url, ca, *expected, expect=0):
        """What a monitor tells in one look."""
        lists = [w for path in expected for w in ("--expected", path)]
        done = subprocess.run(
            [self.world.program("voltseal"), "monitor", "--log", url, "--ca",
             ca, "--policy", self.policy, "--state",
             os.path.join(self.world.folder, "monitor"), "--once", "--json",
             *lists], env=self.world.env, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != expect:
            raise StoryError(f"monitor: exit {done.returncode}, expected "
                             f"{expect}\n{done.stdout}{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]
