# SPDX-License-Identifier: Apache-2.0
"""The signing room and the server of a fleet of gateways."""
import os

from fleet import Server
from room import Room


class GatewayRoom(Room):
    """Releases kernels, root file systems, recovery images, controllers."""
    components = ("kernel", "rootfs", "recovery", "controller")


class LocalServer(Server):
    """Which guests reach under another address."""
    names = "localhost,127.0.0.1,10.0.2.2"


class Company:
    """Both, and the releases that went through them."""

    def __init__(self, world, images, ttl):
        self.world = world
        self.images = images
        self.room = GatewayRoom(world)
        self.server = LocalServer(world, self.room, ttl)
        self.releases = {}

    def open(self):
        """Tokens, authorities, metadata; a server that runs."""
        self.room.make_tokens()
        self.room.make_authorities()
        self.server.make()
        self.room.open(os.path.join(self.server.data, "online"))
        self.server.people()
        self.server.start()

    def image(self, component, version):
        """The file of one image."""
        return os.path.join(self.images, f"{component}-{version}.img")

    def release(self, name, seq, parts):
        """parts: {component: (version of its image, hardware, security
        version)}.  Two people approve it; the server gets it."""
        self.room.propose(name, seq, {
            c: (self.image(c, version), name, hardware, floor)
            for c, (version, hardware, floor) in parts.items()}, level=3)
        published = self.room.approve_release(name)
        self.releases[name] = self.room.artifacts(published, name)
        self.server.cli("planner", "release", "upload", published)

    def keyring(self):
        """As the room published it."""
        return os.path.join(self.world.folder, "published", "keyring")

    def campaign(self, name):
        """Offers a release to every charger."""
        return self.server.campaign(
            name, name, waves=[{"percent": 100}], soak_s=1, fail_percent=100,
            fail_count=9, timeout_s=600)

    def device(self):
        """The one charger as the server sees it."""
        device, = self.server.get("devices")
        return device

    def reports(self, version, seconds):
        """Waits for a signed report of that version, healthy."""
        def told():
            device = self.device()
            return device["healthy"] and all(
                device["components"].get(c, {}).get("version") == version
                for c in ("kernel", "rootfs"))
        self.world.wait_for(f"a signed report of {version}", told, seconds,
                            every=0.5)
