/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/watch_test.c - floors that do not rise, or fall, and agents
 * that say other than their loader.  S0.18
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/fleet/device_row.h"
#include "server/fleet/watch.h"
#include "tests/server/scratch.h"

enum { DUE_S = 1000, NOW_S = 1800000000 };

static const char *const ecus[] = {"CP-1-gateway", "CP-1-controller"};
static struct vs_watch watch;
static struct vs_report report;
static uint64_t now_s;
static char what[VS_FLAGS][160];

static struct vs_watch_with with(void)
{
	return (struct vs_watch_with){now_s, DUE_S, ecus, 2};
}

/* A charger in order: confirmed, its floors at what it runs. */
static void begin(void)
{
	watch = (struct vs_watch){0};
	now_s = NOW_S;
	report = (struct vs_report){
		.primary = "CP-1-gateway",
		.healthy = true,
		.slot = 1,
 /* in another order than the charger's */
		.ecus = {{.id = "CP-1-controller",
	                  .security_version = 3,
	                  .floor = 3},
	                 {.id = "CP-1-gateway",
	                  .version = "1.1.0",
	                  .release_seq = 11,
	                  .security_version = 5,
	                  .floor = 5}   },
		.ecu_count = 2,
		.boot = { .known = true,
	                 .verdict = "boot",
	                 .slot = 1,
	                 .epoch = 4,
	                 .parts = {{.name = "gateway",
	                            .version = "1.1.0",
	                            .length = 1,
	                            .release_seq = 11}},
	                 .part_count = 1},
	};
}

static bool raised(enum vs_flag flag)
{
	const struct vs_watch_with w = with();

	vs_watch_report(&watch, &report, &w, what);
	return watch.since_s[flag] != 0;
}

static void later(uint64_t s)
{
	now_s += s;
}

static void a_charger_in_order_has_no_flag(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < VS_FLAGS; i++)
		assert_false(raised((enum vs_flag)i));
	later(10 * DUE_S);
	for (int i = 0; i < VS_FLAGS; i++)
		assert_false(raised((enum vs_flag)i));
}

static void a_floor_that_does_not_rise_in_time_is_flagged(void **state)
{
	(void)state;
	begin();
	report.ecus[1].floor = 4;
	report.boot.trial = true; /* it has not started since */
	assert_false(raised(VS_FLAG_FLOOR_NOT_RAISED));
	later(DUE_S - 1);
	assert_false(raised(VS_FLAG_FLOOR_NOT_RAISED));
	later(1);
	assert_true(raised(VS_FLAG_FLOOR_NOT_RAISED));
	assert_string_equal(what[VS_FLAG_FLOOR_NOT_RAISED],
	                    "CP-1-gateway: floor 4, runs security_version 5; "
	                    "it has not started again");
	assert_int_equal(watch.since_s[VS_FLAG_FLOOR_NOT_RAISED], now_s);
	later(5);
	report.boot.trial = false;
	assert_true(raised(VS_FLAG_FLOOR_NOT_RAISED));
	assert_non_null(strstr(what[VS_FLAG_FLOOR_NOT_RAISED],
	                       "started again and did not raise it"));
	assert_int_equal(watch.since_s[VS_FLAG_FLOOR_NOT_RAISED], now_s - 5);
	report.ecus[1].floor = 5;
	assert_false(raised(VS_FLAG_FLOOR_NOT_RAISED));
	assert_int_equal(watch.due_since_s, 0);
}

static void a_restart_in_time_leaves_no_flag(void **state)
{
	(void)state;
	begin();
	report.ecus[0].floor = 2;
	assert_false(raised(VS_FLAG_FLOOR_NOT_RAISED));
	later(DUE_S - 1);
	report.ecus[0].floor = 3;
	assert_false(raised(VS_FLAG_FLOOR_NOT_RAISED));
	later(DUE_S);
	report.ecus[0].security_version = 4; /* the next update: anew */
	assert_false(raised(VS_FLAG_FLOOR_NOT_RAISED));
}

/* Nothing is due before the confirmation; afterwards a trial does not stop the
 * time, or an update now and then would hide it for ever.
 */
static void a_trial_neither_begins_nor_stops_the_time(void **state)
{
	(void)state;
	begin();
	report.ecus[1].floor = 4;
	report.trial = report.boot.trial = true;
	assert_false(raised(VS_FLAG_FLOOR_NOT_RAISED));
	later(2 * DUE_S);
	assert_false(raised(VS_FLAG_FLOOR_NOT_RAISED));
	report.trial = false;
	report.healthy = false;
	assert_false(raised(VS_FLAG_FLOOR_NOT_RAISED));
	report.healthy = true;
	assert_false(raised(VS_FLAG_FLOOR_NOT_RAISED));
	assert_int_equal(watch.due_since_s, now_s);
	later(DUE_S);
	report.trial = true;
	assert_true(raised(VS_FLAG_FLOOR_NOT_RAISED));
}

static void a_floor_that_cannot_be_read_is_not_due(void **state)
{
	(void)state;
	begin();
	report.ecus[1].floor = UINT32_MAX;
	assert_false(raised(VS_FLAG_FLOOR_NOT_RAISED));
	later(2 * DUE_S);
	assert_false(raised(VS_FLAG_FLOOR_NOT_RAISED));
	assert_false(raised(VS_FLAG_FLOOR_FELL));
	/* and hides no fall */
	report.ecus[1].floor = 5;
	assert_false(raised(VS_FLAG_FLOOR_FELL));
	report.ecus[1].floor = UINT32_MAX;
	assert_false(raised(VS_FLAG_FLOOR_FELL));
	report.ecus[1].floor = 4;
	assert_true(raised(VS_FLAG_FLOOR_FELL));
}

static void a_floor_that_falls_is_flagged_at_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin();
		assert_false(raised(VS_FLAG_FLOOR_FELL));
		report.ecus[i].floor--;
		assert_true(raised(VS_FLAG_FLOOR_FELL));
		assert_non_null(strstr(what[VS_FLAG_FLOOR_FELL], "floor "));
		assert_non_null(
			strstr(what[VS_FLAG_FLOOR_FELL], report.ecus[i].id));
		/* the same again is no new highest */
		assert_true(raised(VS_FLAG_FLOOR_FELL));
		report.ecus[i].floor++;
		assert_false(raised(VS_FLAG_FLOOR_FELL));
	}
}

static void an_epoch_that_falls_is_flagged_at_once(void **state)
{
	(void)state;
	begin();
	assert_false(raised(VS_FLAG_FLOOR_FELL));
	report.boot.epoch = 3;
	assert_true(raised(VS_FLAG_FLOOR_FELL));
	assert_string_equal(what[VS_FLAG_FLOOR_FELL],
	                    "the keyrings' epoch is 3, was 4");
	report.boot.epoch = UINT32_MAX;
	assert_false(raised(VS_FLAG_FLOOR_FELL));
	report.boot.epoch = 0;
	report.boot.known = false;
	assert_false(raised(VS_FLAG_FLOOR_FELL));
	assert_int_equal(watch.epoch, 4);
}

static void who_says_other_than_the_loader_is_flagged(void **state)
{
	(void)state;
	begin();
	assert_false(raised(VS_FLAG_BOOT_DIFFERS));
	report.slot = 0;
	assert_true(raised(VS_FLAG_BOOT_DIFFERS));
	assert_string_equal(what[VS_FLAG_BOOT_DIFFERS],
	                    "runs slot 0, the loader started 1");
	begin();
	report.ecus[1].release_seq = 12;
	assert_true(raised(VS_FLAG_BOOT_DIFFERS));
	begin();
	memcpy(report.ecus[1].version, "1.1.1", 6);
	assert_true(raised(VS_FLAG_BOOT_DIFFERS));
	begin();
	report.trial = true;
	assert_true(raised(VS_FLAG_BOOT_DIFFERS));
	report.boot.trial = true;
	assert_false(raised(VS_FLAG_BOOT_DIFFERS));
}

static void what_the_loader_does_not_say_is_not_compared(void **state)
{
	(void)state;
	begin();
	report.slot = 0;
	report.boot.known = false;
	assert_false(raised(VS_FLAG_BOOT_DIFFERS));
	begin();
	report.slot = -1;
	memcpy(report.boot.verdict, "recovery", 9);
	assert_false(raised(VS_FLAG_BOOT_DIFFERS));
	begin();
	report.boot.parts[0].length = 0;
	report.boot.parts[0].release_seq = 0;
	assert_false(raised(VS_FLAG_BOOT_DIFFERS));
	begin();
	report.ecus[0].release_seq = 99; /* a controller has its own */
	assert_false(raised(VS_FLAG_BOOT_DIFFERS));
}

/* A charger's row keeps what its reports are compared with. */
static void what_is_stored_is_read_back(void **state)
{
	struct vs_device_state says = {.slot = 1}, back;
	struct vs_why why;
	char *text;

	(void)state;
	begin();
	report.ecus[1].floor = 4;
	report.slot = 0;
	(void)raised(VS_FLAG_BOOT_DIFFERS);
	later(DUE_S);
	assert_true(raised(VS_FLAG_FLOOR_NOT_RAISED));
	says.watch = watch;
	assert_int_equal(vs_device_said_write(&says, &text), VS_OK);
	assert_int_equal(vs_device_said_read(text, &back, &why), VS_OK);
	assert_memory_equal(&back.watch, &watch, sizeof watch);
	free(text);
}

static void what_changes_is_noted_once(void **state)
{
	struct scratch *s = *state;
	struct vs_watch was = {0};

	begin();
	report.ecus[1].floor = 4;
	report.slot = 0;
	for (int i = 0; i < 4; i++) {
		const struct vs_watch_with w = with();

		vs_watch_report(&watch, &report, &w, what);
		assert_int_equal(vs_watch_note(s->store, "CP-1", &was, &watch,
		                               now_s, what),
		                 VS_OK);
		was = watch;
		later(DUE_S);
		report.slot = i < 2 ? 0 : 1;
	}
	assert_int_equal(scratch_number(s, "SELECT count(*) FROM audit WHERE "
	                                   "action = 'flag-raised'"),
	                 2);
	assert_int_equal(scratch_number(s, "SELECT count(*) FROM audit WHERE "
	                                   "action = 'flag-cleared' AND "
	                                   "detail = 'boot-differs'"),
	                 1);
}

static void a_row_that_means_nothing_is_refused(void **state)
{
	const struct vs_watch_with w = {NOW_S, DUE_S, ecus, 2};

	(void)state;
	assert_int_equal(vs_watch_load(&watch, "floor:other", 1, &w),
	                 VS_ERR_INPUT);
	assert_int_equal(vs_watch_load(&watch, "flaw", 1, &w), VS_ERR_INPUT);
	assert_int_equal(vs_watch_load(&watch, "epoch", UINT64_C(1) << 32, &w),
	                 VS_ERR_INPUT);
}

static void every_flag_has_its_word(void **state)
{
	enum vs_flag flag;

	(void)state;
	for (int i = 0; i < VS_FLAGS; i++) {
		assert_true(vs_flag_find(vs_flag_name((enum vs_flag)i), &flag));
		assert_int_equal(flag, i);
	}
	assert_false(vs_flag_find("", &flag));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_charger_in_order_has_no_flag),
		cmocka_unit_test(a_floor_that_does_not_rise_in_time_is_flagged),
		cmocka_unit_test(a_restart_in_time_leaves_no_flag),
		cmocka_unit_test(a_trial_neither_begins_nor_stops_the_time),
		cmocka_unit_test(a_floor_that_cannot_be_read_is_not_due),
		cmocka_unit_test(a_floor_that_falls_is_flagged_at_once),
		cmocka_unit_test(an_epoch_that_falls_is_flagged_at_once),
		cmocka_unit_test(who_says_other_than_the_loader_is_flagged),
		cmocka_unit_test(what_the_loader_does_not_say_is_not_compared),
		cmocka_unit_test_setup_teardown(what_changes_is_noted_once,
	                                        scratch_make, scratch_remove),
		cmocka_unit_test(what_is_stored_is_read_back),
		cmocka_unit_test(a_row_that_means_nothing_is_refused),
		cmocka_unit_test(every_flag_has_its_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
