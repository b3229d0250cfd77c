/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/confine/places.c - where Linux shows its disks and its firmware.
 */
#include "agent/confine/places.h"

const struct vs_places vs_places = {
	.sys_block = "/sys/class/block",
	.dev = "/dev",
	.efivars = "/sys/firmware/efi/efivars",
	.image = "/",
};
