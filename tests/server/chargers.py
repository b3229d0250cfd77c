# SPDX-License-Identifier: Apache-2.0
"""An independent writer and reader of Voltseal's formats, in Python and with
the openssl command: keys, canonical JSON, TUF metadata, seals, packs,
keyrings, reports and the chargers that send them.  Nothing here shares code
with the C that the server judges by.

Formats: docs/formats/{seal,pack,report}.md; TUF 1.0.34 section 4.
"""
import hashlib
import json
import os
import struct
import subprocess
import tempfile
import time

BLOCK = 4096
CLUSTER = 128 * BLOCK
HARDWARE = {"gateway": "gw-rev3", "controller": "mc-rev2"}
YEAR = 365 * 86400


def openssl(*args, data=None):
    """What `openssl ARGS` writes; raises with its words if it fails."""
    done = subprocess.run(["openssl", *args], input=data,
                          capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {args[0]}: {done.stderr.decode()}")
    return done.stdout


def sha256(data):
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def canonical(value):
    """OLPC canonical JSON: only " and \\ are escaped."""
    if isinstance(value, dict):
        return b"{" + b",".join(
            canonical(k) + b":" + canonical(value[k])
            for k in sorted(value, key=lambda k: k.encode())) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(canonical(v) for v in value) + b"]"
    if isinstance(value, str):
        text = value.replace("\\", "\\\\").replace('"', '\\"')
        return b'"' + text.encode() + b'"'
    if value is True or value is False or value is None:
        return {True: b"true", False: b"false", None: b"null"}[value]
    if isinstance(value, int):
        return str(value).encode()
    raise TypeError(type(value))


def stamp(seconds):
    """TUF's time text."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def der_integers(der):
    """r and s of a DER signature, 32 bytes each."""
    def integer(at):
        assert der[at] == 2 and der[at + 1] < 0x80
        end = at + 2 + der[at + 1]
        return int.from_bytes(der[at + 2:end], "big"), end
    assert der[0] == 0x30 and der[1] == len(der) - 2
    r, at = integer(2)
    s, at = integer(at)
    assert at == len(der)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class Key:
    """A private key in a PEM file: P-256 or Ed25519."""

    def __init__(self, path, ed25519=False):
        self.path = path
        self.ed25519 = ed25519
        if not os.path.exists(path):
            kind = ["ED25519"] if ed25519 else \
                ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
            openssl("genpkey", "-algorithm", *kind, "-out", path)
            os.chmod(path, 0o600)
        der = openssl("pkey", "-in", path, "-pubout", "-outform", "DER")
        if ed25519:
            self.object = {"keytype": "ed25519", "scheme": "ed25519",
                           "keyval": {"public": der[-32:].hex()}}
        else:
            self.point = der[-65:]
            pem = openssl("pkey", "-in", path, "-pubout").decode()
            self.object = {"keytype": "ecdsa",
                           "scheme": "ecdsa-sha2-nistp256",
                           "keyval": {"public": pem}}
        self.id = sha256(canonical(self.object))

    def sign(self, message):
        """DER (P-256) or 64 bytes (Ed25519)."""
        if not self.ed25519:
            return openssl("dgst", "-sha256", "-sign", self.path,
                           data=message)
        with tempfile.NamedTemporaryFile() as f:
            f.write(message)
            f.flush()
            return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.path,
                           "-in", f.name)


def verified(key_object, message, sig):
    """Whether a key object's signature verifies: Ed25519, or ECDSA over
    SHA-256."""
    public = key_object["keyval"]["public"]
    if public.startswith("-----"):
        form, key = "PEM", public.encode()
    else:
        form = "DER"
        key = bytes.fromhex("302a300506032b6570032100" + public)
    with tempfile.TemporaryDirectory() as d:
        def put(name, data):
            path = os.path.join(d, name)
            with open(path, "wb") as f:
                f.write(data)
            return path
        done = subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform",
             form, "-inkey", put("key", key), "-in", put("message", message),
             "-sigfile", put("sig", sig)],
            capture_output=True, check=False)
    return done.returncode == 0


def envelope(body, keys):
    """A signed TUF file.  It is laid out otherwise than canonical, so that a
    server that writes anew what it was given is found out."""
    message = canonical(body)
    return json.dumps({"signatures": [{"keyid": k.id,
                                       "sig": k.sign(message).hex()}
                                      for k in keys],
                       "signed": body}, indent=1).encode()


def role(keys, threshold):
    """A role's key ids and threshold."""
    return {"keyids": [k.id for k in keys], "threshold": threshold}


def body_of(kind, version, ttl=YEAR, **more):
    """The members that every TUF file has, and more."""
    return {"_type": kind, "spec_version": "1.0.34", "version": version,
            "expires": stamp(time.time() + ttl), **more}


def text32(value):
    """A text field of a seal."""
    assert len(value) < 32
    return value.encode().ljust(32, b"\0")


class Image:
    """An image, its tree and its pack."""

    def __init__(self, data, salt):
        self.data = data
        self.salt = salt
        level = [self.digest(data[i:i + BLOCK].ljust(BLOCK, b"\0"))
                 for i in range(0, len(data), BLOCK)]
        levels = []
        while len(level) > 1:
            blocks = [b"".join(level[i:i + 128]).ljust(BLOCK, b"\0")
                      for i in range(0, len(level), 128)]
            levels.insert(0, b"".join(blocks))
            level = [self.digest(b) for b in blocks]
        self.root = level[0]
        self.above = b"".join(levels[:-1])  # the leaves are not sent

    def digest(self, block):
        """A node of the tree."""
        return hashlib.sha256(self.salt + block).digest()

    def pack(self, root=None):
        """The image in clusters, each its own zstd frame."""
        frames = []
        for at in range(0, len(self.data), CLUSTER):
            part = self.data[at:at + CLUSTER]
            frames.append(subprocess.run(
                ["zstd", "-q", "-c", "--no-check",
                 f"--stream-size={len(part)}"],
                input=part, capture_output=True, check=True).stdout)
        head = struct.pack("<8sIIQ32s8x", b"VPACK001", CLUSTER, len(frames),
                           len(self.data), root or self.root)
        return head + b"".join(struct.pack("<I", len(f)) for f in frames) + \
            b"".join(frames)


def signatures(message, keys):
    """A signature block over message."""
    entries = b"".join(
        struct.pack("<32sHH", hashlib.sha256(k.point).digest(), 1, 64) +
        der_integers(k.sign(message)) for k in keys)
    return struct.pack("<4sHHI", b"VSIG", len(keys), 0,
                       12 + len(entries)) + entries


def seal(image, keys, **says):
    """A seal file of an image; says: component, hardware, version, seq,
    floor."""
    hardware = says["hardware"] + [""] * (4 - len(says["hardware"]))
    header = struct.pack("<8sHBBBBH", b"VLTSEAL1", 1, 1, 12, 12, 1, 0)
    header += text32(says["component"])
    header += b"".join(text32(h) for h in hardware)
    header += text32(says["version"])
    header += struct.pack("<QIIQ", says["seq"], says["floor"], 0,
                          len(image.data))
    header += image.salt + image.root
    header = header.ljust(512, b"\0")
    return header + signatures(header, keys) + image.above


def keyring(version, keys, threshold, components, signers):
    """A keyring file."""
    rows = sorted((hashlib.sha256(k.point).digest(), k.point) for k in keys)
    length = 32 + 32 * len(components) + 104 * len(keys)
    body = struct.pack("<8sHHIHHI8x", b"VLTRING1", 1, threshold, version,
                       len(keys), len(components), length)
    body += b"".join(text32(c) for c in components)
    body += b"".join(struct.pack("<32sHH65s3x", i, 1, 65, p)
                     for i, p in rows)
    return body + signatures(body, signers)


class Room:
    """The signing room: three holders, and what they have signed so far.

    release() adds targets to the delegated role; files() signs it all.
    """

    def __init__(self, folder, online):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder

        def three(name):
            return [Key(os.path.join(folder, f"{name}-{i}.pem"))
                    for i in range(3)]
        self.roots, self.releasers = three("root"), three("release")
        self.boot = three("boot")
        self.online = {}
        self.read_online(online)
        self.version = 0
        self.targets = {}
        # ECDSA signs each time otherwise: made once
        self.first_root, self.first_top = self.root(), self.top()
        self.director_root = self.root(director=True)
        self.artifacts = {}  # sha256 -> bytes

    def read_online(self, folder):
        """Takes the server's public keys in."""
        for name in ("director", "snapshot", "timestamp"):
            with open(os.path.join(folder, name + ".pub.json"),
                      encoding="utf-8") as f:
                # canonical: a PEM keeps its newlines
                self.online[name] = json.load(f, strict=False)["tuf"]

    def online_id(self, name):
        """The key id of one of the server's keys."""
        return sha256(canonical(self.online[name]))

    def root(self, version=1, director=False, signers=None):
        """A root of the image repository, or of the director's."""
        keys = {k.id: k.object for k in self.roots}
        names = ("director",) * 2 if director else ("snapshot", "timestamp")
        for name in names:
            keys[self.online_id(name)] = self.online[name]

        def online_role(name):
            return {"keyids": [self.online_id(name)], "threshold": 1}
        return envelope(body_of(
            "root", version, consistent_snapshot=True, keys=keys, roles={
                "root": role(self.roots, 2),
                "targets": online_role("director") if director
                else role(self.roots, 2),
                "snapshot": online_role(names[0]),
                "timestamp": online_role(names[1])}),
            signers or self.roots[:2])

    def foreign_root(self, director):
        """A root that is signed well and names online keys of others."""
        mine = self.online
        self.online = {n: k.object for n, k in zip(mine, self.releasers)}
        try:
            return self.root(director=director)
        finally:
            self.online = mine

    def keyring(self):
        """The boot keyring, 2 of 3."""
        return keyring(1, self.boot, 2, ["gateway", "controller"],
                       self.boot[:2])

    def top(self, version=1, signers=None, **more):
        """The top-level targets file, which delegates all to release."""
        return envelope(body_of(
            "targets", version, targets={}, delegations={
                "keys": {k.id: k.object for k in self.releasers},
                "roles": [{"name": "release", "terminating": True,
                           "paths": ["gateway/*", "controller/*"],
                           **role(self.releasers, 2)}]}, **more),
            signers or self.roots[1:])

    def image(self, component, seq):
        """Bytes that differ from release to release; two clusters of them
        for a gateway, which has a level above its leaves then."""
        size = CLUSTER + 5 * BLOCK + 123 if component == "gateway" else 9000
        text = f"{component} {seq} ".encode()
        data = (text * (size // len(text) + 1))[:size]
        return Image(data, hashlib.sha256(component.encode()).digest())

    def target(self, component, version, seq, boot=None, says=None):
        """A target entry with its artifacts.  says: members of its custom
        field that are not what follows from the seal."""
        image = self.image(component, seq)
        file = seal(image, self.boot[:2] if boot is None else boot,
                    component=component, hardware=[HARDWARE[component]],
                    version=version, seq=seq, floor=1)
        pack = image.pack()
        self.artifacts[sha256(file)] = file
        self.artifacts[sha256(pack)] = pack
        custom = {"release": version, "component": component,
                  "version": version, "releaseCounter": seq,
                  "rollbackIndex": 1, "updateType": "security",
                  "hardwareIds": [HARDWARE[component]], "requires": {},
                  "pack": {"sha256": sha256(pack)}}
        custom.update(says or {})
        return {"length": len(file), "hashes": {
            "sha256": sha256(file),
            "sha512": hashlib.sha512(file).hexdigest()}, "custom": custom}

    def release(self, name, seq, components=("gateway", "controller"),
                boot=None, **says):
        """Adds a release of these components to what is signed next; boot:
        who seals it; says: members of custom that are not as sealed."""
        paths = [f"{c}/{c}-{name}.seal" for c in components]
        for c, path in zip(components, paths):
            self.targets[path] = self.target(
                c, name, seq, boot, {"releaseSet": paths, **says})
        return paths

    def delegated(self, version, signers=None, targets=None):
        """The file of the delegated role."""
        return envelope(body_of(
            "targets", version,
            targets=self.targets if targets is None else targets),
            signers or self.releasers[1:])

    def files(self):
        """All files of the next version of the delegated role."""
        self.version += 1
        return {"1.root.json": self.first_root,
                "1.targets.json": self.first_top,
                f"{self.version}.release.json": self.delegated(self.version)}


class Charger:
    """One charger: identity, installed versions, counter, and how it speaks
    to the server.  client: a harness.Client with its certificate."""

    def __init__(self, number, site, folder, ed25519=False):
        self.id = f"CP-{number:04d}"
        self.site = site
        self.key = Key(os.path.join(folder, self.id + ".pem"), ed25519)
        self.certificate = os.path.join(folder, self.id + ".cert.pem")
        self.runs = {"gateway": ("1.0.0", 1), "controller": ("1.0.0", 1)}
        self.counter = 0
        self.nonce = ""
        self.client = None

    def registration(self, **changed):
        """What an operator tells the server of it."""
        with open(self.certificate, encoding="utf-8") as f:
            certificate = f.read()
        return {"id": self.id, "site": self.site, "feeder": "",
                "model": "dc150", "certificate": certificate,
                "ecus": [{"id": f"{self.id}-{c}", "component": c,
                          "hardware": h} for c, h in HARDWARE.items()],
                **changed}

    def body(self, **changed):
        """A report's body, healthy and idle unless changed."""
        ecus = [{"ecuIdentifier": f"{self.id}-{c}",
                 "hardwareId": HARDWARE[c], "path": f"{c}/{c}-{v}.seal",
                 "length": 700, "sha256": sha256(f"{c} {v}".encode()),
                 "version": v, "releaseCounter": seq, "rollbackIndex": 1,
                 "floor": 1} for c, (v, seq) in self.runs.items()]
        return {"_type": "vehicle-manifest", "formatVersion": 1,
                "vehicleIdentifier": self.id, "primary": f"{self.id}-gateway",
                "counter": self.counter, "time": stamp(time.time()),
                "nonce": self.nonce, "status": "Idle", "phase": "idle",
                "detail": "", "reason": "none", "about": "",
                "campaignSeq": 0, "healthy": True, "charging": False,
                "directorVersion": 0, "slot": 0, "trial": False,
                "fellBack": False, "fallbackReason": "none",
                "bytesFetched": 0, "bytesTotal": 0, "ecus": ecus, **changed}

    def report(self, **changed):
        """Sends the next report and keeps the nonce of the answer."""
        self.counter += 1
        answer = self.send(envelope(self.body(**changed), [self.key]))
        if answer.code == 200:
            self.nonce = answer.json()["nonce"]
        return answer

    def send(self, data):
        """POST /report."""
        return self.client.ask("POST", "/report", data)

    def install(self, version, seq):
        """From now on it runs this release."""
        self.runs = {c: (version, seq) for c in self.runs}

    def director(self):
        """Its director files as a charger fetches them, each held against
        the one that names it: (timestamp, snapshot, targets) bodies."""
        get = self.client.good
        timestamp = json.loads(get("/director/timestamp.json"))
        raw = {}
        for name, named in (("snapshot", timestamp), ("targets", None)):
            named = named or raw["snapshot"]
            entry = named["signed"]["meta"][f"{name}.json"]
            data = get(f"/director/{entry['version']}.{name}.json")
            assert len(data) == entry["length"], name
            assert sha256(data) == entry["hashes"]["sha256"], name
            raw[name] = json.loads(data)
            assert raw[name]["signed"]["version"] == entry["version"], name
        return timestamp, raw["snapshot"], raw["targets"]

    def told(self):
        """{component: releaseCounter} that the director names now."""
        targets = self.director()[2]["signed"]["targets"]
        return {path.split("/")[0]: t["custom"]["releaseCounter"]
                for path, t in targets.items()}
