/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/report_job.c - taking a charger's signed report.
 */
#include "server/api/report_job.h"

#include <stdlib.h>

#include "server/api/identify.h"
#include "server/api/intake.h"

struct report_job {
	struct vs_job job;
	struct vs_request *request;
	struct vs_intake in;
};

static vs_status run(struct vs_job *job, struct vs_store *store)
{
	return vs_intake_run(&((struct report_job *)job)->in, store);
}

static unsigned code_of(vs_reason reason)
{
	switch (reason) {
	case VS_REASON_REPLAY:
		return 409;
	case VS_REASON_BAD_SIGNATURE:
	case VS_REASON_WRONG_VEHICLE:
	case VS_REASON_UNKNOWN_ECU:
	case VS_REASON_WRONG_HARDWARE:
	case VS_REASON_INCOMPLETE_SET:
		return 403;
	case VS_REASON_TOO_LARGE:
		return 413;
	default:
		return 400;
	}
}

static void done(struct vs_job *job, vs_status status)
{
	struct report_job *j = (struct report_job *)job;
	struct vs_request *r = j->request;

	if (status)
		vs_request_fail(r, status, NULL);
	else if (j->in.refused == VS_REASON_REPLAY)
		vs_request_json(r, 409,
		                json_pack("{s:s, s:s, s:s}", "error", j->in.why,
		                          "reason",
		                          vs_reason_name(j->in.refused),
		                          "nonce", j->in.nonce));
	else if (j->in.refused != VS_REASON_NONE)
		vs_request_error(r, code_of(j->in.refused), j->in.refused, "%s",
		                 j->in.why);
	else
		vs_request_json(r, 200,
		                json_pack("{s:s}", "nonce", j->in.nonce));
	free(j);
	vs_request_resume(r);
}

static vs_status verify(struct vs_request *r, struct report_job *j,
                        struct vs_why *why)
{
	const void *bytes = r->body.data ? (const void *)r->body.data : "";
	const struct vs_key *key;
	vs_status status = vs_identify_key(r, &key);

	if (!status)
		status = vs_report_decode(bytes, r->body.len, key,
		                          &j->in.report, why);
	if (status == VS_ERR_REFUSED || status == VS_ERR_INPUT ||
	    status == VS_ERR_LIMIT) {
		j->in.refused = why->code != VS_REASON_NONE
		                        ? why->code
		                        : VS_REASON_MALFORMED;
		j->in.why = why->what;
		status = VS_OK;
	}
	return status;
}

void vs_report_handle(struct vs_request *r)
{
	struct report_job *j = calloc(1, sizeof *j);
	struct vs_why why = {0};
	vs_status status = j ? verify(r, j, &why) : VS_ERR_NOMEM;

	if (status) {
		vs_request_fail(r, status, &why);
		free(j);
		return;
	}
	j->job = (struct vs_job){.run = run, .done = done};
	j->in.server = r->server;
	j->in.device = r->device;
	j->in.body = r->body.data;
	j->in.body_len = r->body.len;
	j->request = r;
	vs_request_wait(r, &j->job);
}
