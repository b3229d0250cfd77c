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
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pem.h"
#include "tests/agent/life.h"
#include "tests/agent/links_server.h"
#include "tests/agent/power.h"
#include "tests/agent/program.h"

#define KILLS 25
#define LIFE_US UINT64_C(30000000) /* a life is never so long */
#define GATEWAY_LEN ((size_t)2 * VS_CLUSTER_LEN + 5000)
#define CONTROLLER_LEN 9000

static struct maker maker;
static struct server server;
static struct made gateway[2], controller[2];
static char charger[PATH_MAX];
static unsigned port;
static uint64_t seed = 1, kills_wanted = KILLS;

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

/* Here all time is real. */
uint64_t power_slept_ms(void)
{
	return 0;
}

void power_set_time(uint64_t now_s)
{
	(void)now_s;
}

static int set_up(void **state)
{
	static const struct links_plan plan = {.fault = LINK_NONE};
	uint8_t *image = malloc(GATEWAY_LEN);

	(void)state;
	assert_non_null(image);
	maker_init(&maker);
	for (int i = 0; i < 2; i++) {
		noise(image, GATEWAY_LEN, (uint64_t)i + 1);
		maker_seal(&maker, &gateway[i], "gateway", (uint64_t)i + 1, 1,
		           image, GATEWAY_LEN);
		maker_seal(&maker, &controller[i], "controller",
		           (uint64_t)i + 1, 1, image + 9, CONTROLLER_LEN);
	}
	free(image);
	server_init(&server);
	server_offer(&server, &gateway[1], &controller[1]);
	server_publish(&server);
	links_make_identity(maker.dir);
	maker_path(&maker, "charger", charger);
	assert_int_equal(setenv("VOLTSEAL_IMAGE", maker.dir, 1), 0);
	port = links_start(maker.dir, &plan);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		made_drop(&gateway[i]);
		made_drop(&controller[i]);
	}
	maker_drop(&maker);
	return 0;
}

/* A charger from the factory, which the server has never heard of. */
static void make_charger(void)
{
	char text[1024], path[PATH_MAX];
	EVP_PKEY *key;
	int len;

	maker_scrap_charger(&maker);
	memset(server.heard, 0, sizeof(*server.heard));
	maker_charger(&maker, &gateway[0], &controller[0], 1);
	server_provision(&server, &maker);
	maker_path(&maker, "charger/device.key", path);
	assert_int_equal(vs_pem_private_key(path, &key), VS_OK);
	maker_certificate(&maker, key, "charger/device.crt");
	EVP_PKEY_free(key);
	len = snprintf(text, sizeof(text), conf, port);
	maker_put(&maker, "charger/agent.conf", text, (size_t)len);
	maker_put(&maker, "charger/run/charger.json", idle, sizeof(idle) - 1);
}

static bool holds(char letter, int release)
{
	char name[64];

	snprintf(name, sizeof(name), "charger/slot-%c/gateway", letter);
	if (!life_holds(&maker, name, &gateway[release]))
		return false;
	snprintf(name, sizeof(name), "charger/slot-%c/controller", letter);
	return life_holds(&maker, name, &controller[release]);
}

static int must_start(enum vs_reset_cause cause)
{
	struct vs_boot_decision d = life_boot(&maker, cause);

	assert_true(holds('a', 0));
	if (d.slot == 1)
		assert_true(holds('b', 1));
	return d.slot;
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The update is over, and the server knows. */
static bool is_told(void)
{
	const struct heard *h = server.heard;

	return h->installed > 0 && strcmp(h->last.status, "Idle") == 0 &&
	       h->last.ecus[0].release_seq == 2 && !h->last.trial;
}

static void fail_with_words(int status)
{
	char path[PATH_MAX];
	uint8_t *text = NULL;
	size_t len;

	assert_int_equal(vs_file_read(maker_path(&maker, "err", path), 65536,
	                              &text, &len),
	                 VS_OK);
	fail_msg("status %x: %s", (unsigned)status, (char *)text);
}

enum end { KILLED, WANTS_RESTART, TOLD };

/* One start of the agent. */
static enum end run_for(uint64_t us)
{
	const struct timespec pause = {0, 1000000};
	uint64_t until = now_us() + us, last = now_us() + LIFE_US;
	pid_t pid = start(&maker, WORDS("run", "--dir", charger), 0);
	bool told = false;
	int status = 0;
	pid_t ended = 0;

	while (ended == 0 && now_us() < until && !told) {
		nanosleep(&pause, NULL);
		told = is_told();
		ended = waitpid(pid, &status, WNOHANG);
		if (now_us() > last) {
			kill(pid, SIGKILL);
			fail_with_words(0);
		}
	}
	if (ended == 0) {
		kill(pid, SIGKILL);
		while ((ended = waitpid(pid, &status, 0)) < 0)
			assert_int_equal(errno, EINTR);
	}
	assert_int_equal(ended, pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return told ? TOLD : KILLED;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != VS_EXIT_REBOOT)
		fail_with_words(status);
	return WANTS_RESTART;
}

static void judge_end(void)
{
	assert_int_equal(must_start(VS_RESET_POWER), 1);
	assert_true(server.heard->installed > 0);
	assert_false(server.heard->bad);
	for (int r = 0; r < VS_REASON_COUNT; r++)
		if (r != VS_REASON_NONE)
			assert_false(server.heard->refused[r]);
}

static uint64_t measure(void)
{
	uint64_t began = now_us();

	make_charger();
	assert_int_equal(must_start(VS_RESET_POWER), 0);
	assert_int_equal(run_for(LIFE_US), WANTS_RESTART);
	assert_int_equal(must_start(VS_RESET_REQUEST), 1);
	assert_int_equal(run_for(LIFE_US), TOLD);
	judge_end();
	return now_us() - began;
}

static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void no_kill_of_the_running_agent_does_harm(void **state)
{
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	uint64_t whole = measure();
	unsigned kills = 0, lives = 0, starts = 0, on_b = 0;

	(void)state;
	while (kills < kills_wanted) {
		enum vs_reset_cause cause = VS_RESET_POWER;
		enum end end = KILLED;

		make_charger();
		while (end != TOLD) {
			int slot = must_start(cause);

			end = run_for(next(&x) % (whole * 5 / 8));
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
	              kills, (unsigned)seed, (unsigned)(whole / 1000), on_b,
	              starts, lives);
	assert_true(on_b > 0 && on_b < kills && lives > 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_kill_of_the_running_agent_does_harm),
	};

	if (argc > 1)
		seed = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		kills_wanted = strtoull(argv[2], NULL, 10);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("agent kill9 run", tests, set_up,
	                                   tear_down);
}
