#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A handshake that waits for the other side costs nothing meanwhile, and goes
on whenever that side does.

Arguments: voltseal-server."""
import os
import signal
import socket
import ssl
import sys
import time

import harness
from harness import World

SILENT = 20
REST_S = 2


class Slow:
    """A TLS client whose bytes go out when we say so."""

    def __init__(self, world, charger):
        context = ssl.create_default_context(
            cafile=world.server_ca.certificate)
        context.load_cert_chain(charger.certificate, charger.key.path)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing,
                                    server_hostname="127.0.0.1")
        self.plain = socket.create_connection(("127.0.0.1", world.ports[0]),
                                              30)
        self.plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def step(self):
        """What is to be sent next; b"" if the other side is to."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()

    def send(self, data, piece=1 << 20, pause=0.0):
        """Sends it in pieces."""
        for at in range(0, len(data), piece):
            self.plain.sendall(data[at:at + piece])
            if pause:
                time.sleep(pause)

    def receive(self):
        """Takes what comes next; False at the end."""
        data = self.plain.recv(65536)
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()
        return bool(data)

    def second_flight(self):
        """Certificate and finish, once the server's flight is here."""
        while True:
            out = self.step()
            if out:
                return out
            if not self.receive():
                raise AssertionError("the server hung up")

    def get(self, path):
        """The status line of an answer, after the handshake."""
        self.tls.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"
                       .encode())
        self.send(self.outgoing.read())
        while True:
            try:
                return self.tls.read(65536).split(b"\r\n")[0]
            except ssl.SSLWantReadError:
                if not self.receive():
                    return b"ended"


def busy_s(pid):
    """Processor seconds of a process."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat",
                  encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


def silence(tap, world):
    """Who falls silent within his handshake costs no processor"""
    # S2.30
    charger = world.fleet(1)[0]
    many = [Slow(world, charger) for _ in range(SILENT)]
    for one in many:
        one.send(one.step())
        one.receive()
    before, other = busy_s(world.process.pid), world.chargers["CP-0001"]
    time.sleep(REST_S)
    spent = busy_s(world.process.pid) - before
    tap.check(spent < REST_S / 8, f"{SILENT} of them for {REST_S} s take less "
              "than an eighth of a processor", f"{spent} s")
    tap.equal(other.client.get("/director/timestamp.json").code, 200,
              "another charger is served meanwhile")
    answers = set()
    for one in many:
        one.send(one.second_flight())
        answers.add(one.get("/director/timestamp.json"))
    tap.equal(answers, {b"HTTP/1.1 200 OK"},
              "each of them goes on where it was")


def pieces(tap, world):
    """A handshake may come byte by byte, and with the request behind it"""
    charger = world.chargers["CP-0001"]
    one = Slow(world, charger)
    one.send(one.step(), 7, 0.001)
    one.send(one.second_flight(), 11, 0.001)
    tap.equal(one.get("/director/timestamp.json"), b"HTTP/1.1 200 OK",
              "in pieces")
    one = Slow(world, charger)
    one.send(one.step())
    flight = one.second_flight()
    one.tls.write(b"GET /director/1.root.json HTTP/1.1\r\nHost: l\r\n\r\n"
                  b"GET /director/timestamp.json HTTP/1.1\r\nHost: l\r\n"
                  b"\r\n")
    one.send(flight + one.outgoing.read())
    said = b""
    while said.count(b"HTTP/1.1 200 OK") < 2:
        try:
            said += one.tls.read(65536)
        except ssl.SSLWantReadError:
            if not one.receive():
                break
    tap.equal(said.count(b"HTTP/1.1 200 OK"), 2,
              "with two requests in the same bytes")


def gone(tap, world):
    """Who leaves within his handshake leaves nothing behind"""
    charger = world.chargers["CP-0001"]
    for how in range(2):
        for _ in range(SILENT):
            one = Slow(world, charger)
            one.send(one.step())
            one.receive()
            if how:
                one.plain.shutdown(socket.SHUT_WR)
            one.plain.close()
    folder = f"/proc/{world.process.pid}/fd"

    def sockets():
        count = 0
        for fd in os.listdir(folder):
            try:
                count += os.readlink(f"{folder}/{fd}").startswith("socket")
            except OSError:
                pass
        return count
    tap.check(world.wait(lambda: sockets() < SILENT), "their sockets are "
              "closed", sockets())


def end(tap, world):
    """It ends while some rest within their handshakes"""
    many = [Slow(world, world.chargers["CP-0001"]) for _ in range(SILENT)]
    for one in many:
        one.send(one.step())
        one.receive()
    tap.equal(world.stop(signal.SIGTERM), 0, "with exit status 0")
    tap.check(not any(one.receive() and one.receive() for one in many),
              "and hangs up on them")


def run(tap, program, folder):
    """All of it over one server."""
    # far longer than a busy machine takes
    world = World(program, folder, handshake_s=120, request_s=120)
    world.add_people()
    try:
        world.start()
        for section in (silence, pieces, gone, end):
            tap.section(section, world)
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
