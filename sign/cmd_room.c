/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_room.c - room init: a room, and what it must sign first.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "sign/commands.h"
#include "sign/proposal.h"
#include "sign/say.h"
#include "trust/write.h"

enum { day_s = 86400 };

static const char first_proposal[] = "init";

/* vs_write_role wants the keys in a row. */
struct keys {
	struct vs_key at[VS_POLICY_KEYS_MAX]; /* borrowed from the policy */
};

static struct vs_write_role as_role(const struct vs_policy *p, int row,
                                    const char *name, struct keys *keys)
{
	const struct vs_policy_role *role = &p->role[row];

	for (size_t i = 0; i < role->key_count; i++)
		keys->at[i] = role->keys[i].tuf;
	return (struct vs_write_role){
		.name = name,
		.keys = keys->at,
		.key_count = role->key_count,
		.threshold = role->threshold,
	};
}

static uint64_t expires(const struct vs_policy *p, int row)
{
	return (uint64_t)time(NULL) + p->role[row].expires_days * day_s;
}

static vs_status add_root(struct vs_draft *d, const struct vs_policy *p,
                          const char *repository, const int rows[4])
{
	static const char *const names[] = {"root", "targets", "snapshot",
	                                    "timestamp"};
	struct keys keys[4];
	struct vs_write_role roles[4];
	json_t *body;

	for (int i = 0; i < 4; i++)
		roles[i] = as_role(p, rows[i], names[i], &keys[i]);
	vs_status status =
		vs_write_root(1, expires(p, rows[0]), roles, 4, &body);
	if (status)
		return vs_say_io(status, d->dir);
	return vs_draft_add_metadata(d, repository, "root", 1, body);
}

static vs_status add_targets(struct vs_draft *d, const struct vs_policy *p)
{
	struct keys keys;
	struct vs_write_role release =
		as_role(p, VS_POLICY_RELEASES, VS_POLICY_RELEASE, &keys);
	json_t *body;
	vs_status status =
		vs_write_targets(1, expires(p, VS_POLICY_TARGETS), &body);

	if (status)
		return vs_say_io(status, d->dir);
	status = vs_write_add_delegation(body, &release, p->paths,
	                                 p->path_count, true);
	if (status) {
		json_decref(body);
		return vs_say_io(status, d->dir);
	}
	return vs_draft_add_metadata(d, VS_IMAGE, "targets", 1, body);
}

static int by_id(const void *a, const void *b)
{
	const struct vs_pubkey *const *x = a, *const *y = b;

	return memcmp((*x)->boot_id, (*y)->boot_id, sizeof(*x)->boot_id);
}

static vs_status add_keyring(struct vs_draft *d, const struct vs_policy *p)
{
	const struct vs_policy_role *role = &p->role[VS_POLICY_KEYRING];
	const struct vs_pubkey *sorted[VS_POLICY_KEYS_MAX];
	struct vs_keyring ring = {
		.version = 1,
		.threshold = (uint16_t)role->threshold,
		.key_count = (uint16_t)role->key_count,
		.component_count = (uint16_t)p->component_count,
	};

	for (size_t i = 0; i < role->key_count; i++)
		sorted[i] = &role->keys[i];
	qsort(sorted, role->key_count, sizeof *sorted, by_id);
	for (size_t i = 0; i < role->key_count; i++) {
		memcpy(ring.keys[i].id, sorted[i]->boot_id, VS_SHA256_LEN);
		memcpy(ring.keys[i].point, sorted[i]->point, VS_P256_KEY_LEN);
		ring.keys[i].scheme = VS_SCHEME_P256_SHA256;
	}
	for (size_t i = 0; i < p->component_count; i++)
		snprintf(ring.components[i], VS_COMPONENT_LEN, "%s",
		         p->components[i]);
	return vs_draft_add_keyring(d, &ring);
}

static vs_status propose(struct vs_room *r)
{
	static const int image[] = {VS_POLICY_ROOT, VS_POLICY_TARGETS,
	                            VS_POLICY_SNAPSHOT, VS_POLICY_TIMESTAMP};
	static const int director[] = {
		VS_POLICY_DIRECTOR_ROOT, VS_POLICY_DIRECTOR_ONLINE,
		VS_POLICY_DIRECTOR_ONLINE, VS_POLICY_DIRECTOR_ONLINE};
	VS_AUTO(vs_draft_drop) struct vs_draft d = {0};
	const struct vs_policy *p = r->policy;
	vs_status status = vs_draft_begin(r, first_proposal, &d);

	if (!status)
		status = add_root(&d, p, VS_IMAGE, image);
	if (!status)
		status = add_targets(&d, p);
	if (!status)
		status = add_root(&d, p, VS_DIRECTOR, director);
	if (!status)
		status = add_keyring(&d, p);
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
	if (!status)
		printf("%s: a signing room; its first proposal is \"%s\":\n"
		       "  voltseal-sign show --room %s --proposal %s\n",
		       dir, first_proposal, dir, first_proposal);
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
	"snapshot, timestamp,\nrelease, director and keyring.  The room's "
	"first proposal, \"init\", holds the first\nroots of both "
	"repositories, the image targets with the release role and the\n"
	"boot keyring, for people to approve.",
	NULL,
	options,
	sizeof options / sizeof *options,
	run,
};
