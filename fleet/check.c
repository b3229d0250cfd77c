/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/check.c - keeping the second set of books.
 *
 * Written from the words of docs/operations/campaigns.md, not from the
 * campaign's code.
 */
#include "fleet/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { hour_s = 3600, day_s = 86400 };

struct vs_book {
	uint8_t state, wave;
	bool member, ill, away;
	uint32_t told, excused; /* starts; withdrawn or given another chance */
	uint64_t since_s, reported_s;
};

VS_PRINTF(3, 4)
static void wrong(struct vs_check *c, uint64_t now_s, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (c->wrong[0])
		return;
	n = snprintf(c->wrong, sizeof c->wrong, "at %llu s: ",
	             (unsigned long long)(now_s > c->scene->begin_s
	                                          ? now_s - c->scene->begin_s
	                                          : 0));
	va_start(ap, fmt);
	(void)vsnprintf(c->wrong + n, sizeof c->wrong - (size_t)n, fmt, ap);
	va_end(ap);
}

static int by_rank(const void *left, const void *right, void *ctx)
{
	const struct vs_check *c = ctx;
	const struct vs_charger *a =
		&c->scene->chargers[*(const uint32_t *)left];
	const struct vs_charger *b =
		&c->scene->chargers[*(const uint32_t *)right];
	uint64_t x = vs_plan_rank(c->scene->plan.salt, a->id);
	uint64_t y = vs_plan_rank(c->scene->plan.salt, b->id);

	return x < y ? -1 : x > y;
}

/* Who is in which wave: by number, over those who are not skipped. */
static void place(struct vs_check *c)
{
	const struct vs_plan *p = &c->scene->plan;
	uint64_t total = 0, n = 0;
	size_t w = 0;

	for (uint32_t i = 0; i < c->member_count; i++)
		total += c->books[c->order[i]].state != VS_MEMBER_SKIPPED;
	memset(c->waves, 0, sizeof c->waves);
	for (uint32_t i = 0; i < c->member_count; i++) {
		struct vs_book *b = &c->books[c->order[i]];

		b->wave = VS_WAVES_MAX;
		if (b->state != VS_MEMBER_SKIPPED) {
			while (w < p->wave_count &&
			       n >= (p->waves[w].kind == VS_WAVE_COUNT
			                     ? p->waves[w].amount
			                     : (total * p->waves[w].amount +
			                        99) / 100))
				w++;
			b->wave =
				(uint8_t)(w < p->wave_count ? w : VS_WAVES_MAX);
			n++;
		}
		c->waves[b->wave].size++;
		c->waves[b->wave].n[b->state]++;
	}
	c->stale = false;
}

vs_status vs_check_init(struct vs_check *c, const struct vs_scene *s)
{
	*c = (struct vs_check){.scene = s};
	c->books = calloc(s->count, sizeof *c->books);
	c->order = calloc(s->count, sizeof *c->order);
	c->site_size = calloc(s->count, sizeof *c->site_size);
	c->site_away = calloc(s->count, sizeof *c->site_away);
	c->feeder_away = calloc(s->count, sizeof *c->feeder_away);
	if (!c->books || !c->order || !c->site_size || !c->site_away ||
	    !c->feeder_away) {
		vs_check_drop(c);
		return VS_ERR_NOMEM;
	}
	for (uint32_t i = 0; i < s->count; i++) {
		const struct vs_charger *k = &s->chargers[i];

		c->site_size[k->site_no]++;
		c->books[i].member = !strcmp(k->model, "ac22") && !k->lab;
		if (c->books[i].member)
			c->order[c->member_count++] = i;
	}
	qsort_r(c->order, c->member_count, sizeof *c->order, by_rank, c);
	place(c);
	return VS_OK;
}

void vs_check_drop(struct vs_check *c)
{
	free(c->books);
	free(c->order);
	free(c->site_size);
	free(c->site_away);
	free(c->feeder_away);
	free(c->starts);
	*c = (struct vs_check){0};
}

static void settle(struct vs_check *c, uint32_t charger)
{
	const struct vs_charger *k = &c->scene->chargers[charger];
	struct vs_book *b = &c->books[charger];
	bool away = b->state == VS_MEMBER_STARTED ||
	            b->state == VS_MEMBER_SOAKING ||
	            (b->state == VS_MEMBER_FAILED && b->ill);

	if (away == b->away)
		return;
	b->away = away;
	uint32_t one = away ? 1 : UINT32_MAX; /* modulo 2^32 */
	c->site_away[k->site_no] += one;
	c->feeder_away[k->feeder_no] += one;
	c->away += one;
	if (c->away > c->most_away)
		c->most_away = c->away;
}

static bool within(const struct vs_window *w, unsigned minute, unsigned day)
{
	if (w->start_min <= w->end_min)
		return minute >= w->start_min && minute < w->end_min &&
		       (w->days & 1u << day);
	if (minute >= w->start_min)
		return w->days & 1u << day;
	return minute < w->end_min && (w->days & 1u << (day + 6) % 7);
}

static void judge_window(struct vs_check *c, uint32_t charger, uint64_t now_s)
{
	const struct vs_plan *p = &c->scene->plan;
	const struct vs_charger *k = &c->scene->chargers[charger];
	unsigned minute = vs_clock_minute(k->clock, now_s);
	int64_t local = (int64_t)now_s + vs_clock_offset(k->clock, now_s);
	unsigned day = (unsigned)(local / day_s + 3) % 7;
	bool open = p->window_count == 0;

	if (p->deadline_opens && now_s >= p->deadline_s)
		return;
	for (size_t i = 0; i < p->window_count; i++)
		open = open || within(&p->windows[i], minute, day);
	if (!open)
		wrong(c, now_s, "%s starts at %02u:%02u %s, in no window",
		      k->id, minute / 60, minute % 60,
		      vs_clock_names[k->clock]);
}

static void judge_neighbours(struct vs_check *c, uint32_t charger,
                             uint64_t now_s)
{
	const struct vs_plan *p = &c->scene->plan;
	const struct vs_charger *k = &c->scene->chargers[charger];
	uint32_t self = c->books[charger].away;
	uint32_t cap = c->site_size[k->site_no] * p->site_percent / 100;

	cap = cap < 1 ? 1 : cap > p->per_site ? p->per_site : cap;
	if (c->site_away[k->site_no] - self >= cap)
		wrong(c, now_s, "%s starts while %u of its site are away",
		      k->id, c->site_away[k->site_no]);
	if (k->feeder[0] && c->feeder_away[k->feeder_no] - self)
		wrong(c, now_s, "%s starts while its feeder lacks another",
		      k->id);
}

/* Starts of the last 60 minutes of the server's clock, this one included. */
static void judge_hour(struct vs_check *c, uint64_t now_s)
{
	const struct vs_plan *p = &c->scene->plan;
	uint32_t n = 0, cap = UINT32_MAX;

	if (p->per_hour)
		cap = p->per_hour;
	if (p->hour_percent &&
	    (c->member_count * p->hour_percent + 99) / 100 < cap)
		cap = (c->member_count * p->hour_percent + 99) / 100;
	/* In the server's order, whose clock errs by minutes. */
	for (size_t i = c->start_count;
	     i-- > 0 && c->starts[i] + 2 * hour_s > now_s;)
		n += c->starts[i] + hour_s > now_s && c->starts[i] <= now_s;
	if (n > cap)
		wrong(c, now_s, "%u starts within an hour, %u are the cap", n,
		      cap);
}

static void judge_waves(struct vs_check *c, uint32_t charger, uint64_t now_s)
{
	const struct vs_plan *p = &c->scene->plan;
	uint8_t wave = c->books[charger].wave;

	if (wave >= p->wave_count)
		wrong(c, now_s, "a start outside of all waves");
	for (uint8_t w = 0; w < wave && w < p->wave_count; w++) {
		const struct vs_tally *t = &c->waves[w];
		bool settled = !t->n[VS_MEMBER_WAITING] &&
		               !t->n[VS_MEMBER_STARTED] &&
		               !t->n[VS_MEMBER_SOAKING];

		if (!settled && t->n[VS_MEMBER_UPDATED] * 100 <
		                        t->size * p->advance_percent)
			wrong(c, now_s,
			      "a start in wave %u: %u of %u in wave %u are "
			      "proven",
			      wave + 1u, t->n[VS_MEMBER_UPDATED], t->size,
			      w + 1u);
	}
}

/* Whether the failures stop the campaign, by these books. */
static bool too_many(const struct vs_check *c)
{
	const struct vs_plan *p = &c->scene->plan;
	uint32_t failed = 0;

	for (size_t w = 0; w <= VS_WAVES_MAX; w++) {
		uint32_t here = c->waves[w].n[VS_MEMBER_FAILED];

		failed += here;
		if (w < p->wave_count && here &&
		    here * 100 >= c->waves[w].size * p->fail_percent)
			return true;
	}
	return failed >= p->fail_count;
}

static void keep_start(struct vs_check *c, uint64_t now_s)
{
	if (c->start_count == c->start_cap) {
		size_t cap = c->start_cap ? c->start_cap * 2 : 1024;
		uint64_t *more = realloc(c->starts, cap * sizeof *more);

		if (!more) {
			wrong(c, now_s, "no memory for the judge");
			return;
		}
		c->starts = more;
		c->start_cap = cap;
	}
	c->starts[c->start_count++] = now_s;
}

static void judge_start(struct vs_check *c, uint32_t charger, uint64_t now_s)
{
	const struct vs_charger *k = &c->scene->chargers[charger];
	struct vs_book *b = &c->books[charger];

	c->checks++;
	if (!b->member)
		wrong(c, now_s, "%s starts and is no member", k->id);
	if (b->state != VS_MEMBER_WAITING || b->told > b->excused)
		wrong(c, now_s, "%s is told twice", k->id);
	if (c->state != VS_CAMPAIGN_RUNNING || c->frozen)
		wrong(c, now_s, "%s starts while the campaign is %s%s", k->id,
		      vs_campaign_state_name(c->state),
		      c->frozen ? " and frozen" : "");
	if (too_many(c))
		wrong(c, now_s, "%s starts after too many failed", k->id);
	b->told++;
	keep_start(c, now_s);
	judge_window(c, charger, now_s);
	judge_neighbours(c, charger, now_s);
	judge_hour(c, now_s);
	judge_waves(c, charger, now_s);
	if (c->scene->plan.max_away) {
		uint32_t open = 0;

		for (size_t w = 0; w <= VS_WAVES_MAX; w++)
			open += c->waves[w].n[VS_MEMBER_STARTED] +
			        c->waves[w].n[VS_MEMBER_SOAKING];
		if (open >= c->scene->plan.max_away)
			wrong(c, now_s, "%u are under way already", open);
	}
}

/* Healthy by a report from the end of the soak or later. */
static void judge_soak(struct vs_check *c, uint32_t charger, uint64_t now_s)
{
	const struct vs_book *b = &c->books[charger];

	c->checks++;
	if (b->state != VS_MEMBER_SOAKING || b->ill ||
	    b->reported_s < b->since_s + c->scene->plan.soak_s)
		wrong(c, now_s, "%s has not passed its soak",
		      c->scene->chargers[charger].id);
}

void vs_check_event(struct vs_check *c, uint32_t charger, enum vs_cause cause,
                    uint64_t now_s)
{
	static const uint8_t to[VS_CAUSES] = {
		[VS_CAUSE_START] = VS_MEMBER_STARTED,
		[VS_CAUSE_ARRIVED] = VS_MEMBER_SOAKING,
		[VS_CAUSE_BROKE] = VS_MEMBER_FAILED,
		[VS_CAUSE_LATE] = VS_MEMBER_FAILED,
		[VS_CAUSE_SOAKED] = VS_MEMBER_UPDATED,
		[VS_CAUSE_ILL] = VS_MEMBER_FAILED,
		[VS_CAUSE_SILENT] = VS_MEMBER_FAILED,
		[VS_CAUSE_WITHDRAW] = VS_MEMBER_WAITING,
		[VS_CAUSE_RETRY] = VS_MEMBER_WAITING,
		[VS_CAUSE_SKIP] = VS_MEMBER_SKIPPED,
	};
	struct vs_book *b = &c->books[charger];

	if (cause == VS_CAUSE_START && c->stale)
		place(c);
	if (cause == VS_CAUSE_START)
		judge_start(c, charger, now_s);
	if (cause == VS_CAUSE_SOAKED)
		judge_soak(c, charger, now_s);
	b->since_s = now_s;
	b->excused += cause == VS_CAUSE_WITHDRAW || cause == VS_CAUSE_RETRY;
	c->waves[b->wave].n[b->state]--;
	b->state = to[cause];
	c->waves[b->wave].n[b->state]++;
	settle(c, charger);
	c->stale = c->stale || cause == VS_CAUSE_SKIP;
}

void vs_check_state(struct vs_check *c, enum vs_campaign_state state,
                    const char *because)
{
	bool faults = because && !strncmp(because, "faults rose", 11);

	if (state == VS_CAMPAIGN_HALTED) {
		c->checks++;
		c->faults_rose = faults;
		if (c->stale)
			place(c);
		if (!faults && !too_many(c))
			wrong(c, 0, "halted without cause: %s", because);
	}
	c->state = state;
}

void vs_check_report(struct vs_check *c, uint32_t charger, bool healthy,
                     uint64_t now_s)
{
	c->books[charger].reported_s = now_s;
	c->books[charger].ill = !healthy;
	settle(c, charger);
}

void vs_check_counts(struct vs_check *c, const struct vs_progress *p)
{
	uint32_t n[VS_MEMBER_STATES] = {0};

	for (uint32_t i = 0; i < c->member_count; i++)
		n[c->books[c->order[i]].state]++;
	c->checks++;
	if (p->members != c->member_count ||
	    p->waiting != n[VS_MEMBER_WAITING] ||
	    p->started != n[VS_MEMBER_STARTED] ||
	    p->soaking != n[VS_MEMBER_SOAKING] ||
	    p->updated != n[VS_MEMBER_UPDATED] ||
	    p->failed != n[VS_MEMBER_FAILED] ||
	    p->skipped != n[VS_MEMBER_SKIPPED])
		wrong(c, 0,
		      "counters: %zu members, %zu waiting, %zu started, %zu "
		      "soaking, %zu updated, %zu failed, %zu skipped; history: "
		      "%u, %u, %u, %u, %u, %u, %u",
		      p->members, p->waiting, p->started, p->soaking,
		      p->updated, p->failed, p->skipped, c->member_count, n[0],
		      n[1], n[2], n[3], n[4], n[5]);
}

void vs_check_end(struct vs_check *c, bool converged)
{
	for (uint32_t i = 0; i < c->member_count; i++) {
		uint32_t charger = c->order[i];
		const struct vs_charger *k = &c->scene->chargers[charger];
		const struct vs_book *b = &c->books[charger];
		bool fit = !k->mute && k->fate == VS_GOOD && !k->has_it;

		c->checks++;
		if (k->has_it && b->told)
			wrong(c, 0, "%s has it already and was told", k->id);
		if (k->mute && b->told)
			wrong(c, 0, "%s is mute and was told", k->id);
		if ((k->fate == VS_FALLS_BACK || k->fate == VS_DIES) &&
		    b->state == VS_MEMBER_UPDATED)
			wrong(c, 0, "%s cannot run it and counts as updated",
			      k->id);
		if (converged && fit && b->state != VS_MEMBER_UPDATED)
			wrong(c, c->scene->end_s, "%s is well and still %s",
			      k->id,
			      vs_member_state_name(
				      (enum vs_member_state)b->state));
	}
}

enum vs_member_state vs_check_member(const struct vs_check *c, uint32_t charger)
{
	return (enum vs_member_state)c->books[charger].state;
}
