/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/audit.c - voltseal audit.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "operate/audit.h"
#include "operate/client.h"
#include "operate/commands.h"
#include "operate/say.h"

enum { page = 500, list_preset = 50 };

static const struct vs_column columns[] = {
	{"SEQ",     "seq"    },
        {"TIME",    "time"   },
        {"ACTOR",   "actor"  },
	{"ACTION",  "action" },
        {"SUBJECT", "subject"},
        {"REASON",  "reason" },
	{"DETAIL",  "detail" },
};

static enum vs_exit number(const struct vs_args *a, const char *name,
                           uint64_t most, uint64_t *out)
{
	const char *text = vs_args_get(a, name);

	if (!text || vs_args_number(text, 0, most, out))
		return VS_EXIT_OK;
	return vs_args_wrong(a, "--%s: not a number up to %" PRIu64, name,
	                     most);
}

static enum vs_exit fetch(struct vs_client *c, uint64_t after, uint64_t limit,
                          json_t **out)
{
	char path[128];

	(void)snprintf(path, sizeof path,
	               "/v1/audit?after=%" PRIu64 "&limit=%" PRIu64, after,
	               limit);
	enum vs_exit e = vs_client_get(c, path, "audit", out);
	if (e || json_is_array(*out))
		return e;
	vs_error("audit: the server's answer is not a list");
	vs_client_json_drop(out);
	return VS_EXIT_FAILED;
}

static enum vs_exit list(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	uint64_t after = 0, limit = list_preset;
	enum vs_exit e = number(a, "after", INT64_MAX, &after);

	if (!e)
		e = number(a, "limit", 10000, &limit);
	if (!e)
		e = vs_client_open(a, &c);
	if (!e)
		e = fetch(c, after, limit, &v);
	if (e)
		return e;
	if (vs_args_has(a, "json"))
		vs_say_json(v);
	else
		vs_say_table(v, columns, sizeof columns / sizeof *columns);
	return VS_EXIT_OK;
}

/* Prints a page, a record a line.  *after moves on; a server that goes in
 * circles is left.
 */
static enum vs_exit print_page(const json_t *records, uint64_t *after)
{
	for (size_t i = 0; i < json_array_size(records); i++) {
		const json_t *r = json_array_get(records, i);
		json_int_t seq = vs_say_int(r, "seq");

		if (seq <= 0 || (uint64_t)seq <= *after) {
			vs_error("audit export: record %" JSON_INTEGER_FORMAT
			         " came after %" PRIu64,
			         seq, *after);
			return VS_EXIT_FAILED;
		}
		*after = (uint64_t)seq;
		if (json_dumpf(r, stdout, JSON_COMPACT) ||
		    putchar('\n') == EOF) {
			vs_error("standard output: %s", strerror(errno));
			return VS_EXIT_FAILED;
		}
	}
	return VS_EXIT_OK;
}

static enum vs_exit export_all(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	uint64_t after = 0;
	enum vs_exit e = number(a, "after", INT64_MAX, &after);
	bool more = true;

	if (!e)
		e = vs_client_open(a, &c);
	while (!e && more) {
		VS_AUTO(vs_client_json_drop) json_t *v = NULL;

		e = fetch(c, after, page, &v);
		if (!e)
			e = print_page(v, &after);
		more = json_array_size(v) > 0;
	}
	return e;
}

/* One answer about heads: an object with "key" and "heads". */
static enum vs_exit fetch_heads(struct vs_client *c, uint64_t after,
                                json_t **out)
{
	char path[128];

	(void)snprintf(path, sizeof path,
	               "/v1/audit/heads?after=%" PRIu64 "&limit=%d", after,
	               page);
	enum vs_exit e = vs_client_get(c, path, "audit heads", out);
	if (e || json_is_array(json_object_get(*out, "heads")))
		return e;
	vs_error("audit heads: the server's answer has no heads");
	vs_client_json_drop(out);
	return VS_EXIT_FAILED;
}

/* A head must be what it is listed as; *after moves on. */
static enum vs_exit check_head(const json_t *entry,
                               const struct vs_heads_keys *keys,
                               uint64_t *after)
{
	VS_AUTO(vs_heads_drop) struct vs_heads is = {0};
	const char *note = json_string_value(json_object_get(entry, "note"));
	json_int_t seq = vs_say_int(entry, "seq");
	struct vs_why why = {0};
	vs_status st = vs_heads_parse(note ? note : "", note ? strlen(note) : 0,
	                              keys, &is, &why);

	if (st) {
		vs_error("audit heads: record %" JSON_INTEGER_FORMAT
		         ": %s (%s)",
		         seq, why.what, vs_reason_name(why.code));
		return VS_EXIT_FAILED;
	}
	if (is.count != 1 || seq <= 0 || is.all[0].seq != (uint64_t)seq ||
	    (uint64_t)seq <= *after) {
		vs_error("audit heads: the head listed for record "
		         "%" JSON_INTEGER_FORMAT " is another's",
		         seq);
		return VS_EXIT_FAILED;
	}
	*after = (uint64_t)seq;
	return VS_EXIT_OK;
}

static enum vs_exit check_heads(const json_t *list,
                                const struct vs_heads_keys *keys,
                                uint64_t *after)
{
	enum vs_exit e = VS_EXIT_OK;

	for (size_t i = 0; !e && i < json_array_size(list); i++)
		e = check_head(json_array_get(list, i), keys, after);
	return e;
}

/* All pages as one answer. */
static enum vs_exit all_heads(struct vs_client *c, uint64_t after,
                              const struct vs_heads_keys *keys, json_t **out)
{
	enum vs_exit e = fetch_heads(c, after, out);
	json_t *all = json_object_get(*out, "heads");
	size_t got = json_array_size(all);

	if (!e)
		e = check_heads(all, keys, &after);
	while (!e && got) {
		VS_AUTO(vs_client_json_drop) json_t *more = NULL;

		e = fetch_heads(c, after, &more);
		const json_t *list = json_object_get(more, "heads");
		got = json_array_size(list);
		if (!e)
			e = check_heads(list, keys, &after);
		if (!e && got &&
		    json_array_extend(all, (json_t *)(uintptr_t)list)) {
			vs_error("audit heads: out of memory");
			e = VS_EXIT_FAILED;
		}
	}
	return e;
}

static enum vs_exit heads(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	const char *key = vs_args_get(a, "key");
	struct vs_heads_keys keys;
	uint64_t after = 0;
	enum vs_exit e = number(a, "after", INT64_MAX, &after);

	if (!e && key)
		e = vs_audit_keys(key, &keys);
	if (!e)
		e = vs_client_open(a, &c);
	if (!e)
		e = all_heads(c, after, key ? &keys : NULL, &v);
	if (e)
		return e;
	if (vs_args_has(a, "json")) {
		vs_say_json(v);
		return VS_EXIT_OK;
	}
	const json_t *list = json_object_get(v, "heads");
	for (size_t i = 0; i < json_array_size(list); i++)
		printf("%s%s", i ? "\n" : "",
		       json_string_value(json_object_get(
			       json_array_get(list, i), "note")));
	return VS_EXIT_OK;
}

/* clang-format off */
const struct vs_option vs_audit_options[] = {
	{"after", "SEQ",  NULL,     false, "only records after this one"},
	{"limit", "N",    "list",   false, "at most so many (50)"},
	{"head",  "HASH", "verify", false,
	 "the last record's hash, as written down elsewhere"},
	{"heads", "FILE", "verify", false,
	 "signed heads, as audit heads prints them; needs --key"},
	{"key",   "FILE", NULL,     false,
	 "the key that signs heads, as online/audit.vkey has it"},
	{0},
};

const struct vs_command vs_audit_commands[] = {
	{"list", "", 0, 0, "who did what, and what each charger did", NULL,
	 list},
	{"export", "", 0, 0, "the whole log to standard output",
	 "One record a line, for voltseal audit verify and for keeping.\n",
	 export_all},
	{"verify", "FILE", 1, 1, "check an exported log, without the server",
	 "Recomputes the hash chain; - reads standard input.  The log begins "
	 "with record 1, or\nafter --after.  Keep heads elsewhere and give one "
	 "with --head: a log cut short has\nanother head.  With --heads every "
	 "signed head must be the hash of its record: a log\nthat was made "
	 "anew has others.\n", vs_audit_verify},
	{"heads", "", 0, 0, "signed heads of the log to standard output",
	 "Keep them where the server's owner cannot reach them, for audit "
	 "verify --heads;\nthose kept one by one are put together with cat.  "
	 "With --key each is verified\nfirst.\n", heads},
	{0},
};
/* clang-format on */
