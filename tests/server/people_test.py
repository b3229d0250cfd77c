#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""People and the operators' listener: tokens, roles, four eyes, limits, bad
input of every kind."""
import hashlib
import json
import os
import socket
import ssl
import sys

import harness
from harness import PEOPLE, Client, World

READ = {"viewer", "operator", "approver", "auditor", "admin"}
MAKE = {"operator", "admin"}
# what is asked, who may, and the code a person of that role gets
ASKED = [
    ("GET", "/v1/whoami", READ, 200),
    ("GET", "/v1/releases", READ, 200),
    ("GET", "/v1/releases/9.9.9", READ, 404),
    ("GET", "/v1/devices", READ, 200),
    ("GET", "/v1/devices/CP-9999", READ, 404),
    ("GET", "/v1/campaigns", READ, 200),
    ("GET", "/v1/campaigns/9", READ, 404),
    ("GET", "/v1/audit", READ - {"viewer"}, 200),
    ("GET", "/v1/artifacts/" + "0" * 64, READ, 404),
    ("PUT", "/v1/artifacts/" + "0" * 64, MAKE, 400),
    ("POST", "/v1/repository", MAKE, 400),
    ("POST", "/v1/devices", MAKE, 400),
    ("POST", "/v1/campaigns", MAKE, 400),
    ("POST", "/v1/campaigns/9/start", MAKE, 404),
    ("POST", "/v1/campaigns/9/pause", MAKE, 404),
    ("POST", "/v1/campaigns/9/resume", MAKE, 404),
    ("POST", "/v1/campaigns/9/abort", MAKE, 404),
    ("POST", "/v1/campaigns/9/approve", {"approver", "admin"}, 404),
]


def roles(tap, world):
    """Each role may do what its row says and nothing else"""
    # S0.44 S2.4 S3.45
    for method, path, allowed, code in ASKED:
        wrong = []
        for name, mine in PEOPLE.items():
            answer = world.people[name].ask(method, path)
            wanted = code if set(mine) & allowed else 403
            if answer.code != wanted:
                wrong.append(f"{name}: {answer!r}, wanted {wanted}")
            if wanted == 403 and answer.reason != "not-allowed":
                wrong.append(f"{name}: {answer!r}")
        tap.check(not wrong, f"{method} {path} is for {sorted(allowed)}",
                  "\n".join(wrong))
    denied = [r for r in world.audit() if r["action"] == "denied"]
    tap.check(any(r["actor"] == "vera" and r["subject"] == "/v1/devices" and
                  r["reason"] == "not-allowed" for r in denied),
              "who asks for more than he may is in the log")


def tokens(tap, world):
    """Only a token that was given out and is in force opens anything"""
    good = world.people["adam"].token
    port, ca = world.ports[1], world.server_ca.certificate
    who = world.people["both"].get("/v1/whoami").json()
    tap.equal(who, {"name": "both", "roles": ["operator", "approver"]},
              "whoami names the person and all roles")
    bad = {"none": None, "empty": "", "another": "vs_" + "0" * 64,
           "a cut one": good[:-1], "a longer one": good + "0",
           "upper case": good.upper(), "SQL": "' OR '1'='1"}
    for what, token in bad.items():
        answer = Client(port, ca, token=token).get("/v1/whoami")
        tap.check(answer.code == 401 and answer.reason == "not-allowed" and
                  answer.headers["WWW-Authenticate"] == "Bearer",
                  f"a wrong token ({what}) gets 401", answer)
    answer = Client(port, ca).get("/v1/nothing/of/the/kind")
    tap.equal(answer.code, 401, "without a token no path is told from "
                                "another")
    answer = Client(port, ca).ask("GET", "/v1/whoami", headers={
        "Authorization": "Basic " + good})
    tap.equal(answer.code, 401, "a token of another scheme gets 401")
    with open(world.path("data", "voltseal.db"), "rb") as f:
        stored = f.read()
    if os.path.exists(world.path("data", "voltseal.db-wal")):
        with open(world.path("data", "voltseal.db-wal"), "rb") as f:
            stored += f.read()
    tap.check(good.encode() not in stored and
              hashlib.sha256(good.encode()).digest() in stored,
              "the database holds the token's hash and not the token")


def strangers(tap, world):
    """A charger's certificate opens nothing on the operators' listener"""
    # S3.45: separate trust of the listeners
    charger = world.charger(70, "north")
    cross = world.device(charger.certificate, charger.key.path)
    cross.port = world.ports[1]
    tap.equal(cross.get("/v1/devices").code, 401,
              "a charger's certificate is no token")
    answer = world.people["otto"].post("/v1/devices", charger.registration())
    tap.equal(answer.code, 201, "(it is registered)")
    tap.equal(cross.get("/v1/devices").code, 401,
              "not even a registered charger's")
    cross.port = world.ports[0]
    cross.token = world.people["adam"].token
    tap.equal(cross.get("/v1/devices").code, 404,
              "a token opens nothing on the chargers' listener")


def removal(tap, world):
    """People come and go while the server runs"""
    conf = ("--config", world.conf)
    token = world.run("user", "add", "temp", "--role", "viewer",
                      *conf).strip()
    temp = world.person(token)
    tap.equal(temp.get("/v1/whoami").code, 200, "a new person may ask at once")
    again = world.run("user", "add", "temp", "--role", "admin", *conf,
                      expect=None)
    tap.check(again.returncode == 1 and not again.stdout and
              len(again.stderr.strip().splitlines()) == 1,
              "a name is given once", again)
    tap.check("temp" in world.run("user", "list", *conf), "user list names "
                                                          "the person")
    world.run("user", "remove", "temp", *conf)
    tap.equal(temp.get("/v1/whoami").code, 401, "a removed person's token is "
                                                "void at once")
    gone = world.run("user", "remove", "temp", *conf, expect=None)
    tap.equal(gone.returncode, 1, "who is not there cannot be removed")
    log = [(r["actor"], r["action"], r["subject"]) for r in world.audit()]
    tap.check(("host", "person-added", "temp") in log and
              ("host", "person-removed", "temp") in log,
              "both are in the log, written by another process")


def bodies(tap, world):
    """Bodies that are not what they must be get 400 and change nothing"""
    otto = world.people["otto"]
    before = len(world.audit())
    bad = {"nothing": b"", "no JSON": b"{", "an array": b"[]",
           "a text": b'"x"', "a key twice": b'{"files":{},"files":{}}',
           "bytes after it": b"{} {}", "a real": b'{"files":1.5}',
           "no UTF-8": b'{"files":"\xff"}', "a zero byte": b'{"a":"\0"}',
           "depth": b'{"a":' * 60 + b"1" + b"}" * 60,
           "empty files": b'{"files":{}}',
           "files that are no texts": b'{"files":{"1.root.json":{}}}'}
    for path in ("/v1/repository", "/v1/devices", "/v1/campaigns"):
        for what, body in bad.items():
            answer = otto.post(path, body)
            tap.check(answer.code == 400 and answer.one_line() and
                      answer.reason, f"{path}: {what} gets 400", answer)
    tap.equal(len(world.audit()), before, "none of it is in the log")
    tap.equal([d["id"] for d in json.loads(otto.good("/v1/devices"))],
              ["CP-0070"], "no device came of it")


def registrations(good):
    """Registrations, each wrong in one field."""
    ecu = good["ecus"][0]
    changes = [{"id": 7}, {"id": ""}, {"id": "../x"}, {"id": "a b"},
               {"id": "x" * 64}, {"id": "CP-0901"}, {"site": None},
               {"site": "a/b"}, {"feeder": 3}, {"certificate": ""},
               {"certificate": "-----BEGIN CERTIFICATE-----\nAA\n"},
               {"ecus": []}, {"ecus": {}}, {"ecus": [1]},
               {"ecus": [ecu] * 2}, {"utc_offset_min": 10 ** 6},
               {"utc_offset_min": "1"}, {"colour": "red"}]
    changes += [{"ecus": [{**ecu, **change}]} for change in (
        {"id": -1}, {"component": ""}, {"hardware": "x" * 40},
        {"speed": 3})]
    return [{**good, **c} for c in changes] + [
        {k: v for k, v in good.items() if k != gone}
        for gone in ("id", "site", "certificate", "ecus")]


def plans(good):
    """Campaigns, each wrong in one field."""
    changes = [{"name": 1}, {"name": "a b"}, {"release": "9.9.9"},
               {"release": ["1.1.0"]}, {"waves": []}, {"waves": {}},
               {"waves": [{"count": -1}]}, {"waves": [{"count": 0}]},
               {"waves": [{"percent": 101}]}, {"waves": [{}]},
               {"waves": [{"count": 1, "percent": 5}]},
               {"waves": [{"count": "1"}]},
               {"waves": [{"percent": 50}, {"percent": 20}]},
               {"waves": [{"count": 1}] * 17}, {"per_site": 0},
               {"per_site": -1}, {"per_site": 1.5}, {"per_site": True},
               {"soak_s": -1}, {"soak_s": 2 ** 40}, {"soak_s": "1"},
               {"fail_percent": 0}, {"fail_percent": 101},
               {"fail_count": 0}, {"timeout_s": -5},
               {"window": {"start": "25:00", "end": "01:00"}},
               {"window": {"start": "01:00"}}, {"window": "night"},
               {"window": {"start": "01:00", "end": "01:00"}},
               {"filter": []}, {"filter": {"sites": "north"}},
               {"filter": {"sites": [1]}}, {"filter": {"site": ["n"]}},
               {"filter": {"ids": ["CP-9999"]}}, {"fial_count": 1},
               {"created_by": "anna"}, {"salt": "x"}]
    return [{**good, **c} for c in changes] + [
        {k: v for k, v in good.items() if k != gone}
        for gone in ("name", "release", "waves")]


def fields(tap, world):
    """Each field of a body is checked, and no unknown one is passed over"""
    otto = world.people["otto"]
    world.room.release("1.1.0", 2)
    world.upload()
    answer = world.publish(world.room.files())
    tap.check(answer.code == 200, "a release for it is published", answer)
    charger = world.charger(900, "north")
    plan = {"name": "n", "release": "1.1.0", "waves": [{"percent": 100}]}
    cases = [("/v1/devices", b) for b in registrations(
        charger.registration())]
    world.fleet(1)
    cases += [("/v1/campaigns", b) for b in plans(plan)]
    cases += [("/v1/repository", b) for b in (
        {}, {"files": []}, {"files": {"1.targets.json": 1}},
        {"files": {"1.targets.json": None}},
        {"files": {"1.targets.json": "{}"}, "force": True})]
    before = world.audit()[-1]["seq"]
    wrong = []
    for path, body in cases:
        answer = otto.post(path, body)
        if answer.code != 400 or not answer.one_line() or not answer.reason:
            wrong.append((path, str(body)[:200], answer))
    tap.check(not wrong, f"{len(cases)} wrong bodies: 400 and one line each",
              "\n".join(map(str, wrong)))
    tap.equal(otto.get("/v1/devices/CP-0900").code, 404,
              "no refused registration made a charger")
    tap.equal(json.loads(otto.good("/v1/campaigns")), [],
              "no refused campaign was made")
    tap.equal(world.audit()[-1]["seq"], before, "and none is in the log")


def limits(tap, world):
    """Limits hold before a body is read"""
    otto = world.people["otto"]
    for path, size in (("/v1/devices", 200_000), ("/v1/campaigns", 2 << 20),
                       ("/v1/campaigns/1/start", 5000),
                       ("/v1/repository", 33 << 20)):
        answer = otto.post(path, b"x" * size)
        tap.check(answer.code in (413, 0), f"{path}: {size} bytes are too "
                                           "many", answer)
    head = ("Host: x\r\nAuthorization: Bearer " + otto.token + "\r\n")
    said = otto.raw(("POST /v1/devices HTTP/1.1\r\n" + head +
                     "Content-Length: 99999999\r\n\r\n").encode())
    tap.equal(said, 413, "the announced length alone is enough")
    said = otto.raw(("POST /v1/devices HTTP/1.1\r\n" + head +
                     "Transfer-Encoding: chunked\r\n\r\n").encode() +
                    (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 8)
    tap.check(said in (0, 413), "and so is a chunked one without an end",
              said)
    said = otto.raw(("GET /v1/whoami HTTP/1.1\r\n" + head +
                     "X: " + "y" * 100000 + "\r\n\r\n").encode())
    tap.check(said in (0, 413, 431), "a header has its limit", said)
    for what, more in (
            ("two lengths", "Content-Length: 2\r\nContent-Length: 3\r\n"),
            ("a negative length", "Content-Length: -2\r\n"),
            ("a length and chunks",
             "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n")):
        said = otto.raw(("POST /v1/devices HTTP/1.1\r\n" + head + more +
                         "\r\n{}").encode(), seconds=5)
        tap.check(said in (0, 400, 413), f"{what}: refused", said)
    said = otto.raw(b"\x00\xff\x00garbage\r\n\r\n")
    tap.check(said in (0, 400), "what is not HTTP is not answered well", said)
    tap.equal(otto.get("/v1/whoami").code, 200, "and the server still serves")


def paths(tap, world):
    """Unknown paths and methods, and names that try to get out"""
    vera = world.people["vera"]
    for path in ("/", "/v1", "/v1/", "/v2/devices", "/v1/devices/",
                 "/v1/devices/../devices", "/v1//devices", "/v1/devices/%2e",
                 "/v1/devices/a/b", "/v1/artifacts/../voltseal.db",
                 "/v1/artifacts/%2e%2e%2fvoltseal.db",
                 "/v1/artifacts/voltseal.db", "/v1/releases/none",
                 "/v1/devices/none", "/v1/campaigns/none",
                 "/v1/" + "x" * 3000):
        answer = vera.get(path)
        tap.check(answer.code == 404 and answer.reason == "not-listed",
                  f"{path[:60]} is not there", answer)
    for method, path, allowed in (
            ("DELETE", "/v1/devices", "GET, POST"),
            ("PUT", "/v1/campaigns", "GET, POST"),
            ("POST", "/v1/audit", "GET"), ("POST", "/v1/whoami", "GET"),
            ("DELETE", "/v1/artifacts/" + "a" * 64, "GET, PUT"),
            ("GET", "/v1/repository", "POST"),
            ("PATCH", "/v1/releases", "GET"),
            ("GET", "/v1/campaigns/1/start", "POST")):
        answer = vera.ask(method, path)
        tap.check(answer.code == 405 and answer.headers["Allow"] == allowed,
                  f"{method} {path[:30]} gets 405 with Allow: {allowed}",
                  answer)
    answer = vera.ask("HEAD", "/v1/whoami")
    tap.check(answer.code == 200 and answer.body == b"", "HEAD has no body",
              answer)
    for query in ("after=x", "after=-1", "limit=1e9", "after=" + "9" * 30):
        answer = world.people["aude"].get("/v1/audit?" + query)
        tap.equal(answer.code, 400, f"audit?{query[:20]} gets 400")


def answers(tap, world):
    """Errors are problem+json; browsers are told what not to do"""
    # S3.45; RFC 9457
    vera = world.people["vera"]
    answer = vera.get("/v1/devices/none")
    said = answer.json()
    tap.check(answer.headers["Content-Type"] == "application/problem+json" and
              said["status"] == 404 and said["title"] == "Not Found" and
              said["type"] == "urn:voltseal:reason:not-listed" and
              said["detail"] == said["error"], "an error says its type",
              answer)
    wanted = {"Strict-Transport-Security": "max-age=31536000",
              "X-Content-Type-Options": "nosniff",
              "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
              "Cross-Origin-Resource-Policy": "same-origin",
              "Content-Security-Policy":
              "default-src 'none'; frame-ancestors 'none'"}
    for path in ("/v1/devices/none", "/v1/whoami", "/nothing"):
        got = vera.get(path).headers
        tap.equal({k: got[k] for k in wanted}, wanted,
                  f"{path} has the headers")
    tap.check("Access-Control-Allow-Origin" not in vera.ask(
        "GET", "/v1/whoami", headers={"Origin": "https://evil.example"}
    ).headers, "no other origin may read")


def tls(tap, world):
    """TLS 1.2 and later, and nothing else"""
    for port, who in zip(world.ports, ("chargers", "people")):
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            s.sendall(b"GET /v1/whoami HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                said = s.recv(100)
            except OSError:
                said = b""
        tap.check(b"HTTP/1.1 2" not in said and b"{" not in said,
                  f"plain HTTP gets nothing from the listener for {who}",
                  said)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            try:
                context.wrap_socket(s).close()
                good = False
            except (ssl.SSLError, OSError):
                good = True
        tap.check(good, f"TLS 1.1 is refused by the listener for {who}")


def four_eyes(tap, world):
    """Who created a campaign does not approve it, not even an admin"""
    # S0.43 S2.4 S2.24
    plan = {"name": "spring", "release": "1.1.0", "waves": [{"count": 1}]}
    for name in ("adam", "both"):
        me = world.people[name]
        made = me.post("/v1/campaigns", plan)
        tap.check(made.code == 201 and made.json()["created_by"] == name,
                  f"{name} creates a campaign", made)
        path = f"/v1/campaigns/{made.json()['id']}"
        answer = me.post(path + "/approve")
        tap.check(answer.code == 403 and answer.reason == "four-eyes" and
                  answer.one_line(), f"{name} may not approve it", answer)
        tap.equal(me.post(path + "/start").code, 409, "nor start it without")
        tap.check(any(r["actor"] == name and r["reason"] == "four-eyes"
                      for r in world.audit()), "the attempt is in the log")
        answer = world.people["anna"].post(path + "/approve")
        tap.check(answer.code == 200 and
                  answer.json()["approved_by"] == "anna" and
                  answer.json()["state"] == "approved",
                  "another person may", answer)
        tap.equal(world.people["anna"].post(path + "/approve").code, 409,
                  "but once")
        tap.equal(me.post(path + "/dance").code, 404, "there is no other "
                                                      "move")
        tap.equal(me.post(path + "/abort").code, 200, "an approved one is "
                                                      "aborted")


def run(tap, program, folder):
    """All of it over one server."""
    world = World(program, folder, idle_s=5)
    world.add_people()
    try:
        world.start()
        for section in (roles, tokens, strangers, removal, bodies, fields,
                        limits, paths, answers, tls, four_eyes):
            tap.section(section, world)
        tap.equal(world.stop(), 0, "it stops in good order")
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
