/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/audit.h - what the two halves of voltseal audit share.
 */
#ifndef VS_OPERATE_AUDIT_H
#define VS_OPERATE_AUDIT_H

#include "operate/args.h"
#include "operate/heads.h"

/* audit verify: the chain, the head written down, signed heads. */
enum vs_exit vs_audit_verify(const struct vs_args *a) VS_MUST_CHECK;

/* Reads a file of verifier keys; says what is wrong with it. */
enum vs_exit vs_audit_keys(const char *name,
                           struct vs_heads_keys *out) VS_MUST_CHECK;

#endif
