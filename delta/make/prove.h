/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/prove.h - a delta that was made, applied as a charger will.
 */
#ifndef VS_DELTA_MAKE_PROVE_H
#define VS_DELTA_MAKE_PROVE_H

#include "delta/head.h"
#include "delta/helper.h"
#include "delta/make/plan.h"

struct vs_proof {
	struct vs_image was, is;
	const uint8_t *delta;
	size_t len;
	const struct vs_delta_helper *helper; /* NULL: on one core */
	/* So many bytes more came out; or NULL. */
	void (*step)(void *ctx, uint64_t bytes);
	void *ctx;
};

/* VS_OK; VS_ERR_STATE with why (CLUSTER_MISMATCH: something else comes out);
 * statuses of delta/apply/apply.h.
 */
vs_status vs_delta_prove(const struct vs_proof *p,
                         struct vs_why *why) VS_MUST_CHECK;

#endif
