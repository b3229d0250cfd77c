#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whoever connects and does not get on is held to limits, and other chargers
are served meanwhile: half-open connections, handshakes, heads, bodies and
answers byte by byte, too many connections of all, of an address, of a charger.

Attackers have addresses of their own (127.0.0.2 ...).  The times are the
server's; the test waits until something happened, in good time or not."""
import http.client
import os
import socket
import ssl
import sys
import threading
import time

import harness
import metrics_test
from harness import World, free_port

# A quarter of handshake_s is how long the newest strangers are spared.
LIMITS = {"device_connections": 24, "operator_connections": 8,
          "address_connections": 12, "charger_connections": 3,
          "handshake_s": 2, "request_s": 2, "idle_s": 4, "min_bytes_s": 200}
SOON = 20  # seconds in which something happens, however busy the machine


class Witness(threading.Thread):
    """A charger that goes on as chargers do: it polls, each time on a new
    connection, and comes again soon if it is turned away."""

    def __init__(self, charger):
        super().__init__(daemon=True)
        self.charger = charger
        self.good = self.turned_away = 0
        self.longest = 0.0
        self.odd = []
        self.over = threading.Event()

    def run(self):
        last = time.monotonic()
        while not self.over.is_set():
            try:
                code = self.charger.client.get(
                    "/director/timestamp.json").code
            except OSError:
                code = 0
            if code == 200:
                self.good += 1
                self.longest = max(self.longest, time.monotonic() - last)
                last = time.monotonic()
            elif code == 0:
                self.turned_away += 1
            else:
                self.odd.append(code)
            self.over.wait(0.05)
        self.longest = max(self.longest, time.monotonic() - last)

    def judge(self, tap, what):
        """Ends it; was it served?"""
        end = time.monotonic() + SOON
        while self.good < 4 and time.monotonic() < end:
            time.sleep(0.05)
        self.over.set()
        self.join(60)
        print(f"# {what}: polls {self.good}, turned away {self.turned_away},"
              f" longest wait {self.longest:.1f} s", flush=True)
        tap.check(self.good > 3 and not self.odd and self.longest < SOON,
                  f"{what}: another charger is served meanwhile",
                  (self.good, self.longest, self.odd))


class Socket:
    """A TCP connection of an address of its own, with or without TLS."""

    def __init__(self, port, address="127.0.0.2", context=None, buffer=0):
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                   buffer)
        self.socket.bind((address, 0))
        self.socket.settimeout(harness.TIMEOUT)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.socket = context.wrap_socket(self.socket,
                                              server_hostname="127.0.0.1")
        self.began = time.monotonic()

    def send(self, data):
        """Whether the other side still took it."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def ended(self, seconds=0.0):
        """Whether the other side has ended it by then; what was sent to us
        meanwhile is passed over."""
        end = time.monotonic() + seconds
        while True:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                if not self.socket.recv(65536):
                    return True
            except (TimeoutError, ssl.SSLWantReadError):
                return False
            except OSError:
                return True
            finally:
                self.socket.settimeout(harness.TIMEOUT)

    def ask(self, path="/director/timestamp.json"):
        """A GET that keeps the connection: its whole answer, None if there
        is none."""
        try:
            self.socket.sendall(
                f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = http.client.HTTPResponse(self.socket)
            answer.begin()
            answer.read()
            return answer
        except (OSError, http.client.HTTPException):
            return None

    def trickle(self, data, pause, seconds):
        """Sends it byte by byte until the other side ends it: after how many
        seconds, or None."""
        for i in range(len(data)):
            if self.ended() or not self.send(data[i:i + 1]):
                return time.monotonic() - self.began
            if time.monotonic() > self.began + seconds:
                break
            time.sleep(pause)
        return time.monotonic() - self.began if self.ended(
            max(0.0, self.began + seconds - time.monotonic())) else None

    def close(self):
        """Without a goodbye."""
        self.socket.close()


def hello(context):
    """The first flight of a client, as bytes."""
    out = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="127.0.0.1")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def figure(world, kind, reason, listener="devices"):
    """One figure of refusals or cuts."""
    return metrics_test.figures(world)[
        f'voltseal_connections_{kind}_total{{listener="{listener}",'
        f'reason="{reason}"}}']


def grown(world, before, *which):
    """Whether a figure grows above what it was."""
    return world.wait(lambda: figure(world, *which) > before, SOON)


def end_all(tap, sockets, what):
    """Each is ended by the server."""
    left = [s for s in sockets if not s.ended(SOON)]
    tap.check(not left, what, f"{len(left)} of {len(sockets)} are open")
    for s in sockets:
        s.close()


def half_open(tap, world, witness):
    """Connected, and not a word: from many addresses, again and again"""
    # S3.45
    room, late = (figure(world, "cut", x) for x in ("room", "handshake"))
    sockets = []
    for n in range(4 * LIMITS["device_connections"]):
        try:
            sockets.append(Socket(world.ports[0], f"127.0.1.{1 + n % 50}"))
        except OSError:
            pass
        time.sleep(0.05)
    end_all(tap, sockets, f"all {len(sockets)} of them are ended")
    tap.check(figure(world, "cut", "room") > room,
              "the oldest gave way to newcomers")
    tap.check(figure(world, "cut", "handshake") > late,
              "and others' time was over")
    witness.judge(tap, "half-open connections")


def one_address(tap, world, witness):
    """All from one address: it has its share, and no more"""
    before = figure(world, "refused", "address")
    sockets = [Socket(world.ports[0], "127.0.0.9") for _ in range(
        LIMITS["address_connections"] + 6)]
    tap.check(grown(world, before, "refused", "address"),
              "those beyond its share are turned away")
    open_now = metrics_test.figures(world)[
        'voltseal_strangers{listener="devices"}']
    tap.check(open_now <= LIMITS["address_connections"] + 2,
              "it has no more than its share", open_now)
    end_all(tap, sockets, "and the others have their time too")
    witness.judge(tap, "an address with too many")


def slow_handshake(tap, world, witness):
    """A handshake byte by byte"""
    before = figure(world, "cut", "handshake")
    data = hello(world.chargers["CP-0001"].client.context)
    s = Socket(world.ports[0])
    took = s.trickle(data, 0.1, SOON)
    tap.check(took and took < SOON and
              grown(world, before, "cut", "handshake"),
              "is cut though it goes on and on", took)
    s.close()
    witness.judge(tap, "a slow handshake")


def known(world, address="127.0.0.2", **how):
    """A connection on which a charger was answered."""
    s = Socket(world.ports[0], address,
               world.chargers["CP-0001"].client.context, **how)
    assert s.ask().status == 200
    s.began = time.monotonic()
    return s


def slow_head(tap, world, witness):
    """A head byte by byte, of a stranger and of one who is known"""
    head = b"GET /director/timestamp.json HTTP/1.1\r\nX-A: " + b"a" * 2000
    before = figure(world, "cut", "request")
    context = world.chargers["CP-0001"].client.context
    asks = {"a stranger's": Socket(world.ports[0], context=context),
            "one's who is known": known(world)}
    took = {}

    def work(what, s):
        took[what] = s.trickle(head, 0.1, 60)
    threads = [threading.Thread(target=work, args=a) for a in asks.items()]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for what, seconds in took.items():
        tap.check(seconds is not None, f"{what} is cut", took)
    tap.check(took["a stranger's"] < took["one's who is known"],
              "the stranger's first", took)
    tap.check(figure(world, "cut", "request") >= before + 2, "as too late")
    witness.judge(tap, "slow heads")


def never_asks(tap, world, witness):
    """TLS done, and then nothing; and keep-alive that nobody uses"""
    before = figure(world, "cut", "request")
    context = world.chargers["CP-0001"].client.context
    end_all(tap, [Socket(world.ports[0], f"127.0.0.{n}", context)
                  for n in range(2, 8)], "who never asks is ended")
    tap.check(grown(world, before, "cut", "request"), "by the guard")
    end_all(tap, [known(world) for _ in range(2)],
            "so is who asked once and rests")
    witness.judge(tap, "connections that rest")


def slow_body(tap, world, witness):
    """A report byte by byte is cut; a slow one that gets on is not"""
    before = figure(world, "cut", "slow")
    head = b"POST /report HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n"
    s = known(world)
    s.send(head)
    tap.check(s.trickle(b"x" * 4000, 0.05, SOON) is not None and
              grown(world, before, "cut", "slow"), "it is cut")
    s.close()
    s = known(world)
    s.send(head)
    for _ in range(20):
        s.send(b"x" * 200)
        time.sleep(0.2)
    code = s.socket.recv(4096).split(b" ")[1]
    tap.equal(code, b"400", "the other is read to its end and answered")
    s.close()
    witness.judge(tap, "slow bodies")


def slow_answer(tap, world, witness):
    """A pack that nobody reads is cut; one that is read slowly is not"""
    before = figure(world, "cut", "slow")
    path = f"/packs/{world.pack}.pack"
    ask = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    deaf, slow = known(world, buffer=4096), known(world, "127.0.0.3",
                                                   buffer=4096)
    deaf.send(ask)
    slow.send(ask)
    got, end = 0, time.monotonic() + 2 * LIMITS["request_s"] + 2
    while time.monotonic() < end:
        got += len(slow.socket.recv(2048))
        time.sleep(0.1)
    tap.check(grown(world, before, "cut", "slow"), "who does not read is cut")
    more = slow.socket.recv(2048)
    tap.check(more and got > 10000, "who reads slowly is not", got)
    tap.equal(figure(world, "cut", "slow"), before + 1, "one was cut")
    deaf.close()
    slow.close()
    witness.judge(tap, "slow answers")


def one_charger(tap, world, witness):
    """A charger's newest connections count: it restarts and is let in"""
    before = figure(world, "cut", "newer")
    old = [known(world) for _ in range(LIMITS["charger_connections"])]
    tap.equal([s.ended() for s in old], [False] * len(old),
              "so many it may have")
    new = known(world)
    tap.check(old[0].ended(SOON), "with one more the oldest is ended")
    tap.equal([s.ended() for s in old[1:] + [new]], [False] * len(old),
              "and no other")
    tap.equal(figure(world, "cut", "newer"), before + 1, "it is counted")
    for s in old + [new]:
        s.close()
    witness.judge(tap, "a charger with many connections")


def crowd(tap, world, witness):
    """Over three quarters, connections that rest are ended"""
    before = figure(world, "cut", "room")
    rests = [known(world) for _ in range(2)]
    sockets = [Socket(world.ports[0], f"127.0.0.{20 + n % 4}")
               for n in range(LIMITS["device_connections"] * 3 // 4)]
    tap.equal([s.ended(SOON) for s in rests], [True, True],
              "those that rest are ended")
    tap.check(figure(world, "cut", "room") >= before + 2, "to make room")
    for s in sockets + rests:
        s.close()
    witness.judge(tap, "a crowd")


def vanished(tap, world, witness):
    """Whoever vanishes is asked for by TCP"""
    s = known(world)
    here = s.socket.getsockname()
    row = f":{world.ports[0]:04X} 0200007F:{here[1]:04X} 01 "

    def timer():
        with open("/proc/net/tcp", encoding="ascii") as f:
            rows = [line for line in f if row in line]
        return rows[0].split()[5].split(":")[0] if rows else None
    end = time.monotonic() + SOON
    while timer() == "01" and time.monotonic() < end:
        time.sleep(0.1)  # its last bytes are not acknowledged yet
    tap.equal(timer(), "02", "the kernel's keep-alive timer runs")
    s.close()
    witness.judge(tap, "one who vanished")


def people(tap, world, witness):
    """People are let in though strangers hold all their connections"""
    sockets, answers = [], []
    for n in range(4 * LIMITS["operator_connections"]):
        try:
            sockets.append(Socket(world.ports[1], f"127.0.0.{2 + n % 5}"))
        except OSError:
            pass
        if n % 4 == 3:
            # Who is turned away once tries again.
            answers.append(world.wait(
                lambda: world.people["vera"].get("/v1/whoami").code == 200,
                SOON))
    tap.check(all(answers), f"{len(answers)} times", answers)
    end_all(tap, sockets, "and the strangers are ended")
    witness.judge(tap, "strangers on people's listener")


def handshakes(tap, world, witness):
    """Handshakes that begin and do not go on bar the door for their time"""
    witness.over.set()
    witness.join()
    refused = figure(world, "refused", "handshakes")
    data = hello(world.chargers["CP-0001"].client.context)
    sockets = [Socket(world.ports[0], f"127.0.0.{40 + n}") for n in range(3)]
    for s in sockets:
        s.send(data)
    tap.check(world.wait(lambda: metrics_test.figures(world)[
        'voltseal_handshakes_under_way{listener="devices"}'] == 3),
        "three are under way")
    try:
        late = Socket(world.ports[0], "127.0.0.50",
                      world.chargers["CP-0001"].client.context)
        late.close()
        tap.check(False, "a fourth is turned away")
    except OSError:
        tap.check(grown(world, refused, "refused", "handshakes"),
                  "a fourth is turned away")
    tap.check(world.wait(lambda: world.chargers["CP-0002"].client.get(
        "/director/timestamp.json").code == 200, SOON),
        "when their time is over there is room again")
    end_all(tap, sockets, "they are ended")


def many(tap, world, witness):
    """Figures are given with more than 1024 files open"""
    import resource
    witness.over.set()
    witness.join()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        tap.skip("figures with 1100 connections", f"{hard} files at most")
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    sockets = [Socket(world.ports[0], f"127.0.{n % 200}.2")
               for n in range(1100)]
    tap.check(world.wait(lambda: metrics_test.figures(world)[
        'voltseal_connections{listener="devices"}'] >= 1100, SOON),
        "1100 connections are open, and figures say so")
    tap.equal(world.chargers["CP-0001"].client.get(
        "/director/timestamp.json").code, 200, "chargers are served")
    for s in sockets:
        s.close()


def prepare(world):
    """Two chargers, and a pack that no socket's buffer holds."""
    world.add_people()
    world.start()
    world.fleet(1, 2)
    made = world.room.image
    world.room.image = lambda component, seq: type(made(component, seq))(
        os.urandom(12 << 20), bytes(32))
    world.room.release("1.1.0", 2, components=("gateway",))
    world.upload()
    assert world.publish(world.room.files()).code == 200
    target, = world.room.targets.values()
    world.pack = target["custom"]["pack"]["sha256"]


def serve(tap, program, folder, sections, **settings):
    """Some sections over a server with these settings."""
    os.makedirs(folder)
    port = free_port()
    world = World(program, folder, metrics_listen=f"127.0.0.1:{port}",
                  person_rate=1000, **settings)
    world.metrics_port = port
    try:
        prepare(world)
        for section in sections:
            witness = Witness(world.chargers["CP-0002"])
            witness.start()
            tap.section(section, world, witness)
            witness.over.set()
        tap.equal(world.stop(), 0, "it stops in good order")
        harness.quiet(tap, world)
        tap.ended += 1
    finally:
        world.stop()


# Most of it is waiting: several servers at once, each with its sections.
SERVERS = (
    ((half_open, one_address, one_charger, crowd, vanished, people), LIMITS),
    ((slow_handshake, slow_head, never_asks, slow_body), LIMITS),
    ((slow_answer, handshakes), {**LIMITS, "handshakes": 3, "idle_s": 15}),
    ((many,), {"device_connections": 1500, "address_connections": 1500}),
)


def run(tap, program, folder):
    """All of it."""
    lock, check = threading.Lock(), tap.check
    tap.ended = 0

    def one_by_one(*args):
        with lock:
            return check(*args)
    tap.check = one_by_one
    threads = [threading.Thread(
        target=serve, args=(tap, program, os.path.join(folder, str(n)),
                            sections), kwargs=settings)
        for n, (sections, settings) in enumerate(SERVERS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    # Each server stopped in good order: none broke off before.
    tap.equal(tap.ended, len(SERVERS), "all sections were run")


if __name__ == "__main__":
    sys.exit(harness.main(run))
