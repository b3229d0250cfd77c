/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/code_arm64.c - relative operands of A64 instructions.
 */
#include "delta/operand.h"

#define REACH 8 /* instructions from an adrp to who adds to it */

static bool is_adrp(uint32_t word)
{
	return (word & UINT32_C(0x9f000000)) == UINT32_C(0x90000000);
}

/* add (immediate), ldr and str (unsigned offset): *shift of the immediate. */
static bool adds_low(uint32_t word, uint8_t *shift)
{
	if ((word & UINT32_C(0xffc00000)) == UINT32_C(0x91000000)) {
		*shift = 0;
		return true;
	}
	if ((word & UINT32_C(0x3b000000)) != UINT32_C(0x39000000))
		return false;
	*shift = (uint8_t)(word >> 30);
	/* 128-bit vectors */
	if (word & UINT32_C(0x04000000) && word & UINT32_C(0x00800000))
		*shift = 4;
	return true;
}

static uint32_t word_at(const struct vs_code *code, size_t i)
{
	return (uint32_t)vs_le(code->window->bytes + i, 4);
}

static uint64_t page_of(uint32_t word, uint64_t addr)
{
	uint64_t imm = (uint64_t)(word >> 5 & 0x7ffff) << 2 | (word >> 29 & 3);

	return (addr & ~UINT64_C(0xfff)) +
	       (((imm ^ 0x100000) - 0x100000) << 12);
}

static uint64_t low_of(uint32_t word, uint8_t shift)
{
	return (uint64_t)(word >> 10 & 0xfff) << shift;
}

static int branch_bits(uint32_t word)
{
	if ((word & UINT32_C(0x7c000000)) == UINT32_C(0x14000000))
		return 26; /* b, bl */
	if ((word & UINT32_C(0xff000010)) == UINT32_C(0x54000000) ||
	    (word & UINT32_C(0x7e000000)) == UINT32_C(0x34000000))
		return 19; /* b.cond, cbz, cbnz */
	if ((word & UINT32_C(0x7e000000)) == UINT32_C(0x36000000))
		return 14; /* tbz, tbnz */
	return 0;
}

/* Both halves of an address have the whole one as their target. */
static void add_page(const struct vs_code *code, struct vs_operands *o,
                     size_t i)
{
	uint32_t word = word_at(code, i);
	uint64_t page = page_of(word, code->addr + i);
	struct vs_operand operand = {
		.kind = VS_OPERAND_PAGE, .detail = 12, .target = page};

	for (size_t k = i + 4; k <= i + 4 * REACH && k + 4 <= code->end;
	     k += 4) {
		uint32_t next = word_at(code, k);
		uint8_t shift;

		if (adds_low(next, &shift) && (next >> 5 & 31) == (word & 31)) {
			operand.target = page + low_of(next, shift);
			break;
		}
	}
	vs_code_add(code, o, i, &operand);
}

static void add_low(const struct vs_code *code, struct vs_operands *o, size_t i)
{
	uint32_t word = word_at(code, i);
	uint8_t shift;

	if (!adds_low(word, &shift))
		return;
	for (size_t k = 1; k <= REACH && i >= code->begin + 4 * k; k++) {
		uint32_t page = word_at(code, i - 4 * k);

		if (is_adrp(page) && (page & 31) == (word >> 5 & 31)) {
			const struct vs_operand operand = {
				.kind = VS_OPERAND_LOW,
				.detail = shift,
				.target =
					page_of(page, code->addr + i - 4 * k) +
					low_of(word, shift)};

			vs_code_add(code, o, i, &operand);
			return;
		}
	}
}

static void add_branch(const struct vs_code *code, struct vs_operands *o,
                       size_t i, int bits)
{
	uint32_t word = word_at(code, i);
	uint64_t top = UINT64_C(1) << (bits - 1);
	uint64_t imm = word >> (bits == 26 ? 0 : 5) & (2 * top - 1);
	const struct vs_operand operand = {.kind = VS_OPERAND_BRANCH,
	                                   .detail = (uint8_t)bits,
	                                   .target = code->addr + i +
	                                             ((imm ^ top) - top) * 4};

	vs_code_add(code, o, i, &operand);
}

void vs_code_arm64(const struct vs_code *code, struct vs_operands *o)
{
	size_t i = code->begin;

	i += (size_t)(-(code->addr + i) & 3);
	for (; i + 4 <= code->end; i += 4) {
		uint32_t word = word_at(code, i);
		int bits = branch_bits(word);

		if (bits > 0)
			add_branch(code, o, i, bits);
		else if (is_adrp(word))
			add_page(code, o, i);
		else
			add_low(code, o, i);
	}
}
