/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/unit.c - units as numbers, both ways.
 */
#include "delta/unit.h"

#include <stdlib.h>

#include "delta/layout.h"

struct models {
	struct vs_number count, place, packed, len, slices, slice;
	uint16_t kind[VS_UNIT_KINDS][4]; /* by the kind before */
};

static void init(struct models *m)
{
	vs_number_init(&m->count);
	vs_number_init(&m->place);
	vs_number_init(&m->packed);
	vs_number_init(&m->len);
	vs_number_init(&m->slices);
	vs_number_init(&m->slice);
	for (size_t i = 0; i < VS_UNIT_KINDS; i++)
		for (size_t k = 0; k < 4; k++)
			m->kind[i][k] = 32768;
}

static void malformed(struct vs_coder *c)
{
	if (c->status == VS_OK)
		c->status = VS_ERR_INPUT;
}

/* A place near an expected one; at most max. */
static uint64_t code_near(struct vs_number *n, struct vs_coder *c,
                          uint64_t value, uint64_t expected, uint64_t max)
{
	int64_t off =
		vs_number_code_signed(n, c, (int64_t)value - (int64_t)expected);
	int64_t out = (int64_t)expected + off;

	if (out < 0 || (uint64_t)out > max) {
		malformed(c);
		return 0;
	}
	return (uint64_t)out;
}

/* What bounds a unit of this kind. */
static uint32_t len_max(const struct vs_unit *unit)
{
	if (unit->kind == VS_UNIT_TABLES)
		return VS_TABLES_MAX;
	return unit->kind == VS_UNIT_RAW ? UINT32_C(1) << 30 : VS_UNIT_LEN_MAX;
}

/* Slices but for the last one, which has what is left. */
static void code_slices(struct vs_units *u, struct models *m,
                        struct vs_coder *c, uint32_t number)
{
	struct vs_unit *unit = &u->list[number];
	uint64_t left = u->slice_count - unit->slice;
	uint32_t place = 0;

	unit->slices =
		(uint32_t)vs_number_code(&m->slices, c, unit->slices, left);
	if ((unit->slices == 0) != (unit->len == 0))
		malformed(c);
	for (uint32_t i = 0; i < unit->slices && c->status == VS_OK; i++) {
		struct vs_slice *s = &u->slices[unit->slice + i];
		uint32_t rest = unit->len - place;

		if (i + 1 < unit->slices)
			s->len = (uint32_t)vs_number_code(&m->slice, c, s->len,
			                                  rest);
		else
			s->len = rest;
		/* the parts of tables may be empty, and have no block then */
		if (s->len == 0 && unit->kind != VS_UNIT_TABLES)
			malformed(c);
		s->unit = number;
		s->place = place;
		s->at = u->blocks;
		u->blocks += s->len / VS_DELTA_BLOCK +
		             (s->len % VS_DELTA_BLOCK != 0);
		place += s->len;
		if (u->blocks > VS_BLOCKS_MAX)
			malformed(c);
	}
	if (unit->kind == VS_UNIT_TABLES && unit->slices != VS_TABLE_PARTS)
		malformed(c);
}

static void code_kind(struct models *m, struct vs_coder *c,
                      struct vs_unit *unit, uint32_t before)
{
	unit->kind = (uint8_t)vs_tree_code(m->kind[before], c, unit->kind, 2);
}

static void code_unit(struct vs_units *u, struct models *m, struct vs_coder *c,
                      uint32_t number, uint64_t *end, uint64_t old_len)
{
	struct vs_unit *unit = &u->list[number];
	const struct vs_unit *before = number > 0 ? unit - 1 : NULL;

	code_kind(m, c, unit, before ? before->kind : 0);
	unit->slice = before ? before->slice + before->slices : unit->slice;
	if (!u->is_new && unit->kind == VS_UNIT_COPY)
		malformed(c);
	if (!u->is_new)
		unit->at = *end + vs_number_code(&m->place, c, unit->at - *end,
		                                 old_len - *end);
	else if (unit->kind == VS_UNIT_COPY)
		unit->at = code_near(&m->place, c, unit->at, *end, old_len);
	if (!u->is_new || unit->kind == VS_UNIT_COPY)
		unit->packed = vs_number_code(&m->packed, c, unit->packed,
		                              old_len - unit->at);
	if (unit->kind == VS_UNIT_RAW && unit->packed > len_max(unit))
		malformed(c);
	if (unit->kind == VS_UNIT_RAW && !u->is_new)
		unit->len = (uint32_t)unit->packed;
	else
		unit->len = (uint32_t)code_near(&m->len, c, unit->len, u->block,
		                                len_max(unit));
	if (c->status == VS_OK && unit->len > len_max(unit))
		malformed(c);
	if ((unit->kind == VS_UNIT_PACKED && unit->packed > VS_UNIT_LEN_MAX) ||
	    (unit->kind == VS_UNIT_TABLES && unit->packed > VS_TABLES_MAX) ||
	    (unit->len == 0 && unit->kind != VS_UNIT_COPY))
		malformed(c);
	if (!u->is_new || unit->kind == VS_UNIT_COPY)
		*end = unit->at + unit->packed;
	if (c->status == VS_OK)
		code_slices(u, m, c, number);
	if (unit->kind != VS_UNIT_PACKED)
		return;
	if (unit->len > u->unit_max)
		u->unit_max = unit->len;
	if (unit->packed > u->packed_max)
		u->packed_max = (uint32_t)unit->packed;
}

/* How the side is packed, as far as this library can. */
static vs_status code_how(struct vs_units *u, struct models *m,
                          struct vs_coder *c)
{
	u->packing = (uint32_t)vs_number_code(&m->count, c, u->packing,
	                                      VS_PACKING_COUNT - 1);
	u->level = (uint32_t)vs_number_code(&m->count, c, u->level, 100);
	u->block =
		(uint32_t)vs_number_code(&m->len, c, u->block, VS_UNIT_LEN_MAX);
	if (!vs_packing_has((enum vs_packing)u->packing, (int)u->level) ||
	    u->block == 0)
		malformed(c);
	return c->status;
}

vs_status vs_units_code(struct vs_units *u, uint64_t old_len,
                        struct vs_coder *c)
{
	struct models *m = malloc(sizeof(*m));
	uint64_t end = 0;
	vs_status status = VS_ERR_NOMEM;

	if (!m)
		return VS_ERR_NOMEM;
	init(m);
	u->blocks = 0;
	u->unit_max = u->packed_max = 0;
	u->count = (size_t)vs_number_code(&m->count, c, u->count, VS_UNITS_MAX);
	u->slice_count = (size_t)vs_number_code(&m->count, c, u->slice_count,
	                                        VS_SLICES_MAX);
	if (!c->encode && c->status == VS_OK) {
		u->list = calloc(u->count + 1, sizeof(*u->list));
		u->slices = calloc(u->slice_count + 1, sizeof(*u->slices));
	}
	if (u->list && u->slices)
		status = code_how(u, m, c);
	for (uint32_t i = 0; i < u->count && status == VS_OK; i++) {
		code_unit(u, m, c, i, &end, old_len);
		status = c->status;
	}
	if (status == VS_OK && u->count > 0) {
		const struct vs_unit *last = &u->list[u->count - 1];

		if (last->slice + last->slices != u->slice_count)
			status = c->status = VS_ERR_INPUT;
	}
	free(m);
	return c->status != VS_OK ? c->status : status;
}

void vs_units_drop(struct vs_units *u)
{
	free(u->list);
	free(u->slices);
	u->list = NULL;
	u->slices = NULL;
}

const struct vs_slice *vs_units_find(const struct vs_units *u, uint32_t block)
{
	size_t low = 0, high = u->slice_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (u->slices[middle].at <= block)
			low = middle + 1;
		else
			high = middle;
	}
	/* an empty one begins where the next one does */
	while (low > 0 && u->slices[low - 1].len == 0)
		low--;
	if (low == 0)
		return NULL;
	low--;
	return (uint64_t)(block - u->slices[low].at) * VS_DELTA_BLOCK <
	                       u->slices[low].len
	               ? &u->slices[low]
	               : NULL;
}
