/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/plan.h - which blocks are copies, which files are pairs, what is
 * left over.
 */
#ifndef VS_DELTA_MAKE_PLAN_H
#define VS_DELTA_MAKE_PLAN_H

#include "delta/layout.h"
#include "delta/make/ext4.h"

/* An image in memory. */
struct vs_image {
	const uint8_t *bytes;
	uint64_t len; /* for vs_plan_make(): a multiple of VS_DELTA_BLOCK */
};

/* What is known of views: their files instead of an ext4's, and of each new
 * block whether it comes without the delta.
 */
struct vs_plan_given {
	const struct vs_ext4 *was, *is;
	const uint8_t *known;
};

struct vs_plan {
	struct vs_layout layout;
	struct vs_plan_file {
		struct vs_extent *is; /* owned; by place in the file */
		size_t count;
	} * files; /* owned; as many as the layout's: where new ones lie */
};

/* Makes the layout; given NULL: of plain images.  vs_plan_drop() in every
 * case.  VS_OK; VS_ERR_NOMEM; VS_ERR_LIMIT (images in more pieces than the
 * format has room for).
 */
vs_status vs_plan_make(const struct vs_image *was, const struct vs_image *is,
                       const struct vs_plan_given *given,
                       struct vs_plan *out) VS_MUST_CHECK;
void vs_plan_drop(struct vs_plan *p);

#endif
