/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/seallog.c - files of the log: names, tiles, proofs.
 */
#include "server/publish/seallog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "server/publish/seallog_check.h"
#include "trust/tlog.h"

static vs_status path_of(const struct vs_seallog *log, const char *sub,
                         const char *name, char out[static PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/log/%s%s", log->data_dir, sub,
	                 name);

	return n < 0 || n >= PATH_MAX ? VS_ERR_LIMIT : VS_OK;
}

static vs_status open_file(const char *path, int *fd, uint64_t *len)
{
	struct stat st;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? VS_ERR_ABSENT
		                                           : VS_ERR_IO;
	if (fstat(*fd, &st)) {
		close(*fd);
		*fd = -1;
		return VS_ERR_IO;
	}
	*len = (uint64_t)st.st_size;
	return VS_OK;
}

vs_status vs_seallog_open(const struct vs_seallog *log, const char *name,
                          int *fd, uint64_t *len)
{
	char path[PATH_MAX];
	struct vs_tile tile;

	if (strcmp(name, "checkpoint") != 0 && vs_tile_parse(name, &tile))
		return VS_ERR_ABSENT;
	vs_status status = path_of(log, "", name, path);
	return status ? status : open_file(path, fd, len);
}

vs_status vs_seallog_read(const struct vs_seallog *log, const char *name,
                          size_t max, uint8_t **out, size_t *len)
{
	char path[PATH_MAX];
	vs_status status = path_of(log, "", name, path);

	return status ? status : vs_file_read(path, max, out, len);
}

static vs_status write_file(const char *path, const void *in, size_t len)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof dir, "%s", path);
	*strrchr(dir, '/') = '\0';
	vs_status status = vs_file_mkdirs(dir, 0755);
	return status ? status : vs_file_replace(path, in, len, 0644);
}

vs_status vs_seallog_write(const struct vs_seallog *log, const char *name,
                           const void *in, size_t len)
{
	char path[PATH_MAX];
	vs_status status = path_of(log, "", name, path);

	return status ? status : write_file(path, in, len);
}

static vs_status check_shape(const struct vs_tile *tile, const void *in,
                             size_t len, struct vs_why *why)
{
	const uint8_t *at = in, *entry;
	size_t left = len, entry_len;
	unsigned count = 0;

	if (!tile->entries)
		return len == (size_t)tile->width * VS_HASH_LEN
		               ? VS_OK
		               : vs_fail(VS_ERR_INPUT, why,
		                         VS_REASON_LENGTH_MISMATCH,
		                         "not as many hashes as its name says",
		                         0);
	while (!vs_bundle_next(&at, &left, &entry, &entry_len))
		count++;
	if (left || count != tile->width)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "not as many entries as its name says", 0);
	return VS_OK;
}

/* What a checkpoint covers stays as it is. */
static vs_status check_new(const struct vs_seallog *log, const char *name,
                           const struct vs_tile *tile, const void *in,
                           size_t len, struct vs_why *why)
{
	VS_AUTO(vs_free_drop) uint8_t *old = NULL;
	struct vs_merkle_head head;
	size_t old_len;
	vs_status status = vs_seallog_head(log, &head, why);

	if (status)
		return status;
	if (vs_tile_width(tile->level, tile->index, head.size) < tile->width)
		return VS_OK;
	status = vs_seallog_read(log, name, VS_BUNDLE_LEN_MAX, &old, &old_len);
	if (status == VS_ERR_ABSENT)
		return VS_OK;
	if (status)
		return vs_fail(status, why, VS_REASON_UNREADABLE, "tile", 0);
	if (old_len != len || memcmp(old, in, len) != 0)
		return vs_fail(VS_ERR_STATE, why, VS_REASON_CONFLICT,
		               "the checkpoint covers other bytes", 0);
	return VS_OK;
}

vs_status vs_seallog_put_tile(const struct vs_seallog *log, const char *name,
                              const void *in, size_t len, struct vs_why *why)
{
	struct vs_tile tile;

	if (vs_tile_parse(name, &tile))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_BAD_PATH,
		               "not a name that a tile has", 0);
	vs_status status = check_shape(&tile, in, len, why);
	if (!status)
		status = check_new(log, name, &tile, in, len, why);
	if (status)
		return status;
	status = vs_seallog_write(log, name, in, len);
	return status ? vs_fail(status, why, VS_REASON_UNREADABLE, "tile", 0)
	              : VS_OK;
}

static void leaf_of(const struct vs_seallog_seal *seal, struct vs_leaf *out)
{
	const struct vs_seal_header *h = seal->header;

	*out = (struct vs_leaf){
		.release_seq = h->release_seq,
		.security_version = h->security_version,
		.seal_len = seal->len,
	};
	snprintf(out->component, sizeof out->component, "%s", h->component);
	snprintf(out->version, sizeof out->version, "%s", h->version);
	snprintf(out->seal_sha256, sizeof out->seal_sha256, "%s", seal->sha256);
	for (size_t i = 0; i < VS_HARDWARE_MAX && h->hardware[i][0]; i++)
		snprintf(out->hardware[out->hardware_count++], VS_LEAF_TEXT_LEN,
		         "%s", h->hardware[i]);
}

vs_status vs_seallog_judge(const struct vs_seallog *log,
                           const struct vs_seallog_seal *seal,
                           const void *proof, size_t len, struct vs_why *why)
{
	struct vs_leaf leaf;
	const struct vs_tlog_question q = {
		.proof = proof,
		.proof_len = len,
		.seal = &leaf,
		.policy = log->policy,
	};

	leaf_of(seal, &leaf);
	if (!log->policy) {
		struct vs_proof parsed;

		return vs_proof_parse(proof, len, &parsed, why);
	}
	VS_AUTO(vs_free_drop)
	struct vs_tlog_verdict *verdict = calloc(1, sizeof *verdict);
	return verdict ? vs_tlog_judge(&q, verdict, why)
	               : vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "memory",
	                         0);
}

vs_status vs_seallog_put_proof(const struct vs_seallog *log, const char *sha256,
                               const void *in, size_t len)
{
	char path[PATH_MAX];

	if (!vs_hex_is_sha256(sha256))
		return VS_ERR_INPUT;
	vs_status status = path_of(log, "proofs/", sha256, path);
	return status ? status : write_file(path, in, len);
}

vs_status vs_seallog_read_proof(const struct vs_seallog *log,
                                const char *sha256, uint8_t **out, size_t *len)
{
	char path[PATH_MAX];

	if (!vs_hex_is_sha256(sha256))
		return VS_ERR_ABSENT;
	vs_status status = path_of(log, "proofs/", sha256, path);
	return status ? status : vs_file_read(path, VS_PROOF_LEN_MAX, out, len);
}

vs_status vs_seallog_open_proof(const struct vs_seallog *log,
                                const char *sha256, int *fd, uint64_t *len)
{
	char path[PATH_MAX];

	if (!vs_hex_is_sha256(sha256))
		return VS_ERR_ABSENT;
	vs_status status = path_of(log, "proofs/", sha256, path);
	return status ? status : open_file(path, fd, len);
}
