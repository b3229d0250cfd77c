#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""voltseal tuf against a static HTTP server on loopback.

usage: tuf_test.py VOLTSEAL REPOSITORY_MAKER
"""
import functools
import http.server
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from tuf_case import run

VOLTSEAL, MAKER = sys.argv[1:3]
LATER = int(time.time()) + 86400
EARLIER = int(time.time()) - 86400


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves files and keeps the paths asked for."""

    def do_GET(self):
        self.server.asked.append(self.path)
        super().do_GET()

    def translate_path(self, path):
        # percent-encoded names stand encoded in the folder, too
        return os.path.join(self.directory, path.lstrip("/"))

    def log_message(self, *args):
        pass


class TufClient(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="voltseal-tuf-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.repository = os.path.join(self.dir, "repository")
        self.trusted = os.path.join(self.dir, "trusted")
        self.targets = os.path.join(self.dir, "targets")
        self.put("fw/app.img", os.urandom(300000))
        self.put("eu/meter.bin", b"meter firmware")
        self.put("notes", b"")
        self.make(1)
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0),
            functools.partial(Files, directory=self.repository))
        self.server.asked = []
        self.addCleanup(self.server.server_close)
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()
        self.addCleanup(self.server.shutdown)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]

    def put(self, target, content):
        path = os.path.join(self.repository, "targets", target)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content)

    def make(self, version, expires=LATER):
        subprocess.run([MAKER, self.repository, str(version), str(expires),
                        "fw/app.img", "eu/meter.bin", "notes"], check=True)

    def metadata(self, name):
        with open(os.path.join(self.repository, "metadata", name), "rb") as f:
            return f.read()

    def kept(self):
        found = {}
        for name in os.listdir(self.trusted):
            with open(os.path.join(self.trusted, name), "rb") as f:
                found[name] = f.read()
        return found

    def run_client(self, *args, expect=0):
        self.server.asked.clear()
        done = subprocess.run(
            [VOLTSEAL, "tuf", "--metadata-dir", self.trusted, *args],
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, expect, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1 if expect else 0,
                         done.stderr)
        return done.stderr

    def init(self, expect=0):
        return self.run_client(
            "init", os.path.join(self.repository, "metadata", "1.root.json"),
            expect=expect)

    def refresh(self, expect=0):
        return self.run_client("--metadata-url", self.url + "/metadata",
                               "refresh", expect=expect)

    def download(self, *names, expect=0):
        args = []
        for name in names:
            args += ["--target-name", name]
        return self.run_client(
            "--metadata-url", self.url + "/metadata/", *args,
            "--target-base-url", self.url + "/targets/",
            "--target-dir", self.targets, "download", expect=expect)

    def downloaded(self):
        if not os.path.isdir(self.targets):
            return []
        return sorted(os.listdir(self.targets))

    def target_files(self, part):
        """The consistent copies of a target on the server."""
        found = []
        for folder, _, names in os.walk(
                os.path.join(self.repository, "targets")):
            found += [os.path.join(folder, n) for n in names
                      if n.endswith("." + part)]
        self.assertTrue(found)
        return found

    def test_a_refresh_asks_in_order_and_keeps_what_it_got(self):
        self.init()
        self.assertEqual(self.server.asked, [])
        self.assertEqual(self.kept(),
                         {"root.json": self.metadata("1.root.json")})
        self.refresh()
        self.assertEqual(self.server.asked, [
            "/metadata/2.root.json", "/metadata/timestamp.json",
            "/metadata/1.snapshot.json", "/metadata/1.targets.json"])
        self.assertEqual(self.kept(), {
            "root.json": self.metadata("1.root.json"),
            "timestamp.json": self.metadata("timestamp.json"),
            "snapshot.json": self.metadata("1.snapshot.json"),
            "targets.json": self.metadata("1.targets.json")})

    def test_nothing_new_asks_for_nothing_more(self):
        self.init()
        self.refresh()
        self.refresh()
        self.assertEqual(self.server.asked, [
            "/metadata/2.root.json", "/metadata/timestamp.json"])

    def test_a_download_follows_delegations_and_fetches_once(self):
        self.init()
        self.download("fw/app.img", "eu/meter.bin", "notes")
        self.assertEqual(self.downloaded(),
                         ["eu%2Fmeter.bin", "fw%2Fapp.img", "notes"])
        for name in self.downloaded():
            original = os.path.join(self.repository, "targets",
                                    name.replace("%2F", "/"))
            with open(original, "rb") as a, \
                    open(os.path.join(self.targets, name), "rb") as b:
                self.assertEqual(a.read(), b.read())
        self.assertIn("/metadata/1.eu%2Fmeter.json", self.server.asked)
        self.assertEqual(self.kept()["release.json"],
                         self.metadata("1.release.json"))
        self.assertEqual(self.kept()["eu%2Fmeter.json"],
                         self.metadata("1.eu%2Fmeter.json"))
        self.download("fw/app.img", "eu/meter.bin", "notes")
        self.assertEqual([p for p in self.server.asked
                          if p.startswith("/targets")], [])

    def test_a_target_spoilt_on_disk_is_fetched_again(self):
        self.init()
        self.download("fw/app.img")
        path = os.path.join(self.targets, "fw%2Fapp.img")
        with open(path, "r+b") as f:
            f.write(b"spoilt")
        self.download("fw/app.img")
        self.assertEqual(len([p for p in self.server.asked
                              if p.startswith("/targets")]), 1)

    def test_other_bytes_of_the_same_length_are_refused(self):
        self.init()
        for path in self.target_files("app.img"):
            with open(path, "r+b") as f:
                f.seek(299999)
                byte = f.read(1)
                f.seek(299999)
                f.write(bytes([byte[0] ^ 1]))
        self.assertIn("hash-mismatch", self.download("fw/app.img", expect=1))
        self.assertEqual(self.downloaded(), [])

    def test_a_longer_or_shorter_file_is_refused(self):
        self.init()
        for path in self.target_files("app.img"):
            with open(path, "ab") as f:
                f.write(b"x")
        self.assertIn("length-mismatch",
                      self.download("fw/app.img", expect=1))
        for path in self.target_files("app.img"):
            os.truncate(path, 1000)
        self.assertIn("ended early", self.download("fw/app.img", expect=1))
        for path in self.target_files("app.img"):
            os.unlink(path)
        self.assertIn("no such file", self.download("fw/app.img", expect=1))
        self.assertEqual(self.downloaded(), [])

    def test_a_target_that_nobody_names_is_refused(self):
        self.init()
        for name in ("fw/none.img", "../notes", "fw/../notes", "/notes"):
            self.assertRegex(self.download(name, expect=1),
                             "not-listed|bad-path")
        self.assertEqual(self.downloaded(), [])

    def test_expired_metadata_is_refused(self):
        self.init()
        self.refresh()
        self.make(2, expires=EARLIER)
        error = self.refresh(expect=1)
        self.assertIn("metadata-expired", error)
        self.assertIn("timestamp", error)

    def test_an_older_repository_is_refused_and_changes_nothing(self):
        self.init()
        self.make(3)
        self.refresh()
        before = self.kept()
        self.make(2)
        self.assertIn("metadata-rollback", self.refresh(expect=1))
        self.assertEqual(self.kept(), before)

    def test_a_bit_flipped_in_metadata_is_refused(self):
        self.init()
        path = os.path.join(self.repository, "metadata", "1.targets.json")
        text = self.metadata("1.targets.json").replace(b"notes", b"motes")
        with open(path, "wb") as f:
            f.write(text)
        self.assertIn("hash-mismatch", self.refresh(expect=1))
        self.assertNotIn("targets.json", self.kept())

    def test_a_root_that_does_not_sign_itself_is_not_kept(self):
        path = os.path.join(self.repository, "metadata", "1.root.json")
        text = self.metadata("1.root.json").replace(b'"version":1',
                                                    b'"version":2')
        with open(path, "wb") as f:
            f.write(text)
        self.assertIn("threshold-not-met", self.init(expect=1))
        self.assertFalse(os.path.exists(self.trusted))
        os.mkdir(self.trusted)
        shutil.copy(path, os.path.join(self.trusted, "root.json"))
        self.refresh(expect=1)
        self.assertEqual(self.server.asked, [])

    def test_a_server_that_is_away_fails_and_changes_nothing(self):
        self.init()
        self.refresh()
        before = self.kept()
        self.run_client("--metadata-url", "http://127.0.0.1:1/metadata",
                        "refresh", expect=1)
        self.assertEqual(self.kept(), before)

    def test_refresh_without_a_root_says_so(self):
        self.assertIn("root.json", self.refresh(expect=1))
        self.assertEqual(self.server.asked, [])


if __name__ == "__main__":
    sys.exit(run(TufClient, sys.argv[3:]))
