/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/percent.c - names made safe for a URL or a folder.
 */
#include "operate/percent.h"

#include <string.h>

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "abcdefghijklmnopqrstuvwxyz0123456789-_.~";

vs_status vs_percent_encode(const char *name, char *out, size_t cap)
{
	static const char digits[] = "0123456789ABCDEF";
	bool dots = !strcmp(name, ".") || !strcmp(name, "..");
	size_t n = 0;

	if (!*name)
		return VS_ERR_INPUT;
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		if (n + 4 > cap)
			return VS_ERR_LIMIT;
		if (strchr(plain, c) && !dots) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '%';
		out[n++] = digits[c >> 4];
		out[n++] = digits[c & 15];
	}
	out[n] = 0;
	return VS_OK;
}
