/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/approval.h - one person signs what was shown.
 *
 * All is judged before one thing is signed, so that a refusal leaves nothing
 * behind.  In the room and on another machine it is the same code.
 */
#ifndef VS_SIGN_APPROVAL_H
#define VS_SIGN_APPROVAL_H

#include "sign/args.h"
#include "sign/proposal.h"

/* Shows *p, asks unless --yes was given, and signs with each key of --token
 * that is asked for.  *p may be another one afterwards, or NULL.  Says by
 * itself what is wrong.
 */
vs_status vs_approval_run(const struct vs_args *args, const struct vs_room *r,
                          struct vs_proposal **p) VS_MUST_CHECK;

/* Enough seals are signed: their files stay as they are from now on, so the
 * metadata over them is made.  Reads *p anew.  Says by itself what is wrong.
 */
vs_status vs_approval_freeze(const struct vs_room *r,
                             struct vs_proposal **p) VS_MUST_CHECK;

#endif
