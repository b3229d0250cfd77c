/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/seal.c - a seal file: header, signatures, tree above the leaves.
 */
#include "seal/seal.h"
#include "seal/bytes.h"

vs_status vs_seal_decode(const uint8_t *file, size_t len, struct vs_seal *out,
                         struct vs_why *why)
{
	size_t at = VS_SEAL_HEADER_LEN;
	vs_status st;

	if (len > VS_SEAL_LEN_MAX)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_TOO_LARGE,
		               "seal above maximum", 0);
	if (len < VS_SEAL_HEADER_LEN)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "seal is cut short", len);
	st = vs_seal_header_decode(file, &out->header, why);
	if (st != VS_OK)
		return st;
	st = vs_signatures_decode(file + at, len - at, &out->signatures, why);
	if (st != VS_OK) {
		if (why)
			why->at += at;
		return st;
	}
	at += out->signatures.encoded_len;
	if (vs_tree_init(&out->tree, out->header.image_len) != VS_OK ||
	    len - at != out->tree.upper_len)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "tree is not of the image's length", at);
	out->raw = file;
	out->upper = file + at;
	return VS_OK;
}

vs_status vs_seal_open(const struct vs_keyring *ring,
                       const struct vs_crypto *crypto, const uint8_t *file,
                       size_t len, struct vs_seal *out, struct vs_why *why)
{
	vs_status st;

	st = vs_seal_decode(file, len, out, why);
	if (st != VS_OK)
		return st;
	st = vs_keyring_open_header(ring, crypto, out->raw, &out->signatures,
	                            &out->header, why);
	if (st != VS_OK)
		return st;
	return vs_tree_check_upper(&out->tree, crypto, &out->header, out->upper,
	                           why);
}

vs_status vs_seal_encode(const uint8_t header[static VS_SEAL_HEADER_LEN],
                         const struct vs_signatures *sigs, const uint8_t *upper,
                         size_t upper_len, uint8_t *out, size_t cap,
                         size_t *len)
{
	struct vs_seal_header h;
	struct vs_tree t;
	size_t at = VS_SEAL_HEADER_LEN;
	size_t sigs_len;
	vs_status st;

	st = vs_seal_header_decode(header, &h, NULL);
	if (st != VS_OK)
		return st;
	if (vs_tree_init(&t, h.image_len) != VS_OK || t.upper_len != upper_len)
		return VS_ERR_INPUT;
	if (cap < at)
		return VS_ERR_LIMIT;
	st = vs_signatures_encode(sigs, out + at, cap - at, &sigs_len);
	if (st != VS_OK)
		return st;
	memcpy(out, header, VS_SEAL_HEADER_LEN);
	at += sigs_len;
	if (cap - at < upper_len)
		return VS_ERR_LIMIT;
	if (upper_len > 0)
		memcpy(out + at, upper, upper_len);
	*len = at + upper_len;
	return VS_OK;
}
