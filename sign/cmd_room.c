/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_room.c - room init: a room, and what it must sign first.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "sign/commands.h"
#include "sign/derive.h"
#include "sign/proposal.h"
#include "sign/say.h"

static const char first_proposal[] = "init";

static vs_status propose(struct vs_room *r)
{
	VS_AUTO(vs_draft_drop) struct vs_draft d = {0};
	const struct vs_policy *p = r->policy;
	struct vs_keyring ring;
	vs_status status = vs_draft_begin(r, first_proposal, &d);

	for (size_t i = 0; i < VS_DERIVED_COUNT && !status; i++) {
		const struct vs_derived *by = &vs_derived[i];
		json_t *body;

		status = vs_derive_body(p, by, 1, vs_derive_expiry(p, by->row),
		                        &body);
		if (!status)
			status = vs_draft_add_metadata(&d, by->repository,
			                               by->role, 1, body);
	}
	vs_derive_keyring(p, &ring);
	if (!status)
		status = vs_draft_add_keyring(&d, &ring);
	return status ? status : vs_draft_commit(&d);
}

static vs_status init_room(const char *dir, struct vs_policy *policy)
{
	char path[PATH_MAX];
	struct vs_room r = {.lock_fd = -1, .policy = policy};

	if (strlen(dir) >= sizeof r.dir)
		return vs_say_io(VS_ERR_LIMIT, dir);
	memcpy(r.dir, dir, strlen(dir) + 1);
	vs_status status = vs_room_path(&r, path, "policy.json");
	if (status)
		return status;
	if (vs_file_exists(path)) {
		vs_error("%s: there is a room in this folder already", dir);
		return VS_ERR_STATE;
	}
	status = vs_draft_clear(&r, first_proposal); /* of one cut off */
	if (!status)
		status = propose(&r);
	/* last: a folder with a policy is a room */
	return status ? status : vs_policy_store(policy, path);
}

static vs_status run(const struct vs_args *args)
{
	const char *dir = vs_args_text(args, "dir");
	VS_AUTO(vs_policy_free) struct vs_policy *policy = NULL;
	vs_status status =
		vs_policy_load(vs_args_text(args, "policy"), &policy);

	if (!status)
		status = init_room(dir, policy);
	if (!status) {
		printf("%s: a signing room%s; who may approve what:\n", dir,
		       policy->demo ? " for a demo" : "");
		vs_policy_print(policy);
		printf("its first proposal is \"%s\":\n"
		       "  voltseal-sign show --room %s --proposal %s\n",
		       first_proposal, dir, first_proposal);
	}
	return status;
}

static const struct vs_option options[] = {
	VS_TEXT(VS_REQUIRED, "dir", "ROOM", "the room's new folder"),
	VS_TEXT(VS_REQUIRED, "policy", "FILE",
                "who may sign what: roles, key files, thresholds"),
};

const struct vs_command vs_cmd_room_init = {
	"room init",
	"make a signing room out of a policy",
	"The policy names key files and thresholds for root, targets, "
	"snapshot, timestamp,\ndirector and keyring, and who may release: the "
	"role release, or a role for each\nclass of components: safety, "
	"metering, gateway, content.  The room's first proposal,\n\"init\", "
	"holds the first roots of both repositories, the image targets with "
	"these\nroles and the boot keyring, for people to approve.",
	NULL,
	options,
	sizeof options / sizeof *options,
	run,
};
