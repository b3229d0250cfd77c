/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/operand.h - the places in old bytes that hold an address, by a table.
 *
 * No disassembler: a pattern that fires where there is no instruction costs
 * some wrong guesses and nothing else.  What is found depends on the old bytes
 * and the old section table alone, so both sides find the same.
 */
#ifndef VS_DELTA_OPERAND_H
#define VS_DELTA_OPERAND_H

#include "delta/elf.h"

enum vs_operand_kind {
	VS_OPERAND_NONE = 0,
	VS_OPERAND_CALL,   /* x86: rel32 of call, jmp */
	VS_OPERAND_JUMP,   /* x86: rel32 of jcc */
	VS_OPERAND_DATA,   /* x86: rel32 to data (RIP-relative) */
	VS_OPERAND_WORD64, /* an address */
	VS_OPERAND_WORD32,
	VS_OPERAND_SIZE64, /* distance of two addresses */
	VS_OPERAND_SIZE32,
	VS_OPERAND_TABLE,  /* 32 bits from the start of the section */
	VS_OPERAND_HERE,   /* 32 bits from the field itself */
	VS_OPERAND_BACK,   /* 32 bits back from the field itself */
	VS_OPERAND_BRANCH, /* arm64: imm26, imm19, imm14 */
	VS_OPERAND_PAGE,   /* arm64: adrp, adr */
	VS_OPERAND_LOW,    /* arm64: imm12 after an adrp */
	VS_OPERAND_THUMB,  /* Thumb-2: bl, b.w */
	VS_OPERAND_ARM,    /* A32: b, bl */
	VS_OPERAND_JAL,    /* RISC-V: jal */
	VS_OPERAND_HIGH,   /* RISC-V: auipc */
	VS_OPERAND_REST,   /* RISC-V: what is added to an auipc at base */
	VS_OPERAND_COUNT,
};

struct vs_operand {
	enum vs_operand_kind kind;
	uint8_t len;     /* bytes, 2 to 8 */
	uint8_t detail;  /* by kind: bytes to the instruction's end; shift */
	uint32_t place;  /* in the old file */
	uint64_t target; /* old address; of a size: its last byte */
	uint64_t base;   /* of a size: where it begins; of a table: its start;
	                  * of a rest: where the auipc is */
};

#define VS_OPERANDS_MAX 2048

struct vs_operands {
	size_t count;
	struct vs_operand list[VS_OPERANDS_MAX]; /* by place, apart */
};

/* Old bytes around the ones wanted. */
struct vs_window {
	const uint8_t *bytes;
	uint32_t place; /* of bytes[0] in the old file */
	size_t len;
	uint32_t from, end; /* operands that reach into [from, end) count */
};

/* How far before from a window reaches: into an unwind table to where one of
 * its records begins, elsewhere some instructions far.
 */
#define VS_WINDOW_BEFORE (VS_DELTA_BLOCK + 64)
#define VS_WINDOW_NEAR 64
#define VS_WINDOW_AFTER 64

/* Where the records of an old .eh_frame begin: one place each 4 KiB. */
struct vs_frames {
	uint32_t at, len; /* of the section; len 0: none */
	uint32_t *starts; /* owned: the first record at or after i * 4096 */
};

/* VS_OK; VS_ERR_IO; VS_ERR_NOMEM.  vs_frames_drop() in every case. */
vs_status vs_frames_init(struct vs_frames *f, const struct vs_old *old,
                         const struct vs_elf *e) VS_MUST_CHECK;
void vs_frames_drop(struct vs_frames *f);

/* Where a window begins whose operands are wanted from a place on. */
uint32_t vs_window_first(const struct vs_elf *e, uint32_t from);

/* Finds the operands in one window; a window lies in any number of sections. */
void vs_operands_find(struct vs_operands *o, const struct vs_window *w,
                      const struct vs_elf *e, const struct vs_frames *frames);

/* Takes an operand up if it reaches into the window and does not overlap. */
void vs_operands_add(struct vs_operands *o, const struct vs_window *w,
                     const struct vs_operand *operand);

/* Where a table ends and a pattern begins: one row of each architecture.  The
 * section's bytes in the window are [begin, end); addr is of the window's
 * first byte.
 */
struct vs_code {
	const struct vs_window *window;
	const struct vs_elf *elf;
	size_t begin, end;
	uint64_t addr;
};
/* Takes up four bytes at i of the window, if the target is in the file. */
void vs_code_add(const struct vs_code *code, struct vs_operands *o, size_t i,
                 const struct vs_operand *operand);
typedef void (*vs_code_fn)(const struct vs_code *code, struct vs_operands *o);
void vs_code_x86_64(const struct vs_code *code, struct vs_operands *o);
void vs_code_arm64(const struct vs_code *code, struct vs_operands *o);
void vs_code_thumb(const struct vs_code *code, struct vs_operands *o);
void vs_code_arm(const struct vs_code *code, struct vs_operands *o);
void vs_code_riscv(const struct vs_code *code, struct vs_operands *o);

/* Writes the operand as it must be at address addr to reach a new target
 * (of a size or a rest: base and target, both new).  bytes holds the old ones,
 * and keeps what is not of the operand.
 */
void vs_operand_put(const struct vs_operand *o, uint64_t addr, uint64_t base,
                    uint64_t target, uint8_t *bytes);
/* The target that bytes at address addr name; false for what names none by
 * itself.
 */
bool vs_operand_get(const struct vs_operand *o, uint64_t addr, uint64_t base,
                    const uint8_t *bytes, uint64_t *target);

uint64_t vs_le(const uint8_t *in, size_t len);
int64_t vs_le_signed(const uint8_t *in, size_t len);
void vs_put_le(uint8_t *out, uint64_t value, size_t len);

#endif
