/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/sealer.h - an image read once: its tree and its pack.
 *
 * One thread reads, as many as there are cores hash and compress, the caller
 * writes the frames in order.  Memory does not grow with the image but for
 * the tree above the leaves (64 KiB a GiB).
 */
#ifndef VS_SIGN_SEALER_H
#define VS_SIGN_SEALER_H

#include "base/status.h"
#include "seal/header.h"

struct vs_sealer_job {
	const char *image; /* file or block device */
	const char *pack;  /* written beside, then renamed into place */
	int level;         /* zstd's 1..19 */
	/* all but image_len and root_hash, which are found out */
	struct vs_seal_header header;
};

struct vs_sealed {
	uint8_t header[VS_SEAL_HEADER_LEN];
	struct vs_seal_header fields;
	uint8_t *upper; /* owned: the tree above the leaves */
	size_t upper_len;
	char image_sha256[65];
	char pack_sha256[65];
	uint64_t pack_len;
};

/* Gives *out: vs_sealed_drop().  Says by itself what is wrong; shows how far
 * it is if standard error is a terminal.
 */
vs_status vs_sealer_run(const struct vs_sealer_job *job,
                        struct vs_sealed *out) VS_MUST_CHECK;
void vs_sealed_drop(struct vs_sealed *s);

/* Writes a seal file without signatures. */
vs_status vs_sealed_store(const struct vs_sealed *s,
                          const char *path) VS_MUST_CHECK;

#endif
