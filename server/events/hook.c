/* SPDX-License-Identifier: Apache-2.0
 *
 * server/events/hook.c - rows, patterns and signatures of webhooks.
 */
#include "server/events/hook.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "trust/time.h"

enum { first_wait_s = 5, longest_wait_s = 3600 };

bool vs_hook_url_ok(const char *url)
{
	static const char begin[] = "https://";
	size_t len = strlen(url);

	if (len >= VS_HOOK_URL_LEN ||
	    strncmp(url, begin, sizeof begin - 1) != 0)
		return false;
	for (const char *c = url; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '\\' || *c == '#')
			return false;
	const char *host = url + sizeof begin - 1;
	size_t host_len = strcspn(host, "/?");
	return host_len > 0 && !memchr(host, '@', host_len) && *host != ':';
}

bool vs_hook_event_ok(const char *pattern)
{
	static const char fit[] = "abcdefghijklmnopqrstuvwxyz-";
	size_t len = strspn(pattern, fit);

	if (strcmp(pattern, "*") == 0)
		return true;
	return len > 0 && len < 32 &&
	       (!pattern[len] || strcmp(pattern + len, "*") == 0);
}

bool vs_hook_wants(const struct vs_hook *h, const char *action,
                   const char *subject)
{
	/* Its own test comes whatever else it wants. */
	if (strcmp(action, "hook-tested") == 0 && strcmp(subject, h->id) == 0)
		return true;
	for (const char *at = h->events; *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");
		bool star = len && at[len - 1] == '*';
		size_t n = star ? len - 1 : len;

		if (strncmp(action, at, n) == 0 && (star || !action[n]))
			return true;
		at += len;
	}
	return false;
}

vs_status vs_hook_sign(const uint8_t secret[static VS_HOOK_SECRET_LEN],
                       uint64_t time_s, const char *body, size_t len,
                       char out[static VS_HOOK_SIGNATURE_LEN])
{
	char head[24], hex[65];
	uint8_t mac[32];
	size_t mac_len = sizeof mac;
	int n = snprintf(head, sizeof head, "%llu.",
	                 (unsigned long long)time_s);
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(
		EVP_PKEY_HMAC, NULL, secret, VS_HOOK_SECRET_LEN);
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	bool ok = key && md && n > 0 &&
	          EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
	          EVP_DigestSignUpdate(md, head, (size_t)n) == 1 &&
	          EVP_DigestSignUpdate(md, body, len) == 1 &&
	          EVP_DigestSignFinal(md, mac, &mac_len) == 1;
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	if (!ok)
		return VS_ERR_CRYPTO;
	vs_hex_encode(mac, sizeof mac, hex);
	snprintf(out, VS_HOOK_SIGNATURE_LEN, "t=%llu,v1=%s",
	         (unsigned long long)time_s, hex);
	return VS_OK;
}

uint64_t vs_hook_wait_s(uint64_t failures, uint64_t random)
{
	uint64_t wait_s = first_wait_s;

	for (uint64_t i = 1; i < failures && wait_s < longest_wait_s; i++)
		wait_s *= 2;
	if (wait_s > longest_wait_s)
		wait_s = longest_wait_s;
	/* Hooks that failed together do not come back together. */
	return wait_s + random % (wait_s / 4 + 1);
}

struct hooks {
	struct vs_store *store;
	struct vs_hook *out;
	size_t count;
};

static void copy(char *out, size_t cap, const struct vs_store *s,
                 const struct vs_row *row, int column)
{
	snprintf(out, cap, "%s", vs_row_text(s, row, column));
}

static vs_status read_row(void *ctx, const struct vs_row *row)
{
	struct hooks *a = ctx;
	const struct vs_store *s = a->store;
	struct vs_hook *h = &a->out[a->count];
	size_t len;

	if (a->count == VS_HOOKS_MAX)
		return VS_ERR_LIMIT;
	*h = (struct vs_hook){.created_s = vs_row_uint(s, row, 6),
	                      .on = vs_row_uint(s, row, 7),
	                      .seq = vs_row_uint(s, row, 8),
	                      .failures = vs_row_uint(s, row, 9),
	                      .failing_since_s = vs_row_uint(s, row, 10),
	                      .next_s = vs_row_uint(s, row, 11)};
	copy(h->id, sizeof h->id, s, row, 0);
	copy(h->label, sizeof h->label, s, row, 1);
	copy(h->url, sizeof h->url, s, row, 2);
	copy(h->events, sizeof h->events, s, row, 3);
	const void *secret = vs_row_blob(s, row, 4, &len);
	if (len != sizeof h->secret)
		return VS_ERR_INPUT;
	memcpy(h->secret, secret, len);
	copy(h->created_by, sizeof h->created_by, s, row, 5);
	copy(h->last, sizeof h->last, s, row, 12);
	a->count++;
	return VS_OK;
}

#define COLUMNS                                                                \
	"id, label, url, events, secret, created_by, created_s, is_on, seq, "  \
	"failures, failing_since_s, next_s, last"

vs_status vs_hook_list(struct vs_store *s, struct vs_hook *out, size_t *count)
{
	struct hooks a = {s, out, 0};
	vs_status status =
		vs_store_query(s, "SELECT " COLUMNS " FROM hook ORDER BY id",
	                       NULL, 0, read_row, &a);

	*count = a.count;
	return status;
}

vs_status vs_hook_find(struct vs_store *s, const char *id, struct vs_hook *out)
{
	const struct vs_value key[] = {vs_text(id)};
	struct hooks a = {s, out, 0};
	vs_status status =
		vs_store_query(s, "SELECT " COLUMNS " FROM hook WHERE id = ?1",
	                       key, 1, read_row, &a);

	return !status && !a.count ? VS_ERR_ABSENT : status;
}

static vs_status count_row(void *ctx, const struct vs_row *row)
{
	struct hooks *a = ctx;

	a->count = (size_t)vs_row_uint(a->store, row, 0);
	return VS_OK;
}

vs_status vs_hook_add(struct vs_store *s, struct vs_hook *h)
{
	uint8_t id[VS_HOOK_ID_LEN / 2];
	struct hooks a = {s, NULL, 0};
	vs_status status = vs_store_query(s, "SELECT COUNT(*) FROM hook", NULL,
	                                  0, count_row, &a);

	if (!status && a.count >= VS_HOOKS_MAX)
		status = VS_ERR_LIMIT;
	if (!status && (RAND_bytes(id, sizeof id) != 1 ||
	                RAND_bytes(h->secret, sizeof h->secret) != 1))
		status = VS_ERR_CRYPTO;
	if (status)
		return status;
	vs_hex_encode(id, sizeof id, h->id);
	h->on = true;
	const struct vs_value row[] = {
		vs_text(h->id),
		vs_text(h->label),
		vs_text(h->url),
		vs_text(h->events),
		vs_blob(h->secret, sizeof h->secret),
		vs_text(h->created_by),
		vs_uint(h->created_s),
		vs_uint(h->seq),
	};
	return vs_store_query(s,
	                      "INSERT INTO hook (" COLUMNS ") VALUES (?1, ?2, "
	                      "?3, ?4, ?5, ?6, ?7, 1, ?8, 0, 0, 0, '')",
	                      row, 8, NULL, NULL);
}

static vs_status seen(void *ctx, const struct vs_row *row)
{
	(void)row;
	*(bool *)ctx = true;
	return VS_OK;
}

vs_status vs_hook_remove(struct vs_store *s, const char *id)
{
	const struct vs_value key[] = {vs_text(id)};
	bool was = false;
	vs_status status =
		vs_store_query(s, "DELETE FROM hook WHERE id = ?1 RETURNING id",
	                       key, 1, seen, &was);

	return !status && !was ? VS_ERR_ABSENT : status;
}

vs_status vs_hook_store(struct vs_store *s, const struct vs_hook *h)
{
	const struct vs_value row[] = {
		vs_text(h->id),
		vs_uint(h->on),
		vs_uint(h->seq),
		vs_uint(h->failures),
		vs_uint(h->failing_since_s),
		vs_uint(h->next_s),
		vs_text(h->last),
	};

	return vs_store_query(s,
	                      "UPDATE hook SET is_on = ?2, seq = ?3, "
	                      "failures = ?4, failing_since_s = ?5, "
	                      "next_s = ?6, last = ?7 WHERE id = ?1",
	                      row, 7, NULL, NULL);
}

vs_status vs_hook_json(const struct vs_hook *h, json_t **out)
{
	char created[VS_TIME_LEN], since[VS_TIME_LEN] = "";
	json_t *events = json_array();

	for (const char *at = h->events; events && *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");

		if (json_array_append_new(events, json_stringn(at, len))) {
			json_decref(events);
			events = NULL;
			break;
		}
		at += len;
	}
	vs_time_format(h->created_s, created);
	if (h->failing_since_s)
		vs_time_format(h->failing_since_s, since);
	*out = events ? json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:I, "
	                          "s:I, s:s, s:s}",
	                          "id", h->id, "label", h->label, "url", h->url,
	                          "events", events, "created_by", h->created_by,
	                          "created_at", created, "state",
	                          h->on ? "on" : "off", "seq",
	                          (json_int_t)h->seq, "failures",
	                          (json_int_t)h->failures, "failing_since",
	                          since, "last", h->last)
	              : NULL;
	return *out ? VS_OK : VS_ERR_NOMEM;
}
