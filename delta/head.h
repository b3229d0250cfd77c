/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/head.h - the first bytes of a delta: which images it is for.
 *
 * Nothing of it is believed: whoever applies a delta compares both root
 * hashes with seals that were opened, and each cluster with the tree.
 *
 * Format: docs/formats/delta.md, version 1.
 */
#ifndef VS_DELTA_HEAD_H
#define VS_DELTA_HEAD_H

#include "base/status.h"

#define VS_DELTA_HEAD_LEN 128
#define VS_DELTA_ROOT_LEN 32
#define VS_DELTA_IMAGE_MAX (UINT64_C(1) << 36)

enum vs_delta_form {
	VS_DELTA_PLAIN = 0, /* the images as they are */
	VS_DELTA_UNITS,     /* what their units hold: delta/unit.h */
	VS_DELTA_FORMS,
};

struct vs_delta_head {
	uint8_t form;              /* enum vs_delta_form */
	uint64_t old_len, new_len; /* of the images, in bytes */
	uint8_t old_root[VS_DELTA_ROOT_LEN], new_root[VS_DELTA_ROOT_LEN];
	uint32_t packer; /* version of the library that packs; 0: none */
};

void vs_delta_head_encode(const struct vs_delta_head *in,
                          uint8_t out[static VS_DELTA_HEAD_LEN]);
/* VS_OK; VS_ERR_INPUT (MALFORMED, UNSUPPORTED). */
vs_status vs_delta_head_decode(const uint8_t in[static VS_DELTA_HEAD_LEN],
                               struct vs_delta_head *out,
                               struct vs_why *why) VS_MUST_CHECK;

#endif
