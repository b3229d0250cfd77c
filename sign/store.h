/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/store.h - putting files in force, and out for the server.
 *
 * A file in force never changes: putting the same bytes again is no error,
 * putting others is one.
 */
#ifndef VS_SIGN_STORE_H
#define VS_SIGN_STORE_H

#include "sign/room.h"

/* Writes bytes to path unless just these are there.
 * VS_OK; VS_ERR_STATE if other bytes are there.  Says what is wrong.
 */
vs_status vs_store_bytes(const char *path, const void *bytes,
                         size_t len) VS_MUST_CHECK;

/* Links or copies a file whose SHA-256 is known to DIR/SHA256.  Says what is
 * wrong.
 */
vs_status vs_store_artifact(const char *from, const char *dir,
                            const char *sha256) VS_MUST_CHECK;

/* Writes what is in force to a folder for the server and the chargers:
 * metadata/, artifacts/, image-root/, director-root/, keyring.
 */
vs_status vs_store_export(const struct vs_room *r,
                          const char *dir) VS_MUST_CHECK;

#endif
