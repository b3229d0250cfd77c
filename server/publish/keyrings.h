/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/keyrings.h - the boot keyrings that chargers may take over, by
 * version.
 *
 * The signing room writes the newest as FILE and every one as FILE.N.  A
 * charger needs each since its own, and believes none of them for coming from
 * here.
 */
#ifndef VS_SERVER_PUBLISH_KEYRINGS_H
#define VS_SERVER_PUBLISH_KEYRINGS_H

#include "seal/keyring.h"
#include "server/publish/fileset.h"

/* Reads FILE.1 to FILE.newest.version, those that are there, and puts them
 * into out under their numbers: "2".  Each must be what its number says, and
 * the successor of the one before it if that is there.
 * VS_OK; VS_ERR_INPUT, VS_ERR_REFUSED (WRONG_VERSION, SEAL_SIGNATURE),
 * VS_ERR_IO ... with bad[] naming the file.  Drop out in every case.
 */
vs_status vs_keyrings_load(const char *file, const struct vs_keyring *newest,
                           const struct vs_crypto *crypto,
                           struct vs_fileset *out, char bad[static 1100],
                           struct vs_why *why) VS_MUST_CHECK;

#endif
