/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/campaign_watch.c - following a campaign to its end.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "operate/campaign.h"
#include "operate/client.h"
#include "operate/say.h"

enum { unreachable_max = 30 };

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
	*e = VS_EXIT_OK;
	if (!strcmp(state, "halted"))
		*e = VS_EXIT_HALTED;
	else if (!strcmp(state, "aborted"))
		*e = VS_EXIT_ABORTED;
	return *e || !strcmp(state, "done");
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

static uint64_t now_s(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec;
}

/* until_s: of now_s(). */
static enum vs_exit follow(const struct vs_args *a, struct vs_client *c,
                           const char *path, uint64_t until_s)
{
	const struct timespec pause = {.tv_sec = 1};
	char last[320] = "";
	unsigned missed = 0;

	while (now_s() < until_s) {
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
				vs_campaign_print(a, v);
				return e;
			}
		}
		(void)nanosleep(&pause, NULL);
	}
	vs_say_progress_end();
	fprintf(stderr, "voltseal: campaign watch: the time is over\n");
	return VS_EXIT_TIMEOUT;
}

enum vs_exit vs_campaign_watch(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	const char *within = vs_args_get(a, "within");
	uint64_t long_s = UINT64_MAX / 2;
	char path[128];
	enum vs_exit e = vs_campaign_path(a, path, sizeof path);

	if (within && !vs_args_duration(within, &long_s))
		return vs_args_wrong(a, "--within: not a time like 90s, 5m or "
		                        "2h");
	if (!e)
		e = vs_client_open(a, &c);
	return e ? e : follow(a, c, path, now_s() + long_s);
}
