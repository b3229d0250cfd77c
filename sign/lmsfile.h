/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/lmsfile.h - the files of an LMS key's folder, for sign/lms*.c.
 *
 * Format: docs/formats/lms-key.md.
 */
#ifndef VS_SIGN_LMSFILE_H
#define VS_SIGN_LMSFILE_H

#include "sign/lmskey.h"

#define VS_LMSFILE_PUBLIC "public.json"
#define VS_LMSFILE_SEED "seed"
#define VS_LMSFILE_TREE "tree"
#define VS_LMSFILE_LEAVES "leaves"
#define VS_LMSFILE_COPY_STEP 4096 /* from the first copy to the second */

/* The state's copies in key->fd; key is kept. */
struct vs_lmsleaf_disk vs_lmsfile_disk(struct vs_lmskey *key);

/* What tells the state's file from every copy of it. */
vs_status vs_lmsfile_home(struct vs_lmskey *key,
                          uint8_t out[static VS_LMSLEAF_ID_LEN]) VS_MUST_CHECK;

/* "DIR/NAME"; says what is wrong. */
vs_status vs_lmsfile_path(const char *dir, const char *name,
                          char out[static PATH_MAX]) VS_MUST_CHECK;

/* Uses up count leaves, durably.  Says what is wrong. */
vs_status vs_lmsfile_take(struct vs_lmskey *key, uint32_t count,
                          uint32_t *first) VS_MUST_CHECK;

#endif
