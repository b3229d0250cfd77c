/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/audit_verify.c - an exported audit log, checked without the server.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "operate/audit.h"
#include "operate/chain.h"
#include "trust/json.h"

enum { line_max = 64 * 1024, quoted_max = 256, keys_max = 64 * 1024 };

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

static enum vs_exit refused(struct place *at, const struct vs_why *why)
{
	vs_error("%s:%zu: %s (%s)", at->file, why->at, why->what,
	         vs_reason_name(why->code));
	return VS_EXIT_FAILED;
}

static enum vs_exit read_whole(const char *name, size_t max, struct place *at,
                               uint8_t **out, size_t *len)
{
	vs_status st = vs_file_read(name, max, out, len);

	*at = (struct place){0};
	(void)vs_log_quote(name, at->file, sizeof at->file);
	if (!st)
		return VS_EXIT_OK;
	vs_error("%s: %s", at->file,
	         st == VS_ERR_IO ? strerror(errno) : vs_status_name(st));
	return VS_EXIT_FAILED;
}

enum vs_exit vs_audit_keys(const char *name, struct vs_heads_keys *out)
{
	VS_AUTO(vs_free_drop) uint8_t *text = NULL;
	struct vs_why why = {0};
	struct place at;
	size_t len = 0;
	enum vs_exit e = read_whole(name, keys_max, &at, &text, &len);

	if (!e && vs_heads_keys_parse(text, len, out, &why))
		e = refused(&at, &why);
	return e;
}

/* A head without a key would be a hash that anybody can write. */
static enum vs_exit load_heads(const struct vs_args *a, struct vs_heads *out)
{
	const char *heads = vs_args_get(a, "heads");
	const char *key = vs_args_get(a, "key");
	VS_AUTO(vs_free_drop) uint8_t *text = NULL;
	struct vs_heads_keys keys;
	struct vs_why why = {0};
	struct place at;
	size_t len = 0;

	if (!heads && !key)
		return VS_EXIT_OK;
	if (!heads || !key)
		return vs_args_wrong(a, "--heads and --key go together");
	enum vs_exit e = vs_audit_keys(key, &keys);
	if (!e)
		e = read_whole(heads, VS_HEADS_LEN_MAX, &at, &text, &len);
	if (!e && vs_heads_parse(text, len, &keys, out, &why))
		e = refused(&at, &why);
	if (!e && !out->count) {
		vs_error("%s: no head", at.file);
		e = VS_EXIT_FAILED;
	}
	return e;
}

/* A log that is being read, and the heads that it must have. */
struct reading {
	struct place at;
	struct vs_chain chain;
	struct vs_heads heads;
	uint64_t after; /* the first record comes after this one */
	size_t next;    /* the head that comes next */
	size_t held;    /* how many the log has */
};

/* Every head of this record, or of the one before the first, has its hash. */
static enum vs_exit hold(struct reading *r, uint64_t seq, const char *hash)
{
	while (r->next < r->heads.count && r->heads.all[r->next].seq < seq)
		r->next++; /* before the first record: nothing is said */
	for (; r->next < r->heads.count && r->heads.all[r->next].seq == seq;
	     r->next++, r->held++)
		if (strcmp(r->heads.all[r->next].hash, hash) != 0)
			return wrong(&r->at, "not the log whose head was "
			                     "signed (hash-mismatch)");
	return VS_EXIT_OK;
}

static enum vs_exit add_line(struct reading *r, const char *text, size_t len)
{
	VS_AUTO(vs_json_drop) json_t *record = NULL;
	struct vs_why why = {0};
	bool first = !r->chain.count;
	enum vs_exit e = VS_EXIT_OK;
	vs_status st = vs_json_parse(text, len, line_max, &record, &why);

	if (!st)
		st = vs_chain_add(&r->chain, record, &why);
	if (st)
		return wrong(&r->at, why.what ? why.what : vs_status_name(st));
	if (first && r->chain.first != r->after + 1)
		return wrong(&r->at, "not the first record of the log, or of "
		                     "what comes --after");
	if (first && r->chain.first > 1)
		e = hold(r, r->chain.first - 1,
		         json_string_value(json_object_get(record, "prev")));
	return e ? e : hold(r, r->chain.last, r->chain.head);
}

static enum vs_exit verify_lines(FILE *in, struct reading *r)
{
	static char text[line_max];
	enum vs_exit e = VS_EXIT_OK;

	while (!e && fgets(text, sizeof text, in)) {
		size_t len = strlen(text);

		r->at.line++;
		if (!len || text[len - 1] != '\n')
			return wrong(&r->at,
			             "a line that is cut off or too long");
		e = add_line(r, text, len - 1);
	}
	return !e && ferror(in) ? wrong(&r->at, strerror(errno)) : e;
}

static enum vs_exit verify_end(const struct vs_args *a, const struct reading *r)
{
	const char *head = vs_args_get(a, "head");

	if (!r->chain.count)
		return wrong(&r->at, "no record");
	if (head && strcmp(head, r->chain.head) != 0)
		return wrong(&r->at, "ends before or after the given head");
	if (r->next < r->heads.count)
		return wrong(&r->at, "ends before a record whose head was "
		                     "signed (log-truncated)");
	if (r->heads.count && !r->held)
		return wrong(&r->at, "none of the heads is of these records");
	return VS_EXIT_OK;
}

static void report(const struct vs_args *a, const struct reading *r)
{
	const struct vs_chain *c = &r->chain;

	if (vs_args_has(a, "json")) {
		printf("{\"records\": %" PRIu64 ", \"first\": %" PRIu64
		       ", \"last\": %" PRIu64 ", \"head\": \"%s\"",
		       c->count, c->first, c->last, c->head);
		if (r->heads.count)
			printf(", \"signed_heads\": %zu", r->held);
		puts("}");
		return;
	}
	printf("%" PRIu64 " records, %" PRIu64 " to %" PRIu64
	       ", unbroken\nhead %s\n",
	       c->count, c->first, c->last, c->head);
	if (r->heads.count)
		printf("has %zu of %zu signed heads, the newest of record "
		       "%" PRIu64 "\n",
		       r->held, r->heads.count,
		       r->heads.all[r->heads.count - 1].seq);
}

static enum vs_exit verify_file(const char *name, struct reading *r)
{
	bool from_stdin = strcmp(name, "-") == 0;

	(void)vs_log_quote(name, r->at.file, sizeof r->at.file);
	FILE *in = from_stdin ? stdin : fopen(name, "re");
	if (!in) {
		vs_error("%s: %s", r->at.file, strerror(errno));
		return VS_EXIT_FAILED;
	}
	enum vs_exit e = verify_lines(in, r);
	if (!from_stdin)
		(void)fclose(in); /* only read */
	return e;
}

enum vs_exit vs_audit_verify(const struct vs_args *a)
{
	const char *head = vs_args_get(a, "head");
	const char *after = vs_args_get(a, "after");
	struct reading r = {0};

	if (after && !vs_args_number(after, 0, INT64_MAX, &r.after))
		return vs_args_wrong(a, "--after: not a number");
	if (head && !vs_hex_is_sha256(head))
		return vs_args_wrong(a, "--head: not 64 hex digits");
	enum vs_exit e = load_heads(a, &r.heads);
	if (!e)
		e = verify_file(a->words[0], &r);
	if (!e)
		e = verify_end(a, &r);
	if (!e)
		report(a, &r);
	vs_heads_drop(&r.heads);
	return e;
}
