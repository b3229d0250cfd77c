/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/plan.c - is this plan one that can be carried out?  And the
 * order of its chargers.
 *
 * The rank is FNV-1a over salt, a zero byte and id, then the finaliser of
 * MurmurHash3, because FNV-1a alone hardly moves the high bits for ids that
 * differ in the last digit.  It spreads chargers; it protects nothing, so it
 * need not be a cryptographic hash.
 */
#include <string.h>

#include "campaign/plan.h"

static vs_status bad(struct vs_why *why, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, at);
}

static vs_status check_wave(const struct vs_wave *w, uint32_t *least,
                            struct vs_why *why, size_t i)
{
	if (w->kind != VS_WAVE_COUNT && w->kind != VS_WAVE_PERCENT &&
	    w->kind != VS_WAVE_FILTER)
		return bad(why, "waves: no such kind", i);
	if (w->kind == VS_WAVE_FILTER)
		return w->amount ? bad(why, "waves: a filter and an amount", i)
		                 : VS_OK;
	if (w->amount == 0)
		return bad(why, "waves: an amount starts at 1", i);
	if (w->kind == VS_WAVE_PERCENT && w->amount > 100)
		return bad(why, "waves: percent is over 100", i);
	if (w->amount < least[w->kind])
		return bad(why, "waves: smaller than an earlier one", i);
	least[w->kind] = w->amount;
	return VS_OK;
}

static vs_status check_waves(const struct vs_plan *p, struct vs_why *why)
{
	uint32_t least[] = {1, 1, 0}; /* by kind */
	vs_status status = VS_OK;

	if (p->wave_count == 0 || p->wave_count > VS_WAVES_MAX)
		return bad(why, "waves: from 1 to 16 are needed", 0);
	for (size_t i = 0; !status && i < p->wave_count; i++)
		status = check_wave(&p->waves[i], least, why, i);
	return status;
}

static vs_status check_limits(const struct vs_plan *p, struct vs_why *why)
{
	if (p->per_site == 0)
		return bad(why, "per_site: starts at 1", 0);
	if (p->site_percent > 100)
		return bad(why, "site_percent: from 0 to 100", 0);
	if (p->hour_percent > 100)
		return bad(why, "hour_percent: from 0 to 100", 0);
	if (p->advance_percent == 0 || p->advance_percent > 100)
		return bad(why, "advance_percent: from 1 to 100", 0);
	if (p->fail_percent == 0 || p->fail_percent > 100)
		return bad(why, "fail_percent: from 1 to 100", 0);
	if (p->fail_count == 0)
		return bad(why, "fail_count: starts at 1", 0);
	if (p->deadline_opens && !p->deadline_s)
		return bad(why, "deadline_opens: there is no deadline", 0);
	return VS_OK;
}

vs_status vs_plan_check(const struct vs_plan *p, struct vs_why *why)
{
	vs_status status = check_waves(p, why);

	if (status)
		return status;
	if (!memchr(p->salt, 0, sizeof p->salt))
		return bad(why, "salt: too long", 0);
	if (p->window_count > VS_WINDOWS_MAX)
		return bad(why, "windows: from 0 to 8", 0);
	for (size_t i = 0; !status && i < p->window_count; i++)
		status = vs_window_check(&p->windows[i], why);
	return status ? status : check_limits(p, why);
}

static uint64_t mix(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return h;
}

uint64_t vs_plan_rank(const char *salt, const char *id)
{
	uint64_t h = mix(UINT64_C(0xcbf29ce484222325), salt);

	h *= UINT64_C(0x100000001b3); /* the zero byte */
	h = mix(h, id);
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return h;
}
