/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/plan.c - equal blocks drop out, ELF files pair up by path.
 */
#include "delta/make/plan.h"

#include <stdlib.h>
#include <string.h>

#include "delta/elf.h"
#include "delta/make/bare.h"
#include "delta/make/ext4.h"
#include "delta/make/list.h"
#include "delta/walk.h"

#define NOWHERE UINT32_MAX
#define NEAR 2 /* old blocks beside unmatched ones are worth a look */

struct plan {
	const struct vs_image *was, *is;
	struct vs_ext4 read[2]; /* owned; where none are given */
	const struct vs_ext4 *old_files, *new_files;
	const uint8_t *known; /* or NULL */
	uint32_t blocks, was_blocks;
	uint32_t *copy_of;  /* old block that a new one equals, or NOWHERE */
	uint32_t *file_of;  /* of new blocks: 0 none, else number of the file */
	uint32_t *place_of; /* and the block within that file */
	uint8_t *used;      /* old blocks that are copied or in a pair */
	struct vs_plan *plan;
	struct vs_layout *out;
	size_t extent_cap, segment_cap, file_cap, new_cap;
	uint64_t frames; /* bytes of the old programs' unwind tables */
};

static uint64_t hash_block(const uint8_t *p)
{
	uint64_t h = UINT64_C(0x243f6a8885a308d3);

	for (size_t i = 0; i < VS_DELTA_BLOCK; i += 8) {
		uint64_t x;

		memcpy(&x, p + i, 8);
		h = (h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return h;
}

static const uint8_t *at(const struct vs_image *image, uint32_t block)
{
	return image->bytes + (uint64_t)block * VS_DELTA_BLOCK;
}

static bool same(const struct plan *p, uint32_t new, uint32_t old)
{
	return memcmp(at(p->is, new), at(p->was, old), VS_DELTA_BLOCK) == 0;
}

static bool is_zero(const uint8_t *p)
{
	return p[0] == 0 && memcmp(p, p + 1, VS_DELTA_BLOCK - 1) == 0;
}

/* For each new block an old one that equals it: the one that goes on from the
 * block before, the one at the same place, or the first.
 */
static vs_status find_copies(struct plan *p)
{
	size_t slots = 1024;
	uint32_t *table;

	while (slots < (size_t)p->was_blocks * 2)
		slots *= 2;
	table = malloc(slots * sizeof(*table));
	if (!table)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < slots; i++)
		table[i] = NOWHERE;
	for (uint32_t b = 0; b < p->was_blocks; b++) {
		size_t i = (size_t)hash_block(at(p->was, b)) & (slots - 1);

		while (table[i] != NOWHERE &&
		       memcmp(at(p->was, table[i]), at(p->was, b),
		              VS_DELTA_BLOCK) != 0)
			i = (i + 1) & (slots - 1);
		if (table[i] == NOWHERE)
			table[i] = b;
	}
	for (uint32_t b = 0; b < p->blocks; b++) {
		uint32_t next = b > 0 && p->copy_of[b - 1] != NOWHERE
		                        ? p->copy_of[b - 1] + 1
		                        : b;
		size_t i;

		p->copy_of[b] = NOWHERE;
		if (is_zero(at(p->is, b)))
			continue;
		if (next < p->was_blocks && same(p, b, next)) {
			p->copy_of[b] = next;
			continue;
		}
		if (b < p->was_blocks && same(p, b, b)) {
			p->copy_of[b] = b;
			continue;
		}
		i = (size_t)hash_block(at(p->is, b)) & (slots - 1);
		while (table[i] != NOWHERE && !same(p, b, table[i]))
			i = (i + 1) & (slots - 1);
		p->copy_of[b] = table[i];
	}
	free(table);
	return VS_OK;
}

static vs_status add_extent(struct plan *p, struct vs_extent e)
{
	struct vs_layout *l = p->out;

	if (!vs_list_grow(&l->extents, &p->extent_cap, l->extent_count,
	                  sizeof(*l->extents)))
		return VS_ERR_NOMEM;
	l->extents[l->extent_count++] = e;
	return VS_OK;
}

static vs_status add_file(struct plan *p, struct vs_file f)
{
	struct vs_layout *l = p->out;

	if (!vs_list_grow(&l->files, &p->file_cap, l->file_count,
	                  sizeof(*l->files)) ||
	    !vs_list_grow(&p->plan->files, &p->new_cap, l->file_count,
	                  sizeof(*p->plan->files)))
		return VS_ERR_NOMEM;
	p->plan->files[l->file_count] = (struct vs_plan_file){NULL, 0};
	l->files[l->file_count++] = f;
	return VS_OK;
}

static uint32_t blocks_of(const struct vs_ext4_file *f)
{
	return (uint32_t)((f->len + VS_DELTA_BLOCK - 1) / VS_DELTA_BLOCK);
}

/* Whether the copies that were found make the whole file. */
static bool is_unchanged(const struct plan *p, const struct vs_ext4_file *f)
{
	for (size_t i = 0; i < f->count; i++)
		for (uint32_t k = 0; k < f->extents[i].count; k++)
			if (p->copy_of[f->extents[i].image + k] == NOWHERE)
				return false;
	return true;
}

static vs_status read_image(void *ctx, uint64_t from, void *out, size_t len)
{
	const struct vs_image *image = ctx;

	memcpy(out, image->bytes + from, len);
	return VS_OK;
}

static vs_status read_elf(const struct vs_image *image,
                          const struct vs_ext4_file *f, struct vs_elf *elf)
{
	struct vs_image whole = *image;
	const struct vs_old_image from = {&whole, image->len, read_image};
	const struct vs_old file = {&from, f->extents, f->count,
	                            (uint64_t)blocks_of(f) * VS_DELTA_BLOCK};

	return vs_elf_read(&file, elf);
}

static vs_status keep_extents(struct vs_plan_file *f,
                              const struct vs_extent *extents, size_t count)
{
	f->is = malloc((count + 1) * sizeof(*f->is));
	if (!f->is)
		return VS_ERR_NOMEM;
	if (count > 0)
		memcpy(f->is, extents, count * sizeof(*f->is));
	f->count = count;
	return VS_OK;
}

static vs_status add_pair(struct plan *p, const struct vs_ext4_file *was,
                          const struct vs_ext4_file *is, uint32_t load)
{
	uint32_t number;
	vs_status status;

	if (blocks_of(is) > VS_FILE_BLOCKS_MAX ||
	    blocks_of(was) > VS_FILE_BLOCKS_MAX ||
	    p->out->file_count == VS_FILES_MAX)
		return VS_OK;
	number = (uint32_t)p->out->file_count;
	status = add_file(p, (struct vs_file){.predicted = true,
	                                      .load = load,
	                                      .blocks = blocks_of(is),
	                                      .was_blocks = blocks_of(was),
	                                      .was_count = was->count});
	for (size_t i = 0; i < was->count && status == VS_OK; i++) {
		status = add_extent(p, was->extents[i]);
		for (uint32_t k = 0; k < was->extents[i].count; k++)
			p->used[was->extents[i].image + k] = 1;
	}
	if (status == VS_OK)
		status = keep_extents(&p->plan->files[number], is->extents,
		                      is->count);
	for (size_t i = 0; i < is->count; i++)
		for (uint32_t k = 0; k < is->extents[i].count; k++) {
			p->file_of[is->extents[i].image + k] = number;
			p->place_of[is->extents[i].image + k] =
				is->extents[i].file + k;
		}
	return status;
}

static vs_status add_elf_pair(struct plan *p, const struct vs_ext4_file *was,
                              const struct vs_ext4_file *is)
{
	struct vs_elf old, new;
	uint64_t frames = 0;
	vs_status status = read_elf(p->was, was, &old);

	if (status == VS_OK)
		status = read_elf(p->is, is, &new);
	if (status != VS_OK || !vs_elf_alike(&old, &new))
		return status;
	for (size_t i = 0; i < old.count; i++)
		if (old.rows[i].kind == VS_SECTION_EH_FRAME)
			frames += old.rows[i].len;
	if (frames > VS_FRAMES_MAX - p->frames)
		return VS_OK; /* the format has no room for it */
	p->frames += frames;
	return add_pair(p, was, is, 0);
}

/* No file system: the images themselves may be programs. */
static vs_status pair_images(struct plan *p)
{
	struct vs_extent all[2] = {
		{0, 0, p->was_blocks},
                {0, 0, p->blocks    }
        };
	const struct vs_ext4_file was = {NULL, p->was->len, &all[0], 1};
	const struct vs_ext4_file is = {NULL, p->is->len, &all[1], 1};
	uint32_t old, new;

	if (vs_bare_find(p->was->bytes, (size_t)p->was->len, &old) &&
	    vs_bare_find(p->is->bytes, (size_t)p->is->len, &new))
		return add_pair(p, &was, &is, old | 1);
	return add_elf_pair(p, &was, &is);
}

static vs_status find_pairs(struct plan *p)
{
	const struct vs_ext4 *old = p->old_files, *new = p->new_files;
	vs_status status = VS_OK;

	for (size_t i = 0, k = 0; i < new->count &&status == VS_OK; i++) {
		const struct vs_ext4_file *f = &new->files[i];

		while (k < old->count &&
		       strcmp(old->files[k].path, f->path) < 0)
			k++;
		if (k == old->count || strcmp(old->files[k].path, f->path) != 0)
			continue;
		if (f->count > 0 && f->extents[0].file == 0 &&
		    memcmp(at(p->is, f->extents[0].image), "\177ELF", 4) == 0 &&
		    p->file_of[f->extents[0].image] == 0 && /* no other name */
		    !is_unchanged(p, f))
			status = add_elf_pair(p, &old->files[k], f);
	}
	return status;
}

/* The rest: new blocks in the image's order, old ones that nobody uses, and
 * their neighbours.
 */
static vs_status add_rest(struct plan *p, size_t *first_extent)
{
	struct vs_file *rest = &p->out->files[0];
	uint32_t count = 0;
	vs_status status = VS_OK;

	for (uint32_t b = 0; b < p->blocks; b++) {
		if (p->file_of[b] != 0 || p->copy_of[b] != NOWHERE ||
		    is_zero(at(p->is, b)))
			continue;
		p->file_of[b] = NOWHERE;
		p->place_of[b] = count++;
	}
	rest->blocks = count;
	for (uint32_t b = 0; b < p->blocks; b++)
		if (p->file_of[b] == 0 && p->copy_of[b] != NOWHERE)
			p->used[p->copy_of[b]] = 1;
	*first_extent = p->out->extent_count;
	count = 0;
	for (uint32_t b = 0; b < p->was_blocks && status == VS_OK; b++) {
		bool wanted = false;

		for (uint32_t k = b < NEAR ? 0 : b - NEAR;
		     k <= b + NEAR && k < p->was_blocks; k++)
			wanted = wanted ||
			         (!p->used[k] && !is_zero(at(p->was, k)));
		if (!wanted || is_zero(at(p->was, b)))
			continue;
		struct vs_extent *last =
			p->out->extent_count > *first_extent
				? &p->out->extents[p->out->extent_count - 1]
				: NULL;
		if (last && last->image + last->count == b)
			last->count++;
		else
			status = add_extent(p, (struct vs_extent){count, b, 1});
		count++;
	}
	p->out->files[0].was_blocks = count;
	p->out->files[0].was_count = p->out->extent_count - *first_extent;
	return status;
}

static vs_status add_segments(struct plan *p)
{
	struct vs_layout *l = p->out;

	for (uint32_t b = 0; b < p->blocks; b++) {
		struct vs_segment *last =
			l->segment_count ? &l->segments[l->segment_count - 1]
					 : NULL;
		struct vs_segment s = {b, 1, p->file_of[b], p->place_of[b]};

		if (p->known && p->known[b])
			continue;
		if (s.file == NOWHERE) {
			s.file = 0;
		} else if (s.file == 0) {
			if (p->copy_of[b] == NOWHERE)
				continue;
			s.file = VS_SEGMENT_COPY;
			s.from = p->copy_of[b];
		}
		if (last && last->file == s.file &&
		    last->at + last->count == b &&
		    last->from + last->count == s.from) {
			last->count++;
			continue;
		}
		if (!vs_list_grow(&l->segments, &p->segment_cap,
		                  l->segment_count, sizeof(*l->segments)))
			return VS_ERR_NOMEM;
		l->segments[l->segment_count++] = s;
	}
	return VS_OK;
}

/* Programs that would be one too many at once are like other files. */
static vs_status limit_programs(struct plan *p)
{
	struct vs_layout *l = p->out;
	uint32_t *left = calloc(l->file_count + 1, sizeof(*left));
	uint8_t *open = calloc(l->file_count + 1, 1);
	vs_status status = left && open ? VS_OK : VS_ERR_NOMEM;
	size_t count = 0;

	for (size_t i = 0; status == VS_OK && i < l->segment_count; i++)
		if (l->segments[i].file != VS_SEGMENT_COPY)
			left[l->segments[i].file] += l->segments[i].count;
	for (size_t i = 0; status == VS_OK && i < l->segment_count; i++) {
		uint32_t number = l->segments[i].file;

		if (number == VS_SEGMENT_COPY || !l->files[number].predicted)
			continue;
		if (!open[number] && count == VS_PROGRAMS_MAX) {
			l->files[number].predicted = false;
			continue;
		}
		count += !open[number];
		open[number] = 1;
		left[number] -= l->segments[i].count;
		count -= left[number] == 0;
	}
	free(left);
	free(open);
	return status;
}

/* The rest is file 0, but its extents came last: put them first. */
static vs_status order_extents(struct plan *p, size_t rest)
{
	struct vs_layout *l = p->out;
	struct vs_extent *sorted =
		malloc((l->extent_count + 1) * sizeof(*sorted));
	size_t count = l->extent_count - rest;
	struct vs_extent *next;

	if (!sorted)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < l->extent_count; i++)
		sorted[i < rest ? i + count : i - rest] = l->extents[i];
	free(l->extents);
	l->extents = sorted;
	next = sorted;
	for (size_t i = 0; i < l->file_count; i++) {
		l->files[i].was = next;
		next += l->files[i].was_count;
	}
	return VS_OK;
}

static void take_tables(struct vs_ext4 *from, struct vs_layout *l, int side)
{
	l->inodes[side].seed = from->seed;
	l->inodes[side].tables = from->tables;
	l->inodes[side].count = from->table_count;
	from->tables = NULL;
	from->table_count = 0;
}

/* The rest's new blocks are in its order already. */
static vs_status keep_rest(struct plan *p)
{
	const struct vs_layout *l = p->out;
	struct vs_plan_file *f = &p->plan->files[0];

	f->is = malloc((l->segment_count + 1) * sizeof(*f->is));
	if (!f->is)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < l->segment_count; i++) {
		const struct vs_segment *s = &l->segments[i];

		if (s->file == 0)
			f->is[f->count++] =
				(struct vs_extent){s->from, s->at, s->count};
	}
	return VS_OK;
}

static vs_status make(struct plan *p)
{
	size_t rest = 0;
	vs_status status = find_copies(p);

	if (status == VS_OK && p->old_files == &p->read[0])
		status = vs_ext4_read(p->was->bytes, p->was->len, &p->read[0]);
	if (status == VS_OK && p->new_files == &p->read[1])
		status = vs_ext4_read(p->is->bytes, p->is->len, &p->read[1]);
	if (status == VS_OK)
		status = add_file(p, (struct vs_file){.predicted = false});
	if (status == VS_OK && p->new_files == &p->read[1] &&
	    p->old_files->count == 0 && p->new_files->count == 0)
		status = pair_images(p);
	if (status == VS_OK)
		status = find_pairs(p);
	if (status == VS_OK)
		status = add_rest(p, &rest);
	if (status == VS_OK)
		status = add_segments(p);
	if (status == VS_OK)
		status = limit_programs(p);
	if (status == VS_OK)
		status = order_extents(p, rest);
	if (status == VS_OK)
		status = keep_rest(p);
	if (status == VS_OK) {
		take_tables(&p->read[0], p->out, 0);
		take_tables(&p->read[1], p->out, 1);
	}
	if (status == VS_OK &&
	    p->out->extent_count + p->out->segment_count > VS_RUNS_MAX)
		status = VS_ERR_LIMIT;
	return status;
}

vs_status vs_plan_make(const struct vs_image *was, const struct vs_image *is,
                       const struct vs_plan_given *given, struct vs_plan *plan)
{
	struct vs_layout *out = &plan->layout;
	struct plan p = {.was = was, .is = is, .plan = plan, .out = out};
	vs_status status = VS_ERR_NOMEM;

	*plan = (struct vs_plan){0};
	p.old_files = given ? given->was : &p.read[0];
	p.new_files = given ? given->is : &p.read[1];
	p.known = given ? given->known : NULL;
	p.blocks = out->blocks = (uint32_t)(is->len / VS_DELTA_BLOCK);
	p.was_blocks = out->was_blocks = (uint32_t)(was->len / VS_DELTA_BLOCK);
	p.copy_of = calloc(p.blocks + 1u, sizeof(*p.copy_of));
	p.file_of = calloc(p.blocks + 1u, sizeof(*p.file_of));
	p.place_of = calloc(p.blocks + 1u, sizeof(*p.place_of));
	p.used = calloc(p.was_blocks + 1u, 1);
	if (p.copy_of && p.file_of && p.place_of && p.used)
		status = make(&p);
	free(p.copy_of);
	free(p.file_of);
	free(p.place_of);
	free(p.used);
	vs_ext4_drop(&p.read[0]);
	vs_ext4_drop(&p.read[1]);
	return status;
}

void vs_plan_drop(struct vs_plan *p)
{
	for (size_t i = 0; p->files && i < p->layout.file_count; i++)
		free(p->files[i].is);
	free(p->files);
	vs_layout_drop(&p->layout);
	p->files = NULL;
}
