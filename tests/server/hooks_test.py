#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Webhooks against receivers on loopback: signed, in order, tried again over
failures and power cuts, and never sent where they may not go.

Arguments: voltseal-server, voltseal."""
import hashlib
import hmac
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time

import harness
from harness import World


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what it is sent; answers as told."""

    daemon_threads = True

    def __init__(self, world, name, code=200):
        class Handler(http.server.BaseHTTPRequestHandler):
            """One request."""

            def do_POST(self):
                """A delivery."""
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                me = self.server
                if me.code == "hang":
                    me.hung.set()
                    time.sleep(60)
                me.got.append((self.path, dict(self.headers), body,
                               me.code))
                self.send_response(me.code)
                if 300 <= me.code < 400:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *args):
                """Nothing."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.code, self.got, self.hung = code, [], threading.Event()
        key = os.path.join(world.tls, name + ".key")
        cert = os.path.join(world.tls, name + ".pem")
        harness.openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-out", key)
        world.server_ca.issue("/CN=" + name, key, cert, purpose="serverAuth",
                              alternative="IP:127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.socket = context.wrap_socket(self.socket, server_side=True,
                                          do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self.server_port}/in?k=v"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *args):
        """A connection that broke is what we are here for."""

    def events(self, code=200):
        """The records of the deliveries that were answered so."""
        return [e for _, _, body, c in list(self.got) if c == code
                for e in json.loads(body)["events"]]


def add(world, receiver, *events, label="x"):
    """A hook; (id, secret)."""
    answer = world.people["adam"].post("/v1/hooks", {
        "label": label, "url": getattr(receiver, "url", receiver),
        "events": list(events)})
    assert answer.code == 201, answer
    return answer.json()["id"], answer.json()["secret"]


def shown(world, hook):
    """A hook as an admin sees it."""
    return next(h for h in world.people["adam"].get("/v1/hooks").json()
                if h["id"] == hook)


def register(world, *numbers):
    """Chargers: each a record device-registered."""
    for n in numbers:
        assert world.people["otto"].post("/v1/devices", world.charger(
            n, "north").registration()).code == 201


def signed(headers, body, secret):
    """Whether the signature is that of this body, now."""
    said = dict(p.split("=") for p in headers["Voltseal-Signature"].split(","))
    mac = hmac.new(bytes.fromhex(secret[4:]), said["t"].encode() + b"." +
                   body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(mac, said["v1"]) and \
        abs(int(said["t"]) - time.time()) < 30


def delivered(tap, world):
    """Records that are wanted are delivered, signed, in order"""
    r = Receiver(world, "plain")
    hook, secret = add(world, r, "device-*", "campaign-created")
    tap.check(secret.startswith("vsh_") and len(secret) == 68,
              "the secret is shown")
    register(world, 1, 2, 3)
    world.people["otto"].post("/v1/tokens", {"label": "t"})
    world.wait(lambda: len(r.events()) == 3)
    tap.equal([(e["action"], e["subject"]) for e in r.events()],
              [("device-registered", f"CP-000{n}") for n in (1, 2, 3)],
              "those and no others, in order")
    log = {e["seq"]: e for e in world.audit()}
    tap.check(all(log[e["seq"]] == e for e in r.events()),
              "as the log has them")
    tap.check(all(p == "/in?k=v" and h["Voltseal-Hook"] == hook and
                  h["Content-Type"] == "application/json" and
                  signed(h, b, secret) and not signed(h, b + b" ", secret) and
                  json.loads(b)["hook"] == hook and json.loads(b)["delivery"]
                  == h["Voltseal-Delivery"] for p, h, b, _ in r.got),
              "each is signed with its time", r.got[:1])
    listed = world.people["adam"].get("/v1/hooks")
    tap.check(secret[4:] not in listed.body.decode() and
              shown(world, hook)["state"] == "on" and world.wait(
                  lambda: shown(world, hook)["last"] == "answered 200"),
              "nobody is shown the secret again", listed)
    tap.equal(world.people["adam"].post(f"/v1/hooks/{hook}/test").code, 200,
              "a test")
    tap.check(world.wait(lambda: r.events()[-1]["action"] == "hook-tested"),
              "comes, though nobody asked for it")
    count = len(r.got)
    assert world.people["adam"].ask("DELETE", "/v1/hooks/" + hook).code == 200
    register(world, 4)
    time.sleep(1)
    tap.equal(len(r.got), count, "one that was removed gets nothing")
    r.shutdown()


def again(tap, world):
    """What was not taken is sent again, over failures and a power cut"""
    r = Receiver(world, "failing", 503)
    hook, secret = add(world, r, "device-registered")
    register(world, 10, 11)
    tap.check(world.wait(lambda: r.got), "it is tried")
    tap.check(world.wait(lambda: shown(world, hook)["failures"] >= 1) and
              shown(world, hook)["last"] == "answered 503" and
              shown(world, hook)["failing_since"], "the failure is shown",
              shown(world, hook))
    tries = len(r.got)
    time.sleep(2)
    tap.equal(len(r.got), tries, "it waits before it tries again")
    world.power_cut()
    register(world, 12)
    r.code = 200
    tap.check(world.wait(lambda: len(r.events()) >= 3, 20), "it comes")
    tap.equal([e["subject"] for e in r.events()],
              ["CP-0010", "CP-0011", "CP-0012"],
              "nothing is lost, nothing changes places")
    tap.check(all(signed(h, b, secret) for _, h, b, c in r.got if c == 200),
              "signed with the same secret after the power cut")
    tap.check(world.wait(lambda: shown(world, hook)["failures"] == 0) and
              not shown(world, hook)["failing_since"], "all is well again")
    world.power_cut()
    register(world, 13)
    tap.check(world.wait(lambda: len(r.events()) == 4) and
              r.events()[-1]["subject"] == "CP-0013",
              "what was taken is not sent again", r.events())
    world.people["adam"].ask("DELETE", "/v1/hooks/" + hook)
    r.shutdown()


def nowhere_else(tap, world):
    """No redirect is followed, no foreign certificate believed"""
    r = Receiver(world, "redirecting", 302)
    hook, _ = add(world, r, "device-registered")
    register(world, 20)
    tap.check(world.wait(lambda: shown(world, hook)["last"] ==
                         "answered 302"), "a redirect is a failure")
    tap.equal({p for p, _, _, _ in r.got}, {"/in?k=v"}, "nobody follows it")
    world.people["adam"].ask("DELETE", "/v1/hooks/" + hook)
    good, world.server_ca = world.server_ca, world.device_ca
    foreign = Receiver(world, "foreign")
    world.server_ca = good
    hook, _ = add(world, foreign, "device-registered")
    register(world, 21)
    tap.check(world.wait(lambda: shown(world, hook)["failures"]) and
              "certificate" in shown(world, hook)["last"] and
              not foreign.got, "a receiver of another CA gets nothing",
              shown(world, hook))
    world.people["adam"].ask("DELETE", "/v1/hooks/" + hook)
    hidden = [add(world, f"https://{host}:{foreign.server_port}/",
                  "device-registered", label="h")[0]
              for host in ("127.0.0.2", "[::1]", "169.254.169.254",
                           "10.0.0.1", "0.0.0.0", "[::ffff:127.0.0.3]")]
    register(world, 22)
    said = world.wait(lambda: [
        s for s in [[shown(world, h)["last"] for h in hidden]] if all(s)])
    tap.check(said and all("hook_networks" in s for s in said[0]),
              "nor does the host's own network, but what is named", said)
    for h in hidden:
        world.people["adam"].ask("DELETE", "/v1/hooks/" + h)
    r.shutdown()
    foreign.shutdown()


def given_up(tap, world):
    """A receiver that fails for long is switched off, and on again"""
    r = Receiver(world, "dead", 500)
    world.stop()
    world.configure(world.conf, hook_give_up_s=3)
    world.start()
    hook, _ = add(world, r, "device-registered")
    register(world, 30)
    tap.check(world.wait(lambda: shown(world, hook)["state"] == "off", 25),
              "off after so long", shown(world, hook))
    last = world.audit()[-1]
    tap.equal((last["actor"], last["action"], last["subject"],
               last["detail"]), ("server", "hook-disabled", hook,
                                 "answered 500"), "the log has it")
    tries = len(r.got)
    register(world, 31)
    r.code = 200
    time.sleep(1)
    tap.equal(len(r.got), tries, "it is left alone")
    world.people["adam"].post(f"/v1/hooks/{hook}/enable")
    tap.check(world.wait(lambda: len(r.events()) == 2),
              "switched on, it gets what it missed", r.events())
    world.people["adam"].ask("DELETE", "/v1/hooks/" + hook)
    hang = Receiver(world, "hanging", "hang")
    hook, _ = add(world, hang, "device-registered")
    register(world, 32)
    hang.hung.wait(10)
    began = time.monotonic()
    tap.equal(world.stop(), 0, "a receiver that hangs")
    tap.check(time.monotonic() - began < 5, "does not keep the server")
    world.start()
    world.people["adam"].ask("DELETE", "/v1/hooks/" + hook)
    r.shutdown()


def who(tap, world):
    """Only an admin of all has to do with them, and says it well"""
    good = {"label": "l", "url": "https://a.example/", "events": ["*"]}
    tap.equal([world.people[n].post("/v1/hooks", good).code for n in
               ("vera", "otto", "anna", "aude", "both")], [403] * 5,
              "others do not")
    wrong = [{}, {**good, "url": "http://a.example/"},
             {**good, "url": "https://u@a.example/"},
             {**good, "events": []}, {**good, "events": ["A"]},
             {**good, "events": ["a"] * 17}, {**good, "events": "a"},
             {**good, "label": "a b"}, {**good, "secret": "x"},
             {**good, "url": "https://" + "a" * 600}]
    tap.equal([b for b in wrong if world.people["adam"].post(
        "/v1/hooks", b).code != 400], [], "each member is checked")
    made = [world.people["adam"].post("/v1/hooks", good) for _ in range(33)]
    tap.equal([a.code for a in made], [201] * 32 + [413], "32 at most")
    for a in made[:32]:
        world.people["adam"].ask("DELETE", "/v1/hooks/" + a.json()["id"])
    tap.equal([world.people["adam"].ask(m, "/v1/hooks/none" + e).code for m, e
               in (("DELETE", ""), ("POST", "/test"), ("POST", "/enable"))],
              [404] * 3, "what is not there is not there")
    tap.equal(world.people["adam"].get("/v1/hooks").json(), [], "none left")
    for value in ("10.0.0.0", "any", "10.0.0.0/40"):
        path = world.configure(world.path("n.conf"), hook_networks=value)
        done = world.run("check-config", "--config", path, expect=None)
        tap.check(done.returncode == 2 and "hook_networks" in done.stderr,
                  f"hook_networks = {value} is an error", done)
    path = world.configure(world.path("n.conf"), hook_ca="/none.pem")
    done = world.run("check-config", "--config", path, expect=None)
    tap.check(done.returncode == 1 and "/none.pem" in done.stderr,
              "a hook_ca that is not there is one too", done)


def command(tap, world, voltseal):
    """voltseal hook does the same"""
    token = world.write(world.people["adam"].token.encode(), "adam.token")
    os.chmod(token, 0o600)

    def ask(*words, expect=0):
        done = subprocess.run(
            [voltseal, "hook", *words, "--server",
             f"https://127.0.0.1:{world.ports[1]}", "--ca",
             world.server_ca.certificate, "--token-file", token],
            capture_output=True, text=True, check=False, timeout=30)
        tap.check(done.returncode == expect, f"hook {' '.join(words)[:50]}",
                  done)
        return done.stdout + done.stderr
    r = Receiver(world, "commanded")
    said = json.loads(ask("add", "chat", r.url, "--action", "campaign-*",
                          "--action", "fell-back", "--json"))
    tap.check(said["secret"].startswith("vsh_"), "it prints the secret")
    ask("test", said["id"])
    tap.check(world.wait(r.events), "a test comes")
    tap.check("chat" in ask("list") and "campaign-*" in ask(
        "list", "--json"), "list")
    ask("enable", said["id"])
    ask("remove", said["id"])
    ask("remove", said["id"], expect=1)
    ask("add", "chat", r.url, expect=2)
    ask("add", "chat", "http://a.example/", "--action", "*", expect=1)
    r.shutdown()


def run(tap, program, voltseal, folder):
    """All of it over one server."""
    world = World(program, folder, hook_networks="127.0.0.1/32",
                  hook_ca=os.path.join(folder, "tls", "server-ca.pem"))
    world.add_people()
    try:
        world.start()
        for section in (who, delivered, again, nowhere_else, given_up):
            tap.section(section, world)
        tap.section(command, world, voltseal)
        tap.check("vsh_" not in world.said(), "no secret is in the log")
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
