/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/leaf.h - what the log says of a seal: one entry a seal.
 *
 * An entry is canonical JSON of exactly the members below; any other
 * spelling is another entry, and is refused.
 *
 * Format: docs/formats/tlog.md.
 */
#ifndef VS_TRUST_LEAF_H
#define VS_TRUST_LEAF_H

#include <jansson.h>

#include "base/status.h"

#define VS_LEAF_LEN_MAX 4096
#define VS_LEAF_TEXT_LEN 64 /* with the closing zero */
#define VS_LEAF_HARDWARE_MAX 16
#define VS_LEAF_HEX_LEN 65

struct vs_leaf {
	char component[VS_LEAF_TEXT_LEN];
	char version[VS_LEAF_TEXT_LEN];
	char hardware[VS_LEAF_HARDWARE_MAX][VS_LEAF_TEXT_LEN];
	size_t hardware_count;     /* at least 1 */
	uint64_t release_seq;      /* releaseCounter */
	uint64_t security_version; /* rollbackIndex */
	uint64_t seal_len;
	char seal_sha256[VS_LEAF_HEX_LEN];
	char sbom_sha256[VS_LEAF_HEX_LEN];       /* "" = none */
	char provenance_sha256[VS_LEAF_HEX_LEN]; /* "" = none */
};

/* Gives *out (free()).  VS_OK; VS_ERR_INPUT (MALFORMED) if a field cannot be
 * said; VS_ERR_NOMEM.
 */
vs_status vs_leaf_encode(const struct vs_leaf *leaf, char **out, size_t *len,
                         struct vs_why *why) VS_MUST_CHECK;
/* VS_OK; VS_ERR_INPUT (MALFORMED, UNSUPPORTED: an entry of another kind);
 * VS_ERR_LIMIT; VS_ERR_NOMEM.
 */
vs_status vs_leaf_decode(const void *in, size_t len, struct vs_leaf *out,
                         struct vs_why *why) VS_MUST_CHECK;

/* The same as JSON values; encode gives *out (json_decref()). */
vs_status vs_leaf_to_json(const struct vs_leaf *leaf, json_t **out,
                          struct vs_why *why) VS_MUST_CHECK;
vs_status vs_leaf_from_json(const json_t *in, struct vs_leaf *out,
                            struct vs_why *why) VS_MUST_CHECK;

/* Whether an entry says of a seal what the seal says of itself.  Digests of
 * SBOM and provenance count where both have them.
 */
bool vs_leaf_covers(const struct vs_leaf *entry, const struct vs_leaf *seal);

#endif
