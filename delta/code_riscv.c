/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/code_riscv.c - jal, and auipc with those that add to it, of RV64GC.
 */
#include "delta/operand.h"

#define REACH 32 /* bytes from an auipc to who adds to it */

static uint32_t word_at(const struct vs_code *code, size_t i)
{
	return (uint32_t)vs_le(code->window->bytes + i, 4);
}

static bool is_whole(const struct vs_code *code, size_t i)
{
	return i + 4 <= code->end && (code->window->bytes[i] & 3) == 3;
}

static bool is_auipc(uint32_t word)
{
	return (word & 0x7f) == 0x17;
}

/* addi, addiw, jalr, loads; stores keep their number in two parts. */
static bool adds_low(uint32_t word, bool *stores)
{
	uint32_t code = word & 0x7f;

	*stores = code == 0x23 || code == 0x27;
	return *stores || code == 0x67 || code == 0x03 || code == 0x07 ||
	       ((code == 0x13 || code == 0x1b) && (word & 0x7000) == 0);
}

static uint64_t low_of(uint32_t word, bool stores)
{
	uint64_t imm =
		stores ? (word >> 25) << 5 | (word >> 7 & 31) : word >> 20;

	return (imm ^ 0x800) - 0x800;
}

static uint64_t high_of(uint32_t word)
{
	return ((uint64_t)(word & UINT32_C(0xfffff000)) ^ 0x80000000) -
	       0x80000000;
}

/* Both halves of an address have the whole one as their target. */
static void add_high(const struct vs_code *code, struct vs_operands *o,
                     size_t i)
{
	uint32_t word = word_at(code, i);
	struct vs_operand operand = {.kind = VS_OPERAND_HIGH};

	for (size_t k = i + 4; k <= i + REACH && k + 4 <= code->end; k += 2) {
		uint32_t next = word_at(code, k);
		bool stores;

		if (!is_whole(code, k) || !adds_low(next, &stores) ||
		    (next >> 15 & 31) != (word >> 7 & 31))
			continue;
		operand.target =
			code->addr + i + high_of(word) + low_of(next, stores);
		vs_code_add(code, o, i, &operand);
		return;
	}
}

static void add_rest(const struct vs_code *code, struct vs_operands *o,
                     size_t i)
{
	uint32_t word = word_at(code, i);
	bool stores;

	if (!adds_low(word, &stores))
		return;
	for (size_t k = 2; k <= REACH && i >= code->begin + k; k += 2) {
		uint32_t high = word_at(code, i - k);
		uint64_t from = code->addr + i - k;
		struct vs_operand operand = {.kind = VS_OPERAND_REST,
		                             .detail = stores,
		                             .base = from};

		if (!is_auipc(high) || (high >> 7 & 31) != (word >> 15 & 31))
			continue;
		operand.target = from + high_of(high) + low_of(word, stores);
		vs_code_add(code, o, i, &operand);
		return;
	}
}

void vs_code_riscv(const struct vs_code *code, struct vs_operands *o)
{
	size_t i = code->begin + (size_t)((code->addr + code->begin) & 1);

	while (i + 4 <= code->end) {
		uint32_t word = word_at(code, i);
		struct vs_operand jump = {.kind = VS_OPERAND_JAL, .len = 4};

		if (!is_whole(code, i)) {
			i += 2;
			continue;
		}
		if ((word & 0x7f) == 0x6f &&
		    vs_operand_get(&jump, code->addr + i, 0,
		                   code->window->bytes + i, &jump.target))
			vs_code_add(code, o, i, &jump);
		else if (is_auipc(word))
			add_high(code, o, i);
		else
			add_rest(code, o, i);
		i += 4;
	}
}
