/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/plan.c - a campaign's plan out of a file and options.
 */
#include "operate/plan.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "operate/client.h"
#include "trust/time.h"

enum { quoted_max = 96 };

/* Options that are one number each; what is never is not sent. */
static const uint64_t never = UINT64_MAX;
static const struct number {
	const char *option, *member;
	bool duration;
	uint64_t least, most, preset;
} numbers[] = {
	{"per-site",        "per_site",        false, 1, UINT32_MAX, 1         },
	{"site-percent",    "site_percent",    false, 1, 100,        UINT64_MAX},
	{"max-away",        "max_away",        false, 1, UINT32_MAX, UINT64_MAX},
	{"per-hour",        "per_hour",        false, 1, UINT32_MAX, UINT64_MAX},
	{"hour-percent",    "hour_percent",    false, 1, 100,        UINT64_MAX},
	{"soak",            "soak_s",          true,  0, UINT32_MAX, 600       },
	{"advance-percent", "advance_percent", false, 1, 100,        UINT64_MAX},
	{"fail-count",      "fail_count",      false, 1, UINT32_MAX, 1         },
	{"fail-percent",    "fail_percent",    false, 1, 100,        100       },
	{"timeout",         "timeout_s",       true,  0, UINT32_MAX, 86400     },
};

/* Options that take nothing. */
static const struct {
	const char *option, *member;
} flags[] = {
	{"emergency",      "emergency"     },
	{"deadline-opens", "deadline_opens"},
	{"ignore-faults",  "ignore_faults" },
};

static enum vs_exit bad(const struct vs_args *a, const char *option,
                        const char *value, const char *what)
{
	char quoted[quoted_max];

	return vs_args_wrong(a, "--%s: \"%s\" is not %s", option,
	                     vs_log_quote(value, quoted, sizeof quoted), what);
}

static enum vs_exit set_numbers(const struct vs_args *a, json_t *plan)
{
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		const struct number *n = &numbers[i];
		const char *text = vs_args_get(a, n->option);
		uint64_t value = n->preset;

		if (!text &&
		    (n->preset == never || json_object_get(plan, n->member)))
			continue;
		/* A share of a site holds by itself. */
		if (!text && !i &&
		    (vs_args_has(a, "site-percent") ||
		     json_object_get(plan, "site_percent")))
			continue;
		if (text && n->duration && !vs_args_duration(text, &value))
			return bad(a, n->option, text,
			           "a time like 90s, 5m or 2h");
		if (text && !n->duration &&
		    !vs_args_number(text, n->least, n->most, &value))
			return bad(a, n->option, text, "a number in its range");
		(void)json_object_set_new(plan, n->member,
		                          json_integer((json_int_t)value));
	}
	return VS_EXIT_OK;
}

static enum vs_exit set_flags(const struct vs_args *a, json_t *plan)
{
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (vs_args_has(a, flags[i].option))
			(void)json_object_set_new(plan, flags[i].member,
			                          json_true());
	return VS_EXIT_OK;
}

static enum vs_exit set_deadline(const struct vs_args *a, json_t *plan)
{
	const char *text = vs_args_get(a, "deadline");
	uint64_t s;

	if (!text)
		return VS_EXIT_OK;
	if (vs_time_parse(text, &s))
		return bad(a, "deadline", text,
		           "a time like 2026-12-01T00:00:00Z");
	(void)json_object_set_new(plan, "deadline", json_string(text));
	return VS_EXIT_OK;
}

static enum vs_exit set_strings(const struct vs_args *a, json_t *plan)
{
	static const char *const names[] = {"name", "release"};

	for (size_t i = 0; i < 2; i++) {
		const char *text = vs_args_get(a, names[i]);

		if (text &&
		    json_object_set_new(plan, names[i], json_string(text)))
			return bad(a, names[i], text, "UTF-8 text");
		/* What is rehearsed or sent back gets a name by itself. */
		if (!json_is_string(json_object_get(plan, names[i])) &&
		    (i || strcmp(a->command->name, "create") == 0))
			return vs_args_wrong(a, "needs --%s", names[i]);
	}
	return VS_EXIT_OK;
}

/* "5", "50%", "site=NAME", "tag=NAME" or "filter=TEXT"; NULL if none. */
static json_t *read_wave(const char *text)
{
	static const char *const kinds[] = {"site", "tag", "filter"};
	size_t len = strlen(text);
	bool percent = len && text[len - 1] == '%';
	char digits[12];
	uint64_t n = 0;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		size_t k = strlen(kinds[i]);

		if (strncmp(text, kinds[i], k) == 0 && text[k] == '=' &&
		    text[k + 1])
			return json_pack("{ss}", kinds[i], text + k + 1);
	}
	(void)snprintf(digits, sizeof digits, "%.*s", (int)(len - percent),
	               text);
	if (len > sizeof digits ||
	    !vs_args_number(digits, 1, percent ? 100 : UINT32_MAX, &n))
		return NULL;
	return json_pack("{sI}", percent ? "percent" : "count", (json_int_t)n);
}

static enum vs_exit set_waves(const struct vs_args *a, json_t *plan)
{
	json_t *waves = json_array();
	const char *text;

	for (size_t i = 0; (text = vs_args_nth(a, "wave", i)); i++)
		if (json_array_append_new(waves, read_wave(text))) {
			json_decref(waves);
			return bad(a, "wave", text,
			           "a count like 1, a share like 50%, "
			           "site=NAME, tag=NAME or filter=TEXT");
		}
	if (json_array_size(waves))
		(void)json_object_set(plan, "waves", waves);
	json_decref(waves);
	if (!json_array_size(json_object_get(plan, "waves")) &&
	    strcmp(a->command->name, "send-back") != 0)
		return vs_args_wrong(a, "needs --wave, once a wave");
	return VS_EXIT_OK;
}

static bool is_time(const char *text)
{
	char hour[3], minute[3];
	uint64_t n;

	if (strlen(text) != 5 || text[2] != ':')
		return false;
	(void)snprintf(hour, sizeof hour, "%.2s", text);
	(void)snprintf(minute, sizeof minute, "%.2s", text + 3);
	return vs_args_number(hour, 0, 23, &n) &&
	       vs_args_number(minute, 0, 59, &n);
}

/* "mon,tue"; NULL if it is none. */
static json_t *read_days(const char *text)
{
	json_t *days = json_array();
	bool good = *text != 0;

	while (good && *text) {
		size_t n = strcspn(text, ",");

		/* The server knows the names. */
		good = n == 3 &&
		       !json_array_append_new(days, json_stringn(text, n));
		text += n;
		if (*text == ',')
			good = *++text != 0 && good;
	}
	if (!good) {
		json_decref(days);
		days = NULL;
	}
	return days;
}

/* "22:00-05:00" or "22:00-05:00@mon,tue"; NULL if it is none. */
static json_t *read_window(const char *text)
{
	char start[6], end[6];
	json_t *w, *days;

	(void)snprintf(start, sizeof start, "%.5s", text);
	if (strlen(text) < 11 || text[5] != '-' || !is_time(start))
		return NULL;
	(void)snprintf(end, sizeof end, "%.5s", text + 6);
	if (!is_time(end) || !strcmp(start, end) ||
	    (text[11] && text[11] != '@'))
		return NULL;
	w = json_pack("{ssss}", "start", start, "end", end);
	if (!text[11])
		return w;
	days = read_days(text + 12);
	if (!days || json_object_set_new(w, "days", days)) {
		json_decref(w);
		return NULL;
	}
	return w;
}

static enum vs_exit set_window(const struct vs_args *a, json_t *plan)
{
	json_t *windows = json_array();
	const char *text;

	for (size_t i = 0; (text = vs_args_nth(a, "window", i)); i++)
		if (json_array_append_new(windows, read_window(text))) {
			json_decref(windows);
			return bad(a, "window", text,
			           "a window like 22:00-05:00 or "
			           "22:00-05:00@mon,tue");
		}
	if (json_array_size(windows)) {
		(void)json_object_del(plan, "window");
		(void)json_object_del(plan, "windows");
	}
	if (json_array_size(windows) == 1)
		(void)json_object_set(plan, "window",
		                      json_array_get(windows, 0));
	else if (json_array_size(windows))
		(void)json_object_set(plan, "windows", windows);
	json_decref(windows);
	return VS_EXIT_OK;
}

static enum vs_exit set_filter(const struct vs_args *a, json_t *plan)
{
	static const struct {
		const char *option, *member;
	} lists[] = {
		{"site", "sites"},
                {"id",   "ids"  }
        };
	json_t *filter = json_object_get(plan, "filter");
	const char *words = vs_args_get(a, "filter");
	bool listed = vs_args_has(a, "site") || vs_args_has(a, "id");

	if (words && listed)
		return vs_args_wrong(a, "--filter goes without --site and "
		                        "--id");
	if (words && json_object_set_new(plan, "filter", json_string(words)))
		return bad(a, "filter", words, "UTF-8 text");
	if (words || strcmp(a->command->name, "send-back") == 0 ||
	    (!listed && json_is_string(filter)))
		return VS_EXIT_OK;
	if (!filter) {
		(void)json_object_set_new(plan, "filter", json_object());
		filter = json_object_get(plan, "filter");
	}
	if (!json_is_object(filter))
		return vs_args_wrong(a, "filter: not an object");
	for (size_t k = 0; k < 2; k++) {
		json_t *all = json_array();
		const char *text;

		for (size_t i = 0; (text = vs_args_nth(a, lists[k].option, i));
		     i++)
			if (json_array_append_new(all, json_string(text))) {
				json_decref(all);
				return bad(a, lists[k].option, text,
				           "UTF-8 text");
			}
		if (json_array_size(all))
			(void)json_object_set(filter, lists[k].member, all);
		json_decref(all);
	}
	return VS_EXIT_OK;
}

enum vs_exit vs_plan_read(const struct vs_args *a, json_t **out)
{
	static enum vs_exit (*const steps[])(const struct vs_args *,
	                                     json_t *) = {
		set_strings, set_waves,  set_numbers, set_flags,
		set_window,  set_filter, set_deadline};
	json_t *plan = NULL;
	enum vs_exit e = VS_EXIT_OK;

	*out = NULL;
	size_t file = strcmp(a->command->name, "send-back") == 0;
	if (a->word_count > file)
		e = vs_client_read_json(a->words[file], &plan);
	else
		plan = json_object();
	for (size_t i = 0; !e && i < sizeof steps / sizeof *steps; i++)
		e = steps[i](a, plan);
	if (e)
		json_decref(plan);
	else
		*out = plan;
	return e;
}
