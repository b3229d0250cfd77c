/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/clusters.h - files in clusters unpacked, and packed again to see
 * which clusters come out as they were.
 */
#ifndef VS_DELTA_MAKE_CLUSTERS_H
#define VS_DELTA_MAKE_CLUSTERS_H

#include "delta/make/trial.h"

/* One file: what it holds, and if t->pack its fixes.  t->as_is: it cannot be
 * unpacked, or too much of it comes out otherwise.
 * VS_OK; VS_ERR_NOMEM.
 */
vs_status vs_clusters_try(const struct vs_image *image,
                          const struct vs_parted *parted,
                          const struct vs_part *part,
                          struct vs_trial *t) VS_MUST_CHECK;

/* The level that files were packed with, by some of them: in parted->level,
 * -1 if none is right.  VS_OK; VS_ERR_NOMEM.
 */
vs_status vs_clusters_level(const struct vs_image *image,
                            struct vs_parted *parted) VS_MUST_CHECK;

/* How much is looked at for the clusters that are to be packed: sets
 * parted->ahead.  VS_OK; VS_ERR_NOMEM.
 */
vs_status vs_clusters_ahead(const struct vs_image *image,
                            struct vs_parted *parted,
                            const struct vs_trial *trials) VS_MUST_CHECK;

#endif
