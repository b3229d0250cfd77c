/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/gateway_program_test.c - voltseal-agent on a gateway with a
 * loader of its own, as a person at a service laptop meets it.
 *
 * S0.32
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/agent/gateway_world.h"
#include "tests/agent/program.h"
#include "tests/trust/repo.h"

static char folder[PATH_MAX];

static const char conf[] = "server_url = https://127.0.0.1:1\n"
			   "mode = demo\n"
			   "ca_file = ../cert.pem\n"
			   "cert_file = ../cert.pem\n"
			   "device_key = file:../device.key\n";

static void make_root(void)
{
	struct memfile root = repo_first_root();

	maker_put(&maker, "root.json", root.bytes, root.len);
	free(root.bytes);
}

static int group_set_up(void **state)
{
	world_set_up(state);
	maker_put_made(&maker, "gateway1", &gateway_1);
	maker_put_made(&maker, "gateway2", &gateway_2);
	maker_put_made(&maker, "controller1", &controller_1);
	maker_put_made(&maker, "controller2", &controller_2);
	maker_identity(&maker, "device.key", "cert.pem");
	make_root();
	maker_path(&maker, "charger", folder);
	return 0;
}

static int set_up(void **state)
{
	world_begin(state);
	maker_put(&maker, "charger/agent.conf", conf, sizeof(conf) - 1);
	(void)gateway_boot(VS_RESET_POWER);
	return 0;
}

#define RUN(...) hear(&maker, start(&maker, WORDS(__VA_ARGS__), 0))

static void assert_done(void)
{
	if (said.code != 0)
		fail_msg("exit %d: %s", said.code, said.err);
}

static void status_reads_partitions_and_the_decision(void **state)
{
	(void)state;
	RUN("status", "--dir", folder);
	assert_done();
	assert_non_null(strstr(said.out, "CP-0001: slot a, Idle (Idle)"));
	assert_non_null(strstr(said.out, "gateway      1.1.0"));
}

static void without_a_decision_one_line_says_what_to_look_at(void **state)
{
	(void)state;
	gateway_put_decision(0, NULL, 0);
	RUN("status", "--dir", folder);
	assert_line(1, "is efivarfs mounted");
	RUN("run", "--dir", folder);
	assert_line(1, "is efivarfs mounted");
}

static void check_config_names_a_partition_that_is_not_there(void **state)
{
	(void)state;
	RUN("check-config", "--dir", folder);
	assert_done();
	snprintf(gateway_find("controller-b")->name, 36, "controller-c");
	gateway_show("vda");
	RUN("check-config", "--dir", folder);
	assert_line(1, "controller, slot b: is not there");
}

static void a_hook_tells_the_loader_why(void **state)
{
	char node[64], path[PATH_MAX];

	(void)state;
	RUN("mark-reset", "--dir", folder, "crash");
	assert_done();
	assert_string_equal(said.err, "");
	(void)gateway_boot(VS_RESET_UNKNOWN);
	assert_int_equal(gateway.firmware->cause, VS_RESET_CRASH);
	/* without a decision, and while an agent hangs with the lock */
	gateway_put_decision(0, NULL, 0);
	RUN("mark-reset", "--dir", folder, "watchdog");
	assert_done();
	(void)gateway_boot(VS_RESET_UNKNOWN);
	assert_int_equal(gateway.firmware->cause, VS_RESET_WATCHDOG);
	RUN("mark-reset", "--dir", folder, "power");
	assert_int_equal(said.code, 2);
	RUN("mark-reset", "--dir", folder);
	assert_int_equal(said.code, 2);
	RUN("mark-reset", "--help");
	assert_done();
	assert_int_equal(
		unlink(maker_path(&maker, gateway_node("record", node), path)),
		0);
	RUN("mark-reset", "--dir", folder, "request");
	assert_line(1, "dev/vda2: No such file or directory");
}

static void a_hook_where_the_loader_knows_does_nothing(void **state)
{
	static const char text[] = "vehicle = CP-0001\n"
				   "charger_component = gateway\n"
				   "component.gateway.hardware = gw-rev3\n";

	(void)state;
	maker_put(&maker, "charger/machine.conf", text, sizeof(text) - 1);
	RUN("mark-reset", "--dir", folder, "crash");
	assert_done();
	assert_string_equal(said.err, "");
}

static void a_laptop_repairs_what_runs_in_recovery(void **state)
{
	struct vs_boot_decision d;

	(void)state;
	world_destroy("gateway-a");
	world_destroy("controller-a");
	(void)gateway_boot(VS_RESET_UNKNOWN);
	RUN("status", "--dir", folder);
	assert_done();
	assert_non_null(strstr(said.out,
	                       "CP-0001: recovery: slot a: no-seal, gateway; "
	                       "slot b: no-seal, gateway, Idle (Idle)"));
	RUN("status", "--dir", folder, "--json");
	assert_done();
	assert_non_null(strstr(said.out, "\"recovery\": true"));
	assert_non_null(strstr(said.out, "\"slot\": -1"));
	RUN("install", "--dir", folder, "--seal", "gateway2.seal", "--pack",
	    "gateway2.pack", "--arm");
	assert_line(4, "controller: incomplete-set: ");
	RUN("install", "--dir", folder, "--seal", "gateway2.seal", "--pack",
	    "gateway2.pack", "--seal", "controller2.seal", "--pack",
	    "controller2.pack", "--arm");
	assert_done();
	assert_non_null(strstr(said.out, "armed"));
	d = gateway_boot(VS_RESET_UNKNOWN);
	assert_int_equal(d.verdict, VS_VERDICT_BOOT);
	assert_int_equal(d.header[0].release_seq, 2);
	assert_true(d.trial);
	RUN("status", "--dir", folder);
	assert_done();
	assert_non_null(strstr(said.out, "on trial"));
}

static void an_old_release_is_refused_to_the_laptop_too(void **state)
{
	(void)state;
	world_destroy("gateway-a");
	gateway.firmware->floors[1] = 3;
	(void)gateway_boot(VS_RESET_UNKNOWN);
	RUN("install", "--dir", folder, "--seal", "gateway1.seal", "--pack",
	    "gateway1.pack", "--seal", "controller1.seal", "--pack",
	    "controller1.pack", "--arm");
	assert_line(4, "controller1.seal: below-floor: ");
}

/* The factory's way, from the first file to the first start. */
static void a_folder_that_provision_made_becomes_a_gateways_disk(void **state)
{
	struct vs_boot_decision d;
	char component[2][64], path[PATH_MAX], old[PATH_MAX];
	uint8_t *text;
	size_t len;

	(void)state;
	(void)rename(maker_path(&maker, "charger/keyring", old),
	             maker_path(&maker, "keyring", path));
	world_end(NULL);
	snprintf(component[0], 64, "gateway=gw-rev3:%ju",
	         (uintmax_t)MAKER_SLOT_LEN);
	snprintf(component[1], 64, "controller=ct-rev1:%ju",
	         (uintmax_t)MAKER_SLOT_LEN);
	RUN("provision", "--dir", folder, "--vehicle", "CP-0001", "--component",
	    component[0], "--component", component[1], "--seal",
	    "gateway=gateway1.seal", "--pack", "gateway=gateway1.pack",
	    "--seal", "controller=controller1.seal", "--pack",
	    "controller=controller1.pack", "--keyring", "keyring",
	    "--director-root", "root.json", "--image-root", "root.json",
	    "--server", "https://127.0.0.1:1", "--ca", "cert.pem", "--cert",
	    "cert.pem", "--key", "device.key", "--storage", "uefi", "--set",
	    "mode=demo");
	assert_done();
	maker_path(&maker, "charger/machine.conf", path);
	assert_int_equal(vs_file_read(path, 4096, &text, &len), VS_OK);
	assert_non_null(strstr((char *)text, "\nstorage = uefi\n"));
	free(text);
	gateway_make(&maker, 1);
	d = gateway_boot(VS_RESET_POWER);
	assert_int_equal(d.verdict, VS_VERDICT_BOOT);
	assert_int_equal(d.slot, 0);
	assert_false(d.trial);
	RUN("check-config", "--dir", folder);
	assert_done();
	RUN("status", "--dir", folder);
	assert_done();
	assert_non_null(strstr(said.out, "CP-0001: slot a, Idle (Idle)"));
}

static void another_kind_of_storage_cannot_be_provisioned(void **state)
{
	(void)state;
	RUN("provision", "--storage", "tape");
	assert_int_equal(said.code, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(status_reads_partitions_and_the_decision),
		TEST(without_a_decision_one_line_says_what_to_look_at),
		TEST(check_config_names_a_partition_that_is_not_there),
		TEST(a_hook_tells_the_loader_why),
		TEST(a_hook_where_the_loader_knows_does_nothing),
		TEST(a_laptop_repairs_what_runs_in_recovery),
		TEST(an_old_release_is_refused_to_the_laptop_too),
		TEST(a_folder_that_provision_made_becomes_a_gateways_disk),
		TEST(another_kind_of_storage_cannot_be_provisioned),
	};

	return cmocka_run_group_tests_name("agent gateway program", tests,
	                                   group_set_up, world_tear_down);
}
