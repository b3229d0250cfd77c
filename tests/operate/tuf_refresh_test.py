#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""voltseal tuf refresh: order, expiry, rollback, recovery, limits.

Covers S0.1, S0.2, S0.20, S3.12, A2, A3, A5, A7.

usage: tuf_refresh_test.py VOLTSEAL KEEPER
"""
import copy
import json
import os

from simulator import Repository, stamp
from tuf_case import TufCase, main

ORDER = ["2.root.json", "timestamp.json", "1.snapshot.json",
         "1.targets.json"]
AFTER_ROOT = ("timestamp", "snapshot", "targets")


class Refresh(TufCase):
    """From the first root to the targets file."""

    def test_a_refresh_asks_in_order_and_keeps_what_it_got(self):
        self.assertEqual(self.server.asked, [])
        r = self.repository
        r.files["metadata/timestamp.json"] += b" \n\t"
        self.refresh()
        self.assertEqual(self.server.metadata_asked(), ORDER)
        for role in ("root", *AFTER_ROOT):
            self.assertEqual(self.kept(role), r.served(role))
        self.assertEqual(len(os.listdir(self.trusted)), 4)

    def test_what_did_not_change_is_not_asked_for_again(self):
        self.refresh()
        self.refresh()
        self.assertEqual(self.server.metadata_asked(), ORDER[:2])
        self.repository.publish("timestamp")
        self.refresh()
        self.assertEqual(self.server.metadata_asked(), ORDER[:2])
        self.repository.publish("snapshot", "timestamp")
        self.refresh()
        self.assertEqual(self.server.metadata_asked(),
                         [*ORDER[:2], "2.snapshot.json"])

    def test_without_consistent_snapshots_only_roots_carry_a_version(self):
        self.begin(Repository(self.keeper, consistent=False))
        self.refresh()
        self.assertEqual(self.server.metadata_asked(), [
            "2.root.json", "timestamp.json", "snapshot.json",
            "targets.json"])
        self.repository.publish_all()
        self.refresh()
        self.assertEqual(self.versions(), {
            "root": 1, "snapshot": 2, "targets": 2, "timestamp": 2})

    def spoilt_roots(self):
        """Initial roots that are none."""
        root = json.loads(self.repository.files["metadata/1.root.json"])
        nameless = copy.deepcopy(root)
        del nameless["signed"]["version"]
        yield nameless
        other = copy.deepcopy(root)
        other["signatures"][0]["sig"] = other["signatures"][0]["sig"][2:] + \
            "00"
        yield other
        bare = copy.deepcopy(root)
        bare["signatures"] = []
        yield bare

    def test_an_invalid_initial_root_makes_no_request(self):
        for root in self.spoilt_roots():
            os.unlink(os.path.join(self.trusted, "root.json"))
            self.init(json.dumps(root).encode(), expect=1)
            self.assertIsNone(self.kept("root"))
            self.refresh(expect=1)
            self.assertEqual(self.server.asked, [])
            with open(os.path.join(self.trusted, "root.json"), "w",
                      encoding="utf-8") as f:
                json.dump(root, f)
            self.refresh(expect=1)
            self.assertEqual(self.server.asked, [])

    def test_too_few_signatures_end_the_refresh_there(self):
        reached = {}
        for role in ("root", *AFTER_ROOT):
            with self.subTest(role):
                self.clear()
                self.begin(Repository(self.keeper))
                r = self.repository
                r.signers[role].clear()
                r.publish("root", "targets", "snapshot", "timestamp")
                self.assertIn("threshold-not-met", self.refresh(expect=1))
                if role != "root":
                    reached["root"] = 2
                self.assertEqual(self.versions(), reached or {"root": 1})
                reached[role] = 2

    def clear(self):
        """A client that knows nothing."""
        for name in os.listdir(self.trusted):
            os.unlink(os.path.join(self.trusted, name))

    def test_a_file_of_another_version_than_its_name_is_refused(self):
        for role, reached in (
                ("root", {"root": 1}),
                ("snapshot", {"root": 2, "timestamp": 2}),
                ("targets", {"root": 2, "snapshot": 2, "timestamp": 2})):
            with self.subTest(role):
                self.clear()
                self.begin(Repository(self.keeper))
                r = self.repository
                r.publish("root", "targets", "snapshot", "timestamp")
                name = r.name(role)
                r.bodies[role]["version"] = 3
                r.files[name] = r.encode(role)
                self.assertIn("wrong-version", self.refresh(expect=1))
                self.assertEqual(self.versions(), reached)

    def test_a_timestamp_of_the_same_version_changes_nothing(self):
        self.refresh()
        before = self.kept("timestamp")
        r = self.repository
        r.bodies["timestamp"]["meta"]["snapshot.json"]["version"] = 100
        r.publish("timestamp", bump=False)
        self.refresh()
        self.assertEqual(self.server.metadata_asked(), ORDER[:2])
        self.assertEqual(self.kept("timestamp"), before)

    def test_listed_lengths_and_hashes_are_held(self):
        r = self.repository
        r.listed = True
        r.publish_all()
        self.refresh()
        r.publish("targets")
        r.meta["targets.json"]["hashes"]["sha256"] = "0" * 64
        r.publish("snapshot", "timestamp")
        self.assertIn("hash-mismatch", self.refresh(expect=1))
        self.assertEqual(self.versions(), {
            "root": 1, "snapshot": 3, "targets": 2, "timestamp": 3})
        r.publish("targets")
        r.meta["targets.json"]["length"] -= 1
        r.publish("snapshot", "timestamp")
        self.assertIn("length-mismatch", self.refresh(expect=1))
        r.publish("targets")
        r.meta["targets.json"]["hashes"] = {"md5": "0" * 32}
        r.publish("snapshot", "timestamp")
        self.assertIn("unsupported", self.refresh(expect=1))
        r.publish_all()
        self.refresh()
        self.assertEqual(self.version("targets"), 6)

    def test_unknown_members_are_accepted_and_signed(self):
        r = self.repository
        key = self.key("p256")
        key.object["extra"] = {"b": 2, "a": [True, None]}
        key.object["keyid_hash_algorithms"] = ["md5"]
        r.add("root", key)
        r.root["roles"]["root"]["note"] = "\u00e9\x07"
        r.root["note"] = "value"
        r.threshold("root", 2)
        r.publish("root")
        self.refresh()
        self.assertEqual(self.version("root"), 2)
        r.publish("root")
        r.files["metadata/3.root.json"] = r.files[
            "metadata/3.root.json"].replace(b'"value"', b'"valve"')
        self.assertIn("threshold-not-met", self.refresh(expect=1))
        self.assertEqual(self.version("root"), 2)

    def test_a_file_that_is_not_there_ends_the_refresh_there(self):
        self.refresh()
        r = self.repository
        for code in (404, 403, 500):
            with self.subTest(code):
                r.publish_all()
                self.server.codes = {r.name("snapshot"): code}
                self.refresh(expect=1)
                self.server.codes = {}
                self.assertEqual(self.version("timestamp"),
                                 r.bodies["timestamp"]["version"])
                self.assertNotEqual(self.version("snapshot"),
                                    r.bodies["snapshot"]["version"])
                self.server.codes = {r.name("targets"): code}
                self.refresh(expect=1)
                self.server.codes = {"metadata/timestamp.json": code}
                self.refresh(expect=1)
                self.assertEqual(self.server.metadata_asked(), ORDER[:2])
                self.server.codes = {}
                self.refresh()

    def test_only_404_and_403_say_that_there_is_no_newer_root(self):
        for code in (404, 403):
            self.server.codes = {"metadata/2.root.json": code}
            self.refresh()
        for code in (400, 401, 410, 500, 503):
            self.server.codes = {"metadata/2.root.json": code}
            self.refresh(expect=1)
            self.assertEqual(self.server.metadata_asked(), ORDER[:1])

    def test_a_snapshot_does_not_pass_for_a_timestamp(self):
        r = self.repository
        r.add("snapshot", r.signers["timestamp"][0])
        r.publish("root")
        r.meta.clear()
        r.meta["snapshot.json"] = {"version": 1}
        r.publish("snapshot")
        r.files["metadata/timestamp.json"] = r.served("snapshot")
        self.assertIn("wrong-type", self.refresh(expect=1))
        self.assertEqual(self.versions(), {"root": 2})

    def test_the_clock_is_the_process_s_clock(self):
        self.repository.root["expires"] = stamp(7)
        self.repository.publish("root")
        self.refresh()
        self.refresh(days=6)
        self.assertIn("metadata-expired", self.refresh(expect=1, days=8))
        self.assertIn("metadata-expired", self.refresh(expect=1, days=40))
        self.refresh()

    def test_an_expired_root_is_kept_and_nothing_after_it_is_asked_for(self):
        self.refresh()
        r = self.repository
        r.root["expires"] = stamp(-1)
        r.publish("root")
        r.publish_all()
        self.assertIn("metadata-expired", self.refresh(expect=1))
        self.assertEqual(self.server.metadata_asked(),
                         ["2.root.json", "3.root.json"])
        self.assertEqual(self.versions(), {
            "root": 2, "snapshot": 1, "targets": 1, "timestamp": 1})
        r.root["expires"] = stamp(30)
        r.publish("root")
        self.refresh()
        self.assertEqual(self.version("root"), 3)

    def test_an_expired_file_is_refused_and_the_older_one_kept(self):
        for role, kept in (
                ("timestamp", {"snapshot": 1, "targets": 1, "timestamp": 1}),
                ("snapshot", {"snapshot": 1, "targets": 1, "timestamp": 2}),
                ("targets", {"snapshot": 2, "targets": 1, "timestamp": 2})):
            with self.subTest(role):
                self.clear()
                self.begin(Repository(self.keeper))
                self.refresh()
                r = self.repository
                r.bodies[role]["expires"] = stamp(-5)
                r.publish_all()
                self.assertIn("metadata-expired", self.refresh(expect=1))
                self.assertEqual(self.versions(), {"root": 1, **kept})

    def test_expired_stored_files_do_not_wedge_and_are_still_the_floor(self):
        r = self.repository
        for role in AFTER_ROOT:
            r.bodies[role]["expires"] = stamp(7)
        r.publish_all()
        old = r.served("timestamp")
        r.publish_all()
        self.refresh()
        self.assertIn("metadata-expired", self.refresh(expect=1, days=18))
        for role in AFTER_ROOT:
            r.bodies[role]["expires"] = stamp(21)
        r.publish_all()
        fresh = r.served("timestamp")
        r.files["metadata/timestamp.json"] = old
        self.assertIn("metadata-rollback", self.refresh(expect=1, days=18))
        r.files["metadata/timestamp.json"] = fresh
        self.refresh(days=18)
        self.assertEqual(self.versions(), {
            "root": 1, "snapshot": 4, "targets": 4, "timestamp": 4})

    def test_an_older_timestamp_is_refused(self):
        r = self.repository
        old = r.served("timestamp")
        r.publish("timestamp")
        self.refresh()
        r.files["metadata/timestamp.json"] = old
        self.assertIn("metadata-rollback", self.refresh(expect=1))
        self.assertEqual(self.version("timestamp"), 2)
        self.assertEqual(self.server.metadata_asked(), ORDER[:2])

    def test_an_older_snapshot_is_refused_with_and_without_hashes(self):
        for listed in (False, True):
            with self.subTest(listed):
                self.clear()
                self.begin(Repository(self.keeper))
                r = self.repository
                r.listed = listed
                r.publish("snapshot", "timestamp")
                self.refresh()
                r.bodies["snapshot"]["version"] = 0
                r.publish("snapshot", "timestamp")
                self.assertIn("metadata-rollback", self.refresh(expect=1))
                self.assertEqual(self.versions(), {
                    "root": 1, "snapshot": 2, "targets": 1, "timestamp": 2})
                self.assertEqual(self.server.metadata_asked(), ORDER[:2])

    def test_older_targets_are_refused_with_and_without_hashes(self):
        for listed in (False, True):
            with self.subTest(listed):
                self.clear()
                self.begin(Repository(self.keeper))
                r = self.repository
                r.listed = listed
                r.publish_all()
                self.refresh()
                r.bodies["targets"]["version"] = 0
                r.publish_all()
                self.assertIn("metadata-rollback", self.refresh(expect=1))
                self.assertEqual(self.version("snapshot"), 2)
                self.assertEqual(self.version("targets"), 2)

    def test_a_role_does_not_vanish_from_the_snapshot(self):
        r = self.repository
        r.delegate("targets", "release")
        r.publish_all("release")
        self.refresh()
        del r.meta["release.json"]
        r.publish("snapshot", "timestamp")
        self.assertIn("(vanished)", self.refresh(expect=1))
        self.assertEqual(self.version("snapshot"), 2)

    def test_other_snapshot_keys_let_targets_start_anew(self):
        r = self.repository
        r.delegate("targets", "release")
        r.publish("release")
        r.bodies["targets"]["version"] = 99
        r.publish_all()
        self.refresh()
        self.assertEqual(self.version("targets"), 100)
        r.rotate("snapshot")
        r.bodies["targets"]["version"] = 0
        del r.meta["release.json"]
        r.publish("root")
        r.publish_all()
        self.refresh()
        self.assertEqual(self.version("targets"), 1)

    def test_other_snapshot_and_timestamp_keys_let_both_start_anew(self):
        r = self.repository
        for role in ("snapshot", "timestamp"):
            r.bodies[role]["version"] = 2 ** 53 - 2
        r.publish_all()
        self.refresh()
        self.assertEqual(self.version("snapshot"), 2 ** 53 - 1)
        for role in ("snapshot", "timestamp"):
            r.rotate(role)
            r.bodies[role]["version"] = 0
        r.publish("root")
        r.publish_all()
        self.refresh()
        self.assertEqual(self.version("snapshot"), 1)
        self.assertEqual(self.version("timestamp"), 1)

    def test_another_timestamp_key_lets_the_timestamp_start_anew(self):
        r = self.repository
        r.bodies["timestamp"]["version"] = 99
        r.publish("timestamp")
        self.refresh()
        r.rotate("timestamp")
        r.bodies["timestamp"]["version"] = 0
        r.publish("root", "timestamp")
        self.refresh()
        self.assertEqual(self.version("timestamp"), 1)

    def test_any_part_of_the_stored_files_is_enough(self):
        wanted = {"timestamp": ORDER[:2],
                  "snapshot": [*ORDER[:2], "1.snapshot.json"],
                  "targets": [*ORDER[:2], "1.targets.json"]}
        for role, asked in wanted.items():
            for spoil in (None, b"", b"{", b"\0" * 9,
                          b'{"signatures":[],"signed":{}}'):
                with self.subTest((role, spoil)):
                    self.refresh()
                    path = os.path.join(self.trusted, role + ".json")
                    if spoil is None:
                        os.unlink(path)
                    else:
                        with open(path, "wb") as f:
                            f.write(spoil)
                    self.refresh()
                    self.assertEqual(self.server.metadata_asked(), asked)
                    self.assertEqual(self.kept(role),
                                     self.repository.served(role))

    def test_a_stored_file_of_another_s_key_is_no_floor(self):
        r = self.repository
        r.bodies["timestamp"]["version"] = 99
        honest = list(r.signers["timestamp"])
        r.signers["timestamp"] = [self.key()]
        r.publish("timestamp")
        with open(os.path.join(self.trusted, "timestamp.json"), "wb") as f:
            f.write(r.served("timestamp"))
        r.signers["timestamp"] = honest
        r.bodies["timestamp"]["version"] = 1
        r.publish("timestamp")
        self.refresh()
        self.assertEqual(self.version("timestamp"), 2)

    def test_256_roots_are_taken_at_a_time(self):
        for _ in range(257):
            self.repository.publish("root")
        self.refresh()
        self.assertEqual(self.version("root"), 257)
        self.assertEqual(self.server.metadata_asked()[255:], [
            "257.root.json", *ORDER[1:]])
        self.refresh()
        self.assertEqual(self.version("root"), 258)

    def test_an_answer_without_end_is_cut_off(self):
        r = self.repository
        for name, most in (("2.root.json", 512 * 1024),
                           ("timestamp.json", 16 * 1024),
                           ("1.snapshot.json", 2 << 20),
                           ("1.targets.json", 5 << 20)):
            with self.subTest(name):
                self.server.endless = {"metadata/" + name}
                self.assertIn("too-large", self.refresh(expect=1))
                self.assertLess(self.server.sent, most + (16 << 20))
        r.listed = True
        r.publish_all()
        self.server.endless = {"metadata/2.snapshot.json"}
        self.assertIn("length-mismatch", self.refresh(expect=1))

    def test_a_file_of_its_maximum_passes_and_a_byte_more_does_not(self):
        r = self.repository
        data = r.served("timestamp")
        r.files["metadata/timestamp.json"] = data.ljust(16 * 1024 + 1)
        self.assertIn("too-large", self.refresh(expect=1))
        r.files["metadata/timestamp.json"] = data.ljust(16 * 1024)
        self.refresh()


if __name__ == "__main__":
    main(Refresh)
