/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_settings.c - settings that decode are whole: names that end,
 * a kernel that is hashed, a keyring within.
 *
 * Inputs are filled up with zeros, so that seeds stay small.
 */
#include <assert.h>
#include <string.h>

#include "boot/port/uefi/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_component(const struct vs_settings_component *c, bool named)
{
	assert(memchr(c->name, 0, sizeof(c->name)));
	assert(memchr(c->hardware, 0, sizeof(c->hardware)));
	assert((c->name[0] != '\0') == named);
	assert((c->hardware[0] != '\0') == named);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t in[VS_SETTINGS_LEN];
	struct vs_settings s;
	struct vs_why why = {VS_REASON_NONE, NULL, 0};

	memset(in, 0, sizeof(in));
	memcpy(in, data, size < sizeof(in) ? size : sizeof(in));
	if (vs_settings_decode(in, &s, &why) != VS_OK) {
		assert(why.what && why.at < sizeof(in));
		return 0;
	}
	assert(s.count >= 1 && s.count <= VS_BOOT_COMPONENTS_MAX);
	for (int c = 0; c < VS_BOOT_COMPONENTS_MAX; c++)
		check_component(&s.components[c], c < s.count);
	assert(s.components[0].hash_whole);
	check_component(&s.recovery, s.recovery.name[0] != '\0');
	assert(s.recovery.name[0] == '\0' || s.recovery.hash_whole);
	assert(s.keyring >= in && s.keyring_len <= VS_KEYRING_LEN_MAX);
	assert((size_t)(s.keyring - in) + s.keyring_len <= sizeof(in));
	return 0;
}
