/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/reach/probe.c - fork, chroot, exec, listen, and an end to it.
 */
#include "agent/reach/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

#define NOT_RUN 127 /* what a shell says when it cannot start a program */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* In the child: nothing but calls that are safe after fork. */
static void become(const struct vs_probe *p, int out)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char lang[] = "LC_ALL=C";
	char *env[] = {path, lang, NULL};
	char program[512], arg[512] = "";
	char *argv[] = {program, p->arg ? arg : NULL, NULL};
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	snprintf(program, sizeof(program), "%s", p->program);
	snprintf(arg, sizeof(arg), "%s", p->arg ? p->arg : "");
	sigemptyset(&none);
	if (setpgid(0, 0) != 0 || sigprocmask(SIG_SETMASK, &none, NULL) != 0 ||
	    null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(out, 2) < 0)
		_exit(NOT_RUN);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	if (close_range(3, ~0U, 0) != 0)
		_exit(NOT_RUN);
	if (p->root && strcmp(p->root, "/") != 0 && chroot(p->root) != 0)
		_exit(NOT_RUN);
	if (chdir("/") != 0)
		_exit(NOT_RUN);
	execve(program, argv, env);
	_exit(NOT_RUN);
}

/* What nobody waits for any more is over, as if its time was. */
static bool is_over(struct vs_probe *p, uint64_t until)
{
	struct pollfd who = {p->watch ? *p->watch : -1, 0, 0};

	p->timed_out = p->timed_out || now_ms() >= until ||
	               (poll(&who, 1, 0) > 0 &&
	                (who.revents & (POLLHUP | POLLERR)) != 0);
	return p->timed_out;
}

/* Reads until the end or the time is over; keeps the tail. */
static void listen_to(struct vs_probe *p, int in, uint64_t until)
{
	for (;;) {
		uint64_t now = now_ms();
		struct pollfd fds[2] = {
			{in,                        POLLIN, 0},
                        {p->watch ? *p->watch : -1, 0,      0}
                };
		ssize_t n;

		if (is_over(p, until))
			return;
		if (poll(fds, 2, (int)(until - now)) <= 0 ||
		    fds[0].revents == 0)
			continue;
		/* What a check says last is what it means. */
		if (p->len > VS_PROBE_OUTPUT_MAX / 2) {
			size_t keep = VS_PROBE_OUTPUT_MAX / 4;

			memmove(p->output, p->output + p->len - keep, keep);
			p->len = keep;
		}
		n = read(in, p->output + p->len, VS_PROBE_OUTPUT_MAX - p->len);
		if (n > 0)
			p->len += (size_t)n;
		else if (n == 0 || errno != EINTR)
			return;
	}
}

/* Waits for the program itself; who closes its output may still run. */
static int reap(struct vs_probe *p, pid_t pid, uint64_t until)
{
	const struct timespec pause = {0, 2000000};
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (is_over(p, until))
			break;
		nanosleep(&pause, NULL);
	}
	if (p->timed_out) {
		kill(-pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		return status;
	}
	kill(-pid, SIGKILL); /* what it left behind */
	return status;
}

vs_status vs_probe_run(struct vs_probe *p)
{
	uint64_t until = now_ms() + p->timeout_ms;
	VS_AUTO(vs_fd_drop) int in = -1;
	int fds[2];
	int status;
	pid_t pid;

	p->timed_out = false;
	p->len = 0;
	p->code = NOT_RUN;
	p->output[0] = '\0';
	if (pipe2(fds, O_CLOEXEC) != 0)
		return VS_ERR_IO;
	in = fds[0];
	pid = fork();
	if (pid == 0)
		become(p, fds[1]);
	close(fds[1]);
	if (pid < 0)
		return VS_ERR_IO;
	setpgid(pid, pid); /* whoever of the two comes first */
	listen_to(p, in, until);
	status = reap(p, pid, until);
	p->output[p->len] = '\0';
	p->code = WIFSIGNALED(status) ? 128 + WTERMSIG(status)
	                              : WEXITSTATUS(status);
	if (p->code == NOT_RUN && !p->timed_out)
		return VS_ERR_IO;
	return p->code == 0 && !p->timed_out ? VS_OK : VS_ERR_REFUSED;
}

void vs_probe_last_line(const struct vs_probe *p,
                        char out[static VS_PROBE_LINE_LEN])
{
	char line[VS_PROBE_OUTPUT_MAX + 1];
	size_t end = p->len;
	size_t start;

	while (end > 0 &&
	       (p->output[end - 1] == '\n' || p->output[end - 1] == '\r'))
		end--;
	start = end;
	while (start > 0 && p->output[start - 1] != '\n')
		start--;
	memcpy(line, p->output + start, end - start);
	line[end - start] = '\0';
	vs_log_quote(line, out, VS_PROBE_LINE_LEN);
}
