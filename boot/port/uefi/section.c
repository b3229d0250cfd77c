/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/section.c - the room for the settings in the loader.
 *
 * Alone in its file, so that no compiler that sees the zeros here can conclude
 * that they are zeros when the loader runs.
 */
#include "boot/port/uefi/settings.h"

__attribute__((section(".vsload"), used))
const uint8_t vs_settings_section[VS_SETTINGS_LEN] = {0};
