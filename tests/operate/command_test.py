#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""voltseal's commands against a small HTTPS server on loopback: exit codes,
one line for each failure, and what is sent.

usage: command_test.py VOLTSEAL
"""
import hashlib
import json
import os
import subprocess
import sys
import unittest

from api_world import TOKEN, ApiWorld, Series

VOLTSEAL = sys.argv[1]


class Commands(ApiWorld):
    # --- help and wrong command lines ---------------------------------

    def test_help_teaches_and_needs_nothing(self):
        bare = {"PATH": "/usr/bin:/bin", **{
            k: v for k, v in self.env.items() if k.endswith("SAN_OPTIONS")}}
        text = self.run_voltseal("--help", env=bare)
        for word in ("release upload", "campaign create", "tuf refresh",
                     "exit status", "a first rollout"):
            self.assertIn(word, text)
        for group in ("release", "campaign", "device", "audit", "whoami",
                      "tuf"):
            self.assertIn("usage: voltseal " + group,
                          self.run_voltseal(group, "--help", env=bare))
        text = self.run_voltseal("campaign", "create", "--help", env=bare)
        self.assertIn("--wave", text)
        self.assertIn("VOLTSEAL_TOKEN_FILE", text)
        self.assertIn("voltseal ", self.run_voltseal("--version", env=bare))

    def test_a_wrong_command_line_is_exit_2_and_asks_nobody(self):
        for args in ([], ["bogus"], ["campaign"], ["campaign", "bogus"],
                     ["campaign", "show"], ["campaign", "show", "x"],
                     ["campaign", "show", "0"], ["campaign", "show", "1", "2"],
                     ["campaign", "approve", "1", "--wave", "1"],
                     ["device", "list", "--bogus"], ["device", "list", "x"],
                     ["audit", "list", "--limit", "many"],
                     ["audit", "verify", "x", "--head", "beef"],
                     ["tuf", "refresh"],
                     ["tuf", "--metadata-dir", "d", "download"],
                     ["whoami", "--server", "http://127.0.0.1:1"]):
            self.run_voltseal(*args, expect=2)
        self.assertEqual(self.server.asked, [])

    def test_a_wrong_plan_names_its_option(self):
        good = ["campaign", "create", "--name", "n", "--release", "r",
                "--wave", "1"]
        for option, value in (("--wave", "0"), ("--wave", "101%"),
                              ("--wave", "half"), ("--wave", "%"),
                              ("--wave", "1234567890123"), ("--soak", "5x"),
                              ("--per-site", "0"), ("--fail-count", "-1"),
                              ("--fail-percent", "101"),
                              ("--timeout", "1.5h"), ("--window", "22-05"),
                              ("--window", "24:00-05:00"),
                              ("--window", "05:00-05:00")):
            self.assertIn(option, self.run_voltseal(*good, option, value,
                                                    expect=2))
        for missing in ("--name", "--release", "--wave"):
            i = good.index(missing)
            self.assertIn(missing, self.run_voltseal(
                *good[:i], *good[i + 2:], expect=2))
        self.assertEqual(self.server.asked, [])

    # --- the way to the server ----------------------------------------

    def test_the_token_goes_in_the_header(self):
        self.server.answers[("GET", "/v1/whoami")] = (
            200, {"name": "anna", "roles": ["operator", "approver"]})
        text = self.run_voltseal("whoami")
        self.assertIn("anna", text)
        self.assertIn("operator, approver", text)
        self.assertEqual(self.server.asked[0][3], "Bearer " + TOKEN)

    # S1.30
    def test_a_token_that_others_may_read_is_not_used(self):
        os.chmod(self.token, 0o640)
        self.assertIn("chmod 600", self.run_voltseal("whoami", expect=1))
        self.write("token", "two words", 0o600)
        self.run_voltseal("whoami", expect=1)
        self.write("token", "", 0o600)
        self.run_voltseal("whoami", expect=1)
        self.env["VOLTSEAL_TOKEN_FILE"] = "/nonexistent"
        self.run_voltseal("whoami", expect=1)
        self.assertEqual(self.server.asked, [])

    def test_settings_come_from_a_file_too(self):
        self.server.answers[("GET", "/v1/whoami")] = (200, {"name": "anna"})
        for name in ("VOLTSEAL_SERVER", "VOLTSEAL_CA", "VOLTSEAL_TOKEN_FILE"):
            del self.env[name]
        self.run_voltseal("whoami", expect=2)
        self.write(".config/voltseal/operator.conf",
                   "server = %s/\nca = %s\ntoken_file = %s\n" %
                   (self.url, self.ca, self.token))
        self.run_voltseal("whoami")
        self.assertIn("--server", self.run_voltseal(
            "whoami", "--server", "http://127.0.0.1:1", expect=2))
        path = self.write("bad.conf", "servre = x\n")
        self.assertIn("bad.conf:1: servre",
                      self.run_voltseal("whoami", "--config", path, expect=2))

    # S0.24
    def test_a_server_under_another_ca_is_exit_3(self):
        self.env["VOLTSEAL_CA"] = self.other_ca
        self.assertIn("cannot reach", self.run_voltseal("whoami", expect=3))
        self.assertEqual(self.server.asked, [])

    def test_a_server_that_is_away_is_exit_3(self):
        self.env["VOLTSEAL_SERVER"] = "https://127.0.0.1:1"
        self.assertIn("cannot reach https://127.0.0.1:1",
                      self.run_voltseal("whoami", expect=3))

    def test_a_refusal_gives_the_servers_words_and_reason(self):
        self.server.answers[("POST", "/v1/campaigns/7/approve")] = (
            403, {"error": "anna created campaign 7\x1b[2J\nerror",
                  "reason": "four-eyes"})
        line = self.run_voltseal("campaign", "approve", "7", expect=1)
        self.assertIn("campaign approve 7: anna created campaign 7", line)
        self.assertIn("(four-eyes)", line)
        self.assertNotIn("\x1b", line)
        self.server.answers[("GET", "/v1/whoami")] = (502, b"<html>")
        self.assertIn("answered 502", self.run_voltseal("whoami", expect=1))
        self.server.answers[("GET", "/v1/whoami")] = (200, b"{")
        self.assertIn("not JSON", self.run_voltseal("whoami", expect=1))

    # --- chargers and releases ------------------------------------------

    def test_a_list_is_a_table_or_json(self):
        devices = [{"id": "CP-0001", "site": "north\x1b[31m", "online": True,
                    "status": "Installed", "healthy": True, "charging": False,
                    "components": {"gateway": {"version": "1.1.0"},
                                   "meter": {"version": "2"}},
                    "reason": "none"},
                   {"id": "CP-0002", "site": "south"}]
        self.server.answers[("GET", "/v1/devices")] = (200, devices)
        text = self.run_voltseal("device", "list")
        self.assertIn("gateway 1.1.0, meter 2", text)
        self.assertNotIn("\x1b", text)
        self.assertEqual(len(text.splitlines()), 3)
        self.assertEqual(json.loads(self.run_voltseal(
            "device", "list", "--json")), devices)
        self.server.answers[("GET", "/v1/devices/CP%2F1")] = (
            200, devices[0])
        self.assertIn("Installed", self.run_voltseal("device", "show", "CP/1"))
        flagged = dict(devices[0], flags={"floor-fell": "2027-01-01"}, boot={
            "verdict": "boot", "epoch": None, "slots": [
                {"refused": "below-floor", "component": "gateway"},
                {"refused": "", "component": ""}]})
        self.server.answers[("GET", "/v1/devices/CP-1")] = (200, flagged)
        text = self.run_voltseal("device", "show", "CP-1")
        self.assertIn("floor-fell 2027-01-01", text)
        head, boot = text.split("The boot loader decided:")
        self.assertNotIn("verdict", head)
        self.assertRegex(boot, r"verdict +boot\n")
        self.assertRegex(boot, r"slot a +below-floor, gateway\nslot b +good")
        self.server.answers[("GET", "/v1/devices")] = lambda path: (
            200, [flagged] if path.endswith("?flag=floor-fell") else [])
        self.assertIn("floor-fell", self.run_voltseal(
            "device", "list", "--flag", "floor-fell"))
        self.assertIn("--flag", self.run_voltseal(
            "device", "list", "--flag", "x&y", expect=2))

    def test_a_charger_is_registered_with_its_certificate(self):
        device = {"id": "CP-0001", "site": "north", "feeder": "", "model": "m",
                  "ecus": [{"id": "e", "component": "gateway",
                            "hardware": "gw-rev3"}]}
        path = self.write("device.json", json.dumps(device))
        self.assertIn("certificate", self.run_voltseal(
            "device", "register", path, expect=1))
        self.server.answers[("POST", "/v1/devices")] = (201, {"id": "CP-0001"})
        self.run_voltseal("device", "register", path, "--certificate", self.ca)
        with open(self.ca, encoding="utf-8") as f:
            device["certificate"] = f.read()
        self.assertEqual(self.sent(), device)
        broken = self.write("broken.json", '{"id": "a",\n"id": "b"}')
        self.assertIn("broken.json:2: ", self.run_voltseal(
            "device", "register", broken, expect=1))

    def make_release(self):
        names = []
        for content in (b"a seal", b"a pack" * 100000):
            names.append(hashlib.sha256(content).hexdigest())
            self.write("out/artifacts/" + names[-1], content)
        self.write("out/metadata/1.root.json", '{"signed": "\u00e4"}\n')
        self.write("out/metadata/1.targets.json", "{}")
        return os.path.join(self.dir, "out"), names

    def test_an_upload_sends_what_is_missing_and_metadata_last(self):
        out, (seal, pack) = self.make_release()
        self.server.answers = {
            ("GET", "/v1/artifacts/" + seal): (200, {}),
            ("PUT", "/v1/artifacts/" + pack): (201, {}),
            ("POST", "/v1/repository"): (200, {
                "published": ["1.targets.json"], "release": ["1.1.0"]}),
        }
        text = self.run_voltseal("release", "upload", out)
        self.assertIn("1 sent, 1 there already", text)
        self.assertIn("1.1.0", text)
        asked = [(method, path) for method, path, _, _ in self.server.asked]
        self.assertEqual(asked[-1], ("POST", "/v1/repository"))
        self.assertNotIn(("PUT", "/v1/artifacts/" + seal), asked)
        put = [b for m, _, b, _ in self.server.asked if m == "PUT"]
        self.assertEqual(put, [b"a pack" * 100000])
        self.assertEqual(self.sent(), {"files": {
            "1.root.json": '{"signed": "\u00e4"}\n', "1.targets.json": "{}"}})

    def test_an_artifact_that_is_not_its_name_stops_before_anything(self):
        out, (seal, _) = self.make_release()
        self.write("out/artifacts/" + seal, b"another seal")
        self.assertIn("do not hash", self.run_voltseal(
            "release", "upload", out, expect=1))
        os.unlink(os.path.join(out, "artifacts", seal))
        self.write("out/artifacts/README", b"")
        self.assertIn("README", self.run_voltseal("release", "upload", out,
                                                  expect=1))
        self.run_voltseal("release", "upload", "/nonexistent", expect=1)
        self.assertEqual(self.server.asked, [])

    def test_a_refused_repository_is_exit_1_with_its_reason(self):
        out, (seal, pack) = self.make_release()
        for name in (seal, pack):
            self.server.answers[("GET", "/v1/artifacts/" + name)] = (200, {})
        self.server.answers[("POST", "/v1/repository")] = (
            409, {"error": "1.targets.json: too few good signatures",
                  "reason": "threshold-not-met"})
        self.assertIn("threshold-not-met", self.run_voltseal(
            "release", "upload", out, expect=1))

    # --- campaigns ------------------------------------------------------

    def test_options_make_the_plan(self):
        self.server.answers[("POST", "/v1/campaigns")] = (201, {"id": 3})
        text = self.run_voltseal(
            "campaign", "create", "--name", "spring", "--release", "1.1.0",
            "--wave", "1", "--wave", "50%", "--wave=100%", "--per-site", "1",
            "--soak", "5s", "--fail-count", "2", "--window", "22:00-05:00",
            "--site", "north", "--site", "south", "--id", "CP-0001")
        self.assertIn("voltseal campaign approve 3", text)
        self.assertEqual(self.sent(), {
            "name": "spring", "release": "1.1.0",
            "waves": [{"count": 1}, {"percent": 50}, {"percent": 100}],
            "per_site": 1, "soak_s": 5, "fail_count": 2, "fail_percent": 100,
            "timeout_s": 86400, "window": {"start": "22:00", "end": "05:00"},
            "filter": {"sites": ["north", "south"], "ids": ["CP-0001"]}})

    def test_a_file_makes_the_plan_and_options_win(self):
        plan = {"name": "a", "release": "1.1.0", "waves": [{"count": 1}],
                "per_site": 2, "soak_s": 7, "fail_count": 3,
                "fail_percent": 10, "timeout_s": 60, "filter": {}}
        path = self.write("plan.json", json.dumps(plan))
        self.server.answers[("POST", "/v1/campaigns")] = (201, {"id": 4})
        self.run_voltseal("campaign", "create", path, "--name", "b")
        self.assertEqual(self.sent(), {**plan, "name": "b"})

    def test_moves_are_posts_and_tell_the_new_state(self):
        for verb, state in (("approve", "approved"), ("start", "running"),
                            ("pause", "paused"), ("resume", "running"),
                            ("abort", "aborted"), ("retry", "draft")):
            self.server.answers[("POST", "/v1/campaigns/5/" + verb)] = (
                200, {"id": 5, "state": state})
            self.assertIn("campaign 5 is " + state,
                          self.run_voltseal("campaign", verb, "5"))

    def watch(self, *states, more=(), command=("campaign", "watch", "6")):
        progress = {"members": 8, "waiting": 4, "started": 1, "soaking": 1,
                    "updated": 2, "failed": 0, "skipped": 0}
        self.server.answers[("GET", "/v1/campaigns/6")] = (200, Series(*[
            {"id": 6, "state": s, "wave": 1, "progress": progress,
             "because": "1 failed" if s == "halted" else ""}
            for s in states]))
        done = subprocess.run([VOLTSEAL, *command, *more],
                              capture_output=True, text=True, timeout=60,
                              check=False, env=self.env)
        return done.returncode, done.stdout, done.stderr

    def test_a_watch_ends_with_the_campaign(self):
        code, out, err = self.watch("running", "running", "done")
        self.assertEqual(code, 0)
        self.assertIn("updated 2 of 8  away 2", err)
        self.assertEqual(len(err.splitlines()), 2)  # a line for each change
        self.assertIn("done", out)
        code, out, _ = self.watch("halted")
        self.assertEqual(code, 4)
        self.assertIn("1 failed", out)
        self.assertEqual(self.watch("aborted")[0], 5)

    def test_a_watch_ends_when_its_time_is_over(self):
        code, _, err = self.watch("running", "running", "running",
                                  more=["--within", "1s"])
        self.assertEqual(code, 6)
        self.assertIn("the time is over", err)

    def test_a_start_that_waits_gives_the_campaigns_end(self):
        self.server.answers[("POST", "/v1/campaigns/6/start")] = (
            200, {"id": 6, "state": "running"})
        for state, code in (("done", 0), ("halted", 4), ("aborted", 5)):
            self.assertEqual(self.watch("running", state, command=[
                "campaign", "start", "6", "--wait"])[0], code)
        self.assertEqual(self.watch("done", command=[
            "campaign", "show", "6", "--watch"])[0], 0)

    def test_more_options_make_the_plan(self):
        self.server.answers[("POST", "/v1/campaigns")] = (201, {"id": 3})
        self.run_voltseal(
            "campaign", "create", "--name", "spring", "--release", "1.1.0",
            "--filter", "model = ac22", "--wave", "tag=canary", "--wave",
            "site=north", "--wave", "filter=gateway < 2", "--wave", "100%",
            "--site-percent", "25", "--max-away", "50", "--per-hour", "20",
            "--hour-percent", "5", "--advance-percent", "90", "--window",
            "22:00-05:00@fri,sat", "--window", "12:00-13:00", "--deadline",
            "2026-12-01T00:00:00Z", "--deadline-opens", "--emergency",
            "--ignore-faults")
        self.assertEqual(self.sent(), {
            "name": "spring", "release": "1.1.0", "filter": "model = ac22",
            "waves": [{"tag": "canary"}, {"site": "north"},
                      {"filter": "gateway < 2"}, {"percent": 100}],
            "site_percent": 25, "max_away": 50, "per_hour": 20,
            "hour_percent": 5, "advance_percent": 90, "soak_s": 600,
            "fail_count": 1, "fail_percent": 100, "timeout_s": 86400,
            "windows": [{"start": "22:00", "end": "05:00",
                         "days": ["fri", "sat"]},
                        {"start": "12:00", "end": "13:00"}],
            "deadline": "2026-12-01T00:00:00Z", "deadline_opens": True,
            "emergency": True, "ignore_faults": True})
        for words in (["--filter", "all", "--site", "x"],
                      ["--window", "22:00-05:00@"],
                      ["--window", "22:00-05:00@fr"],
                      ["--window", "22:00-05:00x"],
                      ["--deadline", "tomorrow"], ["--wave", "tag="]):
            self.run_voltseal("campaign", "create", "--name", "a",
                              "--release", "b", "--wave", "1", *words,
                              expect=2)

    def test_a_dry_run_tells_and_makes_nothing(self):
        self.server.answers[("POST", "/v1/campaigns/dry-run")] = (200, {
            "members": 5, "told": 3, "waves": [
                {"size": 1, "ids": ["CP-1"]}, {"size": 2, "ids": ["CP-2"]}],
            "refused": [{"id": "CP-9", "site": "x", "reason": "policy",
                         "why": "takes security updates only"}]})
        text = self.run_voltseal("campaign", "dry-run", "--release", "1.1.0",
                                 "--wave", "1", "--wave", "100%")
        self.assertIn("3 of 5 chargers would be told", text)
        self.assertIn("takes security updates only", text)
        self.assertNotIn("name", self.sent())

    def test_a_send_back_names_the_release_alone(self):
        self.server.answers[("POST", "/v1/campaigns/6/send-back")] = (201, {
            "id": 7, "progress": {"members": 4}})
        self.assertIn("campaign 7 takes back 4 chargers", self.run_voltseal(
            "campaign", "send-back", "6", "--release", "1.0.1"))
        sent = self.sent()
        self.assertEqual(sent["release"], "1.0.1")
        self.assertFalse({"name", "waves", "filter"} & set(sent))
        self.run_voltseal("campaign", "send-back", "6", expect=2)

    def test_what_is_asked_about_a_campaign_is_shown(self):
        get = self.server.answers
        get[("GET", "/v1/campaigns/6/stuck")] = (200, {
            "counts": {"silent": 1}, "members": [
                {"id": "CP-1", "why": "it went", "advice": "look"}]})
        self.assertIn("look", self.run_voltseal("campaign", "stuck", "6"))
        get[("GET", "/v1/campaigns/6/stuck")] = (200, {
            "counts": {}, "members": []})
        self.assertIn("nobody", self.run_voltseal("campaign", "stuck", "6"))
        get[("GET", "/v1/campaigns/6/forecast")] = (200, {
            "ends": "2026-12-01T00:00:00Z", "cycle_s": 60})
        self.assertIn("2026-12-01", self.run_voltseal(
            "campaign", "forecast", "6"))
        self.run_voltseal("campaign", "members", "6", "--state", "a&b",
                          expect=2)

    def test_a_freeze_wants_a_reason(self):
        self.server.answers[("POST", "/v1/freeze")] = (200, {
            "frozen": True, "by": "otto", "because": "a fire"})
        self.run_voltseal("freeze", "on", expect=2)
        self.assertIn("a fire", self.run_voltseal(
            "freeze", "on", "--because", "a fire"))
        self.assertEqual(self.sent(), {"frozen": True, "because": "a fire"})
        self.run_voltseal("freeze", "off", "--because", "out")
        self.assertEqual(self.sent(), {"frozen": False, "because": "out"})
        self.server.answers[("GET", "/v1/freeze")] = (200, {
            "frozen": False})
        self.run_voltseal("freeze", "show")

    # --- audit ------------------------------------------------------------

    def records(self, count):
        prev, made = "0" * 64, []
        for seq in range(1, count + 1):
            record = {"seq": seq, "time": "2026-12-01T22:00:00Z",
                      "actor": "anna", "action": "campaign-approve",
                      "subject": "1", "reason": "none", "detail": "\u00e9",
                      "prev": prev}
            prev = hashlib.sha256(json.dumps(
                record, sort_keys=True, separators=(",", ":"),
                ensure_ascii=False).encode()).hexdigest()
            made.append({**record, "hash": prev})
        return made

    # S0.27
    def test_an_exported_log_verifies_offline(self):
        records = self.records(5)
        self.server.answers[("GET", "/v1/audit")] = (200, records)
        self.server.answers[("GET", "/v1/audit", "pages")] = True
        text = self.run_voltseal("audit", "export")
        self.assertEqual([json.loads(line) for line in text.splitlines()],
                         records)
        path = self.write("log", text)
        offline = {k: v for k, v in self.env.items() if "VOLTSEAL" not in k}
        head = records[-1]["hash"]
        self.assertIn("5 records, 1 to 5, unbroken\nhead " + head,
                      self.run_voltseal("audit", "verify", path, env=offline))
        self.run_voltseal("audit", "verify", path, "--head", head)
        lines = text.splitlines(keepends=True)
        cut = self.write("cut", "".join(lines[:4]))
        self.run_voltseal("audit", "verify", cut)
        self.run_voltseal("audit", "verify", cut, "--head", head, expect=1)
        late = self.write("late", "".join(lines[2:]))
        self.assertIn("3 records, 3 to 5", self.run_voltseal(
            "audit", "verify", late, "--after", "2"))
        self.assertIn("late:1: not the first", self.run_voltseal(
            "audit", "verify", late, "--after", "1", expect=1))
        self.run_voltseal("audit", "verify", path, "--after", "x", expect=2)
        for bad, line in ((lines[:1] + lines[2:], 2), (lines[1:], 1),
                          ([lines[0].replace("anna", "otto")] + lines[1:], 1),
                          (lines[:2] + [lines[2][:-1]], 3),
                          (["{}\n"], 1), ([], 0)):
            path = self.write("bad", "".join(bad))
            self.assertIn("bad:%d: " % line, self.run_voltseal(
                "audit", "verify", path, expect=1))

    def test_a_full_disk_is_an_error(self):
        self.server.answers[("GET", "/v1/whoami")] = (200, {"name": "anna"})
        with open("/dev/full", "wb") as full:
            done = subprocess.run([VOLTSEAL, "whoami"], stdout=full,
                                  stderr=subprocess.PIPE, env=self.env,
                                  timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard output", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
