/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/repack.h - the new image out of its view, unit by unit.
 *
 * Blocks of the view come from the walk; what they hold is packed as the
 * image's builder packed it.  One unit is in memory at a time; with a helper
 * up to four, so that some are packed while the walk is at later ones.
 */
#ifndef VS_DELTA_REPACK_H
#define VS_DELTA_REPACK_H

#include "delta/helper.h"
#include "delta/squash.h"
#include "delta/walk.h"

#define VS_REPACK_AHEAD 8 /* units, of which */
#define VS_REPACK_HELD 4  /* have bytes in memory */

/* A unit before its bytes are given. */
struct vs_repack_unit {
	uint64_t copy, copy_len; /* of the old image; or */
	uint8_t *bytes;          /* owned: the unit itself */
	size_t end;              /* how many */
	/* until it is packed */
	struct vs_packer *packer;
	const struct vs_units *units;
	uint8_t *held; /* owned: what it holds */
	size_t len;
	vs_status status; /* of packing */
	bool helped;      /* by the helper */
};

struct vs_repack {
	const struct vs_old_image *image; /* keeps: the old one, packed */
	const struct vs_units *units;     /* keeps: of the new one */
	struct vs_walk *walk;             /* keeps */
	struct vs_packer packer;
	struct vs_squash_known *known; /* owned: packed units so far */
	size_t known_count;
	size_t unit;   /* the next one of the walk */
	uint64_t done; /* bytes given so far, of all */
	/* those that the walk has passed, and are not yet given; status is
	 * what comes after them */
	struct vs_repack_unit ahead[VS_REPACK_AHEAD];
	size_t first, count, count_held;
	vs_status status;
	const struct vs_delta_helper *helper; /* keeps; NULL: none */
	struct vs_packer helpers;             /* its packer */
	/* what is to be given next: bytes in memory, or a part of a copy, or
	 * of a raw unit */
	uint8_t *bytes; /* owned */
	size_t at, end; /* in bytes */
	uint64_t copy, copy_left;
	uint32_t slice, slices, slice_left;
	uint8_t block[VS_DELTA_BLOCK];
	/* a file in clusters, while more of them come */
	struct vs_flow flow;
	uint8_t *fixed; /* owned: clusters that come otherwise */
	bool flowing;
	uint64_t packed_units, packed_bytes; /* so far; unpacked bytes */
};

/* VS_OK; VS_ERR_NOMEM.  vs_repack_drop() in every case. */
vs_status vs_repack_init(struct vs_repack *r, const struct vs_old_image *image,
                         const struct vs_units *units,
                         struct vs_walk *walk) VS_MUST_CHECK;
void vs_repack_drop(struct vs_repack *r); /* also of a zeroed one */
/* Before the first bytes: it may be helped, if its units are small enough for
 * twice the memory.
 */
void vs_repack_help(struct vs_repack *r, const struct vs_delta_helper *helper);

/* The next len bytes of the image.
 * VS_OK; VS_ERR_INPUT (also: it has no more); the walk's statuses.
 */
vs_status vs_repack_next(struct vs_repack *r, uint8_t *out,
                         size_t len) VS_MUST_CHECK;

#endif
