/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/squash.h - the packed units of a squashfs image, and its files.
 *
 * For the maker alone: the applier is told units.  An image that is no
 * squashfs, not well formed, or packed in a way that has no row, is none.
 *
 * Standard: Linux Documentation/filesystems/squashfs, version 4.0.
 */
#ifndef VS_DELTA_MAKE_SQUASH_H
#define VS_DELTA_MAKE_SQUASH_H

#include "delta/make/parts.h"

/* VS_OK; VS_ERR_ABSENT (no such image); VS_ERR_NOMEM.  vs_parted_drop() in
 * every case.
 */
vs_status vs_squash_read(const struct vs_image *image,
                         struct vs_parted *out) VS_MUST_CHECK;
#endif
