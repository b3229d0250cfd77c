/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/erofs_test.c - erofs images that are not packed come out as they
 * were, with the programs in them predicted, though their tails lie beside
 * inodes; packed ones come out all the same.
 */
#include "delta/make/erofs.h"
#include "tests/delta/tree.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define UUID "4ea5ee68-fea0-5586-1068-90ded5733820"

static struct bytes image_of(const struct tree *t, const char *more)
{
	const char *const words[] = {
		"/usr/bin/mkfs.erofs", "-T", "1700000000", "-U",   UUID, "-x-1",
		"--all-root",          more, "IMAGE",      "TREE", NULL};

	return tree_image(t, words);
}

/* S0.31 */
static void random_edits_of_trees_come_out_as_they_were(void **state)
{
	static const char *const hows[] = {"--quiet", "-Eforce-inode-extended",
	                                   "-zlz4hc", "-Enoinline_data"};
	uint32_t seed = 99;

	(void)state;
	for (size_t i = 0; i < 12; i++) {
		struct bytes was, is, delta = {0};
		struct vs_make figures;
		struct tree t;

		tree_init(&t, (uint32_t)i, SPECIMEN);
		was = image_of(&t, hows[i % 4]);
		tree_edit(&t, &seed, next_number(&seed) % 20);
		tree_set(&t, 0, "1/program", load(SPECIMEN_MORE));
		is = image_of(&t, hows[i % 4]);
		assert_int_equal(make_delta(&was, &is, &delta, &figures),
		                 VS_OK);
		/* who is packed is an image like any other */
		assert_int_equal(delta.data[10],
		                 i % 4 == 2 ? VS_DELTA_PLAIN : VS_DELTA_UNITS);
		if (i % 4 != 2)
			assert_true(figures.pairs >= 1);
		assert_int_equal(apply_delta(&was, &is, &delta), VS_OK);
		assert_int_equal(delta.at, delta.len);
		tree_drop(&t);
		free(was.data);
		free(is.data);
		free(delta.data);
	}
}

static void a_program_whose_tail_lies_elsewhere_is_predicted(void **state)
{
	struct bytes was, is, delta = {0}, plain = {0};
	struct vs_make figures;
	struct tree t = {0};

	(void)state;
	tree_set(&t, 0, "1/program", load(SPECIMEN));
	/* its tail is beside the inode */
	assert_true(t.files[0].bytes.len % VS_DELTA_BLOCK != 0);
	was = image_of(&t, "--quiet");
	tree_set(&t, 0, "1/program", load(SPECIMEN_MORE));
	is = image_of(&t, "--quiet");
	tree_drop(&t);
	assert_int_equal(make_delta(&was, &is, &delta, &figures), VS_OK);
	assert_int_equal(figures.pairs, 1);
	assert_int_equal(apply_delta(&was, &is, &delta), VS_OK);
	/* the same without anybody seeing that it is an erofs */
	was.data[1024] ^= 1;
	is.data[1024] ^= 1;
	assert_int_equal(make_delta(&was, &is, &plain, NULL), VS_OK);
	print_message("# %zu bytes, %zu without files\n", delta.len, plain.len);
	assert_true(delta.len * 4 < plain.len * 3);
	free(was.data);
	free(is.data);
	free(delta.data);
	free(plain.data);
}

/* The maker's images are whole, but what it is given need not be. */
static void a_damaged_image_is_made_into_a_delta_all_the_same(void **state)
{
	struct tree t;
	struct bytes was, is;
	uint32_t seed = 5;

	(void)state;
	tree_init(&t, 4, SPECIMEN);
	was = image_of(&t, "--quiet");
	tree_set(&t, 0, "1/program", load(SPECIMEN_MORE));
	is = image_of(&t, "--quiet");
	tree_drop(&t);
	for (int i = 0; i < 12; i++) {
		struct bytes bad = copy_of(i % 2 ? &is : &was), delta = {0};
		const struct bytes *one = i % 2 ? &was : &bad;
		const struct bytes *two = i % 2 ? &bad : &is;

		/* the superblock, inodes and folders are at the begin */
		for (int k = 0; k < 40; k++)
			bad.data[1024 + 16 + next_number(&seed) % 8000] ^=
				(uint8_t)(1u << k % 8);
		assert_int_equal(make_delta(one, two, &delta, NULL), VS_OK);
		assert_int_equal(apply_delta(one, two, &delta), VS_OK);
		free(bad.data);
		free(delta.data);
	}
	free(was.data);
	free(is.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_edits_of_trees_come_out_as_they_were),
		cmocka_unit_test(
			a_program_whose_tail_lies_elsewhere_is_predicted),
		cmocka_unit_test(
			a_damaged_image_is_made_into_a_delta_all_the_same),
	};

	return cmocka_run_group_tests_name("delta erofs", tests, NULL, NULL);
}
