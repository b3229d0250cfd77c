/* SPDX-License-Identifier: Apache-2.0
 *
 * base/pem.h - OpenSSL keys and certificates in files.
 */
#ifndef VS_BASE_PEM_H
#define VS_BASE_PEM_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/status.h"

/* Give *out: EVP_PKEY_free(), X509_free().
 * VS_OK; VS_ERR_ABSENT; VS_ERR_IO; VS_ERR_INPUT.  A private key file that
 * others may read is VS_ERR_DENIED.
 */
vs_status vs_pem_private_key(const char *path, EVP_PKEY **out) VS_MUST_CHECK;
vs_status vs_pem_certificate(const char *path, X509 **out) VS_MUST_CHECK;
vs_status vs_pem_certificate_text(const char *pem, size_t len,
                                  X509 **out) VS_MUST_CHECK;

/* Makes a key in a new file of mode 0600.  ed25519, or P-256. */
vs_status vs_pem_generate(const char *path, bool ed25519,
                          EVP_PKEY **out) VS_MUST_CHECK;

/* Signs message with a key held in memory: Ed25519 64 bytes, ECDSA DER.
 * sig_len: in the capacity (at least 128), out the length.
 */
vs_status vs_pem_sign(EVP_PKEY *key, const void *message, size_t len,
                      uint8_t *sig, size_t *sig_len) VS_MUST_CHECK;

#endif
