/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_pack.c - head, index and first frame of a pack.
 *
 * The head has one encoding; the index's offsets ascend from its end; a frame
 * decodes to the length that was asked for or not at all.
 */
#include <assert.h>
#include <string.h>

#include "seal/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_frame(const struct vs_pack_head *head, const uint8_t *frame,
                      size_t len)
{
	static uint8_t out[VS_CLUSTER_LEN + 1];
	struct vs_pack_decoder *d;
	struct vs_why why = {0};
	size_t want = head->image_len < VS_CLUSTER_LEN ? (size_t)head->image_len
	                                               : VS_CLUSTER_LEN;

	assert(vs_pack_decoder_new(&d) == VS_OK);
	out[want] = 0xa5;
	if (vs_pack_decode(d, frame, len, out, want, &why) != VS_OK)
		assert(why.code == VS_REASON_MALFORMED);
	assert(out[want] == 0xa5);
	vs_pack_decoder_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t again[VS_PACK_HEAD_LEN];
	struct vs_pack_head h;
	struct vs_pack_index index;

	if (size < VS_PACK_HEAD_LEN ||
	    vs_pack_head_decode(data, &h, NULL) != VS_OK)
		return 0;
	vs_pack_head_encode(&h, again);
	assert(memcmp(again, data, sizeof(again)) == 0);
	if (size < vs_pack_index_len(&h) ||
	    vs_pack_index_decode(&h, data + VS_PACK_HEAD_LEN,
	                         vs_pack_index_len(&h) - VS_PACK_HEAD_LEN,
	                         &index, NULL) != VS_OK)
		return 0;
	assert(index.at[0] == vs_pack_index_len(&h));
	for (uint64_t i = 0; i < index.clusters; i++)
		assert(index.at[i] < index.at[i + 1]);
	if (index.at[1] <= size)
		try_frame(&h, data + index.at[0],
		          (size_t)(index.at[1] - index.at[0]));
	vs_pack_index_drop(&index);
	return 0;
}
