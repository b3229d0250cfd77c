/* SPDX-License-Identifier: Apache-2.0
 *
 * server/campaigns/rollout.h - campaigns as this server keeps them.
 *
 * campaign/ decides; here its decisions are made durable before they have an
 * effect, and told to the audit log.  A charger has a row of its own only
 * once something happened to it.  Functions that take a store run in the
 * writer's thread: statements first, then memory, under the lock.
 */
#ifndef VS_SERVER_CAMPAIGNS_ROLLOUT_H
#define VS_SERVER_CAMPAIGNS_ROLLOUT_H

#include <jansson.h>
#include <pthread.h>

#include "campaign/run.h"
#include "campaign/state.h"
#include "server/fleet/fleet.h"
#include "server/fleet/rollout_zone.h"

#define VS_ROLLOUT_ID_LEN 24

/* What the campaign knows of a member beside campaign/'s part. */
struct vs_rollout_note {
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
	char because[160]; /* of halt and abort */
	struct vs_run run;
	char **notes;              /* owned: by place; NULL: none */
	struct vs_fleet *fleet;    /* keeps */
	struct vs_rollouts *among; /* keeps: the table it is for */
};

/* Nobody new starts anywhere while it is on. */
struct vs_freeze {
	bool on;
	char by[VS_NAME_LEN], because[160];
	uint64_t since_s;
};

struct vs_rollouts {
	struct vs_rollout **all; /* by number; owned */
	size_t count;
	struct vs_grid grid; /* device i is fleet->all[i] */
	struct vs_rollout_zones zones;
	struct vs_freeze freeze;
	struct vs_fleet *fleet; /* keeps */
};

/* What the functions below share. */
struct vs_rollout_with {
	struct vs_store *store;
	pthread_rwlock_t *lock; /* held for writing while memory changes */
	const struct vs_releases *releases;
	uint64_t now_s;
};

/* Reads a campaign as a person asks for one into a plan and a body to keep
 * (json_decref); filters are kept in their printed form.
 * VS_OK; VS_ERR_INPUT with why naming the field.
 */
vs_status vs_rollout_parse(const json_t *asked, struct vs_plan *plan,
                           json_t **body, struct vs_why *why) VS_MUST_CHECK;

/* The plan of a kept body. */
vs_status vs_rollout_read(const json_t *body, struct vs_plan *plan,
                          struct vs_why *why) VS_MUST_CHECK;

/* Makes a campaign out of a kept body, without members.  Takes body.
 * VS_OK and *out (vs_rollout_free); VS_ERR_INPUT; VS_ERR_NOMEM.
 */
vs_status vs_rollout_new(uint64_t number, json_t *body, struct vs_rollout **out,
                         struct vs_why *why) VS_MUST_CHECK;
struct vs_rollout_set;
/* Seats the members: a set of them, or with NULL those whom the filter takes.
 * VS_OK; VS_ERR_INPUT; VS_ERR_NOMEM.
 */
vs_status vs_rollout_seat(struct vs_rollout *r, struct vs_rollouts *all,
                          const struct vs_rollout_set *set,
                          struct vs_why *why) VS_MUST_CHECK;
void vs_rollout_free(struct vs_rollout **r);

vs_status vs_rollouts_load(struct vs_store *s, struct vs_fleet *fleet,
                           uint64_t now_s, struct vs_rollouts *out,
                           struct vs_why *why) VS_MUST_CHECK;
void vs_rollouts_drop(struct vs_rollouts *all);
struct vs_rollout *vs_rollouts_find(const struct vs_rollouts *all,
                                    const char *id);
/* Takes chargers that were registered since into the grid.
 * VS_OK; VS_ERR_NOMEM; VS_ERR_LIMIT; VS_ERR_INPUT (a zone).
 */
vs_status vs_rollouts_sync(struct vs_rollouts *all,
                           pthread_rwlock_t *lock) VS_MUST_CHECK;

size_t vs_rollout_count(const struct vs_rollout *r);
struct vs_device *vs_rollout_device(const struct vs_rollout *r, size_t place);
/* The place of a charger; VS_NO_PLACE. */
size_t vs_rollout_place(const struct vs_rollout *r, const struct vs_device *d);
/* Its number in the grid; UINT32_MAX if it is not there yet. */
uint32_t vs_rollouts_number(const struct vs_rollouts *all,
                            const struct vs_device *d);

/* All empty if there is none. */
void vs_rollout_note(const struct vs_rollout *r, size_t place,
                     struct vs_rollout_note *out);
/* Under the lock.  VS_ERR_NOMEM. */
vs_status vs_rollout_keep(struct vs_rollout *r, size_t place,
                          const struct vs_rollout_note *note) VS_MUST_CHECK;

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

/* Whether some campaign lets this charger start now, and it could install the
 * release: the poll path.  Reads only.  NULL, or the campaign with *place.
 */
struct vs_rollout *vs_rollouts_offer(const struct vs_rollouts *all,
                                     const struct vs_releases *releases,
                                     const struct vs_device *d, uint64_t now_s,
                                     size_t *place);

/* Marks a member started and assigns the release, statements and memory. */
vs_status vs_rollout_start(struct vs_rollout *r,
                           const struct vs_rollout_with *with,
                           size_t place) VS_MUST_CHECK;

/* A change of one member: made out, written, then applied. */
struct vs_rollout_change {
	struct vs_rollout *rollout;
	struct vs_change change; /* cause NONE: only the report counts */
	struct vs_rollout_note note;
	bool past;                       /* the point of no return */
	bool back;                       /* the assignment goes back, to: */
	const struct vs_device_told *to; /* one use of it ours; or NULL */
};
struct vs_rollout_changes {
	struct vs_rollout_change *at; /* owned */
	size_t count;
};
/* In the writer's thread. */
void vs_rollout_changes_drop(struct vs_rollout_changes *all);
/* Room for one more, or NULL. */
struct vs_rollout_change *
vs_rollout_changes_add(struct vs_rollout_changes *all);
/* Writes a change that has a cause. */
vs_status vs_rollout_change_write(struct vs_rollout_change *c,
                                  const struct vs_rollout_with *with,
                                  const char *actor) VS_MUST_CHECK;

/* What a verified report means for campaigns.  next: the charger as it is
 * after the report, before: its state until now.  The changes are written,
 * then kept in *out for vs_rollout_apply(), which cannot fail.
 */
vs_status vs_rollouts_report(struct vs_rollouts *all,
                             const struct vs_rollout_with *with,
                             const struct vs_device *next,
                             const struct vs_device_state *before,
                             struct vs_rollout_changes *out) VS_MUST_CHECK;
/* Under the lock. */
void vs_rollout_apply(struct vs_rollout_changes *changes);

/* Makes out what takes everybody back who was told and can still be reached;
 * adds to *changes.
 */
vs_status vs_rollout_withdraw(struct vs_rollout *r,
                              const struct vs_rollout_with *with,
                              const char *why,
                              struct vs_rollout_changes *changes) VS_MUST_CHECK;

/* Whether a charger is past the point of no return with this release. */
bool vs_rollout_past(const struct vs_rollout *r, const struct vs_device *d,
                     const struct vs_releases *releases);

/* Stops everything, or lets it go on: the one who stopped it cannot.
 * VS_OK; VS_ERR_STATE (it is so already); VS_ERR_DENIED; VS_ERR_IO.
 */
vs_status vs_rollouts_freeze(struct vs_rollouts *all,
                             const struct vs_rollout_with *with,
                             const struct vs_freeze *to,
                             const char *who) VS_MUST_CHECK;
vs_status vs_freeze_json(const struct vs_freeze *f, json_t **out) VS_MUST_CHECK;

/* Why a charger may not be given a release, or needs it not: kind is a word
 * ("hardware", "floor", "requires", "policy", "legacy", "stage", "has-it",
 * "later"), and what it gives a sentence; NULL if it may.
 */
const char *vs_rollout_refusal(const struct vs_device *d,
                               const struct vs_releases *releases,
                               const char *release, const char **kind);

/* What a campaign would do; r is not in the table, and spoilt by it.  Gives
 * *out (json_decref).
 */
vs_status vs_rollout_rehearse(struct vs_rollout *r,
                              const struct vs_releases *releases,
                              json_t **out) VS_MUST_CHECK;

/* Gives *out (json_decref): as the API shows it, with or without members;
 * with more than VS_MEMBERS_SHOWN of them none is shown.
 */
#define VS_MEMBERS_SHOWN 1000
vs_status vs_rollout_json(const struct vs_rollout *r, bool members,
                          json_t **out) VS_MUST_CHECK;
/* One member; gives *out. */
vs_status vs_rollout_member_json(const struct vs_rollout *r, size_t place,
                                 json_t **out) VS_MUST_CHECK;

#endif
