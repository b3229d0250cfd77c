/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/once.h - a POST that is sent twice has an effect once.
 *
 * Who sends Idempotency-Key gets the first answer again for a day.  The key
 * is on disk before anything happens, so that after a power cut a second try
 * is told that the first one's end is not known, and does nothing.
 *
 * Standard: draft-ietf-httpapi-idempotency-key-header.
 */
#ifndef VS_SERVER_API_ONCE_H
#define VS_SERVER_API_ONCE_H

#include "server/api/request.h"

/* False if an answer was set: the first one's, or why there is none. */
bool vs_once_begin(struct vs_request *r);
/* Keeps the answer that was set meanwhile. */
void vs_once_end(struct vs_request *r);

#endif
