/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/decision.h - a boot decision as bytes that a loader hands over.
 *
 * In a configuration table, a variable or a corner of memory: the system finds
 * there what was decided and why.  It is not signed: the device's key, which
 * the agent holds, signs the report that quotes it.
 *
 * Format: docs/formats/boot-record.md section 4, version 1.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_DECISION_H
#define VS_BOOT_DECISION_H

#include "boot/boot.h"

#define VS_DECISION_LEN(count) ((size_t)(76 + (count)*176))
#define VS_DECISION_LEN_MAX VS_DECISION_LEN(VS_BOOT_COMPONENTS_MAX)

/* Writes VS_DECISION_LEN(count) bytes.  count: 1..VS_BOOT_COMPONENTS_MAX. */
void vs_decision_encode(const struct vs_boot_decision *d,
                        const struct vs_boot_component *components, int count,
                        uint8_t *out);

/* Gives all but the headers' hardware ids; names are the components'.
 * VS_OK; VS_ERR_INPUT.
 */
vs_status
vs_decision_decode(const uint8_t *in, size_t len, struct vs_boot_decision *out,
                   char names[static VS_BOOT_COMPONENTS_MAX][VS_COMPONENT_LEN],
                   int *count, struct vs_why *why) VS_MUST_CHECK;

#endif
