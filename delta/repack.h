/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/repack.h - the new image out of its view, unit by unit.
 *
 * Blocks of the view come from the walk; what they hold is packed as the
 * image's builder packed it.  One unit is in memory at a time.
 */
#ifndef VS_DELTA_REPACK_H
#define VS_DELTA_REPACK_H

#include "delta/squash.h"
#include "delta/walk.h"

struct vs_repack {
	const struct vs_old_image *image; /* keeps: the old one, packed */
	const struct vs_units *units;     /* keeps: of the new one */
	struct vs_walk *walk;             /* keeps */
	struct vs_packer packer;
	struct vs_squash_known *known; /* owned: packed units so far */
	size_t known_count;
	size_t unit;   /* the next one */
	uint64_t done; /* bytes given so far, of all */
	/* what is to be given next: bytes in memory, or a part of a copy, or
	 * of a raw unit */
	uint8_t *bytes; /* owned */
	size_t at, end; /* in bytes */
	uint64_t copy, copy_left;
	uint32_t slice, slices, slice_left;
	uint8_t block[VS_DELTA_BLOCK];
	uint8_t *held; /* owned: what a packed unit holds */
	uint64_t packed_units, packed_bytes; /* so far; unpacked bytes */
};

/* VS_OK; VS_ERR_NOMEM.  vs_repack_drop() in every case. */
vs_status vs_repack_init(struct vs_repack *r, const struct vs_old_image *image,
                         const struct vs_units *units,
                         struct vs_walk *walk) VS_MUST_CHECK;
void vs_repack_drop(struct vs_repack *r); /* also of a zeroed one */

/* The next len bytes of the image.
 * VS_OK; VS_ERR_INPUT (also: it has no more); the walk's statuses.
 */
vs_status vs_repack_next(struct vs_repack *r, uint8_t *out,
                         size_t len) VS_MUST_CHECK;

#endif
