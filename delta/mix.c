/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/mix.c - counters and a mixing of them, in integers.
 */
#include "delta/mix.h"

#include <stdlib.h>

#define LIMIT 2047
#define WEIGHT_LIMIT (1 << 23)
#define MISS_MIN (65536 / LIMIT) /* 32 */

/* 65536 / (1 + e^(-x / 256)) at x = -2048, -1920 ... 2048. */
static const uint16_t squashed[33] = {
	22,    36,    60,    98,    162,   267,   439,   720,   1179,
	1921,  3108,  4971,  7812,  11955, 17625, 24743, 32768, 40793,
	47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097,
	65269, 65374, 65438, 65476, 65500, 65514,
};

/* 65536 / (n + 1.6): what the bit after n others weighs. */
static const uint16_t share[16] = {
	40960, 25206, 18204, 14247, 11703, 9930, 8623, 7620,
	6827,  6183,  5650,  5201,  4819,  4489, 4201, 3948,
};

uint32_t vs_squash(int32_t x)
{
	uint32_t at, part;

	if (x > LIMIT)
		x = LIMIT;
	if (x < -LIMIT)
		x = -LIMIT;
	at = (uint32_t)(x + 2048);
	part = at & 127;
	at >>= 7;
	return (squashed[at] * (128 - part) + squashed[at + 1] * part) >> 7;
}

/* vs_squash() rises: one walk through it gives its inverse. */
void vs_stretch_init(struct vs_stretch *s)
{
	int32_t x = -LIMIT;

	for (uint32_t i = 0; i < 4096; i++) {
		while (x < LIMIT && vs_squash(x) < i * 16 + 8)
			x++;
		s->of[i] = (int16_t)x;
	}
}

/* Without a branch: which counters are used, nobody foresees. */
static int16_t stretched(const struct vs_stretch *s, uint32_t chance, bool used)
{
	return (int16_t)(s->of[chance] & -(int)used);
}

void vs_counts16_stretch(const struct vs_stretch *s,
                         const uint16_t *const *counts, size_t count,
                         int16_t *out)
{
	for (size_t i = 0; i < count; i++)
		out[i] = stretched(s, *counts[i] >> 4, *counts[i] != 0);
}

/* In three loops, of which the middle one is of equal steps. */
void vs_counts16_learn(uint16_t *const *counts, size_t count, unsigned bit)
{
	uint16_t all[VS_MIX_INPUTS] = {0}, part[VS_MIX_INPUTS] = {0};
	uint16_t aim = bit ? 4095 : 0;

	for (size_t i = 0; i < count; i++) {
		all[i] = *counts[i];
		part[i] = share[all[i] & 15];
	}
	for (size_t i = 0; i < VS_MIX_INPUTS; i++) {
		uint16_t p = all[i] ? all[i] >> 4 : 2048;
		uint16_t n = all[i] & 15;
		/* chances are turned round for a 1: then all steps go down */
		uint16_t far = p ^ aim;

		far = (uint16_t)(far - ((uint32_t)far * part[i] >> 16));
		all[i] = (uint16_t)((far ^ aim) << 4 | (n + (n < 15)));
	}
	for (size_t i = 0; i < count; i++)
		*counts[i] = all[i];
}

void vs_counts32_stretch(const struct vs_stretch *s,
                         const uint32_t *const *counts, size_t count,
                         int16_t *out)
{
	for (size_t i = 0; i < count; i++)
		out[i] = stretched(s, *counts[i] >> 20, *counts[i] != 0);
}

void vs_shares_init(struct vs_shares *s)
{
	for (uint32_t n = 0; n <= VS_COUNTS32_LIMIT; n++) {
		uint32_t parts = 2 * n + 3;

		s->of[n] =
			(uint32_t)(((UINT64_C(1) << 33) + parts - 1) / parts);
	}
}

/* Twice far / (2 n + 3): a product with its inverse says the same, as the
 * inverse is too large by less than 2^-33 times 513, and far is below 2^22.
 */
static uint32_t step32(const struct vs_shares *s, uint32_t far, uint32_t n)
{
	return (uint32_t)((uint64_t)(far * 2) * s->of[n] >> 33);
}

static void learn32(const struct vs_shares *s, uint32_t *c, unsigned bit)
{
	uint32_t n = *c & 1023u;
	uint32_t p = *c == 0 ? 1u << 21 : *c >> 10;

	if (bit)
		p += step32(s, (1u << 22) - 1 - p, n);
	else
		p -= step32(s, p, n);
	if (n < VS_COUNTS32_LIMIT)
		n++;
	*c = p << 10 | n;
}

void vs_counts32_learn(const struct vs_shares *s, uint32_t *const *counts,
                       size_t count, unsigned bit)
{
	for (size_t i = 0; i < count; i++)
		learn32(s, counts[i], bit);
}

vs_status vs_mix_init(struct vs_mix *m, const size_t sets[static VS_MIX_SETS],
                      int16_t rate)
{
	size_t all = (sets[0] + sets[1]) * VS_MIX_INPUTS;

	*m = (struct vs_mix){.rate = rate};
	m->weights[0] = malloc(all * sizeof(int32_t));
	if (!m->weights[0])
		return VS_ERR_NOMEM;
	m->weights[1] = m->weights[0] + sets[0] * VS_MIX_INPUTS;
	for (size_t i = 0; i < all; i++)
		m->weights[0][i] = 65536 / VS_MIX_INPUTS;
	return VS_OK;
}

void vs_mix_drop(struct vs_mix *m)
{
	free(m->weights[0]);
	m->weights[0] = NULL;
}

/* The sum of in times w, of 65536.  Inputs have 12 bits and weights 25: in two
 * halves each product, and their sum, fits into 32.
 */
static int32_t weigh(const int16_t *in, const int32_t *w)
{
	int16_t upper[VS_MIX_INPUTS], lower[VS_MIX_INPUTS];
	int32_t high = 0, low = 0;

	for (size_t i = 0; i < VS_MIX_INPUTS; i++) {
		upper[i] = (int16_t)(w[i] >> 9);
		lower[i] = (int16_t)(w[i] & 511);
	}
	for (size_t i = 0; i < VS_MIX_INPUTS; i++)
		high += in[i] * upper[i];
	for (size_t i = 0; i < VS_MIX_INPUTS; i++)
		low += in[i] * lower[i];
	return (int32_t)(((int64_t)high * 512 + low) / 65536);
}

static int32_t ask(struct vs_mix *m, size_t set, size_t chosen)
{
	int32_t x;

	m->chosen[set] = m->weights[set] + chosen * VS_MIX_INPUTS;
	x = weigh(m->in, m->chosen[set]);
	if (x > LIMIT)
		x = LIMIT;
	if (x < -LIMIT)
		x = -LIMIT;
	m->answer[set] = vs_squash(x);
	return x;
}

/* Each set by itself, not in a loop: compilers unroll a loop within another,
 * and then take one input at a time.
 */
int32_t vs_mix_guess(struct vs_mix *m, const size_t chosen[static VS_MIX_SETS])
{
	return (ask(m, 0, chosen[0]) + ask(m, 1, chosen[1])) / VS_MIX_SETS;
}

/* in is times the rate. */
static void learn(struct vs_mix *m, size_t set, const int16_t *in, unsigned bit)
{
	int32_t answer = (int32_t)m->answer[set];
	int16_t miss = (int16_t)(((bit ? 65535 : 0) - answer) / 16);
	int32_t *weights = m->chosen[set];

	/* times any input less than 1: no weight would change */
	if (miss * m->rate < MISS_MIN && miss * m->rate > -MISS_MIN)
		return;
	for (size_t i = 0; i < VS_MIX_INPUTS; i++) {
		int32_t w = weights[i] + in[i] * miss / 65536;

		w = w > WEIGHT_LIMIT ? WEIGHT_LIMIT : w;
		w = w < -WEIGHT_LIMIT ? -WEIGHT_LIMIT : w;
		weights[i] = w;
	}
}

void vs_mix_learn(struct vs_mix *m, unsigned bit)
{
	int16_t in[VS_MIX_INPUTS];

	for (size_t i = 0; i < VS_MIX_INPUTS; i++)
		in[i] = (int16_t)(m->in[i] * m->rate);
	learn(m, 0, in, bit);
	learn(m, 1, in, bit);
}
