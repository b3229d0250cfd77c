/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/token.c - voltseal token: your own tokens.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "operate/client.h"
#include "operate/commands.h"
#include "operate/listing.h"
#include "operate/say.h"

static const struct vs_column columns[] = {
	{"ID",      "id"        },
	{"LABEL",   "label"     },
	{"ROLES",   "roles"     },
	{"EXPIRES", "expires_at"},
};

static enum vs_exit list(const struct vs_args *a)
{
	const struct vs_listing l = {"/v1/tokens", "token list", columns,
	                             sizeof columns / sizeof *columns};

	return vs_listing_show(a, &l);
}

/* What --role and --days say; *out: json_decref(), also after a failure. */
static enum vs_exit read_wish(const struct vs_args *a, json_t **out)
{
	const char *days = vs_args_get(a, "days");
	const char *role;
	uint64_t n = 0;
	json_t *roles;

	*out = json_pack("{s:s}", "label", a->words[0]);
	if (!*out)
		return vs_args_wrong(a, "LABEL: not UTF-8 text");
	if (days && !vs_args_number(days, 1, 366, &n))
		return vs_args_wrong(a, "--days: 1 to 366");
	if (days)
		json_object_set_new(*out, "days", json_integer((json_int_t)n));
	if (!vs_args_has(a, "role"))
		return VS_EXIT_OK;
	roles = json_array();
	if (json_object_set_new(*out, "roles", roles))
		return vs_args_wrong(a, "no memory");
	for (size_t i = 0; (role = vs_args_nth(a, "role", i)); i++)
		if (json_array_append_new(roles, json_string(role)))
			return vs_args_wrong(a, "--role: not UTF-8 text");
	return VS_EXIT_OK;
}

/* Takes the token out of what is shown, and puts it into the file. */
static enum vs_exit put_away(json_t *made, const char *file)
{
	const char *text = json_string_value(json_object_get(made, "token"));
	char line[512];
	int n = snprintf(line, sizeof line, "%s\n", text ? text : "");
	vs_status status = VS_ERR_INPUT;

	if (text && n > 0 && (size_t)n < sizeof line)
		status = vs_file_replace(file, line, (size_t)n, 0600);
	if (status) {
		/* It is made, and nobody can be told it twice. */
		vs_error("token add: %s: %s; the token is printed instead",
		         file, vs_status_name(status));
		return VS_EXIT_FAILED;
	}
	json_object_del(made, "token");
	return VS_EXIT_OK;
}

static enum vs_exit add(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *wish = NULL;
	VS_AUTO(vs_client_json_drop) json_t *made = NULL;
	const char *file = vs_args_get(a, "out");
	enum vs_exit e = read_wish(a, &wish);

	if (!e)
		e = vs_client_open(a, &c);
	if (e)
		return e;
	const struct vs_request r = {"POST", "/v1/tokens", "token add", wish};
	e = vs_client_ask(c, &r, &made);
	if (e)
		return e;
	if (file)
		e = put_away(made, file);
	if (vs_args_has(a, "json"))
		vs_say_json(made);
	else
		vs_say_fields(made);
	return e;
}

static enum vs_exit drop(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	char path[512];
	enum vs_exit e =
		vs_client_path("tokens", a->words[0], path, sizeof path);

	if (!e)
		e = vs_client_open(a, &c);
	if (e)
		return e;
	const struct vs_request r = {"DELETE", path, "token remove", NULL};
	e = vs_client_ask(c, &r, &v);
	if (!e && vs_args_has(a, "json"))
		vs_say_json(v);
	else if (!e)
		vs_say_fields(v);
	return e;
}

/* clang-format off */
const struct vs_option vs_token_options[] = {
	{"role", "ROLE", "add", true,
	 "one of your roles; without it the token has all of them"},
	{"days", "N",    "add", false, "until it ends, 1 to 366; 90 if not said"},
	{"out",  "FILE", "add", false,
	 "write the token there, mode 0600, in place of printing it"},
	{0},
};

const struct vs_command vs_token_commands[] = {
	{"add", "LABEL", 1, 1, "make a token, for a pipeline or another machine",
	 "The token is shown this once: the server keeps its hash alone.\n",
	 add},
	{"list", "", 0, 0, "your tokens, without what they are", NULL, list},
	{"remove", "ID", 1, 1,
	 "take a token back: void from the next request on; an admin anybody's",
	 NULL, drop},
	{0},
};
/* clang-format on */
