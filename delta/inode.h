/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/inode.h - ext4 inodes without their checksums.
 *
 * In blocks of an inode table each checksum is replaced by what it differs
 * from the computed one: zeros, nearly always.  The change is its own inverse.
 *
 * Standard: Linux Documentation/filesystems/ext4, "Inode Table", 256 bytes
 * each, metadata_csum.
 */
#ifndef VS_DELTA_INODE_H
#define VS_DELTA_INODE_H

#include "delta/layout.h"

struct vs_inode_view {
	const struct vs_inodes *tables; /* keeps; by at */
	size_t count;
	uint32_t seed;
	uint32_t crc[256];
};

void vs_inode_view_init(struct vs_inode_view *v, uint32_t seed,
                        const struct vs_inodes *tables, size_t count);

/* Changes a block if it is one of a table. */
void vs_inode_view_flip(const struct vs_inode_view *v, uint32_t block,
                        uint8_t bytes[static VS_DELTA_BLOCK]);

/* An old image as the view shows it, for reading through. */
struct vs_inode_image {
	const struct vs_old_image *raw;   /* keeps */
	const struct vs_inode_view *view; /* keeps */
	uint32_t cached;                  /* block at hand; UINT32_MAX: none */
	uint8_t block[VS_DELTA_BLOCK];
};
void vs_inode_image_init(struct vs_inode_image *i,
                         const struct vs_old_image *raw,
                         const struct vs_inode_view *view,
                         struct vs_old_image *out);

#endif
