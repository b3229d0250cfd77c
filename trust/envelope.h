/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/envelope.h - {"signatures": [...], "signed": {...}}.
 *
 * The bytes that are verified are the canonical form of the very object that
 * is used afterwards; nothing is read again.
 *
 * Standard: TUF 1.0.34 section 4.2.1.
 */
#ifndef VS_TRUST_ENVELOPE_H
#define VS_TRUST_ENVELOPE_H

#include <jansson.h>

#include "base/status.h"
#include "trust/key.h"

#define VS_ENVELOPE_SIGNATURES_MAX 64
#define VS_ROLE_KEYS_MAX 128

struct vs_envelope {
	json_t *whole; /* owned */
	json_t *body;  /* borrowed from whole: "signed" */
	char *canon;   /* owned: canonical form of body */
	size_t canon_len;
};

/* The keys of one role. */
struct vs_role {
	struct vs_key *keys; /* owned; only those that parse and recompute */
	size_t key_count;
	uint64_t threshold; /* from 1 */
};

/* Parses; checks spec_version 1.*, version >= 1, expires' form and that
 * "_type" is type (NULL: any; then none of these three is asked for).
 * VS_OK; VS_ERR_LIMIT; VS_ERR_INPUT (MALFORMED, WRONG_TYPE,
 * DUPLICATE_KEYID, UNSUPPORTED).
 */
vs_status vs_envelope_parse(const void *in, size_t len, size_t max,
                            const char *type, struct vs_envelope *out,
                            struct vs_why *why) VS_MUST_CHECK;
void vs_envelope_drop(struct vs_envelope *e);

/* Reads keyids and threshold of one role; keys: the "keys" object.
 * VS_OK; VS_ERR_INPUT (threshold 0, duplicate key id ...).
 */
vs_status vs_role_parse(const json_t *role, const json_t *keys,
                        struct vs_role *out, struct vs_why *why) VS_MUST_CHECK;
void vs_role_drop(struct vs_role *r);

/* VS_OK if threshold distinct keys signed; VS_ERR_REFUSED (THRESHOLD). */
vs_status vs_envelope_verify(const struct vs_envelope *e,
                             const struct vs_role *role,
                             struct vs_why *why) VS_MUST_CHECK;

/* version and expires of the body; parse has checked them. */
uint64_t vs_envelope_version(const struct vs_envelope *e);
uint64_t vs_envelope_expires(const struct vs_envelope *e);

/* For makers.  new: takes body, without signatures.  add: appends or
 * replaces this key id's signature.  encode gives *out (free()).
 */
vs_status vs_envelope_new(json_t *body, struct vs_envelope *out) VS_MUST_CHECK;
vs_status vs_envelope_add(struct vs_envelope *e, const char *key_id,
                          const uint8_t *sig, size_t sig_len) VS_MUST_CHECK;
vs_status vs_envelope_encode(const struct vs_envelope *e, char **out,
                             size_t *len) VS_MUST_CHECK;

#endif
