/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/json.c - JSON in, strictly, and canonical JSON out.
 *
 * jansson reads the text; a walk over the result refuses what it lets pass.
 * The canonical form is written here, because no dump flag of jansson leaves
 * control characters alone.
 */
#include "trust/json.h"

#include <stdlib.h>
#include <string.h>

#define INTEGER_MAX 9007199254740991 /* 2^53 - 1 */

/* jansson's iterators want what they only read to be writable. */
static json_t *loose(const json_t *v)
{
	return (json_t *)(uintptr_t)v;
}

static const char *unfit(const json_t *v, int depth);

static const char *unfit_integer(const json_t *v)
{
	json_int_t n = json_integer_value(v);

	return n > INTEGER_MAX || n < -INTEGER_MAX ? "an integer beyond 2^53-1"
	                                           : NULL;
}

static const char *unfit_items(const json_t *v, int depth)
{
	const char *what = NULL;

	for (size_t i = 0; !what && i < json_array_size(v); i++)
		what = unfit(json_array_get(v, i), depth + 1);
	return what;
}

static const char *unfit_members(const json_t *v, int depth)
{
	const char *what = NULL;
	const char *key;
	json_t *member;

	json_object_foreach(loose(v), key, member)
	{
		what = unfit(member, depth + 1);
		if (what)
			break;
	}
	return what;
}

/* What is wrong with v, or NULL. */
static const char *unfit(const json_t *v, int depth)
{
	if (depth > VS_JSON_DEPTH_MAX)
		return "nested too deeply";
	switch (json_typeof(v)) {
	case JSON_REAL:
		return "a number that is not an integer";
	case JSON_INTEGER:
		return unfit_integer(v);
	case JSON_ARRAY:
		return unfit_items(v, depth);
	case JSON_OBJECT:
		return unfit_members(v, depth);
	default:
		return NULL;
	}
}

vs_status vs_json_parse(const void *in, size_t len, size_t max, json_t **out,
                        struct vs_why *why)
{
	json_error_t error = {0};
	const char *what;
	json_t *v;

	*out = NULL;
	if (len > max)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "larger than its maximum", max);
	if (len == 0)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, "empty",
		               0);
	/* jansson passes over one that follows a number. */
	if (memchr(in, '\0', len))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "a NUL byte", 0);
	v = json_loadb(in, len, JSON_REJECT_DUPLICATES, &error);
	/* jansson gives most failed allocations no code and no text. */
	if (!v && error.text[0] == '\0')
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE,
		               "out of memory", 0);
	if (!v)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "not JSON, or a key twice",
		               error.position > 0 ? (size_t)error.position : 0);
	what = json_typeof(v) == JSON_OBJECT ? unfit(v, 1)
	                                     : "not a JSON object";
	if (what) {
		json_decref(v);
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, 0);
	}
	*out = v;
	return VS_OK;
}

/* Grows by doubling; the input was bounded when it was parsed. */
struct text {
	char *at;
	size_t len, size;
};

static vs_status put(struct text *t, const char *in, size_t len)
{
	if (t->size - t->len <= len) {
		size_t size = t->size * 2 + len + 1;
		char *at = realloc(t->at, size);

		if (!at)
			return VS_ERR_NOMEM;
		t->at = at;
		t->size = size;
	}
	memcpy(t->at + t->len, in, len);
	t->len += len;
	t->at[t->len] = '\0';
	return VS_OK;
}

static vs_status put_string(struct text *t, const char *in, size_t len)
{
	vs_status status = put(t, "\"", 1);
	size_t from = 0; /* what is not copied yet */

	for (size_t i = 0; !status && i < len; i++) {
		if (in[i] != '"' && in[i] != '\\')
			continue;
		status = put(t, in + from, i - from);
		if (!status)
			status = put(t, "\\", 1);
		from = i;
	}
	if (!status)
		status = put(t, in + from, len - from);
	return status ? status : put(t, "\"", 1);
}

static vs_status put_value(struct text *t, const json_t *v);

static int by_bytes(const void *a, const void *b)
{
	const char *const *x = a;
	const char *const *y = b;

	return strcmp(*x, *y); /* compares as unsigned char */
}

static vs_status put_members(struct text *t, const json_t *v, const char **keys)
{
	vs_status status = VS_OK;
	size_t count = 0;
	const char *key;
	json_t *member;

	json_object_foreach(loose(v), key, member) keys[count++] = key;
	qsort(keys, count, sizeof *keys, by_bytes);
	for (size_t i = 0; !status && i < count; i++) {
		if (i > 0)
			status = put(t, ",", 1);
		if (!status)
			status = put_string(t, keys[i], strlen(keys[i]));
		if (!status)
			status = put(t, ":", 1);
		if (!status)
			status = put_value(t, json_object_get(v, keys[i]));
	}
	return status;
}

static vs_status put_object(struct text *t, const json_t *v)
{
	size_t count = json_object_size(v);
	const char **keys = calloc(count + 1, sizeof *keys);
	vs_status status = keys ? put(t, "{", 1) : VS_ERR_NOMEM;

	if (!status)
		status = put_members(t, v, keys);
	if (!status)
		status = put(t, "}", 1);
	free(keys);
	return status;
}

static vs_status put_array(struct text *t, const json_t *v)
{
	vs_status status = put(t, "[", 1);

	for (size_t i = 0; !status && i < json_array_size(v); i++) {
		if (i > 0)
			status = put(t, ",", 1);
		if (!status)
			status = put_value(t, json_array_get(v, i));
	}
	return status ? status : put(t, "]", 1);
}

static vs_status put_integer(struct text *t, json_int_t n)
{
	char digits[24];
	char *p = digits + sizeof digits;
	uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

	do {
		*--p = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (n < 0)
		*--p = '-';
	return put(t, p, (size_t)(digits + sizeof digits - p));
}

static vs_status put_value(struct text *t, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return put_object(t, v);
	case JSON_ARRAY:
		return put_array(t, v);
	case JSON_STRING:
		return put_string(t, json_string_value(v),
		                  json_string_length(v));
	case JSON_INTEGER:
		return put_integer(t, json_integer_value(v));
	case JSON_TRUE:
		return put(t, "true", 4);
	case JSON_FALSE:
		return put(t, "false", 5);
	case JSON_NULL:
		return put(t, "null", 4);
	case JSON_REAL:
		break;
	}
	return VS_ERR_INPUT;
}

vs_status vs_json_canonical(const json_t *v, char **out, size_t *len)
{
	struct text t = {0};
	vs_status status = put_value(&t, v);

	*out = NULL;
	*len = 0;
	if (status) {
		free(t.at);
		return status;
	}
	*out = t.at;
	*len = t.len;
	return VS_OK;
}

void vs_json_drop(json_t **v)
{
	json_decref(*v);
	*v = NULL;
}

vs_status vs_json_string(const json_t *o, const char *name, const char **out,
                         struct vs_why *why)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_string(v))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, name, 0);
	*out = json_string_value(v);
	return VS_OK;
}

vs_status vs_json_uint(const json_t *o, const char *name, uint64_t *out,
                       struct vs_why *why)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, name, 0);
	*out = (uint64_t)json_integer_value(v);
	return VS_OK;
}

vs_status vs_json_object(const json_t *o, const char *name, json_t **out,
                         struct vs_why *why)
{
	json_t *v = json_object_get(o, name);

	if (!json_is_object(v))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, name, 0);
	*out = v;
	return VS_OK;
}

vs_status vs_json_array(const json_t *o, const char *name, json_t **out,
                        struct vs_why *why)
{
	json_t *v = json_object_get(o, name);

	if (!json_is_array(v))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, name, 0);
	*out = v;
	return VS_OK;
}
