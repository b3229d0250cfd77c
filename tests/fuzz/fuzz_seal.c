/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_seal.c - a seal that decodes encodes to the same bytes.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "seal/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t header[VS_SEAL_HEADER_LEN];
	struct vs_seal s;
	struct vs_why why = {0};
	size_t len = 0;

	if (vs_seal_decode(data, size, &s, &why) != VS_OK) {
		assert(why.code != VS_REASON_NONE && why.what);
		return 0;
	}
	uint8_t *out = malloc(size);
	assert(out);
	assert(vs_seal_header_encode(&s.header, header, &why) == VS_OK);
	assert(vs_seal_encode(header, &s.signatures, s.upper,
	                      (size_t)s.tree.upper_len, out, size,
	                      &len) == VS_OK);
	assert(len == size && memcmp(out, data, size) == 0);
	free(out);
	return 0;
}
