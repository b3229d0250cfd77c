/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/witness_serve.c - a witness that answers over HTTP.
 */
#include "operate/witness_serve.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"

enum { threads = 4, connections = 256, idle_s = 15, pem_max = 256 * 1024 };

#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct vs_witness_server {
	struct vs_witness *witness;
	struct MHD_Daemon *daemon;
	uint8_t *cert, *key; /* kept by the daemon */
};

struct request {
	struct vs_buffer body;
	unsigned refused; /* an HTTP status, before all was read; 0 = none */
};

static enum MHD_Result answer(struct MHD_Connection *c, unsigned code,
                              const char *type, const char *text)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer_with_free_callback(
			strlen(text), strdup(text), free);

	if (!r)
		return MHD_NO;
	enum MHD_Result ok =
		MHD_add_response_header(r, "Content-Type", type) == MHD_YES &&
				(code != MHD_HTTP_METHOD_NOT_ALLOWED ||
	                         MHD_add_response_header(r, "Allow", "POST") ==
	                                 MHD_YES)
			? MHD_queue_response(c, code, r)
			: MHD_NO;
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result decide(struct vs_witness_server *s,
                              struct MHD_Connection *c, const struct request *r)
{
	char text[1024] = "";
	struct vs_text out = {text, sizeof text, 0};
	struct vs_why why = {0};
	enum vs_witness_answer a = vs_witness_add(
		s->witness, r->body.data ? r->body.data : (uint8_t *)text,
		r->body.len, (uint64_t)time(NULL), &out, &why);

	if (a == VS_WITNESS_CONFLICT)
		return answer(c, a, "text/x.tlog.size", text);
	if (a != VS_WITNESS_COSIGN)
		(void)snprintf(text, sizeof text, "%s (%s)\n",
		               why.what ? why.what : "failed",
		               vs_reason_name(why.code));
	return answer(c, a, "text/plain; charset=utf-8", text);
}

static struct request *begin(struct MHD_Connection *c, const char *url,
                             const char *method)
{
	struct request *r = calloc(1, sizeof *r);
	const char *length = MHD_lookup_connection_value(c, MHD_HEADER_KIND,
	                                                 "Content-Length");

	if (!r)
		return NULL;
	vs_buffer_init(&r->body, VS_WITNESS_REQUEST_MAX);
	if (strcmp(url, "/add-checkpoint") != 0)
		r->refused = MHD_HTTP_NOT_FOUND;
	else if (strcmp(method, "POST") != 0)
		r->refused = MHD_HTTP_METHOD_NOT_ALLOWED;
	else if (length && strtoull(length, NULL, 10) > VS_WITNESS_REQUEST_MAX)
		r->refused = MHD_HTTP_CONTENT_TOO_LARGE;
	return r;
}

static const char *words(unsigned code)
{
	if (code == MHD_HTTP_NOT_FOUND)
		return "there is no such path\n";
	if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
		return "this path takes POST\n";
	return "the request is too long\n";
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c,
                                  const char *url, const char *method,
                                  const char *version, const char *data,
                                  size_t *len, void **context)
{
	struct request *r = *context;

	(void)version;
	if (!r) {
		r = begin(c, url, method);
		*context = r;
		if (!r)
			return MHD_NO;
		return r->refused ? answer(c, r->refused, "text/plain",
		                           words(r->refused))
		                  : MHD_YES;
	}
	if (*len) {
		size_t n = *len;

		*len = 0;
		/* longer than announced, or never announced */
		if (!r->refused && vs_buffer_add(&r->body, data, n))
			r->refused = MHD_HTTP_CONTENT_TOO_LARGE;
		return MHD_YES;
	}
	return r->refused
	               ? answer(c, r->refused, "text/plain", words(r->refused))
	               : decide(cls, c, r);
}

static void on_completed(void *cls, struct MHD_Connection *c, void **context,
                         enum MHD_RequestTerminationCode code)
{
	struct request *r = *context;

	(void)cls;
	(void)c;
	(void)code;
	*context = NULL;
	if (r)
		vs_buffer_drop(&r->body);
	free(r);
}

static vs_status parse_address(const char *text, struct sockaddr_storage *out,
                               char error[static 256])
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
	                               .ai_flags = AI_NUMERICHOST |
	                                           AI_NUMERICSERV | AI_PASSIVE};
	const char *colon = strrchr(text, ':');
	struct addrinfo *found = NULL;
	size_t len = colon ? (size_t)(colon - text) : 0;
	char host[64] = "";

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len && len < sizeof host) {
		memcpy(host, text, len);
		if (getaddrinfo(host, colon + 1, &hints, &found))
			found = NULL;
	}
	if (!found) {
		(void)snprintf(error, 256, "--listen: not ADDRESS:PORT");
		return VS_ERR_INPUT;
	}
	memcpy(out, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return VS_OK;
}

static vs_status read_pem(const char *path, uint8_t **out,
                          char error[static 256])
{
	size_t len;
	vs_status status = vs_file_read(path, pem_max, out, &len);

	if (status)
		(void)snprintf(error, 256, "%.200s: %s", path,
		               vs_status_name(status));
	return status;
}

static struct MHD_Daemon *start(struct vs_witness_server *s,
                                const struct sockaddr_storage *address)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD;
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT,   0, s->cert             },
		{MHD_OPTION_HTTPS_MEM_KEY,    0, s->key              },
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (char[]){PRIORITIES}},
		{MHD_OPTION_END,              0, NULL                },
	};

	if (address->ss_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	if (s->cert)
		flags |= MHD_USE_TLS;
	return MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, s, MHD_OPTION_SOCK_ADDR,
		(const struct sockaddr *)address, MHD_OPTION_THREAD_POOL_SIZE,
		(unsigned)threads, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)connections, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)idle_s, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
		MHD_OPTION_ARRAY, s->cert ? tls : &tls[3], MHD_OPTION_END);
}

vs_status vs_witness_start(struct vs_witness *w,
                           const struct vs_witness_listen *listen,
                           struct vs_witness_server **out, uint16_t *port,
                           char error[static 256])
{
	struct vs_witness_server *s = calloc(1, sizeof *s);
	struct sockaddr_storage address = {0};
	const union MHD_DaemonInfo *info;

	*out = s;
	if (!s) {
		(void)snprintf(error, 256, "out of memory");
		return VS_ERR_NOMEM;
	}
	s->witness = w;
	vs_status status = parse_address(listen->address, &address, error);
	if (!status && listen->tls_cert)
		status = read_pem(listen->tls_cert, &s->cert, error);
	if (!status && listen->tls_key)
		status = read_pem(listen->tls_key, &s->key, error);
	if (status)
		return status;
	s->daemon = start(s, &address);
	info = s->daemon ? MHD_get_daemon_info(s->daemon,
	                                       MHD_DAEMON_INFO_BIND_PORT)
	                 : NULL;
	if (!info) {
		(void)snprintf(error, 256, "%.100s: %s", listen->address,
		               errno ? strerror(errno) : "cannot listen");
		return VS_ERR_IO;
	}
	*port = info->port;
	return VS_OK;
}

void vs_witness_stop(struct vs_witness_server **s)
{
	if (!*s)
		return;
	if ((*s)->daemon)
		MHD_stop_daemon((*s)->daemon);
	free((*s)->cert);
	free((*s)->key);
	free(*s);
	*s = NULL;
}
