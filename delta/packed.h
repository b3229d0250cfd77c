/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/packed.h - packed files of an old image, read at any place.
 *
 * The indexes of the last two files are kept, and the last few clusters: at
 * most 512 KiB of what they hold, or one.
 */
#ifndef VS_DELTA_PACKED_H
#define VS_DELTA_PACKED_H

#include "delta/erofs.h"

#define VS_PACKED_FILES 2
#define VS_PACKED_KEPT 8

struct vs_packed_cluster {
	uint64_t inode; /* place of the file's, and 1; 0: none */
	size_t number;  /* in the file */
	uint64_t used;  /* when */
	uint8_t *bytes; /* owned */
	size_t cap;
};

/* Zeroed is empty, but for the image.  vs_packed_drop() in every case. */
struct vs_packed {
	const struct vs_old_image *image; /* keeps */
	struct vs_packed_file {
		uint64_t inode; /* its place, and 1; 0: none */
		uint64_t used;  /* when */
		struct vs_erofs_file file;
	} files[VS_PACKED_FILES];
	struct vs_packed_cluster kept[VS_PACKED_KEPT];
	size_t kept_bytes; /* of all of them */
	uint8_t *cluster;  /* owned: one as it lies in the image */
	size_t cluster_cap;
	uint64_t clock;  /* reads so far */
	uint64_t opened; /* clusters unpacked so far */
};
void vs_packed_drop(struct vs_packed *p);

/* len bytes of the file whose inode lies at a place; zeros behind its end.
 * VS_OK; VS_ERR_INPUT (see vs_erofs_file_read()); VS_ERR_NOMEM; VS_ERR_IO.
 */
vs_status vs_packed_read(struct vs_packed *p, uint64_t inode, uint64_t at,
                         uint8_t *out, size_t len) VS_MUST_CHECK;

#endif
