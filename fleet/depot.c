/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/depot.c - deciding, writing, and only then acting.
 */
#include "fleet/depot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char filter_text[] = "model = ac22 and not has tag lab";

enum { batch = 256 };

static const char *id_of(void *ctx, uint32_t device)
{
	const struct vs_depot *d = ctx;

	return d->scene->chargers[device].id;
}

static bool selected(const struct vs_depot *d, const struct vs_charger *c)
{
	static const char *const lab[] = {"lab"};
	const struct vs_fact_component gateway = {"gateway", c->version,
	                                          "gw-rev3"};
	const struct vs_facts facts = {
		.id = c->id,
		.model = c->model,
		.site = c->site,
		.feeder = c->feeder,
		.zone = vs_clock_names[c->clock],
		.tags = lab,
		.tag_count = c->lab,
		.components = &gateway,
		.component_count = 1,
	};

	return vs_filter_match(d->filter, &facts);
}

vs_status vs_depot_init(struct vs_depot *d, const struct vs_scene *s,
                        struct vs_check *check)
{
	struct vs_why why;

	*d = (struct vs_depot){
		.scene = s,
		.check = check,
		.random = vs_random_from(s->seed, 2),
	};
	d->rows = calloc(s->count, sizeof *d->rows);
	d->reports = calloc(s->count, sizeof *d->reports);
	d->has_row = calloc(s->count, sizeof *d->has_row);
	vs_status status =
		!d->rows || !d->reports || !d->has_row
			? VS_ERR_NOMEM
			: vs_filter_parse(filter_text, strlen(filter_text),
	                                  &d->filter, &why);
	if (!status)
		status = vs_depot_restart(d);
	if (status)
		vs_depot_drop(d);
	return status;
}

void vs_depot_stop(struct vs_depot *d)
{
	vs_run_drop(&d->run);
	vs_grid_drop(&d->grid);
	d->up = false;
	d->crashed = false;
}

void vs_depot_drop(struct vs_depot *d)
{
	vs_depot_stop(d);
	vs_filter_free(&d->filter);
	free(d->rows);
	free(d->reports);
	free(d->has_row);
	*d = (struct vs_depot){0};
}

static vs_status load_chargers(struct vs_depot *d)
{
	vs_status status = VS_OK;
	uint16_t zone;
	uint32_t device;

	for (uint32_t i = 0; !status && i < d->scene->count; i++) {
		const struct vs_charger *c = &d->scene->chargers[i];

		status = vs_grid_zone(&d->grid, &d->scene->zones[c->clock],
		                      &zone);
		if (!status)
			status = vs_grid_add(&d->grid, c->site, c->feeder, zone,
			                     &device);
		if (!status)
			vs_grid_restore(&d->grid, device, &d->reports[i]);
		if (!status && selected(d, c))
			status = vs_run_add(&d->run, device, 0);
	}
	return status;
}

vs_status vs_depot_restart(struct vs_depot *d)
{
	vs_depot_stop(d);
	vs_run_init(&d->run, &d->scene->plan, &d->grid);
	vs_status status = load_chargers(d);
	if (!status)
		status = vs_run_order(&d->run, id_of, d);
	if (status)
		return status;
	for (uint32_t i = 0; i < d->scene->count; i++) {
		size_t place = vs_run_find(&d->run, i);

		if (d->has_row[i] && place != VS_NO_PLACE)
			vs_run_restore(&d->run, place, &d->rows[i]);
	}
	vs_run_restored(&d->run);
	vs_run_judge(&d->run);
	d->up = true;
	d->restarts++;
	return VS_OK;
}

/* The write of a decision; it may be the last thing this server does. */
static void write_change(struct vs_depot *d, const struct vs_change *c,
                         uint64_t now_s)
{
	uint32_t charger = c->next.device;

	d->rows[charger] = c->next;
	/* What is derived from reports is not written with it. */
	d->rows[charger].seen_s = d->rows[charger].after_faults = 0;
	d->has_row[charger] = true;
	vs_check_event(d->check, charger, c->cause, now_s);
	if (vs_random_chance(&d->random, d->scene->crash_in_a_million))
		d->crashed = true;
}

static void write_state(struct vs_depot *d, enum vs_campaign_move move,
                        const char *because)
{
	if (vs_campaign_move(&d->state, move))
		return;
	(void)snprintf(d->because, sizeof d->because, "%s", because);
	vs_check_state(d->check, d->state, because);
}

/* What the plan asks for by itself. */
static void judge(struct vs_depot *d)
{
	vs_run_judge(&d->run);
	if (d->state != VS_CAMPAIGN_RUNNING && d->state != VS_CAMPAIGN_PAUSED)
		return;
	if (d->run.progress.halt)
		write_state(d, VS_MOVE_HALT, d->run.progress.because);
	else if (d->run.progress.done)
		write_state(d, VS_MOVE_FINISH, "");
}

static bool change(struct vs_depot *d, size_t place, enum vs_cause cause,
                   uint64_t now_s)
{
	struct vs_change c;

	if (d->crashed || vs_run_change(&d->run, place, cause, now_s, &c))
		return false;
	write_change(d, &c, now_s);
	if (d->crashed)
		return false;
	vs_run_apply(&d->run, &c);
	return true;
}

void vs_depot_start(struct vs_depot *d, uint64_t now_s)
{
	for (size_t i = 0; i < d->run.count; i++)
		if (d->scene->chargers[d->run.seats[i].device].has_it)
			(void)change(d, i, VS_CAUSE_SKIP, now_s);
	if (d->crashed)
		return;
	write_state(d, VS_MOVE_APPROVE, "");
	write_state(d, VS_MOVE_START, "");
	judge(d);
}

void vs_depot_move(struct vs_depot *d, enum vs_campaign_move move)
{
	write_state(d, move, "");
}

/* Whom one can still reach in time is told no more. */
void vs_depot_freeze(struct vs_depot *d, bool on, uint64_t now_s)
{
	d->frozen = on;
	d->check->frozen = on;
	for (size_t i = 0; on && i < d->run.count; i++)
		if (d->run.seats[i].state == VS_MEMBER_STARTED &&
		    !d->run.seats[i].past)
			(void)change(d, i, VS_CAUSE_WITHDRAW, now_s);
	if (!d->crashed)
		judge(d);
}

void vs_depot_retry(struct vs_depot *d, uint64_t now_s)
{
	if (d->state == VS_CAMPAIGN_HALTED)
		return; /* that would be another approval */
	for (size_t i = 0; i < d->run.count; i++)
		if (d->run.seats[i].state == VS_MEMBER_FAILED)
			(void)change(d, i, VS_CAUSE_RETRY, now_s);
	write_state(d, VS_MOVE_RETRY, "");
	if (!d->crashed)
		judge(d);
}

void vs_depot_tick(struct vs_depot *d, uint64_t now_s)
{
	struct vs_change due[batch];
	size_t iter = 0, n = 0;

	if (d->state == VS_CAMPAIGN_DRAFT || d->state == VS_CAMPAIGN_APPROVED)
		return;
	while (n < batch && vs_run_due(&d->run, now_s, &iter, &due[n]))
		n++;
	for (size_t i = 0; i < n && !d->crashed; i++) {
		write_change(d, &due[i], now_s);
		if (!d->crashed)
			vs_run_apply(&d->run, &due[i]);
	}
	if (d->crashed)
		return;
	judge(d);
	vs_run_explain(&d->run, now_s);
}

static enum vs_cause cause_of(const struct vs_seat *s,
                              const struct vs_depot_report *r)
{
	if (r->broke)
		return VS_CAUSE_BROKE;
	if (!r->runs_new || !r->healthy)
		return VS_CAUSE_NONE;
	if (s->state == VS_MEMBER_WAITING && !s->attempts)
		return VS_CAUSE_SKIP;
	return s->state == VS_MEMBER_SOAKING ? VS_CAUSE_NONE : VS_CAUSE_ARRIVED;
}

void vs_depot_report(struct vs_depot *d, uint32_t charger,
                     const struct vs_depot_report *r, uint64_t now_s)
{
	const struct vs_grid_report report = {r->healthy, true, r->faults,
	                                      now_s};
	size_t place = vs_run_find(&d->run, charger);

	vs_grid_report(&d->grid, charger, &report);
	d->reports[charger] = d->grid.devices[charger];
	vs_check_report(d->check, charger, r->healthy, now_s);
	if (place == VS_NO_PLACE)
		return;
	vs_run_reported(&d->run, place, r->past);
	d->rows[charger].past = r->past;
	enum vs_cause cause = cause_of(&d->run.seats[place], r);
	if (cause != VS_CAUSE_NONE && d->state != VS_CAMPAIGN_DRAFT)
		(void)change(d, place, cause, now_s);
	if (!d->crashed)
		judge(d);
}

bool vs_depot_poll(struct vs_depot *d, uint32_t charger, uint64_t now_s)
{
	size_t place = vs_run_find(&d->run, charger);

	if (d->crashed || place == VS_NO_PLACE)
		return false;
	if (d->state == VS_CAMPAIGN_RUNNING && !d->frozen &&
	    vs_run_may_start(&d->run, place, now_s) == VS_BLOCK_NONE &&
	    change(d, place, VS_CAUSE_START, now_s))
		vs_run_judge(&d->run);
	uint8_t state = d->run.seats[place].state;
	return !d->crashed &&
	       (state == VS_MEMBER_STARTED || state == VS_MEMBER_SOAKING ||
	        state == VS_MEMBER_UPDATED);
}
