/* SPDX-License-Identifier: Apache-2.0
 *
 * base/x509.h - certificates of the device CA, whose key is on a token.
 *
 * The signature comes from a callback, so no private key of the CA is ever
 * in memory; every certificate is verified before it is given out.
 *
 * Standard: RFC 5280; ecdsa-with-SHA256 (RFC 5758 3.2).
 */
#ifndef VS_BASE_X509_H
#define VS_BASE_X509_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/status.h"

#define VS_X509_DER_MAX 72

enum vs_x509_kind {
	VS_X509_CA,     /* signs certificates, no CA below it */
	VS_X509_CLIENT, /* a charger: clientAuth, CN = its id */
	VS_X509_SERVER, /* serverAuth, names in subjectAltName */
};

struct vs_x509_request {
	enum vs_x509_kind kind;
	const char *subject; /* common name: 1 to 64 of [A-Za-z0-9 ._-] */
	const char *names;   /* server: "localhost,127.0.0.1"; else NULL */
	uint64_t from_s;     /* not before, seconds since 1970 */
	uint64_t until_s;    /* not after */
};

/* Signs SHA-256(message): DER into sig (VS_X509_DER_MAX bytes). */
typedef vs_status (*vs_x509_sign_fn)(void *ctx, const uint8_t *message,
                                     size_t len, uint8_t *sig, size_t *sig_len);

/* Makes a certificate over key.  issuer NULL: self-signed, key is then the
 * key that sign uses.  Gives *out: X509_free().
 * VS_OK; VS_ERR_INPUT (subject or names); VS_ERR_CRYPTO; VS_ERR_NOMEM; what
 * sign gives.
 */
vs_status vs_x509_make(const struct vs_x509_request *request, EVP_PKEY *key,
                       X509 *issuer, vs_x509_sign_fn sign, void *ctx,
                       X509 **out) VS_MUST_CHECK;

/* Gives *out (free()): the certificate as PEM. */
vs_status vs_x509_pem(X509 *certificate, char **out, size_t *len) VS_MUST_CHECK;

#endif
