# SPDX-License-Identifier: Apache-2.0
"""What the tests of voltseal tuf share: the client, its folders, and TAP.

usage of each: NAME_test.py VOLTSEAL KEEPER
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from simulator import Keeper, Key, Repository, Server


class TufCase(unittest.TestCase):
    """A repository, a server for it and a client that has its root."""

    program, keeper, server = None, None, None

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="voltseal-tuf-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.trusted = os.path.join(self.dir, "trusted")
        self.targets = os.path.join(self.dir, "targets")
        os.mkdir(self.trusted)
        self.begin(Repository(self.keeper))

    def begin(self, repository, root=None):
        """Serves another repository to a client with its first root."""
        self.repository = repository
        self.server.begin(repository)
        self.init(root or repository.files["metadata/1.root.json"])

    def key(self, kind="ed25519"):
        """A new key."""
        return Key(self.keeper, kind)

    def run_client(self, *args, expect=0, days=0):
        """Runs it, so many days from now; gives its one line of error."""
        argv = [self.program, "tuf", "--metadata-dir", self.trusted, *args]
        env = dict(os.environ)
        if days:
            argv = ["faketime", "-f", f"+{days}d", *argv]
            options = env.get("ASAN_OPTIONS", "")
            env["ASAN_OPTIONS"] = options + ":verify_asan_link_order=0"
        self.server.asked = []
        done = subprocess.run(argv, capture_output=True, text=True,
                              timeout=60, check=False, env=env)
        self.assertEqual(done.returncode, expect, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1 if expect else 0,
                         done.stderr)
        return done.stderr

    def init(self, root, expect=0):
        """Gives the client a root to start from."""
        path = os.path.join(self.dir, "given.json")
        with open(path, "wb") as f:
            f.write(root)
        return self.run_client("init", path, expect=expect)

    def refresh(self, **how):
        """voltseal tuf refresh."""
        return self.run_client("--metadata-url",
                               self.server.url + "/metadata/", "refresh",
                               **how)

    def download(self, *names, **how):
        """voltseal tuf download."""
        wanted = []
        for name in names:
            wanted += ["--target-name", name]
        return self.run_client(
            "--metadata-url", self.server.url + "/metadata", *wanted,
            "--target-base-url", self.server.url + "/targets",
            "--target-dir", self.targets, "download", **how)

    def kept(self, role):
        """The stored bytes of a role, or None."""
        try:
            with open(os.path.join(self.trusted, role + ".json"), "rb") as f:
                return f.read()
        except FileNotFoundError:
            return None

    def version(self, role):
        """The stored version of a role, or None."""
        data = self.kept(role)
        return json.loads(data)["signed"]["version"] if data else None

    def versions(self):
        """All that is stored."""
        return {name[:-5]: self.version(name[:-5])
                for name in sorted(os.listdir(self.trusted))}

    def downloaded(self):
        """Names and bytes of what was downloaded; nothing else lies there."""
        found = {}
        if os.path.isdir(self.targets):
            for name in os.listdir(self.targets):
                with open(os.path.join(self.targets, name), "rb") as f:
                    found[name] = f.read()
        return found


class Tap(unittest.TestResult):
    """One line of TAP for each test, named by its sentence."""

    def __init__(self):
        super().__init__()
        self.bad = None

    def startTest(self, test):
        self.bad = None
        super().startTest(test)

    def addError(self, test, err):
        super().addError(test, err)
        self.bad = self.errors[-1][1]

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.bad = self.failures[-1][1]

    def addSubTest(self, test, subtest, err):
        if err:
            super().addSubTest(test, subtest, err)
            self.bad = f"{subtest}\n{self._exc_info_to_string(err, test)}"

    def stopTest(self, test):
        super().stopTest(test)
        sentence = test._testMethodName[len("test_"):].replace("_s_", "'s_")
        sentence = sentence.replace("_", " ")
        print(f"{'not ok' if self.bad else 'ok'} {self.testsRun} - "
              f"{sentence}", flush=True)
        for line in (self.bad or "").splitlines():
            print("#   " + line, flush=True)


def run(case, wanted):
    """Runs a case's tests, or those that are wanted; gives the exit code."""
    loader = unittest.defaultTestLoader
    suite = (loader.loadTestsFromNames(wanted, case) if wanted else
             loader.loadTestsFromTestCase(case))
    result = Tap()
    suite.run(result)
    print(f"1..{result.testsRun}", flush=True)
    return 0 if result.testsRun and result.wasSuccessful() else 1


def main(case):
    """Runs the tests of a case's module."""
    TufCase.program = sys.argv[1]
    TufCase.keeper = Keeper(sys.argv[2])
    TufCase.server = Server()
    code = run(case, sys.argv[3:])
    TufCase.server.shutdown()
    TufCase.server.server_close()
    TufCase.keeper.close()
    sys.exit(code)
