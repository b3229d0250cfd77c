/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/storage_model.c - what was done to a disk, and what is left of
 * it.
 *
 * The real folder shows the live world.  Each level holds a world that is on
 * the disk, and what was done to it since.
 */
#include "tests/agent/storage_model.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/agent/storage_record.h"

#define OUTSIDE_MAX 4
#define MIX UINT64_C(0x9e3779b97f4a7c15)

struct model model;

static struct {
	void *at;
	size_t len;
} outside[OUTSIDE_MAX];
static size_t outside_count;

static struct level *top(void)
{
	return &model.levels[model.depth];
}

void model_outside(void *at, size_t len)
{
	if (len == 0) {
		outside_count = 0;
		return;
	}
	assert(outside_count < OUTSIDE_MAX);
	outside[outside_count].at = at;
	outside[outside_count++].len = len;
}

/* As it is now, or what was taken last if that is the same. */
uint8_t *model_look_outside(struct level *l)
{
	uint8_t *last = l->op_count ? l->ops[l->op_count - 1].outside : NULL;
	uint8_t *now;
	size_t len = 0, at = 0;
	bool same = last != NULL;

	for (size_t i = 0; i < outside_count; i++) {
		same = same &&
		       memcmp(last + len, outside[i].at, outside[i].len) == 0;
		len += outside[i].len;
	}
	if (same)
		return last;
	now = arena_take(&l->mem, len + 1);
	for (size_t i = 0; i < outside_count; at += outside[i++].len)
		memcpy(now + at, outside[i].at, outside[i].len);
	return now;
}

static void put_outside(const uint8_t *from)
{
	for (size_t i = 0; i < outside_count; from += outside[i++].len)
		memcpy(outside[i].at, from, outside[i].len);
}

static void drop_level(struct level *l)
{
	world_drop(&l->base);
	free(l->ops);
	arena_drop(&l->mem);
	memset(l, 0, sizeof(*l));
}

void model_begin(const char *root)
{
	memset(&model, 0, sizeof(model));
	snprintf(model.root, sizeof(model.root), "%s", root);
	world_load(&model.live, root, &top()->mem, &model.next_node);
	world_copy(&top()->base, &model.live);
	model.on = true;
}

void model_end(void)
{
	model.on = false;
	for (int i = 0; i <= model.depth; i++)
		drop_level(&model.levels[i]);
	world_drop(&model.live);
}

size_t model_ops(void)
{
	return top()->op_count;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Coins by seed, operation and sector. */
static uint64_t coin(const struct model_cut *cut, size_t op, uint64_t at)
{
	return mix(cut->seed * MIX + mix(op * MIX + mix(at + 1)));
}

static bool is_flush(const struct op *op)
{
	return op->kind == OP_FLUSH;
}

static bool is_flushed(const struct op *op, const struct model_cut *cut)
{
	return op->flushed_at < cut->op;
}

/* Whether the flush that is cut in half was about this. */
static bool is_being_flushed(const struct level *l, const struct op *op,
                             const struct model_cut *cut)
{
	return cut->half && cut->op < l->op_count &&
	       is_flush(&l->ops[cut->op]) && op->flushed_at == cut->op;
}

/* Of what was not flushed: all of it, or sector by sector. */
enum share { NONE, WHOLE, FIRST_HALF, SECTORS };

static enum share share_of(const struct level *l, size_t i,
                           const struct model_cut *cut)
{
	const struct op *op = &l->ops[i];
	bool last = true;

	if (is_flushed(op, cut))
		return WHOLE;
	if (is_being_flushed(l, op, cut))
		return SECTORS;
	if (cut->fate == MODEL_MIXED)
		return SECTORS;
	if (cut->half && i == cut->op)
		return cut->fate == MODEL_LOST ? SECTORS : FIRST_HALF;
	if (cut->fate != MODEL_LATEST)
		return cut->fate == MODEL_KEPT ? WHOLE : NONE;
	for (size_t k = i + 1; k < cut->op; k++)
		last = last && is_flush(&l->ops[k]);
	return last ? WHOLE : NONE;
}

/* One sector of a write: new, old, half of each, or with a wrong bit. */
static void write_sector(struct node *n, struct level *to, const struct op *op,
                         size_t at, uint64_t how)
{
	size_t len = op->len - at < MODEL_SECTOR ? op->len - at : MODEL_SECTOR;
	uint8_t *torn;

	if ((how & 1) == 0)
		return;
	if ((how >> 8 & 31) != 0) {
		world_write(n, &to->mem, op->bytes + at, len, op->at + at);
		return;
	}
	torn = arena_take(&to->mem, MODEL_SECTOR);
	memcpy(torn, op->bytes + at, len);
	if (how >> 16 & 1)
		torn[(how >> 24) % len] ^= (uint8_t)(1 << (how >> 20 & 7));
	else
		len = 1 + (how >> 24) % len;
	world_write(n, &to->mem, torn, len, op->at + at);
}

static void survive_write(struct node *n, struct level *to, const struct op *op,
                          enum share share, const struct model_cut *cut,
                          size_t i)
{
	if (share == WHOLE || share == FIRST_HALF)
		world_write(n, &to->mem, op->bytes,
		            share == WHOLE ? op->len : op->len / 2, op->at);
	else
		for (size_t at = 0; at < op->len; at += MODEL_SECTOR)
			write_sector(n, to, op, at, coin(cut, i, at));
}

static void survive_name(struct world *w, const struct op *op)
{
	switch (op->kind) {
	case OP_CREATE:
		world_link(w, op->folder, op->name, op->node);
		return;
	case OP_RENAME:
		world_unlink(w, op->folder, op->name);
		world_link(w, op->folder, op->to, op->node);
		return;
	default:
		world_unlink(w, op->folder, op->name);
		return;
	}
}

static void survive_one(const struct level *l, struct level *to, size_t i,
                        const struct model_cut *cut)
{
	const struct op *op = &l->ops[i];
	enum share share = share_of(l, i, cut);
	struct node *n = world_node(&to->base, op->node);

	if (op->kind == OP_FLUSH || op->kind == OP_COUNTER)
		return;
	if (op->kind == OP_CREATE && !n)
		n = world_add_node(&to->base, op->node, op->is_folder);
	if (share == NONE)
		return;
	if (op->kind == OP_WRITE)
		survive_write(n, to, op, share, cut, i);
	else if (share == SECTORS && (coin(cut, i, 0) & 1) == 0)
		return;
	else if (op->kind == OP_RESIZE)
		world_resize(n, op->at);
	else if (share != FIRST_HALF) /* a name is there or not */
		survive_name(&to->base, op);
}

/* Names in folders that are gone are gone. */
static void prune(struct world *w)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = w->entry_count; i-- > 0;) {
			int parent = w->entries[i].parent;
			bool there = parent == WORLD_ROOT;

			for (size_t k = 0; k < w->entry_count && !there; k++)
				there = w->entries[k].node == parent;
			if (there)
				continue;
			world_unlink(w, parent, w->entries[i].name);
			more = true;
		}
	}
}

void model_cut(const struct model_cut *cut)
{
	struct level *l = top();
	struct level *to = l + 1;
	bool end = cut->op == l->op_count;

	assert(cut->op <= l->op_count && model.depth + 1 < MODEL_LEVELS);
	assert(!end || !cut->half);
	if (end)
		l->last_outside = model_look_outside(l);
	world_copy(&to->base, &l->base);
	for (size_t i = 0; i < cut->op + cut->half; i++)
		survive_one(l, to, i, cut);
	prune(&to->base);
	put_outside(end ? l->last_outside : l->ops[cut->op].outside);
	world_become(model.root, &model.live, &to->base);
	model_relive(&to->base);
	model.depth++;
}

void model_relive(const struct world *w)
{
	world_drop(&model.live);
	world_copy(&model.live, w);
	for (size_t i = 0; i < w->node_count; i++) {
		model.live.nodes[i].dev = w->nodes[i].dev;
		model.live.nodes[i].ino = w->nodes[i].ino;
	}
}

void model_back(void)
{
	struct level *gone = top();

	assert(model.depth > 0);
	model.depth--;
	world_become(model.root, &model.live, &top()->base);
	model_relive(&top()->base);
	drop_level(gone);
}

static uint64_t add_digest(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t word;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum = (sum ^ word) * MIX;
		sum ^= sum >> 29;
	}
	for (; len > 0; len--)
		sum = (sum ^ *p++) * MIX;
	return sum;
}

uint64_t model_digest(void)
{
	static const uint8_t none[WORLD_BLOCK];
	const struct world *w = &model.live;
	uint64_t sum = 0;

	for (size_t i = 0; i < outside_count; i++)
		sum = add_digest(sum, outside[i].at, outside[i].len);
	for (size_t i = 0; i < w->entry_count; i++) {
		const struct node *n = world_node(w, w->entries[i].node);
		char path[PATH_MAX];
		uint64_t one;

		world_path(w, &w->entries[i], path, sizeof(path));
		one = add_digest(n->len, path, strlen(path));
		for (size_t k = 0; k < n->count; k++)
			if (n->blocks[k] &&
			    memcmp(n->blocks[k], none, WORLD_BLOCK) != 0)
				one = add_digest(one ^ k, n->blocks[k],
				                 WORLD_BLOCK);
		sum += mix(one);
	}
	return mix(sum);
}

bool model_flip(const char *name, uint64_t bit)
{
	struct level *l = top();
	int id = world_lookup(&l->base, name);
	struct node *n = id < 0 ? NULL : world_node(&l->base, id);
	uint8_t byte = 0;
	uint64_t at;

	if (!n || n->folder || n->len == 0)
		return false;
	bit %= n->len * 8;
	at = bit / 8;
	if (n->blocks[at / WORLD_BLOCK])
		byte = n->blocks[at / WORLD_BLOCK][at % WORLD_BLOCK];
	byte ^= (uint8_t)(1 << bit % 8);
	world_write(n, &l->mem, &byte, 1, at);
	world_become(model.root, &model.live, &l->base);
	model_relive(&l->base);
	return true;
}

static void path_of(int node, const char *name, char *out, size_t cap)
{
	const struct world *w = &model.live;

	snprintf(out, cap, "%s", name);
	for (size_t i = 0; node > WORLD_ROOT && i < w->entry_count; i++)
		if (w->entries[i].node == node) {
			world_path(w, &w->entries[i], out, cap);
			return;
		}
}

const char *model_say(size_t i, char out[static 256])
{
	static const char *const verbs[] = {
		[OP_WRITE] = "write",     [OP_RESIZE] = "resize",
		[OP_CREATE] = "create",   [OP_RENAME] = "rename",
		[OP_REMOVE] = "remove",   [OP_FLUSH] = "flush",
		[OP_COUNTER] = "count up"};
	const struct op *op = &top()->ops[i];
	char folder[100];

	if (i >= top()->op_count) {
		snprintf(out, 256, "the end");
		return out;
	}
	path_of(op->folder, "", folder, sizeof(folder));
	snprintf(out, 256, "%s %.90s %.50s%s%.50s at %llu, %zu bytes",
	         verbs[op->kind], folder, op->name, op->to[0] ? " to " : "",
	         op->to, (unsigned long long)op->at, op->len);
	return out;
}

size_t model_find_write(size_t len)
{
	const struct level *l = top();
	size_t i = 0;

	while (i < l->op_count &&
	       (l->ops[i].kind != OP_WRITE || l->ops[i].len < len))
		i++;
	return i;
}
