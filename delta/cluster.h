/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/cluster.h - one cluster of a packed file: so many whole blocks, and as
 * many bytes of the file as fit into them.
 *
 * Packed bytes stand at a cluster's end, zeros before them.  What does not get
 * shorter is one block as it is.
 *
 * Standard: lz4 block format; Linux Documentation/filesystems/erofs (0padding).
 */
#ifndef VS_DELTA_CLUSTER_H
#define VS_DELTA_CLUSTER_H

#include "delta/old.h"

/* Bytes of the file that are looked at for one cluster, if it has them: so
 * many of these pieces.
 */
#define VS_CLUSTER_AHEAD (UINT32_C(64) << 10)
#define VS_CLUSTER_AHEAD_MAX 16
#define VS_CLUSTER_LEVEL_MAX 12 /* of lz4hc; 0: lz4 */

/* Zeroed is empty.  vs_cluster_packer_drop() in every case. */
struct vs_cluster_packer {
	void *state; /* owned */
};
void vs_cluster_packer_drop(struct vs_cluster_packer *p);

/* Fills a cluster of at most room bytes (whole blocks) from len bytes, the
 * file's from here on.
 * VS_OK, *used bytes (at least 1) and *packed, whole blocks; VS_ERR_NOMEM.
 */
vs_status vs_cluster_pack(struct vs_cluster_packer *p, int level,
                          const uint8_t *in, size_t len, uint8_t *out,
                          size_t room, size_t *used,
                          size_t *packed) VS_MUST_CHECK;

/* Unpacks a whole cluster of len bytes into exactly out_len bytes.
 * VS_OK; VS_ERR_INPUT (not so packed, or of another length).
 */
vs_status vs_cluster_unpack(const uint8_t *in, size_t len, bool packed,
                            uint8_t *out, size_t out_len) VS_MUST_CHECK;

#endif
