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

/* Copies a file of any size and makes it durable.  Says what is wrong. */
vs_status vs_store_copy(const char *from, const char *to) VS_MUST_CHECK;

/* Puts a file whose SHA-256 is known at DIR/SHA256, linked (within the room
 * only: who writes through one name changes both) or copied.  Says what is
 * wrong.
 */
enum vs_store_how { VS_STORE_LINK, VS_STORE_COPY };
vs_status vs_store_artifact(const char *from, const char *dir,
                            const char *sha256,
                            enum vs_store_how how) VS_MUST_CHECK;

/* Removes what replacements that were cut off have left in a folder; also
 * where there is no folder.
 */
vs_status vs_store_sweep(const char *dir) VS_MUST_CHECK;

/* Writes what is in force to a folder for the server and the chargers:
 * metadata/, artifacts/, image-root/, director-root/, keyring, keyring.N.
 */
vs_status vs_store_export(const struct vs_room *r,
                          const char *dir) VS_MUST_CHECK;

#endif
