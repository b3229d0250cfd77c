/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/text.c - the short names in headers and keyrings.
 */
#include "seal/text.h"

static bool is_text_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '+' ||
	       c == ':' || c == '-';
}

size_t vs_text_len(const char *text)
{
	size_t i = 0;

	while (i < TEXT_LEN && is_text_char(text[i]))
		i++;
	return i < TEXT_LEN && text[i] == 0 ? i : TEXT_LEN;
}

void vs_text_encode(const char *text, uint8_t out[static TEXT_LEN])
{
	size_t i = 0;

	/* what stands behind the closing zero in memory is not the text's */
	for (; i < TEXT_LEN && text[i] != 0; i++)
		out[i] = (uint8_t)text[i];
	memset(out + i, 0, TEXT_LEN - i);
}

bool vs_text_decode(const uint8_t in[static TEXT_LEN], char *out)
{
	size_t len;

	memcpy(out, in, TEXT_LEN);
	len = vs_text_len(out);
	return len < TEXT_LEN &&
	       first_nonzero(in + len, TEXT_LEN - len) == TEXT_LEN - len;
}

bool vs_text_equal(const char *a, const char *b)
{
	size_t len = vs_text_len(a);

	return len < TEXT_LEN && vs_text_len(b) == len &&
	       memcmp(a, b, len) == 0;
}
