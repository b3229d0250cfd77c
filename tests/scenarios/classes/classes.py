#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# S0.20 S0.43 S0.44 S2.40 S3.35
"""Classes of components on the whole way: a release of two classes, signed by
the people of each, goes through the server onto a charger; one whose safety
image has gateway signatures only is refused by the room, by the server, and
by a charger whose server belongs to the thief.
The real programs run as separate processes on loopback."""
import hashlib
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "story")]

# pylint: disable=wrong-import-position
from classroom import ClassRoom                      # noqa: E402
from fleet import HARDWARE                           # noqa: E402
from rogue import Captured, Forger, Rogue            # noqa: E402
from room import canonical                           # noqa: E402
from steps import Steps                              # noqa: E402
from world import StoryError, read_json              # noqa: E402

STOLEN = "6.6.6"  # two boot keys and the gateway's, none of safety


def read(path):
    """The bytes of a file."""
    with open(path, "rb") as f:
        return f.read()


class Classes(Steps):
    """The steps in order; each fails loudly if what it tells is not so."""
    room_class = ClassRoom

    # The signing room

    def propose(self, name, seq, gateway, controller):
        """A release of both classes."""
        files = {"gateway": f"gateway-{gateway}.img",
                 "controller": f"controller-{controller}.img"}
        self.room.propose(name, seq, {
            c: (os.path.join(self.images, f), name, HARDWARE[c], 1)
            for c, f in files.items()}, level=1)

    def publish(self, name):
        """Boot keys of two, then those of each class; in between it must
        not come into force."""
        self.room.approve(name, "holder-2")
        self.room.approve(name, "holder-3")
        said = self.room.publish(name, expect=1)
        self.need("image safety" in said and "0 of 2" in said, said)
        for who in ("holder-1", "holder-2"):
            self.room.approve(name, who)
        self.room.publish(name)

    def newest(self, role):
        """(version, body) of a role as the room published it."""
        folder = self.path("published", "metadata")
        version = max(int(f.split(".")[0]) for f in os.listdir(folder)
                      if f.endswith(f".{role}.json"))
        body = read_json(os.path.join(folder, f"{version}.{role}.json"))
        return version, body["signed"]

    def upload(self, folder, expect=0):
        """As an operator does."""
        return self.server.cli("planner", "release", "upload", folder,
                               expect=expect)

    # The charger

    def switch_on(self):
        """A charger from the factory with the first release."""
        factory = {}
        for role in ("gateway", "safety"):
            for path, t in self.newest(role)[1]["targets"].items():
                factory[path.split("/")[0]] = tuple(
                    self.path("published", "artifacts", digest) for digest in
                    (t["hashes"]["sha256"], t["custom"]["pack"]["sha256"]))
        self.charger.make(self.room, factory,
                          {"gateway": 9 << 20, "controller": 1 << 20},
                          poll_ms=300, poll_min_ms=300, report_ms=500,
                          jitter_percent=0, backoff_max_ms=1000,
                          health_timeout_ms=8000, health_interval_ms=300,
                          health_check_ms=4000)
        self.charger.power_on()
        self.world.wait_for("the charger's report", lambda: self.runs("1.0.0"),
                            60)

    def runs(self, version):
        """Whether both components run it, healthy, by a signed report."""
        device, = self.server.get("devices")
        return device["healthy"] and all(
            device["components"].get(c, {}).get("version") == version
            for c in HARDWARE)

    def refusals(self):
        """[(reason, about)] as the charger itself tells them."""
        said = self.world.run("voltseal-agent", "status", "--dir",
                              self.charger.folder, "--json")
        return json.loads(said)["refusals"]

    # The thief

    def forge(self, path, role, version, body):
        """Writes a role's file that only the gateway's key signs."""
        body = {**body, "version": version}
        whole = {"signed": body, "signatures": [
            self.room.signature("holder-3", "gateway", body)]}
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, f"{version}.{role}.json"), "wb") as f:
            f.write(canonical(whole))

    def stolen_targets(self):
        """What the proposal says of both images: {role: targets}."""
        return {role: {
            path: t for path, t in read_json(self.room.proposal(
                STOLEN, f"image.{role}.json"))["signed"]["targets"].items()
            if t["custom"]["release"] == STOLEN}
                for role in ("gateway", "safety")}

    def folder(self, name):
        """The thief's folder to upload: all that is published, and the
        seals and packs of what is not."""
        out = self.path(name)
        shutil.copytree(self.path("published"), out)
        for top, _, files in os.walk(self.room.proposal(STOLEN)):
            for file in files:
                data = read(os.path.join(top, file))
                with open(os.path.join(out, "artifacts", hashlib.sha256(
                        data).hexdigest()), "wb") as f:
                    f.write(data)
        return out

    def steal(self):
        """Two boot keys and the gateway's sign; the room says no.  Gives
        the two folders that the thief tries."""
        self.propose(STOLEN, 3, "1.2.0", "2.0.0")
        self.room.approve(STOLEN, "holder-2")
        self.room.approve(STOLEN, "holder-3")
        said = self.room.publish(STOLEN, expect=1)
        self.need("image safety" in said and "0 of 2" in said, said)
        stolen = self.stolen_targets()
        (gateway, mine), (safety, theirs) = map(self.newest,
                                                ("gateway", "safety"))
        in_gateway = self.folder("in-gateway")
        self.forge(os.path.join(in_gateway, "metadata"), "gateway",
                   gateway + 1,
                   {**mine, "targets": {**mine["targets"],
                                        **stolen["gateway"],
                                        **stolen["safety"]}})
        in_safety = self.folder("in-safety")
        metadata = os.path.join(in_safety, "metadata")
        self.forge(metadata, "gateway", gateway + 1,
                   {**mine, "targets": {**mine["targets"],
                                        **stolen["gateway"]}})
        self.forge(metadata, "safety", safety + 1,
                   {**theirs, "targets": {**theirs["targets"],
                                          **stolen["safety"]}})
        self.tell("the room does not publish a safety image that only "
                  "gateway keys signed")
        return in_gateway, in_safety

    def capture(self):
        """What the charger is served when the server is taken over."""
        captured = Captured(
            f"https://localhost:{self.server.ports['device']}",
            self.charger.client_context())
        captured.repository("director")
        return captured.repository("image")

    def serve(self, captured, folder):
        """What the thief serves with the server's own keys: its director
        wants the stolen release.  The next such lie is newer than this."""
        forger = Forger(os.path.join(self.server.data, "online"))
        files = dict(captured.files)
        metadata = os.path.join(folder, "metadata")
        changed = {}
        for role in ("gateway", "safety"):
            name = max((f for f in os.listdir(metadata)
                        if f.endswith(f".{role}.json")),
                       key=lambda f: int(f.split(".")[0]))
            changed[f"{role}.json"] = (int(name.split(".")[0]),
                                       read(os.path.join(metadata, name)))
        forger.chain(files, "image", captured, changed)
        both = {p: t for targets in self.stolen_targets().values()
                for p, t in targets.items()}
        forger.direct(files, captured, targets=forger.assign(
            both, self.charger.ecus()))
        for path, target in both.items():
            where, name = path.split("/")
            seal = target["hashes"]["sha256"]
            pack = target["custom"]["pack"]["sha256"]
            for url, digest in ((f"/targets/{where}/{seal}.{name}", seal),
                                (f"/packs/{pack}.pack", pack)):
                files[url] = read(os.path.join(folder, "artifacts", digest))
        captured.files = files
        return files

    # The steps

    def two_classes_are_accepted(self):
        """Each class in metadata of its own, both in one release."""
        self.propose("1.0.0", 1, "1.0.0", "2.0.0")
        self.publish("1.0.0")
        said = self.upload(self.path("published"))
        again = self.upload(self.path("published"))
        self.need("0 sent, 4 there already" in again, said + again)
        listed, = self.server.get("releases")
        self.need(sorted(t["component"] for t in listed["targets"])
                  == sorted(HARDWARE), listed)
        self.tell("the server takes a release of two classes, signed by the "
                  "people of each")

    def two_classes_are_installed(self):
        """By the director's word for both, and each class's own."""
        self.switch_on()
        self.propose("1.1.0", 2, "1.1.0", "2.1.0")
        self.publish("1.1.0")
        self.upload(self.path("published"))
        self.server.campaign("spring", "1.1.0", waves=[{"percent": 100}],
                             soak_s=1, fail_percent=100, fail_count=1,
                             timeout_s=60)
        self.world.wait_for("1.1.0 on the charger", lambda: self.runs("1.1.0"),
                            60)
        named = self.capture().signed("director", "targets")["targets"]
        self.need(sorted(named) == ["controller/controller-1.1.0.seal",
                                    "gateway/gateway-1.1.0.seal"], named)
        believed = os.path.join(self.charger.folder, "agent", "image")
        for role, component in (("safety", "controller"),
                                ("gateway", "gateway")):
            body = read_json(os.path.join(believed, role + ".json"))["signed"]
            self.need(f"{component}/{component}-1.1.0.seal" in body["targets"],
                      body)
        self.tell("a charger installs both, each by its class's metadata")

    def the_server_refuses(self, folder, *words):
        """And publishes nothing of it."""
        before = self.server.get("releases")
        said = self.upload(folder, expect=1)
        self.need(all(w in said for w in words), said)
        self.need(self.server.get("releases") == before, "it was published")
        self.tell(f"the server refuses {os.path.basename(folder)}: {words[0]}")

    def the_charger_refuses(self, lies, folder, reason, about):
        """Though the server's own keys sign all around it."""
        rogue = Rogue(self.server.ports["device"],
                      os.path.join(self.server.folder, "tls", "cert.pem"),
                      os.path.join(self.server.folder, "tls", "key.pem"),
                      self.room.authority("device-ca"))
        rogue.files[self.charger.id] = lies
        try:
            self.world.wait_for(
                f"the charger to say {reason} of {about}",
                lambda: any(r["reason"] == reason and about in json.dumps(r)
                            for r in self.refusals()), 20)
        except StoryError as e:
            raise StoryError(f"{e}; it says {self.refusals()}") from None
        finally:
            rogue.stop()
        self.tell(f"a charger refuses {os.path.basename(folder)}: {reason}")

    def tell_all(self):
        """From the beginning to the end."""
        self.open_room()
        self.two_classes_are_accepted()
        self.two_classes_are_installed()
        in_gateway, in_safety = self.steal()
        self.the_server_refuses(in_gateway, "(not-listed)",
                                f"controller/controller-{STOLEN}.seal")
        self.the_server_refuses(in_safety, "(threshold-not-met)",
                                "safety.json")
        captured = self.capture()
        lies = [(self.serve(captured, folder), folder)
                for folder in (in_gateway, in_safety)]
        self.server.stop()
        self.the_charger_refuses(*lies[0], "not-in-both-repositories",
                                 f"controller/controller-{STOLEN}.seal")
        self.the_charger_refuses(*lies[1], "threshold-not-met", "safety.json")
        self.server.start()
        self.world.wait_for("both refusals in the audit log", lambda: {
            "not-in-both-repositories", "threshold-not-met"} <= {
                r for r, _ in self.server.refusals().get(self.charger.id, [])},
                            20)
        self.world.wait_for("1.1.0 on the charger", lambda: self.runs("1.1.0"),
                            20)
        self.tell("the true server learns of both, and 1.1.0 still runs")


if __name__ == "__main__":
    sys.exit(Classes.main(__doc__))
