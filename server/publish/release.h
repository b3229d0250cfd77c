/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/release.h - what the image repository's targets amount to.
 *
 * A release is all targets whose custom field names it; they share one
 * release_seq.  The table is rebuilt from metadata, never edited.
 */
#ifndef VS_SERVER_PUBLISH_RELEASE_H
#define VS_SERVER_PUBLISH_RELEASE_H

#include <jansson.h>

#include "base/status.h"
#include "seal/seal.h"
#include "server/publish/seallog.h"
#include "server/publish/stage.h"
#include "trust/requires.h"
#include "trust/tuf.h"

#define VS_RELEASE_NAME_LEN 64
#define VS_TARGETS_MAX 4096

struct vs_release_target {
	char *path; /* owned */
	char *name; /* owned: consistent name below /targets/ */
	uint64_t length;
	json_t *hashes, *custom; /* owned */
	char seal_sha256[65], pack_sha256[65];
	char release[VS_RELEASE_NAME_LEN];
	char component[VS_COMPONENT_LEN], version[VS_VERSION_LEN];
	uint64_t release_seq, image_len, pack_len;
	uint32_t security_version;
	struct vs_requires requires;
};

struct vs_release {
	char name[VS_RELEASE_NAME_LEN];
	uint64_t seq;
	uint32_t security_version; /* the lowest of its targets */
	char uploaded_by[64];
	uint64_t uploaded_s;
	struct vs_standing standing;
};

struct vs_releases {
	struct vs_release_target *targets;
	size_t target_count;
	struct vs_release *all; /* by seq, then name */
	size_t count;
};

/* Adds one target; looks at its custom fields alone.
 * VS_OK; VS_ERR_INPUT with why naming the field; VS_ERR_LIMIT.
 */
vs_status vs_releases_add(struct vs_releases *r, const struct vs_target *t,
                          struct vs_why *why) VS_MUST_CHECK;
/* Groups the targets.  VS_OK; VS_ERR_INPUT (one name, two release_seqs). */
vs_status vs_releases_finish(struct vs_releases *r,
                             struct vs_why *why) VS_MUST_CHECK;
void vs_releases_drop(struct vs_releases *r);

const struct vs_release *vs_releases_find(const struct vs_releases *r,
                                          const char *name);
/* Whether a target's custom field lists this hardware id. */
bool vs_release_fits(const struct vs_release_target *t, const char *hardware);
/* The target of a release for a component and hardware id, or NULL. */
const struct vs_release_target *vs_release_target(const struct vs_releases *r,
                                                  const char *release,
                                                  const char *component,
                                                  const char *hardware);

/* Checks a target against its artifacts: the seal with the boot keyring, its
 * header against the custom fields, the pack against the seal, with a policy
 * the newest proof that the log has it; fills in image_len and pack_len.
 * Artifacts lie in log->data_dir. VS_OK; VS_ERR_REFUSED (SEAL_SIGNATURE,
 * SEAL_MISMATCH, NOT_LOGGED ...); VS_ERR_ABSENT (UNREADABLE) if an artifact is
 * not there; VS_ERR_INPUT.
 */
vs_status vs_release_check(struct vs_release_target *t,
                           const struct vs_seallog *log,
                           const struct vs_keyring *ring,
                           const struct vs_crypto *crypto,
                           struct vs_why *why) VS_MUST_CHECK;

/* "security" if one of its targets is, else "feature", else "content"; "" if
 * none says.
 */
const char *vs_release_kind(const struct vs_releases *r,
                            const struct vs_release *release);

/* Gives *out (json_decref): a release as the API shows it. */
vs_status vs_release_json(const struct vs_releases *r,
                          const struct vs_release *release,
                          json_t **out) VS_MUST_CHECK;

#endif
