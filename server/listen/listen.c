/* SPDX-License-Identifier: Apache-2.0
 *
 * server/listen/listen.c - libmicrohttpd as this server uses it.
 *
 * Chargers are many and wait for the writer without a thread of their own;
 * people are few and may.
 */
#include "server/listen/listen.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/api/identify.h"
#include "server/api/once.h"
#include "server/api/route.h"
#include "server/listen/limit.h"
#include "server/listen/tls.h"
#include "server/net/guard.h"
#include "server/net/handshake.h"
#include "server/net/network.h"
#include "server/net/park.h"

enum {
	/* For the head of a request, and more.  What a charger sends is short,
	 * and the library clears all of it after each request. */
	memory_devices = 8 * 1024,
	memory_people = 32 * 1024,
	vanished_s = 60, /* until one who does not answer TCP is gone */
	probes = 3,
	/* Of one who reads slowly the kernel would keep 4 MB for us; this is
	 * enough for 20 Mbit/s to the other end of the world. */
	send_bytes = 256 * 1024,
};

#define METHODS_LEN 64

struct vs_listener {
	struct vs_server *server;
	enum vs_audience audience;
	struct MHD_Daemon *daemon;
	_Atomic unsigned busy;
	struct vs_guard *guard;
	struct vs_park *park; /* of chargers; people have a thread each */
	struct vs_tickets tickets;
	/* Kept by the daemon. */
	struct vs_tls tls;
	struct sockaddr_storage address;

	pthread_t watch; /* steps the guard */
	pthread_mutex_t lock;
	pthread_cond_t end;
	bool watching, ending;
};

/* Paths are compared as they came; nothing is decoded. */
static size_t keep_escaped(void *cls, struct MHD_Connection *c, char *s)
{
	(void)cls;
	(void)c;
	return strlen(s);
}

/* Before TLS: whoever is turned away here costs next to nothing. */
static enum MHD_Result on_accept(void *cls, const struct sockaddr *from,
                                 socklen_t len)
{
	const struct vs_listener *l = cls;
	uint8_t address[16];

	(void)len;
	return vs_guard_admit(l->guard, address, vs_network_key(from, address),
	                      vs_server_ms())
	               ? MHD_YES
	               : MHD_NO;
}

/* NULL without memory: his handshake fails then. */
static struct vs_guest *enter(struct vs_listener *l, struct MHD_Connection *c)
{
	struct vs_guest *guest = calloc(1, sizeof *guest);
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *from =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	vs_handshake_begin(c, &l->tickets);
	if (!guest)
		return NULL;
	guest->guard = l->guard;
	guest->fd = fd ? fd->connect_fd : -1;
	if (from)
		guest->address_len =
			vs_network_key(from->client_addr, guest->address);
	if (l->audience == VS_FOR_DEVICES) {
		guest->peer = vs_identify_begin(c);
		guest->parked = vs_park_enter(l->park, c, guest->fd);
	}
	vs_guard_enter(guest, vs_server_ms());
	return guest;
}

static void on_connection(void *cls, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
	struct vs_listener *l = cls;
	struct vs_metrics *m = &l->server->metrics;
	bool people = l->audience == VS_FOR_PEOPLE;
	struct vs_guest *guest = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		atomic_fetch_add(&m->connected[people], 1);
		*context = enter(l, c);
		return;
	}
	*context = NULL;
	if (guest) {
		vs_guard_leave(guest);
		vs_identify_end(&guest->peer);
		vs_park_leave(&guest->parked);
		free(guest);
	}
	atomic_fetch_add(&m->closed[people], 1);
}

static void phase(const struct vs_request *r, enum vs_guard_phase phase)
{
	if (r->guest)
		vs_guard_phase(r->guest, phase, vs_server_ms());
}

static void count(const struct vs_listener *l, const struct vs_request *r)
{
	const struct vs_route *const tables[VS_METRIC_TABLES] = {
		vs_device_routes, vs_people_routes, vs_public_routes};
	struct vs_metrics *m = &l->server->metrics;
	size_t table = l->audience == VS_FOR_DEVICES ? 0 : r->open ? 2 : 1;
	size_t code = r->code / 100;

	if (!r->route) {
		atomic_fetch_add(&m->lost[r->people], 1);
		return;
	}
	size_t i = (size_t)(r->route - tables[table]);
	assert(i < VS_METRIC_ROUTES);
	atomic_fetch_add(
		&m->answers[table][i][code < VS_METRIC_CODES ? code : 0], 1);
	if (!r->streams)
		vs_histogram_add(&m->took[r->people],
		                 vs_histogram_us() - r->began_us);
}

static void on_completed(void *cls, struct MHD_Connection *c, void **context,
                         enum MHD_RequestTerminationCode code)
{
	struct vs_listener *l = cls;
	struct vs_request *r = *context;

	(void)c;
	(void)code;
	*context = NULL;
	if (!r)
		return;
	phase(r, VS_GUARD_IDLE);
	count(l, r);
	if (r->uploading)
		vs_upload_drop(&r->upload);
	if (r->body.data)
		explicit_bzero(r->body.data, r->body.len);
	vs_buffer_drop(&r->body);
	if (r->answer)
		MHD_destroy_response(r->answer);
	free(r->said);
	free(r);
	atomic_fetch_sub(&l->busy, 1);
}

/* What a browser that shows our answers must and must not do. */
static void secure(struct vs_request *r)
{
	static const struct {
		const char *name, *value;
	} headers[] = {
		{"Strict-Transport-Security",    "max-age=31536000"},
		{"X-Content-Type-Options",       "nosniff"         },
		{"Content-Security-Policy",
	         "default-src 'none'; frame-ancestors 'none'"      },
		{"Referrer-Policy",              "no-referrer"     },
		{"Cross-Origin-Resource-Policy", "same-origin"     },
	};

	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		vs_request_header(r, headers[i].name, headers[i].value);
}

static enum MHD_Result queue(struct vs_request *r)
{
	if (r->people)
		secure(r);
	phase(r, r->streams ? VS_GUARD_STREAM : VS_GUARD_ANSWER);
	struct MHD_Response *answer = r->answer;

	r->answer = NULL;
	enum MHD_Result result =
		MHD_queue_response(r->connection, r->code, answer);
	MHD_destroy_response(answer);
	return result;
}

/* What a path takes, for who asked it with something else. */
static void refuse_method(struct vs_request *r, const char *methods)
{
	if (!methods[0]) {
		vs_request_error(r, 404, VS_REASON_NOT_LISTED,
		                 "there is no such path");
		return;
	}
	vs_request_error(r, 405, VS_REASON_UNSUPPORTED, "this path takes %s",
	                 methods);
	vs_request_header(r, "Allow", methods);
}

/* The route, or NULL and the methods that the path takes. */
static const struct vs_route *find_route(const struct vs_route *row,
                                         struct vs_request *r,
                                         const char *method,
                                         char methods[static METHODS_LEN])
{
	methods[0] = 0;
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (; row->method; row++) {
		size_t used = strlen(methods);

		if (!vs_route_fits(row->pattern, r->path, r->text, r->parts))
			continue;
		if (strcmp(row->method, method) == 0)
			return row;
		if (!strstr(methods, row->method))
			snprintf(methods + used, METHODS_LEN - used, "%s%s",
			         used ? ", " : "", row->method);
	}
	return NULL;
}

/* The announced length, before any of it is read. */
static bool fits(struct vs_request *r)
{
	const char *text = MHD_lookup_connection_value(
		r->connection, MHD_HEADER_KIND, "Content-Length");
	const char *coding = MHD_lookup_connection_value(
		r->connection, MHD_HEADER_KIND, "Transfer-Encoding");
	unsigned long long n = text ? strtoull(text, NULL, 10) : 0;
	uint64_t max = r->route->more ? r->server->settings->artifact_max
	                              : r->route->body_max;

	/* Two lengths: who stands between us may have read the other. */
	if (text && coding) {
		vs_request_error(r, 400, VS_REASON_MALFORMED,
		                 "Content-Length and Transfer-Encoding");
		vs_request_header(r, "Connection", "close");
		return false;
	}
	if (n <= max)
		return true;
	vs_request_error(r, 413, VS_REASON_TOO_LARGE,
	                 "the body is over %llu bytes",
	                 (unsigned long long)max);
	return false;
}

static bool take_path(struct vs_request *r, const char *url)
{
	size_t len = strlen(url);

	if (len >= sizeof r->path)
		return false;
	memcpy(r->path, url, len + 1);
	return true;
}

/* Whether it is for whoever asks; the route is set then. */
static bool find_public(struct vs_request *r, const char *url,
                        const char *method)
{
	char methods[METHODS_LEN];

	if (take_path(r, url))
		r->route = find_route(vs_public_routes, r, method, methods);
	return r->route;
}

/* The route for one who is known; false if an answer was set instead. */
static bool find_own(const struct vs_listener *l, struct vs_request *r,
                     const char *url, const char *method)
{
	char methods[METHODS_LEN] = "";

	if (take_path(r, url))
		r->route = find_route(l->audience == VS_FOR_DEVICES
		                              ? vs_device_routes
		                              : vs_people_routes,
		                      r, method, methods);
	if (!r->route)
		refuse_method(r, methods);
	return r->route;
}

static void begin(const struct vs_listener *l, struct vs_request *r,
                  const char *url, const char *method)
{
	bool people = l->audience == VS_FOR_PEOPLE;
	bool open = people && find_public(r, url, method);

	r->open = open;

	if (!open && (people ? !vs_identify_person(r) : !vs_identify_device(r)))
		return;
	if (!open && r->guest)
		vs_guard_know(r->guest, people ? r->person.name : r->device);
	if (!open && !find_own(l, r, url, method))
		return;
	if (people && !open && !vs_identify_allowed(r))
		return;
	if (!fits(r) || (r->changes && vs_request_overloaded(r)))
		return;
	vs_buffer_init(&r->body, r->route->body_max);
	if (r->route->begin)
		r->route->begin(r);
}

static enum MHD_Result first_call(struct vs_listener *l,
                                  struct MHD_Connection *c, const char *url,
                                  const char *method, void **context)
{
	struct vs_request *r = calloc(1, sizeof *r);

	if (!r)
		return MHD_NO;
	r->server = l->server;
	r->began_us = vs_histogram_us();
	r->connection = c;
	r->guest = vs_handshake_guest(c);
	r->people = l->audience == VS_FOR_PEOPLE;
	r->changes = strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
	*context = r;
	atomic_fetch_add(&l->busy, 1);
	phase(r, VS_GUARD_BUSY);
	begin(l, r, url, method);
	if (r->answer)
		return queue(r);
	phase(r, VS_GUARD_BODY);
	return MHD_YES;
}

static enum MHD_Result add_body(struct vs_request *r, const char *data,
                                size_t len)
{
	if (r->guest)
		vs_guard_moved(r->guest, len);
	if (r->route->more) {
		r->route->more(r, data, len);
		return MHD_YES;
	}
	/* Longer than announced or never announced: no more of this. */
	return vs_buffer_add(&r->body, data, len) ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c,
                                  const char *url, const char *method,
                                  const char *version, const char *data,
                                  size_t *len, void **context)
{
	struct vs_request *r = *context;

	(void)version;
	if (!r)
		return first_call(cls, c, url, method, context);
	if (*len) {
		size_t n = *len;

		*len = 0;
		return add_body(r, data, n);
	}
	if (!r->answer && !r->handled) {
		r->handled = true;
		phase(r, VS_GUARD_BUSY);
		if (!r->people || vs_once_begin(r)) {
			r->route->handle(r);
			vs_once_end(r);
		}
		/* Without an answer the connection rests now; what was set
		 * meanwhile by the writer is found at the next call. */
		return r->waits || !r->answer ? MHD_YES : queue(r);
	}
	return r->answer ? queue(r) : MHD_YES;
}

static unsigned connections(const struct vs_listener *l)
{
	const struct vs_settings *s = l->server->settings;

	return l->audience == VS_FOR_DEVICES ? s->device_connections
	                                     : s->operator_connections;
}

static struct MHD_Daemon *start(struct vs_listener *l)
{
	const struct vs_settings *s = l->server->settings;
	bool devices = l->audience == VS_FOR_DEVICES;
	unsigned flags =
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS | MHD_USE_ITC;
	/* clang-format off */
	struct MHD_OptionItem only[] = {
		{MHD_OPTION_HTTPS_MEM_TRUST, 0, l->tls.ca},
		{MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)s->device_threads,
		 NULL},
		{MHD_OPTION_END, 0, NULL},
	};
	/* clang-format on */

	if (l->address.ss_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	if (devices)
		flags |= MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
	else
		flags |= MHD_USE_POLL | MHD_USE_THREAD_PER_CONNECTION;
	if (!devices)
		only[0].option = MHD_OPTION_END;
	else if (s->device_threads == 1)
		only[1].option = MHD_OPTION_END;
	return MHD_start_daemon(
		flags, 0, on_accept, l, on_request, l, MHD_OPTION_SOCK_ADDR,
		(struct sockaddr *)&l->address, MHD_OPTION_HTTPS_MEM_CERT,
		(char *)l->tls.cert, MHD_OPTION_HTTPS_MEM_KEY,
		(char *)l->tls.key, MHD_OPTION_HTTPS_PRIORITIES,
		vs_handshake_priorities, MHD_OPTION_CONNECTION_LIMIT,
		vs_limit_sockets(connections(l)), MHD_OPTION_CONNECTION_TIMEOUT,
		s->idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)(devices ? memory_devices : memory_people),
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
		keep_escaped, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
		l, MHD_OPTION_NOTIFY_CONNECTION, on_connection, l,
		MHD_OPTION_ARRAY, only, MHD_OPTION_END);
}

/* Those who vanished without a word are found out by the kernel.  Accepted
 * sockets have their listener's options.
 */
static vs_status set_sockets(const struct vs_listener *l)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_LISTEN_FD);
	const struct {
		int level, name, value;
	} options[] = {
		{SOL_SOCKET,  SO_KEEPALIVE,     1                      },
		{SOL_SOCKET,  SO_SNDBUF,        send_bytes             },
		{IPPROTO_TCP, TCP_KEEPIDLE,     vanished_s / 2         },
		{IPPROTO_TCP, TCP_KEEPINTVL,    vanished_s / 2 / probes},
		{IPPROTO_TCP, TCP_KEEPCNT,      probes                 },
		{IPPROTO_TCP, TCP_USER_TIMEOUT, vanished_s * 1000      },
	};

	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		if (!info || setsockopt(info->listen_fd, options[i].level,
		                        options[i].name, &options[i].value,
		                        sizeof options[i].value))
			return VS_ERR_IO;
	return VS_OK;
}

/* Once a second, until the listener closes. */
static void *watch(void *ctx)
{
	struct vs_listener *l = ctx;
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	pthread_mutex_lock(&l->lock);
	while (!l->ending) {
		vs_guard_step(l->guard, vs_server_ms());
		next.tv_sec++;
		while (!l->ending &&
		       !pthread_cond_timedwait(&l->end, &l->lock, &next))
			;
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

static void end_watch(struct vs_listener *l)
{
	pthread_mutex_lock(&l->lock);
	l->ending = true;
	pthread_cond_signal(&l->end);
	pthread_mutex_unlock(&l->lock);
	if (l->watching)
		pthread_join(l->watch, NULL);
	l->watching = false;
}

static vs_status make_guard(struct vs_listener *l)
{
	const struct vs_settings *s = l->server->settings;
	bool devices = l->audience == VS_FOR_DEVICES;
	unsigned all = connections(l);
	unsigned half = all > 1 ? all / 2 : 1;
	const struct vs_guard_limits limits = {
		.connections = all,
		.strangers = devices || s->address_connections < half
	                             ? s->address_connections
	                             : half,
		.of_each = devices ? s->charger_connections : 0,
		.handshakes = s->handshakes,
		.handshake_rate = s->handshake_rate,
		.handshake_s = s->handshake_s,
		.idle_s = s->idle_s,
		.request_s = s->request_s,
		.min_bytes_s = s->min_bytes_s,
	};
	uint64_t seed;

	if (RAND_bytes((unsigned char *)&seed, sizeof seed) != 1)
		return VS_ERR_CRYPTO;
	vs_status status = vs_tickets_init(&l->tickets, s->resume_s);
	return status ? status
	              : vs_guard_new(&limits,
	                             &l->server->metrics.guards[!devices], seed,
	                             &l->guard);
}

static void init_watch(struct vs_listener *l)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->end, &attr);
	pthread_condattr_destroy(&attr);
}

/* All that is needed, in order; what was made is undone by closing. */
static vs_status open_all(struct vs_listener *l, char error[static 256])
{
	const struct vs_settings *s = l->server->settings;
	vs_status status = vs_tls_load(s, &l->tls, error);

	if (status)
		return status;
	status = make_guard(l);
	if (!status && l->audience == VS_FOR_DEVICES)
		status = vs_park_new(&l->park);
	if (status) {
		snprintf(error, 256, "a listener: %s", vs_status_name(status));
		return status;
	}
	l->daemon = start(l);
	if (!l->daemon || set_sockets(l)) {
		snprintf(error, 256, "%s: cannot listen there",
		         l->audience == VS_FOR_DEVICES ? s->device_listen
		                                       : s->operator_listen);
		return VS_ERR_IO;
	}
	l->watching = !pthread_create(&l->watch, NULL, watch, l);
	if (l->watching)
		return VS_OK;
	snprintf(error, 256, "no thread for a listener");
	return VS_ERR_NOMEM;
}

vs_status vs_listen_open(struct vs_server *server, enum vs_audience audience,
                         struct vs_listener **out, char error[static 256])
{
	struct vs_listener *l = calloc(1, sizeof *l);

	*out = l;
	if (!l) {
		snprintf(error, 256, "out of memory");
		return VS_ERR_NOMEM;
	}
	l->server = server;
	l->audience = audience;
	l->address = audience == VS_FOR_DEVICES
	                     ? server->settings->device_address
	                     : server->settings->operator_address;
	init_watch(l);
	vs_status status = open_all(l, error);
	if (status)
		vs_listen_close(out);
	return status;
}

unsigned vs_listen_port(const struct vs_listener *l)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info ? info->port : 0;
}

void vs_listen_quiesce(struct vs_listener *l)
{
	MHD_socket fd = MHD_quiesce_daemon(l->daemon);

	if (fd != MHD_INVALID_SOCKET)
		close(fd);
}

unsigned vs_listen_busy(const struct vs_listener *l)
{
	return atomic_load(&l->busy);
}

void vs_listen_close(struct vs_listener **listener)
{
	struct vs_listener *l = *listener;

	*listener = NULL;
	if (!l)
		return;
	end_watch(l);
	vs_park_end(l->park);
	if (l->daemon)
		MHD_stop_daemon(l->daemon);
	vs_park_free(&l->park);
	vs_guard_free(&l->guard);
	vs_tickets_drop(&l->tickets);
	vs_tls_drop(&l->tls);
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->end);
	free(l);
}
