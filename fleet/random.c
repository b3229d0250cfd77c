/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/random.c - SplitMix64 (Steele, Lea, Flood 2014).
 */
#include "fleet/random.h"

struct vs_random vs_random_from(uint64_t seed, uint64_t stream)
{
	struct vs_random r = {seed ^ stream * UINT64_C(0xd1342543de82ef95)};

	(void)vs_random_next(&r);
	return r;
}

uint64_t vs_random_next(struct vs_random *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t vs_random_below(struct vs_random *r, uint32_t below)
{
	return (uint32_t)((vs_random_next(r) >> 32) * below >> 32);
}

bool vs_random_chance(struct vs_random *r, uint32_t in_a_million)
{
	return vs_random_below(r, 1000000) < in_a_million;
}
