/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/program.c - voltseal-agent in a process of its own.
 */
#include "tests/agent/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/file.h"

struct said said;

static void take_output(const struct maker *m, const char *name, char *out,
                        size_t cap)
{
	char path[PATH_MAX];
	uint8_t *bytes;
	size_t len;

	assert_int_equal(
		vs_file_read(maker_path(m, name, path), cap - 1, &bytes, &len),
		VS_OK);
	memcpy(out, bytes, len);
	out[len] = '\0';
	free(bytes);
}

/* In the child.  No byte beyond file_max is written into any file. */
static void become(const struct maker *m, const char *const *words,
                   rlim_t file_max)
{
	const struct rlimit limit = {file_max, file_max};
	char path[PATH_MAX];
	int out, err;

	if (chdir(m->dir) != 0)
		_exit(126);
	out = open(maker_path(m, "out", path), O_WRONLY | O_CREAT | O_TRUNC,
	           0600);
	err = open(maker_path(m, "err", path), O_WRONLY | O_CREAT | O_TRUNC,
	           0600);
	if (file_max > 0) {
		signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
			_exit(126);
	}
	if (dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(126);
	execv(AGENT_PROGRAM, (char *const *)(uintptr_t)words);
	_exit(126);
}

pid_t start(const struct maker *m, const char *const *words, rlim_t file_max)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		become(m, words, file_max);
	return pid;
}

void hear(const struct maker *m, pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	assert_true(WIFEXITED(status));
	said.code = WEXITSTATUS(status);
	take_output(m, "out", said.out, sizeof(said.out));
	take_output(m, "err", said.err, sizeof(said.err));
}

void assert_line(int code, const char *what)
{
	const char *newline = strchr(said.err, '\n');

	if (said.code != code || !strstr(said.err, what) || !newline ||
	    newline[1] != '\0')
		fail_msg("exit %d, not %d with \"%s\": %s", said.code, code,
		         what, said.err);
}
