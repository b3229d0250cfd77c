# SPDX-License-Identifier: Apache-2.0
"""The real voltseal-server in a folder of its own, TLS clients for it, and
checks that speak TAP."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
import traceback

from chargers import Charger, Room, openssl

TIMEOUT = 30


class Tap:
    """One line of TAP for each check; a section that breaks off is one
    failed check more."""

    def __init__(self):
        self.count = self.failed = 0

    def check(self, good, sentence, said=None):
        """ok or not ok; said: what was there instead."""
        self.count += 1
        self.failed += not good
        sentence = sentence.replace("#", "no. ")
        print(f"{'ok' if good else 'not ok'} {self.count} - {sentence}",
              flush=True)
        if not good and said is not None:
            for line in str(said).splitlines()[:40]:
                print("#   " + line, flush=True)
        return good

    def skip(self, sentence, why):
        """What cannot be tried here."""
        self.count += 1
        print(f"ok {self.count} - {sentence} # SKIP {why}", flush=True)

    def equal(self, got, wanted, sentence):
        """Whether two values are the same."""
        return self.check(got == wanted, sentence,
                          f"got {got!r}, wanted {wanted!r}")

    def section(self, function, *args):
        """Runs a function full of checks."""
        print(f"# {function.__doc__.split(chr(10))[0]}", flush=True)
        try:
            function(self, *args)
        except Exception:  # whatever it was, the rest still runs
            self.check(False, f"{function.__name__} runs to its end",
                       traceback.format_exc())

    def end(self):
        """The plan, and the exit code."""
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed else 0


class Answer:
    """An HTTP answer, or code 0 where the connection was refused."""

    def __init__(self, code, headers, body):
        self.code = code
        self.headers = headers
        self.body = body

    def json(self):
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def reason(self):
        """The reason's word of an error."""
        try:
            said = self.json()
            return said["reason"] if isinstance(said["error"], str) else None
        except (ValueError, KeyError, TypeError):
            return None

    def one_line(self):
        """Whether the error is one line for a person."""
        try:
            text = self.json()["error"]
        except (ValueError, KeyError, TypeError):
            return False
        return 0 < len(text) < 512 and text.isprintable()

    def __repr__(self):
        return f"{self.code} {self.body[:300]!r}"


class Client:
    """One who asks over TLS; each request on a new connection, so that each
    is judged anew."""

    def __init__(self, port, ca, certificate=None, key=None, token=None):
        self.port = port
        self.token = token
        self.context = ssl.create_default_context(cafile=ca)
        if certificate:
            self.context.load_cert_chain(certificate, key)

    def headers(self, more=None):
        """The headers of a request."""
        out = dict(more or {})
        if self.token and "Authorization" not in out:
            out["Authorization"] = "Bearer " + self.token
        return out

    def ask(self, method, path, body=None, headers=None):
        """One request; a dict or list is sent as JSON."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        c = http.client.HTTPSConnection("127.0.0.1", self.port,
                                        timeout=TIMEOUT, context=self.context)
        try:
            c.putrequest(method, path, skip_accept_encoding=True)
            for name, value in self.headers(headers).items():
                c.putheader(name, value)
            if body is not None or method in ("POST", "PUT"):
                c.putheader("Content-Length", str(len(body or b"")))
            c.endheaders()
            try:
                if body:
                    c.send(body)
            except (OSError, ssl.SSLError):
                pass  # refused before the end; the answer may be there
            answer = c.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except (ssl.SSLError, ConnectionError, http.client.HTTPException):
            return Answer(0, {}, b"")
        finally:
            c.close()

    def get(self, path, **headers):
        """A GET."""
        return self.ask("GET", path, headers=headers)

    def post(self, path, body=None):
        """A POST of JSON."""
        return self.ask("POST", path, body)

    def put(self, path, body):
        """A PUT of bytes."""
        return self.ask("PUT", path, body)

    def good(self, path):
        """The body of a GET that must be answered with 200."""
        answer = self.get(path)
        if answer.code != 200:
            raise AssertionError(f"GET {path}: {answer!r}")
        return answer.body

    def raw(self, data, wait=True, seconds=TIMEOUT):
        """Sends bytes as they are; gives the status code of the answer, 0
        if the connection was ended without one."""
        with socket.create_connection(("127.0.0.1", self.port),
                                      seconds) as plain:
            with self.context.wrap_socket(
                    plain, server_hostname="127.0.0.1") as s:
                try:
                    s.sendall(data)
                    if not wait:
                        return 0
                    line = s.recv(4096)
                except (ssl.SSLError, ConnectionError):
                    return 0
        found = re.match(rb"HTTP/1\.[01] (\d{3})", line)
        return int(found.group(1)) if found else 0


class Authority:
    """A CA, and the certificates it issues."""

    def __init__(self, folder, name):
        self.folder = folder
        self.key = os.path.join(folder, name + ".key")
        self.certificate = os.path.join(folder, name + ".pem")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                "-out", self.certificate, "-days", "30", "-subj",
                f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign")

    def issue(self, subject, key, out, **how):
        """A certificate of a PEM key.  how: purpose, alternative, days."""
        request = openssl("req", "-new", "-key", key, "-subj", subject)
        lines = ["basicConstraints=critical,CA:FALSE",
                 "keyUsage=critical,digitalSignature",
                 "extendedKeyUsage=" + how.get("purpose", "clientAuth")]
        if "alternative" in how:
            lines.append("subjectAltName=" + how["alternative"])
        extensions = out + ".ext"
        with open(extensions, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        openssl("x509", "-req", "-CA", self.certificate, "-CAkey", self.key,
                "-CAcreateserial", "-days", str(how.get("days", 30)),
                "-extfile", extensions, "-out", out, data=request)
        return out


def run(program, *args):
    """Runs a program to its end, whatever that is; one that does not end is
    killed (exit -9)."""
    with subprocess.Popen([program, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        try:
            out, err = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
    return subprocess.CompletedProcess(args, process.returncode, out, err)


def free_port():
    """A port nobody listens on now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


PEOPLE = {"vera": ["viewer"], "otto": ["operator"], "olga": ["operator"],
          "anna": ["approver"], "aude": ["auditor"], "adam": ["admin"],
          "both": ["operator", "approver"]}

# What schema 3 had and later ones have not.
SCHEMA_3 = """
CREATE TABLE ecu (device TEXT NOT NULL, place BIGINT NOT NULL,
  id TEXT NOT NULL, component TEXT NOT NULL, hardware TEXT NOT NULL,
  PRIMARY KEY (device, place));
CREATE TABLE label (device TEXT NOT NULL, kind TEXT NOT NULL,
  value TEXT NOT NULL, PRIMARY KEY (device, kind, value));
CREATE TABLE watch (device TEXT NOT NULL, name TEXT NOT NULL,
  value BIGINT NOT NULL, PRIMARY KEY (device, name));
CREATE TABLE freeze (name TEXT PRIMARY KEY, is_on BIGINT NOT NULL,
  person TEXT NOT NULL, because TEXT NOT NULL, since_s BIGINT NOT NULL);
INSERT INTO freeze SELECT name, is_on, person, because, since_s FROM frozen;
ALTER TABLE device ADD COLUMN certificate TEXT NOT NULL DEFAULT '';
UPDATE device SET certificate =
  (SELECT pem FROM certificate WHERE device = id);
"""


class World:
    """A server with its certificates, its signing room, people and
    chargers, in one folder."""

    def __init__(self, program, folder, **settings):
        self.program = program
        self.folder = folder
        self.process = None
        self.log = os.path.join(folder, "server.log")
        self.tls = os.path.join(folder, "tls")
        os.makedirs(self.tls)
        self.server_ca = Authority(self.tls, "server-ca")
        self.device_ca = Authority(self.tls, "device-ca")
        self.ports = (free_port(), free_port())
        self.conf = os.path.join(folder, "server.conf")
        self.data = os.path.join(folder, "data")
        self.make_identity()
        self.settings = {
            "data_dir": self.data,
            "device_listen": f"127.0.0.1:{self.ports[0]}",
            "operator_listen": f"127.0.0.1:{self.ports[1]}",
            "tls_cert": os.path.join(self.tls, "server.pem"),
            "tls_key": os.path.join(self.tls, "server.key"),
            "device_ca": self.device_ca.certificate,
            "director_root": self.path("director", "1.root.json"),
            "image_root": self.path("image", "1.root.json"),
            "keyring": self.path("image", "keyring"),
            "poll_s": 7, "release_stage": "general", **settings}
        self.configure(self.conf)
        self.run("init", "--config", self.conf)
        self.room = Room(self.path("room"), self.path("data", "online"))
        self.write(self.room.director_root, "director", "1.root.json")
        self.write(self.room.first_root, "image", "1.root.json")
        self.write(self.room.keyring(), "image", "keyring")
        self.people = {}
        self.chargers = {}

    def path(self, *parts):
        """A path in the world's folder."""
        return os.path.join(self.folder, *parts)

    def write(self, data, *parts):
        """Writes a file, making its folder."""
        path = self.path(*parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def configure(self, path, **changed):
        """Writes a configuration; None leaves a key out."""
        values = {**self.settings, **changed}
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(f"{k} = {v}\n" for k, v in values.items()
                         if v is not None)
        return path

    def make_identity(self):
        """The server's key and certificate."""
        key = os.path.join(self.tls, "server.key")
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-out", key)
        os.chmod(key, 0o600)
        self.server_ca.issue("/CN=update-server", key,
                             os.path.join(self.tls, "server.pem"),
                             purpose="serverAuth",
                             alternative="IP:127.0.0.1,DNS:localhost")

    def run(self, *args, expect=0):
        """Runs the program to its end; gives what it printed."""
        done = run(self.program, *args)
        if expect is not None and done.returncode != expect:
            raise AssertionError(f"voltseal-server {' '.join(args)}: exit "
                                 f"{done.returncode}: {done.stderr}")
        return done if expect is None else done.stdout

    def add_people(self):
        """Everybody of PEOPLE, each with a client."""
        for name, roles in PEOPLE.items():
            args = [a for r in roles for a in ("--role", r)]
            token = self.run("user", "add", name, *args, "--config",
                             self.conf).strip()
            self.people[name] = self.person(token)

    def person(self, token):
        """A client of the operators' listener."""
        return Client(self.ports[1], self.server_ca.certificate, token=token)

    def device(self, certificate=None, key=None):
        """A client of the chargers' listener."""
        return Client(self.ports[0], self.server_ca.certificate, certificate,
                      key)

    def charger(self, number, site, ed25519=False):
        """A charger with a certificate, not yet registered."""
        folder = self.path("identities")
        os.makedirs(folder, exist_ok=True)
        c = Charger(number, site, folder, ed25519)
        self.device_ca.issue(f"/CN={c.id}", c.key.path, c.certificate)
        c.client = self.device(c.certificate, c.key.path)
        self.chargers[c.id] = c
        return c

    def fleet(self, *numbers, site="north", **says):
        """Registered chargers that have reported once."""
        out = []
        for number in numbers:
            c = self.charger(number, site)
            answer = self.people["otto"].post("/v1/devices",
                                              c.registration(**says))
            assert answer.code in (200, 201), answer
            assert c.report().code == 200
            out.append(c)
        return out

    def start(self, seconds=TIMEOUT):
        """Starts it and waits until both listeners answer."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "run", "--config", self.conf],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + seconds
        for port in self.ports:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    pass
                if self.process.poll() is not None or \
                        time.monotonic() > end:
                    raise AssertionError("the server did not start:\n" +
                                         self.said())
                time.sleep(0.02)

    def said(self):
        """The last of the server's log."""
        try:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                return f.read()[-3000:]
        except FileNotFoundError:
            return ""

    def stop(self, how=signal.SIGTERM):
        """Ends it; gives its exit status."""
        if not self.process:
            return None
        self.process.send_signal(how)
        try:
            return self.process.wait(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "did not stop"
        finally:
            self.process = None

    def power_cut(self):
        """Kills it without a goodbye and starts it again."""
        self.stop(signal.SIGKILL)
        self.start()

    def database(self):
        """The database of a stopped server."""
        return sqlite3.connect(self.path("data", "voltseal.db"))

    def age(self):
        """Makes a stopped server's database one of schema 3."""
        with self.database() as db:
            db.executescript(SCHEMA_3)
            for row in db.execute("SELECT id, ecus, labels FROM device"
                                  ).fetchall():
                words = iter(row[1].split())
                db.executemany("INSERT INTO ecu VALUES (?, ?, ?, ?, ?)",
                               [(row[0], n, *ecu) for n, ecu in
                                enumerate(zip(words, words, words))])
                db.executemany("INSERT INTO label VALUES (?, ?, ?)",
                               [(row[0], *line.split("=", 1))
                                for line in row[2].splitlines()])
            for device, said in db.execute("SELECT device, said FROM "
                                           "charger_state").fetchall():
                said = json.loads(said)
                db.executemany(
                    "INSERT INTO watch VALUES (?, ?, ?)",
                    [(device, name, said[name]) for name in
                     ("due", "epoch", "floor-fell", "floor-not-raised",
                      "boot-differs") if name in said])
            for column in ("labels", "ecus", "fingerprint", "expires_s"):
                db.execute(f"ALTER TABLE device DROP COLUMN {column}")
            for table in ("certificate", "charger_state", "frozen"):
                db.execute(f"DROP TABLE {table}")
            db.execute("UPDATE meta SET value = '3' WHERE name = 'schema'")

    @contextlib.contextmanager
    def reader(self):
        """The database, also of a running server."""
        db = sqlite3.connect(self.path("data", "voltseal.db"), timeout=10)
        try:
            with db:
                yield db
        finally:
            db.close()

    def audit(self):
        """The whole audit log, page by page."""
        records, after = [], 0
        while True:
            page = self.people["aude"].get(
                f"/v1/audit?after={after}&limit=100").json()
            if not page:
                return records
            records += page
            after = page[-1]["seq"]

    def upload(self):
        """Everything the room has made."""
        for name, data in self.room.artifacts.items():
            answer = self.people["otto"].put("/v1/artifacts/" + name, data)
            assert answer.code in (200, 201), answer

    def publish(self, files):
        """POST /v1/repository."""
        return self.people["otto"].post("/v1/repository", {
            "files": {k: v.decode() for k, v in files.items()}})

    def campaign(self, release, name="spring", start=True, **plan):
        """Creates a campaign, has it approved and started; its id."""
        plan = {"name": name, "release": release,
                "waves": [{"percent": 100}], "soak_s": 0, **plan}
        answer = self.people["otto"].post("/v1/campaigns", plan)
        assert answer.code in (200, 201), answer
        number = str(answer.json()["id"])
        for who, move in (("anna", "approve"), ("otto", "start")):
            if start:
                answer = self.people[who].post(
                    f"/v1/campaigns/{number}/{move}")
                assert answer.code == 200, answer
        return number

    def shown(self, number):
        """A campaign as the server shows it."""
        return json.loads(self.people["vera"].good(
            f"/v1/campaigns/{number}"))

    def members(self, number):
        """{charger: state} of a campaign."""
        return {m["id"]: m["state"] for m in self.shown(number)["members"]}

    def wait(self, ask, seconds=15):
        """Asks until the answer is true or the time is over."""
        end = time.monotonic() + seconds
        while not (answer := ask()) and time.monotonic() < end:
            time.sleep(0.1)
        return answer


def kinds():
    """The kinds of record that docs/formats/audit.md knows."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                        "docs", "formats", "audit.md")
    with open(path, encoding="utf-8") as f:
        table = f.read().split("## 3. Actions")[1].split("## 4.")[0]
    return {word for row in re.findall(r"^\| (`.*?`) \| ", table, re.MULTILINE)
            for word in re.findall(r"`([a-z-]+)`", row)}


def quiet(tap, world):
    """Nothing was said that a sanitizer or an assertion would say, and no
    secret; nothing is in the log that is not described."""
    if os.path.exists(world.path("data", "voltseal.db")):
        with world.reader() as db:
            logged = {row[0] for row in db.execute(
                "SELECT DISTINCT action FROM audit")}
        tap.check(logged <= kinds(), "its kinds of record are described",
                  logged - kinds())
    with open(world.log, encoding="utf-8", errors="replace") as f:
        said = f.read()
    bad = [line for line in said.splitlines() if any(
        word in line for word in ("Sanitizer", "runtime error", "Assertion",
                                  "PRIVATE KEY"))]
    bad += [name for name, c in world.people.items() if c.token in said]
    tap.check(not bad, "its log has no finding and no secret",
              "\n".join(bad[:20]))


def main(function):
    """The program argument, a folder that is removed, and the exit code."""
    import shutil
    import tempfile
    tap = Tap()
    folder = tempfile.mkdtemp(prefix="voltseal-server-")
    try:
        function(tap, *map(os.path.abspath, sys.argv[1:]), folder)
    finally:
        if os.environ.get("KEEP"):
            print(f"# kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return tap.end()
