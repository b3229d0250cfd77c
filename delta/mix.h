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

#define VS_MIX_INPUTS_MAX 24
#define VS_MIX_SETS 2 /* one of each is chosen for a bit, and averaged */

/* Chances are of 65536, stretched ones between -2047 and 2047. */
uint32_t vs_squash(int32_t x);

struct vs_stretch {
	int16_t of[4096]; /* by the upper 12 bits of a chance */
};
void vs_stretch_init(struct vs_stretch *s);

/* A counter of 16 bits: 12 of chance, 4 of count; 0 is an unused one. */
void vs_counts16_learn(uint16_t *const *counts, size_t count, unsigned bit);
/* A counter of 32 bits: 22 of chance, 10 of count; 0 is an unused one. */
void vs_counts32_learn(uint32_t *const *counts, size_t count, unsigned bit,
                       uint32_t limit);

struct vs_mix {
	size_t inputs;
	size_t sets[VS_MIX_SETS];      /* how many there are to choose from */
	int32_t *weights[VS_MIX_SETS]; /* of all, 1.0 is 65536 */
	int32_t rate;

	/* the bit at hand */
	int32_t in[VS_MIX_INPUTS_MAX]; /* stretched */
	int32_t *chosen[VS_MIX_SETS];
	uint32_t answer[VS_MIX_SETS]; /* chances */
};

/* Gives memory for the weights: vs_mix_drop().  VS_ERR_NOMEM. */
vs_status vs_mix_init(struct vs_mix *m, size_t inputs,
                      const size_t sets[static VS_MIX_SETS],
                      int32_t rate) VS_MUST_CHECK;
void vs_mix_drop(struct vs_mix *m);

/* m->in is filled in; chosen[i] < sets[i].  Gives a stretched guess. */
int32_t vs_mix_guess(struct vs_mix *m, const size_t chosen[static VS_MIX_SETS]);
void vs_mix_learn(struct vs_mix *m, unsigned bit);

#endif
