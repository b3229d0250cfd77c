/* SPDX-License-Identifier: Apache-2.0
 *
 * server/store/pool.c - open addressing; a removal closes the gap behind it.
 */
#include "server/store/pool.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { slots_first = 64 };

struct vs_pool_entry {
	uint64_t hash;
	uint32_t uses, len;
	alignas(max_align_t) unsigned char bytes[];
};

static uint64_t hash_of(const struct vs_pool *p, const void *bytes, size_t len)
{
	const uint64_t prime = UINT64_C(0x9e3779b97f4a7c15);
	const unsigned char *at = bytes;
	uint64_t h = (p->seed ^ len) * prime, word;

	for (; len >= sizeof word; at += sizeof word, len -= sizeof word) {
		memcpy(&word, at, sizeof word);
		h = (h ^ word) * prime;
		h ^= h >> 32;
	}
	word = 0;
	if (len)
		memcpy(&word, at, len);
	h = (h ^ word) * prime;
	return h ^ h >> 32;
}

static struct vs_pool_entry *entry_of(const void *copy)
{
	const uintptr_t at = (uintptr_t)copy;

	return (struct vs_pool_entry *)(at -
	                                offsetof(struct vs_pool_entry, bytes));
}

static size_t find(const struct vs_pool *p, uint64_t hash, const void *bytes,
                   size_t len)
{
	size_t i = (size_t)hash & (p->slot_count - 1);

	for (; p->slots[i]; i = (i + 1) & (p->slot_count - 1)) {
		const struct vs_pool_entry *e = p->slots[i];

		if (e->hash == hash && e->len == len &&
		    memcmp(e->bytes, bytes, len) == 0)
			break;
	}
	return i;
}

static vs_status grow(struct vs_pool *p)
{
	size_t n = p->slot_count ? 2 * p->slot_count : slots_first;
	struct vs_pool_entry **slots = calloc(n, sizeof(*slots));

	if (!slots)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < p->slot_count; i++) {
		struct vs_pool_entry *e = p->slots[i];
		size_t at = e ? (size_t)e->hash & (n - 1) : 0;

		while (e && slots[at])
			at = (at + 1) & (n - 1);
		if (e)
			slots[at] = e;
	}
	free(p->slots);
	p->slots = slots;
	p->slot_count = n;
	return VS_OK;
}

vs_status vs_pool_take(struct vs_pool *p, const void *bytes, size_t len,
                       const void **out)
{
	uint64_t hash = hash_of(p, bytes, len);

	if (len > UINT32_MAX)
		return VS_ERR_LIMIT;
	if (4 * (p->count + 1) > 3 * p->slot_count && grow(p))
		return VS_ERR_NOMEM;
	size_t at = find(p, hash, bytes, len);
	struct vs_pool_entry *e = p->slots[at];
	if (!e) {
		e = malloc(offsetof(struct vs_pool_entry, bytes) + len);
		if (!e)
			return VS_ERR_NOMEM;
		e->hash = hash;
		e->uses = 0;
		e->len = (uint32_t)len;
		memcpy(e->bytes, bytes, len);
		p->slots[at] = e;
		p->count++;
	}
	e->uses++;
	*out = e->bytes;
	return VS_OK;
}

vs_status vs_pool_text(struct vs_pool *p, const char *text, const char **out)
{
	const void *copy;
	vs_status status = vs_pool_take(p, text, strlen(text) + 1, &copy);

	if (!status)
		*out = copy;
	return status;
}

const void *vs_pool_again(const void *copy)
{
	entry_of(copy)->uses++;
	return copy;
}

/* Who was put past this slot only because it was taken comes nearer. */
static void close_gap(struct vs_pool *p, size_t gap)
{
	const size_t mask = p->slot_count - 1;

	for (size_t i = (gap + 1) & mask; p->slots[i]; i = (i + 1) & mask) {
		size_t home = (size_t)p->slots[i]->hash & mask;

		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		p->slots[gap] = p->slots[i];
		gap = i;
	}
	p->slots[gap] = NULL;
}

void vs_pool_give(struct vs_pool *p, const void *copy)
{
	if (!copy)
		return;
	struct vs_pool_entry *e = entry_of(copy);
	assert(e->uses > 0);
	if (--e->uses)
		return;
	size_t at = find(p, e->hash, e->bytes, e->len);
	assert(p->slots[at] == e);
	close_gap(p, at);
	p->count--;
	free(e);
}

void vs_pool_drop(struct vs_pool *p)
{
	for (size_t i = 0; i < p->slot_count; i++)
		free(p->slots[i]);
	free(p->slots);
	*p = (struct vs_pool){0};
}
