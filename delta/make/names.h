/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/names.h - whose bytes the blocks of a new image's view are.
 *
 * For people: a delta itself names no file.  The new image is there in whole,
 * and its own tables say what lies where.
 */
#ifndef VS_DELTA_MAKE_NAMES_H
#define VS_DELTA_MAKE_NAMES_H

#include "delta/make/plan.h"
#include "delta/squash.h"

/* Bytes of a view that are one file's. */
struct vs_name_piece {
	uint64_t at, len;
	uint32_t name;
};

struct vs_names {
	char **list; /* owned, and each of them */
	size_t count;
	struct vs_name_piece *pieces; /* owned; by place, apart */
	size_t piece_count;
};

/* What is needed to find a view's blocks in a packed image: its units, and the
 * places of those that are no copies, in order.
 */
struct vs_named_units {
	const struct vs_units *units;
	const struct vs_squash_known *known;
	size_t known_count;
};

/* units NULL: the image is its own view.  An image that is no file system has
 * no names.  VS_OK; VS_ERR_NOMEM.  vs_names_drop() in every case.
 */
vs_status vs_names_read(const struct vs_image *image,
                        const struct vs_named_units *units,
                        struct vs_names *out) VS_MUST_CHECK;
void vs_names_drop(struct vs_names *n);

#endif
