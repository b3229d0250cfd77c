# SPDX-License-Identifier: Apache-2.0
"""What can be wrong between two repositories, and on the way to an image.

See uptane_families.py for what a scenario is.  Together with
uptane_delegations.py and uptane_rotations.py these files hold the cases that
Uptane clients have been judged by so far, in TUF 1.0 form, and those that they
were caught by.
"""
import copy
import hashlib

import uptane_delegations  # for their scenarios
import uptane_rotations
from uptane_families import SCENARIOS, scenario
from uptane_keys import canonical
from uptane_world import CONTROLLER, FUTURE, GATEWAY, PATH, flip

__all__ = ["SCENARIOS", "uptane_delegations", "uptane_rotations"]


def _director(world):
    return world.director.targets.targets[PATH]


def _image(world):
    return world.image.targets.targets[PATH]


@scenario()
def simple(_):
    yield "none"
    yield "none"


# One key, two ids

@scenario()
def one_key_under_two_ids_is_one_signature(world):
    """The same public key, once more with another member beside it."""
    targets = world.image.targets
    key = world.keyring["image targets"]
    twin = copy.copy(key)
    twin.object = dict(key.object, comment="another id")
    twin.id = hashlib.sha256(canonical(twin.object)).hexdigest()
    world.keyring["twin"] = twin
    targets.keys.append("twin")
    yield "threshold-not-met", "image/", "targets"


# What the two must agree upon

def _altered(name, reason, director, image, where="image/"):
    def run(world):
        if director:
            director(_director(world))
        if image:
            image(_image(world))
        yield reason, where
    scenario(name=name)(run)


def _bad_hash(entry):
    for algorithm, digest in entry["hashes"].items():
        entry["hashes"][algorithm] = flip(digest)


def _bad_sha512(entry):
    entry["hashes"]["sha512"] = flip(entry["hashes"]["sha512"])


def _no_sha512(entry):
    del entry["hashes"]["sha512"]


def _unknown_algorithm(entry):
    entry["hashes"] = {"md5": "00112233445566778899aabbccddeeff"}


def _smaller(entry):
    entry["length"] -= 1


def _larger(entry):
    entry["length"] += 1


def _bad_hardware(entry):
    for ecu in entry["custom"].get("ecuIdentifiers", {}).values():
        ecu["hardwareId"] += "-XXX"
    if "hardwareIds" in entry["custom"]:
        entry["custom"]["hardwareIds"] = ["gw-rev3-XXX"]


def _no_hardware(entry):
    entry["custom"]["hardwareIds"] = []


def _no_hardware_field(entry):
    del entry["custom"]["hardwareIds"]


def _no_ecus(entry):
    entry["custom"]["ecuIdentifiers"] = {}


def _no_custom(entry):
    del entry["custom"]


def _bad_ecu(entry):
    ecus = entry["custom"]["ecuIdentifiers"]
    ecus[GATEWAY + "-XXX"] = ecus.pop(GATEWAY)


def _ecu_more(entry):
    entry["custom"]["ecuIdentifiers"]["CP-0001-display"] = {
        "hardwareId": "gw-rev3"}


def _ecu_without_hardware(entry):
    entry["custom"]["ecuIdentifiers"][GATEWAY] = {}


for _arguments in (
        ("director_target_hash", "not-in-both-repositories", _bad_hash, None),
        ("image_target_hash", "not-in-both-repositories", None, _bad_hash),
        ("image_target_second_hash", "not-in-both-repositories", None,
         _bad_sha512),
        ("director_target_hash_left_out", "not-in-both-repositories",
         _no_sha512, None),
        ("director_target_smaller", "not-in-both-repositories", _smaller,
         None),
        ("image_target_smaller", "not-in-both-repositories", None, _smaller),
        ("director_target_larger", "not-in-both-repositories", _larger, None),
        ("image_target_larger", "not-in-both-repositories", None, _larger),
        ("target_hash", "hash-mismatch", _bad_hash, _bad_hash, "targets/"),
        ("target_second_hash", "hash-mismatch", _bad_sha512, _bad_sha512,
         "targets/"),
        ("target_hash_unknown", "unsupported", _unknown_algorithm,
         _unknown_algorithm, ""),
        ("target_oversized", "length-mismatch", _smaller, _smaller,
         "targets/"),
        ("target_undersized", "unreadable", _larger, _larger, "targets/"),
        ("director_bad_hardware_id", "wrong-hardware", _bad_hardware, None,
         "director/"),
        ("image_bad_hardware_id", "wrong-hardware", None, _bad_hardware),
        ("both_bad_hardware_id", "wrong-hardware", _bad_hardware,
         _bad_hardware, "director/"),
        ("image_no_hardware_id", "wrong-hardware", None, _no_hardware),
        ("image_no_hardware_field", "malformed", None, _no_hardware_field),
        ("image_no_custom", "malformed", None, _no_custom),
        ("director_no_custom", "malformed", _no_custom, None, "director/"),
        ("director_no_ecus", "malformed", _no_ecus, None, "director/"),
        ("director_bad_ecu_id", "unknown-ecu", _bad_ecu, None, "director/"),
        ("director_ecu_too_many", "unknown-ecu", _ecu_more, None,
         "director/"),
        ("director_ecu_without_hardware", "malformed", _ecu_without_hardware,
         None, "director/")):
    _altered(*_arguments)


@scenario()
def image_only_in_director(world):
    del world.image.targets.targets[PATH]
    yield "not-in-both-repositories", "image/" + PATH


@scenario()
def image_only_in_image_repository(world):
    """Without a vehicle id an empty file could be another charger's."""
    world.director.targets.targets = {}
    yield "wrong-vehicle", "director/"
    world.director.targets.extra["vehicleIdentifier"] = world.vehicle
    for r in (world.director.timestamp, world.director.snapshot,
              world.director.targets):
        r.version = 2
    yield "none"
    world.tell_vehicle = True
    yield "none"


@scenario()
def empty_file_of_another_vehicle(world):
    world.director.targets.targets = {}
    world.director.targets.extra["vehicleIdentifier"] = "CP-0002"
    world.tell_vehicle = True
    yield "wrong-vehicle", "director/"


@scenario()
def file_of_another_vehicle(world):
    world.director.targets.extra["vehicleIdentifier"] = "CP-0002"
    world.tell_vehicle = True
    yield "wrong-vehicle", "director/"


@scenario()
def director_names_one_ecu_twice(world):
    world.offer("alt.txt", b"something else")
    yield "duplicate-ecu", "director/"


@scenario()
def director_delegates(world):
    world.director.delegate("foo", PATH)
    yield "director-delegates", "director/"


@scenario()
def director_with_an_empty_delegation(world):
    world.director.targets.extra["delegations"] = {"keys": {}, "roles": []}
    yield "none"


@scenario()
def metadata_changed_while_its_version_is_the_same(world):
    """TUF 1.0 keeps the timestamp it has, and so all below it."""
    yield "none"
    world.director.targets.targets = {}
    world.offer("file01.txt", b"some foobar content")
    for r in (world.director.timestamp, world.director.snapshot,
              world.director.targets):
        r.version = 2
    yield "not-in-both-repositories", "image/file01.txt"
    for r in (world.image.timestamp, world.image.snapshot,
              world.image.targets):
        r.version = 2
    yield "none"


@scenario()
def two_ecus_two_images(world):
    world.offer("controller/2.0.img", b"for the controller", CONTROLLER)
    yield "none"


@scenario()
def two_ecus_one_image(world):
    _director(world)["custom"]["ecuIdentifiers"][CONTROLLER] = {
        "hardwareId": "mc-rev1"}
    _image(world)["custom"]["hardwareIds"].append("mc-rev1")
    yield "none"


@scenario()
def two_ecus_one_image_not_made_for_one(world):
    _director(world)["custom"]["ecuIdentifiers"][CONTROLLER] = {
        "hardwareId": "mc-rev1"}
    yield "wrong-hardware", "image/" + PATH


@scenario()
def empty_image(world):
    world.offer(PATH, b"")
    yield "none"


@scenario()
def image_withheld(world):
    del world.content[PATH]
    yield "unreadable", "targets/" + PATH
    world.content[PATH] = b"wat wat wat"
    yield "none"


@scenario()
def image_swapped(world):
    world.content[PATH] = b"WAT wat wat"
    yield "hash-mismatch", "targets/" + PATH


@scenario()
def image_with_bytes_appended(world):
    world.content[PATH] += b"!"
    yield "length-mismatch", "targets/" + PATH


@scenario()
def image_with_dots_in_its_path(world):
    world.offer("../evil.txt", b"climbs", CONTROLLER)
    yield "bad-path"


@scenario()
def image_with_foreign_characters_in_its_path(world):
    world.offer("a b/\xfc%41?.img", b"odd but harmless", CONTROLLER)
    yield "none"


# Kinds of keys

def _kind(name, pick):
    def run(world):
        for repository in (world.director, world.image):
            d = repository is world.image and world.image.delegate(
                "foo", PATH)
            roles = [repository.root, repository.timestamp,
                     repository.snapshot, repository.targets]
            for i, role in enumerate(roles + ([d.role] if d else [])):
                role.keys = [pick(i) + ":" + role.keys[0]]
        world.move_to(world.image.roles[0])
        yield "none"
        victim = world.image.roles[0]
        victim.signers, victim.version = ["rsa:stranger"], 2
        world.image.snapshot.version = world.image.timestamp.version = 2
        yield "threshold-not-met", "image/", "foo"
    scenario(name="keys_of_%s" % name)(run)


_kind("ecdsa", lambda i: "ecdsa")
_kind("rsa", lambda i: "rsa")
_kind("every_kind", lambda i: ("rsa", "ecdsa", "ed25519", "ecdsa", "rsa")[i])


# Time that is signed

@scenario()
def time_signed_by_the_director_ends_a_freeze(world):
    """Our clock may be wrong: what the director signed counts as well."""
    world.image.timestamp.expires = "2036-01-01T00:00:00Z"
    yield "none"
    world.director.timestamp.extra["issued"] = "2036-01-01T00:00:01Z"
    world.director.timestamp.version = 2
    yield "metadata-expired", "image/", "timestamp"


@scenario()
def time_after_the_files_own_end_is_not_believed(world):
    world.image.timestamp.expires = "2036-01-01T00:00:00Z"
    world.director.timestamp.extra["issued"] = FUTURE
    yield "none"


# Our own profile

@scenario(ours=True)
def ours(_):
    yield "none"


@scenario(ours=True)
def ours_nothing_to_do(world):
    world.director.targets.targets = {}
    yield "none"


@scenario(ours=True)
def ours_no_vehicle_id(world):
    del world.director.targets.extra["vehicleIdentifier"]
    yield "wrong-vehicle", "director/"


@scenario(ours=True)
def ours_file_of_another_vehicle(world):
    world.director.targets.extra["vehicleIdentifier"] = "CP-0002"
    yield "wrong-vehicle", "director/"


def _mismatched(field, value):
    def differs(world):
        _director(world)["custom"][field] = value
        yield "custom-mismatch", "image/" + PATH

    def left_out(world):
        del _director(world)["custom"][field]
        yield "custom-mismatch", "image/" + PATH

    def not_in_image(world):
        del _image(world)["custom"][field]
        yield "custom-mismatch", "image/" + PATH

    for f in (differs, left_out, not_in_image):
        scenario(ours=True, name="ours_%s_%s" % (field, f.__name__))(f)


_mismatched("hardwareIds", ["gw-rev3", "gw-rev4"])
_mismatched("releaseCounter", 12)
_mismatched("rollbackIndex", 6)


@scenario(ours=True)
def ours_image_for_other_hardware(world):
    for entry in (_director(world), _image(world)):
        entry["custom"]["hardwareIds"] = ["gw-rev4"]
    yield "wrong-hardware", "image/" + PATH


def _counters(name, reason, *arguments):
    def run(world):
        world.arguments += arguments
        yield (reason, "image/" + PATH) if reason != "none" else "none"
    scenario(ours=True, name="ours_" + name)(run)


_counters("release_above_the_installed", "none", "--installed",
          GATEWAY + "=10")
_counters("release_is_the_installed_number", "release-rollback",
          "--installed", GATEWAY + "=11")
_counters("release_below_the_installed", "release-rollback", "--installed",
          GATEWAY + "=12")
_counters("at_the_floor", "none", "--floor", GATEWAY + "=5")
_counters("below_the_floor", "below-floor", "--floor", GATEWAY + "=6")
_counters("the_other_ecu_is_newer", "none", "--installed", CONTROLLER + "=99",
          "--floor", CONTROLLER + "=99")


def _requires(name, reason, *arguments, director=None):
    def run(world):
        _image(world)["custom"]["requires"] = {"controller": "1.4.0"}
        if director is not None:
            _director(world)["custom"]["requires"] = director
        world.arguments += arguments
        yield (reason, "image/" + PATH) if reason != "none" else "none"
    scenario(ours=True, name="ours_requires_" + name)(run)


_requires("the_version_that_runs", "none", "--runs",
          CONTROLLER + "=controller:1.4")
_requires("a_later_one_than_runs", "requires-unmet", "--runs",
          CONTROLLER + "=controller:1.3.9")
_requires("what_another_component_has", "requires-unmet", "--runs",
          CONTROLLER + "=safety:1.4.0")
_requires("what_nobody_was_told_of", "requires-unmet")
_requires("and_the_director_says_so", "custom-mismatch", "--runs",
          CONTROLLER + "=controller:1.4.0", director={"controller": "1.4.0"})


@scenario(ours=True)
def ours_requires_no_version(world):
    _image(world)["custom"]["requires"] = {"controller": 14}
    yield "malformed", "image/" + PATH


def _release(world, path, name, members):
    custom = world.image.targets.targets[path]["custom"]
    custom["release"] = name
    custom["releaseSet"] = members


@scenario(ours=True)
def ours_whole_release(world):
    world.offer("c.img", b"for the controller", CONTROLLER)
    for path in (PATH, "c.img"):
        _release(world, path, "2027.1", [PATH, "c.img"])
    yield "none"


@scenario(ours=True)
def ours_half_a_release(world):
    _release(world, PATH, "2027.1", [PATH, "c.img"])
    yield "incomplete-set", "image/"


@scenario(ours=True)
def ours_more_than_the_release(world):
    world.offer("c.img", b"for the controller", CONTROLLER)
    for path in (PATH, "c.img"):
        _release(world, path, "2027.1", [PATH])
    yield "incomplete-set", "image/"


@scenario(ours=True)
def ours_two_releases_mixed(world):
    world.offer("c.img", b"for the controller", CONTROLLER)
    for path, name in ((PATH, "2027.1"), ("c.img", "2027.2")):
        _release(world, path, name, [PATH, "c.img"])
    yield "incomplete-set", "image/"


@scenario(ours=True)
def ours_without_sha256(world):
    for entry in (_director(world), _image(world)):
        del entry["hashes"]["sha256"]
    yield "malformed", "image/" + PATH


@scenario()
def plain_sha512_will_do(world):
    for entry in (_director(world), _image(world)):
        del entry["hashes"]["sha256"]
    yield "none"


@scenario()
def plain_repeated_counter_must_match(world):
    _director(world)["custom"]["releaseCounter"] = 12
    _image(world)["custom"]["releaseCounter"] = 11
    yield "custom-mismatch", "image/" + PATH
