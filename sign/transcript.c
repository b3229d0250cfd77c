/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/transcript.c - what happened at a ceremony, signed by who did it.
 */
#include "sign/transcript.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "sign/say.h"
#include "trust/json.h"
#include "trust/time.h"

enum { line_max = 512 * 1024 };

/* What each event must hold. */
static const struct event {
	const char *name;
	bool is_signed;
	bool opens; /* the first line and no other */
	bool away;  /* made on another machine: refers to the opening */
} events[] = {
	{"opened",    true,  true,  false},
        {"signed",    true,  false, true },
	{"merged",    false, false, false},
        {"witnessed", true,  false, false},
	{"published", false, false, false},
};

static const struct event *event_of(const char *name)
{
	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		if (strcmp(events[i].name, name) == 0)
			return &events[i];
	return NULL;
}

void vs_transcript_drop(struct vs_transcript *t)
{
	for (size_t i = 0; t->lines && i < t->count; i++)
		vs_envelope_drop(&t->lines[i]);
	free(t->lines);
	vs_buffer_drop(&t->text);
	vs_pubkey_drop(&t->author);
	*t = (struct vs_transcript){0};
}

static const char *text_of(const struct vs_transcript *t, size_t line,
                           const char *name)
{
	const char *text =
		json_string_value(json_object_get(t->lines[line].body, name));

	return text ? text : "";
}

static vs_status digest(const void *bytes, size_t len, char hex[static 65])
{
	uint8_t hash[32];

	if (EVP_Digest(bytes, len, hash, NULL, EVP_sha256(), NULL) != 1)
		return VS_ERR_CRYPTO;
	vs_hex_encode(hash, sizeof hash, hex);
	return VS_OK;
}

static vs_status broken(const struct vs_transcript *t, size_t line,
                        const char *what)
{
	vs_error("%s: line %zu: %s (%s)", t->path, line + 1, what,
	         vs_reason_name(VS_REASON_BAD_SIGNATURE));
	return VS_ERR_REFUSED;
}

/* The digest that a line of this kind must hold, with len bytes before it. */
static vs_status digest_before(const struct vs_transcript *t,
                               const struct event *e, size_t len,
                               char hex[static 65])
{
	const char *end = memchr(t->text.data, '\n', t->text.len);

	if (e->away && end)
		len = (size_t)(end - (const char *)t->text.data) + 1;
	return digest(t->text.data, len, hex);
}

/* A signed line is signed by the key it names. */
static vs_status check_signer(const struct vs_transcript *t, size_t line,
                              struct vs_pubkey *by)
{
	const struct vs_envelope *e = &t->lines[line];
	struct vs_why why = {0};
	vs_status status =
		vs_pubkey_decode(t->path, json_object_get(e->body, "by"), by);

	if (status)
		return status;
	struct vs_role role = {
		.keys = &by->tuf, .key_count = 1, .threshold = 1};
	if (vs_envelope_verify(e, &role, &why))
		return broken(t, line, "is not signed by who it names");
	return VS_OK;
}

/* A line against len bytes of lines before it. */
static vs_status check_line(struct vs_transcript *t, size_t line, size_t len)
{
	const struct event *e = event_of(text_of(t, line, "event"));
	struct vs_pubkey by = {0};
	char hex[65];
	vs_status status = VS_OK;

	if (!e || e->opens != (line == 0))
		return broken(t, line, "event: cannot stand here");
	if (!e->is_signed && json_object_get(t->lines[line].body, "by"))
		return broken(t, line, "names a person and is not signed");
	if (e->is_signed)
		status = check_signer(t, line, &by);
	if (!status && line == 0)
		t->author = by;
	else
		vs_pubkey_drop(&by);
	if (status || line == 0)
		return status;
	status = digest_before(t, e, len, hex);
	if (status)
		return vs_say_io(status, t->path);
	return strcmp(hex, text_of(t, line, "after")) == 0
	               ? VS_OK
	               : broken(t, line, "does not follow what is before it");
}

/* Parses the line that ends the text, of len bytes without its end. */
static vs_status push(struct vs_transcript *t, const char *at, size_t len)
{
	struct vs_why why = {0};
	size_t before = (size_t)(at - (const char *)t->text.data);

	if (t->count == VS_TRANSCRIPT_LINES_MAX) {
		vs_error("%s: more than %d lines", t->path,
		         VS_TRANSCRIPT_LINES_MAX);
		return VS_ERR_LIMIT;
	}
	vs_status status = vs_envelope_parse(at, len, line_max, NULL,
	                                     &t->lines[t->count], &why);
	if (status)
		return vs_say_why(status, t->path, &why);
	t->count++;
	return check_line(t, t->count - 1, before);
}

static vs_status parse(struct vs_transcript *t)
{
	const char *at = (const char *)t->text.data;
	const char *end = at + t->text.len;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		if (!stop)
			return broken(t, t->count, "is cut short");
		vs_status status = push(t, at, (size_t)(stop - at));
		if (status)
			return status;
		at = stop + 1;
	}
	return VS_OK;
}

vs_status vs_transcript_load(const char *dir, struct vs_transcript *out)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	size_t len = 0;

	*out = (struct vs_transcript){
		.lines = calloc(VS_TRANSCRIPT_LINES_MAX,
	                        sizeof(struct vs_envelope))};
	vs_buffer_init(&out->text, VS_TRANSCRIPT_LEN_MAX);
	if (!out->lines)
		return vs_say_io(VS_ERR_NOMEM, dir);
	vs_status status =
		vs_path_join(out->path, sizeof out->path, dir, VS_TRANSCRIPT);
	if (status)
		return vs_say_io(status, dir);
	status = vs_file_read(out->path, VS_TRANSCRIPT_LEN_MAX, &bytes, &len);
	if (status == VS_ERR_ABSENT)
		return VS_OK;
	if (!status)
		status = vs_buffer_add(&out->text, bytes, len);
	return status ? vs_say_io(status, out->path) : parse(out);
}

/* Signs the line's body as it will stand. */
static vs_status sign_line(struct vs_envelope *line,
                           const struct vs_witness *who, const char *id)
{
	uint8_t raw[VS_P256_RAW_LEN], der[VS_P256_DER_MAX];
	size_t len;
	char quoted[256];
	vs_status status = vs_p11_sign(who->token, who->key, line->canon,
	                               line->canon_len, raw);

	if (status) {
		vs_error("%s", vs_log_quote(vs_p11_error(who->token), quoted,
		                            sizeof quoted));
		return status;
	}
	status = vs_p256_der(raw, der, &len);
	if (!status)
		status = vs_envelope_add(line, id, der, len);
	return status ? vs_say_io(status, who->holder) : VS_OK;
}

static vs_status complete(const struct vs_transcript *t, const char *event,
                          json_t *body, const struct vs_pubkey *by)
{
	const struct event *e = event_of(event);
	char now[VS_TIME_LEN], hex[65];
	vs_status status =
		t->count ? digest_before(t, e, t->text.len, hex) : VS_OK;

	vs_time_format((uint64_t)time(NULL), now);
	if (status || json_object_set_new(body, "event", json_string(event)) ||
	    json_object_set_new(body, "at", json_string(now)) ||
	    (t->count && json_object_set_new(body, "after", json_string(hex))))
		return VS_ERR_NOMEM;
	if (by && json_object_set_new(body, "by", vs_pubkey_encode(by)))
		return VS_ERR_NOMEM;
	return VS_OK;
}

static vs_status append(struct vs_transcript *t, const char *text, size_t len)
{
	size_t before = t->text.len;
	vs_status status = vs_buffer_add(&t->text, text, len);

	if (!status && (!len || text[len - 1] != '\n'))
		status = vs_buffer_add(&t->text, "\n", 1);
	if (status)
		return vs_say_io(status, t->path);
	return push(t, (const char *)t->text.data + before,
	            t->text.len - before - 1);
}

vs_status vs_transcript_add(struct vs_transcript *t, const char *event,
                            json_t *body, const struct vs_witness *who)
{
	struct vs_pubkey by = {0};
	struct vs_envelope line = {0};
	VS_AUTO(vs_free_drop) char *text = NULL;
	size_t len;
	vs_status status = body ? VS_OK : VS_ERR_NOMEM;

	if (!status && who)
		status = vs_pubkey_make(who->holder, who->key, &by);
	if (!status)
		status = complete(t, event, body, who ? &by : NULL);
	if (status) {
		json_decref(body);
		vs_pubkey_drop(&by);
		return vs_say_io(status, t->path);
	}
	status = vs_envelope_new(body, &line);
	if (status)
		vs_say_io(status, t->path);
	else if (who)
		status = sign_line(&line, who, by.tuf.id);
	if (!status)
		status = vs_envelope_encode(&line, &text, &len);
	if (!status)
		status = append(t, text, len);
	vs_envelope_drop(&line);
	vs_pubkey_drop(&by);
	if (status)
		return status;
	status = vs_file_replace(t->path, t->text.data, t->text.len, 0644);
	return status ? vs_say_io(status, t->path) : VS_OK;
}

static bool has(const struct vs_transcript *t, const struct vs_envelope *line)
{
	for (size_t i = 0; i < t->count; i++)
		if (json_equal(t->lines[i].whole, line->whole))
			return true;
	return false;
}

vs_status vs_transcript_take(struct vs_transcript *t,
                             const struct vs_transcript *from, size_t *taken)
{
	*taken = 0;
	if (!t->count || !from->count ||
	    !json_equal(t->lines[0].whole, from->lines[0].whole)) {
		vs_error("%s: is of another ceremony (%s)", from->path,
		         vs_reason_name(VS_REASON_CONFLICT));
		return VS_ERR_REFUSED;
	}
	for (size_t i = 1; i < from->count; i++) {
		VS_AUTO(vs_free_drop) char *text = NULL;
		size_t len;

		const struct event *e = event_of(text_of(from, i, "event"));

		if (!e || !e->away || has(t, &from->lines[i]))
			continue;
		vs_status status =
			vs_envelope_encode(&from->lines[i], &text, &len);
		if (status)
			return vs_say_io(status, from->path);
		status = append(t, text, len);
		if (status)
			return status;
		++*taken;
	}
	return VS_OK;
}

bool vs_transcript_tells(const struct vs_transcript *t, const char *subject,
                         const char *sha256, const char *id)
{
	for (size_t i = 1; i < t->count; i++) {
		const json_t *all =
			json_object_get(t->lines[i].body, "subjects");
		const json_t *one = json_object_get(all, subject);
		const char *hash =
			json_string_value(json_object_get(one, "sha256"));
		const json_t *key;
		size_t k;

		if (strcmp(text_of(t, i, "event"), "signed") != 0 || !hash ||
		    strcmp(hash, sha256) != 0)
			continue;
		json_array_foreach(json_object_get(one, "keys"), k, key)
		{
			const char *is = json_string_value(key);

			if (is && strcmp(is, id) == 0)
				return true;
		}
	}
	return false;
}

bool vs_transcript_ends(const struct vs_transcript *t, const char *event)
{
	return t->count &&
	       strcmp(text_of(t, t->count - 1, "event"), event) == 0;
}

/* "alice (root)" and "alice (boot)" are one person. */
static bool same_person(const char *a, const char *b)
{
	const char *a_end = strrchr(a, '(');
	const char *b_end = strrchr(b, '(');
	size_t a_len = a_end ? (size_t)(a_end - a) : strlen(a);
	size_t b_len = b_end ? (size_t)(b_end - b) : strlen(b);

	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* The policy's name for a key, else the one it was handed in with. */
static bool name_of(const struct vs_room *r, const struct vs_proposal *p,
                    const struct vs_pubkey *key, char *out, size_t cap)
{
	vs_proposal_holder(r, p, key->tuf.id, out, cap);
	if (strcmp(out, "unknown") != 0)
		return true;
	snprintf(out, cap, "%s (%s)", key->holder, key->label);
	return false;
}

vs_status vs_transcript_apart(const struct vs_transcript *t,
                              const struct vs_room *r,
                              const struct vs_proposal *p, const char *holder,
                              EVP_PKEY *pkey)
{
	char author[128];

	if (!t->count)
		return VS_OK;
	(void)name_of(r, p, &t->author, author, sizeof author);
	if (!same_person(author, holder) &&
	    (!pkey || EVP_PKEY_eq(pkey, t->author.tuf.pkey) != 1))
		return VS_OK;
	vs_error("proposal %s: %s is its author; others must approve it (%s)",
	         p->name, author, vs_reason_name(VS_REASON_FOUR_EYES));
	return VS_ERR_REFUSED;
}

static void print_who(const struct vs_transcript *t, size_t line,
                      const struct vs_room *r, const struct vs_proposal *p)
{
	struct vs_pubkey by = {0};
	char name[128];

	if (!json_object_get(t->lines[line].body, "by")) {
		printf(" in the room");
		return;
	}
	if (vs_pubkey_decode(t->path,
	                     json_object_get(t->lines[line].body, "by"), &by))
		return;
	bool known = name_of(r, p, &by, name, sizeof name);
	printf(" by %s%s", name,
	       known ? "" : ", WHOM THE POLICY DOES NOT NAME");
	vs_pubkey_drop(&by);
}

void vs_transcript_print(const struct vs_transcript *t, const struct vs_room *r,
                         const struct vs_proposal *p)
{
	char hex[65], quoted[128];

	for (size_t i = 0; i < t->count; i++) {
		json_t *all = json_object_get(t->lines[i].body, "subjects");
		const char *name;
		json_t *one;

		printf("%s %s", vs_log_quote(text_of(t, i, "at"), quoted, 40),
		       text_of(t, i, "event"));
		print_who(t, i, r, p);
		putchar('\n');
		json_object_foreach(all, name, one)
		{
			const char *hash = json_string_value(
				json_object_get(one, "sha256"));

			printf("  %s\n    %s\n",
			       vs_log_quote(name, quoted, sizeof quoted),
			       hash && vs_hex_is_sha256(hash) ? hash : "-");
		}
	}
	if (t->count && !digest(t->text.data, t->text.len, hex))
		printf("transcript, %zu lines, SHA-256:\n    %s\n", t->count,
		       hex);
}
