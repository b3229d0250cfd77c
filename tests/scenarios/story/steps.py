# SPDX-License-Identifier: Apache-2.0
"""What short stories share: one company, one charger, steps that are told."""
import argparse
import os
import shutil
import sys

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

    def tell_all(self):
        """From the beginning to the end."""
        raise NotImplementedError

    def end(self):
        """Nothing of it runs on."""
        self.world.stop_all()

    @classmethod
    def main(cls, about):
        """The whole program: 0 if all of it came true."""
        p = argparse.ArgumentParser(description=about)
        p.add_argument("--programs", required=True, help="the build folder")
        p.add_argument("--images", required=True,
                       help="folder with gateway-VERSION.img and "
                            "controller-VERSION.img")
        p.add_argument("--out", required=True,
                       help="folder for all that is made")
        args = p.parse_args()
        shutil.rmtree(args.out, ignore_errors=True)
        os.makedirs(args.out)
        story = cls(args)
        failed = ""
        try:
            story.tell_all()
        except StoryError as e:
            failed = str(e)
            story.told += 1
            print(f"not ok {story.told} - the story broke off", flush=True)
            print(f"{failed}\nlogs: {story.world.logs}", file=sys.stderr)
        finally:
            story.end()
        print(f"1..{story.told}")
        return bool(failed)
