/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/ceremony.h - a proposal carried to other machines and back.
 *
 * What goes out is a small room: the policy, what is in force, the proposal,
 * and the ceremony's transcript.  So the other machine judges, shows and signs
 * with the code of the room.  The first line of the transcript holds, signed
 * by the author, the digest of every file that does not change on the way,
 * and of the bytes that are to be signed.
 *
 * Format: docs/operations/ceremonies.md.
 */
#ifndef VS_SIGN_CEREMONY_H
#define VS_SIGN_CEREMONY_H

#include "sign/ballot.h"
#include "sign/transcript.h"

/* {"files": {path: sha256}, "subjects": {name: {"sha256"}}}, of a room and
 * one of its proposals.  Gives *out (json_decref).  Says what is wrong.
 */
vs_status vs_ceremony_digests(const struct vs_room *r,
                              const struct vs_proposal *p,
                              json_t **out) VS_MUST_CHECK;

/* Whether room and proposal are what the author opened the ceremony over;
 * metadata that was made since then is let in, its signers judge it.
 * VS_OK; VS_ERR_REFUSED (CONFLICT), said.
 */
vs_status vs_ceremony_check(const struct vs_room *r,
                            const struct vs_proposal *p,
                            const struct vs_transcript *t) VS_MUST_CHECK;

/* Writes the small room to a folder, its policy last: a folder without one
 * is no ceremony.  VS_ERR_STATE if dir holds one.
 */
vs_status vs_ceremony_write(const struct vs_room *r,
                            const struct vs_proposal *p,
                            const char *dir) VS_MUST_CHECK;

/* Whether none of those whose signatures stand is the author. */
vs_status vs_ceremony_apart(const struct vs_room *r, struct vs_proposal *p,
                            const struct vs_transcript *t) VS_MUST_CHECK;

/* Takes over the signatures of a proposal that was away, each judged as a
 * vote in this room.  *p may be another one afterwards, or NULL.
 */
vs_status vs_ceremony_merge(const struct vs_room *r, struct vs_proposal **p,
                            struct vs_proposal *away,
                            const struct vs_transcript *t,
                            size_t *taken) VS_MUST_CHECK;

#endif
