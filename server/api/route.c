/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/route.c - does a path have the form of a pattern?
 *
 * Paths are compared as they came, undecoded; only characters that names
 * have are let through, and no part may be empty or begin with a dot.
 */
#include "server/api/route.h"

#include <string.h>

static bool harmless(const char *path)
{
	static const char fit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789._-/";

	return path[0] == '/' && strspn(path, fit) == strlen(path) &&
	       !strstr(path, "//") && !strstr(path, "/.");
}

bool vs_route_fits(const char *pattern, const char *path,
                   char text[static VS_PATH_MAX],
                   const char *parts[static VS_PARTS_MAX])
{
	size_t used = 0, count = 0;

	if (strlen(path) >= VS_PATH_MAX || !harmless(path))
		return false;
	while (*pattern) {
		if (*pattern != '*') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		bool rest = pattern[1] == '*';
		size_t len = rest ? strlen(path) : strcspn(path, "/");

		if (len == 0 || count == VS_PARTS_MAX ||
		    used + len + 1 > VS_PATH_MAX)
			return false;
		memcpy(text + used, path, len);
		text[used + len] = 0;
		parts[count++] = text + used;
		used += len + 1;
		path += len;
		pattern += rest ? 2 : 1;
	}
	return *path == 0;
}
