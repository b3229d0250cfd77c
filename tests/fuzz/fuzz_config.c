/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_config.c - a configuration is read whole or not at all.
 */
#include <assert.h>
#include <string.h>

#include "base/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct vs_config_key table[] = {
	{"url",    VS_CONFIG_TEXT, 1, 20,  NULL,  ""},
	{"count",  VS_CONFIG_UINT, 3, 900, "7",   ""},
	{"on",     VS_CONFIG_BOOL, 0, 0,   "yes", ""},
	{"part.*", VS_CONFIG_TEXT, 0, 9,   NULL,  ""},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vs_config *c;
	char error[256];

	if (vs_config_parse("f", (const char *)data, size, table, 4, &c,
	                    error)) {
		assert(!c && strncmp(error, "f:", 2) == 0);
		return 0;
	}
	size_t len = strlen(vs_config_text(c, "url"));
	uint64_t count = vs_config_uint(c, "count");
	assert(len >= 1 && len <= 20 && count >= 3 && count <= 900);
	vs_config_free(&c);
	return 0;
}
