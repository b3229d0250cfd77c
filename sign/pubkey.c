/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/pubkey.c - the public part of a key, as it is handed to a room.
 */
#include "sign/pubkey.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "sign/say.h"
#include "trust/json.h"

enum { file_max = 16 * 1024 };

void vs_pubkey_drop(struct vs_pubkey *key)
{
	vs_key_drop(&key->tuf);
	*key = (struct vs_pubkey){0};
}

static vs_status set_point(struct vs_pubkey *out,
                           const uint8_t point[static VS_P256_POINT_LEN])
{
	out->has_boot = true;
	memcpy(out->point, point, VS_P256_POINT_LEN);
	if (EVP_Digest(point, VS_P256_POINT_LEN, out->boot_id, NULL,
	               EVP_sha256(), NULL) != 1)
		return VS_ERR_CRYPTO;
	return VS_OK;
}

vs_status vs_pubkey_make(const char *holder, const struct vs_p11_key *key,
                         struct vs_pubkey *out)
{
	EVP_PKEY *pkey = NULL;

	*out = (struct vs_pubkey){0};
	vs_status status = vs_p256_key(key->point, &pkey);
	if (!status)
		status = vs_key_from_pkey(pkey, &out->tuf);
	EVP_PKEY_free(pkey);
	if (!status)
		status = set_point(out, key->point);
	if (status) {
		vs_error("key %s: %s", key->label, vs_status_name(status));
		return status;
	}
	snprintf(out->holder, sizeof out->holder, "%s", holder);
	snprintf(out->label, sizeof out->label, "%s", key->label);
	return VS_OK;
}

json_t *vs_pubkey_encode(const struct vs_pubkey *key)
{
	char point[2 * VS_P256_POINT_LEN + 1];
	json_t *o = json_pack("{s:s, s:s, s:O}", "holder", key->holder, "label",
	                      key->label, "tuf", key->tuf.object);

	if (!o || !key->has_boot)
		return o;
	vs_hex_encode(key->point, sizeof key->point, point);
	if (json_object_set_new(o, "boot", json_string(point))) {
		json_decref(o);
		return NULL;
	}
	return o;
}

/* "boot" must be the same key as "tuf". */
static vs_status decode_boot(const char *path, const json_t *boot,
                             struct vs_pubkey *out)
{
	uint8_t point[VS_P256_POINT_LEN];
	EVP_PKEY *pkey = NULL;
	const char *text = json_string_value(boot);
	bool same = text && !vs_hex_decode(text, point, sizeof point) &&
	            !vs_p256_key(point, &pkey) &&
	            EVP_PKEY_eq(pkey, out->tuf.pkey) == 1;

	EVP_PKEY_free(pkey);
	if (!same) {
		vs_error("%s: boot: not the point of the key in tuf", path);
		return VS_ERR_INPUT;
	}
	return set_point(out, point);
}

vs_status vs_pubkey_text(const char *path, const json_t *o, const char *name,
                         char *out, size_t cap)
{
	const char *text;
	struct vs_why why = {0};

	if (vs_json_string(o, name, &text, &why) || !*text ||
	    strlen(text) >= cap) {
		vs_error("%s: %s: must be a text of 1 to %zu bytes", path, name,
		         cap - 1);
		return VS_ERR_INPUT;
	}
	vs_log_quote(text, out, cap);
	return VS_OK;
}

vs_status vs_pubkey_decode(const char *path, const json_t *o,
                           struct vs_pubkey *out)
{
	struct vs_why why = {0};
	json_t *tuf;

	*out = (struct vs_pubkey){0};
	vs_status status = vs_pubkey_text(path, o, "holder", out->holder,
	                                  sizeof out->holder);
	if (!status && json_object_get(o, "label"))
		status = vs_pubkey_text(path, o, "label", out->label,
		                        sizeof out->label);
	if (status)
		return status;
	if (!out->label[0]) /* the server's online keys have no token */
		snprintf(out->label, sizeof out->label, "online");
	status = vs_json_object(o, "tuf", &tuf, &why);
	if (!status)
		status = vs_key_parse(tuf, &out->tuf, &why);
	if (status)
		return vs_say_why(status, path, &why);
	const json_t *boot = json_object_get(o, "boot");
	if (boot)
		status = decode_boot(path, boot, out);
	if (status)
		vs_pubkey_drop(out);
	return status;
}

/* An online key: the name of its file stands for its holder. */
static vs_status load_pem(const char *path, const char *pem, size_t len,
                          struct vs_pubkey *out)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *pkey =
		bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	const char *slash = strrchr(path, '/');

	*out = (struct vs_pubkey){0};
	BIO_free(bio);
	ERR_clear_error();
	if (!pkey) {
		vs_error("%s: not a public key in PEM", path);
		return VS_ERR_INPUT;
	}
	vs_status status = vs_key_from_pkey(pkey, &out->tuf);
	EVP_PKEY_free(pkey);
	if (status) {
		vs_error("%s: public key: %s", path, vs_status_name(status));
		return status;
	}
	snprintf(out->holder, sizeof out->holder, "%s",
	         slash ? slash + 1 : path);
	snprintf(out->label, sizeof out->label, "online");
	return VS_OK;
}

vs_status vs_pubkey_load(const char *path, struct vs_pubkey *out)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	VS_AUTO(vs_json_drop) json_t *o = NULL;
	struct vs_why why = {0};
	size_t len;
	vs_status status = vs_file_read(path, file_max, &bytes, &len);

	*out = (struct vs_pubkey){0};
	if (status)
		return vs_say_io(status, path);
	if (len && bytes[0] == '-')
		return load_pem(path, (const char *)bytes, len, out);
	status = vs_json_parse(bytes, len, file_max, &o, &why);
	if (status)
		return vs_say_why(status, path, &why);
	return vs_pubkey_decode(path, o, out);
}
