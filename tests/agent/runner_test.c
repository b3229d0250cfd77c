/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/runner_test.c - what the runner does for disk, and what it does
 * for nobody.
 *
 * S0.17 S1.3 S1.17.  Needs to be root, for chroot; skipped otherwise.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/reach/runner.h"
#include "base/file.h"
#include "tests/agent/maker.h"

#define CHECKS "root/usr/lib/voltseal/health.d"

static struct maker maker;
static char root[PATH_MAX];
static struct vs_runner runner;

static int setup(void **state)
{
	char path[PATH_MAX];

	(void)state;
	maker_init(&maker);
	maker_path(&maker, "root", root);
	assert_int_equal(vs_file_mkdirs(maker_path(&maker, CHECKS, path), 0755),
	                 VS_OK);
	maker_put(&maker, "root/only-in-this-root", "", 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	maker_drop(&maker);
	return 0;
}

static char *put(const char *folder, const char *name, char *path)
{
	char rel[PATH_MAX];
	uint8_t *bytes;
	size_t len;

	snprintf(rel, sizeof(rel), "%s/%s", folder, name);
	assert_int_equal(vs_file_read(CHECK_PROGRAM, 16 << 20, &bytes, &len),
	                 VS_OK);
	maker_put(&maker, rel, bytes, len);
	free(bytes);
	assert_int_equal(chmod(maker_path(&maker, rel, path), 0755), 0);
	return path;
}

static void start(uint64_t check_ms, const char *command)
{
	const struct vs_runner_config config = {
		.image = root, .check_ms = check_ms, .status_command = command};

	assert_int_equal(vs_runner_start(&runner, &config), VS_OK);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void nap(void)
{
	const struct timespec t = {0, 20000000};

	nanosleep(&t, NULL);
}

/* Processes of that name, wherever they are. */
static unsigned living(const char *name)
{
	const struct dirent *entry;
	DIR *d = opendir("/proc");
	unsigned count = 0;

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		char path[300], comm[64] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		f = entry->d_name[0] > '9' ? NULL : fopen(path, "re");
		if (f && fgets(comm, sizeof(comm), f)) {
			comm[strcspn(comm, "\n")] = '\0';
			count += strcmp(comm, name) == 0;
		}
		if (f)
			fclose(f);
	}
	closedir(d);
	return count;
}

/* What the runner has started and not ended. */
static unsigned children(void)
{
	char path[64], list[256] = "";
	unsigned count = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", runner.pid,
	         runner.pid);
	f = fopen(path, "re");
	assert_non_null(f);
	if (fgets(list, sizeof(list), f))
		for (const char *at = list; *at; at++)
			count += *at == ' ';
	fclose(f);
	return count;
}

static void must_say(vs_status status, vs_reason reason, const char *said)
{
	struct vs_why why = {VS_REASON_NONE, "", 0};
	char detail[VS_PROBE_LINE_LEN];

	assert_int_equal(vs_runner_check(&runner, detail, &why), status);
	assert_string_equal(detail, said);
	assert_int_equal(why.code, reason);
	assert_false(vs_runner_lost(&runner));
}

/* S0.17: the same words as where nobody stands between. */
static void it_tells_what_the_image_s_checks_say(void **state)
{
	char path[PATH_MAX];

	(void)state;
	start(300, "");
	must_say(VS_OK, VS_REASON_NONE, "");
	put(CHECKS, "10-ok", path);
	must_say(VS_OK, VS_REASON_NONE, "");
	put(CHECKS, "20-no", path);
	must_say(VS_ERR_REFUSED, VS_REASON_HEALTH_FAILED,
	         "20-no: meter: no answer\\x1b[31m");
	assert_int_equal(unlink(path), 0);
	put(CHECKS, "30-hang", path);
	must_say(VS_ERR_REFUSED, VS_REASON_HEALTH_TIMEOUT,
	         "30-hang: no answer in time");
	assert_int_equal(unlink(path), 0);
	must_say(VS_OK, VS_REASON_NONE, "");
	vs_runner_end(&runner);
}

/* S1.3: the folder that was the image's at the start, whatever is put in its
 * place.
 */
static void another_folder_in_the_image_s_place_is_not_asked(void **state)
{
	char away[PATH_MAX], path[PATH_MAX];

	(void)state;
	start(5000, "");
	assert_int_equal(rename(root, maker_path(&maker, "away", away)), 0);
	assert_int_equal(vs_file_mkdirs(maker_path(&maker, CHECKS, path), 0755),
	                 VS_OK);
	put(CHECKS, "10-no", path);
	must_say(VS_OK, VS_REASON_NONE, "");
	vs_runner_end(&runner);
	maker_scrap(&maker, "root");
	assert_int_equal(rename(away, root), 0);
}

static void it_runs_the_one_command_that_was_set(void **state)
{
	char out[VS_PROBE_OUTPUT_MAX + 1];
	size_t len;

	(void)state;
	start(5000, "");
	assert_int_equal(vs_runner_ask(&runner, out, &len), VS_ERR_IO);
	assert_int_equal(len, 0);
	vs_runner_end(&runner);
	start(5000, "/usr/bin/env");
	assert_int_equal(vs_runner_ask(&runner, out, &len), VS_OK);
	assert_int_equal(len, strlen(out));
	assert_non_null(strstr(out, "PATH="));
	vs_runner_end(&runner);
	start(5000, "/bin/false");
	assert_int_equal(vs_runner_ask(&runner, out, &len), VS_ERR_REFUSED);
	assert_int_equal(len, 0);
	assert_false(vs_runner_lost(&runner));
	vs_runner_end(&runner);
}

/* S1.3: also what has left its group and session. */
static void what_a_check_leaves_behind_is_ended(void **state)
{
	char path[PATH_MAX], name[16];

	(void)state;
	snprintf(name, sizeof(name), "4stray%d", (int)getpid());
	start(5000, "");
	put(CHECKS, name, path);
	must_say(VS_OK, VS_REASON_NONE, "");
	assert_int_equal(children(), 0);
	assert_int_equal(living(name), 0);
	assert_int_equal(unlink(path), 0);
	vs_runner_end(&runner);
}

/* kill -9 of the agent while a check runs. */
static void a_check_ends_with_the_agent(void **state)
{
	double began = seconds();
	char path[PATH_MAX], name[16];
	pid_t pid;

	(void)state;
	snprintf(name, sizeof(name), "5hang%d", (int)getpid());
	put(CHECKS, name, path);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct vs_why why;
		char detail[VS_PROBE_LINE_LEN];

		start(60000, "");
		_exit(vs_runner_check(&runner, detail, &why) != VS_OK);
	}
	while (living(name) == 0 && seconds() - began < 20)
		nap();
	assert_true(living(name) > 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	while (living(name) > 0 && seconds() - began < 30)
		nap();
	assert_int_equal(living(name), 0);
	assert_int_equal(unlink(path), 0);
}

/* Nothing but four words in their order; who says more is not disk. */
static void any_other_request_ends_it(void **state)
{
	static const struct {
		uint32_t words[3];
		size_t len;
	} bad[] = {
		{{VS_REQUEST_CHECK, 2},     8 },
                {{VS_REQUEST_CHECK, 0},     8 },
		{{VS_REQUEST_CHECK, 1},     4 },
                {{VS_REQUEST_CHECK, 1, 0},  12},
		{{VS_REQUEST_CHECK, 1},     7 },
                {{0, 1},                    8 },
		{{VS_REQUEST_READY, 1},     8 },
                {{VS_REQUEST_CHECKED, 1},   8 },
		{{VS_REQUEST_DECODE, 1},    8 },
                {{VS_REQUEST_GET, 1},       8 },
		{{VS_REQUEST_ENDED + 1, 1}, 8 },
                {{UINT32_MAX, 1},           8 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vs_why why = {VS_REASON_NONE, "", 0};
		char detail[VS_PROBE_LINE_LEN];
		uint32_t heard[64];

		start(5000, "");
		assert_int_equal(send(runner.fd, bad[i].words, bad[i].len, 0),
		                 (ssize_t)bad[i].len);
		assert_int_equal(recv(runner.fd, heard, sizeof(heard), 0), 0);
		assert_int_equal(vs_runner_check(&runner, detail, &why),
		                 VS_ERR_IO);
		assert_true(vs_runner_lost(&runner));
		vs_runner_end(&runner);
	}
}

static void it_gives_lines_to_a_net_and_ends_it(void **state)
{
	struct vs_runner_config config = {.status_command = ""};
	char why[VS_PROBE_LINE_LEN];
	int lines[2][VS_WIRE_LINES];
	struct vs_wire_head head;

	(void)state;
	assert_int_equal(vs_runner_start(&runner, &config), VS_OK);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(vs_runner_net(&runner, lines[i], why), VS_OK);
		for (int k = 0; k < VS_WIRE_LINES; k++) {
			assert_int_equal(vs_wire_recv(lines[i][k], &head,
			                              sizeof(head), 10000),
			                 VS_OK);
			assert_int_equal(head.what, VS_REQUEST_READY);
		}
	}
	/* one at a time */
	assert_int_equal(vs_wire_recv(lines[0][0], &head, 1, 10000), VS_ERR_IO);
	assert_int_equal(children(), 1);
	vs_runner_end_net(&runner);
	assert_int_equal(vs_wire_recv(lines[1][0], &head, 1, 10000), VS_ERR_IO);
	vs_runner_end(&runner);
	for (int i = 0; i < 2 * VS_WIRE_LINES; i++)
		close(lines[i / VS_WIRE_LINES][i % VS_WIRE_LINES]);
	config.net_path = "/nonexistent/net";
	assert_int_equal(vs_runner_start(&runner, &config), VS_OK);
	assert_int_equal(vs_runner_net(&runner, lines[0], why), VS_ERR_IO);
	assert_string_equal(why, "voltseal-net is not there");
	assert_int_equal(lines[0][0], -1);
	assert_false(vs_runner_lost(&runner));
	vs_runner_end(&runner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_tells_what_the_image_s_checks_say),
		cmocka_unit_test(
			another_folder_in_the_image_s_place_is_not_asked),
		cmocka_unit_test(it_runs_the_one_command_that_was_set),
		cmocka_unit_test(what_a_check_leaves_behind_is_ended),
		cmocka_unit_test(a_check_ends_with_the_agent),
		cmocka_unit_test(any_other_request_ends_it),
		cmocka_unit_test(it_gives_lines_to_a_net_and_ends_it),
	};

	if (geteuid() != 0) {
		puts("# skipped: who is not root cannot change the root");
		cmocka_set_skip_filter("*check*");
	}
	return cmocka_run_group_tests_name("agent runner", tests, setup,
	                                   teardown);
}
