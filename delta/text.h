/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/text.h - bytes that nobody predicted, and whether a prediction holds.
 *
 * Two models over one history: vs_text_byte() codes a byte by what stands
 * before it and by what was guessed, vs_text_hit() codes whether a guess was
 * right.  Both learn from what is really there, never from the coded form.
 *
 * Memory: 3.5 MiB for bytes, 1.75 MiB for hits.
 */
#ifndef VS_DELTA_TEXT_H
#define VS_DELTA_TEXT_H

#include "delta/coder.h"
#include "delta/mix.h"

/* What is known of the byte, or of the piece, at hand. */
struct vs_spot {
	bool covered;    /* in a cover: guess was predicted */
	uint8_t guess;   /* else: what stands at the same distance in old */
	uint8_t section; /* enum vs_section */
	uint8_t operand; /* enum vs_operand, 0: none */
	uint8_t part;    /* byte of the operand, from 0 */
	uint8_t source;  /* enum vs_source_of, of the operand's value */
	uint8_t scale;   /* vs_text_hit(): 0 a byte, 1 of 64, 2 of 4096 */
	uint8_t load;    /* of a piece: how much in it is predicted */
};

struct vs_text {
	struct vs_stretch stretch;
	struct vs_shares shares;
	struct vs_mix bytes, hits;
	uint16_t *byte_counts; /* owned */
	uint32_t *hit_counts;  /* owned */
	uint64_t past;         /* the last 8 bytes, newest lowest */
	uint32_t outcomes;     /* of the last 32 hits, newest lowest */
	uint32_t pieces;       /* the same of pieces */
	uint32_t since;        /* bytes since the last miss */
	uint16_t last_miss;    /* guess then byte */
};

vs_status vs_text_init(struct vs_text *t) VS_MUST_CHECK;
void vs_text_drop(struct vs_text *t); /* also of a zeroed one */

/* Codes a byte; takes or gives it. */
uint8_t vs_text_byte(struct vs_text *t, struct vs_coder *c,
                     const struct vs_spot *spot, uint8_t byte);
/* Codes whether spot->guess is right, or all guesses of a piece. */
unsigned vs_text_hit(struct vs_text *t, struct vs_coder *c,
                     const struct vs_spot *spot, unsigned hit);
/* A byte that is known without being coded: history goes on. */
void vs_text_pass(struct vs_text *t, uint8_t byte);

#endif
