/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/campaign.c - voltseal campaign.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "operate/client.h"
#include "operate/commands.h"
#include "operate/plan.h"
#include "operate/say.h"

enum { unreachable_max = 30 };

static const struct vs_column columns[] = {
	{"ID",      "id"              },
	{"NAME",    "name"            },
	{"RELEASE", "release"         },
	{"STATE",   "state"           },
	{"MEMBERS", "progress.members"},
	{"UPDATED", "progress.updated"},
	{"FAILED",  "progress.failed" },
	{"BY",      "created_by"      },
	{"BECAUSE", "because"         },
};

static const struct vs_column member_columns[] = {
	{"CHARGER", "id"    },
        {"STATE",   "state" },
        {"SINCE",   "since" },
	{"REASON",  "reason"},
        {"DETAIL",  "detail"},
};

static enum vs_exit list(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	enum vs_exit e = vs_client_open(a, &c);

	if (!e)
		e = vs_client_get(c, "/v1/campaigns", "campaign list", &v);
	if (e)
		return e;
	if (vs_args_has(a, "json"))
		vs_say_json(v);
	else
		vs_say_table(v, columns, sizeof columns / sizeof *columns);
	return VS_EXIT_OK;
}

static void print(const struct vs_args *a, const json_t *v)
{
	if (vs_args_has(a, "json")) {
		vs_say_json(v);
		return;
	}
	vs_say_fields(v);
	if (json_array_size(json_object_get(v, "members")))
		vs_say_table(json_object_get(v, "members"), member_columns,
		             sizeof member_columns / sizeof *member_columns);
}

static enum vs_exit path_of(const struct vs_args *a, char *out, size_t cap)
{
	uint64_t id;

	if (!vs_args_number(a->words[0], 1, INT64_MAX, &id))
		return vs_args_wrong(a, "ID: not a campaign's number");
	return vs_client_path("campaigns", a->words[0], out, cap);
}

static enum vs_exit show(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	char path[128];
	enum vs_exit e = path_of(a, path, sizeof path);

	if (!e)
		e = vs_client_open(a, &c);
	if (!e)
		e = vs_client_get(c, path, "campaign show", &v);
	if (!e)
		print(a, v);
	return e;
}

/* approve, start, pause, resume, abort: the command's name is the move's. */
static enum vs_exit move(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	const char *verb = a->command->name;
	char path[128], about[64], state[64];
	enum vs_exit e = path_of(a, path, sizeof path);
	size_t len = strlen(path);

	if (e)
		return e;
	(void)snprintf(path + len, sizeof path - len, "/%s", verb);
	(void)snprintf(about, sizeof about, "campaign %s %s", verb,
	               a->words[0]);
	const struct vs_request r = {"POST", path, about, NULL};
	e = vs_client_open(a, &c);
	if (!e)
		e = vs_client_ask(c, &r, &v);
	if (e)
		return e;
	if (vs_args_has(a, "json"))
		vs_say_json(v);
	else
		printf("campaign %s is %s\n", a->words[0],
		       vs_say_text(v, "state", state, sizeof state));
	return VS_EXIT_OK;
}

static enum vs_exit create(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *plan = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	enum vs_exit e = vs_plan_read(a, &plan);
	char id[32];

	if (!e)
		e = vs_client_open(a, &c);
	const struct vs_request r = {"POST", "/v1/campaigns", "campaign create",
	                             plan};
	if (!e)
		e = vs_client_ask(c, &r, &v);
	if (e)
		return e;
	if (vs_args_has(a, "json")) {
		vs_say_json(v);
		return VS_EXIT_OK;
	}
	printf("campaign %s created; another person approves it with\n"
	       "  voltseal campaign approve %s\n",
	       vs_say_text(v, "id", id, sizeof id), id);
	return VS_EXIT_OK;
}

/* One line: how far it is. */
static void describe(const json_t *v, char *out, size_t cap)
{
	char state[32], because[161];

	(void)vs_say_text(v, "because", because, sizeof because);
	(void)snprintf(out, cap,
	               "%s  wave %lld  updated %lld of %lld  away %lld  failed "
	               "%lld%s%s",
	               vs_say_text(v, "state", state, sizeof state),
	               (long long)vs_say_int(v, "wave"),
	               (long long)vs_say_int(v, "progress.updated"),
	               (long long)vs_say_int(v, "progress.members"),
	               (long long)(vs_say_int(v, "progress.started") +
	                           vs_say_int(v, "progress.soaking")),
	               (long long)vs_say_int(v, "progress.failed"),
	               strcmp(because, "-") ? "  " : "",
	               strcmp(because, "-") ? because : "");
}

/* True when the campaign moves no more; *e then says how it ended. */
static bool ended(const json_t *v, enum vs_exit *e)
{
	char state[32];

	(void)vs_say_text(v, "state", state, sizeof state);
	*e = strcmp(state, "done") ? VS_EXIT_FAILED : VS_EXIT_OK;
	return !*e || !strcmp(state, "halted") || !strcmp(state, "aborted");
}

/* A bar on a terminal; elsewhere a line whenever something has changed. */
static void show_progress(const json_t *v, char last[static 320])
{
	char line[320];

	describe(v, line, sizeof line);
	if (vs_say_terminal())
		vs_say_progress(line,
		                (uint64_t)vs_say_int(v, "progress.updated"),
		                (uint64_t)vs_say_int(v, "progress.members"));
	else if (strcmp(line, last) != 0)
		fprintf(stderr, "%s\n", line);
	memcpy(last, line, sizeof line);
}

static enum vs_exit follow(const struct vs_args *a, struct vs_client *c,
                           const char *path)
{
	const struct timespec pause = {.tv_sec = 1};
	char last[320] = "";
	unsigned missed = 0;

	for (;;) {
		VS_AUTO(vs_client_json_drop) json_t *v = NULL;
		enum vs_exit e = vs_client_get(c, path, "campaign watch", &v);

		/* A server that restarts does not end the watch. */
		if (e &&
		    (e != VS_EXIT_UNREACHABLE || ++missed == unreachable_max))
			return e;
		if (!e) {
			missed = 0;
			show_progress(v, last);
			if (ended(v, &e)) {
				vs_say_progress_end();
				print(a, v);
				return e;
			}
		}
		(void)nanosleep(&pause, NULL);
	}
}

static enum vs_exit watch(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	char path[128];
	enum vs_exit e = path_of(a, path, sizeof path);

	if (!e)
		e = vs_client_open(a, &c);
	return e ? e : follow(a, c, path);
}

/* clang-format off */
const struct vs_option vs_campaign_options[] = {
	{"name",         "TEXT", "create", false, "what people call it"},
	{"release",      "NAME", "create", false, "what it brings"},
	{"wave",         "N|P%", "create", true,
	 "so many chargers in all, or a share; once a wave"},
	{"per-site",     "N",    "create", false,
	 "chargers away at once on one site (1)"},
	{"soak",         "TIME", "create", false,
	 "how long each stays healthy before it counts (10m)"},
	{"fail-count",   "N",    "create", false,
	 "so many failures halt it (1)"},
	{"fail-percent", "N",    "create", false,
	 "such a share of a wave failing halts it (100)"},
	{"timeout",      "TIME", "create", false,
	 "who takes longer has failed; 0 = nobody (1d)"},
	{"window", "HH:MM-HH:MM", "create", false,
	 "local time in which chargers may start"},
	{"site",         "NAME", "create", true,
	 "only chargers of this site"},
	{"id",           "ID",   "create", true, "only this charger"},
	{0},
};
/* clang-format on */

static const char create_help[] =
	"A campaign is created by one person and approved by another, always."
	"\nFILE.json holds what the options say; an option given too wins:\n"
	"  {\"name\": \"spring\", \"release\": \"1.1.0\",\n"
	"   \"waves\": [{\"count\": 1}, {\"percent\": 50}, "
	"{\"percent\": 100}],\n"
	"   \"per_site\": 1, \"soak_s\": 600, \"fail_count\": 1,\n"
	"   \"window\": {\"start\": \"22:00\", \"end\": \"05:00\"},\n"
	"   \"filter\": {\"sites\": [\"north\"]}}\n"
	"Waves count from the start: 1, 50%, 100% is a canary, then up to "
	"half, then all.\nThe next one opens when each charger of the last "
	"has shown the new version,\nhealthy, in a signed report after its "
	"reboot and through its soak.\n"
	"TIME is a number with s, m, h or d.\n";

/* clang-format off */
const struct vs_command vs_campaign_commands[] = {
	{"create", "[FILE.json]", 0, 1, "plan a rollout of a release",
	 create_help, create},
	{"approve", "ID", 1, 1, "approve what another person created", NULL,
	 move},
	{"start",  "ID", 1, 1, "begin with the first wave", NULL, move},
	{"pause",  "ID", 1, 1, "let nobody new start", NULL, move},
	{"resume", "ID", 1, 1, "go on after a pause", NULL, move},
	{"abort",  "ID", 1, 1, "end it; who was told already finishes", NULL,
	 move},
	{"list",   "",   0, 0, "every campaign", NULL, list},
	{"show",   "ID", 1, 1, "one campaign and its chargers", NULL, show},
	{"watch",  "ID", 1, 1, "follow it to its end",
	 "Exit 0 if it was done, 1 if it was halted or aborted.\n", watch},
	{0},
};
/* clang-format on */
