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

/* Whether a target is the newest of its component for some hardware: then
 * chargers may run it.  all: metadata's "targets".
 */
bool vs_target_newest(const json_t *all, const char *name);

#endif
