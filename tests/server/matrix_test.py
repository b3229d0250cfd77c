#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every role asks every route for every object: its own, another's, none.

The routes come from the program; who may is written down here, by hand, so
that a route that was added or opened is a failure until somebody has said
here who may ask for it."""
import json
import os
import re
import sys

import harness
from harness import World, run as run_program

READ = {"viewer", "operator", "approver", "auditor", "admin"}
MAKE = {"operator", "admin"}
OPEN = None  # whoever asks

# (method, pattern): who may, and whether only those who have to do with all
# chargers
MAY = {
    ("GET", "/log/**"): (OPEN, False),
    ("GET", "/v1/openapi.yaml"): (OPEN, False),
    ("POST", "/v1/session"): (OPEN, False),
    ("GET", "/v1/session"): (READ, False),
    ("DELETE", "/v1/session"): (READ, False),
    ("GET", "/v1/whoami"): (READ, False),
    ("GET", "/v1/tokens"): (READ, False),
    ("POST", "/v1/tokens"): (READ, False),
    ("DELETE", "/v1/tokens/*"): (READ, False),
    ("GET", "/v1/audit"): (READ - {"viewer"}, False),
    ("GET", "/v1/audit/heads"): (READ - {"viewer"}, False),
    ("GET", "/v1/events"): (READ, False),
    ("GET", "/v1/hooks"): ({"admin"}, True),
    ("POST", "/v1/hooks"): ({"admin"}, True),
    ("DELETE", "/v1/hooks/*"): ({"admin"}, True),
    ("POST", "/v1/hooks/*/enable"): ({"admin"}, True),
    ("POST", "/v1/hooks/*/test"): ({"admin"}, True),
    ("GET", "/v1/artifacts/*"): (READ, False),
    ("PUT", "/v1/artifacts/*"): (MAKE, True),
    ("GET", "/v1/deltas/*"): (READ, False),
    ("PUT", "/v1/deltas/*"): (MAKE, True),
    ("PUT", "/v1/log/**"): (MAKE, True),
    ("PUT", "/v1/proofs/*"): (MAKE, True),
    ("POST", "/v1/repository"): (MAKE, True),
    ("GET", "/v1/releases"): (READ, False),
    ("GET", "/v1/releases/*"): (READ, False),
    ("POST", "/v1/releases/*/promote"): (MAKE, True),
    ("POST", "/v1/releases/*/evidence"): (MAKE, True),
    ("POST", "/v1/releases/*/retire"): (MAKE, True),
    ("POST", "/v1/releases/*/approve"): ({"approver", "admin"}, True),
    ("POST", "/v1/releases/*/reject"): ({"approver", "admin"}, True),
    ("GET", "/v1/devices"): (READ, False),
    ("GET", "/v1/devices/*"): (READ, False),
    ("GET", "/v1/devices/*/report"): (READ, False),
    ("GET", "/v1/devices/*/bundle/**"): (MAKE, False),
    ("PUT", "/v1/devices/*/certificate"): (MAKE, False),
    ("POST", "/v1/devices"): (MAKE, False),
    ("GET", "/v1/fleet/versions"): (READ, False),
    ("GET", "/v1/fleet/overdue"): (READ, False),
    ("GET", "/v1/fleet/running/*"): (READ, False),
    ("GET", "/v1/forecast"): (READ, False),
    ("GET", "/v1/campaigns"): (READ, False),
    ("GET", "/v1/campaigns/*"): (READ, False),
    ("POST", "/v1/campaigns"): (MAKE, False),
    ("POST", "/v1/campaigns/dry-run"): (MAKE, False),
    ("GET", "/v1/campaigns/*/members"): (READ, False),
    ("GET", "/v1/campaigns/*/stuck"): (READ, False),
    ("GET", "/v1/campaigns/*/forecast"): (READ, False),
    ("POST", "/v1/campaigns/*/send-back"): (MAKE, False),
    ("GET", "/v1/freeze"): (READ, False),
    ("POST", "/v1/freeze"): (MAKE | {"approver"}, True),
    ("POST", "/v1/campaigns/*/approve"): ({"approver", "admin"}, False),
    ("POST", "/v1/campaigns/*/*"): (MAKE, False),
}


def routes(program):
    """(method, pattern): (roles, whole) as the program has them."""
    out = {}
    for line in run_program(program, "--routes").stdout.splitlines():
        row = json.loads(line)
        out[row["method"], row["pattern"]] = (
            set(row["roles"]) if "roles" in row else OPEN, row["whole"])
    return out


def table(tap, world):
    """The program's table of routes is the one that is written down here"""
    tap.equal(routes(world.program), MAY, "route for route")


def described():
    """{(method, pattern): (for whoever asks, only for the whole)} as
    docs/api/openapi.yaml has it, read by its indentation."""
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    with open(os.path.join(top, "docs", "api", "openapi.yaml"),
              encoding="utf-8") as f:
        text = f.read()
    text = text[text.index("\npaths:"):text.index("\ncomponents:")]
    out = {}
    for path, body in re.findall(r"\n  (/\S+):((?:\n {4}.*)+)", text):
        pattern = re.sub(r"\{\w+\}", "*", path.replace("{name}", "**"))
        for method, rest in re.findall(
                r"\n    (get|put|post|delete):((?:\n {6}.*)+)", body):
            out[method.upper(), pattern] = (
                "\n      security: []" in rest,
                "\n      x-whole: true" in rest)
    return out


def description(tap, world):
    """docs/api/openapi.yaml describes these routes and no others"""
    tap.equal(described(), {key: (roles is OPEN, whole) for
                            key, (roles, whole) in MAY.items()},
              "route for route")
    del world


class Cast:
    """People of each role and scope, objects of north and of south."""

    def __init__(self, world):
        self.world = world
        self.people = {}
        for role in sorted(READ):
            for scope in (None, "site=north", "tenant=acme", "tag=fast"):
                name = f"{role}-{scope.split('=')[0] if scope else 'all'}"
                args = ["--scope", scope] if scope else []
                token = world.run("user", "add", name, "--role", role,
                                  "--config", world.conf, *args).strip()
                self.people[name] = (role, scope, world.person(token))
        self.devices, self.campaigns = {}, {}

    def objects(self):
        """A charger and a campaign of each side, and one across."""
        world, otto = self.world, self.world.people["otto"]
        world.room.release("1.1.0", 2)
        world.upload()
        assert world.publish(world.room.files()).code == 200
        for n, side in ((1, "north"), (2, "south")):
            c = world.charger(n, side)
            labels = {"tenant": "acme", "tags": ["fast", "old"]} \
                if side == "north" else {"tenant": "acme2", "tags": ["fas"]}
            answer = otto.post("/v1/devices", c.registration(**labels))
            assert answer.code == 201, answer
            assert c.report().code == 200
            self.devices[side] = c.id
        for name, sites in (("north", ["north"]), ("south", ["south"]),
                            ("across", [])):
            answer = otto.post("/v1/campaigns", {
                "name": name, "release": "1.1.0", "filter": {"sites": sites},
                "waves": [{"percent": 100}]})
            assert answer.code == 201, answer
            self.campaigns[name] = answer.json()["id"]

    def other(self, side):
        """One more certificate of a charger, another each time."""
        name = self.devices.get(side, "CP-9")
        c = self.world.chargers[self.devices["north"]]
        path = self.world.path("identities", "other.pem")
        self.world.device_ca.issue("/CN=" + name, c.key.path, path)
        with open(path, encoding="utf-8") as f:
            return f.read()

    def asked(self, method, pattern):
        """(path, body, which side it is of, code where it is permitted)."""
        if pattern.endswith("/send-back"):
            body = b'{"release": "1.1.0"}'
            return [(f"/v1/campaigns/{self.campaigns.get(side, 99)}/send-back",
                     body, side, 400 if side != "none" else 404)
                    for side in ("north", "south", "across", "none")]
        if "/campaigns/*" in pattern:
            move = pattern.endswith("*/*")
            codes = {"GET": 200, "POST": 409 if move else 0}
            end = "/pause" if move else pattern[len("/v1/campaigns/*"):]
            return [(f"/v1/campaigns/{self.campaigns.get(side, 99)}{end}",
                     b"", side, codes[method] if side != "none" else 404)
                    for side in ("north", "south", "across", "none")]
        if pattern in ("/v1/devices/*", "/v1/devices/*/report"):
            return [(pattern.replace("*", self.devices.get(side, "CP-9")), b"",
                     side, 200 if side != "none" else 404)
                    for side in ("north", "south", "none")]
        if pattern.startswith("/v1/releases/*/"):
            # an empty body says too little, but to approve it is enough
            return [(pattern.replace("*", name), b"{}", "",
                     400 if not pattern.endswith("/approve") else code)
                    for name, code in (("1.1.0", 409), ("9.9.9", 404))]
        own = {"/v1/hooks": 400, "/v1/hooks/*/enable": 404,
               "/v1/hooks/*/test": 404, "/v1/devices": 400, "/v1/campaigns": 400,
               "/v1/campaigns/dry-run": 400, "/v1/freeze": 400, "/v1/tokens": 400,
               "/v1/repository": 400, "/v1/artifacts/*": 400,
               "/v1/deltas/*": 400,
               "/v1/log/**": 400, "/v1/proofs/*": 404}
        code = own.get(pattern, 200) if method != "GET" else 200
        if pattern == "/v1/events":
            code = 400  # a stream has no end to wait for
            pattern += "?after=x"
        if pattern == "/v1/devices/*/certificate":
            return [(f"/v1/devices/{self.devices.get(side, 'CP-9')}"
                     "/certificate", json.dumps({"certificate": self.other(
                         side)}).encode(), side,
                     200 if side != "none" else 404)
                    for side in ("north", "south", "none")]
        if pattern == "/v1/devices/*/bundle/**":
            return [(f"/v1/devices/{self.devices.get(side, 'CP-9')}"
                     f"/bundle/{name}", b"", side,
                     code if side != "none" else 404)
                    for side in ("north", "south", "none")
                    for name, code in (("director/timestamp.json", 200),
                                       ("image/timestamp.json", 200),
                                       ("report", 404), ("packs/x", 404))]
        if pattern == "/v1/fleet/running/*":
            return [(pattern.replace("*", "0" * 64), b"", "", 200)]
        path = pattern.replace("**", "x").replace("*", "0")
        if "*" in pattern and method in ("GET", "DELETE"):
            code = 404
        if pattern == "/v1/session":
            code = 400 if method == "POST" else 409
        return [(path, b"{}" if method == "POST" else b"", "", code)]


def matrix(tap, world, cast):
    """Each person gets what the table says, and another's is not there"""
    # S2.16 S3.45
    tried = 0
    for (method, pattern), (roles, whole) in MAY.items():
        wrong = []
        for name, (role, scope, client) in cast.people.items():
            for path, body, side, code in cast.asked(method, pattern):
                answer = client.ask(method, path, body)
                tried += 1
                if roles is not OPEN and role not in roles or whole and scope:
                    wanted = {403}
                elif scope and side in ("south", "across"):
                    wanted = {404}
                else:
                    wanted = {code} if code else {200, 409}
                if answer.code not in wanted:
                    wrong.append(f"{name} {path}: {answer!r}, not {wanted}")
        tap.check(not wrong, f"{method} {pattern}: each as it is written",
                  "\n".join(wrong))
    stranger = world.person("vs_" + "0" * 64)
    wrong = [(m, p) for (m, p), (roles, _) in MAY.items()
             for path, body, _, _ in cast.asked(m, p)
             if (stranger.ask(m, path, body).code == 401) != bool(roles)]
    tap.equal(wrong, [], "who is nobody gets none of it")
    tap.check(tried > 500, f"{tried} were tried")


def lists(tap, world, cast):
    """Lists hold one's own, and nothing of others"""
    for name, (role, scope, client) in cast.people.items():
        devices = {d["id"] for d in client.get("/v1/devices").json()}
        campaigns = {c["name"] for c in client.get("/v1/campaigns").json()}
        wanted = ({cast.devices["north"]}, {"north"}) if scope else (
            set(cast.devices.values()), set(cast.campaigns))
        tap.equal((devices, campaigns), wanted, f"{name}'s lists")
        if role == "viewer":
            continue
        log, after = [], 0
        while page := client.get(f"/v1/audit?limit=7&after={after}").json():
            log += page
            after = page[-1]["seq"]
        foreign = [r for r in log if scope and r["actor"] != name and
                   (r["subject"] not in (cast.devices["north"],
                                         cast.campaigns["north"]))]
        tap.check(not foreign and any(r["subject"] == cast.devices["north"]
                                      for r in log),
                  f"{name}'s part of the audit log", foreign[:3])
        if not scope:
            tap.equal([r["seq"] for r in log],
                      list(range(1, len(log) + 1)), "which is all of it")


def reach(tap, world, cast):
    """Nobody makes what he has nothing to do with"""
    plan = {"name": "mine", "release": "1.1.0", "waves": [{"percent": 100}]}
    for scope in ("site", "tenant", "tag"):
        me = cast.people[f"operator-{scope}"][2]
        answer = me.post("/v1/campaigns", plan)
        tap.check(answer.code == 403 and answer.reason == "not-allowed",
                  f"a campaign beyond one's {scope} is refused", answer)
        answer = me.post("/v1/campaigns", {**plan, "filter": {
            "ids": [cast.devices["north"]]}})
        tap.equal(answer.code, 201, "one within is taken")
    charger = world.charger(7, "south")
    answer = cast.people["operator-site"][2].post(
        "/v1/devices", charger.registration())
    tap.check(answer.code == 403 and answer.reason == "not-allowed",
              "a charger of another site is not registered", answer)
    tap.equal(cast.people["operator-tag"][2].post(
        "/v1/devices", charger.registration(tags=["fast"])).code, 201,
        "one with one's tag is")
    shown = world.people["vera"].get("/v1/devices/" + charger.id).json()
    world.power_cut()
    tap.check(cast.people["viewer-tag"][2].get(
        "/v1/devices/" + charger.id).code == 200 and
        world.people["vera"].get("/v1/devices/" + charger.id).json()["tags"]
        == shown["tags"] == ["fast"], "also after a power cut")


def tokens(tap, world, cast):
    """Tokens: some of one's roles, for a time, one's own to take back"""
    adam, vera = world.people["adam"], world.people["vera"]
    answer = adam.post("/v1/tokens", {"label": "pipeline", "days": 3,
                                      "roles": ["viewer"]})
    tap.equal(answer.code, 403, "a role that one has not is not given")
    both = world.people["both"]
    answer = both.post("/v1/tokens", {"label": "ci", "roles": ["operator"]})
    tap.check(answer.code == 201 and answer.headers["Cache-Control"] ==
              "no-store", "a token with one of two roles", answer)
    narrow = world.person(answer.json()["token"])
    world.people["narrow"] = narrow
    tap.equal(narrow.get("/v1/whoami").json()["roles"], ["operator"],
              "it has this role alone")
    tap.equal(narrow.post("/v1/tokens", {
        "label": "up", "roles": ["approver"]}).code, 403,
        "and makes none with another")
    made = narrow.post("/v1/campaigns", {
        "name": "eyes", "release": "1.1.0", "waves": [{"percent": 100}]})
    path = f"/v1/campaigns/{made.json()['id']}/approve"
    answer = both.post(path)
    tap.check(answer.code == 403 and answer.reason == "four-eyes",
              "two tokens of one person are one person", answer)
    listed = both.get("/v1/tokens").json()
    tap.check({t["label"] for t in listed} == {"first", "ci"} and
              narrow.token not in json.dumps(listed),
              "one's tokens are listed, without what they are", listed)
    token_id = answer_id = next(t["id"] for t in listed if t["label"] == "ci")
    tap.equal([vera.ask("DELETE", "/v1/tokens/" + answer_id).code,
               cast.people["admin-site"][2].ask(
                   "DELETE", "/v1/tokens/" + answer_id).code],
              [404, 404], "another's is not there")
    tap.equal([adam.ask("DELETE", "/v1/tokens/" + token_id).code,
               narrow.get("/v1/whoami").code], [200, 401],
              "an admin takes it back, at once")
    wrong = [b for b in ({}, {"label": ""}, {"label": "a b"},
                         {"label": "x", "days": 0},
                         {"label": "x", "days": 367},
                         {"label": "x", "roles": []},
                         {"label": "x", "roles": ["king"]},
                         {"label": "x", "until": 3})
             if vera.post("/v1/tokens", b).code != 400]
    tap.equal(wrong, [], "each member is checked")
    late = vera.post("/v1/tokens", {"label": "late", "days": 1}).json()
    client = world.person(late["token"])
    world.people["late"] = client
    tap.equal(client.get("/v1/whoami").code, 200, "(a token for a day)")
    world.stop()
    with world.database() as db:
        db.execute("UPDATE token SET expires_s = expires_s - 86400 "
                   "WHERE id = ?", (late["id"],))
    world.start()
    tap.equal(client.get("/v1/whoami").code, 401, "the day is over")


def chargers(world):
    """All that is shown of chargers but whether they are online."""
    vera = world.people["vera"]
    shown = [vera.get("/v1/devices/" + d["id"]).json()
             for d in vera.get("/v1/devices").json()]
    return [{k: v for k, v in d.items() if k != "online"} for d in shown]


def older(tap, world, cast):
    """A database of version 1 is taken over, tokens and all"""
    before = chargers(world)
    world.stop()
    with world.database() as db:
        now = db.execute("SELECT value FROM meta WHERE name = 'schema'"
                         ).fetchone()[0]
    world.age()
    with world.database() as db:
        db.execute("DELETE FROM token")
        # what later versions added
        db.execute("ALTER TABLE member DROP COLUMN seat")
        db.execute("UPDATE meta SET value = '1' WHERE name = 'schema'")
    done = world.run("check-config", "--config", world.conf, expect=None)
    with world.database() as db:
        tap.check(done.returncode == 0 and db.execute(
            "SELECT value FROM meta WHERE name = 'schema'").fetchall() ==
            [("1",)], "check-config tries that in a copy", done)
    world.start()
    tap.equal(world.people["vera"].get("/v1/whoami").code, 200,
              "a person's first token still counts")
    tap.equal(chargers(world), before, "its chargers are as they were")
    world.stop()
    with world.database() as db:
        tap.equal(db.execute("SELECT value FROM meta WHERE name = 'schema'")
                  .fetchall(), [(now,)], "once")
        db.execute("UPDATE meta SET value = ? WHERE name = 'schema'",
                   (str(int(now) + 1),))
    done = world.run("check-config", "--config", world.conf, expect=None)
    newer = world.run("user", "list", "--config", world.conf, expect=None)
    tap.check("another version" in newer.stderr + done.stderr,
              "a newer one is left alone", (done, newer))
    with world.database() as db:
        db.execute("UPDATE meta SET value = ? WHERE name = 'schema'", (now,))
    del cast


def run(tap, program, folder):
    """All of it over one server."""
    world = World(program, folder, wrong_logins=1000, person_rate=1000)
    world.add_people()
    cast = Cast(world)
    try:
        world.start()
        cast.objects()
        tap.section(table, world)
        tap.section(description, world)
        for section in (matrix, lists, reach, tokens, older):
            tap.section(section, world, cast)
        harness.quiet(tap, world)
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(harness.main(run))
