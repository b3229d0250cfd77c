/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/helper.h - somebody who works beside the caller, on another core.
 *
 * The caller of vs_apply_next() has it and says so: the room itself starts no
 * thread where deltas are applied.  What comes out is the same without.
 */
#ifndef VS_DELTA_HELPER_H
#define VS_DELTA_HELPER_H

#include "base/status.h"

struct vs_delta_helper {
	void *ctx; /* of all three */
	/* Has job(arg) done, in the order given. */
	void (*give)(void *ctx, void (*job)(void *arg), void *arg);
	/* How many of those given are not done yet. */
	unsigned (*busy)(void *ctx);
	/* Waits until at most busy of them are not done. */
	void (*await)(void *ctx, unsigned busy);
};

#endif
