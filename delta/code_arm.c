/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/code_arm.c - 32-bit Arm files: A32 and Thumb-2, which one program may
 * mix.
 *
 * Nothing that both sides have says which is where, so the words do: nearly
 * every A32 instruction is unconditional, and begins with 14.
 */
#include "delta/operand.h"

#define GROUP 64 /* bytes that are judged together */

static bool is_a32(const struct vs_code *code, size_t from, size_t end)
{
	size_t always = 0, words = 0;

	for (size_t i = from; i + 4 <= end; i += 4, words++)
		always += code->window->bytes[i + 3] >> 4 == 14;
	return always * 2 > words;
}

static void find_a32(const struct vs_code *code, struct vs_operands *o)
{
	const struct vs_window *w = code->window;

	for (size_t i = code->begin; i + 4 <= code->end; i += 4) {
		uint32_t word = (uint32_t)vs_le(w->bytes + i, 4);
		struct vs_operand operand = {.kind = VS_OPERAND_WORD32,
		                             .len = 4,
		                             .place = w->place + (uint32_t)i,
		                             .target = word};

		/* b and bl, under any condition */
		if ((word & UINT32_C(0x0e000000)) == UINT32_C(0x0a000000) &&
		    word >> 28 != 15) {
			operand.kind = VS_OPERAND_ARM;
			(void)vs_operand_get(&operand, code->addr + i, 0,
			                     w->bytes + i, &operand.target);
		}
		if (vs_elf_by_addr(code->elf, operand.target))
			vs_operands_add(o, w, &operand);
	}
}

void vs_code_arm(const struct vs_code *code, struct vs_operands *o)
{
	struct vs_code part = *code;
	size_t i = code->begin + (size_t)(-(code->addr + code->begin) & 3);

	while (i < code->end) {
		size_t end = i + GROUP - (size_t)((code->addr + i) % GROUP);
		bool a32;

		end = end < code->end ? end : code->end;
		a32 = is_a32(code, i, end);
		/* together with those after it that are alike, so that no
		 * Thumb-2 instruction is cut in two */
		for (part.begin = i; end < code->end; end = i) {
			i = end + GROUP < code->end ? end + GROUP : code->end;
			if (is_a32(code, end, i) != a32)
				break;
		}
		part.end = end;
		i = end;
		if (a32)
			find_a32(&part, o);
		else
			vs_code_thumb(&part, o);
	}
}
