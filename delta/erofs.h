/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/erofs.h - the clusters that a packed file of an erofs image is made of.
 *
 * The image is an old slot's: input like any other.  What is given lies within
 * the image and makes up the whole file, in order, or nothing is given.
 *
 * Standard: Linux Documentation/filesystems/erofs, fs/erofs/erofs_fs.h (blocks
 * and logical clusters of 4096 bytes, LZ4, indexes compact and full).
 */
#ifndef VS_DELTA_EROFS_H
#define VS_DELTA_EROFS_H

#include "delta/old.h"

#define VS_EROFS_FILE_MAX (UINT32_C(1) << 30)   /* bytes of a file */
#define VS_EROFS_EXTENT_MAX (UINT32_C(2) << 20) /* bytes that one holds */
#define VS_EROFS_PACKED_MAX (UINT32_C(1) << 20) /* and on the medium */

struct vs_erofs_cluster {
	uint32_t from;  /* first byte in the file */
	uint32_t block; /* first block in the image */
	uint16_t blocks;
	bool packed; /* else its first bytes, as they are */
};

struct vs_erofs_file {
	uint32_t len;     /* bytes, not 0 */
	uint32_t longest; /* of what a cluster holds */
	struct vs_erofs_cluster
		*list; /* owned; by from, the first one's is 0 */
	size_t count;
};

/* An inode without its tail, as far as it is needed. */
struct vs_erofs_inode {
	uint32_t type, layout; /* as in i_mode; enum vs_erofs_layout */
	uint64_t len;
	uint32_t block;  /* of what is not packed */
	uint64_t behind; /* place in the image behind it and its attributes */
};
enum vs_erofs_layout {
	VS_EROFS_PLAIN = 0,
	VS_EROFS_FULL, /* packed */
	VS_EROFS_INLINE,
	VS_EROFS_COMPACT, /* packed */
};

/* Reads the inode at a place of the image.
 * VS_OK; VS_ERR_INPUT; VS_ERR_IO.
 */
vs_status vs_erofs_inode_read(const struct vs_old_image *image, uint64_t at,
                              struct vs_erofs_inode *out) VS_MUST_CHECK;
/* Reads a packed file.  Gives *out: vs_erofs_file_drop() in every case.
 * VS_OK; VS_ERR_INPUT (malformed, not packed, or packed in ways that are not
 * known: tails in the inode, fragments, other packings); VS_ERR_NOMEM;
 * VS_ERR_IO.
 */
vs_status vs_erofs_file_read(const struct vs_old_image *image, uint64_t at,
                             struct vs_erofs_file *out) VS_MUST_CHECK;
void vs_erofs_file_drop(struct vs_erofs_file *f); /* also of a zeroed one */

/* Bytes of the file that a cluster holds. */
uint32_t vs_erofs_holds(const struct vs_erofs_file *f, size_t cluster);
/* The cluster that holds a byte of the file. */
size_t vs_erofs_find(const struct vs_erofs_file *f, uint32_t at);

#endif
