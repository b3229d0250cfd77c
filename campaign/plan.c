/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/plan.c - is this plan one that can be carried out?
 */
#include <string.h>

#include "campaign/campaign.h"

#define DAY_MIN 1440

static vs_status bad(struct vs_why *why, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, at);
}

static vs_status check_waves(const struct vs_plan *p, struct vs_why *why)
{
	uint32_t least[2] = {1, 1}; /* by kind */

	if (p->wave_count == 0 || p->wave_count > VS_WAVES_MAX)
		return bad(why, "waves: from 1 to 16 are needed", 0);
	for (size_t i = 0; i < p->wave_count; i++) {
		const struct vs_wave *w = &p->waves[i];

		if (w->kind != VS_WAVE_COUNT && w->kind != VS_WAVE_PERCENT)
			return bad(why, "waves: no such kind", i);
		if (w->amount == 0)
			return bad(why, "waves: an amount starts at 1", i);
		if (w->kind == VS_WAVE_PERCENT && w->amount > 100)
			return bad(why, "waves: percent is over 100", i);
		if (w->amount < least[w->kind])
			return bad(why, "waves: smaller than an earlier one",
			           i);
		least[w->kind] = w->amount;
	}
	return VS_OK;
}

static vs_status check_window(const struct vs_window *w, struct vs_why *why)
{
	if (w->start_min >= DAY_MIN)
		return bad(why, "window.start: not a time of day", 0);
	if (w->end_min >= DAY_MIN)
		return bad(why, "window.end: not a time of day", 0);
	if (w->start_min == w->end_min)
		return bad(why, "window: start and end are the same", 0);
	return VS_OK;
}

vs_status vs_plan_check(const struct vs_plan *p, struct vs_why *why)
{
	vs_status st = check_waves(p, why);

	if (st)
		return st;
	if (!memchr(p->salt, 0, sizeof p->salt))
		return bad(why, "salt: too long", 0);
	if (p->per_site == 0)
		return bad(why, "per_site: starts at 1", 0);
	if (p->fail_percent == 0 || p->fail_percent > 100)
		return bad(why, "fail_percent: from 1 to 100", 0);
	if (p->fail_count == 0)
		return bad(why, "fail_count: starts at 1", 0);
	return p->has_window ? check_window(&p->window, why) : VS_OK;
}
