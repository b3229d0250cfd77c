/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/ext4.h - the files of an ext4 image, by path, and where they lie.
 *
 * For the maker alone: the applier is told extents.  An image that is not
 * ext4, or not well formed, has no files; its delta is an ordinary one.
 *
 * Standard: Linux Documentation/filesystems/ext4 (blocks of 4096 bytes,
 * extents, little endian).
 */
#ifndef VS_DELTA_MAKE_EXT4_H
#define VS_DELTA_MAKE_EXT4_H

#include "delta/layout.h"

struct vs_ext4_file {
	char *path; /* owned */
	uint64_t len;
	struct vs_extent *extents; /* owned; by file block */
	size_t count;
};

struct vs_ext4 {
	struct vs_ext4_file *files; /* owned; by path */
	size_t count;
	uint32_t seed;            /* of checksums; see vs_layout.inodes */
	struct vs_inodes *tables; /* owned; empty without metadata_csum */
	size_t table_count;
};

/* VS_OK, also without files; VS_ERR_NOMEM.  vs_ext4_drop() in every case. */
vs_status vs_ext4_read(const uint8_t *image, uint64_t len,
                       struct vs_ext4 *out) VS_MUST_CHECK;
void vs_ext4_drop(struct vs_ext4 *e);

#endif
