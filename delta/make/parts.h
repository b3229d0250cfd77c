/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/parts.h - an image as the maker knows it: parts that are packed
 * each by itself, the files in them, and what lies between.
 */
#ifndef VS_DELTA_MAKE_PARTS_H
#define VS_DELTA_MAKE_PARTS_H

#include "delta/make/plan.h"
#include "delta/squash.h"

/* A block of data, or of fragments; of an erofs all clusters of a file. */
struct vs_part {
	uint64_t at;
	uint32_t packed; /* bytes in the image */
	uint32_t len;    /* unpacked; 0: of fragments, not known */
	bool stored;     /* not packed */
	uint64_t inode;  /* of a file in clusters: its place */
};

struct vs_part_file {
	char *path; /* owned */
	uint64_t len;
	uint32_t inode;
	bool whole;           /* its parts are known, one after another */
	size_t first, blocks; /* in parts */
	size_t tail;          /* the part; SIZE_MAX: none */
	uint32_t tail_at, tail_len;
	/* it has no parts: its bytes are here as they are, and its tail there;
	 * 0: not so */
	uint64_t plain_at, plain_tail;
};

struct vs_parted {
	enum vs_packing packing; /* LZ4: what is not stored is in clusters */
	int level;               /* -1: no known one */
	/* bytes of a file in each of its parts but the last; of a cluster */
	uint32_t block;
	uint32_t ahead;        /* of clusters: see delta/cluster.h */
	struct vs_part *parts; /* owned; by place, apart */
	size_t count;
	struct vs_part_file *files; /* owned; by path */
	size_t file_count;
	/* tables: place, bytes (0: none) and what they hold */
	uint64_t tables_at, tables_len;
	size_t lens[VS_TABLE_PARTS];
};

/* By place, each once.  False: one lies over another. */
bool vs_parted_order(struct vs_parted *p);
/* The part at a place; SIZE_MAX if there is none. */
size_t vs_parted_find(const struct vs_parted *p, uint64_t at);
/* Puts the files in order. */
void vs_parted_sort(struct vs_parted *p);
void vs_parted_drop(struct vs_parted *p); /* also of a zeroed one */

#endif
