/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/line/birth.c - fork, give up, exec.
 */
#include "agent/line/birth.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/confine/confine.h"
#include "base/file.h"

#define ABOVE 32 /* where descriptors wait until they get their number */

/* What the child ends with if it does not become the program. */
enum { NO_FILES = 121, NO_USER, NO_LIMIT, NO_PROGRAM };

/* What the child needs besides. */
struct child {
	const struct vs_birth *birth;
	struct vs_confine_user user;
	pid_t parent;
	int program, null;
};

static int open_program(const struct vs_birth *b)
{
	char self[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];
	ssize_t n;
	int fd;

	if (b->path)
		return open(b->path, O_RDONLY | O_CLOEXEC);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		snprintf(path, sizeof(path), "%s/%s", dirname(self), b->name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	snprintf(path, sizeof(path), SBINDIR "/%s", b->name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* A descriptor gets its number, for what exec leaves open. */
static bool put(int fd, unsigned number)
{
	return fd >= 0 && dup2(fd, (int)number) == (int)number;
}

static bool put_all(const struct child *c)
{
	const struct vs_birth *b = c->birth;
	int null = fcntl(c->null, F_DUPFD, ABOVE);
	int fds[VS_BIRTH_FDS_MAX];

	for (unsigned i = 0; i < b->count; i++)
		fds[i] = fcntl(b->fds[i], F_DUPFD, ABOVE);
	for (unsigned i = 0; i < VS_BIRTH_FD; i++)
		if (!put(null, i))
			return false;
	for (unsigned i = 0; i < b->count; i++)
		if (!put(fds[i], VS_BIRTH_FD + i))
			return false;
	return syscall(SYS_close_range, VS_BIRTH_FD + b->count, ~0U,
	               4 /* CLOSE_RANGE_CLOEXEC */) == 0;
}

static void forget_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
}

/* In the child: nothing but calls that are safe after fork. */
static void become(const struct child *c)
{
	char name[NAME_MAX], arg[2] = {c->birth->arg, '\0'};
	char *argv[] = {name, arg, NULL}, *env[] = {NULL};
	bool ours = c->birth->ours;
	int program = fcntl(c->program, F_DUPFD_CLOEXEC, ABOVE);

	memcpy(name, c->birth->name, strlen(c->birth->name) + 1);
	forget_signals();
	if (program < 0 || setsid() < 0 || chdir("/") != 0 || !put_all(c))
		_exit(NO_FILES);
	if (!ours && vs_confine_become(&c->user) != VS_OK)
		_exit(NO_USER);
	if (vs_confine_limit(c->birth->memory_max, c->birth->file_max) !=
	            VS_OK ||
	    (c->birth->with_thread && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) ||
	    getppid() != c->parent)
		_exit(NO_LIMIT);
	syscall(SYS_execveat, program, "", argv, ours ? environ : env,
	        AT_EMPTY_PATH);
	_exit(NO_PROGRAM);
}

static vs_status fail(const struct vs_birth *b, vs_status status,
                      struct vs_why *why, unsigned text)
{
	return vs_fail(status, why, VS_REASON_UNREADABLE, b->texts[text], 0);
}

vs_status vs_birth(const struct vs_birth *b, int *pid, struct vs_why *why)
{
	VS_AUTO(vs_fd_drop) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	VS_AUTO(vs_fd_drop) int program = open_program(b);
	struct child c = {b, {0}, getpid(), program, null};

	*pid = -1;
	if (null < 0 || program < 0)
		return fail(b, VS_ERR_IO, why, VS_BIRTH_ABSENT);
	if (!b->ours && vs_confine_find_user(b->name, b->uid, &c.user) != VS_OK)
		return fail(b, VS_ERR_IO, why, VS_BIRTH_ROOT);
	*pid = fork();
	if (*pid == 0)
		become(&c);
	return *pid > 0 ? VS_OK : fail(b, VS_ERR_NOMEM, why, VS_BIRTH_FAILED);
}

unsigned vs_birth_end(int *pid)
{
	int status = 0;

	if (*pid <= 0)
		return VS_BIRTH_FAILED;
	kill(-*pid, SIGKILL);
	kill(*pid, SIGKILL);
	while (waitpid(*pid, &status, 0) < 0 && errno == EINTR)
		;
	*pid = -1;
	if (!WIFEXITED(status))
		return VS_BIRTH_HANGS;
	switch (WEXITSTATUS(status)) {
	case NO_USER:
		return VS_BIRTH_USER;
	case NO_LIMIT:
		return VS_BIRTH_LIMIT;
	case NO_PROGRAM:
		return VS_BIRTH_PROGRAM;
	default:
		return VS_BIRTH_FAILED;
	}
}
