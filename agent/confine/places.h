/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/confine/places.h - where the system shows its disks and its firmware.
 *
 * A file of its own, so that a test links another one: no charger is told by
 * a setting or by its environment to look elsewhere.
 */
#ifndef VS_AGENT_PLACES_H
#define VS_AGENT_PLACES_H

struct vs_places {
	const char *sys_block; /* disks and partitions, in sysfs */
	const char *dev;       /* their nodes */
	const char *efivars;   /* the firmware's variables, in efivarfs */
	const char *image;     /* root of the image that runs */
};

extern const struct vs_places vs_places;

#endif
