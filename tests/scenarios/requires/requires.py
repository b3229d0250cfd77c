#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# S0.23 S0.26 S3.12
"""What a release requires, on the whole way: a gateway image that requires a
later controller is signed so, passed over by the server while the charger has
an older one, refused by the charger itself when a thief who owns the server
offers it all the same, and installed once the controller was updated.
The real programs run as separate processes on loopback."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "story")]

# pylint: disable=wrong-import-position
from fleet import HARDWARE                           # noqa: E402
from rogue import Captured, Forger, Rogue            # noqa: E402
from room import HOLDERS                             # noqa: E402
from steps import Steps                              # noqa: E402
from world import StoryError                         # noqa: E402

FIRST = {"gateway": "1.0.0", "controller": "1.0.0"}
LACKS = "requires controller 1.2.0, has 1.0.0"
PLAN = {"waves": [{"percent": 100}], "soak_s": 1, "fail_percent": 100,
        "fail_count": 1, "timeout_s": 60}


class Requires(Steps):
    """The steps in order; each fails loudly if what it tells is not so."""

    def propose(self, name, seq, images, *requires, expect=0):
        """Proposes {component: image file} under one name."""
        args = []
        for component, image in images.items():
            path = os.path.join(self.images, image)
            args += ["--component", f"{component}={path}:{name}:"
                                    f"{HARDWARE[component]}:1"]
        for text in requires:
            args += ["--requires", text]
        return self.room.sign("propose", "release", "--room",
                              self.room.folder, "--name", name, "--seq", seq,
                              "--level", 1, *args, expect=expect)

    def release(self, name):
        """Approves, publishes and uploads it."""
        for who in (0, 1, 0):
            self.room.approve(name, HOLDERS[who])
        published = self.room.publish(name)
        self.server.cli("planner", "release", "upload", published)
        return published

    def switch_on(self, published):
        """A charger from the factory with the first release."""
        self.charger.make(self.room, self.room.artifacts(published, "1.0.0"),
                          {"gateway": 9 << 20, "controller": 1 << 20},
                          poll_ms=300, poll_min_ms=300, report_ms=500,
                          jitter_percent=0, backoff_max_ms=1000,
                          health_timeout_ms=8000, health_interval_ms=300,
                          health_check_ms=4000)
        self.charger.power_on()
        self.arrives(**FIRST)

    def runs(self):
        """{component: version} by the last signed report; {} if ill."""
        device, = self.server.get("devices")
        return {c: device["components"].get(c, {}).get("version")
                for c in HARDWARE} if device["healthy"] else {}

    def arrives(self, **versions):
        """Waits until the charger runs these."""
        try:
            self.world.wait_for("the update", lambda: self.runs() == versions,
                                60)
        except StoryError as e:
            raise StoryError(f"{e}: {self.runs()}, not {versions}") from None

    def rehearse(self):
        """voltseal campaign dry-run."""
        return json.loads(self.server.cli(
            "planner", "--json", "campaign", "dry-run", "--release", "1.1.0",
            "--filter", "all", "--wave", "100%"))

    # The steps

    def the_room_shows_it(self):
        """Before anybody signs, and not what could never be had."""
        self.propose("1.0.0", 1, {"gateway": "gateway-1.0.0.img",
                                  "controller": "controller-2.0.0.img"})
        self.switch_on(self.release("1.0.0"))
        said = self.propose("1.1.0", 2, {
            "gateway": "gateway-1.1.0.img",
            "controller": "controller-2.1.0.img"},
            "gateway=controller:1.2.0", expect=1)
        self.need("this release brings 1.1.0" in said, said)
        self.propose("1.1.0", 2, {"gateway": "gateway-1.1.0.img"},
                     "gateway=controller:1.2.0")
        said = self.room.sign("show", "--room", self.room.folder,
                              "--proposal", "1.1.0")
        self.need("requires           controller 1.2.0 or later" in said, said)
        self.release("1.1.0")
        self.tell("the room signs what a gateway image requires, and refuses "
                  "what its own release breaks")

    def the_server_passes_it_over(self):
        """In a rehearsal and in a campaign."""
        said = self.rehearse()
        self.need([(r["id"], r["reason"], r["why"]) for r in said["refused"]]
                  == [(self.charger.id, "requires", LACKS)], said)
        number = self.server.campaign("early", "1.1.0", **PLAN)
        member, = self.server.get(f"campaigns/{number}/members")
        self.need(member["state"] == "skipped", member)
        self.tell(f"the server passes the charger over: {LACKS}")

    def the_charger_refuses_it(self):
        """Though the server's own keys sign the director's word for it."""
        captured = Captured(
            f"https://localhost:{self.server.ports['device']}",
            self.charger.client_context())
        captured.repository("director").repository("image")
        path = "gateway/gateway-1.1.0.seal"
        wanted = {path: captured.signed("image", "release")["targets"][path]}
        forger = Forger(os.path.join(self.server.data, "online"))
        files = dict(captured.files)
        forger.direct(files, captured,
                      targets=forger.assign(wanted, self.charger.ecus()))
        self.server.stop()
        rogue = Rogue(self.server.ports["device"],
                      os.path.join(self.server.folder, "tls", "cert.pem"),
                      os.path.join(self.server.folder, "tls", "key.pem"),
                      self.room.authority("device-ca"))
        rogue.files[self.charger.id] = files
        try:
            self.world.wait_for("the charger's refusal", self.refused, 20)
        finally:
            rogue.stop()
        self.server.start()
        self.world.wait_for("it in the audit log", lambda: any(
            r == "requires-unmet" for r, _ in self.server.refusals().get(
                self.charger.id, [])), 20)
        self.need(self.runs() in ({}, FIRST), self.runs())
        self.tell("the charger refuses it by itself, and says so signed")

    def refused(self):
        """Whether the charger says that it refuses it for what it lacks."""
        said = json.loads(self.world.run(
            "voltseal-agent", "status", "--dir", self.charger.folder,
            "--json"))
        return any(r["reason"] == "requires-unmet" and
                   "gateway/gateway-1.1.0.seal" in json.dumps(r)
                   for r in said["refusals"])

    def it_is_installed_after_the_controller(self):
        """Each in a campaign of its own."""
        self.propose("1.2.0", 3, {"controller": "controller-2.1.0.img"})
        self.release("1.2.0")
        self.server.campaign("controllers", "1.2.0", **PLAN)
        self.arrives(gateway="1.0.0", controller="1.2.0")
        said = self.rehearse()
        self.need((said["told"], said["refused"]) == (1, []), said)
        self.server.campaign("gateways", "1.1.0", **PLAN)
        self.arrives(gateway="1.1.0", controller="1.2.0")
        self.tell("with a later controller it is told, and installs it")

    def tell_all(self):
        """From the beginning to the end."""
        self.open_room()
        self.the_room_shows_it()
        self.the_server_passes_it_over()
        self.the_charger_refuses_it()
        self.it_is_installed_after_the_controller()


if __name__ == "__main__":
    sys.exit(Requires.main(__doc__))
