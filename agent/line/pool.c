/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/line/pool.c - threads that share a list of clusters.
 */
#include "agent/line/pool.h"

#include <sched.h>
#include <time.h>

#include "seal/openssl.h"

#define TICK_NS 200000000

struct task {
	struct vs_pool *pool;
	vs_pool_fn work;
	void *ctx;
};

unsigned vs_pool_size(void)
{
	cpu_set_t set;

	/* Those this process may use, not those the machine has. */
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return CPU_COUNT(&set) > 1 ? VS_POOL_MAX : 1;
}

static void *run_one(void *arg)
{
	const struct task *task = arg;
	struct vs_pool *pool = task->pool;
	struct vs_crypto crypto;
	struct vs_why why = {VS_REASON_NONE, "", 0};
	vs_status status = vs_openssl_init(&crypto);

	if (status == VS_OK)
		status = task->work(task->ctx, pool, &crypto, &why);
	vs_openssl_drop(&crypto);

	pthread_mutex_lock(&pool->lock);
	if (status != VS_OK && pool->status == VS_OK) {
		pool->status = status;
		pool->why = why;
	}
	if (status != VS_OK)
		pool->stop = true;
	if (--pool->running == 0)
		pthread_cond_signal(&pool->quiet);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void wait_quiet(struct vs_pool *pool, vs_pool_tick tick, void *ctx)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->running > 0) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += TICK_NS;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&pool->quiet, &pool->lock, &until);
		if (pool->running == 0 || !tick)
			continue;
		pthread_mutex_unlock(&pool->lock);
		bool go_on = tick(ctx, pool);
		pthread_mutex_lock(&pool->lock);
		if (!go_on && !pool->stop) {
			pool->stop = true;
			pool->status = VS_ERR_STATE;
		}
	}
	pthread_mutex_unlock(&pool->lock);
}

static vs_status init_pool(struct vs_pool *pool)
{
	pthread_condattr_t attr;

	*pool = (struct vs_pool){.status = VS_OK};
	if (pthread_mutex_init(&pool->lock, NULL) != 0)
		return VS_ERR_NOMEM;
	if (pthread_condattr_init(&attr) != 0 ||
	    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0 ||
	    pthread_cond_init(&pool->quiet, &attr) != 0) {
		pthread_mutex_destroy(&pool->lock);
		return VS_ERR_NOMEM;
	}
	pthread_condattr_destroy(&attr);
	return VS_OK;
}

vs_status vs_pool_run(unsigned size, vs_pool_fn work, void *ctx,
                      vs_pool_tick tick, void *tick_ctx, struct vs_why *why)
{
	struct vs_pool pool;
	struct task task = {&pool, work, ctx};
	pthread_t threads[VS_POOL_READERS_MAX];
	unsigned started = 0;
	vs_status status = init_pool(&pool);

	if (status != VS_OK)
		return status;
	pthread_mutex_lock(&pool.lock);
	for (; started < size && started < VS_POOL_READERS_MAX; started++) {
		if (pthread_create(&threads[started], NULL, run_one, &task))
			break;
		pool.running++;
	}
	pthread_mutex_unlock(&pool.lock);
	if (started == 0)
		pool.status = VS_ERR_NOMEM;
	wait_quiet(&pool, tick, tick_ctx);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	pthread_cond_destroy(&pool.quiet);
	pthread_mutex_destroy(&pool.lock);
	if (pool.status != VS_OK && why)
		*why = pool.why;
	return pool.status;
}
