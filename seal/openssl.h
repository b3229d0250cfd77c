/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/openssl.h - seal/crypto.h's operations from OpenSSL 3.0.  Hosted.
 */
#ifndef VS_SEAL_OPENSSL_H
#define VS_SEAL_OPENSSL_H

#include "seal/crypto.h"

/* Makes a provider for one thread; drop it with vs_openssl_drop().
 * VS_OK; VS_ERR_NOMEM; VS_ERR_CRYPTO - *out is zero then, and safe to drop.
 */
vs_status vs_openssl_init(struct vs_crypto *out) VS_MUST_CHECK;
void vs_openssl_drop(struct vs_crypto *c);

#endif
