/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/health_test.c - checks of the sealed image, and the trial.
 *
 * S0.17: hang, failure, noise; S1.3: nothing but the image's own programs.
 * Needs to be root, for chroot; skipped otherwise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/reach/health.h"
#include "base/file.h"
#include "tests/agent/maker.h"

static struct maker maker;
static uint8_t *program;
static size_t program_len;
static char root[PATH_MAX];

static int setup(void **state)
{
	char path[PATH_MAX];

	(void)state;
	maker_init(&maker);
	maker_path(&maker, "root", root);
	assert_int_equal(
		vs_file_mkdirs(maker_path(&maker,
	                                  "root/usr/lib/voltseal/health.d",
	                                  path),
	                       0755),
		VS_OK);
	maker_put(&maker, "root/only-in-this-root", "", 0);
	assert_int_equal(
		vs_file_read(CHECK_PROGRAM, 16 << 20, &program, &program_len),
		VS_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(program);
	maker_drop(&maker);
	return 0;
}

static void put_check(const char *name, unsigned mode)
{
	char rel[256];
	char path[PATH_MAX];

	snprintf(rel, sizeof(rel), "root/usr/lib/voltseal/health.d/%s", name);
	maker_put(&maker, rel, program, program_len);
	assert_int_equal(chmod(maker_path(&maker, rel, path), mode), 0);
}

static void remove_check(const char *name)
{
	char rel[256];
	char path[PATH_MAX];

	snprintf(rel, sizeof(rel), "root/usr/lib/voltseal/health.d/%s", name);
	assert_int_equal(unlink(maker_path(&maker, rel, path)), 0);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static vs_status check(const char *at, uint64_t timeout_ms, char *detail,
                       struct vs_why *why)
{
	const struct vs_health_how how = {.root = at, .timeout_ms = timeout_ms};

	return vs_health_check(&how, detail, why);
}

static void all_checks_pass_or_the_image_is_not_well(void **state)
{
	char detail[VS_PROBE_LINE_LEN];
	struct vs_why why;

	(void)state;
	assert_int_equal(check(root, 5000, detail, &why), VS_OK);
	put_check("10-ok", 0755);
	put_check("30-ok", 0755);
	put_check("20-no-backup~", 0755); /* an editor's leftover */
	put_check("20-no-mode", 0644);
	assert_int_equal(check(root, 5000, detail, &why), VS_OK);
	put_check("20-no", 0755);
	assert_int_equal(check(root, 5000, detail, &why), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_HEALTH_FAILED);
	assert_string_equal(detail, "20-no: meter: no answer\\x1b[31m");
	remove_check("20-no");
}

static void a_check_that_hangs_is_ended_with_all_it_started(void **state)
{
	char detail[VS_PROBE_LINE_LEN];
	struct vs_why why;
	double began = seconds();

	(void)state;
	put_check("25-hang", 0755);
	assert_int_equal(check(root, 300, detail, &why), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_HEALTH_TIMEOUT);
	assert_string_equal(detail, "25-hang: no answer in time");
	assert_true(seconds() - began < 10);
	remove_check("25-hang");
}

static void a_loud_check_is_heard_to_its_last_word(void **state)
{
	char detail[VS_PROBE_LINE_LEN];
	struct vs_why why;

	(void)state;
	put_check("27-loud", 0755);
	assert_int_equal(check(root, 20000, detail, &why), VS_ERR_REFUSED);
	assert_string_equal(detail, "27-loud: the last word");
	remove_check("27-loud");
}

static void a_check_that_cannot_be_run_is_a_failed_one(void **state)
{
	char detail[VS_PROBE_LINE_LEN];
	char path[PATH_MAX];
	struct vs_why why;

	(void)state;
	maker_put(&maker, "root/usr/lib/voltseal/health.d/28-script",
	          "#!/bin/not-there\n", 17);
	maker_path(&maker, "root/usr/lib/voltseal/health.d/28-script", path);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(check(root, 5000, detail, &why), VS_ERR_REFUSED);
	assert_string_equal(detail, "28-script: cannot be run");
	remove_check("28-script");
	assert_int_equal(check("/no/such/root", 50, detail, &why),
	                 VS_ERR_REFUSED);
}

static void a_probe_gives_code_output_and_no_inheritance(void **state)
{
	struct vs_probe p = {.program = "/usr/bin/env", .timeout_ms = 5000};

	(void)state;
	assert_int_equal(setenv("SECRET", "1", 1), 0);
	assert_int_equal(vs_probe_run(&p), VS_OK);
	assert_non_null(strstr(p.output, "PATH="));
	assert_null(strstr(p.output, "SECRET"));
	p.program = "/bin/false";
	assert_int_equal(vs_probe_run(&p), VS_ERR_REFUSED);
	assert_int_equal(p.code, 1);
	p.program = "/no/such/program";
	assert_int_equal(vs_probe_run(&p), VS_ERR_IO);
}

static const struct vs_trial_rules rules = {3, 10, 1000};

static void a_trial_passes_after_so_many_good_rounds_in_a_row(void **state)
{
	struct vs_trial t;

	(void)state;
	vs_trial_init(&t, 0);
	assert_int_equal(vs_trial_step(&t, &rules, 10, 0, ""),
	                 VS_TRIAL_GOES_ON);
	assert_int_equal(vs_trial_step(&t, &rules, 20, 0, ""),
	                 VS_TRIAL_GOES_ON);
	assert_int_equal(vs_trial_step(&t, &rules, 30, VS_REASON_HEALTH_FAILED,
	                               "web: down"),
	                 VS_TRIAL_GOES_ON);
	for (uint64_t i = 0; i < 2; i++)
		assert_int_equal(vs_trial_step(&t, &rules, 40 + i, 0, ""),
		                 VS_TRIAL_GOES_ON);
	assert_int_equal(vs_trial_step(&t, &rules, 50, 0, ""), VS_TRIAL_PASSED);
}

static void a_trial_fails_when_its_time_is_over_and_says_why(void **state)
{
	struct vs_trial t;

	(void)state;
	vs_trial_init(&t, 100);
	assert_int_equal(vs_trial_step(&t, &rules, 1099,
	                               VS_REASON_HEALTH_FAILED, "web: down"),
	                 VS_TRIAL_GOES_ON);
	assert_int_equal(vs_trial_step(&t, &rules, 1100,
	                               VS_REASON_HEALTH_FAILED, "web: down"),
	                 VS_TRIAL_FAILED);
	assert_int_equal(t.reason, VS_REASON_HEALTH_FAILED);
	assert_string_equal(t.detail, "web: down");
	/* never seen well, nor ill: it took too long */
	vs_trial_init(&t, 0);
	assert_int_equal(vs_trial_step(&t, &rules, 1000, 0, ""),
	                 VS_TRIAL_FAILED);
	assert_int_equal(t.reason, VS_REASON_HEALTH_TIMEOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_checks_pass_or_the_image_is_not_well),
		cmocka_unit_test(
			a_check_that_hangs_is_ended_with_all_it_started),
		cmocka_unit_test(a_loud_check_is_heard_to_its_last_word),
		cmocka_unit_test(a_check_that_cannot_be_run_is_a_failed_one),
		cmocka_unit_test(a_probe_gives_code_output_and_no_inheritance),
		cmocka_unit_test(
			a_trial_passes_after_so_many_good_rounds_in_a_row),
		cmocka_unit_test(
			a_trial_fails_when_its_time_is_over_and_says_why),
	};

	if (geteuid() != 0) {
		puts("# skipped: who is not root cannot change the root");
		cmocka_set_skip_filter("*check*");
	}
	return cmocka_run_group_tests_name("agent health", tests, setup,
	                                   teardown);
}
