/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/unpack/main.c - voltseal-unpack: compressed bytes in, bytes out.
 *
 * Started by voltseal-agent for one install, as another user, with lanes for
 * descriptors (agent/line/lane.h).  It takes its memory and starts its threads
 * first, then allows itself a handful of system calls, and only then reads the
 * first byte from outside.
 */
#include <limits.h>
#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/confine/confine.h"
#include "agent/install/unpack.h"
#include "base/helper.h"
#include "delta/helper.h"

#define STACK_LEN 262144
#define HEAP_LEN ((size_t)32 << 20)

static const struct vs_confine_call calls[] = {
	{SYS_read,       VS_CALL_MAY, 0, 0},
	{SYS_write,      VS_CALL_MAY, 0, 0},
	{SYS_exit_group, VS_CALL_MAY, 0, 0},
};

/* And where it applies a delta. */
static const struct vs_confine_call delta_calls[] = {
	{SYS_read,       VS_CALL_MAY,    0, 0                 },
	{SYS_write,      VS_CALL_MAY,    0, 0                 },
	{SYS_exit_group, VS_CALL_MAY,    0, 0                 },
	{SYS_pread64,    VS_CALL_MAY_IF, 0, VS_LANE_OLD_FD    },
	{SYS_futex,      VS_CALL_MAY_IF, 1, FUTEX_WAIT_PRIVATE},
	{SYS_futex,      VS_CALL_MAY_IF, 1, FUTEX_WAKE_PRIVATE},
};

/* And the one who packs beside it: it waits, wakes and takes turns in
 * malloc(). */
static const struct vs_confine_call helper_calls[] = {
	{SYS_futex, VS_CALL_MAY_IF, 1, FUTEX_WAIT_PRIVATE},
	{SYS_futex, VS_CALL_MAY_IF, 1, FUTEX_WAKE_PRIVATE},
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

static bool shut(uint8_t **shared, unsigned lanes)
{
	const struct rlimit none = {0, 0};

	*shared = mmap(NULL, lanes * VS_LANE_LEN, PROT_READ | PROT_WRITE,
	               MAP_SHARED, VS_LANE_SHARED_FD, 0);
	return *shared != MAP_FAILED && close(VS_LANE_SHARED_FD) == 0 &&
	       prctl(PR_SET_DUMPABLE, 0) == 0 &&
	       setrlimit(RLIMIT_NOFILE, &none) == 0;
}

static bool prepare(struct worker *workers, unsigned count)
{
	uint8_t *shared;

	if (!shut(&shared, count))
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

/* All the memory that malloc() will ever give: it asks the kernel for no more
 * and gives none back, so that it needs no system call.  What a delta does
 * not touch of it costs nothing; one that wants more than this is ended.
 */
static bool take_memory(void)
{
	void *all;

	if (mallopt(M_MMAP_MAX, 0) != 1 || mallopt(M_ARENA_MAX, 1) != 1 ||
	    mallopt(M_TRIM_THRESHOLD, INT_MAX) != 1)
		return false;
	all = malloc(HEAP_LEN);
	free(all);
	return all != NULL;
}

static void confine_helper(void *arg)
{
	vs_status *status = arg;

	*status = vs_confine_calls(
		helper_calls, sizeof(helper_calls) / sizeof(helper_calls[0]),
		false);
}

/* Where there is a second core.  Without it all is done, only later. */
static bool start_helper(struct vs_delta_helper *out)
{
	struct vs_helper *helper = NULL;
	vs_status status = VS_ERR_DENIED;

	if (vs_helper_cores() < 2 || vs_helper_new(STACK_LEN, &helper) != VS_OK)
		return true;
	vs_helper_give(helper, confine_helper, &status);
	vs_helper_await(helper, 0);
	*out = (struct vs_delta_helper){helper, vs_helper_give, vs_helper_busy,
	                                vs_helper_await};
	return status == VS_OK;
}

static int apply(void)
{
	struct vs_delta_helper helper = {NULL, NULL, NULL, NULL};
	uint8_t *shared;
	vs_status status;

	if (!take_memory() || !start_helper(&helper) || !shut(&shared, 1))
		return 1;
	status = vs_confine_calls(delta_calls,
	                          sizeof(delta_calls) / sizeof(delta_calls[0]),
	                          false);
	if (status == VS_OK)
		status = vs_lane_serve_delta(
			VS_LANE_FD, VS_LANE_OLD_FD, helper.ctx ? &helper : NULL,
			shared, shared + VS_LANE_FRAME_LEN);
	_exit(status == VS_OK ? 0 : 1);
}

int main(int argc, char **argv)
{
	static struct worker workers[VS_LANES_MAX];
	unsigned count = argc == 2 ? (unsigned)(argv[1][0] - '0') : 0;

	if (argc == 2 && argv[1][0] == VS_UNPACK_DELTA && argv[1][1] == '\0')
		return apply();
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
