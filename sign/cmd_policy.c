/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_policy.c - propose policy: other keys, thresholds or paths.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sign/commands.h"
#include "sign/derive.h"
#include "sign/proposal.h"
#include "sign/renew.h"
#include "sign/rotate.h"
#include "sign/say.h"
#include "trust/json.h"

struct change {
	const struct vs_room *room;
	const struct vs_policy *policy; /* the new one */
	struct vs_draft draft;
	json_t *targets; /* owned: the new ones, if they are others */
	size_t count;
};

/* The root's new keys for the targets must sign these anew. */
static bool other_signers(const struct change *c, enum vs_policy_roles row)
{
	const struct vs_policy_role *was = &c->room->policy->role[row];
	const struct vs_policy_role *is = &c->policy->role[row];

	if (was->threshold != is->threshold || was->key_count != is->key_count)
		return true;
	for (size_t i = 0; i < is->key_count; i++) {
		size_t k = 0;

		while (k < was->key_count &&
		       strcmp(was->keys[k].tuf.id, is->keys[i].tuf.id) != 0)
			k++;
		if (k == was->key_count)
			return true;
	}
	return false;
}

/* Adds a document if the new policy makes another one than is in force. */
static vs_status add(struct change *c, const struct vs_derived *by)
{
	uint64_t expiry = vs_derive_expiry(c->policy, by->row);
	uint64_t version =
		vs_room_version(c->room, by->repository, by->role) + 1;
	VS_AUTO(vs_json_drop) json_t *same = NULL;
	json_t *body = NULL;
	vs_status status = vs_renewal_body(c->room, by->repository, by->role,
	                                   expiry, &same);

	if (!status)
		status = vs_derive_body(c->policy, by, version, expiry, &body);
	if (status)
		return status;
	if (json_equal(same, body) &&
	    (by->row != VS_POLICY_TARGETS || !other_signers(c, by->row))) {
		json_decref(body);
		return VS_OK;
	}
	if (by->row == VS_POLICY_TARGETS)
		c->targets = json_incref(body);
	c->count++;
	return vs_draft_add_metadata(&c->draft, by->repository, by->role,
	                             version, body);
}

/* Whether the new targets delegate to a role as those in force do. */
static bool same_delegation(const json_t *was, const json_t *is,
                            const char *role)
{
	const json_t *old =
		vs_delegation_find(json_object_get(was, "delegations"), role);
	const json_t *new =
		vs_delegation_find(json_object_get(is, "delegations"), role);

	return old && new &&json_equal(old, new);
}

/* Whether a role must say anew what it releases: for new keys, or because
 * components come to it or leave it.
 */
static vs_status must_change(const struct change *c, const char *role,
                             const json_t *body, bool *out)
{
	struct vs_envelope targets = {0}, now = {0};
	vs_status status =
		vs_room_metadata(c->room, VS_IMAGE, "targets", &targets);

	if (!status)
		status = vs_room_metadata(c->room, VS_IMAGE, role, &now);
	const json_t *has = json_object_get(body, "targets");
	if (status == VS_ERR_ABSENT) { /* nothing released yet */
		status = VS_OK;
		*out = json_object_size(has) > 0;
	} else {
		*out = !same_delegation(targets.body, c->targets, role) ||
		       !json_equal(json_object_get(now.body, "targets"), has);
	}
	vs_envelope_drop(&targets);
	vs_envelope_drop(&now);
	return status;
}

/* A role's new keys say what its old ones said. */
static vs_status add_delegated(struct change *c, enum vs_policy_roles row)
{
	const char *role = vs_policy_delegated(row);
	uint64_t now = vs_room_version(c->room, VS_IMAGE, role);
	bool changes;
	json_t *body;

	if (!c->policy->role[row].present && now) {
		vs_error("%s: has released and must stay in the policy; with "
		         "no components it releases nothing more (%s)",
		         role, vs_reason_name(VS_REASON_VANISHED));
		return VS_ERR_REFUSED;
	}
	if (!c->policy->role[row].present)
		return VS_OK;
	vs_status status =
		vs_derive_delegated(c->room, c->policy, row,
	                            vs_derive_expiry(c->policy, row), &body);
	if (!status)
		status = must_change(c, role, body, &changes);
	if (status || !changes) {
		json_decref(body);
		return status;
	}
	return vs_draft_add_metadata(&c->draft, VS_IMAGE, role, now + 1, body);
}

static vs_status add_all_delegated(struct change *c)
{
	vs_status status = VS_OK;

	for (int row = VS_POLICY_DELEGATED_FIRST;
	     row <= VS_POLICY_DELEGATED_LAST && c->targets && !status; row++)
		status = add_delegated(c, (enum vs_policy_roles)row);
	return status;
}

/* Releases come between a keyring's proposal and its being in force, so it
 * is proposed alone.
 */
static vs_status add_keyring(struct change *c, const char *path)
{
	bool added;
	vs_status status =
		vs_rotate_keyring(c->room, c->policy, &c->draft, &added);

	if (status || !added)
		return status;
	if (c->count) {
		vs_error("%s: keyring: is to be changed alone, the rest with "
		         "another policy (%s)",
		         path, vs_reason_name(VS_REASON_UNSUPPORTED));
		return VS_ERR_REFUSED;
	}
	c->count++;
	return VS_OK;
}

static vs_status propose(struct change *c, const char *name, const char *path)
{
	vs_status status = VS_OK;

	if (c->policy->demo && !c->room->policy->demo) {
		vs_error("%s: mode: a room in production does not become a "
		         "demo (%s)",
		         path, vs_reason_name(VS_REASON_NOT_ALLOWED));
		return VS_ERR_REFUSED;
	}
	if (!status)
		status = vs_draft_begin(c->room, name, &c->draft);
	for (size_t i = 0; i < VS_DERIVED_COUNT && !status; i++)
		status = add(c, &vs_derived[i]);
	if (!status)
		status = add_all_delegated(c);
	if (!status)
		status = add_keyring(c, path);
	if (!status && !c->count) {
		vs_error("%s: changes nothing that people sign", path);
		return VS_ERR_INPUT;
	}
	if (!status)
		status = vs_draft_add_policy(&c->draft, c->policy);
	return status ? status : vs_draft_commit(&c->draft);
}

static vs_status run(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r;
	VS_AUTO(vs_policy_free) struct vs_policy *policy = NULL;
	const char *name = vs_args_text(args, "name");
	const char *path = vs_args_text(args, "policy");
	vs_status status = vs_room_open(vs_args_text(args, "room"), &r);

	if (!status)
		status = vs_policy_load(path, &policy);
	if (status)
		return status;
	policy->version = r.policy->version + 1;
	struct change c = {.room = &r, .policy = policy};
	status = propose(&c, name, path);
	vs_draft_drop(&c.draft);
	json_decref(c.targets);
	if (!status)
		printf("proposal %s is ready for approval\n", name);
	return status;
}

static const struct vs_option options[] = {
	VS_TEXT(VS_REQUIRED, "room", "ROOM", "the signing room"),
	VS_TEXT(VS_REQUIRED, "name", "NAME",
                "the proposal's name, e.g. without-alice"),
	VS_TEXT(VS_REQUIRED, "policy", "FILE",
                "the whole new policy, as for room init"),
};

const struct vs_command vs_cmd_propose_policy = {
	"propose policy",
	"propose other keys, thresholds or paths",
	"Makes the next version of each root and of the targets that the new "
	"policy changes;\nwhere a delegated role changes, its metadata again "
	"for the new keys.  A root needs\nboth the keys in force and the new "
	"ones.  The room takes the policy over when it is\npublished.  "
	"The boot keyring is changed alone: the keys in force sign its "
	"successor.",
	NULL,
	options,
	sizeof options / sizeof *options,
	run,
};
