/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/covers.h - the covers of one file, and its new section table, coded.
 */
#ifndef VS_DELTA_COVERS_H
#define VS_DELTA_COVERS_H

#include "delta/elf.h"
#include "delta/map.h"
#include "delta/number.h"

#define VS_DIAGONALS 16

struct vs_cover_models {
	struct vs_number count, gap, len, far, section;
	uint16_t known[64]; /* which of the last diagonals; a tree */
	uint16_t which;     /* far: from the last one, or the last long one */
};

void vs_cover_models_init(struct vs_cover_models *m);

/* Encodes covers, or decodes into *covers (free()); at most max of them.
 * new_len and old_len are the files'.
 * VS_OK; VS_ERR_INPUT; VS_ERR_LIMIT; VS_ERR_NOMEM; the coder's status.
 */
vs_status vs_covers_code(struct vs_cover_models *m, struct vs_coder *c,
                         struct vs_cover **covers, size_t *count, size_t max,
                         uint64_t new_len, uint64_t old_len) VS_MUST_CHECK;

/* Encodes *is as it differs from *was, or makes it from *was. */
vs_status vs_elf_code(struct vs_cover_models *m, struct vs_coder *c,
                      const struct vs_elf *was,
                      struct vs_elf *is) VS_MUST_CHECK;

#endif
