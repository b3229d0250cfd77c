/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/seallog.h - the signing room's transparency log, as it is
 * served.
 *
 * Static files: tiles, a checkpoint, and a proof for each seal.  Tiles come
 * first and count for nothing until a checkpoint comes that they add up to
 * and that continues the one before; from then on they never change.
 *
 * Standard: C2SP tlog-tiles.  One caller at a time changes it.
 */
#ifndef VS_SERVER_PUBLISH_SEALLOG_H
#define VS_SERVER_PUBLISH_SEALLOG_H

#include "seal/header.h"
#include "trust/policy.h"
#include "trust/proof.h"
#include "trust/tile.h"

struct vs_seallog {
	const char *data_dir;                /* keeps */
	const struct vs_tlog_policy *policy; /* keeps; NULL: any log is taken */
};

/* Opens "checkpoint" or a tile, which no other name can be.
 * VS_OK, *fd (close) and *len; VS_ERR_ABSENT; VS_ERR_IO.
 */
vs_status vs_seallog_open(const struct vs_seallog *log, const char *name,
                          int *fd, uint64_t *len) VS_MUST_CHECK;

/* Takes a tile.  VS_OK; VS_ERR_INPUT (its name, its length, what it holds);
 * VS_ERR_STATE (CONFLICT) if the checkpoint covers other bytes; VS_ERR_IO.
 */
vs_status vs_seallog_put_tile(const struct vs_seallog *log, const char *name,
                              const void *in, size_t len,
                              struct vs_why *why) VS_MUST_CHECK;

/* Takes a checkpoint whose tiles are all here; *out is what it says.
 * VS_OK, also if it is the present one; VS_ERR_INPUT; VS_ERR_LIMIT;
 * VS_ERR_ABSENT (UNREADABLE) if a tile is missing; VS_ERR_REFUSED
 * (HASH_MISMATCH, LOG_FORKED, LOG_TRUNCATED, WRONG_ORIGIN, what the policy
 * says); VS_ERR_IO; VS_ERR_NOMEM; VS_ERR_CRYPTO.
 */
vs_status vs_seallog_put_checkpoint(const struct vs_seallog *log,
                                    const void *in, size_t len,
                                    struct vs_checkpoint *out,
                                    struct vs_why *why) VS_MUST_CHECK;

/* What is asked about a seal that a keyring has accepted. */
struct vs_seallog_seal {
	const struct vs_seal_header *header;
	const char *sha256; /* of the seal file */
	uint64_t len;
};

/* Whether a proof shows a seal to be in a log of the policy; without a policy
 * whether it is one at all.
 * VS_OK; VS_ERR_REFUSED and others as vs_tlog_judge().
 */
vs_status vs_seallog_judge(const struct vs_seallog *log,
                           const struct vs_seallog_seal *seal,
                           const void *proof, size_t len,
                           struct vs_why *why) VS_MUST_CHECK;

/* The newest proof of a seal, by the seal's SHA-256; put replaces it, read
 * gives *out (free()).  VS_ERR_ABSENT if there is none.
 */
vs_status vs_seallog_put_proof(const struct vs_seallog *log, const char *sha256,
                               const void *in, size_t len) VS_MUST_CHECK;
vs_status vs_seallog_read_proof(const struct vs_seallog *log,
                                const char *sha256, uint8_t **out,
                                size_t *len) VS_MUST_CHECK;
vs_status vs_seallog_open_proof(const struct vs_seallog *log,
                                const char *sha256, int *fd,
                                uint64_t *len) VS_MUST_CHECK;

#endif
