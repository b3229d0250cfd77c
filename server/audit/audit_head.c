/* SPDX-License-Identifier: Apache-2.0
 *
 * server/audit/audit_head.c - signing and checking heads of the log.
 */
#include "server/audit/audit_head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/pem.h"
#include "server/audit/audit.h"
#include "trust/checkpoint.h"
#include "trust/time.h"

enum { path_max = 1200, note_max = 1024 };

static vs_status make_vkey(EVP_PKEY *pkey, struct vs_vkey *out)
{
	uint8_t raw[VS_NOTE_KEY_LEN];
	size_t len = sizeof raw;

	if (EVP_PKEY_get_id(pkey) != EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_raw_public_key(pkey, raw, &len) != 1)
		return VS_ERR_INPUT;
	return vs_vkey_make(VS_AUDIT_ORIGIN, VS_NOTE_ED25519, raw, out, NULL);
}

static vs_status write_vkey(const char *data_dir, const struct vs_vkey *key)
{
	char path[path_max], text[VS_VKEY_LEN + 1];

	snprintf(path, sizeof path, "%s/online/audit.vkey", data_dir);
	vs_vkey_encode(key, text);
	size_t len = strlen(text);
	text[len] = '\n';
	return vs_file_replace(path, text, len + 1, 0644);
}

vs_status vs_audit_signer_load(const char *data_dir, bool make,
                               struct vs_audit_signer *out,
                               char error[static 256])
{
	char path[path_max];

	*out = (struct vs_audit_signer){0};
	snprintf(path, sizeof path, "%s/online/audit.pem", data_dir);
	vs_status status = vs_pem_private_key(path, &out->pkey);
	bool new = status == VS_ERR_ABSENT &&make;
	if (new)
		status = vs_pem_generate(path, true, &out->pkey);
	if (!status)
		status = make_vkey(out->pkey, &out->key);
	if (!status && make)
		status = write_vkey(data_dir, &out->key);
	if (status)
		snprintf(error, 256, "%.200s: %s", path,
		         vs_status_name(status));
	return status;
}

void vs_audit_signer_drop(struct vs_audit_signer *s)
{
	EVP_PKEY_free(s->pkey);
	*s = (struct vs_audit_signer){0};
}

struct newest {
	struct vs_store *store;
	bool found;
	uint64_t seq, time_s;
	char hash[65];
};

static vs_status read_newest(void *ctx, const struct vs_row *row)
{
	struct newest *n = ctx;

	n->found = true;
	n->seq = vs_row_uint(n->store, row, 0);
	n->time_s = vs_row_uint(n->store, row, 1);
	snprintf(n->hash, sizeof n->hash, "%s", vs_row_text(n->store, row, 2));
	return VS_OK;
}

static vs_status write_note(const struct vs_audit_signer *signer,
                            const struct newest *at, struct vs_text *out)
{
	struct vs_checkpoint c = {.origin = VS_AUDIT_ORIGIN,
	                          .head.size = at->seq};
	uint8_t sig[128];
	size_t len = sizeof sig;
	vs_status status = vs_hex_decode(at->hash, c.head.root.bytes,
	                                 sizeof c.head.root.bytes);

	if (!status)
		status = vs_checkpoint_encode(&c, out);
	if (!status)
		status =
			vs_pem_sign(signer->pkey, out->at, out->len, sig, &len);
	if (!status)
		status = vs_text_string(out, "\n");
	return status ? status : vs_note_add_line(out, &signer->key, sig, len);
}

vs_status vs_audit_head_sign(struct vs_store *s,
                             const struct vs_audit_signer *signer,
                             uint64_t now_s, uint64_t every_s)
{
	struct newest signed_one = {.store = s}, head = {.store = s};
	char text[note_max];
	struct vs_text note = {text, sizeof text, 0};
	vs_status status = vs_store_query(s,
	                                  "SELECT seq, time_s, note "
	                                  "FROM audit_head "
	                                  "ORDER BY seq DESC LIMIT 1",
	                                  NULL, 0, read_newest, &signed_one);

	/* A clock that was set back must not stop it either. */
	if (status || (signed_one.found && signed_one.time_s <= now_s &&
	               now_s < signed_one.time_s + every_s))
		return status;
	status = vs_store_query(s,
	                        "SELECT seq, time_s, hash FROM audit "
	                        "ORDER BY seq DESC LIMIT 1",
	                        NULL, 0, read_newest, &head);
	if (status || !head.found || head.seq == signed_one.seq)
		return status;
	status = write_note(signer, &head, &note);
	if (status)
		return status;
	const struct vs_value row[] = {vs_uint(head.seq), vs_uint(now_s),
	                               vs_text(text)};
	return vs_store_query(s,
	                      "INSERT INTO audit_head (seq, time_s, note) "
	                      "VALUES (?1, ?2, ?3)",
	                      row, 3, NULL, NULL);
}

struct checking {
	struct vs_store *store;
	const struct vs_vkey *key;
	uint64_t seq;
	struct vs_why *why;
};

static vs_status check_signature(const struct checking *c,
                                 const struct vs_note *note)
{
	vs_status status = vs_note_verify(note, c->key, c->why);

	/* One of a key that was replaced since says what it says. */
	return status == VS_ERR_ABSENT ? VS_OK : status;
}

static vs_status check_row(void *ctx, const struct vs_row *row)
{
	struct checking *c = ctx;
	const char *text = vs_row_text(c->store, row, 1);
	VS_AUTO(vs_free_drop) struct vs_note *note = malloc(sizeof *note);
	struct vs_checkpoint is;
	char hash[65];

	c->seq = vs_row_uint(c->store, row, 0);
	if (!note)
		return VS_ERR_NOMEM;
	vs_status status = vs_note_parse(text, strlen(text), note, c->why);
	if (!status)
		status = check_signature(c, note);
	if (!status)
		status = vs_checkpoint_parse(note, &is, c->why);
	if (status == VS_ERR_NOMEM || status == VS_ERR_CRYPTO)
		return status;
	if (status)
		return VS_ERR_REFUSED;
	vs_hex_encode(is.head.root.bytes, sizeof is.head.root.bytes, hash);
	if (is.head.size != c->seq ||
	    strcmp(hash, vs_row_text(c->store, row, 2)) != 0)
		return vs_fail(VS_ERR_REFUSED, c->why, VS_REASON_HASH_MISMATCH,
		               "a signed head", 0);
	return VS_OK;
}

vs_status vs_audit_head_check(struct vs_store *s, const struct vs_vkey *key,
                              uint64_t *seq, struct vs_why *why)
{
	struct checking c = {.store = s, .key = key, .why = why};

	vs_fail(VS_OK, why, VS_REASON_UNREADABLE, "signed heads", 0);
	vs_status status = vs_store_query(
		s,
		"SELECT h.seq, h.note, a.hash FROM audit_head h "
		"LEFT JOIN audit a ON a.seq = h.seq ORDER BY h.seq",
		NULL, 0, check_row, &c);
	*seq = c.seq;
	return status;
}

struct listing {
	struct vs_store *store;
	json_t *list;
};

static vs_status list_row(void *ctx, const struct vs_row *row)
{
	struct listing *l = ctx;
	char at[VS_TIME_LEN];

	vs_time_format(vs_row_uint(l->store, row, 1), at);
	json_t *one =
		json_pack("{s:I, s:s, s:s}", "seq",
	                  (json_int_t)vs_row_uint(l->store, row, 0), "time", at,
	                  "note", vs_row_text(l->store, row, 2));
	return one && !json_array_append_new(l->list, one) ? VS_OK
	                                                   : VS_ERR_NOMEM;
}

vs_status vs_audit_head_list(struct vs_store *s, uint64_t after, uint64_t limit,
                             json_t **out)
{
	struct listing l = {.store = s, .list = json_array()};
	const struct vs_value args[] = {
		vs_uint(after),
		vs_uint(limit > VS_AUDIT_LIST_MAX ? VS_AUDIT_LIST_MAX : limit),
	};

	*out = NULL;
	if (!l.list)
		return VS_ERR_NOMEM;
	vs_status status = vs_store_query(
		s,
		"SELECT seq, time_s, note FROM audit_head WHERE seq > ?1 "
		"ORDER BY seq LIMIT ?2",
		args, 2, list_row, &l);
	if (status)
		json_decref(l.list);
	else
		*out = l.list;
	return status;
}
