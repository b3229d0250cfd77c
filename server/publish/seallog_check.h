/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/seallog_check.h - what the two halves of seallog share.
 */
#ifndef VS_SERVER_PUBLISH_SEALLOG_CHECK_H
#define VS_SERVER_PUBLISH_SEALLOG_CHECK_H

#include "server/publish/seallog.h"

/* Files by their names below DATA/log.  read gives *out (free()). */
vs_status vs_seallog_read(const struct vs_seallog *log, const char *name,
                          size_t max, uint8_t **out, size_t *len) VS_MUST_CHECK;
vs_status vs_seallog_write(const struct vs_seallog *log, const char *name,
                           const void *in, size_t len) VS_MUST_CHECK;

/* What the present checkpoint says; size 0 if there is none. */
vs_status vs_seallog_head(const struct vs_seallog *log,
                          struct vs_merkle_head *out,
                          struct vs_why *why) VS_MUST_CHECK;

#endif
