/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/host/files.h - a charger whose storage is a folder of files.
 *
 *   DIR/machine.conf     what it is made of (machine.h)
 *   DIR/keyring          whom its boot stage believes (seal/keyring.h): the
 *                        built-in one, as if it were in the loader
 *   DIR/keyring-0 to -2  the places of boot/boot.h's keyring operation
 *   DIR/boot-record      two sectors of 4096 bytes, a copy in each
 *   DIR/floor            the floors (floor.h)
 *   DIR/slot-a/NAME      component NAME's slot 0, its whole length
 *   DIR/slot-b/NAME      and slot 1
 *
 * Loader and agent share it, so both see the same machine.
 */
#ifndef VS_BOOT_PORT_HOST_FILES_H
#define VS_BOOT_PORT_HOST_FILES_H

#include "boot/boot.h"
#include "boot/port/host/machine.h"

struct vs_boot_files {
	const struct vs_machine *machine; /* keeps */
	struct vs_crypto crypto;
	int record; /* file descriptors; -1: not there */
	int floor;
	int slots[VS_BOOT_COMPONENTS_MAX][VS_SLOTS];
	struct {
		vs_status status;
		uint8_t *bytes; /* owned */
		size_t len;
	} rings[VS_BOOT_RINGS];
};

/* Makes *f one with nothing open: for a storage that is opened another way.
 * VS_OK; VS_ERR_NOMEM; VS_ERR_CRYPTO; with a line for a person in error, and
 * safe to drop.
 */
vs_status vs_boot_files_init(struct vs_boot_files *f,
                             const struct vs_machine *m,
                             char error[static 256]) VS_MUST_CHECK;

/* Opens what is there.  access: O_RDONLY for the loader, O_RDWR for who
 * writes slots.  The record file is made if it is not there (and is then
 * unreadable, which the boot decision answers); nothing else is.
 * VS_OK (vs_boot_files_drop); VS_ERR_IO; VS_ERR_LIMIT; VS_ERR_NOMEM;
 * VS_ERR_CRYPTO; with a line for a person in error, and safe to drop.
 */
vs_status vs_boot_files_open(const char *dir, const struct vs_machine *m,
                             int access, struct vs_boot_files *f,
                             char error[static 256]) VS_MUST_CHECK;
void vs_boot_files_drop(struct vs_boot_files *f);

/* The operations over f, which must outlive them; log is left NULL. */
void vs_boot_files_ops(struct vs_boot_files *f, struct vs_boot_ops *out);

/* Reads and verifies DIR/keyring by its own threshold.
 * VS_OK; VS_ERR_INPUT; VS_ERR_REFUSED; VS_ERR_ABSENT; VS_ERR_IO; with a line
 * for a person in error.
 */
vs_status vs_boot_files_keyring(const char *dir, const struct vs_crypto *crypto,
                                struct vs_keyring *out,
                                char error[static 256]) VS_MUST_CHECK;

/* Makes the folders slot-a, slot-b and run and the floors of a new machine.
 * VS_OK; VS_ERR_STATE if it has floors already; VS_ERR_IO; VS_ERR_LIMIT.
 */
vs_status vs_boot_files_provision(
	const char *dir, const struct vs_machine *m,
	const uint32_t floors[static VS_BOOT_COMPONENTS_MAX]) VS_MUST_CHECK;

/* "DIR/slot-a/NAME" into out.  VS_ERR_LIMIT if it does not fit. */
vs_status vs_boot_files_slot_path(const char *dir, const char *component,
                                  int slot, char *out,
                                  size_t cap) VS_MUST_CHECK;

#endif
