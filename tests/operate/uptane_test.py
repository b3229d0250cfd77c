#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""voltseal uptane against two repositories on loopback, scenario by scenario.

usage: uptane_test.py VOLTSEAL [NAME...]

Besides its verdict, every step is held to this: nothing is stored but bytes
that were served, nothing is downloaded before both repositories agree, nothing
is kept that is not the image.

Covers A1, A2, A3, A4, A5, A7, A9, A10, A14, A16, A17, S3.12.
"""
import http.server
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse

import uptane_scenarios
from uptane_world import World

VOLTSEAL = sys.argv[1]
ONLY = sys.argv[2:]


class Handler(http.server.BaseHTTPRequestHandler):
    """Hands out server.files and keeps the paths asked for."""
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # an answer in one piece, or each waits for an ack
    disable_nagle_algorithm = True

    def do_GET(self):
        self.server.asked.append(self.path)
        # Role names stand encoded in names, target paths do not.
        path = self.path if not self.path.startswith("/targets/") \
            else urllib.parse.unquote(self.path)
        body = self.server.files.get(path)
        self.send_response(404 if body is None else 200)
        body = body or b""
        self.server.handed.append(body)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Case(unittest.TestCase):
    """A server, a state folder, and the program."""

    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                     Handler)
        cls.server.daemon_threads = True
        threading.Thread(target=cls.server.serve_forever,
                         daemon=True).start()
        cls.url = "http://127.0.0.1:%d" % cls.server.server_address[1]

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="voltseal-uptane-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.state = os.path.join(self.dir, "state")
        self.server.files, self.server.handed = {}, []
        self.server.asked = []

    def run_uptane(self, *args):
        """Exit status, words of standard output, all that was printed."""
        done = subprocess.run(
            [VOLTSEAL, "uptane", "--state-dir", self.state, *args],
            capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout.split(), done.stdout + done.stderr

    def write_roots(self, world):
        """The first roots, as two files."""
        paths = []
        for side in ("director", "image"):
            text = world.served().get("/%s/1.root.json" % side)
            path = os.path.join(self.dir, side + ".root.json")
            with open(path, "wb") as f:
                f.write(text)
            paths.append(path)
        return paths

    def check_arguments(self, world):
        """The command line of one check."""
        args = ["--director-url", self.url + "/director",
                "--image-url", self.url + "/image/",
                "--target-base-url", self.url + "/targets"]
        for ecu, hardware in world.ecus.items():
            args += ["--ecu", "%s=%s" % (ecu, hardware)]
        if world.tell_vehicle:
            args += ["--vehicle", world.vehicle]
        if not world.ours:
            args += ["--profile", "plain"]
        return args + world.arguments + ["check"]

    def kept(self, folder):
        """File name: bytes."""
        found = {}
        path = os.path.join(self.state, folder)
        for name in os.listdir(path) if os.path.isdir(path) else ():
            with open(os.path.join(path, name), "rb") as f:
                found[name] = f.read()
        return found


class Scenarios(Case):
    """One test a scenario; the tests are added below."""

    def init(self, world, verdict):
        """Gives False if the verdict was about a root that we were given."""
        roots = self.write_roots(world)
        status, words, text = self.run_uptane("init", *roots)
        self.assertEqual(self.server.asked, [])
        if status == 0:
            self.assertEqual(words, ["none"], text)
            return True
        self.assertEqual((status, words[0]), (1, verdict[0]), text)
        self.assertFalse(os.path.exists(self.state))
        # The same root on disk by another way is not believed either.
        for side, root in zip(("director", "image"), roots):
            os.makedirs(os.path.join(self.state, side))
            shutil.copy(root, os.path.join(self.state, side, "root.json"))
        return False

    def hold(self, world, verdict, asked):
        """What holds after every step, whatever the verdict."""
        if verdict[0] != "none":
            about = verdict[1] if len(verdict) > 1 else ""
            if about.startswith(("director/", "image/")):
                self.assertEqual([a for a in asked if "/targets/" in a], [])
        if asked:
            self.assertRegex(asked[0], r"^/director/\d+\.root\.json$")
        handed = set(self.server.handed)
        for side in ("director", "image"):
            for name, text in self.kept(side).items():
                if name != "root.json":
                    self.assertTrue(text in handed, name)
        images = set(world.content.values())
        for name, text in self.kept("targets").items():
            self.assertIn(text, images, name)

    def hold_success(self, world):
        """Everything is there as it was served."""
        files = world.served()
        for side in ("director", "image"):
            repository = getattr(world, side)
            kept = self.kept(side)
            self.assertTrue(kept["root.json"] in files.values())
            for role in ("snapshot", "targets"):
                prefix = "%d." % getattr(repository, role).version \
                    if world.consistent else ""
                self.assertTrue(
                    kept[role + ".json"] ==
                    files["/%s/%s%s.json" % (side, prefix, role)], role)
        for path in world.director.targets.targets:
            name = urllib.parse.quote(path, safe="")
            self.assertEqual(self.kept("targets")[name], world.content[path])

    def step(self, world, verdict):
        self.server.asked = []
        self.server.files = world.served()
        status, words, text = self.run_uptane(*self.check_arguments(world))
        self.assertEqual(words[0], verdict[0], text)
        self.assertEqual(status, 0 if verdict[0] == "none" else 1, text)
        if len(verdict) > 1:
            self.assertTrue(words[1].startswith(verdict[1]), text)
        if len(verdict) > 2:
            self.assertIn(verdict[2], words[1], text)
        self.hold(world, verdict, self.server.asked)
        if verdict[0] == "none":
            self.hold_success(world)

    def play(self, function, world):
        """The whole of one scenario."""
        first, believed = True, True
        for verdict in function(world):
            verdict = (verdict,) if isinstance(verdict, str) else verdict
            if first:
                believed = self.init(world, verdict)
            first = False
            self.step(world, verdict)
            if not believed:
                self.assertEqual(self.server.asked, [])
                return


class CommandLine(Case):
    """What is not a scenario."""

    def test_nothing_is_fetched_twice(self):
        world = World()
        self.run_uptane("init", *self.write_roots(world))
        self.server.files = world.served()
        for last in (["/image/2.root.json", "/image/timestamp.json"], None):
            self.server.asked = []
            status, words, text = self.run_uptane(
                *self.check_arguments(world))
            self.assertEqual((status, words[:3]), (0, ["none", "1",
                                                       "image"]), text)
        self.assertEqual(self.server.asked, [
            "/director/2.root.json", "/director/timestamp.json",
            "/image/2.root.json", "/image/timestamp.json"])

    def test_the_order_of_requests_is_the_standards(self):
        world = World()
        self.run_uptane("init", *self.write_roots(world))
        self.server.files = world.served()
        self.run_uptane(*self.check_arguments(world))
        self.assertEqual(self.server.asked[:-1], [
            "/director/2.root.json", "/director/timestamp.json",
            "/director/1.snapshot.json", "/director/1.targets.json",
            "/image/2.root.json", "/image/timestamp.json",
            "/image/1.snapshot.json", "/image/1.targets.json"])
        self.assertRegex(self.server.asked[-1], r"^/targets/[0-9a-f]+\.file")

    def test_a_spoilt_image_on_disk_is_fetched_again(self):
        world = World()
        self.run_uptane("init", *self.write_roots(world))
        self.server.files = world.served()
        for _ in range(2):
            self.assertEqual(self.run_uptane(
                *self.check_arguments(world))[0], 0)
            self.assertEqual(self.kept("targets"),
                             {"file.txt": b"wat wat wat"})
            with open(os.path.join(self.state, "targets/file.txt"),
                      "wb") as f:
                f.write(b"spoilt")

    def test_both_roots_are_kept_or_none(self):
        world = World()
        world.image.root.signers = []
        status, words, text = self.run_uptane("init",
                                              *self.write_roots(world))
        self.assertEqual((status, words[0]), (1, "threshold-not-met"), text)
        self.assertFalse(os.path.exists(self.state))

    def test_a_second_start_replaces_the_roots(self):
        world = World()
        self.run_uptane("init", *self.write_roots(world))
        for repository in (world.director, world.image):
            repository.root.keys = ["all new"]
        self.assertEqual(self.run_uptane("init",
                                         *self.write_roots(world))[0], 0)
        self.server.files = world.served()
        self.assertEqual(self.run_uptane(*self.check_arguments(world))[0], 0)

    def test_without_a_start_nothing_is_asked(self):
        status, words, text = self.run_uptane(
            *self.check_arguments(World()))
        self.assertEqual((status, words[0]), (1, "unreadable"), text)
        self.assertEqual(self.server.asked, [])

    def test_a_server_that_is_away_is_unreadable(self):
        world = World()
        self.run_uptane("init", *self.write_roots(world))
        args = [a.replace(self.url, "http://127.0.0.1:1")
                for a in self.check_arguments(world)]
        status, words, text = self.run_uptane(*args)
        self.assertEqual((status, words[0]), (1, "unreadable"), text)

    def test_a_root_that_is_not_there_is_unreadable(self):
        status, words, text = self.run_uptane("init", "/nonexistent",
                                              "/nonexistent")
        self.assertEqual((status, words[0]), (1, "unreadable"), text)

    def test_a_wrong_command_line_says_what_is_wrong(self):
        good = self.check_arguments(World())
        for take, put, says in (
                ("--ecu", None, "--ecu"),
                ("--director-url", None, "--director-url"),
                ("--profile", None, "--vehicle"),
                (None, ["--profile", "loose"], "profile"),
                (None, ["--ecu", "x"], "ECU_ID=HARDWARE_ID"),
                (None, ["--ecu", "=x"], "ECU_ID=HARDWARE_ID"),
                (None, ["--ecu", "x="], "ECU_ID=HARDWARE_ID"),
                (None, ["--ecu", "x" * 200 + "=y"], "too long"),
                (None, ["--ecu", "CP-0001-gateway=y"], "twice"),
                (None, ["--ecu=%d=y" % i for i in range(9)], "too many"),
                (None, ["--floor", "CP-0001-gateway=1"], "plain"),
                ("--profile", ["--vehicle", "V", "--floor", "x=1"], "no such"),
                ("--profile", ["--vehicle", "V", "--floor",
                               "CP-0001-gateway=4294967296"], "NUMBER"),
                ("--profile", ["--vehicle", "V", "--installed",
                               "CP-0001-gateway"], "NUMBER"),
                (None, ["--runs", "CP-0001-gateway=a:1"], "plain"),
                ("--profile", ["--vehicle", "V", "--runs", "x=a:1"],
                 "no such"),
                *(("--profile", ["--vehicle", "V", "--runs", text],
                   "COMPONENT:VERSION") for text in (
                       "CP-0001-gateway", "CP-0001-gateway=a",
                       "CP-0001-gateway=a:", "CP-0001-gateway=:1",
                       "CP-0001-gateway=" + "a" * 32 + ":1"))):
            args = list(good)
            while take in args:
                at = args.index(take)
                del args[at:at + 2]
            if put and "--profile" in put:
                at = args.index("--profile")
                del args[at:at + 2]
            status, _, text = self.run_uptane(*(put or []), *args)
            self.assertEqual(status, 2, text)
            self.assertIn(says, text)
            self.assertEqual(text.count("\n"), 1, text)
        self.assertEqual(self.server.asked, [])


def _add(name, function, ours, consistent):
    title = "test_%s%s" % (name, "" if consistent else "__plain_names")
    setattr(Scenarios, title, lambda self: self.play(
        function, World(consistent, ours)))


for _name, (_function, _ours, _both) in uptane_scenarios.SCENARIOS.items():
    if not ONLY or _name in ONLY:
        for _consistent in (True, False) if _both else (True,):
            _add(_name, _function, _ours, _consistent)

if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
