/* SPDX-License-Identifier: Apache-2.0
 *
 * server/store/name.h - which texts may name a thing here.
 */
#ifndef VS_SERVER_STORE_NAME_H
#define VS_SERVER_STORE_NAME_H

#include "base/status.h"

/* Whether text is 1 to cap - 1 of [A-Za-z0-9._-], not beginning with a dot:
 * ids, sites and people; harmless in paths, logs and URLs.
 */
bool vs_name_ok(const char *text, size_t cap);

/* Splits "7.root.json" into 7 and "root".  VS_ERR_INPUT for any other form;
 * the number has no leading zero and is at most 2^53-1.
 */
vs_status vs_name_metadata(const char *file, uint64_t *version, char *role,
                           size_t cap) VS_MUST_CHECK;

#endif
