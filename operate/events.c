/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/events.c - voltseal events: what happens, as it happens.
 *
 * After a broken connection it goes on after the last event it was given, so
 * that none is missed and none is told twice.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "operate/client.h"
#include "operate/commands.h"
#include "operate/say.h"

enum { retry_s = 3, quoted_max = 256 };

struct follow {
	const struct vs_args *args;
	uint64_t last;
	bool any;   /* last is known */
	bool found; /* what --until or --fail asked for */
	bool failed;
};

/* "campaign-*" fits all that begin so. */
static bool fits(const char *pattern, const char *text)
{
	size_t len = strlen(pattern);

	if (len && pattern[len - 1] == '*')
		return strncmp(pattern, text, len - 1) == 0;
	return strcmp(pattern, text) == 0;
}

static bool named(const struct vs_args *a, const char *option,
                  const char *action)
{
	const char *pattern;

	for (size_t i = 0; (pattern = vs_args_nth(a, option, i)); i++)
		if (fits(pattern, action))
			return true;
	return false;
}

static void print(const struct follow *f, const json_t *v)
{
	static const char *const members[] = {"time",    "actor",  "action",
	                                      "subject", "reason", "detail"};
	char quoted[quoted_max];

	if (vs_args_has(f->args, "json")) {
		(void)json_dumpf(v, stdout, JSON_COMPACT);
		printf("\n");
	} else {
		for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
			const char *text = vs_say_text(v, members[i], quoted,
			                               sizeof quoted);

			if (strcmp(text, "-") != 0)
				printf("%s%s", i ? " " : "", text);
		}
		printf("\n");
	}
	(void)fflush(stdout);
}

static bool each(void *ctx, const char *event, const char *data)
{
	VS_AUTO(vs_client_json_drop)
	json_t *v = json_loads(data, JSON_REJECT_DUPLICATES, NULL);
	struct follow *f = ctx;

	if (strcmp(event, "reset") == 0) {
		f->last = (uint64_t)vs_say_int(v, "last");
		return true;
	}
	const char *action = json_string_value(json_object_get(v, "action"));
	const char *subject = json_string_value(json_object_get(v, "subject"));
	if (!action || !subject)
		return true; /* progress: the records say enough */
	f->last = (uint64_t)vs_say_int(v, "seq");
	f->any = true;
	const char *only = vs_args_get(f->args, "subject");
	if (only && strcmp(only, subject) != 0)
		return true;
	if (!vs_args_has(f->args, "action") || named(f->args, "action", action))
		print(f, v);
	f->failed = named(f->args, "fail", action);
	f->found = f->failed || named(f->args, "until", action);
	return !f->found;
}

static enum vs_exit check(const struct vs_args *a, struct follow *f)
{
	const char *after = vs_args_get(a, "after");

	if (!after)
		return VS_EXIT_OK;
	f->any = true;
	return vs_args_number(after, 0, UINT64_C(1) << 48, &f->last)
	               ? VS_EXIT_OK
	               : vs_args_wrong(a, "--after: not a number");
}

static enum vs_exit events(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	struct follow f = {.args = a};
	const struct timespec rest = {.tv_sec = retry_s};
	char path[64];
	struct vs_client_stream s = {path, "events", each, &f, true};
	enum vs_exit e = check(a, &f);

	if (!e)
		e = vs_client_open(a, &c);
	while (!e && !f.found) {
		if (f.any)
			(void)snprintf(path, sizeof path,
			               "/v1/events?after=%" PRIu64, f.last);
		else
			(void)snprintf(path, sizeof path, "/v1/events");
		e = vs_client_follow(c, &s);
		if (f.found)
			return f.failed ? VS_EXIT_FAILED : VS_EXIT_OK;
		/* Whom we have heard is waited for. */
		if (e == VS_EXIT_UNREACHABLE && !s.loud)
			e = VS_EXIT_OK;
		s.loud = false;
		if (!e)
			nanosleep(&rest, NULL);
	}
	return e;
}

/* clang-format off */
const struct vs_option vs_events_options[] = {
	{"after",   "SEQ",    NULL, false, "begin after this record of the log"},
	{"action",  "ACTION", NULL, true,
	 "only such events; campaign-* for all that begin so"},
	{"subject", "NAME",   NULL, false,
	 "only about this charger, campaign or release"},
	{"until",   "ACTION", NULL, true, "end after the first such event"},
	{"fail",    "ACTION", NULL, true,
	 "end after the first such event with exit status 1"},
	{0},
};

const struct vs_command vs_events_commands[] = {
	{"", "", 0, 0, "what happens, as it happens",
	 "Ends when it is interrupted, with --until or --fail.  A broken "
	 "connection is taken\nup again where it broke.  In a pipeline:\n"
	 "  voltseal events --after 0 --subject 7 --until campaign-done "
	 "--fail campaign-halted\n", events},
	{0},
};
/* clang-format on */
