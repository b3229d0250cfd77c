/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/text.c - the line-based formats of transparency logs.
 */
#include "trust/text.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789+/";

vs_status vs_text_add(struct vs_text *t, const void *in, size_t len)
{
	if (t->cap - t->len <= len)
		return VS_ERR_LIMIT;
	if (len)
		memcpy(t->at + t->len, in, len);
	t->len += len;
	t->at[t->len] = '\0';
	return VS_OK;
}

vs_status vs_text_string(struct vs_text *t, const char *text)
{
	return vs_text_add(t, text, strlen(text));
}

vs_status vs_text_number(struct vs_text *t, uint64_t n)
{
	char digits[20];
	size_t first = sizeof digits;

	do {
		digits[--first] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	return vs_text_add(t, digits + first, sizeof digits - first);
}

static void encode_three(const uint8_t *in, size_t len, char out[static 4])
{
	uint32_t bits = (uint32_t)in[0] << 16;

	if (len > 1)
		bits |= (uint32_t)in[1] << 8;
	if (len > 2)
		bits |= in[2];
	out[0] = alphabet[bits >> 18];
	out[1] = alphabet[bits >> 12 & 63];
	out[2] = out[3] = '=';
	if (len > 1)
		out[2] = alphabet[bits >> 6 & 63];
	if (len > 2)
		out[3] = alphabet[bits & 63];
}

vs_status vs_text_base64(struct vs_text *t, const void *in, size_t len)
{
	const uint8_t *bytes = in;
	char *out = t->at + t->len;

	if (len > (size_t)-1 / 2 || t->cap - t->len <= VS_BASE64_LEN(len))
		return VS_ERR_LIMIT;
	for (size_t i = 0; i < len; i += 3, out += 4)
		encode_three(bytes + i, len - i, out);
	*out = '\0';
	t->len += VS_BASE64_LEN(len);
	return VS_OK;
}

vs_status vs_span_line(struct vs_span *rest, struct vs_span *line)
{
	if (rest->len == 0)
		return VS_ERR_ABSENT;
	return vs_span_cut(rest, '\n', line) ? VS_ERR_INPUT : VS_OK;
}

vs_status vs_span_cut(struct vs_span *rest, char separator, struct vs_span *out)
{
	const char *end =
		rest->len ? memchr(rest->at, separator, rest->len) : NULL;

	if (!end)
		return VS_ERR_ABSENT;
	*out = (struct vs_span){rest->at, (size_t)(end - rest->at)};
	rest->at = end + 1;
	rest->len -= out->len + 1;
	return VS_OK;
}

bool vs_span_begins(struct vs_span *s, const char *prefix)
{
	size_t len = strlen(prefix);

	if (s->len < len || memcmp(s->at, prefix, len) != 0)
		return false;
	s->at += len;
	s->len -= len;
	return true;
}

bool vs_span_is(const struct vs_span *s, const char *text)
{
	return s->len == strlen(text) && memcmp(s->at, text, s->len) == 0;
}

vs_status vs_span_number(const struct vs_span *s, uint64_t *out)
{
	uint64_t n = 0;

	if (s->len == 0 || (s->len > 1 && s->at[0] == '0'))
		return VS_ERR_INPUT;
	for (size_t i = 0; i < s->len; i++) {
		unsigned digit = (unsigned char)s->at[i] - (unsigned)'0';

		if (digit > 9 || n > ((uint64_t)INT64_MAX - digit) / 10)
			return VS_ERR_INPUT;
		n = n * 10 + digit;
	}
	*out = n;
	return VS_OK;
}

/* 0 to 63, or 64 for a foreign character. */
static uint32_t value(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (uint32_t)(at - alphabet) : 64;
}

/* Four characters of which digits are no padding. */
static vs_status decode_four(const char *in, size_t digits, uint8_t *out)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		uint32_t v = i < digits ? value(in[i]) : 0;

		if (v > 63)
			return VS_ERR_INPUT;
		bits = bits << 6 | v;
	}
	if ((digits == 2 && bits & 0xffff) || (digits == 3 && bits & 0xff))
		return VS_ERR_INPUT;
	out[0] = (uint8_t)(bits >> 16);
	if (digits > 2)
		out[1] = (uint8_t)(bits >> 8);
	if (digits > 3)
		out[2] = (uint8_t)bits;
	return VS_OK;
}

vs_status vs_span_base64(const struct vs_span *s, void *out, size_t max,
                         size_t *len)
{
	uint8_t *to = out;
	size_t padding = 0;
	vs_status status = VS_OK;

	if (s->len % 4)
		return VS_ERR_INPUT;
	while (padding < 2 && padding < s->len &&
	       s->at[s->len - 1 - padding] == '=')
		padding++;
	*len = s->len / 4 * 3 - padding;
	if (*len > max)
		return VS_ERR_LIMIT;
	for (size_t i = 0; i < s->len && !status; i += 4, to += 3)
		status = decode_four(s->at + i,
		                     i + 4 == s->len ? 4 - padding : 4, to);
	return status;
}

/* How many bytes the character at s has; 0 if it is none. */
static size_t utf8_len(const struct vs_span *s)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least;
	} forms[] = {
		{0x80, 0x00, 0      },
		{0xe0, 0xc0, 0x80   },
		{0xf0, 0xe0, 0x800  },
		{0xf8, 0xf0, 0x10000},
	};
	uint8_t first = (uint8_t)s->at[0];

	for (size_t n = 0; n < 4; n++) {
		uint32_t c = first & (uint8_t)~forms[n].mask;

		if ((first & forms[n].mask) != forms[n].lead || s->len <= n)
			continue;
		for (size_t i = 1; i <= n; i++) {
			uint8_t next = (uint8_t)s->at[i];

			if ((next & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (next & 0x3f);
		}
		if (c < forms[n].least || c > 0x10ffff || c >> 11 == 0x1b)
			return 0;
		return n + 1;
	}
	return 0;
}

bool vs_span_clean(const struct vs_span *s)
{
	struct vs_span rest = *s;

	while (rest.len) {
		size_t n = utf8_len(&rest);

		if (n == 0 || ((uint8_t)*rest.at < ' ' && *rest.at != '\n'))
			return false;
		rest.at += n;
		rest.len -= n;
	}
	return true;
}
