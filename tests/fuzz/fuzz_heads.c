/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_heads.c - heads that are read are in order, none twice; the
 * same file after itself holds the same heads, and keys are no heads.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "operate/heads.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vs_heads once, twice;
	struct vs_heads_keys keys;
	struct vs_why why = {0};
	uint8_t *both = malloc(2 * size + 1);

	if (both && size) {
		memcpy(both, data, size);
		memcpy(both + size, data, size);
	}
	bool good = both && !vs_heads_parse(data, size, NULL, &once, &why);
	if (good) {
		assert(!vs_heads_parse(both, 2 * size, NULL, &twice, &why));
		assert(once.count == twice.count);
		for (size_t i = 0; i < once.count; i++)
			assert(once.all[i].seq == twice.all[i].seq &&
			       !strcmp(once.all[i].hash, twice.all[i].hash));
		for (size_t i = 1; i < once.count; i++)
			assert(once.all[i - 1].seq <= once.all[i].seq);
		assert(!once.count ||
		       vs_heads_keys_parse(data, size, &keys, &why));
		vs_heads_drop(&once);
		vs_heads_drop(&twice);
	}
	free(both);
	return 0;
}
