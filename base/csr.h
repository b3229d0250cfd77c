/* SPDX-License-Identifier: Apache-2.0
 *
 * base/csr.h - requests for certificates, signed by a key that is elsewhere.
 *
 * Standard: RFC 2986; ecdsa-with-SHA256 (RFC 5758 3.2).
 */
#ifndef VS_BASE_CSR_H
#define VS_BASE_CSR_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/p256.h"
#include "base/status.h"

/* Signs SHA-256(message): DER.  sig_len: in the capacity, out the length. */
typedef vs_status (*vs_csr_sign)(void *ctx, const void *message, size_t len,
                                 uint8_t *sig, size_t *sig_len);

/* A request of a P-256 key for a certificate of this common name (1 to 64
 * printable characters).  Gives *out: X509_REQ_free().
 * VS_OK; VS_ERR_INPUT; VS_ERR_CRYPTO (also if the signature is not the key's);
 * VS_ERR_NOMEM; what sign gives.
 */
vs_status vs_csr_make(const char *subject, EVP_PKEY *key, vs_csr_sign sign,
                      void *ctx, X509_REQ **out) VS_MUST_CHECK;

/* Writes it as PEM.  As vs_file_replace(). */
vs_status vs_csr_store(const char *path, X509_REQ *csr) VS_MUST_CHECK;

/* Reads one, P-256 and signed by its own key; nothing else of it is to be
 * believed.  Gives *out: X509_REQ_free().
 * VS_OK; VS_ERR_ABSENT; VS_ERR_IO; VS_ERR_INPUT; VS_ERR_REFUSED (another kind
 * of key, or not signed by it).
 */
vs_status vs_csr_load(const char *path, X509_REQ **out) VS_MUST_CHECK;

/* Whether its subject is this common name and nothing else. */
bool vs_csr_names(X509_REQ *csr, const char *subject);

#endif
