/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/peer.h - which charger a certificate says it is.
 */
#ifndef VS_SERVER_NET_PEER_H
#define VS_SERVER_NET_PEER_H

#include <openssl/x509.h>

#include "base/status.h"

/* The one common name of the subject, if it is a harmless one.
 * VS_OK; VS_ERR_INPUT (none, two, foreign characters, too long).
 */
vs_status vs_peer_name(const X509 *cert, char *out, size_t cap) VS_MUST_CHECK;

/* The same of a certificate's DER, without decoding the rest of it: that the
 * rest is in order somebody else has found out.
 */
vs_status vs_peer_der_name(const uint8_t *der, size_t len, char *out,
                           size_t cap) VS_MUST_CHECK;

/* Seconds since 1970 until which it is good.  VS_OK; VS_ERR_INPUT. */
vs_status vs_peer_expires(const X509 *cert, uint64_t *out) VS_MUST_CHECK;

#endif
