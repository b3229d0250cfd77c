# SPDX-License-Identifier: Apache-2.0
"""A charger's folder and a release that its boot keys have signed, made by
the real programs, so that bench/run can time voltseal-agent install."""
import hashlib
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "tests", "scenarios", "story"))
sys.dont_write_bytecode = True
from room import Room  # noqa: E402
from world import StoryError, World, read_json  # noqa: E402

HARDWARE = "gw-rev3"
POLL_S = 0.005


def noise(length):
    """An image that has nothing in common with the measured one."""
    block, out = b"bench", bytearray()
    while len(out) < length:
        block = hashlib.sha256(block).digest()
        out += block
    return bytes(out)


class Machine:
    """One charger with a small first image in slot A and an empty slot B."""

    def __init__(self, programs, folder, image, level):
        self.world = World(programs, folder)
        self.room = Room(self.world)
        self.folder = os.path.join(self.world.folder, "charger")
        self.slot = os.path.join(self.folder, "slot-b", "gateway")
        size = os.path.getsize(image)
        self.slot_bytes = (size // 4096 * 129 // 128 + 64) * 4096
        first = os.path.join(self.world.folder, "first.img")
        with open(first, "wb") as out:
            out.write(noise(256 * 1024))
        self.room.make_tokens()
        self.room.make_authorities()
        self.room.open(self.make_online_keys())
        start = self.release("1.0.0", 1, first, level)
        self.seal, self.pack = self.release("1.1.0", 2, image, level)
        self.provision(*start)

    def make_online_keys(self):
        """Public keys of a server that will not be asked anything."""
        folder = os.path.join(self.world.folder, "online")
        os.makedirs(folder)
        for role in ("director", "snapshot", "timestamp"):
            private = os.path.join(folder, role + ".pem")
            for argv in (
                    ["genpkey", "-algorithm", "ed25519", "-out", private],
                    ["pkey", "-in", private, "-pubout", "-out",
                     os.path.join(folder, role + ".pub.json")]):
                subprocess.run(["openssl"] + argv, check=True)
        return folder

    def release(self, version, seq, image, level):
        """Sealed, approved by two, published: (seal, pack)."""
        self.room.propose(version, seq,
                          {"gateway": (image, version, HARDWARE, 1)},
                          level=level)
        published = self.room.approve_release(version)
        metadata = os.path.join(published, "metadata")
        names = [n for n in os.listdir(metadata)
                 if n.endswith(".release.json")]
        newest = max(names, key=lambda n: int(n.split(".")[0]))
        targets = read_json(os.path.join(metadata, newest))
        for target in targets["signed"]["targets"].values():
            if target["custom"]["release"] == version:
                return tuple(
                    os.path.join(published, "artifacts", digest) for digest in
                    (target["hashes"]["sha256"],
                     target["custom"]["pack"]["sha256"]))
        raise StoryError(f"no release {version} in its own metadata")

    def provision(self, seal, pack):
        published = os.path.join(self.world.folder, "published")
        tls = os.path.join(self.world.folder, "identity")
        self.room.issue("device-ca", "CP-0001", tls)
        self.world.run(
            "voltseal-agent", "provision", "--dir", self.folder,
            "--vehicle", "CP-0001",
            "--component", f"gateway={HARDWARE}:{self.slot_bytes}",
            "--seal", f"gateway={seal}", "--pack", f"gateway={pack}",
            "--keyring", os.path.join(published, "keyring"),
            "--director-root",
            os.path.join(published, "director-root", "1.root.json"),
            "--image-root",
            os.path.join(published, "image-root", "1.root.json"),
            "--server", "https://localhost:1",
            "--ca", self.room.authority("server-ca"),
            "--cert", os.path.join(tls, "cert.pem"),
            "--key", os.path.join(tls, "key.pem"),
            "--set", "mode=development")

    def empty_slot(self):
        os.truncate(self.slot, 0)
        os.truncate(self.slot, self.slot_bytes)

    def install(self, workers=None):
        """{seconds: of the whole process, peak_kb: VmHWM, fetched}"""
        argv = [self.world.program("voltseal-agent"), "install", "--json",
                "--dir", self.folder, "--seal", self.seal,
                "--pack", self.pack]
        if workers:
            argv += ["--workers", str(workers)]
        start = time.monotonic()
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True,
                              env=self.world.env) as agent:
            peak = self.watch(agent.pid)
            said = agent.stdout.read()
        took = time.monotonic() - start
        if agent.returncode:
            raise StoryError("voltseal-agent install failed")
        figures = json.loads(said)
        return {"seconds": took, "peak_kb": peak,
                "fetched": figures["bytes_fetched"]}

    @staticmethod
    def watch(pid):
        """The highest VmHWM until the process has ended.  It never falls,
        and the kernel's own figure for a child would count our Python."""
        peak = 0
        while True:
            try:
                with open(f"/proc/{pid}/status", encoding="ascii") as status:
                    lines = [line for line in status
                             if line.startswith("VmHWM:")]
            except OSError:
                return peak
            if not lines:  # a zombie has no memory
                return peak
            peak = max(peak, int(lines[0].split()[1]))
            time.sleep(POLL_S)
