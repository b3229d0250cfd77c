/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/show.h - what a person is asked to sign, in words, on standard output.
 */
#ifndef VS_SIGN_SHOW_H
#define VS_SIGN_SHOW_H

#include "sign/proposal.h"

/* What the proposal changes against what is in force, and who has signed. */
vs_status vs_show_proposal(const struct vs_room *r,
                           struct vs_proposal *p) VS_MUST_CHECK;

/* Who has signed, and what is still needed. */
vs_status vs_show_progress(const struct vs_room *r,
                           struct vs_proposal *p) VS_MUST_CHECK;

/* The same as JSON on standard output. */
vs_status vs_show_json(const struct vs_room *r,
                       struct vs_proposal *p) VS_MUST_CHECK;

#endif
