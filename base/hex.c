/* SPDX-License-Identifier: Apache-2.0
 *
 * base/hex.c - bytes as lower-case hexadecimal text.
 */
#include "base/hex.h"

#include <string.h>

void vs_hex_encode(const uint8_t *in, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[in[i] >> 4];
		*out++ = digits[in[i] & 15];
	}
	*out = 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

vs_status vs_hex_decode(const char *text, uint8_t *out, size_t len)
{
	if (strlen(text) != 2 * len)
		return VS_ERR_INPUT;
	for (size_t i = 0; i < len; i++) {
		int high = digit(text[2 * i]);
		int low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return VS_ERR_INPUT;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return VS_OK;
}

bool vs_hex_is_sha256(const char *text)
{
	uint8_t bytes[32];

	return vs_hex_decode(text, bytes, sizeof bytes) == VS_OK;
}
