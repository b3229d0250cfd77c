/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/squash.h - the packed units of a squashfs image, and its files.
 *
 * For the maker alone: the applier is told units.  An image that is no
 * squashfs, not well formed, or not packed with zstd, is none.
 *
 * Standard: Linux Documentation/filesystems/squashfs, version 4.0.
 */
#ifndef VS_DELTA_MAKE_SQUASH_H
#define VS_DELTA_MAKE_SQUASH_H

#include "delta/make/plan.h"
#include "delta/squash.h"

/* A block of data, or of fragments. */
struct vs_part {
	uint64_t at;
	uint32_t packed; /* bytes in the image */
	uint32_t len;    /* unpacked; 0: of fragments, not known */
	bool stored;     /* not packed */
};

struct vs_part_file {
	char *path; /* owned */
	uint64_t len;
	uint32_t inode;
	bool whole;           /* its parts are known, one after another */
	size_t first, blocks; /* in parts */
	size_t tail;          /* the part; SIZE_MAX: none */
	uint32_t tail_at, tail_len;
};

struct vs_parted {
	enum vs_packing packing;
	int level;
	uint32_t block;
	struct vs_part *parts; /* owned; by place, apart */
	size_t count;
	struct vs_part_file *files; /* owned; by path */
	size_t file_count;
	/* tables: place, bytes and what they hold */
	uint64_t tables_at, tables_len;
	size_t lens[VS_TABLE_PARTS];
};

/* VS_OK; VS_ERR_ABSENT (no such image); VS_ERR_NOMEM.  vs_parted_drop() in
 * every case.
 */
vs_status vs_squash_read(const struct vs_image *image,
                         struct vs_parted *out) VS_MUST_CHECK;
void vs_parted_drop(struct vs_parted *p);

#endif
