/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/ext4_test.c - the files of an ext4 are where they are said to be,
 * and a damaged one leads nowhere outside of it.
 *
 * The images are made by mke2fs.
 */
#include "delta/layout.h"
#include "delta/make/ext4.h"
#include "tests/delta/tree.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct bytes image_of(const struct tree *t, const char *features)
{
	const char *const words[] = {
		"/usr/sbin/mke2fs", "-q", "-t",   "ext4",  "-b",  "4096", "-O",
		features,           "-d", "TREE", "IMAGE", "16M", NULL};

	return tree_image(t, words);
}

static const struct tree_file *named(const struct tree *t, const char *path)
{
	for (size_t i = 0; i < TREE_FILES; i++)
		if (t->files[i].name[0] && path[0] == '/' &&
		    strcmp(t->files[i].name, path + 1) == 0)
			return &t->files[i];
	return NULL;
}

/* What the extents hold is the file; where there is none are zeros. */
static void holds(const struct bytes *image, const struct vs_ext4_file *f,
                  const struct bytes *content)
{
	size_t len = (content->len + VS_DELTA_BLOCK - 1) / VS_DELTA_BLOCK *
	             VS_DELTA_BLOCK;
	uint8_t *got = calloc(1, len + 1);

	assert_non_null(got);
	assert_int_equal(f->len, content->len);
	for (size_t i = 0; i < f->count; i++) {
		const struct vs_extent *e = &f->extents[i];

		assert_true(((uint64_t)e->file + e->count) * VS_DELTA_BLOCK <=
		            len);
		memcpy(got + (size_t)e->file * VS_DELTA_BLOCK,
		       image->data + (size_t)e->image * VS_DELTA_BLOCK,
		       (size_t)e->count * VS_DELTA_BLOCK);
	}
	assert_memory_equal(got, content->data, content->len);
	free(got);
}

static void each_file_is_found_where_it_lies(void **state)
{
	static const char *const features[] = {"metadata_csum",
	                                       "^metadata_csum", "^flex_bg"};

	(void)state;
	for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++) {
		struct bytes image;
		struct vs_ext4 ext4;
		struct tree t;
		size_t found = 0, wanted = 0;

		tree_init(&t, (uint32_t)i, SPECIMEN);
		image = image_of(&t, features[i]);
		assert_int_equal(vs_ext4_read(image.data, image.len, &ext4),
		                 VS_OK);
		for (size_t k = 0; k < ext4.count; k++) {
			const struct tree_file *f =
				named(&t, ext4.files[k].path);

			if (!f)
				continue;
			found++;
			holds(&image, &ext4.files[k], &f->bytes);
		}
		for (size_t k = 0; k < TREE_FILES; k++)
			wanted += t.files[k].name[0] != '\0' &&
			          t.files[k].bytes.len > 0;
		assert_true(wanted > 10);
		assert_true(found >= wanted);
		assert_true((ext4.table_count > 0) == (i != 1));
		vs_ext4_drop(&ext4);
		tree_drop(&t);
		free(image.data);
	}
}

static void another_image_has_no_files(void **state)
{
	static uint8_t image[1 << 16];
	struct vs_ext4 ext4;

	(void)state;
	fill(image, sizeof(image), 7);
	for (size_t len = 0; len <= sizeof(image); len += 4096) {
		assert_int_equal(vs_ext4_read(image, len, &ext4), VS_OK);
		assert_int_equal(ext4.count, 0);
		vs_ext4_drop(&ext4);
	}
}

/* Superblock, descriptors, inodes, extents and folders. */
static void a_damaged_image_leads_nowhere_outside(void **state)
{
	struct bytes image;
	struct tree t;
	uint32_t seed = 3;
	size_t less = 0, files;
	struct vs_ext4 ext4;

	(void)state;
	tree_init(&t, 2, SPECIMEN);
	image = image_of(&t, "metadata_csum");
	tree_drop(&t);
	assert_int_equal(vs_ext4_read(image.data, image.len, &ext4), VS_OK);
	files = ext4.count;
	vs_ext4_drop(&ext4);
	for (size_t round = 0; round < 300; round++) {
		struct bytes bad = copy_of(&image);

		for (size_t k = 0; k < 200; k++)
			bad.data[1024 +
			         next_number(&seed) %
			                 (round % 2 ? 40000 : 2000000)] ^=
				(uint8_t)(1u << k % 8);
		if (round % 5 == 0)
			bad.len = next_number(&seed) % bad.len / 4096 * 4096;
		assert_int_equal(vs_ext4_read(bad.data, bad.len, &ext4), VS_OK);
		less += ext4.count < files;
		for (size_t i = 0; i < ext4.count; i++)
			for (size_t k = 0; k < ext4.files[i].count; k++) {
				const struct vs_extent *e =
					&ext4.files[i].extents[k];

				assert_true(((uint64_t)e->image + e->count) *
				                    VS_DELTA_BLOCK <=
				            bad.len);
			}
		vs_ext4_drop(&ext4);
		free(bad.data);
	}
	assert_true(less > 30);
	free(image.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file_is_found_where_it_lies),
		cmocka_unit_test(another_image_has_no_files),
		cmocka_unit_test(a_damaged_image_leads_nowhere_outside),
	};

	return cmocka_run_group_tests_name("delta ext4", tests, NULL, NULL);
}
