/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/operand.c - tables with addresses in them, and what is common to all.
 */
#include "delta/operand.h"

#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX (UINT32_C(64) << 20)

uint64_t vs_le(const uint8_t *in, size_t len)
{
	uint64_t out = 0;

	for (size_t i = len; i-- > 0;)
		out = out << 8 | in[i];
	return out;
}

int64_t vs_le_signed(const uint8_t *in, size_t len)
{
	uint64_t value = vs_le(in, len);
	uint64_t top = UINT64_C(1) << (8 * len - 1);

	return (int64_t)((value ^ top) - top);
}

void vs_put_le(uint8_t *out, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

void vs_operands_add(struct vs_operands *o, const struct vs_window *w,
                     const struct vs_operand *operand)
{
	const struct vs_operand *last =
		o->count > 0 ? &o->list[o->count - 1] : NULL;
	uint32_t end = operand->place + operand->len;

	if (end <= w->from || operand->place >= w->end ||
	    o->count == VS_OPERANDS_MAX)
		return;
	if (last && last->place + last->len > operand->place)
		return;
	o->list[o->count++] = *operand;
}

void vs_code_add(const struct vs_code *code, struct vs_operands *o, size_t i,
                 const struct vs_operand *operand)
{
	struct vs_operand whole = *operand;

	if (!vs_elf_by_addr(code->elf, whole.target))
		return;
	whole.len = 4;
	whole.place = code->window->place + (uint32_t)i;
	vs_operands_add(o, code->window, &whole);
}

struct part {
	const struct vs_window *window;
	const struct vs_elf *elf;
	const struct vs_section_row *row;
	size_t begin, end; /* of the section, in the window */
};

static uint64_t addr_of(const struct part *p, size_t i)
{
	return p->row->addr + (p->window->place + i - p->row->at);
}

static void add(const struct part *p, struct vs_operands *o, size_t i,
                enum vs_operand_kind kind, size_t len, uint64_t target,
                uint64_t base)
{
	const struct vs_operand operand = {
		.kind = kind,
		.len = (uint8_t)len,
		.place = p->window->place + (uint32_t)i,
		.target = target,
		.base = base,
	};

	vs_operands_add(o, p->window, &operand);
}

static void add_word(const struct part *p, struct vs_operands *o, size_t i,
                     size_t len)
{
	uint64_t target = vs_le(p->window->bytes + i, len);

	if (vs_elf_by_addr(p->elf, target))
		add(p, o, i, len == 8 ? VS_OPERAND_WORD64 : VS_OPERAND_WORD32,
		    len, target, 0);
}

static void add_size(const struct part *p, struct vs_operands *o, size_t i,
                     size_t len, uint64_t base)
{
	uint64_t size = vs_le(p->window->bytes + i, len);

	if (size == 0 || size > UINT32_MAX || !vs_elf_by_addr(p->elf, base) ||
	    !vs_elf_by_addr(p->elf, base + size - 1))
		return;
	add(p, o, i, len == 8 ? VS_OPERAND_SIZE64 : VS_OPERAND_SIZE32, len,
	    base + size - 1, base);
}

/* The first entry of a table of equal ones that reaches into the window. */
static size_t first_entry(const struct part *p, size_t head, size_t step)
{
	uint32_t section = p->row->at + (uint32_t)head;
	uint32_t place = p->window->place + (uint32_t)p->begin;
	size_t ahead = place > section ? (place - section) % step : 0;

	if (place < section)
		return section - p->window->place;
	return p->begin + (ahead ? step - ahead : 0);
}

static void find_words(const struct part *p, struct vs_operands *o)
{
	size_t len = p->elf->wide ? 8 : 4;

	for (size_t i = first_entry(p, 0, len); i + len <= p->end; i += len)
		add_word(p, o, i, len);
}

/* RELATIVE and IRELATIVE. */
static bool has_addend(enum vs_arch arch, uint64_t type)
{
	if (arch == VS_ARCH_RISCV)
		return type == 3 || type == 58;
	return type == 8 || type == 37 || type == 1027 || type == 1032;
}

static void find_rela(const struct part *p, struct vs_operands *o)
{
	const uint8_t *bytes = p->window->bytes;

	/* 32-bit Arm has no addends there: REL */
	for (size_t i = first_entry(p, 0, 8); !p->elf->wide && i + 8 <= p->end;
	     i += 8)
		add_word(p, o, i, 4);
	if (!p->elf->wide)
		return;
	for (size_t i = first_entry(p, 0, 24); i + 24 <= p->end; i += 24) {
		uint64_t type = vs_le(bytes + i + 8, 4);

		add_word(p, o, i, 8);
		if (has_addend(p->elf->arch, type))
			add_word(p, o, i + 16, 8);
	}
}

static void find_symbols(const struct part *p, struct vs_operands *o)
{
	const uint8_t *bytes = p->window->bytes;

	if (!p->elf->wide) {
		for (size_t i = first_entry(p, 0, 16); i + 16 <= p->end;
		     i += 16) {
			add_word(p, o, i + 4, 4);
			add_size(p, o, i + 8, 4, vs_le(bytes + i + 4, 4));
		}
		return;
	}
	for (size_t i = first_entry(p, 0, 24); i + 24 <= p->end; i += 24) {
		add_word(p, o, i + 8, 8);
		add_size(p, o, i + 16, 8, vs_le(bytes + i + 8, 8));
	}
}

static void find_header(const struct part *p, struct vs_operands *o)
{
	const uint8_t *bytes = p->window->bytes;
	uint64_t start = p->row->addr;

	if (p->window->place <= p->row->at && p->begin + 8 <= p->end)
		add(p, o, p->begin + 4, VS_OPERAND_HERE, 4,
		    addr_of(p, p->begin + 4) +
		            (uint64_t)vs_le_signed(bytes + p->begin + 4, 4),
		    0);
	for (size_t i = first_entry(p, 12, 4); i + 4 <= p->end; i += 4)
		add(p, o, i, VS_OPERAND_TABLE, 4,
		    start + (uint64_t)vs_le_signed(bytes + i, 4), start);
}

static void find_frame(const struct part *p, struct vs_operands *o, size_t i)
{
	const uint8_t *bytes = p->window->bytes;
	uint64_t begin =
		addr_of(p, i + 8) + (uint64_t)vs_le_signed(bytes + i + 8, 4);
	uint64_t back = vs_le(bytes + i + 4, 4);

	if (back == 0)
		return; /* a CIE */
	add(p, o, i + 4, VS_OPERAND_BACK, 4, addr_of(p, i + 4) - back, 0);
	add(p, o, i + 8, VS_OPERAND_HERE, 4, begin, 0);
	add_size(p, o, i + 12, 4, begin);
}

static void find_frames(const struct part *p, struct vs_operands *o,
                        const struct vs_frames *f)
{
	uint32_t place = p->window->place + (uint32_t)p->begin;
	uint32_t start;
	size_t i;

	if (f->len == 0 || p->row->at != f->at || place < f->at)
		return;
	start = f->starts[(place - f->at + VS_DELTA_BLOCK - 1) /
	                  VS_DELTA_BLOCK];
	if (start < place - f->at)
		return;
	i = p->begin + (start - (place - f->at));
	while (i < p->end && p->end - i >= 16) {
		uint64_t len = vs_le(p->window->bytes + i, 4);

		if (len == 0 || len > p->row->len)
			return;
		find_frame(p, o, i);
		i += (size_t)len + 4;
	}
}

static void find_code(const struct part *p, struct vs_operands *o)
{
	static const vs_code_fn rows[VS_ARCH_COUNT] = {
		[VS_ARCH_X86_64] = vs_code_x86_64,
		[VS_ARCH_ARM64] = vs_code_arm64,
		[VS_ARCH_THUMB] = vs_code_thumb,
		[VS_ARCH_ARM] = vs_code_arm,
		[VS_ARCH_RISCV] = vs_code_riscv,
	};
	const struct vs_code code = {p->window, p->elf, p->begin, p->end,
	                             addr_of(p, 0)};

	if (rows[p->elf->arch])
		rows[p->elf->arch](&code, o);
}

static void find_in(const struct part *p, struct vs_operands *o,
                    const struct vs_frames *frames)
{
	switch (p->row->kind) {
	case VS_SECTION_CODE:
		find_code(p, o);
		break;
	case VS_SECTION_DATA:
		find_words(p, o);
		break;
	case VS_SECTION_RELA:
		find_rela(p, o);
		break;
	case VS_SECTION_DYNSYM:
		find_symbols(p, o);
		break;
	case VS_SECTION_EH_HDR:
		find_header(p, o);
		break;
	case VS_SECTION_EH_FRAME:
		find_frames(p, o, frames);
		break;
	case VS_SECTION_OTHER:
	case VS_SECTION_BSS:
	case VS_SECTION_COUNT:
		break;
	}
}

static size_t clip(uint64_t place, const struct vs_window *w)
{
	if (place <= w->place)
		return 0;
	return place - w->place > w->len ? w->len : (size_t)(place - w->place);
}

uint32_t vs_window_first(const struct vs_elf *e, uint32_t from)
{
	const struct vs_section_row *row = vs_elf_by_place(e, from);
	uint32_t before = row && row->kind == VS_SECTION_EH_FRAME
	                          ? VS_WINDOW_BEFORE
	                          : VS_WINDOW_NEAR;

	return from > before ? from - before : 0;
}

void vs_operands_find(struct vs_operands *o, const struct vs_window *w,
                      const struct vs_elf *e, const struct vs_frames *frames)
{
	o->count = 0;
	for (size_t i = 0; i < e->count; i++) {
		const struct vs_section_row *row = &e->rows[i];
		struct part part = {w, e, row, clip(row->at, w),
		                    clip((uint64_t)row->at + row->len, w)};

		if (row->kind != VS_SECTION_BSS && part.begin < part.end)
			find_in(&part, o, frames);
	}
}

/* A block of the table at a time: tiny records cost no more than others. */
struct records {
	const struct vs_old *old;
	uint32_t table, len; /* of the table */
	uint64_t at;         /* of bytes, in the table */
	size_t held;
	uint8_t bytes[VS_DELTA_BLOCK];
};

/* The length of the record at a place, 4 bytes before the end at most. */
static vs_status record_len(struct records *r, uint64_t at, uint64_t *len)
{
	if (at < r->at || at - r->at + 4 > r->held) {
		size_t step = r->len - at < sizeof(r->bytes)
		                      ? (size_t)(r->len - at)
		                      : sizeof(r->bytes);
		vs_status status =
			vs_old_read(r->old, r->table + at, r->bytes, step);

		if (status != VS_OK)
			return status;
		r->at = at;
		r->held = step;
	}
	*len = vs_le(r->bytes + (at - r->at), 4);
	return VS_OK;
}

static vs_status find_starts(struct vs_frames *f, size_t count,
                             const struct vs_old *old)
{
	struct records r = {.old = old, .table = f->at, .len = f->len};
	uint64_t at = 0, len;
	size_t next = 0;

	for (;;) {
		vs_status status;

		while (next < count && at >= next * VS_DELTA_BLOCK)
			f->starts[next++] = (uint32_t)at;
		if (next == count || at + 4 > f->len)
			break;
		status = record_len(&r, at, &len);
		if (status != VS_OK)
			return status;
		if (len == 0 || len > f->len)
			break;
		at += len + 4;
	}
	while (next < count)
		f->starts[next++] = f->len;
	return VS_OK;
}

vs_status vs_frames_init(struct vs_frames *f, const struct vs_old *old,
                         const struct vs_elf *e)
{
	const struct vs_section_row *row = NULL;
	size_t count;

	*f = (struct vs_frames){0};
	for (size_t i = 0; i < e->count; i++)
		if (e->rows[i].kind == VS_SECTION_EH_FRAME)
			row = &e->rows[i];
	if (!row || row->len > FRAMES_MAX)
		return VS_OK;
	count = row->len / VS_DELTA_BLOCK + 2;
	f->starts = malloc(count * sizeof(*f->starts));
	if (!f->starts)
		return VS_ERR_NOMEM;
	f->at = row->at;
	f->len = row->len;
	return find_starts(f, count, old);
}

void vs_frames_drop(struct vs_frames *f)
{
	free(f->starts);
	*f = (struct vs_frames){0};
}

static uint32_t bits_of(const uint8_t *bytes)
{
	return (uint32_t)vs_le(bytes, 4);
}

/* imm26, imm19 or imm14: detail is the number of bits. */
static void put_branch(const struct vs_operand *o, uint64_t off, uint8_t *bytes)
{
	uint32_t low = o->detail == 26 ? 0 : 5;
	uint32_t mask = ((UINT32_C(1) << o->detail) - 1) << low;
	uint32_t word = bits_of(bytes);

	word = (word & ~mask) | ((uint32_t)(off >> 2) << low & mask);
	vs_put_le(bytes, word, 4);
}

static uint64_t get_branch(const struct vs_operand *o, const uint8_t *bytes)
{
	uint32_t low = o->detail == 26 ? 0 : 5;
	uint64_t top = UINT64_C(1) << (o->detail - 1);
	uint64_t value = bits_of(bytes) >> low & (2 * top - 1);

	return ((value ^ top) - top) * 4;
}

static void put_page(uint64_t imm, uint8_t *bytes)
{
	uint32_t word = bits_of(bytes) & UINT32_C(0x9f00001f);

	word |= (uint32_t)(imm & 3) << 29 | (uint32_t)(imm >> 2 & 0x7ffff) << 5;
	vs_put_le(bytes, word, 4);
}

static uint64_t get_page(const uint8_t *bytes)
{
	uint32_t word = bits_of(bytes);
	uint64_t imm = (uint64_t)(word >> 5 & 0x7ffff) << 2 | (word >> 29 & 3);

	return (imm ^ 0x100000) - 0x100000;
}

static void put_thumb(uint64_t off, uint8_t *bytes)
{
	uint32_t s = (uint32_t)(off >> 24 & 1);
	uint32_t i1 = (uint32_t)(off >> 23 & 1), i2 = (uint32_t)(off >> 22 & 1);
	uint32_t first = 0xf000u | s << 10 | (uint32_t)(off >> 12 & 0x3ff);
	uint32_t second = (bits_of(bytes) >> 16 & 0xd000u) |
	                  (1 ^ i1 ^ s) << 13 | (1 ^ i2 ^ s) << 11 |
	                  (uint32_t)(off >> 1 & 0x7ff);

	vs_put_le(bytes, first, 2);
	vs_put_le(bytes + 2, second, 2);
}

static uint64_t get_thumb(const uint8_t *bytes)
{
	uint64_t first = vs_le(bytes, 2), second = vs_le(bytes + 2, 2);
	uint64_t s = first >> 10 & 1;
	uint64_t i1 = 1 ^ (second >> 13 & 1) ^ s;
	uint64_t i2 = 1 ^ (second >> 11 & 1) ^ s;
	uint64_t off = s << 24 | i1 << 23 | i2 << 22 | (first & 0x3ff) << 12 |
	               (second & 0x7ff) << 1;

	return (off ^ 0x1000000) - 0x1000000;
}

static uint64_t get_arm(const uint8_t *bytes)
{
	uint64_t imm = bits_of(bytes) & 0xffffff;

	return ((imm ^ 0x800000) - 0x800000) * 4;
}

static void put_arm(uint64_t off, uint8_t *bytes)
{
	vs_put_le(bytes, off >> 2, 3);
}

static uint64_t get_jal(const uint8_t *bytes)
{
	uint32_t word = bits_of(bytes);
	uint64_t off = (uint64_t)(word >> 31) << 20 | (word & 0xff000) |
	               (word >> 20 & 1) << 11 | (word >> 21 & 0x3ff) << 1;

	return (off ^ 0x100000) - 0x100000;
}

static void put_jal(uint64_t off, uint8_t *bytes)
{
	uint32_t word = bits_of(bytes) & 0xfff;

	word |= (uint32_t)(off >> 20 & 1) << 31 | (uint32_t)(off & 0xff000) |
	        (uint32_t)(off >> 11 & 1) << 20 |
	        (uint32_t)(off >> 1 & 0x3ff) << 21;
	vs_put_le(bytes, word, 4);
}

static void put_rest(bool stores, uint32_t off, uint8_t *bytes)
{
	uint32_t word = bits_of(bytes);

	if (stores)
		word = (word & UINT32_C(0x01fff07f)) | (off >> 5 & 0x7f) << 25 |
		       (off & 31) << 7;
	else
		word = (word & 0xfffff) | (off & 0xfff) << 20;
	vs_put_le(bytes, word, 4);
}

void vs_operand_put(const struct vs_operand *o, uint64_t addr, uint64_t base,
                    uint64_t target, uint8_t *bytes)
{
	switch (o->kind) {
	case VS_OPERAND_CALL:
	case VS_OPERAND_JUMP:
	case VS_OPERAND_DATA:
		vs_put_le(bytes, target - addr - o->detail, 4);
		break;
	case VS_OPERAND_WORD64:
	case VS_OPERAND_WORD32:
		vs_put_le(bytes, target, o->len);
		break;
	case VS_OPERAND_SIZE64:
	case VS_OPERAND_SIZE32:
		vs_put_le(bytes, target + 1 - base, o->len);
		break;
	case VS_OPERAND_TABLE:
		vs_put_le(bytes, target - base, 4);
		break;
	case VS_OPERAND_HERE:
		vs_put_le(bytes, target - addr, 4);
		break;
	case VS_OPERAND_BACK:
		vs_put_le(bytes, addr - target, 4);
		break;
	case VS_OPERAND_BRANCH:
		put_branch(o, target - addr, bytes);
		break;
	case VS_OPERAND_PAGE:
		put_page(o->detail ? (target >> 12) - (addr >> 12)
		                   : target - addr,
		         bytes);
		break;
	case VS_OPERAND_LOW:
		vs_put_le(bytes,
		          (bits_of(bytes) & ~(UINT32_C(0xfff) << 10)) |
		                  ((uint32_t)(target & 0xfff) >> o->detail)
		                          << 10,
		          4);
		break;
	case VS_OPERAND_THUMB:
		put_thumb(target - addr - 4, bytes);
		break;
	case VS_OPERAND_ARM:
		put_arm(target - addr - 8, bytes);
		break;
	case VS_OPERAND_JAL:
		put_jal(target - addr, bytes);
		break;
	case VS_OPERAND_HIGH:
		vs_put_le(bytes,
		          (bits_of(bytes) & 0xfff) |
		                  (target - addr + 0x800) >> 12 << 12,
		          4);
		break;
	case VS_OPERAND_REST:
		put_rest(o->detail, (uint32_t)(target - base), bytes);
		break;
	case VS_OPERAND_NONE:
	case VS_OPERAND_COUNT:
		break;
	}
}

bool vs_operand_get(const struct vs_operand *o, uint64_t addr, uint64_t base,
                    const uint8_t *bytes, uint64_t *target)
{
	switch (o->kind) {
	case VS_OPERAND_CALL:
	case VS_OPERAND_JUMP:
	case VS_OPERAND_DATA:
		*target = addr + o->detail + (uint64_t)vs_le_signed(bytes, 4);
		return true;
	case VS_OPERAND_WORD64:
	case VS_OPERAND_WORD32:
		*target = vs_le(bytes, o->len);
		return true;
	case VS_OPERAND_TABLE:
		*target = base + (uint64_t)vs_le_signed(bytes, 4);
		return true;
	case VS_OPERAND_HERE:
		*target = addr + (uint64_t)vs_le_signed(bytes, 4);
		return true;
	case VS_OPERAND_BACK:
		*target = addr - vs_le(bytes, 4);
		return true;
	case VS_OPERAND_BRANCH:
		*target = addr + get_branch(o, bytes);
		return true;
	case VS_OPERAND_PAGE:
		if (o->detail)
			return false;
		*target = addr + get_page(bytes);
		return true;
	case VS_OPERAND_THUMB:
		*target = addr + 4 + get_thumb(bytes);
		return true;
	case VS_OPERAND_ARM:
		*target = addr + 8 + get_arm(bytes);
		return true;
	case VS_OPERAND_JAL:
		*target = addr + get_jal(bytes);
		return true;
	case VS_OPERAND_SIZE64:
	case VS_OPERAND_SIZE32:
	case VS_OPERAND_LOW:
	case VS_OPERAND_HIGH:
	case VS_OPERAND_REST:
	case VS_OPERAND_NONE:
	case VS_OPERAND_COUNT:
		break;
	}
	return false;
}
