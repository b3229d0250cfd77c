/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/squash_test.c - squashfs images come out as they were, small;
 * damaged deltas and old images end in an error that has a reason.
 *
 * The images are made by mksquashfs from trees that were edited by chance.
 */
#include "delta/make/parted.h"
#include "tests/delta/tree.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define AT_LEVEL 98 /* in the options behind the superblock */
#define AT_PACKER 96

/* How an image is made: what stands behind mksquashfs's usual words. */
struct how {
	const char *level, *block, *more, *other, *packer, *word;
};

static struct bytes image_of(const struct tree *t, const struct how *how)
{
	const char *const words[] = {"/usr/bin/mksquashfs",
	                             "TREE",
	                             "IMAGE",
	                             "-b",
	                             how->block,
	                             "-comp",
	                             how->packer ? how->packer : "zstd",
	                             how->word ? how->word
	                                       : "-Xcompression-level",
	                             how->level,
	                             "-noappend",
	                             "-all-root",
	                             "-no-xattrs",
	                             "-processors",
	                             "1",
	                             "-all-time",
	                             "1700000000",
	                             "-mkfs-time",
	                             "1700000000",
	                             how->more,
	                             how->other,
	                             NULL};

	return tree_image(t, words);
}

static const struct how usual = {"19", "131072", NULL, NULL, NULL, NULL};
static const struct how quick = {"2", "32768", NULL, NULL, NULL, NULL};

static void pair_how(const struct how *how, struct bytes *was, struct bytes *is)
{
	struct tree t;
	uint32_t seed = 77;

	tree_init(&t, 3, SPECIMEN);
	*was = image_of(&t, how);
	tree_edit(&t, &seed, 6);
	tree_set(&t, 0, "1/program", load(SPECIMEN_MORE));
	*is = image_of(&t, how);
	tree_drop(&t);
}

static void pair_of(struct bytes *was, struct bytes *is)
{
	pair_how(&quick, was, is);
}

/* S0.31 */
static void random_edits_of_trees_come_out_as_they_were(void **state)
{
	/* clang-format off */
	static const struct how hows[] = {
		{"19", "131072", NULL, NULL, NULL, NULL},
		{"3", "4096", NULL, NULL, NULL, NULL},
		{"15", "65536", "-no-fragments", NULL, NULL, NULL},
		{"19", "131072", "-no-exports", "-no-sparse", NULL, NULL},
		{"22", "262144", "-no-duplicates", "-always-use-fragments",
		 NULL, NULL},
		{"19", "16384", "-noI", NULL, NULL, NULL},
		{"1", "131072", "-noF", "-noD", NULL, NULL},
	};
	/* clang-format on */
	uint32_t seed = 4711;

	(void)state;
	for (size_t i = 0; i < 14; i++) {
		const struct how *how = &hows[i % 7];
		struct bytes was, is, delta = {0};
		struct vs_make figures;
		struct tree t;

		tree_init(&t, (uint32_t)i, i % 2 ? SPECIMEN : NULL);
		was = image_of(&t, how);
		tree_edit(&t, &seed, next_number(&seed) % 20);
		is = image_of(&t, how);
		assert_int_equal(make_delta(&was, &is, &delta, &figures),
		                 VS_OK);
		assert_int_equal(delta.data[10], VS_DELTA_UNITS);
		assert_int_equal(figures.units_failed, 0);
		/* -noI and -noF say so of tables, too */
		if (i % 7 < 5)
			assert_int_equal(figures.tables, 2);
		assert_int_equal(apply_delta(&was, &is, &delta), VS_OK);
		assert_int_equal(delta.at, delta.len);
		if (i % 4 == 1)
			apply_both_ways(&was, &is, &delta);
		tree_drop(&t);
		free(was.data);
		free(is.data);
		free(delta.data);
	}
}

static void a_changed_squashfs_costs_what_its_contents_do(void **state)
{
	struct bytes was, is, delta = {0}, plain = {0};
	struct vs_make figures;
	struct tree t;
	uint32_t seed = 1;

	(void)state;
	tree_init(&t, 3, SPECIMEN);
	was = image_of(&t, &usual);
	/* the first file grows: all that is behind it moves */
	for (size_t i = 2; i < 12; i++)
		fill(t.files[i].bytes.data, t.files[i].bytes.len > 50 ? 50 : 0,
		     next_number(&seed));
	tree_set(&t, 0, "1/program", load(SPECIMEN_MORE));
	is = image_of(&t, &usual);
	tree_drop(&t);
	assert_int_equal(make_delta(&was, &is, &delta, &figures), VS_OK);
	assert_true(figures.units > 0);
	assert_int_equal(figures.units_failed, 0);
	assert_int_equal(figures.pairs, 1);
	assert_int_equal(apply_delta(&was, &is, &delta), VS_OK);
	/* the same without anybody seeing that it is a squashfs */
	was.data[0] ^= 1;
	is.data[0] ^= 1;
	assert_int_equal(make_delta(&was, &is, &plain, NULL), VS_OK);
	print_message("# %zu bytes, %zu without unpacking\n", delta.len,
	              plain.len);
	assert_true(delta.len * 2 < plain.len);
	free(was.data);
	free(is.data);
	free(delta.data);
	free(plain.data);
}

/* The helper gets what there is room for, and nothing is done twice. */
static void units_are_packed_beside_the_walk(void **state)
{
	const struct how tiny = {"1", "4096", NULL, NULL, NULL, NULL};
	const struct how large = {"1", "1048576", NULL, NULL, NULL, NULL};
	struct bytes was, is, delta = {0};
	struct late late;
	struct vs_delta_helper helper = late_helper(&late);
	vs_status status;

	(void)state;
	pair_how(&tiny, &was, &is);
	assert_int_equal(make_delta(&was, &is, &delta, NULL), VS_OK);
	assert_int_equal(apply_far(&was, &is, &delta, &helper, &status),
	                 is.len);
	assert_int_equal(late.most, 2);
	print_message("# %u units by the helper\n", late.first);
	assert_true(late.first >= 4);
	free(was.data);
	free(is.data);
	free(delta.data);
	delta = (struct bytes){0};
	/* for these, memory is not taken twice */
	helper = late_helper(&late);
	pair_how(&large, &was, &is);
	assert_int_equal(make_delta(&was, &is, &delta, NULL), VS_OK);
	assert_int_equal(apply_far(&was, &is, &delta, &helper, &status),
	                 is.len);
	assert_int_equal(late.most, 0);
	free(was.data);
	free(is.data);
	free(delta.data);
}

struct packed_row {
	struct how how;
	bool units;  /* it is taken for what it is */
	bool failed; /* some blocks do not come out */
};

/* S0.31: xz and gzip, where they pack again as they did. */
static void other_packers_come_out_as_they_were(void **state)
{
	/* clang-format off */
	static const struct packed_row rows[] = {
		{{"100%", "131072", NULL, NULL, "xz", "-Xdict-size"},
		 true, false},
		{{"8192", "65536", NULL, NULL, "xz", "-Xdict-size"},
		 true, false},
		{{"75%", "32768", NULL, NULL, "xz", "-Xdict-size"},
		 true, false},
		{{"x86", "131072", NULL, NULL, "xz", "-Xbcj"}, true, true},
		{{"9", "131072", NULL, NULL, "gzip", NULL}, true, false},
		{{"1", "4096", NULL, NULL, "gzip", NULL}, true, false},
		{{"6", "1048576", "-always-use-fragments", NULL, "gzip", NULL},
		 true, false},
		{{"8", "131072", NULL, NULL, "gzip", "-Xwindow-size"},
		 false, false},
		{{"huffman_only", "131072", NULL, NULL, "gzip", "-Xstrategy"},
		 false, false},
		{{"3", "131072", NULL, NULL, "lzo", NULL}, false, false},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes was, is, delta = {0};
		struct vs_make figures;

		pair_how(&rows[i].how, &was, &is);
		assert_int_equal(make_delta(&was, &is, &delta, &figures),
		                 VS_OK);
		assert_int_equal(delta.data[10], rows[i].units
		                                         ? VS_DELTA_UNITS
		                                         : VS_DELTA_PLAIN);
		assert_int_equal(figures.units_failed > 0, rows[i].failed);
		assert_int_equal(figures.tables, rows[i].units ? 2 : 0);
		print_message("# %s %s %s: %zu bytes of %zu\n",
		              rows[i].how.packer,
		              rows[i].how.word ? rows[i].how.word : "level",
		              rows[i].how.level, delta.len, is.len);
		assert_int_equal(apply_delta(&was, &is, &delta), VS_OK);
		apply_both_ways(&was, &is, &delta);
		free(was.data);
		free(is.data);
		free(delta.data);
	}
}

static void a_unit_that_does_not_come_out_goes_as_it_is(void **state)
{
	struct bytes was, is, delta = {0};
	struct vs_make figures;

	(void)state;
	pair_of(&was, &is);
	/* packed at 2, it says 19 */
	assert_int_equal(is.data[AT_LEVEL], 2);
	is.data[AT_LEVEL] = 19;
	assert_int_equal(make_delta(&was, &is, &delta, &figures), VS_OK);
	assert_true(figures.units_failed > 0);
	assert_int_equal(apply_delta(&was, &is, &delta), VS_OK);
	free(was.data);
	free(is.data);
	free(delta.data);
}

static void another_version_of_the_library_is_refused(void **state)
{
	struct bytes was, is, delta = {0};
	struct vs_why why;

	(void)state;
	pair_of(&was, &is);
	assert_int_equal(make_delta(&was, &is, &delta, NULL), VS_OK);
	assert_int_equal(apply_why(&was, &is, &delta, &why), VS_OK);
	delta.data[AT_PACKER]++;
	assert_int_equal(apply_why(&was, &is, &delta, &why), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_OTHER_PACKER);
	free(was.data);
	free(is.data);
	free(delta.data);
}

static void the_same_squashfs_pair_gives_the_same_delta(void **state)
{
	struct bytes was, is, first = {0}, second = {0};

	(void)state;
	pair_of(&was, &is);
	assert_int_equal(make_delta(&was, &is, &first, NULL), VS_OK);
	assert_int_equal(make_delta(&was, &is, &second, NULL), VS_OK);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	free(was.data);
	free(is.data);
	free(first.data);
	free(second.data);
}

/* Cut, flipped, or with another delta's bytes in it. */
static void damage(struct bytes *bad, const struct bytes *other, int how,
                   uint32_t *seed)
{
	size_t at = VS_DELTA_HEAD_LEN +
	            next_number(seed) % (bad->len - VS_DELTA_HEAD_LEN - 8);

	if (how < 100)
		at = VS_DELTA_HEAD_LEN + (size_t)how;
	if (how % 3 == 0) {
		bad->len = at;
	} else if (how % 3 == 1) {
		bad->data[at] ^= (uint8_t)(1u << how % 8);
	} else {
		size_t len = bad->len - at < other->len - at ? bad->len - at
		                                             : other->len - at;

		memcpy(bad->data + at, other->data + at, len);
	}
}

static void a_damaged_delta_of_a_squashfs_has_a_reason(void **state)
{
	struct bytes was, is, delta = {0}, back = {0};
	uint32_t seed = 9;
	size_t errors = 0;

	(void)state;
	pair_of(&was, &is);
	assert_int_equal(make_delta(&was, &is, &delta, NULL), VS_OK);
	assert_int_equal(make_delta(&is, &was, &back, NULL), VS_OK);
	for (int i = 0; i < 200; i++) {
		struct bytes bad = copy_of(&delta);
		struct vs_why why;
		vs_status status;

		damage(&bad, &back, i, &seed);
		if (i % 8 == 0)
			apply_both_ways(&was, &is, &bad);
		status = apply_why(&was, &is, &bad, &why);
		assert_int_not_equal(status, VS_OK);
		if (why.code != VS_REASON_NONE)
			errors++;
		else /* other bytes: the tree sees it */
			assert_int_equal(status, VS_ERR_REFUSED);
		free(bad.data);
	}
	assert_true(errors >= 66);
	free(was.data);
	free(is.data);
	free(delta.data);
	free(back.data);
}

static void a_damaged_old_squashfs_never_gives_the_new_one(void **state)
{
	struct bytes was, is, delta = {0};
	uint32_t seed = 13;
	size_t same = 0, errors = 0;

	(void)state;
	pair_of(&was, &is);
	assert_int_equal(make_delta(&was, &is, &delta, NULL), VS_OK);
	for (int i = 0; i < 100; i++) {
		struct bytes bad = copy_of(&was);
		struct vs_why why;
		vs_status status;

		/* its tables at the end more often than the rest */
		for (int k = 0; k < 8; k++) {
			size_t at =
				i % 2 ? next_number(&seed) % bad.len
				      : bad.len - 1 - next_number(&seed) % 6000;

			bad.data[at] ^= (uint8_t)(1u << k % 8);
		}
		status = apply_why(&bad, &is, &delta, &why);
		same += status == VS_OK;
		errors += why.code != VS_REASON_NONE;
		free(bad.data);
	}
	assert_true(same < 50);
	assert_true(errors > 10);
	free(was.data);
	free(is.data);
	free(delta.data);
}

/* What the maker is given need not be whole either. */
static void a_damaged_image_is_made_into_a_delta_all_the_same(void **state)
{
	struct bytes was, is;
	uint32_t seed = 5;

	(void)state;
	pair_of(&was, &is);
	for (int i = 0; i < 24; i++) {
		struct bytes bad = copy_of(i % 2 ? &is : &was), delta = {0};
		const struct bytes *one = i % 2 ? &was : &bad;
		const struct bytes *two = i % 2 ? &bad : &is;

		/* the superblock, or tables */
		for (int k = 0; k < 4; k++) {
			size_t at =
				i % 3 ? bad.len - 1 - next_number(&seed) % 6000
				      : 4 + next_number(&seed) % 92;

			bad.data[at] ^= (uint8_t)(1u << (i + k) % 8);
		}
		assert_int_equal(make_delta(one, two, &delta, NULL), VS_OK);
		assert_int_equal(apply_delta(one, two, &delta), VS_OK);
		free(bad.data);
		free(delta.data);
	}
	free(was.data);
	free(is.data);
}

static size_t not_zero(const struct vs_views *v, const struct vs_slice *s)
{
	const uint8_t *bytes =
		v->images[1].bytes + (size_t)s->at * VS_DELTA_BLOCK;
	size_t count = 0;

	for (uint32_t i = 0; i < s->len; i++)
		count += bytes[i] != 0;
	return count;
}

/* Of what moves with any change, nothing is left in the view. */
static void a_normal_form_holds_no_places(void **state)
{
	struct bytes was, is;
	struct vs_views v;

	(void)state;
	pair_of(&was, &is);
	const struct vs_image images[2] = {
		{was.data, was.len},
                {is.data,  is.len }
        };
	assert_int_equal(vs_views_make(&images[0], &images[1], &v), VS_OK);
	assert_int_equal(v.tables, 2);
	for (size_t i = 0; i < v.units[1].count; i++) {
		const struct vs_unit *u = &v.units[1].list[i];
		const struct vs_slice *s = &v.units[1].slices[u->slice];
		const uint8_t *in = v.images[1].bytes;
		int places = 0;

		if (u->kind != VS_UNIT_TABLES)
			continue;
		assert_true(s[VS_SQUASH_EXPORTS].len > 100);
		assert_int_equal(not_zero(&v, &s[VS_SQUASH_EXPORTS]), 0);
		/* in a folder's list each name begins with a place of 0 */
		in += (size_t)s[VS_SQUASH_FOLDERS].at * VS_DELTA_BLOCK;
		places = in[4] | in[5] | in[6] | in[7];
		in += 12;
		for (int k = 0; k < 3; k++) {
			places |= in[0] | in[1];
			in += 8 + in[6] + 1;
		}
		assert_int_equal(places, 0);
	}
	vs_views_drop(&v);
	free(was.data);
	free(is.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_edits_of_trees_come_out_as_they_were),
		cmocka_unit_test(a_changed_squashfs_costs_what_its_contents_do),
		cmocka_unit_test(units_are_packed_beside_the_walk),
		cmocka_unit_test(other_packers_come_out_as_they_were),
		cmocka_unit_test(a_unit_that_does_not_come_out_goes_as_it_is),
		cmocka_unit_test(another_version_of_the_library_is_refused),
		cmocka_unit_test(the_same_squashfs_pair_gives_the_same_delta),
		cmocka_unit_test(a_damaged_delta_of_a_squashfs_has_a_reason),
		cmocka_unit_test(a_normal_form_holds_no_places),
		cmocka_unit_test(
			a_damaged_image_is_made_into_a_delta_all_the_same),
		cmocka_unit_test(
			a_damaged_old_squashfs_never_gives_the_new_one),
	};

	return cmocka_run_group_tests_name("delta squash", tests, NULL, NULL);
}
