/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_cmdline.c - a command line that the initrd takes makes a
 * dm-verity table of nothing but numbers, names and digits.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "boot/initrd/cmdline.h"
#include "boot/initrd/verity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct vs_cmdline_verity *v)
{
	char table[VS_VERITY_TABLE_MAX];
	uint64_t sectors = 0;
	int blanks = 0;

	assert(v->image_len > 0);
	assert(strlen(v->salt) == VS_CMDLINE_HEX_LEN);
	assert(strlen(v->root) == VS_CMDLINE_HEX_LEN);
	assert(strlen(v->partition) > 0 && !strpbrk(v->partition, " /\n"));
	assert(vs_verity_table(v, "/dev/x", table, &sectors) == VS_OK);
	assert(sectors % 8 == 0 && sectors * 512 >= v->image_len);
	for (const char *p = table; *p != '\0'; p++)
		blanks += *p == ' ';
	assert(blanks == 9);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vs_cmdline c;
	struct vs_why why = {VS_REASON_NONE, NULL, 0};

	if (vs_cmdline_decode((const char *)data, size, &c, &why) != VS_OK) {
		assert(why.what && why.at <= size + 1);
		return 0;
	}
	assert((c.slot >= 0) != c.recovery && c.slot < 2);
	assert(c.recovery || c.verity_count > 0);
	assert(c.verity_count <= VS_CMDLINE_VERITY_MAX);
	assert(c.watchdog_s <= VS_CMDLINE_WATCHDOG_MAX);
	for (int i = 0; i < c.verity_count; i++)
		check(&c.verity[i]);
	return 0;
}
