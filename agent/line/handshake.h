/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/line/handshake.h - the one thing that the device key signs for net.
 *
 * Standard: RFC 8446 4.4.3.
 */
#ifndef VS_AGENT_HANDSHAKE_H
#define VS_AGENT_HANDSHAKE_H

#include "base/status.h"

/* Whether this is what a TLS 1.3 client signs to show that it has a key: 64
 * spaces, a fixed text, a zero, and a hash of 32 or 48 bytes.  No report and
 * nothing else that the key signs begins so.
 */
bool vs_handshake_is(const uint8_t *in, size_t len);

#endif
