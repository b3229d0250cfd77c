# SPDX-License-Identifier: Apache-2.0
"""The signing room: three holders with a token each, a certificate token,
and the releases they approve."""
import hashlib
import json
import os
import subprocess

from world import StoryError, read_json, write_text

HOLDERS = ("holder-1", "holder-2", "holder-3")
PIN = "246813"
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"


def canonical(value):
    """Canonical JSON: only quote and backslash are escaped, so a key's PEM
    keeps its newlines."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"),
                      ensure_ascii=False).replace("\\n", "\n").encode()


class Room:
    """A signing room in the folder WORLD/room."""
    components = ("gateway", "controller")

    def __init__(self, world):
        self.world = world
        self.folder = os.path.join(world.folder, "room")
        self.public = os.path.join(world.folder, "public-keys")
        self.ca = os.path.join(world.folder, "ca")
        self.pins = os.path.join(world.folder, "pins")
        for path in (self.public, self.pins):
            os.makedirs(path, exist_ok=True)
        tokens = os.path.join(world.folder, "tokens")
        os.makedirs(tokens, exist_ok=True)
        conf = os.path.join(world.folder, "softhsm2.conf")
        write_text(conf, f"directories.tokendir = {tokens}\n"
                         "objectstore.backend = file\nlog.level = ERROR\n")
        world.env["SOFTHSM2_CONF"] = conf

    def sign(self, *args, **kw):
        """voltseal-sign with these arguments."""
        return self.world.run("voltseal-sign", *args, **kw)

    def pin(self, token):
        """The file with a token's PIN, as its holder would type it."""
        path = os.path.join(self.pins, token)
        if not os.path.exists(path):
            write_text(path, PIN + "\n", 0o600)
        return path

    def make_tokens(self):
        """A token for each person, with keys that cannot leave it."""
        for holder in HOLDERS:
            self.make_token(holder, ("root", "release", "boot"))
        self.make_token("certificates", ("device-ca", "server-ca"))

    def make_token(self, label, keys):
        """One token and its keys; their public parts as files."""
        self.sign("token", "init", "--label", label, "--pin-file",
                  self.pin(label), "--so-pin-file", self.pin("so-" + label))
        for key in keys:
            self.sign("key", "generate", "--token", label, "--key", key,
                      "--pin-file", self.pin(label))
            self.sign("key", "export", "--token", label, "--key", key,
                      "--pin-file", self.pin(label),
                      "--out", self.key_file(label, key))

    def key_file(self, label, key):
        """Where the public part of a key lies."""
        return os.path.join(self.public, f"{label}-{key}.pub.json")

    def make_authorities(self):
        """Device CA and server CA, their keys on the certificate token."""
        for name in ("device-ca", "server-ca"):
            self.sign("ca", "init", "--dir", os.path.join(self.ca, name),
                      "--token", "certificates", "--key", name,
                      "--pin-file", self.pin("certificates"))

    def authority(self, name):
        """The certificate of one of the two."""
        return os.path.join(self.ca, name, "cert.pem")

    def issue(self, authority, subject, out, server=None):
        """A key and certificate for a charger or the server."""
        extra = ["--server", server] if server else []
        self.sign("ca", "issue", "--dir", os.path.join(self.ca, authority),
                  "--token", "certificates", "--pin-file",
                  self.pin("certificates"), "--subject", subject,
                  "--out", out, *extra)

    def keys(self, kind):
        """The holders' public key files of one kind."""
        return [self.key_file(h, kind) for h in HOLDERS]

    def open(self, online):
        """Makes room and first metadata; two holders approve them."""
        def online_key(name):
            return os.path.join(online, name + ".pub.json")

        people = {"threshold": 2, "expires_days": 365}
        policy = {
            "root": {"keys": self.keys("root"), **people},
            "targets": {"keys": self.keys("root"), **people},
            "release": {"keys": self.keys("release"), **people,
                        "paths": [c + "/*" for c in self.components]},
            "snapshot": {"keys": [online_key("snapshot")], "threshold": 1},
            "timestamp": {"keys": [online_key("timestamp")], "threshold": 1},
            "director": {"root": {"keys": self.keys("root"), **people},
                         "online": {"keys": [online_key("director")],
                                    "threshold": 1}},
            "keyring": {"keys": self.keys("boot"), "threshold": 2,
                        "components": list(self.components)},
        }
        path = os.path.join(self.world.folder, "policy.json")
        write_text(path, json.dumps(policy, indent=1))
        self.sign("room", "init", "--dir", self.folder, "--policy", path)
        self.approve("init", HOLDERS[0])
        self.approve("init", HOLDERS[1])
        self.publish("init")

    def propose(self, name, seq, images, update_type="security", level=19):
        """Seals and packs images ({component: (file, version, hardware,
        security_version)}) and proposes them as one release."""
        args = []
        for component, (path, version, hardware, floor) in images.items():
            args += ["--component",
                     f"{component}={path}:{version}:{hardware}:{floor}"]
        self.sign("propose", "release", "--room", self.folder, "--name", name,
                  "--seq", seq, "--update-type", update_type,
                  "--level", level, *args)

    def approve(self, name, holder, expect=0):
        """One holder looks at a proposal and signs it."""
        return self.sign("approve", "--room", self.folder, "--proposal", name,
                         "--token", holder, "--pin-file", self.pin(holder),
                         "--yes", expect=expect)

    def publish(self, name, expect=0):
        """Puts an approved proposal in force; gives the folder to upload."""
        out = os.path.join(self.world.folder, "published")
        said = self.sign("publish", "--room", self.folder, "--proposal", name,
                         "--out", out, expect=expect)
        return out if expect == 0 else said

    @staticmethod
    def artifacts(published, name, role="release"):
        """{component: (seal, pack)} of a release that publish() wrote."""
        folder = os.path.join(published, "metadata")
        version = max(int(n.split(".")[0]) for n in os.listdir(folder)
                      if n.split(".", 1)[1] == role + ".json")
        body = read_json(os.path.join(folder, f"{version}.{role}.json"))
        return {path.split("/")[0]: tuple(
            os.path.join(published, "artifacts", digest) for digest in
            (t["hashes"]["sha256"], t["custom"]["pack"]["sha256"]))
                for path, t in body["signed"]["targets"].items()
                if t["custom"]["release"] == name}

    def approve_release(self, name):
        """Two people, in the order their work needs; tries what must fail."""
        first, second = HOLDERS[0], HOLDERS[1]
        self.approve(name, first)
        self.refused(self.publish(name, expect=1), "one approval")
        self.refused(self.approve(name, first, expect=1), "the same key twice")
        self.approve(name, second)
        self.approve(name, first)
        return self.publish(name)

    def pkcs11(self, holder, *args):
        """OpenSC's tool at a holder's token."""
        return subprocess.run(
            ["pkcs11-tool", "--module", SOFTHSM, "--token-label", holder,
             "--login", "--pin", PIN, *args], env=self.world.env, check=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    def object_id(self, holder, label):
        """Which object a label is: the tool signs with the first key else."""
        listed = self.pkcs11(holder, "--list-objects", "--type",
                             "privkey").decode().split("Private Key Object")
        mine, = (o for o in listed if f"label:      {label}\n" in o)
        return mine.split("ID:", 1)[1].split()[0]

    def signature(self, holder, label, body):
        """A signature of metadata that the room knows nothing of."""
        message = os.path.join(self.world.folder, "message")
        with open(message, "wb") as f:
            f.write(hashlib.sha256(canonical(body)).digest())
        signature = self.pkcs11(
            holder, "--sign", "--mechanism", "ECDSA", "--id",
            self.object_id(holder, label), "--signature-format", "openssl",
            "--input-file", message)
        public = read_json(self.key_file(holder, label))["tuf"]
        return {"keyid": hashlib.sha256(canonical(public)).hexdigest(),
                "sig": signature.hex()}

    @staticmethod
    def refused(said, what):
        """A refusal is one line on standard error."""
        if len(said.strip().splitlines()) != 1:
            raise StoryError(f"{what}: not one clear line:\n{said}")
