/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_keyring.c - a keyring that decodes encodes to the same.
 *
 * Key ids are hashes that no fuzzer finds: a hash that repeats the point's
 * first bytes stands in, so that inputs get past the check.
 */
#include <assert.h>
#include <string.h>

#include "seal/keyring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static vs_status prefix(void *ctx, const uint8_t *a, size_t a_len,
                        const uint8_t *b, size_t b_len,
                        uint8_t digest[static VS_SHA256_LEN])
{
	(void)ctx, (void)b, (void)b_len;
	memset(digest, 0, VS_SHA256_LEN);
	memcpy(digest, a, a_len < VS_SHA256_LEN ? a_len : VS_SHA256_LEN);
	return VS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[VS_KEYRING_LEN_MAX];
	const struct vs_crypto crypto = {.sha256 = prefix};
	struct vs_keyring r;
	struct vs_why why = {0};
	size_t body = 0;
	size_t len = 0;

	if (vs_keyring_decode(&crypto, data, size, &r, &body, &why) != VS_OK) {
		assert(why.code != VS_REASON_NONE && why.what);
		return 0;
	}
	assert(body <= size);
	assert(vs_keyring_encode(&r, out, sizeof(out), &len, &why) == VS_OK);
	assert(len == body && memcmp(out, data, len) == 0);
	return 0;
}
