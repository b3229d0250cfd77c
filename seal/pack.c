/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/pack.c - an image in clusters that can be fetched one by one.
 *
 * zstd only ever sees a buffer of the right size: the frame's own content
 * size is compared before anything is decoded.
 */
#include "seal/pack.h"
#include "seal/bytes.h"

#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum {
	AT_MAGIC = 0,
	AT_CLUSTER_LEN = 8,
	AT_CLUSTERS = 12,
	AT_IMAGE_LEN = 16,
	AT_ROOT_HASH = 24,
	AT_RESERVED = 56,
};

static const uint8_t magic[8] = {'V', 'P', 'A', 'C', 'K', '0', '0', '1'};

struct vs_pack_decoder {
	ZSTD_DCtx *zstd;
};

struct vs_pack_encoder {
	ZSTD_CCtx *zstd;
};

static vs_status malformed(struct vs_why *why, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, at);
}

vs_status vs_pack_head_decode(const uint8_t in[static VS_PACK_HEAD_LEN],
                              struct vs_pack_head *out, struct vs_why *why)
{
	size_t zeros;

	if (memcmp(in + AT_MAGIC, magic, sizeof(magic)) != 0)
		return malformed(why, "not a pack", AT_MAGIC);
	if (get32(in + AT_CLUSTER_LEN) != VS_CLUSTER_LEN)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED,
		               "unknown cluster length", AT_CLUSTER_LEN);
	zeros = first_nonzero(in + AT_RESERVED, VS_PACK_HEAD_LEN - AT_RESERVED);
	if (zeros < VS_PACK_HEAD_LEN - AT_RESERVED)
		return malformed(why, "reserved byte is not zero",
		                 AT_RESERVED + zeros);
	out->image_len = get64(in + AT_IMAGE_LEN);
	out->clusters = get32(in + AT_CLUSTERS);
	if (out->image_len == 0 || out->image_len > VS_IMAGE_LEN_MAX)
		return malformed(why, "bad image_len", AT_IMAGE_LEN);
	if (out->clusters !=
	    (out->image_len + VS_CLUSTER_LEN - 1) / VS_CLUSTER_LEN)
		return malformed(why, "clusters do not make the image",
		                 AT_CLUSTERS);
	memcpy(out->root_hash, in + AT_ROOT_HASH, VS_SHA256_LEN);
	return VS_OK;
}

void vs_pack_head_encode(const struct vs_pack_head *in,
                         uint8_t out[static VS_PACK_HEAD_LEN])
{
	memset(out, 0, VS_PACK_HEAD_LEN);
	memcpy(out + AT_MAGIC, magic, sizeof(magic));
	put32(out + AT_CLUSTER_LEN, VS_CLUSTER_LEN);
	put32(out + AT_CLUSTERS, (uint32_t)in->clusters);
	put64(out + AT_IMAGE_LEN, in->image_len);
	memcpy(out + AT_ROOT_HASH, in->root_hash, VS_SHA256_LEN);
}

size_t vs_pack_index_len(const struct vs_pack_head *head)
{
	return VS_PACK_HEAD_LEN + (size_t)head->clusters * 4;
}

vs_status vs_pack_index_decode(const struct vs_pack_head *head,
                               const uint8_t *in, size_t len,
                               struct vs_pack_index *out, struct vs_why *why)
{
	uint32_t frame_len;

	memset(out, 0, sizeof(*out));
	if (head->clusters > VS_PACK_CLUSTERS_MAX || len != head->clusters * 4)
		return malformed(why, "index is not of the pack's length", len);
	out->at = calloc(head->clusters + 1, sizeof(*out->at));
	if (!out->at)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE,
		               "no memory for the index", 0);
	out->clusters = head->clusters;
	out->at[0] = vs_pack_index_len(head);
	for (size_t i = 0; i < head->clusters; i++) {
		frame_len = get32(in + i * 4);
		if (frame_len == 0 || frame_len > VS_PACK_FRAME_MAX) {
			vs_pack_index_drop(out);
			return malformed(why, "bad frame length", i * 4);
		}
		out->at[i + 1] = out->at[i] + frame_len;
	}
	return VS_OK;
}

void vs_pack_index_drop(struct vs_pack_index *i)
{
	free(i->at);
	memset(i, 0, sizeof(*i));
}

vs_status vs_pack_decoder_new(struct vs_pack_decoder **out)
{
	struct vs_pack_decoder *d = calloc(1, sizeof(*d));

	*out = NULL;
	if (!d)
		return VS_ERR_NOMEM;
	d->zstd = ZSTD_createDCtx();
	if (!d->zstd) {
		free(d);
		return VS_ERR_NOMEM;
	}
	*out = d;
	return VS_OK;
}

void vs_pack_decoder_free(struct vs_pack_decoder **d)
{
	if (*d)
		ZSTD_freeDCtx((*d)->zstd);
	free(*d);
	*d = NULL;
}

vs_status vs_pack_decode(struct vs_pack_decoder *d, const uint8_t *frame,
                         size_t len, uint8_t *out, size_t want,
                         struct vs_why *why)
{
	size_t got;

	if (want == 0 || want > VS_CLUSTER_LEN)
		return malformed(why, "no cluster is of this length", 0);
	if (len < 4 || get32(frame) != ZSTD_MAGICNUMBER)
		return malformed(why, "not a zstd frame", 0);
	if (ZSTD_getFrameContentSize(frame, len) != want)
		return malformed(why, "frame names another content size", 0);
	if (ZSTD_findFrameCompressedSize(frame, len) != len)
		return malformed(why, "frame is not of the index's length", 0);
	got = ZSTD_decompressDCtx(d->zstd, out, want, frame, len);
	if (ZSTD_isError(got) &&
	    ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE,
		               "no memory for the decoder", 0);
	if (ZSTD_isError(got) || got != want)
		return malformed(why, "frame does not decode", 0);
	return VS_OK;
}

vs_status vs_pack_encoder_new(int level, struct vs_pack_encoder **out)
{
	struct vs_pack_encoder *e;

	*out = NULL;
	if (level < 1 || level > 19)
		return VS_ERR_INPUT;
	e = calloc(1, sizeof(*e));
	if (!e)
		return VS_ERR_NOMEM;
	e->zstd = ZSTD_createCCtx();
	if (!e->zstd ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(
		    e->zstd, ZSTD_c_compressionLevel, level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(e->zstd, ZSTD_c_contentSizeFlag,
	                                        1)) ||
	    ZSTD_isError(
		    ZSTD_CCtx_setParameter(e->zstd, ZSTD_c_checksumFlag, 0))) {
		vs_pack_encoder_free(&e);
		return VS_ERR_NOMEM;
	}
	*out = e;
	return VS_OK;
}

void vs_pack_encoder_free(struct vs_pack_encoder **e)
{
	if (*e)
		ZSTD_freeCCtx((*e)->zstd);
	free(*e);
	*e = NULL;
}

vs_status vs_pack_encode(struct vs_pack_encoder *e, const uint8_t *data,
                         size_t len, uint8_t out[static VS_PACK_FRAME_MAX],
                         size_t *out_len)
{
	size_t got;

	if (len == 0 || len > VS_CLUSTER_LEN)
		return VS_ERR_LIMIT;
	got = ZSTD_compress2(e->zstd, out, VS_PACK_FRAME_MAX, data, len);
	if (ZSTD_isError(got))
		return VS_ERR_NOMEM; /* nothing else can fail: the bound fits */
	*out_len = got;
	return VS_OK;
}
