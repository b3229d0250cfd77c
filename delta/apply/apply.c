/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/apply/apply.c - the walk, decoding.
 */
#include "delta/apply/apply.h"

#include <stdlib.h>
#include <string.h>

#include "delta/repack.h"
#include "delta/unpacked.h"
#include "delta/walk.h"

struct vs_apply {
	struct vs_delta_head head;
	const struct vs_old_image *old; /* as long as it is */
	vs_status (*in)(void *ctx, uint8_t *out, size_t len, size_t *got);
	void *ctx;
	struct vs_coder coder;
	struct vs_layout layout;
	struct vs_walk walk;
	bool walking;
	/* of a delta in units */
	struct vs_units was, is;
	struct vs_unpacked unpacked;
	struct vs_old_image view;
	struct vs_repack repack;
	uint64_t at;      /* in the new image */
	vs_status status; /* the first failure; nothing more comes after it */
};

static uint64_t rounded(uint64_t len)
{
	return (len + VS_DELTA_BLOCK - 1) / VS_DELTA_BLOCK * VS_DELTA_BLOCK;
}

static vs_status read_padded(void *ctx, uint64_t at, void *out, size_t len)
{
	const struct vs_apply *a = ctx;
	uint64_t end = a->old->len;
	size_t real = at >= end ? 0 : end - at < len ? (size_t)(end - at) : len;

	memset((uint8_t *)out + real, 0, len - real);
	return real == 0 ? VS_OK : a->old->read(a->old->ctx, at, out, real);
}

static vs_status read_head(struct vs_apply *a, struct vs_why *why)
{
	uint8_t raw[VS_DELTA_HEAD_LEN];
	vs_status status = VS_OK;

	for (size_t at = 0; at < sizeof(raw) && status == VS_OK;) {
		size_t got = 0;

		status = a->in(a->ctx, raw + at, sizeof(raw) - at, &got);
		at += got;
	}
	if (status == VS_ERR_ABSENT)
		status = VS_ERR_INPUT;
	if (status == VS_OK)
		status = vs_delta_head_decode(raw, &a->head, why);
	if (status == VS_OK && a->head.old_len != a->old->len) {
		*why = (struct vs_why){VS_REASON_LENGTH_MISMATCH,
		                       "the delta is for another image", 16};
		status = VS_ERR_INPUT;
	}
	return status;
}

static void begin_plain(struct vs_apply *a)
{
	a->view = (struct vs_old_image){a, rounded(a->old->len), read_padded};
	a->layout.blocks =
		(uint32_t)(rounded(a->head.new_len) / VS_DELTA_BLOCK);
	a->layout.was_blocks = (uint32_t)(a->view.len / VS_DELTA_BLOCK);
}

static vs_status begin_units(struct vs_apply *a, struct vs_why *why)
{
	vs_status status;

	a->is.is_new = true;
	status = vs_units_code(&a->was, a->old->len, &a->coder);
	if (status == VS_OK)
		status = vs_units_code(&a->is, a->old->len, &a->coder);
	if (status != VS_OK)
		return status;
	/* other versions pack otherwise: all of it would be in vain */
	if (a->head.packer !=
	    vs_packing_version((enum vs_packing)a->is.packing)) {
		*why = (struct vs_why){VS_REASON_OTHER_PACKER,
		                       "the delta needs another version of the "
		                       "library that packs",
		                       96};
		return VS_ERR_REFUSED;
	}
	vs_unpacked_init(&a->unpacked, a->old, &a->was, &a->view);
	a->layout.blocks = a->is.blocks;
	a->layout.was_blocks = a->was.blocks;
	return VS_OK;
}

static vs_status begin(struct vs_apply *a, struct vs_why *why)
{
	vs_status status = read_head(a, why);

	if (status != VS_OK)
		return status;
	vs_coder_decode_init(&a->coder, a->in, a->ctx);
	if (a->head.form == VS_DELTA_UNITS)
		status = begin_units(a, why);
	else
		begin_plain(a);
	if (status == VS_OK)
		status = vs_layout_code(&a->layout, &a->coder);
	if (status == VS_OK) {
		status =
			vs_walk_init(&a->walk, &a->view, &a->layout, &a->coder);
		a->walking = true;
	}
	if (status == VS_OK && a->head.form == VS_DELTA_UNITS)
		status = vs_repack_init(&a->repack, a->old, &a->is, &a->walk);
	return status;
}

vs_status vs_apply_new(const struct vs_old_image *old,
                       vs_status (*in)(void *ctx, uint8_t *out, size_t len,
                                       size_t *got),
                       void *ctx, struct vs_apply **out, struct vs_why *why)
{
	struct vs_apply *a = calloc(1, sizeof(*a));
	struct vs_why inner = {VS_REASON_MALFORMED, "the delta's layout", 0};
	vs_status status;

	*out = NULL;
	if (!a)
		return VS_ERR_NOMEM;
	a->old = old;
	a->in = in;
	a->ctx = ctx;
	status = begin(a, &inner);
	if (status != VS_OK) {
		vs_apply_free(&a);
		if (why)
			*why = inner;
		return status;
	}
	*out = a;
	return VS_OK;
}

void vs_apply_free(struct vs_apply **a)
{
	if (!*a)
		return;
	if ((*a)->walking)
		vs_walk_drop(&(*a)->walk);
	vs_layout_drop(&(*a)->layout);
	vs_repack_drop(&(*a)->repack);
	vs_unpacked_drop(&(*a)->unpacked);
	vs_units_drop(&(*a)->was);
	vs_units_drop(&(*a)->is);
	free(*a);
	*a = NULL;
}

const struct vs_delta_head *vs_apply_head(const struct vs_apply *a)
{
	return &a->head;
}

const struct vs_layout *vs_apply_layout(const struct vs_apply *a)
{
	return &a->layout;
}

const struct vs_units *vs_apply_units(const struct vs_apply *a)
{
	return a->head.form == VS_DELTA_UNITS ? &a->is : NULL;
}

size_t vs_apply_known(const struct vs_apply *a,
                      const struct vs_squash_known **out)
{
	*out = a->repack.known;
	return a->repack.known_count;
}

void vs_apply_meter(struct vs_apply *a, struct vs_spent *spent)
{
	a->walk.spent = spent;
}

void vs_apply_help(struct vs_apply *a, const struct vs_delta_helper *helper)
{
	if (a->head.form == VS_DELTA_UNITS)
		vs_repack_help(&a->repack, helper);
}

/* Whole blocks go where they are wanted; of an image's last one a part. */
static void next_plain(struct vs_apply *a, uint8_t *out, size_t len)
{
	uint8_t block[VS_DELTA_BLOCK];
	size_t whole = len / sizeof(block) * sizeof(block);

	a->status = vs_walk_blocks(&a->walk, out,
	                           (uint32_t)(whole / sizeof(block)));
	if (a->status == VS_OK && whole < len) {
		a->status = vs_walk_blocks(&a->walk, block, 1);
		if (a->status == VS_OK)
			memcpy(out + whole, block, len - whole);
	}
	a->at = a->status == VS_OK ? a->at + len
	                           : (uint64_t)a->walk.block * VS_DELTA_BLOCK;
}

/* What a status at the next bytes means. */
static struct vs_why why_of(const struct vs_apply *a)
{
	struct vs_why why = {VS_REASON_MALFORMED, "the delta ends in nonsense",
	                     (size_t)(a->at / VS_DELTA_BLOCK)};

	if (a->status == VS_ERR_IO) {
		why.code = VS_REASON_UNREADABLE;
		why.what = "the old image cannot be read";
	} else if (a->status == VS_ERR_LIMIT) {
		why.code = VS_REASON_TOO_LARGE;
		why.what = "the delta wants more than there is room for";
	} else if (a->status == VS_ERR_NOMEM) {
		why.code = VS_REASON_TOO_LARGE;
		why.what = "there is no memory for the delta";
	}
	return why;
}

vs_status vs_apply_next(struct vs_apply *a, uint8_t *out, size_t len,
                        struct vs_why *why)
{
	if (a->status == VS_OK && len > a->head.new_len - a->at)
		a->status = VS_ERR_LIMIT;
	if (a->status == VS_OK && a->head.form == VS_DELTA_UNITS) {
		a->status = vs_repack_next(&a->repack, out, len);
		a->at += len;
	} else if (a->status == VS_OK) {
		next_plain(a, out, len);
	}
	if (a->status != VS_OK && why)
		*why = why_of(a);
	return a->status;
}
