/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_envelope.c - encoding an envelope keeps its signed bytes.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "trust/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size, const char *type)
{
	struct vs_role none = {.threshold = 1};
	struct vs_envelope a, b;
	char *text;
	size_t len;

	if (vs_envelope_parse(data, size, 65536, type, &a, NULL))
		return;
	assert(!type || vs_envelope_version(&a) > 0);
	assert(vs_envelope_verify(&a, &none, NULL) == VS_ERR_REFUSED);
	assert(vs_envelope_encode(&a, &text, &len) == VS_OK);
	assert(vs_envelope_parse(text, len, len, type, &b, NULL) == VS_OK);
	assert(a.canon_len == b.canon_len &&
	       !memcmp(a.canon, b.canon, a.canon_len));
	vs_envelope_drop(&a);
	vs_envelope_drop(&b);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(data, size, NULL);
	check(data, size, "root");
	check(data, size, "targets");
	return 0;
}
