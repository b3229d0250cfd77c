/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/courier.c - one process, a few lines to it.
 */
#include "agent/courier.h"

#include <pthread.h>
#include <sys/socket.h>

#include "agent/birth.h"
#include "base/file.h"

static const char *const texts[VS_BIRTH_TEXTS] = VS_BIRTH_SAY(VS_COURIER_USER);

/* base/http.h knows no context: there is one network. */
static struct {
	pthread_mutex_t lock;
	bool taken[VS_WIRE_LINES];
	int fds[VS_WIRE_LINES]; /* not connected yet; with number */
	int pid;
	unsigned number; /* of the process; 0: there was none */
	const char *path;
	uint64_t spare_ms;
} courier = {.lock = PTHREAD_MUTEX_INITIALIZER, .pid = -1, .spare_ms = 10000};

void vs_courier_use(const char *path, uint64_t spare_ms)
{
	courier.path = path;
	courier.spare_ms = spare_ms;
}

uint64_t vs_courier_spare_ms(void)
{
	return courier.spare_ms;
}

vs_status vs_courier_take(unsigned *line)
{
	vs_status status = VS_ERR_LIMIT;

	pthread_mutex_lock(&courier.lock);
	for (unsigned i = 0; status != VS_OK && i < VS_WIRE_LINES; i++) {
		if (courier.taken[i])
			continue;
		courier.taken[i] = true;
		*line = i;
		status = VS_OK;
	}
	pthread_mutex_unlock(&courier.lock);
	return status;
}

static void end(void)
{
	if (courier.pid <= 0)
		return;
	for (unsigned i = 0; i < VS_WIRE_LINES; i++)
		vs_fd_drop(&courier.fds[i]);
	(void)vs_birth_end(&courier.pid);
}

void vs_courier_give(unsigned line)
{
	bool used = false;

	pthread_mutex_lock(&courier.lock);
	courier.taken[line] = false;
	for (unsigned i = 0; i < VS_WIRE_LINES; i++)
		used = used || courier.taken[i];
	if (!used)
		end();
	pthread_mutex_unlock(&courier.lock);
}

static vs_status start(const char **what)
{
	struct vs_birth b = {.texts = texts,
	                     .name = VS_COURIER_USER,
	                     .path = courier.path,
	                     .uid = VS_COURIER_UID,
	                     .memory_max = VS_COURIER_MEMORY_MAX,
	                     .file_max = VS_WIRE_FILE_MAX, /* in memory */
	                     .arg = '0' + VS_WIRE_LINES};
	struct vs_why why = {VS_REASON_NONE, "no sockets", 0};
	vs_status status = VS_OK;

	for (unsigned i = 0; i < VS_WIRE_LINES; i++)
		courier.fds[i] = -1;
	for (unsigned i = 0; status == VS_OK && i < VS_WIRE_LINES; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) !=
		    0) {
			status = VS_ERR_IO;
			break;
		}
		courier.fds[i] = pair[0];
		b.fds[b.count++] = pair[1];
	}
	if (status == VS_OK)
		status = vs_birth(&b, &courier.pid, &why);
	for (unsigned i = 0; i < b.count; i++)
		vs_fd_drop(&b.fds[i]);
	courier.number += status == VS_OK;
	*what = why.what;
	if (status != VS_OK)
		for (unsigned i = 0; i < VS_WIRE_LINES; i++)
			vs_fd_drop(&courier.fds[i]);
	return status;
}

vs_status vs_courier_connect(unsigned line, unsigned broken, int *fd,
                             unsigned *number, const char **what)
{
	vs_status status = VS_OK;

	pthread_mutex_lock(&courier.lock);
	/* A line is connected once to each process: who asks again has seen
	 * it break. */
	if (courier.pid > 0 &&
	    (courier.number == broken || courier.fds[line] < 0))
		end();
	if (courier.pid <= 0)
		status = start(what);
	*fd = -1;
	if (status == VS_OK) {
		*fd = courier.fds[line];
		courier.fds[line] = -1;
		*number = courier.number;
	}
	pthread_mutex_unlock(&courier.lock);
	return status;
}
