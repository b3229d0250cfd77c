/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/firmware.c - a microcontroller's image in two versions.
 *
 * MORE adds a function at the front and a variable, so that code and data
 * move.  It is never run.
 */
#include <stdint.h>

void reset(void);
void stop(void);

#ifdef MORE
uint32_t faults;
__attribute__((section(".text.first"))) uint32_t check_faults(uint32_t limit)
{
	if (faults++ > limit)
		stop();
	return faults * limit;
}
#endif
uint32_t level, seen[16];

__attribute__((section(".vectors"), used)) void *const vectors[16] = {
	(void *)0x20004000, (void *)reset, (void *)stop, (void *)stop};

void stop(void)
{
	for (;;)
		level++;
}

#define STEP(n)                                                                \
	static __attribute__((noinline)) uint32_t step_##n(uint32_t x)         \
	{                                                                      \
		for (uint32_t i = 0; i < n % 7; i++)                           \
			x = x * (n + 3) ^ seen[(x + n) % 16];                  \
		if (x % (n + 2) == 1)                                          \
			stop();                                                \
		level += x;                                                    \
		return x + level;                                              \
	}
/* clang-format off */
#define STEPS(n) \
	STEP(n##0) STEP(n##1) STEP(n##2) STEP(n##3) STEP(n##4) \
	STEP(n##5) STEP(n##6) STEP(n##7) STEP(n##8) STEP(n##9)
STEPS(1) STEPS(2) STEPS(3) STEPS(4) STEPS(5) STEPS(6) STEPS(7) STEPS(8)
STEPS(9) STEPS(11) STEPS(12) STEPS(13) STEPS(14)

#define ROW(n) step_##n,
#define ROWS(n) \
	ROW(n##0) ROW(n##1) ROW(n##2) ROW(n##3) ROW(n##4) \
	ROW(n##5) ROW(n##6) ROW(n##7) ROW(n##8) ROW(n##9)
static uint32_t (*const table[])(uint32_t x) = {
	ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6) ROWS(7) ROWS(8)
	ROWS(9) ROWS(11) ROWS(12) ROWS(13) ROWS(14)
};
/* clang-format on */

void reset(void)
{
	uint32_t x = 1;

	for (uint32_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		x = table[i](x);
	x += step_10(x + 10);
	x += step_25(x + 25);
	x += step_33(x + 33);
	x += step_49(x + 49);
	x += step_57(x + 57);
	x += step_61(x + 61);
	x += step_78(x + 78);
	x += step_88(x + 88);
#ifdef MORE
	x += check_faults(x);
#endif
	level = x;
	stop();
}
