/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/unit.c - units as numbers, both ways.
 */
#include "delta/unit.h"

#include <stdlib.h>

#include "delta/erofs.h"
#include "delta/layout.h"

struct models {
	struct vs_number count, place, packed, len, slices, slice;
	struct vs_number inode, batches, batch_len, fixes, fix_at, fix_len;
	uint16_t kind[VS_UNIT_KINDS][4]; /* by the kind before */
	/* as the last units left it: places in the old image */
	uint64_t end, last_inode, old_len;
	uint32_t batch, fix; /* the next ones */
};

static void init(struct models *m)
{
	vs_number_init(&m->count);
	vs_number_init(&m->place);
	vs_number_init(&m->packed);
	vs_number_init(&m->len);
	vs_number_init(&m->slices);
	vs_number_init(&m->slice);
	vs_number_init(&m->inode);
	vs_number_init(&m->batches);
	vs_number_init(&m->batch_len);
	vs_number_init(&m->fixes);
	vs_number_init(&m->fix_at);
	vs_number_init(&m->fix_len);
	m->end = m->last_inode = 0;
	m->batch = m->fix = 0;
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
	return unit->kind == VS_UNIT_RAW || unit->kind == VS_UNIT_FILE
	               ? UINT32_C(1) << 30
	               : VS_UNIT_LEN_MAX;
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

/* What is packed is files where the packing is one of clusters. */
static void code_kind(struct vs_units *u, struct models *m, struct vs_coder *c,
                      struct vs_unit *unit, uint32_t before)
{
	uint32_t kind =
		unit->kind == VS_UNIT_FILE ? VS_UNIT_PACKED : unit->kind;

	kind = vs_tree_code(m->kind[before], c, kind, 2);
	unit->kind =
		(uint8_t)(kind == VS_UNIT_PACKED && u->packing == VS_PACKING_LZ4
	                          ? VS_UNIT_FILE
	                          : kind);
}

static void code_place(struct vs_units *u, struct models *m, struct vs_coder *c,
                       struct vs_unit *unit)
{
	if (unit->kind == VS_UNIT_FILE) {
		if (u->is_new)
			return;
		unit->at = code_near(&m->inode, c, unit->at / 32,
		                     m->last_inode / 32, m->old_len / 32) *
		           32;
		m->last_inode = unit->at;
		return;
	}
	if (!u->is_new)
		unit->at =
			m->end + vs_number_code(&m->place, c, unit->at - m->end,
		                                m->old_len - m->end);
	else if (unit->kind == VS_UNIT_COPY)
		unit->at =
			code_near(&m->place, c, unit->at, m->end, m->old_len);
	else
		return;
	unit->packed = vs_number_code(&m->packed, c, unit->packed,
	                              m->old_len - unit->at);
	m->end = unit->at + unit->packed;
}

/* The clusters of a batch that come otherwise. */
static void code_fixes(struct vs_units *u, struct models *m, struct vs_coder *c,
                       struct vs_batch *s)
{
	uint64_t left = u->fix_count - m->fix;
	uint64_t cluster = 0;

	s->fix = m->fix;
	s->fixes = (uint32_t)vs_number_code(&m->fixes, c, s->fixes, left);
	m->fix += s->fixes;
	for (uint32_t i = 0; i < s->fixes && c->status == VS_OK; i++) {
		struct vs_fix *f = &u->fixes[s->fix + i];

		cluster += vs_number_code(&m->fix_at, c, f->cluster - cluster,
		                          VS_BATCH_MAX);
		f->cluster = (uint32_t)cluster++;
		f->len = (uint32_t)code_near(&m->fix_len, c, f->len, u->block,
		                             VS_BATCH_MAX);
		f->blocks = (uint32_t)code_near(&m->fix_len, c, f->blocks,
		                                u->block / VS_DELTA_BLOCK,
		                                VS_FIXED_MAX / VS_DELTA_BLOCK);
		if (f->len == 0 || f->blocks == 0 || cluster > VS_BATCH_MAX)
			malformed(c);
	}
}

/* The batches of a new file; the last one has what is left.  Gives the bytes
 * of its fixes.
 */
static uint64_t code_batches(struct vs_units *u, struct models *m,
                             struct vs_coder *c, struct vs_unit *unit)
{
	uint64_t left = u->batch_count - m->batch, bytes = 0, fixed = 0;
	struct vs_batch *s = u->batches + m->batch, *last;

	unit->batch = m->batch;
	unit->batches =
		(uint32_t)vs_number_code(&m->batches, c, unit->batches, left);
	if (unit->batches == 0)
		malformed(c);
	if (c->status != VS_OK)
		return 0;
	m->batch += unit->batches;
	for (last = s + unit->batches - 1;; s++) {
		code_fixes(u, m, c, s);
		if (c->status != VS_OK)
			return 0;
		fixed += vs_batch_fixed(u->fixes + s->fix, s->fixes);
		if (s == last)
			break;
		s->len = VS_BATCH_LEN +
		         (uint32_t)vs_number_code(&m->batch_len, c,
		                                  s->len - VS_BATCH_LEN,
		                                  VS_EROFS_EXTENT_MAX);
		bytes += s->len;
	}
	if (fixed > VS_FIXED_MAX || bytes + fixed >= unit->len ||
	    unit->len - bytes - fixed > VS_BATCH_MAX)
		malformed(c);
	last->len = (uint32_t)(unit->len - bytes - fixed);
	return fixed;
}

static void code_unit(struct vs_units *u, struct models *m, struct vs_coder *c,
                      uint32_t number)
{
	struct vs_unit *unit = &u->list[number];
	const struct vs_unit *before = number > 0 ? unit - 1 : NULL;
	uint64_t fixed = 0;

	code_kind(u, m, c, unit, before ? before->kind : 0);
	unit->slice = before ? before->slice + before->slices : unit->slice;
	if (!u->is_new && unit->kind == VS_UNIT_COPY)
		malformed(c);
	code_place(u, m, c, unit);
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
	if (c->status == VS_OK && unit->kind == VS_UNIT_FILE && u->is_new)
		fixed = code_batches(u, m, c, unit);
	if (c->status == VS_OK)
		code_slices(u, m, c, number);
	/* a file is one slice, behind its fixes */
	if (c->status == VS_OK && unit->kind == VS_UNIT_FILE &&
	    (unit->slices != (fixed > 0 ? 2 : 1) ||
	     (fixed > 0 && u->slices[unit->slice].len != fixed)))
		malformed(c);
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
	if (u->packing != VS_PACKING_LZ4)
		return c->status;
	u->ahead = (uint32_t)vs_number_code(&m->count, c, u->ahead,
	                                    VS_CLUSTER_AHEAD_MAX);
	if (u->block % VS_DELTA_BLOCK != 0 || u->ahead == 0)
		malformed(c);
	u->batch_count = (size_t)vs_number_code(&m->batches, c, u->batch_count,
	                                        VS_BATCHES_MAX);
	u->fix_count = (size_t)vs_number_code(&m->fixes, c, u->fix_count,
	                                      VS_FIXES_MAX);
	if (!c->encode && c->status == VS_OK) {
		u->batches = calloc(u->batch_count + 1, sizeof(*u->batches));
		u->fixes = calloc(u->fix_count + 1, sizeof(*u->fixes));
	}
	if ((!u->batches || !u->fixes) && c->status == VS_OK)
		return VS_ERR_NOMEM;
	return c->status;
}

vs_status vs_units_code(struct vs_units *u, uint64_t old_len,
                        struct vs_coder *c)
{
	struct models *m = malloc(sizeof(*m));
	vs_status status = VS_ERR_NOMEM;

	if (!m)
		return VS_ERR_NOMEM;
	init(m);
	m->old_len = old_len;
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
		code_unit(u, m, c, i);
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
	free(u->batches);
	free(u->fixes);
	u->batches = NULL;
	u->fixes = NULL;
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
