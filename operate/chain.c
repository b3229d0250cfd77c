/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/chain.c - the audit log's hash chain, checked without the server.
 */
#include "operate/chain.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hex.h"
#include "trust/json.h"

static const char zeros[65] = "0000000000000000000000000000000000000000"
			      "000000000000000000000000";

static vs_status hash_record(const json_t *record, char out[static 65])
{
	VS_AUTO(vs_json_drop)
	json_t *body = json_copy((json_t *)(uintptr_t)record);
	VS_AUTO(vs_free_drop) char *text = NULL;
	uint8_t digest[32];
	size_t len = 0;

	if (!body || json_object_del(body, "hash"))
		return VS_ERR_NOMEM;
	vs_status st = vs_json_canonical(body, &text, &len);
	if (st)
		return st;
	if (!EVP_Digest(text, len, digest, NULL, EVP_sha256(), NULL))
		return VS_ERR_CRYPTO;
	vs_hex_encode(digest, sizeof digest, out);
	return VS_OK;
}

vs_status vs_chain_add(struct vs_chain *c, const json_t *record,
                       struct vs_why *why)
{
	const char *prev, *hash;
	char computed[65];
	uint64_t seq;
	vs_status st = vs_json_uint(record, "seq", &seq, why);

	if (!st)
		st = vs_json_string(record, "prev", &prev, why);
	if (!st)
		st = vs_json_string(record, "hash", &hash, why);
	if (st)
		return st;
	if (!c->count && seq == 1 && *prev && strcmp(prev, zeros) != 0)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_HASH_MISMATCH,
		               "prev: something came before the first", 0);
	if (c->count && seq != c->last + 1)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_HASH_MISMATCH,
		               "seq: does not follow the record before", 0);
	if (c->count && strcmp(prev, c->head) != 0)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_HASH_MISMATCH,
		               "prev: not the hash of the record before", 0);
	st = hash_record(record, computed);
	if (st)
		return vs_fail(st, why, VS_REASON_MALFORMED,
		               "cannot be written as canonical JSON", 0);
	if (strcmp(hash, computed) != 0)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_HASH_MISMATCH,
		               "hash: not the hash of this record", 0);
	if (!c->count++)
		c->first = seq;
	c->last = seq;
	memcpy(c->head, computed, sizeof c->head);
	return VS_OK;
}
