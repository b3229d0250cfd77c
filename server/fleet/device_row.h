/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet/device_row.h - a charger's last report, as rows have it.
 *
 * The report itself is kept as it was signed.  Beside it stands what memory
 * has of it, in texts that a start reads without a signature and mostly
 * without reading them: equal texts mean equal things.
 */
#ifndef VS_SERVER_FLEET_DEVICE_ROW_H
#define VS_SERVER_FLEET_DEVICE_ROW_H

#include "server/fleet/fleet.h"

/* What a report said, and what it is watched with.  image_trusted is not kept.
 * Gives *out (free()): JSON.
 */
vs_status vs_device_said_write(const struct vs_device_state *s,
                               char **out) VS_MUST_CHECK;
vs_status vs_device_said_read(const char *text, struct vs_device_state *out,
                              struct vs_why *why) VS_MUST_CHECK;
/* What ECUs run; their components and hardware stay as they are. */
vs_status vs_device_runs_write(const struct vs_device_ecu *ecus, size_t count,
                               char **out) VS_MUST_CHECK;
vs_status vs_device_runs_read(const char *text, struct vs_device_ecu *ecus,
                              size_t count, struct vs_why *why) VS_MUST_CHECK;

/* Byte for byte: states are made from zeros, so that equal ones are alike. */
bool vs_device_state_same(const struct vs_device_state *a,
                          const struct vs_device_state *b);

/* Writes the row of n; was: as it was until then, and so its row. */
vs_status vs_device_state_store(struct vs_store *s,
                                const struct vs_device_next *n,
                                const struct vs_device *was) VS_MUST_CHECK;

/* A report as it is kept: under the certificate in force, or under the one
 * before ("": there is none).
 */
struct vs_report_kept {
	const char *id;
	const void *body;
	size_t len;
	const char *pem, *pem_before;
};
/* Verifies it once more.
 * VS_OK; VS_ERR_REFUSED; VS_ERR_INPUT; VS_ERR_LIMIT; VS_ERR_NOMEM.
 */
vs_status vs_report_reread(const struct vs_report_kept *kept,
                           struct vs_report *out,
                           struct vs_why *why) VS_MUST_CHECK;

#endif
