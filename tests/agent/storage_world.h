/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/storage_world.h - folders, names and blocks in memory.
 *
 * Blocks never change once they are part of a world, so a world is copied by
 * its pointers, and equal pointers are equal bytes.
 */
#ifndef VS_TESTS_AGENT_STORAGE_WORLD_H
#define VS_TESTS_AGENT_STORAGE_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/agent/storage_model.h"

#define WORLD_BLOCK 4096
#define WORLD_ROOT 0 /* the node of the root folder */

/* Memory that is let go all at once, down to a mark. */
struct arena {
	uint8_t **chunks; /* owned, WORLD_CHUNK each */
	size_t count, chunk, used;
};
void *arena_take(struct arena *a, size_t len);
void arena_drop(struct arena *a);

struct node {
	int id;
	bool folder;
	dev_t dev; /* as the kernel shows it, in the live world */
	ino_t ino;
	uint64_t len;
	size_t count;           /* of blocks */
	const uint8_t **blocks; /* owned list; NULL: zeros */
};

struct entry {
	int parent, node;
	char name[MODEL_NAME_LEN];
};

struct world {
	struct node *nodes; /* owned */
	size_t node_count, node_cap;
	struct entry *entries; /* owned; a folder before what is in it */
	size_t entry_count, entry_cap;
};

void world_drop(struct world *w);
void world_copy(struct world *to, const struct world *from);
struct node *world_node(const struct world *w, int id);
struct node *world_add_node(struct world *w, int id, bool folder);
/* The entry of that name; NULL. */
struct entry *world_find(const struct world *w, int parent, const char *name);
/* Makes the name stand for the node, whatever it stood for. */
void world_link(struct world *w, int parent, const char *name, int node);
void world_unlink(struct world *w, int parent, const char *name);

void world_resize(struct node *n, uint64_t len);
/* Puts bytes at an offset; longer files grow.  from: whole blocks of it become
 * the node's and must last.  mem is for others.
 */
void world_write(struct node *n, struct arena *mem, const uint8_t *from,
                 size_t len, uint64_t at);
/* "a/b" below root, through its folders: the node's id; -1. */
int world_lookup(const struct world *w, const char *path);
/* The path of an entry below root. */
void world_path(const struct world *w, const struct entry *e, char *out,
                size_t cap);

/* Reads all that is below a real folder; ids from *next on. */
void world_load(struct world *w, const char *root, struct arena *mem,
                int *next);
/* Changes what is below a real folder from one world into another, and notes
 * in it where its files are.
 */
void world_become(const char *root, const struct world *from, struct world *to);

#endif
