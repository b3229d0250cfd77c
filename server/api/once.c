/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/once.c - keys, what was asked with them and what was answered.
 */
#include "server/api/once.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "server/store/name.h"

enum { key_cap = 65, kept_s = 86400 };

struct once {
	struct vs_job job;
	struct vs_request *request;
	struct vs_store *store;
	const char *key;
	char asked[65]; /* of method, path and body */
	uint64_t now_s;
	/* the row that is there, if it is not ours */
	bool ours, found, same;
	unsigned code;
	char *body; /* owned */
};

static vs_status hash_request(const struct vs_request *r, char out[static 65])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t hash[32];
	unsigned len = 0;
	const char *method = r->route->method;

	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
	          EVP_DigestUpdate(md, method, strlen(method) + 1) == 1 &&
	          EVP_DigestUpdate(md, r->path, strlen(r->path) + 1) == 1 &&
	          EVP_DigestUpdate(md, r->body.data, r->body.len) == 1 &&
	          EVP_DigestFinal_ex(md, hash, &len) == 1;
	EVP_MD_CTX_free(md);
	if (ok)
		vs_hex_encode(hash, sizeof hash, out);
	return ok ? VS_OK : VS_ERR_CRYPTO;
}

static vs_status inserted(void *ctx, const struct vs_row *row)
{
	(void)row;
	*(bool *)ctx = true;
	return VS_OK;
}

static vs_status read_row(void *ctx, const struct vs_row *row)
{
	struct once *o = ctx;

	o->found = true;
	o->same = strcmp(vs_row_text(o->store, row, 0), o->asked) == 0;
	o->code = (unsigned)vs_row_uint(o->store, row, 1);
	o->body = strdup(vs_row_text(o->store, row, 2));
	return o->body ? VS_OK : VS_ERR_NOMEM;
}

static vs_status run_begin(struct vs_job *job, struct vs_store *store)
{
	struct once *o = (struct once *)job;
	const struct vs_value old[] = {vs_uint(o->now_s - kept_s)};
	const struct vs_value row[] = {vs_text(o->request->person.name),
	                               vs_text(o->key), vs_text(o->asked),
	                               vs_uint(o->now_s)};

	o->store = store;
	vs_status status =
		vs_store_query(store, "DELETE FROM once WHERE created_s < ?1",
	                       old, 1, NULL, NULL);
	if (!status)
		status =
			vs_store_query(store,
		                       "INSERT INTO once (person, name, asked, "
		                       "code, body, created_s) "
		                       "VALUES (?1, ?2, ?3, 0, '', ?4) "
		                       "ON CONFLICT (person, name) DO NOTHING "
		                       "RETURNING name",
		                       row, 4, inserted, &o->ours);
	if (!status && !o->ours)
		status = vs_store_query(store,
		                        "SELECT asked, code, body FROM once "
		                        "WHERE person = ?1 AND name = ?2",
		                        row, 2, read_row, o);
	return status;
}

static void answer(struct vs_request *r, const struct once *o)
{
	if (!o->same) {
		vs_request_error(r, 422, VS_REASON_CONFLICT,
		                 "Idempotency-Key: used for another request");
	} else if (o->code == 0) {
		vs_request_error(r, 409, VS_REASON_CONFLICT,
		                 "Idempotency-Key: the first request's end is "
		                 "not known; look before you try again");
	} else {
		vs_request_bytes(r, o->code,
		                 o->code < 400 ? "application/json"
		                               : "application/problem+json",
		                 o->body, strlen(o->body));
		vs_request_header(r, "Idempotency-Replayed", "true");
	}
}

bool vs_once_begin(struct vs_request *r)
{
	struct once o = {
		.job = {.run = run_begin},
		.request = r,
		.key = MHD_lookup_connection_value(
			r->connection, MHD_HEADER_KIND, "Idempotency-Key"),
		.now_s = vs_server_now(),
	};

	if (!o.key || !r->route->once)
		return true;
	if (!vs_name_ok(o.key, key_cap)) {
		vs_request_error(r, 400, VS_REASON_MALFORMED,
		                 "Idempotency-Key: 1 to 64 of A-Z a-z 0-9 . _ "
		                 "-");
		return false;
	}
	vs_status status = hash_request(r, o.asked);
	if (!status)
		status = vs_writer_call(r->server->writer, &o.job);
	if (status)
		vs_request_fail(r, status, NULL);
	else if (o.ours)
		r->keeps = true;
	else
		answer(r, &o);
	free(o.body);
	return r->keeps;
}

static vs_status run_end(struct vs_job *job, struct vs_store *store)
{
	const struct once *o = (struct once *)job;
	const struct vs_request *r = o->request;
	const struct vs_value row[] = {vs_text(r->person.name), vs_text(o->key),
	                               vs_uint(r->code),
	                               vs_text(r->said ? r->said : "")};

	/* Who is to try again must be able to. */
	if (r->code >= 500)
		return vs_store_query(store,
		                      "DELETE FROM once WHERE person = ?1 AND "
		                      "name = ?2",
		                      row, 2, NULL, NULL);
	return vs_store_query(store,
	                      "UPDATE once SET code = ?3, body = ?4 "
	                      "WHERE person = ?1 AND name = ?2",
	                      row, 4, NULL, NULL);
}

void vs_once_end(struct vs_request *r)
{
	struct once o = {
		.job = {.run = run_end},
		.request = r,
		.key = MHD_lookup_connection_value(
			r->connection, MHD_HEADER_KIND, "Idempotency-Key"),
	};

	if (!r->keeps)
		return;
	vs_status status = vs_writer_call(r->server->writer, &o.job);
	if (status)
		vs_warn("an answer that was to be kept: %s",
		        vs_status_name(status));
}
