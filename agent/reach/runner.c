/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/reach/runner.c - disk's end: forks it, and asks.
 *
 * What it says is taken if it is in its place, of its length and its time.
 */
#include "agent/reach/runner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

#define TICK_MS 100
#define START_MS 10000
#define SPARE_MS 10000 /* beside what programs may take */

/* Waits for a packet.  Ticks are counted: no clock is believed. */
static vs_status await(int fd, uint64_t wait_ms)
{
	for (uint64_t left = wait_ms / TICK_MS + 1; left > 0; left--) {
		struct pollfd p = {fd, POLLIN, 0};
		int n = poll(&p, 1, TICK_MS);

		if (n > 0)
			return VS_OK;
		if (n < 0 && errno != EINTR)
			return VS_ERR_IO;
	}
	return VS_ERR_IO;
}

/* Descriptors that came with a packet; what is not wanted is closed. */
static size_t take_fds(struct msghdr *m, int *out, size_t max)
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n = c->cmsg_level == SOL_SOCKET &&
		                           c->cmsg_type == SCM_RIGHTS
		                   ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int)
		                   : 0;

		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (count < max)
				out[count++] = fd;
			else
				close(fd);
		}
	}
	return count;
}

/* One packet, and lines if there are any with it (-1: not). */
static bool hear(struct vs_runner *r, int lines[static VS_WIRE_LINES])
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(VS_WIRE_LINES * sizeof(int))];
	} control;
	struct iovec iov = {&r->said, sizeof(r->said)};
	struct msghdr m = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = control.bytes,
	                   .msg_controllen = sizeof(control.bytes)};
	size_t head = offsetof(struct vs_runner_answer, text);
	ssize_t n = recvmsg(r->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	size_t count;

	for (int i = 0; i < VS_WIRE_LINES; i++)
		lines[i] = -1;
	if (n < 0)
		return false;
	count = take_fds(&m, lines, VS_WIRE_LINES);
	return (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 &&
	       (size_t)n >= head && (size_t)n == head + r->said.len &&
	       (count == 0 || count == VS_WIRE_LINES);
}

static void drop_lines(int lines[static VS_WIRE_LINES])
{
	for (int i = 0; i < VS_WIRE_LINES; i++) {
		vs_fd_drop(&lines[i]);
		lines[i] = -1;
	}
}

static vs_status broken(struct vs_runner *r)
{
	r->phase = VS_LANE_BROKEN;
	return VS_ERR_IO;
}

/* Asks and hears, with the lock held.  Lines are the caller's. */
static vs_status ask(struct vs_runner *r, enum vs_request what,
                     uint64_t wait_ms, int lines[static VS_WIRE_LINES])
{
	const struct vs_runner_request q = {what, ++r->number};

	for (int i = 0; i < VS_WIRE_LINES; i++)
		lines[i] = -1;
	if (!vs_request_pass(VS_PARTY_DISK, what, &r->phase) ||
	    send(r->fd, &q, sizeof(q), MSG_DONTWAIT | MSG_NOSIGNAL) !=
	            (ssize_t)sizeof(q) ||
	    await(r->fd, wait_ms) != VS_OK || !hear(r, lines) ||
	    r->said.number != r->number ||
	    !vs_request_pass(VS_PARTY_RUNNER, r->said.what, &r->phase) ||
	    (lines[0] >= 0 && r->said.what != VS_REQUEST_STARTED)) {
		drop_lines(lines);
		return broken(r);
	}
	return VS_OK;
}

/* A status of that process, which is believed as this one is; but no other
 * number than a status.
 */
static vs_status status_of(const struct vs_runner *r)
{
	return r->said.status <= VS_ERR_CRYPTO ? (vs_status)r->said.status
	                                       : VS_ERR_IO;
}

/* Its text is printable there already; here it only has to fit. */
static void take_line(const struct vs_runner *r,
                      char out[static VS_PROBE_LINE_LEN])
{
	size_t len = r->said.len < VS_PROBE_LINE_LEN ? r->said.len
	                                             : VS_PROBE_LINE_LEN - 1;

	memcpy(out, r->said.text, len);
	out[len] = '\0';
}

/* The same, with the line that it says, and how it went. */
static vs_status ask_how(struct vs_runner *r, enum vs_request what,
                         uint64_t wait_ms, int lines[static VS_WIRE_LINES],
                         char line[static VS_PROBE_LINE_LEN])
{
	vs_status status = ask(r, what, wait_ms, lines);

	if (status != VS_OK)
		return status;
	take_line(r, line);
	return status_of(r);
}

static void become_runner(int fd, const struct vs_runner_config *config)
{
	if (dup2(fd, VS_RUNNER_FD) != VS_RUNNER_FD ||
	    close_range(VS_RUNNER_FD + 1, ~0U, 0) != 0)
		_exit(1);
	vs_runner_serve(VS_RUNNER_FD, config);
}

vs_status vs_runner_start(struct vs_runner *r,
                          const struct vs_runner_config *config)
{
	int pair[2], lines[VS_WIRE_LINES] = {-1, -1, -1, -1};

	*r = (struct vs_runner){.fd = -1,
	                        .pid = -1,
	                        .phase = VS_RUNNER_STARTING,
	                        .check_ms = config->check_ms,
	                        .lock = PTHREAD_MUTEX_INITIALIZER};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return VS_ERR_IO;
	fflush(NULL);
	r->pid = fork();
	if (r->pid == 0)
		become_runner(pair[1], config);
	close(pair[1]);
	r->fd = pair[0];
	if (r->pid < 0) {
		vs_fd_drop(&r->fd);
		return VS_ERR_NOMEM;
	}
	if (await(r->fd, START_MS) != VS_OK || !hear(r, lines) ||
	    lines[0] >= 0 || r->said.number != 0 ||
	    !vs_request_pass(VS_PARTY_RUNNER, r->said.what, &r->phase)) {
		drop_lines(lines);
		vs_runner_end(r);
		return VS_ERR_IO;
	}
	return VS_OK;
}

void vs_runner_end(struct vs_runner *r)
{
	r->phase = VS_LANE_BROKEN;
	vs_fd_drop(&r->fd);
	r->fd = -1;
	while (r->pid > 0 && waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		;
	r->pid = -1;
}

bool vs_runner_lost(struct vs_runner *r)
{
	bool lost;

	pthread_mutex_lock(&r->lock);
	lost = r->phase == VS_LANE_BROKEN;
	pthread_mutex_unlock(&r->lock);
	return lost;
}

vs_status vs_runner_check(struct vs_runner *r,
                          char detail[static VS_PROBE_LINE_LEN],
                          struct vs_why *why)
{
	uint64_t wait_ms = VS_HEALTH_CHECKS_MAX * r->check_ms + SPARE_MS;
	int lines[VS_WIRE_LINES];
	vs_status status;

	snprintf(detail, VS_PROBE_LINE_LEN, "nobody is there to run checks");
	pthread_mutex_lock(&r->lock);
	status = ask_how(r, VS_REQUEST_CHECK, wait_ms, lines, detail);
	if (status != VS_OK)
		(void)vs_fail(status, why,
		              r->said.reason == VS_REASON_HEALTH_TIMEOUT
		                      ? VS_REASON_HEALTH_TIMEOUT
		                      : VS_REASON_HEALTH_FAILED,
		              "a health check said no", 0);
	pthread_mutex_unlock(&r->lock);
	return status;
}

vs_status vs_runner_ask(struct vs_runner *r,
                        char out[static VS_PROBE_OUTPUT_MAX + 1], size_t *len)
{
	int lines[VS_WIRE_LINES];
	vs_status status;

	*len = 0;
	pthread_mutex_lock(&r->lock);
	status = ask(r, VS_REQUEST_ASK, VS_RUNNER_MS + SPARE_MS, lines);
	if (status == VS_OK)
		status = status_of(r);
	if (status == VS_OK) {
		*len = r->said.len;
		memcpy(out, r->said.text, *len);
	}
	out[*len] = '\0';
	pthread_mutex_unlock(&r->lock);
	return status;
}

vs_status vs_runner_net(struct vs_runner *r, int lines[static VS_WIRE_LINES],
                        char why[static VS_PROBE_LINE_LEN])
{
	vs_status status;

	snprintf(why, VS_PROBE_LINE_LEN, "nobody is there to start it");
	pthread_mutex_lock(&r->lock);
	status = ask_how(r, VS_REQUEST_START, SPARE_MS, lines, why);
	if ((status == VS_OK) != (lines[0] >= 0)) {
		drop_lines(lines);
		status = broken(r);
	}
	pthread_mutex_unlock(&r->lock);
	return status;
}

void vs_runner_end_net(struct vs_runner *r)
{
	int lines[VS_WIRE_LINES];

	pthread_mutex_lock(&r->lock);
	(void)ask(r, VS_REQUEST_END, SPARE_MS, lines);
	pthread_mutex_unlock(&r->lock);
}
