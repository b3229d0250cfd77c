/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_lms.c - what LMS accepts is accepted for one message only.
 *
 * A key (56 bytes), the signature's length (2), the signature, the message.
 */
#include <assert.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "seal/lms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static vs_status sha256(void *ctx, const uint8_t *a, size_t a_len,
                        const uint8_t *b, size_t b_len,
                        uint8_t digest[static VS_SHA256_LEN])
{
	uint8_t both[4096];

	(void)ctx;
	assert(a_len + b_len <= sizeof(both));
	memcpy(both, a, a_len);
	if (b_len > 0)
		memcpy(both + a_len, b, b_len);
	SHA256(both, a_len + b_len, digest);
	return VS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct vs_crypto crypto = {.sha256 = sha256};
	size_t head = VS_LMS_KEY_LEN + 2;
	size_t sig_len;
	uint8_t *sig;

	if (size < head || size > 3500)
		return 0;
	sig_len = (size_t)data[head - 2] << 8 | data[head - 1];
	if (sig_len > size - head)
		return 0;
	sig = malloc(sig_len + 1); /* its own room: a read past it shows */
	assert(sig);
	memcpy(sig, data + head, sig_len);
	data += sig_len;
	size -= sig_len;
	if (vs_lms_verify(&crypto, data - sig_len, data + head, size - head,
	                  sig, sig_len) == VS_OK) {
		assert(sig_len ==
		       VS_LMS_SIG_LEN(vs_lms_height(data - sig_len)));
		sig[sig_len / 2] ^= 1;
		assert(vs_lms_verify(&crypto, data - sig_len, data + head,
		                     size - head, sig,
		                     sig_len) == VS_ERR_REFUSED);
	}
	free(sig);
	return 0;
}
