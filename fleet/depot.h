/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/depot.h - a server's part in a campaign, without its sockets.
 *
 * It holds the real campaign code and, beside it, what a database would hold.
 * A decision is written first and made true afterwards; in between it can
 * crash.  After a restart there is only what was written.
 */
#ifndef VS_FLEET_DEPOT_H
#define VS_FLEET_DEPOT_H

#include "campaign/filter.h"
#include "fleet/check.h"

struct vs_depot {
	const struct vs_scene *scene; /* keeps */
	struct vs_check *check;       /* keeps */
	struct vs_random random;

	/* written */
	struct vs_seat *rows;           /* owned; by charger */
	struct vs_grid_device *reports; /* owned; by charger */
	bool *has_row;                  /* owned; by charger */
	enum vs_campaign_state state;
	bool frozen;
	char because[160];

	/* in memory */
	struct vs_filter *filter; /* owned */
	struct vs_grid grid;
	struct vs_run run;
	bool up, crashed;

	uint32_t restarts;
};

/* VS_OK (vs_depot_drop); VS_ERR_NOMEM; VS_ERR_LIMIT. */
vs_status vs_depot_init(struct vs_depot *d, const struct vs_scene *s,
                        struct vs_check *check) VS_MUST_CHECK;
void vs_depot_drop(struct vs_depot *d);

/* Forgets all that is in memory; reads it anew. */
void vs_depot_stop(struct vs_depot *d);
vs_status vs_depot_restart(struct vs_depot *d) VS_MUST_CHECK;

/* A person's moves. */
void vs_depot_start(struct vs_depot *d, uint64_t now_s);
void vs_depot_move(struct vs_depot *d, enum vs_campaign_move move);
void vs_depot_freeze(struct vs_depot *d, bool on, uint64_t now_s);
void vs_depot_retry(struct vs_depot *d, uint64_t now_s);

/* Time passes. */
void vs_depot_tick(struct vs_depot *d, uint64_t now_s);

/* What a charger says of itself. */
struct vs_depot_report {
	bool runs_new, broke, healthy, past;
	uint64_t faults;
};
void vs_depot_report(struct vs_depot *d, uint32_t charger,
                     const struct vs_depot_report *r, uint64_t now_s);
/* Whether the charger is to run the new release; the poll. */
bool vs_depot_poll(struct vs_depot *d, uint32_t charger, uint64_t now_s);

#endif
