/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/reach/health.c - the checks of health.d, and the rules of a trial.
 */
#include "agent/reach/health.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A check is a plain executable file; a name that begins with a dot or ends
 * with a tilde is an editor's or a package manager's leftover.
 */
static int is_check(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return e->d_name[0] != '.' && len < 128 && e->d_name[len - 1] != '~';
}

static vs_status fail(char *detail, struct vs_why *why, const char *name,
                      const char *what)
{
	snprintf(detail, VS_PROBE_LINE_LEN, "%.60s: %.90s", name, what);
	return vs_fail(VS_ERR_REFUSED, why, VS_REASON_HEALTH_FAILED,
	               "a health check said no", 0);
}

static vs_status run_check(const struct vs_health_how *how, const char *name,
                           char *detail, struct vs_why *why)
{
	char program[PATH_MAX];
	char line[VS_PROBE_LINE_LEN];
	struct vs_probe probe = {.root = how->root,
	                         .program = program,
	                         .arg = "/run",
	                         .timeout_ms = how->timeout_ms,
	                         .watch = how->watch};
	vs_status status;

	snprintf(program, sizeof(program), "%s/%.127s", VS_HEALTH_DIR, name);
	status = vs_probe_run(&probe);
	if (status == VS_OK)
		return VS_OK;
	if (probe.timed_out) {
		fail(detail, why, name, "no answer in time");
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_HEALTH_TIMEOUT,
		               "a health check did not end in time", 0);
	}
	if (status == VS_ERR_IO)
		return fail(detail, why, name, "cannot be run");
	vs_probe_last_line(&probe, line);
	if (line[0] == '\0')
		snprintf(line, sizeof(line), "exit code %d", probe.code);
	return fail(detail, why, name, line);
}

static bool is_executable(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return n > 0 && (size_t)n < sizeof(path) && stat(path, &st) == 0 &&
	       S_ISREG(st.st_mode) && (st.st_mode & S_IXUSR) != 0;
}

vs_status vs_health_check(const struct vs_health_how *how,
                          char detail[static VS_PROBE_LINE_LEN],
                          struct vs_why *why)
{
	const char *root = how->root;
	char dir[PATH_MAX];
	struct dirent **names = NULL;
	vs_status status = VS_OK;
	int count;

	detail[0] = '\0';
	if (snprintf(dir, sizeof(dir), "%s%s", root, VS_HEALTH_DIR) >=
	    (int)sizeof(dir))
		return fail(detail, why, root, "path is too long");
	count = scandir(dir, &names, is_check, alphasort);
	if (count < 0 && errno == ENOENT && access(root, X_OK) == 0)
		return VS_OK;
	if (count < 0)
		return fail(detail, why, dir, strerror(errno));
	if (count > VS_HEALTH_CHECKS_MAX)
		status = fail(detail, why, dir, "too many checks");
	for (int i = 0; i < count; i++) {
		const char *name = names[i]->d_name;

		if (status == VS_OK && is_executable(dir, name))
			status = run_check(how, name, detail, why);
		free(names[i]);
	}
	free(names);
	return status;
}

void vs_trial_init(struct vs_trial *t, uint64_t now_ms)
{
	memset(t, 0, sizeof(*t));
	t->started_ms = t->next_ms = now_ms;
	t->reason = VS_REASON_HEALTH_TIMEOUT;
}

enum vs_trial_verdict vs_trial_step(struct vs_trial *t,
                                    const struct vs_trial_rules *rules,
                                    uint64_t now_ms, vs_reason reason,
                                    const char *detail)
{
	t->next_ms = now_ms + rules->interval_ms;
	if (reason == VS_REASON_NONE) {
		t->passed++;
	} else {
		t->passed = 0;
		t->reason = reason;
		snprintf(t->detail, sizeof(t->detail), "%s", detail);
	}
	if (t->passed >= rules->checks)
		return VS_TRIAL_PASSED;
	if (now_ms - t->started_ms >= rules->timeout_ms)
		return VS_TRIAL_FAILED;
	return VS_TRIAL_GOES_ON;
}
