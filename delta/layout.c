/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/layout.c - the layout as numbers, both ways.
 */
#include "delta/layout.h"

#include <stdlib.h>

/* The models of one layout: numbers of one kind are alike. */
struct models {
	struct vs_number count, gap, len, place, index;
	uint16_t kind;
};

static vs_status malformed(struct vs_coder *c)
{
	if (c->status == VS_OK)
		c->status = VS_ERR_INPUT;
	return c->status;
}

static uint32_t code(struct vs_number *n, struct vs_coder *c, uint64_t value,
                     uint64_t max)
{
	return (uint32_t)vs_number_code(n, c, value, max);
}

/* A number near an expected one; checked against max, inclusive. */
static uint32_t code_near(struct vs_number *n, struct vs_coder *c,
                          uint32_t value, uint32_t expected, uint32_t max)
{
	int64_t off = vs_number_code_signed(n, c, (int64_t)value - expected);
	int64_t out = (int64_t)expected + off;

	if (out < 0 || out > max) {
		(void)malformed(c);
		return 0;
	}
	return (uint32_t)out;
}

/* How many there are, and room for them when decoding. */
static vs_status code_count(struct models *m, struct vs_coder *c, void *list,
                            size_t *count, size_t max, size_t each)
{
	void **out = list;

	*count = code(&m->count, c, *count, max);
	if (c->status != VS_OK || c->encode)
		return c->status;
	*out = calloc(*count + 1, each);
	return *out ? VS_OK : VS_ERR_NOMEM;
}

static void code_extents(struct vs_layout *l, struct models *m,
                         struct vs_coder *c, struct vs_file *f)
{
	uint32_t file = 0, image = 0;

	for (size_t i = 0; i < f->was_count && c->status == VS_OK; i++) {
		struct vs_extent *e = &f->was[i];

		e->file = file + code(&m->gap, c, e->file - file,
		                      f->was_blocks - file);
		e->count = 1 + code(&m->len, c, e->count - 1,
		                    f->was_blocks - e->file);
		e->image =
			code_near(&m->place, c, e->image, image, l->was_blocks);
		if (e->count > f->was_blocks - e->file ||
		    e->count > l->was_blocks - e->image) {
			(void)malformed(c);
			return;
		}
		file = e->file + e->count;
		image = e->image + e->count;
	}
}

static vs_status code_files(struct vs_layout *l, struct models *m,
                            struct vs_coder *c)
{
	struct vs_extent *next = l->extents;
	size_t left = l->extent_count;

	for (size_t i = 0; i < l->file_count && c->status == VS_OK; i++) {
		struct vs_file *f = &l->files[i];

		f->predicted = vs_chance_code(&m->kind, c, f->predicted);
		f->load = code(&m->index, c, f->load, UINT32_MAX);
		f->blocks = code(&m->len, c, f->blocks, VS_FILE_BLOCKS_MAX);
		f->was_blocks = code_near(&m->len, c, f->was_blocks, f->blocks,
		                          VS_FILE_BLOCKS_MAX);
		f->was_count = code(&m->count, c, f->was_count, left);
		if (c->status != VS_OK)
			break;
		if (!c->encode)
			f->was = next;
		code_extents(l, m, c, f);
		next += f->was_count;
		left -= f->was_count;
	}
	return c->status;
}

static void code_segment(struct vs_layout *l, struct models *m,
                         struct vs_coder *c, struct vs_segment *s,
                         uint32_t *expected, uint32_t *last_file)
{
	bool copy = vs_chance_code(&m->kind, c, s->file == VS_SEGMENT_COPY);
	uint32_t *from = &expected[l->file_count];
	uint32_t max = l->was_blocks;

	s->count = 1 + code(&m->len, c, s->count - 1, l->blocks - s->at);
	if (copy) {
		s->file = VS_SEGMENT_COPY;
	} else {
		s->file = code_near(&m->index, c, s->file, *last_file,
		                    (uint32_t)l->file_count);
		if (s->file >= l->file_count) {
			(void)malformed(c);
			return;
		}
		*last_file = s->file;
		from = &expected[s->file];
		max = l->files[s->file].blocks;
	}
	s->from = code_near(&m->place, c, s->from, *from, max);
	if (s->count > l->blocks - s->at || s->count > max - s->from)
		(void)malformed(c);
	*from = s->from + s->count;
}

static vs_status code_segments(struct vs_layout *l, struct models *m,
                               struct vs_coder *c)
{
	uint32_t *expected = calloc(l->file_count + 1, sizeof(*expected));
	uint32_t end = 0, last_file = 0;

	if (!expected)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < l->segment_count && c->status == VS_OK; i++) {
		struct vs_segment *s = &l->segments[i];

		s->at = end + code(&m->gap, c, s->at - end, l->blocks - end);
		code_segment(l, m, c, s, expected, &last_file);
		end = s->at + s->count;
	}
	free(expected);
	return c->status;
}

static vs_status code_inodes(struct vs_layout *l, int side, struct models *m,
                             struct vs_coder *c)
{
	uint32_t max = side == 0 ? l->was_blocks : l->blocks;
	uint32_t end = 0, first = 1;
	vs_status status = code_count(m, c, &l->inodes[side].tables,
	                              &l->inodes[side].count, VS_INODES_MAX,
	                              sizeof(*l->inodes[side].tables));

	if (status != VS_OK || l->inodes[side].count == 0)
		return status;
	l->inodes[side].seed =
		code(&m->index, c, l->inodes[side].seed, UINT32_MAX);
	for (size_t i = 0; i < l->inodes[side].count; i++) {
		struct vs_inodes *t = &l->inodes[side].tables[i];

		t->at = end + code(&m->gap, c, t->at - end, max - end);
		t->count = code(&m->len, c, t->count, max - t->at);
		t->first = code_near(&m->place, c, t->first, first, UINT32_MAX);
		if (c->status != VS_OK)
			break;
		end = t->at + t->count;
		first = t->first + t->count * 16;
	}
	return c->status;
}

static void init(struct models *m)
{
	vs_number_init(&m->count);
	vs_number_init(&m->gap);
	vs_number_init(&m->len);
	vs_number_init(&m->place);
	vs_number_init(&m->index);
	m->kind = 32768;
}

vs_status vs_layout_code(struct vs_layout *l, struct vs_coder *c)
{
	struct models m;
	vs_status status;

	init(&m);
	status = code_count(&m, c, &l->files, &l->file_count, VS_FILES_MAX,
	                    sizeof(*l->files));
	if (status == VS_OK)
		status = code_count(&m, c, &l->extents, &l->extent_count,
		                    VS_RUNS_MAX, sizeof(*l->extents));
	if (status == VS_OK)
		status = code_count(&m, c, &l->segments, &l->segment_count,
		                    VS_RUNS_MAX, sizeof(*l->segments));
	if (status == VS_OK)
		status = code_files(l, &m, c);
	init(&m);
	if (status == VS_OK)
		status = code_segments(l, &m, c);
	for (int side = 0; side < 2; side++)
		if (status == VS_OK)
			status = code_inodes(l, side, &m, c);
	return status;
}

void vs_layout_drop(struct vs_layout *l)
{
	free(l->segments);
	free(l->files);
	free(l->extents);
	free(l->inodes[0].tables);
	free(l->inodes[1].tables);
	*l = (struct vs_layout){0};
}
