/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/operand_test.c - which bytes hold an address, which one, and how
 * they look when it has moved.
 *
 * Instructions are as an assembler (LLVM 14) writes them at 0x400000, before
 * and after.
 */
#include "delta/operand.h"
#include "tests/delta/fixture.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CODE_ADDR 0x400000
#define DATA_ADDR 0x500000
#define SECTION_LEN 0x100000 /* of each: no gap */
#define WINDOW 64

struct expected {
	enum vs_operand_kind kind;
	size_t at; /* in the bytes */
	uint64_t target, moved;
};

struct instruction {
	enum vs_arch arch;
	const char *text;
	uint8_t bytes[12];
	size_t len;
	uint8_t after[12];           /* with all operands moved */
	struct expected operands[2]; /* up to the first NONE */
};

/* clang-format off */
static const struct instruction instructions[] = {
	{VS_ARCH_X86_64, "call", {0xe8, 0x10, 0, 0, 0}, 5,
	 {0xe8, 0xfb, 0xff, 0xff, 0xff},
	 {{VS_OPERAND_CALL, 1, 0x400015, 0x400000}}},
	{VS_ARCH_X86_64, "call to data", {0xe8, 0, 0, 0x10, 0}, 5,
	 {0xe8, 0, 0, 0x10, 0}, {{VS_OPERAND_NONE, 0, 0, 0}}},
	{VS_ARCH_X86_64, "jmp", {0xe9, 0x10, 0, 0, 0}, 5,
	 {0xe9, 0x20, 0, 0, 0},
	 {{VS_OPERAND_CALL, 1, 0x400015, 0x400025}}},
	{VS_ARCH_X86_64, "jne", {0x0f, 0x85, 0x10, 0, 0, 0}, 6,
	 {0x0f, 0x85, 0x20, 0, 0, 0},
	 {{VS_OPERAND_JUMP, 2, 0x400016, 0x400026}}},
	{VS_ARCH_X86_64, "lea", {0x48, 0x8d, 0x05, 0, 0, 0x10, 0}, 7,
	 {0x48, 0x8d, 0x05, 1, 0, 0x10, 0},
	 {{VS_OPERAND_DATA, 3, 0x500007, 0x500008}}},
	{VS_ARCH_X86_64, "lea, not by the counter",
	 {0x48, 0x8d, 0x45, 0, 0, 0x10, 0}, 7,
	 {0x48, 0x8d, 0x45, 0, 0, 0x10, 0}, {{VS_OPERAND_NONE, 0, 0, 0}}},
	{VS_ARCH_X86_64, "lea to nowhere", {0x48, 0x8d, 0x05, 0, 0, 0, 0x10},
	 7, {0x48, 0x8d, 0x05, 0, 0, 0, 0x10}, {{VS_OPERAND_NONE, 0, 0, 0}}},
	{VS_ARCH_X86_64, "cmpl $imm32",
	 {0x81, 0x3d, 0, 0, 0x10, 0, 9, 9, 9, 9}, 10,
	 {0x81, 0x3d, 4, 0, 0x10, 0, 9, 9, 9, 9},
	 {{VS_OPERAND_DATA, 2, 0x50000a, 0x50000e}}},
	{VS_ARCH_X86_64, "cmpw $imm16",
	 {0x66, 0x81, 0x3d, 0, 0, 0x10, 0, 9, 9}, 9,
	 {0x66, 0x81, 0x3d, 4, 0, 0x10, 0, 9, 9},
	 {{VS_OPERAND_DATA, 3, 0x500009, 0x50000d}}},
	{VS_ARCH_X86_64, "testb $imm8", {0xf6, 0x05, 0, 0, 0x10, 0, 9}, 7,
	 {0xf6, 0x05, 4, 0, 0x10, 0, 9},
	 {{VS_OPERAND_DATA, 2, 0x500007, 0x50000b}}},
	{VS_ARCH_X86_64, "notb", {0xf6, 0x15, 0, 0, 0x10, 0}, 6,
	 {0xf6, 0x15, 4, 0, 0x10, 0},
	 {{VS_OPERAND_DATA, 2, 0x500006, 0x50000a}}},
	{VS_ARCH_X86_64, "testl $imm32",
	 {0xf7, 0x05, 0, 0, 0x10, 0, 9, 9, 9, 9}, 10,
	 {0xf7, 0x05, 4, 0, 0x10, 0, 9, 9, 9, 9},
	 {{VS_OPERAND_DATA, 2, 0x50000a, 0x50000e}}},
	{VS_ARCH_X86_64, "movzbl", {0x0f, 0xb6, 0x05, 0, 0, 0x10, 0}, 7,
	 {0x0f, 0xb6, 0x05, 4, 0, 0x10, 0},
	 {{VS_OPERAND_DATA, 3, 0x500007, 0x50000b}}},
	{VS_ARCH_X86_64, "pshufd $imm8",
	 {0x66, 0x0f, 0x70, 0x05, 0, 0, 0x10, 0, 9}, 9,
	 {0x66, 0x0f, 0x70, 0x05, 4, 0, 0x10, 0, 9},
	 {{VS_OPERAND_DATA, 4, 0x500009, 0x50000d}}},
	{VS_ARCH_X86_64, "pshufb",
	 {0x66, 0x0f, 0x38, 0x00, 0x05, 0, 0, 0x10, 0}, 9,
	 {0x66, 0x0f, 0x38, 0x00, 0x05, 4, 0, 0x10, 0},
	 {{VS_OPERAND_DATA, 5, 0x500009, 0x50000d}}},
	{VS_ARCH_X86_64, "palignr $imm8",
	 {0x66, 0x0f, 0x3a, 0x0f, 0x05, 0, 0, 0x10, 0, 9}, 10,
	 {0x66, 0x0f, 0x3a, 0x0f, 0x05, 4, 0, 0x10, 0, 9},
	 {{VS_OPERAND_DATA, 5, 0x50000a, 0x50000e}}},
	{VS_ARCH_X86_64, "vmovaps", {0xc5, 0xf8, 0x28, 0x05, 0, 0, 0x10, 0}, 8,
	 {0xc5, 0xf8, 0x28, 0x05, 4, 0, 0x10, 0},
	 {{VS_OPERAND_DATA, 4, 0x500008, 0x50000c}}},
	{VS_ARCH_X86_64, "vpalignr $imm8",
	 {0xc4, 0xe3, 0x71, 0x0f, 0x05, 0, 0, 0x10, 0, 9}, 10,
	 {0xc4, 0xe3, 0x71, 0x0f, 0x05, 4, 0, 0x10, 0, 9},
	 {{VS_OPERAND_DATA, 5, 0x50000a, 0x50000e}}},
	{VS_ARCH_X86_64, "nop", {0x90, 0x90, 0x90, 0x90, 0x90}, 5,
	 {0x90, 0x90, 0x90, 0x90, 0x90}, {{VS_OPERAND_NONE, 0, 0, 0}}},

	{VS_ARCH_ARM64, "bl", {0x04, 0, 0, 0x94}, 4, {0xfc, 0xff, 0xff, 0x97},
	 {{VS_OPERAND_BRANCH, 0, 0x400010, 0x3ffff0}}},
	{VS_ARCH_ARM64, "b.ne", {0x81, 0, 0, 0x54}, 4, {0x01, 0x01, 0, 0x54},
	 {{VS_OPERAND_BRANCH, 0, 0x400010, 0x400020}}},
	{VS_ARCH_ARM64, "cbz", {0x83, 0, 0, 0xb4}, 4, {0x03, 0xff, 0xff, 0xb4},
	 {{VS_OPERAND_BRANCH, 0, 0x400010, 0x3fffe0}}},
	{VS_ARCH_ARM64, "tbz", {0x83, 0, 0x20, 0x36}, 4, {0x03, 1, 0x20, 0x36},
	 {{VS_OPERAND_BRANCH, 0, 0x400010, 0x400020}}},
	{VS_ARCH_ARM64, "adrp, add", {0, 8, 0, 0x90, 0, 0x40, 0, 0x91}, 8,
	 {0, 8, 0, 0xb0, 0, 0x80, 0, 0x91},
	 {{VS_OPERAND_PAGE, 0, 0x500010, 0x501020},
	  {VS_OPERAND_LOW, 4, 0x500010, 0x501020}}},
	{VS_ARCH_ARM64, "adrp, ldr x1", {0, 8, 0, 0x90, 1, 0x0c, 0x40, 0xf9}, 8,
	 {0, 8, 0, 0xb0, 1, 0x14, 0x40, 0xf9},
	 {{VS_OPERAND_PAGE, 0, 0x500018, 0x501028},
	  {VS_OPERAND_LOW, 4, 0x500018, 0x501028}}},
	{VS_ARCH_ARM64, "adrp, ldr q1", {0, 8, 0, 0x90, 1, 8, 0xc0, 0x3d}, 8,
	 {0, 8, 0, 0xb0, 1, 0x0c, 0xc0, 0x3d},
	 {{VS_OPERAND_PAGE, 0, 0x500020, 0x501030},
	  {VS_OPERAND_LOW, 4, 0x500020, 0x501030}}},
	{VS_ARCH_ARM64, "adrp, strb", {0, 8, 0, 0x90, 1, 0x0c, 0, 0x39}, 8,
	 {0, 8, 0, 0xb0, 1, 0x10, 0, 0x39},
	 {{VS_OPERAND_PAGE, 0, 0x500003, 0x501004},
	  {VS_OPERAND_LOW, 4, 0x500003, 0x501004}}},
	{VS_ARCH_ARM64, "add, of no adrp", {0x41, 0x0c, 0, 0x91}, 4,
	 {0x41, 0x0c, 0, 0x91}, {{VS_OPERAND_NONE, 0, 0, 0}}},

	{VS_ARCH_THUMB, "bl", {0, 0xf0, 6, 0xf8}, 4, {0xff, 0xf7, 0xf6, 0xff},
	 {{VS_OPERAND_THUMB, 0, 0x400010, 0x3ffff0}}},
	{VS_ARCH_THUMB, "b.w", {0, 0xf0, 6, 0xb8}, 4, {0xff, 0xf3, 0xfe, 0xbf},
	 {{VS_OPERAND_THUMB, 0, 0x400010, 0x800000}}},
	{VS_ARCH_THUMB, "a word", {0x10, 0, 0x50, 0}, 4, {0x20, 0, 0x50, 0},
	 {{VS_OPERAND_WORD32, 0, 0x500010, 0x500020}}},
	{VS_ARCH_THUMB, "a word across", {0, 0xbf, 0x10, 0, 0x50, 0, 0, 0xbf},
	 8, {0, 0xbf, 0x10, 0, 0x50, 0, 0, 0xbf}, {{VS_OPERAND_NONE, 0, 0, 0}}},

	{VS_ARCH_ARM, "bl", {2, 0, 0, 0xeb}, 4, {0xfa, 0xff, 0xff, 0xeb},
	 {{VS_OPERAND_ARM, 0, 0x400010, 0x3ffff0}}},
	{VS_ARCH_ARM, "blne", {2, 0, 0, 0x1b}, 4, {6, 0, 0, 0x1b},
	 {{VS_OPERAND_ARM, 0, 0x400010, 0x400020}}},
	{VS_ARCH_ARM, "b", {6, 0, 0, 0xea}, 4, {2, 0, 0, 0xea},
	 {{VS_OPERAND_ARM, 0, 0x400020, 0x400010}}},
	{VS_ARCH_ARM, "a word", {0x10, 0, 0x50, 0}, 4, {0x20, 0, 0x50, 0},
	 {{VS_OPERAND_WORD32, 0, 0x500010, 0x500020}}},

	{VS_ARCH_RISCV, "jal ra", {0xef, 0, 0, 1}, 4, {0xef, 0xf0, 0x1f, 0xff},
	 {{VS_OPERAND_JAL, 0, 0x400010, 0x3ffff0}}},
	{VS_ARCH_RISCV, "j", {0x6f, 0, 0, 1}, 4, {0x6f, 0, 0x10, 0},
	 {{VS_OPERAND_JAL, 0, 0x400010, 0x400800}}},
	{VS_ARCH_RISCV, "auipc, addi",
	 {0x17, 5, 0x10, 0, 0x13, 5, 5, 1}, 8,
	 {0x17, 5, 0x10, 0, 0x13, 5, 0xc5, 0xff},
	 {{VS_OPERAND_HIGH, 0, 0x500010, 0x4ffffc},
	  {VS_OPERAND_REST, 4, 0x500010, 0x4ffffc}}},
	{VS_ARCH_RISCV, "auipc, sd",
	 {0x17, 5, 0x10, 0, 0x23, 0x34, 0xb5, 2}, 8,
	 {0x17, 0x15, 0x10, 0, 0x23, 0x3c, 0xb5, 0xfe},
	 {{VS_OPERAND_HIGH, 0, 0x500028, 0x500ff8},
	  {VS_OPERAND_REST, 4, 0x500028, 0x500ff8}}},
	{VS_ARCH_RISCV, "auipc, of nobody", {0x17, 5, 0x10, 0}, 4,
	 {0x17, 5, 0x10, 0}, {{VS_OPERAND_NONE, 0, 0, 0}}},
};

/* One that does nothing, for each architecture, in four bytes. */
static const uint8_t nops[VS_ARCH_COUNT][4] = {
	[VS_ARCH_X86_64] = {0x90, 0x90, 0x90, 0x90},
	[VS_ARCH_ARM64] = {0x1f, 0x20, 0x03, 0xd5},
	[VS_ARCH_THUMB] = {0x00, 0xbf, 0x00, 0xbf},
	[VS_ARCH_ARM] = {0x00, 0xf0, 0x20, 0xe3},
	[VS_ARCH_RISCV] = {0x13, 0x00, 0x00, 0x00},
};
/* clang-format on */

static struct vs_elf elf_of(enum vs_arch arch, enum vs_section kind)
{
	struct vs_elf e = {.arch = arch, .count = 2};

	e.wide = arch != VS_ARCH_ARM && arch != VS_ARCH_THUMB;
	e.rows[0] = (struct vs_section_row){kind, CODE_ADDR, 0, SECTION_LEN};
	e.rows[1] = (struct vs_section_row){VS_SECTION_DATA, DATA_ADDR,
	                                    SECTION_LEN, SECTION_LEN};
	vs_elf_index(&e);
	return e;
}

static void find(const struct vs_elf *e, const uint8_t *bytes, size_t len,
                 const struct vs_frames *frames, struct vs_operands *found)
{
	const struct vs_window w = {bytes, 0, len, 0, (uint32_t)len};

	vs_operands_find(found, &w, e, frames);
}

static size_t count_of(const struct expected *list, size_t most)
{
	size_t n = 0;

	while (n < most && list[n].kind != VS_OPERAND_NONE)
		n++;
	return n;
}

/* S0.31: of an x86-64 one the target is from its end, immediates included */
static void an_instructions_operand_is_found_with_its_target(void **state)
{
	static struct vs_operands found;

	(void)state;
	for (size_t i = 0; i < sizeof(instructions) / sizeof(*instructions);
	     i++) {
		const struct instruction *x = &instructions[i];
		const struct vs_elf e = elf_of(x->arch, VS_SECTION_CODE);
		uint8_t bytes[WINDOW];

		for (size_t k = 0; k < WINDOW; k++)
			bytes[k] = nops[x->arch][k % 4];
		memcpy(bytes, x->bytes, x->len);
		find(&e, bytes, WINDOW, NULL, &found);
		if (found.count != count_of(x->operands, 2))
			fail_msg("%s: %zu operands", x->text, found.count);
		for (size_t k = 0; k < found.count; k++) {
			const struct vs_operand *o = &found.list[k];

			if (o->kind != x->operands[k].kind || o->len != 4 ||
			    o->place != x->operands[k].at ||
			    o->target != x->operands[k].target)
				fail_msg("%s: operand %zu", x->text, k);
			vs_operand_put(o, CODE_ADDR + o->place, CODE_ADDR,
			               x->operands[k].moved, bytes + o->place);
		}
		if (memcmp(bytes, x->after, x->len) != 0)
			fail_msg("%s: moved", x->text);
	}
}

/* A table's bytes, 64 bits each, or two times 32; and what is in it. */
struct table {
	const char *text;
	enum vs_section kind;
	uint64_t bytes[8];
	size_t len;
	struct expected operands[5]; /* up to the first NONE */
};

#define PAIR(low, high) ((uint64_t)(uint32_t)(high) << 32 | (uint32_t)(low))

/* clang-format off */
static const struct table tables[] = {
	{"pointers", VS_SECTION_DATA, {0x500010, 7, 0x400000, 0x600000}, 32,
	 {{VS_OPERAND_WORD64, 0, 0x500010, 0x500018},
	  {VS_OPERAND_WORD64, 16, 0x400000, 0x400010}}},
	/* R_X86_64_RELATIVE with its addend, R_X86_64_GLOB_DAT without */
	{"relocations", VS_SECTION_RELA,
	 {0x500010, 8, 0x400020, 0x500018, PAIR(6, 3), 0x400030}, 48,
	 {{VS_OPERAND_WORD64, 0, 0x500010, 0x500020},
	  {VS_OPERAND_WORD64, 16, 0x400020, 0x400028},
	  {VS_OPERAND_WORD64, 24, 0x500018, 0x500028}}},
	{"symbols", VS_SECTION_DYNSYM,
	 {0, 0, 0, PAIR(1, 0x12), 0x400020, 0x30}, 48,
	 {{VS_OPERAND_WORD64, 32, 0x400020, 0x400040},
	  {VS_OPERAND_SIZE64, 40, 0x40004f, 0x40008f}}},
	{"a header of unwind tables", VS_SECTION_EH_HDR,
	 {PAIR(0x3b031b01, 0x1000), PAIR(1, -0x100), 0x2000}, 20,
	 {{VS_OPERAND_HERE, 4, 0x401004, 0x402004},
	  {VS_OPERAND_TABLE, 12, 0x3fff00, 0x3ffe00},
	  {VS_OPERAND_TABLE, 16, 0x402000, 0x402100}}},
	/* a CIE of 16 bytes, and a function of 0x40 bytes */
	{"unwind tables", VS_SECTION_EH_FRAME,
	 {PAIR(12, 0), 0, PAIR(12, 20), PAIR(0x3000 - 24, 0x40)}, 32,
	 {{VS_OPERAND_BACK, 20, 0x400000, 0x400008},
	  {VS_OPERAND_HERE, 24, 0x403000, 0x403010},
	  {VS_OPERAND_SIZE32, 28, 0x40303f, 0x40304f}}},
};
/* clang-format on */

/* A size keeps its begin where its base was. */
static uint64_t base_of(const struct vs_operand *o)
{
	return o->kind == VS_OPERAND_TABLE ? CODE_ADDR : o->base;
}

static uint64_t value_at(const uint8_t *bytes, const struct vs_operand *o)
{
	return o->len == 8 ? vs_le(bytes, 8)
	                   : (uint64_t)vs_le_signed(bytes, o->len);
}

/* How far an operand's bytes go when it does. */
static int64_t change_of(const struct vs_operand *o, uint64_t from, uint64_t to)
{
	int64_t by = (int64_t)(to - from);

	return o->kind == VS_OPERAND_BACK ? -by : by;
}

/* S0.31 */
static void an_address_in_a_table_is_found_and_moves(void **state)
{
	static struct vs_operands found;
	uint32_t first = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		const struct table *t = &tables[i];
		const struct vs_elf e = elf_of(VS_ARCH_X86_64, t->kind);
		const struct vs_frames frames = {0, (uint32_t)t->len, &first};
		uint8_t bytes[sizeof(t->bytes)];

		for (size_t k = 0; k < sizeof(bytes) / 8; k++)
			vs_put_le(bytes + 8 * k, t->bytes[k], 8);
		find(&e, bytes, t->len, &frames, &found);
		if (found.count != count_of(t->operands, 5))
			fail_msg("%s: %zu operands", t->text, found.count);
		for (size_t k = 0; k < found.count; k++) {
			const struct vs_operand *o = &found.list[k];
			const struct expected *x = &t->operands[k];
			uint8_t *at = bytes + o->place;
			uint64_t was = value_at(at, o);

			if (o->kind != x->kind || o->place != x->at ||
			    o->target != x->target)
				fail_msg("%s: operand %zu", t->text, k);
			vs_operand_put(o, CODE_ADDR + o->place, base_of(o),
			               x->moved, at);
			if ((int64_t)(value_at(at, o) - was) !=
			    change_of(o, x->target, x->moved))
				fail_msg("%s: operand %zu moved", t->text, k);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_instructions_operand_is_found_with_its_target),
		cmocka_unit_test(an_address_in_a_table_is_found_and_moves),
	};

	return cmocka_run_group_tests_name("delta operand", tests, NULL, NULL);
}
