/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/idle.c - reads the charger's status, fresh or not at all.
 */
#include "agent/run/idle.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "agent/conf/gate.h"
#include "agent/reach/runner.h"
#include "base/file.h"

static const char malformed[] = "the charger's status is malformed";

/* Each reader gives NULL, or what is wrong with the status. */
static const char *read_command(const struct vs_conf *conf,
                                struct vs_gate_status *out)
{
	struct vs_probe probe = {.program = conf->status_command,
	                         .timeout_ms = VS_RUNNER_MS};
	vs_status status =
		conf->runner
			? vs_runner_ask(conf->runner, probe.output, &probe.len)
			: vs_probe_run(&probe);

	if (status != VS_OK)
		return "the charger's status command failed";
	return vs_gate_status_parse(probe.output, probe.len, out, NULL) == VS_OK
	               ? NULL
	               : malformed;
}

/* A status from the future is as stale as one from the past. */
static bool is_fresh(const struct vs_conf *conf, const struct stat *st)
{
	struct timespec now;
	int64_t age_ms;

	clock_gettime(CLOCK_REALTIME, &now);
	age_ms = (int64_t)(now.tv_sec - st->st_mtim.tv_sec) * 1000 +
	         (now.tv_nsec - st->st_mtim.tv_nsec) / 1000000;
	return age_ms <= (int64_t)conf->status_age_ms &&
	       age_ms >= -(int64_t)conf->status_age_ms;
}

static const char *read_file(const struct vs_conf *conf,
                             struct vs_gate_status *out)
{
	struct stat st;
	uint8_t *text = NULL;
	size_t len;
	vs_status status;

	if (stat(conf->status_file, &st) != 0)
		return "the charger's status is not there";
	if (!is_fresh(conf, &st))
		return "the charger's status is stale";
	status = vs_file_read(conf->status_file, VS_GATE_STATUS_MAX, &text,
	                      &len);
	if (status != VS_OK)
		return status == VS_ERR_LIMIT
		               ? malformed
		               : "the charger's status cannot be read";
	status = vs_gate_status_parse(text, len, out, NULL);
	free(text);
	return status == VS_OK ? NULL : malformed;
}

static const char *read_status(const struct vs_conf *conf,
                               struct vs_gate_status *out)
{
	return conf->status_command[0] != '\0' ? read_command(conf, out)
	                                       : read_file(conf, out);
}

static unsigned local_minute(void)
{
	time_t now = time(NULL);
	struct tm tm = {0};

	localtime_r(&now, &tm);
	return (unsigned)(tm.tm_hour * 60 + tm.tm_min);
}

const char *vs_idle_held(const struct vs_conf *conf, bool *session)
{
	struct vs_gate_rules rules = {
		.require_idle = conf->require_idle,
		.min_battery = conf->min_battery,
	};
	struct vs_gate_status seen;
	const char *unknown = read_status(conf, &seen);

	*session = !unknown && seen.session;
	if (vs_gate_window_parse(conf->window, &rules.window) != VS_OK)
		return "the maintenance window is not understood";
	if (unknown && vs_gate_asks(&rules))
		return unknown;
	return vs_gate_closed(&rules, unknown ? NULL : &seen, local_minute());
}

uint64_t vs_idle_faults(const struct vs_conf *conf)
{
	struct vs_gate_status seen;

	return read_status(conf, &seen) ? 0 : seen.faults;
}
