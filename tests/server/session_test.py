#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Passwords, second factors and sessions; who tries too often waits."""
import base64
import hashlib
import hmac
import re
import struct
import subprocess
import sys
import time

import harness
from harness import Client, World

PASSWORD = "correct horse battery"


def totp(uri, at=None):
    """RFC 6238 of an otpauth URI."""
    secret = base64.b32decode(re.search(r"secret=([A-Z2-7]{32})&",
                                        uri).group(1))
    step = int((time.time() if at is None else at) // 30)
    mac = hmac.new(secret, struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[19] & 15
    n = struct.unpack(">I", mac[at:at + 4])[0] & 0x7fffffff
    return f"{n % 10 ** 6:06}"


class Browser(Client):
    """One with a cookie, and what a page of ours says in a header."""

    def __init__(self, world):
        super().__init__(world.ports[1], world.server_ca.certificate)
        self.cookie = self.csrf = None
        self.origin = f"https://127.0.0.1:{world.ports[1]}"

    def headers(self, more=None):
        out = dict(more or {})
        if self.cookie:
            out.setdefault("Cookie", self.cookie)
        if self.csrf:
            out.setdefault("X-CSRF-Token", self.csrf)
        if self.origin:
            out.setdefault("Origin", self.origin)
        out.setdefault("Host", f"127.0.0.1:{self.port}")
        return {k: v for k, v in out.items() if v}

    def login(self, name, password, code):
        """POST /v1/session."""
        answer = self.post("/v1/session", {
            "name": name, "password": password, "code": code})
        if answer.code == 201:
            self.cookie = answer.headers["Set-Cookie"].split(";")[0]
            self.csrf = answer.json()["csrf"]
        return answer


def enrol(world, name, password=PASSWORD):
    """voltseal-server user password; gives (exit status, output)."""
    done = subprocess.run(
        [world.program, "user", "password", name, "--config", world.conf],
        input=password + "\n", capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip()


def forget(world, name):
    """As if the name had not been used before: codes, failures."""
    with world.reader() as db:
        db.execute("UPDATE login SET step = 0, failures = 0, "
                   "wait_until_s = 0 WHERE person = ?", (name,))


def enrolment(tap, world):
    """A password and a second factor are set on the server's host"""
    # S2.16 S3.45
    code, uri = enrol(world, "olga")
    tap.check(code == 0 and re.fullmatch(
        "otpauth://totp/Voltseal:olga\\?secret=[A-Z2-7]{32}"
        "&issuer=Voltseal", uri), "the second factor is shown once", uri)
    with world.reader() as db:
        kept = db.execute("SELECT password FROM login").fetchall()
    tap.check(len(kept) == 1 and kept[0][0].startswith("$y$"),
              "the password is kept as yescrypt", kept)
    tap.equal([enrol(world, "nobody")[0], enrol(world, "olga", "short")[0],
               enrol(world, "olga", "x" * 300)[0]], [1, 1, 1],
              "nobody's, a short and a long one are refused")
    return uri


def sessions(tap, world, uri):
    """Name, password and code open a session, once for each code"""
    browser = Browser(world)
    code = totp(uri)
    answer = browser.login("olga", PASSWORD, code)
    cookie = answer.headers.get("Set-Cookie", "")
    tap.check(answer.code == 201 and answer.json()["roles"] == ["operator"],
              "she is let in", answer)
    tap.check(re.fullmatch("__Host-voltseal=[0-9a-f]{64}; Path=/; Secure; "
                           "HttpOnly; SameSite=Strict", cookie),
              "with a cookie that no script and no other site gets", cookie)
    tap.equal(Browser(world).login("olga", PASSWORD, code).code, 401,
              "a code counts once")
    tap.equal(browser.get("/v1/session").json()["csrf"], browser.csrf,
              "a page that was loaded anew learns its secret")
    tap.equal(browser.get("/v1/devices").code, 200, "she reads")
    tap.equal(browser.post("/v1/campaigns", {}).code, 400, "and writes")
    held = browser.csrf
    for what, csrf, origin in (("no secret", None, browser.origin),
                               ("another secret", "0" * 64, browser.origin),
                               ("another origin", held,
                                "https://evil.example")):
        other = Browser(world)
        other.cookie, other.csrf, other.origin = browser.cookie, csrf, origin
        answer = other.post("/v1/campaigns", {})
        tap.check(answer.code == 403 and answer.reason == "not-allowed",
                  f"a change with {what} is refused", answer)
        tap.equal(other.get("/v1/whoami").code, 200, "reading is not")
    with world.reader() as db:
        kept = str(db.execute("SELECT * FROM session").fetchall())
    tap.check(browser.cookie.split("=")[1] not in kept,
              "the database has not what the cookie is")
    world.power_cut()
    tap.equal(browser.get("/v1/whoami").code, 200,
              "a session outlives a power cut")
    tap.equal(world.people["otto"].get("/v1/session").code, 409,
              "a token is no session")
    answer = browser.ask("DELETE", "/v1/session")
    tap.check(answer.code == 200 and "Max-Age=0" in
              answer.headers["Set-Cookie"], "she goes", answer)
    tap.equal(browser.get("/v1/whoami").code, 401, "and is gone")
    tap.check({("olga", "session-opened"), ("olga", "session-closed"),
               ("host", "password-set")} <=
              {(r["actor"], r["action"]) for r in world.audit()},
              "the log has it")


def ends(tap, world, uri):
    """Sessions end by themselves, and with their person"""
    forget(world, "olga")
    browser = Browser(world)
    tap.equal(browser.login("olga", PASSWORD, totp(uri)).code, 201, "(in)")
    for column, age in (("seen_s", 1801), ("created_s", 43201)):
        with world.reader() as db:
            was = db.execute("SELECT seen_s, created_s FROM session "
                             "WHERE person = 'olga'").fetchone()
            db.execute(f"UPDATE session SET {column} = {column} - ?", (age,))
        tap.equal(browser.get("/v1/whoami").code, 401, f"{column}: over")
        with world.reader() as db:
            db.execute("UPDATE session SET seen_s = ?, created_s = ?", was)
        tap.equal(browser.get("/v1/whoami").code, 200, "(as before)")
    with world.reader() as db:
        db.execute("UPDATE session SET seen_s = seen_s - 1000")
    browser.get("/v1/whoami")
    with world.reader() as db:
        seen = db.execute("SELECT seen_s FROM session").fetchone()[0]
    tap.check(seen > time.time() - 60, "use keeps it alive", seen)
    code, new = enrol(world, "olga")
    tap.equal((code, browser.get("/v1/whoami").code), (0, 401),
              "a new password ends it")
    tap.equal(browser.login("olga", PASSWORD, totp(new)).code, 201, "(in)")
    world.run("user", "remove", "olga", "--config", world.conf)
    tap.equal(browser.get("/v1/whoami").code, 401,
              "with the person it ends")


def lockout(tap, world):
    """Who is wrong waits, and is told no more than that it was wrong"""
    _, uri = enrol(world, "otto")
    said = set()
    for name, password, code in (("otto", "wrong wrong wrong", totp(uri)),
                                 ("otto", PASSWORD, "000000"),
                                 ("otto", PASSWORD, ""),
                                 ("vera", PASSWORD, "123456"),
                                 ("nobody", PASSWORD, "123456"),
                                 ("", "", "")):
        answer = Browser(world).login(name, password, code)
        said.add((answer.code, answer.body))
    tap.check(len(said) == 1 and said.pop()[0] == 401,
              "whatever is wrong, the answer is the same", said)
    for _ in range(2):
        Browser(world).login("otto", "wrong wrong wrong", totp(uri))
    tap.equal(Browser(world).login("otto", PASSWORD, totp(uri)).code, 401,
              "after five wrong ones not even the right one")
    log = [r for r in world.audit() if r["action"] == "login-locked"]
    tap.check(len(log) == 1 and log[0]["subject"] == "otto" and
              log[0]["reason"] == "not-allowed", "the log has it once", log)
    tap.equal(world.people["otto"].get("/v1/whoami").code, 200,
              "his token is not locked")
    time.sleep(2.1)
    tap.equal(Browser(world).login("otto", PASSWORD, totp(uri)).code, 201,
              "after a while the right one counts")
    started = time.monotonic()
    Browser(world).login("nobody", PASSWORD, "123456")
    nobody = time.monotonic() - started
    started = time.monotonic()
    Browser(world).login("vera", "x" * 20, "123456")
    tap.check(nobody > 0.005 and time.monotonic() - started > 0.005,
              "nobody's password takes its time too", nobody)
    for body in ({}, {"name": "otto"}, {"name": 1, "password": "x",
                                        "code": "1"}, []):
        tap.equal(Browser(world).post("/v1/session", body).code, 400,
                  f"{body} gets 400")


def floods(tap, world):
    """An address that is wrong too often, a person who asks too often"""
    world.stop()
    world.settings.update(wrong_logins=5, person_rate=20)
    world.configure(world.conf)
    world.start()
    codes = [world.person("vs_" + f"{i:064x}").get("/v1/whoami").code
             for i in range(7)]
    tap.equal(codes, [401] * 5 + [429] * 2, "after five wrong tokens: wait")
    answer = Browser(world).login("otto", PASSWORD, "123456")
    tap.check(answer.code == 429 and int(answer.headers["Retry-After"]) > 0,
              "nor is a password tried", answer)
    tap.equal(world.people["vera"].get("/v1/whoami").code, 200,
              "who has a token is let in from there")
    codes = [world.people["vera"].get("/v1/whoami").code for _ in range(90)]
    tap.check(429 in codes and codes[0] == 200,
              "a person asks so often in a second", codes)
    tap.equal(world.people["anna"].get("/v1/whoami").code, 200,
              "which is nothing to another one")
    time.sleep(1)
    tap.equal(world.people["vera"].get("/v1/whoami").code, 200,
              "and soon forgotten")


def run(tap, program, folder):
    """All of it over one server."""
    world = World(program, folder)
    world.add_people()
    try:
        world.start()
        uri = enrolment(tap, world)
        tap.section(sessions, world, uri)
        tap.section(ends, world, uri)
        for section in (lockout, floods):
            tap.section(section, world)
        tap.equal(world.stop(), 0, "it stops in good order")
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
