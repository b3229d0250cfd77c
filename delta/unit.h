/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/unit.h - a packed image in units, and the view: what they hold.
 *
 * A unit is bytes that are packed together.  What it holds lies in the view
 * in slices, each from a block's begin on.  The view of an old image has only
 * units that are of use; units of the new image make it up, in its order.
 */
#ifndef VS_DELTA_UNIT_H
#define VS_DELTA_UNIT_H

#include "delta/batch.h"
#include "delta/number.h"
#include "delta/packer.h"

#define VS_UNITS_MAX 32768  /* of each side */
#define VS_SLICES_MAX 65536 /* of each side */
#define VS_FIXES_MAX 4096   /* of all files */
#define VS_BATCHES_MAX 65536
#define VS_TABLES_MAX (UINT32_C(8) << 20)
#define VS_TABLE_PARTS 6

enum vs_unit_kind {
	VS_UNIT_RAW = 0, /* the bytes of its slices as they are */
	VS_UNIT_PACKED,  /* by the side's packing */
	VS_UNIT_TABLES,  /* squashfs's, in normal form: delta/squash.h */
	VS_UNIT_COPY,    /* new: bytes of the old image */
	VS_UNIT_FILE,    /* of an erofs: all clusters of one file */
	VS_UNIT_KINDS,
};

struct vs_unit {
	uint8_t kind;
	/* old units and copies: place in the old image; of an old file its
	 * inode's */
	uint64_t at;
	uint64_t packed;        /* bytes there; of files not used */
	uint32_t slice, slices; /* first one, and how many */
	uint32_t len;           /* of the slices together */
	/* new files: the first one, and how many.  If there are fixes in them,
	 * these bytes are the first slice, and the file is the second */
	uint32_t batch, batches;
};

struct vs_slice {
	uint32_t at;    /* first block in the view */
	uint32_t len;   /* bytes, not 0 */
	uint32_t unit;  /* whose it is */
	uint32_t place; /* in the unit */
};

/* One side of a delta. */
struct vs_units {
	bool is_new;
	uint32_t packing; /* enum vs_packing */
	uint32_t level;
	uint32_t block;  /* bytes of a block; of files: of a cluster */
	uint32_t blocks; /* of the view */
	uint64_t image_len;
	struct vs_unit *list; /* owned; old ones by place, apart */
	size_t count;
	struct vs_slice *slices; /* owned; by place in the view */
	size_t slice_count;
	uint32_t ahead;           /* of files: delta/cluster.h */
	struct vs_batch *batches; /* owned; those of a file together */
	size_t batch_count;
	struct vs_fix *fixes; /* owned; those of a batch together */
	size_t fix_count;
	uint32_t unit_max, packed_max; /* of units that are packed */
};

/* Encodes *u, or decodes into an empty one with is_new and image_len set;
 * old_len is the old image's.  vs_units_drop() in every case.
 * VS_OK; VS_ERR_INPUT; VS_ERR_LIMIT; VS_ERR_NOMEM; the coder's status.
 */
vs_status vs_units_code(struct vs_units *u, uint64_t old_len,
                        struct vs_coder *c) VS_MUST_CHECK;
void vs_units_drop(struct vs_units *u); /* also of a zeroed one */

/* The slice that holds a block of the view; NULL if none does. */
const struct vs_slice *vs_units_find(const struct vs_units *u, uint32_t block);

#endif
