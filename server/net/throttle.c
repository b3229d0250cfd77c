/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/throttle.c - a leaky bucket for each key.
 */
#include "server/net/throttle.h"

enum { probes = 8 };

void vs_throttle_init(struct vs_throttle *t, uint64_t burst,
                      uint64_t interval_ms, uint64_t seed)
{
	*t = (struct vs_throttle){
		.seed = seed, .interval_ms = interval_ms, .burst = burst};
	pthread_mutex_init(&t->lock, NULL);
}

void vs_throttle_drop(struct vs_throttle *t)
{
	pthread_mutex_destroy(&t->lock);
}

/* FNV-1a; never 0. */
static uint64_t hash(uint64_t seed, const uint8_t *key, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037) ^ seed;

	for (size_t i = 0; i < len; i++)
		h = (h ^ key[i]) * UINT64_C(1099511628211);
	h ^= h >> 29;
	return h ? h : 1;
}

/* The key's slot, or one that nobody needs, or the first that fits. */
static uint64_t *find(struct vs_throttle *t, const void *key, size_t len,
                      uint64_t now_ms)
{
	uint64_t h = hash(t->seed, key, len);
	size_t at = h % VS_THROTTLE_SLOTS, empty = VS_THROTTLE_SLOTS;

	for (size_t i = 0; i < probes; i++) {
		size_t slot = (at + i) % VS_THROTTLE_SLOTS;

		if (t->slots[slot].key == h)
			return &t->slots[slot].free_ms;
		if (empty == VS_THROTTLE_SLOTS &&
		    t->slots[slot].free_ms <= now_ms)
			empty = slot;
	}
	if (empty == VS_THROTTLE_SLOTS)
		return &t->slots[at].free_ms;
	t->slots[empty].key = h;
	t->slots[empty].free_ms = now_ms;
	return &t->slots[empty].free_ms;
}

static uint64_t ask(struct vs_throttle *t, const void *key, size_t len,
                    uint64_t now_ms, bool take)
{
	uint64_t wait = 0;

	pthread_mutex_lock(&t->lock);
	uint64_t *free_ms = find(t, key, len, now_ms);
	uint64_t from = *free_ms > now_ms ? *free_ms : now_ms;
	uint64_t most = now_ms + t->interval_ms * (t->burst - 1);
	if (from > most)
		wait = from - most;
	else if (take)
		*free_ms = from + t->interval_ms;
	pthread_mutex_unlock(&t->lock);
	return wait;
}

uint64_t vs_throttle_take(struct vs_throttle *t, const void *key, size_t len,
                          uint64_t now_ms)
{
	return ask(t, key, len, now_ms, true);
}

uint64_t vs_throttle_look(struct vs_throttle *t, const void *key, size_t len,
                          uint64_t now_ms)
{
	return ask(t, key, len, now_ms, false);
}

uint64_t vs_throttle_spread(const struct vs_throttle *t, const void *key,
                            size_t len, uint64_t most)
{
	return hash(t->seed, key, len) % (most + 1);
}
