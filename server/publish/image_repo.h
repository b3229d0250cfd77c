/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/image_repo.h - the image repository this server hands out.
 *
 * Root, targets and delegated roles come from the signing room; snapshot and
 * timestamp are signed here.  What is published was first verified with the
 * chargers' own code, whole, from what is in force now; it comes into force
 * whole or not at all.
 */
#ifndef VS_SERVER_PUBLISH_IMAGE_REPO_H
#define VS_SERVER_PUBLISH_IMAGE_REPO_H

#include "server/publish/fileset.h"
#include "server/publish/online.h"
#include "server/publish/release.h"
#include "server/publish/seallog.h"
#include "server/store/store.h"

#define VS_RENEW_NOW 1

/* Versions of its two online roles. */
struct vs_image_versions {
	uint64_t timestamp, snapshot;
};

struct vs_image_repo {
	struct vs_fileset files;
	struct vs_releases releases;
	/* what a charger trusts beyond ours: the next renewal goes past it.
	 * It need not be kept in the database, for who trusts it says so with
	 * every report. */
	struct vs_image_versions beyond;
	/* when the tick signs anew; 0: nothing is published yet */
	uint64_t renew_s;
};

/* What making and checking one takes; all kept by the caller. */
struct vs_image_with {
	const struct vs_online *keys;
	const char *data_dir;
	const struct vs_keyring *ring;
	const struct vs_crypto *crypto;
	uint64_t now_s, timestamp_ttl_s, snapshot_ttl_s;
	struct vs_seallog log;
	enum vs_stage first_stage; /* of a release that is new */
};

/* Where something went wrong, for a person. */
struct vs_image_about {
	char file[320]; /* a metadata file or target; "" = none */
};

/* Loads what is in force; first_root is used if nothing is yet.
 * VS_OK; VS_ERR_IO; VS_ERR_INPUT.  vs_image_drop() in every case.
 */
vs_status vs_image_load(struct vs_store *s, const struct vs_image_with *with,
                        const uint8_t *first_root, size_t len,
                        struct vs_image_repo *out,
                        struct vs_why *why) VS_MUST_CHECK;
void vs_image_drop(struct vs_image_repo *r);

/* Makes the repository that cur becomes with these files, verified.
 * VS_OK; VS_ERR_REFUSED, VS_ERR_INPUT, VS_ERR_ABSENT, VS_ERR_STATE
 * (CONFLICT) with why and about.  vs_image_drop(out) in every case.
 */
vs_status vs_image_propose(const struct vs_image_repo *cur,
                           const struct vs_fileset *proposed,
                           const struct vs_image_with *with,
                           struct vs_image_repo *out,
                           struct vs_image_about *about,
                           struct vs_why *why) VS_MUST_CHECK;

/* What is in force, or will be with the next renewal; 0 if nothing is. */
struct vs_image_versions vs_image_reached(const struct vs_image_repo *r);

/* The same repository with a new snapshot and timestamp. */
vs_status vs_image_renew(const struct vs_image_repo *cur,
                         const struct vs_image_with *with,
                         struct vs_image_repo *out,
                         struct vs_why *why) VS_MUST_CHECK;

/* Writes what differs between the two, and who uploaded what is new. */
vs_status vs_image_store(struct vs_store *s, const struct vs_image_repo *cur,
                         struct vs_image_repo *next, const char *who,
                         uint64_t now_s) VS_MUST_CHECK;

#endif
