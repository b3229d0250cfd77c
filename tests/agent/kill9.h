/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/kill9.h - a charger whose agent is killed, in real time.
 *
 * Release 0 is what runs, in slot A; release 1 is to come, in slot B.
 */
#ifndef VS_TESTS_AGENT_KILL9_H
#define VS_TESTS_AGENT_KILL9_H

#include <sys/types.h>

#include "boot/boot.h"
#include "tests/agent/maker.h"

struct kill9 {
	struct maker maker;
	struct made gateway[2], controller[2];
	char charger[PATH_MAX]; /* its folder; nothing is in it yet */
	uint64_t seed;
};
extern struct kill9 kill9;

void kill9_make(void);
/* For cmocka. */
int kill9_drop(void **state);

/* What the loader makes of it: a whole release, in the slot it gives. */
int kill9_must_start(enum vs_reset_cause cause);

uint64_t kill9_now_us(void);
/* The next number of the seed's row. */
uint64_t kill9_next(void);
/* SIGKILL, if it has not ended yet; gives how it ended, as waitpid() does. */
int kill9_kill(pid_t pid);
/* Fails with what the program said last. */
void kill9_fail(int status);

#endif
