/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/number.c - whole numbers by length and bits.
 */
#include "delta/number.h"

#define EVEN 32768
#define LEARNT 3 /* bits after the highest */

void vs_number_init(struct vs_number *n)
{
	for (size_t i = 0; i < sizeof(n->length) / sizeof(n->length[0]); i++)
		n->length[i] = EVEN;
	for (size_t i = 0; i <= VS_NUMBER_BITS; i++)
		for (size_t k = 0; k < 8; k++)
			n->first[i][k] = EVEN;
}

unsigned vs_chance_code(uint16_t *p, struct vs_coder *c, unsigned bit)
{
	uint32_t one = *p < 64 ? 64 : *p > 65472 ? 65472 : *p;

	bit = vs_coder_bit(c, bit, one);
	if (bit)
		*p = (uint16_t)(*p + (65535 - *p) / 16);
	else
		*p = (uint16_t)(*p - *p / 16);
	return bit;
}

uint32_t vs_tree_code(uint16_t *tree, struct vs_coder *c, uint32_t value,
                      int bits)
{
	uint32_t node = 1;

	for (int i = bits - 1; i >= 0; i--)
		node = node << 1 |
		       vs_chance_code(&tree[node], c, value >> i & 1);
	return node - (UINT32_C(1) << bits);
}

static uint32_t length_of(uint64_t value)
{
	uint32_t bits = 0;

	while (bits < 63 && value >> bits != 0)
		bits++;
	return bits;
}

static uint64_t code_bits(struct vs_number *n, struct vs_coder *c,
                          uint64_t value, uint32_t len)
{
	uint64_t out = 1;
	uint32_t node = 1;

	for (uint32_t i = 1; i < len; i++) {
		unsigned bit = (unsigned)(value >> (len - 1 - i) & 1);

		if (i <= LEARNT) {
			bit = vs_chance_code(&n->first[len][node & 7], c, bit);
			node = node << 1 | bit;
		} else {
			bit = vs_coder_bit(c, bit, EVEN);
		}
		out = out << 1 | bit;
	}
	return out;
}

uint64_t vs_number_code(struct vs_number *n, struct vs_coder *c, uint64_t value,
                        uint64_t max)
{
	uint32_t len =
		vs_tree_code(n->length, c, c->encode ? length_of(value) : 0, 6);
	uint64_t out = 0;

	if (len <= VS_NUMBER_BITS && len > 0)
		out = code_bits(n, c, value, len);
	if (len > VS_NUMBER_BITS || out > max) {
		if (c->status == VS_OK)
			c->status = VS_ERR_INPUT;
		return 0;
	}
	return out;
}

int64_t vs_number_code_signed(struct vs_number *n, struct vs_coder *c,
                              int64_t value)
{
	uint64_t folded = value < 0 ? (uint64_t)(-(value + 1)) * 2 + 1
	                            : (uint64_t)value * 2;

	folded = vs_number_code(n, c, folded,
	                        (UINT64_C(1) << VS_NUMBER_BITS) - 1);
	return folded & 1 ? -(int64_t)(folded / 2) - 1 : (int64_t)(folded / 2);
}
