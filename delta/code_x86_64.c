/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/code_x86_64.c - relative operands of x86-64 instructions.
 */
#include "delta/operand.h"

/* One-byte opcodes whose ModRM is worth a look; what follows the
 * displacement: 0, 1 or 4 bytes, 8 if the ModRM's reg field decides between
 * none and 1, 9 between none and 4.  15: none of them.
 */
static int immediate(uint8_t opcode)
{
	switch (opcode) {
	case 0x80:
	case 0x83:
	case 0xc0:
	case 0xc1:
	case 0xc6:
	case 0x6b:
		return 1;
	case 0x81:
	case 0xc7:
	case 0x69:
		return 4;
	case 0xf6:
		return 8;
	case 0xf7:
		return 9;
	case 0x63:
	case 0x84:
	case 0x85:
	case 0x86:
	case 0x87:
	case 0x88:
	case 0x89:
	case 0x8a:
	case 0x8b:
	case 0x8d:
	case 0xd0:
	case 0xd1:
	case 0xd3:
	case 0xdb:
	case 0xdd:
	case 0xd9:
	case 0xfe:
	case 0xff:
		return 0;
	default:
		break;
	}
	/* add or adc sbb and sub xor cmp */
	return opcode < 0x40 && (opcode & 7) < 4 ? 0 : 15;
}

/* The same after 0f. */
static int immediate_0f(uint8_t opcode)
{
	switch (opcode) {
	case 0x70:
	case 0xa4:
	case 0xac:
	case 0xba:
	case 0xc2:
	case 0xc4:
	case 0xc6:
		return 1;
	case 0xaf:
	case 0xb0:
	case 0xb1:
	case 0xb6:
	case 0xb7:
	case 0xbe:
	case 0xbf:
	case 0xc0:
	case 0xc1:
	case 0xc7:
	case 0x18:
	case 0x1f:
		return 0;
	default:
		break;
	}
	if ((opcode >= 0x10 && opcode <= 0x17) ||
	    (opcode >= 0x28 && opcode <= 0x2f) ||
	    (opcode >= 0x40 && opcode <= 0x6f) ||
	    (opcode >= 0x74 && opcode <= 0x76) ||
	    (opcode >= 0x7c && opcode <= 0x7f) ||
	    (opcode >= 0x90 && opcode <= 0x9f) || opcode >= 0xd0)
		return 0;
	return 15;
}

/* Bytes before the displacement of an operand that begins at i, and in *imm
 * those behind it; 0 if there is none.
 */
static size_t data_operand(const uint8_t *b, size_t left, bool narrow, int *imm)
{
	size_t modrm = 1;

	if (left < 2)
		return 0;
	*imm = 15;
	if (b[0] == 0x0f) {
		modrm = 2;
		if (left > 2)
			*imm = immediate_0f(b[1]);
		if (left > 3 && (b[1] == 0x38 || b[1] == 0x3a)) {
			modrm = 3;
			*imm = b[1] == 0x3a;
		}
	} else if (b[0] == 0xc5 && left > 3) {
		modrm = 3;
		*imm = immediate_0f(b[2]);
	} else if (b[0] == 0xc4 && left > 4) {
		modrm = 4;
		*imm = (b[1] & 31) == 3;
	} else {
		*imm = immediate(b[0]);
	}
	if (*imm == 15 || left < modrm + 5 || (b[modrm] & 0xc7) != 5)
		return 0;
	if (*imm == 8)
		*imm = (b[modrm] & 0x30) == 0;
	if (*imm == 9)
		*imm = (b[modrm] & 0x30) == 0 ? 4 : 0;
	if (*imm == 4 && narrow)
		*imm = 2;
	return modrm + 1;
}

static bool is_code(const struct vs_elf *e, uint64_t addr)
{
	const struct vs_section_row *row = vs_elf_by_addr(e, addr);

	return row && row->kind == VS_SECTION_CODE;
}

struct found {
	enum vs_operand_kind kind;
	size_t ahead; /* bytes before the operand */
	int after;    /* behind it */
};

static struct found look(const uint8_t *b, size_t left, bool narrow)
{
	struct found f = {VS_OPERAND_NONE, 0, 0};

	if (left >= 5 && (b[0] == 0xe8 || b[0] == 0xe9)) {
		f.kind = VS_OPERAND_CALL;
		f.ahead = 1;
	} else if (left >= 6 && b[0] == 0x0f && (b[1] & 0xf0) == 0x80) {
		f.kind = VS_OPERAND_JUMP;
		f.ahead = 2;
	} else {
		f.ahead = data_operand(b, left, narrow, &f.after);
		if (f.ahead > 0)
			f.kind = VS_OPERAND_DATA;
	}
	return f;
}

void vs_code_x86_64(const struct vs_code *code, struct vs_operands *o)
{
	const struct vs_window *w = code->window;

	for (size_t i = code->begin; i < code->end;) {
		bool narrow =
			i > code->begin &&
			(w->bytes[i - 1] == 0x66 ||
		         (i > code->begin + 1 && w->bytes[i - 2] == 0x66));
		struct found f = look(w->bytes + i, code->end - i, narrow);
		struct vs_operand operand = {
			.kind = f.kind,
			.len = 4,
			.detail = (uint8_t)(4 + f.after),
			.place = w->place + (uint32_t)(i + f.ahead),
		};

		if (f.kind == VS_OPERAND_NONE) {
			i++;
			continue;
		}
		operand.target =
			code->addr + i + f.ahead + operand.detail +
			(uint64_t)vs_le_signed(w->bytes + i + f.ahead, 4);
		if (f.kind == VS_OPERAND_DATA
		            ? !vs_elf_by_addr(code->elf, operand.target)
		            : !is_code(code->elf, operand.target)) {
			i++;
			continue;
		}
		vs_operands_add(o, w, &operand);
		i += f.ahead + 4;
	}
}
