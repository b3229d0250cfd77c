/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/fit.c - one share for every file, the largest that fits.
 */
#include "delta/make/fit.h"

#include <stdlib.h>

static size_t share_of(const struct vs_open_file *f, size_t share)
{
	return f->cover_count < share ? f->cover_count : share;
}

/* Covers open at once if no file has more than its share.  left: zeros, one
 * of each file; zeros again afterwards.
 */
static size_t most_open(const struct vs_walk *w, size_t share, uint32_t *left)
{
	const struct vs_layout *l = w->layout;
	size_t open = 0, most = 0;

	for (size_t i = 0; i < l->segment_count; i++)
		if (l->segments[i].file != VS_SEGMENT_COPY)
			left[l->segments[i].file] += l->segments[i].count;
	for (size_t i = 0; i < l->segment_count; i++) {
		const struct vs_segment *s = &l->segments[i];
		uint32_t file = s->file;

		if (file == VS_SEGMENT_COPY)
			continue;
		if (left[file] == w->files[file].left)
			open += share_of(&w->files[file], share);
		most = open > most ? open : most;
		left[file] -= s->count;
		if (left[file] == 0)
			open -= share_of(&w->files[file], share);
	}
	return most;
}

static int by_len(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Keeps the longest, of equal ones the first. */
static vs_status shorten(struct vs_open_file *f, size_t share)
{
	uint32_t *lens;
	size_t kept = 0, longer = 0, equal;

	if (f->cover_count <= share)
		return VS_OK;
	lens = malloc(f->cover_count * sizeof(*lens));
	if (!lens)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < f->cover_count; i++)
		lens[i] = f->covers[i].len;
	qsort(lens, f->cover_count, sizeof(*lens), by_len);
	while (lens[longer] > lens[share])
		longer++;
	equal = share - longer;
	for (size_t i = 0; i < f->cover_count; i++) {
		const struct vs_cover *c = &f->covers[i];

		if (c->len < lens[share] ||
		    (c->len == lens[share] && equal == 0))
			continue;
		equal -= c->len == lens[share];
		f->covers[kept++] = *c;
	}
	f->cover_count = kept;
	free(lens);
	return VS_OK;
}

vs_status vs_fit_covers(struct vs_walk *w, size_t max)
{
	size_t low = 0, high = max; /* the answer is in [low, high] */
	vs_status status = VS_OK;
	uint32_t *left = calloc(w->layout->file_count + 1, sizeof(*left));

	if (!left)
		return VS_ERR_NOMEM;
	while (low < high) {
		size_t share = low + (high - low + 1) / 2;

		if (most_open(w, share, left) <= max)
			low = share;
		else
			high = share - 1;
	}
	free(left);
	for (size_t i = 0; i < w->layout->file_count && status == VS_OK; i++)
		status = shorten(&w->files[i], low);
	return status;
}
