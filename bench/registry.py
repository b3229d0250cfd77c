# SPDX-License-Identifier: Apache-2.0
"""A fleet as it stands in the database: how long the real server takes to
start with it, what memory it then has, and how soon it says who runs a seal.

Also by itself: python3 bench/registry.py [--programs DIR] [--chargers N]."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "tests", "server"))
sys.dont_write_bytecode = True
from harness import World  # noqa: E402

MANY = 1000000
ASKED = 100000
ROUNDS = 5
SLOW_S = 600


class Registry:
    """A server in a folder of its own with so many registered chargers."""

    def __init__(self, programs, folder, chargers):
        self.programs = programs
        self.chargers = chargers
        os.makedirs(folder)
        self.world = World(self.program("server", "voltseal-server"), folder)
        self.world.add_people()
        said = subprocess.run(
            [self.program("bench", "bench-registry"),
             self.world.path("data", "voltseal.db"), str(chargers)],
            capture_output=True, text=True, check=True)
        self.seals = json.loads(said.stdout)

    def program(self, *path):
        """A program of the build."""
        return os.path.abspath(os.path.join(self.programs, *path))

    def status(self, field):
        """A size in /proc/PID/status, in bytes."""
        with open(f"/proc/{self.world.process.pid}/status",
                  encoding="ascii") as f:
            return next(int(line.split()[1]) * 1024 for line in f
                        if line.startswith(field + ":"))

    def busy_s(self):
        """Processor seconds of the server."""
        with open(f"/proc/{self.world.process.pid}/stat",
                  encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def start(self):
        """Starts it: seconds until both listeners answer, processor seconds,
        resident and highest resident memory in bytes."""
        begin = time.monotonic()
        self.world.start(SLOW_S)
        took = time.monotonic() - begin
        return {"seconds": took, "busy": self.busy_s(),
                "resident": self.status("VmRSS"),
                "highest": self.status("VmHWM")}

    def stop(self):
        """Ends it in good order."""
        self.world.stop()

    def who_runs(self):
        """voltseal fleet running SEAL: seconds, and how many it names."""
        world = self.world
        token = world.write(world.people["vera"].token.encode(), "token")
        os.chmod(token, 0o600)
        begin = time.monotonic()
        said = subprocess.run(
            [self.program("operate", "voltseal"), "fleet", "running",
             self.seals[0], "--json", "--server",
             f"https://127.0.0.1:{world.ports[1]}", "--ca",
             world.server_ca.certificate, "--token-file", token],
            capture_output=True, text=True, check=False, timeout=SLOW_S)
        took = time.monotonic() - begin
        if said.returncode:
            raise RuntimeError("voltseal fleet running: " + said.stderr)
        return took, len(json.loads(said.stdout))


def measure(programs, folder, chargers=MANY, asked=ASKED):
    """All of it: start with many, then the question at asked."""
    one = Registry(programs, os.path.join(folder, "many"), chargers)
    out = one.start()
    one.stop()
    again = one.start()  # and with what it wrote at the first
    one.stop()
    out["again"] = again["seconds"]
    few = Registry(programs, os.path.join(folder, "asked"), asked)
    few.start()
    answers = [few.who_runs() for _ in range(ROUNDS)]
    few.stop()
    named = {n for _, n in answers}
    if named != {asked // 2}:
        raise RuntimeError(f"half of {asked} run it, named were {named}")
    out["who_runs"] = statistics.median(took for took, _ in answers)
    return out


def main():
    """Prints it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--programs", default="build/release")
    parser.add_argument("--chargers", type=int, default=MANY)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(args.programs, folder, args.chargers),
                         indent=1))


if __name__ == "__main__":
    main()
