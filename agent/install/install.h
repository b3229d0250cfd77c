/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/install.h - one component's image into one slot, believed by
 * nobody.
 *
 * Every cluster is hashed in memory against the opened seal before it is
 * written; nothing else is ever written into a slot.  There is no journal:
 * clusters that already stand there, or in the running slot, and hash right
 * are kept or copied, and only the others are fetched: as a delta to the
 * running image if the source has one that is shorter.  The footer is gone
 * before the first write and comes back, after an fsync, as the last.
 *
 * What is fetched is unpacked by a process of its own (agent/install/unpack.h),
 * which is believed as little as who sent it.
 *
 * Memory: two clusters and a frame for each worker, the pack's index, the
 * seal; never an image or a pack.
 */
#ifndef VS_AGENT_INSTALL_H
#define VS_AGENT_INSTALL_H

#include "agent/install/unpack.h"
#include "agent/line/pool.h"
#include "agent/reach/source.h"
#include "agent/slots/disk.h"
#include "base/status.h"
#include "seal/seal.h"

struct vs_install_stats {
	uint64_t clusters;
	uint64_t clusters_kept;
	uint64_t clusters_copied;
	uint64_t clusters_rebuilt; /* out of the running slot and a delta */
	uint64_t clusters_fetched;
	uint64_t bytes_fetched; /* of delta and pack, its index included */
	uint64_t bytes_planned; /* to be fetched in this run; 0: not known */
	uint64_t image_bytes;
	uint64_t requests; /* ranges asked for */
	uint64_t deltas_dropped;
	struct vs_why delta_why; /* of the last one that was dropped */
};

struct vs_install {
	const struct vs_seal *seal;     /* opened: verified whole */
	const struct vs_disk *target;   /* opened for writing */
	const struct vs_disk *running;  /* NULL: nothing to copy from */
	const struct vs_source *source; /* NULL: nothing may be fetched */
	uint64_t pack_len; /* as the release team says; 0: not known */
	unsigned workers;  /* 0: as many as there are cores */
	const struct vs_unpack_program *unpack; /* NULL: the installed one */
	bool never_full; /* ask for nothing if no cluster stands anywhere */
	/* Called from the waiting thread, with figures so far; false stops
	 * with VS_ERR_STATE.  May be NULL. */
	bool (*tick)(void *ctx, const struct vs_install_stats *so_far);
	void *tick_ctx;
};

/* VS_OK: the slot holds exactly the seal's image, durably.
 * VS_ERR_REFUSED (CLUSTER_MISMATCH, TOO_BIG_FOR_SLOT, HASH_MISMATCH: a pack
 * of another image) or VS_ERR_INPUT: what was fetched is wrong, or unpack
 * failed at it.
 * VS_ERR_STATE (NOT_ALLOWED): never_full, and no cluster of several stands.
 * VS_ERR_ABSENT: a cluster is missing and there is no source.
 * VS_ERR_IO, VS_ERR_NOMEM, VS_ERR_STATE (stopped).  In all these the slot
 * has no footer, and what is in it is verified, cluster by cluster.
 */
vs_status vs_install_run(const struct vs_install *in,
                         struct vs_install_stats *stats,
                         struct vs_why *why) VS_MUST_CHECK;

#endif
