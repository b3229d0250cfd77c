/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/covers.c - most covers lie on a diagonal that was used lately.
 */
#include "delta/covers.h"

#include <stdlib.h>
#include <string.h>

#define LONG_COVER 64
#define ADDR_MAX (UINT64_C(1) << 46)

void vs_cover_models_init(struct vs_cover_models *m)
{
	vs_number_init(&m->count);
	vs_number_init(&m->gap);
	vs_number_init(&m->len);
	vs_number_init(&m->far);
	vs_number_init(&m->section);
	for (size_t i = 0; i < 64; i++)
		m->known[i] = 32768;
	m->which = 32768;
}

/* Old place - new place of the covers before, newest first. */
struct recent {
	int64_t list[VS_DIAGONALS];
	int64_t last, last_long;
};

static uint32_t find(const struct recent *r, int64_t diagonal)
{
	uint32_t i = 0;

	while (i < VS_DIAGONALS && r->list[i] != diagonal)
		i++;
	return i;
}

static void note(struct recent *r, int64_t diagonal, uint32_t at, uint32_t len)
{
	if (at >= VS_DIAGONALS)
		at = VS_DIAGONALS - 1;
	memmove(&r->list[1], &r->list[0], at * sizeof(r->list[0]));
	r->list[0] = diagonal;
	r->last = diagonal;
	if (len >= LONG_COVER)
		r->last_long = diagonal;
}

static int64_t distance(int64_t a, int64_t b)
{
	return a < b ? b - a : a - b;
}

static int64_t code_diagonal(struct vs_cover_models *m, struct vs_coder *c,
                             struct recent *r, int64_t diagonal, uint32_t len)
{
	uint32_t known = vs_tree_code(m->known, c, find(r, diagonal), 5);

	if (known < VS_DIAGONALS) {
		diagonal = r->list[known];
	} else {
		bool second =
			vs_chance_code(&m->which, c,
		                       distance(diagonal, r->last_long) <
		                               distance(diagonal, r->last));
		int64_t from = second ? r->last_long : r->last;

		diagonal = from +
		           vs_number_code_signed(&m->far, c, diagonal - from);
	}
	note(r, diagonal, known, len);
	return diagonal;
}

vs_status vs_covers_code(struct vs_cover_models *m, struct vs_coder *c,
                         struct vs_cover **covers, size_t *count, size_t max,
                         uint64_t new_len, uint64_t old_len)
{
	struct recent recent = {{0}, 0, 0};
	uint64_t end = 0;

	*count = (size_t)vs_number_code(&m->count, c, *count, max);
	if (c->status != VS_OK)
		return c->status;
	if (!c->encode) {
		*covers = calloc(*count + 1, sizeof(**covers));
		if (!*covers)
			return VS_ERR_NOMEM;
	}
	for (size_t i = 0; i < *count && c->status == VS_OK; i++) {
		struct vs_cover *v = &(*covers)[i];
		int64_t from;

		v->at = (uint32_t)(end + vs_number_code(&m->gap, c, v->at - end,
		                                        new_len - end));
		v->len = 1 + (uint32_t)vs_number_code(&m->len, c, v->len - 1u,
		                                      new_len - v->at);
		from = v->at + code_diagonal(m, c, &recent,
		                             (int64_t)v->from - v->at, v->len);
		if (from < 0 || (uint64_t)from > old_len ||
		    v->len > old_len - (uint64_t)from ||
		    v->len > new_len - v->at)
			return c->status == VS_OK ? VS_ERR_INPUT : c->status;
		v->from = (uint32_t)from;
		end = (uint64_t)v->at + v->len;
	}
	return c->status;
}

static uint64_t code_near(struct vs_cover_models *m, struct vs_coder *c,
                          uint64_t value, uint64_t expected, uint64_t max)
{
	int64_t out = (int64_t)expected +
	              vs_number_code_signed(&m->section, c,
	                                    (int64_t)(value - expected));

	if (out < 0 || (uint64_t)out > max) {
		if (c->status == VS_OK)
			c->status = VS_ERR_INPUT;
		return 0;
	}
	return (uint64_t)out;
}

vs_status vs_elf_code(struct vs_cover_models *m, struct vs_coder *c,
                      const struct vs_elf *was, struct vs_elf *is)
{
	uint64_t addr_shift = 0, at_shift = 0;

	if (!c->encode)
		*is = *was;
	for (size_t i = 0; i < was->count; i++) {
		const struct vs_section_row *old = &was->rows[i];
		struct vs_section_row *new = &is->rows[i];

		new->addr = code_near(m, c, new->addr, old->addr + addr_shift,
		                      ADDR_MAX);
		new->at = (uint32_t)code_near(m, c, new->at, old->at + at_shift,
		                              INT32_MAX);
		new->len = (uint32_t)code_near(m, c, new->len, old->len,
		                               INT32_MAX);
		addr_shift = new->addr - old->addr;
		at_shift = (uint64_t) new->at - old->at;
	}
	vs_elf_index(is);
	return c->status;
}
