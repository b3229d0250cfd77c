/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/specimens.c - images by their builders.
 */
#include "tests/agent/specimens.h"

#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/delta/tree.h"

#define UUID "4ea5ee68-fea0-5586-1068-90ded5733820"
#define NOISE_LEN 600000 /* so that an image has clusters that stay */
#define TEXT_LEN 30000

#define SQUASHFS(packer)                                                       \
	{                                                                      \
		"/usr/bin/mksquashfs", "TREE", "IMAGE", "-comp", packer,       \
			"-noappend", "-all-root", "-no-xattrs", "-processors", \
			"1", "-all-time", "1700000000", "-mkfs-time",          \
			"1700000000"                                           \
	}
#define EROFS(more)                                                            \
	{                                                                      \
		"/usr/bin/mkfs.erofs", "-T", "1700000000", "-U", UUID, "-x-1", \
			"--all-root", more, "IMAGE", "TREE"                    \
	}

/* words: how its builder is called. */
static const struct row {
	const char *name;
	const char *words[20];
} rows[SPECIMENS] = {
	[SPECIMEN_EXT4] = {"ext4",
                           {"/usr/sbin/mke2fs", "-q", "-t", "ext4", "-b",
                            "4096", "-O", "^has_journal", "-U", UUID, "-E",
                            "hash_seed=" UUID, "-d", "TREE", "IMAGE", "1536K"}},
	[SPECIMEN_ZSTD] = {"squashfs, zstd", SQUASHFS("zstd")                 },
	[SPECIMEN_XZ] = {"squashfs, xz",   SQUASHFS("xz")                   },
	[SPECIMEN_GZIP] = {"squashfs, gzip", SQUASHFS("gzip")                 },
	[SPECIMEN_EROFS] = {"erofs",          EROFS("--quiet")                 },
	[SPECIMEN_LZ4HC] = {"erofs, lz4hc",   EROFS("-zlz4hc")                 },
	[SPECIMEN_CONTROLLER] = {"Cortex-M",       {NULL}                           },
};

const char *specimen_name(enum specimen kind)
{
	return rows[kind].name;
}

static struct bytes noise_of(size_t len, uint32_t seed)
{
	struct bytes b = {.data = malloc(len), .len = len, .cap = len};

	assert_non_null(b.data);
	fill(b.data, len, seed);
	return b;
}

/* It packs well, and half of it is another one. */
static struct bytes text_of(bool is_new)
{
	struct bytes b = noise_of(TEXT_LEN, 7);

	for (size_t i = 0; i < b.len; i++)
		b.data[i] = (uint8_t)('a' + b.data[i] % 4);
	for (size_t i = b.len / 2; is_new && i < b.len; i += 1000)
		b.data[i] = '!';
	return b;
}

static struct bytes controller(bool is_new)
{
	const char *path = is_new ? PROGRAMS "/firmware_thumb_new"
	                          : PROGRAMS "/firmware_thumb_old";
	struct bytes b;

	if (access(path, R_OK) == 0)
		return load(path);
	b = noise_of(9000, 11);
	fill(b.data + 8000, 1000, is_new);
	return b;
}

struct bytes specimen_program(bool is_new)
{
	return load(is_new ? PROGRAMS "/delta_specimen_more"
	                   : PROGRAMS "/delta_specimen");
}

struct bytes specimen_image(enum specimen kind, bool is_new)
{
	struct tree t = {0};
	struct bytes image;

	if (!rows[kind].words[0])
		return controller(is_new);
	tree_set(&t, 0, "0/noise", noise_of(NOISE_LEN, 1));
	tree_set(&t, 1, "1/program", specimen_program(is_new));
	tree_set(&t, 2, "2/text", text_of(is_new));
	image = tree_image(&t, rows[kind].words);
	tree_drop(&t);
	return image;
}
