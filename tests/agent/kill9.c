/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/kill9.c - a charger whose agent is killed, in real time.
 */
#include "tests/agent/kill9.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "tests/agent/life.h"
#include "tests/agent/power.h"

#define GATEWAY_LEN ((size_t)2 * VS_CLUSTER_LEN + 5000)
#define CONTROLLER_LEN 9000

struct kill9 kill9 = {.seed = 1};

static uint64_t number;

/* Here all time is real. */
uint64_t power_slept_ms(void)
{
	return 0;
}

void power_set_time(uint64_t now_s)
{
	(void)now_s;
}

void kill9_make(void)
{
	struct maker *m = &kill9.maker;
	uint8_t *image = malloc(GATEWAY_LEN);

	assert_non_null(image);
	maker_init(m);
	for (uint64_t i = 0; i < 2; i++) {
		noise(image, GATEWAY_LEN, i + 1);
		maker_seal(m, &kill9.gateway[i], "gateway", i + 1, 1, image,
		           GATEWAY_LEN);
		maker_seal(m, &kill9.controller[i], "controller", i + 1, 1,
		           image + 9, CONTROLLER_LEN);
	}
	free(image);
	maker_path(m, "charger", kill9.charger);
	number = kill9.seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

int kill9_drop(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		made_drop(&kill9.gateway[i]);
		made_drop(&kill9.controller[i]);
	}
	maker_drop(&kill9.maker);
	return 0;
}

int kill9_must_start(enum vs_reset_cause cause)
{
	const struct kill9 *k = &kill9;
	struct vs_boot_decision d = life_boot(&k->maker, cause);

	assert_true(life_holds_both(&k->maker, 'a', &k->gateway[0],
	                            &k->controller[0]));
	if (d.slot == 1)
		assert_true(life_holds_both(&k->maker, 'b', &k->gateway[1],
		                            &k->controller[1]));
	return d.slot;
}

uint64_t kill9_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t kill9_next(void)
{
	number ^= number << 13;
	number ^= number >> 7;
	number ^= number << 17;
	return number;
}

int kill9_kill(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return status;
}

void kill9_fail(int status)
{
	char path[PATH_MAX];
	uint8_t *text = NULL;
	size_t len;

	assert_int_equal(vs_file_read(maker_path(&kill9.maker, "err", path),
	                              65536, &text, &len),
	                 VS_OK);
	fail_msg("status %x: %s", (unsigned)status, (char *)text);
}
