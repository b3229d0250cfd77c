/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/packer.c - libzstd.
 */
#include "delta/packer.h"

#include <zstd.h>

uint32_t vs_packing_version(enum vs_packing packing)
{
	return packing == VS_PACKING_ZSTD ? ZSTD_versionNumber() : 0;
}

bool vs_packing_has(enum vs_packing packing, int level)
{
	if (packing == VS_PACKING_ZSTD)
		return level >= 1 && level <= ZSTD_maxCLevel();
	return packing == VS_PACKING_NONE && level == 0;
}

void vs_packer_drop(struct vs_packer *p)
{
	ZSTD_freeCCtx(p->pack);
	ZSTD_freeDCtx(p->unpack);
	*p = (struct vs_packer){NULL, NULL};
}

vs_status vs_packer_pack(struct vs_packer *p, enum vs_packing packing,
                         int level, const uint8_t *in, size_t len, uint8_t *out,
                         size_t room, size_t *out_len)
{
	size_t n;

	if (packing != VS_PACKING_ZSTD)
		return VS_ERR_LIMIT;
	if (!p->pack)
		p->pack = ZSTD_createCCtx();
	if (!p->pack)
		return VS_ERR_NOMEM;
	n = ZSTD_compressCCtx(p->pack, out, room, in, len, level);
	if (ZSTD_isError(n))
		return VS_ERR_LIMIT;
	*out_len = n;
	return VS_OK;
}

vs_status vs_packer_open(struct vs_packer *p, enum vs_packing packing,
                         const uint8_t *in, size_t len, uint8_t *out,
                         size_t room, size_t *out_len)
{
	size_t n;

	if (packing != VS_PACKING_ZSTD)
		return VS_ERR_INPUT;
	if (!p->unpack)
		p->unpack = ZSTD_createDCtx();
	if (!p->unpack)
		return VS_ERR_NOMEM;
	n = ZSTD_decompressDCtx(p->unpack, out, room, in, len);
	if (ZSTD_isError(n))
		return VS_ERR_INPUT;
	*out_len = n;
	return VS_OK;
}

vs_status vs_packer_unpack(struct vs_packer *p, enum vs_packing packing,
                           const uint8_t *in, size_t len, uint8_t *out,
                           size_t out_len)
{
	size_t got = 0;
	vs_status status =
		vs_packer_open(p, packing, in, len, out, out_len, &got);

	return status == VS_OK && got != out_len ? VS_ERR_INPUT : status;
}
