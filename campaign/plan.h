/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/plan.h - what a campaign is allowed to do: waves, windows, limits.
 */
#ifndef VS_CAMPAIGN_PLAN_H
#define VS_CAMPAIGN_PLAN_H

#include "campaign/window.h"

#define VS_WAVES_MAX 16
#define VS_ID_LEN 64 /* with the closing zero */

enum vs_wave_kind {
	VS_WAVE_COUNT,   /* so many chargers in all, this wave included */
	VS_WAVE_PERCENT, /* so many per cent in all, rounded up; of those who
	                  * are not SKIPPED, as a count is too */
	VS_WAVE_FILTER,  /* those of the others whom its filter takes */
};

struct vs_wave {
	enum vs_wave_kind kind;
	uint32_t amount; /* cumulative; never below the one before of its kind;
	                  * 0 with a filter */
};

/* A limit of 0 is none, where nothing else is said. */
struct vs_plan {
	struct vs_wave waves[VS_WAVES_MAX];
	size_t wave_count;
	char salt[VS_ID_LEN]; /* orders the chargers: hash(salt, id) */

	/* Away at once: under way, or failed and not well again. */
	uint32_t per_site;     /* of one site; from 1 */
	uint32_t site_percent; /* of one site's chargers, rounded down, but 1
	                        * at least; 0..100 */
	uint32_t max_away;     /* of this campaign */
	/* Starts within any 60 minutes. */
	uint32_t per_hour;
	uint32_t hour_percent; /* of the members, rounded up; 0..100 */

	uint32_t soak_s;          /* healthy so long before it counts */
	uint32_t advance_percent; /* of a wave updated opens the next; 1..100;
	                           * 100: nobody may be left out */
	uint32_t fail_percent;    /* of the wave's chargers, 1..100 */
	uint32_t fail_count;      /* halts at so many failures; from 1 */
	uint32_t timeout_s;       /* started so long ago = failed; 0: never */
	bool ignore_faults;       /* no halt because of a higher fault rate */

	struct vs_window windows[VS_WINDOWS_MAX]; /* when a start is allowed */
	size_t window_count;
	uint64_t deadline_s; /* to be done by then */
	bool deadline_opens; /* from then on windows do not hold */
	bool emergency;      /* neither windows nor waves hold */
};

/* Checks a plan.  VS_OK; VS_ERR_INPUT with why naming the field. */
vs_status vs_plan_check(const struct vs_plan *p,
                        struct vs_why *why) VS_MUST_CHECK;

/* Where a charger stands in the order of a plan.  A plain mixing hash: it
 * spreads, and no more.
 */
uint64_t vs_plan_rank(const char *salt, const char *id);

#endif
