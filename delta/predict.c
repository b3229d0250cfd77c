/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/predict.c - from an old operand to a new one.
 */
#include "delta/predict.h"

#include <stdlib.h>
#include <string.h>

#define LEARNT_LOG 17

vs_status vs_learnt_init(struct vs_learnt *l)
{
	l->rows = calloc((size_t)1 << LEARNT_LOG, sizeof(*l->rows));
	return l->rows ? VS_OK : VS_ERR_NOMEM;
}

void vs_learnt_drop(struct vs_learnt *l)
{
	free(l->rows);
	l->rows = NULL;
}

static struct vs_learnt_row *row_of(const struct vs_pair *pair, uint64_t target,
                                    uint32_t *check)
{
	uint64_t h = (target + ((uint64_t)pair->number << 48)) *
	             UINT64_C(0x9e3779b97f4a7c15);

	*check = (uint32_t)(h >> 8) | 1;
	return &pair->learnt->rows[h >> (64 - LEARNT_LOG)];
}

static void learn(const struct vs_pair *pair, uint64_t old, uint64_t new)
{
	uint32_t check;
	struct vs_learnt_row *row = row_of(pair, old, &check);
	int64_t shift = (int64_t)(new - old);

	if (shift > INT32_MAX || shift < INT32_MIN)
		return;
	row->check = check;
	row->shift = (int32_t)shift;
}

static uint64_t addr_at(const struct vs_section_row *row, uint32_t place)
{
	return row->addr + (place - (uint64_t)row->at);
}

/* Where a place in the new file is in memory; by the section that the old one
 * was in if none holds it.
 */
static uint64_t new_addr(const struct vs_pair *pair, size_t row, uint32_t place)
{
	const struct vs_section_row *is = &pair->is->rows[row];

	if (place < is->at || place - is->at >= is->len) {
		const struct vs_section_row *other =
			vs_elf_by_place(pair->is, place);

		if (other)
			is = other;
	}
	return addr_at(is, place);
}

uint64_t vs_pair_translate(const struct vs_pair *pair,
                           const struct vs_cover *cover, uint64_t target,
                           enum vs_source_of *source)
{
	const struct vs_section_row *was = vs_elf_by_addr(pair->was, target);
	const struct vs_map_row *moved;
	const struct vs_learnt_row *learnt;
	uint32_t place, check;
	size_t row;

	*source = VS_FROM_NOTHING;
	if (!was)
		return target;
	row = (size_t)(was - pair->was->rows);
	if (was->kind == VS_SECTION_BSS) {
		learnt = row_of(pair, target, &check);
		if (learnt->check == check) {
			*source = VS_FROM_LEARNT;
			return target + (uint64_t)(int64_t)learnt->shift;
		}
		*source = VS_FROM_SECTION;
		return pair->is->rows[row].addr + (target - was->addr);
	}
	place = was->at + (uint32_t)(target - was->addr);
	if (place >= cover->from && place - cover->from < cover->len) {
		*source = VS_FROM_COVER;
		return new_addr(pair, row, place + cover->at - cover->from);
	}
	learnt = row_of(pair, target, &check);
	if (learnt->check == check) {
		*source = VS_FROM_LEARNT;
		return target + (uint64_t)(int64_t)learnt->shift;
	}
	moved = vs_map_find(pair->map, place);
	*source = VS_FROM_MAP;
	if (!moved) {
		moved = vs_map_near(pair->map, place);
		*source = VS_FROM_NEAR;
	}
	return new_addr(pair, row,
	                moved ? place + (uint32_t)moved->shift : place);
}

static uint32_t new_place(const struct vs_piece *p, const struct vs_operand *o)
{
	return o->place + p->cover->at - p->cover->from;
}

static void find_stands(struct vs_piece *p, const struct vs_pair *pair)
{
	for (size_t i = 0; i < p->operands.count; i++) {
		const struct vs_operand *o = &p->operands.list[i];
		const struct vs_section_row *was =
			vs_elf_by_place(pair->was, o->place);
		const struct vs_section_row *is =
			vs_elf_by_place(pair->is, new_place(p, o));

		p->stands[i] = 0;
		if (was && is && was->kind == is->kind)
			p->stands[i] = (uint8_t)(is - pair->is->rows + 1);
	}
}

/* Byte i of an operand, if it lies in the piece. */
static bool within(const struct vs_piece *p, const struct vs_operand *o,
                   uint32_t i, uint32_t *at)
{
	uint32_t from = p->cover->from + (p->at - p->cover->at);

	*at = o->place + i - from; /* wraps around if it lies before */
	return o->place + i >= from && *at < p->len;
}

static uint32_t start_of(const struct vs_piece *p)
{
	return p->cover->from + (p->at - p->cover->at);
}

/* The first operand that begins at or behind a place. */
static size_t operand_from(const struct vs_operands *o, uint32_t place)
{
	size_t low = 0, high = o->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (o->list[middle].place < place)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void guess(struct vs_piece *p, const struct vs_pair *pair, size_t number)
{
	const struct vs_operand *o = &p->operands.list[number];
	const struct vs_section_row *row;
	enum vs_source_of source, base_source;
	uint64_t target, base = 0;
	uint8_t bytes[8];

	if (p->stands[number] == 0)
		return;
	row = &pair->is->rows[p->stands[number] - 1];
	target = vs_pair_translate(pair, p->cover, o->target, &source);
	if (o->kind == VS_OPERAND_TABLE)
		base = row->addr;
	else if (o->kind == VS_OPERAND_SIZE64 || o->kind == VS_OPERAND_SIZE32 ||
	         o->kind == VS_OPERAND_REST)
		base = vs_pair_translate(pair, p->cover, o->base, &base_source);
	memcpy(bytes, p->window + (o->place - p->window_first), o->len);
	vs_operand_put(o, addr_at(row, new_place(p, o)), base, target, bytes);
	for (uint32_t i = 0; i < o->len; i++) {
		uint32_t at;

		if (!within(p, o, i, &at))
			continue;
		p->guess[at] = bytes[i];
		p->kind[at] = (uint8_t)o->kind;
		p->part[at] = (uint8_t)i;
		p->source[at] = (uint8_t)source;
	}
}

void vs_piece_guess(struct vs_piece *p, const struct vs_pair *pair,
                    uint32_t from, uint32_t end)
{
	const struct vs_operands *o = &p->operands;
	uint32_t start = start_of(p);

	for (size_t i = operand_from(o, start + from);
	     i < o->count && o->list[i].place < start + end; i++)
		guess(p, pair, i);
}

vs_status vs_piece_init(struct vs_piece *p, const struct vs_pair *pair,
                        const struct vs_cover *cover, uint32_t at, uint32_t len)
{
	uint32_t from = cover->from + (at - cover->at);
	const struct vs_section_row *row;
	struct vs_window w;
	vs_status status;

	p->cover = cover;
	p->at = at;
	p->len = len;
	p->section = VS_SECTION_OTHER;
	p->operands.count = 0;
	memset(p->kind, 0, len);
	memset(p->part, 0, len);
	memset(p->source, 0, len);
	if (!pair->was)
		return vs_old_read(pair->old, from, p->guess, len);
	p->window_first = vs_window_first(pair->was, from);
	w = (struct vs_window){p->window, p->window_first,
	                       from - p->window_first + len + VS_WINDOW_AFTER,
	                       from, from + len};
	status = vs_old_read(pair->old, p->window_first, p->window, w.len);
	if (status != VS_OK)
		return status;
	memcpy(p->guess, p->window + (from - p->window_first), len);
	row = vs_elf_by_place(pair->was, from);
	p->section = row ? row->kind : VS_SECTION_OTHER;
	vs_operands_find(&p->operands, &w, pair->was, pair->frames);
	find_stands(p, pair);
	for (size_t i = 0; i < p->operands.count; i++)
		guess(p, pair, i);
	return VS_OK;
}

void vs_piece_learn(const struct vs_piece *p, const struct vs_pair *pair,
                    uint32_t from, uint32_t end, const uint8_t *bytes)
{
	const struct vs_operands *o = &p->operands;
	uint32_t start = start_of(p);

	/* it may have begun a few bytes before */
	for (size_t i = operand_from(o, start + (from < 7 ? 0 : from - 7));
	     i < o->count; i++) {
		const struct vs_operand *x = &o->list[i];
		uint32_t first = x->place - start, last = first + x->len - 1u;
		const struct vs_section_row *row;
		uint64_t target;

		if (first >= end)
			break;
		if (last < from || last >= end || last >= p->len ||
		    p->stands[i] == 0)
			continue;
		row = &pair->is->rows[p->stands[i] - 1];
		if (vs_operand_get(x, addr_at(row, new_place(p, x)), row->addr,
		                   bytes + first, &target))
			learn(pair, x->target, target);
	}
}
