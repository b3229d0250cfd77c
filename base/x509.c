/* SPDX-License-Identifier: Apache-2.0
 *
 * base/x509.c - certificates of the device CA, whose key is on a token.
 */
#include "base/x509.h"

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"

enum { names_max = 1024, serial_len = 16 };

static bool text_ok(const char *text, size_t max, const char *others)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t len = strlen(text);

	if (!len || len > max)
		return false;
	for (const char *c = text; *c; c++)
		if (!strchr(letters, *c) && !strchr(others, *c))
			return false;
	return true;
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *text)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, text);
	if (!e)
		return false;
	bool ok = X509_add_ext(cert, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

/* "localhost,127.0.0.1" as "DNS:localhost,IP:127.0.0.1". */
static vs_status alternative_names(const char *names, struct vs_buffer *out)
{
	char copy[names_max];
	char *rest = copy, *name;
	struct in6_addr address;

	if (!text_ok(names, sizeof copy - 1, ".:-,"))
		return VS_ERR_INPUT;
	memcpy(copy, names, strlen(names) + 1);
	while ((name = strsep(&rest, ","))) {
		bool ip = inet_pton(AF_INET, name, &address) == 1 ||
		          inet_pton(AF_INET6, name, &address) == 1;

		if (!*name || (!ip && strchr(name, ':')))
			return VS_ERR_INPUT;
		vs_status status =
			vs_buffer_printf(out, "%s%s:%s", out->len ? "," : "",
		                         ip ? "IP" : "DNS", name);
		if (status)
			return status;
	}
	return VS_OK;
}

static vs_status set_purpose(X509 *cert, X509 *issuer,
                             const struct vs_x509_request *r)
{
	bool ca = r->kind == VS_X509_CA;
	bool ok = add_extension(cert, issuer, NID_basic_constraints,
	                        ca ? "critical,CA:TRUE,pathlen:0"
	                           : "critical,CA:FALSE") &&
	          add_extension(cert, issuer, NID_key_usage,
	                        ca ? "critical,keyCertSign,cRLSign"
	                           : "critical,digitalSignature") &&
	          add_extension(cert, issuer, NID_subject_key_identifier,
	                        "hash") &&
	          (ca || add_extension(cert, issuer,
	                               NID_authority_key_identifier, "keyid"));

	if (ok && r->kind == VS_X509_CLIENT)
		ok = add_extension(cert, issuer, NID_ext_key_usage,
		                   "clientAuth");
	if (ok && r->kind == VS_X509_SERVER) {
		VS_AUTO(vs_buffer_drop) struct vs_buffer names;

		vs_buffer_init(&names, names_max * 2);
		vs_status status = alternative_names(r->names, &names);
		if (status)
			return status;
		ok = add_extension(cert, issuer, NID_ext_key_usage,
		                   "serverAuth") &&
		     add_extension(cert, issuer, NID_subject_alt_name,
		                   (const char *)names.data);
	}
	return ok ? VS_OK : VS_ERR_CRYPTO;
}

static bool set_serial(X509 *cert)
{
	uint8_t bytes[serial_len];

	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return false;
	bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, full length */
	BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
	ASN1_INTEGER *serial = n ? BN_to_ASN1_INTEGER(n, NULL) : NULL;
	bool ok = serial && X509_set_serialNumber(cert, serial) == 1;
	ASN1_INTEGER_free(serial);
	BN_free(n);
	return ok;
}

static bool set_name(X509 *cert, const char *subject)
{
	X509_NAME *name = X509_NAME_new();
	bool ok = name &&
	          X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	                                     (const unsigned char *)subject, -1,
	                                     -1, 0) == 1 &&
	          X509_set_subject_name(cert, name) == 1;

	X509_NAME_free(name);
	return ok;
}

static vs_status fill(X509 *cert, const struct vs_x509_request *r,
                      EVP_PKEY *key, X509 *issuer)
{
	time_t from = (time_t)r->from_s, until = (time_t)r->until_s;

	if (!text_ok(r->subject, 64, " ._-") ||
	    (r->kind == VS_X509_SERVER) != (r->names != NULL))
		return VS_ERR_INPUT;
	bool ok = X509_set_version(cert, X509_VERSION_3) == 1 &&
	          set_serial(cert) && set_name(cert, r->subject) &&
	          X509_set_issuer_name(cert, X509_get_subject_name(issuer)) ==
	                  1 &&
	          X509_set_pubkey(cert, key) == 1 &&
	          X509_time_adj_ex(X509_getm_notBefore(cert), 0, 0, &from) &&
	          X509_time_adj_ex(X509_getm_notAfter(cert), 0, 0, &until);
	return ok ? set_purpose(cert, issuer, r) : VS_ERR_CRYPTO;
}

/* OpenSSL sets the two algorithm fields only while it signs: a throwaway key
 * does that, and its signature is then left behind.
 */
static bool set_algorithm(X509 *cert)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	bool ok = key && X509_sign(cert, key, EVP_sha256()) > 0;

	EVP_PKEY_free(key);
	return ok;
}

/* SEQUENCE { tbsCertificate, algorithm, BIT STRING }, RFC 5280 4.1. */
static vs_status assemble(const uint8_t *tbs, int tbs_len,
                          const X509_ALGOR *algorithm, uint8_t *sig,
                          size_t sig_len, X509 **out)
{
	VS_AUTO(vs_free_drop) uint8_t *der = NULL;
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	int alg_len = i2d_X509_ALGOR(algorithm, NULL);
	vs_status status = VS_ERR_CRYPTO;

	if (!bits || alg_len <= 0 ||
	    ASN1_BIT_STRING_set(bits, sig, (int)sig_len) != 1) {
		ASN1_BIT_STRING_free(bits);
		return VS_ERR_NOMEM;
	}
	bits->flags |= ASN1_STRING_FLAG_BITS_LEFT; /* no unused bits */
	int body = tbs_len + alg_len + i2d_ASN1_BIT_STRING(bits, NULL);
	int whole = ASN1_object_size(1, body, V_ASN1_SEQUENCE);
	der = whole > 0 ? malloc((size_t)whole) : NULL;
	if (der) {
		uint8_t *p = der;
		const uint8_t *in = der;

		ASN1_put_object(&p, 1, body, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
		memcpy(p, tbs, (size_t)tbs_len);
		p += tbs_len;
		i2d_X509_ALGOR(algorithm, &p);
		i2d_ASN1_BIT_STRING(bits, &p);
		*out = d2i_X509(NULL, &in, whole);
		status = *out ? VS_OK : VS_ERR_CRYPTO;
	}
	ASN1_BIT_STRING_free(bits);
	return status;
}

static vs_status sign_cert(X509 *cert, EVP_PKEY *issuer_key,
                           vs_x509_sign_fn sign, void *ctx, X509 **out)
{
	uint8_t sig[VS_X509_DER_MAX];
	size_t sig_len = sizeof sig;
	uint8_t *tbs = NULL;

	if (!set_algorithm(cert))
		return VS_ERR_CRYPTO;
	int tbs_len = i2d_re_X509_tbs(cert, &tbs);
	if (tbs_len <= 0)
		return VS_ERR_CRYPTO;
	vs_status status = sign(ctx, tbs, (size_t)tbs_len, sig, &sig_len);
	if (!status)
		status = assemble(tbs, tbs_len, X509_get0_tbs_sigalg(cert), sig,
		                  sig_len, out);
	OPENSSL_free(tbs);
	if (!status && X509_verify(*out, issuer_key) != 1) {
		X509_free(*out);
		*out = NULL;
		status = VS_ERR_CRYPTO;
	}
	return status;
}

vs_status vs_x509_make(const struct vs_x509_request *request, EVP_PKEY *key,
                       X509 *issuer, vs_x509_sign_fn sign, void *ctx,
                       X509 **out)
{
	X509 *cert = X509_new();

	*out = NULL;
	if (!cert)
		return VS_ERR_NOMEM;
	vs_status status = fill(cert, request, key, issuer ? issuer : cert);
	if (!status)
		status =
			sign_cert(cert, issuer ? X509_get0_pubkey(issuer) : key,
		                  sign, ctx, out);
	X509_free(cert);
	ERR_clear_error();
	return status;
}

vs_status vs_x509_pem(X509 *certificate, char **out, size_t *len)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;

	*out = NULL;
	if (!bio)
		return VS_ERR_NOMEM;
	vs_status status = VS_ERR_CRYPTO;
	if (PEM_write_bio_X509(bio, certificate) == 1) {
		long n = BIO_get_mem_data(bio, &text);

		*out = n > 0 ? malloc((size_t)n + 1) : NULL;
		if (*out) {
			memcpy(*out, text, (size_t)n);
			(*out)[n] = 0;
			*len = (size_t)n;
			status = VS_OK;
		}
	}
	BIO_free(bio);
	return status;
}
