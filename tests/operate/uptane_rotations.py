# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with the chain of roots of either repository."""
from uptane_families import scenario
from uptane_world import FUTURE, PAST


def _rotations(side):
    def repository(world):
        return getattr(world, side)

    def newer(world):
        """The second root key, from now on."""
        yield "none"
        repository(world).rotate("new root")

    def rotation(world):
        yield from newer(world)
        yield "none"

    def rotation_of_several_steps(world):
        yield from newer(world)
        for i in range(5):
            repository(world).rotate("root %d" % i)
        yield "none"

    def rotation_not_signed_by_the_old(world):
        yield from newer(world)
        repository(world).root.signers = ["new root"]
        yield "threshold-not-met", side + "/2.root.json"

    def rotation_not_signed_by_the_new(world):
        yield from newer(world)
        repository(world).root.signers.remove("new root")
        yield "threshold-not-met", side + "/2.root.json"

    def rotation_with_the_same_version(world):
        yield from newer(world)
        repository(world).root.version = 1
        yield "metadata-rollback", side + "/2.root.json"

    def rotation_that_skips_a_version(world):
        yield from newer(world)
        repository(world).root.version = 3
        yield "wrong-version", side + "/2.root.json"

    def rotation_signed_by_one_of_two_old(world):
        root = repository(world).root
        root.keys.append("other root")
        yield "none"
        repository(world).rotate("new root")
        root.signers.remove("other root")
        yield "threshold-not-met", side + "/2.root.json"

    def rotation_to_a_lower_threshold(world):
        root = repository(world).root
        root.keys.append("other root")
        yield "none"
        repository(world).rotate("new root")
        root.threshold = 1
        yield "none"

    def rotation_that_has_expired(world):
        yield from newer(world)
        repository(world).root.expires = PAST
        yield "metadata-expired", side + "/2.root.json"
        repository(world).root.expires = FUTURE
        repository(world).rotate("newer root")
        yield "none"

    def rotation_through_an_expired_root(world):
        yield from newer(world)
        repository(world).root.expires = PAST
        repository(world).rotate("newer root")
        repository(world).root.expires = FUTURE
        yield "none"

    def rotation_of_all_online_keys(world):
        r = repository(world)
        for role in (r.timestamp, r.snapshot, r.targets):
            role.version = 900
        yield "none"
        r.rotate("new root")
        for role in (r.timestamp, r.snapshot, r.targets):
            role.keys, role.version = ["new " + role.name], 1
        yield "none"

    def withdrawn_key_still_signs(world):
        r = repository(world)
        yield "none"
        r.rotate("new root")
        r.targets.signers = r.targets.keys
        r.targets.keys = ["new targets"]
        for role in (r.timestamp, r.snapshot, r.targets):
            role.version = 2
        yield "threshold-not-met", side + "/", "targets"

    def root_that_never_ends(world):
        for i in range(300):
            repository(world).rotate("root %d" % (i % 2))
        yield "none"
        yield "none"

    for f in (rotation, rotation_of_several_steps,
              rotation_not_signed_by_the_old, rotation_not_signed_by_the_new,
              rotation_with_the_same_version, rotation_that_skips_a_version,
              rotation_signed_by_one_of_two_old, rotation_to_a_lower_threshold,
              rotation_that_has_expired, rotation_through_an_expired_root,
              rotation_of_all_online_keys, withdrawn_key_still_signs,
              root_that_never_ends):
        scenario(name="%s_root_%s" % (side, f.__name__))(f)


for _side in ("director", "image"):
    _rotations(_side)
