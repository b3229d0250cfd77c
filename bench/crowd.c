/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/crowd.c - many TLS connections to one server, from one thread.
 */
#include "bench/crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

/* A slow reader's window: what is not read must wait at the server. */
enum { events_max = 256, piece = 16384, window = 65536 };

uint64_t crowd_us(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

bool crowd_open(struct crowd *c, const char *host, unsigned port,
                const char *ca, size_t count)
{
	c->to = (struct sockaddr_in){.sin_family = AF_INET,
	                             .sin_port = htons((uint16_t)port)};
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->tls = SSL_CTX_new(TLS_client_method());
	c->links = calloc(count, sizeof *c->links);
	c->count = count;
	if (c->epoll < 0 || !c->tls || !c->links ||
	    inet_pton(AF_INET, host, &c->to.sin_addr) != 1 ||
	    SSL_CTX_set_min_proto_version(c->tls, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(c->tls, "TLS_AES_128_GCM_SHA256") != 1 ||
	    SSL_CTX_load_verify_locations(c->tls, ca, NULL) != 1) {
		(void)snprintf(c->why, sizeof c->why, "cannot begin: %s", ca);
		return false;
	}
	SSL_CTX_set_verify(c->tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(c->tls, SSL_MODE_RELEASE_BUFFERS |
	                                 SSL_MODE_ENABLE_PARTIAL_WRITE);
	SSL_CTX_set_session_cache_mode(c->tls, SSL_SESS_CACHE_OFF);
	for (size_t i = 0; i < count; i++) {
		c->links[i].crowd = c;
		c->links[i].number = (unsigned)i;
		c->links[i].fd = -1;
	}
	return true;
}

void crowd_leave(struct crowd_link *l)
{
	if (l->ssl) {
		if (l->state >= CROWD_READY)
			(void)SSL_shutdown(l->ssl);
		SSL_free(l->ssl);
	}
	if (l->fd >= 0)
		close(l->fd);
	if (l->state >= CROWD_READY)
		l->crowd->ready--;
	free(l->in);
	l->in = NULL;
	l->ssl = NULL;
	l->fd = -1;
	l->state = CROWD_AWAY;
	ERR_clear_error();
}

void crowd_close(struct crowd *c)
{
	for (size_t i = 0; i < c->count; i++)
		crowd_leave(&c->links[i]);
	free(c->links);
	SSL_CTX_free(c->tls);
	close(c->epoll);
}

static void fail(struct crowd_link *l, const char *what)
{
	struct crowd *c = l->crowd;
	unsigned long code = ERR_peek_error();

	(void)snprintf(c->why, sizeof c->why, "%s: %s", what,
	               code         ? ERR_reason_error_string(code)
	               : errno != 0 ? strerror(errno)
	                            : "ended by the server");
	c->failed++;
	crowd_leave(l);
	if (c->on_failure)
		c->on_failure(l);
}

static void watch(struct crowd_link *l, uint32_t what, int how)
{
	struct epoll_event e = {.events = what, .data.ptr = l};

	if (epoll_ctl(l->crowd->epoll, how, l->fd, &e))
		fail(l, "epoll");
}

void crowd_connect(struct crowd_link *l)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	const int one = 1, small = window;

	/* as if each came from its own street */
	from.sin_addr.s_addr =
		htonl(0x7f010001u + (l->number % 250) * 256 + l->number / 250);
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	errno = 0;
	if (l->fd < 0 ||
	    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) ||
	    (l->slow &&
	     setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small)) ||
	    setsockopt(l->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one,
	               sizeof one) ||
	    bind(l->fd, (struct sockaddr *)&from, sizeof from) ||
	    (connect(l->fd, (struct sockaddr *)&l->crowd->to,
	             sizeof l->crowd->to) &&
	     errno != EINPROGRESS)) {
		fail(l, "connect");
		return;
	}
	l->state = CROWD_CONNECTING;
	watch(l, EPOLLOUT, EPOLL_CTL_ADD);
}

static bool begin_tls(struct crowd_link *l)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len) || error) {
		errno = error;
		return false;
	}
	l->ssl = SSL_new(l->crowd->tls);
	if (!l->ssl || SSL_set_fd(l->ssl, l->fd) != 1)
		return false;
	if (l->certificate &&
	    (SSL_use_certificate(l->ssl, l->certificate) != 1 ||
	     SSL_use_PrivateKey(l->ssl, l->crowd->key) != 1))
		return false;
	SSL_set_connect_state(l->ssl);
	l->state = CROWD_SHAKING;
	return true;
}

/* True: go on; false: wait, or it has failed. */
static bool settled(struct crowd_link *l, int result, const char *what)
{
	if (result > 0)
		return true;
	switch (SSL_get_error(l->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		if (!l->slow || l->state < CROWD_READY)
			watch(l, EPOLLIN, EPOLL_CTL_MOD);
		return false;
	case SSL_ERROR_WANT_WRITE:
		watch(l, EPOLLOUT, EPOLL_CTL_MOD);
		return false;
	default:
		fail(l, what);
		return false;
	}
}

static void shake(struct crowd_link *l)
{
	if (!settled(l, SSL_do_handshake(l->ssl), "handshake"))
		return;
	l->state = CROWD_READY;
	l->crowd->ready++;
	watch(l, l->slow ? 0 : EPOLLIN, EPOLL_CTL_MOD);
	if (l->state == CROWD_READY)
		l->crowd->on_ready(l);
}

static void send_rest(struct crowd_link *l)
{
	while (l->out_at < l->out_len) {
		size_t n = l->out_len - l->out_at;
		int did = SSL_write(l->ssl, l->out + l->out_at,
		                    n > piece ? piece : (int)n);

		if (!settled(l, did, "write"))
			return;
		l->out_at += (size_t)did;
	}
	l->state = CROWD_READING;
}

void crowd_ask(struct crowd_link *l, const char *request, size_t len)
{
	if (!l->in)
		l->in = malloc(CROWD_KEEP + 1);
	if (!l->in) {
		fail(l, "memory");
		return;
	}
	l->out = request;
	l->out_len = len;
	l->out_at = 0;
	l->in_len = 0;
	l->body = NULL;
	l->state = CROWD_SENDING;
	send_rest(l);
}

static bool parse_head(struct crowd_link *l)
{
	char *end = strstr(l->in, "\r\n\r\n");

	if (!end)
		return false;
	*end = 0;
	const char *length = strcasestr(l->in, "\r\nContent-Length:");
	l->closes = strcasestr(l->in, "\r\nConnection: close");
	l->code = (int)strtol(l->in + 9, NULL, 10);
	l->body = end + 4;
	l->body_left = length ? strtoull(length + 17, NULL, 10) : 0;
	uint64_t have = l->in_len - (size_t)(l->body - l->in);
	l->crowd->read += have;
	l->body_left -= have < l->body_left ? have : l->body_left;
	return true;
}

/* What was read; keeps as much of it as there is room for. */
static void take(struct crowd_link *l, const char *data, size_t len)
{
	size_t room = CROWD_KEEP - l->in_len;
	size_t n = len < room ? len : room;

	memcpy(l->in + l->in_len, data, n);
	l->in_len += n;
	l->in[l->in_len] = 0;
	if (l->body) {
		l->crowd->read += len;
		l->body_left -= len < l->body_left ? len : l->body_left;
	} else if (!parse_head(l)) {
		if (l->in_len == CROWD_KEEP)
			fail(l, "a head without an end");
	}
}

static void answered(struct crowd_link *l)
{
	l->state = CROWD_READY;
	l->crowd->on_answer(l);
	if (l->state == CROWD_READY && l->closes)
		fail(l, "closed");
}

void crowd_read(struct crowd_link *l)
{
	char data[piece];

	while (l->state == CROWD_READING) {
		size_t n = sizeof data;

		if (l->slow && l->budget < n)
			n = l->budget;
		if (n == 0)
			return;
		errno = 0;
		int did = SSL_read(l->ssl, data, (int)n);
		if (!settled(l, did, "read"))
			return;
		if (l->slow)
			l->budget -= (size_t)did;
		take(l, data, (size_t)did);
		if (l->state == CROWD_READING && l->body && l->body_left == 0) {
			answered(l);
			return; /* the next answer is not here yet */
		}
	}
}

static void move(struct crowd_link *l)
{
	char none[1];

	errno = 0;
	if (l->state == CROWD_CONNECTING && !begin_tls(l))
		fail(l, "connect");
	if (l->state == CROWD_SHAKING) {
		shake(l);
		return;
	}
	if (l->state == CROWD_SENDING) {
		send_rest(l);
		if (l->state == CROWD_READING)
			watch(l, l->slow ? 0 : EPOLLIN, EPOLL_CTL_MOD);
	} else if (l->state == CROWD_READING) {
		if (!l->slow)
			crowd_read(l);
	} else if (l->state == CROWD_READY) {
		/* a key update, or the end */
		if (settled(l, SSL_read(l->ssl, none, 1), "at rest"))
			fail(l, "an answer that nobody asked for");
	}
}

void crowd_turn(struct crowd *c, int timeout_ms)
{
	struct epoll_event events[events_max];
	int n = epoll_wait(c->epoll, events, events_max, timeout_ms);

	for (int i = 0; i < n; i++)
		move(events[i].data.ptr);
}
