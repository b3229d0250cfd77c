/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/plan.h - which blocks are copies, which files are pairs, what is
 * left over.
 */
#ifndef VS_DELTA_MAKE_PLAN_H
#define VS_DELTA_MAKE_PLAN_H

#include "delta/layout.h"

/* An image in memory. */
struct vs_image {
	const uint8_t *bytes;
	uint64_t len; /* for vs_plan_make(): a multiple of VS_DELTA_BLOCK */
};

/* Makes the layout.  VS_OK and *out (vs_layout_drop()); VS_ERR_NOMEM;
 * VS_ERR_LIMIT (images in more pieces than the format has room for).
 */
vs_status vs_plan_make(const struct vs_image *was, const struct vs_image *is,
                       struct vs_layout *out) VS_MUST_CHECK;

#endif
