/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/random.h - numbers that follow from a seed, the same on any machine.
 */
#ifndef VS_FLEET_RANDOM_H
#define VS_FLEET_RANDOM_H

#include "base/status.h"

struct vs_random {
	uint64_t state;
};

/* stream: several that do not disturb one another. */
struct vs_random vs_random_from(uint64_t seed, uint64_t stream);
uint64_t vs_random_next(struct vs_random *r);
/* 0 to below - 1; below is 1 at least. */
uint32_t vs_random_below(struct vs_random *r, uint32_t below);
/* True so many times in a million. */
bool vs_random_chance(struct vs_random *r, uint32_t in_a_million);

#endif
