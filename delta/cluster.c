/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/cluster.c - liblz4.
 */
#include "delta/cluster.h"

#include <lz4.h>
#include <lz4hc.h>
#include <stdlib.h>
#include <string.h>

void vs_cluster_packer_drop(struct vs_cluster_packer *p)
{
	free(p->state);
	p->state = NULL;
}

/* Packed bytes at the begin of out; 0: it cannot be. */
static size_t fit(const struct vs_cluster_packer *p, int level,
                  const uint8_t *in, size_t len, uint8_t *out, size_t room,
                  size_t *used)
{
	int source = (int)len;
	int n = level == 0
	                ? LZ4_compress_destSize((const char *)in, (char *)out,
	                                        &source, (int)room)
	                : LZ4_compress_HC_destSize(p->state, (const char *)in,
	                                           (char *)out, &source,
	                                           (int)room, level);

	*used = source > 0 ? (size_t)source : 0;
	return n > 0 ? (size_t)n : 0;
}

static void store(const uint8_t *in, size_t len, uint8_t *out, size_t *used)
{
	*used = len < VS_DELTA_BLOCK ? len : VS_DELTA_BLOCK;
	memcpy(out, in, *used);
	memset(out + *used, 0, VS_DELTA_BLOCK - *used);
}

vs_status vs_cluster_pack(struct vs_cluster_packer *p, int level,
                          const uint8_t *in, size_t len, uint8_t *out,
                          size_t room, size_t *used, size_t *packed)
{
	size_t n = 0, blocks;

	if (level > 0 && !p->state)
		p->state = malloc((size_t)LZ4_sizeofStateHC());
	if (level > 0 && !p->state)
		return VS_ERR_NOMEM;
	if (len > VS_DELTA_BLOCK)
		n = fit(p, level, in, len, out, room, used);
	blocks = (n + VS_DELTA_BLOCK - 1) / VS_DELTA_BLOCK;
	*packed = blocks * VS_DELTA_BLOCK;
	if (n == 0 || *used <= *packed) {
		store(in, len, out, used);
		*packed = VS_DELTA_BLOCK;
		return VS_OK;
	}
	memmove(out + (*packed - n), out, n);
	memset(out, 0, *packed - n);
	return VS_OK;
}

vs_status vs_cluster_unpack(const uint8_t *in, size_t len, bool packed,
                            uint8_t *out, size_t out_len)
{
	int n;

	if (!packed) {
		if (out_len > len)
			return VS_ERR_INPUT;
		memcpy(out, in, out_len);
		return VS_OK;
	}
	/* a packed byte that is 0 would not stand first */
	while (len > 0 && *in == 0) {
		in++;
		len--;
	}
	n = LZ4_decompress_safe((const char *)in, (char *)out, (int)len,
	                        (int)out_len);
	return n >= 0 && (size_t)n == out_len ? VS_OK : VS_ERR_INPUT;
}
