/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_artifacts.c - people bring seals and packs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/log.h"
#include "server/api/identify.h"
#include "server/api/operator_api.h"

void vs_operator_get_artifact(struct vs_request *r)
{
	uint64_t len;
	int fd;
	vs_status status = vs_artifact_open(r->server->settings->data_dir,
	                                    r->parts[0], &fd, &len);

	if (status) {
		vs_request_fail(r, status, NULL);
		return;
	}
	close(fd);
	vs_request_json(r, 200,
	                json_pack("{s:s, s:I}", "sha256", r->parts[0], "length",
	                          (json_int_t)len));
}

void vs_operator_begin_artifact(struct vs_request *r)
{
	uint64_t len;
	int fd;

	if (!vs_hex_is_sha256(r->parts[0])) {
		vs_request_error(r, 400, VS_REASON_MALFORMED,
		                 "an artifact's name is its SHA-256");
		return;
	}
	/* What is there already is read and forgotten. */
	if (!vs_artifact_open(r->server->settings->data_dir, r->parts[0], &fd,
	                      &len)) {
		close(fd);
		return;
	}
	r->uploading = true;
	vs_status status =
		vs_upload_open(&r->upload, r->server->settings->data_dir,
	                       r->parts[0], r->server->settings->artifact_max);
	if (status)
		vs_request_fail(r, status, NULL);
}

void vs_operator_more_artifact(struct vs_request *r, const void *in, size_t len)
{
	if (!r->uploading || r->answer)
		return;
	vs_status status = vs_upload_add(&r->upload, in, len);
	if (status) {
		vs_error("artifact %s: %s", r->parts[0],
		         vs_status_name(status));
		vs_request_fail(r, status, NULL);
	}
}

void vs_operator_put_artifact(struct vs_request *r)
{
	char detail[48];

	if (!r->uploading) {
		vs_request_json(r, 200,
		                json_pack("{s:s}", "sha256", r->parts[0]));
		return;
	}
	vs_status status = vs_upload_close(&r->upload);
	if (status == VS_ERR_REFUSED) {
		vs_request_error(r, 400, VS_REASON_HASH_MISMATCH,
		                 "the bytes have another SHA-256");
		return;
	}
	snprintf(detail, sizeof detail, "%llu bytes",
	         (unsigned long long)r->upload.len);
	if (!status)
		status = vs_identify_note(r->server, r->person.name,
		                          "artifact-uploaded", r->parts[0],
		                          VS_REASON_NONE, detail);
	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 201,
		                json_pack("{s:s, s:I}", "sha256", r->parts[0],
		                          "length", (json_int_t)r->upload.len));
}
