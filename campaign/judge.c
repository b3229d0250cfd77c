/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/judge.c - which wave is open, when to stop, and who may start.
 *
 * A wave is counted over the members that are not SKIPPED: if it were not, a
 * canary that has the version already would let everybody else through
 * unproven.  Every rule errs to the side of nobody starting.
 */
#include <stdarg.h>
#include <stdio.h>

#include "campaign/run.h"

/* So many waiting members are looked at to explain why nobody starts. */
enum { explain_max = 64, look_max = 4096 };
enum { hour_min = 60, hour_s = 3600, few_faults = 10 };

/* At the end of a wave, and at any moment: how sure one must be. */
static const double at_wave_z = 3.5, any_time_z = 4.5;

VS_PRINTF(2, 3)
static void say(struct vs_progress *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	/* A longer explanation is cut, which loses nothing but words. */
	(void)vsnprintf(out->because, sizeof out->because, fmt, ap);
	va_end(ap);
}

/* Newton's; there is no libm here. */
static double root(double x)
{
	double y = x > 1 ? x : 1, less = y / 2 + x / y / 2;

	while (less < y) { /* from above, down to what a double can tell */
		y = less;
		less = y / 2 + x / y / 2;
	}
	return y;
}

/* Twice the root of a Poisson number (and 3/8: Anscombe 1948) has the variance
 * 1 wherever its mean lies; what was expected is uncertain too, for it was
 * counted likewise.
 */
bool vs_faults_rose(const struct vs_fault_sums *f, double z)
{
	double expected = (double)f->expected_u / 1e6;
	double spread = (double)f->spread_u / 1e6;
	double over;

	if (f->expected_u == 0 || (double)f->after <= expected)
		return false;
	over = 2 * (root((double)f->after + 0.375) - root(expected + 0.375));
	return over > z * root(1 + spread / expected);
}

static void count(const struct vs_run *r, struct vs_progress *out)
{
	size_t *const to[VS_MEMBER_STATES] = {
		[VS_MEMBER_WAITING] = &out->waiting,
		[VS_MEMBER_STARTED] = &out->started,
		[VS_MEMBER_SOAKING] = &out->soaking,
		[VS_MEMBER_UPDATED] = &out->updated,
		[VS_MEMBER_FAILED] = &out->failed,
		[VS_MEMBER_SKIPPED] = &out->skipped,
	};

	out->members = r->count;
	for (size_t w = 0; w <= VS_WAVES_MAX; w++)
		for (size_t s = 0; s < VS_MEMBER_STATES; s++)
			*to[s] += r->waves[w].n[s];
}

static size_t under_way(const struct vs_tally *t)
{
	return (size_t)t->n[VS_MEMBER_STARTED] + t->n[VS_MEMBER_SOAKING];
}

/* Nobody of it is left to wait for, or enough are proven. */
static bool through(const struct vs_run *r, size_t w)
{
	const struct vs_tally *t = &r->waves[w];
	uint64_t need =
		((uint64_t)t->size * r->plan->advance_percent + 99) / 100;

	if (!t->n[VS_MEMBER_WAITING] && !under_way(t))
		return true;
	return r->plan->advance_percent < 100 && t->size &&
	       t->n[VS_MEMBER_UPDATED] >= need;
}

static void halt_for_faults(const struct vs_run *r, struct vs_progress *out)
{
	const struct vs_fault_sums *f = &r->faults;

	out->halt = true;
	say(out,
	    "faults rose: %llu in %llu charger hours after the update, the "
	    "same chargers' rate before makes %llu",
	    (unsigned long long)f->after,
	    (unsigned long long)(f->after_s / hour_s),
	    (unsigned long long)((f->expected_u + 500000) / 1000000));
}

/* The wave before is not opened up again by what happens later in another, but
 * by a member of it that is given another chance.
 */
static void open_waves(const struct vs_run *r, struct vs_progress *out)
{
	size_t last = r->plan->wave_count - 1;
	bool left = false;

	while (out->wave < last && through(r, out->wave)) {
		if (!r->plan->ignore_faults && r->faults.after >= few_faults &&
		    vs_faults_rose(&r->faults, at_wave_z)) {
			halt_for_faults(r, out);
			return;
		}
		out->wave++;
	}
	if (r->plan->emergency)
		out->wave = last;
	for (size_t w = 0; w <= last; w++)
		left = left || r->waves[w].n[VS_MEMBER_WAITING];
	out->done = !left && !out->started && !out->soaking;
}

static void judge_failures(const struct vs_run *r, struct vs_progress *out)
{
	const struct vs_plan *p = r->plan;

	if (out->failed >= p->fail_count) {
		out->halt = true;
		say(out, "%zu failed, %u stop the campaign", out->failed,
		    p->fail_count);
		return;
	}
	for (size_t w = 0; w < p->wave_count; w++) {
		const struct vs_tally *t = &r->waves[w];
		uint32_t failed = t->n[VS_MEMBER_FAILED];

		if (!failed || (uint64_t)failed * 100 <
		                       (uint64_t)t->size * p->fail_percent)
			continue;
		out->halt = true;
		say(out, "%u of %u in wave %zu failed, %u%% stop the campaign",
		    failed, t->size, w + 1, p->fail_percent);
		return;
	}
}

static bool windows_hold(const struct vs_plan *p, uint64_t now_s)
{
	if (p->emergency)
		return false;
	return !(p->deadline_opens && p->deadline_s && now_s >= p->deadline_s);
}

uint32_t vs_run_site_cap(const struct vs_run *r, uint32_t device)
{
	const struct vs_plan *p = r->plan;
	uint64_t size = vs_grid_site_size(r->grid, device);
	uint64_t share = size * p->site_percent / 100;

	if (!p->site_percent)
		return p->per_site;
	if (!share)
		share = 1;
	return share < p->per_site ? (uint32_t)share : p->per_site;
}

uint32_t vs_run_hour_cap(const struct vs_run *r)
{
	const struct vs_plan *p = r->plan;
	uint64_t share = ((uint64_t)r->count * p->hour_percent + 99) / 100;

	if (!p->hour_percent)
		return p->per_hour;
	if (p->per_hour && p->per_hour < share)
		return p->per_hour;
	return share ? (uint32_t)share : 1;
}

/* The minute that is one hour ago counts in full; so does what lies ahead, if
 * the clock went back.
 */
static uint32_t starts_in_hour(const struct vs_run *r, uint64_t now_s)
{
	uint64_t minute = now_s / 60;
	uint32_t n = 0;

	for (size_t i = 0; i < VS_STARTS_SLOTS; i++)
		if (r->start_min[i] + hour_min >= minute)
			n += r->starts[i];
	return n;
}

static enum vs_block block(const struct vs_run *r, size_t place, uint64_t now_s)
{
	const struct vs_plan *p = r->plan;
	const struct vs_seat *s = &r->seats[place];
	uint32_t hour_cap = vs_run_hour_cap(r);

	if (s->state != VS_MEMBER_WAITING)
		return VS_BLOCK_STATE;
	if (s->wave > r->progress.wave)
		return VS_BLOCK_WAVE;
	if (windows_hold(p, now_s) &&
	    !vs_window_open(p->windows, p->window_count,
	                    vs_grid_zone_of(r->grid, s->device), now_s))
		return VS_BLOCK_WINDOW;
	if (vs_grid_feeder_away(r->grid, s->device))
		return VS_BLOCK_FEEDER;
	if (vs_grid_site_away(r->grid, s->device) >=
	    vs_run_site_cap(r, s->device))
		return VS_BLOCK_SITE;
	if (p->max_away && r->open_count >= p->max_away)
		return VS_BLOCK_AWAY;
	if (hour_cap && starts_in_hour(r, now_s) >= hour_cap)
		return VS_BLOCK_HOUR;
	return VS_BLOCK_NONE;
}

/* Names what holds up the first member that waits, if nobody may start. */
void vs_run_explain(struct vs_run *r, uint64_t now_s)
{
	static const char *const words[] = {
		[VS_BLOCK_WINDOW] = "waits for its window",
		[VS_BLOCK_FEEDER] =
			"waits for another charger of its feeder group",
		[VS_BLOCK_SITE] = "waits for another charger of its site",
		[VS_BLOCK_HOUR] = "waits for the hour's starts",
		[VS_BLOCK_AWAY] = "waits until fewer are under way",
	};
	enum vs_block why = VS_BLOCK_NONE;
	struct vs_progress *out = &r->progress;
	size_t seen = 0, end;

	if (out->halt || out->done)
		return;
	while (r->cursor < r->count &&
	       r->seats[r->cursor].state != VS_MEMBER_WAITING)
		r->cursor++;
	end = r->count - r->cursor < look_max ? r->count : r->cursor + look_max;
	for (size_t i = r->cursor; i < end && seen < explain_max; i++) {
		enum vs_block b = block(r, i, now_s);

		if (b == VS_BLOCK_NONE)
			return;
		if (b == VS_BLOCK_STATE || b == VS_BLOCK_WAVE)
			continue;
		if (!seen++) {
			why = b;
			out->place = i;
		}
	}
	out->block = why;
	if (why != VS_BLOCK_NONE)
		say(out, "wave %zu of %zu %s", out->wave + 1,
		    r->plan->wave_count, words[why]);
	else if (out->started + out->soaking)
		say(out, "wave %zu of %zu: %zu started, %zu soaking",
		    out->wave + 1, r->plan->wave_count, out->started,
		    out->soaking);
}

void vs_run_judge(struct vs_run *r)
{
	struct vs_progress out = {0};

	if (r->refill)
		vs_run_restored(r);
	count(r, &out);
	open_waves(r, &out);
	if (!out.halt)
		judge_failures(r, &out);
	if (!out.halt && !r->plan->ignore_faults &&
	    r->faults.after >= few_faults &&
	    vs_faults_rose(&r->faults, any_time_z))
		halt_for_faults(r, &out);
	r->progress = out;
}

enum vs_block vs_run_may_start(const struct vs_run *r, size_t place,
                               uint64_t now_s)
{
	if (r->progress.halt || r->progress.done || place >= r->count)
		return VS_BLOCK_ENDED;
	return block(r, place, now_s);
}

const char *vs_block_name(enum vs_block b)
{
	static const char *const names[] = {
		[VS_BLOCK_NONE] = "",       [VS_BLOCK_ENDED] = "ended",
		[VS_BLOCK_STATE] = "state", [VS_BLOCK_WINDOW] = "window",
		[VS_BLOCK_WAVE] = "wave",   [VS_BLOCK_FEEDER] = "feeder",
		[VS_BLOCK_SITE] = "site",   [VS_BLOCK_HOUR] = "hour",
		[VS_BLOCK_AWAY] = "away",
	};

	return (unsigned)b < sizeof names / sizeof *names ? names[b]
	                                                  : "unknown";
}
