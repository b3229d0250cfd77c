/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/audit.c - voltseal audit.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "operate/chain.h"
#include "operate/client.h"
#include "operate/commands.h"
#include "operate/say.h"
#include "trust/json.h"

enum { page = 500, list_preset = 50, line_max = 64 * 1024, quoted_max = 256 };

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

/* Where a fault is. */
struct place {
	char file[quoted_max];
	uint64_t line;
};

static enum vs_exit wrong(const struct place *at, const char *what)
{
	vs_error("%s:%" PRIu64 ": %s", at->file, at->line, what);
	return VS_EXIT_FAILED;
}

static enum vs_exit verify_lines(FILE *in, struct place *at, struct vs_chain *c)
{
	static char text[line_max];
	struct vs_why why = {0};

	while (fgets(text, sizeof text, in)) {
		VS_AUTO(vs_json_drop) json_t *record = NULL;
		size_t len = strlen(text);

		at->line++;
		if (!len || text[len - 1] != '\n')
			return wrong(at, "a line that is cut off or too long");
		vs_status st =
			vs_json_parse(text, len - 1, line_max, &record, &why);
		if (!st)
			st = vs_chain_add(c, record, &why);
		if (st)
			return wrong(at,
			             why.what ? why.what : vs_status_name(st));
	}
	return ferror(in) ? wrong(at, strerror(errno)) : VS_EXIT_OK;
}

static void report(const struct vs_args *a, const struct vs_chain *c)
{
	if (vs_args_has(a, "json"))
		printf("{\"records\": %" PRIu64 ", \"first\": %" PRIu64
		       ", \"last\": %" PRIu64 ", \"head\": \"%s\"}\n",
		       c->count, c->first, c->last, c->head);
	else
		printf("%" PRIu64 " records, %" PRIu64 " to %" PRIu64
		       ", unbroken\nhead %s\n",
		       c->count, c->first, c->last, c->head);
}

static enum vs_exit verify(const struct vs_args *a)
{
	const char *head = vs_args_get(a, "head"), *name = a->words[0];
	bool from_stdin = strcmp(name, "-") == 0;
	struct vs_chain c = {0};
	struct place at = {0};

	if (head && !vs_hex_is_sha256(head))
		return vs_args_wrong(a, "--head: not 64 hex digits");
	(void)vs_log_quote(name, at.file, sizeof at.file);
	FILE *in = from_stdin ? stdin : fopen(name, "re");
	if (!in) {
		vs_error("%s: %s", at.file, strerror(errno));
		return VS_EXIT_FAILED;
	}
	enum vs_exit e = verify_lines(in, &at, &c);
	if (!from_stdin)
		(void)fclose(in); /* only read */
	if (!e && !c.count)
		e = wrong(&at, "no record");
	if (!e && head && strcmp(head, c.head) != 0)
		e = wrong(&at, "ends before or after the given head");
	if (!e)
		report(a, &c);
	return e;
}

/* clang-format off */
const struct vs_option vs_audit_options[] = {
	{"after", "SEQ",  NULL,     false, "only records after this one"},
	{"limit", "N",    "list",   false, "at most so many (50)"},
	{"head",  "HASH", "verify", false,
	 "the last record's hash, as written down elsewhere"},
	{0},
};

const struct vs_command vs_audit_commands[] = {
	{"list", "", 0, 0, "who did what, and what each charger did", NULL,
	 list},
	{"export", "", 0, 0, "the whole log to standard output",
	 "One record a line, for voltseal audit verify and for keeping.\n",
	 export_all},
	{"verify", "FILE", 1, 1, "check an exported log, without the server",
	 "Recomputes the hash chain; - reads standard input.  Keep heads "
	 "elsewhere and give\none with --head: a log cut short has another "
	 "head.\n", verify},
	{0},
};
/* clang-format on */
