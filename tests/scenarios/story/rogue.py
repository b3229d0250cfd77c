# SPDX-License-Identifier: Apache-2.0
"""An attacker who owns the update server: its TLS key, its online keys, its
disk and its address.  What he lacks are the keys of the signing room."""
import copy
import hashlib
import http.server
import json
import os
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request


def canonical(value):
    """Canonical JSON for the ASCII documents of this project."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"),
                      ensure_ascii=False).encode()


def stamp(seconds):
    """TUF's time text."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def hashes(data):
    """The two hashes our metadata carries."""
    return {"sha256": hashlib.sha256(data).hexdigest(),
            "sha512": hashlib.sha512(data).hexdigest()}


class StolenKey:
    """An online Ed25519 key taken from the server's disk."""

    def __init__(self, path):
        self.path = path
        with open(path.removesuffix(".pem") + ".pub.json",
                  encoding="utf-8") as f:
            public = json.load(f)
        self.id = hashlib.sha256(canonical(public["tuf"])).hexdigest()

    def sign(self, body):
        """A whole signed envelope around body."""
        with tempfile.NamedTemporaryFile() as message:
            message.write(canonical(body))
            message.flush()
            sig = subprocess.run(
                ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.path,
                 "-in", message.name], check=True, stdout=subprocess.PIPE)
        return canonical({"signatures": [{"keyid": self.id,
                                          "sig": sig.stdout.hex()}],
                          "signed": body})


class Captured:
    """What the server served to one charger when it was taken over."""

    def __init__(self, base, context):
        self.base = base
        self.context = context
        self.files = {}

    def get(self, path):
        """Fetches and keeps one file."""
        with urllib.request.urlopen(self.base + path, timeout=10,
                                    context=self.context) as answer:
            self.files[path] = answer.read()
        return self.files[path]

    def repository(self, where):
        """Fetches timestamp, snapshot and all that the snapshot lists."""
        stamp_file = json.loads(self.get(f"/{where}/timestamp.json"))
        version = stamp_file["signed"]["meta"]["snapshot.json"]["version"]
        snapshot = json.loads(self.get(f"/{where}/{version}.snapshot.json"))
        for name, entry in snapshot["signed"]["meta"].items():
            self.get(f"/{where}/{entry['version']}.{name}")
        return self

    def signed(self, where, role):
        """The body now in force of a role."""
        stamp_file = json.loads(self.files[f"/{where}/timestamp.json"])
        if role == "timestamp":
            return stamp_file["signed"]
        version = stamp_file["signed"]["meta"]["snapshot.json"]["version"]
        snapshot = json.loads(self.files[f"/{where}/{version}.snapshot.json"])
        if role == "snapshot":
            return snapshot["signed"]
        version = snapshot["signed"]["meta"][f"{role}.json"]["version"]
        return json.loads(self.files[f"/{where}/{version}.{role}.json"]
                          )["signed"]


def above(version):
    """A version that whoever has seen this one, or a later one that the
    server signed before it was taken over, still takes for new."""
    return max(version, int(time.time())) + 1


class Forger:
    """Makes metadata with the stolen online keys."""

    def __init__(self, online):
        self.keys = {name: StolenKey(os.path.join(online, name + ".pem"))
                     for name in ("director", "snapshot", "timestamp")}

    def chain(self, files, where, old, changed):
        """Signs snapshot and timestamp anew, above the old ones, over the
        role files in changed ({name: (version, bytes)})."""
        director = where == "director"
        later = stamp(time.time() + 3600)
        snapshot = copy.deepcopy(old.signed(where, "snapshot"))
        snapshot["version"] = above(snapshot["version"])
        snapshot["expires"] = later
        for name, (version, data) in changed.items():
            snapshot["meta"][name] = {"version": version, "length": len(data),
                                      "hashes": hashes(data)}
            files[f"/{where}/{version}.{name}"] = data
        key = self.keys["director" if director else "snapshot"]
        data = key.sign(snapshot)
        files[f"/{where}/{snapshot['version']}.snapshot.json"] = data
        timestamp = copy.deepcopy(old.signed(where, "timestamp"))
        timestamp["version"] = above(timestamp["version"])
        timestamp["expires"] = later
        timestamp["meta"]["snapshot.json"] = {
            "version": snapshot["version"], "length": len(data),
            "hashes": hashes(data)}
        key = self.keys["director" if director else "timestamp"]
        files[f"/{where}/timestamp.json"] = key.sign(timestamp)

    def direct(self, files, old, targets=None, vehicle=None):
        """A director that names other targets, or another charger."""
        body = copy.deepcopy(old.signed("director", "targets"))
        body["version"] = above(body["version"])
        body["expires"] = stamp(time.time() + 3600)
        if targets is not None:
            body["targets"] = targets
        if vehicle is not None:
            body["vehicleIdentifier"] = vehicle
        data = self.keys["director"].sign(body)
        self.chain(files, "director", old,
                   {"targets.json": (body["version"], data)})

    @staticmethod
    def assign(image_targets, ecus, campaign="forged"):
        """Director entries for image targets, as the real server makes."""
        out = {}
        for path, target in image_targets.items():
            custom = {k: target["custom"][k] for k in
                      ("hardwareIds", "releaseCounter", "rollbackIndex")}
            ecu, hardware = ecus[path.split("/")[0]]
            custom["ecuIdentifiers"] = {ecu: {"hardwareId": hardware}}
            custom["campaign"] = campaign
            out[path] = {"length": target["length"],
                         "hashes": target["hashes"], "custom": custom}
        return out


def wrong_pack(pack):
    """A well-formed pack whose first cluster decodes to other bytes."""
    clusters, = struct.unpack_from("<I", pack, 12)
    head, at = 64, 64 + 4 * clusters
    lengths = list(struct.unpack_from(f"<{clusters}I", pack, head))
    with tempfile.NamedTemporaryFile() as plain:
        plain.write(b"other bytes " * ((1 << 19) // 12) + b"12345678")
        plain.truncate(1 << 19)
        plain.flush()
        frame = subprocess.run(["zstd", "-q", "-c", "--no-check", plain.name],
                               check=True, stdout=subprocess.PIPE).stdout
    rest = pack[at + lengths[0]:]
    lengths[0] = len(frame)
    return pack[:head] + struct.pack(f"<{clusters}I", *lengths) + frame + rest


class Rogue:
    """The stolen address: serves each charger what the attacker chose for
    it, and answers everything else, reports too, with 503."""

    def __init__(self, port, certificate, key, device_ca):
        self.files = {}  # charger id -> {path: bytes}
        self.connections = set()
        rogue = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """One request of one charger."""
            protocol_version = "HTTP/1.1"

            def setup(self):
                """A charger connects."""
                super().setup()
                rogue.connections.add(self.connection)

            def finish(self):
                """A charger is gone."""
                rogue.connections.discard(self.connection)
                try:
                    super().finish()
                except OSError:
                    pass  # it was cut off

            def charger(self):
                """The common name of the client's certificate."""
                for part in self.connection.getpeercert()["subject"]:
                    if part[0][0] == "commonName":
                        return part[0][1]
                return ""

            def answer(self, code, data):
                """A whole answer, or the range asked for."""
                wanted = self.headers.get("Range")
                extra = []
                if code == 200 and wanted:
                    first, last = wanted.removeprefix("bytes=").split("-")
                    first = int(first)
                    last = min(int(last or len(data)), len(data) - 1)
                    extra = [("Content-Range",
                              f"bytes {first}-{last}/{len(data)}")]
                    data, code = data[first:last + 1], 206
                self.send_response(code)
                self.send_header("Content-Length", str(len(data)))
                for name, value in extra:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                """A file the attacker prepared, or nothing."""
                mine = rogue.files.get(self.charger(), {})
                if not mine:
                    self.answer(503, b"")
                elif self.path in mine:
                    self.answer(200, mine[self.path])
                else:
                    self.answer(404, b"")

            def do_POST(self):
                """Reports are swallowed: nobody is to learn of this."""
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.answer(503, b"")

            def log_message(self, format, *args):
                """Silence."""

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(device_ca)
        context.verify_mode = ssl.CERT_REQUIRED
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port),
                                                      Handler,
                                                      bind_and_activate=False)
        self.server.allow_reuse_address = True
        self.server.daemon_threads = True
        self.server.server_bind()
        self.server.server_activate()
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True,
            do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={"poll_interval": 0.1})
        self.thread.start()

    def stop(self):
        """Gives the address back."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the charger has gone already
