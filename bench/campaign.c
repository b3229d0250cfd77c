/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/campaign.c - a campaign over a million virtual chargers.
 *
 * bench-campaign [CHARGERS]: ten to a site, five to a feeder group, a window
 * each night, a poll an hour, until all are updated; prints its rows as JSON.
 * The chargers are a counter each, so that nearly all of the time is the
 * campaign's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "campaign/run.h"

enum { minute_s = 60, hour_min = 60, days_max = 60, update_min = 50 };
enum { batch = 65536 };

#define BEGIN_S UINT64_C(1781222400)

struct bench {
	struct vs_grid grid;
	struct vs_run run;
	struct vs_plan plan;
	uint32_t *ready_min; /* owned: when a told charger has updated */
	struct vs_change *due;
	uint64_t polls, starts, ends_min;
};

static const struct vs_zone_change utc[] = {
	{INT64_MIN, 0}
};
static const struct vs_zone zone = {utc, 1};

static const struct vs_plan plan = {
	.waves = {{VS_WAVE_COUNT, 100},
                  {VS_WAVE_PERCENT, 5},
                  {VS_WAVE_PERCENT, 100}},
	.wave_count = 3,
	.salt = "bench",
	.per_site = 2,
	.soak_s = 1800,
	.advance_percent = 100,
	.fail_percent = 10,
	.fail_count = 1000,
	.timeout_s = 86400,
	.windows = {{20 * 60, 6 * 60, VS_EVERY_DAY}},
	.window_count = 1,
};

static double seconds(clockid_t clock)
{
	struct timespec t = {0};

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *id_of(void *ctx, uint32_t device)
{
	static char id[16];

	(void)ctx;
	(void)snprintf(id, sizeof id, "CP-%07u", device);
	return id;
}

static vs_status set_up(struct bench *b, uint32_t chargers)
{
	uint16_t z;
	vs_status status = vs_grid_zone(&b->grid, &zone, &z);

	b->plan = plan;
	vs_run_init(&b->run, &b->plan, &b->grid);
	b->ready_min = calloc(chargers, sizeof *b->ready_min);
	b->due = malloc(batch * sizeof *b->due);
	if (!b->ready_min || !b->due)
		return VS_ERR_NOMEM;
	for (uint32_t i = 0; !status && i < chargers; i++) {
		char site[16], feeder[16];
		uint32_t device;

		(void)snprintf(site, sizeof site, "s%u", i / 10);
		(void)snprintf(feeder, sizeof feeder, "f%u", i / 5);
		status = vs_grid_add(&b->grid, site, feeder, z, &device);
		if (!status)
			status = vs_run_add(&b->run, device, 0);
	}
	if (!status)
		status = vs_run_order(&b->run, id_of, NULL);
	vs_run_judge(&b->run);
	return status;
}

static void change(struct bench *b, size_t place, enum vs_cause cause,
                   uint64_t now_s)
{
	struct vs_change c;

	if (vs_run_change(&b->run, place, cause, now_s, &c))
		abort();
	vs_run_apply(&b->run, &c);
	vs_run_judge(&b->run);
}

/* What a server does for a charger that reports and polls. */
static void poll(struct bench *b, uint32_t device, uint32_t minute,
                 uint64_t now_s)
{
	size_t place = vs_run_find(&b->run, device);
	const struct vs_grid_report r = {.healthy = true, .time_s = now_s};

	b->polls++;
	vs_grid_report(&b->grid, device, &r);
	vs_run_reported(&b->run, place, false);
	if (b->run.seats[place].state == VS_MEMBER_STARTED &&
	    minute >= b->ready_min[device]) {
		change(b, place, VS_CAUSE_ARRIVED, now_s);
	} else if (vs_run_may_start(&b->run, place, now_s) == VS_BLOCK_NONE) {
		change(b, place, VS_CAUSE_START, now_s);
		b->ready_min[device] = minute + update_min;
		b->starts++;
	}
}

static void tick(struct bench *b, uint64_t now_s)
{
	size_t iter = 0, n = 0;

	while (n < batch && vs_run_due(&b->run, now_s, &iter, &b->due[n]))
		n++;
	for (size_t i = 0; i < n; i++)
		vs_run_apply(&b->run, &b->due[i]);
	vs_run_judge(&b->run);
	vs_run_explain(&b->run, now_s);
}

static void play(struct bench *b, uint32_t chargers)
{
	for (uint32_t m = 0; m < days_max * 24 * hour_min; m++) {
		uint64_t now_s = BEGIN_S + (uint64_t)m * minute_s;

		tick(b, now_s);
		b->ends_min = m;
		if (b->run.progress.done)
			return;
		for (uint32_t i = m % hour_min; i < chargers; i += hour_min)
			poll(b, i, m, now_s);
	}
}

/* A poll by itself: at night, when most of them may not start. */
static double time_polls(const struct bench *b, uint32_t chargers)
{
	const uint64_t now_s = BEGIN_S + 22 * 3600;
	const uint32_t many = 5000000;
	double start = seconds(CLOCK_PROCESS_CPUTIME_ID);
	volatile size_t may = 0;

	for (uint32_t i = 0, d = 0; i < many; i++) {
		size_t place;

		d = (d + 7919) % chargers;
		place = vs_run_find(&b->run, d);
		may = may + (vs_run_may_start(&b->run, place, now_s) ==
		             VS_BLOCK_NONE);
	}
	return (seconds(CLOCK_PROCESS_CPUTIME_ID) - start) / many * 1e9;
}

static void row(const char *name, double value, const char *unit)
{
	printf("{\"area\": \"campaign\", \"name\": \"%s\", \"value\": %.6g, "
	       "\"unit\": \"%s\"}\n",
	       name, value, unit);
}

int main(int argc, char **argv)
{
	struct bench b = {0};
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	uint32_t chargers = n >= 100 && n < 100000000 ? (uint32_t)n : 1000000;
	double start = seconds(CLOCK_PROCESS_CPUTIME_ID), wall;

	if (set_up(&b, chargers))
		return 1;
	row("campaign: set up, CPU", seconds(CLOCK_PROCESS_CPUTIME_ID) - start,
	    "s");
	row("campaign: a poll's question, CPU", time_polls(&b, chargers), "ns");
	wall = seconds(CLOCK_MONOTONIC);
	start = seconds(CLOCK_PROCESS_CPUTIME_ID);
	play(&b, chargers);
	start = seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
	row("campaign: chargers updated", (double)b.run.progress.updated, "");
	row("campaign: virtual days", (double)b.ends_min / 60 / 24, "days");
	row("campaign: reports and polls", (double)b.polls, "");
	row("campaign: all of it, CPU", start, "s");
	row("campaign: all of it, wall", seconds(CLOCK_MONOTONIC) - wall, "s");
	row("campaign: a report and a poll, CPU", start / (double)b.polls * 1e9,
	    "ns");
	row("campaign: memory for each charger",
	    (double)(sizeof(struct vs_seat) + sizeof(struct vs_grid_device) +
	             3 * sizeof(uint32_t)),
	    "bytes");
	vs_run_drop(&b.run);
	vs_grid_drop(&b.grid);
	free(b.ready_min);
	free(b.due);
	return 0;
}
