/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/release.h - what a release's metadata must say, and whether its files
 * are what they say.
 *
 * The metadata is a function of the seals and of what is in force, so it is
 * made anew and compared whenever somebody is to sign it.
 */
#ifndef VS_SIGN_RELEASE_H
#define VS_SIGN_RELEASE_H

#include "sign/proposal.h"
#include "trust/requires.h"

/* The highest version of a component that is in force. */
struct vs_predecessor {
	bool found;
	char release[VS_VERSION_LEN];
	char version[VS_VERSION_LEN];
	uint64_t release_seq;
	uint64_t security_version; /* the highest of all, not only of this */
	json_t *hardware;          /* borrowed from the metadata */
};

/* targets: metadata's body, or NULL. */
void vs_predecessor_find(const json_t *targets, const char *component,
                         struct vs_predecessor *out);

/* The delegated role that releases an image, by the policy in force. */
vs_status vs_release_role(const struct vs_room *r, const char *component,
                          const char *release,
                          enum vs_policy_roles *out) VS_MUST_CHECK;

/* Whether a keyring names this component. */
bool vs_release_known(const struct vs_keyring *ring, const char *component);

/* Whether a release that brings these components can satisfy what one of them
 * requires, and the keyring knows what it names.  Says by itself what is wrong.
 */
vs_status vs_release_requires(const struct vs_keyring *ring,
                              const char *component,
                              const struct vs_requires *requires,
                              const struct vs_runs *brings,
                              size_t count) VS_MUST_CHECK;

/* Whether the targets in force let a component's role release an image of
 * this SHA-256.  Says by itself what is wrong.
 */
vs_status vs_release_allowed(const struct vs_room *r, const char *component,
                             const char *release,
                             const char *image_sha256) VS_MUST_CHECK;
/* The same for each image of a proposal. */
vs_status vs_release_check_allowed(const struct vs_room *r,
                                   const struct vs_proposal *p) VS_MUST_CHECK;

/* The next body of d's role over its seals as they stand.  Gives *out
 * (json_decref).  Says by itself what is wrong.
 */
vs_status vs_release_body(const struct vs_room *r, const struct vs_proposal *p,
                          const struct vs_document *d, uint64_t expires_s,
                          json_t **out) VS_MUST_CHECK;

/* Whether the proposed metadata is what vs_release_body() gives. */
vs_status vs_release_check(const struct vs_room *r, struct vs_proposal *p,
                           const struct vs_document *d) VS_MUST_CHECK;

/* Opens the frozen seals with the keyring in force, as a charger does. */
vs_status vs_release_open_seals(const struct vs_room *r,
                                const struct vs_proposal *p) VS_MUST_CHECK;

/* Decodes each pack and checks every cluster against the seal's tree, and
 * the whole against the image's and the pack's SHA-256.
 */
vs_status vs_release_check_packs(const struct vs_proposal *p) VS_MUST_CHECK;

/* One pack against one decoded seal whose tree above the leaves is not yet
 * believed.  Gives the image's SHA-256.
 */
vs_status vs_pack_check(const char *pack, const struct vs_seal *seal,
                        const char *seal_path,
                        char image_sha256[static 65]) VS_MUST_CHECK;

#endif
