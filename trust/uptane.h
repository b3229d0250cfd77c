/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/uptane.h - what the director and the image repository agree upon.
 *
 * Full verification: only what both repositories name, with the same length,
 * hashes and must-match custom fields (hardwareIds, releaseCounter,
 * rollbackIndex), for ECUs this charger has, above what is installed, at or
 * above the floor, and beside other components that are new enough (requires,
 * which the image repository alone says).
 *
 * Standard: Uptane 2.1.0 section 5.4.4.2.
 * Format: docs/formats/uptane-profile.md.
 */
#ifndef VS_TRUST_UPTANE_H
#define VS_TRUST_UPTANE_H

#include "base/status.h"
#include "trust/requires.h"
#include "trust/tuf.h"

#define VS_ECUS_MAX 8

/* One ECU of this charger, as it stands. */
struct vs_ecu {
	const char *id;               /* "CP-0001-gateway" */
	const char *hardware;         /* "gw-rev3" */
	uint64_t release_seq;         /* installed */
	uint32_t security_version;    /* the floor, not the installed one */
	const char *installed_sha256; /* of its seal file, hex; "" = unknown */
	/* for requires; NULL or "": not known, satisfies nothing */
	const char *component; /* "gateway" */
	const char *version;   /* that runs */
};

struct vs_vehicle {
	const char *id; /* NULL: not known, vs_uptane_check_plain only */
	const struct vs_ecu *ecus;
	size_t ecu_count;
};

/* One image that this charger is to install. */
struct vs_assignment {
	size_t ecu; /* index into vehicle->ecus */
	char *path; /* owned */
	uint64_t length;
	char sha256[65];
	uint64_t release_counter;
	uint32_t rollback_index;
	json_t *custom; /* owned: image repository's custom object */
	char *name;     /* owned: consistent name below /targets/ */
};

struct vs_assignments {
	size_t count;                         /* 0: nothing to do */
	struct vs_assignment at[VS_ECUS_MAX]; /* in the vehicle's order */
	bool installed; /* every named image is what is installed already */
	/* After REQUIRES_UNMET, what is asked for; else "". */
	struct {
		char component[VS_REQUIRES_LEN], least[VS_REQUIRES_LEN];
		char has[VS_REQUIRES_LEN]; /* "": none, or not known */
	} unmet;
};

/* Compares two refreshed repositories.  A director that names just what is
 * installed gives VS_OK with installed true.
 * VS_OK; VS_ERR_REFUSED (NOT_IN_BOTH, CUSTOM_MISMATCH, WRONG_HARDWARE,
 * UNKNOWN_ECU, DUPLICATE_ECU, WRONG_VEHICLE, RELEASE_ROLLBACK, BELOW_FLOOR,
 * INCOMPLETE_SET, DELEGATES, REQUIRES_UNMET); VS_ERR_INPUT; VS_ERR_LIMIT; what
 * vs_tuf_find gives.
 * Drop *out in every case.  After a refusal vs_tuf_failed_file() of director
 * names its targets file, of image the target (or the file not fetched).
 */
vs_status vs_uptane_check(struct vs_tuf *director, struct vs_tuf *image,
                          const struct vs_vehicle *vehicle,
                          struct vs_assignments *out,
                          struct vs_why *why) VS_MUST_CHECK;
/* The same for repositories that keep to the Uptane Standard and know nothing
 * of our profile: asked for are ecuIdentifiers{id: {hardwareId}} in the
 * director and hardwareIds[] in the image repository.  A must-match field
 * that the director repeats must match; numbers, sets and requires are not
 * looked at,
 * and in *out release_counter and rollback_index are 0, sha256 is "" if the
 * image repository gives none.  A director file without images must carry a
 * vehicle id, and any that is carried must be vehicle->id if that is known.
 */
vs_status vs_uptane_check_plain(struct vs_tuf *director, struct vs_tuf *image,
                                const struct vs_vehicle *vehicle,
                                struct vs_assignments *out,
                                struct vs_why *why) VS_MUST_CHECK;
void vs_assignments_drop(struct vs_assignments *a);

#endif
