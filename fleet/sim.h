/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/sim.h - virtual chargers against the campaign code, minute by minute.
 */
#ifndef VS_FLEET_SIM_H
#define VS_FLEET_SIM_H

#include "fleet/depot.h"

struct vs_result {
	uint64_t seed;
	enum vs_release_kind kind;
	enum vs_campaign_state state;
	char because[160];
	struct vs_progress progress;
	size_t starts;
	uint32_t chargers, most_away, restarts;
	uint32_t canary;  /* size of the first wave */
	uint64_t ended_s; /* after so long; 0: not within the time */
	uint64_t checks, polls;
	char wrong[240]; /* "": every invariant held */
};

/* The commit that this was built from. */
extern const char vs_fleet_commit[];

/* Runs a whole scene.  trace: a line for each event, or NULL.
 * VS_OK and *out, also if out->wrong; VS_ERR_NOMEM; VS_ERR_LIMIT.
 */
vs_status vs_sim_run(const struct vs_scene_wish *w, struct vs_result *out,
                     void (*trace)(void *ctx, const char *line),
                     void *ctx) VS_MUST_CHECK;

#endif
