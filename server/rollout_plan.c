/* SPDX-License-Identifier: Apache-2.0
 *
 * server/rollout_plan.c - a campaign as a person asks for it.
 *
 * An unknown member is an error: a misspelt limit must not become none.
 */
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "server/name.h"
#include "server/rollout.h"
#include "trust/json.h"

static vs_status bad(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, 0);
}

static const struct number {
	const char *name;
	size_t at; /* in struct vs_plan, a uint32_t */
	uint32_t preset;
} numbers[] = {
	{"per_site",     offsetof(struct vs_plan, per_site),     1    },
	{"soak_s",       offsetof(struct vs_plan, soak_s),       600  },
	{"fail_percent", offsetof(struct vs_plan, fail_percent), 100  },
	{"fail_count",   offsetof(struct vs_plan, fail_count),   1    },
	{"timeout_s",    offsetof(struct vs_plan, timeout_s),    86400},
};

static vs_status parse_numbers(const json_t *asked, struct vs_plan *plan,
                               struct vs_why *why)
{
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		uint64_t n = numbers[i].preset;

		if (json_object_get(asked, numbers[i].name)) {
			vs_status status =
				vs_json_uint(asked, numbers[i].name, &n, why);

			if (status)
				return status;
		}
		if (n > UINT32_MAX)
			return bad(why, numbers[i].name);
		uint32_t value = (uint32_t)n;
		memcpy((char *)plan + numbers[i].at, &value, sizeof value);
	}
	return VS_OK;
}

static vs_status parse_wave(const json_t *o, struct vs_wave *out,
                            struct vs_why *why)
{
	const json_t *count = json_object_get(o, "count");
	const json_t *v = count ? count : json_object_get(o, "percent");
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || json_object_size(o) != 1 || n < 0 ||
	    n > UINT32_MAX)
		return bad(why, "waves: each is {\"count\": N} or "
		                "{\"percent\": N}");
	*out = (struct vs_wave){count ? VS_WAVE_COUNT : VS_WAVE_PERCENT,
	                        (uint32_t)n};
	return VS_OK;
}

static vs_status parse_waves(const json_t *asked, struct vs_plan *plan,
                             struct vs_why *why)
{
	json_t *waves;
	vs_status status = vs_json_array(asked, "waves", &waves, why);

	if (!status && json_array_size(waves) > VS_WAVES_MAX)
		status = bad(why, "waves: too many");
	for (size_t i = 0; !status && i < json_array_size(waves); i++)
		status = parse_wave(json_array_get(waves, i),
		                    &plan->waves[plan->wave_count++], why);
	return status;
}

static bool two_digits(const char *text, unsigned *out)
{
	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return false;
	*out = (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
	return true;
}

static vs_status parse_clock(const json_t *window, const char *name,
                             uint16_t *out, struct vs_why *why)
{
	const char *text;
	unsigned h, m;
	vs_status status = vs_json_string(window, name, &text, why);

	if (status)
		return status;
	if (strlen(text) != 5 || text[2] != ':' || !two_digits(text, &h) ||
	    !two_digits(text + 3, &m) || h > 23 || m > 59)
		return bad(why, "window: HH:MM is wanted");
	*out = (uint16_t)(h * 60 + m);
	return VS_OK;
}

static vs_status parse_window(const json_t *asked, struct vs_plan *plan,
                              struct vs_why *why)
{
	json_t *window = json_object_get(asked, "window");

	if (!window || json_is_null(window))
		return VS_OK;
	plan->has_window = true;
	if (!json_is_object(window) || json_object_size(window) != 2)
		return bad(why, "window: {\"start\", \"end\"} is wanted");
	vs_status status =
		parse_clock(window, "start", &plan->window.start_min, why);
	return status ? status
	              : parse_clock(window, "end", &plan->window.end_min, why);
}

static vs_status parse_filter(const json_t *asked, struct vs_why *why)
{
	static const char *const lists[] = {"sites", "ids"};
	json_t *filter = json_object_get(asked, "filter");
	size_t known = 0;

	if (!filter)
		return VS_OK;
	if (!json_is_object(filter))
		return bad(why, "filter: not an object");
	for (size_t k = 0; k < 2; k++) {
		json_t *list = json_object_get(filter, lists[k]);

		known += list != NULL;
		if (list && !json_is_array(list))
			return bad(why, "filter: sites and ids are lists");
		for (size_t i = 0; i < json_array_size(list); i++)
			if (!json_is_string(json_array_get(list, i)))
				return bad(why, "filter: a name is a text");
	}
	return known == json_object_size(filter)
	               ? VS_OK
	               : bad(why, "filter: sites and ids are known");
}

static vs_status known_members(const json_t *asked, struct vs_why *why)
{
	static const char *const names[] = {
		"name",   "release",      "filter",     "waves",     "per_site",
		"soak_s", "fail_percent", "fail_count", "timeout_s", "window",
	};
	size_t known = 0;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		known += json_object_get(asked, names[i]) != NULL;
	return known == json_object_size(asked)
	               ? VS_OK
	               : bad(why, "a member that campaigns do not have");
}

static vs_status parse_names(const json_t *asked, struct vs_why *why)
{
	const char *text;
	vs_status status = vs_json_string(asked, "name", &text, why);

	if (!status && !vs_name_ok(text, VS_NAME_LEN))
		status = bad(why, "name");
	if (!status)
		status = vs_json_string(asked, "release", &text, why);
	if (!status && !vs_name_ok(text, VS_RELEASE_NAME_LEN))
		status = bad(why, "release");
	return status;
}

static vs_status add_salt(json_t *body, struct vs_plan *plan,
                          struct vs_why *why)
{
	uint8_t random[16];

	if (RAND_bytes(random, sizeof random) != 1)
		return vs_fail(VS_ERR_CRYPTO, why, VS_REASON_NONE, "salt", 0);
	vs_hex_encode(random, sizeof random, plan->salt);
	return json_object_set_new(body, "salt", json_string(plan->salt))
	               ? vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "salt", 0)
	               : VS_OK;
}

/* The plan's part of a body, asked for or kept. */
static vs_status parse_plan(const json_t *body, struct vs_plan *plan,
                            struct vs_why *why)
{
	*plan = (struct vs_plan){0};
	vs_status status = parse_names(body, why);
	if (!status)
		status = parse_waves(body, plan, why);
	if (!status)
		status = parse_numbers(body, plan, why);
	if (!status)
		status = parse_window(body, plan, why);
	return status ? status : parse_filter(body, why);
}

vs_status vs_rollout_parse(const json_t *asked, struct vs_plan *plan,
                           json_t **body, struct vs_why *why)
{
	*body = NULL;
	vs_status status = known_members(asked, why);
	if (!status)
		status = parse_plan(asked, plan, why);
	if (status)
		return status;
	*body = json_deep_copy(asked);
	if (!*body)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "memory", 0);
	status = add_salt(*body, plan, why);
	if (!status)
		status = vs_plan_check(plan, why);
	if (status) {
		json_decref(*body);
		*body = NULL;
	}
	return status;
}

vs_status vs_rollout_read(const json_t *body, struct vs_plan *plan,
                          struct vs_why *why)
{
	const char *salt;
	vs_status status = parse_plan(body, plan, why);

	if (!status)
		status = vs_json_string(body, "salt", &salt, why);
	if (status)
		return status;
	snprintf(plan->salt, sizeof plan->salt, "%s", salt);
	return vs_plan_check(plan, why);
}
