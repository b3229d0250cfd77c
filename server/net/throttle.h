/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/throttle.h - so many at once, so many in a time.
 *
 * By a key: an address, a person.  A fixed table: who floods it with keys
 * makes old ones share, and is not let through.
 */
#ifndef VS_SERVER_NET_THROTTLE_H
#define VS_SERVER_NET_THROTTLE_H

#include <pthread.h>

#include "base/status.h"

#define VS_THROTTLE_SLOTS 1024

struct vs_throttle {
	pthread_mutex_t lock;
	uint64_t seed;
	uint64_t interval_ms; /* one more each */
	uint64_t burst;       /* at once */
	struct {
		uint64_t key, free_ms; /* when all of burst is there again */
	} slots[VS_THROTTLE_SLOTS];
};

/* seed: so that nobody can choose keys that share. */
void vs_throttle_init(struct vs_throttle *t, uint64_t burst,
                      uint64_t interval_ms, uint64_t seed);
void vs_throttle_drop(struct vs_throttle *t);

/* Takes one.  0, or the milliseconds until there is one again. */
uint64_t vs_throttle_take(struct vs_throttle *t, const void *key, size_t len,
                          uint64_t now_ms);
/* The same without taking it. */
uint64_t vs_throttle_look(struct vs_throttle *t, const void *key, size_t len,
                          uint64_t now_ms);

/* A number from 0 to most, always the same for this key. */
uint64_t vs_throttle_spread(const struct vs_throttle *t, const void *key,
                            size_t len, uint64_t most);

#endif
