/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/scene.c - drawing a fleet.
 */
#include "fleet/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { hour_s = 3600, day_s = 86400 };
enum { site_max = 16, group_max = 4, history_days = 8 };

const char *const vs_release_kind_names[VS_RELEASES] = {
	[VS_RELEASE_GOOD] = "good",
	[VS_RELEASE_BAD] = "bad",
	[VS_RELEASE_RARE] = "rare",
	[VS_RELEASE_FAULTY] = "faulty",
};

/* Midnights UTC; three weeks in which some clock changes, and one without. */
static const uint64_t begins[] = {
	1774483200, /* 2026-03-26: Europe goes forward on the 29th */
	1792627200, /* 2026-10-22: Europe goes back on the 25th */
	1772668800, /* 2026-03-05: the USA go forward on the 8th */
	1781222400, /* 2026-06-12 */
};

static const struct vs_plan usual = {
	.waves = {{VS_WAVE_COUNT, 10},
                  {VS_WAVE_PERCENT, 5},
                  {VS_WAVE_PERCENT, 40},
                  {VS_WAVE_PERCENT, 100}},
	.wave_count = 4,
	.per_site = 2,
	.site_percent = 25,
	.soak_s = 1800,
	.advance_percent = 80,
	.fail_percent = 20,
	.fail_count = 30,
	.timeout_s = 12 * hour_s,
};

static enum vs_fate draw_fate(struct vs_random *r, enum vs_release_kind kind)
{
	static const uint32_t bad_in_a_million[VS_RELEASES] = {
		[VS_RELEASE_GOOD] = 5000,
		[VS_RELEASE_BAD] = 1000000,
		[VS_RELEASE_RARE] = 166667,
		[VS_RELEASE_FAULTY] = 5000,
	};
	bool bad = vs_random_chance(r, bad_in_a_million[kind]);
	enum vs_fate fate = (enum vs_fate)(1 + vs_random_below(r, 3));

	if (bad)
		return fate;
	return kind == VS_RELEASE_FAULTY ? VS_FAULTY : VS_GOOD;
}

static void draw_charger(struct vs_scene *s, struct vs_random *r, uint32_t i)
{
	struct vs_charger *c = &s->chargers[i];

	(void)snprintf(c->id, sizeof c->id, "CP-%07u", i);
	(void)snprintf(c->model, sizeof c->model, "%s",
	               vs_random_chance(r, 900000) ? "ac22" : "dc150");
	c->fate = draw_fate(r, s->kind);
	c->lab = vs_random_chance(r, 10000);
	c->has_it = vs_random_chance(r, 20000);
	(void)snprintf(c->version, sizeof c->version, "%s",
	               c->has_it ? "2.1.0" : "2.0.9");
	c->mute = vs_random_chance(r, 10000);
	c->mute_until_s = vs_random_chance(r, 20000)
	                          ? s->begin_s + vs_random_below(r, 2 * day_s)
	                          : 0;
	c->fetch_s = vs_random_chance(r, 50000)
	                     ? hour_s + vs_random_below(r, 5 * hour_s)
	                     : 60 + vs_random_below(r, 900);
	c->faults_per_day = 1 + vs_random_below(r, 8);
	c->clock_wrong_s =
		vs_random_chance(r, 50000)
			? (int32_t)vs_random_below(r, 20 * day_s) - 10 * day_s
			: 0;
}

/* Sites of 1 to 16, most of them with feeder groups of 2 to 4. */
static void draw_sites(struct vs_scene *s, struct vs_random *r)
{
	uint32_t in_site = 0, in_group = 0;
	bool grouped = false;
	enum vs_clock clock = VS_BERLIN;

	for (uint32_t i = 0; i < s->count; i++) {
		struct vs_charger *c = &s->chargers[i];

		if (!in_site) {
			in_site = 1 + vs_random_below(r, site_max);
			in_group = 0;
			grouped = vs_random_chance(r, 750000);
			clock = (enum vs_clock)vs_random_below(r, VS_CLOCKS);
			s->site_count++;
		}
		if (!in_group) {
			in_group = 2 + vs_random_below(r, group_max - 1);
			s->feeder_count++;
		}
		in_site--;
		in_group--;
		c->clock = clock;
		c->site_no = s->site_count - 1;
		c->feeder_no = s->feeder_count - 1;
		(void)snprintf(c->site, sizeof c->site, "s%u", c->site_no);
		if (grouped)
			(void)snprintf(c->feeder, sizeof c->feeder, "f%u",
			               c->feeder_no);
		if (!in_site)
			in_group = 0;
	}
}

static struct vs_span draw_span(const struct vs_scene *s, struct vs_random *r,
                                uint32_t longest_s)
{
	uint64_t from_s =
		s->begin_s +
		vs_random_below(r, (uint32_t)(s->calm_s - s->begin_s));

	return (struct vs_span){
		from_s,
		from_s + VS_TICK_S + vs_random_below(r, longest_s),
		vs_random_below(r, s->site_count),
	};
}

static void draw_misfortunes(struct vs_scene *s, struct vs_random *r)
{
	s->outage_count = vs_random_below(r, 6);
	for (size_t i = 0; i < s->outage_count; i++)
		s->outages[i] = draw_span(s, r, 4 * hour_s);
	s->cut_count = vs_random_below(r, VS_SPANS_MAX);
	for (size_t i = 0; i < s->cut_count; i++)
		s->cuts[i] = draw_span(s, r, 10 * hour_s);
	s->skew_count = vs_random_below(r, VS_SKEWS_MAX + 1);
	for (size_t i = 0; i < s->skew_count; i++) {
		s->skews[i].from_s = draw_span(s, r, 1).from_s;
		s->skews[i].by_s = (int32_t)vs_random_below(r, 1200) - 600;
	}
	if (vs_random_chance(r, 400000))
		s->pause = draw_span(s, r, 8 * hour_s);
	if (vs_random_chance(r, 400000))
		s->freeze = draw_span(s, r, 8 * hour_s);
	s->retry_s = s->calm_s;
	s->crash_in_a_million = vs_random_chance(r, 750000) ? 5000 : 0;
	s->lost_in_a_million = vs_random_below(r, 30000);
}

static void draw_plan(struct vs_scene *s, struct vs_random *r)
{
	struct vs_plan *p = &s->plan;

	*p = usual;
	(void)snprintf(p->salt, sizeof p->salt, "seed%llu",
	               (unsigned long long)s->seed);
	p->windows[p->window_count++] = (struct vs_window){
		(uint16_t)(20 * 60 + vs_random_below(r, 240)), 6 * 60,
		VS_EVERY_DAY};
	if (vs_random_chance(r, 500000))
		p->windows[p->window_count++] =
			(struct vs_window){11 * 60, 13 * 60, 0x1f};
	p->fail_count = s->count / 33 > 3 ? s->count / 33 : 3;
	if (vs_random_chance(r, 500000))
		p->per_hour = s->count / 10 + 1;
	if (vs_random_chance(r, 500000))
		p->hour_percent = 15;
	if (vs_random_chance(r, 500000))
		p->max_away = s->count / 10 + 1;
	p->deadline_s = s->end_s - day_s;
	p->deadline_opens = vs_random_chance(r, 300000);
}

vs_status vs_scene_init(struct vs_scene *s, const struct vs_scene_wish *w)
{
	struct vs_random r = vs_random_from(w->seed, 1);

	*s = (struct vs_scene){.seed = w->seed, .count = w->chargers};
	s->begin_s =
		begins[vs_random_below(&r, sizeof begins / sizeof *begins)];
	s->end_s = s->begin_s + (uint64_t)w->days * day_s;
	s->calm_s = s->begin_s + (uint64_t)w->days * day_s * 3 / 5;
	s->kind = (enum vs_release_kind)vs_random_below(&r, VS_RELEASES);
	if (w->kind >= 0)
		s->kind = (enum vs_release_kind)w->kind;
	s->chargers = calloc(w->chargers, sizeof *s->chargers);
	if (!s->chargers)
		return VS_ERR_NOMEM;
	for (int c = 0; c < VS_CLOCKS; c++)
		s->zones[c] = (struct vs_zone){
			s->changes[c],
			vs_clock_table((enum vs_clock)c,
		                       s->begin_s - history_days * day_s,
		                       s->changes[c])};
	draw_sites(s, &r);
	for (uint32_t i = 0; i < s->count; i++)
		draw_charger(s, &r, i);
	draw_misfortunes(s, &r);
	draw_plan(s, &r);
	return VS_OK;
}

void vs_scene_drop(struct vs_scene *s)
{
	free(s->chargers);
	s->chargers = NULL;
}

bool vs_scene_down(const struct vs_scene *s, uint64_t now_s)
{
	for (size_t i = 0; i < s->outage_count; i++)
		if (now_s >= s->outages[i].from_s && now_s < s->outages[i].to_s)
			return true;
	return false;
}

uint64_t vs_scene_server_clock(const struct vs_scene *s, uint64_t now_s)
{
	uint64_t since_s = 0, says_s = now_s;

	for (size_t i = 0; i < s->skew_count; i++)
		if (s->skews[i].from_s <= now_s &&
		    s->skews[i].from_s >= since_s) {
			since_s = s->skews[i].from_s;
			says_s = (uint64_t)((int64_t)now_s + s->skews[i].by_s);
		}
	return says_s;
}

bool vs_scene_power(const struct vs_scene *s, const struct vs_charger *c,
                    uint64_t now_s)
{
	for (size_t i = 0; i < s->cut_count; i++)
		if (s->cuts[i].site_no == c->site_no &&
		    now_s >= s->cuts[i].from_s && now_s < s->cuts[i].to_s)
			return false;
	return true;
}
