# SPDX-License-Identifier: Apache-2.0
"""A signing room whose gateway and controller are released by other people:
the gateway's by one, the controller's, which is of class safety, by two."""
import json
import os

from room import Room
from world import write_text

PEOPLE = {
    "holder-1": ("root", "boot", "safety"),
    "holder-2": ("root", "boot", "safety"),
    "holder-3": ("root", "boot", "gateway"),
}
CLASSES = {"safety": ("controller", 2), "gateway": ("gateway", 1)}


class ClassRoom(Room):
    """In the folder WORLD/room; nobody has keys of both classes."""

    def make_tokens(self):
        """Each person's own keys."""
        for holder, kinds in PEOPLE.items():
            self.make_token(holder, kinds)
        self.make_token("certificates", ("device-ca", "server-ca"))

    def keys(self, kind):
        """The public key files of those who have a key of that kind."""
        return [self.key_file(holder, kind)
                for holder, kinds in PEOPLE.items() if kind in kinds]

    def open(self, online):
        """Makes room and first metadata; two holders approve them."""
        def one(name):
            return {"keys": [os.path.join(online, name + ".pub.json")],
                    "threshold": 1}

        people = {"keys": self.keys("root"), "threshold": 2,
                  "expires_days": 365}
        policy = {
            "root": people, "targets": people,
            "snapshot": one("snapshot"), "timestamp": one("timestamp"),
            "director": {"root": people, "online": one("director")},
            "keyring": {"keys": self.keys("boot"), "threshold": 2,
                        "components": [c for c, _ in CLASSES.values()]},
        }
        for name, (component, threshold) in CLASSES.items():
            policy[name] = {"keys": self.keys(name), "threshold": threshold,
                            "expires_days": 90, "components": [component]}
        path = os.path.join(self.world.folder, "policy.json")
        write_text(path, json.dumps(policy, indent=1))
        self.sign("room", "init", "--dir", self.folder, "--policy", path)
        self.approve("init", "holder-1")
        self.approve("init", "holder-2")
        self.publish("init")

    def proposal(self, name, *parts):
        """A path in a proposal's folder."""
        return os.path.join(self.folder, "proposals", name, *parts)
