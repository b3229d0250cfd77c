/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/reach/courier.c - one process, a few lines to it.
 */
#include "agent/reach/courier.h"

#include <pthread.h>
#include <stdio.h>

#include "base/file.h"

#define SPARE_MS 10000

/* base/http.h knows no context: there is one network. */
static struct {
	pthread_mutex_t lock;
	struct vs_runner *runner;
	bool taken[VS_WIRE_LINES];
	int fds[VS_WIRE_LINES]; /* not connected yet; with number */
	char why[VS_WIRE_LINES][VS_PROBE_LINE_LEN]; /* told last, by line */
	bool lives;
	unsigned number; /* of the process; 0: there was none */
	uint64_t spare_ms;
} courier = {.lock = PTHREAD_MUTEX_INITIALIZER, .spare_ms = SPARE_MS};

void vs_courier_use(struct vs_runner *runner, uint64_t spare_ms)
{
	courier.runner = runner;
	courier.spare_ms = spare_ms ? spare_ms : SPARE_MS;
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
	if (!courier.lives)
		return;
	courier.lives = false;
	for (unsigned i = 0; i < VS_WIRE_LINES; i++)
		vs_fd_drop(&courier.fds[i]);
	vs_runner_end_net(courier.runner);
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

static vs_status start(char why[static VS_PROBE_LINE_LEN])
{
	vs_status status = VS_ERR_IO;

	snprintf(why, VS_PROBE_LINE_LEN, "there is no runner");
	if (courier.runner)
		status = vs_runner_net(courier.runner, courier.fds, why);
	courier.lives = status == VS_OK;
	courier.number += courier.lives;
	return status;
}

vs_status vs_courier_connect(unsigned line, unsigned broken, int *fd,
                             unsigned *number, const char **what)
{
	vs_status status = VS_OK;

	pthread_mutex_lock(&courier.lock);
	/* A line is connected once to each process: who asks again has seen
	 * it break. */
	if (courier.lives &&
	    (courier.number == broken || courier.fds[line] < 0))
		end();
	*what = courier.why[line];
	if (!courier.lives)
		status = start(courier.why[line]);
	*fd = -1;
	if (status == VS_OK) {
		*fd = courier.fds[line];
		courier.fds[line] = -1;
		*number = courier.number;
	}
	pthread_mutex_unlock(&courier.lock);
	return status;
}
