/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/rotate.h - boot keyrings that follow one another.
 *
 * A successor is signed by the threshold of the keyring in force and by its
 * own.  Seals in the field were signed for an earlier one: whatever a charger
 * may run, the recovery image above all, is released again for both keyrings
 * before the successor comes into force.
 */
#ifndef VS_SIGN_ROTATE_H
#define VS_SIGN_ROTATE_H

#include "sign/proposal.h"

#define VS_RINGS_MAX 64

struct vs_rings {
	struct vs_keyring *at; /* owned; versions 1, 2, ... */
	size_t count;          /* from 1 */
};

/* Every keyring since the first one, each opened with the one before it, the
 * proposed one last if p (may be NULL) has one.  VS_OK; VS_ERR_ABSENT if
 * there is none.  Says by itself what is wrong.  Drop in every case.
 */
vs_status vs_rings_load(const struct vs_room *r, struct vs_proposal *p,
                        struct vs_rings *out) VS_MUST_CHECK;
void vs_rings_drop(struct vs_rings *rings);

/* Adds the successor of the keyring in force to a draft if the policy makes
 * another one; tells whether it did.  Says by itself what is wrong.
 */
vs_status vs_rotate_keyring(const struct vs_room *r, const struct vs_policy *p,
                            struct vs_draft *d, bool *added) VS_MUST_CHECK;

/* Whether a proposed keyring is what the policy says: the proposal's for a
 * successor, the room's for the first one.
 */
vs_status vs_rotate_check(const struct vs_room *r, const struct vs_proposal *p,
                          const struct vs_document *d) VS_MUST_CHECK;

/* The keyring that a release's seals must suit beside the one in force.
 * VS_OK; VS_ERR_ABSENT (not said) if the release names none; everything else
 * is said.
 */
vs_status vs_rotate_successor(const struct vs_room *r,
                              const struct vs_proposal *p,
                              struct vs_keyring *out) VS_MUST_CHECK;

/* Whether a target is the newest of its component for some hardware: then
 * chargers may run it.  all: metadata's "targets".
 */
bool vs_target_newest(const json_t *all, const char *name);

#endif
