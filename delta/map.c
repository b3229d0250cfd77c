/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/map.c - a sweep over the covers by their old places.
 */
#include "delta/map.h"

#include <stdlib.h>

/* Longest first, then by new place: a heap of covers under the sweep. */
struct heap {
	const struct vs_cover *covers;
	uint32_t *items; /* indices */
	size_t count;
};

static bool before(const struct heap *h, uint32_t a, uint32_t b)
{
	const struct vs_cover *x = &h->covers[a], *y = &h->covers[b];

	return x->len != y->len ? x->len > y->len : x->at < y->at;
}

static void swap(uint32_t *a, uint32_t *b)
{
	uint32_t t = *a;

	*a = *b;
	*b = t;
}

static void push(struct heap *h, uint32_t item)
{
	size_t i = h->count++;

	h->items[i] = item;
	while (i > 0 && before(h, h->items[i], h->items[(i - 1) / 2])) {
		swap(&h->items[i], &h->items[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
}

static void pop(struct heap *h)
{
	size_t i = 0;

	h->items[0] = h->items[--h->count];
	for (;;) {
		size_t best = i;

		for (size_t k = 2 * i + 1; k <= 2 * i + 2; k++)
			if (k < h->count &&
			    before(h, h->items[k], h->items[best]))
				best = k;
		if (best == i)
			return;
		swap(&h->items[i], &h->items[best]);
		i = best;
	}
}

static bool is_behind(const struct vs_cover *x, const struct vs_cover *y)
{
	return x->from != y->from ? x->from > y->from : x->at > y->at;
}

static void sink(struct vs_cover *covers, size_t i, size_t count)
{
	for (;;) {
		size_t most = i;
		struct vs_cover t = covers[i];

		for (size_t k = 2 * i + 1; k <= 2 * i + 2; k++)
			if (k < count && is_behind(&covers[k], &covers[most]))
				most = k;
		if (most == i)
			return;
		covers[i] = covers[most];
		covers[most] = t;
		i = most;
	}
}

/* In place: qsort() takes memory and asks the system how much there is, which
 * is one call more than the process has that applies deltas.
 */
static void sort(struct vs_cover *covers, size_t count)
{
	for (size_t i = count / 2; i > 0; i--)
		sink(covers, i - 1, count);
	for (size_t end = count; end > 1; end--) {
		struct vs_cover t = covers[0];

		covers[0] = covers[end - 1];
		covers[end - 1] = t;
		sink(covers, 0, end - 1);
	}
}

static uint64_t end_of(const struct vs_cover *c)
{
	return (uint64_t)c->from + c->len;
}

/* Says that from..end belongs to a cover; joins rows of one cover. */
static void add(struct vs_map *m, const struct vs_cover *c, uint64_t from,
                uint64_t end)
{
	int32_t shift = (int32_t)(c->at - c->from);
	struct vs_map_row *last = m->count > 0 ? &m->rows[m->count - 1] : NULL;

	if (from >= end)
		return;
	if (last && last->shift == shift && last->from + last->len == from &&
	    last->weight == c->len) {
		last->len = (uint32_t)(end - last->from);
		return;
	}
	m->rows[m->count++] = (struct vs_map_row){
		(uint32_t)from, (uint32_t)(end - from), shift, c->len};
}

static void sweep(struct vs_map *m, struct heap *h, size_t count)
{
	uint64_t place = 0;

	for (size_t next = 0; next < count || h->count > 0;) {
		uint64_t stop = UINT64_MAX;

		while (h->count > 0 && end_of(&h->covers[h->items[0]]) <= place)
			pop(h);
		if (h->count == 0 && next < count)
			place = h->covers[next].from;
		while (next < count && h->covers[next].from <= place)
			push(h, (uint32_t)next++);
		while (h->count > 0 && end_of(&h->covers[h->items[0]]) <= place)
			pop(h);
		if (h->count == 0)
			continue;
		if (next < count)
			stop = h->covers[next].from;
		if (stop > end_of(&h->covers[h->items[0]]))
			stop = end_of(&h->covers[h->items[0]]);
		add(m, &h->covers[h->items[0]], place, stop);
		place = stop;
	}
}

vs_status vs_map_init(struct vs_map *m, const struct vs_cover *covers,
                      size_t count)
{
	struct vs_cover *sorted = NULL;
	struct heap h = {NULL, NULL, 0};

	*m = (struct vs_map){NULL, 0};
	if (count == 0)
		return VS_OK;
	sorted = malloc(count * sizeof(*sorted));
	h.items = malloc(count * sizeof(*h.items));
	m->rows = malloc(count * 2 * sizeof(*m->rows));
	if (sorted && h.items && m->rows) {
		for (size_t i = 0; i < count; i++)
			sorted[i] = covers[i];
		sort(sorted, count);
		h.covers = sorted;
		sweep(m, &h, count);
	}
	free(sorted);
	free(h.items);
	if (m->count == 0) {
		vs_map_drop(m);
		return VS_ERR_NOMEM;
	}
	return VS_OK;
}

void vs_map_drop(struct vs_map *m)
{
	free(m->rows);
	*m = (struct vs_map){NULL, 0};
}

/* How many rows begin at or before a place. */
static size_t upto(const struct vs_map *m, uint32_t from)
{
	size_t low = 0, high = m->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->rows[middle].from <= from)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct vs_map_row *vs_map_find(const struct vs_map *m, uint32_t from)
{
	size_t i = upto(m, from);

	if (i == 0 || from - m->rows[i - 1].from >= m->rows[i - 1].len)
		return NULL;
	return &m->rows[i - 1];
}

const struct vs_map_row *vs_map_near(const struct vs_map *m, uint32_t from)
{
	size_t i = upto(m, from);
	const struct vs_map_row *left = i > 0 ? &m->rows[i - 1] : NULL;
	const struct vs_map_row *right = i < m->count ? &m->rows[i] : NULL;

	if (!left || !right)
		return left ? left : right;
	return left->weight >= right->weight ? left : right;
}
