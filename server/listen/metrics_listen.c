/* SPDX-License-Identifier: Apache-2.0
 *
 * server/listen/metrics_listen.c - GET /metrics, for this host alone.
 */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/hold/server.h"
#include "server/listen/metrics.h"

enum { text_max = 4 * 1024 * 1024, connections = 8, idle_s = 10 };

struct vs_metrics_listener {
	struct vs_server *server;
	struct MHD_Daemon *daemon;
	struct sockaddr_storage address; /* kept by the daemon */
};

static enum MHD_Result answer(struct MHD_Connection *c, unsigned code,
                              const void *bytes, size_t len)
{
	union {
		const void *from;
		void *to; /* copied, not written */
	} u = {.from = bytes};
	struct MHD_Response *r = MHD_create_response_from_buffer(
		len, u.to, MHD_RESPMEM_MUST_COPY);

	if (!r)
		return MHD_NO;
	enum MHD_Result done = MHD_add_response_header(
		r, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
	if (done == MHD_YES)
		done = MHD_queue_response(c, code, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c,
                                  const char *url, const char *method,
                                  const char *version, const char *data,
                                  size_t *len, void **context)
{
	static const char none[] = "GET /metrics is all there is\n";
	static const char failed[] = "out of memory, or the database failed\n";
	struct vs_metrics_listener *l = cls;
	VS_AUTO(vs_buffer_drop) struct vs_buffer text = {0};

	(void)version;
	(void)data;
	(void)context;
	if (*len)
		return MHD_NO;
	if (strcmp(method, "GET") != 0 || strcmp(url, "/metrics") != 0)
		return answer(c, 404, none, sizeof none - 1);
	vs_buffer_init(&text, text_max);
	if (vs_metrics_text(l->server, &text))
		return answer(c, 503, failed, sizeof failed - 1);
	return answer(c, 200, text.data, text.len);
}

vs_status vs_metrics_open(struct vs_server *s, struct vs_metrics_listener **out,
                          char error[static 256])
{
	/* Not select(): it cannot look beyond 1024 descriptors, and figures
	 * are wanted most when there are many. */
	unsigned flags =
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC | MHD_USE_POLL;

	*out = NULL;
	if (!s->settings->metrics_listen[0])
		return VS_OK;
	struct vs_metrics_listener *l = calloc(1, sizeof *l);
	if (!l) {
		snprintf(error, 256, "out of memory");
		return VS_ERR_NOMEM;
	}
	l->server = s;
	l->address = s->settings->metrics_address;
	if (l->address.ss_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	l->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, l, MHD_OPTION_SOCK_ADDR,
		(struct sockaddr *)&l->address, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)connections, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)idle_s, MHD_OPTION_END);
	if (l->daemon) {
		*out = l;
		return VS_OK;
	}
	free(l);
	snprintf(error, 256, "%s: cannot listen there",
	         s->settings->metrics_listen);
	return VS_ERR_IO;
}

unsigned vs_metrics_port(const struct vs_metrics_listener *l)
{
	const union MHD_DaemonInfo *info =
		l ? MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_BIND_PORT)
		  : NULL;

	return info ? info->port : 0;
}

void vs_metrics_close(struct vs_metrics_listener **listener)
{
	struct vs_metrics_listener *l = *listener;

	*listener = NULL;
	if (!l)
		return;
	MHD_stop_daemon(l->daemon);
	free(l);
}
