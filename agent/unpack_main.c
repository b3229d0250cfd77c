/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/unpack_main.c - voltseal-unpack: compressed bytes in, bytes out.
 *
 * Started by voltseal-agent for one install, as another user, with lanes for
 * descriptors (agent/lane.h).  It takes its memory first, then allows itself
 * three system calls, and only then reads the first byte from outside.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/confine.h"
#include "agent/lane.h"

#define STACK_LEN 262144

static const struct vs_confine_call calls[] = {
	{SYS_read,       VS_CALL_MAY, 0, 0},
	{SYS_write,      VS_CALL_MAY, 0, 0},
	{SYS_exit_group, VS_CALL_MAY, 0, 0},
};

struct worker {
	int fd;
	struct vs_pack_decoder *decoder;
	uint8_t *shared;
};

/* Ends the process: a lane without its other side has no use. */
static void *work(void *arg)
{
	const struct worker *w = arg;
	vs_status status = vs_confine_calls(
		calls, sizeof(calls) / sizeof(calls[0]), false);

	if (status == VS_OK)
		status = vs_lane_serve(w->fd, w->decoder, w->shared,
		                       w->shared + VS_LANE_FRAME_LEN);
	_exit(status == VS_OK ? 0 : 1);
}

static bool prepare(struct worker *workers, unsigned count)
{
	const struct rlimit none = {0, 0};
	uint8_t *shared =
		mmap(NULL, count * VS_LANE_LEN, PROT_READ | PROT_WRITE,
	             MAP_SHARED, VS_LANE_SHARED_FD, 0);

	if (shared == MAP_FAILED || close(VS_LANE_SHARED_FD) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0) != 0 ||
	    setrlimit(RLIMIT_NOFILE, &none) != 0)
		return false;
	for (unsigned i = 0; i < count; i++) {
		workers[i].fd = VS_LANE_FD + (int)i;
		workers[i].shared = shared + i * VS_LANE_LEN;
		if (vs_pack_decoder_new(&workers[i].decoder) != VS_OK)
			return false;
	}
	return true;
}

static bool start(struct worker *worker)
{
	pthread_attr_t attr;
	pthread_t thread;

	return pthread_attr_init(&attr) == 0 &&
	       pthread_attr_setstacksize(&attr, STACK_LEN) == 0 &&
	       pthread_create(&thread, &attr, work, worker) == 0;
}

int main(int argc, char **argv)
{
	static struct worker workers[VS_LANES_MAX];
	unsigned count = argc == 2 ? (unsigned)(argv[1][0] - '0') : 0;

	/* Nobody is there to hear more than the exit code. */
	if (count < 1 || count > VS_LANES_MAX || argv[1][1] != '\0')
		return 2;
	if (!prepare(workers, count))
		return 1;
	for (unsigned i = 1; i < count; i++)
		if (!start(&workers[i]))
			return 1;
	work(&workers[0]);
	return 1;
}
