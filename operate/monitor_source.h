/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/monitor_source.h - a log's static files, over HTTP or in a folder.
 *
 * Nothing that comes from here is believed: it is hashed.
 */
#ifndef VS_OPERATE_MONITOR_SOURCE_H
#define VS_OPERATE_MONITOR_SOURCE_H

#include "base/http.h"
#include "trust/tile.h"

struct vs_log_source {
	const char *base;     /* kept: https://..., http://... or a folder */
	struct vs_http *http; /* owned; NULL for a folder */
	struct vs_tiles tiles;
};

/* ca_file: PEM, or NULL for the system's.  VS_OK; VS_ERR_NOMEM. */
vs_status vs_log_source_open(const char *base, const char *ca_file,
                             struct vs_log_source *out) VS_MUST_CHECK;
void vs_log_source_close(struct vs_log_source *s); /* also for VS_AUTO */

/* Gives *out (free()).  VS_OK; VS_ERR_ABSENT; VS_ERR_LIMIT; VS_ERR_IO. */
vs_status vs_log_source_get(struct vs_log_source *s, const char *name,
                            size_t max, uint8_t **out,
                            size_t *len) VS_MUST_CHECK;
/* A bundle; if the partial one is gone, the whole one. */
vs_status vs_log_source_bundle(struct vs_log_source *s, uint64_t index,
                               unsigned width, uint8_t **out,
                               size_t *len) VS_MUST_CHECK;
/* The roots that the log's tiles of a tree of size give for it and for the
 * first part of it.  What get gives; VS_ERR_INPUT if a tile is cut off.
 */
vs_status vs_log_source_roots(struct vs_log_source *s, uint64_t size,
                              uint64_t part, struct vs_hash *whole,
                              struct vs_hash *beginning) VS_MUST_CHECK;

/* What the last failure was, for a person. */
const char *vs_log_source_error(const struct vs_log_source *s);

#endif
