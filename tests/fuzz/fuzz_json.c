/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_json.c - canonical JSON is one form, and reads back alike.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "trust/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Control characters stay raw in the canonical form: no JSON any more. */
static bool has_control(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < ' ')
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *v, *again;
	char *one, *two;
	size_t one_len, two_len;

	if (vs_json_parse(data, size, 65536, &v, NULL))
		return 0;
	assert(vs_json_canonical(v, &one, &one_len) == VS_OK);
	assert(strlen(one) == one_len);
	if (!has_control(one, one_len)) {
		assert(vs_json_parse(one, one_len, one_len, &again, NULL) ==
		       VS_OK);
		assert(json_equal(v, again));
		assert(vs_json_canonical(again, &two, &two_len) == VS_OK);
		assert(one_len == two_len && !memcmp(one, two, one_len));
		json_decref(again);
		free(two);
	}
	json_decref(v);
	free(one);
	return 0;
}
