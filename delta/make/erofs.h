/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/erofs.h - the packed files of an erofs image, and its programs.
 *
 * What is packed with lz4 or lz4hc is known by its clusters.  Of what is not
 * packed programs alone have parts: a file's last bytes may lie beside its
 * inode, so that it is not in whole blocks of the image; in a view it is.
 * Others have a name and their places.  Files in chunks, and files with tails
 * or fragments packed elsewhere, are left out.
 *
 * Standard: Linux Documentation/filesystems/erofs (blocks of 4096 bytes).
 */
#ifndef VS_DELTA_MAKE_EROFS_H
#define VS_DELTA_MAKE_EROFS_H

#include "delta/make/parts.h"

/* The level of what is packed is not known yet: vs_clusters_level().
 * VS_OK; VS_ERR_ABSENT (no such image, or one without parts: its files have
 * plain places, if any); VS_ERR_NOMEM.  vs_parted_drop() in every case.
 */
vs_status vs_erofs_read(const struct vs_image *image,
                        struct vs_parted *out) VS_MUST_CHECK;

#endif
