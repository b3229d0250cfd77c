/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/request.h - one HTTP request as a handler sees it.
 *
 * By the time a handler runs, the route's conditions hold: who asks is known
 * and may ask, the path has the route's form, the body is whole and within
 * its limit.  A handler sets exactly one answer, or waits for the writer,
 * which sets it.
 */
#ifndef VS_SERVER_API_REQUEST_H
#define VS_SERVER_API_REQUEST_H

#include <jansson.h>
#include <microhttpd.h>

#include "base/buffer.h"
#include "server/hold/server.h"
#include "server/people/people.h"
#include "server/people/session.h"
#include "server/publish/artifact.h"

#define VS_PATH_MAX 512
#define VS_PARTS_MAX 2

struct vs_route;
struct vs_guest;

struct vs_request {
	struct vs_server *server;
	struct MHD_Connection *connection;
	struct vs_guest *guest; /* the connection, for the guard; or NULL */
	uint64_t began_us;
	bool people;  /* which listener */
	bool open;    /* for whoever asks */
	bool streams; /* the answer goes on until somebody ends it */
	bool changes; /* neither GET nor HEAD */
	const struct vs_route *route;
	char path[VS_PATH_MAX];
	const char *parts[VS_PARTS_MAX]; /* what '*' stood for; in path */
	char text[VS_PATH_MAX];          /* where parts live */

	struct vs_person person;       /* operators' listener */
	struct vs_session session;     /* how the person came */
	char device[VS_DEVICE_ID_LEN]; /* chargers' listener */

	struct vs_buffer body;
	struct vs_upload upload;
	bool uploading;

	bool keeps;   /* the answer's text, in said */
	char *said;   /* owned */
	bool handled; /* the handler was called */
	bool waits;   /* for the writer: hands off until it resumes */
	unsigned code;
	struct MHD_Response *answer; /* owned until queued */
};

typedef void (*vs_handler)(struct vs_request *r);

/* One row of a routing table. */
struct vs_route {
	const char *method;
	/* "/v1/campaigns/<star>": a star takes one part, two at the end take
	 * the rest, slashes too */
	const char *pattern;
	unsigned roles;  /* of vs_role_bit; operators' listener only */
	size_t body_max; /* 0: none is expected */
	vs_handler handle;
	/* For bodies that are not kept in memory: called before the body (it
	 * may set an answer already) and with each piece. */
	vs_handler begin;
	void (*more)(struct vs_request *r, const void *in, size_t len);
	/* Idempotency-Key counts: not where an answer holds a secret. */
	bool once;
};

/* Answers.  json: takes v (NULL: no memory, 503). */
void vs_request_json(struct vs_request *r, unsigned code, json_t *v);
void vs_request_bytes(struct vs_request *r, unsigned code, const char *type,
                      const void *bytes, size_t len);
/* A whole file; takes fd. */
void vs_request_file(struct vs_request *r, int fd, uint64_t len,
                     const char *type);
/* An answer of no known length; takes answer. */
void vs_request_stream(struct vs_request *r, struct MHD_Response *answer,
                       const char *type);
/* application/problem+json (RFC 9457): type, title, status, detail, reason,
 * and detail once more as error.
 */
void vs_request_error(struct vs_request *r, unsigned code, vs_reason reason,
                      const char *fmt, ...) VS_PRINTF(4, 5);
/* The answer that goes with a status. */
void vs_request_fail(struct vs_request *r, vs_status status,
                     const struct vs_why *why);
/* An artifact by name, whole or the one range asked for. */
void vs_request_artifact(struct vs_request *r, const char *sha256);
/* The same of a delta. */
void vs_request_delta(struct vs_request *r, const char *name);
void vs_request_header(struct vs_request *r, const char *name,
                       const char *value);

/* The body as a JSON object; false if an answer was set instead. */
bool vs_request_body(struct vs_request *r, json_t **out);
/* Whether a charger has to come again, since the writer has too much to do;
 * the answer was set then.  Each is given a time of its own.
 */
bool vs_request_overloaded(struct vs_request *r);
/* A number in the query; false if an answer was set instead. */
bool vs_request_number(struct vs_request *r, const char *name, uint64_t preset,
                       uint64_t *out);

/* Submits a job whose done() sets the answer and calls resume(); until then
 * the connection rests.  If the writer takes no more, done() is called here.
 */
void vs_request_wait(struct vs_request *r, struct vs_job *job);
void vs_request_resume(struct vs_request *r);

#endif
