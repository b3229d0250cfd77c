/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/guard.c - who is connected to a listener, and for how long.
 *
 * Each guest is in one of two lists, in the order of arrival, and in one
 * bucket: by his address until he is known, by his name from then on.  What
 * changes with every request is atomic, so that requests take no lock.
 */
#include "server/net/guard.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { buckets = 4096, second_ms = 1000, baseline_ms = 1000 };

struct list {
	struct vs_guest *first, *last;
};

struct vs_guard {
	struct vs_guard_limits limits;
	struct vs_guard_figures *figures;
	uint64_t seed;
	uint64_t grace_ms; /* in which one gives way to nobody */
	_Atomic unsigned live;

	pthread_mutex_t lock; /* guards what follows */
	unsigned shaking;
	uint64_t rate_us; /* when a second's worth is there again */
	struct list strangers, known;
	struct vs_guest *bucket[buckets];
};

vs_status vs_guard_new(const struct vs_guard_limits *limits,
                       struct vs_guard_figures *figures, uint64_t seed,
                       struct vs_guard **out)
{
	struct vs_guard *g = calloc(1, sizeof *g);

	*out = g;
	if (!g)
		return VS_ERR_NOMEM;
	g->limits = *limits;
	g->figures = figures;
	g->seed = seed;
	g->grace_ms = (uint64_t)limits->handshake_s * second_ms / 4;
	pthread_mutex_init(&g->lock, NULL);
	return VS_OK;
}

void vs_guard_free(struct vs_guard **guard)
{
	if (*guard)
		pthread_mutex_destroy(&(*guard)->lock);
	free(*guard);
	*guard = NULL;
}

/* FNV-1a, seeded: nobody can choose whom he shares a bucket with. */
static uint64_t hash(const struct vs_guard *g, const void *key, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037) ^ g->seed;

	for (size_t i = 0; i < len; i++)
		h = (h ^ ((const uint8_t *)key)[i]) * UINT64_C(1099511628211);
	return h ^ h >> 29;
}

static void list_add(struct list *l, struct vs_guest *guest)
{
	guest->after = NULL;
	guest->before = l->last;
	if (l->last)
		l->last->after = guest;
	else
		l->first = guest;
	l->last = guest;
}

static void list_remove(struct list *l, struct vs_guest *guest)
{
	if (guest->before)
		guest->before->after = guest->after;
	else
		l->first = guest->after;
	if (guest->after)
		guest->after->before = guest->before;
	else
		l->last = guest->before;
}

static void bucket_add(struct vs_guard *g, struct vs_guest *guest)
{
	struct vs_guest **at = &g->bucket[guest->key % buckets];

	guest->twin = *at;
	*at = guest;
}

static void bucket_remove(struct vs_guard *g, struct vs_guest *guest)
{
	struct vs_guest **at = &g->bucket[guest->key % buckets];

	while (*at != guest)
		at = &(*at)->twin;
	*at = guest->twin;
}

/* The socket stays open until he leaves, so that this cannot hit another. */
static void cut(struct vs_guest *guest, enum vs_guard_cut why)
{
	guest->cut = true;
	atomic_fetch_sub(&guest->guard->live, 1);
	atomic_fetch_add(&guest->guard->figures->cut[why], 1);
	(void)shutdown(guest->fd, SHUT_RDWR); /* it may have ended by itself */
}

/* Has the oldest stranger give way; key: only one of this address.  One who
 * has just come may be in the middle of what costs most: he is spared.
 */
static bool make_room(struct vs_guard *g, const uint64_t *key, uint64_t now_ms)
{
	for (struct vs_guest *x = g->strangers.first; x; x = x->after) {
		if (now_ms < x->entered_ms + g->grace_ms)
			return false;
		if (x->cut || (key && x->key != *key) ||
		    atomic_load(&x->phase) == VS_GUARD_BUSY)
			continue;
		cut(x, VS_CUT_ROOM);
		return true;
	}
	return false;
}

static unsigned count(const struct vs_guard *g, uint64_t key, bool known)
{
	unsigned n = 0;

	for (const struct vs_guest *x = g->bucket[key % buckets]; x;
	     x = x->twin)
		n += x->key == key && x->known == known && !x->cut;
	return n;
}

/* Whether a handshake may begin; takes one of the rate if asked to. */
static bool may_shake(struct vs_guard *g, uint64_t now_ms, bool take)
{
	unsigned rate = g->limits.handshake_rate;

	if (g->shaking >= g->limits.handshakes)
		return false;
	if (!rate)
		return true;
	uint64_t now_us = now_ms * 1000, each_us = 1000000 / rate;
	uint64_t from = g->rate_us > now_us ? g->rate_us : now_us;
	if (from + each_us > now_us + 1000000)
		return false;
	if (take)
		g->rate_us = from + each_us;
	return true;
}

static bool refuse(struct vs_guard *g, enum vs_guard_refusal why)
{
	atomic_fetch_add(&g->figures->refused[why], 1);
	return false;
}

static bool admit(struct vs_guard *g, uint64_t key, uint64_t now_ms)
{
	if (!may_shake(g, now_ms, false))
		return refuse(g, VS_REFUSED_HANDSHAKES);
	if (count(g, key, false) >= g->limits.strangers &&
	    !make_room(g, &key, now_ms))
		return refuse(g, VS_REFUSED_ADDRESS);
	if (atomic_load(&g->live) >= g->limits.connections &&
	    !make_room(g, NULL, now_ms))
		return refuse(g, VS_REFUSED_FULL);
	return true;
}

bool vs_guard_admit(struct vs_guard *g, const uint8_t *address, size_t len,
                    uint64_t now_ms)
{
	uint64_t key = hash(g, address, len);

	pthread_mutex_lock(&g->lock);
	bool may = admit(g, key, now_ms);
	pthread_mutex_unlock(&g->lock);
	return may;
}

void vs_guard_enter(struct vs_guest *guest, uint64_t now_ms)
{
	struct vs_guard *g = guest->guard;

	guest->key = hash(g, guest->address, guest->address_len);
	guest->entered_ms = now_ms;
	vs_guard_phase(guest, VS_GUARD_HANDSHAKE, now_ms);
	atomic_fetch_add(&g->live, 1);
	atomic_fetch_add(&g->figures->strangers, 1);
	pthread_mutex_lock(&g->lock);
	list_add(&g->strangers, guest);
	bucket_add(g, guest);
	pthread_mutex_unlock(&g->lock);
}

bool vs_guard_hello(struct vs_guest *guest, uint64_t now_ms)
{
	struct vs_guard *g = guest->guard;
	bool may = true;

	pthread_mutex_lock(&g->lock);
	if (atomic_load(&guest->phase) != VS_GUARD_HANDSHAKE) {
		may = false; /* once is enough */
	} else if (!guest->shaking) {
		may = may_shake(g, now_ms, true) ||
		      refuse(g, VS_REFUSED_HANDSHAKES);
		guest->shaking = may;
		g->shaking += may;
		atomic_store(&g->figures->under_way, g->shaking);
	}
	pthread_mutex_unlock(&g->lock);
	return may;
}

/* Under the lock. */
static void end_shaking(struct vs_guest *guest)
{
	struct vs_guard *g = guest->guard;

	g->shaking -= guest->shaking;
	guest->shaking = false;
	atomic_store(&g->figures->under_way, g->shaking);
}

void vs_guard_shaken(struct vs_guest *guest, bool resumed, uint64_t now_ms)
{
	struct vs_guard *g = guest->guard;

	atomic_fetch_add(&g->figures->handshakes[resumed], 1);
	pthread_mutex_lock(&g->lock);
	end_shaking(guest);
	pthread_mutex_unlock(&g->lock);
	vs_guard_phase(guest, VS_GUARD_IDLE, now_ms);
}

/* One who has too many: the oldest that rests goes, or else the oldest. */
static void thin_out(struct vs_guard *g, const struct vs_guest *newest)
{
	struct vs_guest *victim = NULL;
	bool rests = false;

	if (!g->limits.of_each ||
	    count(g, newest->key, true) <= g->limits.of_each)
		return;
	for (struct vs_guest *x = g->bucket[newest->key % buckets]; x;
	     x = x->twin) {
		bool idle = atomic_load(&x->phase) == VS_GUARD_IDLE;

		if (x == newest || x->cut || !x->known ||
		    x->key != newest->key || (rests && !idle))
			continue;
		if (!victim || idle > rests ||
		    x->entered_ms <= victim->entered_ms)
			victim = x;
		rests = rests || idle;
	}
	if (victim)
		cut(victim, VS_CUT_NEWER);
}

void vs_guard_know(struct vs_guest *guest, const char *name)
{
	struct vs_guard *g = guest->guard;

	/* Only this connection's thread writes it. */
	if (guest->known)
		return;
	pthread_mutex_lock(&g->lock);
	bucket_remove(g, guest);
	list_remove(&g->strangers, guest);
	guest->known = true;
	guest->key = hash(g, name, strlen(name));
	list_add(&g->known, guest);
	bucket_add(g, guest);
	thin_out(g, guest);
	pthread_mutex_unlock(&g->lock);
	atomic_fetch_sub(&g->figures->strangers, 1);
}

void vs_guard_phase(struct vs_guest *guest, enum vs_guard_phase phase,
                    uint64_t now_ms)
{
	/* In this order: nobody is judged by an old time in a new phase. */
	atomic_store(&guest->since_ms, now_ms);
	atomic_store(&guest->phase, phase);
}

void vs_guard_moved(struct vs_guest *guest, size_t len)
{
	atomic_fetch_add_explicit(&guest->moved, len, memory_order_relaxed);
}

void vs_guard_leave(struct vs_guest *guest)
{
	struct vs_guard *g = guest->guard;

	pthread_mutex_lock(&g->lock);
	end_shaking(guest);
	bucket_remove(g, guest);
	list_remove(guest->known ? &g->known : &g->strangers, guest);
	if (!guest->cut)
		atomic_fetch_sub(&g->live, 1);
	pthread_mutex_unlock(&g->lock);
	if (!guest->known)
		atomic_fetch_sub(&g->figures->strangers, 1);
}

/* What the other side has confirmed to have got. */
static uint64_t fetched(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof info;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return 0;
	return info.tcpi_bytes_acked;
}

/* Whether a body or an answer is too slow.  Most are over before they are
 * looked at even once.
 */
static bool crawls(struct vs_guest *x, bool body, uint64_t now_ms)
{
	const struct vs_guard_limits *l = &x->guard->limits;
	uint64_t since_ms = atomic_load(&x->since_ms);
	uint64_t window_ms = (uint64_t)l->request_s * second_ms;

	if (now_ms < since_ms + baseline_ms)
		return false;
	uint64_t moved = body ? atomic_load(&x->moved) : fetched(x->fd);
	if (x->looked_ms <= since_ms) {
		x->looked_ms = now_ms;
		x->moved_then = moved;
		return false;
	}
	if (now_ms < x->looked_ms + window_ms)
		return false;
	bool slow =
		moved - x->moved_then < (uint64_t)l->min_bytes_s * l->request_s;
	x->looked_ms = now_ms;
	x->moved_then = moved;
	return slow;
}

static void judge(struct vs_guest *x, uint64_t now_ms)
{
	const struct vs_guard_limits *l = &x->guard->limits;
	unsigned phase = atomic_load(&x->phase);
	uint64_t since_ms = atomic_load(&x->since_ms);
	uint64_t idle_s = l->request_s + (x->known ? l->idle_s : 0);
	bool crowded = atomic_load(&x->guard->live) > l->connections / 4 * 3;

	if (x->cut)
		return;
	if (phase == VS_GUARD_HANDSHAKE &&
	    now_ms >= since_ms + (uint64_t)l->handshake_s * second_ms)
		cut(x, VS_CUT_HANDSHAKE);
	else if (phase == VS_GUARD_IDLE &&
	         now_ms >= since_ms + idle_s * second_ms)
		cut(x, VS_CUT_REQUEST);
	else if (phase == VS_GUARD_IDLE && x->known && crowded &&
	         now_ms >= since_ms + x->guard->grace_ms)
		cut(x, VS_CUT_ROOM);
	else if ((phase == VS_GUARD_BODY || phase == VS_GUARD_ANSWER) &&
	         crawls(x, phase == VS_GUARD_BODY, now_ms))
		cut(x, VS_CUT_SLOW);
}

void vs_guard_step(struct vs_guard *g, uint64_t now_ms)
{
	pthread_mutex_lock(&g->lock);
	for (struct vs_guest *x = g->strangers.first; x; x = x->after)
		judge(x, now_ms);
	for (struct vs_guest *x = g->known.first; x; x = x->after)
		judge(x, now_ms);
	pthread_mutex_unlock(&g->lock);
}
