/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/image_test.c - what was made from two images gives the second
 * one; what was made by nobody gives an error, and harms nothing.
 *
 * The ext4 images hold two versions of a program (specimen.c), made by
 * mke2fs.
 */
#include "tests/delta/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define UUID "4ea5ee68-fea0-5586-1068-90ded5733820"

static struct bytes image_of(size_t len, uint32_t seed)
{
	struct bytes b = {malloc(len), len, len, 0};

	assert_non_null(b.data);
	fill(b.data, len, seed);
	return b;
}

static void check(const struct bytes *was, const struct bytes *is,
                  size_t at_most)
{
	struct bytes delta = {0};

	assert_int_equal(make_delta(was, is, &delta, NULL), VS_OK);
	assert_int_equal(apply_delta(was, is, &delta), VS_OK);
	assert_int_equal(delta.at, delta.len);
	assert_true(delta.len <= at_most);
	free(delta.data);
}

/* S0.31 */
static void random_edits_come_out_as_they_were(void **state)
{
	uint32_t seed = 5;

	(void)state;
	for (uint32_t round = 0; round < 12; round++) {
		size_t len = 1 + next_number(&seed) % (256 * 1024);
		struct bytes was = image_of(len, round);
		struct bytes is = copy_of(&was);
		size_t edits = next_number(&seed) % 8;

		for (size_t i = 0; i < edits; i++) {
			size_t at = next_number(&seed) % is.len;
			size_t n = next_number(&seed) % 64;

			n = n > is.len - at ? is.len - at : n;
			if (i % 2 == 0) /* taken out: all behind it moves */
				memmove(is.data + at, is.data + at + n,
				        is.len - at - n);
			else
				fill(is.data + at, n, next_number(&seed));
		}
		is.len -= next_number(&seed) % (is.len / 2 + 1);
		check(&was, &is, 4096 + 192 * edits);
		free(was.data);
		free(is.data);
	}
}

static void images_of_any_length_come_out_as_they_were(void **state)
{
	static const size_t lengths[] = {1, 4095, 4096, 4097, 70000};

	(void)state;
	for (size_t i = 0; i < 5; i++)
		for (size_t k = 0; k < 5; k++) {
			struct bytes was = image_of(lengths[i], 1);
			struct bytes is = image_of(lengths[k], 1);

			check(&was, &is,
			      lengths[k] > lengths[i] ? 400 + lengths[k] * 9 / 8
			                              : 400);
			free(was.data);
			free(is.data);
		}
}

/* An ext4 image with a program in it. */
static struct bytes ext4_of(const char *program)
{
	char folder[] = "/tmp/vs-delta-XXXXXX";
	char tree[64], file[80], image[64];
	struct bytes b = load(program), out;

	assert_non_null(mkdtemp(folder));
	snprintf(tree, sizeof(tree), "%s/tree", folder);
	snprintf(file, sizeof(file), "%s/bin", tree);
	snprintf(image, sizeof(image), "%s/image", folder);
	assert_int_equal(mkdir(tree, 0755), 0);
	save(file, &b);
	free(b.data);
	const char *const words[] = {"/usr/sbin/mke2fs",
	                             "-q",
	                             "-t",
	                             "ext4",
	                             "-b",
	                             "4096",
	                             "-O",
	                             "^has_journal",
	                             "-U",
	                             UUID,
	                             "-E",
	                             "hash_seed=" UUID,
	                             "-d",
	                             tree,
	                             image,
	                             "4M",
	                             NULL};
	assert_int_equal(run(words), 0);
	out = load(image);
	unlink(file);
	unlink(image);
	rmdir(tree);
	rmdir(folder);
	return out;
}

static void
a_rebuilt_program_costs_a_fraction_of_its_changed_bytes(void **state)
{
	struct bytes was = ext4_of(SPECIMEN), is = ext4_of(SPECIMEN_MORE);
	struct bytes delta = {0}, plain = {0};
	struct bytes old_program = load(SPECIMEN);
	struct bytes new_program = load(SPECIMEN_MORE);
	struct vs_make figures;

	(void)state;
	assert_int_equal(make_delta(&was, &is, &delta, &figures), VS_OK);
	assert_int_equal(figures.pairs, 1);
	assert_int_equal(apply_delta(&was, &is, &delta), VS_OK);
	/* the same two programs without their section tables being read */
	old_program.data[0] = new_program.data[0] = 0;
	assert_int_equal(make_delta(&old_program, &new_program, &plain, NULL),
	                 VS_OK);
	assert_int_equal(apply_delta(&old_program, &new_program, &plain),
	                 VS_OK);
	print_message("# %zu bytes, %zu without prediction\n", delta.len,
	              plain.len);
	assert_true(delta.len * 3 < plain.len * 2);
	free(was.data);
	free(is.data);
	free(delta.data);
	free(plain.data);
	free(old_program.data);
	free(new_program.data);
}

static void the_same_images_give_the_same_delta(void **state)
{
	struct bytes was = ext4_of(SPECIMEN), is = ext4_of(SPECIMEN_MORE);
	struct bytes first = {0}, second = {0};

	(void)state;
	assert_int_equal(make_delta(&was, &is, &first, NULL), VS_OK);
	assert_int_equal(make_delta(&was, &is, &second, NULL), VS_OK);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	free(was.data);
	free(is.data);
	free(first.data);
	free(second.data);
}

/* Whatever is changed: an error or other bytes, never a crash or a hang. */
static void a_damaged_delta_never_gives_the_new_image(void **state)
{
	struct bytes was = ext4_of(SPECIMEN), is = ext4_of(SPECIMEN_MORE);
	struct bytes delta = {0};
	uint32_t seed = 9;
	size_t errors = 0;

	(void)state;
	assert_int_equal(make_delta(&was, &is, &delta, NULL), VS_OK);
	for (int i = 0; i < 300; i++) {
		struct bytes bad = copy_of(&delta);
		size_t at = i < 100 ? (size_t)i + VS_DELTA_HEAD_LEN
		                    : VS_DELTA_HEAD_LEN +
		                              next_number(&seed) %
		                                      (bad.len -
		                                       VS_DELTA_HEAD_LEN - 8);
		vs_status status;

		if (i % 3 == 0)
			bad.len = at;
		else
			bad.data[at] ^= (uint8_t)(1u << i % 8);
		status = apply_delta(&was, &is, &bad);
		assert_int_not_equal(status, VS_OK);
		errors += status != VS_ERR_REFUSED;
		free(bad.data);
	}
	assert_true(errors >= 100);
	free(was.data);
	free(is.data);
	free(delta.data);
}

static void a_damaged_old_image_never_gives_the_new_one(void **state)
{
	struct bytes was = ext4_of(SPECIMEN), is = ext4_of(SPECIMEN_MORE);
	struct bytes delta = {0};
	uint32_t seed = 13;
	int same = 0;

	(void)state;
	assert_int_equal(make_delta(&was, &is, &delta, NULL), VS_OK);
	for (int i = 0; i < 100; i++) {
		struct bytes bad = copy_of(&was);

		/* most of all in the program, its section headers too */
		for (int k = 0; k < 64; k++) {
			size_t at = next_number(&seed) % bad.len;

			bad.data[at] ^= (uint8_t)(1u << k % 8);
		}
		same += apply_delta(&bad, &is, &delta) == VS_OK;
		free(bad.data);
	}
	/* some blocks are not read at all */
	assert_true(same < 50);
	free(was.data);
	free(is.data);
	free(delta.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_edits_come_out_as_they_were),
		cmocka_unit_test(images_of_any_length_come_out_as_they_were),
		cmocka_unit_test(
			a_rebuilt_program_costs_a_fraction_of_its_changed_bytes),
		cmocka_unit_test(the_same_images_give_the_same_delta),
		cmocka_unit_test(a_damaged_delta_never_gives_the_new_image),
		cmocka_unit_test(a_damaged_old_image_never_gives_the_new_one),
	};

	return cmocka_run_group_tests_name("delta image", tests, NULL, NULL);
}
