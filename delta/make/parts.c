/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/parts.c - parts by place, files by path.
 */
#include "delta/make/parts.h"

#include <stdlib.h>
#include <string.h>

static int by_at(const void *a, const void *b)
{
	const struct vs_part *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

bool vs_parted_order(struct vs_parted *o)
{
	size_t n = 0;

	if (o->count > 0)
		qsort(o->parts, o->count, sizeof(*o->parts), by_at);
	for (size_t i = 0; i < o->count; i++) {
		const struct vs_part *p = &o->parts[i];
		const struct vs_part *last = n > 0 ? &o->parts[n - 1] : NULL;

		if (last && last->at == p->at && last->packed == p->packed &&
		    last->stored == p->stored && last->len == p->len)
			continue;
		if (last && last->at + last->packed > p->at)
			return false;
		o->parts[n++] = *p;
	}
	o->count = n;
	return true;
}

size_t vs_parted_find(const struct vs_parted *o, uint64_t at)
{
	size_t low = 0, high = o->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (o->parts[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < o->count && o->parts[low].at == at ? low : SIZE_MAX;
}

static int by_path(const void *a, const void *b)
{
	const struct vs_part_file *x = a, *y = b;

	return strcmp(x->path, y->path);
}

void vs_parted_sort(struct vs_parted *p)
{
	if (p->file_count > 0)
		qsort(p->files, p->file_count, sizeof(*p->files), by_path);
}

void vs_parted_drop(struct vs_parted *p)
{
	for (size_t i = 0; i < p->file_count; i++)
		free(p->files[i].path);
	free(p->files);
	free(p->parts);
	*p = (struct vs_parted){0};
}
