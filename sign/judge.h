/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/judge.h - whether a proposed document says what it must.
 *
 * Every document follows from something else: a release's from its seals,
 * roots, targets and keyring from a policy, a renewal from what is in force.
 * It is made again here and compared whole, so that nothing is signed and
 * nothing comes into force that was slipped into a proposal's folder.
 */
#ifndef VS_SIGN_JUDGE_H
#define VS_SIGN_JUDGE_H

#include "sign/proposal.h"

/* VS_OK; VS_ERR_STATE if the document's version is not the next one;
 * VS_ERR_REFUSED.  Says by itself what is wrong.
 */
vs_status vs_judge_document(const struct vs_room *r, struct vs_proposal *p,
                            const struct vs_document *d) VS_MUST_CHECK;

/* Whether a proposed policy is the one after the room's. */
vs_status vs_judge_policy(const struct vs_room *r,
                          const struct vs_proposal *p) VS_MUST_CHECK;

#endif
