/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/host/child.c - start, wait for and end child processes.
 */
#include "boot/port/host/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

static sigset_t awaited_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return set;
}

vs_status vs_child_init(void)
{
	sigset_t set = awaited_signals();

	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return VS_ERR_IO;
	return VS_OK;
}

/* execve wants pointers to non-const that it does not write through. */
static char *const *exec_list(const char *const *list)
{
	union {
		const char *const *in;
		char *const *out;
	} cast = {.in = list};

	return cast.out;
}

static void become(const struct vs_child *what, pid_t parent)
{
	sigset_t set = awaited_signals();

	/* A loader that died before the call would never be noticed. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 ||
	    getppid() != parent)
		return;
	if (what->root && (chroot(what->root) != 0 || chdir("/") != 0))
		return;
	if (what->output >= 0 && (dup2(what->output, STDOUT_FILENO) < 0 ||
	                          dup2(what->output, STDERR_FILENO) < 0))
		return;
	if (sigprocmask(SIG_UNBLOCK, &set, NULL) != 0)
		return;
	execve(what->argv[0], exec_list(what->argv), exec_list(what->env));
}

vs_status vs_child_start(const struct vs_child *what, pid_t *pid)
{
	pid_t parent = getpid();

	*pid = fork();
	if (*pid < 0) {
		*pid = 0;
		return VS_ERR_IO;
	}
	if (*pid == 0) {
		become(what, parent);
		vs_error("cannot start %s: %s", what->argv[0], strerror(errno));
		_exit(127);
	}
	return VS_OK;
}

int vs_child_wait(long timeout_ms)
{
	sigset_t set = awaited_signals();
	struct timespec limit = {timeout_ms / 1000,
	                         timeout_ms % 1000 * 1000000};
	int got = sigtimedwait(&set, NULL, &limit);

	return got < 0 ? 0 : got;
}

pid_t vs_child_reap(int *status)
{
	pid_t pid = waitpid(-1, status, WNOHANG);

	return pid < 0 ? 0 : pid;
}

/* Orphans of children are children by now (PR_SET_CHILD_SUBREAPER). */
static void kill_all(void)
{
	char path[64];
	char *line = NULL;
	char *next;
	size_t cap = 0;
	FILE *list;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	list = fopen(path, "re");
	if (!list)
		return;
	/* Read whole: a number cut in two would be a stranger's. */
	next = getline(&line, &cap, list) > 0 ? line : NULL;
	while (next) {
		char *end;
		long pid = strtol(next, &end, 10);

		if (end == next)
			break;
		if (pid > 1)
			kill((pid_t)pid, SIGKILL);
		next = end;
	}
	free(line);
	fclose(list);
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Whether the named children are gone; reaps whatever ended. */
static bool all_gone(pid_t *left, int count)
{
	bool gone = true;
	pid_t pid;
	int status;

	while ((pid = vs_child_reap(&status)) > 0)
		for (int i = 0; i < count; i++)
			if (left[i] == pid)
				left[i] = 0;
	for (int i = 0; i < count; i++)
		gone = gone && left[i] == 0;
	return gone;
}

void vs_child_stop(const pid_t *pids, int count, long grace_ms)
{
	enum { LEFT_MAX = 8 };
	pid_t left[LEFT_MAX] = {0};
	long end = now_ms() + grace_ms;
	int status;

	for (int i = 0; i < count && i < LEFT_MAX; i++) {
		left[i] = pids[i];
		if (pids[i] > 0)
			kill(pids[i], SIGTERM);
	}
	while (!all_gone(left, count) && now_ms() < end)
		(void)vs_child_wait(50);
	/* A child that ends makes its own children ours: until none is left. */
	for (;;) {
		pid_t pid;

		kill_all();
		for (int i = 0; i < count && i < LEFT_MAX; i++)
			if (left[i] > 0)
				kill(left[i], SIGKILL);
		(void)vs_child_wait(20);
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			for (int i = 0; i < count && i < LEFT_MAX; i++)
				if (left[i] == pid)
					left[i] = 0;
		if (pid < 0)
			return;
	}
}
