/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_events.c - GET /v1/events: server-sent events.
 *
 * A stream holds one page of records and no more: while the reader is slow
 * nothing is read from the log for him.  It ends when the server stops or
 * when the credentials that opened it count no more.
 *
 * Standard: HTML, section 9.2.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/identify.h"
#include "server/api/operator_api.h"
#include "server/campaigns/scope.h"
#include "server/events/events.h"

enum {
	text_max = 512 * 1024,
	look_ms = 100,
	beat_ms = 15000,
	progress_ms = 1000,
	progress_max = 32, /* campaigns whose progress one stream follows */
	piece = 16 * 1024,
};

struct stream {
	struct vs_request *request; /* lives as long as the response is read */
	struct vs_server *server;
	uint64_t seq, commits, sent_ms, progress_ms;
	bool more;
	struct vs_buffer text;
	size_t at; /* of text, sent already */
	struct {
		uint64_t number, hash;
	} shown[progress_max];
};

static vs_status add(struct stream *s, const char *event, uint64_t id,
                     const json_t *data)
{
	char *text = json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS);
	vs_status status = VS_OK;

	if (!text)
		return VS_ERR_NOMEM;
	if (id)
		status = vs_buffer_printf(&s->text, "id: %llu\n",
		                          (unsigned long long)id);
	if (!status)
		status = vs_buffer_printf(&s->text, "event: %s\ndata: %s\n\n",
		                          event, text);
	free(text);
	return status;
}

static vs_status add_records(struct stream *s)
{
	const struct vs_writer_figures *f =
		vs_writer_figures(s->server->writer);
	uint64_t commits = atomic_load(&f->commits);
	vs_status status = VS_OK;
	json_t *list, *record;
	size_t i;

	if (commits == s->commits && !s->more)
		return VS_OK;
	s->commits = commits;
	status = vs_events_next(s->server, &s->request->person, &s->seq,
	                        &s->more, &list);
	if (status)
		return status;
	json_array_foreach(list, i, record)
	{
		const json_t *seq = json_object_get(record, "seq");
		const json_t *action = json_object_get(record, "action");

		status = add(s, json_string_value(action),
		             (uint64_t)json_integer_value(seq), record);
		if (status)
			break;
	}
	json_decref(list);
	return status;
}

static uint64_t hash_of(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

/* Whether this is news to the reader; then it is not any more. */
static bool news(struct stream *s, const struct vs_rollout *r, json_t *shown)
{
	char *text = json_dumps(shown, JSON_COMPACT | JSON_SORT_KEYS);
	uint64_t hash = text ? hash_of(text) : 0;
	size_t i = r->number % progress_max;
	bool is = s->shown[i].number != r->number || s->shown[i].hash != hash;

	free(text);
	s->shown[i].number = r->number;
	s->shown[i].hash = hash;
	return is;
}

/* Campaigns that go on or have just ended, once a second when they change. */
static vs_status add_progress(struct stream *s, uint64_t now_ms)
{
	const struct vs_rollouts *all = &s->server->rollouts;
	vs_status status = VS_OK;

	if (now_ms < s->progress_ms + progress_ms)
		return VS_OK;
	s->progress_ms = now_ms;
	pthread_rwlock_rdlock(&s->server->lock);
	for (size_t i = all->count; !status && i-- > 0;) {
		const struct vs_rollout *r = all->all[i];
		json_t *shown = NULL;

		if (all->count - i > progress_max)
			break;
		if (!vs_scope_rollout(&s->request->person, r))
			continue;
		status = vs_rollout_json(r, false, &shown);
		if (!status && news(s, r, shown))
			status = add(s, "progress", 0, shown);
		json_decref(shown);
	}
	pthread_rwlock_unlock(&s->server->lock);
	return status;
}

/* VS_ERR_DENIED when the stream is to end. */
static vs_status gather(struct stream *s)
{
	uint64_t now_ms = vs_server_ms();

	s->text.len = 0;
	s->at = 0;
	vs_status status = add_records(s);
	if (!status)
		status = add_progress(s, now_ms);
	if (!status && !s->text.len && now_ms >= s->sent_ms + beat_ms)
		status = vs_identify_still(s->request)
		                 ? vs_buffer_printf(&s->text, ": beat\n\n")
		                 : VS_ERR_DENIED;
	if (!status && s->text.len)
		s->sent_ms = now_ms;
	return status;
}

/* Waits a moment; true if the reader has gone meanwhile. */
static bool hung_up(const struct stream *s)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		s->request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct pollfd look = {.fd = info ? info->connect_fd : -1,
	                      .events = POLLRDHUP};

	return poll(&look, 1, look_ms) > 0;
}

/* Waits in this connection's own thread. */
static ssize_t read_stream(void *cls, uint64_t pos, char *out, size_t max)
{
	struct stream *s = cls;

	(void)pos;
	while (s->at == s->text.len) {
		if (atomic_load(&s->server->closing) || gather(s))
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (s->at == s->text.len && hung_up(s))
			return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	size_t n = s->text.len - s->at < max ? s->text.len - s->at : max;
	memcpy(out, s->text.data + s->at, n);
	s->at += n;
	return (ssize_t)n;
}

static void free_stream(void *cls)
{
	struct stream *s = cls;

	atomic_fetch_sub(&s->server->streams, 1);
	vs_buffer_drop(&s->text);
	free(s);
}

/* Where the reader was; false if an answer was set instead. */
static bool begin_at(struct vs_request *r, struct stream *s)
{
	const char *id = MHD_lookup_connection_value(
		r->connection, MHD_HEADER_KIND, "Last-Event-ID");
	uint64_t last, after = 0;
	vs_status status = vs_events_last(r->server, &last);

	if (status) {
		vs_request_fail(r, status, NULL);
		return false;
	}
	if (id && (strspn(id, "0123456789") != strlen(id) || !*id ||
	           strlen(id) > 15)) {
		vs_request_error(r, 400, VS_REASON_MALFORMED,
		                 "Last-Event-ID: not a number");
		return false;
	}
	if (!vs_request_number(r, "after", last, &after))
		return false;
	if (id)
		after = strtoull(id, NULL, 10);
	status = vs_buffer_printf(&s->text, "retry: 3000\n\n");
	/* A backup was restored: the numbers that the reader knows are gone. */
	if (!status && after > last) {
		status = vs_buffer_printf(&s->text,
		                          "id: %llu\nevent: reset\n"
		                          "data: {\"last\":%llu}\n\n",
		                          (unsigned long long)last,
		                          (unsigned long long)last);
		after = last;
	}
	s->seq = after;
	s->more = true;
	if (status)
		vs_request_fail(r, status, NULL);
	return !status;
}

static void too_many(struct vs_request *r)
{
	vs_request_error(r, 503, VS_REASON_NOT_ALLOWED,
	                 "as many streams as event_streams allows are open");
	vs_request_header(r, "Retry-After", "30");
}

void vs_operator_events(struct vs_request *r)
{
	struct vs_server *server = r->server;

	if (atomic_fetch_add(&server->streams, 1) >=
	    server->settings->event_streams) {
		atomic_fetch_sub(&server->streams, 1);
		too_many(r);
		return;
	}
	struct stream *s = calloc(1, sizeof *s);
	if (!s) {
		atomic_fetch_sub(&server->streams, 1);
		vs_request_fail(r, VS_ERR_NOMEM, NULL);
		return;
	}
	s->request = r;
	s->server = server;
	vs_buffer_init(&s->text, text_max);
	s->sent_ms = vs_server_ms();
	struct MHD_Response *answer =
		begin_at(r, s)
			? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
	                                                    piece, read_stream,
	                                                    s, free_stream)
			: NULL;
	if (answer) {
		vs_request_stream(r, answer, "text/event-stream");
		return;
	}
	free_stream(s);
	if (!r->answer)
		vs_request_fail(r, VS_ERR_NOMEM, NULL);
}
