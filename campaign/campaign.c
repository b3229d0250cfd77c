/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/campaign.c - one step of a campaign, and who may start.
 *
 * A wave is counted over the members that are not SKIPPED: if it were not, a
 * canary that has the version already would let everybody else through
 * unproven.  Every rule errs to the side of nobody starting.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "campaign/campaign.h"

#define DAY_MIN 1440
/* So many waiting members are looked at to explain why nobody starts. */
#define EXPLAIN_MAX 64

/* What keeps a member from starting, the cheapest to find out first. */
enum block {
	FREE,
	NOT_WAITING,
	OUTSIDE_WINDOW,
	LATER_WAVE,
	SITE_BUSY,
	FEEDER_BUSY,
};

static uint64_t since(uint64_t now_s, uint64_t then_s)
{
	return now_s > then_s ? now_s - then_s : 0;
}

static void enter(struct vs_member *m, enum vs_member_state state,
                  uint64_t now_s)
{
	m->state = state;
	m->since_s = now_s;
}

/* Only a report from the end of the soak time or later shows that the charger
 * stayed healthy through it: one that went silent has not.
 */
static void advance(const struct vs_plan *p, struct vs_member *m,
                    uint64_t now_s)
{
	uint64_t age_s = since(now_s, m->since_s);

	if (m->state == VS_MEMBER_STARTED) {
		if (p->timeout_s && age_s >= p->timeout_s)
			enter(m, VS_MEMBER_FAILED, now_s);
	} else if (m->state == VS_MEMBER_SOAKING) {
		if (!m->healthy)
			enter(m, VS_MEMBER_FAILED, now_s);
		else if (age_s >= p->soak_s && m->last_report_s >= m->since_s &&
		         m->last_report_s - m->since_s >= p->soak_s)
			enter(m, VS_MEMBER_UPDATED, now_s);
		else if (p->timeout_s &&
		         age_s >= (uint64_t)p->soak_s + p->timeout_s)
			enter(m, VS_MEMBER_FAILED, now_s);
	}
}

static void count(const struct vs_member *m, size_t n, struct vs_progress *out)
{
	size_t *const counters[] = {
		[VS_MEMBER_WAITING] = &out->waiting,
		[VS_MEMBER_STARTED] = &out->started,
		[VS_MEMBER_SOAKING] = &out->soaking,
		[VS_MEMBER_UPDATED] = &out->updated,
		[VS_MEMBER_FAILED] = &out->failed,
		[VS_MEMBER_SKIPPED] = &out->skipped,
	};

	out->members = n;
	for (size_t i = 0; i < n; i++)
		(*counters[m[i].state])++;
}

/* The first place that is no longer in wave w, of total places. */
static size_t limit(const struct vs_plan *p, size_t w, size_t total)
{
	size_t most = 0;

	for (size_t i = 0; i <= w && i < p->wave_count; i++) {
		uint64_t end = p->waves[i].amount;

		if (p->waves[i].kind == VS_WAVE_PERCENT)
			end = ((uint64_t)total * end + 99) / 100;
		if (end > total)
			end = total;
		if (end > most)
			most = (size_t)end;
	}
	return most;
}

/* How the members of one wave stand, whatever came before it. */
struct tally {
	size_t size, failed, open; /* open: waiting, started or soaking */
};

static void tally_waves(const struct vs_plan *p, const struct vs_member *m,
                        size_t n, struct tally out[static VS_WAVES_MAX])
{
	size_t total = 0, place = 0, w = 0;

	for (size_t i = 0; i < n; i++)
		total += m[i].state != VS_MEMBER_SKIPPED;
	for (size_t i = 0; i < n; i++) {
		if (m[i].state == VS_MEMBER_SKIPPED)
			continue;
		while (w < p->wave_count && place >= limit(p, w, total))
			w++;
		if (w == p->wave_count)
			return;
		out[w].size++;
		out[w].failed += m[i].state == VS_MEMBER_FAILED;
		out[w].open += m[i].state == VS_MEMBER_WAITING ||
		               m[i].state == VS_MEMBER_STARTED ||
		               m[i].state == VS_MEMBER_SOAKING;
		place++;
	}
}

VS_PRINTF(2, 3)
static void say(struct vs_progress *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	/* A longer explanation is cut, which loses nothing but words. */
	(void)vsnprintf(out->because, sizeof out->because, fmt, ap);
	va_end(ap);
}

static void judge(const struct vs_plan *p, const struct tally *t,
                  struct vs_progress *out)
{
	if (out->failed >= p->fail_count) {
		out->halt = true;
		say(out, "%zu failed, %u stop the campaign", out->failed,
		    p->fail_count);
		return;
	}
	for (size_t w = 0; w < p->wave_count; w++) {
		if (!t[w].failed ||
		    (uint64_t)t[w].failed * 100 <
		            (uint64_t)t[w].size * p->fail_percent)
			continue;
		out->halt = true;
		say(out,
		    "%zu of %zu in wave %zu failed, %u%% stop the campaign",
		    t[w].failed, t[w].size, w + 1, p->fail_percent);
		return;
	}
}

static void open_wave(const struct vs_plan *p, const struct tally *t,
                      struct vs_progress *out)
{
	while (out->wave + 1 < p->wave_count && !t[out->wave].open)
		out->wave++;
	/* A skip makes a percentage smaller and can so leave somebody who was
	 * told already beyond the last wave.
	 */
	out->done = out->wave + 1 == p->wave_count && !t[out->wave].open &&
	            !out->started && !out->soaking;
}

static bool in_window(const struct vs_window *w, int32_t utc_offset_min,
                      uint64_t now_s)
{
	int64_t minute = (int64_t)(now_s / 60 % DAY_MIN) + utc_offset_min;

	minute = (minute % DAY_MIN + DAY_MIN) % DAY_MIN;
	if (w->start_min < w->end_min)
		return minute >= w->start_min && minute < w->end_min;
	return minute >= w->start_min || minute < w->end_min;
}

/* Out of service, or not yet proven to be in service again. */
static bool away(const struct vs_member *m)
{
	return m->state == VS_MEMBER_STARTED || m->state == VS_MEMBER_SOAKING ||
	       (m->state == VS_MEMBER_FAILED && m->last_report_s &&
	        !m->healthy);
}

static enum block neighbours(const struct vs_plan *p, const struct vs_member *m,
                             size_t n, size_t i)
{
	uint32_t away_on_site = 0;

	for (size_t k = 0; k < n; k++) {
		if (!away(&m[k]))
			continue;
		if (m[i].feeder[0] && !strcmp(m[k].feeder, m[i].feeder))
			return FEEDER_BUSY;
		if (!strcmp(m[k].site, m[i].site) &&
		    ++away_on_site >= p->per_site)
			return SITE_BUSY;
	}
	return FREE;
}

static bool in_wave(const struct vs_plan *p, const struct vs_member *m,
                    size_t n, size_t i, size_t wave)
{
	size_t total = 0, place = 0;

	for (size_t k = 0; k < n; k++) {
		if (m[k].state == VS_MEMBER_SKIPPED)
			continue;
		total++;
		place += k < i;
	}
	return place < limit(p, wave, total);
}

static enum block block(const struct vs_plan *p, const struct vs_member *m,
                        size_t n, size_t i, uint64_t now_s, size_t wave)
{
	if (m[i].state != VS_MEMBER_WAITING)
		return NOT_WAITING;
	if (p->has_window && !in_window(&p->window, m[i].utc_offset_min, now_s))
		return OUTSIDE_WINDOW;
	if (!in_wave(p, m, n, i, wave))
		return LATER_WAVE;
	return neighbours(p, m, n, i);
}

/* Names what holds up the first member that waits, if nobody may start. */
static void explain(const struct vs_plan *p, const struct vs_member *m,
                    size_t n, uint64_t now_s, struct vs_progress *out)
{
	size_t seen = 0, first = n;
	enum block why = FREE;

	for (size_t i = 0; i < n && seen < EXPLAIN_MAX; i++) {
		enum block b = block(p, m, n, i, now_s, out->wave);

		if (b == FREE)
			return;
		if (b == LATER_WAVE)
			break; /* and so are all after it */
		if (b != NOT_WAITING && !seen++) {
			first = i;
			why = b;
		}
	}
	if (first < n && !in_wave(p, m, n, first, out->wave))
		why = LATER_WAVE;
	if (why == OUTSIDE_WINDOW)
		say(out, "outside the window %02d:%02d to %02d:%02d",
		    p->window.start_min / 60, p->window.start_min % 60,
		    p->window.end_min / 60, p->window.end_min % 60);
	else if (why == SITE_BUSY)
		say(out, "%s waits for another charger of site %s", m[first].id,
		    m[first].site);
	else if (why == FEEDER_BUSY)
		say(out, "%s waits for another charger of feeder %s",
		    m[first].id, m[first].feeder);
	else if (out->started + out->soaking)
		say(out, "wave %zu of %zu: %zu started, %zu soaking",
		    out->wave + 1, p->wave_count, out->started, out->soaking);
}

void vs_campaign_step(const struct vs_plan *p, struct vs_member *m, size_t n,
                      uint64_t now_s, struct vs_progress *out)
{
	struct tally waves[VS_WAVES_MAX] = {0};

	*out = (struct vs_progress){0};
	for (size_t i = 0; i < n; i++)
		advance(p, &m[i], now_s);
	count(m, n, out);
	tally_waves(p, m, n, waves);
	open_wave(p, waves, out);
	judge(p, waves, out);
	if (!out->halt && !out->done)
		explain(p, m, n, now_s, out);
}

bool vs_campaign_may_start(const struct vs_plan *p, const struct vs_member *m,
                           size_t n, size_t i, uint64_t now_s,
                           const struct vs_progress *progress)
{
	if (progress->halt || progress->done || i >= n)
		return false;
	return block(p, m, n, i, now_s, progress->wave) == FREE;
}
