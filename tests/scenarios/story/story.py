#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# S0.45 S0.46 S0.47 S0.48 S2.1 S2.41 S2.42 S2.43 S3.8 S3.15 S3.31 S3.32
"""A firmware release's whole way: signing room, server, chargers, a bad
release, an attacker who owns the server, a power cut.  The real programs run
as separate processes on loopback; every figure comes from the run."""
import argparse
import json
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position
from fleet import HARDWARE, Charger, Server          # noqa: E402
from rogue import Captured, Forger, Rogue, canonical, wrong_pack  # noqa: E402
from room import HOLDERS, Room                  # noqa: E402
from world import (StoryError, World, stop_left,
                   write_text)  # noqa: E402

WAVES = [{"count": 1}, {"percent": 50}, {"percent": 100}]
CHARGERS = 8


class Watch:
    """Follows a campaign and says each step of it once; holds it to its
    promise that never two chargers of one site are away at once."""

    def __init__(self, story, number):
        self.story = story
        self.number = number
        self.last = None

    def look(self):
        """The campaign as it stands."""
        campaign = self.story.server.get(f"campaigns/{self.number}")
        sites = {c.id: c.site for c in self.story.chargers}
        away = [sites[m["id"]] for m in campaign["members"]
                if m["state"] in ("started", "soaking")]
        if len(away) != len(set(away)):
            raise StoryError(f"two chargers of one site at once: {away}")
        p = campaign["progress"]
        now = (campaign["wave"], p["started"], p["soaking"], p["updated"])
        if now != self.last:
            self.last = now
            self.story.say(f"wave {now[0] + 1}: {now[1]} updating, "
                           f"{now[2]} soaking, {now[3]} updated")
        return campaign


class Story:
    """The steps in order; each fails loudly if what it tells is not so."""

    def __init__(self, args):
        self.args = args
        self.world = World(args.programs, args.out)
        self.room = Room(self.world)
        self.server = Server(self.world, self.room, args.ttl)
        self.chargers = [Charger(self.world, n, self.server)
                         for n in range(1, CHARGERS + 1)]
        self.images = os.path.abspath(args.images)
        self.releases = {}
        self.summary = {"chargers": CHARGERS, "refusals": []}
        self.table = []

    def say(self, text):
        """A line of progress; a comment where a test harness reads."""
        self.world.say(text)

    def tell(self, what, result):
        """A row of the table at the end."""
        self.table.append((what, result))
        if self.args.tap:
            print(f"ok {len(self.table)} - {what}: {result}", flush=True)
        else:
            self.say(f"{what}: {result}")

    # 1. The signing room

    def open_room(self):
        """Tokens, authorities, first metadata; the server's online keys.
        S0.40 S2.20 S3.17"""
        self.say("signing room: a token for each of three holders")
        self.room.make_tokens()
        self.room.make_authorities()
        self.server.make()
        self.room.open(os.path.join(self.server.data, "online"))
        self.server.people()
        self.tell("signing room", "root, release and boot keys 2-of-3 in "
                                  "PKCS#11 tokens")

    # 2. and 3. Images, seals, release

    def image(self, component, version):
        """The file of one image."""
        return os.path.join(self.images, f"{component}-{version}.img")

    def release(self, name, seq, controller):
        """Seals, approves and publishes one release.  S0.43 S1.12 S3.35"""
        self.say(f"sealing {name}")
        images = {
            "gateway": (self.image("gateway", name), name,
                        HARDWARE["gateway"], seq if seq < 3 else 2),
            "controller": (self.image("controller", controller), controller,
                           HARDWARE["controller"], 1),
        }
        started = time.monotonic()
        self.room.propose(name, seq, images, level=self.args.level)
        took = time.monotonic() - started
        published = self.room.approve_release(name)
        self.tell(f"release {name}", f"sealed in {took:.1f} s, approved by "
                                     "two; one approval and one key twice "
                                     "were refused")
        self.remember(name, published)
        self.server.cli("planner", "release", "upload", published)

    def remember(self, name, published):
        """Finds the release's seals and packs by its metadata."""
        found = self.room.artifacts(published, name)
        if sorted(found) != sorted(HARDWARE):
            raise StoryError(f"release {name} does not hold all components")
        self.releases[name] = found

    # 4. Server and chargers

    def slot_bytes(self):
        """Room for the largest image, its tree and its footer."""
        out = {}
        for component in HARDWARE:
            largest = max(os.path.getsize(os.path.join(self.images, n))
                          for n in os.listdir(self.images)
                          if n.startswith(component + "-")
                          and n.endswith(".img"))
            out[component] = (largest * 129 // 128 // 4096 + 64) * 4096
        return out

    def switch_on(self):
        """Eight chargers with 1.0.0 in slot A."""
        sizes = self.slot_bytes()
        for charger in self.chargers:
            charger.make(self.room, self.releases["1.0.0"], sizes,
                         **self.settings(charger))
            charger.power_on()
        self.world.wait_for("all chargers' reports of 1.0.0",
                            lambda: self.all_run("1.0.0"), 60)
        self.tell("fleet", f"{CHARGERS} chargers on 3 sites report 1.0.0")

    def settings(self, charger):
        """What this story sets in agent.conf."""
        out = {"poll_ms": 500, "poll_min_ms": 500, "report_ms": 1000,
               "jitter_percent": 0, "backoff_max_ms": 2000,
               "health_timeout_ms": 10000, "health_interval_ms": 300,
               "health_check_ms": 5000}
        if charger is self.chargers[-1]:
            out["max_bytes_s"] = self.args.slow_bytes_s
        return out

    def devices(self):
        """The server's view, by charger."""
        return {d["id"]: d for d in self.server.get("devices")}

    def runs(self, device, version):
        """Whether a charger reports version, healthy."""
        gateway = device["components"].get("gateway")
        return bool(gateway and gateway["version"] == version
                    and device["healthy"])

    def all_run(self, version, but=()):
        """Whether all chargers but those run version."""
        return all(self.runs(d, version)
                   for d in self.devices().values() if d["id"] not in but)

    def recovered(self, version, since):
        """Whether all have believed the true server since then, and have
        told it, signed, that they run version, healthy."""
        told = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))
        return (self.all_run(version)
                and all(d["last_report"] > told
                        for d in self.devices().values())
                and all(c.believed("director") > since
                        and c.believed("image") > since
                        for c in self.chargers))

    # 5. The campaign to 1.1.0, with a session and a power cut in it

    def campaign(self):
        """Waves, sites, a running session, and charger 8's power cut.
        S0.3 S0.26 S0.28 S1.7 S1.14 S1.24 S2.6 S2.7 S2.8 S2.22 S2.23 S2.28
        S2.48 S3.33"""
        busy, cut = self.chargers[1], self.chargers[-1]
        busy.plug(True)
        number = self.server.campaign(
            "spring", "1.1.0", waves=WAVES, per_site=1, soak_s=2,
            fail_percent=50, fail_count=1, timeout_s=600)
        watch = Watch(self, number)
        waited = False
        resumed = None
        end = time.monotonic() + 240
        while True:
            campaign = watch.look()
            if campaign["state"] == "done":
                break
            if campaign["state"] != "running":
                raise StoryError(f"campaign is {campaign['state']}: "
                                 f"{campaign['because']}")
            if not waited and self.waits(busy):
                waited = True
                self.say(f"{busy.id} waits: a vehicle is charging")
                busy.plug(False)
            if resumed is None and self.half_written(cut):
                resumed = self.cut(cut)
            if time.monotonic() > end:
                raise StoryError("campaign 1.1.0 took over 240 s")
            time.sleep(0.05)
        if not waited:
            raise StoryError("no charger waited for its session's end")
        if resumed is None:
            raise StoryError("charger 8 was never caught while writing")
        updated = sum(self.runs(d, "1.1.0") for d in self.devices().values())
        if updated != CHARGERS:
            raise StoryError(f"{updated} of {CHARGERS} run 1.1.0")
        self.summary["updated"] = updated
        self.tell("campaign 1.1.0", f"{updated} chargers updated in 3 waves, "
                                    "both components; never two of a site "
                                    "at once; one waited for its session")
        self.count_resume(cut)

    def waits(self, charger):
        """Whether it is ready but its session holds it up."""
        device = self.devices()[charger.id]
        return device["charging"] and device["status"] == "InstallScheduled"

    @staticmethod
    def half_written(charger):
        """Whether it is in the middle of a slot."""
        f = charger.fetched()
        return bool(f and f.get("clusters_fetched", 0) > 0
                    and f["bytes_fetched_this_run"] * 2 > f["bytes_planned"]
                    and f["bytes_fetched_this_run"] < f["bytes_planned"])

    def cut(self, charger):
        """Power fails while it writes; then it comes back."""
        charger.cut_power()
        before = charger.fetched()
        self.say(f"{charger.id}: power cut after "
                 f"{before['bytes_fetched_this_run']} bytes")
        charger.power_on()
        return before

    def count_resume(self, charger):
        """What the second start fetched beside what an uncut one did.
        S0.2 S0.28 S3.43"""
        again = charger.fetched()
        full = self.chargers[0].fetched()
        self.summary["resumed_bytes_fetched"] = again["bytes_fetched_this_run"]
        self.summary["bytes_fetched_full"] = full["bytes_fetched_this_run"]
        self.summary["image_bytes"] = full["image_bytes"]
        if not (0 < again["bytes_fetched_this_run"]
                < full["bytes_fetched_this_run"]):
            raise StoryError("the resumed charger did not fetch less: "
                             f"{again} against {full}")
        self.tell("power cut", f"resumed with "
                               f"{again['bytes_fetched_this_run']} of "
                               f"{full['bytes_fetched_this_run']} bytes")

    # 6. The bad release

    def bad_release(self):
        """1.2.0 fails on the canary; nobody else is touched.
        S0.7 S0.9 S0.17 S1.9 S2.13 S3.30"""
        seqs = {d["id"]: d["components"]["gateway"]["release_seq"]
                for d in self.devices().values()}
        number = self.server.campaign(
            "summer", "1.2.0", waves=WAVES, per_site=1, soak_s=2,
            fail_percent=50, fail_count=1, timeout_s=600)
        campaign = self.world.wait_for(
            "the campaign to halt by itself",
            lambda: self.in_state(number, "halted"), 90)
        failed = [m for m in campaign["members"] if m["state"] == "failed"]
        if len(failed) != 1 or failed[0]["reason"] != "health-failed":
            raise StoryError(f"not one canary with health-failed: {failed}")
        canary = failed[0]["id"]
        self.world.wait_for("the canary on 1.1.0, healthy",
                            lambda: self.all_run("1.1.0"), 60)
        now = {d["id"]: d for d in self.devices().values()}
        untouched = sum(
            d["components"]["gateway"]["release_seq"] == seqs[i]
            for i, d in now.items() if i != canary)
        started = [m for m in campaign["members"]
                   if m["state"] not in ("waiting", "failed")]
        if untouched != CHARGERS - 1 or started:
            raise StoryError(f"others were touched: {started}")
        self.summary.update(canary_fell_back=True, campaign_halted=True,
                            untouched=untouched)
        self.tell("bad release 1.2.0",
                  f"{canary} fell back by itself ({failed[0]['reason']}: "
                  f"{failed[0]['detail']}); campaign halted "
                  f"({campaign['because']}); {untouched} untouched")
        self.canary = canary

    def in_state(self, number, state):
        """The campaign, if it is in that state."""
        campaign = self.server.get(f"campaigns/{number}")
        return campaign if campaign["state"] == state else None

    # 7. The attacker

    def attack(self):
        """Six attacks at once, each on another charger.
        S0.6 S0.44 S1.6 S2.11 S3.12"""
        names = ("rollback", "flipped-seal", "one-of-two-keys", "wrong-pack",
                 "other-charger", "frozen")
        expected = {"rollback": "release-rollback",
                    "flipped-seal": "hash-mismatch",
                    "one-of-two-keys": "threshold-not-met",
                    "wrong-pack": "cluster-mismatch",
                    "other-charger": "wrong-vehicle",
                    "frozen": "metadata-expired"}
        victims = dict(zip(names, [c for c in self.chargers
                                   if c.id != self.canary]))
        before = len(self.server.audit())
        captured = self.capture_all(victims)
        rogue = self.take_over(victims, captured)
        self.say("the attacker serves six chargers with the stolen keys")
        try:
            for name, charger in victims.items():
                self.world.wait_for(
                    f"{charger.id} to refuse {name}",
                    lambda c=charger, w=expected[name]: self.refused(c, w),
                    self.args.ttl + 40)
        finally:
            rogue.stop()
        since = int(time.time())
        self.server.start()
        self.world.wait_for(
            "the refusals in the audit log",
            lambda: self.in_audit(victims, expected, before), 60)
        self.world.wait_for("all healthy on 1.1.0 after the attack",
                            lambda: self.recovered("1.1.0", since), 60)
        for name, charger in victims.items():
            decision = charger.decision()
            if decision["verdict"] != "boot":
                raise StoryError(f"{charger.id} does not boot")
            self.summary["refusals"].append({"attack": name,
                                             "charger": charger.id,
                                             "reason": expected[name]})
            self.tell(f"attack {name}", f"{charger.id} refused: "
                                        f"{expected[name]}")

    def capture_all(self, victims):
        """What each victim is served, and the server's end; once more if
        one of them was served something newer in between."""
        for _ in range(10):
            captured = {n: self.capture(c) for n, c in victims.items()}
            self.server.stop()
            ahead = [n for n, c in victims.items()
                     for where in ("director", "image")
                     if c.believed(where)
                     > captured[n].signed(where, "timestamp")["version"]]
            if not ahead:
                return captured
            self.server.start()
        raise StoryError("the chargers were always ahead of the attacker")

    def capture(self, charger):
        """All that the server serves this charger now."""
        captured = Captured(
            f"https://localhost:{self.server.ports['device']}",
            charger.client_context())
        captured.repository("director")
        return captured.repository("image")

    def refused(self, charger, reason):
        """Whether the device itself has recorded that reason."""
        out = self.world.run("voltseal-agent", "status", "--dir",
                             charger.folder, "--json")
        refusals = json.loads(out)["refusals"]
        return any(r["reason"] == reason for r in refusals)

    def in_audit(self, victims, expected, before):
        """Whether each refusal is in the audit log, in its own words."""
        seen = {(r["subject"], r["reason"]) for r in
                self.server.audit()[before:] if r["action"] == "refused"}
        return all((c.id, expected[n]) in seen for n, c in victims.items())

    def take_over(self, victims, captured):
        """Prepares what each victim is served, on the server's address."""
        forger = Forger(os.path.join(self.server.data, "online"))
        rogue = Rogue(self.server.ports["device"],
                      os.path.join(self.server.folder, "tls", "cert.pem"),
                      os.path.join(self.server.folder, "tls", "key.pem"),
                      self.room.authority("device-ca"))
        for name, charger in victims.items():
            files = dict(captured[name].files)
            if name != "frozen":
                forger.chain(files, "image", captured[name], {})
            prepare = getattr(self, "forge_" + name.replace("-", "_"))
            prepare(files, captured[name], forger, charger)
            rogue.files[charger.id] = files
        return rogue

    def targets_of(self, captured, release):
        """The image repository's entries of one release."""
        targets = captured.signed("image", "release")["targets"]
        return {p: t for p, t in targets.items()
                if t["custom"]["release"] == release}

    def serve_release(self, files, targets):
        """Seals and packs of these targets, as they are."""
        for path, target in targets.items():
            folder, name = path.rsplit("/", 1)
            digest = target["hashes"]["sha256"]
            pack = target["custom"]["pack"]
            for url, sha256 in (
                    (f"/targets/{folder}/{digest}.{name}", digest),
                    (f"/packs/{pack['sha256']}.pack", pack["sha256"])):
                with open(os.path.join(self.world.folder, "published",
                                       "artifacts", sha256), "rb") as f:
                    files[url] = f.read()

    def direct_to(self, files, captured, forger, charger, release):
        """A director, signed with stolen keys, that names a release."""
        targets = self.targets_of(captured, release)
        forger.direct(files, captured,
                      forger.assign(targets, charger.ecus()))
        self.serve_release(files, targets)
        return targets

    def forge_rollback(self, files, captured, forger, charger):
        """(a) 1.0.0 again, everything correctly signed of old.
        S0.18 S0.23 S3.21 S3.23 S3.42 A2"""
        self.direct_to(files, captured, forger, charger, "1.0.0")

    def forge_flipped_seal(self, files, captured, forger, charger):
        """(b) 1.2.0, which was really released, with one bit flipped.
        S0.1 S3.1 S3.19 S3.41 A1"""
        targets = self.direct_to(files, captured, forger, charger, "1.2.0")
        for url in files:
            if url.startswith("/targets/gateway/"):
                data = bytearray(files[url])
                data[300] ^= 1
                files[url] = bytes(data)
        assert targets

    def forge_one_of_two_keys(self, files, captured, forger, charger):
        """(c) a new image that one insider signed.  S0.1 S2.16 S3.16 A14"""
        body = captured.signed("image", "release")
        path, target = next(
            (p, t) for p, t in self.targets_of(captured, "1.2.0").items()
            if p.startswith("gateway/"))
        target = json.loads(json.dumps(target))
        target["custom"].update(version="6.6.6", release="6.6.6",
                                releaseCounter=66,
                                releaseSet=["gateway/gateway-6.6.6.seal"])
        body = json.loads(json.dumps(body))
        body["targets"] = dict(body["targets"],
                               **{"gateway/gateway-6.6.6.seal": target})
        data = self.insider_signs(body)
        forger.chain(files, "image", captured,
                     {"release.json": (body["version"], data)})
        forger.direct(files, captured, forger.assign(
            {"gateway/gateway-6.6.6.seal": target}, charger.ecus()))
        assert path

    def insider_signs(self, body):
        """One release key's signature, made with its token."""
        return canonical({"signatures": [self.room.signature(
            HOLDERS[2], "release", body)], "signed": body})

    def forge_wrong_pack(self, files, captured, forger, charger):
        """(d) 1.2.0 with its true seal and a pack of other bytes.
        S0.14 S0.25 S3.29"""
        self.direct_to(files, captured, forger, charger, "1.2.0")
        for url in files:
            if url.startswith("/packs/"):
                files[url] = wrong_pack(files[url])

    def forge_other_charger(self, files, captured, forger, charger):
        """(e) the director file of another charger, signed anew.  A16"""
        other = next(c for c in self.chargers if c is not charger)
        targets = forger.assign(self.targets_of(captured, "1.2.0"),
                                other.ecus())
        forger.direct(files, captured, targets, vehicle=other.id)

    def forge_frozen(self, files, captured, forger, charger):
        """(f) just what was there, for ever.  A3"""
        assert files and captured and forger and charger

    # The end

    def finish(self):
        """Checks of the whole, the table, the summary.  S0.27 S2.4"""
        out = self.server.cli("planner", "audit", "export")
        path = os.path.join(self.world.folder, "audit.jsonl")
        write_text(path, out)
        self.world.run("voltseal", "audit", "verify", path)
        self.tell("audit", f"{len(out.splitlines())} records, chain verified "
                           "offline")
        self.summary["seconds"] = round(self.world.seconds(), 1)
        write_text(os.path.join(self.world.folder, "summary.json"),
                   json.dumps(self.summary, indent=1) + "\n")
        if not self.args.tap:
            self.print_table()

    def print_table(self):
        """What was told, once more, for a person."""
        width = max(len(what) for what, _ in self.table)
        print("\n" + "-" * 78)
        for what, result in self.table:
            print(f"{what:<{width}}  {result}")
        print("-" * 78)
        print(f"{self.summary['seconds']} s; "
              f"{os.path.join(self.world.folder, 'summary.json')}")

    def tell_all(self):
        """The story from its beginning to its end."""
        self.open_room()
        self.server.start()
        for name, seq, controller in (("1.0.0", 1, "2.0.0"),
                                      ("1.1.0", 2, "2.1.0"),
                                      ("1.2.0", 3, "2.1.0")):
            self.release(name, seq, controller)
        self.switch_on()
        self.campaign()
        self.bad_release()
        self.attack()
        self.finish()


def keep(story):
    """Leaves all running and says how to look at it."""
    server = story.server
    story.world.leave_running()
    print(f"""
Still running: the server and {CHARGERS} chargers. Look at them with

  export VOLTSEAL_SERVER=https://127.0.0.1:{server.ports['operator']}
  export VOLTSEAL_CA={story.room.authority('server-ca')}
  export VOLTSEAL_TOKEN_FILE={server.token_file('planner')}
  {story.world.program('voltseal')} device list
  {story.world.program('voltseal')} audit list
  {story.world.program('voltseal-agent')} status --dir {
      story.chargers[0].folder}

Their logs are in {story.world.logs}. Stop them with

  tools/demo stop""", flush=True)


def arguments():
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--programs", required=True, help="the build folder")
    p.add_argument("--images", required=True,
                   help="folder with gateway-VERSION.img and "
                        "controller-VERSION.img")
    p.add_argument("--out", required=True, help="folder for all that is made")
    p.add_argument("--level", type=int, default=19, help="zstd level")
    p.add_argument("--ttl", type=int, default=20,
                   help="seconds that online metadata is valid")
    p.add_argument("--slow-bytes-s", type=int, default=12_000_000,
                   help="charger 8's link, bytes a second")
    p.add_argument("--tap", action="store_true",
                   help="speak TAP, for the test run")
    p.add_argument("--keep", action="store_true",
                   help="leave server and chargers running at the end")
    p.add_argument("--stop", action="store_true",
                   help="only stop what --keep left running")
    return p.parse_args()


def main():
    """Tells the story; 0 if all of it came true."""
    args = arguments()
    left = stop_left(args.out)
    if args.stop:
        print(f"{left} stopped")
        return 0
    shutil.rmtree(args.out, ignore_errors=True)
    os.makedirs(args.out)
    story = Story(args)
    try:
        story.tell_all()
        if args.tap:
            print(f"1..{len(story.table)}")
        if args.keep:
            keep(story)
    except StoryError as e:
        if args.tap:
            print(f"not ok {len(story.table) + 1} - the story broke off\n"
                  f"1..{len(story.table) + 1}", flush=True)
        print(f"the story broke off: {e}\nlogs: {story.world.logs}",
              file=sys.stderr)
        return 1
    finally:
        story.world.stop_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
