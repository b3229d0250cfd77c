/* SPDX-License-Identifier: Apache-2.0
 *
 * server/cmd_run.c - serving until SIGTERM, and stopping in good order.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "server/commands.h"
#include "server/listen/limit.h"
#include "server/listen/listen.h"
#include "server/listen/metrics.h"
#include "server/listen/tls.h"
#include "server/work/start.h"

enum { path_max = 1200, drain_ms = 10000, look_ms = 20 };

/* Two servers over one data folder would each mirror half of it. */
int vs_lock_data(const char *data_dir, char error[static 256])
{
	char path[path_max];

	if (vs_path_join(path, sizeof path, data_dir, "lock")) {
		snprintf(error, 256, "data_dir: too long");
		return -1;
	}
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		snprintf(error, 256, "%.180s: %s", path, strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		snprintf(error, 256, "%.180s: another server runs here", path);
		vs_fd_drop(&fd);
	}
	return fd;
}

struct listeners {
	struct vs_listener *devices, *people;
	struct vs_metrics_listener *metrics;
};

static vs_status open_listeners(struct vs_server *s, struct listeners *l,
                                char error[static 256])
{
	vs_status status =
		vs_listen_open(s, VS_FOR_DEVICES, &l->devices, error);

	if (!status)
		status = vs_listen_open(s, VS_FOR_PEOPLE, &l->people, error);
	return status ? status : vs_metrics_open(s, &l->metrics, error);
}

/* No new connections; who asked is answered; then the rest is closed. */
static void close_listeners(struct vs_server *s, struct listeners *l)
{
	const struct timespec look = {.tv_nsec = look_ms * 1000000L};

	atomic_store(&s->closing, true);
	if (l->devices)
		vs_listen_quiesce(l->devices);
	if (l->people)
		vs_listen_quiesce(l->people);
	for (unsigned ms = 0; l->devices && l->people && ms < drain_ms;
	     ms += look_ms) {
		if (!vs_listen_busy(l->devices) && !vs_listen_busy(l->people))
			break;
		nanosleep(&look, NULL);
	}
	vs_metrics_close(&l->metrics);
	vs_server_stop(s);
	vs_listen_close(&l->devices);
	vs_listen_close(&l->people);
}

static void serve(struct vs_server *s, struct listeners *l,
                  const sigset_t *signals)
{
	int signal = 0;

	vs_info("chargers on port %u, people on port %u",
	        vs_listen_port(l->devices), vs_listen_port(l->people));
	if (l->metrics)
		vs_info("metrics on port %u", vs_metrics_port(l->metrics));
	while (sigwait(signals, &signal))
		;
	vs_info("%s: stopping", strsignal(signal));
	close_listeners(s, l);
	vs_info("stopped");
}

static sigset_t block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signals;
}

int vs_command_run(const struct vs_arguments *a)
{
	VS_AUTO(vs_fd_drop) int lock = -1;
	struct listeners l = {0};
	struct vs_server s;
	char error[256];
	sigset_t signals = block_signals();

	json_object_seed(0);
	if (vs_log_form(a->settings->log, VS_LOG_SOCKET)) {
		vs_error("log = journal: nobody listens at " VS_LOG_SOCKET);
		return 1;
	}
	lock = vs_lock_data(a->settings->data_dir, error);
	if (lock < 0) {
		vs_error("%s", error);
		return 1;
	}
	vs_status status = vs_server_load(&s, a->settings, true, error);
	if (!status)
		status = vs_tls_check(a->settings, error);
	if (!status)
		status = vs_limit_check(a->settings, true, error);
	if (!status)
		status = vs_server_start(&s, error);
	if (!status)
		status = open_listeners(&s, &l, error);
	if (status) {
		vs_error("%s", error);
		close_listeners(&s, &l);
	} else {
		serve(&s, &l, &signals);
	}
	vs_server_drop(&s);
	return status ? 1 : 0;
}

int vs_command_check(const struct vs_arguments *a)
{
	struct vs_server s;
	char error[256];
	vs_status status = vs_server_load(&s, a->settings, false, error);

	if (!status)
		status = vs_tls_check(a->settings, error);
	if (!status)
		status = vs_limit_check(a->settings, false, error);
	if (status)
		vs_error("%s", error);
	else
		printf("%s: in order\n", a->config);
	vs_server_drop(&s);
	return status ? 1 : 0;
}
