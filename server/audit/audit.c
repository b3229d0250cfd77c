/* SPDX-License-Identifier: Apache-2.0
 *
 * server/audit/audit.c - the hash-chained log.
 *
 * The head is read from the database within each transaction, not kept in
 * memory: `voltseal-server user` appends from another process.
 */
#include "server/audit/audit.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hex.h"
#include "trust/json.h"
#include "trust/time.h"

#define GENESIS                                                                \
	"0000000000000000000000000000000000000000000000000000000000000000"

enum { record_max = 1024 * 1024 };

struct head {
	uint64_t seq;
	char hash[65];
};

/* A record as it is hashed and shown; hash NULL: without it. */
static json_t *to_json(uint64_t seq, uint64_t time_s, const struct vs_audit *a,
                       const char *prev, const char *hash)
{
	char time[VS_TIME_LEN];

	vs_time_format(time_s, time);
	json_t *o =
		json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "seq",
	                  (json_int_t)seq, "time", time, "actor", a->actor,
	                  "action", a->action, "subject", a->subject, "reason",
	                  a->reason, "detail", a->detail, "prev", prev);
	if (o && hash && json_object_set_new(o, "hash", json_string(hash))) {
		json_decref(o);
		return NULL;
	}
	return o;
}

/* A member of canonical JSON; false if it is to be spelled with more care. */
static bool spell(struct vs_buffer *out, const char *before, const char *text)
{
	for (const char *at = text; *at; at++)
		if (*at & 0x80 || *at == '"' || *at == '\\')
			return false;
	return !vs_buffer_add(out, before, strlen(before)) &&
	       !vs_buffer_add(out, text, strlen(text));
}

/* The same bytes as to_json() gives in canonical form, for texts in which
 * nothing is to be escaped: nearly all of them, and a start checks them all.
 */
static bool spell_all(struct vs_buffer *out, uint64_t seq, uint64_t time_s,
                      const struct vs_audit *a, const char *prev)
{
	char number[24], time[VS_TIME_LEN];

	snprintf(number, sizeof number, "%llu", (unsigned long long)seq);
	vs_time_format(time_s, time);
	return spell(out, "{\"action\":\"", a->action) &&
	       spell(out, "\",\"actor\":\"", a->actor) &&
	       spell(out, "\",\"detail\":\"", a->detail) &&
	       spell(out, "\",\"prev\":\"", prev) &&
	       spell(out, "\",\"reason\":\"", a->reason) &&
	       spell(out, "\",\"seq\":", number) &&
	       spell(out, ",\"subject\":\"", a->subject) &&
	       spell(out, "\",\"time\":\"", time) && spell(out, "\"}", "");
}

static vs_status canonical(uint64_t seq, uint64_t time_s,
                           const struct vs_audit *a, const char *prev,
                           struct vs_buffer *out)
{
	VS_AUTO(vs_json_drop) json_t *o = NULL;
	VS_AUTO(vs_free_drop) char *text = NULL;
	size_t len;

	if (spell_all(out, seq, time_s, a, prev))
		return VS_OK;
	vs_buffer_drop(out);
	vs_buffer_init(out, record_max);
	o = to_json(seq, time_s, a, prev, NULL);
	vs_status status = o ? vs_json_canonical(o, &text, &len) : VS_ERR_INPUT;
	return status ? status : vs_buffer_add(out, text, len);
}

static vs_status hash_of(uint64_t seq, uint64_t time_s,
                         const struct vs_audit *a, const char *prev,
                         char hash[static 65])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	VS_AUTO(vs_buffer_drop) struct vs_buffer b;

	vs_buffer_init(&b, record_max);
	vs_status status = canonical(seq, time_s, a, prev, &b);
	if (status)
		return status;
	if (!SHA256(b.data, b.len, digest))
		return VS_ERR_CRYPTO;
	vs_hex_encode(digest, sizeof digest, hash);
	return VS_OK;
}

struct head_row {
	struct vs_store *store;
	struct head *head;
};

static vs_status read_head(void *ctx, const struct vs_row *row)
{
	struct head_row *h = ctx;

	h->head->seq = vs_row_uint(h->store, row, 0);
	snprintf(h->head->hash, sizeof h->head->hash, "%s",
	         vs_row_text(h->store, row, 1));
	return VS_OK;
}

static vs_status last(struct vs_store *s, struct head *out)
{
	struct head_row ctx = {s, out};

	*out = (struct head){.hash = GENESIS};
	return vs_store_query(
		s, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1",
		NULL, 0, read_head, &ctx);
}

static vs_status keep_head(struct vs_store *s, uint64_t seq, const char *hash)
{
	char value[96];

	snprintf(value, sizeof value, "%llu %s", (unsigned long long)seq, hash);
	return vs_store_query(s,
	                      "INSERT INTO meta (name, value) "
	                      "VALUES ('audit_head', ?1) ON CONFLICT (name) "
	                      "DO UPDATE SET value = excluded.value",
	                      (struct vs_value[]){vs_text(value)}, 1, NULL,
	                      NULL);
}

vs_status vs_audit_append(struct vs_store *s, uint64_t now_s,
                          const struct vs_audit *a)
{
	struct head head;
	char hash[65];
	vs_status status = last(s, &head);

	if (status)
		return status;
	status = hash_of(head.seq + 1, now_s, a, head.hash, hash);
	if (status)
		return status;
	const struct vs_value row[] = {
		vs_uint(head.seq + 1), vs_uint(now_s),      vs_text(a->actor),
		vs_text(a->action),    vs_text(a->subject), vs_text(a->reason),
		vs_text(a->detail),    vs_text(head.hash),  vs_text(hash),
	};
	status = vs_store_query(s,
	                        "INSERT INTO audit (seq, time_s, actor, "
	                        "action, subject, reason, detail, prev, hash) "
	                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	                        row, 9, NULL, NULL);
	return status ? status : keep_head(s, head.seq + 1, hash);
}

vs_status vs_audit_last(struct vs_store *s, uint64_t *seq)
{
	struct head head;
	vs_status status = last(s, &head);

	*seq = head.seq;
	return status;
}

struct walk {
	struct vs_store *store;
	struct head head; /* the last good one */
	bool head_seen;
	json_t *list; /* or NULL */
};

static struct vs_audit record_of(const struct vs_store *s,
                                 const struct vs_row *row)
{
	return (struct vs_audit){
		.actor = vs_row_text(s, row, 2),
		.action = vs_row_text(s, row, 3),
		.subject = vs_row_text(s, row, 4),
		.reason = vs_row_text(s, row, 5),
		.detail = vs_row_text(s, row, 6),
	};
}

static vs_status check_row(void *ctx, const struct vs_row *row)
{
	struct walk *w = ctx;
	const struct vs_store *s = w->store;
	struct vs_audit a = record_of(s, row);
	uint64_t seq = vs_row_uint(s, row, 0);
	char hash[65];

	if (seq != w->head.seq + 1 ||
	    strcmp(vs_row_text(s, row, 7), w->head.hash) != 0)
		return VS_ERR_REFUSED;
	vs_status status =
		hash_of(seq, vs_row_uint(s, row, 1), &a, w->head.hash, hash);
	if (status == VS_ERR_NOMEM)
		return status;
	if (status || strcmp(hash, vs_row_text(s, row, 8)) != 0)
		return VS_ERR_REFUSED;
	w->head.seq = seq;
	memcpy(w->head.hash, hash, sizeof hash);
	return VS_OK;
}

static vs_status check_head(void *ctx, const struct vs_row *row)
{
	struct walk *w = ctx;
	char value[96];

	snprintf(value, sizeof value, "%llu %s",
	         (unsigned long long)w->head.seq, w->head.hash);
	if (strcmp(value, vs_row_text(w->store, row, 0)) != 0)
		return VS_ERR_REFUSED;
	w->head_seen = true;
	return VS_OK;
}

#define COLUMNS                                                                \
	"seq, time_s, actor, action, subject, reason, detail, prev, hash"

vs_status vs_audit_check(struct vs_store *s, uint64_t *seq, struct vs_why *why)
{
	struct walk w = {.store = s, .head = {.hash = GENESIS}};
	vs_status status =
		vs_store_query(s, "SELECT " COLUMNS " FROM audit ORDER BY seq",
	                       NULL, 0, check_row, &w);

	if (!status)
		status = vs_store_query(s,
		                        "SELECT value FROM meta "
		                        "WHERE name = 'audit_head'",
		                        NULL, 0, check_head, &w);
	/* Records without a head: the head was taken away. */
	if (!status && w.head.seq && !w.head_seen)
		status = VS_ERR_REFUSED;
	*seq = w.head.seq + (status == VS_ERR_REFUSED);
	if (status)
		return vs_fail(status, why,
		               status == VS_ERR_REFUSED
		                       ? VS_REASON_HASH_MISMATCH
		                       : VS_REASON_UNREADABLE,
		               "audit chain", *seq);
	return VS_OK;
}

static vs_status list_row(void *ctx, const struct vs_row *row)
{
	struct walk *w = ctx;
	const struct vs_store *s = w->store;
	struct vs_audit a = record_of(s, row);
	json_t *o = to_json(vs_row_uint(s, row, 0), vs_row_uint(s, row, 1), &a,
	                    vs_row_text(s, row, 7), vs_row_text(s, row, 8));

	return o && !json_array_append_new(w->list, o) ? VS_OK : VS_ERR_NOMEM;
}

vs_status vs_audit_list(struct vs_store *s, uint64_t after, uint64_t limit,
                        json_t **out)
{
	struct walk w = {.store = s, .list = json_array()};
	const struct vs_value args[] = {
		vs_uint(after),
		vs_uint(limit > VS_AUDIT_LIST_MAX ? VS_AUDIT_LIST_MAX : limit),
	};

	*out = NULL;
	if (!w.list)
		return VS_ERR_NOMEM;
	vs_status status =
		vs_store_query(s,
	                       "SELECT " COLUMNS " FROM audit WHERE seq > ?1 "
	                       "ORDER BY seq LIMIT ?2",
	                       args, 2, list_row, &w);
	if (status)
		json_decref(w.list);
	else
		*out = w.list;
	return status;
}
