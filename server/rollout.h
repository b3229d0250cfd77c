/* SPDX-License-Identifier: Apache-2.0
 *
 * server/rollout.h - campaigns as this server keeps them.
 *
 * campaign/ decides; here its decisions are made durable before they have an
 * effect, and told to the audit log.  A charger has a row of its own only
 * once something happened to it.  Functions that take a store run in the
 * writer's thread: statements first, then memory, under the lock.
 */
#ifndef VS_SERVER_ROLLOUT_H
#define VS_SERVER_ROLLOUT_H

#include <jansson.h>
#include <pthread.h>

#include "campaign/campaign.h"
#include "server/fleet.h"

#define VS_ROLLOUT_ID_LEN 24

/* What the campaign knows of a member beside campaign/'s part. */
struct vs_rollout_member {
	struct vs_device *device; /* keeps */
	char reason[32], detail[160];
	/* what it was assigned before, to go back to */
	char before_release[VS_RELEASE_NAME_LEN], before_campaign[VS_NAME_LEN];
};

struct vs_rollout {
	char id[VS_ROLLOUT_ID_LEN];
	uint64_t number;
	json_t *body; /* owned: what was asked for, by whom and when */
	char name[VS_NAME_LEN], release[VS_RELEASE_NAME_LEN];
	char created_by[VS_NAME_LEN], approved_by[VS_NAME_LEN];
	struct vs_plan plan;
	enum vs_campaign_state state;
	char because[160];              /* of halt and abort */
	struct vs_member *members;      /* owned, in their order */
	struct vs_rollout_member *more; /* owned, alongside */
	size_t count;
	struct vs_progress progress; /* of the last step */
};

struct vs_rollouts {
	struct vs_rollout **all; /* by number; owned */
	size_t count;
};

/* What the functions below share. */
struct vs_rollout_with {
	struct vs_store *store;
	pthread_rwlock_t *lock; /* held for writing while memory changes */
	const struct vs_releases *releases;
	uint64_t now_s;
};

/* Reads a campaign as a person asks for one into a plan and a body to keep
 * (json_decref).  VS_OK; VS_ERR_INPUT with why naming the field.
 */
vs_status vs_rollout_parse(const json_t *asked, struct vs_plan *plan,
                           json_t **body, struct vs_why *why) VS_MUST_CHECK;

/* The plan of a kept body. */
vs_status vs_rollout_read(const json_t *body, struct vs_plan *plan,
                          struct vs_why *why) VS_MUST_CHECK;

/* Makes a campaign out of a kept body; members by its filter.  Takes body.
 * VS_OK and *out (vs_rollout_free); VS_ERR_INPUT; VS_ERR_NOMEM.
 */
vs_status vs_rollout_new(uint64_t number, json_t *body,
                         const struct vs_fleet *fleet, struct vs_rollout **out,
                         struct vs_why *why) VS_MUST_CHECK;
void vs_rollout_free(struct vs_rollout **r);

vs_status vs_rollouts_load(struct vs_store *s, const struct vs_fleet *fleet,
                           uint64_t now_s, struct vs_rollouts *out,
                           struct vs_why *why) VS_MUST_CHECK;
void vs_rollouts_drop(struct vs_rollouts *all);
struct vs_rollout *vs_rollouts_find(const struct vs_rollouts *all,
                                    const char *id);

/* Writes a new campaign and takes it into the table. */
vs_status vs_rollouts_create(struct vs_rollouts *all,
                             const struct vs_rollout_with *with,
                             struct vs_rollout *r) VS_MUST_CHECK;

/* A person's move.  VS_OK; VS_ERR_STATE; VS_ERR_DENIED (FOUR_EYES); VS_ERR_IO;
 * VS_ERR_ABSENT if the release is no longer published.
 */
vs_status vs_rollout_move(struct vs_rollout *r,
                          const struct vs_rollout_with *with,
                          enum vs_campaign_move move,
                          const char *who) VS_MUST_CHECK;

/* Lets the time pass: soaks end, late ones fail, campaigns halt or finish. */
vs_status vs_rollouts_step(struct vs_rollouts *all,
                           const struct vs_rollout_with *with) VS_MUST_CHECK;

/* Whether some campaign lets this charger start now: the poll path.  Reads
 * only.  NULL, or the campaign with *place.
 */
struct vs_rollout *vs_rollouts_offer(const struct vs_rollouts *all,
                                     const struct vs_device *d, uint64_t now_s,
                                     size_t *place);

/* Marks a member started and assigns the release, statements and memory. */
vs_status vs_rollout_start(struct vs_rollout *r,
                           const struct vs_rollout_with *with,
                           size_t place) VS_MUST_CHECK;

/* What a verified report means for campaigns.  next: the charger as it is
 * after the report, before: its state until now.  The changes are written,
 * then kept in *out for vs_rollout_apply(), which cannot fail.
 */
struct vs_rollout_change {
	struct vs_rollout *rollout;
	size_t place;
	struct vs_member member;
	char reason[32], detail[160];
	bool back; /* the assignment goes back */
};
struct vs_rollout_changes {
	struct vs_rollout_change *at; /* owned: free() */
	size_t count;
};
vs_status vs_rollouts_report(const struct vs_rollouts *all,
                             const struct vs_rollout_with *with,
                             const struct vs_device *next,
                             const struct vs_device_state *before,
                             struct vs_rollout_changes *out) VS_MUST_CHECK;
/* Under the lock. */
void vs_rollout_apply(const struct vs_rollout_changes *changes);

/* Gives *out (json_decref): as the API shows it, with or without members. */
vs_status vs_rollout_json(const struct vs_rollout *r, bool members,
                          json_t **out) VS_MUST_CHECK;

#endif
