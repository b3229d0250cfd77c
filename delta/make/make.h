/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/make.h - a delta of two images.
 *
 * The same two images give the same delta on any machine.
 */
#ifndef VS_DELTA_MAKE_H
#define VS_DELTA_MAKE_H

#include "delta/head.h"
#include "delta/make/plan.h"

struct vs_make {
	struct vs_image was, is;
	uint8_t old_root[VS_DELTA_ROOT_LEN], new_root[VS_DELTA_ROOT_LEN];
	vs_status (*write)(void *ctx, const uint8_t *in, size_t len);
	/* How far it is, in no particular unit; or NULL. */
	void (*step)(void *ctx, uint64_t done, uint64_t total);
	void *ctx; /* of both */
	/* what was found out, for a person */
	uint64_t bytes, layout_bytes, copied;
	size_t covers, pairs;
	size_t units, units_failed; /* packed again, and not as they were */
	size_t tables;              /* images whose tables are in normal form */
	uint64_t done, total;       /* of the steps */
};

/* Writes the delta.  VS_OK; VS_ERR_NOMEM; VS_ERR_LIMIT (an image is empty, too
 * long, or in too many pieces); what write gives.
 */
vs_status vs_delta_make(struct vs_make *m) VS_MUST_CHECK;

#endif
