/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/parted.c - find copies, try units, pair programs, lay out views.
 */
#include "delta/make/parted.h"

#include <stdlib.h>
#include <string.h>

#include "delta/make/clusters.h"
#include "delta/make/erofs.h"
#include "delta/make/list.h"
#include "delta/make/squash.h"
#include "delta/make/trial.h"

#define NOWHERE SIZE_MAX

struct cut {
	size_t part;
	uint32_t at;
};

struct side {
	struct vs_image image;
	struct vs_parted parted;
	struct vs_trial *trials; /* owned; of each part */
	struct cut *cuts;        /* owned; by part and place */
	size_t cut_count, cut_cap;
	/* made from it */
	struct vs_units *units;
	size_t unit_cap, slice_cap;
	uint64_t at;     /* in the image, while units are laid out */
	size_t *unit_of; /* owned; of each part: its unit, or NOWHERE */
};

struct pairing {
	struct side sides[2];
	size_t *copy_of; /* owned; of each new part: an old one, or NOWHERE */
	struct vs_packer packer;
	struct vs_views *out;
	size_t file_cap[2];
	uint8_t *tables[2]; /* owned: in normal form; NULL: as they are */
};

static const uint8_t *packed_of(const struct side *s, size_t part)
{
	return s->image.bytes + s->parted.parts[part].at;
}

static bool same_part(const struct pairing *p, size_t old, size_t new)
{
	const struct vs_part *a = &p->sides[0].parted.parts[old];
	const struct vs_part *b = &p->sides[1].parted.parts[new];

	return a->packed == b->packed && a->stored == b->stored &&
	       memcmp(packed_of(&p->sides[0], old),
	              packed_of(&p->sides[1], new), a->packed) == 0;
}

static uint64_t hash(const uint8_t *p, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ len;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 29;
}

/* For each new part an old one of the same bytes: the one behind the last
 * one's, else the first one.
 */
static vs_status find_copies(struct pairing *p)
{
	const struct side *old = &p->sides[0], *new = &p->sides[1];
	size_t slots = 1024, *table;

	while (slots < old->parted.count * 2)
		slots *= 2;
	table = malloc(slots * sizeof(*table));
	if (!table)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < slots; i++)
		table[i] = NOWHERE;
	for (size_t k = old->parted.count; k-- > 0;) {
		size_t i = (size_t)hash(packed_of(old, k),
		                        old->parted.parts[k].packed) &
		           (slots - 1);

		while (table[i] != NOWHERE)
			i = (i + 1) & (slots - 1);
		table[i] = k;
	}
	for (size_t k = 0; k < new->parted.count; k++) {
		size_t next = k > 0 && p->copy_of[k - 1] != NOWHERE
		                      ? p->copy_of[k - 1] + 1
		                      : 0;
		size_t i = (size_t)hash(packed_of(new, k),
		                        new->parted.parts[k].packed) &
		           (slots - 1);

		p->copy_of[k] = NOWHERE;
		while (table[i] != NOWHERE && !same_part(p, table[i], k))
			i = (i + 1) & (slots - 1);
		if (table[i] != NOWHERE)
			p->copy_of[k] = next < old->parted.count &&
			                                same_part(p, next, k)
			                        ? next
			                        : table[i];
	}
	free(table);
	return VS_OK;
}

static void count_trial(struct vs_views *v, const struct vs_part *part,
                        const struct vs_trial *t)
{
	size_t units = t->clusters > 0 ? t->clusters : 1;

	if (!t->pack || part->stored)
		return;
	v->tried += units;
	v->failed += t->as_is ? units : t->fix_count;
}

/* New parts that are no copies are tried; old ones that are not copied, and
 * those, are unpacked.
 */
static vs_status try_parts(struct pairing *p)
{
	struct side *old = &p->sides[0], *new = &p->sides[1];
	vs_status status;

	for (size_t i = 0; i < old->parted.count; i++)
		old->trials[i].wanted = true;
	for (size_t i = 0; i < new->parted.count; i++) {
		if (p->copy_of[i] != NOWHERE) {
			old->trials[p->copy_of[i]].wanted = false;
			continue;
		}
		new->trials[i].wanted = new->trials[i].pack = true;
	}
	status = new->parted.packing == VS_PACKING_LZ4
	                 ? vs_clusters_ahead(&new->image, &new->parted,
	                                     new->trials)
	                 : VS_OK;
	if (status == VS_OK)
		status = vs_trials_run(&old->image, &old->parted, old->trials);
	if (status == VS_OK)
		status = vs_trials_run(&new->image, &new->parted, new->trials);
	for (size_t i = 0; i < new->parted.count; i++)
		count_trial(p->out, &new->parted.parts[i], &new->trials[i]);
	return status;
}

/* What a part holds, unpacked now if it was not yet; NULL: it cannot be, or
 * memory is short.
 */
static const uint8_t *held(struct pairing *p, int side, size_t part)
{
	struct side *s = &p->sides[side];

	if (!s->trials[part].bytes &&
	    vs_trial_run(&p->packer, &s->image, &s->parted, part,
	                 &s->trials[part]) != VS_OK)
		return NULL;
	return s->trials[part].as_is ? NULL : s->trials[part].bytes;
}

/* A file's bytes at a multiple of the block's length; *len is how many. */
static const uint8_t *file_block(struct pairing *p, int side,
                                 const struct vs_part_file *f, size_t block,
                                 size_t *len)
{
	const uint8_t *bytes;

	if (block < f->blocks) {
		const struct vs_trial *t =
			&p->sides[side].trials[f->first + block];

		bytes = held(p, side, f->first + block);
		*len = t->len - t->fixed;
		return bytes ? bytes + t->fixed : NULL;
	}
	bytes = f->tail == NOWHERE ? NULL : held(p, side, f->tail);
	*len = f->tail_len;
	if (!bytes ||
	    f->tail_at + f->tail_len > p->sides[side].trials[f->tail].len)
		return NULL;
	return bytes + f->tail_at;
}

static size_t blocks_of(const struct vs_part_file *f)
{
	return f->blocks + (f->tail != NOWHERE);
}

static bool is_elf(struct pairing *p, int side, const struct vs_part_file *f)
{
	size_t len = 0;
	const uint8_t *bytes = file_block(p, side, f, 0, &len);

	return bytes && len >= 4 && memcmp(bytes, "\177ELF", 4) == 0;
}

/* Whether all of the new file's parts are copies. */
static bool is_copied(const struct pairing *p, const struct vs_part_file *f)
{
	for (size_t i = 0; i < f->blocks; i++)
		if (p->copy_of[f->first + i] == NOWHERE)
			return false;
	return f->tail == NOWHERE || p->copy_of[f->tail] != NOWHERE;
}

/* Whether a pair can be made: both unpack wholly, and differ. */
static bool is_changed(struct pairing *p, const struct vs_part_file *was,
                       const struct vs_part_file *is)
{
	const struct vs_part_file *files[2] = {was, is};
	bool same = was->len == is->len && blocks_of(was) == blocks_of(is);

	for (int side = 0; side < 2; side++)
		for (size_t i = 0; i < blocks_of(files[side]); i++) {
			size_t len;

			if (!file_block(p, side, files[side], i, &len))
				return false;
		}
	for (size_t i = 0; same && i < blocks_of(is); i++) {
		size_t a_len = 0, b_len = 0;
		const uint8_t *a = file_block(p, 0, was, i, &a_len);
		const uint8_t *b = file_block(p, 1, is, i, &b_len);

		same = a_len == b_len && memcmp(a, b, a_len) == 0;
	}
	return !same;
}

static vs_status add_cut(struct side *s, size_t part, uint32_t at)
{
	if (!vs_list_grow(&s->cuts, &s->cut_cap, s->cut_count,
	                  sizeof(*s->cuts)))
		return VS_ERR_NOMEM;
	s->cuts[s->cut_count++] = (struct cut){part, at};
	return VS_OK;
}

/* All parts of a file are wanted; its tail is a slice of its own. */
static vs_status want(struct side *s, const struct vs_part_file *f)
{
	vs_status status = VS_OK;

	for (size_t i = 0; i < f->blocks; i++)
		s->trials[f->first + i].wanted = true;
	if (f->tail == NOWHERE)
		return VS_OK;
	s->trials[f->tail].wanted = true;
	if (f->tail_at > 0)
		status = add_cut(s, f->tail, f->tail_at);
	if (status == VS_OK &&
	    f->tail_at + f->tail_len < s->trials[f->tail].len)
		status = add_cut(s, f->tail, f->tail_at + f->tail_len);
	return status;
}

static vs_status add_pair(struct pairing *p, const struct vs_part_file *was,
                          const struct vs_part_file *is)
{
	const struct vs_part_file *files[2] = {was, is};
	vs_status status = VS_OK;

	for (int side = 0; side < 2 && status == VS_OK; side++) {
		struct vs_ext4 *to = &p->out->files[side];
		char *path = strdup(is->path);

		if (!path || !vs_list_grow(&to->files, &p->file_cap[side],
		                           to->count, sizeof(*to->files))) {
			free(path);
			return VS_ERR_NOMEM;
		}
		/* its extents come when the views are laid out */
		to->files[to->count++] = (struct vs_ext4_file){
			.path = path, .len = files[side]->len};
		status = want(&p->sides[side], files[side]);
	}
	return status;
}

static vs_status find_pairs(struct pairing *p, uint8_t *seen)
{
	const struct vs_parted *old = &p->sides[0].parted;
	const struct vs_parted *new = &p->sides[1].parted;
	vs_status status = VS_OK;

	for (size_t i = 0, k = 0; i < new->file_count &&status == VS_OK; i++) {
		const struct vs_part_file *f = &new->files[i];

		while (k < old->file_count &&
		       strcmp(old->files[k].path, f->path) < 0)
			k++;
		if (k == old->file_count ||
		    strcmp(old->files[k].path, f->path) != 0)
			continue;
		/* other names of one file are not looked at again */
		if (!f->whole || f->len == 0 || is_copied(p, f) ||
		    !old->files[k].whole || old->files[k].len == 0 ||
		    seen[f->inode % 65536 / 8] & 1u << f->inode % 8)
			continue;
		if (!is_elf(p, 1, f) || !is_elf(p, 0, &old->files[k]) ||
		    !is_changed(p, &old->files[k], f))
			continue;
		seen[f->inode % 65536 / 8] |= (uint8_t)(1u << f->inode % 8);
		status = add_pair(p, &old->files[k], f);
	}
	return status;
}

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

	while (*cut < s->cut_count && s->cuts[*cut].part < part)
		++*cut;
	for (; *cut < s->cut_count && s->cuts[*cut].part == part &&
	       status == VS_OK;
	     ++*cut) {
		if (s->cuts[*cut].at <= at || s->cuts[*cut].at >= len)
			continue;
		status = add_slice(s, s->cuts[*cut].at - at);
		at = s->cuts[*cut].at;
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

static vs_status add_part(struct pairing *p, int side, size_t number,
                          size_t *cut)
{
	struct side *s = &p->sides[side];
	const struct vs_part *part = &s->parted.parts[number];
	const struct vs_trial *t = &s->trials[number];
	bool raw = t->as_is || part->stored;
	bool clustered = s->parted.packing == VS_PACKING_LZ4 && !raw;
	vs_status status;

	s->unit_of[number] = NOWHERE;
	if (side == 1 && p->copy_of[number] != NOWHERE) {
		const struct vs_part *old =
			&p->sides[0].parted.parts[p->copy_of[number]];

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
static vs_status add_tables(struct pairing *p, int side)
{
	struct side *s = &p->sides[side];
	const struct vs_parted *d = &s->parted;
	size_t sum = 0;
	vs_status status;

	for (int i = 0; i < VS_TABLE_PARTS; i++)
		sum += d->lens[i];
	p->tables[side] = NULL;
	if (d->tables_len == 0)
		return VS_OK;
	if (sum > VS_TABLES_MAX || d->tables_len > VS_TABLES_MAX)
		return add_raw(s, d->tables_at + d->tables_len);
	p->tables[side] =
		vs_trial_tables(&p->packer, &s->image, d, s->units, &status);
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

static int by_part(const void *a, const void *b)
{
	const struct cut *x = a, *y = b;

	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static vs_status lay_out(struct pairing *p, int side)
{
	struct side *s = &p->sides[side];
	vs_status status = VS_OK;
	size_t cut = 0;

	s->units = &p->out->units[side];
	s->units->is_new = side == 1;
	s->units->packing = s->parted.packing;
	s->units->level = (uint32_t)s->parted.level;
	s->units->block = s->parted.block;
	s->units->ahead = s->parted.ahead;
	s->units->image_len = s->image.len;
	s->unit_of = malloc((s->parted.count + 1) * sizeof(*s->unit_of));
	s->units->batches = calloc(VS_BATCHES_MAX, sizeof(struct vs_batch));
	s->units->fixes = calloc(VS_FIXES_MAX, sizeof(struct vs_fix));
	if (!s->unit_of || !s->units->batches || !s->units->fixes)
		return VS_ERR_NOMEM;
	if (s->cut_count > 0)
		qsort(s->cuts, s->cut_count, sizeof(*s->cuts), by_part);
	for (size_t i = 0; i < s->parted.count && status == VS_OK; i++) {
		status = add_raw(s, s->parted.parts[i].at);
		if (status == VS_OK)
			status = add_part(p, side, i, &cut);
		s->at = s->parted.parts[i].at + s->parted.parts[i].packed;
	}
	if (status == VS_OK)
		status = add_raw(s, s->parted.tables_at);
	if (status == VS_OK)
		status = add_tables(p, side);
	return status == VS_OK ? add_raw(s, s->image.len) : status;
}

static void fill_slices(struct pairing *p, int side, const struct vs_unit *unit,
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
static vs_status fill(struct pairing *p, int side)
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
			fill_slices(p, side, unit, s->image.bytes + unit->at,
			            view);
	}
	for (size_t i = 0; i < s->parted.count; i++) {
		if (s->unit_of[i] != NOWHERE &&
		    u->list[s->unit_of[i]].kind != VS_UNIT_RAW)
			fill_slices(p, side, &u->list[s->unit_of[i]],
			            s->trials[i].bytes, view);
		free(s->trials[i].bytes);
		s->trials[i].bytes = NULL;
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
static vs_status place_files(struct pairing *p, int side)
{
	struct side *s = &p->sides[side];
	struct vs_ext4 *to = &p->out->files[side];
	size_t k = 0;

	for (size_t i = 0; i < to->count; i++) {
		const struct vs_part_file *f = &s->parted.files[k];
		uint32_t file = 0;

		while (strcmp(f->path, to->files[i].path) != 0)
			f = &s->parted.files[++k];
		to->files[i].extents =
			calloc(f->blocks + 2, sizeof(struct vs_extent));
		if (!to->files[i].extents)
			return VS_ERR_NOMEM;
		for (size_t b = 0; b < f->blocks; b++)
			add_extent(&to->files[i], &file,
			           slice_at(s, f->first + b,
			                    s->trials[f->first + b].fixed));
		if (f->tail != NOWHERE)
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

static vs_status make(struct pairing *p)
{
	uint8_t seen[65536 / 8] = {0};
	vs_status status = VS_OK;

	for (int side = 0; side < 2; side++) {
		p->sides[side].trials = calloc(p->sides[side].parted.count + 1,
		                               sizeof(struct vs_trial));
		if (!p->sides[side].trials)
			status = VS_ERR_NOMEM;
	}
	p->copy_of =
		malloc((p->sides[1].parted.count + 1) * sizeof(*p->copy_of));
	if (!p->copy_of)
		status = VS_ERR_NOMEM;
	if (status == VS_OK)
		status = find_copies(p);
	if (status == VS_OK)
		status = try_parts(p);
	if (status == VS_OK)
		status = find_pairs(p, seen);
	for (int side = 0; side < 2 && status == VS_OK; side++) {
		status = lay_out(p, side);
		if (status == VS_OK)
			status = place_files(p, side);
		if (status == VS_OK)
			status = fill(p, side);
	}
	return status == VS_OK ? mark_known(p->out) : status;
}

static void side_drop(struct side *s)
{
	for (size_t i = 0; s->trials && i < s->parted.count; i++) {
		free(s->trials[i].bytes);
		free(s->trials[i].batches);
		free(s->trials[i].fixes);
	}
	free(s->trials);
	free(s->cuts);
	free(s->unit_of);
	vs_parted_drop(&s->parted);
}

static vs_status read_side(struct side *s, bool is_new)
{
	vs_status status = vs_squash_read(&s->image, &s->parted);

	if (status == VS_ERR_ABSENT) {
		vs_parted_drop(&s->parted);
		status = vs_erofs_read(&s->image, &s->parted);
		if (status != VS_OK || !is_new ||
		    s->parted.packing != VS_PACKING_LZ4)
			return status;
		status = vs_clusters_level(&s->image, &s->parted);
		/* nobody here can pack it again */
		if (status == VS_OK && s->parted.level < 0)
			status = VS_ERR_ABSENT;
	}
	return status;
}

vs_status vs_views_make(const struct vs_image *was, const struct vs_image *is,
                        struct vs_views *out)
{
	const struct vs_image *images[2] = {was, is};
	struct pairing p = {.out = out};
	vs_status status = VS_OK;

	*out = (struct vs_views){0};
	for (int side = 0; side < 2 && status == VS_OK; side++) {
		p.sides[side].image = *images[side];
		status = read_side(&p.sides[side], side == 1);
	}
	if (status == VS_OK)
		status = make(&p);
	for (int side = 0; side < 2; side++) {
		side_drop(&p.sides[side]);
		free(p.tables[side]);
	}
	free(p.copy_of);
	vs_packer_drop(&p.packer);
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
