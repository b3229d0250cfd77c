/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/conf/gate.c - sessions, contactors, battery, window.
 */
#include "agent/conf/gate.h"

#include <string.h>

#include "trust/json.h"

static bool two_digits(const char *text, unsigned below, unsigned *out)
{
	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return false;
	*out = (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
	return *out < below;
}

static bool time_of_day(const char *text, unsigned *minute)
{
	unsigned hour, min;

	if (!two_digits(text, 24, &hour) || text[2] != ':' ||
	    !two_digits(text + 3, 60, &min))
		return false;
	*minute = hour * 60 + min;
	return true;
}

vs_status vs_gate_window_parse(const char *text, struct vs_gate_window *out)
{
	memset(out, 0, sizeof(*out));
	if (text[0] == '\0') {
		out->any = true;
		return VS_OK;
	}
	if (strlen(text) != 11 || text[5] != '-' ||
	    !time_of_day(text, &out->start_min) ||
	    !time_of_day(text + 6, &out->end_min))
		return VS_ERR_INPUT;
	return VS_OK;
}

vs_status vs_gate_status_parse(const void *in, size_t len,
                               struct vs_gate_status *out, struct vs_why *why)
{
	VS_AUTO(vs_json_drop) json_t *whole = NULL;
	const json_t *session;
	const char *contactors;
	vs_status status =
		vs_json_parse(in, len, VS_GATE_STATUS_MAX, &whole, why);

	memset(out, 0, sizeof(*out));
	if (status != VS_OK)
		return status;
	session = json_object_get(whole, "session");
	if (!json_is_boolean(session))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "session", 0);
	out->session = json_is_true(session);
	status = vs_json_string(whole, "contactors", &contactors, why);
	if (status != VS_OK)
		return status;
	/* Only the one word means open. */
	out->contactors_closed = strcmp(contactors, "open") != 0;
	if (json_object_get(whole, "battery_percent")) {
		out->has_battery = true;
		status = vs_json_uint(whole, "battery_percent",
		                      &out->battery_percent, why);
	}
	if (status == VS_OK && out->battery_percent > 100)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "battery_percent", 0);
	if (status == VS_OK && json_object_get(whole, "faults"))
		status = vs_json_uint(whole, "faults", &out->faults, why);
	return status;
}

static bool inside(const struct vs_gate_window *w, unsigned minute)
{
	if (w->any || w->start_min == w->end_min)
		return true;
	if (w->start_min < w->end_min)
		return minute >= w->start_min && minute < w->end_min;
	return minute >= w->start_min || minute < w->end_min;
}

bool vs_gate_asks(const struct vs_gate_rules *rules)
{
	return rules->require_idle || rules->min_battery > 0;
}

const char *vs_gate_closed(const struct vs_gate_rules *rules,
                           const struct vs_gate_status *status, unsigned minute)
{
	if (!status && vs_gate_asks(rules))
		return "the charger's status is not known";
	if (rules->require_idle && status->session)
		return "a charging session is running";
	if (rules->require_idle && status->contactors_closed)
		return "contactors are closed";
	if (rules->min_battery > 0 && !status->has_battery)
		return "the battery's level is not known";
	if (rules->min_battery > 0 &&
	    status->battery_percent < rules->min_battery)
		return "the battery is too low";
	if (!inside(&rules->window, minute))
		return "outside the maintenance window";
	return NULL;
}
