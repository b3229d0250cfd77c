/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/floors.c - floors in a variable that no system can reach.
 */
#include "boot/port/uefi/floors.h"

#include "seal/bytes.h"

enum { ATTRIBUTES = EFI_VAR_NV | EFI_VAR_BOOT, AT_FLOORS = 8 };
#define LEN (AT_FLOORS + 4 * VS_FLOORS)

const struct efi_guid vs_vendor_id = {
	0xc52002e5,
	0x85b0,
	0x414a,
	{0x84, 0x49, 0x59, 0xf4, 0xe4, 0xc9, 0x8f, 0x86},
};

static const uint16_t name[] = u"VoltsealFloors";
static const uint8_t magic[8] = {'V', 'S', 'F', 'L', 'O', 'O', 'R', 'V'};

static vs_status load(const struct efi_runtime *runtime,
                      uint8_t raw[static LEN])
{
	uint32_t attributes = 0;
	size_t len = LEN;

	if (runtime->get_variable(name, &vs_vendor_id, &attributes, &len,
	                          raw) != EFI_SUCCESS ||
	    len != LEN || attributes != ATTRIBUTES ||
	    memcmp(raw, magic, sizeof(magic)) != 0)
		return VS_ERR_IO;
	return VS_OK;
}

static vs_status store(const struct efi_runtime *runtime,
                       const uint8_t raw[static LEN])
{
	uint8_t back[LEN];

	if (runtime->set_variable(name, &vs_vendor_id, ATTRIBUTES, LEN, raw) !=
	            EFI_SUCCESS ||
	    load(runtime, back) != VS_OK || memcmp(raw, back, LEN) != 0)
		return VS_ERR_IO;
	return VS_OK;
}

vs_status vs_floors_get(const struct efi_runtime *runtime, int number,
                        uint32_t *out)
{
	uint8_t raw[LEN];

	*out = UINT32_MAX;
	if (number < 0 || number >= VS_FLOORS || load(runtime, raw) != VS_OK)
		return VS_ERR_IO;
	*out = get32(raw + AT_FLOORS + 4 * number);
	return VS_OK;
}

vs_status vs_floors_raw(const struct efi_runtime *runtime, int number,
                        uint8_t out[static 4])
{
	uint8_t raw[LEN];

	if (number < 0 || number >= VS_FLOORS || load(runtime, raw) != VS_OK)
		return VS_ERR_IO;
	memcpy(out, raw + AT_FLOORS + 4 * number, 4);
	return VS_OK;
}

vs_status vs_floors_raise(const struct efi_runtime *runtime, int number,
                          uint32_t to)
{
	uint8_t raw[LEN];

	if (number < 0 || number >= VS_FLOORS || load(runtime, raw) != VS_OK)
		return VS_ERR_IO;
	if (get32(raw + AT_FLOORS + 4 * number) >= to)
		return VS_OK;
	put32(raw + AT_FLOORS + 4 * number, to);
	return store(runtime, raw);
}

vs_status vs_floors_create(const struct efi_runtime *runtime,
                           const uint32_t floors[static VS_FLOORS])
{
	uint8_t raw[LEN];
	uint32_t attributes = 0;
	size_t len = sizeof(raw);

	if (runtime->get_variable(name, &vs_vendor_id, &attributes, &len,
	                          raw) != EFI_NOT_FOUND)
		return VS_ERR_STATE;
	memcpy(raw, magic, sizeof(magic));
	for (int i = 0; i < VS_FLOORS; i++)
		put32(raw + AT_FLOORS + 4 * i, floors[i]);
	return store(runtime, raw);
}
