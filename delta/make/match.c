/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/match.c - long matches, grown over what differs a little.
 */
#include "delta/make/match.h"

#include <divsufsort.h>
#include <stdlib.h>
#include <string.h>

#define BETTER 6 /* bytes by which a match must beat the alignment */
#define NEIGHBOURS 64
#define LARGE (4u << 20) /* worth a bucket for each 3 bytes, not 2 */

struct index {
	const uint8_t *old;
	size_t len;
	int32_t *suffixes; /* owned */
	size_t key_len;    /* 2 or 3 */
	uint32_t *buckets; /* owned; first suffix by its first bytes */
};

static size_t bucket_count(const struct index *x)
{
	return (size_t)1 << 8 * x->key_len;
}

static uint32_t key_of(const struct index *x, const uint8_t *p)
{
	uint32_t key = (uint32_t)p[0] << 8 | p[1];

	return x->key_len == 2 ? key : key << 8 | p[2];
}

static vs_status index_init(struct index *x, const uint8_t *old, size_t len)
{
	*x = (struct index){old, len, NULL, len < LARGE ? 2 : 3, NULL};
	x->suffixes = malloc((len + 1) * sizeof(*x->suffixes));
	x->buckets = calloc(bucket_count(x) + 1, sizeof(*x->buckets));
	if (!x->suffixes || !x->buckets ||
	    (len > 0 && divsufsort(old, x->suffixes, (int32_t)len) != 0))
		return VS_ERR_NOMEM;
	return VS_OK;
}

/* Where the suffixes with each key begin: short ones stand between. */
static void index_buckets(struct index *x)
{
	uint32_t next = 0;

	for (size_t i = 0; i < x->len; i++) {
		size_t at = (size_t)x->suffixes[i];
		uint32_t key;

		if (at + x->key_len > x->len)
			continue;
		key = key_of(x, x->old + at);
		while (next <= key)
			x->buckets[next++] = (uint32_t)i;
	}
	while (next <= bucket_count(x))
		x->buckets[next++] = (uint32_t)x->len;
}

static void index_drop(struct index *x)
{
	free(x->suffixes);
	free(x->buckets);
}

static size_t common(const uint8_t *a, size_t a_len, const uint8_t *b,
                     size_t b_len)
{
	size_t len = a_len < b_len ? a_len : b_len;
	size_t i = 0;

	while (i + 8 <= len) {
		uint64_t x, y;

		memcpy(&x, a + i, 8);
		memcpy(&y, b + i, 8);
		if (x != y)
			break;
		i += 8;
	}
	while (i < len && a[i] == b[i])
		i++;
	return i;
}

static size_t at_suffix(const struct index *x, size_t i, const uint8_t *p,
                        size_t len)
{
	size_t at = (size_t)x->suffixes[i];

	return common(x->old + at, x->len - at, p, len);
}

/* The longest match of p; of equally long ones the one nearest to want. */
static size_t search(const struct index *x, const uint8_t *p, size_t len,
                     int64_t want, size_t *where)
{
	size_t low, high, best, longest;

	if (len < x->key_len)
		return 0;
	low = x->buckets[key_of(x, p)];
	high = x->buckets[key_of(x, p) + 1];
	if (low >= high)
		return 0;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		size_t at = (size_t)x->suffixes[middle];
		size_t n = at_suffix(x, middle, p, len);

		if (n < len && (at + n == x->len || x->old[at + n] < p[n]))
			low = middle;
		else
			high = middle;
	}
	best = low;
	longest = at_suffix(x, low, p, len);
	if (low + 1 < x->len && at_suffix(x, low + 1, p, len) > longest) {
		best = low + 1;
		longest = at_suffix(x, best, p, len);
	}
	*where = (size_t)x->suffixes[best];
	for (int way = -1; way <= 1; way += 2)
		for (size_t i = best, n = 0; n < NEIGHBOURS; n++) {
			int64_t here, now;

			i = i + (size_t)(int64_t)way;
			if (i >= x->len || at_suffix(x, i, p, len) < longest)
				break;
			here = (int64_t)x->suffixes[i] - want;
			now = (int64_t)*where - want;
			if (llabs(here) < llabs(now))
				*where = (size_t)x->suffixes[i];
		}
	return longest;
}

static vs_status add(struct vs_covers *out, size_t at, size_t from, size_t len)
{
	if (len == 0)
		return VS_OK;
	if (out->count == out->cap) {
		size_t cap = out->cap ? out->cap * 2 : 1024;
		struct vs_cover *more = realloc(out->list, cap * sizeof(*more));

		if (!more)
			return VS_ERR_NOMEM;
		out->list = more;
		out->cap = cap;
	}
	out->list[out->count++] =
		(struct vs_cover){(uint32_t)at, (uint32_t)from, (uint32_t)len};
	return VS_OK;
}

/* How far an alignment goes on forwards: as long as it is worth more than
 * half a byte each.
 */
static size_t forward(const uint8_t *a, const uint8_t *b, size_t max)
{
	int64_t score = 0, best = 0;
	size_t len = 0;

	for (size_t i = 0; i < max; i++) {
		score += a[i] == b[i] ? 1 : -1;
		if (score > best) {
			best = score;
			len = i + 1;
		}
	}
	return len;
}

static size_t backward(const uint8_t *a, const uint8_t *b, size_t max)
{
	int64_t score = 0, best = 0;
	size_t len = 0;

	for (size_t i = 1; i <= max; i++) {
		score += *(a - i) == *(b - i) ? 1 : -1;
		if (score > best) {
			best = score;
			len = i;
		}
		if (score < best - 256)
			break;
	}
	return len;
}

/* Two alignments meet: where the second one is better from. */
static size_t split(const uint8_t *new, const uint8_t *first,
                    const uint8_t *second, size_t len)
{
	int64_t score = 0, best = 0;
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		score += new[i] == first[i];
		score -= new[i] == second[i];
		if (score > best) {
			best = score;
			at = i + 1;
		}
	}
	return at;
}

struct scan {
	const struct index *x;
	const uint8_t *new;
	size_t new_len;
	struct vs_covers *out;
	size_t at, from; /* the alignment in force: new[at] like old[from] */
	bool any;
};

/* Ends the alignment in force where one at (next, next_from) begins. */
static vs_status hand_over(struct scan *s, size_t next, size_t next_from,
                           bool is_last)
{
	const uint8_t *old = s->x->old;
	size_t room = next - s->at;
	size_t old_room = s->any ? s->x->len - s->from : 0;
	size_t len = 0, back = 0;
	vs_status status;

	if (s->any)
		len = forward(s->new + s->at, old + s->from,
		              room < old_room ? room : old_room);
	if (!is_last) {
		size_t max = next - s->at;

		if (max > next_from)
			max = next_from;
		back = backward(s->new + next, old + next_from, max);
	}
	if (s->any && len + back > room) {
		size_t both = len + back - room;
		size_t keep = split(s->new + next - back,
		                    old + s->from + (room - back),
		                    old + next_from - back, both);

		len = room - back + keep;
		back -= keep;
	}
	status = s->any ? add(s->out, s->at, s->from, len) : VS_OK;
	s->at = next - back;
	s->from = next_from - back;
	s->any = true;
	return status;
}

/* Whether the alignment in force gives byte i. */
static size_t agrees(const struct scan *s, size_t i)
{
	size_t from = s->from + (i - s->at);

	return s->any && from < s->x->len && s->x->old[from] == s->new[i];
}

/* The next place from i on where something else is so much better, or where
 * the alignment in force is as good as any; *len is what matches there, *ahead
 * how much of that the alignment has.
 */
static size_t next_match(const struct scan *s, size_t i, size_t *len,
                         size_t *ahead, size_t *where)
{
	size_t counted = i;

	*ahead = 0;
	*len = 0;
	for (; i < s->new_len; i++) {
		if (counted < i)
			counted = i;
		*len = search(s->x, s->new + i, s->new_len - i,
		              (int64_t)i + (int64_t)s->from - (int64_t)s->at,
		              where);
		for (; counted < i + *len; counted++)
			*ahead += agrees(s, counted);
		if ((*len > 0 && *len == *ahead) || *len > *ahead + BETTER)
			break;
		if (counted > i)
			*ahead -= agrees(s, i);
	}
	return i;
}

static vs_status walk(struct scan *s)
{
	size_t i = 0, len = 0, ahead = 0;
	vs_status status = VS_OK;

	while (status == VS_OK) {
		size_t where = 0;

		i = next_match(s, i + len, &len, &ahead, &where);
		if (i >= s->new_len)
			break;
		if (len != ahead)
			status = hand_over(s, i, where, false);
	}
	return status == VS_OK ? hand_over(s, s->new_len, 0, true) : status;
}

vs_status vs_match(const uint8_t *old, size_t old_len, const uint8_t *new,
                   size_t new_len, struct vs_covers *out)
{
	struct index x;
	struct scan s = {&x, new, new_len, out, 0, 0, false};
	vs_status status = index_init(&x, old, old_len);

	*out = (struct vs_covers){NULL, 0, 0};
	if (status == VS_OK && old_len > 0) {
		index_buckets(&x);
		status = walk(&s);
	}
	index_drop(&x);
	return status;
}
