/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/unpack.c - starting and ending it.
 *
 * Disk's mapping of the clusters is for reading alone, and nobody can shorten
 * what both have mapped.
 */
#include "agent/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/confine.h"
#include "base/file.h"

#define NAME "voltseal-unpack"
#define ANSWER_MS 30000
#define ABOVE 16 /* where descriptors wait until they get their number */

/* What the child ends with if it does not become the program. */
enum { NO_FILES = 121, NO_USER, NO_LIMIT, NO_PROGRAM };

/* What the child is made of. */
struct birth {
	const struct vs_unpack *unpack;
	struct vs_confine_user user;
	pid_t parent;
	int program, shared, null;
	int ends[VS_LANES_MAX];
};

static int open_program(const char *path)
{
	char self[PATH_MAX], beside[PATH_MAX + sizeof(NAME) + 1];
	ssize_t n;
	int fd;

	if (path)
		return open(path, O_RDONLY | O_CLOEXEC);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		snprintf(beside, sizeof(beside), "%s/" NAME, dirname(self));
		fd = open(beside, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return open(SBINDIR "/" NAME, O_RDONLY | O_CLOEXEC);
}

/* A descriptor gets its number, for what exec leaves open. */
static bool put(int fd, int number)
{
	return fd >= 0 && dup2(fd, number) == number;
}

static bool put_all(const struct birth *b)
{
	int shared = fcntl(b->shared, F_DUPFD, ABOVE);
	int null = fcntl(b->null, F_DUPFD, ABOVE);
	int ends[VS_LANES_MAX];

	for (unsigned i = 0; i < b->unpack->count; i++)
		ends[i] = fcntl(b->ends[i], F_DUPFD, ABOVE);
	for (int i = 0; i < 3; i++)
		if (!put(null, i))
			return false;
	if (!put(shared, VS_LANE_SHARED_FD))
		return false;
	for (unsigned i = 0; i < b->unpack->count; i++)
		if (!put(ends[i], VS_LANE_FD + (int)i))
			return false;
	return syscall(SYS_close_range, VS_LANE_FD + b->unpack->count, ~0U,
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
static void become(const struct birth *b)
{
	static char name[] = NAME;
	char lanes[2] = {(char)('0' + b->unpack->count), '\0'};
	char *argv[] = {name, lanes, NULL}, *env[] = {NULL};
	int program = fcntl(b->program, F_DUPFD_CLOEXEC, ABOVE);

	forget_signals();
	if (program < 0 || setsid() < 0 || chdir("/") != 0 || !put_all(b))
		_exit(NO_FILES);
	if (vs_confine_become(&b->user) != VS_OK)
		_exit(NO_USER);
	if (vs_confine_limit(VS_UNPACK_MEMORY_MAX) != VS_OK ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != b->parent)
		_exit(NO_LIMIT);
	syscall(SYS_execveat, program, "", argv, env, AT_EMPTY_PATH);
	_exit(NO_PROGRAM);
}

static vs_status fail(vs_status status, struct vs_why *why, const char *what)
{
	return vs_fail(status, why, VS_REASON_UNREADABLE, what, 0);
}

/* Where its lanes lie: frames for writing, clusters for reading. */
static vs_status map_lanes(struct vs_unpack *u, int shared)
{
	for (unsigned i = 0; i < u->count; i++) {
		struct vs_lane *l = &u->lanes[i];
		off_t at = (off_t)(i * VS_LANE_LEN);
		void *frame =
			mmap(NULL, VS_LANE_FRAME_LEN, PROT_READ | PROT_WRITE,
		             MAP_SHARED, shared, at);
		void *cluster =
			mmap(NULL, VS_LANE_CLUSTER_LEN, PROT_READ, MAP_SHARED,
		             shared, at + (off_t)VS_LANE_FRAME_LEN);

		l->frame = frame == MAP_FAILED ? NULL : frame;
		l->cluster = cluster == MAP_FAILED ? NULL : cluster;
		if (!l->frame || !l->cluster)
			return VS_ERR_NOMEM;
	}
	return VS_OK;
}

static vs_status share(struct vs_unpack *u, int *shared)
{
	*shared = memfd_create("lanes", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*shared < 0 ||
	    ftruncate(*shared, (off_t)(u->count * VS_LANE_LEN)) != 0 ||
	    fcntl(*shared, F_ADD_SEALS,
	          F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		return VS_ERR_NOMEM;
	return map_lanes(u, *shared);
}

static vs_status open_sockets(struct vs_unpack *u, struct birth *b)
{
	for (unsigned i = 0; i < u->count; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
		               pair) != 0)
			return VS_ERR_IO;
		u->lanes[i].fd = pair[0];
		b->ends[i] = pair[1];
	}
	return VS_OK;
}

static void drop_birth(struct birth *b)
{
	vs_fd_drop(&b->program);
	vs_fd_drop(&b->shared);
	vs_fd_drop(&b->null);
	for (unsigned i = 0; i < VS_LANES_MAX; i++)
		vs_fd_drop(&b->ends[i]);
}

static vs_status bear(struct vs_unpack *u, const char *path, struct vs_why *why)
{
	VS_AUTO(drop_birth)
	struct birth b = {.unpack = u, .parent = getpid(), .shared = -1};
	vs_status status;

	for (unsigned i = 0; i < VS_LANES_MAX; i++)
		b.ends[i] = -1;
	b.null = open("/dev/null", O_RDWR | O_CLOEXEC);
	b.program = open_program(path);
	if (b.program < 0 || b.null < 0)
		return fail(VS_ERR_IO, why, NAME " is not there");
	if (vs_confine_find_user(VS_UNPACK_USER, VS_UNPACK_UID, &b.user) !=
	    VS_OK)
		return fail(VS_ERR_IO, why, "user " VS_UNPACK_USER " is root");
	status = share(u, &b.shared);
	if (status == VS_OK)
		status = open_sockets(u, &b);
	if (status != VS_OK)
		return fail(status, why, "no memory or sockets to unpack");
	u->pid = fork();
	if (u->pid == 0)
		become(&b);
	return u->pid > 0 ? VS_OK
	                  : fail(VS_ERR_NOMEM, why, NAME " cannot be started");
}

/* Ends it and all that it may have started. */
static int kill_it(struct vs_unpack *u)
{
	int status = 0;

	kill(-u->pid, SIGKILL);
	kill(u->pid, SIGKILL);
	while (waitpid(u->pid, &status, 0) < 0 && errno == EINTR)
		;
	u->pid = -1;
	return status;
}

/* Why it was never ready: it says so by its end, if it had come to one. */
static const char *what_failed(struct vs_unpack *u)
{
	int status = kill_it(u);

	if (!WIFEXITED(status))
		return NAME " does not get ready";
	switch (WEXITSTATUS(status)) {
	case NO_USER:
		return NAME ": may not become another user";
	case NO_LIMIT:
		return NAME ": its limits cannot be set";
	case NO_PROGRAM:
		return NAME " cannot be executed";
	default:
		return NAME " cannot be started";
	}
}

vs_status vs_unpack_start(struct vs_unpack *u,
                          const struct vs_unpack_program *program,
                          unsigned count, struct vs_why *why)
{
	static const struct vs_unpack_program preset = {NULL, 0};
	vs_status status;

	program = program ? program : &preset;
	*u = (struct vs_unpack){.pid = -1, .count = count};
	for (unsigned i = 0; i < VS_LANES_MAX; i++) {
		u->lanes[i].fd = -1;
		u->lanes[i].answer_ms =
			program->answer_ms ? program->answer_ms : ANSWER_MS;
	}
	status = count <= VS_LANES_MAX ? bear(u, program->path, why)
	                               : VS_ERR_LIMIT;
	for (unsigned i = 0; status == VS_OK && i < count; i++)
		if (vs_lane_start(&u->lanes[i]) != VS_OK)
			status = fail(VS_ERR_IO, why, what_failed(u));
	if (status != VS_OK)
		vs_unpack_end(u);
	return status;
}

void vs_unpack_end(struct vs_unpack *u)
{
	for (unsigned i = 0; i < u->count && i < VS_LANES_MAX; i++) {
		struct vs_lane *l = &u->lanes[i];

		vs_fd_drop(&l->fd);
		l->fd = -1;
		if (l->frame)
			munmap(l->frame, VS_LANE_FRAME_LEN);
		if (l->cluster)
			munmap((void *)(uintptr_t)l->cluster,
			       VS_LANE_CLUSTER_LEN);
		l->frame = NULL;
		l->cluster = NULL;
	}
	if (u->pid > 0)
		(void)kill_it(u);
}
