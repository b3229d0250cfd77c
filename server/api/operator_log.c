/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_log.c - the transparency log: anybody reads, few write.
 *
 * Standard: C2SP tlog-tiles: types and caching.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "seal/seal.h"
#include "server/api/identify.h"
#include "server/api/operator_api.h"
#include "server/publish/seallog.h"

void vs_log_get(struct vs_request *r)
{
	const struct vs_seallog log = vs_server_seallog(r->server);
	bool checkpoint = strcmp(r->parts[0], "checkpoint") == 0;
	uint64_t len;
	int fd;
	vs_status status = vs_seallog_open(&log, r->parts[0], &fd, &len);

	if (status) {
		vs_request_fail(r, status, NULL);
		return;
	}
	vs_request_file(r, fd, len,
	                checkpoint ? "text/plain; charset=utf-8"
	                           : "application/octet-stream");
	/* A tile's name says how much is in it: it never changes. */
	vs_request_header(r, "Cache-Control",
	                  checkpoint ? "no-cache"
	                             : "public, max-age=31536000, immutable");
}

/* A refusal that the log of who did what should know of. */
static void refused(struct vs_request *r, const char *subject, vs_status status,
                    const struct vs_why *why)
{
	if (status == VS_ERR_IO || status == VS_ERR_NOMEM ||
	    status == VS_ERR_CRYPTO) {
		vs_request_fail(r, status, NULL);
		return;
	}
	if (vs_identify_note(r->server, r->person.name, "log-refused", subject,
	                     why->code, why->what))
		vs_request_fail(r, VS_ERR_IO, NULL);
	else
		vs_request_error(r, status == VS_ERR_INPUT ? 400 : 409,
		                 why->code, "%s: %s", subject, why->what);
}

static vs_status put_checkpoint(struct vs_request *r,
                                const struct vs_seallog *log,
                                struct vs_why *why)
{
	struct vs_checkpoint c;
	char detail[VS_NOTE_NAME_LEN + 40];
	vs_status status = vs_seallog_put_checkpoint(log, r->body.data,
	                                             r->body.len, &c, why);

	if (status)
		return status;
	snprintf(detail, sizeof detail, "%s at %llu entries", c.origin,
	         (unsigned long long)c.head.size);
	return vs_identify_note(r->server, r->person.name, "log-published",
	                        "checkpoint", VS_REASON_NONE, detail);
}

void vs_operator_put_log(struct vs_request *r)
{
	struct vs_server *s = r->server;
	const struct vs_seallog log = vs_server_seallog(s);
	const char *name = r->parts[0];
	struct vs_why why = {0};

	pthread_mutex_lock(&s->seallog_lock);
	vs_status status =
		strcmp(name, "checkpoint") == 0
			? put_checkpoint(r, &log, &why)
			: vs_seallog_put_tile(&log, name, r->body.data,
	                                      r->body.len, &why);
	pthread_mutex_unlock(&s->seallog_lock);
	if (status)
		refused(r, name, status, &why);
	else
		vs_request_json(r, 200, json_pack("{s:s}", "name", name));
}

static vs_status put_proof(struct vs_request *r, const char *sha256,
                           struct vs_why *why)
{
	const struct vs_seallog log = vs_server_seallog(r->server);
	VS_AUTO(vs_free_drop) uint8_t *file = NULL;
	struct vs_seal seal;
	size_t len;
	vs_status status = vs_artifact_read(log.data_dir, sha256,
	                                    VS_SEAL_LEN_MAX, &file, &len);

	if (status == VS_ERR_ABSENT)
		return vs_fail(status, why, VS_REASON_NOT_LISTED,
		               "the seal was not uploaded", 0);
	if (status)
		return vs_fail(status, why, VS_REASON_UNREADABLE, "the seal",
		               0);
	/* Its signatures are judged by the release; here, what it says of
	 * itself is compared with the log's entry.
	 */
	status = vs_seal_decode(file, len, &seal, why);
	const struct vs_seallog_seal about = {&seal.header, sha256, len};
	if (!status)
		status = vs_seallog_judge(&log, &about, r->body.data,
		                          r->body.len, why);
	if (status)
		return status;
	pthread_mutex_lock(&r->server->seallog_lock);
	status = vs_seallog_put_proof(&log, sha256, r->body.data, r->body.len);
	pthread_mutex_unlock(&r->server->seallog_lock);
	return status ? vs_fail(status, why, VS_REASON_UNREADABLE, "proof", 0)
	              : VS_OK;
}

void vs_operator_put_proof(struct vs_request *r)
{
	struct vs_why why = {0};
	vs_status status = put_proof(r, r->parts[0], &why);

	if (!status)
		status =
			vs_identify_note(r->server, r->person.name, "log-proof",
		                         r->parts[0], VS_REASON_NONE, "");
	if (status == VS_ERR_ABSENT && why.code == VS_REASON_NOT_LISTED)
		vs_request_fail(r, status, &why);
	else if (status)
		refused(r, r->parts[0], status, &why);
	else
		vs_request_json(r, 200,
		                json_pack("{s:s}", "seal", r->parts[0]));
}
