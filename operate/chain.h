/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/chain.h - the audit log's hash chain, checked without the server.
 *
 * A record's hash is SHA-256 of the canonical JSON of the record without
 * "hash"; "prev" is the hash of the record before, and seq rises by one.  Who
 * alters, drops or swaps a record breaks every hash after it; who cuts off the
 * end is found by a head written down elsewhere.
 */
#ifndef VS_OPERATE_CHAIN_H
#define VS_OPERATE_CHAIN_H

#include <jansson.h>

#include "base/status.h"

struct vs_chain {
	uint64_t count, first, last; /* records; seq of the first and last */
	char head[65];               /* the last hash; "" before any */
};

/* Adds one record.  VS_OK; VS_ERR_INPUT (MALFORMED); VS_ERR_REFUSED
 * (HASH_MISMATCH), *c unchanged; VS_ERR_NOMEM; VS_ERR_CRYPTO.
 */
vs_status vs_chain_add(struct vs_chain *c, const json_t *record,
                       struct vs_why *why) VS_MUST_CHECK;

#endif
