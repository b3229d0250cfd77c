/* SPDX-License-Identifier: Apache-2.0
 *
 * server/people/password.h - passwords as yescrypt hashes.
 *
 * Standard: crypt(5), $y$ with the library's cost.
 */
#ifndef VS_SERVER_PEOPLE_PASSWORD_H
#define VS_SERVER_PEOPLE_PASSWORD_H

#include "base/status.h"

#define VS_PASSWORD_MIN 12
#define VS_PASSWORD_MAX 256
#define VS_PASSWORD_HASH_LEN 128

/* VS_OK; VS_ERR_INPUT (too short, too long); VS_ERR_CRYPTO; VS_ERR_NOMEM. */
vs_status vs_password_hash(const char *password,
                           char out[static VS_PASSWORD_HASH_LEN]) VS_MUST_CHECK;

/* Whether a hash is this password's.  Takes as long for hash "", which is
 * nobody's.
 */
bool vs_password_is(const char *password, const char *hash);

#endif
