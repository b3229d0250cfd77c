/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_artifacts.c - people bring seals, packs and deltas.
 *
 * Seals and packs are under the hash of their bytes; nobody believes a delta.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/log.h"
#include "server/api/identify.h"
#include "server/api/operator_api.h"
#include "server/publish/delta.h"

/* What is brought, and what is said of it. */
struct kind {
	const char *member; /* an answer has the name under it */
	bool (*is_name)(const char *text);
	vs_status (*open)(const char *data_dir, const char *name, int *fd,
	                  uint64_t *len);
	vs_status (*upload)(struct vs_upload *u, const char *data_dir,
	                    const char *name, uint64_t max);
	const char *no_name, *other_bytes, *action;
};

static const struct kind artifact = {
	"sha256",
	vs_hex_is_sha256,
	vs_artifact_open,
	vs_upload_open,
	"an artifact's name is its SHA-256",
	"the bytes have another SHA-256",
	"artifact-uploaded",
};

static const struct kind delta = {
	"name",
	vs_delta_is_name,
	vs_delta_open,
	vs_delta_upload,
	"a delta's name is the root hashes of both images: OLDROOT-NEWROOT",
	"that is no delta between these two images",
	"delta-uploaded",
};

static void get(struct vs_request *r, const struct kind *k)
{
	uint64_t len;
	int fd;
	vs_status status =
		k->open(r->server->settings->data_dir, r->parts[0], &fd, &len);

	if (status) {
		vs_request_fail(r, status, NULL);
		return;
	}
	close(fd);
	vs_request_json(r, 200,
	                json_pack("{s:s, s:I}", k->member, r->parts[0],
	                          "length", (json_int_t)len));
}

static void begin(struct vs_request *r, const struct kind *k)
{
	const struct vs_settings *settings = r->server->settings;
	uint64_t len;
	int fd;

	if (!k->is_name(r->parts[0])) {
		vs_request_error(r, 400, VS_REASON_MALFORMED, "%s", k->no_name);
		return;
	}
	/* What is there already is read and forgotten. */
	if (!k->open(settings->data_dir, r->parts[0], &fd, &len)) {
		close(fd);
		return;
	}
	r->uploading = true;
	vs_status status = k->upload(&r->upload, settings->data_dir,
	                             r->parts[0], settings->artifact_max);
	if (status)
		vs_request_fail(r, status, NULL);
}

static void put(struct vs_request *r, const struct kind *k)
{
	const char *name = r->parts[0];
	char detail[48];

	if (!r->uploading) {
		vs_request_json(r, 200, json_pack("{s:s}", k->member, name));
		return;
	}
	vs_status status = vs_upload_close(&r->upload);
	if (status == VS_ERR_REFUSED) {
		vs_request_error(r, 400, VS_REASON_HASH_MISMATCH, "%s",
		                 k->other_bytes);
		return;
	}
	snprintf(detail, sizeof detail, "%llu bytes",
	         (unsigned long long)r->upload.len);
	if (!status)
		status = vs_identify_note(r->server, r->person.name, k->action,
		                          name, VS_REASON_NONE, detail);
	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 201,
		                json_pack("{s:s, s:I}", k->member, name,
		                          "length", (json_int_t)r->upload.len));
}

void vs_operator_get_artifact(struct vs_request *r)
{
	get(r, &artifact);
}

void vs_operator_begin_artifact(struct vs_request *r)
{
	begin(r, &artifact);
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
	put(r, &artifact);
}

void vs_operator_get_delta(struct vs_request *r)
{
	get(r, &delta);
}

void vs_operator_begin_delta(struct vs_request *r)
{
	begin(r, &delta);
}

void vs_operator_put_delta(struct vs_request *r)
{
	put(r, &delta);
}
