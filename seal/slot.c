/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/slot.c - where image, tree and footer stand in a slot.
 */
#include "seal/slot.h"
#include "seal/bytes.h"

vs_status vs_slot_layout(const struct vs_tree *t, uint64_t slot_len,
                         struct vs_slot_layout *out, struct vs_why *why)
{
	uint64_t need = t->blocks * VS_BLOCK_LEN + t->len + VS_SLOT_FOOTER_LEN;

	if (slot_len < need)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_TOO_BIG_FOR_SLOT,
		               "image, tree and footer do not fit", 0);
	out->tree_at = t->blocks * VS_BLOCK_LEN;
	out->footer_at = slot_len - VS_SLOT_FOOTER_LEN;
	return VS_OK;
}

vs_status vs_slot_footer_encode(const uint8_t header[static VS_SEAL_HEADER_LEN],
                                const struct vs_signatures *sigs,
                                uint8_t out[static VS_SLOT_FOOTER_LEN])
{
	size_t len;
	vs_status st;

	st = vs_signatures_encode(sigs, out + VS_SEAL_HEADER_LEN,
	                          VS_SIGNATURE_BLOCK_MAX, &len);
	if (st != VS_OK)
		return st;
	memcpy(out, header, VS_SEAL_HEADER_LEN);
	len += VS_SEAL_HEADER_LEN;
	memset(out + len, 0, VS_SLOT_FOOTER_LEN - len);
	return VS_OK;
}

vs_status vs_slot_footer_decode(const uint8_t in[static VS_SLOT_FOOTER_LEN],
                                const uint8_t **header,
                                struct vs_signatures *sigs, struct vs_why *why)
{
	size_t at = VS_SEAL_HEADER_LEN;
	vs_status st;

	if (memcmp(in, vs_seal_magic, VS_SEAL_MAGIC_LEN) != 0)
		return vs_fail(VS_ERR_ABSENT, why, VS_REASON_NO_SEAL,
		               "no seal in the slot", 0);
	st = vs_signatures_decode(in + at, VS_SIGNATURE_BLOCK_MAX, sigs, why);
	if (st != VS_OK) {
		if (why)
			why->at += at;
		return st;
	}
	at += sigs->encoded_len;
	at += first_nonzero(in + at, VS_SLOT_FOOTER_LEN - at);
	if (at < VS_SLOT_FOOTER_LEN)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "bytes after the footer's signatures", at);
	*header = in;
	return VS_OK;
}
