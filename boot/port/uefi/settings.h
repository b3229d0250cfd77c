/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/settings.h - what a loader must know: its machine and the
 * built-in keyring.
 *
 * They lie in the loader's own section .vsload, are filled in before the
 * loader is signed, and so are as true as the loader is.
 *
 * Format: docs/formats/loader.md section 1, version 1.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_UEFI_SETTINGS_H
#define VS_BOOT_PORT_UEFI_SETTINGS_H

#include "boot/boot.h"

#define VS_SETTINGS_LEN (512 + VS_KEYRING_LEN_MAX)

struct vs_settings_component {
	char name[VS_COMPONENT_LEN];
	char hardware[VS_HARDWARE_LEN];
	bool hash_whole;
};

struct vs_settings {
	int count; /* 1..VS_BOOT_COMPONENTS_MAX */
	struct vs_settings_component components[VS_BOOT_COMPONENTS_MAX];
	struct vs_settings_component recovery; /* name "": there is none */
	const uint8_t *keyring;                /* keeps: points into in */
	size_t keyring_len;
	bool floors_in_tpm; /* else in a variable */
};

/* The loader's section; declared volatile in effect, for its bytes are not
 * known when it is compiled.
 */
extern const uint8_t vs_settings_section[VS_SETTINGS_LEN];

/* VS_OK; VS_ERR_INPUT (MALFORMED, UNSUPPORTED). */
vs_status vs_settings_decode(const uint8_t in[static VS_SETTINGS_LEN],
                             struct vs_settings *out,
                             struct vs_why *why) VS_MUST_CHECK;

#endif
