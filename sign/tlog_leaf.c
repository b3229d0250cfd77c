/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/tlog_leaf.c - log entries out of seals and out of metadata.
 */
#include "sign/tlog_leaf.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "seal/openssl.h"
#include "seal/seal.h"
#include "sign/say.h"
#include "trust/json.h"

static void put_hex(char out[static VS_LEAF_HEX_LEN], const char *in)
{
	if (in && strlen(in) < VS_LEAF_HEX_LEN)
		memcpy(out, in, strlen(in) + 1);
}

vs_status vs_tlog_leaf_of_target(const char *path, const json_t *target,
                                 struct vs_leaf *out)
{
	VS_AUTO(vs_json_drop) json_t *like = NULL;
	const json_t *custom = json_object_get(target, "custom");
	const json_t *hashes = json_object_get(target, "hashes");
	struct vs_why why = {0};
	vs_status status;

	like = json_pack(
		"{s:s, s:O, s:O, s:O, s:O, s:O, s:{s:O, s:O}}", "_type",
		"voltseal-seal", "component",
		json_object_get(custom, "component"), "version",
		json_object_get(custom, "version"), "hardwareIds",
		json_object_get(custom, "hardwareIds"), "releaseCounter",
		json_object_get(custom, "releaseCounter"), "rollbackIndex",
		json_object_get(custom, "rollbackIndex"), "seal", "length",
		json_object_get(target, "length"), "sha256",
		json_object_get(hashes, "sha256"));
	if (!like) {
		vs_error("%s: says too little of its seal (%s)", path,
		         vs_reason_name(VS_REASON_MALFORMED));
		return VS_ERR_INPUT;
	}
	status = vs_leaf_from_json(like, out, &why);
	if (status)
		return vs_say_why(status, path, &why);
	put_hex(out->sbom_sha256,
	        json_string_value(json_object_get(
			json_object_get(custom, "sbom"), "sha256")));
	put_hex(out->provenance_sha256,
	        json_string_value(json_object_get(
			json_object_get(custom, "provenance"), "sha256")));
	return VS_OK;
}

static void leaf_of_header(const struct vs_seal_header *h, struct vs_leaf *out)
{
	(void)snprintf(out->component, sizeof out->component, "%s",
	               h->component);
	(void)snprintf(out->version, sizeof out->version, "%s", h->version);
	for (size_t i = 0; i < VS_HARDWARE_MAX && h->hardware[i][0]; i++)
		(void)snprintf(out->hardware[out->hardware_count++],
		               VS_LEAF_TEXT_LEN, "%s", h->hardware[i]);
	out->release_seq = h->release_seq;
	out->security_version = h->security_version;
}

vs_status vs_tlog_leaf_of_seal(const char *path, const struct vs_keyring *ring,
                               struct vs_leaf *out)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	struct vs_crypto crypto;
	struct vs_seal seal;
	struct vs_why why = {0};
	size_t len;
	vs_status status = vs_file_read(path, VS_SEAL_LEN_MAX, &bytes, &len);

	*out = (struct vs_leaf){0};
	if (!status)
		status = vs_file_sha256(path, out->seal_sha256, &out->seal_len);
	if (status)
		return vs_say_io(status, path);
	status = vs_seal_decode(bytes, len, &seal, &why);
	if (!status && ring) {
		status = vs_openssl_init(&crypto);
		if (status)
			return vs_say_io(status, path);
		status = vs_seal_open(ring, &crypto, bytes, len, &seal, &why);
		vs_openssl_drop(&crypto);
	}
	if (status)
		return vs_say_why(status, path, &why);
	leaf_of_header(&seal.header, out);
	return VS_OK;
}
