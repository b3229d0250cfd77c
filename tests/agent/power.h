/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/power.h - power that fails at the n-th write, and time that
 * passes without waiting.
 *
 * Stands between the whole program and the C library (the linker's --wrap):
 * pwrite, rename, unlink, fsync, fdatasync, clock_gettime, nanosleep, time.
 * Every change of a file counts, whoever makes it: agent, loader or library.
 */
#ifndef VS_TESTS_AGENT_POWER_H
#define VS_TESTS_AGENT_POWER_H

#include <stdbool.h>
#include <stdint.h>

#define POWER_EXIT 91 /* the exit code of a process that lost its power */

enum power_loss {
	POWER_TORN,      /* half of the write that is cut; all before it */
	POWER_LOST,      /* what was not synced is gone */
	POWER_REORDERED, /* the same, but for the last write; syncs count */
};

/* From now on the process ends at the n-th write; 0: never. */
void power_arm(uint64_t n, enum power_loss loss);

/* Milliseconds that passed in nanosleep() without being waited for. */
uint64_t power_slept_ms(void);
/* Seconds since 1970 at the start of the test, for time(). */
void power_set_time(uint64_t now_s);

#endif
