/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/tuf_state.h - one repository's trusted state, for this room's files.
 *
 * A file enters the state only after it was verified and stored.
 */
#ifndef VS_TRUST_TUF_STATE_H
#define VS_TRUST_TUF_STATE_H

#include "trust/tuf.h"

#define VS_TUF_NAME_MAX 256 /* of a file, with the closing zero */
#define VS_TUF_ROLE_MAX 200 /* of an encoded role name, likewise */

enum vs_tuf_top { ROOT, TIMESTAMP, SNAPSHOT, TARGETS, TOP_COUNT };

struct vs_tuf_file {
	struct vs_envelope env; /* env.whole is NULL: none */
	uint8_t *bytes;         /* owned: as received */
	size_t len;
};

struct vs_tuf_role {
	char name[VS_TUF_ROLE_MAX]; /* as the delegation spells it */
	const json_t *by;         /* the delegation that it was verified for */
	struct vs_tuf_file file;  /* its bytes are not kept */
	struct vs_tuf_role *next; /* older */
};

struct vs_tuf {
	const struct vs_tuf_ops *ops;
	uint64_t now_s;
	bool fresh; /* the last refresh went through */
	bool consistent;
	struct vs_role keys[TOP_COUNT];
	struct vs_tuf_file top[TOP_COUNT];
	struct vs_tuf_role *delegated; /* newest first */
	char failed[VS_TUF_NAME_MAX];
};

/* What timestamp or snapshot says of a file. */
struct vs_tuf_listed {
	const char *role; /* as in the snapshot, without .json */
	const char *type; /* its _type */
	size_t max;
	uint64_t version;
	bool has_length;
	uint64_t length;
	const json_t *hashes; /* NULL if none */
};

void vs_tuf_file_drop(struct vs_tuf_file *f);
void vs_tuf_forget_delegated(struct vs_tuf *t);

/* Remembers what the failure is about. */
void vs_tuf_blame(struct vs_tuf *t, const char *file);
/* The same for a trusted file, by the name it is fetched under; not for the
 * timestamp. */
void vs_tuf_blame_top(struct vs_tuf *t, enum vs_tuf_top which);

/* Writes c or, unless RFC 3986 2.3 calls it unreserved, %XX; no closing zero.
 * Gives how many bytes that were: 1 or 3. */
size_t vs_tuf_percent(char c, char *out);

/* Percent-encodes a role name.  VS_ERR_INPUT if it is empty, too long, or
 * one of the four top-level names while delegated is set. */
vs_status vs_tuf_role_encode(const char *role, bool delegated,
                             char out[static VS_TUF_ROLE_MAX]) VS_MUST_CHECK;

/* Fills out's version, length and hashes from the "meta" of a body that
 * vs_tuf_meta_check() has let pass.
 * VS_OK; VS_ERR_REFUSED (NOT_LISTED); VS_ERR_INPUT (the role's name). */
vs_status vs_tuf_listed_get(const json_t *body, struct vs_tuf_listed *out,
                            struct vs_why *why) VS_MUST_CHECK;

/* Checks the "meta" of a timestamp or snapshot. */
vs_status vs_tuf_meta_check(const json_t *body,
                            struct vs_why *why) VS_MUST_CHECK;

/* Checks targets and delegations of a targets file. */
vs_status vs_tuf_targets_check(const json_t *body,
                               struct vs_why *why) VS_MUST_CHECK;

/* Reads the stored file of a role, if it is good: parses and satisfies keys.
 * VS_OK; VS_ERR_ABSENT (none, or not good); VS_ERR_IO, VS_ERR_NOMEM. */
vs_status vs_tuf_load(struct vs_tuf *t, const struct vs_tuf_listed *what,
                      const struct vs_role *keys, struct vs_tuf_file *out,
                      struct vs_why *why) VS_MUST_CHECK;

/* Whether a stored file is the one listed, and not expired. */
bool vs_tuf_is_listed(const struct vs_tuf *t, const struct vs_tuf_file *f,
                      const struct vs_tuf_listed *what);

/* Fetches bytes; the failure blames name. */
vs_status vs_tuf_fetch(struct vs_tuf *t, const char *name, size_t max,
                       struct vs_tuf_file *out,
                       struct vs_why *why) VS_MUST_CHECK;

/* Fetches a listed file and checks length, hashes, form, signatures and
 * version (5.5.2 to 5.5.4, 5.6.2 to 5.6.4); the caller does the rest. */
vs_status vs_tuf_fetch_listed(struct vs_tuf *t,
                              const struct vs_tuf_listed *what,
                              const struct vs_role *keys,
                              struct vs_tuf_file *out,
                              struct vs_why *why) VS_MUST_CHECK;

/* VS_OK, or VS_ERR_REFUSED (EXPIRED). */
vs_status vs_tuf_not_expired(const struct vs_tuf *t,
                             const struct vs_tuf_file *f,
                             struct vs_why *why) VS_MUST_CHECK;

vs_status vs_tuf_store(struct vs_tuf *t, const char *role,
                       const struct vs_tuf_file *f,
                       struct vs_why *why) VS_MUST_CHECK;

/* Whether a path matches TUF's glob: * is any run of characters and ? one
 * character (of UTF-8), neither of them a slash. */
bool vs_tuf_glob(const char *pattern, const char *path);

#endif
