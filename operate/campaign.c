/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/campaign.c - voltseal campaign.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "operate/campaign.h"
#include "operate/client.h"
#include "operate/commands.h"
#include "operate/listing.h"
#include "operate/plan.h"
#include "operate/say.h"
#include "operate/wait.h"

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
	const struct vs_listing l = {"/v1/campaigns", "campaign list", columns,
	                             sizeof columns / sizeof *columns};

	return vs_listing_show(a, &l);
}

void vs_campaign_print(const struct vs_args *a, const json_t *v)
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

enum vs_exit vs_campaign_path(const struct vs_args *a, char *out, size_t cap)
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
	enum vs_exit e = vs_campaign_path(a, path, sizeof path);

	if (vs_args_has(a, "watch"))
		return vs_campaign_watch(a);
	if (!e)
		e = vs_client_open(a, &c);
	if (!e)
		e = vs_client_get(c, path, "campaign show", &v);
	if (!e)
		vs_campaign_print(a, v);
	return e;
}

/* approve, start, pause, resume, abort, retry: the command's name is the
 * move's.
 */
static enum vs_exit move(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	const char *verb = a->command->name;
	char path[128], about[64], state[64];
	enum vs_exit e = vs_campaign_path(a, path, sizeof path);
	size_t len = strlen(path);

	if (!e)
		e = vs_wait_check(a);
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
	if (vs_args_has(a, "wait"))
		return strcmp(verb, "pause") && strcmp(verb, "abort")
		               ? vs_campaign_watch(a)
		               : vs_campaign_wait_quiet(a);
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
	enum vs_exit e = vs_wait_check(a);
	char id[32];

	if (!e)
		e = vs_plan_read(a, &plan);
	if (!e)
		e = vs_client_open(a, &c);
	const struct vs_request r = {"POST", "/v1/campaigns", "campaign create",
	                             plan};
	if (!e)
		e = vs_client_ask(c, &r, &v);
	if (e)
		return e;
	(void)vs_say_text(v, "id", id, sizeof id);
	if (vs_args_has(a, "wait"))
		return vs_campaign_wait_decided(a, id);
	if (vs_args_has(a, "json")) {
		vs_say_json(v);
		return VS_EXIT_OK;
	}
	printf("campaign %s created; another person approves it with\n"
	       "  voltseal campaign approve %s\n",
	       id, id);
	return VS_EXIT_OK;
}

#define PLANS "create dry-run send-back"
#define CHOOSES "create dry-run"
#define FOLLOWS "start resume watch show retry pause abort create send-back"

/* clang-format off */
const struct vs_option vs_campaign_options[] = {
	{"name",         "TEXT", PLANS, false, "what people call it"},
	{"release",      "NAME", PLANS, false, "what it brings"},
	{"filter",       "TEXT", CHOOSES, false,
	 "whom, like 'model = ac22 and gateway < 2.1'"},
	{"wave",         "N|P%", PLANS, true,
	 "so many chargers in all, a share, site=X, tag=X or filter=TEXT"},
	{"per-site",     "N",    PLANS, false,
	 "chargers away at once on one site (1)"},
	{"site-percent", "P",    PLANS, false,
	 "or such a share of its chargers"},
	{"max-away",     "N",    PLANS, false, "under way at once in all"},
	{"per-hour",     "N",    PLANS, false, "starts within an hour"},
	{"hour-percent", "P",    PLANS, false, "or such a share of all"},
	{"soak",         "TIME", PLANS, false,
	 "how long each stays healthy before it counts (10m)"},
	{"advance-percent", "P", PLANS, false,
	 "such a share of a wave updated opens the next (100)"},
	{"fail-count",   "N",    PLANS, false,
	 "so many failures halt it (1)"},
	{"fail-percent", "N",    PLANS, false,
	 "such a share of a wave failing halts it (100)"},
	{"timeout",      "TIME", PLANS, false,
	 "who takes longer has failed; 0 = nobody (1d)"},
	{"window", "HH:MM-HH:MM", PLANS, true,
	 "local time in which chargers may start; @mon,tue: only then"},
	{"deadline",     "TIME", PLANS, false,
	 "to be done by 2026-12-01T00:00:00Z"},
	{"deadline-opens", NULL, PLANS, false,
	 "from then on windows do not hold"},
	{"emergency",    NULL,   PLANS, false,
	 "neither waves nor windows hold; an admin approves"},
	{"ignore-faults", NULL,  PLANS, false,
	 "do not halt because faults rose"},
	{"site",         "NAME", CHOOSES, true,
	 "only chargers of this site"},
	{"id",           "ID",   CHOOSES, true, "only this charger"},
	{"state",        "WORD", "members", false,
	 "only those waiting, started, soaking, updated, failed or skipped"},
	{"watch",        NULL,   "show", false, "follow it to its end"},
	{"wait",         NULL,
	 "start resume retry pause abort create send-back", false,
	 "end when what the command begins has ended"},
	{"within",       "TIME", FOLLOWS, false,
	 "follow it for so long at most"},
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
	"TIME is a number with s, m, h or d.\n"
	"--wait: until another person has approved it; exit 5 if it was "
	"aborted.\n";

/* clang-format off */
const struct vs_command vs_campaign_commands[] = {
	{"create", "[FILE.json]", 0, 1, "plan a rollout of a release",
	 create_help, create},
	{"approve", "ID", 1, 1, "approve what another person created", NULL,
	 move},
	{"start",  "ID", 1, 1, "begin with the first wave", NULL, move},
	{"pause",  "ID", 1, 1, "let nobody new start",
	 "--wait: until none of its chargers installs.\n", move},
	{"resume", "ID", 1, 1, "go on after a pause", NULL, move},
	{"abort",  "ID", 1, 1, "end it; who installs already finishes",
	 "--wait: until they have.\n", move},
	{"retry",  "ID", 1, 1, "let who failed wait again",
	 "A halted campaign becomes a draft by it, and is approved anew.\n",
	 move},
	{"send-back", "ID [FILE.json]", 1, 2,
	 "plan to take its chargers back to old code",
	 "The old code is released again under a higher release_seq first; "
	 "--release names\nthat release.  Another person approves the new "
	 "campaign.\n", vs_campaign_send_back},
	{"dry-run", "[FILE.json]", 0, 1,
	 "who would be told, and who refused and why", NULL,
	 vs_campaign_dry_run},
	{"list",   "",   0, 0, "every campaign", NULL, list},
	{"show",   "ID", 1, 1, "one campaign and its chargers", NULL, show},
	{"members", "ID", 1, 1, "its chargers in the order of their start",
	 NULL, vs_campaign_members},
	{"stuck",  "ID", 1, 1, "which of them do not move, why, what helps",
	 NULL, vs_campaign_stuck},
	{"forecast", "ID", 1, 1, "when it ends, if it goes on as it went",
	 NULL, vs_campaign_forecast},
	{"watch",  "ID", 1, 1, "follow it to its end",
	 "Exit 0 if it was done, 4 if it was halted, 5 if it was aborted, 6 "
	 "if --within is over.\n", vs_campaign_watch},
	{0},
};
/* clang-format on */
