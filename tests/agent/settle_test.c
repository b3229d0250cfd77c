/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/settle_test.c - what the agent makes of a restart, and the way
 * from a written slot to a confirmed or an abandoned one.
 *
 * The loader is played with its own decision code on the charger's files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/run/activate.h"
#include "agent/run/settle.h"
#include "base/file.h"
#include "tests/agent/maker.h"

#define GATEWAY_LEN (2 * (size_t)VS_CLUSTER_LEN + 5000)
#define CONTROLLER_LEN 9000

static struct maker maker;
static struct made gateway_1, gateway_2, controller_1;
static struct vs_agent *agent;
static int saves_left; /* before the disk fails; -1: never */

static vs_status save(void *ctx, const void *bytes, size_t len)
{
	(void)ctx;
	(void)bytes;
	(void)len;
	if (saves_left == 0)
		return VS_ERR_IO;
	saves_left -= saves_left > 0;
	return VS_OK;
}

static bool never(void)
{
	return false;
}

static int setup(void **state)
{
	uint8_t *image = malloc(GATEWAY_LEN);

	(void)state;
	assert_non_null(image);
	maker_init(&maker);
	noise(image, GATEWAY_LEN, 1);
	maker_seal(&maker, &gateway_1, "gateway", 1, 1, image, GATEWAY_LEN);
	maker_seal(&maker, &controller_1, "controller", 1, 1, image,
	           CONTROLLER_LEN);
	noise(image + 100, 9, 2);
	maker_seal(&maker, &gateway_2, "gateway", 2, 2, image, GATEWAY_LEN);
	free(image);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	made_drop(&gateway_1);
	made_drop(&gateway_2);
	made_drop(&controller_1);
	maker_drop(&maker);
	return 0;
}

/* The machine starts: the loader decides, and the agent opens what it left.
 * Phase and release stay as they were, as in state.json.
 */
static void start(enum vs_reset_cause cause)
{
	struct vs_state *kept = malloc(sizeof(*kept));
	struct vs_boot_decision d;
	struct vs_charger *c = &agent->charger;
	char path[PATH_MAX];
	char error[VS_ERROR_LEN] = "";

	assert_non_null(kept);
	*kept = agent->state;
	vs_charger_close(c);
	maker_path(&maker, "charger", path);
	assert_int_equal(vs_charger_open_blank(c, path, error), VS_OK);
	assert_int_equal(vs_boot_decide(&c->ops, c->components,
	                                c->machine.count, &c->ring, cause,
	                                c->scratch, &d),
	                 VS_OK);
	assert_int_equal(d.verdict, VS_VERDICT_BOOT);
	maker_decide(&maker, &d);
	vs_charger_close(c);
	memset(agent, 0, sizeof(*agent));
	agent->state = *kept;
	agent->io = (struct vs_state_io){agent, save};
	agent->stopped = never;
	agent->image = maker.dir; /* a root without checks: well */
	agent->conf.tries = 2;
	agent->conf.health_checks = 2;
	agent->conf.health_timeout_ms = 1;
	agent->conf.status_command = "";
	agent->conf.window = "";
	assert_int_equal(vs_charger_open(c, path, error), VS_OK);
	assert_int_equal(vs_agent_settle(agent), VS_OK);
	free(kept);
}

static void set_record(int slot, enum vs_slot_state a, enum vs_slot_state b)
{
	struct vs_record record = {.slot = (uint8_t)slot};

	record.slots[0].state = (uint8_t)a;
	record.slots[1].state = (uint8_t)b;
	maker_set_record(&maker, record);
}

/* A charger on slot A whose slot B holds the new set, not armed. */
static int begin(void **state)
{
	struct counted counted;
	struct vs_source source;
	struct vs_set set = {.target = 1, .workers = 1};
	struct vs_why why;

	(void)state;
	saves_left = -1;
	maker_charger(&maker, &gateway_1, &controller_1, 1);
	agent = calloc(1, sizeof(*agent));
	assert_non_null(agent);
	agent->charger.storage.files.record =
		agent->charger.storage.files.floor = -1;
	for (int i = 0; i < VS_BOOT_COMPONENTS_MAX; i++)
		agent->charger.storage.files.slots[i][0] =
			agent->charger.storage.files.slots[i][1] = -1;
	set_record(0, VS_SLOT_GOOD, VS_SLOT_EMPTY);
	start(VS_RESET_POWER);
	assert_int_equal(agent->state.phase, VS_PHASE_IDLE);
	counted_init(&counted, &gateway_2, &source);
	set.charger = &agent->charger;
	set.parts[0].seal = &gateway_2.opened;
	set.parts[0].source = &source;
	assert_int_equal(vs_set_write(&set, &why), VS_OK);
	agent->state.phase = VS_PHASE_ARMING;
	agent->state.target = 1;
	agent->state.part_count = 1;
	agent->state.campaign_seq = 2;
	memcpy(agent->state.parts[0].sha256, gateway_2.sha256, 65);
	snprintf(agent->state.parts[0].path, VS_TARGET_PATH_LEN, "gateway/2");
	return 0;
}

static int end(void **state)
{
	(void)state;
	vs_charger_close(&agent->charger);
	maker_scrap_charger(&maker);
	free(agent);
	return 0;
}

/* S3.20: found in one place, as a power cut left it */
static void a_keyring_that_arrived_is_kept_in_both_places(void **state)
{
	static uint8_t file[VS_KEYRING_LEN_MAX];
	struct person *const both[] = {&maker.people[0], &maker.people[1]};
	struct vs_keyring ring = maker.ring;
	char path[PATH_MAX];
	uint32_t epoch;

	(void)state;
	ring.version = 2;
	maker_put(&maker, "charger/keyring-0", file,
	          maker_ring(&ring, both, 2, file));
	start(VS_RESET_POWER);
	assert_true(
		vs_file_exists(maker_path(&maker, "charger/keyring-1", path)));
	start(VS_RESET_POWER);
	assert_int_equal(agent->charger.ops.floor_get(agent->charger.ops.ctx,
	                                              VS_BOOT_EPOCH, &epoch),
	                 VS_OK);
	assert_int_equal(epoch, 2);
}

static const struct vs_news *last_note(void)
{
	assert_true(agent->state.outbox.count > 0);
	return &agent->state.outbox.notes[agent->state.outbox.count - 1];
}

static struct vs_record record_now(void)
{
	struct vs_record record;

	assert_int_equal(vs_record_load(&agent->charger.ops.record, &record),
	                 VS_OK);
	return record;
}

static void arm_and_restart(void)
{
	vs_agent_activate(agent);
	assert_int_equal(agent->state.phase, VS_PHASE_REBOOTING);
	assert_string_equal(last_note()->status, "InstallRebooting");
	vs_agent_activate(agent);
	assert_true(agent->reboot);
	start(VS_RESET_REQUEST);
	assert_int_equal(agent->charger.slot, 1);
	assert_int_equal(agent->state.phase, VS_PHASE_TRIAL);
}

static void a_healthy_image_is_confirmed_and_the_floor_rises_later(void **state)
{
	uint32_t floor;

	(void)state;
	arm_and_restart();
	agent->conf.health_timeout_ms = 60000;
	vs_agent_activate(agent);
	assert_int_equal(agent->state.phase, VS_PHASE_TRIAL);
	assert_int_equal(record_now().slots[1].state, VS_SLOT_TRIAL);
	vs_agent_activate(agent);
	assert_int_equal(agent->state.phase, VS_PHASE_COMMITTING);
	vs_agent_activate(agent);
	assert_int_equal(agent->state.phase, VS_PHASE_IDLE);
	assert_string_equal(last_note()->status, "Installed");
	assert_int_equal(last_note()->campaign_seq, 2);
	assert_int_equal(record_now().slots[1].state, VS_SLOT_GOOD);
	assert_int_equal(agent->charger.running[0].floor, 1);
	start(VS_RESET_POWER);
	assert_int_equal(agent->charger.slot, 1);
	assert_int_equal(
		agent->charger.ops.floor_get(agent->charger.ops.ctx, 0, &floor),
		VS_OK);
	assert_int_equal(floor, 2);
}

/* S0.17 S3.30: the surviving slot says why, and does not try it again. */
static void a_sick_image_is_given_up_and_the_old_one_says_why(void **state)
{
	char id[65];

	(void)state;
	arm_and_restart();
	agent->image = NULL; /* its health cannot be shown */
	agent->trial.started_ms -= 5;
	vs_agent_activate(agent);
	assert_int_equal(agent->state.phase, VS_PHASE_GIVING_UP);
	vs_agent_activate(agent);
	assert_true(agent->reboot);
	assert_int_equal(record_now().slots[1].state, VS_SLOT_BAD);
	start(VS_RESET_REQUEST);
	assert_int_equal(agent->charger.slot, 0);
	assert_int_equal(agent->state.phase, VS_PHASE_IDLE);
	assert_string_equal(last_note()->status, "InstallVerificationFailed");
	assert_int_equal(last_note()->reason, VS_REASON_HEALTH_FAILED);
	assert_string_equal(last_note()->detail, "VOLTSEAL_IMAGE is not set");
	assert_string_equal(last_note()->about, "gateway/2");
	assert_int_equal(vs_state_set_id(&agent->state, id), VS_OK);
	assert_true(vs_state_has_failed(&agent->state, id));
}

static void an_image_that_never_comes_up_falls_back_by_itself(void **state)
{
	(void)state;
	arm_and_restart();
	start(VS_RESET_CRASH); /* the second try of two */
	assert_int_equal(agent->charger.slot, 1);
	assert_int_equal(agent->state.phase, VS_PHASE_TRIAL);
	start(VS_RESET_CRASH);
	assert_int_equal(agent->charger.slot, 0);
	assert_int_equal(agent->state.phase, VS_PHASE_IDLE);
	assert_string_equal(last_note()->status, "InstallVerificationFailed");
	assert_int_equal(last_note()->reason, VS_REASON_NO_TRIES);
	assert_true(agent->charger.fell_back);
}

static void a_power_cut_in_a_trial_costs_no_try(void **state)
{
	(void)state;
	arm_and_restart();
	for (int i = 0; i < 5; i++) {
		start(VS_RESET_POWER);
		assert_int_equal(agent->state.phase, VS_PHASE_TRIAL);
		assert_int_equal(agent->charger.slot, 1);
	}
}

/* A cut between each persisted phase and its effect. */
static void a_cut_before_the_record_is_armed_arms_again(void **state)
{
	(void)state;
	start(VS_RESET_POWER);
	assert_int_equal(agent->state.phase, VS_PHASE_ARMING);
	assert_int_equal(agent->charger.slot, 0);
	arm_and_restart();
}

static void a_cut_after_the_record_is_armed_goes_on_to_the_trial(void **state)
{
	struct vs_why why;

	(void)state;
	assert_int_equal(vs_set_arm(&agent->charger, 1, 2, &why), VS_OK);
	/* only the agent was started again: it asks for the reboot */
	assert_int_equal(vs_agent_settle(agent), VS_OK);
	assert_int_equal(agent->state.phase, VS_PHASE_REBOOTING);
	agent->state.phase = VS_PHASE_ARMING;
	start(VS_RESET_POWER);
	assert_int_equal(agent->state.phase, VS_PHASE_TRIAL);
}

static void a_cut_around_the_confirmation_ends_in_installed(void **state)
{
	(void)state;
	arm_and_restart();
	agent->state.phase = VS_PHASE_COMMITTING;
	saves_left = 0; /* recorded GOOD, and then the phase is not saved */
	vs_agent_activate(agent);
	assert_int_equal(agent->state.phase, VS_PHASE_COMMITTING);
	assert_int_equal(record_now().slots[1].state, VS_SLOT_GOOD);
	saves_left = -1;
	start(VS_RESET_POWER);
	assert_int_equal(agent->state.phase, VS_PHASE_COMMITTING);
	vs_agent_activate(agent);
	assert_int_equal(agent->state.phase, VS_PHASE_IDLE);
	assert_string_equal(last_note()->status, "Installed");
}

static void a_cut_before_giving_up_gives_up_again(void **state)
{
	(void)state;
	arm_and_restart();
	agent->state.phase = VS_PHASE_GIVING_UP;
	agent->state.reason = VS_REASON_HEALTH_TIMEOUT;
	start(VS_RESET_POWER);
	assert_int_equal(agent->state.phase, VS_PHASE_GIVING_UP);
	vs_agent_activate(agent);
	assert_int_equal(record_now().slots[1].state, VS_SLOT_BAD);
	start(VS_RESET_REQUEST);
	assert_int_equal(last_note()->reason, VS_REASON_HEALTH_TIMEOUT);
}

static void a_restart_before_arming_begins_with_a_new_look(void **state)
{
	static const enum vs_phase phases[] = {
		VS_PHASE_SCHEDULED, VS_PHASE_DOWNLOADING, VS_PHASE_CHECKING,
		VS_PHASE_WAITING};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		agent->state.phase = phases[i];
		start(VS_RESET_POWER);
		assert_int_equal(agent->state.phase, VS_PHASE_IDLE);
		assert_int_equal(agent->charger.slot, 0);
	}
}

static void a_trial_without_a_state_is_still_a_trial(void **state)
{
	(void)state;
	arm_and_restart();
	memset(&agent->state, 0, sizeof(agent->state)); /* state.json is gone */
	start(VS_RESET_POWER);
	assert_int_equal(agent->state.phase, VS_PHASE_TRIAL);
	assert_int_equal(agent->state.target, 1);
	/* while a restarted agent on a GOOD slot is idle */
	memset(&agent->state, 0, sizeof(agent->state));
	set_record(0, VS_SLOT_GOOD, VS_SLOT_EMPTY);
	start(VS_RESET_POWER);
	assert_int_equal(agent->state.phase, VS_PHASE_IDLE);
}

/* S1.7: nothing is armed while the charger's status says no, or nothing. */
static void a_closed_gate_holds_the_update_up_and_says_so_once(void **state)
{
	static const char idle[] =
		"{\"session\": false, \"contactors\": \"open\"}";

	(void)state;
	agent->state.phase = VS_PHASE_WAITING;
	agent->conf.require_idle = true;
	agent->conf.status_age_ms = 10000;
	snprintf(agent->conf.status_file, PATH_MAX, "%s/status", maker.dir);
	for (int i = 0; i < 3; i++) {
		agent->gate_at = 0;
		vs_agent_activate(agent);
	}
	assert_int_equal(agent->state.phase, VS_PHASE_WAITING);
	assert_int_equal(agent->state.outbox.count, 1);
	assert_string_equal(last_note()->status, "InstallScheduled");
	maker_put(&maker, "status", idle, sizeof(idle) - 1);
	agent->gate_at = 0;
	vs_agent_activate(agent);
	assert_int_equal(agent->state.phase, VS_PHASE_ARMING);
}

static void what_cannot_be_persisted_is_not_done(void **state)
{
	(void)state;
	agent->state.phase = VS_PHASE_WAITING;
	saves_left = 0;
	vs_agent_activate(agent);
	assert_int_equal(agent->state.phase, VS_PHASE_WAITING);
	assert_int_equal(record_now().slots[1].state, VS_SLOT_EMPTY);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(a_keyring_that_arrived_is_kept_in_both_places),
		EACH(a_sick_image_is_given_up_and_the_old_one_says_why),
		EACH(an_image_that_never_comes_up_falls_back_by_itself),
		EACH(a_power_cut_in_a_trial_costs_no_try),
		EACH(a_cut_before_the_record_is_armed_arms_again),
		EACH(a_cut_after_the_record_is_armed_goes_on_to_the_trial),
		EACH(a_cut_around_the_confirmation_ends_in_installed),
		EACH(a_cut_before_giving_up_gives_up_again),
		EACH(a_restart_before_arming_begins_with_a_new_look),
		EACH(a_trial_without_a_state_is_still_a_trial),
		EACH(a_closed_gate_holds_the_update_up_and_says_so_once),
		EACH(what_cannot_be_persisted_is_not_done),
		EACH(a_healthy_image_is_confirmed_and_the_floor_rises_later),
	};

	return cmocka_run_group_tests_name("agent settle", tests, setup,
	                                   teardown);
}
