/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/pairing.c - find copies, try parts, pair programs.
 */
#include "delta/make/pairing.h"

#include <stdlib.h>
#include <string.h>

#include "delta/make/clusters.h"
#include "delta/make/erofs.h"
#include "delta/make/list.h"
#include "delta/make/squash.h"

static const uint8_t *packed_of(const struct vs_side *s, size_t part)
{
	return s->image.bytes + s->parted.parts[part].at;
}

static bool same_part(const struct vs_pairing *p, size_t old, size_t new)
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
static vs_status find_copies(struct vs_pairing *p)
{
	const struct vs_side *old = &p->sides[0], *new = &p->sides[1];
	size_t slots = 1024, *table;

	while (slots < old->parted.count * 2)
		slots *= 2;
	table = malloc(slots * sizeof(*table));
	if (!table)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < slots; i++)
		table[i] = VS_NOWHERE;
	for (size_t k = old->parted.count; k-- > 0;) {
		size_t i = (size_t)hash(packed_of(old, k),
		                        old->parted.parts[k].packed) &
		           (slots - 1);

		while (table[i] != VS_NOWHERE)
			i = (i + 1) & (slots - 1);
		table[i] = k;
	}
	for (size_t k = 0; k < new->parted.count; k++) {
		size_t next = k > 0 && p->copy_of[k - 1] != VS_NOWHERE
		                      ? p->copy_of[k - 1] + 1
		                      : 0;
		size_t i = (size_t)hash(packed_of(new, k),
		                        new->parted.parts[k].packed) &
		           (slots - 1);

		p->copy_of[k] = VS_NOWHERE;
		while (table[i] != VS_NOWHERE && !same_part(p, table[i], k))
			i = (i + 1) & (slots - 1);
		if (table[i] != VS_NOWHERE)
			p->copy_of[k] = next < old->parted.count &&
			                                same_part(p, next, k)
			                        ? next
			                        : table[i];
	}
	free(table);
	return VS_OK;
}

static void count_trial(struct vs_pairing *p, const struct vs_part *part,
                        const struct vs_trial *t)
{
	size_t units = t->clusters > 0 ? t->clusters : 1;

	if (!t->pack || part->stored)
		return;
	p->tried += units;
	p->failed += t->as_is ? units : t->fix_count;
}

/* New parts that are no copies are tried; old ones that are not copied, and
 * those, are unpacked.
 */
static vs_status try_parts(struct vs_pairing *p)
{
	struct vs_side *old = &p->sides[0], *new = &p->sides[1];
	vs_status status;

	for (size_t i = 0; i < old->parted.count; i++)
		old->trials[i].wanted = true;
	for (size_t i = 0; i < new->parted.count; i++) {
		if (p->copy_of[i] != VS_NOWHERE) {
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
		count_trial(p, &new->parted.parts[i], &new->trials[i]);
	return status;
}

/* What a part holds, unpacked now if it was not yet; NULL: it cannot be, or
 * memory is short.
 */
static const uint8_t *held(struct vs_pairing *p, int side, size_t part)
{
	struct vs_side *s = &p->sides[side];

	if (!s->trials[part].bytes &&
	    vs_trial_run(&p->packer, &s->image, &s->parted, part,
	                 &s->trials[part]) != VS_OK)
		return NULL;
	return s->trials[part].as_is ? NULL : s->trials[part].bytes;
}

/* A file's bytes at a multiple of the block's length; *len is how many. */
static const uint8_t *file_block(struct vs_pairing *p, int side,
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
	bytes = f->tail == VS_NOWHERE ? NULL : held(p, side, f->tail);
	*len = f->tail_len;
	if (!bytes ||
	    f->tail_at + f->tail_len > p->sides[side].trials[f->tail].len)
		return NULL;
	return bytes + f->tail_at;
}

static size_t blocks_of(const struct vs_part_file *f)
{
	return f->blocks + (f->tail != VS_NOWHERE);
}

static bool is_elf(struct vs_pairing *p, int side, const struct vs_part_file *f)
{
	size_t len = 0;
	const uint8_t *bytes = file_block(p, side, f, 0, &len);

	return bytes && len >= 4 && memcmp(bytes, "\177ELF", 4) == 0;
}

/* Whether all of the new file's parts are copies. */
static bool is_copied(const struct vs_pairing *p, const struct vs_part_file *f)
{
	for (size_t i = 0; i < f->blocks; i++)
		if (p->copy_of[f->first + i] == VS_NOWHERE)
			return false;
	return f->tail == VS_NOWHERE || p->copy_of[f->tail] != VS_NOWHERE;
}

/* Whether a pair can be made: both unpack wholly, and differ. */
static bool is_changed(struct vs_pairing *p, const struct vs_part_file *was,
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

static vs_status add_cut(struct vs_side *s, size_t part, uint32_t at)
{
	if (!vs_list_grow(&s->cuts, &s->cut_cap, s->cut_count,
	                  sizeof(*s->cuts)))
		return VS_ERR_NOMEM;
	s->cuts[s->cut_count++] = (struct vs_cut){part, at};
	return VS_OK;
}

/* All parts of a file are wanted; its tail is a slice of its own. */
static vs_status want(struct vs_side *s, const struct vs_part_file *f)
{
	vs_status status = VS_OK;

	for (size_t i = 0; i < f->blocks; i++)
		s->trials[f->first + i].wanted = true;
	if (f->tail == VS_NOWHERE)
		return VS_OK;
	s->trials[f->tail].wanted = true;
	if (f->tail_at > 0)
		status = add_cut(s, f->tail, f->tail_at);
	if (status == VS_OK &&
	    f->tail_at + f->tail_len < s->trials[f->tail].len)
		status = add_cut(s, f->tail, f->tail_at + f->tail_len);
	return status;
}

static vs_status add_pair(struct vs_pairing *p, const struct vs_part_file *was,
                          const struct vs_part_file *is)
{
	const struct vs_part_file *files[2] = {was, is};
	vs_status status = VS_OK;

	for (int side = 0; side < 2 && status == VS_OK; side++) {
		struct vs_ext4 *to = &p->sides[side].files;
		char *path = strdup(is->path);

		if (!path || !vs_list_grow(&to->files, &p->sides[side].file_cap,
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

static vs_status find_pairs(struct vs_pairing *p, uint8_t *seen)
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

static int by_part(const void *a, const void *b)
{
	const struct vs_cut *x = a, *y = b;

	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

vs_status vs_pairing_find(struct vs_pairing *p)
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
	for (int side = 0; side < 2; side++) {
		struct vs_side *s = &p->sides[side];

		if (s->cut_count > 0)
			qsort(s->cuts, s->cut_count, sizeof(*s->cuts), by_part);
	}
	return status;
}

static vs_status read_side(struct vs_side *s, bool is_new)
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

vs_status vs_pairing_read(struct vs_pairing *p, const struct vs_image *was,
                          const struct vs_image *is)
{
	vs_status status;

	p->sides[0].image = *was;
	p->sides[1].image = *is;
	status = read_side(&p->sides[0], false);
	return status == VS_OK ? read_side(&p->sides[1], true) : status;
}

static void side_drop(struct vs_side *s)
{
	for (size_t i = 0; s->trials && i < s->parted.count; i++) {
		free(s->trials[i].bytes);
		free(s->trials[i].batches);
		free(s->trials[i].fixes);
	}
	free(s->trials);
	free(s->cuts);
	vs_ext4_drop(&s->files);
	vs_parted_drop(&s->parted);
}

void vs_pairing_drop(struct vs_pairing *p)
{
	side_drop(&p->sides[0]);
	side_drop(&p->sides[1]);
	free(p->copy_of);
	vs_packer_drop(&p->packer);
}
