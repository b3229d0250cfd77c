/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/director.h - one charger's own repository: what it should run
 * now.
 *
 * The files name only what the image repository names, copied from it; a
 * charger that should run nothing new gets an empty list with its id.
 *
 * Standard: Uptane 2.1.0 section 5.3; profile in docs/architecture.md.
 */
#ifndef VS_SERVER_PUBLISH_DIRECTOR_H
#define VS_SERVER_PUBLISH_DIRECTOR_H

#include "server/publish/online.h"
#include "server/publish/release.h"
#include "trust/uptane.h"

struct vs_director_text {
	char *bytes; /* owned */
	size_t len;
};

/* Timestamp, snapshot and targets, all of one version. */
struct vs_director {
	uint64_t version; /* 0: none were made */
	uint64_t renew_s; /* from then on they are to be made anew */
	struct vs_director_text timestamp, snapshot, targets;
};

struct vs_director_ecu {
	const char *id, *component, *hardware;
};

/* What is to be said, and to whom. */
struct vs_director_order {
	const char *vehicle;
	const struct vs_director_ecu *ecus;
	size_t ecu_count;
	const char *release;  /* "" = nothing */
	const char *campaign; /* "" = none */
	uint64_t version, now_s, timestamp_ttl_s, ttl_s;
};

/* Makes and signs the three.  An ECU for which the release has no target is
 * left out.
 * VS_OK; VS_ERR_REFUSED (our keys do not satisfy the director's root);
 * VS_ERR_NOMEM; VS_ERR_CRYPTO.  vs_director_drop() in every case.
 */
vs_status vs_director_make(const struct vs_online *keys,
                           const struct vs_signers *signers,
                           const struct vs_releases *releases,
                           const struct vs_director_order *order,
                           struct vs_director *out,
                           struct vs_why *why) VS_MUST_CHECK;
void vs_director_drop(struct vs_director *d);
void vs_director_free(struct vs_director **d); /* of one on the heap */

/* A charger that trusts a version up to this is followed past it.  Beyond, an
 * intruder with our keys could have us use up all numbers there are: only new
 * keys help, which make the charger forget the version (TUF 1.0.34 5.3.11),
 * and then ours, by the clock, are good again.
 */
#define VS_DIRECTOR_FOLLOW_MAX (UINT64_C(1) << 52)

/* The version after last: above it, and at least the clock, so that an
 * intruder who counted up from ours stays behind.  0 if there is none.
 */
uint64_t vs_director_next(uint64_t last, uint64_t now_s);

#endif
