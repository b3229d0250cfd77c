/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/campaign_view.c - rehearsals, send-backs, and questions about a
 * campaign.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "operate/campaign.h"
#include "operate/client.h"
#include "operate/plan.h"
#include "operate/say.h"
#include "operate/wait.h"

static const struct vs_column wave_columns[] = {
	{"WAVE",     "wave" },
	{"CHARGERS", "size" },
	{"FIRST",    "first"},
};

static const struct vs_column refused_columns[] = {
	{"CHARGER", "id"    },
	{"SITE",    "site"  },
	{"REASON",  "reason"},
	{"WHY",     "why"   },
};

static const struct vs_column member_columns[] = {
	{"PLACE",   "place"   },
        {"CHARGER", "id"      },
        {"SITE",    "site"    },
	{"STATE",   "state"   },
        {"SINCE",   "since"   },
        {"TRIES",   "attempts"},
	{"REASON",  "reason"  },
        {"DETAIL",  "detail"  },
};

static const struct vs_column stuck_columns[] = {
	{"CHARGER", "id"    },
        {"STATE",   "state" },
        {"SINCE",   "since" },
	{"WHY",     "why"   },
        {"DETAIL",  "detail"},
        {"ADVICE",  "advice"},
};

#define COUNT(columns) (sizeof(columns) / sizeof *(columns))

/* Numbers the waves and names the first charger of each. */
static void tell_waves(json_t *waves)
{
	for (size_t i = 0; i < json_array_size(waves); i++) {
		json_t *w = json_array_get(waves, i);
		json_t *first = json_array_get(json_object_get(w, "ids"), 0);

		(void)json_object_set_new(w, "wave",
		                          json_integer((json_int_t)i + 1));
		if (first)
			(void)json_object_set(w, "first", first);
	}
	vs_say_table(waves, wave_columns, COUNT(wave_columns));
}

enum vs_exit vs_campaign_dry_run(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *plan = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	enum vs_exit e = vs_plan_read(a, &plan);

	if (!e)
		e = vs_client_open(a, &c);
	const struct vs_request r = {"POST", "/v1/campaigns/dry-run",
	                             "campaign dry-run", plan};
	if (!e)
		e = vs_client_ask(c, &r, &v);
	if (e)
		return e;
	if (vs_args_has(a, "json")) {
		vs_say_json(v);
		return VS_EXIT_OK;
	}
	printf("%lld of %lld chargers would be told; nothing was made\n",
	       (long long)vs_say_int(v, "told"),
	       (long long)vs_say_int(v, "members"));
	tell_waves(json_object_get(v, "waves"));
	if (json_array_size(json_object_get(v, "refused"))) {
		printf("\nrefused:\n");
		vs_say_table(json_object_get(v, "refused"), refused_columns,
		             COUNT(refused_columns));
	}
	return VS_EXIT_OK;
}

enum vs_exit vs_campaign_send_back(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *plan = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	char path[128], id[32];
	enum vs_exit e = vs_campaign_path(a, path, sizeof path);
	size_t len = strlen(path);

	if (!e)
		e = vs_wait_check(a);
	if (!e)
		e = vs_plan_read(a, &plan);
	if (!e)
		e = vs_client_open(a, &c);
	if (e)
		return e;
	(void)snprintf(path + len, sizeof path - len, "/send-back");
	const struct vs_request r = {"POST", path, "campaign send-back", plan};
	e = vs_client_ask(c, &r, &v);
	if (e)
		return e;
	(void)vs_say_text(v, "id", id, sizeof id);
	if (vs_args_has(a, "wait"))
		return vs_campaign_wait_decided(a, id);
	if (vs_args_has(a, "json"))
		vs_say_json(v);
	else
		printf("campaign %s takes back %lld chargers; another person "
		       "approves it with\n  voltseal campaign approve %s\n",
		       id, (long long)vs_say_int(v, "progress.members"), id);
	return VS_EXIT_OK;
}

static enum vs_exit ask(const struct vs_args *a, const char *what, json_t **out)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	char path[160], about[48];
	enum vs_exit e = vs_campaign_path(a, path, sizeof path);
	size_t len = strlen(path);

	(void)snprintf(path + len, sizeof path - len, "/%s", what);
	(void)snprintf(about, sizeof about, "campaign %s", a->command->name);
	if (!e)
		e = vs_client_open(a, &c);
	return e ? e : vs_client_get(c, path, about, out);
}

/* All pages of them, one list. */
enum vs_exit vs_campaign_members(const struct vs_args *a)
{
	VS_AUTO(vs_client_json_drop) json_t *all = json_array();
	const char *state = vs_args_get(a, "state");
	json_int_t after = 0;
	char what[96];

	if (state &&
	    strspn(state, "abcdefghijklmnopqrstuvwxyz") != strlen(state))
		return vs_args_wrong(a, "--state: not a word");
	for (;;) {
		VS_AUTO(vs_client_json_drop) json_t *page = NULL;

		(void)snprintf(what, sizeof what,
		               "members?limit=1000&after=%lld%s%.32s",
		               (long long)after, state ? "&state=" : "",
		               state ? state : "");
		enum vs_exit e = ask(a, what, &page);
		if (e)
			return e;
		size_t n = json_array_size(page);
		if (!n || json_array_extend(all, page))
			break;
		after = vs_say_int(json_array_get(page, n - 1), "place");
	}
	if (vs_args_has(a, "json"))
		vs_say_json(all);
	else
		vs_say_table(all, member_columns, COUNT(member_columns));
	return VS_EXIT_OK;
}

enum vs_exit vs_campaign_stuck(const struct vs_args *a)
{
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	enum vs_exit e = ask(a, "stuck", &v);

	if (e)
		return e;
	if (vs_args_has(a, "json"))
		vs_say_json(v);
	else if (json_array_size(json_object_get(v, "members")))
		vs_say_table(json_object_get(v, "members"), stuck_columns,
		             COUNT(stuck_columns));
	else
		printf("nobody is stuck\n");
	return VS_EXIT_OK;
}

enum vs_exit vs_campaign_forecast(const struct vs_args *a)
{
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	enum vs_exit e = ask(a, "forecast", &v);

	if (e)
		return e;
	if (vs_args_has(a, "json"))
		vs_say_json(v);
	else
		vs_say_fields(v);
	return VS_EXIT_OK;
}
