/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/requires.h - what else must run before an image may be installed.
 *
 *     "requires": {"controller": "1.4.0", "safety": "2.0"}
 *
 * in the custom object of an image repository's target: the least versions of
 * other components.  A component counts with the version that the charger has
 * once everything that is installed at once is there: what the same release
 * brings, else what runs now.  One that the charger lacks, or whose version is
 * not known, satisfies nothing.
 *
 * Format: docs/formats/uptane-profile.md.
 */
#ifndef VS_TRUST_REQUIRES_H
#define VS_TRUST_REQUIRES_H

#include <jansson.h>

#include "base/status.h"

#define VS_REQUIRES_MAX 8
#define VS_REQUIRES_LEN 32 /* of a text, with the closing zero */

struct vs_requirement {
	char component[VS_REQUIRES_LEN];
	char least[VS_REQUIRES_LEN]; /* version, by base/version.h */
};

struct vs_requires {
	size_t count; /* 0: nothing is asked for */
	struct vs_requirement at[VS_REQUIRES_MAX];
};

/* One component of a charger.  Texts NULL or "": not known. */
struct vs_runs {
	const char *component, *version;
};

/* Reads custom's member "requires"; one that is missing asks for nothing.
 * VS_OK; VS_ERR_INPUT (MALFORMED): not an object of texts of 1 to 31
 * characters of [A-Za-z0-9._+:-], or it names custom's own component;
 * VS_ERR_LIMIT (TOO_LARGE): more than VS_REQUIRES_MAX.
 */
vs_status vs_requires_read(const json_t *custom, struct vs_requires *out,
                           struct vs_why *why) VS_MUST_CHECK;

/* Gives the object to say (json_decref); NULL: no memory. */
json_t *vs_requires_json(const struct vs_requires *r);

/* The first requirement that count components do not satisfy, or NULL.  Of
 * several with one name all must.  *has, which may be NULL: the version that
 * is too low, borrowed; "" if there is none.
 */
const struct vs_requirement *vs_requires_unmet(const struct vs_requires *r,
                                               const struct vs_runs *runs,
                                               size_t count, const char **has);

#endif
