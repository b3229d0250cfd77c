/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/mix.c - counters and a mixing of them, in integers.
 */
#include "delta/mix.h"

#include <stdlib.h>

#define LIMIT 2047

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

static void learn16(uint16_t *c, unsigned bit)
{
	int32_t p = *c == 0 ? 2048 : *c >> 4;
	uint32_t count = *c & 15u;
	int32_t step = ((bit ? 4095 : 0) - p) * (int32_t)share[count] / 65536;

	p += step;
	if (count < 15)
		count++;
	*c = (uint16_t)((uint32_t)p << 4 | count);
}

void vs_counts16_learn(uint16_t *const *counts, size_t count, unsigned bit)
{
	for (size_t i = 0; i < count; i++)
		learn16(counts[i], bit);
}

static void learn32(uint32_t *c, unsigned bit, uint32_t limit)
{
	int32_t count = (int32_t)(*c & 1023u);
	int32_t p = *c == 0 ? 1 << 21 : (int32_t)(*c >> 10);
	int32_t aim = bit ? (1 << 22) - 1 : 0;

	p += (aim - p) * 2 / (2 * count + 3);
	if ((uint32_t)count < limit)
		count++;
	*c = (uint32_t)p << 10 | (uint32_t)count;
}

void vs_counts32_learn(uint32_t *const *counts, size_t count, unsigned bit,
                       uint32_t limit)
{
	for (size_t i = 0; i < count; i++)
		learn32(counts[i], bit, limit);
}

vs_status vs_mix_init(struct vs_mix *m, size_t inputs,
                      const size_t sets[static VS_MIX_SETS], int32_t rate)
{
	size_t all = 0;

	*m = (struct vs_mix){.inputs = inputs, .rate = rate};
	for (size_t i = 0; i < VS_MIX_SETS; i++)
		all += sets[i] * inputs;
	m->weights[0] = malloc(all * sizeof(int32_t));
	if (!m->weights[0])
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < all; i++)
		m->weights[0][i] = (int32_t)(65536 * 2 / inputs);
	for (size_t i = 0; i < VS_MIX_SETS; i++) {
		m->sets[i] = sets[i];
		if (i > 0)
			m->weights[i] =
				m->weights[i - 1] + sets[i - 1] * inputs;
	}
	return VS_OK;
}

void vs_mix_drop(struct vs_mix *m)
{
	free(m->weights[0]);
	m->weights[0] = NULL;
}

int32_t vs_mix_guess(struct vs_mix *m, const size_t chosen[static VS_MIX_SETS])
{
	int32_t sum = 0;

	for (size_t i = 0; i < VS_MIX_SETS; i++) {
		int64_t dot = 0;

		m->chosen[i] = m->weights[i] + chosen[i] * m->inputs;
		for (size_t k = 0; k < m->inputs; k++)
			dot += (int64_t)m->in[k] * m->chosen[i][k];
		dot /= 65536;
		if (dot > LIMIT)
			dot = LIMIT;
		if (dot < -LIMIT)
			dot = -LIMIT;
		m->answer[i] = vs_squash((int32_t)dot);
		sum += (int32_t)dot;
	}
	return sum / VS_MIX_SETS;
}

void vs_mix_learn(struct vs_mix *m, unsigned bit)
{
	for (size_t i = 0; i < VS_MIX_SETS; i++) {
		/* of 4096, times the rate */
		int32_t miss = ((bit ? 65535 : 0) - (int32_t)m->answer[i]) /
		               16 * m->rate;

		for (size_t k = 0; k < m->inputs; k++) {
			int32_t w = m->chosen[i][k];

			w += m->in[k] * miss / 65536;
			if (w > 1 << 23)
				w = 1 << 23;
			if (w < -(1 << 23))
				w = -(1 << 23);
			m->chosen[i][k] = w;
		}
	}
}
