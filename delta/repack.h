/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/repack.h - the new image out of its view, unit by unit.
 *
 * Blocks of the view come from the walk; what they hold is packed as the
 * image's builder packed it.  One unit, or batch of a file in clusters, is in
 * memory at a time; with a helper up to four, so that some are packed while the
 * walk is at later ones.
 */
#ifndef VS_DELTA_REPACK_H
#define VS_DELTA_REPACK_H

#include "delta/helper.h"
#include "delta/squash.h"
#include "delta/walk.h"

#define VS_REPACK_AHEAD 8
/* Of these have bytes in memory: so many, or fewer that take this together. */
#define VS_REPACK_HELD 4
#define VS_REPACK_BYTES (UINT32_C(4) << 20)

struct vs_repack_tools {
	struct vs_packer packer;
	struct vs_cluster_packer clusters;
};

/* A unit or a batch before its bytes are given. */
struct vs_repack_unit {
	uint64_t copy, copy_len; /* of the old image; or */
	uint8_t *bytes;          /* owned: the unit itself */
	size_t end;              /* how many */
	size_t cost;             /* what it takes of memory */
	bool begins;             /* a unit that is no copy */
	/* until it is packed */
	struct vs_repack_tools *tools;
	const struct vs_units *units;
	struct vs_batch_job batch; /* of len 0: it is a unit */
	uint8_t *held;             /* owned: what it holds */
	size_t len;
	vs_status status; /* of packing */
	bool helped;      /* by the helper */
};

struct vs_repack {
	const struct vs_old_image *image; /* keeps: the old one, packed */
	const struct vs_units *units;     /* keeps: of the new one */
	struct vs_walk *walk;             /* keeps */
	struct vs_repack_tools tools;
	struct vs_squash_known *known; /* owned: packed units so far */
	size_t known_count;
	size_t unit;   /* the next one of the walk */
	uint64_t done; /* bytes given so far, of all */
	/* those that the walk has passed, and are not yet given; status is
	 * what comes after them */
	struct vs_repack_unit ahead[VS_REPACK_AHEAD];
	size_t first, count, count_held, cost;
	vs_status status;
	const struct vs_delta_helper *helper; /* keeps; NULL: none */
	struct vs_repack_tools helpers;       /* its own */
	/* what is to be given next: bytes in memory, or a part of a copy, or
	 * of a raw unit */
	uint8_t *bytes; /* owned */
	size_t at, end; /* in bytes */
	uint64_t copy, copy_left;
	uint32_t slice, slices, slice_left;
	uint8_t block[VS_DELTA_BLOCK];
	/* a file in clusters, while the walk is in it */
	uint32_t batch, batches; /* the next one, and how many */
	uint32_t file_left;      /* bytes that are not seen yet */
	uint8_t *seen;           /* owned: bytes behind the last batch */
	size_t seen_len;
	uint8_t *fixed; /* owned: clusters that come otherwise */
	size_t fixed_at;
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
