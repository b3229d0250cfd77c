#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TUF by other hands: tuf-js (npm) reads what voltseal-sign and
voltseal-server made, and voltseal tuf reads what @tufjs/models wrote.

usage: judges_test.py BUILD-FOLDER OUT-FOLDER
"""
import hashlib
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("operate", "scenarios/story"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))

from fleet import Charger, Server as UpdateServer  # noqa: E402
from room import Room  # noqa: E402
from simulator import Server, canonical, stamp  # noqa: E402
from world import World  # noqa: E402

PACKAGES = ("package.json", "package-lock.json", "read.mjs", "write.mjs")
LEAST_NODE = (18, 17)


class Tap:
    """A line for each check."""

    def __init__(self):
        self.count = self.failed = 0

    def check(self, good, sentence, said=None):
        """ok or not ok; said: what was there instead."""
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {sentence}",
              flush=True)
        if not good:
            for line in str(said).splitlines():
                print("#   " + line, flush=True)


class Folder:
    """Files below a folder under their names as they stand in a URL."""

    def __init__(self, path):
        self.path = path

    @property
    def files(self):
        """For simulator.Server."""
        return self

    def get(self, name):
        """The bytes, or None."""
        try:
            with open(os.path.join(self.path, name), "rb") as f:
                return f.read()
        except FileNotFoundError:
            return None


class Device(Folder):
    """What the update server gives a charger, with the charger's own
    certificate; tuf-js cannot show one."""

    def __init__(self, port, authority, identity):
        super().__init__(None)
        self.port = port
        self.context = ssl.create_default_context(cafile=authority)
        self.context.load_cert_chain(os.path.join(identity, "cert.pem"),
                                     os.path.join(identity, "key.pem"))

    def get(self, name):
        code, data = self.ask("GET", name)
        return data if code == 200 else None

    def ask(self, method, name, body=None):
        """One request: the status and the bytes."""
        c = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20,
                                        context=self.context)
        try:
            c.request(method, "/" + name, body)
            answer = c.getresponse()
            return answer.status, answer.read()
        finally:
            c.close()


class Judges:
    """The npm packages, installed once in a folder of the build."""

    def __init__(self, out):
        self.folder = out
        os.makedirs(out, exist_ok=True)
        for name in PACKAGES:
            shutil.copy(os.path.join(HERE, name), out)
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
             "--loglevel=error"], cwd=out, capture_output=True, text=True,
            check=False)
        if done.returncode:
            raise RuntimeError("npm ci: " + done.stderr)
        self.count = 0

    def run(self, script, *args):
        """Runs one of the two scripts."""
        return subprocess.run(["node", script, *args], cwd=self.folder,
                              capture_output=True, text=True, check=False)

    def read(self, root, metadata, targets, *paths):
        """What tuf-js found, or its one line of refusal."""
        self.count += 1
        folder = os.path.join(self.folder, f"read-{self.count}")
        shutil.rmtree(folder, ignore_errors=True)
        done = self.run("read.mjs", root, metadata, targets, folder, *paths)
        return json.loads(done.stdout) if done.returncode == 0 else \
            done.stderr.strip()


def read_ours(program, folder, url, paths):
    """What voltseal tuf downloads, or its one line of refusal."""
    trusted, targets = (os.path.join(folder, n) for n in ("t", "d"))
    for path in (trusted, targets):
        shutil.rmtree(path, ignore_errors=True)
    base = [program, "tuf", "--metadata-dir", trusted]
    done = subprocess.run(
        [*base, "init", os.path.join(folder, "initial_root.json")],
        capture_output=True, text=True, check=False)
    if done.returncode == 0:
        done = subprocess.run(
            [*base, "--metadata-url", url + "/metadata",
             "--target-base-url", url + "/targets", "--target-dir", targets,
             *[a for p in paths for a in ("--target-name", p)], "download"],
            capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip()
    return {name: Folder(targets).get(name) for name in os.listdir(targets)}


def models(tap, judges, build, server):
    """Both clients judge what @tufjs/models wrote."""
    written = os.path.join(judges.folder, "written")
    shutil.rmtree(written, ignore_errors=True)
    done = judges.run("write.mjs", written)
    tap.check(done.returncode == 0, "models writes repositories",
              done.stderr)
    program = os.path.join(build, "operate", "voltseal")
    for name, refused in (("plain", None), ("mixed", None),
                          ("forged", "threshold-not-met"),
                          ("stale", "metadata-expired")):
        folder = os.path.join(written, name)
        server.repository = Folder(folder)
        with open(os.path.join(folder, "wanted.json"),
                  encoding="utf-8") as f:
            wanted = json.load(f)
        ours = read_ours(program, folder, server.url, wanted)
        theirs = judges.read(
            os.path.join(folder, "initial_root.json"),
            server.url + "/metadata", server.url + "/targets", *wanted)
        tap.check(isinstance(theirs, dict) == (refused is None),
                  f"tuf-js judges {name} as it was meant", theirs)
        if refused:
            tap.check(refused in ours, f"{name} is refused: {refused}", ours)
        else:
            tap.check(isinstance(ours, dict) and len(ours) == len(wanted)
                      and all(ours.values()),
                      f"{name} is read, every target of it", ours)


def fleet(world):
    """A signing room, a release, a server, one charger and a campaign."""
    room = Room(world)
    server = UpdateServer(world, room, 3600)
    room.make_tokens()
    room.make_authorities()
    server.make()
    room.open(os.path.join(server.data, "online"))
    server.people()
    images = {}
    for component, hardware in (("gateway", "gw-rev3"),
                                ("controller", "mc-rev2")):
        path = os.path.join(world.folder, component + ".img")
        with open(path, "wb") as f:
            f.write(component.encode() * 20000)
        images[component] = (path, "1.0.0", hardware, 1)
    room.propose("1.0.0", 2, images, level=1)
    for holder in ("holder-1", "holder-2", "holder-1"):
        room.approve("1.0.0", holder)  # the seals, then what names them
    published = room.publish("1.0.0")
    server.start()
    server.cli("planner", "release", "upload", published)
    charger = Charger(world, 1, server)
    room.issue("device-ca", charger.id, charger.tls)
    charger.register()
    server.campaign("first", "1.0.0", waves=[{"percent": 100}])
    return room, server, charger, published


def openssl(*args, data=None):
    """What the command writes."""
    return subprocess.run(["openssl", *args], input=data, check=True,
                          capture_output=True).stdout


def report(charger):
    """The charger's first report: an old version on both components."""
    key = os.path.join(charger.tls, "key.pem")
    shown = {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {
        "public": openssl("pkey", "-in", key, "-pubout").decode()}}
    body = {
        "_type": "vehicle-manifest", "formatVersion": 1,
        "vehicleIdentifier": charger.id, "primary": charger.id + "-gateway",
        "counter": 1, "time": stamp(0), "nonce": "", "status": "Idle",
        "phase": "idle", "detail": "", "reason": "none", "about": "",
        "campaignSeq": 0, "healthy": True, "charging": False,
        "directorVersion": 0, "slot": 0, "trial": False, "fellBack": False,
        "fallbackReason": "none", "bytesFetched": 0, "bytesTotal": 0,
        "ecus": [{"ecuIdentifier": ecu, "hardwareId": hardware,
                  "path": f"{component}/{component}-0.9.0.seal",
                  "length": 700, "sha256": "0" * 64, "version": "0.9.0",
                  "releaseCounter": 1, "rollbackIndex": 1, "floor": 1}
                 for component, (ecu, hardware) in charger.ecus().items()]}
    return json.dumps({"signed": body, "signatures": [{
        "keyid": hashlib.sha256(canonical(shown)).hexdigest(),
        "sig": openssl("dgst", "-sha256", "-sign", key,
                       data=canonical(body)).hex()}]}).encode()


def check_found(tap, found, paths, published, what):
    """Whether tuf-js downloaded just what was published."""
    if not isinstance(found, dict):
        tap.check(False, what, found)
        return
    good = True
    for path in paths:
        with open(found[path]["file"], "rb") as f:
            data = f.read()
        with open(os.path.join(published, "artifacts",
                               found[path]["hashes"]["sha256"]), "rb") as f:
            good = good and data == f.read()
    tap.check(good and sorted(found) == sorted(paths), what, found)


def ours(tap, judges, build, server):
    """tuf-js judges what the signing room and the server made."""
    folder = os.path.join(judges.folder, "fleet")
    shutil.rmtree(folder, ignore_errors=True)
    world = World(build, folder)
    try:
        room, update, charger, published = fleet(world)
        device = Device(update.ports["device"], room.authority("server-ca"),
                        charger.tls)
        server.repository = device
        code, said = device.ask("POST", "report", report(charger))
        tap.check(code == 200, "the server takes the charger's report", said)
        paths = [f"{c}/{c}-1.0.0.seal" for c in ("gateway", "controller")]
        for name in ("image", "director"):
            root = os.path.join(published, name + "-root", "1.root.json")
            if name == "director":
                world.wait_for("the director's images", lambda: all(
                    p.encode() in newest(device) for p in paths), 20)
            found = judges.read(root, f"{server.url}/{name}",
                                server.url + "/targets", *paths)
            check_found(tap, found, paths, published,
                        f"tuf-js believes the {name} repository and "
                        "downloads both seals")
            refused = judges.read(root, f"{server.url}/{name}",
                                  server.url + "/targets",
                                  "gateway/gateway-9.9.9.seal")
            tap.check("nobody names it" in refused,
                      f"{name}: and finds nothing else", refused)
        tap.check("Error" in str(judges.read(
            os.path.join(published, "image-root", "1.root.json"),
            server.url + "/director", server.url + "/targets", *paths)),
            "the director is nobody to the image repository's root")
    finally:
        world.stop_all()


def newest(device):
    """The director's targets file as it is now."""
    stamp = json.loads(device.get("director/timestamp.json"))["signed"]
    version = stamp["meta"]["snapshot.json"]["version"]
    meta = json.loads(device.get(f"director/{version}.snapshot.json"))
    version = meta["signed"]["meta"]["targets.json"]["version"]
    return device.get(f"director/{version}.targets.json")


def missing():
    """What is needed and not there, or None."""
    try:
        said = subprocess.run(["node", "--version"], capture_output=True,
                              text=True, check=True).stdout
        subprocess.run(["npm", "--version"], capture_output=True, check=True)
    except FileNotFoundError as e:
        return f"{e.filename} is not installed"
    version = tuple(int(n) for n in said.strip().lstrip("v").split(".")[:2])
    if version < LEAST_NODE:
        return f"node {said.strip()} is older than tuf-js wants"
    return None


def main():
    """Both directions."""
    build, out = (os.path.abspath(p) for p in sys.argv[1:3])
    lack = missing()
    if lack:
        print(f"1..0 # SKIP {lack}")
        return 0
    tap = Tap()
    server = Server()
    try:
        judges = Judges(out)
        models(tap, judges, build, server)
        ours(tap, judges, build, server)
    except Exception:  # whatever it was, it is a failed check
        tap.check(False, "everything runs to its end",
                  traceback.format_exc())
    server.shutdown()
    server.server_close()
    print(f"1..{tap.count}", flush=True)
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
