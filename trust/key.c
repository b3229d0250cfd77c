/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/key.c - public keys of TUF metadata and their signatures.
 *
 * A key is admitted once, here; what passes cannot verify a signature that
 * its owner did not make.
 */
#include "trust/key.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "trust/digest.h"
#include "trust/json.h"

#define ED25519_LEN 32
#define PEM_MAX 8192
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192

/* clang-format off */
static const struct scheme {
	const char *keytype, *scheme;
	enum vs_key_scheme is;
} schemes[] = {
	{"ed25519",             "ed25519",             VS_KEY_ED25519},
	{"ecdsa",               "ecdsa-sha2-nistp256", VS_KEY_ECDSA_P256},
	{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", VS_KEY_ECDSA_P256},
	{"rsa",                 "rsassa-pss-sha256",   VS_KEY_RSA_PSS_256},
};
/* clang-format on */

/* y of the points of order 1, 2, 4 and 8: under such a key one signature
 * verifies every message.
 */
static const char *const low_order[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
};

/* Whether y is at least 2^255 - 19. */
static bool beyond_field(const uint8_t y[static ED25519_LEN])
{
	if (y[ED25519_LEN - 1] != 0x7f || y[0] < 0xed)
		return false;
	for (size_t i = 1; i < ED25519_LEN - 1; i++) {
		if (y[i] != 0xff)
			return false;
	}
	return true;
}

static bool fit_point(const uint8_t raw[static ED25519_LEN])
{
	uint8_t y[ED25519_LEN];
	char hex[2 * ED25519_LEN + 1];

	memcpy(y, raw, sizeof y);
	y[ED25519_LEN - 1] &= 0x7f; /* the sign of x */
	if (beyond_field(y))
		return false;
	vs_digest_put_hex(y, sizeof y, hex);
	for (size_t i = 0; i < sizeof low_order / sizeof *low_order; i++) {
		if (strcmp(hex, low_order[i]) == 0)
			return false;
	}
	return true;
}

/* Whatever is 32 bytes is taken by the library: if not, it has failed. */
static vs_status ed25519_from(const char *hex, EVP_PKEY **out)
{
	uint8_t raw[ED25519_LEN];
	size_t len = 0;

	if (vs_digest_get_hex(hex, raw, sizeof raw, &len) ||
	    len != sizeof raw || !fit_point(raw))
		return VS_ERR_INPUT;
	*out = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, len);
	return *out ? VS_OK : VS_ERR_CRYPTO;
}

/* Whether the crypto library lacked memory; forgets its errors.  A key or a
 * signature that could not be read for that is nobody's fault.
 */
static bool starved(void)
{
	unsigned long error;
	bool out = false;

	while ((error = ERR_get_error()))
		out = out || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
	return out;
}

/* PEM_read_bio() and not PEM_read_bio_PUBKEY(): the latter may ask a person
 * for a password on the terminal.
 */
static EVP_PKEY *from_pem(const char *pem)
{
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	EVP_PKEY *pkey = NULL;
	long der_len = 0;
	BIO *bio;

	if (strlen(pem) > PEM_MAX)
		return NULL;
	bio = BIO_new_mem_buf(pem, -1);
	if (bio && PEM_read_bio(bio, &name, &header, &der, &der_len) == 1 &&
	    strcmp(name, "PUBLIC KEY") == 0 && header[0] == '\0') {
		const unsigned char *at = der;

		pkey = d2i_PUBKEY(NULL, &at, der_len);
		if (pkey && at != der + der_len) {
			EVP_PKEY_free(pkey);
			pkey = NULL;
		}
	}
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(bio);
	return pkey;
}

/* Gives the scheme of an OpenSSL key, or false if we know none for it. */
static bool scheme_of(const EVP_PKEY *pkey, enum vs_key_scheme *out)
{
	char group[32] = "";
	size_t len = 0;

	switch (EVP_PKEY_get_base_id(pkey)) {
	case EVP_PKEY_ED25519:
		*out = VS_KEY_ED25519;
		return true;
	case EVP_PKEY_EC:
		*out = VS_KEY_ECDSA_P256;
		return EVP_PKEY_get_group_name(pkey, group, sizeof group,
		                               &len) == 1 &&
		       strcmp(group, "prime256v1") == 0;
	case EVP_PKEY_RSA:
		*out = VS_KEY_RSA_PSS_256;
		return EVP_PKEY_get_bits(pkey) >= RSA_BITS_MIN &&
		       EVP_PKEY_get_bits(pkey) <= RSA_BITS_MAX;
	default:
		return false;
	}
}

/* Gives *out also where the status is not VS_OK. */
static vs_status read_key(enum vs_key_scheme is, const char *text,
                          EVP_PKEY **out)
{
	enum vs_key_scheme found;
	vs_status status = VS_OK;

	if (is == VS_KEY_ED25519)
		return ed25519_from(text, out);
	*out = from_pem(text);
	if (!*out || !scheme_of(*out, &found) || found != is)
		status = VS_ERR_INPUT;
	return starved() && status ? VS_ERR_CRYPTO : status;
}

static vs_status key_id(const json_t *object, char id[static VS_KEY_ID_LEN])
{
	char hex[VS_DIGEST_HEX_MAX];
	char *canon = NULL;
	size_t len = 0;
	vs_status status = vs_json_canonical(object, &canon, &len);

	if (!status)
		status = vs_digest_hex("sha256", canon, len, hex);
	if (!status)
		memcpy(id, hex, VS_KEY_ID_LEN);
	free(canon);
	return status;
}

static const struct scheme *find_scheme(const char *keytype, const char *scheme)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		if (strcmp(schemes[i].keytype, keytype) == 0 &&
		    strcmp(schemes[i].scheme, scheme) == 0)
			return &schemes[i];
	}
	return NULL;
}

vs_status vs_key_parse(const json_t *object, struct vs_key *out,
                       struct vs_why *why)
{
	const char *keytype, *name, *text;
	const struct scheme *scheme;
	json_t *keyval;
	vs_status status;

	*out = (struct vs_key){0};
	if ((status = vs_json_string(object, "keytype", &keytype, why)) ||
	    (status = vs_json_string(object, "scheme", &name, why)) ||
	    (status = vs_json_object(object, "keyval", &keyval, why)) ||
	    (status = vs_json_string(keyval, "public", &text, why)))
		return status;
	scheme = find_scheme(keytype, name);
	if (!scheme)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED,
		               "unknown key type or scheme", 0);
	ERR_clear_error();
	out->scheme = scheme->is;
	status = read_key(scheme->is, text, &out->pkey);
	if (status) {
		vs_key_drop(out);
		return vs_fail(status, why,
		               status == VS_ERR_INPUT ? VS_REASON_MALFORMED
		                                      : VS_REASON_NONE,
		               "not a fit public key", 0);
	}
	status = key_id(object, out->id);
	if (status) {
		vs_key_drop(out);
		return vs_fail(status, why, VS_REASON_MALFORMED, "key id", 0);
	}
	out->object = json_incref((json_t *)(uintptr_t)object);
	ERR_clear_error();
	return VS_OK;
}

static json_t *ed25519_text(EVP_PKEY *pkey)
{
	char hex[2 * ED25519_LEN + 1];
	uint8_t raw[ED25519_LEN];
	size_t len = sizeof raw;

	if (EVP_PKEY_get_raw_public_key(pkey, raw, &len) != 1)
		return NULL;
	vs_digest_put_hex(raw, len, hex);
	return json_string(hex);
}

static json_t *pem_text(EVP_PKEY *pkey)
{
	BIO *bio = BIO_new(BIO_s_mem());
	json_t *text = NULL;
	char *at = NULL;
	long len;

	if (bio && PEM_write_bio_PUBKEY(bio, pkey) == 1) {
		len = BIO_get_mem_data(bio, &at);
		if (len > 0)
			text = json_stringn(at, (size_t)len);
	}
	BIO_free(bio);
	return text;
}

vs_status vs_key_from_pkey(EVP_PKEY *pkey, struct vs_key *out)
{
	enum vs_key_scheme is;
	json_t *object, *text;
	size_t i = 0;
	vs_status status;

	*out = (struct vs_key){0};
	if (!scheme_of(pkey, &is))
		return VS_ERR_INPUT;
	while (schemes[i].is != is)
		i++;
	text = is == VS_KEY_ED25519 ? ed25519_text(pkey) : pem_text(pkey);
	if (!text)
		return VS_ERR_CRYPTO;
	object = json_pack("{s:s, s:s, s:{s:o}}", "keytype", schemes[i].keytype,
	                   "scheme", schemes[i].scheme, "keyval", "public",
	                   text);
	if (!object)
		return VS_ERR_NOMEM;
	status = vs_key_parse(object, out, NULL);
	json_decref(object);
	return status;
}

void vs_key_drop(struct vs_key *k)
{
	EVP_PKEY_free(k->pkey);
	json_decref(k->object);
	*k = (struct vs_key){0};
}

bool vs_key_same(const struct vs_key *a, const struct vs_key *b)
{
	return EVP_PKEY_eq(a->pkey, b->pkey) == 1;
}

static bool set_up(const struct vs_key *k, EVP_MD_CTX *md)
{
	EVP_PKEY_CTX *ctx = NULL; /* owned by md */
	const EVP_MD *hash = k->scheme == VS_KEY_ED25519 ? NULL : EVP_sha256();

	if (EVP_DigestVerifyInit(md, &ctx, hash, NULL, k->pkey) != 1)
		return false;
	if (k->scheme != VS_KEY_RSA_PSS_256)
		return true;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_AUTO) == 1;
}

vs_status vs_key_verify(const struct vs_key *k, const void *message, size_t len,
                        const uint8_t *sig, size_t sig_len)
{
	EVP_MD_CTX *md;
	vs_status status = VS_ERR_CRYPTO;

	ERR_clear_error();
	md = EVP_MD_CTX_new();
	if (md && set_up(k, md))
		status = EVP_DigestVerify(md, sig, sig_len, message, len) == 1
		                 ? VS_OK
		                 : VS_ERR_REFUSED;
	EVP_MD_CTX_free(md);
	return starved() && status ? VS_ERR_CRYPTO : status;
}
