#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""voltseal tuf refresh: whose signatures count, and how keys are replaced.

Covers S0.1, S0.20, S2.37.

usage: tuf_keys_test.py VOLTSEAL KEEPER
"""
import hashlib
import json

from simulator import TOP, canonical
from tuf_case import TufCase, main

# Each chain of roots: (keys, threshold, who signs); the last one is refused
# where the name says so.
CHAINS = {
    "one key for another": [
        ([1], 1, [1]), ([2], 1, [2, 1]), ([2], 1, [2])],
    "signatures of strangers beside": [
        ([1], 1, [3, 1, 4]), ([2], 1, [3, 2, 1, 4]), ([2], 1, [3, 2, 4])],
    "any three of five": [
        ([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 2, 3, 4], 3, [0, 4, 1]),
        ([0, 1, 2, 3, 4], 3, [0, 1, 3]), ([0, 1, 2, 3, 4], 3, [2, 3, 4])],
    "one of five replaced": [
        ([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 4, 1])],
    "one of five replaced, signing with it": [
        ([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 2, 4, 5]),
        ([0, 1, 3, 4, 5], 3, [0, 4, 5])],
    "all five replaced": [
        ([0, 1, 2, 3, 4], 3, [0, 2, 4]),
        ([5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]),
        ([5, 6, 7, 8, 9], 3, [5, 6, 7])],
    "threshold raised": [
        ([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [1, 2])],
    "threshold raised with a new key": [
        ([1], 1, [1]), ([1, 2], 2, [1, 2])],
    "threshold lowered": [
        ([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1, 2]), ([1, 2, 3], 1, [1])],
    "refused: the old key did not sign": [
        ([1], 1, [1]), ([2], 1, [2, 3, 4])],
    "refused: the new key did not sign": [
        ([1], 1, [1]), ([2], 1, [1, 3, 4])],
    "refused: two of three new keys": [
        ([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 2, 4])],
    "refused: two of three old keys": [
        ([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 4, 5])],
    "refused: the raised threshold is not met": [
        ([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [2])],
    "refused: the lowered threshold is not in force yet": [
        ([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1])],
}

# The same for the roles below root: one step, and whether it is taken.
STEPS = [
    ([2], 1, [2], True),
    ([1], 1, [3, 1, 4], True),
    ([2], 1, [1, 3, 4], False),
    ([0, 1, 2, 3, 4], 3, [0, 2, 4], True),
    ([0, 1, 2, 3, 4], 3, [0, 4, 1], True),
    ([0, 1, 2, 3, 4], 3, [1, 2, 3], True),
    ([0, 1, 3, 4, 5], 3, [0, 2, 4], False),
    ([0, 1, 3, 4, 5], 3, [0, 4], False),
]


class Keys(TufCase):
    """Thresholds, rotation, kinds of keys."""

    def sign_as(self, role, keys, threshold, signers):
        """Replaces a role's keys and who signs."""
        r = self.repository
        r.root["roles"][role]["keyids"] = []
        r.allow(role, *keys)
        r.threshold(role, threshold)
        r.signers[role] = list(signers)

    def test_chains_of_roots_are_followed_as_far_as_they_are_signed(self):
        k = [self.key() for _ in range(10)]
        for name, chain in CHAINS.items():
            with self.subTest(name):
                self.repository.root["version"] = 0
                for at in self.repository.names(".root.json"):
                    del self.repository.files[at]
                for keys, threshold, signers in chain:
                    self.sign_as("root", [k[i] for i in keys], threshold,
                                 [k[i] for i in signers])
                    self.repository.publish("root")
                files = self.repository.files
                self.init(files["metadata/1.root.json"])
                refused = name.startswith("refused")
                self.refresh(expect=1 if refused else 0)
                last = len(chain) - (1 if refused else 0)
                self.assertEqual(self.kept("root"),
                                 files[f"metadata/{last}.root.json"])

    def test_below_root_the_keys_of_the_newest_root_count(self):
        k = [self.key() for _ in range(6)]
        for role in ("timestamp", "snapshot", "targets"):
            for keys, threshold, signers, taken in STEPS:
                with self.subTest((role, keys, threshold, signers)):
                    before = self.kept(role)
                    self.sign_as(role, [k[i] for i in keys], threshold,
                                 [k[i] for i in signers])
                    self.repository.publish("root")
                    self.repository.publish_all()
                    error = self.refresh(expect=0 if taken else 1)
                    if taken:
                        self.assertEqual(self.kept(role),
                                         self.repository.served(role))
                    else:
                        self.assertIn("threshold-not-met", error)
                        self.assertIn(self.kept(role), (before, None))
            self.sign_as(role, k[:1], 1, k[:1])

    def test_more_keys_demanded_than_there_are_is_never_met(self):
        r = self.repository
        r.add("snapshot", *[self.key() for _ in range(4)])
        r.threshold("snapshot", 6)
        r.publish("root", "snapshot", "timestamp")
        self.refresh(expect=1)
        self.assertEqual(self.versions(), {"root": 2, "timestamp": 2})

    def test_a_root_that_names_one_key_twice_is_refused(self):
        r = self.repository
        key = self.key()
        r.allow("snapshot", *[key] * 9)
        r.signers["snapshot"].append(key)
        r.threshold("snapshot", 6)
        r.publish("root", "snapshot", "timestamp")
        self.assertIn("duplicate-key-id", self.refresh(expect=1))
        self.assertEqual(self.versions(), {"root": 1})

    def test_one_key_id_does_not_sign_twice(self):
        r = self.repository
        name = r.name("snapshot")
        whole = json.loads(r.files[name])
        whole["signatures"] *= 2
        r.files[name] = json.dumps(whole).encode()
        self.assertIn("duplicate-key-id", self.refresh(expect=1))
        self.assertIsNone(self.version("snapshot"))

    def test_one_key_under_two_ids_counts_once(self):
        r = self.repository
        key = self.key()
        twin = self.key()
        twin.object = dict(key.object, alias="twin")
        twin.at = key.at
        self.assertNotEqual(key.id, twin.id)
        r.add("timestamp", key, twin)
        r.signers["timestamp"] = [key, twin]
        r.threshold("timestamp", 2)
        r.publish("root", "timestamp")
        self.assertIn("threshold-not-met", self.refresh(expect=1))
        r.signers["timestamp"].append(self.key())
        r.allow("timestamp", r.signers["timestamp"][-1])
        r.publish("root", "timestamp")
        self.refresh()

    def test_a_key_whose_id_is_not_its_own_is_as_if_it_were_not_there(self):
        r = self.repository
        key = self.key()
        r.root["keys"]["0" * 64] = key.object
        r.root["roles"]["timestamp"]["keyids"].append("0" * 64)
        r.publish("root", "timestamp")
        self.refresh()
        r.signers["timestamp"] = []
        r.publish("timestamp")
        signature = dict(key.sign(r.bodies["timestamp"]), keyid="0" * 64)
        r.files["metadata/timestamp.json"] = json.dumps(
            {"signatures": [signature],
             "signed": r.bodies["timestamp"]}).encode()
        self.assertIn("threshold-not-met", self.refresh(expect=1))

    def test_every_kind_of_key_verifies_and_refuses(self):
        r = self.repository
        kinds = [("ed25519", "ed25519"), ("p256", "ecdsa"),
                 ("p256", "ecdsa-sha2-nistp256"), ("rsa", "rsa")]
        for kind, spelling in kinds:
            with self.subTest(spelling):
                key = self.key(kind)
                key.object["keytype"] = spelling
                r.add("root", key)
                number = r.root["roles"]["root"]["threshold"] + 1
                r.threshold("root", number)
                r.publish("root")
                self.refresh()
                version = self.version("root")
                self.assertEqual(version, r.root["version"])
                r.publish("root")
                name = r.name("root")
                good = r.files[name]
                whole = json.loads(good)
                sig = whole["signatures"][-1]["sig"]
                for bad in (sig[:-2], sig[:-1] + "g", "", "00" * 64,
                            sig[:-2] + f"{int(sig[-2:], 16) ^ 1:02x}"):
                    whole["signatures"][-1]["sig"] = bad
                    r.files[name] = json.dumps(whole).encode()
                    self.assertIn("threshold-not-met",
                                  self.refresh(expect=1))
                self.assertEqual(self.version("root"), version)
                r.files[name] = good
                self.refresh()

    def test_rsa_pss_may_have_any_salt(self):
        r = self.repository
        key = self.key("rsa")
        r.add("timestamp", key)
        r.publish("root")
        for salt in (0, 20, 32, 64, 222):
            r.bodies["timestamp"]["version"] += 1
            r.files["metadata/timestamp.json"] = json.dumps(
                {"signatures": [key.sign(r.bodies["timestamp"], salt)],
                 "signed": r.bodies["timestamp"]}).encode()
            self.refresh()
            self.assertEqual(self.kept("timestamp"),
                             r.files["metadata/timestamp.json"])

    def test_a_bad_signature_beside_enough_good_ones_is_passed_over(self):
        r = self.repository
        good = self.key("p256")
        r.add("timestamp", good)
        r.publish("root", "timestamp")
        old = r.signers["timestamp"][0]
        for bad in ("00" * 64, "", "not hex", old.sign({"a": 1})["sig"]):
            r.bodies["timestamp"]["version"] += 1
            body = r.bodies["timestamp"]
            r.files["metadata/timestamp.json"] = json.dumps(
                {"signatures": [{"keyid": old.id, "sig": bad},
                                {"keyid": "f" * 64, "sig": "00"},
                                good.sign(body)], "signed": body}).encode()
            self.refresh()
            self.assertEqual(self.version("timestamp"), body["version"])

    def test_a_threshold_of_zero_is_refused_in_every_role(self):
        r = self.repository
        for role in TOP:
            r.threshold(role, 0)
            r.publish("root")
            self.assertIn("malformed", self.refresh(expect=1))
            self.assertEqual(self.version("root"), 1)
            r.threshold(role, 1)
            r.publish("root", bump=False)
            r.root["version"] = 1

    def test_a_key_that_signs_everything_never_enters(self):
        """Under a point of low order one signature fits every message."""
        r = self.repository
        for point in ("01" + "00" * 31, "00" * 32, "ec" + "ff" * 30 + "7f",
                      "c7176a703d4dd84fba3c0b760d10670f"
                      "2a2053fa2c39ccc64ec7fd7792ac03fa"):
            weak = {"keytype": "ed25519", "scheme": "ed25519",
                    "keyval": {"public": point}}
            name = hashlib.sha256(canonical(weak)).hexdigest()
            r.root["keys"] = {i: k for i, k in r.root["keys"].items()
                              if i in [key.id for role in TOP
                                       for key in r.signers[role]]}
            r.root["keys"][name] = weak
            r.root["roles"]["timestamp"]["keyids"] = [name]
            r.publish("root")
            r.bodies["timestamp"]["version"] += 1
            for sig in ("01" + "00" * 63, point + "00" * 32):
                r.files["metadata/timestamp.json"] = json.dumps(
                    {"signatures": [{"keyid": name, "sig": sig}],
                     "signed": r.bodies["timestamp"]}).encode()
                self.assertIn("threshold-not-met", self.refresh(expect=1))

    def test_keys_of_kinds_nobody_knows_are_no_obstacle(self):
        r = self.repository
        for odd in ({"keytype": "sphincs", "scheme": "x",
                     "keyval": {"public": "00"}},
                    {"keytype": "rsa", "scheme": "rsa-pkcs1v15-sha256",
                     "keyval": {"public": "-----BEGIN PUBLIC KEY-----"}},
                    {"keytype": "sigstore-oidc", "scheme": "Fulcio",
                     "keyval": {"identity": "a@b", "issuer": "c"}}):
            name = hashlib.sha256(canonical(odd)).hexdigest()
            r.root["keys"][name] = odd
            for role in TOP:
                r.root["roles"][role]["keyids"].append(name)
        r.publish("root")
        self.refresh()
        self.assertEqual(self.version("root"), 2)


if __name__ == "__main__":
    main(Keys)
