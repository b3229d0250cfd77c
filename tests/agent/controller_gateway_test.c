/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/controller_gateway_test.c - a controller at a gateway whose
 * loader knows nothing of it: partitions for the one, files for the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/install/set.h"
#include "base/file.h"
#include "boot/decision.h"
#include "tests/agent/gateway_world.h"
#include "tests/agent/life.h"
#include "tests/agent/power.h"

#define SLOT_A "charger/slot-a/controller"
#define SLOT_B "charger/slot-b/controller"

enum { ATTRIBUTES = 6 };

static int group_set_up(void **state)
{
	power_set_time(NOW);
	return world_set_up(state);
}

/* What a loader says whose settings name these components. */
static void decide(const struct vs_boot_decision *d, int count)
{
	const struct vs_boot_component names[] = {
		{"gateway",    "gw-rev3", true},
		{"controller", "ct-rev1", true},
	};
	uint8_t raw[VS_DECISION_LEN(2)];

	vs_decision_encode(d, names, count, raw);
	gateway_put_decision(ATTRIBUTES, raw, VS_DECISION_LEN(count));
}

static int set_up(void **state)
{
	static const char machine[] =
		"vehicle = CP-0001\n"
		"charger_component = gateway\n"
		"storage = uefi\n"
		"component.gateway.hardware = gw-rev3\n"
		"component.controller.hardware = ct-rev1\n"
		"component.controller.driver = serial\n"
		"component.controller.device = /dev/no\n";
	struct vs_boot_decision d;
	uint8_t *slots[VS_SLOTS];
	size_t lens[VS_SLOTS];
	char path[PATH_MAX];

	(void)state;
	maker_charger(&maker, &gateway_1, &controller_1, 1);
	for (int i = 0; i < VS_SLOTS; i++)
		assert_int_equal(
			vs_file_read(
				maker_path(&maker, i ? SLOT_B : SLOT_A, path),
				MAKER_SLOT_LEN, &slots[i], &lens[i]),
			VS_OK);
	gateway_make(&maker, 1);
	d = gateway_boot(VS_RESET_POWER);
	for (int i = 0; i < VS_SLOTS; i++) {
		maker_path(&maker, i ? "charger/slot-b" : "charger/slot-a",
		           path);
		assert_int_equal(vs_file_mkdirs(path, 0700), VS_OK);
		maker_put(&maker, i ? SLOT_B : SLOT_A, slots[i], lens[i]);
		free(slots[i]);
	}
	maker_put(&maker, "charger/machine.conf", machine, sizeof(machine) - 1);
	decide(&d, 1);
	return 0;
}

static void its_slots_are_files_beside_the_partitions(void **state)
{
	char error[VS_ERROR_LEN];

	(void)state;
	assert_int_equal(world_open(error), VS_OK);
	assert_int_equal(charger->slot, 0);
	assert_string_equal(charger->running[0].sha256, gateway_1.sha256);
	assert_string_equal(charger->running[1].sha256, controller_1.sha256);
	assert_int_equal(charger->running[0].floor, 1);
	assert_int_equal(charger->running[1].floor, 0); /* the controller's */
}

/* S3.26 */
static void a_release_of_both_is_written_to_both(void **state)
{
	struct counted counted[2];
	struct vs_source sources[2];
	struct vs_set set = {.workers = 1};
	struct vs_why why = {VS_REASON_NONE, "", 0};
	char error[VS_ERROR_LEN];

	(void)state;
	assert_int_equal(world_open(error), VS_OK);
	set.charger = charger;
	set.target = vs_charger_target(charger);
	counted_init(&counted[0], &gateway_2, &sources[0]);
	counted_init(&counted[1], &controller_2, &sources[1]);
	set.parts[0] = (struct vs_set_part){.seal = &gateway_2.opened,
	                                    .source = &sources[0]};
	set.parts[1] = (struct vs_set_part){.seal = &controller_2.opened,
	                                    .source = &sources[1]};
	assert_int_equal(vs_set_write(&set, &why), VS_OK);
	assert_int_equal(vs_charger_verify(charger, 1, &why), VS_OK);
	assert_true(life_holds(&maker, SLOT_B, &controller_2));
	assert_true(life_holds(&maker, SLOT_A, &controller_1));
}

static void a_loader_that_names_it_is_of_another_machine(void **state)
{
	char error[VS_ERROR_LEN];

	(void)state;
	decide(&gateway.firmware->last, 2);
	assert_int_equal(world_open(error), VS_ERR_INPUT);
	assert_non_null(strstr(error, "machine.conf names other components"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			its_slots_are_files_beside_the_partitions, set_up,
			world_end),
		cmocka_unit_test_setup_teardown(
			a_release_of_both_is_written_to_both, set_up,
			world_end),
		cmocka_unit_test_setup_teardown(
			a_loader_that_names_it_is_of_another_machine, set_up,
			world_end),
	};

	return cmocka_run_group_tests_name("agent controller gateway", tests,
	                                   group_set_up, world_tear_down);
}
