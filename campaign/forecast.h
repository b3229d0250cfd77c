/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/forecast.h - when a campaign will end, if it goes on as it went.
 */
#ifndef VS_CAMPAIGN_FORECAST_H
#define VS_CAMPAIGN_FORECAST_H

#include "campaign/run.h"

struct vs_forecast {
	uint64_t end_s;   /* 0: never, by its windows */
	uint32_t cycle_s; /* from told to updated */
	bool observed;    /* cycle_s was measured, else guessed from the soak */
	size_t overdue;   /* not updated, and the deadline is past */
};

/* Each wave takes as many rounds as its fullest site or feeder group needs, a
 * round as long as chargers took so far; caps may make it longer, and all of
 * that in hours that windows leave.  Silent chargers and pauses are not seen
 * ahead.  Looks at each member.
 * VS_OK; VS_ERR_NOMEM.
 */
vs_status vs_forecast_make(const struct vs_run *r, uint64_t now_s,
                           struct vs_forecast *out) VS_MUST_CHECK;

#endif
