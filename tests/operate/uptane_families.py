# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with any role of either repository.

A scenario is a generator over a World: it spoils something, yields the verdict
that must follow, and may go on.  A verdict is the reason, or the reason, how
the second word on standard output begins, and what it contains.
"""
from uptane_world import FUTURE, PAST, TOP, flip

SCENARIOS = {}  # name: (function, ours, both)


def scenario(ours=False, name=None, both=True):
    """Registers a scenario; ours: for our own profile; both: with and
    without consistent snapshots."""
    def register(f):
        title = name or f.__name__
        assert title not in SCENARIOS, title
        SCENARIOS[title] = (f, ours, both)
        return f
    return register


def _zero_threshold(role, _):
    role.threshold = 0
    return "malformed"


def _negative_threshold(role, _):
    role.threshold = -1
    return "malformed"


def _expired(role, _):
    role.expires = PAST
    return "metadata-expired"


def _unmet_threshold(role, keys):
    role.signers = list(role.keys)
    role.keys.append(keys + " second")
    return "threshold-not-met"


def _signed_twice_by_one_key(role, _):
    role.signers = role.keys * 2
    return "duplicate-key-id"


def _signed_twice_for_two(role, _):
    """Two of two: one signs twice, the other never."""
    role.signers = role.keys * 2
    role.keys.append("somebody")
    return "duplicate-key-id"


def _unsigned(role, _):
    role.signers = []
    return "threshold-not-met"


def _signed_by_a_stranger(role, _):
    role.signers = ["stranger"]
    return "threshold-not-met"


def _bad_key_ids(role, _):
    role.bad_ids = True
    return "threshold-not-met"


def _bad_signature(role, _):
    def spoil(envelope):
        signature = envelope["signatures"][0]
        signature["sig"] = flip(signature["sig"])
    role.spoil = spoil
    return "threshold-not-met"


def _altered_after_signing(role, _):
    def spoil(envelope):
        envelope["signed"]["expires"] = "2037-01-19T03:14:07Z"
    role.spoil = spoil
    return "threshold-not-met"


def _wrong_type(role, _):
    role.type = "invalidrole"
    return "wrong-type"


def _type_of_another_role(role, _):
    role.type = "snapshot" if role.name != "snapshot" else "timestamp"
    return "wrong-type"


def _version_zero(role, _):
    role.version, role.listed_version = 0, 1
    return "malformed"


def _a_key_twice_in_json(role, _):
    role.rewrite = lambda text: text.replace(
        b'"version": ', b'"version": 9, "version": ', 1)
    return "malformed"


def _bytes_after_the_end(role, _):
    role.rewrite = lambda text: text + b"{}"
    return "malformed"


def _real_number(role, _):
    role.extra["x"] = 1.5
    return "malformed"


def _unknown_major_version(role, _):
    role.edit = lambda body: body.update(spec_version="2.0.0")
    return "unsupported"


def _unknown_members(role, _):
    role.extra["x-later"] = {"b": [1, "two", None, True], "a": {}}
    return "none"


def _one_bad_signature_more(role, _):
    role.signers = ["stranger"] + role.keys
    return "none"


def _two_of_three(role, keys):
    role.keys += [keys + " second", keys + " third"]
    role.threshold = 2
    role.signers = role.keys[1:]
    return "none"


FAMILY = (_zero_threshold, _negative_threshold, _expired, _unmet_threshold,
          _signed_twice_by_one_key, _signed_twice_for_two, _unsigned,
          _signed_by_a_stranger, _bad_key_ids, _bad_signature,
          _altered_after_signing, _wrong_type, _type_of_another_role,
          _version_zero, _a_key_twice_in_json, _bytes_after_the_end,
          _real_number, _unknown_major_version, _unknown_members,
          _one_bad_signature_more, _two_of_three)
BOTH = (_zero_threshold, _expired, _unmet_threshold, _signed_twice_by_one_key,
        _unsigned, _bad_key_ids, _wrong_type)


def _member(side, role, spoil):
    def run(world):
        repository = getattr(world, side)
        spoilt = getattr(repository, role)
        # What root says of a role's keys is root's own fault.
        about = "root" if spoil in (_zero_threshold, _negative_threshold) \
            else role
        reason = spoil(spoilt, "%s %s" % (side, role))
        yield (reason, side + "/", about) if reason != "none" else "none"
    scenario(name="%s_%s%s" % (side, role, spoil.__name__),
             both=spoil in BOTH)(run)


for _side in ("director", "image"):
    for _role in TOP:
        for _spoil in FAMILY:
            _member(_side, _role, _spoil)


def _lower(side, role):
    """A version that went down, and one that did not."""
    def run(world):
        repository = getattr(world, side)
        spoilt = getattr(repository, role)
        for r in TOP[1:]:
            getattr(repository, r).version = 5
        yield "none"
        for r in TOP[1:]:
            getattr(repository, r).version = 6
        spoilt.version = 4
        yield "metadata-rollback", side + "/"
        for r in TOP[1:]:
            getattr(repository, r).version = 7
        yield "none"
    scenario(name="%s_%s_version_goes_down" % (side, role))(run)


def _mismatch(side, role, name, reason, relist):
    def run(world):
        spoilt = getattr(getattr(world, side), role)
        spoilt.relist = relist
        yield reason, side + "/", role
    scenario(name="%s_%s_%s" % (side, role, name))(run)


def _other_hash(entry):
    entry["hashes"]["sha256"] = flip(entry["hashes"]["sha256"])


def _other_hash_512(entry):
    entry["hashes"]["sha512"] = flip(entry["hashes"]["sha512"])


def _unknown_hash(entry):
    entry["hashes"] = {"md5": "00112233445566778899aabbccddeeff"}


def _shorter(entry):
    entry["length"] -= 1


def _longer(entry):
    entry["length"] += 1


def _neither(entry):
    del entry["length"], entry["hashes"]


def _withheld(side, role):
    def run(world):
        getattr(getattr(world, side), role).served = False
        yield "unreadable", side + "/", role
    scenario(name="%s_%s_is_withheld" % (side, role))(run)


def _newer_expected(side, role):
    """What the file above announces is not what is served."""
    def run(world):
        getattr(getattr(world, side), role).listed_version = 2
        yield "wrong-version", side + "/", role
        getattr(getattr(world, side), role).version = 2
        # The file above is another one now.
        world.director.timestamp.version = world.image.timestamp.version = 2
        world.director.snapshot.version += role != "snapshot"
        world.image.snapshot.version += role != "snapshot"
        yield "none"
    scenario(name="%s_%s_newer_version_expected" % (side, role))(run)


def _too_large(side, role, most):
    def run(world):
        spoilt = getattr(getattr(world, side), role)
        spoilt.extra["filler"] = "x" * most
        spoilt.relist = _neither
        yield "too-large", side + "/", role
    scenario(name="%s_%s_too_large" % (side, role))(run)


def _same_again(side):
    """A timestamp of the version we have says nothing new (5.4.3)."""
    def run(world):
        yield "none"
        repository = getattr(world, side)
        repository.timestamp.expires = PAST
        yield "none"
        repository.timestamp.version = 2
        yield "metadata-expired", side + "/timestamp.json"
        repository.timestamp.expires = FUTURE
        yield "none"
    scenario(name="%s_timestamp_of_the_version_we_have" % side)(run)


for _side in ("director", "image"):
    for _role in TOP[1:]:
        _lower(_side, _role)
        _withheld(_side, _role)
    for _role in ("snapshot", "targets"):
        _newer_expected(_side, _role)
        _mismatch(_side, _role, "hash_differs", "hash-mismatch", _other_hash)
        _mismatch(_side, _role, "second_hash_differs", "hash-mismatch",
                  _other_hash_512)
        _mismatch(_side, _role, "hash_unknown", "unsupported", _unknown_hash)
        _mismatch(_side, _role, "longer_than_announced", "length-mismatch",
                  _shorter)
        _mismatch(_side, _role, "shorter_than_announced", "length-mismatch",
                  _longer)
    _too_large(_side, "timestamp", 16 * 1024)
    _too_large(_side, "snapshot", 2 * 1024 * 1024)
    _too_large(_side, "targets", 5 * 1024 * 1024)
    _same_again(_side)
