/* SPDX-License-Identifier: Apache-2.0
 *
 * server/store/name.c - which texts may name a thing here.
 */
#include "server/store/name.h"

#include <string.h>

#define VERSION_MAX UINT64_C(9007199254740991)

static const char characters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

bool vs_name_ok(const char *text, size_t cap)
{
	size_t len = strnlen(text, cap);

	return len > 0 && len < cap && text[0] != '.' &&
	       strspn(text, characters) == len;
}

vs_status vs_name_metadata(const char *file, uint64_t *version, char *role,
                           size_t cap)
{
	uint64_t n = 0;

	if (*file < '1' || *file > '9')
		return VS_ERR_INPUT;
	for (; *file >= '0' && *file <= '9'; file++) {
		n = n * 10 + (uint64_t)(*file - '0');
		if (n > VERSION_MAX)
			return VS_ERR_INPUT;
	}
	size_t len = strlen(file);
	if (len < 7 || *file != '.' || strcmp(file + len - 5, ".json") != 0 ||
	    len - 6 >= cap)
		return VS_ERR_INPUT;
	memcpy(role, file + 1, len - 6);
	role[len - 6] = 0;
	*version = n;
	return vs_name_ok(role, cap) ? VS_OK : VS_ERR_INPUT;
}
