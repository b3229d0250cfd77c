/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_deltas.c - people bring deltas, which nobody believes.
 */
#include <stdio.h>
#include <unistd.h>

#include "server/api/identify.h"
#include "server/api/operator_api.h"
#include "server/publish/delta.h"

void vs_operator_get_delta(struct vs_request *r)
{
	uint64_t len;
	int fd;
	vs_status status = vs_delta_open(r->server->settings->data_dir,
	                                 r->parts[0], &fd, &len);

	if (status) {
		vs_request_fail(r, status, NULL);
		return;
	}
	close(fd);
	vs_request_json(r, 200,
	                json_pack("{s:s, s:I}", "name", r->parts[0], "length",
	                          (json_int_t)len));
}

void vs_operator_begin_delta(struct vs_request *r)
{
	const char *data_dir = r->server->settings->data_dir;
	uint64_t len;
	int fd;

	if (!vs_delta_is_name(r->parts[0])) {
		vs_request_error(r, 400, VS_REASON_MALFORMED,
		                 "a delta's name is the root hashes of both "
		                 "images: OLDROOT-NEWROOT");
		return;
	}
	/* What is there already is read and forgotten. */
	if (!vs_delta_open(data_dir, r->parts[0], &fd, &len)) {
		close(fd);
		return;
	}
	r->uploading = true;
	vs_status status = vs_delta_upload(&r->upload, data_dir, r->parts[0],
	                                   r->server->settings->artifact_max);
	if (status)
		vs_request_fail(r, status, NULL);
}

void vs_operator_put_delta(struct vs_request *r)
{
	char detail[48];

	if (!r->uploading) {
		vs_request_json(r, 200,
		                json_pack("{s:s}", "name", r->parts[0]));
		return;
	}
	vs_status status = vs_upload_close(&r->upload);
	if (status == VS_ERR_REFUSED) {
		vs_request_error(r, 400, VS_REASON_HASH_MISMATCH,
		                 "that is no delta between these two images");
		return;
	}
	snprintf(detail, sizeof detail, "%llu bytes",
	         (unsigned long long)r->upload.len);
	if (!status)
		status = vs_identify_note(r->server, r->person.name,
		                          "delta-uploaded", r->parts[0],
		                          VS_REASON_NONE, detail);
	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 201,
		                json_pack("{s:s, s:I}", "name", r->parts[0],
		                          "length", (json_int_t)r->upload.len));
}
