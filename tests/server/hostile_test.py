#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is too large, and what is no HTTP or no TLS, ends the connection it
came on and nothing else; a resumed session brings no right with it; too few
files are found before the start.

Arguments: voltseal-server, herd."""
import os
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import time

import harness
import metrics_test
from chargers import Key
from harness import World, free_port

GET = b"GET /director/timestamp.json HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /report HTTP/1.1\r\nHost: x\r\n"
# what, the request, codes; 0: the connection is ended without an answer
LARGE = [
    ("a header of 64 KiB", GET + b"A: " + b"a" * 65536 + b"\r\n\r\n",
     (431, 0)),
    ("5000 headers", GET + b"".join(b"A%d: b\r\n" % i for i in range(5000)) +
     b"\r\n", (431, 0)),
    ("a path of 40 KiB", b"GET /" + b"a" * 40960 + b" HTTP/1.1\r\n"
     b"Host: x\r\n\r\n", (414, 431, 0)),
    ("a path of 2 KiB", b"GET /" + b"a" * 2048 + b" HTTP/1.1\r\nHost: x\r\n"
     b"\r\n", (404, 414)),
    ("a query of 2000 words", b"GET /director/timestamp.json?" + b"a=b&" *
     2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (200, 414, 431, 0)),
    ("a method of 40 KiB", b"A" * 40960 + b" / HTTP/1.1\r\nHost: x\r\n\r\n",
     (400, 414, 431, 0)),
    ("a body announced with 64 KiB and one", POST +
     b"Content-Length: 65537\r\n\r\n", (413,)),
    ("a body announced with 2^63", POST +
     b"Content-Length: 9223372036854775808\r\n\r\n", (400, 413)),
    ("a body announced with 10^30", POST + b"Content-Length: 1" + b"0" * 30 +
     b"\r\n\r\n", (400, 413)),
    ("a chunked body of 128 KiB", POST + b"Transfer-Encoding: chunked\r\n\r\n"
     + (b"4000\r\n" + b"x" * 16384 + b"\r\n") * 8 + b"0\r\n\r\n", (413, 0)),
    ("a chunk of 2^64", POST + b"Transfer-Encoding: chunked\r\n\r\n"
     b"10000000000000000\r\nx", (400, 413, 0)),
    ("a chunk whose length never ends", POST + b"Transfer-Encoding: chunked"
     b"\r\n\r\n" + b"0" * 40960, (400, 413, 500, 0)),
    ("a chunk with 40 KiB of extension", POST + b"Transfer-Encoding: chunked"
     b"\r\n\r\n1;" + b"a" * 40960 + b"\r\nx\r\n0\r\n\r\n", (400, 413, 500,
                                                              0)),
]
BROKEN = [
    ("two lengths in two ways", GET + b"Content-Length: 4\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,)),
    ("the same in a report", POST + b"Content-Length: 4\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,)),
    ("two lengths that differ", POST + b"Content-Length: 4\r\n"
     b"Content-Length: 5\r\n\r\nabcde", (400,)),
    ("a negative length", POST + b"Content-Length: -1\r\n\r\n", (400, 0)),
    ("a length with a sign", POST + b"Content-Length: +4\r\n\r\nabcd",
     (400, 0)),
    ("a length in hex", POST + b"Content-Length: 0x4\r\n\r\nabcd", (400, 0)),
    ("no length at all", POST + b"Content-Length:\r\n\r\n", (400, 0)),
    ("a chunk that is no number", POST + b"Transfer-Encoding: chunked\r\n\r\n"
     b"xyz\r\n", (400, 0)),
    ("a chunk of a negative length", POST + b"Transfer-Encoding: chunked"
     b"\r\n\r\n-1\r\nx\r\n", (400, 0)),
    ("no HTTP", b"\x00\x01\x02\x03\r\n\r\n", (400, 0)),
    ("words", b"hello there, how are you\r\n\r\n", (400, 505, 0)),
    ("HTTP/9.9", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", (400, 505, 0)),
    ("HTTP/1.1 without Host", b"GET / HTTP/1.1\r\n\r\n", (400,)),
    ("a zero byte in the path", b"GET /director/\0timestamp.json HTTP/1.1"
     b"\r\nHost: x\r\n\r\n", (400, 404, 0)),
    ("a zero byte in a header", GET + b"A: \0b\r\n\r\n", (200, 400, 0)),
    ("a header without a colon", GET + b"nothing\r\n\r\n", (400, 0)),
    ("a header that begins with a blank", GET + b" A: b\r\n\r\n",
     (200, 400, 0)),
    ("an expectation that there is not", GET + b"Expect: miracles\r\n\r\n",
     (200, 417, 400)),
    ("the start of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
     (400, 404, 505, 0)),
    ("another protocol", GET + b"Connection: Upgrade\r\nUpgrade: websocket"
     b"\r\n\r\n", (200, 400)),
    ("CONNECT", b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
     (404, 405, 400, 0)),
]
NO_TLS = [
    ("plain HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("nothing but zeroes", b"\0" * 4096),
    ("random bytes", bytes(range(256)) * 64),
    ("an SSLv2 hello", bytes.fromhex("802e0100020015000000100100800200800300"
                                     "8004008005008006004007 00c0".replace(
                                         " ", "")) + b"x" * 16),
    ("a record of 64 KiB", b"\x16\x03\x01\xff\xff" + b"\x01" * 65535),
    ("a hello of 16 MiB", b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" +
     b"a" * 16380),
    ("an alert", b"\x15\x03\x03\x00\x02\x02\x28"),
    ("a heartbeat", b"\x18\x03\x02\x00\x03\x01\x40\x00"),
    ("early data", b"\x17\x03\x03\x00\x10" + b"a" * 16),
]


def requests(tap, world, table):
    """Each of a table is refused, and the next poll is answered."""
    c = world.chargers["CP-0001"].client
    for what, data, codes in table:
        code = c.raw(data)
        tap.check(code in codes, f"{what}: {code}", f"wanted one of {codes}")
        if c.get("/director/timestamp.json").code != 200:
            tap.check(False, "the next poll is answered", world.said())
            return
    tap.check(world.process.poll() is None, "each next poll is answered")


def large(tap, world):
    """Heads, paths, numbers of headers and bodies have a limit"""
    # S3.45
    requests(tap, world, LARGE)
    # ... and so on people's listener, before anybody is known
    for what, data, _ in LARGE[:6]:
        code = world.people["vera"].raw(data.replace(b"/director/", b"/v1/"))
        tap.check(code in (400, 401, 404, 414, 431, 0),
                  f"people: {what}: {code}")
    tap.equal(world.people["vera"].get("/v1/whoami").code, 200,
              "people are served")


def broken(tap, world):
    """What is no HTTP, or two things at once, is refused"""
    requests(tap, world, BROKEN)


def no_tls(tap, world):
    """What is no TLS ends at once"""
    for port, who in zip(world.ports, ("chargers", "people")):
        for what, data in NO_TLS:
            with socket.create_connection(("127.0.0.1", port), 30) as s:
                got = b""
                try:
                    s.sendall(data)
                    s.shutdown(socket.SHUT_WR)
                    while part := s.recv(4096):
                        got += part
                except OSError:
                    pass
            tap.check(b"HTTP" not in got and len(got) < 200,
                      f"{who}: {what} is ended", got)
    tap.equal(world.chargers["CP-0001"].client.get(
        "/director/timestamp.json").code, 200, "chargers are served")


def groups(tap, world):
    """Groups that cost us much are not to be had"""
    # S3.45
    def shake(*options):
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{world.ports[1]}",
             "-CAfile", world.server_ca.certificate, *options],
            input=b"", capture_output=True, check=False, timeout=30)
        return b"Verify return code: 0" in done.stdout and \
            b"(NONE)" not in done.stdout
    tap.check(shake(), "(with what OpenSSL likes best there is TLS)")
    for group, good in (("P-256", True), ("X25519", True), ("P-521", False),
                        ("P-384", False), ("X448", False),
                        ("ffdhe2048", False), ("ffdhe8192", False)):
        tap.equal(shake("-groups", group), good,
                  f"{group} is {'taken' if good else 'refused'}")
    tap.equal(shake("-tls1_2", "-groups", "P-256"), True, "TLS 1.2 is taken")
    for option in (("-tls1_2", "-cipher", "DHE"),
                   ("-tls1_2", "-cipher", "kRSA"), ("-tls1_1",)):
        tap.check(not shake(*option), f"{' '.join(option)} is refused")


def once(world, context, session=None):
    """A poll: (code, session, whether it was resumed)."""
    plain = socket.create_connection(("127.0.0.1", world.ports[0]), 30)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with context.wrap_socket(plain, server_hostname="127.0.0.1",
                             session=session) as s:
        s.sendall(GET + b"\r\n")
        code = int(s.recv(65536).split(b" ")[1])
        return code, s.session, s.session_reused


def resumed(tap, world, herd):
    """A resumed session has no right that its certificate has lost"""
    # S2.21
    c = world.charger(3, "north")
    world.people["otto"].post("/v1/devices", c.registration())
    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        context = c.client.context
        context.maximum_version = version
        code, session, _ = once(world, context)
        again = once(world, context, session)
        tap.equal((code, again[0], again[2]), (200, 200, True),
                  f"{version.name}: a session is resumed")
        replace(tap, world, c, version, (context, again[1]))
    kinds = {k: v for k, v in metrics_test.figures(world).items()
             if k.startswith("voltseal_handshakes_total")}
    tap.check(kinds['voltseal_handshakes_total{listener="devices",'
                    'kind="resumed"}'] >= 4, "it is counted", kinds)
    short_life(tap, world, herd)


def replace(tap, world, c, version, held):
    """c's certificate is replaced while somebody holds a session of it."""
    number = str(version.value)
    key = Key(world.path("identities", f"next-{number}.key"))
    path = world.path("identities", f"next-{number}.pem")
    world.device_ca.issue(f"/CN={c.id}", key.path, path)
    with open(path, encoding="utf-8") as f:
        answer = world.people["otto"].ask(
            "PUT", f"/v1/devices/{c.id}/certificate",
            {"certificate": f.read()})
    assert answer.code == 200, answer
    code, _, reused = once(world, *held)
    tap.equal((code, reused), (401, True),
              "a session of the certificate before gets 401")
    c.client = world.device(path, key.path)
    tap.equal(c.client.get("/director/timestamp.json").code, 200,
              "(the new certificate is let in)")


def short_life(tap, world, herd):
    """A certificate that runs out while its session could be resumed."""
    folder = world.path("short")
    os.makedirs(folder)
    key = Key(os.path.join(folder, "key.pem"))
    c = world.charger(1004, "north")
    c.key = key
    subprocess.run([herd, world.device_ca.certificate, world.device_ca.key,
                    key.path, "4", folder, "6"], check=True)
    ends = time.time() + 6
    c.id, c.certificate = "CP-0004", os.path.join(folder, "CP-0004.cert.pem")
    world.people["otto"].post("/v1/devices", c.registration())
    context = world.device(c.certificate, key.path).context
    code, session, _ = once(world, context)
    code = code, *once(world, context, session)[::2]
    tap.equal(code, (200, 200, True), "(a short life is long enough)")
    time.sleep(max(0.0, ends + 2 - time.time()))
    code, _, reused = once(world, context, session)
    tap.equal((code, reused), (401, True), "and then it gets 401, resumed")
    with open(world.log, encoding="utf-8") as f:
        said = f.read()
    tap.check("refused a charger" in said, "the log says so")
    world.stop()
    world.start()
    fresh = world.chargers["CP-0001"]
    code, session, _ = once(world, fresh.client.context)
    world.stop()
    world.start()
    again = once(world, fresh.client.context, session)
    tap.equal((code, again[0], again[2]), (200, 200, False),
              "a restart forgets all sessions, and nobody minds")


def files(tap, world):
    """Too few open files are an error before the start, too few for now not"""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    def under(soft, limit, command):
        return subprocess.run(
            [world.program, command, "--config", world.conf], text=True,
            capture_output=True, check=False, timeout=30,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE,
                                                  (soft, limit)))
    for command in ("check-config", "run"):
        done = under(256, 512, command)
        tap.check(done.returncode == 1 and not done.stdout and
                  len(done.stderr.splitlines()) == 1 and
                  "device_connections = 2000" in done.stderr and
                  "LimitNOFILE" in done.stderr,
                  f"{command}: 512 files are too few", done)
    done = under(256, hard, "check-config")
    tap.check(done.returncode == 0, "256 of many are enough", done)
    prlimit = shutil.which("prlimit")
    if not prlimit:
        tap.skip("and are raised", "no prlimit")
        return
    program, world.program = world.program, world.path("few")
    with open(world.program, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\nexec {prlimit} --nofile=256:{hard} {program} "
                '"$@"\n')
    os.chmod(world.program, 0o700)
    world.start()
    with open(f"/proc/{world.process.pid}/limits", encoding="ascii") as f:
        soft, = (int(x.split()[3]) for x in f if "open files" in x)
    tap.check(4000 < soft <= hard, "and are raised at the start", soft)
    world.stop()
    world.program = program


def run(tap, program, herd, folder):
    """All of it over one server."""
    port = free_port()
    world = World(program, folder, metrics_listen=f"127.0.0.1:{port}",
                  person_rate=1000, request_s=3, idle_s=3)
    world.metrics_port = port
    world.add_people()
    try:
        world.start()
        world.fleet(1)
        for section in (large, broken, no_tls, groups):
            tap.section(section, world)
        tap.section(resumed, world, herd)
        tap.equal(world.stop(), 0, "it stops in good order")
        tap.section(files, world)
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
