/* SPDX-License-Identifier: Apache-2.0
 *
 * base/helper.c - two counters: jobs given, jobs done.
 *
 * Each side writes one of them and sleeps on the other.  They run over
 * together, and only their difference counts.
 */
#include "base/helper.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct vs_helper {
	_Atomic uint32_t given, done;
	struct {
		void (*job)(void *arg); /* NULL: the end */
		void *arg;
	} jobs[VS_HELPER_JOBS];
	pthread_t thread;
};

_Static_assert(sizeof(_Atomic uint32_t) == 4, "what a futex is");

/* Until it is no more what it was; may come back sooner. */
static void sleep_on(_Atomic uint32_t *word, uint32_t was)
{
	(void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, was, NULL, NULL, 0);
}

static void set(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store(word, value);
	(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *work(void *arg)
{
	struct vs_helper *h = arg;
	uint32_t done = 0;

	for (;;) {
		size_t i = done % VS_HELPER_JOBS;

		while (atomic_load(&h->given) == done)
			sleep_on(&h->given, done);
		if (!h->jobs[i].job)
			return NULL;
		h->jobs[i].job(h->jobs[i].arg);
		set(&h->done, ++done);
	}
}

unsigned vs_helper_cores(void)
{
	cpu_set_t cores;

	if (sched_getaffinity(0, sizeof(cores), &cores) != 0)
		return 1;
	return (unsigned)CPU_COUNT(&cores);
}

vs_status vs_helper_new(size_t stack_len, struct vs_helper **out)
{
	struct vs_helper *h = calloc(1, sizeof(*h));
	pthread_attr_t attr;
	bool started = false;

	*out = NULL;
	if (h && pthread_attr_init(&attr) == 0) {
		started = pthread_attr_setstacksize(&attr, stack_len) == 0 &&
		          pthread_create(&h->thread, &attr, work, h) == 0;
		pthread_attr_destroy(&attr);
	}
	if (!started) {
		free(h);
		return VS_ERR_NOMEM;
	}
	*out = h;
	return VS_OK;
}

unsigned vs_helper_busy(void *helper)
{
	struct vs_helper *h = helper;

	return atomic_load(&h->given) - atomic_load(&h->done);
}

void vs_helper_await(void *helper, unsigned busy)
{
	struct vs_helper *h = helper;
	uint32_t given = atomic_load(&h->given);
	uint32_t done = atomic_load(&h->done);

	while (given - done > busy) {
		sleep_on(&h->done, done);
		done = atomic_load(&h->done);
	}
}

void vs_helper_give(void *helper, void (*job)(void *arg), void *arg)
{
	struct vs_helper *h = helper;
	uint32_t given = atomic_load(&h->given);

	vs_helper_await(h, VS_HELPER_JOBS - 1);
	h->jobs[given % VS_HELPER_JOBS].job = job;
	h->jobs[given % VS_HELPER_JOBS].arg = arg;
	set(&h->given, given + 1);
}

void vs_helper_free(struct vs_helper **h)
{
	if (!*h)
		return;
	vs_helper_give(*h, NULL, NULL);
	(void)pthread_join((*h)->thread, NULL);
	free(*h);
	*h = NULL;
}
