/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/conf/key_place.c - two schemes of attributes, and one of a path.
 */
#include "agent/conf/key_place.h"

#include <string.h>

static const char *const names[VS_KEY_KINDS] = {"file", "pkcs11", "tpm"};

const char *vs_key_kind_name(enum vs_key_kind kind)
{
	return names[kind];
}

static vs_status fail(const char **what, const char *text)
{
	*what = text;
	return VS_ERR_INPUT;
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)((at - digits) % 16) : -1;
}

/* One attribute: where its value goes, once. */
struct attribute {
	const char *name;
	char *out;
	size_t cap;
};

/* A value up to end, with its percent signs undone: printable, not empty. */
static bool decode(const char *from, const char *end, char *out, size_t cap)
{
	size_t n = 0;

	for (; from < end && n + 1 < cap; from++) {
		uint8_t c = (uint8_t)*from;

		if (c == '%') {
			if (end - from < 3 || digit(from[1]) < 0 ||
			    digit(from[2]) < 0)
				return false;
			c = (uint8_t)(digit(from[1]) * 16 + digit(from[2]));
			from += 2;
		}
		if (c < ' ' || c > '~')
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return from == end && n > 0;
}

static struct attribute *find(struct attribute *rows, size_t count,
                              const char *name, size_t len)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(rows[i].name) == len &&
		    memcmp(rows[i].name, name, len) == 0)
			return &rows[i];
	return NULL;
}

/* "name=value" by separators up to end. */
static vs_status take(const char *from, const char *end, char separator,
                      struct attribute *rows, size_t count, const char **what)
{
	while (from < end) {
		const char *stop =
			memchr(from, separator, (size_t)(end - from));
		const char *part = stop ? stop : end;
		const char *equals = memchr(from, '=', (size_t)(part - from));
		struct attribute *a = equals ? find(rows, count, from,
		                                    (size_t)(equals - from))
		                             : NULL;

		if (!a)
			return fail(what, "has an attribute that is not known");
		if (a->out[0] != '\0')
			return fail(what, "has an attribute twice");
		if (!decode(equals + 1, part, a->out, a->cap))
			return fail(what, "has a value that is empty, too long "
			                  "or not printable");
		from = stop ? stop + 1 : end;
		if (stop && from == end)
			return fail(what, "ends with a separator");
	}
	return VS_OK;
}

#define ROW(name, field)                                                       \
	{                                                                      \
		name, field, sizeof(field)                                     \
	}

static vs_status take_query(const char *query, struct vs_key_place *out,
                            const char **what)
{
	char pin[VS_KEY_PATH_MAX + 5] = "";
	struct attribute rows[2] = {ROW("pin-source", pin)};
	const char *path = pin;
	vs_status status;

	rows[1] = out->kind == VS_KEY_TPM
	                  ? (struct attribute)ROW("tcti", out->tcti)
	                  : (struct attribute)ROW("module-path", out->module);
	if (!query)
		return VS_OK;
	status = take(query + 1, query + strlen(query), '&', rows, 2, what);
	if (status != VS_OK || pin[0] == '\0')
		return status;
	if (strncmp(pin, "file:", 5) == 0)
		path += 5;
	if (path[0] != '/' || strlen(path) >= sizeof(out->pin_file))
		return fail(what, "pin-source is not file: and a path that "
		                  "begins with a slash");
	memcpy(out->pin_file, path, strlen(path) + 1);
	return VS_OK;
}

static vs_status take_token(const char *text, struct vs_key_place *out,
                            const char **what)
{
	char type[8] = "";
	const char *query = strchr(text, '?');
	const char *end = query ? query : text + strlen(text);
	struct attribute rows[] = {ROW("token", out->token),
	                           ROW("object", out->object),
	                           ROW("type", type)};
	vs_status status = take(text, end, ';', rows, 3, what);

	if (status == VS_OK)
		status = take_query(query, out, what);
	if (status != VS_OK)
		return status;
	if (out->token[0] == '\0' || out->object[0] == '\0')
		return fail(what, "has no token= or no object=");
	if (type[0] != '\0' && strcmp(type, "private") != 0)
		return fail(what, "is not of type=private");
	if (out->module[0] != '/')
		return fail(what, "has no module-path= that begins with a "
		                  "slash");
	if (out->pin_file[0] == '\0')
		return fail(what, "has no pin-source=file:...");
	return VS_OK;
}

/* Handles that the owner may make: TPM 2.0 part 2, 7.4. */
static vs_status take_handle(const char *text, struct vs_key_place *out,
                             const char **what)
{
	const char *query = strchr(text, '?');
	size_t len = query ? (size_t)(query - text) : strlen(text);
	uint32_t handle = 0;
	vs_status status;

	for (size_t i = 2; len == 10 && i < len && digit(text[i]) >= 0; i++)
		handle = handle << 4 | (uint32_t)digit(text[i]);
	/* A digit that is none leaves it too small. */
	if (len != 10 || memcmp(text, "0x", 2) != 0 || handle < 0x81000000 ||
	    handle > 0x817fffff)
		return fail(what, "is no handle from 0x81000000 to 0x817fffff");
	out->handle = handle;
	status = take_query(query, out, what);
	if (status == VS_OK && out->tcti[0] == '\0')
		memcpy(out->tcti, VS_KEY_TCTI, sizeof(VS_KEY_TCTI));
	return status;
}

static vs_status take_path(const char *text, struct vs_key_place *out,
                           const char **what)
{
	size_t len = strlen(text);

	if (len == 0 || len >= sizeof(out->file))
		return fail(what, "has no path, or one that is too long");
	memcpy(out->file, text, len + 1);
	return VS_OK;
}

vs_status vs_key_place_parse(const char *text, struct vs_key_place *out,
                             const char **what)
{
	static vs_status (*const takes[VS_KEY_KINDS])(
		const char *, struct vs_key_place *,
		const char **) = {take_path, take_token, take_handle};

	memset(out, 0, sizeof(*out));
	for (int i = 0; i < VS_KEY_KINDS; i++) {
		size_t len = strlen(names[i]);

		out->kind = (enum vs_key_kind)i;
		if (strncmp(text, names[i], len) == 0 && text[len] == ':')
			return takes[i](text + len + 1, out, what);
	}
	return fail(what, "does not begin with file:, pkcs11: or tpm:");
}
