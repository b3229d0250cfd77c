/* SPDX-License-Identifier: Apache-2.0
 *
 * server/events/hook_send.c - POST over libcurl, to where it may go.
 *
 * The address is judged when the connection is made, after the name was
 * looked up: a name that means another address the second time gains nothing.
 */
#include "server/events/hook_send.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { whole_ms = 15000, connect_ms = 5000, step_ms = 200, answer_max = 65536 };

struct sending {
	CURL *easy;
	struct curl_slist *headers;
	const struct vs_hook_way *way;
	struct vs_delivery *delivery;
	bool denied; /* the address may not be sent to */
	size_t got;
	char error[CURL_ERROR_SIZE];
};

static curl_socket_t open_allowed(void *ctx, curlsocktype purpose,
                                  struct curl_sockaddr *a)
{
	struct sending *s = ctx;

	if (purpose == CURLSOCKTYPE_IPCXN &&
	    vs_network_allows(s->way->networks, &a->addr))
		return socket(a->family, a->socktype | SOCK_CLOEXEC,
		              a->protocol);
	s->denied = true;
	return CURL_SOCKET_BAD;
}

/* What a receiver says is of no interest, and has an end. */
static size_t forget(char *bytes, size_t size, size_t n, void *ctx)
{
	struct sending *s = ctx;

	(void)bytes;
	s->got += size * n;
	return s->got <= answer_max ? size * n : 0;
}

static bool add_header(struct sending *s, const char *name, const char *value)
{
	char line[200];
	int n = snprintf(line, sizeof line, "%s: %s", name, value);
	struct curl_slist *more = n > 0 && (size_t)n < sizeof line
	                                  ? curl_slist_append(s->headers, line)
	                                  : NULL;

	if (more)
		s->headers = more;
	return more;
}

static vs_status add_headers(struct sending *s)
{
	const struct vs_delivery *d = s->delivery;
	char signature[VS_HOOK_SIGNATURE_LEN];
	vs_status status = vs_hook_sign(d->hook.secret, s->way->now_s, d->body,
	                                d->len, signature);

	if (status)
		return status;
	return add_header(s, "Content-Type", "application/json") &&
	                       add_header(s, "Expect", "") &&
	                       add_header(s, "Voltseal-Hook", d->hook.id) &&
	                       add_header(s, "Voltseal-Delivery", d->id) &&
	                       add_header(s, "Voltseal-Signature", signature)
	               ? VS_OK
	               : VS_ERR_NOMEM;
}

static vs_status prepare(struct sending *s)
{
	const struct vs_delivery *d = s->delivery;

	s->easy = curl_easy_init();
	vs_status status = s->easy ? add_headers(s) : VS_ERR_NOMEM;
	if (status)
		return status;
	curl_easy_setopt(s->easy, CURLOPT_URL, d->hook.url);
	curl_easy_setopt(s->easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(s->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(s->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(s->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(s->easy, CURLOPT_SSLVERSION,
	                 (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(s->easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(s->easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (s->way->ca[0]) {
		curl_easy_setopt(s->easy, CURLOPT_CAINFO, s->way->ca);
		curl_easy_setopt(s->easy, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(s->easy, CURLOPT_OPENSOCKETFUNCTION, open_allowed);
	curl_easy_setopt(s->easy, CURLOPT_OPENSOCKETDATA, s);
	curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, forget);
	curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(s->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(s->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	curl_easy_setopt(s->easy, CURLOPT_TIMEOUT_MS, (long)whole_ms);
	curl_easy_setopt(s->easy, CURLOPT_ERRORBUFFER, s->error);
	curl_easy_setopt(s->easy, CURLOPT_USERAGENT, "voltseal-server");
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE,
	                 (curl_off_t)d->len);
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, d->body);
	curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
	return VS_OK;
}

static void judge(struct sending *s, CURLcode result)
{
	struct vs_delivery *d = s->delivery;
	long code = 0;

	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &code);
	d->taken = !result && code >= 200 && code < 300;
	if (s->denied && !d->taken)
		snprintf(d->said, sizeof d->said,
		         "the address is neither public nor in hook_networks");
	else if (result)
		snprintf(d->said, sizeof d->said, "%.120s",
		         s->error[0] ? s->error : curl_easy_strerror(result));
	else
		snprintf(d->said, sizeof d->said, "answered %ld", code);
}

static void collect(CURLM *multi)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(multi, &left))) {
		void *s = NULL;

		if (m->msg == CURLMSG_DONE &&
		    !curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &s))
			judge(s, m->data.result);
	}
}

static void run(CURLM *multi, const struct vs_hook_way *way)
{
	int running = 1;

	while (running && !atomic_load(way->closing)) {
		if (curl_multi_perform(multi, &running))
			break;
		collect(multi);
		if (running && curl_multi_poll(multi, NULL, 0, step_ms, NULL))
			break;
	}
}

vs_status vs_hook_send(struct vs_delivery *all, size_t count,
                       const struct vs_hook_way *way)
{
	struct sending *sending = calloc(count, sizeof *sending);
	CURLM *multi = curl_multi_init();
	vs_status status = sending && multi ? VS_OK : VS_ERR_NOMEM;

	for (size_t i = 0; !status && i < count; i++) {
		sending[i].way = way;
		sending[i].delivery = &all[i];
		snprintf(all[i].said, sizeof all[i].said, "not ended");
		status = prepare(&sending[i]);
		if (!status && curl_multi_add_handle(multi, sending[i].easy))
			status = VS_ERR_NOMEM;
	}
	if (!status)
		run(multi, way);
	for (size_t i = 0; sending && i < count; i++) {
		if (sending[i].easy) {
			curl_multi_remove_handle(multi, sending[i].easy);
			curl_easy_cleanup(sending[i].easy);
		}
		curl_slist_free_all(sending[i].headers);
	}
	curl_multi_cleanup(multi);
	free(sending);
	return status;
}
