/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/evidence.c - what our proofs carry as extra data.
 */
#include "trust/evidence.h"

#include <stdlib.h>
#include <string.h>

#include "trust/json.h"
#include "trust/proof.h"

static vs_status take_hashes(const json_t *list, struct vs_merkle_proof *out,
                             struct vs_why *why)
{
	size_t len;

	out->count = json_array_size(list);
	if (out->count > VS_MERKLE_DEPTH_MAX)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE, "hashes",
		               0);
	for (size_t i = 0; i < out->count; i++) {
		const json_t *text = json_array_get(list, i);
		struct vs_span s = {json_string_value(text),
		                    json_string_length(text)};

		if (!s.at ||
		    vs_span_base64(&s, out->hashes[i].bytes, VS_HASH_LEN,
		                   &len) ||
		    len != VS_HASH_LEN)
			return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
			               "hashes", 0);
	}
	return VS_OK;
}

static vs_status check_links(const json_t *links, struct vs_why *why)
{
	struct vs_merkle_proof proof;
	uint64_t from;
	json_t *hashes;
	vs_status status = VS_OK;

	if (json_array_size(links) > VS_EVIDENCE_LINKS_MAX)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "consistency", 0);
	for (size_t i = 0; i < json_array_size(links) && !status; i++) {
		const json_t *link = json_array_get(links, i);

		status = vs_json_uint(link, "from", &from, why);
		if (!status)
			status = vs_json_array(link, "hashes", &hashes, why);
		if (!status)
			status = take_hashes(hashes, &proof, why);
	}
	return status;
}

vs_status vs_evidence_decode(const void *in, size_t len,
                             struct vs_evidence *out, struct vs_why *why)
{
	json_t *object, *leaf, *links;
	vs_status status =
		vs_json_parse(in, len, VS_PROOF_EXTRA_MAX, &object, why);

	*out = (struct vs_evidence){0};
	if (status)
		return status;
	status = vs_json_object(object, "leaf", &leaf, why);
	if (!status)
		status = vs_leaf_from_json(leaf, &out->leaf, why);
	if (!status)
		status = vs_json_array(object, "consistency", &links, why);
	if (!status)
		status = check_links(links, why);
	if (!status)
		out->links = json_incref(links);
	json_decref(object);
	return status;
}

void vs_evidence_drop(struct vs_evidence *e)
{
	json_decref(e->links);
	e->links = NULL;
}

vs_status vs_evidence_link(const struct vs_evidence *e, uint64_t from,
                           struct vs_merkle_proof *out)
{
	for (size_t i = 0; i < json_array_size(e->links); i++) {
		const json_t *link = json_array_get(e->links, i);
		uint64_t is;

		if (vs_json_uint(link, "from", &is, NULL) == VS_OK &&
		    is == from)
			return take_hashes(json_object_get(link, "hashes"), out,
			                   NULL);
	}
	return VS_ERR_ABSENT;
}

static json_t *hash_list(const struct vs_merkle_proof *p)
{
	json_t *list = json_array();
	bool ok = list;

	for (size_t i = 0; i < p->count && ok; i++) {
		char base64[VS_BASE64_LEN(VS_HASH_LEN) + 1];
		struct vs_text t = {base64, sizeof base64, 0};

		ok = !vs_text_base64(&t, p->hashes[i].bytes, VS_HASH_LEN) &&
		     !json_array_append_new(list, json_string(base64));
	}
	if (ok)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *link_list(const struct vs_evidence_link *links, size_t count)
{
	json_t *list = json_array();
	bool ok = list;

	for (size_t i = 0; i < count && ok; i++)
		ok = !json_array_append_new(
			list, json_pack("{s:I, s:o}", "from",
		                        (json_int_t)links[i].from, "hashes",
		                        hash_list(&links[i].proof)));
	if (ok)
		return list;
	json_decref(list);
	return NULL;
}

vs_status vs_evidence_encode(const struct vs_leaf *leaf,
                             const struct vs_evidence_link *links, size_t count,
                             char **out, size_t *len)
{
	json_t *entry, *object;
	vs_status status = vs_leaf_to_json(leaf, &entry, NULL);

	*out = NULL;
	if (status)
		return status;
	object = json_pack("{s:o, s:o}", "leaf", entry, "consistency",
	                   link_list(links, count));
	if (!object)
		return VS_ERR_NOMEM;
	status = vs_json_canonical(object, out, len);
	json_decref(object);
	return status;
}
