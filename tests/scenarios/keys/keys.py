#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# S0.22 S1.15 S1.20 S1.30
"""The device key in a file, on a token (SoftHSM) and in a TPM (swtpm), on the
whole way: made in its device, certified by its request, it opens mTLS and signs
reports that the server verifies, also through an update, and is missed with
one line when its device is gone, locked or another's.
The real programs run as separate processes on loopback."""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "story")]

# pylint: disable=wrong-import-position
from fleet import HARDWARE, Charger                  # noqa: E402
from room import HOLDERS, PIN, SOFTHSM               # noqa: E402
from steps import Steps                              # noqa: E402
from world import write_text                         # noqa: E402

PLAN = {"waves": [{"percent": 100}], "soak_s": 1, "fail_percent": 100,
        "fail_count": 1, "timeout_s": 60}
SETTINGS = {"poll_ms": 300, "poll_min_ms": 300, "report_ms": 500,
            "jitter_percent": 0, "backoff_max_ms": 1000,
            "health_timeout_ms": 8000, "health_interval_ms": 300,
            "health_check_ms": 4000}


class InDevice(Charger):
    """A charger whose key was made where it stays."""
    place = ""

    def csr(self):
        """Its request, which it makes as often as it is asked."""
        path = self.tls + ".csr"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.world.run("voltseal-agent", "provision", "--vehicle", self.id,
                       "--key", self.place, "--csr", path)
        return path

    def identify(self, room):
        """The room sees the request alone."""
        room.sign("ca", "issue", "--dir", os.path.join(room.ca, "device-ca"),
                  "--token", "certificates", "--pin-file",
                  room.pin("certificates"), "--subject", self.id,
                  "--csr", self.csr(), "--out", self.tls)
        return self.place, "production"


class Keys(Steps):
    """The steps in order; each fails loudly if what it tells is not so."""

    def __init__(self, args):
        super().__init__(args)
        self.file = self.charger
        self.token = InDevice(self.world, 2, self.server)
        self.tpm = InDevice(self.world, 3, self.server)
        self.chargers = (self.file, self.token, self.tpm)
        self.swtpm = None

    def start_tpm(self):
        """swtpm, whose state stays."""
        os.makedirs(self.path("tpm"), exist_ok=True)
        socket = self.path("swtpm")
        # pylint: disable-next=consider-using-with
        self.swtpm = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate",
             f"dir={self.path('tpm')}", "--server",
             f"type=unixio,path={socket}", "--ctrl",
             f"type=unixio,path={socket}.ctrl", "--flags", "startup-clear"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.world.wait_for("the TPM", lambda: os.path.exists(
            socket + ".ctrl"), 20)

    def stop_tpm(self):
        """Its power is off."""
        self.swtpm.terminate()
        self.swtpm.wait(timeout=20)
        for name in ("swtpm", "swtpm.ctrl"):
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))

    def end(self):
        """The TPM is no program of the world's."""
        super().end()
        if self.swtpm and self.swtpm.poll() is None:
            self.stop_tpm()

    def make_devices(self):
        """A token and a TPM; keys come later."""
        self.room.make_token("charger", ())
        self.token.place = (
            f"pkcs11:token=charger;object=device?module-path={SOFTHSM}"
            f"&pin-source=file:{self.room.pin('charger')}")
        self.tpm.place = f"tpm:0x81010001?tcti=swtpm:path={self.path('swtpm')}"
        self.start_tpm()

    def release(self, name, seq, **images):
        """Seals, approves, uploads."""
        self.room.propose(name, seq, {
            c: (os.path.join(self.images, f"{c}-{v}.img"), name, HARDWARE[c],
                1) for c, v in images.items()}, level=1)
        for who in (0, 1, 0):
            self.room.approve(name, HOLDERS[who])
        published = self.room.publish(name)
        self.server.cli("planner", "release", "upload", published)
        return published

    def device(self, charger):
        """What the server knows of it from signed reports."""
        return next(d for d in self.server.get("devices")
                    if d["id"] == charger.id)

    def arrives(self, version):
        """All of them report it, in good health."""
        def told():
            return all(d["healthy"] and d["components"].get(
                "gateway", {}).get("version") == version
                       for d in self.server.get("devices"))
        self.world.wait_for(f"reports of {version}", told, 90)

    def log(self, charger):
        """What its agent has said."""
        with open(os.path.join(self.world.logs, charger.id + ".log"),
                  encoding="utf-8", errors="replace") as f:
            return f.read()

    def status(self, charger):
        """voltseal-agent status."""
        return self.world.run("voltseal-agent", "status", "--dir",
                              charger.folder)

    def refused(self, word, *args):
        """One line that has the word."""
        said = self.world.run("voltseal-agent", *args, expect=1)
        self.need(len(said.strip().splitlines()) == 1 and word in said,
                  f"no {word!r} in {said}")

    # The steps

    def keys_are_made_in_their_devices(self):
        """Once, and of no private key is there a file."""
        before = self.public(self.token.csr()), self.public(self.tpm.csr())
        self.need(before[0] != before[1], "two devices, one key")
        published = self.release("1.0.0", 1, gateway="1.0.0",
                                 controller="2.0.0")
        for charger in self.chargers:
            charger.make(self.room, self.room.artifacts(published, "1.0.0"),
                         {"gateway": 9 << 20, "controller": 1 << 20},
                         **SETTINGS)
        self.need(before == (self.public(self.token.csr()),
                             self.public(self.tpm.csr())),
                  "a second request is of another key")
        self.need([c.id for c in self.chargers if self.has_key(c)] ==
                  [self.file.id], "a private key in a file")
        self.tell("keys are made in token and TPM, once, and leave no file")

    @staticmethod
    def public(csr):
        """The public key that a request is of."""
        return subprocess.run(
            ["openssl", "req", "-in", csr, "-noout", "-verify", "-pubkey"],
            check=True, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL).stdout

    @staticmethod
    def has_key(charger):
        """Whether anything of it looks like a private key, or holds a PIN."""
        for folder, _, names in list(os.walk(charger.folder)) + list(
                os.walk(charger.tls)):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.getsize(path) > 1 << 20:
                    continue
                with open(path, "rb") as f:
                    text = f.read()
                if b"PRIVATE KEY" in text or PIN.encode() in text:
                    return True
        return False

    def production_refuses_a_file(self):
        """And status says it of the one in development."""
        path = os.path.join(self.file.folder, "agent.conf")
        with open(path, encoding="utf-8") as f:
            text = f.read()
        write_text(path, text.replace("= development", "= production"))
        for command in ("run", "check-config"):
            self.refused("a file is for development alone", command, "--dir",
                         self.file.folder)
        write_text(path, text)
        for charger in self.chargers:
            charger.power_on()
        self.arrives("1.0.0")
        self.need([c.id for c in self.chargers
                   if "key is in a file" in self.status(c)] ==
                  [self.file.id], "status says it of another")
        self.need("for development alone" in self.log(self.file) and
                  "development" not in self.log(self.tpm), "a warning")
        self.tell("production refuses a key in a file; reports of all three "
                  "are verified by the server")

    def an_update_comes_through(self):
        """Metadata, seals and packs over mTLS with that key."""
        self.release("1.1.0", 2, gateway="1.1.0")
        self.server.campaign("all", "1.1.0", **PLAN)
        self.arrives("1.1.0")
        self.tell("an update comes to all three")

    def missed_and_found(self, charger, take, give, word):
        """One line while it is gone; news when it is back."""
        take()
        self.world.wait_for(word, lambda: word in self.log(charger), 30)
        told = self.device(charger)["last_report"]
        self.need(charger.id in self.status(charger), "status")
        # It starts without its device; a handshake needs the key as well.
        charger.power_off()
        charger.power_on()
        self.world.wait_for("a poll that misses it", lambda: any(
            " poll: " in line and word in line
            for line in self.log(charger).splitlines()), 30)
        self.need(charger.process.poll() is None, "the agent ended")
        give()
        self.world.wait_for(
            "reports again",
            lambda: self.device(charger)["last_report"] != told, 30)
        count = self.log(charger).count(" report: device key (")
        self.need(0 < count <= 2, f"{count} lines")

    def a_device_that_is_gone_is_missed(self):
        """And the agent goes on, and so do reports when it is back."""
        tokens, away = self.path("tokens"), self.path("tokens-away")

        def take():
            os.rename(tokens, away)
            os.mkdir(tokens)

        def give():
            os.rmdir(tokens)
            os.rename(away, tokens)
        self.missed_and_found(self.token, take, give, "device key (pkcs11): ")
        self.missed_and_found(self.tpm, self.stop_tpm, self.start_tpm,
                              "device key (tpm): no TPM at ")
        self.tell("a token or TPM that is gone is missed in one line, and "
                  "found again")

    def what_is_wrong_is_one_line(self):
        """check-config has the device sign."""
        pin = self.room.pin("charger")
        for charger in (self.token, self.tpm):
            self.world.run("voltseal-agent", "check-config", "--dir",
                           charger.folder)
        write_text(pin, "999999\n", 0o600)
        self.refused("device key (pkcs11): token charger: login: wrong PIN",
                     "check-config", "--dir", self.token.folder)
        write_text(pin, PIN + "\n", 0o600)
        own = os.path.join(self.tpm.folder, "device.crt")
        shutil.copy(own, own + ".own")
        shutil.copy(os.path.join(self.token.folder, "device.crt"), own)
        self.refused("device key (tpm): the certificate is of another key",
                     "check-config", "--dir", self.tpm.folder)
        os.rename(own + ".own", own)
        self.refused("there is no key there", "provision", *self.again(
            self.tpm, self.tpm.place.replace("010001", "01000f")))
        self.need(not os.path.exists(self.path("again")), "something is left")
        self.tell("a wrong PIN, another's certificate and a missing key are "
                  "one line each")

    def again(self, charger, key):
        """What provisions a charger like it once more, with another key."""
        published = self.path("published")
        args = ["--dir", self.path("again"), "--vehicle", charger.id]
        for c, (seal, pack) in self.room.artifacts(published,
                                                   "1.0.0").items():
            args += ["--component", f"{c}={HARDWARE[c]}:{9 << 20}",
                     "--seal", f"{c}={seal}", "--pack", f"{c}={pack}"]
        for name, file in (("keyring", "keyring"),
                           ("director-root", "director-root/1.root.json"),
                           ("image-root", "image-root/1.root.json")):
            args += ["--" + name, os.path.join(published, file)]
        return args + ["--server", "https://localhost:1", "--ca",
                       self.room.authority("server-ca"), "--cert",
                       os.path.join(charger.tls, "cert.pem"), "--key", key]

    def tell_all(self):
        """From the beginning to the end."""
        self.open_room()
        self.make_devices()
        self.keys_are_made_in_their_devices()
        self.production_refuses_a_file()
        self.an_update_comes_through()
        self.a_device_that_is_gone_is_missed()
        self.what_is_wrong_is_one_line()


if __name__ == "__main__":
    sys.exit(Keys.main(__doc__))
