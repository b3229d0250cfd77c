/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/kill9_run_test.c - the running agent, killed at random times of
 * a whole update, between a real HTTPS server and a real file system.
 *
 * "agent_kill9_run_test [SEED [KILLS]]".  After each kill the loader starts a
 * whole release; the agent that is started then goes on; and at the end of
 * each life the new release runs, is confirmed, and the server has heard so,
 * in reports none of which was sent twice.
 *
 * S3.26 S3.43
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/pem.h"
#include "tests/agent/kill9.h"
#include "tests/agent/life.h"
#include "tests/agent/links_server.h"
#include "tests/agent/program.h"

#define KILLS 25
#define LIFE_US UINT64_C(30000000) /* a life is never so long */

static struct server server;
static unsigned port;
static uint64_t kills_wanted = KILLS;

static const char conf[] = "server_url = https://localhost:%u\n"
			   "mode = demo\n"
			   "ca_file = ../ca.pem\n"
			   "cert_file = device.crt\n"
			   "device_key = file:device.key\n"
			   "poll_ms = 200\n"
			   "poll_min_ms = 100\n"
			   "report_ms = 300\n"
			   "backoff_max_ms = 500\n"
			   "jitter_percent = 0\n"
			   "workers = 1\n"
			   "status_age_ms = 86400000\n"
			   "tries = 2\n"
			   "health_checks = 2\n"
			   "health_interval_ms = 50\n"
			   "health_timeout_ms = 20000\n";
static const char idle[] = "{\"session\": false, \"contactors\": \"open\"}";

static int set_up(void **state)
{
	static const struct links_plan plan = {.fault = LINK_NONE};

	(void)state;
	kill9_make();
	server_init(&server);
	server_offer(&server, &kill9.gateway[1], &kill9.controller[1]);
	server_publish(&server);
	links_make_identity(kill9.maker.dir);
	assert_int_equal(setenv("VOLTSEAL_IMAGE", kill9.maker.dir, 1), 0);
	port = links_start(kill9.maker.dir, &plan);
	return 0;
}

/* A charger from the factory, which the server has never heard of. */
static void make_charger(void)
{
	char text[1024], path[PATH_MAX];
	EVP_PKEY *key;
	int len;

	maker_scrap_charger(&kill9.maker);
	memset(server.heard, 0, sizeof(*server.heard));
	maker_charger(&kill9.maker, &kill9.gateway[0], &kill9.controller[0], 1);
	server_provision(&server, &kill9.maker);
	maker_path(&kill9.maker, "charger/device.key", path);
	assert_int_equal(vs_pem_private_key(path, &key), VS_OK);
	maker_certificate(&kill9.maker, key, "charger/device.crt");
	EVP_PKEY_free(key);
	len = snprintf(text, sizeof(text), conf, port);
	maker_put(&kill9.maker, "charger/agent.conf", text, (size_t)len);
	maker_put(&kill9.maker, "charger/run/charger.json", idle,
	          sizeof(idle) - 1);
}

/* The update is over, and the server knows. */
static bool is_told(void)
{
	const struct heard *h = server.heard;

	return h->installed > 0 && strcmp(h->last.status, "Idle") == 0 &&
	       h->last.ecus[0].release_seq == 2 && !h->last.trial;
}

enum end { KILLED, WANTS_RESTART, TOLD };

/* One start of the agent. */
static enum end run_for(uint64_t us)
{
	const struct timespec pause = {0, 1000000};
	uint64_t until = kill9_now_us() + us, last = kill9_now_us() + LIFE_US;
	pid_t pid =
		start(&kill9.maker, WORDS("run", "--dir", kill9.charger), 0);
	bool told = false;
	int status = 0;
	pid_t ended = 0;

	while (ended == 0 && kill9_now_us() < until && !told) {
		nanosleep(&pause, NULL);
		told = is_told();
		ended = waitpid(pid, &status, WNOHANG);
		if (kill9_now_us() > last) {
			(void)kill9_kill(pid);
			kill9_fail(0);
		}
	}
	if (ended == 0)
		status = kill9_kill(pid);
	else
		assert_int_equal(ended, pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return told ? TOLD : KILLED;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != VS_EXIT_REBOOT)
		kill9_fail(status);
	return WANTS_RESTART;
}

static void judge_end(void)
{
	assert_int_equal(kill9_must_start(VS_RESET_POWER), 1);
	assert_true(server.heard->installed > 0);
	assert_false(server.heard->bad);
	for (int r = 0; r < VS_REASON_COUNT; r++)
		if (r != VS_REASON_NONE)
			assert_false(server.heard->refused[r]);
}

static uint64_t measure(void)
{
	uint64_t began = kill9_now_us();

	make_charger();
	assert_int_equal(kill9_must_start(VS_RESET_POWER), 0);
	assert_int_equal(run_for(LIFE_US), WANTS_RESTART);
	assert_int_equal(kill9_must_start(VS_RESET_REQUEST), 1);
	assert_int_equal(run_for(LIFE_US), TOLD);
	judge_end();
	return kill9_now_us() - began;
}

static void no_kill_of_the_running_agent_does_harm(void **state)
{
	uint64_t whole = measure();
	unsigned kills = 0, lives = 0, starts = 0, on_b = 0;

	(void)state;
	while (kills < kills_wanted) {
		enum vs_reset_cause cause = VS_RESET_POWER;
		enum end end = KILLED;

		make_charger();
		while (end != TOLD) {
			int slot = kill9_must_start(cause);

			end = run_for(kill9_next() % (whole * 5 / 8));
			starts++;
			kills += end == KILLED;
			on_b += end == KILLED && slot == 1;
			cause = end == KILLED ? VS_RESET_POWER
			                      : VS_RESET_REQUEST;
		}
		judge_end();
		lives++;
	}
	print_message("# %u kills, seed %u, within %u ms: %u of the new "
	              "release's agent, %u starts in %u lives\n",
	              kills, (unsigned)kill9.seed, (unsigned)(whole / 1000),
	              on_b, starts, lives);
	assert_true(on_b > 0 && on_b < kills && lives > 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_kill_of_the_running_agent_does_harm),
	};

	if (argc > 1)
		kill9.seed = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		kills_wanted = strtoull(argv[2], NULL, 10);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("agent kill9 run", tests, set_up,
	                                   kill9_drop);
}
