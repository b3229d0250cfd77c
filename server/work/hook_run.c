/* SPDX-License-Identifier: Apache-2.0
 *
 * server/work/hook_run.c - looks for records that hooks want, sends them, and
 * writes down what was taken.
 */
#include "server/work/hook_run.h"

#include <curl/curl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "server/audit/audit.h"
#include "server/events/hook_send.h"
#include "trust/time.h"

enum {
	look_ms = 250,
	records_at_once = 100,
	skipped_most = 1000, /* records that nobody wants, before it is noted */
};

/* What the thread knows of a hook beside its row. */
struct known {
	char id[VS_HOOK_ID_LEN + 1];
	uint64_t scanned; /* nothing up to here is to be sent */
};

struct vs_hooks {
	struct vs_server *server;
	pthread_t thread;
	_Atomic bool stopping;
	struct known known[VS_HOOKS_MAX];
	struct vs_hook rows[VS_HOOKS_MAX];
	struct vs_delivery deliveries[VS_HOOKS_MAX];
};

static struct known *know(struct vs_hooks *a, const struct vs_hook *h)
{
	struct known *empty = NULL;

	for (size_t i = 0; i < VS_HOOKS_MAX; i++) {
		if (strcmp(a->known[i].id, h->id) == 0)
			return &a->known[i];
		if (!a->known[i].id[0] && !empty)
			empty = &a->known[i];
	}
	/* Full of hooks that were removed: forgetting costs a second look. */
	if (!empty) {
		memset(a->known, 0, sizeof a->known);
		empty = &a->known[0];
	}
	memcpy(empty->id, h->id, sizeof empty->id);
	empty->scanned = h->seq;
	return empty;
}

struct storing {
	struct vs_job job;
	struct vs_hook hook;
	bool off; /* just now */
};

static vs_status run_store(struct vs_job *job, struct vs_store *store)
{
	const struct storing *p = (struct storing *)job;
	const struct vs_hook *h = &p->hook;
	const struct vs_audit record = {"server", "hook-disabled", h->id, "",
	                                h->last};
	struct vs_hook now;
	vs_status status = vs_hook_find(store, h->id, &now);

	/* Removed or switched meanwhile: a person's word counts. */
	if (status == VS_ERR_ABSENT || (!status && !now.on))
		return VS_OK;
	if (!status)
		status = vs_hook_store(store, h);
	return status || !p->off
	               ? status
	               : vs_audit_append(store, vs_server_now(), &record);
}

static void store(struct vs_hooks *a, const struct vs_hook *h, bool off)
{
	struct storing p = {.job = {.run = run_store}, .hook = *h, .off = off};
	vs_status status = vs_writer_call(a->server->writer, &p.job);

	if (status)
		vs_warn("webhook %s: %s", h->id, vs_status_name(status));
}

static vs_status page(struct vs_server *s, uint64_t after, json_t **out)
{
	pthread_mutex_lock(&s->reader_lock);
	vs_status status =
		vs_audit_list(s->reader, after, records_at_once, out);
	pthread_mutex_unlock(&s->reader_lock);
	return status;
}

/* Takes out what it does not want; *upto: the last record looked at. */
static vs_status narrow(const struct vs_hook *h, json_t *list, uint64_t *upto)
{
	size_t n = json_array_size(list);

	if (n)
		*upto = (uint64_t)json_integer_value(
			json_object_get(json_array_get(list, n - 1), "seq"));
	while (n-- > 0) {
		const json_t *r = json_array_get(list, n);
		const char *action =
			json_string_value(json_object_get(r, "action"));
		const char *subject =
			json_string_value(json_object_get(r, "subject"));

		if ((!action || !subject ||
		     !vs_hook_wants(h, action, subject)) &&
		    json_array_remove(list, n))
			return VS_ERR_NOMEM;
	}
	return VS_OK;
}

static vs_status write_body(struct vs_delivery *d, json_t *list, uint64_t now_s)
{
	char at[VS_TIME_LEN];
	const json_t *first = json_array_get(list, 0);

	vs_time_format(now_s, at);
	snprintf(d->id, sizeof d->id, "%s-%llu", d->hook.id,
	         (unsigned long long)json_integer_value(
			 json_object_get(first, "seq")));
	json_t *body =
		json_pack("{s:s, s:s, s:s, s:O}", "hook", d->hook.id,
	                  "delivery", d->id, "sent_at", at, "events", list);
	d->body = body ? json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	d->len = d->body ? strlen(d->body) : 0;
	json_decref(body);
	return d->body ? VS_OK : VS_ERR_NOMEM;
}

/* Whether there is something to send to it now. */
static bool prepare(struct vs_hooks *a, const struct vs_hook *h,
                    struct vs_delivery *d, uint64_t now_s)
{
	struct known *k = know(a, h);
	json_t *list = NULL;

	*d = (struct vs_delivery){.hook = *h, .upto = k->scanned};
	vs_status status = page(a->server, k->scanned, &list);
	if (!status)
		status = narrow(h, list, &d->upto);
	if (!status && json_array_size(list))
		status = write_body(d, list, now_s);
	json_decref(list);
	if (status)
		vs_warn("webhook %s: %s", h->id, vs_status_name(status));
	if (status || d->body)
		return !status;
	k->scanned = d->upto;
	if (d->upto > h->seq + skipped_most) {
		d->hook.seq = d->upto;
		store(a, &d->hook, false);
	}
	return false;
}

static void note(struct vs_hooks *a, struct vs_delivery *d, uint64_t now_s)
{
	const struct vs_settings *set = a->server->settings;
	struct vs_hook *h = &d->hook;
	uint64_t random = 0;
	bool off = false;

	snprintf(h->last, sizeof h->last, "%s", d->said);
	vs_metrics_count(&a->server->metrics,
	                 d->taken ? VS_COUNT_HOOK_TAKEN : VS_COUNT_HOOK_FAILED);
	if (d->taken) {
		h->seq = d->upto;
		h->failures = h->failing_since_s = h->next_s = 0;
		know(a, h)->scanned = d->upto;
	} else {
		if (RAND_bytes((unsigned char *)&random, sizeof random) != 1)
			random = now_s;
		h->failures++;
		if (!h->failing_since_s)
			h->failing_since_s = now_s;
		h->next_s = now_s + vs_hook_wait_s(h->failures, random);
		off = now_s >= h->failing_since_s + set->hook_give_up_s;
		h->on = !off;
		vs_warn("webhook %s: %s", h->id, h->last);
	}
	store(a, h, off);
}

static void pass(struct vs_hooks *a)
{
	struct vs_server *s = a->server;
	uint64_t now_s = vs_server_now();
	const struct vs_hook_way way = {.ca = s->settings->hook_ca,
	                                .networks = &s->settings->networks,
	                                .now_s = now_s,
	                                .closing = &a->stopping};
	size_t count = 0, rows = 0;

	pthread_mutex_lock(&s->reader_lock);
	vs_status status = vs_hook_list(s->reader, a->rows, &rows);
	pthread_mutex_unlock(&s->reader_lock);
	for (size_t i = 0; !status && i < rows; i++)
		if (a->rows[i].on && a->rows[i].next_s <= now_s &&
		    prepare(a, &a->rows[i], &a->deliveries[count], now_s))
			count++;
	if (count)
		status = vs_hook_send(a->deliveries, count, &way);
	for (size_t i = 0; i < count; i++) {
		if (!status && !atomic_load(&a->stopping))
			note(a, &a->deliveries[i], vs_server_now());
		free(a->deliveries[i].body);
	}
	explicit_bzero(a->rows, sizeof a->rows);
}

static void *work(void *ctx)
{
	const struct timespec rest = {.tv_nsec = look_ms * 1000000L};
	struct vs_hooks *a = ctx;

	while (!atomic_load(&a->stopping)) {
		pass(a);
		nanosleep(&rest, NULL);
	}
	return NULL;
}

vs_status vs_hooks_start(struct vs_server *s, char error[static 256])
{
	struct vs_hooks *a = calloc(1, sizeof *a);

	if (!a || curl_global_init(CURL_GLOBAL_DEFAULT)) {
		free(a);
		snprintf(error, 256, "webhooks: out of memory");
		return VS_ERR_NOMEM;
	}
	a->server = s;
	if (pthread_create(&a->thread, NULL, work, a)) {
		free(a);
		snprintf(error, 256, "webhooks: no thread");
		return VS_ERR_IO;
	}
	s->hooks = a;
	return VS_OK;
}

void vs_hooks_stop(struct vs_server *s)
{
	struct vs_hooks *a = s->hooks;

	s->hooks = NULL;
	if (!a)
		return;
	atomic_store(&a->stopping, true);
	pthread_join(a->thread, NULL);
	explicit_bzero(a, sizeof *a);
	free(a);
}
