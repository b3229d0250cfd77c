# SPDX-License-Identifier: Apache-2.0
"""The server under load beside nginx, which serves a static answer of the
same size with the same certificates.  Both run on this machine, in turns;
what counts is the processor time of the server for each request.

The server is the real one, in the world of tests/server; bench-server is the
chargers."""
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "tests", "server"))
sys.dont_write_bytecode = True
from chargers import Image, Key, Room  # noqa: E402
from harness import World, free_port  # noqa: E402

CHARGERS = 10000
REPORTERS = 1000
DOWNLOADS = 500
PACK_BYTES = 16 * 1024 * 1024
POLL = "/director/timestamp.json"
SERVED = "/packs/bench.pack"

NGINX = """
daemon off;
{user}
worker_processes {workers};
worker_rlimit_nofile 20000;
error_log {folder}/error.log crit;
pid {folder}/nginx.pid;
events {{ worker_connections 12000; }}
http {{
    access_log off;
    server_tokens off;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    tcp_nopush on;
    sendfile on;
    open_file_cache max=1000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl backlog=4096 sndbuf=256k;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_client_certificate {device_ca};
        ssl_verify_client on;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_tickets off;
        ssl_session_cache off;
        default_type application/json;
        root {folder}/www;
        location = {poll} {{
            add_header Cache-Control no-store;
            add_header Retry-After 300;
            return 200 '{body}';
        }}
    }}
}}
"""


def missing():
    """What is not on this machine."""
    return [] if shutil.which("nginx") else ["nginx"]


def processes(pid):
    """A process and its children."""
    yield pid
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
            for child in f.read().split():
                yield from processes(int(child))


def busy_s(pid):
    """Processor seconds of a process, its threads and its children."""
    total = 0
    for one in processes(pid):
        for task in os.listdir(f"/proc/{one}/task"):
            with open(f"/proc/{one}/task/{task}/schedstat",
                      encoding="ascii") as f:
                total += int(f.read().split()[0])
    return total / 1e9


def pinned(cores):
    """What a child does first: it stays on these cores."""
    there = os.sched_getaffinity(0)
    return lambda: os.sched_setaffinity(0, cores & there or there)


class LargeRoom(Room):
    """Its gateway images are large and do not get smaller."""

    def image(self, component, seq):
        if component != "gateway":
            return super().image(component, seq)
        return Image(os.urandom(PACK_BYTES), bytes(32))


class Nginx:
    """A front without a service: its own folder, its own configuration."""

    def __init__(self, world, body, pack, workers, cores):
        self.folder = world.path(f"nginx-{workers}")
        self.port = free_port()
        os.makedirs(os.path.join(self.folder, "www", "packs"))
        with open(os.path.join(self.folder, "www" + SERVED), "wb") as f:
            f.write(pack)
        self.conf = os.path.join(self.folder, "nginx.conf")
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(NGINX.format(
                folder=self.folder, port=self.port, workers=workers,
                certificate=world.settings["tls_cert"],
                key=world.settings["tls_key"],
                user="user root;" if os.geteuid() == 0 else "",
                device_ca=world.settings["device_ca"], poll=POLL,
                body=body.replace("'", "\\'")))
        self.process = None
        self.cores = cores

    def start(self):
        """Runs until stop()."""
        log = open(os.path.join(self.folder, "log"), "ab")
        with log:
            self.process = subprocess.Popen(
                ["nginx", "-p", self.folder, "-c", self.conf, "-e",
                 os.path.join(self.folder, "error.log")],
                stdout=log, stderr=log, preexec_fn=pinned(self.cores))
        time.sleep(0.5)
        if self.process.poll() is not None:
            with open(os.path.join(self.folder, "log"),
                      encoding="utf-8") as f:
                raise RuntimeError("nginx: " + f.read()[-500:])

    def stop(self):
        """Ends it."""
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None

    @property
    def pid(self):
        """Of the first process."""
        return self.process.pid


class Ours:
    """The server itself, in the same shape."""

    def __init__(self, world, threads, cores):
        self.world = world
        self.cores = cores
        self.threads = threads
        self.port = world.ports[0]

    def start(self):
        """Runs until stop()."""
        w = self.world
        w.configure(w.conf, device_threads=self.threads)
        w.start()
        for task in os.listdir(f"/proc/{w.process.pid}/task"):
            with contextlib.suppress(OSError):
                os.sched_setaffinity(
                    int(task), self.cores & os.sched_getaffinity(0) or
                    os.sched_getaffinity(0))

    def stop(self):
        """Ends it."""
        self.world.stop()

    @property
    def pid(self):
        """Of the process."""
        return self.world.process.pid


class Bench:
    """One world with many chargers, and what is measured in it."""

    def __init__(self, programs, folder, chargers=CHARGERS):
        programs, folder = map(os.path.abspath, (programs, folder))
        self.chargers = chargers
        self.load = os.path.join(programs, "bench", "bench-server")
        self.intakes = os.path.join(programs, "bench", "bench-intake")
        os.makedirs(folder)
        self.world = w = World(
            os.path.join(programs, "server", "voltseal-server"),
            folder, poll_s=300, person_rate=1000, idle_s=600,
            device_connections=chargers * 4 // 3 + 600,
            handshake_rate=0, handshake_s=120, request_s=600,
            waiting_jobs=10000)
        w.room.__class__ = LargeRoom
        w.add_people()
        self.identities = w.path("identities")
        os.makedirs(self.identities)
        self.key = Key(w.path("shared.pem"))
        subprocess.run([os.path.join(programs, "tests", "server", "herd"),
                        w.device_ca.certificate, w.device_ca.key,
                        self.key.path, str(chargers), self.identities],
                       check=True)
        try:
            w.start()
            self.fill()
        finally:
            w.stop()

    def fill(self):
        """A release, the chargers, a campaign that most of them wait in."""
        w = self.world
        w.room.release("1.1.0", 2)
        w.upload()
        answer = w.publish(w.room.files())
        assert answer.code == 200, answer
        self.pack = max(w.room.artifacts.items(), key=lambda x: len(x[1]))
        for first in range(1, self.chargers + 1, 1000):
            # a thousand at once is what one person may ask
            said = self.ask(w.ports[1], "enroll", links=16, token=w.people[
                ("otto", "olga")[first // 1000 % 2]].token, first=first,
                chargers=min(1000, self.chargers + 1 - first), plain=True)
            assert said["refused"] == said["failed"] == 0, said
        w.campaign("1.1.0", waves=[{"count": 1}])
        c = w.device(os.path.join(self.identities, "CP-0002.cert.pem"),
                     self.key.path)
        self.body = c.good(POLL).decode()

    def ask(self, port, what, cores=None, plain=False, watched=None, **says):
        """Runs bench-server; its figures, with the processor seconds that
        the watched process took meanwhile."""
        argv = [self.load, what, "--port", str(port), "--ca",
                self.world.server_ca.certificate, "--certs", self.identities]
        if not plain:
            argv += ["--key", self.key.path]
        for name, value in says.items():
            argv += ["--" + name.replace("_", "-"), str(value)]
        with subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True, preexec_fn=pinned(cores) if cores else None) as p:
            if p.stdout.readline() != "ready\n":
                raise RuntimeError("bench-server did not get ready")
            before = busy_s(watched) if watched else 0
            p.stdin.write("go\n")
            p.stdin.flush()
            said = p.stdout.readline()
            after = busy_s(watched) if watched else 0
        if p.returncode or not said:
            raise RuntimeError(f"bench-server {what} failed")
        out = json.loads(said)
        out["busy"] = after - before
        if out["refused"] or out["failed"] or not out["done"]:
            raise RuntimeError(f"bench-server {what}: {said}")
        return out

    def intake(self, rounds, news):
        """Reports a second: verified and durable, and the writer alone."""
        argv = [self.intakes, self.world.conf, self.key.path,
                str(min(REPORTERS, self.chargers)), str(rounds)]
        said = subprocess.run(argv + ["news"] * news, stdout=subprocess.PIPE,
                              text=True, check=True).stdout
        return json.loads(said)

    def reports(self, ours, rounds, **says):
        """[figures] of signed reports."""
        return [self.ask(ours.port, "reports", watched=ours.pid, **says)
                for _ in range(rounds)]

    def in_turns(self, peers, what, rounds, **says):
        """[{name: figures}], each peer once in each round."""
        out = []
        for _ in range(rounds):
            got = {}
            for name, peer in peers.items():
                path = {}
                if "slow" in says:
                    path["slow_path"] = SERVED if name == "nginx" else \
                        f"/packs/{self.pack[0]}.pack"
                got[name] = self.ask(peer.port, what, watched=peer.pid,
                                     **path, **says)
            out.append(got)
        return out

    @contextlib.contextmanager
    def peers(self, threads, cores):
        """Both, running."""
        both = {"ours": Ours(self.world, threads, cores)}
        if not missing():
            both["nginx"] = Nginx(self.world, self.body, self.pack[1],
                                  threads, cores)
        try:
            for one in both.values():
                one.start()
            yield both
        finally:
            for one in both.values():
                one.stop()
