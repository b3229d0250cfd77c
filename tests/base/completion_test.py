#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What bash completes is what --help lists: voltseal-sign, voltseal-server and
voltseal-agent.  (tests/operate/completion_test.py asks voltseal itself.)

usage: completion_test.py SIGN SERVER AGENT"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SIGN, SERVER, AGENT = map(os.path.abspath, sys.argv[1:4])
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
VALUED = re.compile(r"(--[a-z][a-z0-9-]*) [A-Z]")
FILES = {"a-file", "b-file"}


def ask(program, *words):
    """What a command line prints."""
    return subprocess.run([program, *words], capture_output=True, text=True,
                          check=True, timeout=20).stdout


def listed(program):
    """{command: summary} of --help, its words split."""
    text = ask(program, "--help").split("ommands:\n", 1)[-1]
    text = text.split("\n\n")[0] if program != AGENT else text
    rows = re.findall(r"(?m)^  ([a-z][a-z-]*(?: [a-z][a-z-]*)?) +(\S.*)$",
                      text)
    return {tuple(name.split()): summary for name, summary in rows}


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="voltseal-completion-")
        cls.scripts = {p: ask(p, "completion") for p in (SIGN, SERVER, AGENT)}
        for name in FILES:
            with open(os.path.join(cls.dir, name), "w", encoding="ascii"):
                pass

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def complete(self, program, *words):
        """What bash offers for the last word."""
        name = os.path.basename(program)
        line = self.scripts[program]
        line += f"\nCOMP_WORDS=({name} %s)\n" % " ".join(
            f"'{w}'" for w in words)
        line += f"COMP_CWORD={len(words)}\n_{name.replace('-', '_')}\n"
        line += 'printf "%s\\n" "${COMPREPLY[@]}"\n'
        done = subprocess.run(["bash", "--norc", "-c", line], cwd=self.dir,
                              capture_output=True, text=True, timeout=20,
                              check=True)
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    def options(self, program, *words):
        """What bash offers for "--"."""
        return self.complete(program, *words, "--") - {"--help"}

    def test_the_first_words_are_those_of_help(self):
        for program, least in ((SIGN, 15), (SERVER, 7), (AGENT, 8)):
            firsts = {words[0] for words in listed(program)}
            self.assertGreaterEqual(len(firsts), least)
            self.assertEqual({w for w in self.complete(program, "")
                              if w[0] != "-"}, firsts)
        self.assertEqual(self.complete(SERVER, "--"),
                         {"--help", "--check-config", "--routes"})
        self.assertEqual(self.complete(SIGN, "pu"), {"publish"})

    def test_the_second_words_too(self):
        for program in (SIGN, SERVER):
            groups = {}
            for first, *second in listed(program):
                groups.setdefault(first, set()).update(second)
            for first, seconds in groups.items():
                got = {w for w in self.complete(program, first, "")
                       if w[0] != "-"} - FILES
                self.assertEqual(got, seconds, first)

    def test_a_command_of_sign_has_the_options_of_its_help(self):
        tried = 0
        for words in listed(SIGN):
            usage = ask(SIGN, *words, "--help").split("\n\n")[1]
            self.assertEqual(self.options(SIGN, *words),
                             set(OPTION.findall(usage)), words)
            for option in VALUED.findall(usage):
                self.assertEqual(self.complete(SIGN, *words, option, "a"),
                                 {"a-file"}, (words, option))
                tried += 1
        self.assertGreater(tried, 60)

    def test_a_command_of_server_has_the_options_of_its_help(self):
        for words, summary in listed(SERVER).items():
            wanted = set(OPTION.findall(summary)) | {"--config"}
            if words == ("completion",):
                wanted = set()
            self.assertEqual(self.options(SERVER, *words), wanted, words)
        self.assertEqual(self.complete(SERVER, "run", "--config", "b"),
                         {"b-file"})
        self.assertEqual(self.complete(SERVER, "--config", "x", "us"),
                         {"user"})

    def test_a_command_of_agent_has_the_options_of_its_help(self):
        for words in listed(AGENT):
            text = ask(AGENT, *words, "--help")
            usage = text.split("\n\n")[0]
            if words == ("check-config",):  # it lists the settings
                usage = "--dir DIR"
            self.assertEqual(self.options(AGENT, *words),
                             set(OPTION.findall(usage)), words)

    def test_values_and_operands_are_files(self):
        self.assertEqual(self.complete(SERVER, "run", "--config=", "x"),
                         set())
        self.assertEqual(self.complete(SERVER, "run", "--config", "=", "a"),
                         {"a-file"})
        self.assertEqual(self.complete(SERVER, "run", "--config", "="), FILES)
        self.assertEqual(self.complete(SERVER, "backup", ""), FILES)
        self.assertEqual(self.complete(AGENT, "keyring", "a"), {"a-file"})
        self.assertEqual(self.complete(AGENT, "status", "a"), set())
        # one word is a command here, and the first of two there
        self.assertEqual(self.complete(SIGN, "delta", "i"), {"inspect"})
        self.assertEqual(self.complete(SIGN, "delta", "--out", "x", "old",
                                       "ins"), set())

    def test_it_is_for_bash_only(self):
        for program in (SIGN, SERVER, AGENT):
            self.assertEqual(ask(program, "completion", "bash"),
                             self.scripts[program])
            done = subprocess.run([program, "completion", "fish"],
                                  capture_output=True, text=True, timeout=20,
                                  check=False)
            self.assertNotEqual(done.returncode, 0, program)
            self.assertEqual(done.stdout, "")
            self.assertIn("bash", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
