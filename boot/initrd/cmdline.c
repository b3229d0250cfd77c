/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/initrd/cmdline.c - the kernel's command line, word by word.
 */
#include "boot/initrd/cmdline.h"

#include <string.h>

struct text {
	const char *at;
	size_t len;
	size_t begins; /* where in the line, for struct vs_why */
};

static vs_status malformed(struct vs_why *why, const char *what,
                           const struct text *t)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, t->begins);
}

/* The part of t before the next end, which goes too; all of it if there is
 * none.
 */
static struct text cut(struct text *t, char end)
{
	struct text part = *t;
	const char *found = memchr(t->at, end, t->len);
	size_t step = found ? (size_t)(found - t->at) + 1 : t->len;

	part.len = found ? step - 1 : step;
	t->at += step;
	t->len -= step;
	t->begins += step;
	return part;
}

static bool begins_with(struct text *t, const char *word)
{
	size_t len = strlen(word);

	if (t->len < len || memcmp(t->at, word, len) != 0)
		return false;
	t->at += len;
	t->len -= len;
	t->begins += len;
	return true;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_number(const struct text *t, uint64_t most, uint64_t *out)
{
	*out = 0;
	if (t->len == 0 || (t->len > 1 && t->at[0] == '0'))
		return false;
	for (size_t i = 0; i < t->len; i++) {
		uint64_t digit = (uint64_t)(t->at[i] - '0');

		if (t->at[i] < '0' || t->at[i] > '9' || *out > most / 10 ||
		    *out * 10 > most - digit)
			return false;
		*out = *out * 10 + digit;
	}
	return true;
}

static bool take_hex(const struct text *t,
                     char out[static VS_CMDLINE_HEX_LEN + 1])
{
	if (t->len != VS_CMDLINE_HEX_LEN)
		return false;
	for (size_t i = 0; i < t->len; i++)
		if (digit_of(t->at[i]) < 0)
			return false;
	memcpy(out, t->at, t->len);
	out[t->len] = '\0';
	return true;
}

static bool take_name(const struct text *t,
                      char out[static VS_GPT_NAME_MAX + 1])
{
	if (t->len == 0 || t->len > VS_GPT_NAME_MAX)
		return false;
	for (size_t i = 0; i < t->len; i++)
		if (t->at[i] <= ' ' || t->at[i] > '~' || t->at[i] == '/')
			return false;
	memcpy(out, t->at, t->len);
	out[t->len] = '\0';
	return true;
}

/* A GUID's text; its first three numbers are little endian in a table. */
static bool take_id(const struct text *t, uint8_t out[static VS_GPT_ID_LEN])
{
	static const uint8_t order[VS_GPT_ID_LEN] = {
		3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	const char *p = t->at;

	if (t->len != 2 * VS_GPT_ID_LEN + 4)
		return false;
	for (size_t i = 0; i < VS_GPT_ID_LEN; i++) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-')
			return false;
		int high = digit_of(p[0]), low = digit_of(p[1]);

		if (high < 0 || low < 0)
			return false;
		out[order[i]] = (uint8_t)(high << 4 | low);
		p += 2;
	}
	return true;
}

static vs_status take_verity(struct text t, struct vs_cmdline *out,
                             struct vs_why *why)
{
	struct vs_cmdline_verity *v;
	struct text name, id, length, salt;

	if (out->verity_count == VS_CMDLINE_VERITY_MAX)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "too many of voltseal.verity", t.begins);
	v = &out->verity[out->verity_count++];
	name = cut(&t, ':');
	id = cut(&t, ':');
	length = cut(&t, ':');
	salt = cut(&t, ':');
	if (!take_name(&name, v->partition))
		return malformed(why, "voltseal.verity: partition", &name);
	if (!take_id(&id, v->id))
		return malformed(why, "voltseal.verity: PARTUUID", &id);
	if (!take_number(&length, INT64_MAX, &v->image_len) ||
	    v->image_len == 0)
		return malformed(why, "voltseal.verity: length", &length);
	if (!take_hex(&salt, v->salt))
		return malformed(why, "voltseal.verity: salt", &salt);
	if (!take_hex(&t, v->root))
		return malformed(why, "voltseal.verity: root hash", &t);
	return VS_OK;
}

static vs_status take_word(struct text t, struct vs_cmdline *out,
                           struct vs_why *why)
{
	uint64_t number = 0;

	if (begins_with(&t, "voltseal.verity="))
		return take_verity(t, out, why);
	if (begins_with(&t, "voltseal.slot=")) {
		if (out->slot >= 0 || t.len != 1 ||
		    (t.at[0] != 'a' && t.at[0] != 'b'))
			return malformed(why, "voltseal.slot", &t);
		out->slot = t.at[0] - 'a';
	} else if (begins_with(&t, "voltseal.recovery=")) {
		if (out->recovery || t.len != 1 || t.at[0] != '1')
			return malformed(why, "voltseal.recovery", &t);
		out->recovery = true;
	} else if (begins_with(&t, "voltseal.watchdog=")) {
		if (out->watchdog_s > 0 ||
		    !take_number(&t, VS_CMDLINE_WATCHDOG_MAX, &number) ||
		    number == 0)
			return malformed(why, "voltseal.watchdog", &t);
		out->watchdog_s = (uint32_t)number;
	} else if (begins_with(&t, "voltseal.")) {
		return malformed(why, "unknown word of voltseal", &t);
	}
	return VS_OK;
}

vs_status vs_cmdline_decode(const char *line, size_t len,
                            struct vs_cmdline *out, struct vs_why *why)
{
	struct text rest = {line, len, 0};
	vs_status status = VS_OK;

	memset(out, 0, sizeof(*out));
	out->slot = -1;
	if (len > VS_CMDLINE_MAX)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "command line", VS_CMDLINE_MAX);
	if (len > 0 && line[len - 1] == '\n')
		rest.len--;
	while (rest.len > 0 && status == VS_OK)
		status = take_word(cut(&rest, ' '), out, why);
	if (status != VS_OK)
		return status;
	if ((out->slot >= 0) == out->recovery)
		return malformed(why, "voltseal.slot or voltseal.recovery: one",
		                 &rest);
	if (out->slot >= 0 && out->verity_count == 0)
		return malformed(why, "a slot without voltseal.verity", &rest);
	return VS_OK;
}
