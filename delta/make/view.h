/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/view.h - a file as the matcher should see it.
 *
 * Operands are blanked, or replaced by a label of their target in new
 * addresses: so that code that moved looks as it did, and code that only looks
 * alike does not.
 */
#ifndef VS_DELTA_MAKE_VIEW_H
#define VS_DELTA_MAKE_VIEW_H

#include "delta/predict.h"

/* Writes the view of a whole file (len bytes) over a copy of it in out.
 * pair NULL: operands are blanked.  Else old targets go through its map; of
 * the new file (is_new) they are taken as they are.
 * VS_OK; VS_ERR_NOMEM; VS_ERR_IO.
 */
vs_status vs_view_make(const struct vs_old *file, const struct vs_elf *elf,
                       const struct vs_frames *frames,
                       const struct vs_pair *pair, bool is_new,
                       uint8_t *out) VS_MUST_CHECK;

#endif
