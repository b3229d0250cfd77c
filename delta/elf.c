/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/elf.c - section headers, read with care.
 */
#include "delta/elf.h"

#include <string.h>

#define EHDR_MAX 64
#define SHDR_MAX 64
#define RAM_ADDR 0x20000000
#define RAM_LEN 0x100000
#define ADDR_MAX (UINT64_C(1) << 46)

#define TYPE_PROGBITS 1
#define TYPE_RELA 4
#define TYPE_NOBITS 8
#define TYPE_REL 9
#define TYPE_DYNSYM 11
#define FLAG_WRITE 1
#define FLAG_ALLOC 2
#define FLAG_EXEC 4

static uint64_t number(const uint8_t *in, size_t len)
{
	uint64_t out = 0;

	for (size_t i = len; i-- > 0;)
		out = out << 8 | in[i];
	return out;
}

struct header {
	uint32_t name, type;
	uint64_t flags, addr, at, len;
};

static void header_decode(const uint8_t *in, bool wide, struct header *out)
{
	size_t word = wide ? 8 : 4;

	out->name = (uint32_t)number(in, 4);
	out->type = (uint32_t)number(in + 4, 4);
	out->flags = number(in + 8, word);
	out->addr = number(in + 8 + word, word);
	out->at = number(in + 8 + 2 * word, word);
	out->len = number(in + 8 + 3 * word, word);
}

static enum vs_section kind_of(const struct header *h, const char *name)
{
	if (h->type == TYPE_NOBITS)
		return VS_SECTION_BSS;
	if (h->type == TYPE_RELA || h->type == TYPE_REL)
		return VS_SECTION_RELA;
	if (h->type == TYPE_DYNSYM)
		return VS_SECTION_DYNSYM;
	if (h->flags & FLAG_EXEC)
		return VS_SECTION_CODE;
	if (strcmp(name, ".eh_frame") == 0)
		return VS_SECTION_EH_FRAME;
	if (strcmp(name, ".eh_frame_hdr") == 0)
		return VS_SECTION_EH_HDR;
	if (h->flags & FLAG_WRITE)
		return VS_SECTION_DATA;
	return VS_SECTION_OTHER;
}

static enum vs_arch arch_of(uint64_t machine, bool wide)
{
	if (machine == 62 && wide)
		return VS_ARCH_X86_64;
	if (machine == 183 && wide)
		return VS_ARCH_ARM64;
	if (machine == 40 && !wide)
		return VS_ARCH_ARM;
	if (machine == 243 && wide)
		return VS_ARCH_RISCV;
	return VS_ARCH_NONE;
}

static bool fits(const struct vs_old *old, const struct header *h)
{
	return h->addr < ADDR_MAX && h->len < UINT32_MAX / 2 &&
	       h->at < UINT32_MAX / 2 &&
	       (h->type == TYPE_NOBITS ||
	        (h->at <= old->len && h->len <= old->len - h->at));
}

struct table {
	const struct vs_old *old;
	bool wide;
	uint64_t at; /* of the section headers */
	size_t step, count;
	struct header names;
};

static vs_status header_at(const struct table *t, size_t i, struct header *out)
{
	uint8_t raw[SHDR_MAX];
	vs_status status = vs_old_read(t->old, t->at + i * t->step, raw,
	                               t->wide ? 64 : 40);

	if (status == VS_OK)
		header_decode(raw, t->wide, out);
	return status;
}

static vs_status add_row(const struct table *t, const struct header *h,
                         struct vs_elf *e)
{
	struct vs_section_row *row = &e->rows[e->count];
	char name[16] = "";
	vs_status status = VS_OK;

	if (h->name < t->names.len)
		status = vs_old_read(t->old, t->names.at + h->name, name,
		                     sizeof(name) - 1);
	if (status != VS_OK)
		return status;
	row->kind = kind_of(h, name);
	row->addr = h->addr;
	row->at = (uint32_t)h->at;
	row->len = (uint32_t)h->len;
	e->count++;
	return VS_OK;
}

static vs_status read_rows(struct table *t, size_t names, struct vs_elf *e)
{
	struct header h;
	uint64_t end = 0; /* sections come in the file's order, apart */
	vs_status status = header_at(t, names, &t->names);

	if (status != VS_OK || !fits(t->old, &t->names))
		return status;
	for (size_t i = 0; i < t->count; i++) {
		status = header_at(t, i, &h);
		if (status != VS_OK)
			return status;
		if (!(h.flags & FLAG_ALLOC) || h.len == 0)
			continue;
		/* thread-local .tbss lies over what follows it */
		if (h.type == TYPE_NOBITS && h.flags & 0x400)
			continue;
		if (!fits(t->old, &h) || e->count == VS_SECTIONS_MAX ||
		    (h.type != TYPE_NOBITS && h.at < end)) {
			e->count = 0;
			return VS_OK;
		}
		if (h.type != TYPE_NOBITS)
			end = h.at + h.len;
		status = add_row(t, &h, e);
		if (status != VS_OK)
			return status;
	}
	return VS_OK;
}

vs_status vs_elf_read(const struct vs_old *old, struct vs_elf *e)
{
	uint8_t raw[EHDR_MAX];
	struct table t = {.old = old};
	size_t names;
	vs_status status = vs_old_read(old, 0, raw, sizeof(raw));

	memset(e, 0, sizeof(*e));
	if (status != VS_OK || memcmp(raw, "\177ELF", 4) != 0 || raw[5] != 1 ||
	    raw[4] < 1 || raw[4] > 2)
		return status;
	t.wide = raw[4] == 2;
	e->arch = arch_of(number(raw + 18, 2), t.wide);
	e->wide = t.wide;
	t.at = t.wide ? number(raw + 40, 8) : number(raw + 32, 4);
	t.step = (size_t)number(raw + (t.wide ? 58 : 46), 2);
	t.count = (size_t)number(raw + (t.wide ? 60 : 48), 2);
	names = (size_t)number(raw + (t.wide ? 62 : 50), 2);
	if (t.step < (t.wide ? 64u : 40u) || names >= t.count ||
	    t.at > old->len || t.count * t.step > old->len - t.at)
		e->arch = VS_ARCH_NONE;
	if (e->arch != VS_ARCH_NONE)
		status = read_rows(&t, names, e);
	if (status != VS_OK || e->count == 0)
		e->arch = VS_ARCH_NONE;
	vs_elf_index(e);
	return status;
}

void vs_elf_bare(uint32_t load_addr, uint32_t len, struct vs_elf *e)
{
	memset(e, 0, sizeof(*e));
	e->arch = VS_ARCH_THUMB;
	e->count = 2;
	e->rows[0] =
		(struct vs_section_row){VS_SECTION_CODE, load_addr, 0, len};
	e->rows[1] =
		(struct vs_section_row){VS_SECTION_BSS, RAM_ADDR, 0, RAM_LEN};
	vs_elf_index(e);
}

vs_status vs_elf_open(const struct vs_old *old, uint32_t load, struct vs_elf *e)
{
	if (!(load & 1))
		return vs_elf_read(old, e);
	vs_elf_bare(load - 1, (uint32_t)old->len, e);
	return VS_OK;
}

static void insert(struct vs_elf_order *order, uint64_t key, size_t row)
{
	size_t i = order->count++;

	for (; i > 0 && order->keys[i - 1] > key; i--) {
		order->keys[i] = order->keys[i - 1];
		order->rows[i] = order->rows[i - 1];
	}
	order->keys[i] = key;
	order->rows[i] = (uint8_t)row;
}

void vs_elf_index(struct vs_elf *e)
{
	e->by_addr.count = e->by_place.count = 0;
	for (size_t i = 0; i < e->count; i++) {
		const struct vs_section_row *row = &e->rows[i];

		if (row->len == 0)
			continue;
		insert(&e->by_addr, row->addr, i);
		if (row->kind != VS_SECTION_BSS)
			insert(&e->by_place, row->at, i);
	}
}

/* The last row that begins at or before a key; NULL if none does.  Asked for
 * each operand: a search whose only branch is its end.
 */
static const struct vs_section_row *last_upto(const struct vs_elf *e,
                                              const struct vs_elf_order *order,
                                              uint64_t key)
{
	size_t at = 0;

	if (order->count == 0 || order->keys[0] > key)
		return NULL;
	for (size_t count = order->count; count > 1;) {
		size_t half = count / 2;

		at += order->keys[at + half] <= key ? half : 0;
		count -= half;
	}
	return &e->rows[order->rows[at]];
}

const struct vs_section_row *vs_elf_by_addr(const struct vs_elf *e,
                                            uint64_t addr)
{
	const struct vs_section_row *row = last_upto(e, &e->by_addr, addr);

	return row && addr - row->addr < row->len ? row : NULL;
}

const struct vs_section_row *vs_elf_by_place(const struct vs_elf *e,
                                             uint32_t at)
{
	const struct vs_section_row *row = last_upto(e, &e->by_place, at);

	return row && at - row->at < row->len ? row : NULL;
}
