/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/batch.h - the clusters of a part of a file, one behind the other.
 *
 * Where a cluster ends follows from what fits into it, and there the next one
 * begins.  So that two can be packed at a time, a long file is cut where its
 * builder's clusters end: what is packed in a batch depends on no other one.
 * Where the builder did otherwise, a fix says so.
 */
#ifndef VS_DELTA_BATCH_H
#define VS_DELTA_BATCH_H

#include "delta/cluster.h"
#include "delta/erofs.h"

#define VS_FIXED_MAX (UINT32_C(1) << 20) /* bytes of a file's fixes */
/* Bytes of the file: cut at the first cluster from there on. */
#define VS_BATCH_LEN (UINT32_C(128) << 10)
#define VS_BATCH_MAX (VS_BATCH_LEN + VS_EROFS_EXTENT_MAX)

/* A cluster that comes out otherwise. */
struct vs_fix {
	uint32_t cluster; /* its number in the batch */
	uint32_t len;     /* bytes of the file that it holds, not 0 */
	uint32_t blocks;  /* at most VS_UNIT_LEN_MAX bytes, not 0 */
};

struct vs_batch {
	/* bytes of the file: VS_BATCH_LEN (its last one: 1) to
	 * VS_BATCH_MAX */
	uint32_t len;
	uint32_t fix, fixes; /* in it: the first one of all, and how many */
};

/* One that is to be packed; all is kept until it is. */
struct vs_batch_job {
	int level;
	uint32_t room;     /* bytes of a cluster, at most; whole blocks */
	uint32_t ahead;    /* bytes that are looked at for one */
	const uint8_t *in; /* of the file, from the batch on */
	size_t len, seen;  /* of the batch; and of what comes behind, ahead
	                    * bytes or all that there are */
	const struct vs_fix *fixes; /* by cluster */
	size_t fix_count;
	const uint8_t *fixed; /* the fixes' bytes, one after another */
};

/* Bytes of the fixes. */
size_t vs_batch_fixed(const struct vs_fix *fixes, size_t count);
/* Never less than what it is packed to, with the cluster that goes on. */
size_t vs_batch_room(const struct vs_batch_job *job);
/* Packs into *out, which has that room.
 * VS_OK and *out_len, whole blocks; VS_ERR_INPUT (no cluster ends where the
 * batch does); VS_ERR_NOMEM.
 */
vs_status vs_batch_pack(struct vs_cluster_packer *packer,
                        const struct vs_batch_job *job, uint8_t *out,
                        size_t *out_len) VS_MUST_CHECK;

#endif
