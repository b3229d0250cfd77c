/* SPDX-License-Identifier: Apache-2.0
 *
 * server/hold/database.h - from the database to memory.
 *
 * A server that serves takes an older database over; one that only checks
 * does so in a copy, and touches nothing.
 */
#ifndef VS_SERVER_HOLD_DATABASE_H
#define VS_SERVER_HOLD_DATABASE_H

#include "server/hold/server.h"

/* Opens s->store (if it serves) and s->reader, checks the audit log and fills
 * memory; unless it serves, every report is verified once more.
 * VS_OK; else a line in error[].
 */
vs_status vs_database_load(struct vs_server *s, bool serves,
                           char error[static 256]) VS_MUST_CHECK;

/* Reads fleet, image repository and campaigns afresh. */
vs_status vs_memory_load(struct vs_server *s, struct vs_store *store,
                         char error[static 256]) VS_MUST_CHECK;
void vs_memory_drop(struct vs_server *s);

#endif
