/* SPDX-License-Identifier: Apache-2.0
 *
 * server/audit/audit.h - who did what, what each charger did, and why.
 *
 * Append only.  Each record holds the hash of the one before it, so that a
 * record that was altered, taken out or moved breaks the chain from there on;
 * the head is kept apart, so that a cut end is noticed too.
 *
 * Format: docs/formats/audit.md, version 1.
 */
#ifndef VS_SERVER_AUDIT_AUDIT_H
#define VS_SERVER_AUDIT_AUDIT_H

#include <jansson.h>

#include "server/store/store.h"

#define VS_AUDIT_LIST_MAX 1000

struct vs_audit {
	const char *actor;   /* a person, a charger's id, or "server" */
	const char *action;  /* a word: "campaign-approved", "refused" ... */
	const char *subject; /* what it was done to; "" = none */
	const char *reason;  /* a reason's word; "" = none */
	const char *detail;  /* one line; "" = none */
};

/* Appends a record, within the caller's transaction.
 * VS_OK; VS_ERR_IO; VS_ERR_NOMEM; VS_ERR_INPUT (text that is not UTF-8).
 */
vs_status vs_audit_append(struct vs_store *s, uint64_t now_s,
                          const struct vs_audit *record) VS_MUST_CHECK;

/* The last record's number; 0: there is none. */
vs_status vs_audit_last(struct vs_store *s, uint64_t *seq) VS_MUST_CHECK;

/* Walks the whole chain.  *seq: the last good record, or, with
 * VS_ERR_REFUSED (HASH_MISMATCH), the first that does not follow.
 */
vs_status vs_audit_check(struct vs_store *s, uint64_t *seq,
                         struct vs_why *why) VS_MUST_CHECK;

/* Gives *out (json_decref): an array of up to limit records above after. */
vs_status vs_audit_list(struct vs_store *s, uint64_t after, uint64_t limit,
                        json_t **out) VS_MUST_CHECK;

#endif
