# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with the delegations of the image repository."""
import hashlib

from uptane_families import scenario
from uptane_world import CONTROLLER, PAST, PATH, Delegation, Role, flip


def _delegated(world, *paths, **more):
    d = world.image.delegate("foo", *(paths or (PATH,)), **more)
    world.move_to(d.role)
    return d


@scenario()
def delegation(world):
    _delegated(world)
    yield "none"


@scenario()
def delegation_redundant(world):
    """Found above, the role is not even asked for."""
    d = world.image.delegate("foo", PATH)
    d.role.targets = dict(world.image.targets.targets)
    d.role.signers = []
    yield "none"


@scenario()
def delegation_path_mismatch(world):
    _delegated(world, "does-not-match")
    yield "not-in-both-repositories", "image/" + PATH


@scenario()
def delegation_key_missing(world):
    _delegated(world).listed_keys = False
    yield "threshold-not-met", "image/", "foo"


@scenario()
def delegation_unsigned(world):
    _delegated(world).role.signers = []
    yield "threshold-not-met", "image/", "foo"


@scenario()
def delegation_bad_key_ids(world):
    _delegated(world).bad_ids = True
    yield "threshold-not-met", "image/", "foo"


@scenario()
def delegation_missing(world):
    d = _delegated(world)
    d.role.served = False
    yield "unreadable", "image/", "foo"
    d.role.served = True
    yield "none"


@scenario()
def delegation_empty(world):
    _delegated(world).role.targets = {}
    yield "not-in-both-repositories", "image/" + PATH


@scenario()
def delegation_hash_mismatch(world):
    d = _delegated(world)
    found = d.role.targets[PATH]["hashes"]
    for algorithm, digest in found.items():
        found[algorithm] = flip(digest)
    yield "not-in-both-repositories", "image/" + PATH


@scenario()
def delegation_bad_hardware_id(world):
    d = _delegated(world)
    d.role.targets[PATH]["custom"]["hardwareIds"] = ["gw-rev3-XXX"]
    yield "wrong-hardware", "image/" + PATH


@scenario()
def delegation_expired(world):
    _delegated(world).role.expires = PAST
    yield "metadata-expired", "image/", "foo"


@scenario()
def delegation_not_in_snapshot(world):
    _delegated(world).role.listed = False
    yield "not-listed", "image/"


@scenario()
def delegation_version_mismatch(world):
    _delegated(world).role.listed_version = 2
    yield "wrong-version", "image/", "foo"


@scenario()
def delegation_hash_differs_from_snapshot(world):
    def relist(entry):
        entry["hashes"]["sha256"] = flip(entry["hashes"]["sha256"])
    _delegated(world).role.relist = relist
    yield "hash-mismatch", "image/", "foo"


@scenario()
def delegation_zero_threshold(world):
    _delegated(world).threshold = 0
    yield "malformed", "image/", "targets"


@scenario()
def delegation_unmet_threshold(world):
    d = _delegated(world)
    d.role.signers = list(d.role.keys)
    d.role.keys.append("foo second")
    yield "threshold-not-met", "image/", "foo"


@scenario()
def delegation_two_signatures(world):
    _delegated(world).role.keys.append("foo second")
    yield "none"


@scenario()
def delegation_signed_twice_by_one_key(world):
    d = _delegated(world)
    d.role.signers = d.role.keys * 2
    yield "duplicate-key-id", "image/", "foo"


@scenario()
def delegation_wrong_type(world):
    _delegated(world).role.type = "invalidrole"
    yield "wrong-type", "image/", "foo"


@scenario()
def delegation_version_goes_down(world):
    d = _delegated(world)
    d.role.version = 5
    yield "none"
    d.role.version = 4
    world.image.snapshot.version = world.image.timestamp.version = 2
    yield "metadata-rollback", "image/", "snapshot"


@scenario()
def delegation_vanishes_from_snapshot(world):
    d = _delegated(world)
    yield "none"
    d.role.listed = False
    world.image.snapshot.version = world.image.timestamp.version = 2
    yield "vanished", "image/", "snapshot"


@scenario()
def delegation_key_withdrawn(world):
    """What the old key signed is worth nothing, cached or not."""
    d = _delegated(world)
    yield "none"
    d.keys = ["new foo"]
    for r in (world.image.timestamp, world.image.snapshot,
              world.image.targets):
        r.version = 2
    yield "threshold-not-met", "image/", "foo"
    d.role.keys, d.keys, d.role.version = ["new foo"], None, 2
    for r in (world.image.timestamp, world.image.snapshot,
              world.image.targets):
        r.version = 3
    yield "none"


@scenario()
def delegation_nested(world):
    d = world.image.delegate("foo", "*")
    inner = world.image.delegate("bar", PATH, to=d.role)
    world.move_to(inner.role)
    yield "none"


@scenario()
def delegation_nested_beyond_the_outer_path(world):
    """The inner one may not have what the outer does not."""
    d = world.image.delegate("foo", "other*")
    inner = world.image.delegate("bar", PATH, to=d.role)
    world.move_to(inner.role)
    yield "not-in-both-repositories", "image/" + PATH


@scenario()
def delegation_star_stops_at_a_slash(world):
    d = _delegated(world, "*")
    world.offer("sub/file.txt", b"below", CONTROLLER, role=d.role)
    yield "not-in-both-repositories", "image/sub/file.txt"


@scenario()
def delegation_terminating(world):
    """The first has it not and ends the search."""
    first = world.image.delegate("first", PATH, terminating=True)
    second = world.image.delegate("second", PATH)
    world.move_to(second.role)
    yield "not-in-both-repositories", "image/" + PATH
    first.terminating = False
    for r in (world.image.timestamp, world.image.snapshot,
              world.image.targets):
        r.version = 2
    yield "none"


@scenario()
def delegation_terminating_for_other_paths(world):
    world.image.delegate("first", "other*", terminating=True)
    second = world.image.delegate("second", PATH)
    world.move_to(second.role)
    yield "none"


@scenario()
def delegation_first_in_order_wins(world):
    """The second names other bytes; the first's count."""
    first = world.image.delegate("first", PATH)
    second = world.image.delegate("second", PATH)
    world.move_to(first.role)
    second.role.targets[PATH] = world.entry(b"something else", "gw-rev3")
    yield "none"
    world.image.targets.delegations.reverse()
    for r in (world.image.timestamp, world.image.snapshot,
              world.image.targets):
        r.version = 2
    yield "not-in-both-repositories", "image/" + PATH


def _prefix(length):
    return hashlib.sha256(PATH.encode()).hexdigest()[:length]


@scenario()
def delegation_by_hash_prefix(world):
    _delegated(world, prefixes=["00ff", _prefix(4)])
    yield "none"


@scenario()
def delegation_by_another_hash_prefix(world):
    _delegated(world, prefixes=[flip(_prefix(2))])
    yield "not-in-both-repositories", "image/" + PATH


@scenario()
def delegation_by_paths_and_prefixes(world):
    d = _delegated(world)
    d.prefixes = [_prefix(2)]
    plain = d.entry
    d.entry = lambda keyring: dict(plain(keyring), paths=[PATH])
    yield "malformed", "image/", "targets"


@scenario()
def delegation_in_a_circle(world):
    d = world.image.delegate("foo", "*")
    inner = world.image.delegate("bar", "*", to=d.role)
    inner.role.delegations.append(Delegation(d.role))
    world.image.targets.targets = {}
    yield "not-in-both-repositories", "image/" + PATH


@scenario()
def delegation_to_the_same_role_twice(world):
    d = _delegated(world)
    world.image.targets.delegations.append(Delegation(d.role, [PATH]))
    yield "malformed", "image/", "targets"


@scenario()
def delegation_to_a_role_named_like_a_top_level_one(world):
    world.image.targets.delegations.append(
        Delegation(Role("snapshot", "foo"), [PATH]))
    yield "malformed", "image/", "targets"


@scenario()
def delegation_role_name_climbs_out(world):
    d = world.image.delegate("../../foo", PATH)
    world.move_to(d.role)
    yield "none"


@scenario()
def delegation_key_id_used_by_two_roles(world):
    """One key may sign two roles; each counts for itself."""
    first = world.image.delegate("first", "other*")
    second = world.image.delegate("second", PATH)
    first.role.keys = second.role.keys = ["shared"]
    world.move_to(second.role)
    yield "none"


@scenario()
def delegation_reached_by_two_with_different_keys(world):
    """Good for the first delegator is not good for the second."""
    first = world.image.delegate("first", "a*")
    second = world.image.delegate("second", PATH)
    shared = world.image.delegate("shared", "*", to=first.role)
    again = Delegation(shared.role)
    again.keys = ["another"]
    second.role.delegations.append(again)
    world.offer("a.txt", b"by the first way", CONTROLLER, role=shared.role)
    world.move_to(shared.role)
    yield "threshold-not-met", "image/", "shared"


@scenario()
def delegations_too_many(world):
    for i in range(33):
        world.image.delegate("role-%02d" % i, PATH)
    world.move_to(world.image.roles[-1])
    yield "delegation-limit", "image/" + PATH


@scenario()
def delegations_just_not_too_many(world):
    for i in range(32):
        world.image.delegate("role-%02d" % i, PATH)
    world.move_to(world.image.roles[-1])
    yield "none"


@scenario()
def delegation_two_levels_one_stranger(world):
    d = world.image.delegate("foo", "*")
    inner = world.image.delegate("bar", PATH, to=d.role)
    world.move_to(inner.role)
    inner.role.signers = ["image targets"]
    yield "threshold-not-met", "image/", "bar"
