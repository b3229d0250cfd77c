/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/apply/apply.h - a new image out of an old one and a delta, in order.
 *
 * Nothing is believed: neither the delta nor the old image.  Whatever they
 * hold, memory stays below 12 MiB (below 96 MiB for a packed file system,
 * usually below 22), work is a fixed amount for each block, and what comes out
 * is a guess for the caller to hash.  After the first error nothing more comes.
 */
#ifndef VS_DELTA_APPLY_H
#define VS_DELTA_APPLY_H

#include "delta/head.h"
#include "delta/helper.h"
#include "delta/layout.h"
#include "delta/spent.h"
#include "delta/squash.h"

struct vs_apply;

/* Reads head and layout.  in gives 1..len bytes of the delta or VS_ERR_ABSENT
 * at its end; old reads the old image's bytes (what lies behind its last one
 * is taken as zeros).  Both are kept.  Gives *out: vs_apply_free().
 * VS_OK; VS_ERR_INPUT; VS_ERR_LIMIT; VS_ERR_NOMEM; VS_ERR_IO; VS_ERR_REFUSED
 * (OTHER_PACKER: the library that packs has another version here: fetch
 * clusters); what in gives.
 */
vs_status vs_apply_new(const struct vs_old_image *old,
                       vs_status (*in)(void *ctx, uint8_t *out, size_t len,
                                       size_t *got),
                       void *ctx, struct vs_apply **out,
                       struct vs_why *why) VS_MUST_CHECK;
void vs_apply_free(struct vs_apply **a); /* also for VS_AUTO */

const struct vs_delta_head *vs_apply_head(const struct vs_apply *a);
const struct vs_layout *vs_apply_layout(const struct vs_apply *a);
/* Units of the new image; NULL: it has none. */
const struct vs_units *vs_apply_units(const struct vs_apply *a);
/* Places of those units given so far that are no copies, in order. */
size_t vs_apply_known(const struct vs_apply *a,
                      const struct vs_squash_known **out);
/* Counts what the bytes are spent on: one entry for each of the layout's
 * blocks, kept until the end.
 */
void vs_apply_meter(struct vs_apply *a, struct vs_spent *spent);

/* Before the first bytes: has a helper pack what is packed, which is kept until
 * vs_apply_free().  It allocates memory.
 */
void vs_apply_help(struct vs_apply *a, const struct vs_delta_helper *helper);

/* The next len bytes of the new image: whole blocks but for its end.
 * VS_OK; VS_ERR_INPUT with why; VS_ERR_LIMIT (past the end); VS_ERR_NOMEM;
 * VS_ERR_IO.
 */
vs_status vs_apply_next(struct vs_apply *a, uint8_t *out, size_t len,
                        struct vs_why *why) VS_MUST_CHECK;

#endif
