/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/power_clock.c - time that passes without being waited for.
 */
#include <time.h>

#include "tests/agent/power.h"

#define REALLY_WAITED_NS 10000000

static _Atomic uint64_t slept_ms;
static uint64_t start_s;

int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __real_nanosleep(const struct timespec *for_, struct timespec *left);

int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_nanosleep(const struct timespec *for_, struct timespec *left);
time_t __wrap_time(time_t *out);

void power_set_time(uint64_t now_s)
{
	start_s = now_s;
}

uint64_t power_slept_ms(void)
{
	return slept_ms;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
	int done = __real_clock_gettime(clock, out);
	uint64_t ms = slept_ms;

	if (clock != CLOCK_MONOTONIC)
		return done;
	out->tv_sec += (time_t)(ms / 1000);
	out->tv_nsec += (long)(ms % 1000) * 1000000;
	if (out->tv_nsec >= 1000000000) {
		out->tv_nsec -= 1000000000;
		out->tv_sec++;
	}
	return done;
}

/* Short waits are for other processes, which live in real time. */
int __wrap_nanosleep(const struct timespec *for_, struct timespec *left)
{
	uint64_t ns =
		(uint64_t)for_->tv_sec * 1000000000 + (uint64_t)for_->tv_nsec;

	if (ns < REALLY_WAITED_NS)
		return __real_nanosleep(for_, left);
	slept_ms += ns / 1000000;
	return 0;
}

time_t __wrap_time(time_t *out)
{
	time_t now = (time_t)(start_s + slept_ms / 1000);

	if (out)
		*out = now;
	return now;
}
