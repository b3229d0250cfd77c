/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/code_x86_64.c - relative operands of x86-64 instructions.
 */
#include "delta/operand.h"

static bool is_code(const struct vs_elf *e, uint64_t addr)
{
	const struct vs_section_row *row = vs_elf_by_addr(e, addr);

	return row && row->kind == VS_SECTION_CODE;
}

/* What follows an opcode's displacement, if its ModRM has one: a digit is that
 * many bytes; g none or 1, h none or 4, by the ModRM.  c: rel32 follows.
 * t, v, w: more opcode bytes.
 */
static const char opcodes[16][17] = {
	"0000....0000...t", "0000....0000....", "0000....0000....",
	"0000....0000....", "................", "................",
	"...0.....4.1....", "................", "14.100000000.0..",
	"................", "................", "................",
	"11..wv14........", "00.0.....0.0.0..", "........cc......",
	"......gh......00",
};

/* The same behind 0f; j: rel32 follows; x, y: one opcode byte more. */
static const char opcodes_0f[16][17] = {
	"................", "000000000......0", "........00000000",
	"........x.y.....", "0000000000000000", "0000000000000000",
	"0000000000000000", "1...000.....0000", "jjjjjjjjjjjjjjjj",
	"0000000000000000", "....1.......1..0", "00....00..1...00",
	"001.1.10........", "0000000000000000", "0000000000000000",
	"0000000000000000",
};

static char known(const char table[16][17], uint8_t opcode)
{
	return table[opcode >> 4][opcode & 15];
}

struct found {
	enum vs_operand_kind kind;
	size_t ahead; /* bytes before the operand */
	int after;    /* behind it */
};

/* The displacement that a ModRM announces, if it does: what follows is known
 * from the opcode.
 */
static struct found data_operand(const uint8_t *b, size_t left, size_t modrm,
                                 char follows, bool narrow)
{
	struct found f = {VS_OPERAND_NONE, 0, 0};
	bool none;

	if (left < modrm + 5 || (b[modrm] & 0xc7) != 5)
		return f;
	none = (b[modrm] & 0x30) != 0;
	if (follows == 'g')
		f.after = !none;
	else if (follows == 'h')
		f.after = none ? 0 : 4;
	else
		f.after = follows - '0';
	if (f.after == 4 && narrow)
		f.after = 2;
	f.kind = VS_OPERAND_DATA;
	f.ahead = modrm + 1;
	return f;
}

static struct found look_0f(const uint8_t *b, size_t left, bool narrow)
{
	static const struct found none = {VS_OPERAND_NONE, 0, 0};
	char follows = (char)(left >= 6 ? known(opcodes_0f, b[1]) : '.');

	switch (follows) {
	case '.':
		return none;
	case 'j':
		return (struct found){VS_OPERAND_JUMP, 2, 0};
	case 'x':
	case 'y':
		return data_operand(b, left, 3, follows == 'x' ? '0' : '1',
		                    narrow);
	default:
		return data_operand(b, left, 2, follows, narrow);
	}
}

static struct found look(const uint8_t *b, size_t left, bool narrow)
{
	static const struct found none = {VS_OPERAND_NONE, 0, 0};
	char follows = (char)(left >= 5 ? known(opcodes, b[0]) : '.');

	switch (follows) {
	case '.':
		return none;
	case 'c':
		return (struct found){VS_OPERAND_CALL, 1, 0};
	case 't':
		return look_0f(b, left, narrow);
	case 'v':
		follows = known(opcodes_0f, b[2]);
		if (follows < '0' || follows > '4')
			return none;
		return data_operand(b, left, 3, follows, narrow);
	case 'w':
		return data_operand(b, left, 4, (b[1] & 31) == 3 ? '1' : '0',
		                    narrow);
	default:
		return data_operand(b, left, 1, follows, narrow);
	}
}

/* Most bytes begin nothing, and two tell: what has no letter in the table
 * needs a ModRM that says RIP and a displacement.
 */
static bool may_begin(const uint8_t *b)
{
	return (int)((b[1] & 0xc7) == 5) | (int)(known(opcodes, b[0]) >= 'a');
}

static bool is_narrow(const struct vs_code *code, size_t i)
{
	const uint8_t *b = code->window->bytes + i;
	size_t before = i - code->begin;

	return before > 0 && (b[-1] == 0x66 || (before > 1 && b[-2] == 0x66));
}

/* How many bytes an operand with its opcode takes; 0 if none begins at i. */
static size_t take(const struct vs_code *code, size_t i, struct vs_operands *o)
{
	const struct vs_window *w = code->window;
	struct found f = look(w->bytes + i, code->end - i, is_narrow(code, i));
	size_t at = i + f.ahead;
	struct vs_operand operand = {
		.kind = f.kind,
		.len = 4,
		.detail = (uint8_t)(4 + f.after),
		.place = w->place + (uint32_t)at,
	};

	if (f.kind == VS_OPERAND_NONE)
		return 0;
	operand.target = code->addr + at + operand.detail +
	                 (uint64_t)vs_le_signed(w->bytes + at, 4);
	if (f.kind == VS_OPERAND_DATA
	            ? !vs_elf_by_addr(code->elf, operand.target)
	            : !is_code(code->elf, operand.target))
		return 0;
	vs_operands_add(o, w, &operand);
	return f.ahead + 4;
}

void vs_code_x86_64(const struct vs_code *code, struct vs_operands *o)
{
	const struct vs_window *w = code->window;

	for (size_t i = code->begin; i + 5 <= code->end;) {
		size_t taken = may_begin(w->bytes + i) ? take(code, i, o) : 0;

		i += taken > 0 ? taken : 1;
	}
}
