#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--wait: a command ends when what it began has ended, and its exit status
says how.

usage: wait_test.py VOLTSEAL"""
import hashlib
import json
import os
import subprocess
import sys
import unittest

from api_world import VOLTSEAL, ApiWorld, Series

HOOK = "0123456789abcdef"


def campaign(state, started, soaking=0, number=6):
    """One as the server shows it."""
    return {"id": number, "state": state, "wave": 1, "because": "",
            "progress": {"members": 8, "waiting": 4, "started": started,
                         "soaking": soaking, "updated": 2, "failed": 0,
                         "skipped": 0}}


def hook(seq, failures=0, state="on", last=""):
    return {"id": HOOK, "label": "x", "url": "https://x/", "events": ["*"],
            "seq": seq, "failures": failures, "state": state, "last": last}


class Waiting(ApiWorld):
    def ask(self, *args):
        """(exit status, standard output, standard error)"""
        done = subprocess.run([VOLTSEAL, *args], capture_output=True,
                              text=True, timeout=60, check=False,
                              env=self.env)
        return done.returncode, done.stdout, done.stderr

    def answer(self, method, path, *values):
        self.server.answers[(method, path)] = (200, Series(*values))

    def asked(self, method, path):
        return sum(a[:2] == (method, path) for a in self.server.asked)

    def test_a_bar_is_for_a_terminal_alone(self):
        self.answer("GET", "/v1/campaigns/6", campaign("running", 2),
                    campaign("done", 0))
        master, slave = os.openpty()
        done = subprocess.run([VOLTSEAL, "campaign", "watch", "6"],
                              stdout=subprocess.PIPE, stderr=slave, text=True,
                              timeout=60, check=False, env=self.env)
        os.close(slave)
        said = os.read(master, 65536).decode()
        os.close(master)
        self.assertEqual(done.returncode, 0, said)
        # 2 of 8 are updated; it is wiped away in the end
        self.assertRegex(said, r"\r\x1b\[K\[#+\.+\]  25%  ")
        self.assertTrue(said.endswith("\r\x1b[K"), said)
        self.assertNotIn("\x1b", done.stdout)
        self.answer("GET", "/v1/campaigns/6", campaign("done", 0))
        _, out, err = self.ask("campaign", "watch", "6")
        self.assertNotIn("\x1b", out + err)

    def test_a_pause_and_an_abort_wait_for_who_installs(self):
        for verb, state in (("pause", "paused"), ("abort", "aborted")):
            self.answer("POST", f"/v1/campaigns/6/{verb}",
                        campaign(state, 2))
            self.answer("GET", "/v1/campaigns/6", campaign(state, 2),
                        campaign(state, 1), campaign(state, 0, 1))
            before = self.asked("GET", "/v1/campaigns/6")
            code, out, err = self.ask("campaign", verb, "6", "--wait")
            self.assertEqual(code, 0, err)
            self.assertEqual(self.asked("GET", "/v1/campaigns/6") - before,
                             3)
            self.assertIn(state, out)
            self.assertIn("away 2", err)
        code, _, err = self.ask("campaign", "pause", "6")
        self.assertEqual((code, err), (0, ""))

    def test_a_pause_that_is_too_long_is_left(self):
        self.answer("POST", "/v1/campaigns/6/pause", campaign("paused", 2))
        self.answer("GET", "/v1/campaigns/6", campaign("paused", 2))
        code, _, err = self.ask("campaign", "pause", "6", "--wait",
                                "--within", "1s")
        self.assertEqual(code, 6)
        self.assertIn("campaign pause: the time is over", err)

    def test_a_creation_waits_for_the_other_person(self):
        args = ("campaign", "create", "--name", "a", "--release", "1.1.0",
                "--wave", "100%", "--wait")
        for state, wanted in (("approved", 0), ("running", 0),
                              ("aborted", 5)):
            self.answer("POST", "/v1/campaigns", campaign("draft", 0, 0, 9))
            self.answer("GET", "/v1/campaigns/9",
                        campaign("draft", 0, 0, 9), campaign(state, 0, 0, 9))
            code, out, err = self.ask(*args)
            self.assertEqual(code, wanted, err)
            self.assertIn(state, out)
        self.answer("POST", "/v1/campaigns/6/send-back",
                    campaign("draft", 0, 0, 9))
        self.answer("GET", "/v1/campaigns/9", campaign("draft", 0, 0, 9),
                    campaign("approved", 0, 0, 9))
        code, out, err = self.ask("campaign", "send-back", "6", "--release",
                                  "1.0.1", "--wait")
        self.assertEqual(code, 0, err)
        self.assertIn("approved", out)

    def test_a_freeze_waits_for_all_campaigns(self):
        self.answer("POST", "/v1/freeze", {"frozen": True})
        both = [[campaign("running", n), campaign("running", m, 0, 7)]
                for n, m in ((1, 1), (0, 1), (0, 0))]
        self.answer("GET", "/v1/campaigns", *both)
        code, _, err = self.ask("freeze", "on", "--because", "smoke",
                                "--wait")
        self.assertEqual(code, 0, err)
        self.assertEqual(self.asked("GET", "/v1/campaigns"), 3)
        self.assertIn("2 chargers", err)
        self.assertEqual(self.ask("freeze", "off", "--because", "ok",
                                  "--wait")[0], 2)

    def test_a_hooks_test_waits_for_its_receiver(self):
        args = ("hook", "test", HOOK, "--wait")
        self.answer("POST", f"/v1/hooks/{HOOK}/test", hook(7, 1))
        self.answer("GET", "/v1/hooks", [hook(7, 1)], [hook(9)])
        self.assertEqual(self.ask(*args)[:2], (0, "taken\n"))
        for bad, said in ((hook(7, 2, last="HTTP 500"), "HTTP 500"),
                          (hook(7, 1, "off"), "it is off")):
            self.answer("GET", "/v1/hooks", [hook(7, 1)], [bad])
            code, out, err = self.ask(*args)
            self.assertEqual((code, out), (1, ""))
            self.assertIn(said, err)
        self.answer("GET", "/v1/hooks", [])
        self.assertIn("removed", self.ask(*args)[2])
        self.answer("GET", "/v1/hooks", [hook(8)])
        code, out, _ = self.ask(*args, "--json")
        self.assertEqual((code, json.loads(out)["seq"]), (0, 8))

    def test_a_promotion_waits_for_the_approval(self):
        proof = self.write("proof.txt", "it was tried\n")
        args = ("release", "promote", "1.1.0", "--to", "general",
                "--evidence", "pilot=" + proof, "--wait")
        asked = {"stage": "pilot", "general_asked_by": "otto"}
        self.server.answers[("POST", "/v1/releases/1.1.0/promote")] = (
            200, asked)
        digest = hashlib.sha256(b"it was tried\n").hexdigest()
        self.server.answers[("PUT", "/v1/artifacts/" + digest)] = (201, {})
        self.answer("GET", "/v1/releases/1.1.0", asked,
                    {"stage": "general", "general_asked_by": ""})
        code, _, err = self.ask(*args)
        self.assertEqual(code, 0, err)
        self.answer("GET", "/v1/releases/1.1.0", asked,
                    {"stage": "pilot", "general_asked_by": ""})
        code, _, err = self.ask(*args)
        self.assertEqual(code, 1)
        self.assertIn("not approved; its stage is pilot", err)
        self.answer("GET", "/v1/releases/1.1.0", asked)
        self.assertEqual(self.ask(*args, "--within", "1s")[0], 6)

    def test_a_time_that_is_none_stops_before_anything_is_asked(self):
        proof = self.write("proof.txt", "x")
        for args in (("campaign", "pause", "6"),
                     ("campaign", "create", "--name", "a", "--release", "1",
                      "--wave", "100%"),
                     ("campaign", "send-back", "6", "--release", "1"),
                     ("freeze", "on", "--because", "x"),
                     ("hook", "test", HOOK),
                     ("release", "promote", "1", "--to", "pilot",
                      "--evidence", "a=" + proof)):
            code, _, err = self.ask(*args, "--wait", "--within", "soon")
            self.assertEqual(code, 2, (args, err))
            self.assertIn("--within", err)
        self.assertEqual(self.server.asked, [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
