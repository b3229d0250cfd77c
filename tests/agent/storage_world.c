/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/storage_world.c - worlds of immutable blocks.
 */
#include "tests/agent/storage_world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)8 << 20)

void *arena_take(struct arena *a, size_t len)
{
	uint8_t *out;

	len = (len + 15) & ~(size_t)15;
	assert(len <= CHUNK);
	if (a->count > 0 && a->used + len > CHUNK) {
		a->chunk++;
		a->used = 0;
	}
	if (a->chunk == a->count) {
		a->chunks = realloc(a->chunks,
		                    (a->count + 1) * sizeof(a->chunks[0]));
		assert(a->chunks);
		a->chunks[a->count] = malloc(CHUNK);
		assert(a->chunks[a->count]);
		a->count++;
	}
	out = a->chunks[a->chunk] + a->used;
	a->used += len;
	return out;
}

void arena_drop(struct arena *a)
{
	for (size_t i = 0; i < a->count; i++)
		free(a->chunks[i]);
	free(a->chunks);
	memset(a, 0, sizeof(*a));
}

void world_drop(struct world *w)
{
	for (size_t i = 0; i < w->node_count; i++)
		free(w->nodes[i].blocks);
	free(w->nodes);
	free(w->entries);
	memset(w, 0, sizeof(*w));
}

static void *grow(void *list, size_t count, size_t *cap, size_t one)
{
	if (count < *cap)
		return list;
	*cap = *cap ? *cap * 2 : 64;
	list = realloc(list, *cap * one);
	assert(list);
	return list;
}

void world_copy(struct world *to, const struct world *from)
{
	memset(to, 0, sizeof(*to));
	for (size_t i = 0; i < from->node_count; i++) {
		const struct node *n = &from->nodes[i];
		struct node *copy = world_add_node(to, n->id, n->folder);

		world_resize(copy, n->len);
		if (n->count > 0)
			memcpy(copy->blocks, n->blocks,
			       n->count * sizeof(n->blocks[0]));
	}
	for (size_t i = 0; i < from->entry_count; i++) {
		const struct entry *e = &from->entries[i];

		world_link(to, e->parent, e->name, e->node);
	}
}

struct node *world_node(const struct world *w, int id)
{
	for (size_t i = w->node_count; i-- > 0;)
		if (w->nodes[i].id == id)
			return &w->nodes[i];
	return NULL;
}

struct node *world_add_node(struct world *w, int id, bool folder)
{
	struct node *n;

	w->nodes = grow(w->nodes, w->node_count, &w->node_cap,
	                sizeof(w->nodes[0]));
	n = &w->nodes[w->node_count++];
	memset(n, 0, sizeof(*n));
	n->id = id;
	n->folder = folder;
	return n;
}

struct entry *world_find(const struct world *w, int parent, const char *name)
{
	for (size_t i = 0; i < w->entry_count; i++)
		if (w->entries[i].parent == parent &&
		    strcmp(w->entries[i].name, name) == 0)
			return &w->entries[i];
	return NULL;
}

void world_link(struct world *w, int parent, const char *name, int node)
{
	struct entry *e = world_find(w, parent, name);

	if (!e) {
		w->entries = grow(w->entries, w->entry_count, &w->entry_cap,
		                  sizeof(w->entries[0]));
		e = &w->entries[w->entry_count++];
		e->parent = parent;
		assert(strlen(name) < sizeof(e->name));
		memcpy(e->name, name, strlen(name) + 1);
	}
	e->node = node;
}

void world_unlink(struct world *w, int parent, const char *name)
{
	struct entry *e = world_find(w, parent, name);

	if (!e)
		return;
	w->entry_count--;
	memmove(e, e + 1,
	        (size_t)(&w->entries[w->entry_count] - e) * sizeof(*e));
}

void world_resize(struct node *n, uint64_t len)
{
	size_t count = (size_t)((len + WORLD_BLOCK - 1) / WORLD_BLOCK);

	if (count > n->count) {
		n->blocks = realloc(n->blocks, count * sizeof(n->blocks[0]));
		assert(n->blocks);
		memset(n->blocks + n->count, 0,
		       (count - n->count) * sizeof(n->blocks[0]));
	}
	n->count = count;
	n->len = len;
}

void world_write(struct node *n, struct arena *mem, const uint8_t *from,
                 size_t len, uint64_t at)
{
	if (at + len > n->len)
		world_resize(n, at + len);
	while (len > 0) {
		size_t i = (size_t)(at / WORLD_BLOCK);
		size_t skip = (size_t)(at % WORLD_BLOCK);
		size_t part =
			WORLD_BLOCK - skip < len ? WORLD_BLOCK - skip : len;
		uint8_t *block;

		if (part == WORLD_BLOCK) {
			n->blocks[i] = from;
		} else {
			block = arena_take(mem, WORLD_BLOCK);
			if (n->blocks[i])
				memcpy(block, n->blocks[i], WORLD_BLOCK);
			else
				memset(block, 0, WORLD_BLOCK);
			memcpy(block + skip, from, part);
			n->blocks[i] = block;
		}
		from += part;
		at += part;
		len -= part;
	}
}

int world_lookup(const struct world *w, const char *path)
{
	int at = WORLD_ROOT;

	while (*path) {
		char name[MODEL_NAME_LEN];
		size_t len = strcspn(path, "/");
		const struct entry *e;

		if (len >= sizeof(name))
			return -1;
		memcpy(name, path, len);
		name[len] = '\0';
		path += len + (path[len] == '/');
		if (len == 0)
			continue;
		e = world_find(w, at, name);
		if (!e)
			return -1;
		at = e->node;
	}
	return at;
}

static const struct entry *entry_of(const struct world *w, int node)
{
	for (size_t i = 0; i < w->entry_count; i++)
		if (w->entries[i].node == node)
			return &w->entries[i];
	return NULL;
}

void world_path(const struct world *w, const struct entry *e, char *out,
                size_t cap)
{
	char rest[4096];

	snprintf(out, cap, "%s", e->name);
	while (e && e->parent != WORLD_ROOT) {
		e = entry_of(w, e->parent);
		snprintf(rest, sizeof(rest), "%s", out);
		snprintf(out, cap, "%s/%s", e ? e->name : "(gone)", rest);
	}
}
