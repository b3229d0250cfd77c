/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/json.h - JSON in, strictly, and canonical JSON out.
 *
 * Refused while parsing: duplicate keys, reals, integers beyond 2^53-1,
 * nesting deeper than VS_JSON_DEPTH_MAX, trailing bytes, invalid UTF-8.
 * Canonical JSON is OLPC's as TUF 1.0.34 section 4.2 asks: keys sorted by
 * their UTF-8 bytes, no spaces, only " and \ escaped.
 */
#ifndef VS_TRUST_JSON_H
#define VS_TRUST_JSON_H

#include <jansson.h>

#include "base/status.h"

#define VS_JSON_DEPTH_MAX 32

/* Gives *out: json_decref().  The top value must be an object.
 * VS_OK; VS_ERR_LIMIT (TOO_LARGE) over max bytes; VS_ERR_INPUT (MALFORMED).
 */
vs_status vs_json_parse(const void *in, size_t len, size_t max, json_t **out,
                        struct vs_why *why) VS_MUST_CHECK;

/* Gives *out (free()), *len bytes and a closing zero beyond them.
 * VS_OK; VS_ERR_NOMEM; VS_ERR_INPUT if v holds a real.
 */
vs_status vs_json_canonical(const json_t *v, char **out,
                            size_t *len) VS_MUST_CHECK;

/* For VS_AUTO. */
void vs_json_drop(json_t **v);

/* Members by name and kind.  A missing or differently typed member is
 * VS_ERR_INPUT (MALFORMED) with why->what naming it; borrowed results live
 * as long as o.
 */
vs_status vs_json_string(const json_t *o, const char *name, const char **out,
                         struct vs_why *why) VS_MUST_CHECK;
vs_status vs_json_uint(const json_t *o, const char *name, uint64_t *out,
                       struct vs_why *why) VS_MUST_CHECK;
vs_status vs_json_object(const json_t *o, const char *name, json_t **out,
                         struct vs_why *why) VS_MUST_CHECK;
vs_status vs_json_array(const json_t *o, const char *name, json_t **out,
                        struct vs_why *why) VS_MUST_CHECK;

#endif
