#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""voltseal tuf download: delegations, names, hashes, what lies there already.

Covers S0.1, S0.14, S0.20, A5.

usage: tuf_targets_test.py VOLTSEAL KEEPER
"""
import hashlib
import os

from simulator import Repository, quote, stamp
from tuf_case import TufCase, main

# Delegations (who, to whom, and more) and the order in which the roles are
# asked for a path that none of them names.
WALKS = {
    "one": ([("targets", "A")], "A"),
    "two": ([("targets", "A"), ("targets", "B")], "AB"),
    "two levels": ([("targets", "A"), ("targets", "B"), ("B", "C")], "ABC"),
    "depth before breadth": (
        [("targets", "A"), ("targets", "B"), ("A", "C"), ("A", "D")],
        "ACDB"),
    "depth before breadth, three levels": (
        [("targets", "A"), ("targets", "B"), ("A", "C"), ("C", "D")],
        "ACDB"),
    "terminating ends it for all": (
        [("targets", "A"), ("targets", "B"),
         ("A", "C", {"terminating": True}), ("A", "D")], "AC"),
    "terminating, but not for those below": (
        [("targets", "A"), ("targets", "B"),
         ("A", "C", {"terminating": True}), ("C", "D")], "ACD"),
    "terminating at the top": (
        [("targets", "A", {"terminating": True}), ("targets", "B")], "A"),
    "other paths": (
        [("targets", "A", {"paths": ["*.py"]}), ("targets", "B"),
         ("A", "C")], "B"),
    "other paths below": (
        [("targets", "A"), ("targets", "B"), ("A", "C", {"paths": ["*.py"]}),
         ("C", "D")], "AB"),
    "no paths at all": (
        [("targets", "A", {"paths": []}), ("targets", "B")], "B"),
    "a circle": (
        [("targets", "A"), ("targets", "B"), ("B", "C"), ("C", "D"),
         ("D", "B")], "ABCD"),
    "itself": ([("targets", "A"), ("A", "A"), ("A", "B")], "AB"),
    "two ways": (
        [("targets", "A"), ("targets", "B"), ("B", "C"), ("A", "C")], "ACB"),
    "two ways, one for other paths": (
        [("targets", "A"), ("targets", "B"), ("B", "C"),
         ("A", "C", {"paths": ["*.py"]})], "ABC"),
}


class Targets(TufCase):
    """Who may name what, and what becomes of it."""

    def delegate(self, delegations):
        """All of them; a role that two delegate to is signed for both."""
        r = self.repository
        keys = {}
        for delegator, name, *more in delegations:
            keys.setdefault(name, self.key())
            r.delegate(delegator, name, keys=[keys[name]],
                       **(more[0] if more else {}))
        r.publish_all(*keys)

    def clear(self):
        """A client that knows only its root, and has nothing downloaded."""
        for folder in (self.trusted, self.targets):
            if os.path.isdir(folder):
                for name in os.listdir(folder):
                    os.unlink(os.path.join(folder, name))

    def test_roles_are_asked_in_the_order_of_their_delegation(self):
        for name, (delegations, order) in WALKS.items():
            with self.subTest(name):
                self.clear()
                self.begin(Repository(self.keeper))
                self.delegate(delegations)
                self.assertIn("not-listed", self.download("none", expect=1))
                self.assertEqual(self.server.metadata_asked()[4:],
                                 [f"1.{role}.json" for role in order])
                self.assertIn("not-listed", self.download("none", expect=1))
                self.assertEqual(self.server.metadata_asked()[2:], [])

    def test_a_path_must_be_covered_at_every_step_to_it(self):
        r = self.repository
        self.delegate([("targets", "A", {"paths": ["*.doc", "*.md"]}),
                       ("targets", "B", {"paths": ["releases/*/*"]}),
                       ("B", "C", {"paths": ["releases/x/*"]}),
                       ("B", "D", {"paths": ["releases/y/?.zip"]})])
        for role, path in (("targets", "top"), ("A", "read.md"),
                           ("A", "sub/read.md"), ("C", "releases/x/v1"),
                           ("D", "releases/y/1.zip"),
                           ("D", "releases/y/12.zip"),
                           ("D", "releases/z/1.zip"),
                           ("C", "releases/x/y/v1")):
            r.target(role, path, path.encode())
        r.publish_all("A", "B", "C", "D")
        first = True
        for path, asked in (("top", ""), ("read.md", "A"),
                            ("sub/read.md", None), ("releases/x/v1", "BC"),
                            ("releases/y/1.zip", "D"),
                            ("releases/y/12.zip", None),
                            ("releases/z/1.zip", None),
                            ("releases/x/y/v1", None)):
            with self.subTest(path):
                self.download(path, expect=0 if asked is not None else 1)
                at = 4 if first else 2
                first = False
                if asked is None:
                    self.assertNotIn(quote(path), self.downloaded())
                    continue
                self.assertEqual(
                    [n.split(".")[1] for n in
                     self.server.metadata_asked()[at:]], list(asked))
                self.assertEqual(self.downloaded()[quote(path)],
                                 path.encode())

    def test_path_hash_prefixes_choose_the_bin(self):
        r = self.repository
        bins = {}
        for digit in "0123456789abcdef":
            name = "bin-" + digit
            r.delegate("targets", name, None, path_hash_prefixes=[digit])
            bins[digit] = name
        paths = [f"packages/{n}/file" for n in range(6)]
        for path in paths:
            digit = hashlib.sha256(path.encode()).hexdigest()[0]
            r.target(bins[digit], path, path.encode())
        r.publish_all(*bins.values())
        for path in paths:
            self.download(path)
            digit = hashlib.sha256(path.encode()).hexdigest()[0]
            self.assertIsNotNone(self.kept(bins[digit]))
        self.assertEqual(len(self.downloaded()), len(paths))

    def test_a_role_s_name_is_one_component_of_url_and_file(self):
        for role in ("?", "#", "/role", "../role", "..", ".", "role:1", "a b",
                     "%2F", "r\u00f4le", "\u6f22\u5b57", "role\\x", "1.root",
                     "C:role", "-o", "~"):
            with self.subTest(role):
                self.clear()
                self.begin(Repository(self.keeper))
                r = self.repository
                r.delegate("targets", role)
                r.target(role, "thing", role.encode())
                r.publish_all(role)
                self.assertIn("not-listed", self.download("none", expect=1))
                self.assertEqual(self.server.metadata_asked()[4:],
                                 [f"1.{quote(role)}.json"])
                self.assertEqual(len(os.listdir(self.trusted)), 5)
                self.assertEqual(sorted(os.listdir(self.dir)),
                                 sorted({"given.json", "trusted"} |
                                        {"targets"} & set(
                                            os.listdir(self.dir))))
                self.assertEqual(self.kept(quote(role)), r.served(role))
                self.download("thing")
                self.assertEqual(self.downloaded(),
                                 {"thing": role.encode()})
                self.assertEqual(self.server.metadata_asked()[2:], [])

    def test_no_delegated_role_takes_a_top_level_role_s_name(self):
        for role in ("root", "timestamp", "snapshot", "targets", ""):
            with self.subTest(role):
                self.clear()
                self.begin(Repository(self.keeper))
                r = self.repository
                r.bodies["targets"]["delegations"] = {
                    "keys": {}, "roles": [
                        {"name": role, "keyids": [], "threshold": 1,
                         "paths": ["*"], "terminating": False}]}
                r.publish_all()
                self.assertIn("malformed", self.refresh(expect=1))

    def test_32_roles_are_asked_and_no_more(self):
        self.delegate([("targets", f"r{i}") for i in range(40)])
        self.assertIn("delegation-limit", self.download("none", expect=1))
        self.assertEqual(self.server.metadata_asked()[4:],
                         [f"1.r{i}.json" for i in range(32)])
        r = self.repository
        r.target("r31", "last", b"in reach")
        r.target("r32", "beyond", b"out of reach")
        r.publish_all("r31", "r32")
        self.download("last")
        self.download("beyond", expect=1)
        self.assertEqual(list(self.downloaded()), ["last"])

    def test_a_role_is_verified_for_each_who_delegates_to_it(self):
        r = self.repository
        mine, yours = self.key(), self.key()
        r.delegate("targets", "A", ["a/*"])
        r.delegate("targets", "B", ["b/*"])
        r.delegate("A", "C", ["a/*"], keys=[mine])
        r.delegate("B", "C", ["b/*"], keys=[yours])
        r.target("C", "a/thing", b"mine")
        r.target("C", "b/thing", b"not yours")
        r.signers["C"] = [mine]
        r.publish_all("A", "B", "C")
        self.assertIn("threshold-not-met",
                      self.download("a/thing", "b/thing", expect=1))
        self.assertEqual(self.downloaded(), {"a%2Fthing": b"mine"})
        self.assertIn("threshold-not-met", self.download("b/thing",
                                                         expect=1))
        r.signers["C"] = [mine, yours]
        r.publish_all("C")
        self.download("a/thing", "b/thing")
        self.assertEqual(len(self.downloaded()), 2)

    def test_a_role_signed_by_another_key_is_refused_and_not_kept(self):
        r = self.repository
        r.delegate("targets", "A")
        r.target("A", "thing", b"forged")
        r.signers["A"] = [self.key()]
        r.publish_all("A")
        self.assertIn("threshold-not-met", self.download("thing", expect=1))
        self.assertIsNone(self.kept("A"))
        self.assertEqual(self.downloaded(), {})

    def test_an_expired_role_is_refused_and_not_kept(self):
        r = self.repository
        r.delegate("targets", "A")
        r.target("A", "thing", b"stale")
        r.bodies["A"]["expires"] = stamp(-1)
        r.publish_all("A")
        self.refresh()
        self.assertIn("metadata-expired", self.download("thing", expect=1))
        self.assertEqual(self.versions(), {
            "root": 1, "snapshot": 2, "targets": 2, "timestamp": 2})
        self.assertEqual(self.downloaded(), {})

    def test_a_stored_role_runs_out_and_is_replaced_by_a_newer_one(self):
        r = self.repository
        r.delegate("targets", "A")
        r.bodies["A"]["expires"] = stamp(7)
        r.target("A", "first", b"1")
        r.target("A", "second", b"2")
        r.publish_all("A")
        self.download("first")
        self.assertIn("metadata-expired",
                      self.download("second", expect=1, days=18))
        self.assertEqual(self.downloaded(), {"first": b"1"})
        r.bodies["A"]["expires"] = stamp(21)
        r.publish_all("A")
        self.download("second", days=18)
        self.assertEqual(len(self.downloaded()), 2)

    def test_a_role_is_fetched_when_its_version_rises_and_only_then(self):
        r = self.repository
        r.listed = True
        r.delegate("targets", "A")
        r.target("A", "thing", b"old")
        r.publish_all("A")
        self.download("thing")
        r.publish_all()
        self.download("thing")
        self.assertNotIn("1.A.json", self.server.metadata_asked())
        r.target("A", "thing", b"new")
        r.publish_all("A")
        self.download("thing")
        self.assertEqual(self.server.metadata_asked()[-1], "2.A.json")
        self.assertEqual(self.downloaded(), {"thing": b"new"})

    def test_a_download_refreshes_first(self):
        r = self.repository
        self.download("none", expect=1)
        self.assertEqual(self.server.metadata_asked(), [
            "2.root.json", "timestamp.json", "1.snapshot.json",
            "1.targets.json"])
        self.assertEqual(self.versions(), {
            "root": 1, "snapshot": 1, "targets": 1, "timestamp": 1})
        r.target("targets", "thing", b"bytes")
        r.publish_all()
        self.download("thing")
        self.assertEqual(self.downloaded(), {"thing": b"bytes"})
        r.bodies["timestamp"]["expires"] = stamp(-1)
        r.publish("timestamp")
        os.unlink(os.path.join(self.targets, "thing"))
        self.assertIn("metadata-expired", self.download("thing", expect=1))
        self.assertEqual(self.downloaded(), {})

    def test_any_path_is_one_file_below_the_target_folder(self):
        r = self.repository
        paths = ["a", "path/to/a/thing.txt", "a b", "50%", "x?y#z", "\u00e4",
                 "q\"'<>&", "...", "..a/b", "a\\..\\b", "tilde~", "a+b@c:d",
                 "\u6f22/\u5b57", "-rf", "a" * 240]
        for path in paths:
            r.target("targets", path, path.encode())
        r.publish_all()
        for path in paths:
            with self.subTest(path):
                self.download(path)
                self.assertEqual(len(self.server.targets_asked()), 1)
        self.assertEqual(self.downloaded(), {
            quote(path): path.encode() for path in paths})
        self.assertEqual(sorted(os.listdir(self.dir)),
                         ["given.json", "targets", "trusted"])

    def test_a_path_that_leads_elsewhere_is_refused(self):
        r = self.repository
        paths = ["../a", "a/../../b", "/etc/passwd", "..", ".", "a//b", "a/",
                 "./a", "a/."]
        for path in paths:
            r.target("targets", path, b"bytes")
        r.publish_all()
        for path in paths:
            with self.subTest(path):
                self.assertIn("bad-path", self.download(path, expect=1))
                self.assertEqual(self.server.targets_asked(), [])
        self.assertEqual(self.downloaded(), {})

    def test_a_path_too_long_for_a_file_s_name_is_refused(self):
        r = self.repository
        r.target("targets", "a" * 256, b"bytes")
        r.publish_all()
        self.download("a" * 256, expect=1)
        self.assertEqual(self.server.targets_asked(), [])

    def test_every_hash_that_is_given_is_checked(self):
        r = self.repository
        data = b"target file contents"
        for algorithms in (("sha256",), ("sha512",), ("sha256", "sha512")):
            r.target("targets", "+".join(algorithms), data, algorithms)
        r.target("targets", "other", data, ("sha256", "sha512"))
        r.bodies["targets"]["targets"]["other"]["hashes"]["sha512"] = \
            "0" * 128
        r.target("targets", "unknown", data)
        r.bodies["targets"]["targets"]["unknown"]["hashes"] = {
            "whirl": "0" * 64}
        r.publish_all()
        for name in ("sha256", "sha512", "sha256+sha512"):
            self.download(name)
            self.assertEqual(len(self.server.targets_asked()), 1)
        self.assertEqual(len(self.downloaded()), 3)
        self.assertIn("hash-mismatch", self.download("other", expect=1))
        self.assertIn("unsupported", self.download("unknown", expect=1))
        self.assertEqual(len(self.downloaded()), 3)

    def test_what_lies_there_already_is_not_fetched_again(self):
        r = self.repository
        r.target("targets", "sub/thing", b"bytes")
        r.publish_all()
        self.download("sub/thing")
        path = os.path.join(self.targets, "sub%2Fthing")
        before = os.stat(path).st_mtime_ns
        self.download("sub/thing")
        self.assertEqual(self.server.targets_asked(), [])
        self.assertEqual(os.stat(path).st_mtime_ns, before)
        for spoilt in (b"bytez", b"byte", b"bytes+", b""):
            with open(path, "wb") as f:
                f.write(spoilt)
            self.download("sub/thing")
            self.assertEqual(len(self.server.targets_asked()), 1)
            self.assertEqual(self.downloaded(), {"sub%2Fthing": b"bytes"})

    def test_a_target_follows_its_metadata_and_nothing_else(self):
        r = self.repository
        r.target("targets", "thing", b"first")
        r.target("targets", "other", b"other")
        r.publish_all()
        self.download("thing")
        for name in r.names("thing") + r.names("other"):
            r.files[name] = b"malicious"
        self.download("thing")
        self.assertIn("length-mismatch", self.download("other", expect=1))
        self.assertEqual(self.downloaded(), {"thing": b"first"})
        r.target("targets", "thing", b"second")
        r.publish_all()
        self.download("thing")
        self.assertEqual(self.downloaded(), {"thing": b"second"})
        for name in r.names("thing"):
            r.files[name] = b"SECOND"
        r.publish_all()
        self.download("thing")
        self.assertEqual(self.downloaded(), {"thing": b"second"})

    def test_without_consistent_snapshots_a_target_has_its_plain_name(self):
        self.begin(Repository(self.keeper, consistent=False))
        r = self.repository
        r.delegate("targets", "A", ["sub/*"])
        r.target("A", "sub/thing", b"bytes")
        r.publish_all("A")
        self.download("sub/thing")
        self.assertEqual(self.server.asked[4:],
                         ["metadata/A.json", "targets/sub/thing"])

    def test_a_download_without_end_is_cut_off(self):
        r = self.repository
        r.target("targets", "thing", b" " * 100000)
        r.publish_all()
        self.server.endless = set(r.names("thing"))
        self.assertIn("length-mismatch", self.download("thing", expect=1))
        self.assertLess(self.server.sent, 16 << 20)
        self.assertEqual(self.downloaded(), {})

    def test_an_empty_target_and_a_large_one_arrive_whole(self):
        r = self.repository
        large = os.urandom(1 << 20) * 5
        r.target("targets", "empty", b"")
        r.target("targets", "large", large)
        r.publish_all()
        self.download("empty", "large")
        self.assertEqual(self.downloaded(), {"empty": b"", "large": large})


if __name__ == "__main__":
    main(Targets)
