/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/main.c - voltseal-fleet: what a campaign does to a fleet, by seed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/sim.h"

enum { ok = 0, broken = 1, usage = 2, no_memory = 3 };

struct asked {
	struct vs_scene_wish wish;
	uint32_t seeds;
	bool json, trace, help, version;
};

/* clang-format off */
static const struct option {
	const char *name, *value, *help;
	uint64_t least, most;
} options[] = {
	{"--seed",     "N",    "the first seed (1)", 0, UINT64_MAX},
	{"--seeds",    "N",    "so many, one after the other (1)", 1, 1000000},
	{"--chargers", "N",    "in the fleet (1000)", 50, 2000000},
	{"--days",     "N",    "of virtual time (7)", 1, 28},
	{"--release",  "KIND", "good, bad, rare, faulty or any: by seed (any)",
	 0, 0},
	{"--trace",    NULL,   "a line for each virtual hour", 0, 0},
	{"--json",     NULL,   "one JSON object a line for each seed", 0, 0},
	{"--help",     NULL,   "this", 0, 0},
	{"--version",  NULL,   "the commit this was built from", 0, 0},
};
/* clang-format on */

static void help(void)
{
	printf("usage: voltseal-fleet [OPTION]...\n\n"
	       "Runs a campaign over virtual chargers in virtual time, with "
	       "outages, power cuts,\nslow links, clock faults, crashes of "
	       "the server and bad releases, all by seed;\nthe campaign code "
	       "is the server's own.  A second set of books judges it.\n\n");
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		printf("  %s %-*s %s\n", options[i].name,
		       (int)(16 - strlen(options[i].name)),
		       options[i].value ? options[i].value : "",
		       options[i].help);
	printf("\nExit 0 if every invariant held in every seed, 1 if one was "
	       "broken (seed and\ncommit are printed), 2 if the command line "
	       "is wrong, 3 without memory.\n");
}

static bool number(const char *text, const struct option *o, uint64_t *out)
{
	char *end;

	if (text[0] < '0' || text[0] > '9' || strlen(text) > 19)
		return false;
	*out = strtoull(text, &end, 10);
	return !*end && *out >= o->least && *out <= o->most;
}

static bool kind_of(const char *text, int *out)
{
	*out = -1;
	for (int k = 0; k < VS_RELEASES; k++)
		if (strcmp(text, vs_release_kind_names[k]) == 0)
			*out = k;
	return *out >= 0 || strcmp(text, "any") == 0;
}

static bool take(struct asked *a, size_t which, const char *value)
{
	uint64_t n = 0;

	if (options[which].most && !number(value, &options[which], &n))
		return false;
	switch (which) {
	case 0:
		a->wish.seed = n;
		return true;
	case 1:
		a->seeds = (uint32_t)n;
		return true;
	case 2:
		a->wish.chargers = (uint32_t)n;
		return true;
	case 3:
		a->wish.days = (uint32_t)n;
		return true;
	case 4:
		return kind_of(value, &a->wish.kind);
	case 5:
		a->trace = true;
		return true;
	case 6:
		a->json = true;
		return true;
	case 7:
		a->help = true;
		return true;
	default:
		a->version = true;
		return true;
	}
}

static int parse(int argc, char **argv, struct asked *a)
{
	const size_t count = sizeof options / sizeof *options;

	for (int i = 1; i < argc; i++) {
		const char *value = "";
		size_t k = 0;

		while (k < count && strcmp(options[k].name, argv[i]) != 0)
			k++;
		if (k == count) {
			fprintf(stderr,
			        "voltseal-fleet: no option %s; see --help\n",
			        argv[i]);
			return usage;
		}
		if (options[k].value && ++i < argc)
			value = argv[i];
		if (!take(a, k, value)) {
			fprintf(stderr,
			        "voltseal-fleet: %s: \"%s\" does not fit; see "
			        "--help\n",
			        options[k].name, value);
			return usage;
		}
	}
	return ok;
}

static void show_line(void *ctx, const char *line)
{
	(void)ctx;
	puts(line);
}

static void show(const struct vs_result *r)
{
	printf("seed %" PRIu64 ": %s release, %zu members of %u chargers: %s "
	       "after %" PRIu64 " h%s%s\n"
	       "  told %zu, updated %zu, failed %zu, waiting %zu, skipped %zu; "
	       "most away %u; %u restarts, %" PRIu64 " polls, %" PRIu64
	       " checks\n",
	       r->seed, vs_release_kind_names[r->kind], r->progress.members,
	       r->chargers, vs_campaign_state_name(r->state), r->ended_s / 3600,
	       r->because[0] ? ": " : "", r->because, r->starts,
	       r->progress.updated, r->progress.failed, r->progress.waiting,
	       r->progress.skipped, r->most_away, r->restarts, r->polls,
	       r->checks);
}

/* Nothing in these texts needs a backslash but a quote, and has none. */
static void show_json(const struct vs_result *r)
{
	printf("{\"seed\": %" PRIu64 ", \"release\": \"%s\", \"chargers\": %u, "
	       "\"members\": %zu, \"state\": \"%s\", \"because\": \"%s\", "
	       "\"ended_s\": %" PRIu64 ", \"canary\": %u, \"told\": %zu, "
	       "\"updated\": %zu, \"failed\": %zu, \"waiting\": %zu, "
	       "\"started\": %zu, \"soaking\": %zu, \"skipped\": %zu, "
	       "\"most_away\": %u, \"restarts\": %u, \"polls\": %" PRIu64
	       ", \"checks\": %" PRIu64 ", \"wrong\": \"%s\", \"commit\": "
	       "\"%s\"}\n",
	       r->seed, vs_release_kind_names[r->kind], r->chargers,
	       r->progress.members, vs_campaign_state_name(r->state),
	       r->because, r->ended_s, r->canary, r->starts,
	       r->progress.updated, r->progress.failed, r->progress.waiting,
	       r->progress.started, r->progress.soaking, r->progress.skipped,
	       r->most_away, r->restarts, r->polls, r->checks, r->wrong,
	       vs_fleet_commit);
}

static int run(const struct asked *a, uint64_t seed)
{
	struct vs_scene_wish w = a->wish;
	struct vs_result r;

	w.seed = seed;
	if (vs_sim_run(&w, &r, a->trace ? show_line : NULL, NULL)) {
		fprintf(stderr, "voltseal-fleet: no memory\n");
		return no_memory;
	}
	if (a->json)
		show_json(&r);
	else
		show(&r);
	if (!r.wrong[0])
		return ok;
	fprintf(stderr,
	        "voltseal-fleet: seed %" PRIu64 ", commit %s: %s\n"
	        "  again with: voltseal-fleet --seed %" PRIu64
	        " --chargers %u --days %u --release %s --trace\n",
	        seed, vs_fleet_commit, r.wrong, seed, w.chargers, w.days,
	        vs_release_kind_names[r.kind]);
	return broken;
}

int main(int argc, char **argv)
{
	struct asked a = {
		.wish = {1, 1000, 7, -1},
                  .seeds = 1
        };
	int code = parse(argc, argv, &a);

	if (code)
		return code;
	if (a.help || a.version) {
		if (a.help)
			help();
		else
			printf("voltseal-fleet %s\n", vs_fleet_commit);
		return ok;
	}
	for (uint32_t i = 0; i < a.seeds; i++) {
		int one = run(&a, a.wish.seed + i);

		code = one > code ? one : code;
	}
	return code;
}
