/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/walk.c - blocks, pieces of covers and what lies between them.
 */
#include "delta/walk.h"

#include <stdlib.h>
#include <string.h>

#include "delta/covers.h"

#define SMALL 64 /* bytes that have one hit in common */

bool vs_elf_alike(const struct vs_elf *a, const struct vs_elf *b)
{
	if (a->arch == VS_ARCH_NONE || a->arch != b->arch ||
	    a->wide != b->wide || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->rows[i].kind != b->rows[i].kind)
			return false;
	return true;
}

vs_status vs_walk_init(struct vs_walk *w, const struct vs_old_image *image,
                       struct vs_layout *layout, struct vs_coder *coder)
{
	vs_status status;

	memset(w, 0, sizeof(*w));
	w->image = image;
	w->coder = coder;
	w->layout = layout;
	w->files = calloc(layout->file_count + 1, sizeof(*w->files));
	w->models = malloc(sizeof(*w->models));
	w->piece = malloc(sizeof(*w->piece));
	if (!w->files || !w->models || !w->piece)
		return VS_ERR_NOMEM;
	vs_cover_models_init(w->models);
	for (int side = 0; side < 2; side++)
		vs_inode_view_init(&w->views[side], layout->inodes[side].seed,
		                   layout->inodes[side].tables,
		                   layout->inodes[side].count);
	vs_inode_image_init(&w->flipped, image, &w->views[0],
	                    &w->flipped_image);
	for (size_t i = 0; i < layout->segment_count; i++) {
		const struct vs_segment *s = &layout->segments[i];

		if (s->file != VS_SEGMENT_COPY)
			w->files[s->file].left += s->count;
	}
	status = vs_learnt_init(&w->learnt);
	return status == VS_OK ? vs_text_init(&w->text) : status;
}

/* What is coded from here on is for this. */
static void spend(struct vs_walk *w, enum vs_spent_on what)
{
	w->coder->meter = w->spent ? &w->spent[w->block].bits[what] : NULL;
}

static void close_file(struct vs_walk *w, struct vs_open_file *f)
{
	if (f->open)
		w->covers_open -= f->cover_count;
	if (f->predict)
		w->programs_open--;
	f->predict = false;
	free(f->elf);
	f->elf = NULL;
	f->open = false;
	free(f->covers);
	f->covers = NULL;
	f->cover_count = 0;
	vs_map_drop(&f->map);
	vs_frames_drop(&f->frames);
}

void vs_walk_drop(struct vs_walk *w)
{
	if (w->files && w->layout)
		for (size_t i = 0; i < w->layout->file_count; i++)
			close_file(w, &w->files[i]);
	free(w->files);
	free(w->models);
	free(w->piece);
	vs_learnt_drop(&w->learnt);
	vs_text_drop(&w->text);
	w->files = NULL;
	w->models = NULL;
	w->piece = NULL;
}

/* The old section table comes from the old image, the new one from here. */
static vs_status open_elf(struct vs_walk *w, struct vs_open_file *f,
                          uint32_t load)
{
	vs_status status;

	if (w->programs_open == VS_PROGRAMS_MAX)
		return VS_ERR_LIMIT;
	if (!f->elf) /* the maker knows the new one */
		f->elf = calloc(2, sizeof(*f->elf));
	if (!f->elf)
		return VS_ERR_NOMEM;
	w->programs_open++;
	f->predict = true;
	status = vs_elf_open(&f->old, load, &f->elf[0]);

	if (status != VS_OK)
		return status;
	/* the maker asks for it only where there is one */
	if (f->elf[0].arch == VS_ARCH_NONE)
		return VS_ERR_INPUT;
	status = vs_elf_code(w->models, w->coder, &f->elf[0], &f->elf[1]);
	if (status == VS_OK)
		status = vs_frames_init(&f->frames, &f->old, &f->elf[0]);
	w->frames_read += f->frames.len;
	if (status == VS_OK && w->frames_read > VS_FRAMES_MAX)
		status = VS_ERR_LIMIT;
	if (status == VS_OK)
		status = vs_map_init(&f->map, f->covers, f->cover_count);
	return status;
}

static vs_status open_file(struct vs_walk *w, struct vs_open_file *f,
                           const struct vs_file *file)
{
	vs_status status;

	f->old = (struct vs_old){f == w->files ? &w->flipped_image : w->image,
	                         file->was, file->was_count,
	                         (uint64_t)file->was_blocks * VS_DELTA_BLOCK};
	spend(w, VS_SPENT_COVERS);
	status = vs_covers_code(w->models, w->coder, &f->covers,
	                        &f->cover_count, VS_COVERS_MAX - w->covers_open,
	                        (uint64_t)file->blocks * VS_DELTA_BLOCK,
	                        f->old.len);
	w->covers_open += f->cover_count;
	f->open = true;
	if (w->spent)
		w->spent[w->block].covers = f->cover_count;
	if (status == VS_OK && file->predicted)
		status = open_elf(w, f, file->load);
	return status;
}

/* How many covers begin at or before a place. */
static size_t upto(const struct vs_open_file *f, uint32_t at)
{
	size_t low = 0, high = f->cover_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (f->covers[middle].at <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Bytes that no cover has: beside them what the cover before would give. */
static vs_status code_gap(struct vs_walk *w, const struct vs_open_file *f,
                          const struct vs_cover *before, uint32_t at,
                          uint32_t len, uint8_t *bytes)
{
	uint8_t beside[VS_DELTA_BLOCK] = {0};
	uint64_t from = before ? (uint64_t)before->from + (at - before->at) : 0;
	struct vs_spot spot = {.covered = false};
	vs_status status = VS_OK;

	if (before && from < f->old.len)
		status = vs_old_read(&f->old, from, beside, len);
	if (status != VS_OK)
		return status;
	spend(w, VS_SPENT_LITERALS);
	for (uint32_t i = 0; i < len; i++) {
		spot.guess = beside[i];
		bytes[i] = vs_text_byte(&w->text, w->coder, &spot, bytes[i]);
	}
	if (w->spent)
		w->spent[w->block].literals += len;
	return VS_OK;
}

/* Bytes of operands that may be wrong. */
static uint32_t load_of(const struct vs_piece *p, uint32_t at, uint32_t len)
{
	uint32_t load = 0;

	if (p->operands.count == 0)
		return 0;
	for (uint32_t i = at; i < at + len; i++)
		load += p->kind[i] != 0 && p->source[i] != VS_FROM_COVER;
	return load;
}

static unsigned code_hit(struct vs_walk *w, const struct vs_piece *p,
                         uint32_t at, uint32_t len, uint8_t *bytes,
                         uint8_t scale)
{
	struct vs_spot spot = {.covered = true,
	                       .section = (uint8_t)p->section,
	                       .scale = scale};
	unsigned hit;

	for (uint32_t load = load_of(p, at, len); load > 0; load >>= 1)
		spot.load++;
	spot.load =
		(uint8_t)((uint32_t)spot.load << 4 | len >> (scale * 6u - 2u));
	hit = w->coder->encode && memcmp(bytes, p->guess + at, len) == 0;
	spend(w, VS_SPENT_HITS);
	hit = vs_text_hit(&w->text, w->coder, &spot, hit);
	if (hit) {
		memcpy(bytes, p->guess + at, len);
		for (uint32_t i = len < 8 ? 0 : len - 8; i < len; i++)
			vs_text_pass(&w->text, bytes[i]);
		w->text.since += len;
	}
	return hit;
}

/* At least one byte is not as guessed. */
static void code_missed(struct vs_walk *w, const struct vs_piece *p,
                        uint32_t at, uint32_t len, uint8_t *bytes)
{
	bool missed = false;

	for (uint32_t i = 0; i < len; i++) {
		const uint32_t k = at + i;
		struct vs_spot spot = {
			.covered = true,
			.guess = p->guess[k],
			.section = (uint8_t)p->section,
			.operand = p->kind[k],
			.part = p->part[k],
			.source = p->source[k],
		};
		unsigned hit = bytes[i] == spot.guess;

		spend(w, VS_SPENT_HITS);
		/* the last one must be, if no other is */
		if (missed || i + 1 < len)
			hit = vs_text_hit(&w->text, w->coder, &spot, hit);
		else
			hit = 0;
		if (hit) {
			bytes[i] = spot.guess;
			vs_text_pass(&w->text, bytes[i]);
			continue;
		}
		missed = true;
		spend(w, spot.operand ? VS_SPENT_OPERANDS : VS_SPENT_MISSES);
		if (w->spent)
			w->spent[w->block].misses++;
		bytes[i] = vs_text_byte(&w->text, w->coder, &spot, bytes[i]);
	}
}

static void code_piece(struct vs_walk *w, const struct vs_pair *pair,
                       uint8_t *bytes)
{
	struct vs_piece *p = w->piece;
	bool missed = false;

	if (p->len > SMALL && code_hit(w, p, 0, p->len, bytes, 2)) {
		vs_piece_learn(p, pair, 0, p->len, bytes);
		return;
	}
	for (uint32_t at = 0; at < p->len; at += SMALL) {
		uint32_t len = p->len - at < SMALL ? p->len - at : SMALL;
		bool last = at + len == p->len && p->len > SMALL;

		if (at > 0) /* until then nothing is learnt */
			vs_piece_guess(p, pair, at, at + len);
		if ((!last || missed) &&
		    code_hit(w, p, at, len, bytes + at, 1)) {
			vs_piece_learn(p, pair, at, at + len, bytes);
			continue;
		}
		missed = true;
		code_missed(w, p, at, len, bytes + at);
		vs_piece_learn(p, pair, at, at + len, bytes);
	}
}

static vs_status code_covered(struct vs_walk *w, struct vs_open_file *f,
                              const struct vs_cover *cover, uint32_t at,
                              uint32_t len, uint8_t *bytes)
{
	const struct vs_pair pair = {
		.old = &f->old,
		.was = f->predict ? &f->elf[0] : NULL,
		.is = f->predict ? &f->elf[1] : NULL,
		.map = &f->map,
		.frames = &f->frames,
		.learnt = &w->learnt,
		.number = (uint32_t)(f - w->files),
	};
	vs_status status = vs_piece_init(w->piece, &pair, cover, at, len);

	if (status == VS_OK)
		code_piece(w, &pair, bytes);
	return status;
}

static vs_status code_block(struct vs_walk *w, struct vs_open_file *f,
                            uint32_t block, uint8_t *bytes)
{
	uint32_t at = block * VS_DELTA_BLOCK;
	uint32_t end = at + VS_DELTA_BLOCK;
	size_t next = upto(f, at);
	vs_status status = VS_OK;

	while (at < end && status == VS_OK && w->coder->status == VS_OK) {
		const struct vs_cover *c =
			next > 0 ? &f->covers[next - 1] : NULL;
		uint32_t stop =
			next < f->cover_count && f->covers[next].at < end
				? f->covers[next].at
				: end;
		uint32_t covered =
			c && c->at + c->len > at ? c->at + c->len - at : 0;

		if (covered > 0) {
			if (covered > stop - at)
				covered = stop - at;
			status = code_covered(w, f, c, at, covered, bytes);
			bytes += covered;
			at += covered;
		} else if (at < stop) {
			status = code_gap(w, f, c, at, stop - at, bytes);
			bytes += stop - at;
			at = stop;
		} else {
			next++;
		}
	}
	return status == VS_OK ? w->coder->status : status;
}

static vs_status from_file(struct vs_walk *w, const struct vs_segment *s,
                           uint8_t *bytes)
{
	struct vs_open_file *f = &w->files[s->file];
	const struct vs_file *file = &w->layout->files[s->file];
	vs_status status = VS_OK;

	if (!f->open)
		status = open_file(w, f, file);
	if (w->coder->encode && s->file == 0)
		vs_inode_view_flip(&w->views[1], w->block, bytes);
	if (status == VS_OK)
		status = code_block(w, f, s->from + (w->block - s->at), bytes);
	if (s->file == 0)
		vs_inode_view_flip(&w->views[1], w->block, bytes);
	if (--f->left == 0)
		close_file(w, f);
	return status;
}

/* How many blocks, at most count, are as the next one: copied, or in nothing.
 * One that is coded is alone.
 */
static uint32_t run_of(const struct vs_walk *w, const struct vs_segment *s,
                       uint32_t count)
{
	uint32_t end = s ? s->at : w->layout->blocks;

	if (s && w->block >= s->at) {
		if (s->file != VS_SEGMENT_COPY)
			return 1;
		end = s->at + s->count;
	}
	return end - w->block < count ? end - w->block : count;
}

vs_status vs_walk_blocks(struct vs_walk *w, uint8_t *bytes, uint32_t count)
{
	const struct vs_layout *l = w->layout;
	vs_status status = VS_OK;

	if (count > l->blocks - w->block)
		return VS_ERR_LIMIT;
	while (count > 0 && status == VS_OK) {
		const struct vs_segment *s = w->segment < l->segment_count
		                                     ? &l->segments[w->segment]
		                                     : NULL;
		uint32_t run = run_of(w, s, count);
		size_t len = (size_t)run * VS_DELTA_BLOCK;

		if (!s || w->block < s->at)
			memset(bytes, 0, len);
		else if (s->file == VS_SEGMENT_COPY)
			status = w->image->read(
				w->image->ctx,
				((uint64_t)s->from + (w->block - s->at)) *
					VS_DELTA_BLOCK,
				bytes, len);
		else
			status = from_file(w, s, bytes);
		if (status != VS_OK)
			break;
		w->block += run;
		if (s && w->block == s->at + s->count)
			w->segment++;
		bytes += len;
		count -= run;
	}
	return status;
}
