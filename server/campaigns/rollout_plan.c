/* SPDX-License-Identifier: Apache-2.0
 *
 * server/campaigns/rollout_plan.c - a campaign as a person asks for it.
 *
 * An unknown member is an error: a misspelt limit must not become none.
 */
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hex.h"
#include "campaign/filter.h"
#include "server/campaigns/rollout.h"
#include "server/store/name.h"
#include "trust/json.h"
#include "trust/time.h"

static vs_status bad(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, 0);
}

static const struct number {
	const char *name;
	size_t at; /* in struct vs_plan, a uint32_t */
	uint32_t preset;
} numbers[] = {
	{"per_site",        offsetof(struct vs_plan, per_site),        1    },
	{"site_percent",    offsetof(struct vs_plan, site_percent),    0    },
	{"max_away",        offsetof(struct vs_plan, max_away),        0    },
	{"per_hour",        offsetof(struct vs_plan, per_hour),        0    },
	{"hour_percent",    offsetof(struct vs_plan, hour_percent),    0    },
	{"soak_s",          offsetof(struct vs_plan, soak_s),          600  },
	{"advance_percent", offsetof(struct vs_plan, advance_percent), 100  },
	{"fail_percent",    offsetof(struct vs_plan, fail_percent),    100  },
	{"fail_count",      offsetof(struct vs_plan, fail_count),      1    },
	{"timeout_s",       offsetof(struct vs_plan, timeout_s),       86400},
};

static const struct flag {
	const char *name;
	size_t at; /* in struct vs_plan, a bool */
} flags[] = {
	{"ignore_faults",  offsetof(struct vs_plan, ignore_faults) },
	{"deadline_opens", offsetof(struct vs_plan, deadline_opens)},
	{"emergency",      offsetof(struct vs_plan, emergency)     },
};

static vs_status parse_flags(const json_t *asked, struct vs_plan *plan,
                             struct vs_why *why)
{
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		const json_t *v = json_object_get(asked, flags[i].name);
		bool value = json_is_true(v);

		if (v && !json_is_boolean(v))
			return bad(why, flags[i].name);
		memcpy((char *)plan + flags[i].at, &value, sizeof value);
	}
	return VS_OK;
}

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
	/* A share of a site holds by itself, unless a number is given too. */
	if (plan->site_percent && !json_object_get(asked, "per_site"))
		plan->per_site = UINT32_MAX;
	return VS_OK;
}

/* {"count": N}, {"percent": N}, {"filter": TEXT}, {"site": NAME} or
 * {"tag": NAME}; the last two are filters too, and kept as such.
 */
static vs_status parse_wave(const json_t *o, struct vs_wave *out,
                            struct vs_why *why)
{
	const json_t *count = json_object_get(o, "count");
	const json_t *v = count ? count : json_object_get(o, "percent");
	json_int_t n = json_integer_value(v);

	*out = (struct vs_wave){.kind = VS_WAVE_FILTER};
	if (json_object_size(o) == 1 &&
	    json_is_string(json_object_get(o, "filter")))
		return VS_OK;
	if (!json_is_integer(v) || json_object_size(o) != 1 || n < 0 ||
	    n > UINT32_MAX)
		return bad(why, "waves: each is {\"count\": N}, "
		                "{\"percent\": N}, {\"filter\": TEXT}, "
		                "{\"site\": NAME} or {\"tag\": NAME}");
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

static const char *const day_names[] = {"mon", "tue", "wed", "thu",
                                        "fri", "sat", "sun"};

static vs_status parse_days(const json_t *window, uint8_t *out,
                            struct vs_why *why)
{
	const json_t *days = json_object_get(window, "days");
	unsigned bits = 0;

	*out = VS_EVERY_DAY;
	if (!days)
		return VS_OK;
	for (size_t i = 0; i < json_array_size(days); i++) {
		const char *name = json_string_value(json_array_get(days, i));
		unsigned d = 0;

		while (d < 7 && (!name || strcmp(day_names[d], name) != 0))
			d++;
		if (d == 7)
			return bad(why, "window.days: mon, tue, wed, thu, fri, "
			                "sat, sun");
		bits |= 1u << d;
	}
	*out = (uint8_t)bits;
	return bits ? VS_OK : bad(why, "window.days: at least one");
}

static vs_status parse_one_window(const json_t *window, struct vs_window *out,
                                  struct vs_why *why)
{
	size_t known = 2 + (json_object_get(window, "days") != NULL);

	if (!json_is_object(window) || json_object_size(window) != known)
		return bad(why, "window: {\"start\", \"end\", \"days\"} is "
		                "wanted");
	vs_status status = parse_clock(window, "start", &out->start_min, why);
	if (!status)
		status = parse_clock(window, "end", &out->end_min, why);
	return status ? status : parse_days(window, &out->days, why);
}

static vs_status parse_windows(const json_t *asked, struct vs_plan *plan,
                               struct vs_why *why)
{
	const json_t *one = json_object_get(asked, "window");
	const json_t *list = json_object_get(asked, "windows");
	vs_status status = VS_OK;

	if (one && !json_is_null(one))
		status = parse_one_window(
			one, &plan->windows[plan->window_count++], why);
	if (!status && list &&
	    (!json_is_array(list) ||
	     json_array_size(list) + plan->window_count > VS_WINDOWS_MAX))
		return bad(why, "windows: a list of up to 8");
	for (size_t i = 0; !status && i < json_array_size(list); i++)
		status = parse_one_window(json_array_get(list, i),
		                          &plan->windows[plan->window_count++],
		                          why);
	return status;
}

static vs_status parse_deadline(const json_t *asked, struct vs_plan *plan,
                                struct vs_why *why)
{
	const json_t *v = json_object_get(asked, "deadline");

	if (!v)
		return VS_OK;
	if (!json_is_string(v) ||
	    vs_time_parse(json_string_value(v), &plan->deadline_s))
		return bad(why, "deadline: YYYY-MM-DDTHH:MM:SSZ is wanted");
	return VS_OK;
}

static vs_status parse_filter(const json_t *asked, struct vs_why *why)
{
	static const char *const lists[] = {"sites", "ids"};
	json_t *filter = json_object_get(asked, "filter");
	size_t known = 0;

	if (!filter || json_is_string(filter))
		return VS_OK;
	if (!json_is_object(filter))
		return bad(why, "filter: a text or an object is wanted");
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
		"name",   "release", "filter",   "waves",
		"window", "windows", "deadline", "sends_back",
	};
	size_t known = 0;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		known += json_object_get(asked, names[i]) != NULL;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		known += json_object_get(asked, numbers[i].name) != NULL;
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		known += json_object_get(asked, flags[i].name) != NULL;
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
		status = parse_flags(body, plan, why);
	if (!status)
		status = parse_windows(body, plan, why);
	if (!status)
		status = parse_deadline(body, plan, why);
	return status ? status : parse_filter(body, why);
}

/* Puts a filter into its printed form, in place. */
static vs_status canonical(json_t *holder, const char *member,
                           struct vs_why *why)
{
	const json_t *v = json_object_get(holder, member);
	VS_AUTO(vs_filter_free) struct vs_filter *f = NULL;
	VS_AUTO(vs_free_drop) char *text = NULL;

	if (!json_is_string(v))
		return VS_OK;
	vs_status status = vs_filter_parse(json_string_value(v),
	                                   json_string_length(v), &f, why);
	if (status)
		return status == VS_ERR_LIMIT ? VS_ERR_INPUT : status;
	if (vs_filter_print(f, &text) ||
	    json_object_set_new(holder, member, json_string(text)))
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "memory", 0);
	return VS_OK;
}

/* {"site": "north"} becomes {"filter": "site = north"}. */
static vs_status spell_wave(json_t *wave, struct vs_why *why)
{
	static const char *const fields[] = {"site", "tag"};
	char text[VS_NAME_LEN + 16];

	for (size_t i = 0; i < 2; i++) {
		const json_t *v = json_object_get(wave, fields[i]);

		if (!v)
			continue;
		if (!json_is_string(v) || json_object_size(wave) != 1 ||
		    !vs_name_ok(json_string_value(v), VS_NAME_LEN))
			return bad(why, "waves: a site or a tag is a name");
		snprintf(text, sizeof text, "%s = \"%s\"", fields[i],
		         json_string_value(v));
		if (json_object_set_new(wave, "filter", json_string(text)) ||
		    json_object_del(wave, fields[i]))
			return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE,
			               "memory", 0);
		break;
	}
	return canonical(wave, "filter", why);
}

/* As it is kept. */
static vs_status spell(json_t *body, struct vs_why *why)
{
	json_t *waves = json_object_get(body, "waves");
	vs_status status = canonical(body, "filter", why);

	for (size_t i = 0; !status && i < json_array_size(waves); i++)
		if (json_is_object(json_array_get(waves, i)))
			status = spell_wave(json_array_get(waves, i), why);
	return status;
}

vs_status vs_rollout_parse(const json_t *asked, struct vs_plan *plan,
                           json_t **body, struct vs_why *why)
{
	*body = NULL;
	vs_status status = known_members(asked, why);
	if (status)
		return status;
	*body = json_deep_copy(asked);
	if (!*body)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "memory", 0);
	status = spell(*body, why);
	if (!status)
		status = parse_plan(*body, plan, why);
	if (!status)
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
