/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/download.h - one target of a TUF repository into a folder.
 *
 * The bytes go to a temporary file first, are checked there against length
 * and hashes, and only then get their name.
 */
#ifndef VS_OPERATE_DOWNLOAD_H
#define VS_OPERATE_DOWNLOAD_H

#include "base/http.h"
#include "trust/tuf.h"

/* Fetches url to path unless what lies there already is the target.
 * VS_OK; VS_ERR_ABSENT, VS_ERR_IO (UNREADABLE); VS_ERR_REFUSED
 * (LENGTH_MISMATCH, HASH_MISMATCH, UNSUPPORTED).  In every case but VS_OK
 * path is as it was.
 */
vs_status vs_download(struct vs_http *http, const char *url,
                      const struct vs_target *target, const char *path,
                      struct vs_why *why) VS_MUST_CHECK;

#endif
