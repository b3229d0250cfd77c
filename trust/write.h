/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/write.h - the bodies of TUF metadata, for those who sign it.
 *
 * Each function gives a new "signed" object; the caller signs it through
 * trust/envelope.h.  Publisher's rules: keys printable ASCII, integers at
 * most 2^53-1, target paths of [A-Za-z0-9._/-] without "..".
 */
#ifndef VS_TRUST_WRITE_H
#define VS_TRUST_WRITE_H

#include <jansson.h>

#include "base/status.h"
#include "trust/key.h"

#define VS_SPEC_VERSION "1.0.34"

struct vs_write_role {
	const char *name; /* "root", "targets", "snapshot", "timestamp" */
	const struct vs_key *keys;
	size_t key_count;
	uint64_t threshold;
};

/* A file as snapshot, timestamp or targets name it. */
struct vs_write_file {
	const char *name;
	uint64_t version; /* snapshot and timestamp only */
	const void *bytes;
	size_t len;
};

/* Consistent snapshots on.  VS_OK and *out (json_decref); VS_ERR_NOMEM;
 * VS_ERR_INPUT (a role twice, threshold 0 or above its keys). */
vs_status vs_write_root(uint64_t version, uint64_t expires_s,
                        const struct vs_write_role *roles, size_t count,
                        json_t **out) VS_MUST_CHECK;
/* Says that it was signed at issued_s (docs/formats/uptane-profile.md,
 * "Time"), unless that is 0.  VS_ERR_INPUT also if it would be expired then. */
vs_status vs_write_timestamp(uint64_t version, uint64_t issued_s,
                             uint64_t expires_s,
                             const struct vs_write_file *snapshot,
                             json_t **out) VS_MUST_CHECK;
vs_status vs_write_snapshot(uint64_t version, uint64_t expires_s,
                            const struct vs_write_file *files, size_t count,
                            json_t **out) VS_MUST_CHECK;
/* An empty targets file; then add targets and delegations to it. */
vs_status vs_write_targets(uint64_t version, uint64_t expires_s,
                           json_t **out) VS_MUST_CHECK;
/* Takes custom (may be NULL).  Hashes: sha256 and sha512 of the bytes. */
vs_status vs_write_add_target(json_t *targets, const struct vs_write_file *file,
                              json_t *custom) VS_MUST_CHECK;
vs_status vs_write_add_delegation(json_t *targets,
                                  const struct vs_write_role *role,
                                  const char *const *paths, size_t path_count,
                                  bool terminating) VS_MUST_CHECK;

#endif
