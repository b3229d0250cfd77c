/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/park.c - connections that rest within their handshake.
 *
 * The watching thread alone resumes, and what it resumes it has been told of:
 * a connection that rests is not closed by anybody, so that what an event
 * points at is there.  libmicrohttpd (0.9.75) takes a suspension at any time
 * from the connection's own thread, also out of GnuTLS.
 */
#include "server/net/park.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "server/net/handshake.h"

enum { ahead_max = 512, batch = 64 };

struct vs_parked {
	struct vs_park *park;
	struct MHD_Connection *connection;
	int fd;
	bool shaken, watched;
	bool rests; /* under the lock; then it is in the list */
	struct vs_parked *before, *after;
	size_t at, len; /* of what was read ahead */
	uint8_t ahead[ahead_max];
};

struct vs_park {
	int epoll, poke;
	pthread_t thread;
	bool runs;
	pthread_mutex_t lock; /* guards what follows */
	bool ending;
	struct vs_parked *first;
};

static void unlink_one(struct vs_park *p, struct vs_parked *one)
{
	if (!one->rests)
		return;
	one->rests = false;
	if (one->before)
		one->before->after = one->after;
	else
		p->first = one->after;
	if (one->after)
		one->after->before = one->before;
	one->before = one->after = NULL;
}

static void wake(struct vs_park *p, struct vs_parked *one)
{
	struct MHD_Connection *c = one->connection;

	pthread_mutex_lock(&p->lock);
	unlink_one(p, one);
	pthread_mutex_unlock(&p->lock);
	MHD_resume_connection(c);
}

/* Who has not been suspended yet is not any more: libmicrohttpd takes the
 * two as one.
 */
static void wake_all(struct vs_park *p)
{
	struct vs_parked *one;

	do {
		pthread_mutex_lock(&p->lock);
		one = p->first;
		pthread_mutex_unlock(&p->lock);
		if (one)
			wake(p, one);
	} while (one);
}

static void *watch(void *ctx)
{
	struct vs_park *p = ctx;
	struct epoll_event events[batch];
	bool ending = false;

	while (!ending) {
		int n = epoll_wait(p->epoll, events, batch, -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.ptr)
				wake(p, events[i].data.ptr);
		pthread_mutex_lock(&p->lock);
		ending = p->ending;
		pthread_mutex_unlock(&p->lock);
	}
	wake_all(p);
	return NULL;
}

vs_status vs_park_new(struct vs_park **out)
{
	struct epoll_event e = {.events = EPOLLIN};
	struct vs_park *p = calloc(1, sizeof *p);

	*out = p;
	if (!p)
		return VS_ERR_NOMEM;
	pthread_mutex_init(&p->lock, NULL);
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->poke = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->epoll >= 0 && p->poke >= 0 &&
	    !epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->poke, &e))
		p->runs = !pthread_create(&p->thread, NULL, watch, p);
	if (p->runs)
		return VS_OK;
	vs_park_free(out);
	return VS_ERR_IO;
}

void vs_park_end(struct vs_park *p)
{
	const uint64_t one = 1;

	if (!p || !p->runs)
		return;
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_mutex_unlock(&p->lock);
	if (write(p->poke, &one, sizeof one) != sizeof one)
		vs_warn("eventfd: %s", strerror(errno));
	pthread_join(p->thread, NULL);
	p->runs = false;
}

void vs_park_free(struct vs_park **park)
{
	struct vs_park *p = *park;

	*park = NULL;
	if (!p)
		return;
	vs_park_end(p);
	if (p->epoll >= 0)
		close(p->epoll);
	if (p->poke >= 0)
		close(p->poke);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* The watching thread may resume it before this returns. */
static void rest(struct vs_parked *one)
{
	struct vs_park *p = one->park;
	struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
	                        .data.ptr = one};

	pthread_mutex_lock(&p->lock);
	bool ending = p->ending;
	if (!ending) {
		one->after = p->first;
		if (p->first)
			p->first->before = one;
		p->first = one;
		one->rests = true;
	}
	pthread_mutex_unlock(&p->lock);
	if (ending)
		return;
	MHD_suspend_connection(one->connection);
	if (!epoll_ctl(p->epoll, one->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
	               one->fd, &e))
		one->watched = true;
	else
		wake(p, one);
}

static ssize_t take(struct vs_parked *one, void *out, size_t len)
{
	size_t n = one->len - one->at;

	if (n > len)
		n = len;
	memcpy(out, one->ahead + one->at, n);
	one->at += n;
	return (ssize_t)n;
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *out, size_t len)
{
	struct vs_parked *one = ptr;
	bool far = len >= sizeof one->ahead;

	if (one->at < one->len)
		return take(one, out, len);
	ssize_t n = recv(one->fd, far ? out : one->ahead,
	                 far ? len : sizeof one->ahead, 0);
	if (n > 0 && !far) {
		one->at = 0;
		one->len = (size_t)n;
		return take(one, out, len);
	}
	int error = errno;
	if (n < 0 && !one->shaken && (error == EAGAIN || error == EWOULDBLOCK))
		rest(one);
	errno = error;
	return n;
}

static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms)
{
	struct vs_parked *one = ptr;
	struct pollfd at = {.fd = one->fd, .events = POLLIN};

	return one->at < one->len ? 1 : poll(&at, 1, (int)ms);
}

struct vs_parked *vs_park_enter(struct vs_park *p, struct MHD_Connection *c,
                                int fd)
{
	gnutls_session_t session = vs_handshake_session(c);
	struct vs_parked *one = session ? calloc(1, sizeof *one) : NULL;

	if (!one)
		return NULL;
	one->park = p;
	one->connection = c;
	one->fd = fd;
	gnutls_transport_set_ptr2(session, one,
	                          (gnutls_transport_ptr_t)(intptr_t)fd);
	gnutls_transport_set_pull_function(session, pull);
	gnutls_transport_set_pull_timeout_function(session, pull_timeout);
	return one;
}

void vs_park_shaken(struct vs_parked *one)
{
	if (one)
		one->shaken = true;
}

void vs_park_leave(struct vs_parked **one)
{
	free(*one);
	*one = NULL;
}
