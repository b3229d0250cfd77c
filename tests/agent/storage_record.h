/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/storage_record.h - what storage_model.c and storage_record.c
 * share: the operations, level by level.
 */
#ifndef VS_TESTS_AGENT_STORAGE_RECORD_H
#define VS_TESTS_AGENT_STORAGE_RECORD_H

#include <limits.h>

#include "tests/agent/storage_world.h"

enum op_kind {
	OP_WRITE,
	OP_RESIZE, /* to at */
	OP_CREATE, /* a file or a folder; its name lasts with the folder */
	OP_RENAME, /* within a folder */
	OP_REMOVE,
	OP_FLUSH, /* of a file's bytes, or of a folder's names */
	OP_COUNTER
};

struct op {
	enum op_kind kind;
	int node, folder; /* the folder that a name is in */
	bool is_folder;   /* created */
	char name[MODEL_NAME_LEN], to[MODEL_NAME_LEN];
	uint64_t at;
	size_t len;
	const uint8_t *bytes;
	size_t flushed_at; /* the flush after which it lasts; SIZE_MAX */
	uint8_t *outside;  /* before it */
};

/* A disk, and what was done to it. */
struct level {
	struct world base;
	struct op *ops; /* owned */
	size_t op_count, op_cap;
	struct arena mem;
	uint8_t *last_outside;
};

struct model {
	bool on;
	char root[PATH_MAX];
	int depth;
	struct level levels[MODEL_LEVELS];
	struct world live;
	int next_node;
};

extern struct model model;

uint8_t *model_look_outside(struct level *l);
/* The live world is this one now. */
void model_relive(const struct world *w);

#endif
