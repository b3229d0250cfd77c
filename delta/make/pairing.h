/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/pairing.h - two packed images beside each other: what is copied,
 * what packs again as it was, and which programs are pairs.
 */
#ifndef VS_DELTA_MAKE_PAIRING_H
#define VS_DELTA_MAKE_PAIRING_H

#include "delta/make/ext4.h"
#include "delta/make/trial.h"

#define VS_NOWHERE SIZE_MAX

/* Where a file's tail begins or ends within a part. */
struct vs_cut {
	size_t part;
	uint32_t at;
};

struct vs_side {
	struct vs_image image;
	struct vs_parted parted;
	struct vs_trial *trials; /* owned; of each part */
	struct vs_cut *cuts;     /* owned; by part and place */
	size_t cut_count, cut_cap;
	struct vs_ext4 files; /* programs that changed, by path; no extents */
	size_t file_cap;
};

struct vs_pairing {
	struct vs_side sides[2]; /* the old one, the new one */
	/* owned; of each new part: an old one, or VS_NOWHERE */
	size_t *copy_of;
	size_t tried, failed; /* units that were packed again, and in vain */
	struct vs_packer packer;
};

/* Reads both images into a zeroed one.  VS_OK; VS_ERR_ABSENT: they are no such
 * images; VS_ERR_NOMEM.  vs_pairing_drop() in every case.
 */
vs_status vs_pairing_read(struct vs_pairing *p, const struct vs_image *was,
                          const struct vs_image *is) VS_MUST_CHECK;
/* Finds copies, tries what is none, and pairs programs: all of their parts are
 * wanted then, and cut where they end.  VS_OK; VS_ERR_NOMEM.
 */
vs_status vs_pairing_find(struct vs_pairing *p) VS_MUST_CHECK;
void vs_pairing_drop(struct vs_pairing *p); /* also of a zeroed one */

#endif
