/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/elf_test.c - which section has an address, which instruction an
 * operand.
 */
#include "delta/operand.h"
#include "tests/delta/fixture.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CODE_ADDR 0x400000
#define DATA_ADDR 0x500000

/* One by one, as nobody would do it who has many to look up. */
static const struct vs_section_row *by_hand(const struct vs_elf *e,
                                            uint64_t addr, bool place)
{
	for (size_t i = 0; i < e->count; i++) {
		uint64_t from = place ? e->rows[i].at : e->rows[i].addr;

		if (place && e->rows[i].kind == VS_SECTION_BSS)
			continue;
		if (addr >= from && addr - from < e->rows[i].len)
			return &e->rows[i];
	}
	return NULL;
}

/* Sections in any order, with and without gaps, some without bytes. */
static void random_sections(struct vs_elf *e, uint32_t *seed)
{
	uint32_t at = 0, addr = 4096;

	memset(e, 0, sizeof(*e));
	e->count = next_number(seed) % (VS_SECTIONS_MAX + 1);
	for (size_t i = 0; i < e->count; i++) {
		struct vs_section_row *row = &e->rows[i];
		uint32_t len = next_number(seed) % 3 * 7;

		at += next_number(seed) % 3 * 5;
		addr += next_number(seed) % 3 * 4;
		*row = (struct vs_section_row){VS_SECTION_CODE, addr, at, len};
		if (next_number(seed) % 4 == 0)
			row->kind = VS_SECTION_BSS;
		at += len;
		addr += len;
	}
	for (size_t i = 0; i + 1 < e->count; i++) {
		size_t other = i + next_number(seed) % (e->count - i);
		struct vs_section_row row = e->rows[i];

		e->rows[i] = e->rows[other];
		e->rows[other] = row;
	}
}

static void each_address_is_found_in_its_section(void **state)
{
	uint32_t seed = 3;
	struct vs_elf e;

	(void)state;
	for (int round = 0; round < 300; round++) {
		random_sections(&e, &seed);
		vs_elf_index(&e);
		for (uint32_t addr = 0; addr < 6000; addr++) {
			const struct vs_section_row *row =
				by_hand(&e, addr, false);

			assert_ptr_equal(vs_elf_by_addr(&e, addr), row);
			row = by_hand(&e, addr, true);
			assert_ptr_equal(vs_elf_by_place(&e, addr), row);
		}
	}
}

struct instruction {
	const char *text;
	uint8_t bytes[12];
	size_t len;
	enum vs_operand_kind kind; /* NONE: it has no such operand */
	size_t at;                 /* of the operand */
};

/* Displacements lead into data (0x500000) or code, from 0x400000 on. */
/* clang-format off */
static const struct instruction instructions[] = {
	{"call", {0xe8, 0x10, 0, 0, 0}, 5, VS_OPERAND_CALL, 1},
	{"call to data", {0xe8, 0, 0, 0x10, 0}, 5, VS_OPERAND_NONE, 0},
	{"jmp", {0xe9, 0x10, 0, 0, 0}, 5, VS_OPERAND_CALL, 1},
	{"jne", {0x0f, 0x85, 0x10, 0, 0, 0}, 6, VS_OPERAND_JUMP, 2},
	{"lea", {0x48, 0x8d, 0x05, 0, 0, 0x10, 0}, 7, VS_OPERAND_DATA, 3},
	{"lea, not by the counter", {0x48, 0x8d, 0x45, 0, 0, 0x10, 0},
	 7, VS_OPERAND_NONE, 0},
	{"lea to nowhere", {0x48, 0x8d, 0x05, 0, 0, 0, 0x10},
	 7, VS_OPERAND_NONE, 0},
	{"cmpl $imm32", {0x81, 0x3d, 0, 0, 0x10, 0, 9, 9, 9, 9},
	 10, VS_OPERAND_DATA, 2},
	{"cmpw $imm16", {0x66, 0x81, 0x3d, 0, 0, 0x10, 0, 9, 9},
	 9, VS_OPERAND_DATA, 3},
	{"testb $imm8", {0xf6, 0x05, 0, 0, 0x10, 0, 9}, 7, VS_OPERAND_DATA, 2},
	{"notb", {0xf6, 0x15, 0, 0, 0x10, 0}, 6, VS_OPERAND_DATA, 2},
	{"testl $imm32", {0xf7, 0x05, 0, 0, 0x10, 0, 9, 9, 9, 9},
	 10, VS_OPERAND_DATA, 2},
	{"movzbl", {0x0f, 0xb6, 0x05, 0, 0, 0x10, 0}, 7, VS_OPERAND_DATA, 3},
	{"pshufd $imm8", {0x66, 0x0f, 0x70, 0x05, 0, 0, 0x10, 0, 9},
	 9, VS_OPERAND_DATA, 4},
	{"pshufb", {0x66, 0x0f, 0x38, 0x00, 0x05, 0, 0, 0x10, 0},
	 9, VS_OPERAND_DATA, 5},
	{"palignr $imm8", {0x66, 0x0f, 0x3a, 0x0f, 0x05, 0, 0, 0x10, 0, 9},
	 10, VS_OPERAND_DATA, 5},
	{"vmovaps", {0xc5, 0xf8, 0x28, 0x05, 0, 0, 0x10, 0},
	 8, VS_OPERAND_DATA, 4},
	{"vpalignr $imm8", {0xc4, 0xe3, 0x71, 0x0f, 0x05, 0, 0, 0x10, 0, 9},
	 10, VS_OPERAND_DATA, 5},
	{"nop", {0x90, 0x90, 0x90, 0x90, 0x90}, 5, VS_OPERAND_NONE, 0},
};
/* clang-format on */

/* S0.31: the target is from the instruction's end, immediates included */
static void an_instructions_operand_is_found_with_its_target(void **state)
{
	static struct vs_operands found;
	struct vs_elf e = {.arch = VS_ARCH_X86_64, .wide = true, .count = 2};

	(void)state;
	e.rows[0] =
		(struct vs_section_row){VS_SECTION_CODE, CODE_ADDR, 0, 4096};
	e.rows[1] =
		(struct vs_section_row){VS_SECTION_DATA, DATA_ADDR, 8192, 4096};
	vs_elf_index(&e);
	for (size_t i = 0; i < sizeof(instructions) / sizeof(*instructions);
	     i++) {
		const struct instruction *x = &instructions[i];
		uint8_t bytes[64];
		const struct vs_window w = {bytes, 0, sizeof(bytes), 0,
		                            sizeof(bytes)};
		uint64_t off;

		memset(bytes, 0x90, sizeof(bytes));
		memcpy(bytes, x->bytes, x->len);
		vs_operands_find(&found, &w, &e, NULL);
		if (found.count != (x->kind != VS_OPERAND_NONE))
			fail_msg("%s", x->text);
		if (x->kind == VS_OPERAND_NONE)
			continue;
		off = vs_le(x->bytes + x->at, 4);
		if (found.list[0].kind != x->kind ||
		    found.list[0].place != x->at ||
		    found.list[0].target != CODE_ADDR + x->len + off)
			fail_msg("%s", x->text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_is_found_in_its_section),
		cmocka_unit_test(
			an_instructions_operand_is_found_with_its_target),
	};

	return cmocka_run_group_tests_name("delta elf", tests, NULL, NULL);
}
