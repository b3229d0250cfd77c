/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/downloads.h - what a release costs those who run an earlier one.
 */
#ifndef VS_SERVER_API_DOWNLOADS_H
#define VS_SERVER_API_DOWNLOADS_H

#include <jansson.h>

#include "server/hold/server.h"

/* Adds "downloads" to a release as the API shows it: of each component the
 * predecessors in the repository, those that most chargers run first.
 * VS_OK; VS_ERR_NOMEM.
 */
vs_status vs_downloads_add(struct vs_server *s, const char *release,
                           json_t *one) VS_MUST_CHECK;

#endif
