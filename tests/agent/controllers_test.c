/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/controllers_test.c - a release of gateway and controller is all
 * or nothing, though each has a boot record of its own.
 *
 * Loader, agent and the controller's protocol and boot are the real code; the
 * controller's flash is memory that outlives the processes that end with the
 * power.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/agent/controller_sim.h"
#include "tests/agent/life.h"
#include "tests/agent/power.h"

#define GATEWAY_LEN 9000
#define CONTROLLER_LEN 5000
#define IDLE "{\"session\": false, \"contactors\": \"open\"}"
#define BUSY "{\"session\": true, \"contactors\": \"open\"}"

static struct maker maker;
static struct server server;
static struct made gateway_2, gateway_3, controller_2, controller_3;
static struct sim *sim; /* shared with those processes */
static char tty[PATH_MAX];
static long looks;         /* at whether it is done */
static vs_reason expected; /* to be told to the server */

static void make(struct made *out, const char *component, uint64_t seq)
{
	static uint8_t image[GATEWAY_LEN];

	noise(image, sizeof(image),
	      (uint32_t)(seq * 7) + (uint8_t)component[0]);
	maker_seal(&maker, out, component, seq, (uint32_t)seq - 1, image,
	           component[0] == 'g' ? GATEWAY_LEN : CONTROLLER_LEN);
}

static int setup(void **state)
{
	(void)state;
	power_set_time(NOW);
	maker_init(&maker);
	make(&gateway_2, "gateway", 2);
	make(&gateway_3, "gateway", 3);
	make(&controller_2, "controller", 2);
	make(&controller_3, "controller", 3);
	sim = mmap(NULL, sizeof(*sim), PROT_READ | PROT_WRITE,
	           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return sim == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	made_drop(&gateway_2);
	made_drop(&gateway_3);
	made_drop(&controller_2);
	made_drop(&controller_3);
	maker_drop(&maker);
	return munmap(sim, sizeof(*sim));
}

static void put_machine(void)
{
	char text[PATH_MAX + 512];
	int n = snprintf(text, sizeof(text),
	                 "vehicle = CP-0001\n"
	                 "charger_component = gateway\n"
	                 "component.gateway.hardware = gw-rev3\n"
	                 "component.controller.hardware = ct-rev1\n"
	                 "component.controller.driver = serial\n"
	                 "component.controller.device = %s\n",
	                 maker_path(&maker, "tty", tty));

	maker_put(&maker, "charger/machine.conf", text, (size_t)n);
}

/* Release 2 runs, 3 is offered. */
static int begin(void **state)
{
	(void)state;
	looks = 0;
	maker_charger(&maker, &gateway_2, &controller_2, 1);
	put_machine();
	server_init(&server);
	server_provision(&server, &maker);
	server_offer(&server, &gateway_3, &controller_3);
	server_publish(&server);
	life_configure(&maker);
	sim_init(sim, &maker, &controller_2, 1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	server_drop(&server);
	maker_scrap_charger(&maker);
	return 0;
}

static const struct vs_report_ecu *told(void)
{
	return &server.heard->last.ecus[1];
}

static bool rests(const struct vs_agent *a)
{
	return a->state.phase == VS_PHASE_IDLE && a->state.outbox.count == 0 &&
	       a->director_version > 0 &&
	       strcmp(server.heard->last.status, "Idle") == 0;
}

/* The floor rose too, at the controller's restart behind the confirmation. */
static bool is_updated(const struct vs_agent *a)
{
	return rests(a) && a->charger.slot == 1 && told()->release_seq == 3 &&
	       told()->floor == 2 && a->healthy;
}

static bool has_fallen_back(const struct vs_agent *a)
{
	return rests(a) && a->charger.slot == 0 && a->state.failed_count == 1 &&
	       a->healthy && told()->release_seq == 2;
}

static struct life new_life(bool (*done)(const struct vs_agent *))
{
	return (struct life){.maker = &maker,
	                     .server = &server,
	                     .done = done,
	                     .sick = done == has_fallen_back ? 1 : -1};
}

/* One power-on to its end; the controller with it. */
static void live(struct life *l)
{
	sim_on_terminal(sim, maker_path(&maker, "tty", tty));
	assert_true(life_run(l));
	sim_off(sim);
}

static void assert_updated(void)
{
	struct vs_boot_decision d = life_boot(&maker, VS_RESET_POWER);
	struct vs_record rec = sim_record(sim);

	assert_int_equal(d.slot, 1);
	assert_false(d.trial);
	assert_string_equal(sim_version(sim), "1.3.0");
	assert_int_equal(rec.slots[sim->h.slot].state, VS_SLOT_GOOD);
	assert_int_equal(sim_floor(sim), 2);
	assert_true(sim_holds(sim, 1, &controller_3));
	assert_false(server.heard->bad);
}

static void assert_as_before(void)
{
	struct vs_boot_decision d = life_boot(&maker, VS_RESET_POWER);
	struct vs_record rec = sim_record(sim);

	assert_int_equal(d.slot, 0);
	assert_false(d.trial);
	assert_string_equal(sim_version(sim), "1.2.0");
	assert_int_equal(rec.slot, 0);
	assert_int_equal(rec.slots[0].state, VS_SLOT_GOOD);
	assert_int_equal(sim_floor(sim), 1);
	assert_true(sim_holds(sim, 0, &controller_2));
	assert_false(server.heard->bad);
}

/* S0.17 S3.26 S3.30 */
static void an_update_of_both_is_installed_and_told(void **state)
{
	struct life l = new_life(is_updated);

	(void)state;
	live(&l);
	assert_updated();
	assert_int_equal(server.heard->installed, 1);
	/* at power-on, on trial, and for its floor */
	assert_int_equal(sim->boots, 3);
	assert_string_equal(told()->version, "1.3.0");
	assert_string_equal(told()->sha256, controller_3.sha256);
	assert_string_equal(told()->id, "CP-0001-controller");
}

static bool is_committed(const struct vs_agent *a)
{
	return a->state.phase == VS_PHASE_IDLE && a->charger.slot == 1;
}

/* No later health check is needed for that, which may be a day away. */
static void a_controller_is_confirmed_right_behind_the_gateway(void **state)
{
	struct life l = new_life(is_committed);

	(void)state;
	live(&l);
	assert_int_equal(sim_record(sim).slots[1].state, VS_SLOT_GOOD);
	assert_int_equal(sim_record(sim).raise_floor, 1);
	assert_int_equal(sim->boots, 2);
}

static void a_sick_gateway_takes_its_controller_back(void **state)
{
	struct life l = new_life(has_fallen_back);

	(void)state;
	live(&l);
	assert_as_before();
	assert_int_equal(sim_record(sim).slots[1].state, VS_SLOT_BAD);
	assert_int_equal(sim_record(sim).slots[1].reason,
	                 VS_REASON_HEALTH_FAILED);
	assert_int_equal(server.heard->installed, 0);
}

/* And goes on a while. */
static bool has_failed(const struct vs_agent *a)
{
	return a->state.phase == VS_PHASE_IDLE && a->state.outbox.count == 0 &&
	       server.heard->refused[expected] && looks++ > 2;
}

/* S3.16 */
static void a_foreign_controller_is_named_and_nothing_is_armed(void **state)
{
	struct life l = new_life(has_failed);

	(void)state;
	sim->lie = SIM_OTHER_HARDWARE;
	expected = VS_REASON_WRONG_HARDWARE;
	looks = -200; /* 20 seconds: two or three attempts */
	live(&l);
	assert_in_range(server.heard->reports, 4, 25);
	assert_false(server.heard->last.healthy);
	sim->lie = SIM_HONEST;
	assert_as_before();
	assert_int_equal(sim->boots, 1);
}

static void a_controller_that_is_silent_is_a_failure(void **state)
{
	struct life l = new_life(has_failed);

	(void)state;
	sim->lie = SIM_SILENT;
	expected = VS_REASON_UNREADABLE;
	live(&l);
	assert_false(server.heard->last.healthy);
	sim->lie = SIM_HONEST;
	assert_as_before();
}

static void a_line_that_is_not_there_is_a_failure(void **state)
{
	struct life l = new_life(has_failed);

	(void)state;
	(void)unlink(maker_path(&maker, "tty", tty));
	expected = VS_REASON_UNREADABLE;
	assert_true(life_run(&l));
	assert_int_equal(sim->questions, 0);
}

static bool has_refused(const struct vs_agent *a)
{
	return has_failed(a) && a->state.failed_count == 1 && a->healthy;
}

/* Its watchdog brings the old one back: the gateway is not armed, and the set
 * not tried again.
 */
static void what_a_controller_does_not_start_is_not_tried_again(void **state)
{
	struct life l = new_life(has_refused);
	uint32_t seq;

	(void)state;
	sim->stillborn = 3;
	expected = VS_REASON_NO_TRIES;
	live(&l);
	assert_as_before();
	assert_int_equal(sim_record(sim).slots[1].state, VS_SLOT_BAD);
	seq = sim_record(sim).seq;
	sim->stillborn = 0;
	looks = -30;
	live(&l);
	assert_as_before();
	assert_int_equal(server.heard->installed, 0);
	/* nothing but the causes of its starts was written down */
	assert_in_range(sim_record(sim).seq, seq, seq + 2);
}

static bool waits_long(const struct vs_agent *a)
{
	return a->state.phase == VS_PHASE_WAITING && a->held && looks++ > 50;
}

/* Written while a vehicle charges; restarted only when it is gone. */
static void no_controller_restarts_while_a_vehicle_charges(void **state)
{
	struct life l = new_life(waits_long);

	(void)state;
	maker_put(&maker, "charger/run/charger.json", BUSY, strlen(BUSY));
	live(&l);
	assert_int_equal(sim->boots, 1);
	assert_true(sim_holds(sim, 1, &controller_3));
	assert_int_equal(sim_record(sim).slots[1].state, VS_SLOT_EMPTY);
	maker_put(&maker, "charger/run/charger.json", IDLE, strlen(IDLE));
	l.done = is_updated;
	live(&l);
	assert_updated();
}

static bool is_right_and_confirmed(const struct vs_agent *a)
{
	return rests(a) && a->healthy && told()->release_seq == 2;
}

static bool is_told_to_be_strange(const struct vs_agent *a)
{
	return rests(a) && told()->release_seq == 3;
}

/* A controller from the spare parts' shelf, with an image of its own: said as
 * it is while a vehicle charges, then set right.
 */
static void
a_replaced_controller_is_brought_to_what_the_gateway_runs(void **state)
{
	struct life l = new_life(is_right_and_confirmed);

	(void)state;
	server_drop(&server);
	server_init(&server);
	server_provision(&server, &maker);
	server_offer(&server, &gateway_2, &controller_2);
	server_publish(&server);
	sim_init(sim, &maker, &controller_3, 1);
	maker_put(&maker, "charger/run/charger.json", BUSY, strlen(BUSY));
	l.done = is_told_to_be_strange;
	live(&l);
	assert_int_equal(sim->boots, 1);
	assert_false(server.heard->last.healthy);
	assert_string_equal(server.heard->last.detail,
	                    "controller: runs 1.3.0, not 1.2.0");
	assert_string_equal(told()->version, "1.3.0");
	assert_string_equal(told()->sha256, "");
	assert_int_equal(told()->security_version, 2);
	assert_int_equal(told()->floor, 1);
	maker_put(&maker, "charger/run/charger.json", IDLE, strlen(IDLE));
	l.done = is_right_and_confirmed;
	live(&l);
	assert_string_equal(sim_version(sim), "1.2.0");
	assert_int_equal(sim_record(sim).slots[sim->h.slot].state,
	                 VS_SLOT_GOOD);
}

static bool is_sick(const struct vs_agent *a)
{
	return a->state.phase == VS_PHASE_TRIAL && sim_record(sim).slot == 1;
}

static bool gave_up(const struct vs_agent *a)
{
	return rests(a) && a->charger.slot == 0 && a->healthy &&
	       a->state.failed_count == 1;
}

/* The gateway is well, its controller went back by itself. */
static void a_controller_that_falls_back_takes_the_gateway_back(void **state)
{
	struct life l = new_life(is_sick);
	struct vs_record rec;

	(void)state;
	live(&l);
	rec = sim_record(sim);
	rec.slots[1].state = VS_SLOT_BAD;
	rec.slots[1].tries = 0;
	rec.slots[1].reason = VS_REASON_NO_TRIES;
	rec.slot = 0;
	sim_set_record(sim, &rec);
	l.done = gave_up;
	live(&l);
	assert_as_before();
	assert_true(server.heard->refused[VS_REASON_HEALTH_FAILED]);
	assert_int_equal(server.heard->installed, 0);
}

static void assert_machine(const char *more, const char *complaint)
{
	char text[1024], error[256] = "", path[PATH_MAX];
	struct vs_machine m;
	int n = snprintf(text, sizeof(text),
	                 "vehicle = CP-0001\n"
	                 "charger_component = gateway\n"
	                 "component.gateway.hardware = gw-rev3\n"
	                 "component.controller.hardware = ct-rev1\n"
	                 "%s",
	                 more);

	maker_put(&maker, "charger/machine.conf", text, (size_t)n);
	assert_int_equal(
		vs_machine_load(maker_path(&maker, "charger", path), &m, error),
		complaint ? VS_ERR_INPUT : VS_OK);
	assert_string_equal(error, complaint ? complaint : "");
	if (!complaint)
		assert_true(m.components[1].serial ==
		            (m.components[1].device[0] != '\0'));
}

#define C "component.controller."

static void machine_conf_says_which_component_a_controller_runs(void **state)
{
	(void)state;
	assert_machine("", NULL);
	assert_machine(C "driver = slot\n", NULL);
	assert_machine(C "driver = serial\n" C "device = /dev/ttyS1\n", NULL);
	assert_machine(C "device = /dev/ttyS1\n" C "driver = serial\n", NULL);
	assert_machine(C "driver = spi\n", "machine.conf: " C "driver: is "
	                                   "neither slot nor serial");
	assert_machine(C "driver = serial\n",
	               "machine.conf: controller: has no "
	               "component.NAME.device");
	assert_machine(C "device = /dev/ttyS1\n",
	               "machine.conf: controller: has a device, but its driver "
	               "is slot");
	assert_machine(C "driver = serial\n" C "device = ttyS1\n",
	               "machine.conf: " C "device: is not an absolute path");
	assert_machine("component.gateway.driver = serial\n"
	               "component.gateway.device = /dev/ttyS1\n",
	               "machine.conf: charger_component: runs on a controller, "
	               "not here");
	assert_machine("component.meter.hardware = "
	               "a-name-of-thirty-two-characters-\n",
	               "machine.conf: component.meter.hardware: is longer than "
	               "31 characters");
}

/* One life in a process of its own, which ends at a question.  Gives whether
 * it lived on to its end.
 */
static bool live_until(bool (*done)(const struct vs_agent *), long question,
                       enum sim_cut cut)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct life l = new_life(done);

		sim->cut_at = question < 0 ? -1 : sim->questions + question;
		sim->cut = cut;
		sim->deadly = POWER_EXIT;
		live(&l);
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

/* Both lose their power at a question; then neither knows but what it stored.
 * What writes sectors is cut at some, all else at each.
 */
static void cut_at_every_question(bool (*done)(const struct vs_agent *),
                                  void (*judge)(void), enum sim_cut cut)
{
	unsigned cuts = 0;
	long all;

	assert_true(live_until(done, -1, cut));
	judge();
	all = sim->questions;
	for (long n = 0; n<all; n += n> 6 && n < all - 60 ? 9 : 1) {
		end(NULL);
		begin(NULL);
		/* within: if the question writes nothing, there is no cut */
		if (!live_until(done, n, cut)) {
			assert_true(live_until(done, -1, cut));
			cuts++;
		}
		judge();
	}
	print_message("# power was cut at %u of %ld questions\n", cuts, all);
	assert_true(cuts > (cut == SIM_CUT_BEHIND ? 50 : 8));
}

/* S0.2 S3.20 S3.29 */
static void a_cut_behind_any_question_ends_in_the_update(void **state)
{
	(void)state;
	cut_at_every_question(is_updated, assert_updated, SIM_CUT_BEHIND);
}

static void a_cut_within_any_question_ends_in_the_update(void **state)
{
	(void)state;
	cut_at_every_question(is_updated, assert_updated, SIM_CUT_WITHIN);
}

static void a_cut_behind_any_question_of_a_sick_one_ends_as_before(void **state)
{
	(void)state;
	cut_at_every_question(has_fallen_back, assert_as_before,
	                      SIM_CUT_BEHIND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			an_update_of_both_is_installed_and_told, begin, end),
		cmocka_unit_test_setup_teardown(
			a_controller_is_confirmed_right_behind_the_gateway,
			begin, end),
		cmocka_unit_test_setup_teardown(
			a_sick_gateway_takes_its_controller_back, begin, end),
		cmocka_unit_test_setup_teardown(
			a_foreign_controller_is_named_and_nothing_is_armed,
			begin, end),
		cmocka_unit_test_setup_teardown(
			a_controller_that_is_silent_is_a_failure, begin, end),
		cmocka_unit_test_setup_teardown(
			a_line_that_is_not_there_is_a_failure, begin, end),
		cmocka_unit_test_setup_teardown(
			what_a_controller_does_not_start_is_not_tried_again,
			begin, end),
		cmocka_unit_test_setup_teardown(
			no_controller_restarts_while_a_vehicle_charges, begin,
			end),
		cmocka_unit_test_setup_teardown(
			a_replaced_controller_is_brought_to_what_the_gateway_runs,
			begin, end),
		cmocka_unit_test_setup_teardown(
			a_controller_that_falls_back_takes_the_gateway_back,
			begin, end),
		cmocka_unit_test_setup_teardown(
			machine_conf_says_which_component_a_controller_runs,
			begin, end),
		cmocka_unit_test_setup_teardown(
			a_cut_behind_any_question_ends_in_the_update, begin,
			end),
		cmocka_unit_test_setup_teardown(
			a_cut_within_any_question_ends_in_the_update, begin,
			end),
		cmocka_unit_test_setup_teardown(
			a_cut_behind_any_question_of_a_sick_one_ends_as_before,
			begin, end),
	};

	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 1;
	return cmocka_run_group_tests_name("agent controllers", tests, setup,
	                                   teardown);
}
