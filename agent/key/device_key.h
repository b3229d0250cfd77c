/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/key/device_key.h - the key that this charger shows who it is with: for
 * TLS and for reports.
 *
 * In a file (development only), on a PKCS#11 token or in a TPM: who signs with
 * it cannot tell.  Of a token and of a TPM the certificate says which key it
 * is, so that the agent starts, and looks after its images, without a device
 * that answers.  Any thread.
 */
#ifndef VS_AGENT_DEVICE_KEY_H
#define VS_AGENT_DEVICE_KEY_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "agent/conf/conf.h"
#include "agent/key/store.h"

#define VS_DEVICE_KEY_SIG_MAX 128

struct vs_device_key;

/* Reads a key file; of another device the certificate alone.
 * VS_OK and *out; VS_ERR_ABSENT, VS_ERR_DENIED (others may read the file),
 * VS_ERR_INPUT ... with a line for a person, which names the setting.
 */
vs_status vs_device_key_open(const struct vs_conf *conf,
                             struct vs_device_key **out,
                             char error[static VS_ERROR_LEN]) VS_MUST_CHECK;
void vs_device_key_close(struct vs_device_key **k); /* also for VS_AUTO */

EVP_PKEY *vs_device_key_public(const struct vs_device_key *k);

/* Signs: P-256 with SHA-256 in DER, or (a file alone) Ed25519.  len: in the
 * capacity, at least VS_DEVICE_KEY_SIG_MAX, out the length.
 * VS_OK; else a line in error.  Each answer of a device has device_key_ms: to
 * open and to sign, and once more where a session was lost.
 */
vs_status vs_device_key_sign(struct vs_device_key *k, const void *message,
                             size_t message_len, uint8_t *sig, size_t *len,
                             char error[static VS_KEY_ERROR_LEN]) VS_MUST_CHECK;

/* Has the device sign now, for a person who waits: it is there, it may be
 * used, and the certificate is its key's.  The same.
 */
vs_status
vs_device_key_check(struct vs_device_key *k,
                    char error[static VS_KEY_ERROR_LEN]) VS_MUST_CHECK;

/* Makes the key where it is not yet, and gives a request for its certificate
 * in this name, signed by it (X509_REQ_free()).  place: not of a file.
 * VS_OK; VS_ERR_INPUT; as vs_key_store.open; with a line in error.
 */
vs_status
vs_device_key_request(const char *place, const char *subject, X509_REQ **out,
                      char error[static VS_KEY_ERROR_LEN]) VS_MUST_CHECK;

#endif
