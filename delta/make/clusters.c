/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/clusters.c - every cluster beside what comes out.
 */
#include "delta/make/clusters.h"

#include <stdlib.h>
#include <string.h>

#include "delta/packed.h"

#define SAMPLES 12

static vs_status read_image(void *ctx, uint64_t at, void *out, size_t len)
{
	const struct vs_image *image = ctx;

	memcpy(out, image->bytes + at, len);
	return VS_OK;
}

/* A file while it is tried. */
struct
try {
	struct vs_image image;
	struct vs_old_image reader;
	struct vs_erofs_file file;
	struct vs_packed packed;
	struct vs_cluster_packer packer;
	uint8_t *again; /* owned: a cluster */
	uint32_t room, ahead;
};

static vs_status try_init(struct try *w, const struct vs_image *image,
                          const struct vs_parted *parted, uint64_t inode)
{
	vs_status status;

	*w = (struct try){.image = *image,
	                  .room = parted->block,
	                  .ahead = parted->ahead * VS_CLUSTER_AHEAD};
	w->reader = (struct vs_old_image){&w->image, image->len, read_image};
	w->packed.image = &w->reader;
	w->again = malloc(w->room);
	status = vs_erofs_file_read(&w->reader, inode, &w->file);
	return w->again ? status : VS_ERR_NOMEM;
}

static void try_drop(struct try *w)
{
	vs_erofs_file_drop(&w->file);
	vs_packed_drop(&w->packed);
	vs_cluster_packer_drop(&w->packer);
	free(w->again);
}

/* held is what the file holds from the cluster on. */
static vs_status comes_out(struct try *w, int level, size_t number,
                           const uint8_t *held, bool *out)
{
	const struct vs_erofs_cluster *c = &w->file.list[number];
	uint32_t left = w->file.len - c->from;
	size_t used, packed;
	vs_status status = vs_cluster_pack(&w->packer, level, held,
	                                   left < w->ahead ? left : w->ahead,
	                                   w->again, w->room, &used, &packed);

	*out = status == VS_OK && used == vs_erofs_holds(&w->file, number) &&
	       packed == (size_t)c->blocks * VS_DELTA_BLOCK &&
	       memcmp(w->again,
	              w->image.bytes + (uint64_t)c->block * VS_DELTA_BLOCK,
	              packed) == 0;
	return status;
}

/* From the cluster on. */
static void add_batch(struct vs_trial *t)
{
	t->batches[t->batch_count++] =
		(struct vs_batch){.fix = (uint32_t)t->fix_count};
}

/* In the last batch, of which it has that number. */
static vs_status add_fix(struct try *w, size_t cluster, size_t number,
                         struct vs_trial *t)
{
	const struct vs_erofs_cluster *c = &w->file.list[cluster];
	struct vs_fix *more =
		realloc(t->fixes, (t->fix_count + 1) * sizeof(*more));

	if (!more)
		return VS_ERR_NOMEM;
	t->fixes = more;
	more[t->fix_count++] = (struct vs_fix){
		(uint32_t)number, vs_erofs_holds(&w->file, cluster), c->blocks};
	t->batches[t->batch_count - 1].fixes++;
	t->fixed += (uint32_t)c->blocks * VS_DELTA_BLOCK;
	return VS_OK;
}

static vs_status find_fixes(struct try *w, int level, const uint8_t *held,
                            struct vs_trial *t)
{
	size_t first = 0; /* of the batch */
	vs_status status = VS_OK;

	t->batches =
		calloc(w->file.len / VS_BATCH_LEN + 1, sizeof(*t->batches));
	if (!t->batches)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < w->file.count && status == VS_OK; i++) {
		const struct vs_erofs_cluster *c = &w->file.list[i];
		bool same;

		if (i == 0 ||
		    c->from - w->file.list[first].from >= VS_BATCH_LEN) {
			add_batch(t);
			first = i;
		}
		t->batches[t->batch_count - 1].len +=
			vs_erofs_holds(&w->file, i);
		status = comes_out(w, level, i, held + c->from, &same);
		if (status == VS_OK && !same)
			status = add_fix(w, i, i - first, t);
		if (t->fixed > VS_FIXED_MAX || t->fix_count > VS_FIXES_MAX)
			break;
	}
	return status;
}

/* The bytes of a batch's fixes, whose first cluster has that number. */
static uint8_t *put_fixes(const struct try *w, const struct vs_trial *t,
                          const struct vs_batch *batch, size_t first,
                          uint8_t *to)
{
	for (uint32_t i = 0; i < batch->fixes; i++) {
		const struct vs_fix *fix = &t->fixes[batch->fix + i];
		const struct vs_erofs_cluster *c =
			&w->file.list[first + fix->cluster];
		size_t len = (size_t)c->blocks * VS_DELTA_BLOCK;

		memcpy(to, w->image.bytes + (uint64_t)c->block * VS_DELTA_BLOCK,
		       len);
		to += len;
	}
	return to;
}

/* The fixes' bytes, then the file's. */
static vs_status put_together(const struct try *w, struct vs_trial *t)
{
	uint8_t *all = malloc((size_t)t->fixed + w->file.len);
	uint8_t *to = all;
	uint32_t from = 0;

	if (!all)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < t->batch_count; i++) {
		to = put_fixes(w, t, &t->batches[i],
		               vs_erofs_find(&w->file, from), to);
		from += t->batches[i].len;
	}
	memcpy(to, t->bytes, w->file.len);
	free(t->bytes);
	t->bytes = all;
	t->len = t->fixed + w->file.len;
	return VS_OK;
}

vs_status vs_clusters_try(const struct vs_image *image,
                          const struct vs_parted *parted,
                          const struct vs_part *part, struct vs_trial *t)
{
	struct try w;
	vs_status status = try_init(&w, image, parted, part->inode);

	free(t->batches);
	free(t->fixes);
	t->batches = NULL;
	t->fixes = NULL;
	t->batch_count = t->fix_count = 0;
	t->fixed = 0;
	t->clusters = w.file.count;
	t->len = w.file.len;
	if (status == VS_OK) {
		t->bytes = malloc(w.file.len);
		status = t->bytes ? vs_packed_read(&w.packed, part->inode, 0,
		                                   t->bytes, w.file.len)
		                  : VS_ERR_NOMEM;
	}
	if (status == VS_OK && t->pack)
		status = find_fixes(&w, parted->level, t->bytes, t);
	if (status == VS_OK && t->fixed > 0 && t->fixed < VS_FIXED_MAX &&
	    t->fix_count * 2 < w.file.count)
		status = put_together(&w, t);
	else if (t->fixed > 0)
		status = VS_ERR_INPUT;
	try_drop(&w);
	if (status == VS_OK || status == VS_ERR_NOMEM)
		return status;
	t->as_is = true;
	t->fixed = 0;
	t->batch_count = t->fix_count = 0;
	return VS_OK;
}

vs_status vs_clusters_ahead(const struct vs_image *image,
                            struct vs_parted *parted,
                            const struct vs_trial *trials)
{
	uint32_t longest = 0;
	vs_status status = VS_OK;

	for (size_t i = 0; i < parted->count && status != VS_ERR_NOMEM; i++) {
		struct try w;

		if (!trials[i].pack || parted->parts[i].stored)
			continue;
		status = try_init(&w, image, parted, parted->parts[i].inode);
		if (status == VS_OK && w.file.longest > longest)
			longest = w.file.longest;
		try_drop(&w);
	}
	/* what comes behind a cluster's end may count, too */
	parted->ahead = longest / VS_CLUSTER_AHEAD + 2;
	if (parted->ahead > VS_CLUSTER_AHEAD_MAX)
		parted->ahead = VS_CLUSTER_AHEAD_MAX;
	return status == VS_ERR_NOMEM ? status : VS_OK;
}

/* Of the levels that are left, those at which the first cluster of a file comes
 * out: if none does, the file says nothing.
 */
static vs_status narrow(const struct vs_image *image,
                        const struct vs_parted *parted,
                        const struct vs_part *part, uint32_t *levels, bool *any)
{
	struct try w;
	vs_status status = try_init(&w, image, parted, part->inode);
	uint32_t len = w.file.len < w.ahead ? w.file.len : w.ahead;
	uint8_t *held = malloc((size_t)len + 1);
	uint32_t left = 0;

	if (!held)
		status = VS_ERR_NOMEM;
	if (status == VS_OK)
		status = vs_packed_read(&w.packed, part->inode, 0, held, len);
	for (int level = 0; level <= VS_CLUSTER_LEVEL_MAX && status == VS_OK;
	     level++) {
		bool same;

		if (!(*levels & UINT32_C(1) << level))
			continue;
		status = comes_out(&w, level, 0, held, &same);
		if (status == VS_OK && same)
			left |= UINT32_C(1) << level;
	}
	free(held);
	try_drop(&w);
	*any = *any || left != 0;
	if (left != 0)
		*levels = left;
	return status == VS_ERR_NOMEM ? status : VS_OK;
}

vs_status vs_clusters_level(const struct vs_image *image,
                            struct vs_parted *parted)
{
	uint32_t levels = (UINT32_C(2) << VS_CLUSTER_LEVEL_MAX) - 1;
	bool any = false;
	size_t tried = 0;
	vs_status status = VS_OK;

	/* long files first: short ones come out at many levels */
	for (int is_long = 1; is_long >= 0; is_long--)
		for (size_t i = 0;
		     i < parted->count && tried < SAMPLES && status == VS_OK;
		     i++) {
			const struct vs_part *part = &parted->parts[i];

			if (part->stored ||
			    (part->packed >= 2 * parted->block) != is_long)
				continue;
			tried++;
			status = narrow(image, parted, part, &levels, &any);
		}
	parted->level = -1;
	for (int level = 0; level <= VS_CLUSTER_LEVEL_MAX && any; level++)
		if (levels & UINT32_C(1) << level)
			parted->level = level;
	return status;
}
