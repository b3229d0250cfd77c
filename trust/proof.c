/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/proof.c - one file that shows, offline, that an entry is in a log.
 */
#include "trust/proof.h"

#define HEAD "c2sp.org/tlog-proof@v1\n"

static vs_status malformed(struct vs_why *why, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, at);
}

/* Whether a long text is base64, piece by piece. */
static bool is_base64(const struct vs_span *s)
{
	uint8_t bytes[3];
	size_t len;

	for (size_t i = 0; i < s->len; i += 4) {
		struct vs_span piece = {s->at + i, 4};

		if (s->len % 4 || vs_span_base64(&piece, bytes, 3, &len) ||
		    (len < 3 && i + 4 < s->len))
			return false;
	}
	return s->len > 0;
}

vs_status vs_proof_hashes(struct vs_span *rest, struct vs_merkle_proof *out,
                          struct vs_why *why)
{
	struct vs_span line;
	size_t len, all = rest->len;

	out->count = 0;
	while (vs_span_line(rest, &line) == VS_OK) {
		size_t at = all - rest->len;

		if (line.len == 0)
			return VS_OK;
		if (out->count == VS_MERKLE_DEPTH_MAX)
			return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
			               "over 63 hashes", at);
		if (vs_span_base64(&line, out->hashes[out->count].bytes,
		                   VS_HASH_LEN, &len) ||
		    len != VS_HASH_LEN)
			return malformed(why, "not a hash", at);
		out->count++;
	}
	return malformed(why, "no empty line after the hashes", all);
}

vs_status vs_proof_parse(const void *in, size_t len, struct vs_proof *out,
                         struct vs_why *why)
{
	struct vs_span rest = {in, len}, line;

	*out = (struct vs_proof){0};
	if (len > VS_PROOF_LEN_MAX)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "a proof is over 512 KiB", 0);
	if (!vs_span_begins(&rest, HEAD))
		return malformed(why, "not a tlog-proof v1", 0);
	if (vs_span_line(&rest, &line))
		return malformed(why, "a proof is cut off", len);
	if (vs_span_begins(&line, "extra ")) {
		out->extra = line;
		if (!is_base64(&line))
			return malformed(why, "extra data is not base64",
			                 len - rest.len);
		if (vs_span_line(&rest, &line))
			return malformed(why, "a proof is cut off", len);
	}
	if (!vs_span_begins(&line, "index ") ||
	    vs_span_number(&line, &out->index))
		return malformed(why, "a proof has no index", len - rest.len);
	vs_status status = vs_proof_hashes(&rest, &out->path, why);
	if (status)
		return status;
	if (rest.len == 0)
		return malformed(why, "a proof has no checkpoint", len);
	out->checkpoint = rest;
	return VS_OK;
}

vs_status vs_proof_add_hashes(const struct vs_merkle_proof *p,
                              struct vs_text *out)
{
	vs_status status = VS_OK;

	for (size_t i = 0; i < p->count && !status; i++) {
		status = vs_text_base64(out, p->hashes[i].bytes, VS_HASH_LEN);
		if (!status)
			status = vs_text_string(out, "\n");
	}
	return status ? status : vs_text_string(out, "\n");
}

vs_status vs_proof_encode(const struct vs_proof *p, const void *extra,
                          size_t extra_len, struct vs_text *out)
{
	vs_status status = vs_text_string(out, HEAD);

	if (!status && extra_len)
		status = vs_text_string(out, "extra ");
	if (!status && extra_len)
		status = vs_text_base64(out, extra, extra_len);
	if (!status && extra_len)
		status = vs_text_string(out, "\n");
	if (!status)
		status = vs_text_string(out, "index ");
	if (!status)
		status = vs_text_number(out, p->index);
	if (!status)
		status = vs_text_string(out, "\n");
	if (!status)
		status = vs_proof_add_hashes(&p->path, out);
	return status ? status
	              : vs_text_add(out, p->checkpoint.at, p->checkpoint.len);
}
