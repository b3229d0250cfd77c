/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/campaign/members.c - a campaign of eight, set up and asked.
 */
#include "tests/campaign/members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct vs_plan usual = {
	.waves = {{VS_WAVE_COUNT, 1},
                  {VS_WAVE_PERCENT, 50},
                  {VS_WAVE_PERCENT, 100}},
	.wave_count = 3,
	.salt = "salt",
	.per_site = 8,
	.soak_s = 60,
	.advance_percent = 100,
	.fail_percent = 50,
	.fail_count = 2,
	.timeout_s = 3600,
};

struct members w;

static char ids[MEMBERS][2] = {"a", "b", "c", "d", "e", "f", "g", "h"};

const char *id_of(void *ctx, uint32_t device)
{
	(void)ctx;
	return ids[device];
}

static int by_rank(const void *a, const void *b)
{
	uint64_t x = vs_plan_rank("salt", a), y = vs_plan_rank("salt", b);

	return (x > y) - (x < y);
}

void prepare(const struct vs_plan *p)
{
	memset(&w, 0, sizeof w);
	w.plan = *p;
	for (size_t i = 0; i < MEMBERS; i++) {
		w.site[i] = "S";
		w.feeder[i] = "";
	}
}

void begin(void)
{
	uint32_t device;
	uint16_t zone;

	qsort(ids, MEMBERS, sizeof ids[0], by_rank);
	w.zone = (struct vs_zone){&w.offset, 1};
	assert_int_equal(vs_grid_zone(&w.grid, &w.zone, &zone), VS_OK);
	vs_run_init(&w.run, &w.plan, &w.grid);
	for (size_t i = 0; i < MEMBERS; i++) {
		assert_int_equal(vs_grid_add(&w.grid, w.site[i], w.feeder[i],
		                             zone, &device),
		                 VS_OK);
		assert_int_equal(vs_run_add(&w.run, device, w.fits[i]), VS_OK);
	}
	assert_int_equal(vs_run_order(&w.run, id_of, NULL), VS_OK);
	for (size_t i = 0; i < MEMBERS; i++)
		assert_int_equal(vs_run_find(&w.run, (uint32_t)i), i);
}

void fresh(const struct vs_plan *p)
{
	prepare(p);
	begin();
}

int finish(void **state)
{
	(void)state;
	if (w.grid.count)
		vs_run_drop(&w.run);
	for (size_t i = 0; i < w.grid.count; i++)
		assert_false(w.grid.devices[i].away);
	vs_grid_drop(&w.grid);
	memset(&w, 0, sizeof w);
	return 0;
}

void set(size_t from, size_t to, enum vs_member_state state, uint32_t since_s)
{
	const struct vs_seat kept = {.state = (uint8_t)state,
	                             .since_s = since_s};

	for (size_t i = from; i < to; i++)
		vs_run_restore(&w.run, i, &kept);
	vs_run_restored(&w.run);
}

void report(size_t place, bool healthy, uint64_t time_s)
{
	const struct vs_grid_report r = {.healthy = healthy, .time_s = time_s};

	vs_grid_report(&w.grid, w.run.seats[place].device, &r);
	vs_run_reported(&w.run, place, false);
}

void step(uint64_t now_s)
{
	struct vs_change changes[MEMBERS];
	size_t iter = 0, n = 0;

	while (vs_run_due(&w.run, now_s, &iter, &changes[n]))
		n++;
	for (size_t i = 0; i < n; i++)
		vs_run_apply(&w.run, &changes[i]);
	vs_run_judge(&w.run);
	vs_run_explain(&w.run, now_s);
}

size_t startable(uint64_t now_s)
{
	size_t n = 0;

	step(now_s);
	for (size_t i = 0; i < MEMBERS; i++)
		n += vs_run_may_start(&w.run, i, now_s) == VS_BLOCK_NONE;
	return n;
}

void happen(size_t place, enum vs_cause cause, uint64_t now_s)
{
	struct vs_change c;

	assert_int_equal(vs_run_change(&w.run, place, cause, now_s, &c), VS_OK);
	vs_run_apply(&w.run, &c);
}

enum vs_member_state state_of(size_t place)
{
	return (enum vs_member_state)w.run.seats[place].state;
}
