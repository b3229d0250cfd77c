/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_proof.c - a proof that is read is written the same; its
 * extra data, if ours, too.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "trust/tlog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void evidence(const uint8_t *extra, size_t len)
{
	struct vs_evidence e;
	struct vs_merkle_proof link;
	char *entry;

	if (vs_evidence_decode(extra, len, &e, NULL) == VS_OK) {
		(void)!vs_evidence_link(&e, 1, &link);
		assert(vs_leaf_encode(&e.leaf, &entry, &len, NULL) == VS_OK);
		assert(vs_leaf_covers(&e.leaf, &e.leaf));
		free(entry);
	}
	vs_evidence_drop(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[VS_PROOF_LEN_MAX + 1];
	static uint8_t extra[VS_PROOF_LEN_MAX];
	struct vs_text t = {text, sizeof text, 0};
	struct vs_proof p;
	size_t len = 0;

	if (vs_proof_parse(data, size, &p, NULL))
		return 0;
	assert(vs_span_base64(&p.extra, extra, sizeof extra, &len) == VS_OK);
	assert(vs_proof_encode(&p, extra, len, &t) == VS_OK);
	assert(t.len == size && !memcmp(t.at, data, size));
	if (len)
		evidence(extra, len);
	return 0;
}
