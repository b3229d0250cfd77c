/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/intake.h - what a charger's signed report changes.
 *
 * In the writer's thread, in its transaction: the report itself, the charger
 * as it is now, the campaigns that wait for it, and what is news, in the log.
 * Memory changes last, when nothing can fail any more.
 */
#ifndef VS_SERVER_API_INTAKE_H
#define VS_SERVER_API_INTAKE_H

#include "server/store/store.h"
#include "trust/report.h"

struct vs_server;

struct vs_intake {
	struct vs_server *server;
	const char *device; /* who sent it, as the connection showed */
	const void *body;   /* as it was signed; kept for the run */
	size_t body_len;
	struct vs_report report; /* of the body, verified */

	/* Before: why it is not believed, or NONE.  After: so, too. */
	vs_reason refused;
	const char *why; /* a constant */
	char nonce[65];  /* for the next one, if taken or a REPLAY */
};

/* VS_OK: taken or refused, both durable with the transaction;
 * VS_ERR_ABSENT: the charger is gone meanwhile; else nothing has changed.
 */
vs_status vs_intake_run(struct vs_intake *in,
                        struct vs_store *store) VS_MUST_CHECK;

/* The row of a charger's director version. */
vs_status vs_director_store(struct vs_store *s, const char *device,
                            uint64_t version) VS_MUST_CHECK;

#endif
