/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/reach/runner_serve.c - the runner's loop.
 *
 * Two words come in, and what they may be is agent/line/requests.c's table; who
 * says anything else is not disk any more, and the runner ends.
 */
#include "agent/reach/runner.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/line/birth.h"
#include "agent/reach/courier.h"
#include "base/file.h"

static const char *const texts[VS_BIRTH_TEXTS] = VS_BIRTH_SAY(VS_COURIER_USER);

struct server {
	const struct vs_runner_config *config;
	const char *root; /* of the image, from where this process stands */
	int fd;
	int net; /* -1: there is none */
	enum vs_lane_phase phase;
	uint32_t number;
	struct vs_runner_answer said;
	int lines[VS_WIRE_LINES]; /* to be sent with it; -1: none */
};

/* What a check or a command started, and that went its own way since, is a
 * child by now (PR_SET_CHILD_SUBREAPER).
 */
static void end_strays(const struct server *s)
{
	char path[64];
	char *line = NULL;
	const char *next;
	size_t cap = 0;
	FILE *list;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	list = fopen(path, "re");
	/* Read whole: a number cut in two would be a stranger's. */
	next = list && getline(&line, &cap, list) > 0 ? line : NULL;
	while (next) {
		char *end;
		long pid = strtol(next, &end, 10);

		if (end == next)
			break;
		if (pid > 1 && pid != s->net) {
			kill((pid_t)pid, SIGKILL);
			(void)waitpid((pid_t)pid, NULL, 0);
		}
		next = end;
	}
	free(line);
	if (list)
		fclose(list);
}

/* Who was killed may leave children of its own. */
static void end_all_strays(const struct server *s)
{
	for (int i = 0; i < 16; i++)
		end_strays(s);
}

static void say(struct server *s, const char *text, size_t len)
{
	s->said.len = len < sizeof(s->said.text) ? (uint32_t)len
	                                         : sizeof(s->said.text);
	memcpy(s->said.text, text, s->said.len);
}

static void check(struct server *s)
{
	const struct vs_health_how how = {.root = s->root,
	                                  .timeout_ms = s->config->check_ms,
	                                  .watch = &s->fd};
	char detail[VS_PROBE_LINE_LEN] = "it is not known which image runs";
	struct vs_why why = {VS_REASON_HEALTH_FAILED, "", 0};
	vs_status status = VS_ERR_REFUSED;

	if (s->root)
		status = vs_health_check(&how, detail, &why);
	s->said.status = status;
	s->said.reason = status == VS_OK ? VS_REASON_NONE : why.code;
	say(s, detail, strlen(detail));
}

static void run_command(struct server *s)
{
	static struct vs_probe p;

	p = (struct vs_probe){.program = s->config->status_command,
	                      .timeout_ms = VS_RUNNER_MS,
	                      .watch = &s->fd};
	s->said.status = p.program && p.program[0] != '\0' ? vs_probe_run(&p)
	                                                   : VS_ERR_IO;
	if (s->said.status == VS_OK)
		say(s, p.output, p.len);
}

static void drop_lines(int lines[static VS_WIRE_LINES])
{
	for (unsigned i = 0; i < VS_WIRE_LINES; i++) {
		vs_fd_drop(&lines[i]);
		lines[i] = -1;
	}
}

static vs_status open_lines(struct server *s, struct vs_birth *b)
{
	for (unsigned i = 0; i < VS_WIRE_LINES; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) !=
		    0)
			return VS_ERR_IO;
		s->lines[i] = pair[0];
		b->fds[b->count++] = pair[1];
	}
	return VS_OK;
}

static void start_net(struct server *s)
{
	struct vs_birth b = {.texts = texts,
	                     .name = VS_COURIER_USER,
	                     .path = s->config->net_path,
	                     .uid = VS_COURIER_UID,
	                     .memory_max = VS_COURIER_MEMORY_MAX,
	                     .file_max = VS_WIRE_FILE_MAX, /* in memory */
	                     .arg = '0' + VS_WIRE_LINES};
	struct vs_why why = {VS_REASON_NONE, "no sockets", 0};
	vs_status status = VS_ERR_IO;

	(void)vs_birth_end(&s->net);
	if (s->config->offline)
		why.what = "this command has no network";
	else
		status = open_lines(s, &b);
	if (status == VS_OK)
		status = vs_birth(&b, &s->net, &why);
	drop_lines(b.fds);
	if (status != VS_OK) {
		drop_lines(s->lines);
		s->net = -1;
		say(s, why.what, strlen(why.what));
	}
	s->said.status = status;
}

/* The answer that a request has; 0: this is none. */
static enum vs_request answer(struct server *s, uint32_t what)
{
	switch (what) {
	case VS_REQUEST_CHECK:
		check(s);
		end_all_strays(s);
		return VS_REQUEST_CHECKED;
	case VS_REQUEST_ASK:
		run_command(s);
		end_all_strays(s);
		return VS_REQUEST_PRINTED;
	case VS_REQUEST_START:
		start_net(s);
		return VS_REQUEST_STARTED;
	case VS_REQUEST_END:
		(void)vs_birth_end(&s->net);
		return VS_REQUEST_ENDED;
	default:
		return (enum vs_request)0;
	}
}

static bool send_answer(struct server *s)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(VS_WIRE_LINES * sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec iov = {&s->said, offsetof(struct vs_runner_answer, text) +
	                                      s->said.len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	bool sent;

	if (s->lines[0] >= 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(s->lines));
		memcpy(CMSG_DATA(c), s->lines, sizeof(s->lines));
	}
	sent = sendmsg(s->fd, &m, MSG_NOSIGNAL) == (ssize_t)iov.iov_len;
	drop_lines(s->lines);
	return sent;
}

static bool serve_one(struct server *s)
{
	struct vs_runner_request q[2]; /* a word more is seen */
	ssize_t n = recv(s->fd, q, sizeof(q), 0);

	if (n < 0 && errno == EINTR)
		return true;
	if (n != (ssize_t)sizeof(q[0]) || q[0].number != s->number + 1 ||
	    !vs_request_pass(VS_PARTY_DISK, q[0].what, &s->phase))
		return false;
	s->number = q[0].number;
	memset(&s->said, 0, sizeof(s->said));
	s->said.what = answer(s, q[0].what);
	s->said.number = s->number;
	return vs_request_pass(VS_PARTY_RUNNER, s->said.what, &s->phase) &&
	       send_answer(s);
}

/* Who stops the agent stops disk, which ends this; a signal for all of them
 * must not take the network away from its last report.
 */
static void ignore_signals(void)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT,
	                              SIGPIPE};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		signal(numbers[i], SIG_IGN);
}

_Noreturn void vs_runner_serve(int fd, const struct vs_runner_config *config)
{
	static struct server s;

	s = (struct server){.config = config,
	                    .root = config->image,
	                    .fd = fd,
	                    .net = -1,
	                    .phase = VS_RUNNER_STARTING,
	                    .said = {.what = VS_REQUEST_READY}};
	for (unsigned i = 0; i < VS_WIRE_LINES; i++)
		s.lines[i] = -1;
	ignore_signals();
	(void)prctl(PR_SET_NAME, "voltseal-runner");
	if (prctl(PR_SET_DUMPABLE, 0) != 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 ||
	    !vs_request_pass(VS_PARTY_RUNNER, VS_REQUEST_READY, &s.phase))
		_exit(1);
	/* From here on it is this folder, whatever gets its name. */
	if (config->image && strcmp(config->image, "/") != 0 &&
	    chdir(config->image) == 0)
		s.root = ".";
	if (send_answer(&s))
		while (serve_one(&s))
			;
	(void)vs_birth_end(&s.net);
	end_all_strays(&s);
	_exit(0);
}
