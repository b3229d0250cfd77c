/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/kill9_test.c - the real program, killed at 200 random times on a
 * real file system.
 *
 * "agent_kill9_test [SEED]".  What runs was never touched; after each kill the
 * loader starts a whole release; and the next install goes on to the end.
 *
 * S3.26 S3.43
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/agent/life.h"
#include "tests/agent/power.h"
#include "tests/agent/program.h"

#define KILLS 200
#define GATEWAY_LEN ((size_t)2 * VS_CLUSTER_LEN + 5000)
#define CONTROLLER_LEN 9000

static struct maker maker;
static struct made gateway[2], controller[2];
static char charger[PATH_MAX], files[4][PATH_MAX];
static uint64_t seed = 1;

/* Here all time is real. */
uint64_t power_slept_ms(void)
{
	return 0;
}

static void put_part(int i, const char *name, const struct made *r)
{
	char rel[64];

	snprintf(rel, sizeof(rel), "%s.seal", name);
	maker_put(&maker, rel, r->seal, r->seal_len);
	maker_path(&maker, rel, files[i]);
	snprintf(rel, sizeof(rel), "%s.pack", name);
	maker_put(&maker, rel, r->pack, r->pack_len);
	maker_path(&maker, rel, files[i + 1]);
}

static int set_up(void **state)
{
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
	maker_charger(&maker, &gateway[0], &controller[0], 1);
	life_configure(&maker);
	maker_path(&maker, "charger", charger);
	put_part(0, "gateway", &gateway[1]);
	put_part(2, "controller", &controller[1]);
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

static bool holds(char letter, int release)
{
	char name[64];

	snprintf(name, sizeof(name), "charger/slot-%c/gateway", letter);
	if (!life_holds(&maker, name, &gateway[release]))
		return false;
	snprintf(name, sizeof(name), "charger/slot-%c/controller", letter);
	return life_holds(&maker, name, &controller[release]);
}

static pid_t begin_install(void)
{
	return start(&maker,
	             WORDS("install", "--dir", charger, "--seal", files[0],
	                   "--pack", files[1], "--seal", files[2], "--pack",
	                   files[3], "--arm"),
	             0);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Whether it had come to its end; then it did well. */
static bool kill_after(pid_t pid, uint64_t us)
{
	const struct timespec pause = {(time_t)(us / 1000000),
	                               (long)(us % 1000000) * 1000};
	int status;

	nanosleep(&pause, NULL);
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	if (!WIFEXITED(status))
		return false;
	if (WEXITSTATUS(status) != 0) {
		uint8_t *text;
		size_t len;
		char path[PATH_MAX];

		assert_int_equal(vs_file_read(maker_path(&maker, "err", path),
		                              65536, &text, &len),
		                 VS_OK);
		fail_msg("exit %d: %s", WEXITSTATUS(status), (char *)text);
	}
	return true;
}

static uint64_t measure(void)
{
	uint64_t began = now_us();

	hear(&maker, begin_install());
	if (said.code != 0)
		fail_msg("%s", said.err);
	return now_us() - began;
}

/* What the loader makes of it.  Gives the slot. */
static int must_start(void)
{
	struct vs_boot_decision d = life_boot(&maker, VS_RESET_POWER);

	assert_true(holds('a', 0));
	if (d.slot == 1)
		assert_true(holds('b', 1));
	return d.slot;
}

/* Slot B as a board has it that nobody has written to. */
static void forget_slot(void)
{
	static const char *const names[] = {"charger/slot-b/gateway",
	                                    "charger/slot-b/controller"};
	struct vs_record record = {.slot = 0};
	struct vs_charger *c = malloc(sizeof(*c));
	char path[PATH_MAX], error[VS_ERROR_LEN];

	assert_non_null(c);
	assert_int_equal(vs_charger_open_blank(c, charger, error), VS_OK);
	record.slots[0].state = VS_SLOT_GOOD;
	assert_int_equal(vs_record_store(&c->ops.record, &record), VS_OK);
	vs_charger_close(c);
	free(c);
	for (int i = 0; i < 2; i++) {
		maker_path(&maker, names[i], path);
		assert_int_equal(truncate(path, 0), 0);
		assert_int_equal(truncate(path, MAKER_SLOT_LEN), 0);
	}
	assert_int_equal(must_start(), 0);
}

static void no_kill_of_the_program_does_harm(void **state)
{
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	uint64_t whole;
	unsigned ended = 0, armed = 0, rounds = 0;

	(void)state;
	whole = measure();
	assert_int_equal(must_start(), 1);
	forget_slot();
	for (int i = 0; i < KILLS; i++) {
		int slot;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		ended += kill_after(begin_install(), x % (whole + whole / 8));
		slot = must_start();
		armed += slot == 1;
		if (slot == 0 && x >> 60 != 0)
			continue; /* the next one goes on from here */
		if (slot == 0)
			(void)measure();
		assert_true(slot == 1 || must_start() == 1);
		forget_slot();
		rounds++;
	}
	print_message("# %d kills, seed %u, within %u us: %u came too late, "
	              "%u left an armed slot, %u rounds\n",
	              KILLS, (unsigned)seed, (unsigned)(whole + whole / 8),
	              ended, armed, rounds);
	/* what was left behind does not stop the next one */
	hear(&maker, begin_install());
	assert_int_equal(said.code, 0);
	assert_int_equal(must_start(), 1);
	assert_in_range(ended, 0, KILLS * 9 / 10);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_kill_of_the_program_does_harm),
	};

	if (argc > 1)
		seed = strtoull(argv[1], NULL, 10);
	return cmocka_run_group_tests_name("agent kill9", tests, set_up,
	                                   tear_down);
}
