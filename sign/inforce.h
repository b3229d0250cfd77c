/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/inforce.h - whether a charger would believe what is in force.
 *
 * Both chains of roots, the targets, the release role, the chain of keyrings
 * and the seals are judged by the code a charger judges with.  With a
 * proposal they are judged as they would be with it in force, before it is.
 */
#ifndef VS_SIGN_INFORCE_H
#define VS_SIGN_INFORCE_H

#include "sign/proposal.h"

enum vs_inforce_depth {
	VS_INFORCE_METADATA, /* signatures of metadata and keyrings */
	VS_INFORCE_SEALS,    /* and every seal that metadata names */
	VS_INFORCE_PACKS,    /* and every cluster of every pack */
};

/* p may be NULL.  VS_OK and how many files were verified; VS_ERR_REFUSED,
 * VS_ERR_ABSENT.  Says by itself what is wrong; at PACKS it prints a line for
 * each target.
 */
vs_status vs_inforce_verify(const struct vs_room *r, struct vs_proposal *p,
                            enum vs_inforce_depth depth,
                            size_t *files) VS_MUST_CHECK;

#endif
