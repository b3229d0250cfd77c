/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/subject.h - what a signature is over: its name and its bytes.
 */
#ifndef VS_SIGN_SUBJECT_H
#define VS_SIGN_SUBJECT_H

#include "sign/proposal.h"

struct vs_subject {
	char name[96];     /* "image root 2", "seal gateway" */
	char file[96];     /* "image.root.2", "gateway.seal" */
	const void *bytes; /* borrowed */
	size_t len;
	char sha256[65];
};

/* The canonical bytes of metadata, a keyring's without its signatures. */
vs_status vs_subject_document(const struct vs_document *d,
                              struct vs_subject *out) VS_MUST_CHECK;

/* The header of a seal. */
vs_status vs_subject_image(const struct vs_image *i,
                           struct vs_subject *out) VS_MUST_CHECK;

/* Calls each for all there are in a proposal, seals first, until it gives
 * another status than VS_OK, and gives that.
 */
vs_status vs_subject_each(const struct vs_proposal *p,
                          vs_status (*each)(void *ctx,
                                            const struct vs_subject *s),
                          void *ctx) VS_MUST_CHECK;

#endif
