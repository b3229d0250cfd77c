/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/parted.h - two packed images as units, and the views of them.
 *
 * What is the same in both, byte by byte, is copied and seldom in the views.
 * Every other unit is unpacked and packed again here: one that comes out
 * otherwise is in the view as it is.
 */
#ifndef VS_DELTA_MAKE_PARTED_H
#define VS_DELTA_MAKE_PARTED_H

#include "delta/make/ext4.h"
#include "delta/make/parts.h"

struct vs_views {
	struct vs_units units[2];  /* of the old image, of the new one */
	struct vs_image images[2]; /* the views; bytes are owned */
	struct vs_ext4 files[2];   /* programs that changed, in the views */
	uint8_t *known;            /* owned; of each new block: it is copied */
	size_t tried, failed; /* units that were packed again, and in vain */
	size_t tables;        /* sides whose tables are in normal form */
};

/* VS_OK; VS_ERR_ABSENT: they are no such images; VS_ERR_NOMEM; VS_ERR_LIMIT
 * (more units than the format has room for).  vs_views_drop() in every case.
 */
vs_status vs_views_make(const struct vs_image *was, const struct vs_image *is,
                        struct vs_views *out) VS_MUST_CHECK;
void vs_views_drop(struct vs_views *v);

#endif
