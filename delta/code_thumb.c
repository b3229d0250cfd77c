/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/code_thumb.c - bl and b.w of Thumb-2, and words that are addresses.
 */
#include "delta/operand.h"

static bool is_branch(const uint8_t *b)
{
	return (b[1] & 0xf8) == 0xf0 && (b[3] & 0x90) == 0x90;
}

static uint64_t target_of(const uint8_t *b, uint64_t addr)
{
	const struct vs_operand operand = {.kind = VS_OPERAND_THUMB, .len = 4};
	uint64_t target = 0;

	(void)vs_operand_get(&operand, addr, 0, b, &target);
	return target;
}

void vs_code_thumb(const struct vs_code *code, struct vs_operands *o)
{
	const struct vs_window *w = code->window;
	size_t i = code->begin;

	i += (size_t)((code->addr + i) & 1);
	while (i + 4 <= code->end) {
		uint64_t addr = code->addr + i;
		struct vs_operand operand = {.len = 4,
		                             .place = w->place + (uint32_t)i};

		if (is_branch(w->bytes + i)) {
			operand.kind = VS_OPERAND_THUMB;
			operand.target = target_of(w->bytes + i, addr);
		} else if (addr % 4 == 0) {
			operand.kind = VS_OPERAND_WORD32;
			operand.target = vs_le(w->bytes + i, 4);
		}
		if (operand.kind != VS_OPERAND_NONE &&
		    vs_elf_by_addr(code->elf, operand.target)) {
			vs_operands_add(o, w, &operand);
			i += 4;
		} else {
			i += 2;
		}
	}
}
