/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/lmsgrow.h - the tree of a new LMS key, on all processors.
 *
 * 284 million hashes at height 15: about a minute on two processors.
 */
#ifndef VS_SIGN_LMSGROW_H
#define VS_SIGN_LMSGROW_H

#include "seal/lms_sign.h"

/* Grows the whole tree of a secret into tree, vs_lms_tree_len() bytes, and
 * gives the public key; tells how far it is on a terminal.
 * VS_OK; VS_ERR_INPUT (height); VS_ERR_NOMEM; VS_ERR_CRYPTO.
 */
vs_status vs_lmsgrow(const struct vs_lms_secret *s, uint8_t *tree,
                     uint8_t key[static VS_LMS_KEY_LEN]) VS_MUST_CHECK;

#endif
