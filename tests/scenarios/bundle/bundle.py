#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# S3.10 S2.39
"""A release on a stick, on the whole way: the room signs it, a campaign lets
two chargers start that no network reaches, an operator makes a bundle, a
person carries it there, and the server hears of it when it is reached again.
The real programs run as separate processes on loopback."""
import json
import os
import subprocess
import sys
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), name)
                for name in ("story", "requires")]

# pylint: disable=wrong-import-position
from fleet import Charger                            # noqa: E402
from requires import PLAN, Requires                  # noqa: E402
from world import StoryError                         # noqa: E402

SECOND = {"gateway": "1.1.0", "controller": "1.1.0"}


class Bundle(Requires):
    """Two chargers without a network."""

    def __init__(self, args):
        super().__init__(args)
        self.other = Charger(self.world, 2, self.server)
        self.tar = self.path("north.tar")
        self.folder = self.path("stick") + "/"

    def install(self, charger, *args, code=0):
        """voltseal-agent install; gives both of what it said."""
        done = subprocess.run(
            [self.world.program("voltseal-agent"), "install", "--dir",
             charger.folder, *args], text=True, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        if done.returncode != code:
            raise StoryError(f"install {args}: exit {done.returncode}, "
                             f"not {code}: {done.stderr}")
        return done.stdout, done.stderr

    def make(self, *args, expect=0):
        """voltseal bundle make, as the planner."""
        said = self.server.cli("planner", "--json", "bundle", "make", *args,
                               expect=expect)
        return said if expect else json.loads(said)

    def status(self, charger):
        """What a charger says of itself, without a server."""
        return json.loads(self.world.run(
            "voltseal-agent", "status", "--dir", charger.folder, "--json"))

    # The steps

    def two_chargers_are_switched_on(self):
        """And off again, on release 1.0.0."""
        self.propose("1.0.0", 1, {"gateway": "gateway-1.0.0.img",
                                  "controller": "controller-2.0.0.img"})
        published = self.release("1.0.0")
        self.switch_on(published)
        self.other.make(self.room, self.room.artifacts(published, "1.0.0"),
                        {"gateway": 9 << 20, "controller": 1 << 20},
                        poll_ms=300, poll_min_ms=300, report_ms=500,
                        jitter_percent=0, backoff_max_ms=1000,
                        health_timeout_ms=8000, health_interval_ms=300,
                        health_check_ms=4000)
        self.other.power_on()
        self.world.wait_for("both chargers' reports", lambda: all(
            d["healthy"] for d in self.server.get("devices")), 30)
        for charger in (self.charger, self.other):
            charger.power_off()
        self.propose("1.1.0", 2, {"gateway": "gateway-1.1.0.img",
                                  "controller": "controller-2.1.0.img"})
        self.release("1.1.0")
        self.tell("two chargers run 1.0.0 and are away; 1.1.0 is released")

    def no_campaign_no_bundle(self):
        """What nobody approved nobody carries."""
        said = self.make("--vehicle", self.charger.id, self.tar, expect=1)
        self.need("no campaign lets it start" in said, said)
        self.need(not os.path.exists(self.tar), "a half bundle is left")
        said = self.make("--vehicle", "CP-0099", self.tar, expect=1)
        self.need("CP-0099" in said, said)
        self.tell("without a campaign there is no bundle")

    def an_operator_makes_bundles(self):
        """One tar file, one folder, each for both or for one."""
        self.server.campaign("away", "1.1.0", per_site=2, **PLAN)
        said = self.make("--vehicle", self.charger.id, "--release", "9.9.9",
                         self.tar, expect=1)
        self.need("is to run release 1.1.0, not 9.9.9" in said, said)
        made = self.make("--vehicle", self.charger.id, "--release", "1.1.0",
                         self.tar)
        self.need((made["release"], made["vehicles"]) ==
                  ("1.1.0", [self.charger.id]), made)
        self.need(made["bytes"] == os.path.getsize(self.tar), made)
        made = self.make("--vehicle", self.charger.id, "--vehicle",
                         self.other.id, self.folder)
        with tarfile.open(self.tar) as tar:
            names = {m.name for m in tar}
        found = {os.path.relpath(os.path.join(at, f), self.folder)
                 for at, _, files in os.walk(self.folder) for f in files}
        shared = {n for n in found if not n.startswith("director/")}
        self.need(shared == {n for n in names
                             if not n.startswith("director/")} and
                  len(found) == made["files"], found ^ names)
        self.need(len([n for n in found if n.endswith(".pack")]) == 2, found)
        self.tell("an operator makes a bundle as a file and as a folder; "
                  "packs are in it once")

    def what_is_wrong_is_refused(self):
        """Cut short, damaged, another charger's."""
        short = self.path("short.tar")
        with open(self.tar, "rb") as f:
            whole = f.read()
        for at in (100, len(whole) // 2, len(whole) - 1024):
            with open(short, "wb") as f:
                f.write(whole[:at])
            out, err = self.install(self.charger, short,
                                    code=4 if at < 512 else 1)
            self.need(not out and err, err)
        at = whole.index(b'"signed"', whole.index(b"/timestamp.json"))
        with open(short, "wb") as f:
            f.write(whole[:at] + b'"singed"' + whole[at + 8:])
        self.install(self.charger, short, code=4)
        _, err = self.install(self.other, self.tar, code=1)
        self.need("director/timestamp.json: unreadable: is not in the bundle"
                  in err, err)
        self.install(self.charger, self.path("nowhere"), code=1)
        self.install(self.charger, self.tar, "--component", "gateway", code=2)
        self.install(self.charger, self.tar, self.tar, code=2)
        self.need(self.status(self.charger)["slot"] == 0,
                  self.status(self.charger))
        self.tell("a bundle that is cut short, damaged or for another "
                  "charger is refused")

    def it_is_carried_to_the_first(self):
        """No network, no --arm: the agent tries it when it runs."""
        self.server.stop()
        out, _ = self.install(self.charger, "--json", self.tar)
        said = json.loads(out)
        self.need((said["source"], said["armed"], said["runs_already"]) ==
                  ("bundle", False, False), said)
        out, _ = self.install(self.charger, "--json", self.tar)
        self.need(json.loads(out)["clusters_fetched"] == 0, out)
        self.charger.power_on()
        self.world.wait_for("1.1.0 without a server", lambda: self.rests(
            self.charger), 60)
        self.charger.cut_power()
        self.tell("the first charger installs it without any network, and "
                  "keeps it after its trial")

    def rests(self, charger):
        """Whether it runs 1.1.0, with nothing under way."""
        s = self.status(charger)
        return s["phase"] == "Idle" and s["slot"] == 1 and \
            {n: c["version"] for n, c in s["components"].items()} == SECOND

    def a_vehicle_holds_the_second_up(self):
        """The gates are closed for a stick too."""
        self.other.power_on()
        self.other.plug(True)
        self.world.wait_for("the session", lambda: '"session": true' in
                            self.charger_status(self.other), 20)
        self.other.power_off()
        _, err = self.install(self.other, "--arm", self.folder, code=1)
        self.need("written, not armed: " in err, err)
        self.other.plug(False)
        self.other.power_on()
        self.world.wait_for("1.1.0 on the second", lambda: self.rests(
            self.other), 60)
        self.tell("a closed gate holds up what the stick brought; when it "
                  "opens, the agent goes on by itself")

    @staticmethod
    def charger_status(charger):
        """What the charger program says, as text."""
        try:
            with open(os.path.join(charger.run_folder, "charger.json"),
                      encoding="utf-8") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def the_server_hears_of_it(self):
        """In signed reports, with where it came from."""
        self.server.start()
        self.charger.power_on()
        for charger in (self.charger, self.other):
            self.world.wait_for("the news", lambda c=charger: any(
                r["subject"] == c.id and r["action"] == "status" and
                r["detail"] == "Installed, source bundle"
                for r in self.server.audit()), 60)
        for device in self.server.get("devices"):
            self.need({c: v["version"] for c, v in
                       device["components"].items()} == SECOND, device)
        made = [r["detail"] for r in self.server.audit()
                if r["action"] == "bundle-made"]
        self.need(made.count("nothing") == 1 and "1.1.0" in made, made)
        campaign, = self.server.get("campaigns")
        members = self.server.get(f"campaigns/{campaign['id']}/members")
        self.world.wait_for("both counted", lambda: all(
            m["state"] == "updated" for m in self.server.get(
                f"campaigns/{campaign['id']}/members")), 60)
        self.need(len(members) == 2, members)
        self.tell("the server hears of both, and that they came from a "
                  "bundle; the campaign counts them")

    def an_old_bundle_is_refused(self):
        """The charger has seen newer files since."""
        self.world.wait_for("newer files", lambda: self.charger.believed(
            "director") > self.newest(), 30)
        self.charger.power_off()
        _, err = self.install(self.charger, self.tar, code=4)
        self.need("metadata-rollback" in err, err)
        self.tell("the same bundle once more is refused: the charger has "
                  "seen newer files")

    def newest(self):
        """The director's version in the tar file."""
        with tarfile.open(self.tar) as tar:
            name = f"director/{self.charger.id}/timestamp.json"
            return json.load(tar.extractfile(name))["signed"]["version"]

    def tell_all(self):
        """From the beginning to the end."""
        self.open_room()
        self.two_chargers_are_switched_on()
        self.no_campaign_no_bundle()
        self.an_operator_makes_bundles()
        self.what_is_wrong_is_refused()
        self.it_is_carried_to_the_first()
        self.a_vehicle_holds_the_second_up()
        self.the_server_hears_of_it()
        self.an_old_bundle_is_refused()


if __name__ == "__main__":
    sys.exit(Bundle.main(__doc__))
