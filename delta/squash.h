/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/squash.h - a squashfs's tables in normal form: without the numbers
 * that follow from others.
 *
 * Where a file's data begins, how long a packed block is, in which place of
 * which packed block an inode lies: all of that changes everywhere when one
 * file does, and all of it can be derived.  In normal form such a number is
 * its difference from what was derived, mostly 0.  Whatever the tables hold,
 * the form can be undone; that they cannot be read to the end is an error.
 *
 * Standard: Linux Documentation/filesystems/squashfs, version 4.0.
 */
#ifndef VS_DELTA_SQUASH_H
#define VS_DELTA_SQUASH_H

#include "delta/unit.h"

#define VS_SQUASH_SUPER_LEN 96
#define VS_SQUASH_META 8192                  /* bytes of a block of tables */
#define VS_SQUASH_STORED (UINT32_C(1) << 24) /* in a block's size */

/* The parts of a unit of tables, in this order; all but the last in packed
 * blocks, the third to the fifth with their index behind them.
 */
enum vs_squash_part {
	VS_SQUASH_INODES = 0,
	VS_SQUASH_FOLDERS,
	VS_SQUASH_FRAGMENTS,
	VS_SQUASH_EXPORTS,
	VS_SQUASH_IDS,
	VS_SQUASH_REST, /* as it is */
};

/* A packed unit whose place in the image and size are known. */
struct vs_squash_known {
	uint64_t at;
	uint32_t size; /* as in a list of blocks */
};

struct vs_squash {
	uint32_t block; /* bytes of a block of data */
	enum vs_packing packing;
	int level;
	struct vs_packer *packer;            /* borrows */
	const struct vs_squash_known *known; /* borrows; by place */
	size_t known_count;
	uint8_t *parts[VS_TABLE_PARTS]; /* borrows */
	size_t lens[VS_TABLE_PARTS];
};

/* Unpacks tables into the parts, whose lengths are given, and brings them
 * into normal form.
 * VS_OK; VS_ERR_INPUT; VS_ERR_NOMEM.
 */
vs_status vs_squash_unpack(struct vs_squash *s, const uint8_t *in,
                           size_t len) VS_MUST_CHECK;
/* Undoes the normal form, in place, and packs into at most room bytes, which
 * will lie at a place of the image.
 * VS_OK and *out_len; VS_ERR_INPUT; VS_ERR_LIMIT; VS_ERR_NOMEM.
 */
vs_status vs_squash_pack(struct vs_squash *s, uint64_t at, uint8_t *out,
                         size_t room, size_t *out_len) VS_MUST_CHECK;

/* An inode as it really is (not in normal form). */
struct vs_squash_inode {
	uint32_t type, number;
	size_t len;    /* of all of it */
	size_t blocks; /* 4 bytes each, the last of it */
	uint64_t start, file_len;
	uint32_t fragment, offset; /* of a file: UINT32_MAX if none */
};
/* Reads one at the begin of left bytes.  False: malformed. */
bool vs_squash_inode_read(const uint8_t *in, size_t left, uint32_t block,
                          struct vs_squash_inode *out);

#endif
