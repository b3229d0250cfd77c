/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/host/decision.h - the boot decision as DIR/decision.json.
 *
 * Every field of struct vs_boot_decision under its own name; per-component
 * numbers as an object with the components' names; refusals as the words of
 * vs_reason_name().
 */
#ifndef VS_BOOT_PORT_HOST_DECISION_H
#define VS_BOOT_PORT_HOST_DECISION_H

#include "boot/boot.h"
#include "boot/port/host/machine.h"

/* The cause's word: unknown, power, request, watchdog, crash. */
const char *vs_reset_cause_name(enum vs_reset_cause cause);

/* Replaces dir/decision.json whole.
 * VS_OK; VS_ERR_IO; VS_ERR_NOMEM; VS_ERR_LIMIT.
 */
vs_status vs_decision_store(const char *dir, const struct vs_machine *m,
                            enum vs_reset_cause cause,
                            const struct vs_boot_decision *d) VS_MUST_CHECK;

#endif
