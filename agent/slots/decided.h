/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/slots/decided.h - what the boot loader decided, from decision.json and
 * into reports.
 *
 * Format: docs/formats/boot-record.md section 4, docs/formats/report.md.
 */
#ifndef VS_AGENT_DECIDED_H
#define VS_AGENT_DECIDED_H

#include <jansson.h>

#include "agent/slots/charger.h"
#include "trust/report.h"

/* The whole decision out of decision.json, components as in machine.conf;
 * hardware ids are left out.
 * VS_OK; VS_ERR_INPUT if something of it is not there.
 */
vs_status vs_decided_parse(const json_t *decision, const struct vs_machine *m,
                           struct vs_boot_decision *out) VS_MUST_CHECK;

/* What c's loader decided; unknown if it has not told all of it. */
void vs_decided_tell(const struct vs_charger *c, struct vs_report_boot *out);

#endif
