/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/rise_test.c - one restart, in time and when it suits, raises the
 * floor.  S0.18
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/run/move.h"
#include "agent/run/rise.h"
#include "agent/run/settle.h"
#include "tests/agent/life.h"

static struct maker maker;
static struct made gateway, controller;
static struct vs_agent a;

static int group_set_up(void **state)
{
	uint8_t image[9000];

	(void)state;
	maker_init(&maker);
	noise(image, sizeof(image), 1);
	maker_seal(&maker, &gateway, "gateway", 2, 5, image, sizeof(image));
	maker_seal(&maker, &controller, "controller", 2, 5, image, 4000);
	return 0;
}

static int group_tear_down(void **state)
{
	(void)state;
	made_drop(&gateway);
	made_drop(&controller);
	maker_drop(&maker);
	return 0;
}

static void change_record(uint8_t raise_floor, uint8_t slot_state)
{
	struct vs_record record;

	assert_int_equal(vs_record_load(&a.charger.ops.record, &record), VS_OK);
	record.raise_floor = raise_floor;
	record.slots[0].state = slot_state;
	record.slots[0].tries = slot_state == VS_SLOT_TRIAL ? 2 : 0;
	assert_int_equal(vs_record_store(&a.charger.ops.record, &record),
	                 VS_OK);
}

static vs_status forget(void *ctx, const void *bytes, size_t len)
{
	(void)ctx, (void)bytes, (void)len;
	return VS_OK;
}

/* An update that was confirmed since the start. */
static int set_up(void **state)
{
	char dir[PATH_MAX], error[VS_ERROR_LEN] = "";

	(void)state;
	maker_charger(&maker, &gateway, &controller, 1);
	life_configure(&maker);
	memset(&a, 0, sizeof(a));
	maker_path(&maker, "charger", dir);
	assert_int_equal(vs_charger_open(&a.charger, dir, error), VS_OK);
	assert_int_equal(vs_conf_load(dir, &a.conf, error), VS_OK);
	a.io = (struct vs_state_io){NULL, forget};
	a.conf.floor_restart_ms = 60000;
	a.state.phase = VS_PHASE_IDLE;
	a.charger.storage.start.trial = true;
	a.charger.trial = false;
	change_record(1, VS_SLOT_GOOD);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	vs_conf_drop(&a.conf);
	vs_charger_close(&a.charger);
	maker_scrap_charger(&maker);
	return 0;
}

/* Looks each second for so long; whether a restart is wanted then. */
static bool after(unsigned s)
{
	const struct timespec second = {1, 0}; /* power.c lets it pass */

	for (unsigned i = 0; i < s && !a.reboot; i++) {
		vs_agent_rise(&a);
		nanosleep(&second, NULL);
	}
	return a.reboot;
}

static void the_restart_comes_in_its_time(void **state)
{
	(void)state;
	assert_false(after(59));
	assert_true(after(15));
}

static void a_session_holds_it_up(void **state)
{
	static const char busy[] =
		"{\"session\": true, \"contactors\": \"closed\"}";

	(void)state;
	maker_put(&maker, "charger/run/charger.json", busy, sizeof(busy) - 1);
	assert_false(after(600));
	life_configure(&maker);
	assert_true(after(15));
}

static void nothing_else_may_be_under_way(void **state)
{
	(void)state;
	for (int p = 0; p < VS_PHASE_COUNT; p++) {
		a.state.phase = (enum vs_phase)p;
		if (p != VS_PHASE_IDLE)
			assert_false(after(300));
	}
	a.state.phase = VS_PHASE_IDLE;
	assert_true(after(90));
}

/* The loader's word is false at the next start: no second restart, whatever
 * that loader raises.
 */
static void a_start_that_was_no_trial_is_left_alone(void **state)
{
	(void)state;
	a.charger.storage.start.trial = false;
	assert_false(after(300));
}

static void a_floor_that_is_not_to_rise_is_left_alone(void **state)
{
	(void)state;
	change_record(0, VS_SLOT_GOOD);
	assert_false(after(300));
	change_record(1, VS_SLOT_GOOD);
	a.charger.trial = true; /* not confirmed yet */
	assert_false(after(300));
}

/* The agent's process is another one than that which confirmed. */
static void a_new_agent_knows_what_was_confirmed(void **state)
{
	(void)state;
	a.charger.trial = true;
	assert_int_equal(vs_agent_settle(&a), VS_OK);
	assert_false(a.charger.trial);
	assert_true(after(90));
	a.reboot = false;
	a.charger.trial = true;
	change_record(0, VS_SLOT_TRIAL);
	assert_int_equal(vs_agent_settle(&a), VS_OK);
	assert_true(a.charger.trial);
}

static void zero_means_never(void **state)
{
	(void)state;
	a.conf.floor_restart_ms = 0;
	assert_false(after(300));
}

static void the_recovery_image_is_left_alone(void **state)
{
	(void)state;
	a.charger.recovery = true;
	assert_false(after(300));
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(the_restart_comes_in_its_time),
		EACH(a_session_holds_it_up),
		EACH(nothing_else_may_be_under_way),
		EACH(a_start_that_was_no_trial_is_left_alone),
		EACH(a_floor_that_is_not_to_rise_is_left_alone),
		EACH(a_new_agent_knows_what_was_confirmed),
		EACH(zero_means_never),
		EACH(the_recovery_image_is_left_alone),
	};

	return cmocka_run_group_tests_name("agent rise", tests, group_set_up,
	                                   group_tear_down);
}
