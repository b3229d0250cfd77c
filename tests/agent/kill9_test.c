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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/agent/kill9.h"
#include "tests/agent/life.h"
#include "tests/agent/program.h"

#define KILLS 200
static char files[4][PATH_MAX];

static void put_part(int i, const char *name, const struct made *r)
{
	maker_put_made(&kill9.maker, name, r);
	snprintf(files[i], PATH_MAX, "%s/%s.seal", kill9.maker.dir, name);
	snprintf(files[i + 1], PATH_MAX, "%s/%s.pack", kill9.maker.dir, name);
}

static int set_up(void **state)
{
	(void)state;
	kill9_make();
	maker_charger(&kill9.maker, &kill9.gateway[0], &kill9.controller[0], 1);
	life_configure(&kill9.maker);
	put_part(0, "gateway", &kill9.gateway[1]);
	put_part(2, "controller", &kill9.controller[1]);
	return 0;
}

static pid_t begin_install(void)
{
	return start(&kill9.maker,
	             WORDS("install", "--dir", kill9.charger, "--seal",
	                   files[0], "--pack", files[1], "--seal", files[2],
	                   "--pack", files[3], "--arm"),
	             0);
}

/* Whether it had come to its end; then it did well. */
static bool kill_after(pid_t pid, uint64_t us)
{
	const struct timespec pause = {(time_t)(us / 1000000),
	                               (long)(us % 1000000) * 1000};
	int status;

	nanosleep(&pause, NULL);
	status = kill9_kill(pid);
	if (!WIFEXITED(status))
		return false;
	if (WEXITSTATUS(status) != 0)
		kill9_fail(status);
	return true;
}

static uint64_t measure(void)
{
	uint64_t began = kill9_now_us();

	hear(&kill9.maker, begin_install());
	if (said.code != 0)
		fail_msg("%s", said.err);
	return kill9_now_us() - began;
}

static int must_start(void)
{
	return kill9_must_start(VS_RESET_POWER);
}

/* Slot B as a board has it that nobody has written to. */
static void forget_slot(void)
{
	static const char *const names[] = {"charger/slot-b/gateway",
	                                    "charger/slot-b/controller"};
	struct vs_record record = {.slot = 0};
	char path[PATH_MAX];

	record.slots[0].state = VS_SLOT_GOOD;
	maker_set_record(&kill9.maker, record);
	for (int i = 0; i < 2; i++) {
		maker_path(&kill9.maker, names[i], path);
		assert_int_equal(truncate(path, 0), 0);
		assert_int_equal(truncate(path, MAKER_SLOT_LEN), 0);
	}
	assert_int_equal(must_start(), 0);
}

static void no_kill_of_the_program_does_harm(void **state)
{
	uint64_t whole;
	unsigned ended = 0, armed = 0, rounds = 0;

	(void)state;
	whole = measure();
	assert_int_equal(must_start(), 1);
	forget_slot();
	for (int i = 0; i < KILLS; i++) {
		uint64_t x = kill9_next();
		int slot;

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
	              KILLS, (unsigned)kill9.seed,
	              (unsigned)(whole + whole / 8), ended, armed, rounds);
	/* what was left behind does not stop the next one */
	hear(&kill9.maker, begin_install());
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
		kill9.seed = strtoull(argv[1], NULL, 10);
	return cmocka_run_group_tests_name("agent kill9", tests, set_up,
	                                   kill9_drop);
}
