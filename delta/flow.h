/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/flow.h - a file's bytes flow in, its clusters flow out.
 *
 * Where a cluster ends follows from what fits into it.  Where the image's
 * builder did otherwise, a fix says so.  What is looked at for one cluster
 * is in memory, and little more.
 */
#ifndef VS_DELTA_FLOW_H
#define VS_DELTA_FLOW_H

#include "delta/cluster.h"

#define VS_FIXED_MAX (UINT32_C(1) << 20) /* bytes of a file's fixes */

/* A cluster that comes out otherwise. */
struct vs_fix {
	uint32_t cluster; /* its number in the file */
	uint32_t len;     /* bytes of the file that it holds, not 0 */
	uint32_t blocks;  /* at most VS_UNIT_LEN_MAX bytes, not 0 */
};

struct vs_flow {
	struct vs_cluster_packer packer;
	uint8_t *window; /* owned */
	size_t at, end;  /* in the window: bytes that are not packed yet */
	uint32_t left;   /* bytes of the file that are not in it yet */
	uint32_t skip;   /* of these: held by a cluster that is out already */
	uint32_t cluster;
	const struct vs_fix *fixes; /* keeps; by cluster */
	size_t fix_count;
	const uint8_t *fixed; /* keeps: the fixes' bytes, one after another */
	int level;
	uint32_t room;  /* bytes of a cluster, at most; whole blocks */
	uint32_t ahead; /* bytes that are looked at for one */
	uint64_t packed_bytes, packed_units; /* so far: of the files */
};

/* Begins with a file of len bytes.  Level, room and ahead are set, and stay:
 * buffers of the file before serve again.
 * vs_flow_drop() in every case.  VS_OK; VS_ERR_NOMEM.
 */
vs_status vs_flow_begin(struct vs_flow *f, uint32_t len) VS_MUST_CHECK;
void vs_flow_drop(struct vs_flow *f); /* also of a zeroed one */

/* Where the next block of the file is to be written, and how many bytes of it
 * are the file's; NULL: enough is at hand.
 */
uint8_t *vs_flow_want(struct vs_flow *f, size_t *len);
/* len bytes were written there. */
void vs_flow_took(struct vs_flow *f, size_t len);

/* Whether nothing is left. */
bool vs_flow_done(const struct vs_flow *f);
/* The next cluster, when no more is wanted; out has room for f->room bytes, or
 * for the longest fix.
 * VS_OK; VS_ERR_INPUT (a fix that goes past the file's end); VS_ERR_NOMEM.
 */
vs_status vs_flow_next(struct vs_flow *f, uint8_t *out,
                       size_t *len) VS_MUST_CHECK;

#endif
