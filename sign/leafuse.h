/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/leafuse.h - the LMS signatures that a room has seen.
 *
 * What is in force and what is proposed shows which leaves were used, whatever
 * a key's folder says of itself: a folder that was put back to an older state
 * is found out, and so is a leaf that signed two things.
 */
#ifndef VS_SIGN_LEAFUSE_H
#define VS_SIGN_LEAFUSE_H

#include "sign/lmskey.h"
#include "sign/proposal.h"

/* Whether a leaf that key calls free has signed something in the room.
 * VS_OK; VS_ERR_REFUSED (REPLAY): the state is older than the room.  Says by
 * itself what is wrong.
 */
vs_status vs_leafuse_check(const struct vs_room *r,
                           struct vs_lmskey *key) VS_MUST_CHECK;

/* Whether a leaf of any key of the keyring in force, or of the one that p (may
 * be NULL) proposes, has signed two things.
 * VS_OK; VS_ERR_REFUSED (CONFLICT): with both anybody can sign a third, and
 * the key must be withdrawn.  Says by itself what is wrong.
 */
vs_status vs_leafuse_once(const struct vs_room *r,
                          struct vs_proposal *p) VS_MUST_CHECK;

/* One past the highest leaf of an LMS key that the room has seen; 0: none. */
vs_status vs_leafuse_next(const struct vs_room *r,
                          const uint8_t key_id[static VS_SHA256_LEN],
                          uint32_t *next) VS_MUST_CHECK;

#endif
