/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/host/floor.h - the floors of a host's components, in one file.
 *
 * Two whole copies with a digest each; a raise writes both, one after the
 * other, and never first the only valid one.  The highest value of the valid
 * copies counts, so a cut leaves the old floor or the new one and decay of
 * one copy lowers nothing.  No value ever goes down.  (A host's stand-in for
 * a TPM's counter: who owns the disk can replace the file.)
 *
 * Format: docs/formats/boot-record.md section 3.
 */
#ifndef VS_BOOT_PORT_HOST_FLOOR_H
#define VS_BOOT_PORT_HOST_FLOOR_H

#include "boot/port/host/machine.h"

/* The epoch's name: no component's, for theirs have no dot. */
#define VS_FLOOR_EPOCH ".epoch"

/* Makes path with a floor for each of m's components and an epoch of 0,
 * durable.
 * VS_OK; VS_ERR_STATE if path is there; VS_ERR_IO.
 */
vs_status vs_floor_create(const char *path, const struct vs_machine *m,
                          const uint32_t floors[static VS_BOOT_COMPONENTS_MAX])
	VS_MUST_CHECK;

/* VS_OK; VS_ERR_IO if no copy is valid or none names the component. */
vs_status vs_floor_get(int fd, const char *component,
                       uint32_t *out) VS_MUST_CHECK;

/* Raises it; a lower value than the one there changes nothing.
 * VS_OK; VS_ERR_IO, with the old floor or the new one in force.
 */
vs_status vs_floor_raise(int fd, const char *component,
                         uint32_t to) VS_MUST_CHECK;

#endif
