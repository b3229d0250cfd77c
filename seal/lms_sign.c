/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/lms_sign.c - LMS keys and signatures, from a seed and a leaf's number.
 *
 * Node r of a tree stands at byte 32 r; the root is node 1, leaf q is node
 * 2^height + q (RFC 8554 section 5.3).
 */
#include "seal/lms_sign.h"

#include <string.h>

#include "seal/lms_hash.h"

static uint32_t type_of(unsigned height)
{
	switch (height) {
	case 5:
		return LMS_TYPE_H5;
	case 10:
		return LMS_TYPE_H10;
	case 15:
		return LMS_TYPE_H15;
	default:
		return 0;
	}
}

void vs_lms_secret_drop(struct vs_lms_secret *s)
{
	explicit_bzero(s, sizeof(*s));
}

size_t vs_lms_tree_len(unsigned height)
{
	return (size_t)VS_LMS_HASH_LEN << (height + 1);
}

static uint8_t *node(uint8_t *tree, uint32_t number)
{
	return tree + (size_t)number * VS_LMS_HASH_LEN;
}

/* Where a chain begins (RFC 8554 appendix A). */
static vs_status chain_secret(const struct vs_lms_secret *s,
                              const struct vs_crypto *crypto, uint32_t leaf,
                              unsigned chain, uint8_t *out)
{
	uint8_t head[LMS_PREFIX_LEN + 1];

	vs_lms_prefix(head, s->id, leaf, chain);
	head[LMS_PREFIX_LEN] = 0xff;
	return crypto->sha256(crypto->ctx, head, sizeof(head), s->seed,
	                      sizeof(s->seed), out);
}

static vs_status grow_leaf(const struct vs_lms_secret *s,
                           const struct vs_crypto *crypto, uint32_t leaf,
                           uint8_t *out)
{
	uint8_t ends[LMS_PREFIX_LEN + VS_LMS_CHAINS * VS_LMS_HASH_LEN];
	uint8_t *end = ends + LMS_PREFIX_LEN;
	vs_status st = VS_OK;

	for (unsigned i = 0; i < VS_LMS_CHAINS && st == VS_OK; i++) {
		st = chain_secret(s, crypto, leaf, i, end);
		if (st == VS_OK)
			st = vs_lms_walk(crypto, s->id, leaf, i, 0,
			                 VS_LMS_CHAIN_STEPS, end);
		end += VS_LMS_HASH_LEN;
	}
	if (st == VS_OK)
		st = vs_lms_leaf(crypto, s->id, leaf, s->height, ends, out);
	explicit_bzero(ends, sizeof(ends));
	return st;
}

vs_status vs_lms_grow(const struct vs_lms_secret *s,
                      const struct vs_crypto *crypto,
                      const struct vs_lms_range *range, uint8_t *tree)
{
	uint32_t leaves;

	if (type_of(s->height) == 0)
		return VS_ERR_INPUT;
	leaves = UINT32_C(1) << s->height;
	if (range->first > leaves || range->count > leaves - range->first)
		return VS_ERR_INPUT;
	for (uint32_t i = 0; i < range->count; i++) {
		uint32_t leaf = range->first + i;

		if (grow_leaf(s, crypto, leaf, node(tree, leaves + leaf)) !=
		    VS_OK)
			return VS_ERR_CRYPTO;
		if (range->progress && !range->progress(range->ctx, i + 1))
			return VS_ERR_STATE;
	}
	return VS_OK;
}

static void put_key(const struct vs_lms_secret *s, const uint8_t *tree,
                    uint8_t key[static VS_LMS_KEY_LEN])
{
	vs_lms_put32(key, type_of(s->height));
	vs_lms_put32(key + 4, LMS_OTS_W8);
	memcpy(key + 8, s->id, VS_LMS_ID_LEN);
	memcpy(key + 8 + VS_LMS_ID_LEN, tree + VS_LMS_HASH_LEN,
	       VS_LMS_HASH_LEN);
}

vs_status vs_lms_close(const struct vs_lms_secret *s,
                       const struct vs_crypto *crypto, uint8_t *tree,
                       uint8_t key[static VS_LMS_KEY_LEN])
{
	if (type_of(s->height) == 0)
		return VS_ERR_INPUT;
	for (uint32_t r = (UINT32_C(1) << s->height) - 1; r > 0; r--)
		if (vs_lms_node(crypto, s->id, r, node(tree, 2 * r),
		                node(tree, 2 * r + 1), node(tree, r)) != VS_OK)
			return VS_ERR_CRYPTO;
	put_key(s, tree, key);
	return VS_OK;
}

/* The one-time signature (RFC 8554 algorithm 3). */
static vs_status sign_chains(const struct vs_lms_secret *s,
                             const struct vs_crypto *crypto,
                             const struct vs_lms_job *job, uint8_t *sig)
{
	uint8_t digits[VS_LMS_CHAINS];
	uint8_t *value = sig + LMS_AT_CHAINS;
	vs_status st;

	st = vs_lms_digits(crypto, s->id, job->leaf, job->randomizer,
	                   job->message, job->len, digits);
	for (unsigned i = 0; i < VS_LMS_CHAINS && st == VS_OK; i++) {
		st = chain_secret(s, crypto, job->leaf, i, value);
		if (st == VS_OK)
			st = vs_lms_walk(crypto, s->id, job->leaf, i, 0,
			                 digits[i], value);
		value += VS_LMS_HASH_LEN;
	}
	return st;
}

vs_status vs_lms_sign(const struct vs_lms_secret *s,
                      const struct vs_crypto *crypto, const uint8_t *tree,
                      const struct vs_lms_job *job, uint8_t *sig)
{
	uint8_t key[VS_LMS_KEY_LEN];
	uint8_t *side = sig + LMS_AT_PATH;
	uint32_t number;
	vs_status st;

	if (type_of(s->height) == 0)
		return VS_ERR_INPUT;
	if (job->leaf >> s->height != 0)
		return VS_ERR_LIMIT;
	vs_lms_put32(sig + LMS_AT_LEAF, job->leaf);
	vs_lms_put32(sig + LMS_AT_OTS, LMS_OTS_W8);
	memcpy(sig + LMS_AT_RANDOM, job->randomizer, VS_LMS_HASH_LEN);
	vs_lms_put32(sig + LMS_AT_TYPE, type_of(s->height));
	number = (UINT32_C(1) << s->height) + job->leaf;
	for (; number > 1; number >>= 1, side += VS_LMS_HASH_LEN)
		memcpy(side, tree + (size_t)(number ^ 1) * VS_LMS_HASH_LEN,
		       VS_LMS_HASH_LEN);
	st = sign_chains(s, crypto, job, sig);
	put_key(s, tree, key);
	/* A flipped bit on the way here may give a secret away: check. */
	if (st == VS_OK)
		st = vs_lms_verify(crypto, key, job->message, job->len, sig,
		                   VS_LMS_SIG_LEN(s->height));
	if (st == VS_OK)
		return VS_OK;
	explicit_bzero(sig, VS_LMS_SIG_LEN(s->height));
	return VS_ERR_CRYPTO;
}
