/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/target.c - what a target is called and whether bytes are it.
 *
 * Standard: TUF 1.0.34 sections 5.7 and 6.2.
 */
#include <stdlib.h>
#include <string.h>

#include "trust/digest.h"
#include "trust/path.h"
#include "trust/tuf_state.h"

/* Whether no part between slashes is empty, "." or "..". */
static bool has_real_parts(const char *path)
{
	for (;;) {
		size_t len = strcspn(path, "/");

		if (len == 0 || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (path[len] == '\0')
			return true;
		path += len + 1;
	}
}

bool vs_target_path_fits(const char *path)
{
	static const char fit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789._/-";

	return path[strspn(path, fit)] == '\0' && has_real_parts(path);
}

vs_status vs_target_check(const struct vs_target *target, const uint8_t *in,
                          size_t len, struct vs_why *why)
{
	if (len != target->length)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_LENGTH_MISMATCH,
		               "longer or shorter than announced", 0);
	return vs_digest_check(target->hashes, in, len, why);
}

/* The digest that consistent names are made of, or NULL. */
static const char *name_digest(const json_t *hashes)
{
	const char *hex = json_string_value(json_object_get(hashes, "sha256"));

	if (hex)
		return vs_digest_is_hex(hex, 64) ? hex : NULL;
	hex = json_string_value(json_object_get(hashes, "sha512"));
	return hex && vs_digest_is_hex(hex, 128) ? hex : NULL;
}

/* DIR/HASH.NAME or DIR/NAME, as it stands. */
static vs_status raw_name(const struct vs_target *target, bool consistent,
                          char **out, struct vs_why *why)
{
	const char *slash = strrchr(target->path, '/');
	size_t dir = slash ? (size_t)(slash - target->path) + 1 : 0;
	size_t rest = strlen(target->path) - dir;
	const char *hex = name_digest(target->hashes);
	size_t digits;
	char *name;

	if (consistent && !hex)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_UNSUPPORTED,
		               "neither sha256 nor sha512 is given", 0);
	digits = consistent ? strlen(hex) : 0;
	name = malloc(dir + digits + 1 + rest + 1);
	if (!name)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE,
		               "out of memory", 0);
	memcpy(name, target->path, dir);
	if (consistent) {
		memcpy(name + dir, hex, digits);
		name[dir + digits++] = '.';
	}
	memcpy(name + dir + digits, target->path + dir, rest + 1);
	*out = name;
	return VS_OK;
}

vs_status vs_target_name(const struct vs_target *target, bool consistent,
                         char **out, struct vs_why *why)
{
	*out = NULL;
	if (!vs_target_path_fits(target->path))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_BAD_PATH,
		               "a target's path with foreign characters", 0);
	return raw_name(target, consistent, out, why);
}

vs_status vs_target_url(const struct vs_target *target, bool consistent,
                        char **out, struct vs_why *why)
{
	char *name = NULL, *url;
	size_t at = 0;
	vs_status status;

	*out = NULL;
	if (!has_real_parts(target->path))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_BAD_PATH,
		               "a target's path with an empty, . or .. part",
		               0);
	status = raw_name(target, consistent, &name, why);
	if (status)
		return status;
	url = malloc(3 * strlen(name) + 1);
	if (!url) {
		free(name);
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE,
		               "out of memory", 0);
	}
	for (const char *p = name; *p; p++) {
		if (*p == '/')
			url[at++] = *p;
		else
			at += vs_tuf_percent(*p, url + at);
	}
	url[at] = '\0';
	free(name);
	*out = url;
	return VS_OK;
}
