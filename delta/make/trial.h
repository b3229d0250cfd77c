/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/trial.h - parts unpacked, and packed again to see whether they
 * come out as they were.
 */
#ifndef VS_DELTA_MAKE_TRIAL_H
#define VS_DELTA_MAKE_TRIAL_H

#include "delta/make/parts.h"

struct vs_trial {
	bool wanted, pack; /* by the caller: unpack it; try to pack it again */
	bool as_is;        /* it does not unpack, or does not come out so */
	uint32_t len;      /* of bytes; as it is: of the packed ones */
	uint8_t *bytes;    /* owned by the caller: what it holds, or NULL */
	/* of a file in clusters: how many of them there are; the batches,
	 * if it was packed; those that come out otherwise, whose bytes are the
	 * first ones of bytes */
	size_t clusters, batch_count, fix_count;
	struct vs_batch *batches; /* owned by the caller */
	struct vs_fix *fixes;     /* owned by the caller */
	uint32_t fixed;
};

/* One part.  VS_OK; VS_ERR_NOMEM. */
vs_status vs_trial_run(struct vs_packer *packer, const struct vs_image *image,
                       const struct vs_parted *parted, size_t part,
                       struct vs_trial *t) VS_MUST_CHECK;
/* All that are wanted, on both cores.  VS_OK; VS_ERR_NOMEM. */
vs_status vs_trials_run(const struct vs_image *image,
                        const struct vs_parted *parted,
                        struct vs_trial *trials) VS_MUST_CHECK;

/* The tables in normal form, one part after another: free().  units are those
 * before them.  NULL if they cannot be read, or, of a new image, do not come
 * out as they were; *status is VS_OK or VS_ERR_NOMEM.
 */
uint8_t *vs_trial_tables(struct vs_packer *packer, const struct vs_image *image,
                         const struct vs_parted *parted,
                         const struct vs_units *units, vs_status *status);

#endif
