/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/tree.c - files by numbers.
 */
#include "tests/delta/tree.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FOLDERS 4

/* Words that repeat, so that they pack. */
static struct bytes content(uint32_t *seed)
{
	static const char *const words[] = {"meter",   "cable", "pilot ",
	                                    "contact", "phase", "\n"};
	bool is_long = next_number(seed) % 4 == 0;
	size_t len = next_number(seed) % (is_long ? 400 * 1024 : 9000);
	uint32_t kind = next_number(seed) % 8;
	struct bytes b = {0};

	while (b.len < len) {
		const char *word = words[next_number(seed) % 6];
		uint32_t number = next_number(seed);

		if (kind == 0)
			word = "\0\0\0\0\0\0\0\0";
		else if (kind == 1)
			word = (const char *)&number;
		assert_int_equal(bytes_write(&b, (const uint8_t *)word,
		                             kind == 0   ? 8
		                             : kind == 1 ? 3
		                                         : strlen(word)),
		                 VS_OK);
	}
	return b;
}

void tree_set(struct tree *t, size_t file, const char *name, struct bytes bytes)
{
	struct tree_file *f = &t->files[file];

	free(f->bytes.data);
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->bytes = bytes;
}

static void add(struct tree *t, size_t file, uint32_t *seed)
{
	char name[24];
	uint32_t folder = next_number(seed) % FOLDERS;
	uint32_t number = (uint32_t)file * 20 + next_number(seed) % 20;

	snprintf(name, sizeof(name), "%u/n%03u", folder, number);
	tree_set(t, file, name, content(seed));
}

void tree_init(struct tree *t, uint32_t seed, const char *program)
{
	*t = (struct tree){0};
	for (size_t i = 2; i < TREE_FILES - 6; i++)
		add(t, i, &seed);
	if (program) {
		tree_set(t, 0, "1/program", load(program));
		/* one that is copied, in part */
		tree_set(t, 1, "2/program", load(program));
	}
}

void tree_copy(struct tree *to, const struct tree *from)
{
	*to = *from;
	for (size_t i = 0; i < TREE_FILES; i++)
		to->files[i].bytes = copy_of(&from->files[i].bytes);
}

void tree_drop(struct tree *t)
{
	for (size_t i = 0; i < TREE_FILES; i++)
		free(t->files[i].bytes.data);
	*t = (struct tree){0};
}

void tree_edit(struct tree *t, uint32_t *seed, size_t edits)
{
	for (size_t k = 0; k < edits; k++) {
		size_t i = next_number(seed) % TREE_FILES;
		struct tree_file *f = &t->files[i];
		uint32_t what = next_number(seed) % 6;
		size_t at = f->bytes.len ? next_number(seed) % f->bytes.len : 0;
		uint8_t more[100];

		fill(more, sizeof(more), next_number(seed));
		if (f->name[0] == '\0' || what == 0)
			add(t, i, seed);
		else if (what == 1)
			f->name[0] = '\0';
		else if (what == 2)
			f->name[0] = (char)('0' + next_number(seed) % FOLDERS);
		else if (what == 3)
			assert_int_equal(bytes_write(&f->bytes, more,
			                             next_number(seed) % 100),
			                 VS_OK);
		else if (what == 4)
			f->bytes.len = at;
		else if (f->bytes.len - at > sizeof(more))
			memcpy(f->bytes.data + at, more,
			       next_number(seed) % sizeof(more));
	}
}

static void save_all(const struct tree *t, const char *folder)
{
	char path[128];

	for (int i = 0; i < FOLDERS; i++) {
		snprintf(path, sizeof(path), "%s/%d", folder, i);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	for (size_t i = 0; i < TREE_FILES; i++) {
		const struct tree_file *f = &t->files[i];

		if (f->name[0] == '\0')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, f->name);
		save(path, &f->bytes);
	}
}

static void remove_all(const struct tree *t, const char *folder)
{
	char path[128];

	for (size_t i = 0; i < TREE_FILES; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, t->files[i].name);
		if (t->files[i].name[0] != '\0')
			unlink(path);
	}
	for (int i = 0; i < FOLDERS; i++) {
		snprintf(path, sizeof(path), "%s/%d", folder, i);
		rmdir(path);
	}
	rmdir(folder);
}

struct bytes tree_image(const struct tree *t, const char *const *words)
{
	char folder[] = "/tmp/vs-tree-XXXXXX";
	char tree[64], image[64];
	const char *argv[24] = {NULL};
	struct bytes out;

	assert_non_null(mkdtemp(folder));
	snprintf(tree, sizeof(tree), "%s/tree", folder);
	snprintf(image, sizeof(image), "%s/image", folder);
	assert_int_equal(mkdir(tree, 0755), 0);
	save_all(t, tree);
	for (size_t i = 0; words[i]; i++) {
		assert_true(i + 1 < 24);
		argv[i] = strcmp(words[i], "TREE") == 0    ? tree
		          : strcmp(words[i], "IMAGE") == 0 ? image
		                                           : words[i];
	}
	assert_int_equal(run(argv), 0);
	out = load(image);
	unlink(image);
	remove_all(t, tree);
	rmdir(folder);
	return out;
}
