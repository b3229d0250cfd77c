/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/layout.h - what each block of the new image is made from.
 *
 * Block by block in the new image's order: a copy of an old block, a block of
 * a file whose old form is known, or zeros.  File 0 is the rest: whatever has
 * no better partner.
 */
#ifndef VS_DELTA_LAYOUT_H
#define VS_DELTA_LAYOUT_H

#include "delta/number.h"
#include "delta/old.h"

#define VS_RUNS_MAX 65536 /* segments and old extents together */
#define VS_FILES_MAX 4096
#define VS_BLOCKS_MAX (UINT32_C(1) << 24)      /* 64 GiB */
#define VS_FILE_BLOCKS_MAX (UINT32_C(1) << 18) /* 1 GiB */

/* Blocks that lie together in the new image and have one origin. */
struct vs_segment {
	uint32_t at, count; /* in the new image; by at, not overlapping */
	uint32_t file;      /* VS_SEGMENT_COPY, or an index */
	uint32_t from;      /* first block in the old image, or in the file */
};
#define VS_SEGMENT_COPY UINT32_MAX

struct vs_file {
	bool predicted;              /* an ELF file, or a bare image */
	uint32_t blocks, was_blocks; /* of the new file, and of the old one */
	uint32_t load;         /* the old one's address and 1; 0: it is ELF */
	struct vs_extent *was; /* in the old image; points into extents */
	size_t was_count;
};

/* Inode tables of an ext4 file system, whose checksums can be derived. */
struct vs_inodes {
	uint32_t at, count; /* blocks of the image; count 0: none */
	uint32_t first;     /* number of the first inode */
};
#define VS_INODES_MAX 1024

struct vs_layout {
	uint32_t blocks, was_blocks; /* of the images */
	struct vs_segment *segments; /* owned */
	size_t segment_count;
	struct vs_file *files; /* owned */
	size_t file_count;
	struct vs_extent *extents; /* owned: all files' */
	size_t extent_count;
	struct {
		uint32_t seed;            /* crc32c of the file system's uuid */
		struct vs_inodes *tables; /* owned; by at */
		size_t count;
	} inodes[2]; /* of the old image and the new one */
};

/* Encodes *l, or decodes into an empty one whose blocks are set.  Gives
 * memory when it decodes: vs_layout_drop() in every case.
 * VS_OK; VS_ERR_INPUT; VS_ERR_LIMIT; VS_ERR_NOMEM; the coder's status.
 */
vs_status vs_layout_code(struct vs_layout *l, struct vs_coder *c) VS_MUST_CHECK;
void vs_layout_drop(struct vs_layout *l); /* also of a zeroed one */

#endif
