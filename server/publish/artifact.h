/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/artifact.h - seals and packs, each under the SHA-256 of its
 * bytes.
 *
 * A file is under its name only once it is whole, hashed and on disk; an
 * upload that breaks off leaves nothing.  A name is 64 hex digits and nothing
 * else, so no name leads out of the folder.
 */
#ifndef VS_SERVER_PUBLISH_ARTIFACT_H
#define VS_SERVER_PUBLISH_ARTIFACT_H

#include <openssl/evp.h>

#include "base/status.h"

#define VS_ARTIFACT_PATH_MAX 1280
#define VS_DELTA_NAME_LEN 130 /* see delta.h; with its zero */

/* Makes DATA/artifacts. */
vs_status vs_artifact_init(const char *data_dir) VS_MUST_CHECK;
/* Removes what broken uploads left; only while no server runs here. */
vs_status vs_artifact_sweep(const char *data_dir) VS_MUST_CHECK;

/* Opens one.  VS_OK, *fd (close) and *len; VS_ERR_ABSENT; VS_ERR_IO. */
vs_status vs_artifact_open(const char *data_dir, const char *sha256, int *fd,
                           uint64_t *len) VS_MUST_CHECK;

/* Reads a whole one of at most max bytes.  Gives *out (free()). */
vs_status vs_artifact_read(const char *data_dir, const char *sha256, size_t max,
                           uint8_t **out, size_t *len) VS_MUST_CHECK;

/* One upload under way. */
struct vs_upload {
	int fd; /* -1: none */
	EVP_MD_CTX *md;
	uint64_t len, max;
	char sha256[65];
	/* Of what is not under the hash of its bytes: VS_OK; VS_ERR_REFUSED.
	 * NULL: the hash is looked at. */
	vs_status (*judge)(const struct vs_upload *u);
	char temporary[VS_ARTIFACT_PATH_MAX];
	char path[VS_ARTIFACT_PATH_MAX];
};

/* VS_OK; VS_ERR_INPUT (no SHA-256); VS_ERR_IO.  vs_upload_drop() in every
 * case; it removes what is not finished.
 */
vs_status vs_upload_open(struct vs_upload *u, const char *data_dir,
                         const char *sha256, uint64_t max) VS_MUST_CHECK;
/* VS_OK; VS_ERR_LIMIT; VS_ERR_IO. */
vs_status vs_upload_add(struct vs_upload *u, const void *in,
                        size_t len) VS_MUST_CHECK;
/* Puts it under its name, durably.
 * VS_OK; VS_ERR_REFUSED (other bytes than named); VS_ERR_IO.
 */
vs_status vs_upload_close(struct vs_upload *u) VS_MUST_CHECK;
void vs_upload_drop(struct vs_upload *u);

#endif
