/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/report_check.c - whether a report fits what is known of its charger.
 *
 * Standard: Uptane 2.1.0 section 5.4.2.1, what the director does first.
 */
#include "trust/report.h"

#include <string.h>

static vs_status refuse(struct vs_why *why, vs_reason reason, const char *what)
{
	return vs_fail(VS_ERR_REFUSED, why, reason, what, 0);
}

static vs_status check_fresh(const struct vs_report *r,
                             const struct vs_report_known *known,
                             struct vs_why *why)
{
	if (r->counter <= known->counter)
		return refuse(why, VS_REASON_REPLAY,
		              "the counter is not above the last one");
	/* who was never given one has none to show */
	if (!*r->nonce && !*known->nonce)
		return VS_OK;
	if (!*r->nonce)
		return refuse(why, VS_REASON_REPLAY, "shows no nonce");
	if (strcmp(r->nonce, known->nonce) != 0 &&
	    strcmp(r->nonce, known->nonce_before) != 0)
		return refuse(why, VS_REASON_REPLAY,
		              "a nonce that was not given");
	return VS_OK;
}

static const struct vs_ecu *find(const struct vs_report_known *known,
                                 const char *id)
{
	for (size_t i = 0; i < known->ecu_count; i++) {
		if (strcmp(known->ecus[i].id, id) == 0)
			return &known->ecus[i];
	}
	return NULL;
}

/* The ids of a decoded report differ, so equal numbers mean equal sets. */
static vs_status check_ecus(const struct vs_report *r,
                            const struct vs_report_known *known,
                            struct vs_why *why)
{
	if (!known->ecus)
		return VS_OK;
	if (!find(known, r->primary))
		return refuse(why, VS_REASON_UNKNOWN_ECU,
		              "signed by an ECU this charger lacks");
	for (size_t i = 0; i < r->ecu_count; i++) {
		const struct vs_ecu *ecu = find(known, r->ecus[i].id);

		if (!ecu)
			return refuse(why, VS_REASON_UNKNOWN_ECU,
			              "names an ECU this charger lacks");
		if (strcmp(ecu->hardware, r->ecus[i].hardware) != 0)
			return refuse(why, VS_REASON_WRONG_HARDWARE,
			              "an ECU has another hardware id");
	}
	if (r->ecu_count != known->ecu_count)
		return refuse(why, VS_REASON_INCOMPLETE_SET,
		              "an ECU of this charger is missing");
	return VS_OK;
}

vs_status vs_report_check(const struct vs_report *r,
                          const struct vs_report_known *known,
                          struct vs_why *why)
{
	vs_status status;

	if (strcmp(r->vehicle, known->vehicle) != 0)
		return refuse(why, VS_REASON_WRONG_VEHICLE,
		              "a report of another charger");
	status = check_fresh(r, known, why);
	return status ? status : check_ecus(r, known, why);
}
