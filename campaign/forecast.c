/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/forecast.c - rounds, hours and windows.
 */
#include "campaign/forecast.h"

#include <stdlib.h>

enum { hour_s = 3600, week_s = 7 * 86400, guess_s = hour_s };

static void measure(const struct vs_run *r, struct vs_forecast *out)
{
	uint64_t sum = 0, n = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct vs_seat *s = &r->seats[i];

		if (s->state != VS_MEMBER_UPDATED || !s->started_s ||
		    s->since_s < s->started_s)
			continue;
		sum += s->since_s - s->started_s;
		n++;
	}
	out->observed = n > 0;
	out->cycle_s = n ? (uint32_t)(sum / n) : r->plan->soak_s + guess_s;
	if (!out->cycle_s)
		out->cycle_s = 1;
}

/* Chargers of one wave that are still to go, by site and by feeder. */
struct left {
	uint32_t *sites, *feeders; /* by group */
	size_t count;
	const struct vs_zone *zone; /* of one of them */
};

static bool to_go(const struct vs_seat *s)
{
	return s->state == VS_MEMBER_WAITING || s->state == VS_MEMBER_STARTED ||
	       s->state == VS_MEMBER_SOAKING;
}

static uint32_t rounds_of(const struct vs_run *r, size_t wave,
                          struct left *left)
{
	uint32_t most = 0;

	left->count = 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct vs_seat *s = &r->seats[i];
		const struct vs_grid_device *d = &r->grid->devices[s->device];
		uint32_t cap = vs_run_site_cap(r, s->device), rounds;

		if (s->wave != wave || !to_go(s))
			continue;
		left->count++;
		left->zone = vs_grid_zone_of(r->grid, s->device);
		rounds = (++left->sites[d->site] - 1) / cap + 1;
		most = rounds > most ? rounds : most;
		if (d->feeder == VS_NO_GROUP)
			continue;
		rounds = ++left->feeders[d->feeder];
		most = rounds > most ? rounds : most;
	}
	/* Made ready for the next wave without looking at each group. */
	for (size_t i = 0; i < r->count; i++) {
		const struct vs_grid_device *d =
			&r->grid->devices[r->seats[i].device];

		left->sites[d->site] = 0;
		if (d->feeder != VS_NO_GROUP)
			left->feeders[d->feeder] = 0;
	}
	return most;
}

/* The time at which so many seconds of open windows have passed; 0: never. */
static uint64_t pass(const struct vs_plan *p, const struct vs_zone *z,
                     uint64_t from_s, uint64_t open_s)
{
	uint64_t week = vs_window_week(p->windows, p->window_count, z, from_s);

	if (p->emergency)
		return from_s + open_s;
	if (!week)
		return 0;
	from_s += open_s / week * week_s;
	open_s %= week;
	for (;;) {
		from_s = vs_window_next(p->windows, p->window_count, z, from_s);
		if (!from_s)
			return 0;
		if (open_s < 60)
			return from_s + open_s;
		open_s -= 60;
		from_s += 60;
	}
}

static uint64_t more(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t wave_end(const struct vs_run *r, size_t wave, uint64_t from_s,
                         struct vs_forecast *out, struct left *left)
{
	uint32_t rounds = rounds_of(r, wave, left);
	uint32_t hour_cap = vs_run_hour_cap(r);
	uint64_t open_s;

	if (!rounds)
		return from_s;
	/* The last round may end outside of a window. */
	open_s = (uint64_t)(rounds - 1) * out->cycle_s;
	if (hour_cap)
		open_s =
			more(open_s, left->count * (uint64_t)hour_s / hour_cap);
	if (r->plan->max_away)
		open_s = more(open_s, left->count / r->plan->max_away *
		                              (uint64_t)out->cycle_s);
	from_s = pass(r->plan, left->zone, from_s, open_s);
	return from_s ? from_s + out->cycle_s : 0;
}

vs_status vs_forecast_make(const struct vs_run *r, uint64_t now_s,
                           struct vs_forecast *out)
{
	size_t n = r->grid->count ? r->grid->count : 1;
	struct left left = {calloc(n, sizeof(uint32_t)),
	                    calloc(n, sizeof(uint32_t)), 0, NULL};
	uint64_t at_s = now_s;

	*out = (struct vs_forecast){0};
	if (!left.sites || !left.feeders) {
		free(left.sites);
		free(left.feeders);
		return VS_ERR_NOMEM;
	}
	measure(r, out);
	for (size_t w = 0; at_s && w < r->plan->wave_count; w++)
		at_s = wave_end(r, w, at_s, out, &left);
	out->end_s = at_s;
	if (r->plan->deadline_s && now_s >= r->plan->deadline_s)
		for (size_t i = 0; i < r->count; i++)
			out->overdue += to_go(&r->seats[i]) ||
			                r->seats[i].state == VS_MEMBER_FAILED;
	free(left.sites);
	free(left.feeders);
	return VS_OK;
}
