/* SPDX-License-Identifier: Apache-2.0
 *
 * base/tar.c - heads of a tar file, written and read strictly.
 */
#include "base/tar.h"

#include <stdio.h>
#include <string.h>

/* Offset and length of the fields of a head. */
enum {
	NAME_AT = 0,
	NAME_LEN = 100,
	MODE_AT = 100,
	MODE_LEN = 8,
	UID_AT = 108,
	GID_AT = 116,
	SIZE_AT = 124,
	SIZE_LEN = 12,
	TIME_AT = 136,
	SUM_AT = 148,
	SUM_LEN = 8,
	TYPE_AT = 156,
	MAGIC_AT = 257,
	PREFIX_AT = 345,
	PREFIX_LEN = 155,
};

static const char magic[] = "ustar\0"
			    "00"; /* POSIX; GNU tar writes "ustar  " */

static uint32_t sum_of(const uint8_t *head)
{
	uint32_t sum = 0;

	for (int i = 0; i < VS_TAR_BLOCK; i++)
		sum += i >= SUM_AT && i < SUM_AT + SUM_LEN ? ' ' : head[i];
	return sum;
}

/* digits octal digits, and what is left of the field is zero. */
static void put_octal(uint8_t *at, int digits, uint64_t n)
{
	for (int i = digits - 1; i >= 0; i--) {
		at[i] = (uint8_t)('0' + (n & 7));
		n >>= 3;
	}
}

/* Digits, then only spaces and zeros. */
static bool get_octal(const uint8_t *at, int len, uint64_t *out)
{
	int i = 0;

	*out = 0;
	for (; i < len && at[i] >= '0' && at[i] <= '7'; i++)
		*out = *out << 3 | (uint64_t)(at[i] - '0');
	if (i == 0)
		return false;
	for (; i < len; i++)
		if (at[i] != ' ' && at[i] != 0)
			return false;
	return true;
}

/* Where a name is cut in two: what is before it goes into the prefix. */
static const char *find_cut(const char *name, size_t len)
{
	const char *cut = NULL;

	for (const char *s = strchr(name, '/'); s; s = strchr(s + 1, '/')) {
		size_t before = (size_t)(s - name);

		if (before > 0 && before <= PREFIX_LEN &&
		    len - before - 1 <= NAME_LEN && s[1] != '\0' && !cut)
			cut = s;
	}
	return cut;
}

vs_status vs_tar_encode(const struct vs_tar_entry *e,
                        uint8_t out[static VS_TAR_BLOCK])
{
	size_t len = strlen(e->name);
	const char *cut = len > NAME_LEN ? find_cut(e->name, len) : NULL;
	const char *name = cut ? cut + 1 : e->name;

	memset(out, 0, VS_TAR_BLOCK);
	if (len == 0 || e->len > VS_TAR_FILE_MAX || (e->folder && e->len > 0) ||
	    (len > NAME_LEN && !cut))
		return VS_ERR_LIMIT;
	memcpy(out + NAME_AT, name, strlen(name));
	if (cut)
		memcpy(out + PREFIX_AT, e->name, (size_t)(cut - e->name));
	put_octal(out + MODE_AT, MODE_LEN - 1, e->folder ? 0755 : 0644);
	put_octal(out + UID_AT, MODE_LEN - 1, 0);
	put_octal(out + GID_AT, MODE_LEN - 1, 0);
	put_octal(out + SIZE_AT, SIZE_LEN - 1, e->len);
	put_octal(out + TIME_AT, SIZE_LEN - 1, 0);
	out[TYPE_AT] = e->folder ? '5' : '0';
	memcpy(out + MAGIC_AT, magic, sizeof(magic) - 1);
	put_octal(out + SUM_AT, SUM_LEN - 2, sum_of(out));
	out[SUM_AT + SUM_LEN - 1] = ' ';
	return VS_OK;
}

static vs_status bad(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, 0);
}

/* The two parts of the name, without "./" before and "/" behind. */
static void join_name(const uint8_t *in, struct vs_tar_entry *out)
{
	const char *prefix = (const char *)in + PREFIX_AT;
	const char *name = (const char *)in + NAME_AT;
	bool posix = in[MAGIC_AT + 5] == 0; /* GNU has other things there */
	char whole[VS_TAR_NAME_LEN];
	const char *from = whole;
	size_t len;

	snprintf(whole, sizeof(whole), "%.155s%s%.100s", posix ? prefix : "",
	         posix && prefix[0] ? "/" : "", name);
	while (from[0] == '.' && from[1] == '/')
		from += 2;
	len = strlen(from);
	while (len > 0 && from[len - 1] == '/')
		len--;
	memset(out->name, 0, sizeof(out->name));
	memcpy(out->name, from, len);
}

vs_status vs_tar_decode(const uint8_t in[static VS_TAR_BLOCK],
                        struct vs_tar_entry *out, struct vs_why *why)
{
	static const uint8_t zeros[VS_TAR_BLOCK];
	uint64_t sum, len;
	uint8_t type = in[TYPE_AT];

	*out = (struct vs_tar_entry){.len = 0};
	if (memcmp(in, zeros, VS_TAR_BLOCK) == 0)
		return VS_ERR_ABSENT;
	if (memcmp(in + MAGIC_AT, magic, 5) != 0 ||
	    !get_octal(in + SUM_AT, SUM_LEN, &sum) || sum != sum_of(in))
		return bad(why, "not a tar file, or a damaged one");
	if (!get_octal(in + SIZE_AT, SIZE_LEN, &len) || len > VS_TAR_FILE_MAX)
		return bad(why, "a file's length is malformed");
	if (type != '0' && type != 0 && type != '5')
		return bad(why, "neither a file nor a folder (tar "
		                "--format=ustar has no other)");
	out->folder = type == '5';
	out->len = out->folder ? 0 : len;
	join_name(in, out);
	return VS_OK;
}

uint64_t vs_tar_padded(uint64_t len)
{
	return (len + VS_TAR_BLOCK - 1) / VS_TAR_BLOCK * VS_TAR_BLOCK;
}
