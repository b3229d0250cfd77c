/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/seal/pack_test.c - what was packed comes back, and nothing else does.
 */
#include "seal/pack.h"
#include "tests/seal/fixture.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct vs_pack_decoder *decoder;
static struct vs_pack_encoder *encoder;
static uint8_t data[VS_CLUSTER_LEN + 1];
static uint8_t frame[VS_PACK_FRAME_MAX];
static uint8_t out[VS_CLUSTER_LEN + 1];

static int begin(void **state)
{
	(void)state;
	if (vs_pack_decoder_new(&decoder) != VS_OK)
		return -1;
	return vs_pack_encoder_new(3, &encoder) == VS_OK ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	vs_pack_decoder_free(&decoder);
	vs_pack_encoder_free(&encoder);
	vs_pack_decoder_free(&decoder); /* freed is safe to free */
	vs_pack_encoder_free(&encoder);
	return 0;
}

static void fill_text(size_t len)
{
	static const char words[] = "the way of a release ";

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)((size_t)words[i % 21] + i / 500 % 3);
}

static size_t encode(size_t len)
{
	size_t got = 0;

	assert_int_equal(vs_pack_encode(encoder, data, len, frame, &got),
	                 VS_OK);
	assert_in_range(got, 1, VS_PACK_FRAME_MAX);
	return got;
}

static void assert_round_trip(size_t len)
{
	size_t got = encode(len);

	memset(out, 0xa5, sizeof(out));
	assert_int_equal(vs_pack_decode(decoder, frame, got, out, len, NULL),
	                 VS_OK);
	assert_memory_equal(out, data, len);
	assert_int_equal(out[len], 0xa5);
}

static void a_cluster_of_any_length_comes_back(void **state)
{
	static const size_t lens[] = {1,      2,      255,           256,
	                              4096,   65535,  65536,         65792,
	                              131072, 524287, VS_CLUSTER_LEN};

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		fill_text(lens[i]);
		assert_round_trip(lens[i]);
		noise(data, lens[i], i); /* does not compress, still fits */
		assert_round_trip(lens[i]);
		memset(data, 0, lens[i]);
		assert_round_trip(lens[i]);
	}
}

static void every_level_decodes_the_same(void **state)
{
	struct vs_pack_encoder *e;
	size_t got;

	(void)state;
	fill_text(100000);
	for (int level = 1; level <= 19; level += 6) {
		assert_int_equal(vs_pack_encoder_new(level, &e), VS_OK);
		assert_int_equal(vs_pack_encode(e, data, 100000, frame, &got),
		                 VS_OK);
		assert_int_equal(
			vs_pack_decode(decoder, frame, got, out, 100000, NULL),
			VS_OK);
		assert_memory_equal(out, data, 100000);
		vs_pack_encoder_free(&e);
	}
	assert_int_equal(vs_pack_encoder_new(0, &e), VS_ERR_INPUT);
	assert_int_equal(vs_pack_encoder_new(20, &e), VS_ERR_INPUT);
	assert_null(e);
}

/* A5 */
static void lengths_no_cluster_has_are_refused(void **state)
{
	size_t got;

	(void)state;
	assert_int_equal(vs_pack_encode(encoder, data, 0, frame, &got),
	                 VS_ERR_LIMIT);
	assert_int_equal(
		vs_pack_encode(encoder, data, VS_CLUSTER_LEN + 1, frame, &got),
		VS_ERR_LIMIT);
	got = encode(10);
	assert_int_equal(vs_pack_decode(decoder, frame, got, out, 0, NULL),
	                 VS_ERR_INPUT);
	assert_int_equal(vs_pack_decode(decoder, frame, got, out,
	                                VS_CLUSTER_LEN + 1, NULL),
	                 VS_ERR_INPUT);
}

/* A5 */
static void a_frame_of_another_content_size_is_not_decoded(void **state)
{
	struct vs_why why;
	size_t got;

	(void)state;
	fill_text(5000);
	got = encode(5000);
	memset(out, 0xa5, sizeof(out));
	assert_int_equal(vs_pack_decode(decoder, frame, got, out, 4999, &why),
	                 VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_MALFORMED);
	assert_int_equal(vs_pack_decode(decoder, frame, got, out, 5001, &why),
	                 VS_ERR_INPUT);
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], 0xa5);
}

/* A frame that names no size could be a bomb: it is not looked into. */
static void a_frame_without_a_content_size_is_refused(void **state)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t got;

	(void)state;
	assert_non_null(c);
	fill_text(5000);
	assert_int_equal(ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0),
	                 0);
	got = ZSTD_compress2(c, frame, sizeof(frame), data, 5000);
	assert_false(ZSTD_isError(got));
	ZSTD_freeCCtx(c);
	assert_int_equal(vs_pack_decode(decoder, frame, got, out, 5000, NULL),
	                 VS_ERR_INPUT);
}

static void a_frame_cut_at_any_byte_is_refused(void **state)
{
	size_t got;

	(void)state;
	fill_text(3000);
	got = encode(3000);
	for (size_t cut = 0; cut < got; cut++)
		assert_int_equal(
			vs_pack_decode(decoder, frame, cut, out, 3000, NULL),
			VS_ERR_INPUT);
	/* the decoder is as good as new after a refusal */
	assert_round_trip(3000);
}

static void bytes_or_frames_behind_the_frame_are_refused(void **state)
{
	size_t got;

	(void)state;
	fill_text(3000);
	got = encode(3000);
	frame[got] = 0;
	assert_int_equal(
		vs_pack_decode(decoder, frame, got + 1, out, 3000, NULL),
		VS_ERR_INPUT);
	/* a skippable frame of no bytes */
	memcpy(frame + got, "\x50\x2a\x4d\x18\0\0\0\0", 8);
	assert_int_equal(
		vs_pack_decode(decoder, frame, got + 8, out, 3000, NULL),
		VS_ERR_INPUT);
	assert_int_equal(
		vs_pack_decode(decoder, frame + got, 8, out, 3000, NULL),
		VS_ERR_INPUT);
}

/* S0.25 */
static void a_flipped_bit_never_writes_past_the_cluster(void **state)
{
	size_t got;
	size_t refused = 0;

	(void)state;
	fill_text(3000);
	got = encode(3000);
	for (size_t bit = 0; bit < 8 * got; bit++) {
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		out[3000] = 0xa5;
		refused += vs_pack_decode(decoder, frame, got, out, 3000,
		                          NULL) != VS_OK;
		assert_int_equal(out[3000], 0xa5);
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_true(refused > 0); /* the rest is the tree's to catch */
}

static void head_fill(struct vs_pack_head *h, uint64_t image_len)
{
	memset(h, 0, sizeof(*h));
	h->image_len = image_len;
	h->clusters = (image_len + VS_CLUSTER_LEN - 1) / VS_CLUSTER_LEN;
	for (size_t i = 0; i < sizeof(h->root_hash); i++)
		h->root_hash[i] = (uint8_t)(i * 3);
}

/* tests/vectors/seal/pack-head.hex was made from docs/formats/pack.md alone */
static void the_head_is_the_one_of_the_document(void **state)
{
	struct vs_pack_head h;
	struct vs_pack_head back;
	uint8_t want[VS_PACK_HEAD_LEN];
	uint8_t got[VS_PACK_HEAD_LEN];

	(void)state;
	assert_int_equal(vector_load("pack-head.hex", want, sizeof(want)),
	                 sizeof(want));
	head_fill(&h, UINT64_C(0x0123456789));
	vs_pack_head_encode(&h, got);
	assert_memory_equal(got, want, sizeof(want));
	assert_int_equal(vs_pack_head_decode(want, &back, NULL), VS_OK);
	assert_memory_equal(&back, &h, sizeof(h));
	assert_int_equal(vs_pack_index_len(&back), 64 + 4 * 9321);
}

/* S0.25 */
static void odd_heads_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
		vs_reason reason;
	} bad[] = {
		{0,  'v',  VS_REASON_MALFORMED  }, /* magic */
		{7,  '2',  VS_REASON_MALFORMED  },
		{10, 4,    VS_REASON_UNSUPPORTED}, /* clusters of 256 KiB */
		{12, 2,    VS_REASON_MALFORMED  }, /* too few clusters */
		{12, 4,    VS_REASON_MALFORMED  }, /* too many */
		{15, 1,    VS_REASON_MALFORMED  },
		{23, 1,    VS_REASON_MALFORMED  }, /* image above maximum */
		{56, 1,    VS_REASON_MALFORMED  }, /* reserved */
		{63, 0x80, VS_REASON_MALFORMED  },
	};
	struct vs_pack_head h;
	struct vs_why why;
	uint8_t raw[VS_PACK_HEAD_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		head_fill(&h, 3 * (uint64_t)VS_CLUSTER_LEN);
		vs_pack_head_encode(&h, raw);
		assert_int_equal(vs_pack_head_decode(raw, &h, &why), VS_OK);
		raw[bad[i].at] = bad[i].byte;
		assert_int_equal(vs_pack_head_decode(raw, &h, &why),
		                 VS_ERR_INPUT);
		assert_int_equal(why.code, bad[i].reason);
	}
	head_fill(&h, 0);
	vs_pack_head_encode(&h, raw);
	assert_int_equal(vs_pack_head_decode(raw, &h, &why), VS_ERR_INPUT);
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void the_index_says_where_each_frame_lies(void **state)
{
	struct vs_pack_head h;
	struct vs_pack_index index;
	uint8_t raw[12];

	(void)state;
	head_fill(&h, 3 * (uint64_t)VS_CLUSTER_LEN);
	put32(raw, 1);
	put32(raw + 4, VS_PACK_FRAME_MAX);
	put32(raw + 8, 0x0102);
	assert_int_equal(
		vs_pack_index_decode(&h, raw, sizeof(raw), &index, NULL),
		VS_OK);
	assert_int_equal(index.clusters, 3);
	assert_int_equal(index.at[0], 64 + 12);
	assert_int_equal(index.at[1], 64 + 12 + 1);
	assert_int_equal(index.at[2], 64 + 12 + 1 + VS_PACK_FRAME_MAX);
	assert_int_equal(index.at[3], 64 + 12 + 1 + VS_PACK_FRAME_MAX + 0x0102);
	vs_pack_index_drop(&index);
	assert_null(index.at);
	vs_pack_index_drop(&index);
}

/* S0.25 */
static void an_index_of_impossible_frames_is_refused(void **state)
{
	struct vs_pack_head h;
	struct vs_pack_index index;
	struct vs_why why;
	uint8_t raw[13] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0};

	(void)state;
	head_fill(&h, 3 * (uint64_t)VS_CLUSTER_LEN);
	for (size_t len = 0; len <= sizeof(raw); len++) {
		if (len == 12)
			continue;
		assert_int_equal(
			vs_pack_index_decode(&h, raw, len, &index, &why),
			VS_ERR_INPUT);
		assert_null(index.at);
	}
	put32(raw + 8, 0);
	assert_int_equal(vs_pack_index_decode(&h, raw, 12, &index, &why),
	                 VS_ERR_INPUT);
	assert_int_equal(why.at, 8);
	put32(raw + 8, VS_PACK_FRAME_MAX + 1);
	assert_int_equal(vs_pack_index_decode(&h, raw, 12, &index, &why),
	                 VS_ERR_INPUT);
	assert_null(index.at);
	h.clusters = VS_PACK_CLUSTERS_MAX + 1; /* not from head_decode */
	assert_int_equal(vs_pack_index_decode(&h, raw, (size_t)h.clusters * 4,
	                                      &index, &why),
	                 VS_ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cluster_of_any_length_comes_back),
		cmocka_unit_test(every_level_decodes_the_same),
		cmocka_unit_test(lengths_no_cluster_has_are_refused),
		cmocka_unit_test(
			a_frame_of_another_content_size_is_not_decoded),
		cmocka_unit_test(a_frame_without_a_content_size_is_refused),
		cmocka_unit_test(a_frame_cut_at_any_byte_is_refused),
		cmocka_unit_test(bytes_or_frames_behind_the_frame_are_refused),
		cmocka_unit_test(a_flipped_bit_never_writes_past_the_cluster),
		cmocka_unit_test(the_head_is_the_one_of_the_document),
		cmocka_unit_test(odd_heads_are_refused),
		cmocka_unit_test(the_index_says_where_each_frame_lies),
		cmocka_unit_test(an_index_of_impossible_frames_is_refused),
	};

	return cmocka_run_group_tests_name("seal pack", tests, begin, end);
}
