/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/cmd/status.c - voltseal-agent status.
 *
 * Reads what the agent has persisted, whether it runs or not.
 */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cmd/commands.h"
#include "agent/conf/conf.h"
#include "agent/confine/landlock.h"
#include "agent/state/state.h"
#include "base/file.h"
#include "base/log.h"
#include "trust/time.h"

static const char help[] =
	"usage: voltseal-agent status --dir DIR [--json]\n"
	"\n"
	"Says which slot runs, what is in it, what is under way, what was\n"
	"refused, and whether Landlock confines the agent besides all else.\n"
	"--json gives the same as one JSON object; landlock is the kernel's\n"
	"version of it, 0 where it has none.\n";

static vs_status load_state(const struct vs_charger *c, struct vs_state *s)
{
	struct vs_why why;
	char path[PATH_MAX];
	uint8_t *text = NULL;
	size_t len;
	vs_status status =
		vs_path_join(path, sizeof(path), c->dir, "agent/state.json");

	memset(s, 0, sizeof(*s));
	if (status == VS_OK)
		status = vs_file_read(path, VS_STATE_MAX, &text, &len);
	if (status == VS_ERR_ABSENT)
		return VS_OK;
	if (status == VS_OK)
		status = vs_state_decode(text, len, s, &why);
	free(text);
	return status;
}

static json_t *components(const struct vs_charger *c, const struct vs_state *s)
{
	json_t *out = json_object();

	for (int i = 0; i < c->machine.count; i++) {
		const struct vs_running *r = &c->running[i];
		json_t *one = json_pack(
			"{s:s, s:s, s:I, s:i, s:I, s:s, s:s}", "hardware",
			c->components[i].hardware, "version", r->header.version,
			"release_seq", (json_int_t)r->header.release_seq,
			"security_version", (int)r->header.security_version,
			"floor", (json_int_t)r->floor, "seal_sha256", r->sha256,
			"path", c->recovery ? "" : s->paths[c->slot][i]);

		if (json_object_set_new(out, c->components[i].name, one) != 0)
			break;
	}
	return out;
}

static json_t *refusals(const struct vs_outbox *o)
{
	json_t *out = json_array();

	for (size_t i = 0; i < o->seen_count; i++) {
		char when[VS_TIME_LEN];

		vs_time_format(o->seen[i].time_s, when);
		if (json_array_append_new(
			    out, json_pack("{s:s, s:s, s:s}", "reason",
		                           vs_reason_name(o->seen[i].reason),
		                           "about", o->seen[i].about, "time",
		                           when)) != 0)
			break;
	}
	return out;
}

/* "unknown" where agent.conf cannot be read. */
static const char *device_key(const struct vs_charger *c)
{
	struct vs_conf conf;
	char error[VS_ERROR_LEN];
	const char *kind = "unknown";

	if (vs_conf_load(c->dir, &conf, error) == VS_OK) {
		kind = vs_key_kind_name(conf.key.kind);
		vs_conf_drop(&conf);
	}
	return kind;
}

static int print_json(const struct vs_charger *c, const struct vs_state *s)
{
	json_t *out = json_pack(
		"{s:s, s:s, s:s, s:i, s:b, s:b, s:b, s:s, s:s, s:I, s:I, s:I, "
		"s:I, "
		"s:I, s:s, s:i, s:o, s:o}",
		"vehicle", c->machine.vehicle, "phase", vs_phase_name(s->phase),
		"status", vs_phase_status(s->phase), "slot", c->slot,
		"recovery", c->recovery, "trial", c->trial, "fell_back",
		c->fell_back, "reason", vs_reason_name(s->reason), "detail",
		s->detail, "campaign_seq", (json_int_t)s->campaign_seq,
		"bytes_fetched", (json_int_t)s->bytes_fetched, "bytes_total",
		(json_int_t)s->bytes_total, "outbox",
		(json_int_t)s->outbox.count, "keyring",
		(json_int_t)c->ring.version, "device_key", device_key(c),
		"landlock", vs_landlock_version(), "components",
		components(c, s), "refusals", refusals(&s->outbox));
	int failed = !out || json_dumpf(out, stdout, JSON_INDENT(1)) != 0 ||
	             puts("") == EOF;

	json_decref(out);
	return failed ? VS_EXIT_FAILED : VS_EXIT_OK;
}

static void print_running(const struct vs_charger *c)
{
	for (int i = 0; i < c->machine.count; i++)
		printf("  %-12s %s, release_seq %" PRIu64
		       ", security_version %" PRIu32 ", floor %" PRIu32 "\n",
		       c->components[i].name, c->running[i].header.version,
		       c->running[i].header.release_seq,
		       c->running[i].header.security_version,
		       c->running[i].floor);
}

static void print_text(const struct vs_charger *c, const struct vs_state *s)
{
	char where[200];

	if (c->recovery)
		vs_charger_say_recovery(c, where, sizeof(where));
	else
		snprintf(where, sizeof(where), "slot %c%s%s", 'a' + c->slot,
		         c->trial ? ", on trial" : "",
		         c->fell_back ? ", fell back" : "");
	printf("%s: %s, %s (%s)\n", c->machine.vehicle, where,
	       vs_phase_name(s->phase), vs_phase_status(s->phase));
	if (!c->recovery)
		print_running(c);
	if (s->phase != VS_PHASE_IDLE)
		for (size_t i = 0; i < s->part_count; i++)
			printf("  to slot %c: %s %s\n", 'a' + s->target,
			       s->parts[i].component, s->parts[i].version);
	if (s->reason != VS_REASON_NONE)
		printf("  last failure: %s: %s\n", vs_reason_name(s->reason),
		       s->detail);
	for (size_t i = 0; i < s->outbox.seen_count; i++) {
		char when[VS_TIME_LEN];

		vs_time_format(s->outbox.seen[i].time_s, when);
		printf("  refused %s: %s %s\n", when,
		       vs_reason_name(s->outbox.seen[i].reason),
		       s->outbox.seen[i].about);
	}
	if (s->outbox.count > 0)
		printf("  %zu notes wait for the server\n", s->outbox.count);
	if (strcmp(device_key(c), "file") == 0)
		puts("  the device key is in a file: for development alone");
	if (vs_landlock_version() > 0)
		printf("  Landlock %d is in force\n", vs_landlock_version());
	else
		puts("  this kernel has no Landlock: users, namespaces and "
		     "filters of calls hold without it");
}

static int show(const char *dir, bool json)
{
	struct vs_charger *c = calloc(1, sizeof(*c));
	struct vs_state *s = calloc(1, sizeof(*s));
	char error[VS_ERROR_LEN] = "no memory";
	int code = VS_EXIT_OK;
	vs_status status = VS_ERR_NOMEM;

	if (c && s)
		status = vs_charger_open(c, dir, error);
	if (status == VS_OK) {
		status = load_state(c, s);
		snprintf(error, sizeof(error), "agent/state.json: %s",
		         vs_status_name(status));
	}
	if (status != VS_OK) {
		vs_error("%s", error);
		code = VS_EXIT_FAILED;
	} else if (json) {
		code = print_json(c, s);
	} else {
		print_text(c, s);
	}
	if (c)
		vs_charger_close(c);
	free(c);
	free(s);
	return code;
}

const struct option vs_status_options[] = {
	{"dir",  required_argument, NULL, 'd'},
	{"json", no_argument,       NULL, 'j'},
	{"help", no_argument,       NULL, 'h'},
	{NULL,   0,                 NULL, 0  },
};

int vs_cmd_status(int argc, char **argv)
{
	const char *dir = NULL;
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "h", vs_status_options,
	                             NULL)) != -1) {
		if (option == 'h')
			return fputs(help, stdout) < 0;
		if (option == 'd')
			dir = optarg;
		else if (option == 'j')
			json = true;
		else
			return vs_cmd_usage("status", "unknown option");
	}
	if (!dir || optind != argc)
		return vs_cmd_usage("status", "--dir DIR is required");
	return show(dir, json);
}
