/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/heads.c - signed heads of the audit log, as they are kept elsewhere.
 */
#include "operate/heads.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hex.h"
#include "trust/checkpoint.h"

vs_status vs_heads_keys_parse(const void *in, size_t len,
                              struct vs_heads_keys *out, struct vs_why *why)
{
	struct vs_span rest = {in, len}, line;
	vs_status st = VS_OK;
	size_t at = 0;

	*out = (struct vs_heads_keys){0};
	while (!st && rest.len) {
		at++;
		if (vs_span_line(&rest, &line))
			st = vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
			             "a line without its end", 0);
		else if (out->count == VS_HEADS_KEYS_MAX)
			st = vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
			             "too many keys", 0);
		else
			st = vs_vkey_parse(line.at, line.len,
			                   &out->all[out->count++], why);
	}
	if (!st && !out->count)
		st = vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, "no key",
		             0);
	why->at = at;
	return st;
}

void vs_heads_drop(struct vs_heads *h)
{
	free(h->all);
	*h = (struct vs_heads){0};
}

/* Takes a note off *rest: text, an empty line, signature lines. */
static vs_status cut_note(struct vs_span *rest, struct vs_span *out,
                          size_t *lines, struct vs_why *why)
{
	static const char dash[] = "\xe2\x80\x94 ";
	struct vs_span line;
	bool text = true;

	*out = (struct vs_span){rest->at, 0};
	while (rest->len) {
		struct vs_span ahead = *rest;

		if (vs_span_line(&ahead, &line))
			return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
			               "a line without its end", 0);
		if (!text && !vs_span_begins(&line, dash))
			break;
		text = text && line.len;
		*rest = ahead;
		++*lines;
	}
	out->len = (size_t)(rest->at - out->at);
	return VS_OK;
}

static vs_status verify(const struct vs_note *note,
                        const struct vs_heads_keys *keys, struct vs_why *why)
{
	bool found = false;

	for (size_t i = 0; i < keys->count; i++) {
		vs_status st = vs_note_verify(note, &keys->all[i], why);

		if (st && st != VS_ERR_ABSENT)
			return st;
		found = found || !st;
	}
	return found ? VS_OK
	             : vs_fail(VS_ERR_REFUSED, why, VS_REASON_UNKNOWN_KEY,
	                       "signed by none of the keys", 0);
}

/* Exactly three lines: what a head does not say nobody signs with it. */
static vs_status read_head(const struct vs_note *note, struct vs_head *out,
                           struct vs_why *why)
{
	char text[VS_CHECKPOINT_TEXT_LEN];
	struct vs_text again = {text, sizeof text, 0};
	struct vs_checkpoint c;
	vs_status st = vs_checkpoint_parse(note, &c, why);

	if (!st && strcmp(c.origin, VS_HEADS_ORIGIN) != 0)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_WRONG_ORIGIN,
		               "not a head of an audit log", 0);
	if (!st)
		st = vs_checkpoint_encode(&c, &again);
	if (!st && (!c.head.size || again.len != note->text.len ||
	            memcmp(text, note->text.at, again.len) != 0))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "not the three lines of a head", 0);
	if (st)
		return st;
	out->seq = c.head.size;
	vs_hex_encode(c.head.root.bytes, sizeof c.head.root.bytes, out->hash);
	return VS_OK;
}

static vs_status add_head(const struct vs_span *text,
                          const struct vs_heads_keys *keys,
                          struct vs_heads *out, struct vs_why *why)
{
	VS_AUTO(vs_free_drop) struct vs_note *note = malloc(sizeof *note);
	vs_status st =
		note ? vs_note_parse(text->at, text->len, note, why)
		     : vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "memory", 0);

	if (!st && keys)
		st = verify(note, keys, why);
	if (!st && (out->count & (out->count - 1)) == 0) { /* 0, 1, 2, 4 */
		size_t cap = out->count ? 2 * out->count : 1;
		struct vs_head *more = realloc(out->all, cap * sizeof *more);

		if (!more)
			return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE,
			               "memory", 0);
		out->all = more;
	}
	if (!st)
		st = read_head(note, &out->all[out->count], why);
	out->count += !st;
	return st;
}

static int order(const void *a, const void *b)
{
	const struct vs_head *x = a, *y = b;

	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return strcmp(x->hash, y->hash);
}

static void sort(struct vs_heads *h)
{
	size_t kept = 0;

	if (h->count)
		qsort(h->all, h->count, sizeof *h->all, order);
	for (size_t i = 0; i < h->count; i++)
		if (!kept || order(&h->all[kept - 1], &h->all[i]) != 0)
			h->all[kept++] = h->all[i];
	h->count = kept;
}

vs_status vs_heads_parse(const void *in, size_t len,
                         const struct vs_heads_keys *keys, struct vs_heads *out,
                         struct vs_why *why)
{
	struct vs_span rest = {in, len}, note;
	vs_status st = VS_OK;
	size_t line = 0, begins = 1;

	*out = (struct vs_heads){0};
	if (len > VS_HEADS_LEN_MAX)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "too many heads", 0);
	while (!st) {
		while (vs_span_begins(&rest, "\n"))
			line++;
		begins = line + 1;
		if (!rest.len)
			break;
		st = cut_note(&rest, &note, &line, why);
		if (!st)
			st = add_head(&note, keys, out, why);
	}
	why->at = begins;
	if (st)
		vs_heads_drop(out);
	else
		sort(out);
	return st;
}
