/* SPDX-License-Identifier: Apache-2.0
 *
 * base/hex.h - bytes as lower-case hexadecimal text.
 */
#ifndef VS_BASE_HEX_H
#define VS_BASE_HEX_H

#include "base/status.h"

/* out takes 2 * len + 1 characters. */
void vs_hex_encode(const uint8_t *in, size_t len, char *out);
/* text must be exactly 2 * len lower-case digits.  VS_OK; VS_ERR_INPUT. */
vs_status vs_hex_decode(const char *text, uint8_t *out,
                        size_t len) VS_MUST_CHECK;
/* Whether text is 64 lower-case hex digits. */
bool vs_hex_is_sha256(const char *text);

#endif
