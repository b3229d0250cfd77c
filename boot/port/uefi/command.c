/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/command.c - the kernel's command line.
 */
#include "boot/port/uefi/command.h"

struct line {
	char *out;
	size_t len; /* what it would be, cut off or not */
};

static void add(struct line *l, char c)
{
	if (l->len < VS_COMMAND_MAX)
		l->out[l->len] = c;
	l->len++;
}

static void add_text(struct line *l, const char *text)
{
	for (size_t i = 0; text[i] != '\0'; i++)
		add(l, text[i]);
}

static void add_byte(struct line *l, uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";

	add(l, digits[byte >> 4]);
	add(l, digits[byte & 15]);
}

static void add_number(struct line *l, uint64_t n)
{
	char digits[20];
	size_t count = 0;

	do
		digits[count++] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	while (count > 0)
		add(l, digits[--count]);
}

/* RFC 4122's text of a GUID whose first three numbers are little endian. */
static void add_id(struct line *l, const uint8_t *id)
{
	static const uint8_t order[] = {3, 2, 1,  0,  5,  4,  7,  6,
	                                8, 9, 10, 11, 12, 13, 14, 15};

	for (size_t i = 0; i < sizeof(order); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			add(l, '-');
		add_byte(l, id[order[i]]);
	}
}

static void add_root(struct line *l, const struct vs_command_root *root)
{
	add_text(l, "voltseal.verity=");
	add_text(l, root->partition);
	add(l, ':');
	add_id(l, root->id);
	add(l, ':');
	add_number(l, root->header->image_len);
	add(l, ':');
	for (size_t i = 0; i < VS_SALT_LEN; i++)
		add_byte(l, root->header->salt[i]);
	add(l, ':');
	for (size_t i = 0; i < VS_SHA256_LEN; i++)
		add_byte(l, root->header->root_hash[i]);
	add(l, ' ');
}

vs_status vs_command_build(char slot, const struct vs_command_root *roots,
                           int count, const struct vs_kernel *kernel,
                           char out[static VS_COMMAND_MAX + 1], size_t *len)
{
	struct line l = {out, 0};

	*len = 0;
	out[0] = '\0';
	if (slot == 0) {
		add_text(&l, "voltseal.recovery=1 ");
	} else {
		add_text(&l, "voltseal.slot=");
		add(&l, slot);
		add(&l, ' ');
	}
	for (int i = 0; i < count; i++)
		add_root(&l, &roots[i]);
	for (size_t i = 0; i < kernel->command_len; i++)
		add(&l, kernel->command[i]);
	if (l.len > VS_COMMAND_MAX)
		return VS_ERR_LIMIT;
	out[l.len] = '\0';
	*len = l.len;
	return VS_OK;
}
