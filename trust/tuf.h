/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/tuf.h - the TUF client workflow over one repository.
 *
 * Bytes in, verdict out: fetching and storing are passed in.  Files are
 * stored byte for byte as received, each only after it was verified.  The
 * order of requests is the specification's; an invalid initial root makes
 * none.
 *
 * Standard: TUF 1.0.34 section 5.
 */
#ifndef VS_TRUST_TUF_H
#define VS_TRUST_TUF_H

#include "base/status.h"
#include "trust/envelope.h"

#define VS_TUF_ROOT_MAX (512 * 1024)
#define VS_TUF_TIMESTAMP_MAX (16 * 1024)
#define VS_TUF_SNAPSHOT_MAX (2 * 1024 * 1024)
#define VS_TUF_TARGETS_MAX (5 * 1024 * 1024)
#define VS_TUF_ROOT_STEPS 256
#define VS_TUF_DELEGATIONS 32

struct vs_tuf_ops {
	void *ctx;
	/* Fetches metadata by name ("2.root.json", "timestamp.json"; role
	 * names percent-encoded).  Gives *out (free()), at most max bytes:
	 * one byte more is VS_ERR_LIMIT.  VS_ERR_ABSENT if the repository
	 * says there is none (404, 403); VS_ERR_IO if it cannot be reached.
	 */
	vs_status (*fetch)(void *ctx, const char *name, size_t max,
	                   uint8_t **out, size_t *len);
	/* The stored file of a role ("root", "timestamp", "release"), or
	 * VS_ERR_ABSENT.  Gives *out (free()).  Names are percent-encoded
	 * here too: role below is always safe as part of a file name. */
	vs_status (*load)(void *ctx, const char *role, uint8_t **out,
	                  size_t *len);
	/* Replaces it, durably and atomically. */
	vs_status (*store)(void *ctx, const char *role, const uint8_t *in,
	                   size_t len);
	vs_status (*remove)(void *ctx, const char *role);
};

struct vs_tuf; /* one repository's trusted state */

/* One entry of targets metadata. */
struct vs_target {
	const char *path;
	uint64_t length;
	const json_t *hashes; /* {"sha256": hex, ...} */
	const json_t *custom; /* NULL if none */
	const char *role;     /* who named it: "targets" or a delegated role */
};

/* Reads the stored root (it must be there and satisfy itself) and the other
 * stored files.  now_s: the fixed start time, seconds since 1970.
 * ops is kept.  VS_OK and *out (vs_tuf_close); VS_ERR_ABSENT; VS_ERR_REFUSED;
 * VS_ERR_INPUT; VS_ERR_IO.
 */
vs_status vs_tuf_open(const struct vs_tuf_ops *ops, uint64_t now_s,
                      struct vs_tuf **out, struct vs_why *why) VS_MUST_CHECK;
void vs_tuf_close(struct vs_tuf **t);

/* Root chain, timestamp, snapshot, top-level targets (5.3 to 5.6).
 * VS_OK; VS_ERR_REFUSED, VS_ERR_INPUT, VS_ERR_LIMIT with why naming the file
 * and rule; VS_ERR_IO (UNREADABLE).  What was verified before the failure
 * is stored.
 */
vs_status vs_tuf_refresh(struct vs_tuf *t, struct vs_why *why) VS_MUST_CHECK;

/* Finds a target by path, fetching delegated roles as needed (5.6.7).
 * After vs_tuf_refresh().  *out borrows from t until the next refresh.
 * VS_OK; VS_ERR_ABSENT (NOT_LISTED); the statuses of refresh.
 */
vs_status vs_tuf_find(struct vs_tuf *t, const char *path, struct vs_target *out,
                      struct vs_why *why) VS_MUST_CHECK;

/* The trusted top-level targets file's "signed" object; NULL before. */
const json_t *vs_tuf_targets(const struct vs_tuf *t);
/* Versions now trusted; 0 = none. role: "root", "timestamp", ... */
uint64_t vs_tuf_version(const struct vs_tuf *t, const char *role);
/* The name of the file the last failure was about, as it is fetched, or the
 * target's path ("" if none; "root.json" if t is NULL: the stored root). */
const char *vs_tuf_failed_file(const struct vs_tuf *t);

/* Checks downloaded bytes against a target: length and every hash.
 * VS_OK; VS_ERR_REFUSED (LENGTH_MISMATCH, HASH_MISMATCH, UNSUPPORTED).
 */
vs_status vs_target_check(const struct vs_target *target, const uint8_t *in,
                          size_t len, struct vs_why *why) VS_MUST_CHECK;

/* The consistent-snapshot name, DIR/HASH.NAME, percent-encoding nothing
 * (paths are [A-Za-z0-9._/-]); or the plain path if consistent is false.
 * Gives *out (free()).  VS_ERR_INPUT (BAD_PATH).
 */
vs_status vs_target_name(const struct vs_target *target, bool consistent,
                         char **out, struct vs_why *why) VS_MUST_CHECK;
/* The same for any path, as part of a URL: every byte but RFC 3986's
 * unreserved ones and / is percent-encoded, the digest is not part of it if
 * consistent is false.  VS_ERR_INPUT (BAD_PATH) for a path with an empty, "."
 * or ".." part, which no URL carries as it is.
 */
vs_status vs_target_url(const struct vs_target *target, bool consistent,
                        char **out, struct vs_why *why) VS_MUST_CHECK;
bool vs_tuf_consistent(const struct vs_tuf *t);

#endif
