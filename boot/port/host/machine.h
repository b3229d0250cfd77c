/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/host/machine.h - what a charger is made of: DIR/machine.conf.
 *
 * Components keep the order of the file; nothing durable depends on it.
 */
#ifndef VS_BOOT_PORT_HOST_MACHINE_H
#define VS_BOOT_PORT_HOST_MACHINE_H

#include "boot/boot.h"

#define VS_VEHICLE_LEN 64 /* with the closing zero */
#define VS_STORAGE_LEN 16
#define VS_DEVICE_LEN 128

struct vs_machine {
	char vehicle[VS_VEHICLE_LEN];
	char storage[VS_STORAGE_LEN]; /* "files", or another kind's name */
	int count;                    /* 1..VS_BOOT_COMPONENTS_MAX */
	int charger; /* the component whose image holds the charger program */
	struct {
		char name[VS_COMPONENT_LEN];
		char hardware[VS_HARDWARE_LEN];
		bool hash_whole;
		/* It runs on a controller at the end of this line; its slots
		 * here hold what that one is to run. */
		bool serial;
		char device[VS_DEVICE_LEN];
	} components[VS_BOOT_COMPONENTS_MAX];
};

/* Reads dir/machine.conf: vehicle, storage (files if absent),
 * charger_component, and component.NAME.KEY with the keys hardware, hash_whole
 * (yes or no; yes if absent), driver (slot or serial; slot if absent), and
 * device, which serial needs.
 * VS_OK; VS_ERR_INPUT; VS_ERR_ABSENT; VS_ERR_IO;
 * VS_ERR_NOMEM; with a line for a person in error.
 */
vs_status vs_machine_load(const char *dir, struct vs_machine *out,
                          char error[static 256]) VS_MUST_CHECK;

/* The rows vs_boot_decide() wants; they point into *m, which must outlive
 * them.  Gives m->count.
 */
int vs_machine_components(
	const struct vs_machine *m,
	struct vs_boot_component out[static VS_BOOT_COMPONENTS_MAX]);

/* Index of the component of that name, or -1. */
int vs_machine_find(const struct vs_machine *m, const char *name);

#endif
