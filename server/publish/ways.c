/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/ways.c - trees compared node by node.
 */
#include "server/publish/ways.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "seal/seal.h"
#include "server/publish/delta.h"

const char *vs_way_name(enum vs_way_kind kind)
{
	static const char *const names[] = {
		[VS_WAY_NOTHING] = "nothing",
		[VS_WAY_DELTA] = "delta",
		[VS_WAY_CLUSTERS] = "clusters",
		[VS_WAY_WHOLE] = "whole",
	};

	return names[kind];
}

/* A seal, and the file that it points into. */
struct sealed {
	uint8_t *file; /* owned */
	struct vs_seal seal;
};

static void sealed_drop(struct sealed *s)
{
	free(s->file);
}

static vs_status load(const char *data_dir, const char *sha256,
                      struct sealed *out)
{
	size_t len;
	vs_status status = vs_artifact_read(data_dir, sha256, VS_SEAL_LEN_MAX,
	                                    &out->file, &len);

	return status ? status
	              : vs_seal_decode(out->file, len, &out->seal, NULL);
}

vs_status vs_way_read_index(int fd, uint64_t clusters,
                            struct vs_pack_index *out)
{
	uint8_t raw[VS_PACK_HEAD_LEN];
	struct vs_pack_head head;
	uint8_t *index = NULL;
	size_t len;
	vs_status status = vs_file_pread(fd, raw, sizeof raw, 0);

	if (!status)
		status = vs_pack_head_decode(raw, &head, NULL);
	if (!status && head.clusters != clusters)
		status = VS_ERR_INPUT;
	if (status)
		return status;
	len = vs_pack_index_len(&head) - VS_PACK_HEAD_LEN;
	index = malloc(len);
	if (!index)
		return VS_ERR_NOMEM;
	status = vs_file_pread(fd, index, len, VS_PACK_HEAD_LEN);
	if (!status)
		status = vs_pack_index_decode(&head, index, len, out, NULL);
	free(index);
	return status;
}

/* The hash that covers cluster i, whose leaf block hashes to it. */
static const uint8_t *node_of(const struct vs_seal *s, uint64_t i)
{
	if (s->tree.levels < 2)
		return s->header.root_hash;
	return s->upper + s->tree.level_at[1] + i * VS_SHA256_LEN;
}

static bool stands(const struct vs_seal *old, const struct vs_seal *new,
                   uint64_t i)
{
	return i < old->tree.clusters &&
	       (old->tree.levels > 0) == (new->tree.levels > 0) &&
	       memcmp(old->header.salt, new->header.salt, VS_SALT_LEN) == 0 &&
	       memcmp(node_of(old, i), node_of(new, i), VS_SHA256_LEN) == 0;
}

/* Bytes of the missing clusters and of what says where they are. */
static void count(const struct vs_seal *old, const struct vs_seal *new,
                  const struct vs_pack_index *index, struct vs_way *out)
{
	uint64_t missing = 0;

	for (uint64_t i = 0; i < index->clusters; i++) {
		if (stands(old, new, i))
			continue;
		missing++;
		out->clusters_len += index->at[i + 1] - index->at[i];
	}
	if (missing > 0)
		out->clusters_len += index->at[0];
	out->kind = missing == 0                ? VS_WAY_NOTHING
	            : missing < index->clusters ? VS_WAY_CLUSTERS
	                                        : VS_WAY_WHOLE;
	out->bytes = out->clusters_len;
}

static vs_status weigh_delta(const char *data_dir, struct vs_way *out)
{
	char name[VS_DELTA_NAME_LEN];
	vs_status status;
	int fd;

	vs_delta_name(out->old_root, out->new_root, name);
	status = vs_delta_open(data_dir, name, &fd, &out->delta_len);
	if (status)
		return status == VS_ERR_ABSENT ? VS_OK : status;
	vs_fd_drop(&fd);
	if (out->delta_len < out->clusters_len) {
		out->kind = VS_WAY_DELTA;
		out->bytes = out->delta_len;
	}
	return VS_OK;
}

static vs_status compare(const char *data_dir, const char *pack,
                         const struct vs_seal *old, const struct vs_seal *new,
                         struct vs_way *out)
{
	VS_AUTO(vs_fd_drop) int fd = -1;
	struct vs_pack_index index = {0};
	uint64_t len;
	vs_status status = vs_artifact_open(data_dir, pack, &fd, &len);

	if (!status)
		status = vs_way_read_index(fd, new->tree.clusters, &index);
	if (!status) {
		count(old, new, &index, out);
		status = weigh_delta(data_dir, out);
	}
	vs_pack_index_drop(&index);
	return status;
}

vs_status vs_way_between(const char *data_dir, const struct vs_way_end *from,
                         const struct vs_way_end *to, struct vs_way *out)
{
	VS_AUTO(sealed_drop) struct sealed old = {0};
	VS_AUTO(sealed_drop) struct sealed new = {0};
	vs_status status = load(data_dir, from->seal, &old);

	*out = (struct vs_way){0};
	if (!status)
		status = load(data_dir, to->seal, &new);
	if (status)
		return status;
	memcpy(out->old_root, old.seal.header.root_hash, sizeof out->old_root);
	memcpy(out->new_root, new.seal.header.root_hash, sizeof out->new_root);
	return compare(data_dir, to->pack, &old.seal, &new.seal, out);
}
