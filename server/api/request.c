/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/request.c - bodies in, answers out.
 */
#include "server/api/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "server/net/range.h"
#include "server/publish/delta.h"
#include "trust/json.h"

enum { people_retry_s = 5 };

static void set(struct vs_request *r, unsigned code,
                struct MHD_Response *answer)
{
	if (r->answer)
		MHD_destroy_response(r->answer);
	r->code = code;
	r->answer = answer;
}

void vs_request_header(struct vs_request *r, const char *name,
                       const char *value)
{
	if (r->answer &&
	    MHD_add_response_header(r->answer, name, value) != MHD_YES)
		vs_warn("no memory for a header");
}

void vs_request_bytes(struct vs_request *r, unsigned code, const char *type,
                      const void *bytes, size_t len)
{
	union {
		const void *from;
		void *to;
	} u = {.from = bytes};

	if (r->keeps) {
		free(r->said);
		r->said = strndup(bytes, len);
	}
	set(r, code,
	    MHD_create_response_from_buffer(len, u.to, MHD_RESPMEM_MUST_COPY));
	vs_request_header(r, "Content-Type", type);
	vs_request_header(r, "Cache-Control", "no-store");
}

void vs_request_json(struct vs_request *r, unsigned code, json_t *v)
{
	char *text = v ? json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	json_decref(v);
	if (text)
		vs_request_bytes(r, code, "application/json", text,
		                 strlen(text));
	else
		vs_request_error(r, 503, VS_REASON_UNREADABLE, "out of memory");
	free(text);
}

void vs_request_error(struct vs_request *r, unsigned code, vs_reason reason,
                      const char *fmt, ...)
{
	static const char none[] = "{\"error\":\"out of memory\","
				   "\"reason\":\"unreadable\"}";
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	json_t *v = json_pack("{s:s+, s:s, s:i, s:s, s:s, s:s}", "type",
	                      "urn:voltseal:reason:", vs_reason_name(reason),
	                      "title", MHD_get_reason_phrase_for(code),
	                      "status", (int)code, "detail", text, "error",
	                      text, "reason", vs_reason_name(reason));
	char *body = v ? json_dumps(v, JSON_COMPACT) : NULL;
	json_decref(v);
	vs_request_bytes(r, code, "application/problem+json",
	                 body ? body : none,
	                 body ? strlen(body) : sizeof none - 1);
	free(body);
}

/* Chargers come again one by one, spread over as long as they wait at least;
 * those who are sent away in a row each keep their place.
 */
static void retry_after(struct vs_request *r)
{
	uint64_t least_s = r->server->settings->retry_s;
	char seconds[24];

	if (r->people)
		least_s = people_retry_s;
	else
		least_s += vs_throttle_spread(&r->server->busy, r->device,
		                              strlen(r->device), least_s);
	snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)least_s);
	vs_request_header(r, "Retry-After", seconds);
}

void vs_request_fail(struct vs_request *r, vs_status status,
                     const struct vs_why *why)
{
	static const struct {
		vs_status status;
		unsigned code;
		vs_reason reason;
		const char *text;
	} answers[] = {
		{VS_ERR_INPUT,   400, VS_REASON_MALFORMED,   "malformed"       },
		{VS_ERR_REFUSED, 409, VS_REASON_CONFLICT,    "refused"         },
		{VS_ERR_LIMIT,   413, VS_REASON_TOO_LARGE,   "too large"       },
		{VS_ERR_ABSENT,  404, VS_REASON_NOT_LISTED,  "no such thing"   },
		{VS_ERR_STATE,   409, VS_REASON_CONFLICT,    "not in its state"},
		{VS_ERR_DENIED,  403, VS_REASON_NOT_ALLOWED, "not permitted"   },
	};

	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		if (answers[i].status == status) {
			bool said = why && why->code != VS_REASON_NONE;

			vs_request_error(r, answers[i].code,
			                 said ? why->code : answers[i].reason,
			                 "%s",
			                 said ? why->what : answers[i].text);
			return;
		}
	vs_request_error(r, 503, VS_REASON_UNREADABLE, "%s",
	                 vs_status_name(status));
	retry_after(r);
}

bool vs_request_overloaded(struct vs_request *r)
{
	const struct vs_writer_figures *f =
		vs_writer_figures(r->server->writer);

	if (r->people ||
	    atomic_load(&f->queued) < r->server->settings->waiting_jobs)
		return false;
	vs_metrics_count(&r->server->metrics, VS_COUNT_OVERLOADED);
	vs_request_error(r, 503, VS_REASON_UNREADABLE,
	                 "too much to do at the moment");
	retry_after(r);
	return true;
}

bool vs_request_body(struct vs_request *r, json_t **out)
{
	struct vs_why why = {0};
	vs_status status =
		vs_json_parse(r->body.data ? (char *)r->body.data : "",
	                      r->body.len, r->route->body_max, out, &why);

	if (!status)
		return true;
	if (status == VS_ERR_INPUT)
		vs_request_error(r, 400, VS_REASON_MALFORMED,
		                 "the body is not JSON we read: %s at byte %zu",
		                 why.what, why.at);
	else
		vs_request_fail(r, status, &why);
	return false;
}

bool vs_request_number(struct vs_request *r, const char *name, uint64_t preset,
                       uint64_t *out)
{
	const char *text = MHD_lookup_connection_value(
		r->connection, MHD_GET_ARGUMENT_KIND, name);
	uint64_t n = 0;

	*out = preset;
	if (!text)
		return true;
	size_t len = strspn(text, "0123456789");
	if (len == 0 || len > 15 || text[len]) {
		vs_request_error(r, 400, VS_REASON_MALFORMED,
		                 "%s: not a number", name);
		return false;
	}
	for (; *text; text++)
		n = n * 10 + (uint64_t)(*text - '0');
	*out = n;
	return true;
}

void vs_request_file(struct vs_request *r, int fd, uint64_t len,
                     const char *type)
{
	struct MHD_Response *answer =
		MHD_create_response_from_fd_at_offset64(len, fd, 0);

	if (!answer) {
		close(fd);
		vs_request_fail(r, VS_ERR_NOMEM, NULL);
		return;
	}
	set(r, 200, answer);
	vs_request_header(r, "Content-Type", type);
}

void vs_request_stream(struct vs_request *r, struct MHD_Response *answer,
                       const char *type)
{
	set(r, 200, answer);
	r->streams = true;
	vs_request_header(r, "Content-Type", type);
	vs_request_header(r, "Cache-Control", "no-store");
}

/* Takes fd. */
static void give_file(struct vs_request *r, int fd, uint64_t len,
                      const char *tag, const struct vs_range *range)
{
	char text[80];
	uint64_t size = range->whole ? len : range->last - range->first + 1;
	struct MHD_Response *answer =
		vs_sending_answer(&r->server->sendings, fd,
	                          range->whole ? 0 : range->first, size);

	if (!answer) {
		vs_request_fail(r, VS_ERR_NOMEM, NULL);
		return;
	}
	set(r, range->whole ? 200 : 206, answer);
	vs_request_header(r, "Content-Type", "application/octet-stream");
	vs_request_header(r, "Accept-Ranges", "bytes");
	vs_request_header(r, "ETag", tag);
	/* The name is the hash: what is under it never changes. */
	vs_request_header(r, "Cache-Control", "max-age=31536000, immutable");
	if (range->whole)
		return;
	snprintf(text, sizeof text, "bytes %llu-%llu/%llu",
	         (unsigned long long)range->first,
	         (unsigned long long)range->last, (unsigned long long)len);
	vs_request_header(r, "Content-Range", text);
}

static const char *header(const struct vs_request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND,
	                                   name);
}

/* The name is the strong validator; dates there are none. */
static void answer_file(struct vs_request *r, int fd, uint64_t len,
                        const char *name)
{
	const char *only = header(r, "If-Range");
	struct vs_range range;
	char text[48], tag[VS_DELTA_NAME_LEN + 2];

	snprintf(tag, sizeof tag, "\"%s\"", name);
	bool whole = only && strcmp(only, tag) != 0;
	if (!vs_range_parse(whole ? NULL : header(r, "Range"), len, &range)) {
		give_file(r, fd, len, tag, &range);
		return;
	}
	close(fd);
	vs_request_error(r, 416, VS_REASON_LENGTH_MISMATCH,
	                 "the range is not in the file");
	snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)len);
	vs_request_header(r, "Content-Range", text);
}

void vs_request_artifact(struct vs_request *r, const char *sha256)
{
	uint64_t len;
	int fd;
	vs_status status = vs_artifact_open(r->server->settings->data_dir,
	                                    sha256, &fd, &len);

	if (status)
		vs_request_fail(r, status, NULL);
	else
		answer_file(r, fd, len, sha256);
}

void vs_request_delta(struct vs_request *r, const char *name)
{
	uint64_t len;
	int fd;
	vs_status status =
		vs_delta_open(r->server->settings->data_dir, name, &fd, &len);

	if (status)
		vs_request_fail(r, status, NULL);
	else
		answer_file(r, fd, len, name);
}

void vs_request_wait(struct vs_request *r, struct vs_job *job)
{
	/* First rest, then submit: the writer may be quicker than we are. */
	r->waits = true;
	MHD_suspend_connection(r->connection);
	if (vs_writer_submit(r->server->writer, job))
		job->done(job, VS_ERR_IO);
}

void vs_request_resume(struct vs_request *r)
{
	MHD_resume_connection(r->connection);
}
