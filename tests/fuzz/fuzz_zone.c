/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_zone.c - a time zone is a rising table of sane offsets, or
 * it is refused.
 */
#include <assert.h>
#include <stdlib.h>

#include "server/fleet/rollout_zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vs_zone_change *at;
	struct vs_why why = {0};
	size_t n = 0;

	if (vs_zone_decode(data, size, &at, &n, &why)) {
		assert(!at && why.what);
		return 0;
	}
	assert(n && at[0].from_s == INT64_MIN);
	for (size_t i = 0; i < n; i++) {
		const struct vs_zone z = {at, n};

		assert(i == 0 || at[i].from_s > at[i - 1].from_s);
		assert(at[i].offset_s > -100000 && at[i].offset_s < 100000);
		if (at[i].from_s >= 0)
			assert(vs_zone_offset(&z, (uint64_t)at[i].from_s) ==
			       at[i].offset_s);
	}
	free(at);
	return 0;
}
