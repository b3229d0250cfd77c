# SPDX-License-Identifier: Apache-2.0
"""A charger's folder and a release that its boot keys have signed, made by
the real programs, and a server with chargers that wait for that release."""
import hashlib
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "tests", "scenarios", "story"))
sys.dont_write_bytecode = True
from fleet import Server  # noqa: E402
from room import Room  # noqa: E402
from world import World, write_text  # noqa: E402

HARDWARE = "gw-rev3"
TTL_S = 3600
SETTINGS = {"mode": "development", "poll_ms": 300, "poll_min_ms": 300,
            "report_ms": 1000, "jitter_percent": 0, "backoff_max_ms": 2000}


def noise(length):
    """An image that has nothing in common with the measured one."""
    block, out = b"bench", bytearray()
    while len(out) < length:
        block = hashlib.sha256(block).digest()
        out += block
    return bytes(out)


class Charger:
    """One charger with a small first image in slot A and an empty slot B."""

    def __init__(self, machine, number):
        self.world, self.room = machine.world, machine.room
        self.machine = machine
        self.id = f"CP-{number:04d}"
        self.folder = os.path.join(self.world.folder, self.id)
        self.log = os.path.join(self.world.logs, self.id + ".log")
        self.slot = os.path.join(self.folder, "slot-b", "gateway")
        self.tls = os.path.join(self.world.folder, "identity-" + self.id)

    def provision(self, seal, pack):
        published = os.path.join(self.world.folder, "published")
        port = self.machine.server.ports["device"]
        self.room.issue("device-ca", self.id, self.tls)
        settings = []
        for key, value in SETTINGS.items():
            settings += ["--set", f"{key}={value}"]
        self.world.run(
            "voltseal-agent", "provision", "--dir", self.folder,
            "--vehicle", self.id, *settings,
            "--component", f"gateway={HARDWARE}:{self.machine.slot_bytes}",
            "--seal", f"gateway={seal}", "--pack", f"gateway={pack}",
            "--keyring", os.path.join(published, "keyring"),
            "--director-root",
            os.path.join(published, "director-root", "1.root.json"),
            "--image-root",
            os.path.join(published, "image-root", "1.root.json"),
            "--server", f"https://localhost:{port}",
            "--ca", self.room.authority("server-ca"),
            "--cert", os.path.join(self.tls, "cert.pem"),
            "--key", os.path.join(self.tls, "key.pem"))

    def register(self):
        """Tells the server of it."""
        with open(os.path.join(self.tls, "cert.pem"), encoding="utf-8") as f:
            certificate = f.read()
        path = os.path.join(self.tls, "register.json")
        write_text(path, json.dumps({
            "id": self.id, "site": self.id, "feeder": "", "model": "dc150",
            "certificate": certificate,
            "ecus": [{"id": self.id + "-gateway", "component": "gateway",
                      "hardware": HARDWARE}]}))
        self.machine.server.cli("planner", "device", "register", path)

    def empty_slot(self):
        os.truncate(self.slot, 0)
        os.truncate(self.slot, self.machine.slot_bytes)


class Machine:
    """The world: a signing room with two releases, a server, chargers."""

    def __init__(self, programs, folder, image, level):
        self.world = World(programs, folder)
        self.room = Room(self.world)
        self.server = Server(self.world, self.room, TTL_S)
        size = os.path.getsize(image)
        self.slot_bytes = (size // 4096 * 129 // 128 + 64) * 4096
        first = os.path.join(self.world.folder, "first.img")
        with open(first, "wb") as out:
            out.write(noise(256 * 1024))
        self.room.make_tokens()
        self.room.make_authorities()
        self.server.make()
        self.room.open(os.path.join(self.server.data, "online"))
        self.server.people()
        self.first = self.release("1.0.0", 1, first, level)
        self.seal, self.pack = self.release("1.1.0", 2, image, level)
        self.published = os.path.join(self.world.folder, "published")

    def release(self, version, seq, image, level):
        """Sealed, approved by two, published: (seal, pack)."""
        self.room.propose(version, seq,
                          {"gateway": (image, version, HARDWARE, 1)},
                          level=level)
        published = self.room.approve_release(version)
        return self.room.artifacts(published, version)["gateway"]

    def charger(self, number):
        """One that no server knows."""
        one = Charger(self, number)
        one.provision(*self.first)
        return one

    def serve(self, count):
        """Starts the server; chargers that it tells to install 1.1.0."""
        self.server.start()
        self.server.cli("planner", "release", "upload", self.published)
        chargers = [self.charger(2 + n) for n in range(count)]
        for one in chargers:
            one.register()
        self.server.campaign("bench", "1.1.0", waves=[{"percent": 100}],
                             soak_s=1, fail_percent=100, fail_count=100,
                             timeout_s=3600)
        return chargers

    def install_command(self, charger):
        return [self.world.program("voltseal-agent"), "install", "--json",
                "--dir", charger.folder, "--seal", self.seal,
                "--pack", self.pack]

    def drop(self):
        """Ends the server."""
        self.world.stop_all()
