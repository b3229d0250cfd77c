/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/packer.c - libzstd, liblzma, zlib: a row each.
 *
 * What makes the bytes is what mksquashfs gives its libraries, no more.
 */
#include "delta/packer.h"

#include <limits.h>
#include <lz4.h>
#include <lzma.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#define XZ_TABLES 2                       /* 8 KiB */
#define XZ_MEMORY_MAX (UINT64_C(4) << 20) /* to unpack */
#define KIB(n) (UINT32_C(1024) * UINT32_C(n))

/* One piece of work. */
struct piece {
	int level;
	const uint8_t *in;
	size_t len;
	uint8_t *out;
	size_t room, done;
};

struct row {
	uint32_t (*version)(void);
	int level_min, level_max;
	uint32_t helped_max;
	/* VS_OK and done; VS_ERR_LIMIT, VS_ERR_NOMEM */
	vs_status (*pack)(struct vs_packer *p, struct piece *w);
	/* VS_OK and done; VS_ERR_INPUT, VS_ERR_NOMEM */
	vs_status (*open)(struct vs_packer *p, struct piece *w);
};

static uint32_t zstd_version(void)
{
	return ZSTD_versionNumber();
}

static vs_status zstd_pack(struct vs_packer *p, struct piece *w)
{
	if (!p->pack)
		p->pack = ZSTD_createCCtx();
	if (!p->pack)
		return VS_ERR_NOMEM;
	w->done = ZSTD_compressCCtx(p->pack, w->out, w->room, w->in, w->len,
	                            w->level);
	return ZSTD_isError(w->done) ? VS_ERR_LIMIT : VS_OK;
}

static vs_status zstd_open(struct vs_packer *p, struct piece *w)
{
	if (!p->unpack)
		p->unpack = ZSTD_createDCtx();
	if (!p->unpack)
		return VS_ERR_NOMEM;
	w->done =
		ZSTD_decompressDCtx(p->unpack, w->out, w->room, w->in, w->len);
	return ZSTD_isError(w->done) ? VS_ERR_INPUT : VS_OK;
}

/* The level is the dictionary's size as LZMA2 writes it. */
static uint32_t xz_dictionary(int level)
{
	return (UINT32_C(2) | ((uint32_t)level & 1)) << (level / 2 + 11);
}

static vs_status xz_pack(struct vs_packer *p, struct piece *w)
{
	lzma_options_lzma how;
	lzma_filter filters[] = {
		{LZMA_FILTER_LZMA2, &how},
                {LZMA_VLI_UNKNOWN,  NULL}
        };
	lzma_ret ret;

	(void)p;
	if (lzma_lzma_preset(&how, LZMA_PRESET_DEFAULT))
		return VS_ERR_LIMIT;
	how.dict_size = xz_dictionary(w->level);
	ret = lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL, w->in,
	                                w->len, w->out, &w->done, w->room);
	if (ret == LZMA_MEM_ERROR)
		return VS_ERR_NOMEM;
	return ret == LZMA_OK ? VS_OK : VS_ERR_LIMIT;
}

static vs_status xz_open(struct vs_packer *p, struct piece *w)
{
	uint64_t memory = XZ_MEMORY_MAX;
	size_t at = 0;
	lzma_ret ret =
		lzma_stream_buffer_decode(&memory, 0, NULL, w->in, &at, w->len,
	                                  w->out, &w->done, w->room);

	(void)p;
	if (ret == LZMA_MEM_ERROR)
		return VS_ERR_NOMEM;
	return ret == LZMA_OK && at == w->len ? VS_OK : VS_ERR_INPUT;
}

/* "1.2.13" */
static uint32_t gzip_version(void)
{
	uint32_t version = 0, number = 0;
	int dots = 0;

	for (const char *c = zlibVersion(); *c && dots < 3; c++) {
		if (*c >= '0' && *c <= '9') {
			number = number * 10 + (uint32_t)(*c - '0');
			continue;
		}
		version = version << 8 | (number & 0xff);
		number = 0;
		dots = *c == '.' ? dots + 1 : 3;
	}
	return version << 8 | (number & 0xff);
}

static void gzip_drop(struct vs_packer *p)
{
	if (p->deflate)
		(void)deflateEnd(p->deflate);
	free(p->deflate);
	p->deflate = NULL;
}

/* One for each level. */
static z_stream *gzip_stream(struct vs_packer *p, int level)
{
	if (p->deflate && p->deflate_level != level)
		gzip_drop(p);
	if (p->deflate)
		return deflateReset(p->deflate) == Z_OK ? p->deflate : NULL;
	p->deflate_level = level;
	p->deflate = calloc(1, sizeof(z_stream));
	if (p->deflate &&
	    deflateInit2((z_stream *)p->deflate, level, Z_DEFLATED, MAX_WBITS,
	                 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(p->deflate);
		p->deflate = NULL;
	}
	return p->deflate;
}

static vs_status gzip_pack(struct vs_packer *p, struct piece *w)
{
	z_stream *z = gzip_stream(p, w->level);
	int ret;

	if (!z)
		return VS_ERR_NOMEM;
	if (w->len > UINT_MAX || w->room > UINT_MAX)
		return VS_ERR_LIMIT;
	z->next_in = (z_const Bytef *)(uintptr_t)w->in;
	z->avail_in = (uInt)w->len;
	z->next_out = w->out;
	z->avail_out = (uInt)w->room;
	ret = deflate(z, Z_FINISH);
	w->done = z->total_out;
	return ret == Z_STREAM_END ? VS_OK : VS_ERR_LIMIT;
}

static vs_status gzip_open(struct vs_packer *p, struct piece *w)
{
	uLongf done = w->room;
	int ret = uncompress(w->out, &done, w->in, w->len);

	(void)p;
	w->done = done;
	if (ret == Z_MEM_ERROR)
		return VS_ERR_NOMEM;
	return ret == Z_OK ? VS_OK : VS_ERR_INPUT;
}

static uint32_t lz4_version(void)
{
	return (uint32_t)LZ4_versionNumber();
}

/* It packs clusters, delta/cluster.c, and no units. */
static vs_status lz4_pack(struct vs_packer *p, struct piece *w)
{
	(void)p;
	(void)w;
	return VS_ERR_LIMIT;
}

static vs_status lz4_open(struct vs_packer *p, struct piece *w)
{
	(void)p;
	(void)w;
	return VS_ERR_INPUT;
}

/* clang-format off */
static const struct row rows[VS_PACKING_COUNT] = {
	[VS_PACKING_ZSTD] = {zstd_version, 1, 22, KIB(256),
	                     zstd_pack, zstd_open},
	[VS_PACKING_XZ] = {lzma_version_number, 2, 16, KIB(256),
	                   xz_pack, xz_open},
	[VS_PACKING_GZIP] = {gzip_version, 1, 9, KIB(512),
	                     gzip_pack, gzip_open},
	[VS_PACKING_LZ4] = {lz4_version, 0, 12, 0, lz4_pack, lz4_open},
};
/* clang-format on */

static const struct row *row_of(enum vs_packing packing)
{
	return (unsigned)packing < VS_PACKING_COUNT && rows[packing].pack
	               ? &rows[packing]
	               : NULL;
}

uint32_t vs_packing_version(enum vs_packing packing)
{
	const struct row *row = row_of(packing);

	return row ? row->version() : 0;
}

bool vs_packing_has(enum vs_packing packing, int level)
{
	const struct row *row = row_of(packing);

	if (!row)
		return packing == VS_PACKING_NONE && level == 0;
	return level >= row->level_min && level <= row->level_max;
}

int vs_packing_tables_level(enum vs_packing packing, int level)
{
	return packing == VS_PACKING_XZ ? XZ_TABLES : level;
}

uint32_t vs_packing_helped_max(enum vs_packing packing)
{
	const struct row *row = row_of(packing);

	return row ? row->helped_max : 0;
}

void vs_packer_drop(struct vs_packer *p)
{
	ZSTD_freeCCtx(p->pack);
	ZSTD_freeDCtx(p->unpack);
	gzip_drop(p);
	*p = (struct vs_packer){0};
}

vs_status vs_packer_pack(struct vs_packer *p, enum vs_packing packing,
                         int level, const uint8_t *in, size_t len, uint8_t *out,
                         size_t room, size_t *out_len)
{
	const struct row *row = row_of(packing);
	struct piece w = {level, in, len, out, room, 0};
	vs_status status = VS_ERR_LIMIT;

	if (row)
		status = row->pack(p, &w);
	if (status == VS_OK)
		*out_len = w.done;
	return status;
}

vs_status vs_packer_open(struct vs_packer *p, enum vs_packing packing,
                         const uint8_t *in, size_t len, uint8_t *out,
                         size_t room, size_t *out_len)
{
	const struct row *row = row_of(packing);
	struct piece w = {0, in, len, out, room, 0};
	vs_status status = VS_ERR_INPUT;

	if (row)
		status = row->open(p, &w);
	if (status == VS_OK)
		*out_len = w.done;
	return status;
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
