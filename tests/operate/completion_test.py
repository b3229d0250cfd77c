#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What bash completes is what --help lists, for every command.

usage: completion_test.py VOLTSEAL"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

VOLTSEAL = os.path.abspath(sys.argv[1])
OPTION = re.compile(r"(?m)^  (--[a-z-]+)")


def ask(*words):
    """What a command line prints."""
    return subprocess.run([VOLTSEAL, *words], capture_output=True, text=True,
                          check=True, timeout=20).stdout


def groups():
    """{group: commands}, [""] for one that is a command itself."""
    out = {}
    for part in ask("--help").split("\n\n"):
        name = re.match(r"([a-z]+): .*\n  \1", part)
        if name:
            name = name.group(1)
            out[name] = [x.strip() for x in re.findall(
                rf"(?m)^  {name}( [a-z][\w-]*)?(?: |$)", part)]
    return out


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.script = ask("completion")
        cls.dir = tempfile.mkdtemp(prefix="voltseal-completion-")
        for name in ("a-file", "b-file"):
            with open(os.path.join(cls.dir, name), "w", encoding="ascii"):
                pass

    def complete(self, *words):
        """What bash offers for the last word."""
        line = self.script + "\nCOMP_WORDS=(voltseal %s)\n" % " ".join(
            f"'{w}'" for w in words)
        line += f"COMP_CWORD={len(words)}\n_voltseal\n"
        line += 'printf "%s\\n" "${COMPREPLY[@]}"\n'
        done = subprocess.run(["bash", "--norc", "-c", line], cwd=self.dir,
                              capture_output=True, text=True, timeout=20,
                              check=True)
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    def test_the_first_word_is_a_group(self):
        names = set(groups())
        self.assertGreater(len(names), 10)
        self.assertEqual(self.complete(""), names | {"--help", "--version"})
        self.assertEqual(self.complete("rel"), {"release"})
        self.assertEqual(self.complete("--json", "rel"), {"release"})

    def test_the_second_is_a_command_of_it(self):
        for name, commands in groups().items():
            if commands != [""]:
                self.assertEqual(self.complete(name, ""),
                                 set(commands) | {"--help"}, name)

    def test_every_command_has_the_options_that_help_lists(self):
        tried = 0
        for name, commands in groups().items():
            for command in commands:
                words = [name, command] if command else [name]
                self.assertEqual(
                    self.complete(*words, "--") - {"--help"},
                    set(OPTION.findall(ask(*words, "--help"))), words)
                tried += 1
        self.assertGreater(tried, 30)

    def test_a_value_is_a_file_and_no_command(self):
        self.assertEqual(self.complete("--ca", ""), {"a-file", "b-file"})
        self.assertEqual(self.complete("--ca", "release", "camp"),
                         {"campaign"})
        self.assertEqual(self.complete("release", "upload", "a"), {"a-file"})
        self.assertEqual(self.complete("release", "--json", "upl"),
                         {"upload"})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
