/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/elf.h - which parts of a file hold addresses, and of what kind.
 *
 * The file is an old slot's: input like any other.  A file that cannot be
 * read to the end has no sections, and no prediction is made for it.
 *
 * Standard: System V ABI, gABI 4.1, chapter 4 (little endian, both classes).
 */
#ifndef VS_DELTA_ELF_H
#define VS_DELTA_ELF_H

#include "delta/old.h"

#define VS_SECTIONS_MAX 64

enum vs_arch {
	VS_ARCH_NONE = 0,
	VS_ARCH_X86_64,
	VS_ARCH_ARM64,
	VS_ARCH_THUMB, /* bare images for a Cortex-M */
	VS_ARCH_ARM,   /* A32 and Thumb-2 */
	VS_ARCH_RISCV, /* RV64 */
	VS_ARCH_COUNT,
};

enum vs_section {
	VS_SECTION_OTHER = 0, /* strings, notes, constants, headers */
	VS_SECTION_CODE,
	VS_SECTION_DATA, /* pointers of the class's size may be in it */
	VS_SECTION_RELA,
	VS_SECTION_DYNSYM,
	VS_SECTION_EH_FRAME,
	VS_SECTION_EH_HDR,
	VS_SECTION_BSS, /* has addresses, but no bytes */
	VS_SECTION_COUNT,
};

struct vs_section_row {
	enum vs_section kind;
	uint64_t addr; /* below 2^47 */
	uint32_t at;   /* offset in the file */
	uint32_t len;
};

struct vs_elf {
	enum vs_arch arch;
	bool wide; /* 64-bit class */
	size_t count;
	struct vs_section_row rows[VS_SECTIONS_MAX];
	/* rows that are not empty by address, and by place those with bytes */
	struct vs_elf_order {
		size_t count;
		uint64_t keys[VS_SECTIONS_MAX]; /* rising */
		uint8_t rows[VS_SECTIONS_MAX];
	} by_addr, by_place;
};

/* Reads the section table; e->arch is NONE if there is none to be used.
 * VS_OK; VS_ERR_IO.
 */
vs_status vs_elf_read(const struct vs_old *old, struct vs_elf *e) VS_MUST_CHECK;

/* The same of a bare image for a Cortex-M: code from its load address on, and
 * the RAM that it uses.
 */
void vs_elf_bare(uint32_t load_addr, uint32_t len, struct vs_elf *e);
/* One or the other: load as in struct vs_file. */
vs_status vs_elf_open(const struct vs_old *old, uint32_t load,
                      struct vs_elf *e) VS_MUST_CHECK;

/* Puts rows that were changed in order. */
void vs_elf_index(struct vs_elf *e);

/* The row that holds an address, or a place in the file; NULL if none. */
const struct vs_section_row *vs_elf_by_addr(const struct vs_elf *e,
                                            uint64_t addr);
const struct vs_section_row *vs_elf_by_place(const struct vs_elf *e,
                                             uint32_t at);

#endif
