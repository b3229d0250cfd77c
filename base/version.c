/* SPDX-License-Identifier: Apache-2.0
 *
 * base/version.c - the order of versions: a total one, whatever the text.
 */
#include "base/version.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t digits(const char *s)
{
	size_t n = 0;

	while (digit(s[n]))
		n++;
	return n;
}

/* Two runs of digits as numbers. */
static int compare_numbers(const char *a, size_t alen, const char *b,
                           size_t blen)
{
	for (; alen && *a == '0'; alen--)
		a++;
	for (; blen && *b == '0'; blen--)
		b++;
	if (alen != blen)
		return alen < blen ? -1 : 1;
	return memcmp(a, b, alen);
}

/* Past a number and the dot after it, if a number follows that. */
static const char *next_number(const char *s)
{
	size_t n = digits(s);

	s += n;
	return n && s[0] == '.' && digit(s[1]) ? s + 1 : s;
}

static int class_of(const char *rest)
{
	if (!*rest)
		return 0;
	return *rest == '-' || *rest == '~' ? -1 : 1;
}

/* Digits stand before other characters, the end before both. */
static int compare_rest(const char *a, const char *b)
{
	while (*a && *b) {
		if (digit(*a) != digit(*b))
			return digit(*a) ? -1 : 1;
		if (!digit(*a)) {
			if (*a != *b)
				return (unsigned char)*a < (unsigned char)*b
				               ? -1
				               : 1;
			a++;
			b++;
			continue;
		}
		size_t alen = digits(a), blen = digits(b);
		int c = compare_numbers(a, alen, b, blen);
		if (c)
			return c;
		a += alen;
		b += blen;
	}
	return (*a != 0) - (*b != 0);
}

int vs_version_compare(const char *a, const char *b)
{
	while (digit(*a) || digit(*b)) {
		int c = compare_numbers(a, digits(a), b, digits(b));

		if (c)
			return c;
		a = next_number(a);
		b = next_number(b);
	}
	if (class_of(a) != class_of(b))
		return class_of(a) - class_of(b);
	return compare_rest(a, b);
}
