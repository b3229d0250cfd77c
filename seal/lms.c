/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/lms.c - RFC 8554: the hashes of LMS, and verification.
 *
 * Every length is fixed by the key's type before a byte of the signature is
 * read, and the signature must name the same types.
 */
#include "seal/lms.h"
#include "seal/bytes.h"
#include "seal/lms_hash.h"

enum { ENDS_LEN = LMS_PREFIX_LEN + VS_LMS_CHAINS * VS_LMS_HASH_LEN };

uint32_t vs_lms_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

void vs_lms_put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

void vs_lms_prefix(uint8_t out[static LMS_PREFIX_LEN], const uint8_t *id,
                   uint32_t number, unsigned kind)
{
	memcpy(out, id, VS_LMS_ID_LEN);
	vs_lms_put32(out + VS_LMS_ID_LEN, number);
	out[LMS_PREFIX_LEN - 2] = (uint8_t)(kind >> 8);
	out[LMS_PREFIX_LEN - 1] = (uint8_t)kind;
}

unsigned vs_lms_height(const uint8_t key[static VS_LMS_KEY_LEN])
{
	if (vs_lms_get32(key + 4) != LMS_OTS_W8)
		return 0;
	switch (vs_lms_get32(key)) {
	case LMS_TYPE_H5:
		return 5;
	case LMS_TYPE_H10:
		return 10;
	case LMS_TYPE_H15:
		return 15;
	default:
		return 0;
	}
}

vs_status vs_lms_digits(const struct vs_crypto *crypto, const uint8_t *id,
                        uint32_t leaf, const uint8_t *randomizer,
                        const uint8_t *message, size_t len,
                        uint8_t out[static VS_LMS_CHAINS])
{
	uint8_t head[LMS_PREFIX_LEN + VS_LMS_HASH_LEN];
	unsigned sum = 0;
	vs_status st;

	vs_lms_prefix(head, id, leaf, LMS_D_MESG);
	memcpy(head + LMS_PREFIX_LEN, randomizer, VS_LMS_HASH_LEN);
	st = crypto->sha256(crypto->ctx, head, sizeof(head), message, len, out);
	for (unsigned i = 0; i < VS_LMS_HASH_LEN; i++)
		sum += VS_LMS_CHAIN_STEPS - out[i];
	out[VS_LMS_HASH_LEN] = (uint8_t)(sum >> 8);
	out[VS_LMS_HASH_LEN + 1] = (uint8_t)sum;
	return st;
}

vs_status vs_lms_walk(const struct vs_crypto *crypto, const uint8_t *id,
                      uint32_t leaf, unsigned chain, unsigned from, unsigned to,
                      uint8_t value[static VS_LMS_HASH_LEN])
{
	uint8_t in[LMS_PREFIX_LEN + 1 + VS_LMS_HASH_LEN];
	uint8_t *step = in + LMS_PREFIX_LEN;
	vs_status st = VS_OK;

	vs_lms_prefix(in, id, leaf, chain);
	for (unsigned j = from; j < to && st == VS_OK; j++) {
		*step = (uint8_t)j;
		memcpy(step + 1, value, VS_LMS_HASH_LEN);
		st = crypto->sha256(crypto->ctx, in, sizeof(in), NULL, 0,
		                    value);
	}
	return st;
}

vs_status vs_lms_leaf(const struct vs_crypto *crypto, const uint8_t *id,
                      uint32_t leaf, unsigned height, uint8_t *ends,
                      uint8_t out[static VS_LMS_HASH_LEN])
{
	uint8_t head[LMS_PREFIX_LEN];
	uint8_t key[VS_LMS_HASH_LEN];
	vs_status st;

	vs_lms_prefix(ends, id, leaf, LMS_D_PBLC);
	st = crypto->sha256(crypto->ctx, ends, ENDS_LEN, NULL, 0, key);
	if (st != VS_OK)
		return st;
	vs_lms_prefix(head, id, (UINT32_C(1) << height) + leaf, LMS_D_LEAF);
	return crypto->sha256(crypto->ctx, head, sizeof(head), key, sizeof(key),
	                      out);
}

vs_status vs_lms_node(const struct vs_crypto *crypto, const uint8_t *id,
                      uint32_t number, const uint8_t *left,
                      const uint8_t *right, uint8_t out[static VS_LMS_HASH_LEN])
{
	uint8_t in[LMS_PREFIX_LEN + 2 * VS_LMS_HASH_LEN];

	vs_lms_prefix(in, id, number, LMS_D_INTR);
	memcpy(in + LMS_PREFIX_LEN, left, VS_LMS_HASH_LEN);
	memcpy(in + LMS_PREFIX_LEN + VS_LMS_HASH_LEN, right, VS_LMS_HASH_LEN);
	return crypto->sha256(crypto->ctx, in, sizeof(in), NULL, 0, out);
}

/* The leaf that the signature's chains lead to (RFC 8554 algorithm 4b). */
static vs_status leaf_of(const struct vs_crypto *crypto, const uint8_t *id,
                         unsigned height, const uint8_t *message, size_t len,
                         const uint8_t *sig, uint8_t *out)
{
	uint8_t ends[ENDS_LEN];
	uint8_t digits[VS_LMS_CHAINS];
	uint32_t leaf = vs_lms_get32(sig + LMS_AT_LEAF);
	uint8_t *end = ends + LMS_PREFIX_LEN;
	vs_status st;

	st = vs_lms_digits(crypto, id, leaf, sig + LMS_AT_RANDOM, message, len,
	                   digits);
	memcpy(end, sig + LMS_AT_CHAINS, VS_LMS_CHAINS * VS_LMS_HASH_LEN);
	for (unsigned i = 0; i < VS_LMS_CHAINS && st == VS_OK; i++) {
		st = vs_lms_walk(crypto, id, leaf, i, digits[i],
		                 VS_LMS_CHAIN_STEPS, end);
		end += VS_LMS_HASH_LEN;
	}
	if (st == VS_OK)
		st = vs_lms_leaf(crypto, id, leaf, height, ends, out);
	return st;
}

/* From a leaf up to the root (RFC 8554 algorithm 6a). */
static vs_status root_of(const struct vs_crypto *crypto, const uint8_t *id,
                         unsigned height, const uint8_t *sig,
                         uint8_t value[static VS_LMS_HASH_LEN])
{
	uint32_t number = (UINT32_C(1) << height) + vs_lms_get32(sig);
	const uint8_t *side = sig + LMS_AT_PATH;
	vs_status st = VS_OK;

	for (unsigned i = 0; i < height && st == VS_OK; i++) {
		bool right = number & 1;

		number >>= 1;
		st = vs_lms_node(crypto, id, number, right ? side : value,
		                 right ? value : side, value);
		side += VS_LMS_HASH_LEN;
	}
	return st;
}

vs_status vs_lms_verify(const struct vs_crypto *crypto,
                        const uint8_t key[static VS_LMS_KEY_LEN],
                        const uint8_t *message, size_t len, const uint8_t *sig,
                        size_t sig_len)
{
	unsigned height = vs_lms_height(key);
	const uint8_t *id = key + 8;
	uint8_t root[VS_LMS_HASH_LEN] = {0};
	vs_status st;

	if (height == 0 || sig_len != VS_LMS_SIG_LEN(height) ||
	    memcmp(sig + LMS_AT_OTS, key + 4, 4) != 0 ||
	    memcmp(sig + LMS_AT_TYPE, key, 4) != 0 ||
	    vs_lms_get32(sig + LMS_AT_LEAF) >> height != 0)
		return VS_ERR_REFUSED;
	st = leaf_of(crypto, id, height, message, len, sig, root);
	if (st == VS_OK)
		st = root_of(crypto, id, height, sig, root);
	if (st != VS_OK)
		return VS_ERR_CRYPTO;
	if (memcmp(root, id + VS_LMS_ID_LEN, VS_LMS_HASH_LEN) != 0)
		return VS_ERR_REFUSED;
	return VS_OK;
}
