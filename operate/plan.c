/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/plan.c - a campaign's plan out of a file and options.
 */
#include "operate/plan.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "operate/client.h"

enum { quoted_max = 96 };

/* Options that are one number each. */
static const struct number {
	const char *option, *member;
	bool duration;
	uint64_t least, most, preset;
} numbers[] = {
	{"per-site",     "per_site",     false, 1, UINT32_MAX, 1    },
	{"soak",         "soak_s",       true,  0, UINT32_MAX, 600  },
	{"fail-count",   "fail_count",   false, 1, UINT32_MAX, 1    },
	{"fail-percent", "fail_percent", false, 1, 100,        100  },
	{"timeout",      "timeout_s",    true,  0, UINT32_MAX, 86400},
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

		if (!text && json_object_get(plan, n->member))
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

static enum vs_exit set_strings(const struct vs_args *a, json_t *plan)
{
	static const char *const names[] = {"name", "release"};

	for (size_t i = 0; i < 2; i++) {
		const char *text = vs_args_get(a, names[i]);

		if (text &&
		    json_object_set_new(plan, names[i], json_string(text)))
			return bad(a, names[i], text, "UTF-8 text");
		if (!json_is_string(json_object_get(plan, names[i])))
			return vs_args_wrong(a, "needs --%s", names[i]);
	}
	return VS_EXIT_OK;
}

static enum vs_exit set_waves(const struct vs_args *a, json_t *plan)
{
	json_t *waves = json_array();
	const char *text;

	for (size_t i = 0; (text = vs_args_nth(a, "wave", i)); i++) {
		size_t len = strlen(text);
		bool percent = len && text[len - 1] == '%';
		char digits[12];
		uint64_t n = 0;

		(void)snprintf(digits, sizeof digits, "%.*s",
		               (int)(len - percent), text);
		if (len > sizeof digits ||
		    !vs_args_number(digits, 1, percent ? 100 : UINT32_MAX,
		                    &n)) {
			json_decref(waves);
			return bad(a, "wave", text,
			           "a count like 1 or a share like 50%");
		}
		(void)json_array_append_new(
			waves, json_pack("{sI}", percent ? "percent" : "count",
		                         (json_int_t)n));
	}
	if (json_array_size(waves))
		(void)json_object_set(plan, "waves", waves);
	json_decref(waves);
	if (!json_array_size(json_object_get(plan, "waves")))
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

static enum vs_exit set_window(const struct vs_args *a, json_t *plan)
{
	const char *text = vs_args_get(a, "window");
	char start[6];

	if (!text)
		return VS_EXIT_OK;
	(void)snprintf(start, sizeof start, "%.5s", text);
	if (strlen(text) != 11 || text[5] != '-' || !is_time(start) ||
	    !is_time(text + 6) || !strcmp(start, text + 6))
		return bad(a, "window", text, "a window like 22:00-05:00");
	(void)json_object_set_new(
		plan, "window",
		json_pack("{ssss}", "start", start, "end", text + 6));
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
		set_strings, set_waves, set_numbers, set_window, set_filter};
	json_t *plan = NULL;
	enum vs_exit e = VS_EXIT_OK;

	*out = NULL;
	if (a->word_count)
		e = vs_client_read_json(a->words[0], &plan);
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
