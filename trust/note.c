/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/note.c - text signed by one or more keys, and the keys as text.
 */
#include "trust/note.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "trust/digest.h"
#include "trust/key.h"

#define DASH "\xe2\x80\x94 " /* U+2014 and a space */

static vs_status malformed(struct vs_why *why, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, at);
}

/* Whether name has any of Unicode's spaces, or a plus. */
static bool has_space(const struct vs_span *name)
{
	static const char *const spaces[] = {
		" ",
		"\t",
		"\n",
		"\v",
		"\f",
		"\r",
		"+",
		"\xc2\x85",
		"\xc2\xa0",
		"\xe1\x9a\x80",
		"\xe2\x80\xa8",
		"\xe2\x80\xa9",
		"\xe2\x80\xaf",
		"\xe2\x81\x9f",
		"\xe3\x80\x80",
	};
	struct vs_span s = *name;

	for (; s.len; s.at++, s.len--) {
		struct vs_span rest = s;

		for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++)
			if (vs_span_begins(&rest, spaces[i]))
				return true;
		/* U+2000 to U+200A */
		if (s.len > 2 && memcmp(s.at, "\xe2\x80", 2) == 0 &&
		    (uint8_t)s.at[2] >= 0x80 && (uint8_t)s.at[2] <= 0x8a)
			return true;
	}
	return false;
}

static bool name_fits(const struct vs_span *name)
{
	return name->len && name->len < VS_NOTE_NAME_LEN &&
	       vs_span_clean(name) && !has_space(name);
}

/* The same admission as a key of TUF metadata: no low-order point. */
static vs_status admit(const uint8_t raw[static VS_NOTE_KEY_LEN],
                       struct vs_why *why)
{
	char hex[2 * VS_NOTE_KEY_LEN + 1];
	struct vs_key key;
	json_t *object;

	vs_digest_put_hex(raw, VS_NOTE_KEY_LEN, hex);
	object = json_pack("{s:s, s:s, s:{s:s}}", "keytype", "ed25519",
	                   "scheme", "ed25519", "keyval", "public", hex);
	if (!object)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "key", 0);
	vs_status status = vs_key_parse(object, &key, why);
	json_decref(object);
	if (!status)
		vs_key_drop(&key);
	return status;
}

vs_status vs_vkey_make(const char *name, enum vs_note_type type,
                       const uint8_t key[static VS_NOTE_KEY_LEN],
                       struct vs_vkey *out, struct vs_why *why)
{
	uint8_t in[VS_NOTE_NAME_LEN + 1 + VS_NOTE_KEY_LEN];
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct vs_span span = {name, strlen(name)};

	*out = (struct vs_vkey){.type = type};
	if (!name_fits(&span))
		return malformed(why, "not a fit name of a key", 0);
	vs_status status = admit(key, why);
	if (status)
		return status;
	memcpy(out->name, name, span.len);
	memcpy(out->key, key, VS_NOTE_KEY_LEN);
	memcpy(in, name, span.len);
	in[span.len] = '\n';
	in[span.len + 1] = (uint8_t)type;
	memcpy(in + span.len + 2, key, VS_NOTE_KEY_LEN);
	if (EVP_Digest(in, span.len + 2 + VS_NOTE_KEY_LEN, digest, NULL,
	               EVP_sha256(), NULL) != 1)
		return vs_fail(VS_ERR_CRYPTO, why, VS_REASON_NONE, "key id", 0);
	memcpy(out->id, digest, sizeof out->id);
	return VS_OK;
}

vs_status vs_vkey_parse(const char *text, size_t len, struct vs_vkey *out,
                        struct vs_why *why)
{
	struct vs_span rest = {text, len}, name, id;
	uint8_t typed[1 + VS_NOTE_KEY_LEN];
	char copy[VS_NOTE_NAME_LEN] = "", hex[9];
	size_t typed_len;

	*out = (struct vs_vkey){0};
	if (vs_span_cut(&rest, '+', &name) || vs_span_cut(&rest, '+', &id) ||
	    name.len >= sizeof copy || memchr(name.at, 0, name.len))
		return malformed(why, "a key is not NAME+ID+BASE64", 0);
	vs_status status =
		vs_span_base64(&rest, typed, sizeof typed, &typed_len);
	if (status == VS_ERR_INPUT || (!status && typed_len == 0))
		return malformed(why, "a key's bytes are not base64",
		                 len - rest.len);
	/* other types have other lengths */
	if (status || typed_len != sizeof typed ||
	    (typed[0] != VS_NOTE_ED25519 && typed[0] != VS_NOTE_COSIGNER))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED,
		               "a key is not Ed25519 of type 01 or 04",
		               len - rest.len);
	memcpy(copy, name.at, name.len);
	status = vs_vkey_make(copy, typed[0], typed + 1, out, why);
	if (status)
		return status;
	vs_digest_put_hex(out->id, sizeof out->id, hex);
	if (!vs_span_is(&id, hex))
		return malformed(why, "a key's id is not its own", name.len);
	return VS_OK;
}

void vs_vkey_encode(const struct vs_vkey *key, char out[static VS_VKEY_LEN])
{
	struct vs_text t = {out, VS_VKEY_LEN, 0};
	uint8_t typed[1 + VS_NOTE_KEY_LEN] = {(uint8_t)key->type};
	char hex[9];
	vs_status status = vs_text_string(&t, key->name);

	vs_digest_put_hex(key->id, sizeof key->id, hex);
	memcpy(typed + 1, key->key, VS_NOTE_KEY_LEN);
	if (!status)
		status = vs_text_string(&t, "+");
	if (!status)
		status = vs_text_string(&t, hex);
	if (!status)
		status = vs_text_string(&t, "+");
	if (!status)
		status = vs_text_base64(&t, typed, sizeof typed);
	out[status ? 0 : t.len] = '\0'; /* it fits: a name has its maximum */
}

vs_status vs_vkey_verify(const struct vs_vkey *key, const void *message,
                         size_t len, const uint8_t sig[static VS_NOTE_SIG_LEN])
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
	                                             key->key, VS_NOTE_KEY_LEN);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	vs_status status = VS_ERR_CRYPTO;

	if (pkey && md && EVP_DigestVerifyInit(md, NULL, NULL, NULL, pkey) == 1)
		status = EVP_DigestVerify(md, sig, VS_NOTE_SIG_LEN, message,
		                          len) == 1
		                 ? VS_OK
		                 : VS_ERR_REFUSED;
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return status;
}

/* Splits at the last empty line. */
static bool split(struct vs_span *all, struct vs_span *text)
{
	for (size_t i = all->len; i-- > 1;) {
		if (all->at[i] != '\n' || all->at[i - 1] != '\n')
			continue;
		*text = (struct vs_span){all->at, i};
		all->at += i + 1;
		all->len -= i + 1;
		return true;
	}
	return false;
}

/* Base64 of an id and at least one byte of whatever kind of signature. */
static bool signature_fits(const struct vs_span *base64, uint8_t id[static 4])
{
	struct vs_span piece = {base64->at, 4};
	uint8_t bytes[3];
	size_t len;

	if (base64->len < 8)
		return false;
	for (size_t i = 0; i < base64->len; i += 4) {
		bool last = i + 4 >= base64->len;

		piece.at = base64->at + i;
		if (base64->len % 4 ||
		    vs_span_base64(&piece, bytes, sizeof bytes, &len) ||
		    (len < 3 && !last) || (i == 4 && len < 2))
			return false;
		if (i == 0)
			memcpy(id, bytes, 3);
		if (i == 4)
			id[3] = bytes[0];
	}
	return true;
}

vs_status vs_note_parse(const void *in, size_t len, struct vs_note *out,
                        struct vs_why *why)
{
	struct vs_span rest = {in, len}, line, name;
	const char *start = in;
	vs_status status;

	out->count = 0;
	if (len > VS_NOTE_LEN_MAX)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "a note is over 128 KiB", 0);
	if (!vs_span_clean(&rest))
		return malformed(why, "a note is no clean UTF-8 text", 0);
	if (!split(&rest, &out->text))
		return malformed(why, "a note has no empty line", 0);
	while ((status = vs_span_line(&rest, &line)) == VS_OK) {
		size_t at = (size_t)(line.at - start);

		if (out->count == VS_NOTE_LINES_MAX)
			return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
			               "a note has over 64 signatures", at);
		if (!vs_span_begins(&line, DASH) ||
		    vs_span_cut(&line, ' ', &name) || !name_fits(&name) ||
		    !signature_fits(&line, out->lines[out->count].id))
			return malformed(why, "not a signature line", at);
		out->lines[out->count].name = name;
		out->lines[out->count++].base64 = line;
	}
	if (status == VS_ERR_INPUT || out->count == 0)
		return malformed(why, "a note ends without a signature line",
		                 len);
	return VS_OK;
}

vs_status vs_note_next(const struct vs_note *note, const struct vs_vkey *key,
                       size_t *at, void *out, size_t len, struct vs_why *why)
{
	uint8_t bytes[4 + 8 + VS_NOTE_SIG_LEN];
	size_t got;

	while (*at < note->count) {
		size_t i = (*at)++;

		if (memcmp(note->lines[i].id, key->id, sizeof key->id) != 0 ||
		    !vs_span_is(&note->lines[i].name, key->name))
			continue;
		if (len > sizeof bytes - 4 ||
		    vs_span_base64(&note->lines[i].base64, bytes, sizeof bytes,
		                   &got) ||
		    got != 4 + len)
			return vs_fail(VS_ERR_REFUSED, why,
			               VS_REASON_BAD_SIGNATURE,
			               "a signature has another length", 0);
		memcpy(out, bytes + 4, len);
		return VS_OK;
	}
	return VS_ERR_ABSENT;
}

vs_status vs_note_verify(const struct vs_note *note, const struct vs_vkey *key,
                         struct vs_why *why)
{
	uint8_t sig[VS_NOTE_SIG_LEN];
	size_t at = 0, good = 0;
	vs_status status;

	while (!(status = vs_note_next(note, key, &at, sig, sizeof sig, why))) {
		status =
			vs_vkey_verify(key, note->text.at, note->text.len, sig);
		if (status)
			return vs_fail(status, why,
			               status == VS_ERR_REFUSED
			                       ? VS_REASON_BAD_SIGNATURE
			                       : VS_REASON_NONE,
			               "a known key's signature is bad", 0);
		good++;
	}
	if (status != VS_ERR_ABSENT)
		return status;
	return good ? VS_OK
	            : vs_fail(VS_ERR_ABSENT, why, VS_REASON_UNKNOWN_KEY,
	                      "no signature by this key", 0);
}

vs_status vs_note_add_line(struct vs_text *out, const struct vs_vkey *key,
                           const void *sig, size_t len)
{
	uint8_t bytes[4 + 8 + VS_NOTE_SIG_LEN];
	struct vs_text undo = *out;
	vs_status status = len > sizeof bytes - 4 ? VS_ERR_LIMIT : VS_OK;

	if (!status) {
		memcpy(bytes, key->id, 4);
		memcpy(bytes + 4, sig, len);
		status = vs_text_string(out, DASH);
	}
	if (!status)
		status = vs_text_string(out, key->name);
	if (!status)
		status = vs_text_string(out, " ");
	if (!status)
		status = vs_text_base64(out, bytes, 4 + len);
	if (!status)
		status = vs_text_string(out, "\n");
	if (status)
		out->len = undo.len;
	return status;
}
