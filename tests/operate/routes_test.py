#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""voltseal covers the server's API: each route that voltseal-server has is
asked for by a command, and each command that --help lists was run.

usage: routes_test.py VOLTSEAL VOLTSEAL-SERVER"""
import hashlib
import json
import os
import re
import subprocess
import sys
import unittest

from api_world import ApiWorld
from upload_test import note, proof, tiles

SERVER = os.path.abspath(sys.argv[2])
SEAL = hashlib.sha256(b"a seal").hexdigest()
# What a person at a terminal has no use for, or what another test has.
ELSEWHERE = {
    ("POST", "/v1/session"),      # browsers
    ("GET", "/v1/session"),
    ("DELETE", "/v1/session"),
    ("GET", "/v1/openapi.yaml"),  # programs
    ("GET", "/v1/deltas/*"),      # upload_test.py
    ("PUT", "/v1/deltas/*"),
}
OFFLINE = {"tuf", "uptane", "witness", "monitor", "completion"}
COMMANDS = """
release upload OUT
release list
release show 1.1.0
release promote 1.1.0 --to pilot --evidence sbom=FILE
release approve 1.1.0
release reject 1.1.0 --note no
release retire 1.1.0 --note old
release evidence 1.1.0 --evidence sbom=FILE
campaign create --name n --release r --wave 1
campaign approve 1
campaign start 1
campaign pause 1
campaign resume 1
campaign abort 1
campaign retry 1
campaign send-back 1 --release r
campaign dry-run --release r --wave 1
campaign list
campaign show 1
campaign members 1
campaign stuck 1
campaign forecast 1
campaign watch 1
freeze on --because smoke
freeze off --because out
freeze show
device list
device show CP-1
device report CP-1
device register DEVICE --certificate CA
device certificate CP-1 CA
bundle make --vehicle CP-1 STICK
audit list
audit export
audit heads
audit verify EMPTY
fleet versions
fleet overdue
fleet running SEAL
forecast
events --until campaign-done
hook add chat https://chat.example/ --action campaign-*
hook list
hook test 1
hook enable 1
hook remove 1
whoami
token add ci
token list
token remove 1
"""


class Anything(dict):
    """Good answers to whatever is asked."""

    def get(self, key, default=None):
        method, path = key
        if path == "/log/checkpoint" or (
                method == "GET" and path.startswith("/v1/artifacts/")):
            return 404, {"error": "there is none", "reason": "not-listed"}
        if path == "/v1/audit/heads":
            return 200, {"key": "", "heads": []}
        if path == "/v1/events":
            return 200, b'id: 1\nevent: campaign-done\ndata: {"seq": 1, ' \
                b'"action": "campaign-done", "subject": "1"}\n\n'
        many = method == "GET" and re.fullmatch(
            r"/v1/(\w+|fleet/.*|campaigns/\d+/members)", path) and path not \
            in ("/v1/whoami", "/v1/freeze", "/v1/forecast")
        return 200, [] if many else {"id": "1", "state": "done",
                                     "progress": {}}


class Routes(ApiWorld):
    def routes(self):
        """{(method, pattern)} as voltseal-server has them."""
        out = subprocess.run([SERVER, "--routes"], check=True, text=True,
                             capture_output=True).stdout
        rows = [json.loads(line) for line in out.splitlines()]
        return [(r["method"], r["pattern"]) for r in rows]

    def commands(self):
        """Those that --help lists, without those that ask no server."""
        text = self.run_voltseal("--help")
        found = re.findall(r"(?m)^  ([a-z]+(?: [a-z][a-z-]*)?)(?: |$)",
                           text.split("options of every")[0])
        return {c for c in found if c.split()[0] not in OFFLINE}

    def test_each_route_has_its_command(self):
        self.server.answers = Anything()
        stand = {
            "OUT": os.path.join(self.dir, "out"), "SEAL": SEAL,
            "FILE": self.write("sbom", "{}"),
            "STICK": os.path.join(self.dir, "stick.tar"), "CA": self.ca,
            "EMPTY": self.write("empty", ""),
            "DEVICE": self.write("device.json", json.dumps(
                {"id": "CP-1", "site": "north", "ecus": [{}]}))}
        self.write("out/artifacts/" + SEAL, b"a seal")
        self.write("out/metadata/1.targets.json", "{}")
        self.write("out/proofs/g.seal.tlog-proof", proof(SEAL))
        for name, data in tiles(1).items():
            self.write("out/log/" + name, data)
        self.write("out/log/checkpoint", note(1))
        run = set()
        for line in COMMANDS.strip().splitlines():
            words = [stand.get(w, w) for w in line.split()]
            words = [w.replace("=FILE", "=" + stand["FILE"]) for w in words]
            subprocess.run([sys.argv[1], *words], capture_output=True,
                           env=self.env, timeout=60, check=False)
            run.add(" ".join(re.match(r"[a-z]+(?: [a-z][a-z-]*)?(?= |$)",
                                      line).group().split()[:2]))
        asked = {(method, path.split("?")[0])
                 for method, path, _, _ in self.server.asked}
        left, seen = [], set(ELSEWHERE)
        for method, path in sorted(asked):
            fit = [(m, p) for m, p in self.routes() if m == method and
                   re.fullmatch(p.replace("**", ".+").replace(
                       "*", "[^/]+"), path)]
            left += [] if fit else [(method, path)]
            seen.update(fit[:1])
        self.assertEqual(left, [], "asked for, and no route")
        self.assertEqual(set(self.routes()) - seen, set(),
                         "a route without a command")
        self.assertEqual(self.commands() - {
            c for r in run for c in (r, r.split()[0])}, set(),
            "a command that was not run")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
