#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""voltseal audit heads and audit verify --heads: a log that was made anew is
found by a head that was kept elsewhere.  Signatures by openssl.

usage: heads_test.py VOLTSEAL
"""
import base64
import hashlib
import json
import os
import subprocess
import sys
import unittest

from api_world import ApiWorld

NAME = "voltseal-audit"


def b64(data):
    return base64.b64encode(data).decode()


class Signer:
    """An Ed25519 key and its name, as the server's audit key."""

    def __init__(self, path, name=NAME):
        self.path, self.name = path, name
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out",
                        path], check=True, capture_output=True)
        raw = subprocess.run(
            ["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"],
            check=True, capture_output=True).stdout[-32:]
        self.id = hashlib.sha256(name.encode() + b"\n\1" + raw).digest()[:4]
        self.vkey = f"{name}+{self.id.hex()}+{b64(bytes([1]) + raw)}\n"

    def line(self, text):
        with open(self.path + ".text", "wb") as f:
            f.write(text.encode())
        sig = subprocess.run(
            ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.path,
             "-in", f.name], check=True, capture_output=True).stdout
        return f"\u2014 {self.name} {b64(self.id + sig)}\n"

    def head(self, seq, digest, origin=NAME, more=""):
        text = f"{origin}\n{seq}\n{b64(bytes.fromhex(digest))}\n{more}"
        return text + "\n" + self.line(text)


def records(count, actor="anna"):
    prev, made = "0" * 64, []
    for seq in range(1, count + 1):
        record = {"seq": seq, "time": "2026-12-01T22:00:00Z", "actor": actor,
                  "action": "artifact-uploaded", "subject": "1", "reason": "",
                  "detail": "", "prev": prev}
        prev = hashlib.sha256(json.dumps(
            record, sort_keys=True, separators=(",", ":")).encode()
        ).hexdigest()
        made.append({**record, "hash": prev})
    return made


class Heads(ApiWorld):
    def setUp(self):
        super().setUp()
        self.signer = Signer(os.path.join(self.dir, "audit.pem"))
        self.key = self.write("audit.vkey", self.signer.vkey)
        self.log = records(6)

    def head(self, seq, signer=None, log=None):
        return (signer or self.signer).head(seq,
                                            (log or self.log)[seq - 1]["hash"])

    def verify(self, log, heads, key=None, **kw):
        path = self.write("log", "".join(json.dumps(r) + "\n" for r in log))
        return self.run_voltseal(
            "audit", "verify", path, "--heads", self.write("heads", heads),
            "--key", key or self.key, "--after", str(log[0]["seq"] - 1), **kw)

    # S0.27
    def test_a_log_that_has_its_heads_is_told_so(self):
        heads = self.head(5) + self.head(2) + "\n\n" + self.head(2)
        text = self.verify(self.log, heads)
        self.assertIn("has 2 of 2 signed heads, the newest of record 5", text)
        text = self.verify(self.log, heads + self.head(6))
        self.assertIn("has 3 of 3", text)
        path = self.write("log", "".join(json.dumps(r) + "\n"
                                         for r in self.log))
        out = json.loads(self.run_voltseal(
            "audit", "verify", path, "--json", "--key", self.key, "--heads",
            self.write("heads", heads)))
        self.assertEqual(out["signed_heads"], 2)

    def test_a_log_that_was_made_anew_is_found(self):
        anew = records(6, "mallory")
        line = self.verify(anew, self.head(2), expect=1)
        self.assertIn("log:2: not the log whose head was signed "
                      "(hash-mismatch)", line)
        line = self.verify(self.log, self.head(2) + self.head(2, log=anew),
                           expect=1)
        self.assertIn("log:2: ", line)  # the server signed two faces

    def test_a_log_that_was_cut_short_is_found(self):
        line = self.verify(self.log[:4], self.head(2) + self.head(5),
                           expect=1)
        self.assertIn("(log-truncated)", line)

    def test_a_log_from_its_middle_is_held_to_what_it_can(self):
        heads = self.head(1) + self.head(3)
        self.assertIn("has 1 of 2", self.verify(self.log[3:], heads))
        anew = records(6, "mallory")
        self.assertIn("log:1: not the log", self.verify(anew[3:], heads,
                                                        expect=1))
        self.assertIn("none of the heads", self.verify(self.log[4:], heads,
                                                       expect=1))

    def test_a_head_that_is_not_signed_well_is_refused(self):
        good = self.head(2)
        other = Signer(os.path.join(self.dir, "other.pem"))
        bad = good[:-9] + ("A" if good[-9] != "A" else "B") + good[-8:]
        digest = self.log[1]["hash"]
        for heads, word in (
                (self.head(1) + bad, "heads:6: "), (bad, "(bad-signature)"),
                (self.head(2, other), "(unknown-key)"),
                (good.replace("\n2\n", "\n3\n"), "(bad-signature)"),
                (self.signer.head(2, digest, "log.example"),
                 "(wrong-origin)"),
                (self.signer.head(2, digest, more="more\n"), "(malformed)"),
                (self.signer.head(0, digest), "(malformed)"),
                (good[:-1], "(malformed)"), ("head\n", "(malformed)"),
                ("", "no head"), ("\n", "no head")):
            self.assertIn(word, self.verify(self.log, heads, expect=1), heads)

    def test_a_server_that_got_a_new_key_has_two(self):
        other = Signer(os.path.join(self.dir, "other.pem"))
        both = self.write("both", self.signer.vkey + other.vkey)
        heads = self.head(2) + self.head(4, other)
        self.assertIn("has 2 of 2", self.verify(self.log, heads, both))
        for text in ("", "key\n", other.vkey[:-1]):
            self.verify(self.log, heads, self.write("bad", text), expect=1)
        line = self.verify(self.log, heads,
                           self.write("bad", other.vkey + "key\n"), expect=1)
        self.assertIn("bad:2: ", line)

    def test_heads_and_key_go_together(self):
        for args in (["--heads", "x"], ["--key", "x"]):
            self.assertIn("go together", self.run_voltseal(
                "audit", "verify", "x", *args, expect=2))
        line = self.verify(self.log, self.head(1), "/nonexistent", expect=1)
        self.assertIn("/nonexistent", line)

    def serve(self, *listed):
        """Two pages and an empty one, however often they are asked for."""
        entries = [{"seq": s, "time": "2026-12-01T22:00:00Z", "note": n}
                   for s, n in listed]

        def page(path):
            after = int(path.split("after=")[1].split("&")[0])
            return 200, {"key": self.signer.vkey.strip(), "heads": [
                e for e in entries if e["seq"] > after][:2]}
        self.server.answers["GET", "/v1/audit/heads"] = page

    def test_heads_are_fetched_verified_and_fit_for_verify(self):
        self.serve(*((s, self.head(s)) for s in (1, 3, 4, 6)))
        text = self.run_voltseal("audit", "heads", "--key", self.key)
        self.assertEqual(text, "\n".join(self.head(s) for s in (1, 3, 4, 6)))
        self.assertIn("has 4 of 4", self.verify(self.log, text))
        self.assertEqual(self.run_voltseal("audit", "heads", "--after", "3"),
                         self.head(4) + "\n" + self.head(6))
        out = json.loads(self.run_voltseal("audit", "heads", "--json"))
        self.assertEqual(out["key"], self.signer.vkey.strip())
        self.assertEqual([h["seq"] for h in out["heads"]], [1, 3, 4, 6])
        self.serve()
        self.assertEqual(self.run_voltseal("audit", "heads"), "")

    def test_heads_that_the_server_made_up_are_refused(self):
        other = Signer(os.path.join(self.dir, "other.pem"))
        self.serve((2, self.head(2, other)))
        self.run_voltseal("audit", "heads")
        self.assertIn("(unknown-key)", self.run_voltseal(
            "audit", "heads", "--key", self.key, expect=1))
        for listed in ((3, self.head(2)), (2, self.head(1) + self.head(2)),
                       (2, ""), (2, "\x1b[2J")):
            self.serve(listed)
            self.run_voltseal("audit", "heads", expect=1)
        self.server.answers["GET", "/v1/audit/heads"] = (200, [])
        self.run_voltseal("audit", "heads", expect=1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
