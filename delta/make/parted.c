/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/parted.c - units and slices in order, and what is in them.
 */
#include "delta/make/parted.h"

#include <stdlib.h>
#include <string.h>

#include "delta/make/list.h"
#include "delta/make/pairing.h"

/* A side of the view while it is laid out. */
struct side {
	struct vs_side *from;
	struct vs_units *units;
	size_t unit_cap, slice_cap;
	uint64_t at;     /* in the image */
	size_t *unit_of; /* owned; of each part: its unit, or VS_NOWHERE */
};

struct laying {
	struct vs_pairing found;
	struct side sides[2];
	uint8_t *tables[2]; /* owned: in normal form; NULL: as they are */
	struct vs_views *out;
};

static vs_status add_unit(struct side *s, struct vs_unit unit)
{
	struct vs_units *u = s->units;

	if (!vs_list_grow(&u->list, &s->unit_cap, u->count, sizeof(*u->list)))
		return VS_ERR_NOMEM;
	if (u->count == VS_UNITS_MAX)
		return VS_ERR_LIMIT;
	unit.slice = (uint32_t)u->slice_count;
	u->list[u->count++] = unit;
	return VS_OK;
}

/* The next slice of the last unit. */
static vs_status add_slice(struct side *s, uint32_t len)
{
	struct vs_units *u = s->units;
	struct vs_unit *unit = &u->list[u->count - 1];

	if (!vs_list_grow(&u->slices, &s->slice_cap, u->slice_count,
	                  sizeof(*u->slices)))
		return VS_ERR_NOMEM;
	if (u->slice_count == VS_SLICES_MAX)
		return VS_ERR_LIMIT;
	u->slices[u->slice_count++] = (struct vs_slice){
		u->blocks, len, (uint32_t)u->count - 1, unit->len};
	u->blocks += (len + VS_DELTA_BLOCK - 1) / VS_DELTA_BLOCK;
	unit->slices++;
	unit->len += len;
	return VS_OK;
}

/* Bytes as they are, up to a place. */
static vs_status add_raw(struct side *s, uint64_t end)
{
	vs_status status = VS_OK;

	while (s->at < end && status == VS_OK) {
		uint64_t len = end - s->at;

		if (len > UINT32_C(1) << 30)
			len = UINT32_C(1) << 30;
		status = add_unit(s, (struct vs_unit){.kind = VS_UNIT_RAW,
		                                      .at = s->at,
		                                      .packed = len});
		if (status == VS_OK)
			status = add_slice(s, (uint32_t)len);
		s->at += len;
	}
	return status;
}

/* The slices of a part that is in the view. */
static vs_status add_slices(struct side *s, size_t part, uint32_t len,
                            size_t *cut)
{
	uint32_t at = 0;
	vs_status status = VS_OK;

	while (*cut < s->from->cut_count && s->from->cuts[*cut].part < part)
		++*cut;
	for (; *cut < s->from->cut_count && s->from->cuts[*cut].part == part &&
	       status == VS_OK;
	     ++*cut) {
		if (s->from->cuts[*cut].at <= at ||
		    s->from->cuts[*cut].at >= len)
			continue;
		status = add_slice(s, s->from->cuts[*cut].at - at);
		at = s->from->cuts[*cut].at;
	}
	return status == VS_OK ? add_slice(s, len - at) : status;
}

static vs_status add_copy(struct side *s, const struct vs_part *old, bool apart)
{
	struct vs_units *u = s->units;
	struct vs_unit *last = u->count > 0 ? &u->list[u->count - 1] : NULL;

	if (!apart && last && last->kind == VS_UNIT_COPY && last->len == 0 &&
	    last->at + last->packed == old->at) {
		last->packed += old->packed;
		return VS_OK;
	}
	return add_unit(s, (struct vs_unit){.kind = VS_UNIT_COPY,
	                                    .at = old->at,
	                                    .packed = old->packed});
}

/* The batches of the last unit, and clusters that come otherwise. */
static vs_status add_batches(struct side *s, const struct vs_trial *t)
{
	struct vs_units *u = s->units;
	struct vs_unit *unit = &u->list[u->count - 1];

	if (t->batch_count > VS_BATCHES_MAX - u->batch_count ||
	    t->fix_count > VS_FIXES_MAX - u->fix_count)
		return VS_ERR_LIMIT;
	unit->batch = (uint32_t)u->batch_count;
	unit->batches = (uint32_t)t->batch_count;
	for (size_t i = 0; i < t->batch_count; i++) {
		struct vs_batch *to = u->batches + u->batch_count++;

		*to = t->batches[i];
		to->fix += (uint32_t)u->fix_count;
	}
	if (t->fix_count > 0)
		memcpy(u->fixes + u->fix_count, t->fixes,
		       t->fix_count * sizeof(*t->fixes));
	u->fix_count += t->fix_count;
	return VS_OK;
}

/* A file in clusters. */
static vs_status add_clusters(struct side *s, const struct vs_part *part,
                              const struct vs_trial *t)
{
	vs_status status = add_unit(
		s, (struct vs_unit){.kind = VS_UNIT_FILE,
	                            .at = s->units->is_new ? 0 : part->inode});

	if (status == VS_OK)
		status = add_batches(s, t);
	if (status == VS_OK && t->fixed > 0)
		status = add_slice(s, t->fixed);
	return status == VS_OK ? add_slice(s, t->len - t->fixed) : status;
}

static vs_status add_part(struct laying *p, int side, size_t number,
                          size_t *cut)
{
	struct side *s = &p->sides[side];
	const struct vs_part *part = &s->from->parted.parts[number];
	const struct vs_trial *t = &s->from->trials[number];
	bool raw = t->as_is || part->stored;
	bool clustered = s->from->parted.packing == VS_PACKING_LZ4 && !raw;
	vs_status status;

	s->unit_of[number] = VS_NOWHERE;
	if (side == 1 && p->found.copy_of[number] != VS_NOWHERE) {
		const struct vs_part *old =
			&p->found.sides[0]
				 .parted.parts[p->found.copy_of[number]];

		status = add_copy(s, old, t->wanted);
		if (status != VS_OK || !t->wanted)
			return status;
	} else if (!t->wanted) {
		return VS_OK;
	} else if (clustered) {
		status = add_clusters(s, part, t);
		s->unit_of[number] = s->units->count - 1;
		return status;
	} else {
		status = add_unit(
			s, (struct vs_unit){
				   .kind = raw ? VS_UNIT_RAW : VS_UNIT_PACKED,
				   .at = part->at,
				   .packed = part->packed,
			   });
	}
	s->unit_of[number] = s->units->count - 1;
	return status == VS_OK ? add_slices(s, number, t->len, cut) : status;
}

/* The tables of a side, normal; what the units before them are is known. */
static vs_status add_tables(struct laying *p, int side)
{
	struct side *s = &p->sides[side];
	const struct vs_parted *d = &s->from->parted;
	size_t sum = 0;
	vs_status status;

	for (int i = 0; i < VS_TABLE_PARTS; i++)
		sum += d->lens[i];
	p->tables[side] = NULL;
	if (d->tables_len == 0)
		return VS_OK;
	if (sum > VS_TABLES_MAX || d->tables_len > VS_TABLES_MAX)
		return add_raw(s, d->tables_at + d->tables_len);
	p->tables[side] = vs_trial_tables(&p->found.packer, &s->from->image, d,
	                                  s->units, &status);
	if (status != VS_OK)
		return status;
	if (!p->tables[side])
		return add_raw(s, d->tables_at + d->tables_len);
	status = add_unit(s, (struct vs_unit){.kind = VS_UNIT_TABLES,
	                                      .at = d->tables_at,
	                                      .packed = d->tables_len});
	for (int i = 0; i < VS_TABLE_PARTS && status == VS_OK; i++)
		status = add_slice(s, (uint32_t)d->lens[i]);
	s->at += d->tables_len;
	p->out->tables++;
	return status;
}

static vs_status lay_out(struct laying *p, int side)
{
	struct side *s = &p->sides[side];
	vs_status status = VS_OK;
	size_t cut = 0;

	s->units = &p->out->units[side];
	s->units->is_new = side == 1;
	s->units->packing = s->from->parted.packing;
	s->units->level = (uint32_t)s->from->parted.level;
	s->units->block = s->from->parted.block;
	s->units->ahead = s->from->parted.ahead;
	s->units->image_len = s->from->image.len;
	s->unit_of = malloc((s->from->parted.count + 1) * sizeof(*s->unit_of));
	s->units->batches = calloc(VS_BATCHES_MAX, sizeof(struct vs_batch));
	s->units->fixes = calloc(VS_FIXES_MAX, sizeof(struct vs_fix));
	if (!s->unit_of || !s->units->batches || !s->units->fixes)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < s->from->parted.count && status == VS_OK; i++) {
		status = add_raw(s, s->from->parted.parts[i].at);
		if (status == VS_OK)
			status = add_part(p, side, i, &cut);
		s->at = s->from->parted.parts[i].at +
		        s->from->parted.parts[i].packed;
	}
	if (status == VS_OK)
		status = add_raw(s, s->from->parted.tables_at);
	if (status == VS_OK)
		status = add_tables(p, side);
	return status == VS_OK ? add_raw(s, s->from->image.len) : status;
}

static void fill_slices(struct laying *p, int side, const struct vs_unit *unit,
                        const uint8_t *bytes, uint8_t *view)
{
	const struct vs_units *u = &p->out->units[side];

	for (uint32_t i = 0; i < unit->slices; i++) {
		const struct vs_slice *s = &u->slices[unit->slice + i];

		memcpy(view + (uint64_t)s->at * VS_DELTA_BLOCK,
		       bytes + s->place, s->len);
	}
}

/* The bytes of the view.  What parts held is given up on the way. */
static vs_status fill(struct laying *p, int side)
{
	struct side *s = &p->sides[side];
	const struct vs_units *u = s->units;
	size_t len = (size_t)u->blocks * VS_DELTA_BLOCK;
	uint8_t *view = calloc(1, len + 1);

	if (!view)
		return VS_ERR_NOMEM;
	p->out->images[side] = (struct vs_image){view, len};
	for (size_t i = 0; i < u->count; i++) {
		const struct vs_unit *unit = &u->list[i];

		if (unit->kind == VS_UNIT_TABLES)
			fill_slices(p, side, unit, p->tables[side], view);
		else if (unit->kind == VS_UNIT_RAW)
			fill_slices(p, side, unit,
			            s->from->image.bytes + unit->at, view);
	}
	for (size_t i = 0; i < s->from->parted.count; i++) {
		if (s->unit_of[i] != VS_NOWHERE &&
		    u->list[s->unit_of[i]].kind != VS_UNIT_RAW)
			fill_slices(p, side, &u->list[s->unit_of[i]],
			            s->from->trials[i].bytes, view);
		free(s->from->trials[i].bytes);
		s->from->trials[i].bytes = NULL;
	}
	return VS_OK;
}

static void add_extent(struct vs_ext4_file *f, uint32_t *file,
                       const struct vs_slice *s)
{
	uint32_t count = (s->len + VS_DELTA_BLOCK - 1) / VS_DELTA_BLOCK;
	struct vs_extent *last =
		f->count > 0 ? &f->extents[f->count - 1] : NULL;

	if (last && last->image + last->count == s->at)
		last->count += count;
	else
		f->extents[f->count++] =
			(struct vs_extent){*file, s->at, count};
	*file += count;
}

static const struct vs_slice *slice_at(const struct side *s, size_t part,
                                       uint32_t place)
{
	const struct vs_unit *unit = &s->units->list[s->unit_of[part]];
	const struct vs_slice *slice = &s->units->slices[unit->slice];

	while (slice->place < place)
		slice++;
	return slice;
}

/* Where the paired files lie in the views. */
static vs_status place_files(struct laying *p, int side)
{
	struct side *s = &p->sides[side];
	struct vs_ext4 *to = &p->out->files[side];
	size_t k = 0;

	for (size_t i = 0; i < to->count; i++) {
		const struct vs_part_file *f = &s->from->parted.files[k];
		uint32_t file = 0;

		while (strcmp(f->path, to->files[i].path) != 0)
			f = &s->from->parted.files[++k];
		to->files[i].extents =
			calloc(f->blocks + 2, sizeof(struct vs_extent));
		if (!to->files[i].extents)
			return VS_ERR_NOMEM;
		for (size_t b = 0; b < f->blocks; b++)
			add_extent(
				&to->files[i], &file,
				slice_at(s, f->first + b,
			                 s->from->trials[f->first + b].fixed));
		if (f->tail != VS_NOWHERE)
			add_extent(&to->files[i], &file,
			           slice_at(s, f->tail, f->tail_at));
	}
	return VS_OK;
}

/* Which new blocks are copied with their units. */
static vs_status mark_known(struct vs_views *v)
{
	const struct vs_units *u = &v->units[1];

	v->known = calloc(u->blocks + 1u, 1);
	if (!v->known)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < u->slice_count; i++) {
		const struct vs_slice *s = &u->slices[i];

		if (u->list[s->unit].kind == VS_UNIT_COPY)
			memset(v->known + s->at, 1,
			       (s->len + VS_DELTA_BLOCK - 1) / VS_DELTA_BLOCK);
	}
	return VS_OK;
}

static vs_status lay_out_side(struct laying *p, int side)
{
	struct vs_side *from = &p->found.sides[side];
	vs_status status;

	p->sides[side].from = from;
	p->out->files[side] = from->files;
	from->files = (struct vs_ext4){0};
	status = lay_out(p, side);
	if (status == VS_OK)
		status = place_files(p, side);
	return status == VS_OK ? fill(p, side) : status;
}

vs_status vs_views_make(const struct vs_image *was, const struct vs_image *is,
                        struct vs_views *out)
{
	struct laying p = {.out = out};
	vs_status status;

	*out = (struct vs_views){0};
	status = vs_pairing_read(&p.found, was, is);
	if (status == VS_OK)
		status = vs_pairing_find(&p.found);
	out->tried = p.found.tried;
	out->failed = p.found.failed;
	for (int side = 0; side < 2 && status == VS_OK; side++)
		status = lay_out_side(&p, side);
	if (status == VS_OK)
		status = mark_known(out);
	for (int side = 0; side < 2; side++) {
		free(p.sides[side].unit_of);
		free(p.tables[side]);
	}
	vs_pairing_drop(&p.found);
	return status;
}

void vs_views_drop(struct vs_views *v)
{
	for (int side = 0; side < 2; side++) {
		free((void *)(uintptr_t)v->images[side].bytes);
		vs_ext4_drop(&v->files[side]);
		vs_units_drop(&v->units[side]);
	}
	free(v->known);
	*v = (struct vs_views){0};
}
