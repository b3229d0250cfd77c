#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One's own tokens, by the operators' command line: made, used, listed, taken
back.

Arguments: voltseal-server, voltseal."""
import json
import os
import subprocess
import sys

import harness
from harness import World


class Shell:
    """voltseal, as somebody with a token file."""

    def __init__(self, world, program):
        self.world = world
        self.program = program

    def run(self, token_file, *args):
        """Runs it to its end."""
        return subprocess.run(
            [self.program, *args, "--server",
             f"https://127.0.0.1:{self.world.ports[1]}", "--ca",
             self.world.server_ca.certificate, "--token-file", token_file],
            capture_output=True, text=True, timeout=60, check=False)


def token_file(world, name):
    """A person's first token, in a file."""
    path = world.path(name + ".token")
    with open(path, "w", encoding="utf-8") as f:
        f.write(world.people[name].token + "\n")
    os.chmod(path, 0o600)
    return path


def pipeline(tap, world, shell):
    """A token for a pipeline: fewer roles, a file of its own, an end"""
    # S2.16
    both = token_file(world, "both")
    out = world.path("pipeline.token")
    done = shell.run(both, "token", "add", "pipeline", "--role", "operator",
                     "--days", "30", "--out", out, "--json")
    made = json.loads(done.stdout or "{}")
    tap.check(done.returncode == 0 and "token" not in made and "id" in made,
              "it is made, and not printed", done)
    tap.equal(os.stat(out).st_mode & 0o777, 0o600,
              "its file is for its owner alone")
    who = json.loads(shell.run(out, "whoami", "--json").stdout)
    tap.equal((who["name"], who["roles"]), ("both", ["operator"]),
              "it is its owner, with that role")
    done = shell.run(both, "token", "list", "--json")
    listed = [t for t in json.loads(done.stdout) if t["label"] == "pipeline"]
    tap.equal([t["id"] for t in listed], [made["id"]], "it is listed")
    with open(out, encoding="utf-8") as f:
        tap.check(f.read().strip() not in done.stdout,
                  "without what it is")
    text = shell.run(both, "token", "list")
    tap.check("pipeline" in text.stdout and "operator" in text.stdout,
              "also as a table", text)
    done = shell.run(both, "token", "remove", made["id"])
    tap.equal(done.returncode, 0, "it is taken back")
    tap.equal(shell.run(out, "whoami").returncode, 1, "and void at once")


def refused(tap, world, shell):
    """What a token cannot be"""
    # S2.16
    otto = token_file(world, "otto")
    for what, args, code in (
            ("a role that one has not", ["x", "--role", "admin"], 1),
            ("no such role", ["x", "--role", "king"], 1),
            ("too long a life", ["x", "--days", "367"], 2),
            ("no life", ["x", "--days", "0"], 2),
            ("no label", [], 2)):
        done = shell.run(otto, "token", "add", *args)
        tap.check(done.returncode == code and
                  len(done.stderr.strip().splitlines()) == 1,
                  f"{what} is refused", done)
    tap.equal(shell.run(otto, "token", "remove", "nobody").returncode, 1,
              "what is not there cannot be taken back")
    nowhere = world.path("no", "such", "folder")
    done = shell.run(otto, "token", "add", "late", "--out", nowhere, "--json")
    tap.check(done.returncode == 1 and json.loads(done.stdout)["token"],
              "where the file cannot be written, the token is not lost", done)


def all_of_it(tap, program, voltseal, folder):
    """Everything on one server."""
    world = World(program, folder)
    try:
        world.add_people()
        world.start()
        shell = Shell(world, voltseal)
        tap.section(pipeline, world, shell)
        tap.section(refused, world, shell)
        tap.equal(world.stop(), 0, "it ends as asked")
        tap.section(harness.quiet, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(all_of_it))
