/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/tpm_floors.c - floors in an NV index of the TPM.
 */
#include "boot/port/uefi/tpm_floors.h"

#include "boot/crc.h"
#include "boot/memory.h"
#include "seal/bytes.h"

enum {
	INDEX = 0x01805653, /* among the owner's, ending in VS */
	COPIES = 2,
	AT_FLOORS = 4,
	AT_CRC = AT_FLOORS + 4 * VS_FLOORS,
	COPY_LEN = AT_CRC + 4,
	LEN = COPIES * COPY_LEN,
};

_Static_assert(LEN <= VS_TPM_DATA_MAX, "the index is read at once");

static const uint8_t magic[AT_FLOORS] = {'V', 'S', 'F', 'T'};

static bool is_sound(const uint8_t *copy)
{
	return memcmp(copy, magic, sizeof(magic)) == 0 &&
	       get32(copy + AT_CRC) == vs_crc32(copy, AT_CRC);
}

/* The highest of each in the copies that are sound. */
static vs_status load(const struct vs_tpm *tpm, uint32_t out[VS_FLOORS])
{
	uint8_t raw[LEN];
	int sound = 0;

	if (vs_tpm_read(tpm, INDEX, raw, sizeof(raw)) != VS_OK)
		return VS_ERR_IO;
	memset(out, 0, VS_FLOORS * sizeof(*out));
	for (const uint8_t *copy = raw; copy < raw + LEN; copy += COPY_LEN) {
		if (!is_sound(copy))
			continue;
		sound++;
		for (int i = 0; i < VS_FLOORS; i++)
			if (get32(copy + AT_FLOORS + 4 * i) > out[i])
				out[i] = get32(copy + AT_FLOORS + 4 * i);
	}
	return sound > 0 ? VS_OK : VS_ERR_IO;
}

static void encode(const uint32_t floors[VS_FLOORS], uint8_t *copy)
{
	memcpy(copy, magic, sizeof(magic));
	for (int i = 0; i < VS_FLOORS; i++)
		put32(copy + AT_FLOORS + 4 * i, floors[i]);
	put32(copy + AT_CRC, vs_crc32(copy, AT_CRC));
}

/* One copy after the other; then looks whether they are there. */
static vs_status store(const struct vs_tpm *tpm,
                       const uint32_t floors[VS_FLOORS])
{
	uint8_t raw[LEN];
	uint8_t back[LEN];

	for (int i = 0; i < COPIES; i++)
		encode(floors, raw + i * COPY_LEN);
	for (size_t at = 0; at < LEN; at += COPY_LEN)
		if (vs_tpm_write(tpm, INDEX, at, raw + at, COPY_LEN) != VS_OK)
			return VS_ERR_IO;
	if (vs_tpm_read(tpm, INDEX, back, LEN) != VS_OK ||
	    memcmp(raw, back, LEN) != 0)
		return VS_ERR_IO;
	return VS_OK;
}

vs_status vs_tpm_floors_get(const struct efi_system *system, int number,
                            uint32_t *out)
{
	uint32_t floors[VS_FLOORS];
	struct vs_tpm tpm;

	*out = UINT32_MAX;
	if (number < 0 || number >= VS_FLOORS ||
	    vs_tpm_open(system, &tpm) != VS_OK || load(&tpm, floors) != VS_OK)
		return VS_ERR_IO;
	*out = floors[number];
	return VS_OK;
}

vs_status vs_tpm_floors_raw(const struct efi_system *system, int number,
                            uint8_t out[static 4])
{
	const uint8_t *copy;
	uint8_t raw[LEN];
	struct vs_tpm tpm;

	if (number < 0 || number >= VS_FLOORS ||
	    vs_tpm_open(system, &tpm) != VS_OK ||
	    vs_tpm_read(&tpm, INDEX, raw, sizeof(raw)) != VS_OK)
		return VS_ERR_IO;
	copy = is_sound(raw) ? raw : raw + COPY_LEN;
	memcpy(out, copy + AT_FLOORS + 4 * number, 4);
	return is_sound(copy) ? VS_OK : VS_ERR_IO;
}

vs_status vs_tpm_floors_raise(const struct efi_system *system, int number,
                              uint32_t to)
{
	uint32_t floors[VS_FLOORS];
	struct vs_tpm tpm;

	if (number < 0 || number >= VS_FLOORS ||
	    vs_tpm_open(system, &tpm) != VS_OK || load(&tpm, floors) != VS_OK)
		return VS_ERR_IO;
	if (floors[number] >= to)
		return VS_OK;
	floors[number] = to;
	return store(&tpm, floors);
}

vs_status vs_tpm_floors_create(const struct efi_system *system,
                               const uint32_t floors[static VS_FLOORS])
{
	uint32_t there[VS_FLOORS];
	struct vs_tpm tpm;

	if (vs_tpm_open(system, &tpm) != VS_OK)
		return VS_ERR_IO;
	if (load(&tpm, there) == VS_OK)
		return VS_ERR_STATE;
	if (vs_tpm_define(&tpm, INDEX, LEN) != VS_OK)
		return VS_ERR_IO;
	return store(&tpm, floors);
}

void vs_tpm_floors_lock(const struct efi_system *system)
{
	struct vs_tpm tpm;

	if (vs_tpm_open(system, &tpm) == VS_OK)
		vs_tpm_close_platform(&tpm);
}
