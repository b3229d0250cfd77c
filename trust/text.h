/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/text.h - the line-based formats of transparency logs: reading lines,
 * numbers and base64, and writing them into the caller's bytes.
 *
 * One value has one spelling: numbers without leading zeros, base64 with its
 * padding and its spare bits zero, every line ended by a newline.
 *
 * Standard: RFC 4648 section 4 for base64.
 */
#ifndef VS_TRUST_TEXT_H
#define VS_TRUST_TEXT_H

#include "base/status.h"

#define VS_BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Text being written; at[len] is a zero once something was added. */
struct vs_text {
	char *at; /* borrowed, cap bytes */
	size_t cap;
	size_t len;
};

/* VS_OK; VS_ERR_LIMIT with *t unchanged if it does not fit. */
vs_status vs_text_add(struct vs_text *t, const void *in,
                      size_t len) VS_MUST_CHECK;
vs_status vs_text_string(struct vs_text *t, const char *text) VS_MUST_CHECK;
vs_status vs_text_number(struct vs_text *t, uint64_t n) VS_MUST_CHECK;
vs_status vs_text_base64(struct vs_text *t, const void *in,
                         size_t len) VS_MUST_CHECK;

/* A piece of somebody else's text. */
struct vs_span {
	const char *at;
	size_t len;
};

/* Takes the next line, without its newline, off *rest.
 * VS_OK; VS_ERR_ABSENT at the end; VS_ERR_INPUT if no newline ends it.
 */
vs_status vs_span_line(struct vs_span *rest,
                       struct vs_span *line) VS_MUST_CHECK;
/* Takes the text before the first separator, and the separator, off *rest.
 * VS_OK; VS_ERR_ABSENT if there is no separator, *rest unchanged.
 */
vs_status vs_span_cut(struct vs_span *rest, char separator,
                      struct vs_span *out) VS_MUST_CHECK;
/* Takes prefix off, if it begins so. */
bool vs_span_begins(struct vs_span *s, const char *prefix);
bool vs_span_is(const struct vs_span *s, const char *text);

/* VS_OK; VS_ERR_INPUT: not digits, a leading zero, beyond 2^63-1. */
vs_status vs_span_number(const struct vs_span *s, uint64_t *out) VS_MUST_CHECK;
/* VS_OK and *len; VS_ERR_INPUT; VS_ERR_LIMIT over max bytes. */
vs_status vs_span_base64(const struct vs_span *s, void *out, size_t max,
                         size_t *len) VS_MUST_CHECK;
/* Valid UTF-8 without control characters but newlines. */
bool vs_span_clean(const struct vs_span *s);

#endif
