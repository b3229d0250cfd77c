/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/renew.h - the same metadata again, one version on, with a new expiry.
 *
 * Keys, thresholds, paths and targets stay what they are; whoever signs a
 * renewal signs nothing else, and that is checked.
 */
#ifndef VS_SIGN_RENEW_H
#define VS_SIGN_RENEW_H

#include "sign/proposal.h"

/* The body in force with the next version and expires_s.  Gives *out
 * (json_decref).  Says by itself what is wrong.
 */
vs_status vs_renewal_body(const struct vs_room *r, const char *repository,
                          const char *role, uint64_t expires_s,
                          json_t **out) VS_MUST_CHECK;

/* Whether a document above version 1 differs from what is in force by
 * version and expiry alone.
 */
vs_status vs_renewal_check(const struct vs_room *r,
                           const struct vs_document *d) VS_MUST_CHECK;

#endif
