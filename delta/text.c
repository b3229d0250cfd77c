/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/text.c - the contexts by which bytes and hits are guessed.
 */
#include "delta/text.h"

#include <stdlib.h>
#include <string.h>

#define CONTEXTS (VS_MIX_INPUTS - 1) /* and one input that is always there */
#define BYTE_LOG 18
#define HIT_LOG 16
#define BYTE_RATE 10
#define HIT_RATE 6

static uint32_t mingle(uint32_t a, uint32_t b)
{
	uint32_t h = a * UINT32_C(0x9e3779b1) ^ b * UINT32_C(0x85ebca77);

	h ^= h >> 15;
	h *= UINT32_C(0xc2b2ae3d);
	return h ^ h >> 13;
}

vs_status vs_text_init(struct vs_text *t)
{
	static const size_t byte_sets[VS_MIX_SETS] = {512, 2048};
	static const size_t hit_sets[VS_MIX_SETS] = {256, 1024};
	vs_status status;

	memset(t, 0, sizeof(*t));
	vs_stretch_init(&t->stretch);
	vs_shares_init(&t->shares);
	t->byte_counts =
		calloc((size_t)CONTEXTS << BYTE_LOG, sizeof(*t->byte_counts));
	t->hit_counts =
		calloc((size_t)CONTEXTS << HIT_LOG, sizeof(*t->hit_counts));
	if (!t->byte_counts || !t->hit_counts)
		return VS_ERR_NOMEM;
	status = vs_mix_init(&t->bytes, byte_sets, BYTE_RATE);
	if (status == VS_OK)
		status = vs_mix_init(&t->hits, hit_sets, HIT_RATE);
	return status;
}

void vs_text_drop(struct vs_text *t)
{
	free(t->byte_counts);
	free(t->hit_counts);
	t->byte_counts = NULL;
	t->hit_counts = NULL;
	vs_mix_drop(&t->bytes);
	vs_mix_drop(&t->hits);
}

void vs_text_pass(struct vs_text *t, uint8_t byte)
{
	t->past = t->past << 8 | byte;
}

static uint8_t back(const struct vs_text *t, int n)
{
	return (uint8_t)(t->past >> 8 * (n - 1));
}

static void byte_contexts(const struct vs_text *t, const struct vs_spot *s,
                          uint32_t out[static CONTEXTS])
{
	uint32_t past = (uint32_t)t->past;
	uint32_t place = (uint32_t)s->operand << 8 | (uint32_t)s->part << 4 |
	                 (uint32_t)s->covered << 3;
	uint32_t kind = (uint32_t)s->section << 16 | place;
	uint32_t guess = (uint32_t)s->guess << 1 | s->covered;

	out[0] = mingle(past & 0xff, place);
	out[1] = mingle(past & 0xffff, 0);
	out[2] = mingle(past & 0xffffff, 0);
	out[3] = mingle(guess, kind);
	out[4] = mingle(guess << 8 | (past & 0xff), s->part);
	out[5] = mingle((uint32_t)back(t, 4) << 8 | back(t, 8), 0);
	out[6] = mingle((past >> 8 & 0xffff) << 8 | s->section, 0);
}

static void byte_slots(struct vs_text *t, const uint32_t *contexts,
                       uint32_t nibble, uint16_t **slots)
{
	for (uint32_t i = 0; i < CONTEXTS; i++) {
		uint32_t h = mingle(contexts[i] + nibble, i);

		slots[i] = t->byte_counts + ((size_t)i << BYTE_LOG) +
		           (h >> (32 - BYTE_LOG + 4) << 4);
	}
}

static unsigned byte_bit(struct vs_text *t, struct vs_coder *c,
                         uint16_t **counts, unsigned bit,
                         const size_t chosen[static VS_MIX_SETS])
{
	uint32_t p;

	vs_counts16_stretch(&t->stretch, (const uint16_t *const *)counts,
	                    CONTEXTS, t->bytes.in);
	t->bytes.in[CONTEXTS] = 256;
	p = vs_squash(vs_mix_guess(&t->bytes, chosen));
	bit = vs_coder_bit(c, bit, p);
	vs_counts16_learn(counts, CONTEXTS, bit);
	vs_mix_learn(&t->bytes, bit);
	return bit;
}

uint8_t vs_text_byte(struct vs_text *t, struct vs_coder *c,
                     const struct vs_spot *spot, uint8_t byte)
{
	uint32_t contexts[CONTEXTS];
	uint16_t *slots[CONTEXTS], *counts[CONTEXTS];
	uint32_t node = 1;

	byte_contexts(t, spot, contexts);
	byte_slots(t, contexts, 0, slots);
	for (int i = 7; i >= 0; i--) {
		/* which bits of a nibble are known, behind a leading 1 */
		uint32_t within =
			i > 3 ? node
			      : (node & ((1u << (3 - i)) - 1)) | 1u << (3 - i);
		/* all bits so far are the guess's */
		bool same = (spot->guess | 256u) >> (i + 1) == node;
		uint32_t next = spot->guess >> i & 1;
		size_t chosen[VS_MIX_SETS] = {
			node | (size_t)spot->covered << 8,
			(size_t)spot->operand << 6 | (size_t)spot->part << 3 |
				(same ? 2u | next : next) | (i > 3 ? 4u : 0)};

		if (i == 3)
			byte_slots(t, contexts, node << 8, slots);
		chosen[1] &= 2047;
		for (size_t k = 0; k < CONTEXTS; k++)
			counts[k] = slots[k] + within;
		/* a miss differs somewhere: here at the latest */
		if (i == 0 && spot->covered && same)
			node = node << 1 | (next ^ 1);
		else
			node = node << 1 |
			       byte_bit(t, c, counts, byte >> i & 1, chosen);
	}
	byte = (uint8_t)node;
	if (spot->covered)
		t->last_miss = (uint16_t)(spot->guess << 8 | byte);
	vs_text_pass(t, byte);
	return byte;
}

static uint32_t log_of(uint32_t n)
{
	uint32_t bits = 0;

	while (n >> bits != 0)
		bits++;
	return bits;
}

static void hit_contexts(const struct vs_text *t, const struct vs_spot *s,
                         uint32_t out[static CONTEXTS])
{
	uint32_t scale = s->scale;
	uint32_t place = scale << 24 | (uint32_t)s->operand << 16 |
	                 (uint32_t)s->part << 12 | (uint32_t)s->source << 8;
	uint32_t seen = scale ? t->pieces : t->outcomes;
	uint32_t since = log_of(t->since);

	out[0] = mingle(place, seen & 0xff);
	out[1] = mingle(place | s->guess, 0);
	out[2] = mingle((uint32_t)s->guess << 8 | back(t, 1), scale);
	out[3] = mingle(seen & 0xffff, scale);
	out[4] = mingle((uint32_t)t->past & 0xffff, place);
	out[5] =
		mingle((uint32_t)s->load << 8 | s->section, since << 8 | scale);
	out[6] = mingle((uint32_t)t->last_miss << 8 | s->guess, place);
}

unsigned vs_text_hit(struct vs_text *t, struct vs_coder *c,
                     const struct vs_spot *spot, unsigned hit)
{
	uint32_t contexts[CONTEXTS];
	uint32_t *counts[CONTEXTS];
	uint32_t seen = spot->scale ? t->pieces : t->outcomes;
	size_t chosen[VS_MIX_SETS] = {
		(size_t)(spot->scale * 64u + (seen & 63u)),
		((size_t)spot->scale << 8 | (size_t)(spot->operand & 15) << 4 |
	         (spot->part & 7u) << 1 | (spot->source > 1)) &
			1023};

	hit_contexts(t, spot, contexts);
	for (uint32_t i = 0; i < CONTEXTS; i++)
		counts[i] = t->hit_counts + ((size_t)i << HIT_LOG) +
		            (contexts[i] >> (32 - HIT_LOG));
	vs_counts32_stretch(&t->stretch, (const uint32_t *const *)counts,
	                    CONTEXTS, t->hits.in);
	t->hits.in[CONTEXTS] = 256;
	hit = vs_coder_bit(c, hit, vs_squash(vs_mix_guess(&t->hits, chosen)));
	vs_counts32_learn(&t->shares, counts, CONTEXTS, hit);
	vs_mix_learn(&t->hits, hit);
	if (spot->scale) {
		t->pieces = t->pieces << 1 | hit;
		return hit;
	}
	t->outcomes = t->outcomes << 1 | hit;
	t->since = hit ? t->since + 1 : 0;
	return hit;
}
