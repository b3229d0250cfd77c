/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/number.h - whole numbers, small ones in few bits.
 *
 * A number is its length in bits, then its bits from the second on.  Lengths
 * and the first bits are learnt, the low ones cost what they are.
 */
#ifndef VS_DELTA_NUMBER_H
#define VS_DELTA_NUMBER_H

#include "delta/coder.h"

#define VS_NUMBER_BITS 48 /* numbers are below 2^48 */

struct vs_number {
	uint16_t length[64];                   /* a tree of 6 bits */
	uint16_t first[VS_NUMBER_BITS + 1][8]; /* 3 bits after the highest */
};

void vs_number_init(struct vs_number *n);

/* Encodes value, or gives what was coded; at most max, else the coder's
 * status is VS_ERR_INPUT and 0 is given.
 */
uint64_t vs_number_code(struct vs_number *n, struct vs_coder *c, uint64_t value,
                        uint64_t max);
/* The same for a difference of two numbers below 2^47: never a fault. */
int64_t vs_number_code_signed(struct vs_number *n, struct vs_coder *c,
                              int64_t value);

/* One bit that is learnt; *p begins as 32768. */
unsigned vs_chance_code(uint16_t *p, struct vs_coder *c, unsigned bit);
/* bits of them, highest first; tree has 2^bits entries. */
uint32_t vs_tree_code(uint16_t *tree, struct vs_coder *c, uint32_t value,
                      int bits);

#endif
