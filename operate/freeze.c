/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/freeze.c - voltseal freeze: stopping every campaign at once.
 */
#include <stdio.h>

#include "operate/campaign.h"
#include "operate/client.h"
#include "operate/commands.h"
#include "operate/say.h"
#include "operate/wait.h"

static void print(const struct vs_args *a, const json_t *v)
{
	if (vs_args_has(a, "json"))
		vs_say_json(v);
	else
		vs_say_fields(v);
}

static enum vs_exit show(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	enum vs_exit e = vs_client_open(a, &c);

	if (!e)
		e = vs_client_get(c, "/v1/freeze", "freeze show", &v);
	if (!e)
		print(a, v);
	return e;
}

static enum vs_exit set(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *body = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	const char *because = vs_args_get(a, "because");
	bool on = a->command->name[1] == 'n';

	if (!because || !*because)
		return vs_args_wrong(a, "needs --because");
	if (vs_wait_check(a))
		return VS_EXIT_USAGE;
	body = json_pack("{sbss}", "frozen", (int)on, "because", because);
	if (!body)
		return vs_args_wrong(a, "--because: not UTF-8 text");
	const struct vs_request r = {"POST", "/v1/freeze",
	                             on ? "freeze on" : "freeze off", body};
	enum vs_exit e = vs_client_open(a, &c);
	if (!e)
		e = vs_client_ask(c, &r, &v);
	if (!e)
		print(a, v);
	return e || !vs_args_has(a, "wait") ? e : vs_campaigns_wait_quiet(a);
}

/* clang-format off */
const struct vs_option vs_freeze_options[] = {
	{"because", "TEXT", "on off", false, "why; the log keeps it"},
	{"wait",    NULL,   "on", false,
	 "until no charger installs any more"},
	{"within",  "TIME", "on", false, "wait for so long at most"},
	{0},
};

const struct vs_command vs_freeze_commands[] = {
	{"on",   "", 0, 0, "stop every campaign now",
	 "No charger is told anything new; who was told and is not yet past "
	 "the point of no\nreturn is told no more.  One person is enough.\n",
	 set},
	{"off",  "", 0, 0, "let them go on; not by who stopped them", NULL,
	 set},
	{"show", "", 0, 0, "whether everything is frozen, by whom and why",
	 NULL, show},
	{0},
};
/* clang-format on */
