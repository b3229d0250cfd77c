# SPDX-License-Identifier: Apache-2.0
"""What short stories share: one company, one charger, steps that are told."""
import os

from fleet import Charger, Server
from room import Room
from world import StoryError, World


class Steps:
    """The steps in order; each fails loudly if what it tells is not so."""
    room_class = Room

    def __init__(self, args):
        self.images = os.path.abspath(args.images)
        self.world = World(args.programs, args.out)
        self.room = self.room_class(self.world)
        self.server = Server(self.world, self.room, 300)
        self.charger = Charger(self.world, 1, self.server)
        self.told = 0

    def path(self, *parts):
        """Below this run's folder."""
        return os.path.join(self.world.folder, *parts)

    def tell(self, text):
        """A step that went as it must."""
        self.told += 1
        print(f"ok {self.told} - {text}", flush=True)

    @staticmethod
    def need(good, what):
        """Or the story breaks off here."""
        if not good:
            raise StoryError(what)

    def make_room(self):
        """Keys, a room, a server that could run."""
        self.room.make_tokens()
        self.room.make_authorities()
        self.server.make()
        self.room.open(os.path.join(self.server.data, "online"))
        self.server.people()

    def open_room(self):
        """The same, and the server runs."""
        self.make_room()
        self.server.start()
