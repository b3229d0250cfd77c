/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/pack.h - an image in clusters that can be fetched one by one.
 *
 * Each cluster is its own zstd frame.  Nothing in a pack is believed: what it
 * decodes to is checked against the seal's tree (vs_tree_check_cluster).
 *
 * Format: docs/formats/pack.md, version 1.
 */
#ifndef VS_SEAL_PACK_H
#define VS_SEAL_PACK_H

#include "base/status.h"
#include "seal/header.h"

#define VS_PACK_HEAD_LEN 64
/* What ZSTD_compressBound gives for a cluster fits. */
#define VS_PACK_FRAME_MAX (VS_CLUSTER_LEN + 4096)
#define VS_PACK_CLUSTERS_MAX (UINT64_C(1) << 17) /* 64 GiB */

struct vs_pack_head {
	uint64_t image_len;
	uint64_t clusters;
	uint8_t root_hash[VS_SHA256_LEN]; /* which image this guesses at */
};

/* The index: clusters x 4 bytes of frame length, after the head. */
struct vs_pack_index {
	uint64_t clusters;
	uint64_t *at; /* clusters + 1 offsets from the pack's start; owned */
};

/* VS_OK; VS_ERR_INPUT. */
vs_status vs_pack_head_decode(const uint8_t in[static VS_PACK_HEAD_LEN],
                              struct vs_pack_head *out,
                              struct vs_why *why) VS_MUST_CHECK;
void vs_pack_head_encode(const struct vs_pack_head *in,
                         uint8_t out[static VS_PACK_HEAD_LEN]);

/* Bytes of head and index together: where the first frame begins. */
size_t vs_pack_index_len(const struct vs_pack_head *head);

/* in is the index alone.  Gives *out: vs_pack_index_drop().
 * VS_OK; VS_ERR_INPUT (a frame of length 0 or above VS_PACK_FRAME_MAX);
 * VS_ERR_NOMEM.
 */
vs_status vs_pack_index_decode(const struct vs_pack_head *head,
                               const uint8_t *in, size_t len,
                               struct vs_pack_index *out,
                               struct vs_why *why) VS_MUST_CHECK;
void vs_pack_index_drop(struct vs_pack_index *i);

/* A decoder (about 160 KB) or encoder; one per thread. */
struct vs_pack_decoder;
struct vs_pack_encoder;

vs_status vs_pack_decoder_new(struct vs_pack_decoder **out) VS_MUST_CHECK;
void vs_pack_decoder_free(struct vs_pack_decoder **d); /* also for VS_AUTO */

/* Decodes one frame into exactly want bytes.  A frame that names another
 * content size is refused before it is decoded.
 * VS_OK; VS_ERR_INPUT; VS_ERR_NOMEM.
 */
vs_status vs_pack_decode(struct vs_pack_decoder *d, const uint8_t *frame,
                         size_t len, uint8_t *out, size_t want,
                         struct vs_why *why) VS_MUST_CHECK;

/* level: zstd's 1..19; another one is VS_ERR_INPUT. */
vs_status vs_pack_encoder_new(int level,
                              struct vs_pack_encoder **out) VS_MUST_CHECK;
void vs_pack_encoder_free(struct vs_pack_encoder **e);
/* One cluster, 1..VS_CLUSTER_LEN bytes, as one frame.
 * VS_OK; VS_ERR_LIMIT (no cluster's length); VS_ERR_NOMEM.
 */
vs_status vs_pack_encode(struct vs_pack_encoder *e, const uint8_t *data,
                         size_t len, uint8_t out[static VS_PACK_FRAME_MAX],
                         size_t *out_len) VS_MUST_CHECK;

#endif
