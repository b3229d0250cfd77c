/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/mix.h - many small guesses at one bit, weighed into a good one.
 *
 * Each guess is a counter found by a context.  They are stretched (ln(p /
 * (1 - p)), in 1/256), weighed and squashed again; the weights learn from each
 * bit, and there are several sets of them, chosen by the caller.  Integers
 * only.
 */
#ifndef VS_DELTA_MIX_H
#define VS_DELTA_MIX_H

#include "base/status.h"

#define VS_MIX_INPUTS 8 /* a machine takes so many at a time */
#define VS_MIX_SETS 2   /* one of each is chosen for a bit, and averaged */

/* Chances are of 65536, stretched ones between -2047 and 2047. */
uint32_t vs_squash(int32_t x);

struct vs_stretch {
	int16_t of[4096]; /* by the upper 12 bits of a chance */
};
void vs_stretch_init(struct vs_stretch *s);

/* Counters of 16 bits: 12 of chance, 4 of count; 0 is an unused one.  count is
 * at most VS_MIX_INPUTS, here and below.
 */
void vs_counts16_stretch(const struct vs_stretch *s,
                         const uint16_t *const *counts, size_t count,
                         int16_t *out);
void vs_counts16_learn(uint16_t *const *counts, size_t count, unsigned bit);
/* Counters of 32 bits: 22 of chance, 10 of count, which stops at the limit; 0
 * is an unused one.
 */
#define VS_COUNTS32_LIMIT 255
struct vs_shares {
	uint32_t of[VS_COUNTS32_LIMIT + 1]; /* 2^33 / (2 n + 3), rounded up */
};
void vs_shares_init(struct vs_shares *s);
void vs_counts32_stretch(const struct vs_stretch *s,
                         const uint32_t *const *counts, size_t count,
                         int16_t *out);
void vs_counts32_learn(const struct vs_shares *s, uint32_t *const *counts,
                       size_t count, unsigned bit);

struct vs_mix {
	int32_t *weights[VS_MIX_SETS]; /* of all in a set, 1.0 is 65536 */
	int16_t rate;

	/* the bit at hand */
	int16_t in[VS_MIX_INPUTS]; /* stretched */
	int32_t *chosen[VS_MIX_SETS];
	uint32_t answer[VS_MIX_SETS]; /* chances */
};

/* rate is from 1 to 16: an input times it has 16 bits.  Gives memory for the
 * weights: vs_mix_drop().  VS_ERR_NOMEM.
 */
vs_status vs_mix_init(struct vs_mix *m, const size_t sets[static VS_MIX_SETS],
                      int16_t rate) VS_MUST_CHECK;
void vs_mix_drop(struct vs_mix *m);

/* m->in is filled in; chosen[i] < sets[i].  Gives a stretched guess. */
int32_t vs_mix_guess(struct vs_mix *m, const size_t chosen[static VS_MIX_SETS]);
void vs_mix_learn(struct vs_mix *m, unsigned bit);

#endif
