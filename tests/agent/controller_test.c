/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/controller_test.c - a controller is brought to an image, whatever
 * happens on the way, and whatever it says.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/controllers/controller.h"
#include "seal/slot.h"
#include "tests/agent/controller_sim.h"

#define OLD_LEN 30000
#define NEW_LEN 9000
#define SLOT_A "charger/slot-a/controller"
#define SLOT_B "charger/slot-b/controller"

#define ANOTHER "the controller is of another component"
#define FOREIGN "the controller is of other hardware"
#define ODD "the controller's decision has no meaning"
#define NO_STATUS "the controller's status has no meaning"
#define NO_ANSWER "the controller's answer has no meaning"
#define NOT_STARTED "the controller does not start it"
#define KEEPS "the controller's flash keeps other bytes"
#define NO_END "the controller comes to no end"
#define SILENT "the controller does not answer"

enum { QUICK_MS = 15, QUICK_ATTEMPTS = 60, TRIES = 3 };

static struct maker maker;
static struct made gateway, first, second, below, third;
static struct sim sim;
static struct vs_disk slot_b;

/* The gateway's side of one connection. */
static struct vs_serial line;
static struct vs_controller ctl;
static struct vs_why why;

static void make(struct made *out, uint64_t seq, uint32_t security, size_t len)
{
	static uint8_t image[OLD_LEN];

	noise(image, len, (uint32_t)seq + 10);
	image[0] = 0; /* zeros and what looks erased */
	memset(image + 4096, 0xff, 1024);
	maker_seal(&maker, out, "controller", seq, security, image, len);
}

static int setup(void **state)
{
	static const uint8_t image[] = "gateway";
	char path[PATH_MAX];

	(void)state;
	maker_init(&maker);
	maker_seal(&maker, &gateway, "gateway", 1, 1, image, sizeof(image));
	make(&first, 1, 1, OLD_LEN);
	make(&second, 2, 2, NEW_LEN);
	make(&below, 3, 0, NEW_LEN);
	make(&third, 4, 2, NEW_LEN);
	maker_charger(&maker, &gateway, &first, 1);
	maker_fill_slot(&maker, SLOT_B, &second);
	return vs_disk_open(&slot_b, maker_path(&maker, SLOT_B, path), false,
	                    NULL) == VS_OK
	               ? 0
	               : -1;
}

static int teardown(void **state)
{
	(void)state;
	vs_disk_close(&slot_b);
	made_drop(&gateway);
	made_drop(&first);
	made_drop(&second);
	made_drop(&below);
	made_drop(&third);
	maker_drop(&maker);
	return 0;
}

static void plug_in(void)
{
	int fd = sim_on(&sim);

	assert_int_equal(vs_serial_init(&line, fd), VS_OK);
	line.patience_ms = QUICK_MS;
	line.attempts = QUICK_ATTEMPTS;
	vs_controller_init(&ctl, &line, "controller", "ct-rev1");
	ctl.start_ms = 5000;
	why = (struct vs_why){VS_REASON_NONE, "", 0};
}

static void unplug(void)
{
	vs_serial_close(&line);
	sim_off(&sim);
}

/* A fresh controller that runs the first image; on. */
static void fresh(void)
{
	sim_init(&sim, &maker, &first, 1);
	plug_in();
}

static vs_status write_image(const struct made *r, const struct vs_disk *from)
{
	const struct vs_controller_image image = {&r->opened, from};

	return vs_controller_write(&ctl, &image, &why);
}

static vs_status start_image(const struct made *r, const struct vs_disk *from)
{
	const struct vs_controller_image image = {&r->opened, from};

	return vs_controller_start(&ctl, &image, TRIES, VS_REASON_NONE, &why);
}

static void assert_runs(const struct made *r, uint8_t state)
{
	struct vs_record rec = sim_record(&sim);

	assert_string_equal(sim_version(&sim), r->opened.header.version);
	assert_int_equal(rec.slots[sim.h.slot].state, state);
	assert_int_equal(rec.slot, sim.h.slot);
}

/* S0.17 S3.30 */
static void an_image_is_written_started_and_confirmed(void **state)
{
	(void)state;
	fresh();
	assert_int_equal(write_image(&second, &slot_b), VS_OK);
	assert_int_equal(sim.boots, 1); /* written is not started */
	assert_string_equal(ctl.view.header.version, "1.1.0");
	assert_true(sim_holds(&sim, 1, &second));
	assert_true(sim_holds(&sim, 0, &first));
	assert_int_equal(start_image(&second, &slot_b), VS_OK);
	assert_true(vs_controller_runs(&ctl, &second.opened.header));
	assert_true(vs_controller_on_trial(&ctl));
	assert_int_equal(sim.boots, 2);
	assert_runs(&second, VS_SLOT_TRIAL);
	assert_int_equal(
		vs_controller_confirm(&ctl, &second.opened.header, &why),
		VS_OK);
	assert_false(vs_controller_on_trial(&ctl));
	assert_int_equal(ctl.view.record.raise_floor, 1);
	assert_int_equal(ctl.view.floor, 1);
	assert_int_equal(vs_controller_restart(&ctl, &why), VS_OK);
	assert_int_equal(ctl.view.floor, 2);
	unplug();
	assert_runs(&second, VS_SLOT_GOOD);
	assert_int_equal(sim_floor(&sim), 2);
}

static void what_runs_already_is_left_alone(void **state)
{
	struct vs_record before;

	(void)state;
	fresh();
	before = sim_record(&sim);
	assert_int_equal(write_image(&first, &slot_b), VS_OK);
	assert_int_equal(start_image(&first, &slot_b), VS_OK);
	assert_int_equal(
		vs_controller_confirm(&ctl, &first.opened.header, &why), VS_OK);
	unplug();
	assert_int_equal(sim_record(&sim).seq, before.seq);
	assert_int_equal(sim.boots, 1);
	assert_int_equal(ctl.sectors_written, 0);
}

static void what_stands_there_is_not_written_again(void **state)
{
	uint32_t all;

	(void)state;
	fresh();
	assert_int_equal(write_image(&second, &slot_b), VS_OK);
	all = ctl.sectors_written;
	assert_true(all >= 8); /* three of data, one of the tree, the footer */
	assert_int_equal(write_image(&second, &slot_b), VS_OK);
	assert_int_equal(ctl.sectors_written, all);
	/* what lay there before goes, even where the image has nothing */
	unplug();
	memset(sim.bytes + (VS_AT_SLOT_B + 20) * VS_NOR_SECTOR_LEN, 0x11, 100);
	plug_in();
	assert_int_equal(write_image(&second, &slot_b), VS_OK);
	assert_int_equal(ctl.sectors_written, 1);
	assert_true(sim_holds(&sim, 1, &second));
	unplug();
}

/* The power goes at each question, before, within, and behind it; what follows
 * is the same call once more.
 */
static void a_cut_of_the_controllers_power_costs_only_time(void **state)
{
	long questions, cuts = 0;

	(void)state;
	fresh();
	assert_int_equal(start_image(&second, &slot_b), VS_OK);
	unplug();
	questions = sim.questions;
	assert_true(questions > 100);
	for (long n = 0; n < questions; n++)
		for (enum sim_cut cut = 0; cut < SIM_CUTS; cut++) {
			int calls = 0;

			sim_init(&sim, &maker, &first, 1);
			sim.cut = cut;
			sim.cut_at = n;
			plug_in();
			while (start_image(&second, &slot_b) != VS_OK)
				assert_true(++calls < 4);
			assert_int_equal(
				vs_controller_confirm(
					&ctl, &second.opened.header, &why),
				VS_OK);
			unplug();
			assert_runs(&second, VS_SLOT_GOOD);
			assert_true(sim_holds(&sim, 1, &second));
			assert_true(sim_holds(&sim, 0, &first));
			cuts++;
		}
	print_message("# %ld cuts of the controller's power\n", cuts);
}

struct patience {
	long questions, end;
};

static bool count_down(void *ctx)
{
	struct patience *p = ctx;

	return p->questions++ != p->end;
}

/* S3.20: the gateway is cut off between any two questions, and knows nothing
 * more when it begins again.
 */
static void a_cut_of_the_gateways_power_costs_only_time(void **state)
{
	struct patience p = {0, -1};
	long questions;

	(void)state;
	fresh();
	ctl.tick = count_down;
	ctl.tick_ctx = &p;
	assert_int_equal(start_image(&second, &slot_b), VS_OK);
	unplug();
	questions = p.questions;
	for (long n = 0; n < questions; n++) {
		fresh();
		p = (struct patience){0, n};
		ctl.tick = count_down;
		ctl.tick_ctx = &p;
		assert_int_equal(start_image(&second, &slot_b), VS_ERR_STATE);
		assert_int_equal(why.code, VS_REASON_CONFLICT);
		unplug();
		plug_in();
		assert_int_equal(start_image(&second, &slot_b), VS_OK);
		unplug();
		assert_runs(&second, VS_SLOT_TRIAL);
		assert_true(sim_holds(&sim, 0, &first));
	}
	print_message("# %ld cuts of the gateway's power\n", questions);
}

/* Every frame has each fault once. */
static void a_line_that_loses_spoils_and_repeats_costs_only_time(void **state)
{
	(void)state;
	for (enum sim_fault fault = SIM_NONE + 1; fault < SIM_FAULTS; fault++)
		for (long n = 0; n < 7; n++) {
			sim_init(&sim, &maker, &first, 1);
			sim.fault = fault;
			sim.every = 7;
			sim.first = n;
			plug_in();
			assert_int_equal(start_image(&second, &slot_b), VS_OK);
			assert_int_equal(
				vs_controller_confirm(
					&ctl, &second.opened.header, &why),
				VS_OK);
			unplug();
			assert_runs(&second, VS_SLOT_GOOD);
			assert_true(sim_holds(&sim, 1, &second));
		}
}

static void what_is_on_trial_and_not_wanted_is_given_up(void **state)
{
	(void)state;
	fresh();
	assert_int_equal(start_image(&second, &slot_b), VS_OK);
	assert_int_equal(start_image(&first, &slot_b), VS_OK);
	assert_true(vs_controller_runs(&ctl, &first.opened.header));
	unplug();
	assert_runs(&first, VS_SLOT_GOOD);
	assert_int_equal(sim_record(&sim).slots[1].state, VS_SLOT_BAD);
	assert_int_equal(sim_record(&sim).slots[1].reason,
	                 VS_REASON_HEALTH_FAILED);
}

/* Another image is armed, and never was started. */
static void what_is_armed_and_not_wanted_does_not_stay(void **state)
{
	struct vs_record rec;

	(void)state;
	sim_init(&sim, &maker, &first, 1);
	sim_fill(&sim, 1, &third);
	rec = sim_record(&sim);
	rec.slots[1].state = VS_SLOT_TRIAL;
	rec.slots[1].tries = 2;
	rec.slot = 1;
	plug_in();
	/* what runs was started before the other one was armed */
	assert_int_equal(vs_controller_look(&ctl, &why), VS_OK);
	sim_set_record(&sim, &rec);
	assert_int_equal(start_image(&first, &slot_b), VS_OK);
	unplug();
	assert_runs(&first, VS_SLOT_GOOD);
}

static void a_confirmed_image_is_replaced_by_the_older_one(void **state)
{
	struct vs_disk slot_a;
	char path[PATH_MAX];

	(void)state;
	assert_int_equal(vs_disk_open(&slot_a, maker_path(&maker, SLOT_A, path),
	                              false, NULL),
	                 VS_OK);
	fresh();
	assert_int_equal(start_image(&second, &slot_b), VS_OK);
	assert_int_equal(
		vs_controller_confirm(&ctl, &second.opened.header, &why),
		VS_OK);
	ctl.sectors_written = 0;
	assert_int_equal(start_image(&first, &slot_a), VS_OK);
	assert_int_equal(ctl.sectors_written, 0); /* it was still there */
	unplug();
	assert_runs(&first, VS_SLOT_TRIAL);
	vs_disk_close(&slot_a);
}

/* S2.8: asked before anything is erased */
static void what_is_below_the_floor_is_not_written(void **state)
{
	struct vs_record before;

	(void)state;
	fresh();
	before = sim_record(&sim);
	assert_int_equal(start_image(&below, &slot_b), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_BELOW_FLOOR);
	unplug();
	assert_int_equal(sim_record(&sim).seq, before.seq);
	assert_int_equal(ctl.sectors_written, 0);
}

static void what_the_controller_refuses_is_told_in_its_words(void **state)
{
	struct made forged = third;

	(void)state;
	/* another root hash: the bytes are not of this seal */
	forged.opened.header.root_hash[3] ^= 1;
	fresh();
	assert_int_equal(start_image(&forged, &slot_b), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_TREE_MISMATCH);
	assert_string_equal(why.what, "the controller does not start it");
	unplug();
	assert_runs(&first, VS_SLOT_GOOD);
	assert_int_equal(sim.boots, 2);
}

static void a_controller_with_nothing_to_start_is_repaired(void **state)
{
	(void)state;
	sim_init(&sim, &maker, &first, 1);
	sim.bytes[VS_AT_SLOT_A * VS_NOR_SECTOR_LEN + 10] ^= 1;
	plug_in();
	assert_int_equal(vs_controller_look(&ctl, &why), VS_OK);
	assert_int_equal(ctl.view.runs, VS_CONTROLLER_BY_LOADER);
	assert_int_equal(start_image(&second, &slot_b), VS_OK);
	unplug();
	assert_runs(&second, VS_SLOT_GOOD);
}

static void an_image_that_does_not_fit_is_refused(void **state)
{
	static uint8_t image[SIM_SLOT_LEN - VS_SLOT_FOOTER_LEN];
	struct made large;
	uint32_t seq;

	(void)state;
	maker_seal(&maker, &large, "controller", 5, 2, image, sizeof(image));
	fresh();
	seq = sim_record(&sim).seq;
	assert_int_equal(write_image(&large, &slot_b), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_TOO_BIG_FOR_SLOT);
	unplug();
	assert_int_equal(sim_record(&sim).seq, seq);
	made_drop(&large);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* S3.16: each lie is one clear failure, soon. */
static void a_controller_that_lies_is_a_clear_failure(void **state)
{
	static const struct {
		vs_status status;
		vs_reason code;
		const char *what;
	} ends[SIM_LIES] = {
		[SIM_OTHER_COMPONENT] = {VS_ERR_REFUSED,
	                                 VS_REASON_WRONG_COMPONENT,             ANOTHER  },
		[SIM_OTHER_HARDWARE] = {VS_ERR_REFUSED,
	                                 VS_REASON_WRONG_HARDWARE,              FOREIGN  },
		[SIM_OTHER_VERSION] = {VS_ERR_INPUT,   VS_REASON_MALFORMED,   ODD      },
		[SIM_OTHER_IMAGE] = {VS_ERR_REFUSED, VS_REASON_BOOT_FAILED,
	                                 NOT_STARTED                                     },
		[SIM_NO_SIZES] = {VS_ERR_INPUT,   VS_REASON_MALFORMED,   NO_STATUS},
		[SIM_HUGE] = {VS_ERR_INPUT,   VS_REASON_MALFORMED,   NO_STATUS},
		[SIM_RUNS_NOWHERE] = {VS_ERR_INPUT,   VS_REASON_MALFORMED,
	                                 NO_STATUS                                       },
		[SIM_OTHER_BYTES] = {VS_ERR_IO,      VS_REASON_UNREADABLE,  KEEPS    },
		[SIM_ODD_RESULT] = {VS_ERR_INPUT,   VS_REASON_MALFORMED,
	                                 NO_ANSWER                                       },
		[SIM_SHORT] = {VS_ERR_INPUT,   VS_REASON_MALFORMED,   NO_ANSWER},
		[SIM_STAYS] = {VS_ERR_IO,      VS_REASON_UNREADABLE,  NO_END   },
		[SIM_BABBLES] = {VS_ERR_IO,      VS_REASON_UNREADABLE,  SILENT   },
		[SIM_SILENT] = {VS_ERR_IO,      VS_REASON_UNREADABLE,  SILENT   },
	};

	(void)state;
	for (enum sim_lie lie = SIM_HONEST + 1; lie < SIM_LIES; lie++) {
		uint64_t began = now_ms();

		sim_init(&sim, &maker, &first, 1);
		sim.lie = lie;
		plug_in();
		assert_int_equal(start_image(&second, &slot_b),
		                 ends[lie].status);
		assert_int_equal(why.code, ends[lie].code);
		assert_string_equal(why.what, ends[lie].what);
		assert_true(now_ms() - began < 60000);
		unplug();
		assert_true(sim_holds(&sim, 0, &first));
	}
	assert_string_equal(ctl.error, "");
}

static void another_controller_is_named(void **state)
{
	(void)state;
	sim_init(&sim, &maker, &first, 1);
	sim.lie = SIM_OTHER_HARDWARE;
	plug_in();
	assert_int_equal(vs_controller_look(&ctl, &why), VS_ERR_REFUSED);
	assert_string_equal(
		ctl.error,
		"says that its hardware is \"xt-rev1\", not \"ct-rev1\"");
	unplug();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_is_written_started_and_confirmed),
		cmocka_unit_test(what_runs_already_is_left_alone),
		cmocka_unit_test(what_stands_there_is_not_written_again),
		cmocka_unit_test(
			a_cut_of_the_controllers_power_costs_only_time),
		cmocka_unit_test(a_cut_of_the_gateways_power_costs_only_time),
		cmocka_unit_test(
			a_line_that_loses_spoils_and_repeats_costs_only_time),
		cmocka_unit_test(what_is_on_trial_and_not_wanted_is_given_up),
		cmocka_unit_test(what_is_armed_and_not_wanted_does_not_stay),
		cmocka_unit_test(
			a_confirmed_image_is_replaced_by_the_older_one),
		cmocka_unit_test(what_is_below_the_floor_is_not_written),
		cmocka_unit_test(
			what_the_controller_refuses_is_told_in_its_words),
		cmocka_unit_test(
			a_controller_with_nothing_to_start_is_repaired),
		cmocka_unit_test(an_image_that_does_not_fit_is_refused),
		cmocka_unit_test(a_controller_that_lies_is_a_clear_failure),
		cmocka_unit_test(another_controller_is_named),
	};

	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
