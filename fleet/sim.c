/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/sim.c - what each charger does, and when it is asked.
 *
 * Chargers wake by a wheel of minutes; what happens in one minute happens in
 * an order that follows from the seed alone.
 */
#include "fleet/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { wheel_size = 2048, poll_min = 15, hour_s = 3600, day_s = 86400 };
enum { install_s = 300, charging_s = 2 * hour_s, sickens_s = 1200 };
enum { nobody = -1 };

enum phase { IDLE, FETCHING, GATED, INSTALLING, DEAD };

struct device {
	int32_t next; /* in the wheel's slot */
	uint32_t wake_min;
	uint64_t until_s;   /* of the phase */
	uint64_t updated_s; /* when it came up with the new release */
	uint64_t counted_s; /* faults were drawn until then */
	uint64_t faults;
	uint8_t phase;
	bool runs_new, broke;
};

struct sim {
	struct vs_scene scene;
	struct vs_check check;
	struct vs_depot depot;
	struct vs_random random;
	struct device *devices; /* owned */
	int32_t wheel[wheel_size];
	uint64_t polls;
	bool paused, frozen, retried;
	void (*trace)(void *ctx, const char *line);
	void *ctx;
};

static void sleep_until(struct sim *s, uint32_t i, uint64_t at_s)
{
	struct device *d = &s->devices[i];
	uint32_t slot;

	d->wake_min = (uint32_t)((at_s - s->scene.begin_s) / VS_TICK_S);
	slot = d->wake_min % wheel_size;
	d->next = s->wheel[slot];
	s->wheel[slot] = (int32_t)i;
}

static void draw_faults(struct sim *s, uint32_t i, uint64_t now_s)
{
	struct device *d = &s->devices[i];
	const struct vs_charger *c = &s->scene.chargers[i];
	uint64_t rate = c->faults_per_day;
	uint64_t passed_s = now_s - d->counted_s;

	if (d->runs_new && c->fate == VS_FAULTY)
		rate *= 3;
	uint64_t millionths = rate * passed_s * 1000000 / day_s;
	d->faults += millionths / 1000000;
	d->faults +=
		vs_random_chance(&s->random, (uint32_t)(millionths % 1000000));
	d->counted_s = now_s;
}

static bool ill(const struct sim *s, uint32_t i, uint64_t now_s)
{
	const struct device *d = &s->devices[i];

	return s->scene.chargers[i].fate == VS_SICKENS && d->runs_new &&
	       now_s >= d->updated_s + sickens_s &&
	       now_s < d->updated_s + day_s; /* then somebody has been there */
}

static void come_up(struct sim *s, uint32_t i, uint64_t now_s)
{
	struct device *d = &s->devices[i];

	d->phase = IDLE;
	switch (s->scene.chargers[i].fate) {
	case VS_FALLS_BACK:
		d->broke = true;
		break;
	case VS_DIES:
		d->phase = DEAD;
		break;
	case VS_GOOD:
	case VS_SICKENS:
	case VS_FAULTY:
	case VS_FATES:
		d->runs_new = true;
		d->updated_s = now_s;
		break;
	}
}

/* What the charger does by itself. */
static void live(struct sim *s, uint32_t i, uint64_t now_s)
{
	struct device *d = &s->devices[i];

	if (now_s < d->until_s)
		return;
	if (d->phase == FETCHING) {
		d->phase = GATED;
		d->until_s = now_s + vs_random_below(&s->random, charging_s);
	} else if (d->phase == GATED) {
		d->phase = INSTALLING;
		d->until_s = now_s + install_s;
	} else if (d->phase == INSTALLING) {
		come_up(s, i, now_s);
	}
}

static void obey(struct sim *s, uint32_t i, bool told, uint64_t now_s)
{
	struct device *d = &s->devices[i];

	if (told && d->phase == IDLE && !d->runs_new && !d->broke) {
		d->phase = FETCHING;
		d->until_s = now_s + s->scene.chargers[i].fetch_s;
	} else if (!told && (d->phase == FETCHING || d->phase == GATED)) {
		d->phase = IDLE; /* withdrawn */
	}
	if (!told)
		d->broke = false; /* it may be told again */
}

static bool in_touch(const struct sim *s, uint32_t i, uint64_t now_s)
{
	const struct vs_charger *c = &s->scene.chargers[i];

	return s->depot.up && !c->mute && now_s >= c->mute_until_s &&
	       s->devices[i].phase != INSTALLING;
}

static vs_status meet(struct sim *s, uint32_t i, uint64_t now_s)
{
	struct device *d = &s->devices[i];
	uint64_t clock_s = vs_scene_server_clock(&s->scene, now_s);
	const uint32_t lost = s->scene.lost_in_a_million;

	draw_faults(s, i, now_s);
	const struct vs_depot_report r = {
		.runs_new = d->runs_new,
		.broke = d->broke,
		.healthy = !ill(s, i, now_s),
		.past = d->phase == INSTALLING,
		.faults = d->faults,
	};
	s->polls++;
	if (vs_random_chance(&s->random, lost))
		return VS_OK;
	vs_depot_report(&s->depot, i, &r, clock_s);
	bool told = !s->depot.crashed && vs_depot_poll(&s->depot, i, clock_s);
	if (s->depot.crashed)
		return vs_depot_restart(&s->depot);
	if (!vs_random_chance(&s->random, lost))
		obey(s, i, told, now_s);
	return VS_OK;
}

static vs_status wake(struct sim *s, uint32_t i, uint64_t now_s)
{
	struct device *d = &s->devices[i];
	uint64_t next_s =
		now_s +
		(poll_min - 3 + vs_random_below(&s->random, 7)) * VS_TICK_S;
	vs_status status = VS_OK;

	if (!vs_scene_power(&s->scene, &s->scene.chargers[i], now_s)) {
		d->until_s += next_s - now_s; /* it begins again */
		sleep_until(s, i, next_s);
		return VS_OK;
	}
	live(s, i, now_s);
	if (d->phase == DEAD)
		return VS_OK;
	if (in_touch(s, i, now_s))
		status = meet(s, i, now_s);
	if ((d->phase == FETCHING || d->phase == GATED ||
	     d->phase == INSTALLING) &&
	    d->until_s > now_s && d->until_s < next_s)
		next_s = d->until_s + VS_TICK_S - 1;
	sleep_until(s, i, next_s);
	return status;
}

static vs_status wake_all(struct sim *s, uint64_t now_s)
{
	uint32_t minute = (uint32_t)((now_s - s->scene.begin_s) / VS_TICK_S);
	int32_t i = s->wheel[minute % wheel_size];
	vs_status status = VS_OK;

	s->wheel[minute % wheel_size] = nobody;
	while (i != nobody && !status) {
		struct device *d = &s->devices[i];
		int32_t next = d->next;

		if (d->wake_min > minute) {
			d->next = s->wheel[minute % wheel_size];
			s->wheel[minute % wheel_size] = i;
		} else {
			status = wake(s, (uint32_t)i, now_s);
		}
		i = next;
	}
	return status;
}

static bool within(const struct vs_span *p, uint64_t now_s)
{
	return p->from_s && now_s >= p->from_s && now_s < p->to_s;
}

/* What people do meanwhile. */
static void operate(struct sim *s, uint64_t now_s, uint64_t clock_s)
{
	bool pause = within(&s->scene.pause, now_s);
	bool freeze = within(&s->scene.freeze, now_s);

	if (pause != s->paused)
		vs_depot_move(&s->depot,
		              pause ? VS_MOVE_PAUSE : VS_MOVE_RESUME);
	s->paused = pause;
	if (freeze != s->frozen)
		vs_depot_freeze(&s->depot, freeze, clock_s);
	s->frozen = freeze;
	if (s->scene.retry_s && now_s >= s->scene.retry_s && !s->retried) {
		vs_depot_retry(&s->depot, clock_s);
		s->retried = true;
	}
}

static vs_status serve(struct sim *s, uint64_t now_s)
{
	uint64_t clock_s = vs_scene_server_clock(&s->scene, now_s);
	bool down = vs_scene_down(&s->scene, now_s);

	if (down && s->depot.up)
		vs_depot_stop(&s->depot);
	if (!down && !s->depot.up) {
		vs_status status = vs_depot_restart(&s->depot);

		if (status)
			return status;
	}
	if (down)
		return VS_OK;
	if (s->depot.state == VS_CAMPAIGN_DRAFT)
		vs_depot_start(&s->depot, clock_s);
	if (!s->depot.crashed)
		operate(s, now_s, clock_s);
	if (!s->depot.crashed)
		vs_depot_tick(&s->depot, clock_s);
	return s->depot.crashed ? vs_depot_restart(&s->depot) : VS_OK;
}

/* What its reports had said before: a week and a day of faults. */
static void remember(struct sim *s, uint32_t i)
{
	const struct vs_charger *c = &s->scene.chargers[i];
	struct device *d = &s->devices[i];
	const uint64_t then_s = s->scene.begin_s - 8 * (uint64_t)day_s;
	struct vs_grid_report r = {true, true, 1000, then_s};

	d->runs_new = c->has_it;
	d->faults = 1000;
	d->counted_s = then_s;
	if (!c->mute) {
		vs_grid_report(&s->depot.grid, i, &r);
		s->depot.reports[i] = s->depot.grid.devices[i];
	}
	draw_faults(s, i, s->scene.begin_s);
	sleep_until(s, i,
	            s->scene.begin_s +
	                    (1 + vs_random_below(&s->random, poll_min)) *
	                            (uint64_t)VS_TICK_S);
}

static void conclude(struct sim *s, struct vs_result *out)
{
	bool clean = s->scene.kind == VS_RELEASE_GOOD &&
	             s->depot.state != VS_CAMPAIGN_HALTED &&
	             s->scene.end_s - s->scene.begin_s >= 7 * (uint64_t)day_s;

	vs_check_end(&s->check, clean);
	out->kind = s->scene.kind;
	out->state = s->depot.state;
	memcpy(out->because, s->depot.because, sizeof out->because);
	out->progress = s->depot.run.progress;
	out->starts = s->check.start_count;
	out->chargers = s->scene.count;
	out->most_away = s->check.most_away;
	out->restarts = s->depot.restarts - 1;
	out->canary = s->check.waves[0].size;
	out->checks = s->check.checks;
	out->polls = s->polls;
	memcpy(out->wrong, s->check.wrong, sizeof out->wrong);
}

static void tell(struct sim *s, uint64_t now_s)
{
	const struct vs_progress *p = &s->depot.run.progress;
	char line[320];

	(void)snprintf(
		line, sizeof line,
		"%6llu h  %-8s wave %zu  waiting %zu  started %zu  "
		"soaking %zu  updated %zu  failed %zu  %s",
		(unsigned long long)((now_s - s->scene.begin_s) / hour_s),
		vs_campaign_state_name(s->depot.state), p->wave + 1, p->waiting,
		p->started, p->soaking, p->updated, p->failed, p->because);
	s->trace(s->ctx, line);
}

static vs_status run(struct sim *s, struct vs_result *out)
{
	vs_status status = VS_OK;

	for (uint64_t now_s = s->scene.begin_s;
	     !status && !s->check.wrong[0] && now_s < s->scene.end_s;
	     now_s += VS_TICK_S) {
		status = serve(s, now_s);
		if (!status)
			status = wake_all(s, now_s);
		bool hourly = (now_s - s->scene.begin_s) % hour_s == 0;

		if (!status && s->depot.up && hourly)
			vs_check_counts(&s->check, &s->depot.run.progress);
		if (s->trace && s->depot.up && hourly)
			tell(s, now_s);
		if (!out->ended_s && (s->depot.state == VS_CAMPAIGN_DONE ||
		                      s->depot.state == VS_CAMPAIGN_HALTED))
			out->ended_s = now_s - s->scene.begin_s;
	}
	if (!status && !s->depot.up)
		status = vs_depot_restart(&s->depot);
	if (!status)
		conclude(s, out);
	return status;
}

static vs_status set_up(struct sim *s, const struct vs_scene_wish *w)
{
	vs_status status = vs_scene_init(&s->scene, w);

	if (!status)
		status = vs_check_init(&s->check, &s->scene);
	if (!status)
		status = vs_depot_init(&s->depot, &s->scene, &s->check);
	if (status)
		return status;
	s->devices = calloc(w->chargers, sizeof *s->devices);
	if (!s->devices)
		return VS_ERR_NOMEM;
	s->random = vs_random_from(w->seed, 3);
	for (size_t i = 0; i < wheel_size; i++)
		s->wheel[i] = nobody;
	for (uint32_t i = 0; i < w->chargers; i++)
		remember(s, i);
	return VS_OK;
}

vs_status vs_sim_run(const struct vs_scene_wish *w, struct vs_result *out,
                     void (*trace)(void *ctx, const char *line), void *ctx)
{
	struct sim *s = calloc(1, sizeof *s);

	*out = (struct vs_result){.seed = w->seed};
	if (!s)
		return VS_ERR_NOMEM;
	s->trace = trace;
	s->ctx = ctx;
	vs_status status = set_up(s, w);
	if (!status)
		status = run(s, out);
	vs_depot_drop(&s->depot);
	vs_check_drop(&s->check);
	vs_scene_drop(&s->scene);
	free(s->devices);
	free(s);
	return status;
}
