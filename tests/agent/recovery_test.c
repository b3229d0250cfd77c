/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/recovery_test.c - neither slot starts: the agent in the recovery
 * image tells why, and repairs.
 *
 * What the factory put into slot A is damaged; slot B is EMPTY.
 *
 * S0.7 S0.15 S0.32 S0.41 S3.26
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/believe/successor.h"
#include "agent/run/activate.h"
#include "agent/run/deliver.h"
#include "agent/run/settle.h"
#include "agent/run/update.h"
#include "base/file.h"
#include "tests/agent/gateway_world.h"
#include "tests/agent/life.h"
#include "tests/agent/power.h"

static struct server server;

static int group_set_up(void **state)
{
	power_set_time(NOW);
	return world_set_up(state);
}

static void offer(const struct made *gateway_image,
                  const struct made *controller_image)
{
	server_offer(&server, gateway_image, controller_image);
	server_publish(&server);
}

static int begin(const struct made *gateway_image,
                 const struct made *controller_image)
{
	char path[PATH_MAX];

	world_begin_on(gateway_image, controller_image);
	server_init(&server);
	server_provision(&server, &maker);
	life_configure(&maker);
	/* The charger program does not run, so nobody writes this. */
	(void)unlink(maker_path(&maker, "charger/run/charger.json", path));
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	return begin(&gateway_1, &controller_1);
}

static int set_up_2(void **state)
{
	(void)state;
	return begin(&gateway_2, &controller_2);
}

static int tear_down(void **state)
{
	power_arm(0, POWER_TORN);
	server_drop(&server);
	return world_end(state);
}

static void destroy_slots(void)
{
	world_destroy("gateway-a");
	world_destroy("gateway-b");
	world_destroy("controller-a");
	world_destroy("controller-b");
}

/* With a floor that was to rise with what is gone now. */
static void set_slots(uint8_t slot, uint8_t a, uint8_t b)
{
	struct vs_record record = {.slot = slot, .raise_floor = 1};

	record.slots[0].state = a;
	record.slots[1].state = b;
	maker_set_record(&maker, record);
}

static bool is_repaired(const struct vs_agent *a)
{
	return a->state.phase == VS_PHASE_IDLE && !a->charger.recovery &&
	       a->state.outbox.count == 0 && a->director_version > 0 &&
	       server.heard->last.slot >= 0 && !server.heard->last.trial;
}

static bool never(const struct vs_agent *a)
{
	(void)a;
	return false;
}

static struct life new_life(void)
{
	return (struct life){.maker = &maker,
	                     .server = &server,
	                     .done = is_repaired,
	                     .sick = -1,
	                     .boot = world_boot};
}

static bool holds(const char *name, const struct made *image)
{
	char node[64];

	return life_holds(&maker, gateway_node(name, node), image);
}

static void assert_repaired(char slot)
{
	struct vs_boot_decision d = gateway_boot(VS_RESET_POWER);
	char name[32];

	assert_int_equal(d.verdict, VS_VERDICT_BOOT);
	assert_int_equal(d.slot, slot - 'a');
	assert_false(d.trial);
	snprintf(name, sizeof(name), "gateway-%c", slot);
	assert_true(holds(name, &gateway_2));
	snprintf(name, sizeof(name), "controller-%c", slot);
	assert_true(holds(name, &controller_2));
	assert_int_equal(gateway.firmware->floors[0], 2);
	assert_false(server.heard->bad);
}

/* Boots, and one look of an agent that is started for it. */
static struct life look(void)
{
	struct life l = new_life();

	l.done = never;
	world_boot(VS_RESET_UNKNOWN);
	life_look(&l);
	return l;
}

static void must_refuse(vs_reason reason)
{
	struct life l = look();

	assert_true(l.agent->charger.recovery);
	if (!server.heard->refused[reason])
		fail_msg("not %s but %s", vs_reason_name(reason),
		         vs_reason_name(server.heard->last.reason));
	assert_int_equal(l.agent->state.phase, VS_PHASE_IDLE);
	life_close(&l);
}

static void both_slots_destroyed_the_assigned_release_repairs(void **state)
{
	struct life l = new_life();

	(void)state;
	destroy_slots();
	set_slots(1, VS_SLOT_GOOD, VS_SLOT_GOOD);
	offer(&gateway_2, &controller_2);
	assert_true(life_run(&l));
	assert_int_equal(gateway.firmware->recoveries, 1);
	assert_int_equal(gateway.firmware->cause, VS_RESET_REQUEST);
	assert_int_equal(server.heard->installed, 1);
	assert_repaired('a');
}

static void recovery_is_told_with_the_reasons_of_both_slots(void **state)
{
	struct life l;

	(void)state;
	world_destroy("controller-a");
	server_publish(&server);
	l = look();
	vs_agent_check_health(l.agent, &(struct vs_why){0});
	l.agent->report_at = 0;
	vs_agent_deliver(l.agent);
	assert_int_equal(server.heard->last.slot, -1);
	assert_false(server.heard->last.healthy);
	assert_string_equal(server.heard->last.detail,
	                    "recovery: slot a: no-seal, controller; slot b: "
	                    "no-seal, gateway");
	assert_string_equal(server.heard->last.ecus[0].sha256, "");
	assert_string_equal(server.heard->last.ecus[0].version, "");
	assert_int_equal(server.heard->last.ecus[0].release_seq, 0);
	assert_int_equal(server.heard->last.ecus[0].floor, 1);
	assert_false(server.heard->bad);
	life_close(&l);
}

/* What still hashes right is not fetched again. */
static void a_damaged_block_costs_one_cluster(void **state)
{
	struct life l = new_life();

	(void)state;
	world_overwrite("gateway-a", "damage", 6, VS_CLUSTER_LEN + 99);
	set_slots(0, VS_SLOT_GOOD, VS_SLOT_GOOD);
	offer(&gateway_2, &controller_2);
	assert_true(life_run(&l));
	assert_int_equal(gateway.firmware->recoveries, 1);
	assert_true(server.heard->pack_bytes < VS_CLUSTER_LEN + 5000);
	assert_repaired('a');
}

/* The other one may be readable again, some day. */
static void a_slot_that_the_record_calls_good_is_spared(void **state)
{
	struct life l = new_life();

	(void)state;
	world_overwrite("gateway-a", "damage", 6, VS_CLUSTER_LEN + 99);
	set_slots(0, VS_SLOT_GOOD, VS_SLOT_BAD);
	offer(&gateway_2, &controller_2);
	assert_true(life_run(&l));
	/* Two clusters were copied from slot A, where they hash right. */
	assert_true(server.heard->pack_bytes < VS_CLUSTER_LEN + 15000);
	assert_repaired('b');
}

/* S0.18 */
static void an_older_release_than_the_good_one_is_refused(void **state)
{
	(void)state;
	world_overwrite("gateway-a", "damage", 6, VS_CLUSTER_LEN + 99);
	offer(&gateway_1, &controller_1);
	must_refuse(VS_REASON_RELEASE_ROLLBACK);
	assert_int_equal(maker_record(&maker).slots[0].state, VS_SLOT_GOOD);
}

/* What was given up says nothing of how far this charger had come. */
static void a_release_that_was_given_up_does_not_count(void **state)
{
	struct life l = new_life();
	char node[64];

	(void)state;
	maker_fill_slot(&maker, gateway_node("gateway-b", node), &gateway_2);
	maker_fill_slot(&maker, gateway_node("controller-b", node),
	                &controller_2);
	set_slots(0, VS_SLOT_GOOD, VS_SLOT_BAD);
	world_overwrite("gateway-a", "damage", 6, VS_CLUSTER_LEN + 99);
	offer(&gateway_1, &controller_1);
	assert_true(life_run(&l));
	assert_int_equal(gateway.firmware->recoveries, 1);
	assert_true(holds("gateway-b", &gateway_1));
}

/* With no seal left to read, the floor says how far back it may go.  S0.18 */
static void a_release_below_the_floor_is_refused(void **state)
{
	(void)state;
	destroy_slots();
	gateway.firmware->floors[1] = 3;
	offer(&gateway_1, &controller_1);
	must_refuse(VS_REASON_BELOW_FLOOR);
}

static void without_floors_it_reports_and_installs_nothing(void **state)
{
	(void)state;
	gateway.firmware->floors_lost = true;
	offer(&gateway_2, &controller_2);
	must_refuse(VS_REASON_BELOW_FLOOR);
	assert_int_equal(server.heard->last.ecus[0].floor, UINT32_MAX);
	assert_true(holds("gateway-a", &gateway_1));
}

static void a_release_that_lacks_a_component_changes_nothing(void **state)
{
	struct vs_record before;
	struct life l;

	(void)state;
	world_destroy("controller-a");
	before = maker_record(&maker);
	offer(&gateway_2, NULL);
	l = look();
	assert_true(server.heard->refused[VS_REASON_INCOMPLETE_SET]);
	assert_int_equal(l.agent->state.phase, VS_PHASE_IDLE);
	life_close(&l);
	assert_int_equal(maker_record(&maker).seq, before.seq);
	assert_true(holds("gateway-a", &gateway_1));
}

/* The record's loss is one more thing to mend, in whatever phase. */
static void a_lost_record_is_written_anew_in_every_phase(void **state)
{
	static const enum vs_phase phases[] = {
		VS_PHASE_IDLE,      VS_PHASE_WAITING, VS_PHASE_ARMING,
		VS_PHASE_REBOOTING, VS_PHASE_TRIAL,   VS_PHASE_COMMITTING};

	(void)state;
	offer(&gateway_2, &controller_2);
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		uint8_t none[8192];
		struct life l = new_life();

		destroy_slots();
		memset(none, 0xff, sizeof(none));
		world_overwrite("record", none, sizeof(none), 0);
		world_boot(VS_RESET_UNKNOWN);
		life_open(&l);
		l.agent->state.phase = phases[i];
		assert_int_equal(vs_state_save(&l.agent->state, &l.agent->io),
		                 VS_OK);
		life_close(&l);
		assert_true(life_run(&l));
		assert_repaired('a');
	}
}

static bool gave_up(const struct vs_agent *a)
{
	return a->charger.recovery && a->state.phase == VS_PHASE_IDLE &&
	       a->state.failed_count == 1 && a->state.outbox.count == 0 &&
	       a->passed_over[0] != '\0';
}

/* S0.17 */
static void a_release_that_failed_its_trial_is_not_tried_again(void **state)
{
	struct life l = new_life();

	(void)state;
	destroy_slots();
	set_slots(0, VS_SLOT_BAD, VS_SLOT_BAD);
	offer(&gateway_2, &controller_2);
	l.done = gave_up;
	l.sick = 0;
	assert_true(life_run(&l));
	assert_true(server.heard->refused[VS_REASON_HEALTH_FAILED]);
	assert_int_equal(server.heard->installed, 0);
	assert_int_equal(gateway.firmware->floors[0], 1);
}

/* That its bytes were damaged as well makes it no better. */
static void a_set_that_was_given_up_and_damaged_has_failed(void **state)
{
	struct life l = new_life();
	struct vs_state *s;

	(void)state;
	destroy_slots();
	server_publish(&server);
	world_boot(VS_RESET_UNKNOWN);
	life_open(&l);
	s = &l.agent->state;
	s->phase = VS_PHASE_GIVING_UP;
	s->reason = VS_REASON_HEALTH_FAILED;
	s->part_count = 1;
	snprintf(s->parts[0].component, sizeof(s->parts[0].component),
	         "gateway");
	memcpy(s->parts[0].sha256, gateway_2.sha256, 65);
	assert_int_equal(vs_agent_settle(l.agent), VS_OK);
	assert_int_equal(s->phase, VS_PHASE_IDLE);
	assert_int_equal(s->failed_count, 1);
	assert_int_equal(s->reason, VS_REASON_HEALTH_FAILED);
	life_close(&l);
}

static void no_keyring_changes_hands_while_nothing_runs(void **state)
{
	static uint8_t file[VS_KEYRING_LEN_MAX];
	struct person *const both[] = {&maker.people[0], &maker.people[1]};
	const struct vs_conf conf_of_a_demo = {.demo = true};
	struct vs_keyring ring = maker.ring;
	struct vs_charger *c = malloc(sizeof(*c));
	char path[PATH_MAX], error[VS_ERROR_LEN];
	struct vs_why why;
	size_t len;

	(void)state;
	assert_non_null(c);
	ring.version++;
	len = maker_ring(&ring, both, 2, file);
	maker_path(&maker, "charger", path);
	world_boot(VS_RESET_UNKNOWN);
	assert_int_equal(vs_charger_open(c, path, error), VS_OK);
	assert_int_equal(vs_successor_take(c, &conf_of_a_demo, file, len, &why),
	                 VS_OK);
	vs_charger_close(c);
	destroy_slots();
	world_overwrite("keyring-0", "damage", 6, 0);
	world_boot(VS_RESET_UNKNOWN);
	assert_int_equal(vs_charger_open(c, path, error), VS_OK);
	assert_true(c->recovery);
	assert_int_equal(c->ring.version, ring.version);
	assert_int_equal(vs_successor_settle(c, &why), VS_OK);
	ring.version++;
	len = maker_ring(&ring, both, 2, file);
	assert_int_equal(vs_successor_take(c, &conf_of_a_demo, file, len, &why),
	                 VS_ERR_STATE);
	assert_int_equal(why.code, VS_REASON_CONFLICT);
	assert_non_null(strstr(why.what, "nothing runs from a slot"));
	vs_charger_close(c);
	assert_int_equal(vs_charger_open(c, path, error), VS_OK);
	assert_int_equal(c->places[0].refused, VS_REASON_UNREADABLE);
	vs_charger_close(c);
	free(c);
}

/* A set whose bytes went bad before it was tried did not fail. */
static void a_set_that_was_damaged_before_its_start_is_repaired(void **state)
{
	struct life l = new_life();
	struct vs_agent *a;
	uint64_t before;

	(void)state;
	destroy_slots();
	set_slots(0, VS_SLOT_BAD, VS_SLOT_BAD);
	offer(&gateway_2, &controller_2);
	l = look();
	a = l.agent;
	assert_int_equal(a->state.phase, VS_PHASE_WAITING);
	assert_int_equal(maker_record(&maker).raise_floor, 0);
	while (a->state.phase != VS_PHASE_REBOOTING) {
		a->gate_at = 0;
		vs_agent_activate(a);
	}
	life_close(&l);
	world_overwrite("gateway-a", "damage", 6, VS_CLUSTER_LEN + 99);
	before = server.heard->pack_bytes;
	l = new_life();
	assert_true(life_run(&l));
	assert_int_equal(gateway.firmware->recoveries, 2);
	/* only what was damaged */
	assert_true(server.heard->pack_bytes - before < VS_CLUSTER_LEN + 5000);
	assert_repaired('a');
}

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *at)
{
	(void)st;
	(void)at;
	if (kind == FTW_F && !strstr(path, "root.json"))
		return unlink(path);
	return 0;
}

/* Both slots destroyed, and an agent that knows nothing. */
static void reset(void)
{
	char path[PATH_MAX];

	power_arm(0, POWER_TORN);
	nftw(maker_path(&maker, "charger/agent", path), remove_one, 16,
	     FTW_PHYS);
	destroy_slots();
	set_slots(0, VS_SLOT_GOOD, VS_SLOT_GOOD);
	gateway.firmware->floors[0] = gateway.firmware->floors[1] = 1;
	memset(server.heard, 0, sizeof(*server.heard));
}

/* In a process of its own, which ends with the power.  Gives whether it lived
 * on to its end.
 */
static bool live(uint64_t cut_at, enum power_loss loss)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct life l = new_life();

		power_arm(cut_at, loss);
		if (!life_run(&l))
			_exit(1);
		(void)gateway_boot(VS_RESET_POWER);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == POWER_EXIT)
		return false;
	assert_int_equal(WEXITSTATUS(status), 0);
	return true;
}

static void cut_at_every_write(enum power_loss loss)
{
	struct life l = new_life();
	uint64_t n = 1;
	bool whole = false;

	offer(&gateway_2, &controller_2);
	for (; !whole; n++) {
		reset();
		whole = live(n, loss);
		assert_true(life_run(&l));
		assert_repaired('a');
	}
	print_message("# power was cut at each of %u writes\n", (unsigned)n);
	assert_true(n > 75);
}

static void a_cut_at_every_write_of_a_repair_ends_in_it(void **state)
{
	(void)state;
	cut_at_every_write(POWER_TORN);
}

static void a_cut_that_loses_what_was_not_synced_does_too(void **state)
{
	(void)state;
	cut_at_every_write(POWER_LOST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_slots_destroyed_the_assigned_release_repairs),
		TEST(recovery_is_told_with_the_reasons_of_both_slots),
		cmocka_unit_test_setup_teardown(
			a_damaged_block_costs_one_cluster, set_up_2, tear_down),
		cmocka_unit_test_setup_teardown(
			a_slot_that_the_record_calls_good_is_spared, set_up_2,
			tear_down),
		cmocka_unit_test_setup_teardown(
			an_older_release_than_the_good_one_is_refused, set_up_2,
			tear_down),
		TEST(a_release_that_was_given_up_does_not_count),
		TEST(a_release_below_the_floor_is_refused),
		TEST(without_floors_it_reports_and_installs_nothing),
		TEST(a_release_that_lacks_a_component_changes_nothing),
		TEST(a_lost_record_is_written_anew_in_every_phase),
		TEST(a_release_that_failed_its_trial_is_not_tried_again),
		TEST(a_set_that_was_given_up_and_damaged_has_failed),
		TEST(no_keyring_changes_hands_while_nothing_runs),
		TEST(a_set_that_was_damaged_before_its_start_is_repaired),
		TEST(a_cut_at_every_write_of_a_repair_ends_in_it),
		TEST(a_cut_that_loses_what_was_not_synced_does_too),
	};

	return cmocka_run_group_tests_name("agent recovery", tests,
	                                   group_set_up, world_tear_down);
}
