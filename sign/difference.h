/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/difference.h - a proposal against what is in force, value by value.
 *
 * Nothing is left out and nothing is put in order of importance: it is for
 * comparing on paper and between machines.  sign/show.h tells the same for a
 * person.
 */
#ifndef VS_SIGN_DIFFERENCE_H
#define VS_SIGN_DIFFERENCE_H

#include "base/buffer.h"
#include "sign/proposal.h"

/* Adds to out, for each document, the SHA-256 of the bytes to be signed and
 * each value that goes ("- ") and comes ("+ "); for each seal its fields.
 * The same on every machine.  Says by itself what is wrong.
 */
vs_status vs_difference(const struct vs_room *r, const struct vs_proposal *p,
                        struct vs_buffer *out) VS_MUST_CHECK;

#endif
