/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/line/pool.h - the same work on clusters by a few threads.
 *
 * The caller's thread waits and ticks, so that a long install still answers
 * to a person and to the server.  The first failure stops all.
 */
#ifndef VS_AGENT_POOL_H
#define VS_AGENT_POOL_H

#include <pthread.h>

#include "base/status.h"
#include "seal/crypto.h"

#define VS_POOL_MAX 2
/* That also wait for the disk. */
#define VS_POOL_READERS_MAX (VS_POOL_MAX + 1)

struct vs_pool {
	pthread_mutex_t lock; /* held while taking work; guards the rest */
	pthread_cond_t quiet; /* the last worker has ended */
	unsigned running;
	bool stop;
	vs_status status; /* the first failure */
	struct vs_why why;
};

/* What a worker does until it or another ends the work: VS_OK when there is
 * no more.  crypto is its own.
 */
typedef vs_status (*vs_pool_fn)(void *ctx, struct vs_pool *pool,
                                const struct vs_crypto *crypto,
                                struct vs_why *why);

/* Called about five times a second, without the lock; false stops the work
 * (VS_ERR_STATE).
 */
typedef bool (*vs_pool_tick)(void *ctx, struct vs_pool *pool);

/* Cores, at most VS_POOL_MAX. */
unsigned vs_pool_size(void);

/* Runs work in size threads, at most VS_POOL_READERS_MAX, and waits for all of
 * them.  tick may be NULL. VS_OK; VS_ERR_NOMEM; what a worker gave.
 */
vs_status vs_pool_run(unsigned size, vs_pool_fn work, void *ctx,
                      vs_pool_tick tick, void *tick_ctx,
                      struct vs_why *why) VS_MUST_CHECK;

#endif
