/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/campaign_watch.c - following campaigns: to their end, to their
 * approval, until nobody is under way.
 */
#include <stdio.h>
#include <string.h>

#include "operate/campaign.h"
#include "operate/client.h"
#include "operate/say.h"
#include "operate/wait.h"

/* How far it is. */
static void describe(const json_t *v, struct vs_wait_line *line)
{
	char state[32], because[161];

	(void)vs_say_text(v, "because", because, sizeof because);
	(void)snprintf(line->text, sizeof line->text,
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
	line->done = (uint64_t)vs_say_int(v, "progress.updated");
	line->total = (uint64_t)vs_say_int(v, "progress.members");
}

/* When it moves no more. */
static bool ended(void *ctx, const json_t *v, struct vs_wait_line *line,
                  enum vs_exit *e)
{
	char state[32];

	(void)ctx;
	describe(v, line);
	(void)vs_say_text(v, "state", state, sizeof state);
	*e = VS_EXIT_OK;
	if (!strcmp(state, "halted"))
		*e = VS_EXIT_HALTED;
	else if (!strcmp(state, "aborted"))
		*e = VS_EXIT_ABORTED;
	return *e || !strcmp(state, "done");
}

/* When another person has said yes, or somebody no. */
static bool decided(void *ctx, const json_t *v, struct vs_wait_line *line,
                    enum vs_exit *e)
{
	char state[32];

	(void)ctx;
	(void)vs_say_text(v, "state", state, sizeof state);
	(void)snprintf(line->text, sizeof line->text, "%s", state);
	*e = strcmp(state, "aborted") ? VS_EXIT_OK : VS_EXIT_ABORTED;
	return strcmp(state, "draft") != 0;
}

/* When who was told has finished, or was taken back. */
static bool quiet(void *ctx, const json_t *v, struct vs_wait_line *line,
                  enum vs_exit *e)
{
	(void)ctx;
	describe(v, line);
	*e = VS_EXIT_OK;
	return vs_say_int(v, "progress.started") == 0;
}

static bool all_quiet(void *ctx, const json_t *v, struct vs_wait_line *line,
                      enum vs_exit *e)
{
	long long away = 0;
	const json_t *one;
	size_t i;

	(void)ctx;
	json_array_foreach(v, i, one) away +=
		vs_say_int(one, "progress.started");
	(void)snprintf(line->text, sizeof line->text,
	               "frozen; %lld chargers still install", away);
	*e = VS_EXIT_OK;
	return away == 0;
}

static enum vs_exit follow(const struct vs_args *a, const struct vs_wait *w)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	enum vs_exit e = vs_wait_check(a);

	if (!e)
		e = vs_client_open(a, &c);
	if (!e)
		e = vs_wait(a, c, w, &v);
	if (json_is_object(v))
		vs_campaign_print(a, v);
	return e;
}

enum vs_exit vs_campaign_watch(const struct vs_args *a)
{
	char path[128];
	const struct vs_wait w = {
		.path = path, .about = "campaign watch", .look = ended};
	enum vs_exit e = vs_campaign_path(a, path, sizeof path);

	return e ? e : follow(a, &w);
}

enum vs_exit vs_campaign_wait_quiet(const struct vs_args *a)
{
	char path[128], about[64];
	const struct vs_wait w = {.path = path, .about = about, .look = quiet};
	enum vs_exit e = vs_campaign_path(a, path, sizeof path);

	(void)snprintf(about, sizeof about, "campaign %s", a->command->name);
	return e ? e : follow(a, &w);
}

enum vs_exit vs_campaign_wait_decided(const struct vs_args *a, const char *id)
{
	char path[128], about[64];
	const struct vs_wait w = {
		.path = path, .about = about, .look = decided};
	enum vs_exit e = vs_client_path("campaigns", id, path, sizeof path);

	(void)snprintf(about, sizeof about, "campaign %s", a->command->name);
	return e ? e : follow(a, &w);
}

enum vs_exit vs_campaigns_wait_quiet(const struct vs_args *a)
{
	const struct vs_wait w = {.path = "/v1/campaigns",
	                          .about = "freeze on",
	                          .look = all_quiet};

	return follow(a, &w);
}
