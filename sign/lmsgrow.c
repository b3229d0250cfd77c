/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/lmsgrow.c - the tree of a new LMS key, on all processors.
 *
 * Threads share the secret and the tree; each takes the next few leaves that
 * nobody has, until there are none.
 */
#include "sign/lmsgrow.h"

#include <pthread.h>
#include <unistd.h>

#include "seal/openssl.h"
#include "sign/progress.h"

enum { threads_max = 16, piece = 16 };

struct work {
	const struct vs_lms_secret *secret;
	uint8_t *tree;
	uint32_t leaves;
	pthread_mutex_t lock; /* of the rest */
	uint32_t next;
	vs_status status; /* the first failure ends all */
	struct vs_progress progress;
};

/* The next leaves for a thread; none if all are taken or one has failed. */
static struct vs_lms_range take(struct work *w, uint32_t done, vs_status status)
{
	struct vs_lms_range range = {0};

	pthread_mutex_lock(&w->lock);
	if (done)
		vs_progress_step(&w->progress, done);
	if (!w->status)
		w->status = status;
	if (!w->status) {
		uint32_t left = w->leaves - w->next;

		range.first = w->next;
		range.count = left < piece ? left : piece;
		w->next += range.count;
	}
	pthread_mutex_unlock(&w->lock);
	return range;
}

static void *grow(void *ctx)
{
	struct work *w = ctx;
	struct vs_crypto crypto;
	vs_status status = vs_openssl_init(&crypto);
	struct vs_lms_range range = take(w, 0, status);

	while (range.count) {
		status = vs_lms_grow(w->secret, &crypto, &range, w->tree);
		range = take(w, range.count, status);
	}
	vs_openssl_drop(&crypto);
	return NULL;
}

static void run(struct work *w)
{
	pthread_t threads[threads_max];
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int wanted = processors > threads_max ? threads_max
	             : processors < 1         ? 1
	                                      : (int)processors;
	int started = 0;

	/* this thread is one of them, so that it works without any other */
	while (started < wanted - 1 &&
	       pthread_create(&threads[started], NULL, grow, w) == 0)
		started++;
	grow(w);
	for (int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
}

vs_status vs_lmsgrow(const struct vs_lms_secret *s, uint8_t *tree,
                     uint8_t key[static VS_LMS_KEY_LEN])
{
	struct work w = {
		.secret = s,
		.tree = tree,
		.leaves = UINT32_C(1) << s->height,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	struct vs_crypto crypto;
	vs_status status;

	vs_progress_start(&w.progress, "growing the tree", w.leaves);
	w.progress.unit = "leaves";
	run(&w);
	vs_progress_end(&w.progress);
	pthread_mutex_destroy(&w.lock);
	if (w.status)
		return w.status;
	status = vs_openssl_init(&crypto);
	if (!status)
		status = vs_lms_close(s, &crypto, tree, key);
	vs_openssl_drop(&crypto);
	return status;
}
