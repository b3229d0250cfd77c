/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/old.h - a file within the old image, by its extents.
 *
 * Holes, and whatever lies behind the last extent, read as zeros.  The image
 * is read through one function of the caller's.
 */
#ifndef VS_DELTA_OLD_H
#define VS_DELTA_OLD_H

#include "base/status.h"

#define VS_DELTA_BLOCK 4096

struct vs_old_image {
	void *ctx;
	uint64_t len;
	/* Exactly len bytes within the image.  VS_OK; VS_ERR_IO. */
	vs_status (*read)(void *ctx, uint64_t at, void *out, size_t len);
};

/* Blocks of a file that lie together in its image. */
struct vs_extent {
	uint32_t file;  /* first block in the file */
	uint32_t image; /* first block in the image */
	uint32_t count;
};

struct vs_old {
	const struct vs_old_image *image;
	const struct vs_extent *extents; /* by file, not overlapping */
	size_t count;
	uint64_t len; /* bytes of the file */
};

/* len bytes at any place, zeros where there is nothing.
 * VS_OK; VS_ERR_IO.
 */
vs_status vs_old_read(const struct vs_old *old, uint64_t at, void *out,
                      size_t len) VS_MUST_CHECK;

#endif
