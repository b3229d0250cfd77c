/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/lmspub.c - the public part of an LMS key, as it is handed to a room.
 */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "sign/lmskey.h"
#include "sign/say.h"
#include "trust/json.h"

enum { file_max = 16 * 1024 };

json_t *vs_lmspub_encode(const struct vs_lmspub *pub)
{
	char hex[2 * VS_LMS_KEY_LEN + 1];

	vs_hex_encode(pub->key, sizeof pub->key, hex);
	return json_pack("{s:s, s:s, s:s}", "holder", pub->holder, "label",
	                 pub->label, "lms", hex);
}

vs_status vs_lmspub_decode(const char *path, const json_t *o,
                           struct vs_lmspub *out)
{
	const char *hex = json_string_value(json_object_get(o, "lms"));

	*out = (struct vs_lmspub){0};
	vs_status status = vs_pubkey_text(path, o, "holder", out->holder,
	                                  sizeof out->holder);
	if (!status)
		status = vs_pubkey_text(path, o, "label", out->label,
		                        sizeof out->label);
	if (status)
		return status;
	if (!hex || vs_hex_decode(hex, out->key, sizeof out->key) ||
	    vs_lms_height(out->key) == 0) {
		vs_error("%s: lms: no public key of one LMS tree with "
		         "Winternitz 8 (%s)",
		         path, vs_reason_name(VS_REASON_UNSUPPORTED));
		return VS_ERR_INPUT;
	}
	if (EVP_Digest(out->key, sizeof out->key, out->id, NULL, EVP_sha256(),
	               NULL) != 1)
		return vs_say_io(VS_ERR_CRYPTO, path);
	return VS_OK;
}

vs_status vs_lmspub_load(const char *path, struct vs_lmspub *out)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	VS_AUTO(vs_json_drop) json_t *o = NULL;
	struct vs_why why = {0};
	size_t len;
	vs_status status = vs_file_read(path, file_max, &bytes, &len);

	*out = (struct vs_lmspub){0};
	if (status)
		return vs_say_io(status, path);
	status = vs_json_parse(bytes, len, file_max, &o, &why);
	if (status)
		return vs_say_why(status, path, &why);
	return vs_lmspub_decode(path, o, out);
}
