#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""voltseal release upload with a transparency log beside the release: what is
sent, in which order, and what is not.

usage: upload_test.py VOLTSEAL
"""
import base64
import hashlib
import json
import os
import shutil
import struct
import sys
import unittest

from api_world import ApiWorld

ORIGIN = "log.example/seals"


def b64(data):
    return base64.b64encode(data).decode()


def note(size, origin=ORIGIN, root=bytes(32)):
    """A checkpoint in form; the server is who verifies it."""
    return (f"{origin}\n{size}\n{b64(root)}\n\n"
            f"\u2014 {origin} {b64(bytes(68))}\n").encode()


def tiles(size):
    """{name: bytes} of a log, in form."""
    out, hashes, level = {}, [bytes([1]) * 32] * size, 0
    while hashes:
        for at in range(0, len(hashes), 256):
            part = hashes[at:at + 256]
            end = "" if len(part) == 256 else f".p/{len(part)}"
            out[f"tile/{level}/{at // 256:03}{end}"] = b"".join(part)
            if not level:
                out[f"tile/entries/{at // 256:03}{end}"] = \
                    struct.pack(">HB", 1, 7) * len(part)
        hashes = hashes[:len(hashes) // 256]
        level += 1
    return out


def proof(seal):
    """A .tlog-proof in form."""
    leaf = {"_type": "voltseal-seal", "component": "gateway",
            "version": "1.1.0", "hardwareIds": ["gw-rev3"],
            "releaseCounter": 2, "rollbackIndex": 1,
            "seal": {"length": 9, "sha256": seal}}
    extra = json.dumps({"leaf": leaf, "consistency": []}, sort_keys=True,
                       separators=(",", ":")).encode()
    return (f"c2sp.org/tlog-proof@v1\nextra {b64(extra)}\n"
            f"index 0\n\n").encode() + note(1)


class Uploads(ApiWorld):
    def setUp(self):
        super().setUp()
        self.out = os.path.join(self.dir, "out")
        self.seal = hashlib.sha256(b"a seal").hexdigest()
        self.write("out/artifacts/" + self.seal, b"a seal")
        self.write("out/metadata/1.targets.json", "{}")
        self.server.answers = {
            ("GET", "/v1/artifacts/" + self.seal): (200, {}),
            ("POST", "/v1/repository"): (200, {"published": []}),
            ("PUT", "/v1/proofs/" + self.seal): (200, {}),
            ("PUT", "/v1/log/checkpoint"): (200, {}),
        }

    def log(self, size):
        """DIR/log as the room has it."""
        for name, data in tiles(size).items():
            self.write("out/log/" + name, data)
            self.server.answers["PUT", "/v1/log/" + name] = (200, {})
        self.write("out/log/checkpoint", note(size))

    def put(self):
        """What was sent, but for artifacts, in order."""
        return [(path.removeprefix("/v1/"), body)
                for method, path, body, _ in self.server.asked
                if method != "GET"]

    def upload(self, **kw):
        self.server.asked = []
        return self.run_voltseal("release", "upload", self.out, **kw)

    # S0.18: what is not in the log is not installed
    def test_the_log_and_its_proofs_go_before_the_release(self):
        self.log(300)
        self.write("out/proofs/gateway/g.seal.tlog-proof", proof(self.seal))
        text = self.upload()
        self.assertIn("300 entries, 6 files sent", text)
        self.assertIn("proofs             1 sent", text)
        sent = self.put()
        self.assertEqual(dict(sent[:5]),
                         {"log/" + n: d for n, d in tiles(300).items()})
        self.assertEqual(sent[5:], [
            ("log/checkpoint", note(300)),
            ("proofs/" + self.seal, proof(self.seal)),
            ("repository", b'{"files":{"1.targets.json":"{}"}}')])

    def test_what_the_servers_checkpoint_covers_is_not_sent(self):
        self.log(300)
        for has, count in ((0, 5), (5, 5), (255, 5), (256, 2), (299, 2),
                           (300, 0), (400, 0)):
            self.server.answers["GET", "/log/checkpoint"] = (
                200, note(has, root=b"\2" * 32))
            self.upload()
            names = [n for n, _ in self.put() if n.startswith("log/tile")]
            self.assertEqual(len(names), count, (has, names))
            self.assertIn(("log/checkpoint", note(300)), self.put())
        self.server.answers["GET", "/log/checkpoint"] = (200, note(300))
        self.assertIn("300 entries, 0 files sent", self.upload())
        self.assertEqual([n for n, _ in self.put()], ["repository"])

    def test_a_large_log_has_upper_tiles(self):
        self.log(65536 + 256)
        self.upload()
        self.assertEqual({n for n, _ in self.put() if n[:5] == "log/t"},
                         {"log/" + n for n in tiles(65536 + 256)})
        self.server.answers["GET", "/log/checkpoint"] = (200, note(65536))
        self.upload()
        self.assertEqual(sorted(n for n, _ in self.put() if n[:5] == "log/t"),
                         ["log/tile/0/256", "log/tile/1/001.p/1",
                          "log/tile/entries/256"])

    def test_a_refused_log_stops_the_release(self):
        self.log(3)
        for name, reason in (("checkpoint", "log-forked"),
                             ("tile/0/000.p/3", "conflict")):
            self.server.answers["PUT", "/v1/log/" + name] = (
                409, {"error": name + ": no", "reason": reason})
            line = self.upload(expect=1)
            self.assertIn("log/" + name + ": ", line)
            self.assertIn(f"({reason})", line)
            self.assertNotIn("repository", dict(self.put()))

    def test_another_log_is_told_before_anything_of_it_is_sent(self):
        self.log(3)
        self.server.answers["GET", "/log/checkpoint"] = (
            200, note(1, "log.example/other"))
        self.assertIn("(wrong-origin)", self.upload(expect=1))
        self.server.answers["GET", "/log/checkpoint"] = (200, b"what")
        self.assertIn("malformed", self.upload(expect=1))
        self.server.answers["GET", "/log/checkpoint"] = (
            500, {"error": "disk", "reason": "unreadable"})
        self.assertIn("(unreadable)", self.upload(expect=1))
        self.assertEqual(self.put(), [])

    def test_a_wrong_folder_is_found_before_anything_is_sent(self):
        self.log(3)
        os.unlink(os.path.join(self.out, "log", "checkpoint"))
        self.assertIn("log/checkpoint: not there", self.upload(expect=1))
        self.write("out/log/checkpoint", "no note\n")
        self.assertIn("(malformed)", self.upload(expect=1))
        shutil.rmtree(os.path.join(self.out, "log"))
        for name, data, word in (
                ("g.proof", proof(self.seal), "SEAL.tlog-proof"),
                ("a/g.tlog-proof", b"", "(malformed)"),
                ("a/g.tlog-proof", proof(self.seal).replace(b"extra", b"x"),
                 "(malformed)"),
                ("g.tlog-proof", b"c2sp.org/tlog-proof@v1\nindex 0\n\n" +
                 note(1), "carries no entry")):
            path = self.write("out/proofs/" + name, data)
            self.assertIn(word, self.upload(expect=1))
            os.unlink(path)
        self.assertEqual(self.server.asked, [])

    def test_a_missing_tile_is_named(self):
        self.log(3)
        os.unlink(os.path.join(self.out, "log", "tile", "0", "000.p", "3"))
        self.assertIn("log/tile/0/000.p/3: not there", self.upload(expect=1))

    def test_a_refused_proof_stops_the_release(self):
        self.write("out/proofs/g.seal.tlog-proof", proof(self.seal))
        self.server.answers["PUT", "/v1/proofs/" + self.seal] = (
            409, {"error": "too few", "reason": "too-few-witnesses"})
        line = self.upload(expect=1)
        self.assertIn("g.seal.tlog-proof: too few (too-few-witnesses)", line)
        self.assertNotIn("repository", dict(self.put()))

    # S0.31
    def test_deltas_go_before_the_release_that_they_lead_to(self):
        old, new = bytes(range(32)), bytes(range(100, 132))
        name = f"{old.hex()}-{new.hex()}"
        head = b"VSDELTA1" + struct.pack("<H6xQQ", 1, 5, 6)
        data = head + old + new + bytes(32) + b"coded"
        self.write("out/deltas/" + name, data)
        self.server.answers["PUT", "/v1/deltas/" + name] = (201, {})
        self.assertIn("deltas             1 sent, 0 there", self.upload())
        self.assertEqual([p for p, _ in self.put()],
                         ["deltas/" + name, "repository"])
        self.assertIn(("deltas/" + name, data), self.put())
        self.server.answers["GET", "/v1/deltas/" + name] = (200, {})
        self.assertIn("deltas             0 sent, 1 there", self.upload())
        self.assertEqual([p for p, _ in self.put()], ["repository"])
        for wrong in (head + new + old + bytes(32), b"x" * 200, b"",
                      b"X" + data[1:]):
            self.write("out/deltas/" + name, wrong)
            self.assertIn("delta", self.upload(expect=1))
            self.assertEqual(self.server.asked, [])

    def test_without_a_log_nothing_is_asked_about_one(self):
        text = self.upload()
        self.assertNotIn("proofs", text)
        self.assertEqual([p for _, p, _, _ in self.server.asked],
                         ["/v1/artifacts/" + self.seal, "/v1/repository"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
