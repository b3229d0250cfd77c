/* SPDX-License-Identifier: Apache-2.0
 *
 * server/people/totp.h - the second factor: six digits of the half minute.
 *
 * Standard: RFC 6238, SHA-1, 30 seconds, 6 digits.
 */
#ifndef VS_SERVER_PEOPLE_TOTP_H
#define VS_SERVER_PEOPLE_TOTP_H

#include "base/status.h"

#define VS_TOTP_SECRET_LEN 20
#define VS_TOTP_URI_LEN 256

vs_status vs_totp_make(uint8_t secret[static VS_TOTP_SECRET_LEN]) VS_MUST_CHECK;

/* What an app is shown: otpauth://totp/... */
void vs_totp_uri(const uint8_t secret[static VS_TOTP_SECRET_LEN],
                 const char *name, char out[static VS_TOTP_URI_LEN]);

/* The half minute that a code is of: this one, the one before or after, and
 * above last, so that no code counts twice.  0 if it is of none.
 */
uint64_t vs_totp_step(const uint8_t secret[static VS_TOTP_SECRET_LEN],
                      const char *code, uint64_t now_s, uint64_t last);

#endif
