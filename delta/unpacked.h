/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/unpacked.h - the view of an old image, read at any place.
 *
 * Units are unpacked when they are needed, and the last few are kept: at most
 * 2 MiB of them, or two.  Tables are unpacked once and stay.
 */
#ifndef VS_DELTA_UNPACKED_H
#define VS_DELTA_UNPACKED_H

#include "delta/old.h"
#include "delta/packed.h"
#include "delta/squash.h"

#define VS_UNPACKED_KEPT 16

struct vs_unpacked {
	const struct vs_old_image *image; /* keeps */
	const struct vs_units *units;     /* keeps */
	struct vs_packer packer;
	struct vs_packed files; /* units that are files */
	uint8_t *packed;        /* owned: one unit's bytes */
	struct vs_unpacked_unit {
		uint32_t unit;  /* number and 1; 0: none */
		uint64_t used;  /* when */
		uint8_t *bytes; /* owned */
	} kept[VS_UNPACKED_KEPT];
	size_t keep;          /* how many of them */
	uint64_t clock;       /* reads so far */
	uint64_t opened;      /* units unpacked so far */
	uint32_t tables_unit; /* whose tables are here: number and 1 */
	uint8_t *tables;      /* owned: its slices, one after another */
};

/* Nothing is read yet.  Gives *out, which reads through *v. */
void vs_unpacked_init(struct vs_unpacked *v, const struct vs_old_image *image,
                      const struct vs_units *units, struct vs_old_image *out);
void vs_unpacked_drop(struct vs_unpacked *v); /* also of a zeroed one */

#endif
