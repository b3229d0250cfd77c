#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# S0.1 S0.18 S0.27 S0.44 S3.12
"""A charger that asks for a transparency log's word: a logged release is
installed; one that stolen keys signed is refused until the log has it, also
with a log made for this charger alone; and a log that has it tells everybody.
The real programs run as separate processes on loopback."""
import json
import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "story")]

# pylint: disable=wrong-import-position
from fleet import HARDWARE                           # noqa: E402
from seallog import Log                              # noqa: E402
from steps import Steps                              # noqa: E402
from world import read_json, write_text              # noqa: E402

STOLEN = "6.6.6"  # a release that nobody meant to make


class Transparency(Steps):
    """The steps in order; each fails loudly if what it tells is not so."""

    def __init__(self, args):
        super().__init__(args)
        self.log = Log(self.world, self.room.folder, self.path("log.key"))
        self.witness = None

    # The signing room

    def open_room(self):
        """Keys, log, witness; a server that asks for the log's word."""
        self.make_room()
        self.witness = self.log.make()
        self.witness.start("witness")
        with open(self.server.conf, "a", encoding="utf-8") as f:
            f.write(f"audit_head_s = 1\ntlog_policy = {self.log.policy}\n")
        self.server.start()

    def publish(self, name, seq, gateway):
        """Seals a release, approved by two, and puts it in force."""
        self.room.propose(name, seq, {
            "gateway": (os.path.join(self.images, f"gateway-{gateway}.img"),
                        name, HARDWARE["gateway"], 1),
            "controller": (os.path.join(self.images, "controller-2.0.0.img"),
                           name, HARDWARE["controller"], 1),
        }, level=1)
        self.room.approve_release(name)

    def metadata(self, folder):
        """The newest metadata of releases in a folder for the server."""
        folder = self.path(folder, "metadata")
        return os.path.join(folder, max(
            (f for f in os.listdir(folder) if f.endswith(".release.json")),
            key=lambda f: int(f.split(".")[0])))

    def targets(self, name):
        """{component: (target path, seal file, pack file)} of a release."""
        body = read_json(self.metadata("published"))["signed"]
        artifacts = self.path("published", "artifacts")
        return {
            path.split("/")[0]: (
                path, os.path.join(artifacts, t["hashes"]["sha256"]),
                os.path.join(artifacts, t["custom"]["pack"]["sha256"]))
            for path, t in body["targets"].items()
            if t["custom"]["release"] == name}

    def next(self, name):
        """What publishing again says is the log's next step."""
        said = self.room.sign("publish", "--room", self.room.folder,
                              "--proposal", name, "--out",
                              self.path("published"))
        found = re.search(r"\(not-logged\).*voltseal-sign (.*) --room", said,
                          re.DOTALL)
        return found and found.group(1)

    def logged(self, name, since):
        """What is in force enters the log; a witness sees it, or the log
        would not be published; then it goes out with its proofs."""
        said = self.next(name)
        self.need(said == "log append, log checkpoint", said)
        self.log.do("append")
        said = self.next(name)
        self.need(said == "log checkpoint", said)
        said = self.log.sign()
        self.need("waits for witnesses" in said, said)
        said = self.next(name)
        self.need(said == "log request, log cosign", said)
        self.log.ask(self.witness, since)
        said = self.next(name)
        self.need(said is None, said)

    def folder(self, name):
        """A copy of what the room published, to be uploaded."""
        out = self.path("upload-" + name)
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(self.path("published"), out)
        return out

    def upload(self, folder, expect=0):
        """As an operator does."""
        return self.server.cli("planner", "release", "upload", folder,
                               expect=expect)

    # The charger

    def switch_on(self):
        """A charger from the factory, with proofs of its first seals."""
        targets = self.targets("1.0.0")
        factory, slots = {}, {}
        os.makedirs(self.path("factory"))
        for component, (target, seal, pack) in targets.items():
            factory[component] = (self.path("factory", component), pack)
            shutil.copy(seal, factory[component][0])
            shutil.copy(self.path("upload-1.0.0", "proofs",
                                  target + ".tlog-proof"),
                        factory[component][0] + ".tlog-proof")
            slots[component] = (9 if component == "gateway" else 1) << 20
        self.charger.provision_args = ("--tlog-policy", self.log.policy)
        self.charger.make(self.room, factory, slots, poll_ms=300,
                          poll_min_ms=300, report_ms=500, jitter_percent=0,
                          backoff_max_ms=1000, health_timeout_ms=8000,
                          health_interval_ms=300, health_check_ms=4000)
        self.charger.power_on()
        self.world.wait_for("the charger's report", lambda: self.runs("1.0.0"),
                            60)

    def runs(self, version):
        """Whether both components run it, healthy, by a signed report."""
        device, = self.server.get("devices")
        return device["healthy"] and all(
            device["components"].get(c, {}).get("version") == version
            for c in HARDWARE)

    def refused(self, reason):
        """Waits until the charger says so itself, and the audit log has it;
        it still runs 1.1.0."""
        def own():
            said = self.world.run("voltseal-agent", "status", "--dir",
                                  self.charger.folder, "--json")
            return any(r["reason"] == reason
                       for r in json.loads(said)["refusals"])
        self.world.wait_for(f"the charger to say {reason}", own, 60)
        self.world.wait_for(
            f"{reason} in the audit log",
            lambda: reason in {r for r, _ in self.server.refusals().get(
                self.charger.id, [])}, 60)
        self.need(self.runs("1.1.0"), "it runs something else than 1.1.0")

    # The steps

    def a_release_without_proofs_is_refused(self):
        """A server with a policy takes no release that is not logged."""
        self.publish("1.0.0", 1, "1.0.0")
        said = self.upload(self.path("published"), expect=1)
        self.need("(not-logged)" in said, said)
        self.logged("1.0.0", 0)
        said = self.upload(self.folder("1.0.0"))
        self.need("2 entries" in said and "proofs             2 sent" in said,
                  said)
        again = self.upload(self.path("upload-1.0.0"))
        self.need("2 entries, 0 files sent" in again, again)
        self.tell("a server with a policy refuses a release that is not "
                  "logged, and takes it with its log")

    def a_logged_release_is_installed(self):
        """From its server, with proofs, by a charger that asks for them."""
        self.switch_on()
        shutil.copytree(self.room.folder, self.path("fork"))
        self.publish("1.1.0", 2, "1.1.0")
        self.logged("1.1.0", 2)
        self.upload(self.folder("1.1.0"))
        self.server.campaign("spring", "1.1.0", waves=[{"percent": 100}],
                             soak_s=1, fail_percent=100, fail_count=1,
                             timeout_s=60)
        self.world.wait_for("1.1.0 on the charger", lambda: self.runs("1.1.0"),
                            60)
        self.tell("a logged release is installed")

    def the_monitor_is_content(self):
        """Every entry is a release that the team made."""
        events = self.monitor(self.metadata("upload-1.1.0"))
        seals = [e["leaf"]["version"] for e in events if e["event"] == "seal"]
        self.need(sorted(seals) == ["1.0.0"] * 2 + ["1.1.0"] * 2, events)
        self.need(events[-1]["size"] == 4 and events[-1]["witnesses"] == 1,
                  events)
        self.tell("the monitor finds what the team released, and no more")

    def monitor(self, *expected, expect=0):
        """Looks at the log where the server serves it to everybody."""
        return self.log.watch(
            f"https://127.0.0.1:{self.server.ports['operator']}/log",
            self.room.authority("server-ca"), *expected, expect=expect)

    def take_over(self):
        """A thief with release and boot keys, who owns the server too: it
        asks for no log any more."""
        with open(self.server.conf, encoding="utf-8") as f:
            conf = f.read()
        self.server.stop()
        write_text(self.server.conf, "".join(
            line for line in conf.splitlines(True)
            if not line.startswith("tlog_policy")))
        self.server.start()
        return conf

    def an_unlogged_seal_is_refused(self):
        """All its signatures are good."""
        self.publish(STOLEN, 3, "1.1.0")
        folder = self.folder(STOLEN)
        said = self.upload(folder, expect=1)
        self.need("(not-logged)" in said, said)
        conf = self.take_over()
        self.upload(folder)
        self.server.campaign("theft", STOLEN, waves=[{"percent": 100}],
                             soak_s=1, fail_percent=100, fail_count=1,
                             timeout_s=600)
        self.refused("not-logged")
        self.tell("an unlogged seal, signed by enough keys, is refused: "
                  "not-logged")
        return conf

    def fork(self):
        """Another log with the stolen log key: 1.1.0 is not in it."""
        fork = Log(self.world, self.path("fork"), self.log.key)
        os.unlink(os.path.join(fork.folder, "policy"))
        for _, seal, _ in self.targets(STOLEN).values():
            fork.do("append", "--seal", seal)
        self.need("4 entries signed, published" in fork.sign(),
                  "no fork was made")
        return fork

    def forged_proofs(self, fork):
        """Proofs of the fork, put in by the server's new owner."""
        shutil.rmtree(self.path("forged"), ignore_errors=True)
        shutil.copytree(self.path("upload-" + STOLEN), self.path("forged"))
        for target, seal, _ in self.targets(STOLEN).values():
            fork.prove_seal(seal, self.path("forged", "proofs",
                                            target + ".tlog-proof"))
        self.upload(self.path("forged"))

    def a_fork_without_witnesses_is_refused(self):
        """The witness has seen the true log and signs no other."""
        fork = self.fork()
        said = fork.ask(self.witness, 2, expect=1)
        self.need("4" in said, said)
        self.forged_proofs(fork)
        self.refused("too-few-witnesses")
        self.tell("a fork that the witness did not sign is refused: "
                  "too-few-witnesses")
        return fork

    def a_forked_log_is_refused(self, fork):
        """Now the witness's key is stolen too: it forgets what it saw."""
        self.witness.stop()
        self.witness.start("witness-without-memory")
        fork.do("policy", self.log.policy)
        fork.ask(self.witness, 0)
        self.witness.stop()
        self.forged_proofs(fork)
        self.refused("log-forked")
        self.tell("a fork with all its signatures is refused by a charger "
                  "that remembers: log-forked")

    def a_served_fork_is_seen(self, fork):
        """By the server's own check, and by the monitor."""
        shutil.copytree(fork.folder, self.path("forged", "log"),
                        dirs_exist_ok=True)
        said = self.upload(self.path("forged"), expect=1)
        self.need("hash-mismatch" in said or "log-forked" in said, said)
        true = os.path.join(self.server.data, "log")
        shutil.copytree(true, self.path("true-log"))
        shutil.copytree(fork.folder, true, dirs_exist_ok=True)
        events = self.monitor(expect=1)
        self.need([e["reason"] for e in events if e["event"] == "alarm"]
                  == ["log-forked"], events)
        shutil.copytree(self.path("true-log"), true, dirs_exist_ok=True)
        self.tell("the monitor sees the fork that is served: log-forked")

    def nothing_is_logged_in_silence(self, conf):
        """The thief's last way: the log itself."""
        self.server.stop()
        write_text(self.server.conf, conf)
        self.server.start()
        self.witness.start("witness")
        self.logged(STOLEN, 4)
        self.upload(self.folder(STOLEN))
        events = self.monitor(self.metadata("upload-1.1.0"), expect=1)
        named = {e["leaf"]["version"] for e in events if e["event"] == "seal"}
        alarms = [e["reason"] for e in events if e["event"] == "alarm"]
        self.need(named == {STOLEN} and alarms == ["unexpected-release"] * 2,
                  events)
        self.tell(f"the monitor names {STOLEN}, which nobody expected")
        self.world.wait_for(f"{STOLEN} on the charger",
                            lambda: self.runs(STOLEN), 60)
        self.tell("only the log was between the charger and that release")

    def the_audit_log_is_held_to_its_heads(self):
        """Who was told what is signed too."""
        key = os.path.join(self.server.data, "online", "audit.vkey")
        for verb, name in (("heads", "heads"), ("export", "audit")):
            extra = ["--key", key] if verb == "heads" else []
            write_text(self.path(name), self.server.cli(
                "planner", "audit", verb, *extra))
        check = ("audit", "verify", self.path("audit"), "--heads",
                 self.path("heads"), "--key", key)
        said = self.world.run("voltseal", *check)
        self.need("signed heads, the newest of record" in said, said)
        with open(self.path("audit"), encoding="utf-8") as f:
            lines = f.readlines()
        write_text(self.path("audit"), "".join(lines[:5]))
        said = self.world.run("voltseal", *check, expect=1)
        self.need("(log-truncated)" in said, said)
        self.tell("the audit log is held to its signed heads")

    def tell_all(self):
        """From the beginning to the end."""
        self.open_room()
        self.a_release_without_proofs_is_refused()
        self.a_logged_release_is_installed()
        self.the_monitor_is_content()
        conf = self.an_unlogged_seal_is_refused()
        fork = self.a_fork_without_witnesses_is_refused()
        self.a_forked_log_is_refused(fork)
        self.a_served_fork_is_seen(fork)
        self.nothing_is_logged_in_silence(conf)
        self.the_audit_log_is_held_to_its_heads()


if __name__ == "__main__":
    sys.exit(Transparency.main(__doc__))
