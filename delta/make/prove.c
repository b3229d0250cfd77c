/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/prove.c - block by block beside the new image.
 */
#include "delta/make/prove.h"

#include <string.h>

#include "delta/apply/apply.h"

struct reader {
	const struct vs_proof *proof;
	size_t at; /* in the delta */
};

static vs_status give(void *ctx, uint8_t *out, size_t len, size_t *got)
{
	struct reader *r = ctx;
	size_t left = r->proof->len - r->at;

	if (left == 0)
		return VS_ERR_ABSENT;
	*got = len < left ? len : left;
	memcpy(out, r->proof->delta + r->at, *got);
	r->at += *got;
	return VS_OK;
}

static vs_status read_old(void *ctx, uint64_t at, void *out, size_t len)
{
	const struct vs_image *old = ctx;

	if (at > old->len || len > old->len - at)
		return VS_ERR_IO;
	memcpy(out, old->bytes + at, len);
	return VS_OK;
}

static vs_status compare(const struct vs_proof *p, struct vs_apply *a,
                         struct vs_why *why)
{
	uint8_t block[VS_DELTA_BLOCK];
	vs_status status = VS_OK;

	for (uint64_t at = 0; at < p->is.len && status == VS_OK;
	     at += sizeof(block)) {
		size_t len = p->is.len - at < sizeof(block)
		                     ? (size_t)(p->is.len - at)
		                     : sizeof(block);

		status = vs_apply_next(a, block, len, why);
		if (status == VS_OK &&
		    memcmp(block, p->is.bytes + at, len) != 0) {
			*why = (struct vs_why){VS_REASON_CLUSTER_MISMATCH,
			                       "the delta does not give the "
			                       "new image",
			                       (size_t)at};
			status = VS_ERR_STATE;
		}
		if (p->step)
			p->step(p->ctx, len);
	}
	return status;
}

vs_status vs_delta_prove(const struct vs_proof *p, struct vs_why *why)
{
	struct vs_image was = p->was;
	const struct vs_old_image old = {&was, was.len, read_old};
	struct reader reader = {.proof = p};
	struct vs_apply *a = NULL;
	vs_status status = vs_apply_new(&old, give, &reader, &a, why);

	if (status == VS_OK && p->helper)
		vs_apply_help(a, p->helper);
	if (status == VS_OK)
		status = compare(p, a, why);
	vs_apply_free(&a);
	return status;
}
