# SPDX-License-Identifier: Apache-2.0
"""A TUF repository that a test may spoil in any way, served on loopback.

A test changes the plain "signed" objects in Repository.bodies and publishes
the roles it means to; what is served is a dictionary of names and bytes, which
a test may change behind the repository's back.
"""
import hashlib
import http.server
import json
import subprocess
import threading
import time
import urllib.parse

TOP = ("root", "timestamp", "snapshot", "targets")


def canonical(value):
    """OLPC's canonical JSON, by the standard library's means."""
    if isinstance(value, dict):
        return b"{" + b",".join(
            canonical(k) + b":" + canonical(v) for k, v in
            sorted(value.items(), key=lambda kv: kv[0].encode())) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(canonical(v) for v in value) + b"]"
    if isinstance(value, str):
        return b'"' + value.replace("\\", "\\\\").replace(
            '"', '\\"').encode() + b'"'
    return json.dumps(value).encode()


def quote(name):
    """A name as part of a URL: one component, whatever it holds."""
    return urllib.parse.quote(name, safe="")


def stamp(days):
    """So many days from now, as metadata writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ",
                         time.gmtime(time.time() + days * 86400))


class Keeper:
    """The process that keeps private keys."""

    def __init__(self, program):
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        self.count = 0

    def ask(self, line):
        """One line there, one line back."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().rstrip("\n")
        if not answer:
            raise RuntimeError("the keeper of keys has died")
        return answer

    def close(self):
        """Ends the process; it must not have failed."""
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise RuntimeError("the keeper of keys has failed")


class Key:
    """One key; members of its object may be changed before it is used."""

    def __init__(self, keeper, kind="ed25519"):
        self.keeper = keeper
        self.object = json.loads(keeper.ask("new " + kind))
        self.at = keeper.count
        keeper.count += 1

    @property
    def id(self):
        """The digest of all that the object holds."""
        return hashlib.sha256(canonical(self.object)).hexdigest()

    def sign(self, body, salt=None):
        """An entry of "signatures"."""
        line = f"sign {self.at} {canonical(body).hex()}"
        if salt is not None:
            line += f" {salt}"
        return {"keyid": self.id, "sig": self.keeper.ask(line)}


class Repository:
    """Version 1 of everything, published; one Ed25519 key for each role."""

    def __init__(self, keeper, consistent=True):
        self.keeper = keeper
        self.bodies = {}
        self.signers = {}
        self.files = {}
        self.listed = False  # lengths and hashes in snapshot and timestamp
        self.prefixed = True  # HASH.NAME, if consistent
        for role in TOP:
            self.bodies[role] = self.body(role)
            self.signers[role] = [Key(keeper)]
        self.bodies["root"].update(
            consistent_snapshot=consistent, keys={},
            roles={r: {"keyids": [], "threshold": 1} for r in TOP})
        self.bodies["timestamp"]["meta"] = {}
        self.bodies["snapshot"]["meta"] = {}
        for role in TOP:
            self.allow(role, self.signers[role][0])
        self.publish("targets", "snapshot", "timestamp", "root")

    @staticmethod
    def body(role):
        """What all files have."""
        made = {"_type": role if role in TOP else "targets",
                "spec_version": "1.0.34", "version": 0, "expires": stamp(30)}
        if made["_type"] == "targets":
            made["targets"] = {}
        return made

    @property
    def root(self):
        """The root to be published next."""
        return self.bodies["root"]

    @property
    def meta(self):
        """What the next snapshot lists."""
        return self.bodies["snapshot"]["meta"]

    def threshold(self, role, number):
        """Sets a top-level role's threshold."""
        self.root["roles"][role]["threshold"] = number

    def allow(self, role, *keys):
        """Adds keys to a top-level role, which does not sign with them."""
        for key in keys:
            self.root["keys"][key.id] = key.object
            self.root["roles"][role]["keyids"].append(key.id)

    def add(self, role, *keys):
        """Adds keys, and the role signs with them."""
        self.allow(role, *keys)
        self.signers[role] += keys

    def rotate(self, role):
        """Other keys, as many as the threshold asks for."""
        number = self.root["roles"][role]["threshold"]
        self.root["roles"][role]["keyids"] = []
        self.signers[role] = []
        self.add(role, *[Key(self.keeper) for _ in range(number)])

    def delegate(self, delegator, name, paths=("*",), *, keys=None,
                 terminating=False, **more):
        """Adds a delegation at the end; more: further members of it."""
        if keys is None:
            keys = [Key(self.keeper)]
        at = self.bodies[delegator].setdefault("delegations",
                                               {"keys": {}, "roles": []})
        at["keys"].update({key.id: key.object for key in keys})
        role = {"name": name, "keyids": [key.id for key in keys],
                "threshold": 1, "terminating": terminating}
        if paths is not None:
            role["paths"] = list(paths)
        role.update(more)
        at["roles"].append(role)
        if name not in self.bodies:
            self.bodies[name] = self.body(name)
            self.signers[name] = list(keys)

    def target(self, role, path, data, algorithms=("sha256",)):
        """Names a target and serves it under every name it may have."""
        hashes = {a: hashlib.new(a, data).hexdigest() for a in algorithms}
        self.bodies[role]["targets"][path] = {"length": len(data),
                                              "hashes": hashes}
        folder, slash, name = urllib.parse.quote(path).rpartition("/")
        self.files["targets/" + urllib.parse.quote(path)] = data
        for digest in hashes.values():
            self.files[f"targets/{folder}{slash}{digest}.{name}"] = data

    def names(self, part):
        """The names of the served files that end in part."""
        return [name for name in self.files if name.endswith(part)]

    def encode(self, role):
        """The signed file, indented as other tools write it."""
        body = self.bodies[role]
        whole = {"signatures": [key.sign(body) for key in
                                self.signers[role]], "signed": body}
        return json.dumps(whole, indent=1, ensure_ascii=False).encode()

    def name(self, role):
        """Under which name the version to be published is served."""
        version = self.bodies[role]["version"]
        bare = role == "timestamp" or not (
            role == "root" or self.root["consistent_snapshot"])
        prefix = "" if bare else f"{version}."
        return f"metadata/{prefix}{quote(role)}.json"

    def note(self, role, data):
        """What timestamp or snapshot says of a file."""
        said = {"version": self.bodies[role]["version"]}
        if self.listed:
            said["length"] = len(data)
            said["hashes"] = {"sha256": hashlib.sha256(data).hexdigest()}
        return said

    def publish(self, *roles, bump=True):
        """Raises versions, signs, lists and serves, in this order."""
        for role in roles:
            if bump:
                self.bodies[role]["version"] += 1
            data = self.encode(role)
            self.files[self.name(role)] = data
            if role == "snapshot":
                self.bodies["timestamp"]["meta"]["snapshot.json"] = \
                    self.note(role, data)
            elif role not in TOP or role == "targets":
                self.meta[role + ".json"] = self.note(role, data)

    def publish_all(self, *more):
        """The three that lead to targets, after the roles given."""
        self.publish(*more, "targets", "snapshot", "timestamp")

    def served(self, role):
        """The bytes of a role's file of the version now in its body."""
        return self.files[self.name(role)]


class Server(http.server.ThreadingHTTPServer):
    """Serves one repository after the other, and keeps what was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repository = None
        self.asked = []
        self.codes = {}  # name: an HTTP status to answer with
        self.endless = set()  # names that never come to an end
        self.sent = 0  # bytes of the last endless answer
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def begin(self, repository):
        """A new test."""
        self.repository = repository
        self.asked = []
        self.codes = {}
        self.endless = set()

    def metadata_asked(self):
        """Requests for metadata, in their order, without the folder."""
        return [name[len("metadata/"):] for name in self.asked
                if name.startswith("metadata/")]

    def targets_asked(self):
        """The same of targets."""
        return [name[len("targets/"):] for name in self.asked
                if name.startswith("targets/")]


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self):
        """The file of exactly this name, nothing decoded."""
        server = self.server
        name = self.path.lstrip("/")
        server.asked.append(name)
        data = server.repository.files.get(name)
        code = server.codes.get(name, 200 if data is not None else 404)
        if name in server.endless:
            self.pour()
            return
        self.send_response(code)
        data = data if code == 200 else b"no\n"
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def pour(self):
        """An answer without a length that goes on until nobody listens."""
        self.server.sent = 0
        self.send_response(200)
        self.end_headers()
        try:
            while self.server.sent < 1 << 30:
                self.wfile.write(b" " * 65536)
                self.server.sent += 65536
        except OSError:
            pass

    def log_message(self, *args):
        """Nothing to standard error."""
