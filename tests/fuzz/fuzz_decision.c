/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_decision.c - a decision record that decodes has one encoding.
 *
 * The checksum is mended first, so that what is behind it is reached.
 */
#include <assert.h>
#include <string.h>

#include "boot/crc.h"
#include "boot/decision.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vs_boot_component components[VS_BOOT_COMPONENTS_MAX] = {{0}};
	char names[VS_BOOT_COMPONENTS_MAX][VS_COMPONENT_LEN];
	uint8_t raw[VS_DECISION_LEN_MAX + 8];
	uint8_t again[VS_DECISION_LEN_MAX];
	struct vs_boot_decision d;
	struct vs_why why = {VS_REASON_NONE, NULL, 0};
	int count = 0;

	if (size < 8 || size > sizeof(raw))
		return 0;
	memcpy(raw, data, size);
	for (size_t i = 0; i < 4; i++)
		raw[size - 4 + i] = (uint8_t)(vs_crc32(raw, size - 4) >> 8 * i);
	if (vs_decision_decode(raw, size, &d, names, &count, &why) != VS_OK) {
		assert(why.what && why.at < sizeof(raw));
		return 0;
	}
	for (int c = 0; c < count; c++)
		components[c].name = names[c];
	vs_decision_encode(&d, components, count, again);
	assert(size == VS_DECISION_LEN(count));
	assert(memcmp(again, raw, size) == 0);
	return 0;
}
