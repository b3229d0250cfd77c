/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_slot.c - a footer that decodes encodes to the same bytes.
 */
#include <assert.h>
#include <string.h>

#include "seal/slot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t footer[VS_SLOT_FOOTER_LEN];
	static uint8_t out[VS_SLOT_FOOTER_LEN];
	struct vs_signatures sigs;
	struct vs_why why = {0};
	const uint8_t *header = NULL;

	/* short inputs are filled up, so that seeds stay small */
	memset(footer, 0, sizeof(footer));
	memcpy(footer, data, size < sizeof(footer) ? size : sizeof(footer));
	if (vs_slot_footer_decode(footer, &header, &sigs, &why) != VS_OK) {
		assert(why.code != VS_REASON_NONE && why.what);
		return 0;
	}
	assert(header == footer);
	assert(vs_slot_footer_encode(header, &sigs, out) == VS_OK);
	assert(memcmp(out, footer, sizeof(out)) == 0);
	return 0;
}
