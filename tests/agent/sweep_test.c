/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/sweep_test.c - temporaries go, and nothing else does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/install/sweep.h"
#include "base/file.h"
#include "tests/agent/maker.h"

static struct maker maker;

static int set_up(void **state)
{
	static const char *const folders[] = {"agent/director", "agent/image",
	                                      "run"};
	char path[PATH_MAX];

	(void)state;
	maker_init(&maker);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
			vs_file_mkdirs(maker_path(&maker, folders[i], path),
		                       0700),
			VS_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	maker_drop(&maker);
	return 0;
}

static bool is_there(const char *name)
{
	char path[PATH_MAX];

	return vs_file_exists(maker_path(&maker, name, path));
}

static void only_temporaries_of_the_agents_folders_go(void **state)
{
	static const char *const go[] = {
		"keyring-0.4711.new", "agent/state.json.1.new",
		"agent/counter.99999.new", "agent/director/root.json.12.new",
		"agent/image/targets.json.7.new"};
	static const char *const stay[] = {
		"keyring-0",          "agent/state.json",
		"agent/x.new",        "agent/x..new",
		"agent/.12.new",      "agent/x.12.newer",
		"agent/x.1a.new",     "agent/12.new",
		"agent/root.12.json", "run/charger.json.12.new"};

	(void)state;
	for (size_t i = 0; i < sizeof(go) / sizeof(go[0]); i++)
		maker_put(&maker, go[i], "x", 1);
	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		maker_put(&maker, stay[i], "x", 1);
	vs_sweep(maker.dir);
	vs_sweep(maker.dir);
	for (size_t i = 0; i < sizeof(go) / sizeof(go[0]); i++)
		if (is_there(go[i]))
			fail_msg("%s stays", go[i]);
	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		if (!is_there(stay[i]))
			fail_msg("%s went", stay[i]);
}

static void a_folder_that_is_not_there_is_swept_too(void **state)
{
	char path[PATH_MAX];

	(void)state;
	vs_sweep(maker_path(&maker, "nowhere", path));
	assert_true(is_there("agent/director"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			only_temporaries_of_the_agents_folders_go, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_folder_that_is_not_there_is_swept_too, set_up,
			tear_down),
	};

	return cmocka_run_group_tests_name("agent sweep", tests, NULL, NULL);
}
