/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/report_fields.c - fields of a struct, written to JSON and read.
 */
#include "trust/report_fields.h"

#include <stdlib.h>
#include <string.h>

#include "trust/time.h"

/* A line cut in the middle of a character is still worth reporting. */
static json_t *text_value(const char *text)
{
	size_t len = strlen(text);
	json_t *v = json_stringn(text, len);
	char *ascii;

	if (v)
		return v;
	ascii = strdup(text);
	for (size_t i = 0; ascii && i < len; i++) {
		if ((unsigned char)ascii[i] >= 0x80)
			ascii[i] = '?';
	}
	v = json_string(ascii); /* NULL of NULL */
	free(ascii);
	return v;
}

static json_t *time_value(uint64_t s)
{
	char text[VS_TIME_LEN];

	vs_time_format(s, text);
	return json_string(text);
}

static json_t *encode_field(const struct vs_field *f, const void *from)
{
	const char *at = (const char *)from + f->at;
	uint64_t number;
	uint32_t small;
	vs_reason reason;
	bool flag;
	int slot;

	switch (f->kind) {
	case VS_FIELD_TEXT:
		return text_value(at);
	case VS_FIELD_NUMBER:
		memcpy(&number, at, sizeof number);
		return json_integer((json_int_t)number);
	case VS_FIELD_TIME:
		memcpy(&number, at, sizeof number);
		return time_value(number);
	case VS_FIELD_SMALL:
		memcpy(&small, at, sizeof small);
		return json_integer((json_int_t)small);
	case VS_FIELD_FLAG:
		memcpy(&flag, at, sizeof flag);
		return json_boolean(flag);
	case VS_FIELD_REASON:
		memcpy(&reason, at, sizeof reason);
		return json_string(vs_reason_name(reason));
	case VS_FIELD_SLOT:
		break;
	}
	memcpy(&slot, at, sizeof slot);
	return json_integer((json_int_t)slot);
}

static bool is_zero(const struct vs_field *f, const void *from)
{
	const char *at = (const char *)from + f->at;
	uint64_t number;

	if (f->kind == VS_FIELD_TEXT)
		return at[0] == 0;
	memcpy(&number, at, sizeof number);
	return number == 0;
}

vs_status vs_fields_encode(const struct vs_field *fields, size_t count,
                           const void *from, json_t *out)
{
	for (size_t i = 0; i < count; i++) {
		if (fields[i].late && is_zero(&fields[i], from))
			continue;
		if (json_object_set_new(out, fields[i].name,
		                        encode_field(&fields[i], from)))
			return VS_ERR_NOMEM;
	}
	return VS_OK;
}

static bool reason_from(const char *name, vs_reason *out)
{
	for (int i = 0; i < VS_REASON_COUNT; i++) {
		if (strcmp(vs_reason_name((vs_reason)i), name) == 0) {
			*out = (vs_reason)i;
			return true;
		}
	}
	return false;
}

static bool decode_text(const struct vs_field *f, const json_t *v, char *at)
{
	const char *text = json_string_value(v);
	vs_reason reason = VS_REASON_NONE;
	uint64_t s = 0;

	if (!text)
		return false;
	if (f->kind == VS_FIELD_TEXT) {
		if (json_string_length(v) >= f->size)
			return false;
		memcpy(at, text, json_string_length(v) + 1);
		return true;
	}
	if (f->kind == VS_FIELD_REASON) {
		if (!reason_from(text, &reason))
			return false;
		memcpy(at, &reason, sizeof reason);
		return true;
	}
	if (vs_time_parse(text, &s))
		return false;
	memcpy(at, &s, sizeof s);
	return true;
}

static bool decode_number(const struct vs_field *f, const json_t *v, char *at)
{
	json_int_t n = json_integer_value(v);
	uint64_t number = (uint64_t)n;
	uint32_t small = (uint32_t)n;
	int slot = (int)n;

	if (!json_is_integer(v) || n > 9007199254740991 ||
	    n < (f->kind == VS_FIELD_SLOT ? -1 : 0))
		return false;
	if (f->kind == VS_FIELD_NUMBER) {
		memcpy(at, &number, sizeof number);
	} else if (f->kind == VS_FIELD_SMALL) {
		if (n > UINT32_MAX)
			return false;
		memcpy(at, &small, sizeof small);
	} else {
		if (n > 255)
			return false;
		memcpy(at, &slot, sizeof slot);
	}
	return true;
}

static bool decode_field(const struct vs_field *f, const json_t *v, char *at)
{
	bool flag = json_is_true(v);

	switch (f->kind) {
	case VS_FIELD_TEXT:
	case VS_FIELD_REASON:
	case VS_FIELD_TIME:
		return decode_text(f, v, at);
	case VS_FIELD_NUMBER:
	case VS_FIELD_SMALL:
	case VS_FIELD_SLOT:
		return decode_number(f, v, at);
	case VS_FIELD_FLAG:
		break;
	}
	memcpy(at, &flag, sizeof flag);
	return json_is_boolean(v);
}

vs_status vs_fields_decode(const struct vs_field *fields, size_t count,
                           const json_t *from, void *out, struct vs_why *why)
{
	for (size_t i = 0; i < count; i++) {
		const struct vs_field *f = &fields[i];

		if (f->late && !json_object_get(from, f->name))
			continue;
		if (!decode_field(f, json_object_get(from, f->name),
		                  (char *)out + f->at))
			return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
			               f->name, 0);
	}
	return VS_OK;
}
