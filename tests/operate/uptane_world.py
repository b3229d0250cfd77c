# SPDX-License-Identifier: Apache-2.0
"""A charger's two repositories as TUF 1.0 JSON, to be spoilt one by one.

A scenario changes roles, delegations and targets as attributes; files() then
signs everything and gives what a server hands out.  Nothing is checked here:
a wrong world is what these tests are about.
"""
import copy
import hashlib
import json

from uptane_keys import Keyring, canonical

PAST = "2017-01-01T00:00:00Z"
FUTURE = "2037-01-19T03:14:06Z"
TOP = ("root", "timestamp", "snapshot", "targets")
GATEWAY, CONTROLLER = "CP-0001-gateway", "CP-0001-controller"
PATH = "file.txt"  # of the image that is offered from the start


def hashes(data):
    """The two hashes that we list."""
    return {"sha256": hashlib.sha256(data).hexdigest(),
            "sha512": hashlib.sha512(data).hexdigest()}


def flip(text):
    """The same text with its first hex digit changed."""
    return "%x" % (int(text[0], 16) ^ 1) + text[1:]


class Delegation:
    """How one targets role names another."""

    def __init__(self, role, paths=("*",), prefixes=None, terminating=False):
        self.role = role
        self.paths = list(paths)
        self.prefixes = prefixes
        self.terminating = terminating
        self.threshold = None   # None: all keys
        self.keys = None        # None: the role's
        self.listed_keys = True
        self.bad_ids = False

    def entry(self, keyring):
        """The member of "roles"."""
        keys = self.role.keys if self.keys is None else self.keys
        entry = {"name": self.role.name,
                 "keyids": [keyring[k].id for k in keys],
                 "threshold": len(keys) if self.threshold is None
                 else self.threshold,
                 "terminating": self.terminating}
        if self.prefixes is None:
            entry["paths"] = self.paths
        else:
            entry["path_hash_prefixes"] = self.prefixes
        return entry

    def key_objects(self, keyring):
        """The members of "keys"."""
        keys = self.role.keys if self.keys is None else self.keys
        if not self.listed_keys:
            return {}
        return {flip(keyring[k].id) if self.bad_ids else keyring[k].id:
                keyring[k].object for k in keys}


class Role:
    """One metadata file: who may sign it, who does, and what it says."""

    def __init__(self, name, *keys):
        self.name = name
        self.keys = list(keys)
        self.signers = None     # None: all keys
        self.threshold = None   # None: all keys
        self.bad_ids = False    # the root lists the keys under wrong ids
        self.version = 1
        self.expires = FUTURE
        self.type = name if name in TOP else "targets"
        self.targets = {}       # path: entry
        self.delegations = []
        self.extra = {}         # more members of the body
        self.edit = None        # changes the body before it is signed
        self.spoil = None       # changes the envelope afterwards
        self.rewrite = None     # changes the bytes at the very end
        self.listed = True      # the snapshot names it
        self.listed_version = None
        self.relist = None      # changes its entry in snapshot, timestamp
        self.served = True

    def body(self, more, keyring):
        """The signed part."""
        body = {"_type": self.type, "spec_version": "1.0.31",
                "version": self.version, "expires": self.expires}
        body.update(copy.deepcopy(more))
        body.update(copy.deepcopy(self.extra))
        if self.delegations:
            body["delegations"] = {
                "keys": {i: o for d in self.delegations
                         for i, o in d.key_objects(keyring).items()},
                "roles": [d.entry(keyring) for d in self.delegations]}
        if self.edit:
            self.edit(body)
        return body

    def sign(self, more, keyring):
        """The whole file."""
        body = self.body(more, keyring)
        signers = self.keys if self.signers is None else self.signers
        envelope = {"signatures": [
            {"keyid": keyring[k].id, "sig": keyring[k].sign(canonical(body))}
            for k in signers], "signed": body}
        if self.spoil:
            self.spoil(envelope)
        text = json.dumps(envelope, indent=1, sort_keys=True).encode()
        return self.rewrite(text) if self.rewrite else text

    def list(self, text):
        """What snapshot or timestamp say of the file."""
        entry = {"version": self.listed_version or self.version,
                 "length": len(text), "hashes": hashes(text)}
        if self.relist:
            self.relist(entry)
        return entry


class Repository:
    """One of the two, with one key to a role."""

    def __init__(self, name, keyring, consistent):
        self.name = name
        self.keyring = keyring
        self.consistent = consistent
        self.number = 1         # of the newest root file
        self.old_roots = {}     # file: bytes
        for role in TOP:
            setattr(self, role, Role(role, "%s %s" % (name, role)))
        self.roles = []         # delegated ones

    def delegate(self, name, *paths, to=None, **more):
        """A new role below to (the top-level targets), with its own key."""
        role = Role(name, "%s %s" % (self.name, name))
        self.roles.append(role)
        d = Delegation(role, paths or ("*",), **more)
        (to or self.targets).delegations.append(d)
        return d

    def rotate(self, *keys):
        """The next root, with these root keys, signed by old and new."""
        old = self.root.signers or self.root.keys
        self.old_roots["%d.root.json" % self.number] = self.root_file()
        self.number += 1
        self.root.version = self.number
        self.root.keys = list(keys)
        self.root.signers = list(dict.fromkeys(old + list(keys)))

    def root_file(self):
        """The newest root."""
        keys, roles = {}, {}
        for name in TOP:
            role = getattr(self, name)
            roles[name] = {
                "keyids": [self.keyring[k].id for k in role.keys],
                "threshold": len(role.keys) if role.threshold is None
                else role.threshold}
            for k in role.keys:
                key = self.keyring[k]
                keys[flip(key.id) if role.bad_ids else key.id] = key.object
        return self.root.sign({"keys": keys, "roles": roles,
                               "consistent_snapshot": self.consistent},
                              self.keyring)

    def _put(self, files, role, text):
        name = role.name.replace("/", "%2F") + ".json"
        if self.consistent and role is not self.timestamp:
            name = "%d.%s" % (role.listed_version or role.version, name)
        if role.served:
            files[name] = text

    def files(self):
        """Every file by the name it is asked for."""
        files = dict(self.old_roots)
        if self.root.served:
            files["%d.root.json" % self.number] = self.root_file()
        meta = {}
        for role in [self.targets] + self.roles:
            text = role.sign({"targets": role.targets}, self.keyring)
            self._put(files, role, text)
            if role.listed:
                meta[role.name + ".json"] = role.list(text)
        text = self.snapshot.sign({"meta": meta}, self.keyring)
        self._put(files, self.snapshot, text)
        meta = {"snapshot.json": self.snapshot.list(text)}
        self._put(files, self.timestamp,
                  self.timestamp.sign({"meta": meta}, self.keyring))
        return files

    def image_names(self):
        """(name on the server, path) of every target any role names."""
        for role in [self.targets] + self.roles:
            for path, entry in role.targets.items():
                folder, slash, name = path.rpartition("/")
                digest = entry["hashes"].get("sha256") or \
                    entry["hashes"].get("sha512")
                if self.consistent:
                    name = "%s.%s" % (digest, name)
                yield folder + slash + name, path


class World:
    """A charger with two ECUs and an offer of one image for the first."""
    vehicle = "CP-0001"
    ecus = {GATEWAY: "gw-rev3", CONTROLLER: "mc-rev1"}
    keyring = Keyring()

    def __init__(self, consistent=True, ours=False):
        self.ours = ours            # our profile, not the Standard's alone
        self.tell_vehicle = ours    # give --vehicle
        self.arguments = []         # more of them
        self.consistent = consistent
        self.director = Repository("director", self.keyring, consistent)
        self.image = Repository("image", self.keyring, consistent)
        self.content = {}           # path: bytes
        if ours:
            self.director.targets.extra["vehicleIdentifier"] = self.vehicle
        self.offer(PATH, b"wat wat wat")

    def entry(self, content, hardware, ecu=None):
        """A target as the director (with ecu) or the image repository lists
        it."""
        custom = {"hardwareIds": [hardware], "releaseCounter": 11,
                  "rollbackIndex": 5} if self.ours else {}
        if ecu:
            custom["ecuIdentifiers"] = {ecu: {"hardwareId": hardware}}
        else:
            custom["hardwareIds"] = [hardware]
        return {"length": len(content), "hashes": hashes(content),
                "custom": custom}

    def offer(self, path, content, ecu=GATEWAY, role=None):
        """Names an image in both; role: the image repository's."""
        hardware = self.ecus[ecu]
        self.content[path] = content
        self.director.targets.targets[path] = self.entry(content, hardware,
                                                         ecu)
        (role or self.image.targets).targets[path] = self.entry(content,
                                                                hardware)

    def move_to(self, role):
        """The image is named by this delegated role instead."""
        role.targets.update(self.image.targets.targets)
        self.image.targets.targets = {}

    def served(self):
        """Everything by its path on the server."""
        files = {}
        for repository in (self.director, self.image):
            for name, text in repository.files().items():
                files["/%s/%s" % (repository.name, name)] = text
        for name, path in self.image.image_names():
            if path in self.content:
                files["/targets/" + name] = self.content[path]
        return files
