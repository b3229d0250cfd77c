/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/ways.h - what a charger that runs one image fetches to get
 * another: what it will find cheapest by its own rules.
 *
 * Reckoned from both seals, the pack's index and the delta's length alone; no
 * image is read.  What a charger has in its other slot is not known here: it
 * may need less.
 */
#ifndef VS_SERVER_PUBLISH_WAYS_H
#define VS_SERVER_PUBLISH_WAYS_H

#include "base/status.h"
#include "seal/pack.h"

enum vs_way_kind {
	VS_WAY_NOTHING,  /* every cluster stands in the running slot */
	VS_WAY_DELTA,    /* shorter than the missing clusters */
	VS_WAY_CLUSTERS, /* those that differ */
	VS_WAY_WHOLE,    /* all of them */
};

struct vs_way {
	enum vs_way_kind kind;
	uint64_t bytes;        /* by that way */
	uint64_t clusters_len; /* without a delta; 0: nothing */
	uint64_t delta_len;    /* 0: there is none */
	uint8_t old_root[32], new_root[32];
};

/* The artifacts of one release's component. */
struct vs_way_end {
	char seal[65], pack[65]; /* SHA-256 */
};

/* A pack's index.  Gives *out: vs_pack_index_drop().
 * VS_OK; VS_ERR_INPUT (or of so many clusters it is not); VS_ERR_IO;
 * VS_ERR_NOMEM.
 */
vs_status vs_way_read_index(int pack, uint64_t clusters,
                            struct vs_pack_index *out) VS_MUST_CHECK;

const char *vs_way_name(enum vs_way_kind kind);

/* VS_OK; VS_ERR_ABSENT (an artifact is not there); VS_ERR_INPUT (it is not
 * what it should be); VS_ERR_IO; VS_ERR_NOMEM.
 */
vs_status vs_way_between(const char *data_dir, const struct vs_way_end *from,
                         const struct vs_way_end *to,
                         struct vs_way *out) VS_MUST_CHECK;

#endif
