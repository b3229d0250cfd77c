/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/check.h - the judge: a second set of books, kept from events alone.
 *
 * It knows the scene and what was made durable, and asks the campaign code
 * nothing.  The first thing that should not have happened is kept in words.
 */
#ifndef VS_FLEET_CHECK_H
#define VS_FLEET_CHECK_H

#include "campaign/run.h"
#include "campaign/state.h"
#include "fleet/scene.h"

struct vs_book; /* of one charger */

struct vs_check {
	const struct vs_scene *scene; /* keeps */
	struct vs_book *books;        /* owned; by charger */
	uint32_t *order;              /* owned; members by rank */
	uint32_t member_count;
	uint32_t *site_size, *site_away, *feeder_away; /* owned */
	uint64_t *starts; /* owned; server's clock */
	size_t start_count, start_cap;
	struct vs_tally waves[VS_WAVES_MAX + 1];
	enum vs_campaign_state state;
	bool frozen, faults_rose;
	bool stale; /* waves are to be made up anew */
	uint32_t away, most_away;
	uint64_t checks; /* how many things were looked at */
	char wrong[240]; /* "" = nothing */
};

/* VS_OK (vs_check_drop); VS_ERR_NOMEM. */
vs_status vs_check_init(struct vs_check *c,
                        const struct vs_scene *s) VS_MUST_CHECK;
void vs_check_drop(struct vs_check *c);

/* An event that has become durable, at the server's time. */
void vs_check_event(struct vs_check *c, uint32_t charger, enum vs_cause cause,
                    uint64_t now_s);
/* The campaign has come into this state. */
void vs_check_state(struct vs_check *c, enum vs_campaign_state state,
                    const char *because);
/* A report was taken. */
void vs_check_report(struct vs_check *c, uint32_t charger, bool healthy,
                     uint64_t now_s);
/* What the campaign says it counts. */
void vs_check_counts(struct vs_check *c, const struct vs_progress *p);
/* How each charger fared; converged: whether all are to be updated. */
void vs_check_end(struct vs_check *c, bool converged);

enum vs_member_state vs_check_member(const struct vs_check *c,
                                     uint32_t charger);

#endif
