/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/monitor.c - voltseal monitor: follows a transparency log.
 *
 * A log only makes a stolen signing key visible; this is who looks.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "operate/commands.h"
#include "operate/monitor_pass.h"

enum { interval_s = 300 };

static volatile sig_atomic_t told_to_stop;

static void on_signal(int number)
{
	(void)number;
	told_to_stop = 1;
}

static enum vs_exit load_policy(const char *path, uint8_t **text,
                                struct vs_tlog_policy *out)
{
	struct vs_why why = {0};
	size_t len;
	vs_status status = vs_file_read(path, VS_POLICY_LEN_MAX, text, &len);

	if (status) {
		vs_error("%s: %s", path,
		         status == VS_ERR_IO ? strerror(errno)
		                             : vs_status_name(status));
		return VS_EXIT_FAILED;
	}
	if (vs_tlog_policy_parse((char *)*text, len, out, &why)) {
		vs_error("%s: %s, at byte %zu (%s)", path, why.what, why.at,
		         vs_reason_name(why.code));
		return VS_EXIT_FAILED;
	}
	return VS_EXIT_OK;
}

static enum vs_exit load_expected(const struct vs_args *a,
                                  struct vs_monitor_expected *out)
{
	const char *path;
	struct vs_why why = {0};

	for (size_t i = 0; (path = vs_args_nth(a, "expected", i)); i++) {
		if (vs_monitor_expect(out, path, &why) == VS_OK)
			continue;
		vs_error("%s: %s (%s)", path, why.what,
		         vs_reason_name(why.code));
		return VS_EXIT_FAILED;
	}
	return VS_EXIT_OK;
}

/* Lists are read anew at each look: people add to them. */
static enum vs_exit look(const struct vs_args *a, struct vs_monitor_pass *p)
{
	struct vs_monitor_expected expected = {0};
	struct vs_why why = {0};
	enum vs_exit e = load_expected(a, &expected);

	p->expected = &expected;
	p->say->alarms = 0;
	if (!e) {
		vs_status status = vs_monitor_look(p, &why);

		if (status) {
			vs_error("%s: %s", p->source->base,
			         why.what ? why.what : vs_status_name(status));
			e = status == VS_ERR_IO || status == VS_ERR_ABSENT
			            ? VS_EXIT_UNREACHABLE
			            : VS_EXIT_FAILED;
		} else if (p->say->alarms) {
			e = VS_EXIT_FAILED;
		}
	}
	p->expected = NULL;
	vs_monitor_expected_drop(&expected);
	return e;
}

static enum vs_exit look_until_told(const struct vs_args *a,
                                    struct vs_monitor_pass *p, uint64_t every_s)
{
	const struct sigaction action = {.sa_handler = on_signal};

	if (sigaction(SIGTERM, &action, NULL) ||
	    sigaction(SIGINT, &action, NULL)) {
		vs_error("signals: %s", strerror(errno));
		return VS_EXIT_FAILED;
	}
	while (!told_to_stop) {
		struct timespec rest = {.tv_sec = (time_t)every_s};

		(void)look(a, p); /* it has said what is wrong */
		(void)fflush(stdout);
		while (!told_to_stop && nanosleep(&rest, &rest) &&
		       errno == EINTR)
			;
	}
	return VS_EXIT_OK;
}

/* One monitor a folder: two would tell everything twice. */
static enum vs_exit lock(const char *dir, int *fd)
{
	char path[PATH_MAX];

	if (vs_file_mkdirs(dir, 0755) ||
	    vs_path_join(path, sizeof path, dir, "lock") ||
	    (*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644)) < 0) {
		vs_error("%s: %s", dir, strerror(errno));
		return VS_EXIT_FAILED;
	}
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return VS_EXIT_OK;
	vs_error("%s: another monitor is at work there", dir);
	return VS_EXIT_FAILED;
}

static const char *log_of(const struct vs_args *a,
                          const struct vs_tlog_policy *policy)
{
	const char *given = vs_args_get(a, "log");

	if (given)
		return given;
	return policy->log_count == 1 && *policy->logs[0].url
	               ? policy->logs[0].url
	               : NULL;
}

static enum vs_exit monitor(const struct vs_args *a)
{
	VS_AUTO(vs_free_drop)
	struct vs_tlog_policy *policy = malloc(sizeof *policy);
	VS_AUTO(vs_free_drop)
	struct vs_log_source *source = calloc(1, sizeof *source);
	VS_AUTO(vs_free_drop) uint8_t *text = NULL;
	VS_AUTO(vs_fd_drop) int lock_fd = -1;
	struct vs_monitor_say say = {.json = vs_args_has(a, "json")};
	struct vs_monitor_pass pass = {source, policy, NULL,
	                               vs_args_get(a, "state"), &say};
	const char *every = vs_args_get(a, "interval"), *base;
	uint64_t every_s = interval_s;

	if (!policy || !source) {
		vs_error("out of memory");
		return VS_EXIT_FAILED;
	}
	if (!vs_args_has(a, "policy") || !pass.dir)
		return vs_args_wrong(a, "needs --policy and --state");
	if (every && (!vs_args_duration(every, &every_s) || every_s == 0))
		return vs_args_wrong(a, "--interval: not a time like 5m");
	enum vs_exit e = load_policy(vs_args_get(a, "policy"), &text, policy);
	if (e)
		return e;
	base = log_of(a, policy);
	if (!base)
		return vs_args_wrong(a, "needs --log: the policy has no one "
		                        "URL");
	e = lock(pass.dir, &lock_fd);
	if (e)
		return e;
	if (vs_log_source_open(base, vs_args_get(a, "ca"), source)) {
		vs_error("%s: cannot be asked", base);
		return VS_EXIT_FAILED;
	}
	e = vs_args_has(a, "once") ? look(a, &pass)
	                           : look_until_told(a, &pass, every_s);
	vs_log_source_close(source);
	return e;
}

/* clang-format off */
const struct vs_option vs_monitor_options[] = {
	{"log",      "URL",  NULL, false,
	 "where the log is served, or a folder; else as the policy says"},
	{"policy",   "FILE", NULL, false,
	 "tlog-policy: the log's key and its witnesses"},
	{"state",    "DIR",  NULL, false,
	 "what was seen so far, and evidence"},
	{"expected", "FILE", NULL, true,
	 "seals that are expected: digests, or a TUF targets file"},
	{"once",     NULL,   NULL, false, "look once and end"},
	{"interval", "TIME", NULL, false, "between looks; 5m if not given"},
	{0},
};

const struct vs_command vs_monitor_commands[] = {
	{"", "", 0, 0, "tell what is new in a log, and what is wrong with it",
	 "Reads every new entry, hashes it, and compares with a checkpoint "
	 "that is valid under\nthe policy.  Alarms: a checkpoint that "
	 "contradicts the last one, goes back, or lacks\nsignatures; entries "
	 "that are not served; a seal that is in no --expected list.\nWith "
	 "--once: 0 all is well, 1 an alarm, 3 no answer.\n", monitor},
	{0},
};
/* clang-format on */
