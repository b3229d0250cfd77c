/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_checkpoint.c - a checkpoint that is read is written the
 * same, but for lines after its root; and what a witness is asked.
 *
 * The input is a note, or a request that ends in one; neither is signed.
 */
#include <assert.h>
#include <string.h>

#include "trust/witness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void checkpoint(const void *data, size_t size)
{
	char text[VS_CHECKPOINT_TEXT_LEN + 1];
	struct vs_text t = {text, sizeof text, 0};
	struct vs_checkpoint c;
	struct vs_note n;

	if (vs_note_parse(data, size, &n, NULL) ||
	    vs_checkpoint_parse(&n, &c, NULL))
		return;
	assert(vs_checkpoint_encode(&c, &t) == VS_OK);
	assert(t.len <= n.text.len && !memcmp(t.at, n.text.at, t.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[VS_WITNESS_REQUEST_MAX + 1];
	struct vs_text t = {text, sizeof text, 0};
	struct vs_witness_request r;

	checkpoint(data, size);
	if (vs_witness_parse(data, size, &r, NULL))
		return 0;
	checkpoint(r.checkpoint.at, r.checkpoint.len);
	assert(vs_witness_encode(&r, &t) == VS_OK);
	assert(t.len == size && !memcmp(t.at, data, size));
	return 0;
}
