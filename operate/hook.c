/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/hook.c - voltseal hook: programs that the server tells.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "operate/client.h"
#include "operate/commands.h"
#include "operate/listing.h"
#include "operate/say.h"
#include "operate/wait.h"

static const struct vs_column columns[] = {
	{"ID",       "id"      },
        {"LABEL",    "label"   },
	{"STATE",    "state"   },
        {"FAILURES", "failures"},
	{"LAST",     "last"    },
        {"EVENTS",   "events"  },
	{"URL",      "url"     },
};

static enum vs_exit list(const struct vs_args *a)
{
	const struct vs_listing l = {"/v1/hooks", "hook list", columns,
	                             sizeof columns / sizeof *columns};

	return vs_listing_show(a, &l);
}

/* Asks and shows the answer. */
static enum vs_exit ask(const struct vs_args *a, const struct vs_request *r)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	enum vs_exit e = vs_client_open(a, &c);

	if (!e)
		e = vs_client_ask(c, r, &v);
	if (!e && vs_args_has(a, "json"))
		vs_say_json(v);
	else if (!e)
		vs_say_fields(v);
	return e;
}

static enum vs_exit add(const struct vs_args *a)
{
	VS_AUTO(vs_client_json_drop) json_t *events = json_array();
	VS_AUTO(vs_client_json_drop) json_t *body = NULL;
	const char *text;

	if (!vs_args_has(a, "action"))
		return vs_args_wrong(a, "--action ACTION is missing");
	for (size_t i = 0; (text = vs_args_nth(a, "action", i)); i++)
		if (json_array_append_new(events, json_string(text)))
			return vs_args_wrong(a, "--action: not UTF-8 text");
	body = json_pack("{s:s, s:s, s:O}", "label", a->words[0], "url",
	                 a->words[1], "events", events);
	if (!body)
		return vs_args_wrong(a, "LABEL or URL: not UTF-8 text");
	const struct vs_request r = {"POST", "/v1/hooks", "hook add", body};
	return ask(a, &r);
}

static enum vs_exit move(const struct vs_args *a, const char *method,
                         const char *end)
{
	char path[512], about[32];
	enum vs_exit e =
		vs_client_path("hooks", a->words[0], path, sizeof path);
	size_t used = strlen(path);

	if (e)
		return e;
	(void)snprintf(path + used, sizeof path - used, "%s", end);
	(void)snprintf(about, sizeof about, "hook %s", a->command->name);
	const struct vs_request r = {method, path, about, NULL};
	return ask(a, &r);
}

static enum vs_exit drop(const struct vs_args *a)
{
	return move(a, "DELETE", "");
}

static enum vs_exit enable(const struct vs_args *a)
{
	return move(a, "POST", "/enable");
}

/* A hook as it was when the waiting began, and what became of it. */
struct waiting {
	const char *id;
	long long seq, failures;
	char why[200];
};

static const json_t *find(const json_t *list, const char *id)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *is = json_string_value(json_object_get(one, "id"));

		if (is && !strcmp(is, id))
			return one;
	}
	return NULL;
}

/* When its receiver has taken something, or has not. */
static bool delivered(void *ctx, const json_t *v, struct vs_wait_line *line,
                      enum vs_exit *e)
{
	struct waiting *w = ctx;
	const json_t *one = find(v, w->id);
	char last[160], state[8];

	(void)vs_say_text(one, "last", last, sizeof last);
	(void)vs_say_text(one, "state", state, sizeof state);
	long long seq = one ? vs_say_int(one, "seq") : 0;
	(void)snprintf(line->text, sizeof line->text, "taken up to %lld", seq);
	*e = VS_EXIT_FAILED;
	if (!one)
		(void)snprintf(w->why, sizeof w->why, "it was removed");
	else if (seq > w->seq)
		*e = VS_EXIT_OK;
	else if (!strcmp(state, "off"))
		(void)snprintf(w->why, sizeof w->why, "it is off");
	else if (vs_say_int(one, "failures") > w->failures)
		(void)snprintf(w->why, sizeof w->why, "not taken: %s", last);
	else
		return false;
	return true;
}

static enum vs_exit test(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *before = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	struct waiting now = {.id = a->words[0]};
	const struct vs_wait w = {.path = "/v1/hooks",
	                          .about = "hook test",
	                          .look = delivered,
	                          .ctx = &now};
	char path[512];
	enum vs_exit e = vs_wait_check(a);

	if (e || !vs_args_has(a, "wait"))
		return e ? e : move(a, "POST", "/test");
	e = vs_client_path("hooks", a->words[0], path, sizeof path - 8);
	if (!e)
		e = vs_client_open(a, &c);
	if (e)
		return e;
	(void)snprintf(path + strlen(path), 8, "/test");
	const struct vs_request r = {"POST", path, "hook test", NULL};
	e = vs_client_ask(c, &r, &before);
	if (e)
		return e;
	now.seq = vs_say_int(before, "seq");
	now.failures = vs_say_int(before, "failures");
	e = vs_wait(a, c, &w, &v);
	if (e == VS_EXIT_FAILED && now.why[0])
		vs_error("hook test: %s", now.why);
	else if (!e && vs_args_has(a, "json"))
		vs_say_json(find(v, now.id));
	else if (!e)
		printf("taken\n");
	return e;
}

/* clang-format off */
const struct vs_option vs_hook_options[] = {
	{"action", "ACTION", "add", true,
	 "what to tell; campaign-* for all that begin so"},
	{"wait",   NULL,     "test", false,
	 "until its receiver has taken it; exit 1 if it does not"},
	{"within", "TIME",   "test", false, "wait for so long at most"},
	{0},
};

const struct vs_command vs_hook_commands[] = {
	{"add", "LABEL URL", 2, 2, "tell a program what happens, over https",
	 "Prints the secret that deliveries are signed with, once.  What they "
	 "look like:\ndocs/operations/webhooks.md.\n", add},
	{"list", "", 0, 0, "all of them, and how their last delivery went",
	 NULL, list},
	{"test", "ID", 1, 1, "send it something", NULL, test},
	{"enable", "ID", 1, 1,
	 "switch it on again; it gets what it missed", NULL, enable},
	{"remove", "ID", 1, 1, "tell it nothing any more", NULL, drop},
	{0},
};
/* clang-format on */
