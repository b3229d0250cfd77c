/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/erofs_test.c - erofs images come out as they were, small: packed
 * with lz4 and lz4hc, and not packed with programs' tails beside inodes;
 * damaged deltas and old images end in an error that has a reason.
 *
 * The images are made by mkfs.erofs from trees that were edited by chance.
 */
#include "delta/make/erofs.h"
#include "tests/delta/tree.h"

#include <lz4hc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delta/erofs.h"
#include "delta/make/parted.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define UUID "4ea5ee68-fea0-5586-1068-90ded5733820"
#define AT_PACKER 96

/* What stands behind mkfs.erofs's usual words, and what comes of it. */
struct how {
	const char *more, *other;
	enum {
		OTHER,  /* packed in ways that are not known */
		UNITS,  /* not packed, or in clusters that do not come out */
		PACKED, /* and every cluster comes out as it was */
	} what;
};

static const struct how stored = {"--quiet", NULL, UNITS};
static const struct how quick = {"-zlz4hc,3", "-C16384", PACKED};

static struct bytes image_of(const struct tree *t, const struct how *how)
{
	const char *const words[] = {"/usr/bin/mkfs.erofs",
	                             "-T",
	                             "1700000000",
	                             "-U",
	                             UUID,
	                             "-x-1",
	                             "--all-root",
	                             how->more,
	                             "IMAGE",
	                             "TREE",
	                             how->other,
	                             NULL};

	return tree_image(t, words);
}

static void pair_of(const struct how *how, struct bytes *was, struct bytes *is)
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

static void drop_pair(struct bytes *was, struct bytes *is)
{
	free(was->data);
	free(is->data);
}

/* S0.31 */
static void random_edits_of_trees_come_out_as_they_were(void **state)
{
	static const struct how hows[] = {
		{"--quiet",                NULL,                       UNITS },
		{"-Eforce-inode-extended", NULL,                       UNITS },
		{"-Enoinline_data",        NULL,                       UNITS },
		{"-zlz4hc,12",             "-C65536",                  PACKED},
		{"-zlz4hc,12",             NULL,                       PACKED},
		{"-zlz4hc",                "-C8192",                   PACKED},
		{"-zlz4",                  "-C65536",                  PACKED},
		{"-zlz4hc,4",              "-Enoinline_data",          PACKED},
		{"-zlz4hc,10",             "-Eforce-inode-extended",   PACKED},
		{"-zlz4hc,12",             "-Elegacy-compress",        PACKED},
		{"-zlz4hc,9",              "--max-extent-bytes=20000", UNITS },
		{"-zlz4hc,12",             "-Eztailpacking",           OTHER },
	};
	uint32_t seed = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(hows) / sizeof(*hows); i++) {
		struct bytes was, is, delta = {0};
		struct vs_make figures;
		struct tree t;

		print_message("# %s %s\n", hows[i].more,
		              hows[i].other ? hows[i].other : "");
		tree_init(&t, (uint32_t)i, SPECIMEN);
		was = image_of(&t, &hows[i]);
		tree_edit(&t, &seed, next_number(&seed) % 20);
		tree_set(&t, 0, "1/program", load(SPECIMEN_MORE));
		is = image_of(&t, &hows[i]);
		assert_int_equal(make_delta(&was, &is, &delta, &figures),
		                 VS_OK);
		if (hows[i].what != OTHER) {
			assert_int_equal(delta.data[10], VS_DELTA_UNITS);
			assert_true(figures.pairs >= 1);
		} else {
			assert_int_equal(figures.units, 0);
		}
		if (hows[i].what == PACKED) {
			assert_true(figures.units > 0);
			assert_int_equal(figures.units_failed, 0);
		}
		assert_int_equal(apply_delta(&was, &is, &delta), VS_OK);
		assert_int_equal(delta.at, delta.len);
		if (hows[i].what == PACKED)
			apply_both_ways(&was, &is, &delta);
		tree_drop(&t);
		drop_pair(&was, &is);
		free(delta.data);
	}
}

#define LONG (3 << 20)

/* Text, of which a word is another one now and then. */
static struct bytes long_file(uint32_t seed)
{
	struct bytes b = {0};

	while (b.len < LONG) {
		char line[64];
		int n = snprintf(line, sizeof(line),
		                 "%u: a meter and %u cables\n", (unsigned)b.len,
		                 (unsigned)(next_number(&seed) % 1000));

		assert_int_equal(
			bytes_write(&b, (const uint8_t *)line, (size_t)n),
			VS_OK);
	}
	return b;
}

/* It is cut into batches, and the helper gets what there is room for. */
static void a_long_file_is_packed_beside_the_walk(void **state)
{
	static const struct how hows[] = {
		{"-zlz4hc,12", "-C65536", PACKED},
		{"-zlz4hc,3",  NULL,      PACKED},
		{"-zlz4",      "-C16384", PACKED}
        };

	(void)state;
	for (size_t i = 0; i < sizeof(hows) / sizeof(*hows); i++) {
		struct bytes was, is, delta = {0};
		struct tree t = {0};
		struct late late;
		struct vs_delta_helper helper = late_helper(&late);
		struct vs_make figures;
		vs_status status;

		tree_set(&t, 0, "1/long", long_file(1));
		was = image_of(&t, &hows[i]);
		for (size_t at = 1000; at < LONG; at += 300000)
			memcpy(t.files[0].bytes.data + at, "another one", 11);
		is = image_of(&t, &hows[i]);
		tree_drop(&t);
		assert_int_equal(make_delta(&was, &is, &delta, &figures),
		                 VS_OK);
		assert_int_equal(figures.units_failed, 0);
		assert_int_equal(apply_far(&was, &is, &delta, &helper, &status),
		                 is.len);
		assert_int_equal(late.most, 2);
		print_message("# %zu bytes, %u batches by the helper\n",
		              delta.len, late.first);
		assert_true(late.first >= 4);
		assert_true(late.first < LONG / VS_BATCH_LEN);
		apply_both_ways(&was, &is, &delta);
		drop_pair(&was, &is);
		free(delta.data);
	}
}

/* A tree with one program, before and after: the delta's length, and without
 * anybody seeing that it is an erofs.
 */
static void cost_of_program(const struct how *how, size_t *len, size_t *plain)
{
	struct bytes was, is, delta = {0}, other = {0};
	struct vs_make figures;
	struct tree t = {0};

	tree_set(&t, 0, "1/program", load(SPECIMEN));
	/* its tail is beside the inode, if it is not packed */
	assert_true(t.files[0].bytes.len % VS_DELTA_BLOCK != 0);
	was = image_of(&t, how);
	tree_set(&t, 0, "1/program", load(SPECIMEN_MORE));
	is = image_of(&t, how);
	tree_drop(&t);
	assert_int_equal(make_delta(&was, &is, &delta, &figures), VS_OK);
	assert_int_equal(figures.pairs, 1);
	assert_int_equal(apply_delta(&was, &is, &delta), VS_OK);
	was.data[1024] ^= 1;
	is.data[1024] ^= 1;
	assert_int_equal(make_delta(&was, &is, &other, NULL), VS_OK);
	*len = delta.len;
	*plain = other.len;
	print_message("# %s: %zu bytes, %zu without files\n", how->more,
	              delta.len, other.len);
	drop_pair(&was, &is);
	free(delta.data);
	free(other.data);
}

static void a_program_whose_tail_lies_elsewhere_is_predicted(void **state)
{
	size_t len, plain;

	(void)state;
	cost_of_program(&stored, &len, &plain);
	assert_true(len * 4 < plain * 3);
}

static void a_packed_program_costs_what_its_contents_do(void **state)
{
	static const struct how how = {"-zlz4hc,12", "-C65536", PACKED};
	size_t len, plain, packed, packed_plain;

	(void)state;
	cost_of_program(&stored, &len, &plain);
	cost_of_program(&how, &packed, &packed_plain);
	assert_true(packed < len + 200);
	assert_true(packed * 2 < packed_plain);
}

/* The last cluster of some file, packed at another level: same blocks. */
static size_t pack_otherwise(struct bytes *image)
{
	const struct vs_image whole = {image->data, image->len};
	struct vs_parted parted;
	size_t changed = 0;

	assert_int_equal(vs_erofs_read(&whole, &parted), VS_OK);
	for (size_t i = 0; i < parted.count; i++) {
		const struct vs_part *p = &parted.parts[i];
		uint8_t *block = image->data + p->at + p->packed - 4096;
		static char held[VS_EROFS_EXTENT_MAX], again[4096];
		const uint8_t *in = block;
		int len, n;

		while (in < block + 4096 && *in == 0)
			in++;
		if (p->stored || p->packed <= 4096 || in == block)
			continue;
		len = LZ4_decompress_safe((const char *)in, held,
		                          (int)(block + 4096 - in),
		                          sizeof(held));
		if (len <= 0)
			continue;
		n = LZ4_compress_HC(held, again, len, sizeof(again), 1);
		if (n <= 0 || (n == block + 4096 - in &&
		               memcmp(again, in, (size_t)n) == 0))
			continue;
		memset(block, 0, 4096);
		memcpy(block + 4096 - n, again, (size_t)n);
		changed++;
	}
	vs_parted_drop(&parted);
	return changed;
}

static void a_cluster_that_does_not_come_out_goes_as_it_is(void **state)
{
	static const struct how how = {"-zlz4hc,12", NULL, PACKED};
	struct bytes was, is, delta = {0};
	struct vs_make figures;
	struct vs_views views;

	(void)state;
	pair_of(&how, &was, &is);
	assert_true(pack_otherwise(&is) > 0);
	const struct vs_image images[2] = {
		{was.data, was.len},
                {is.data,  is.len }
        };
	assert_int_equal(vs_views_make(&images[0], &images[1], &views), VS_OK);
	assert_true(views.units[1].fix_count > 0);
	vs_views_drop(&views);
	assert_int_equal(make_delta(&was, &is, &delta, &figures), VS_OK);
	print_message("# %zu of %zu clusters\n", figures.units_failed,
	              figures.units);
	assert_true(figures.units_failed > 0);
	assert_true(figures.units_failed < figures.units / 2);
	assert_int_equal(apply_delta(&was, &is, &delta), VS_OK);
	assert_int_equal(delta.at, delta.len);
	apply_both_ways(&was, &is, &delta);
	drop_pair(&was, &is);
	free(delta.data);
}

/* One that comes out at each level is no reason to give all of them up. */
static void files_that_come_out_at_any_level_are_packed(void **state)
{
	static const struct how how = {"-zlz4hc,12", NULL, PACKED};
	struct bytes was, is, delta = {0}, lines = {0};
	struct vs_make figures;
	struct tree t = {0};

	(void)state;
	while (lines.len < 40000)
		assert_int_equal(bytes_write(&lines, (const uint8_t *)"0", 1),
		                 VS_OK);
	tree_set(&t, 0, "1/zeros", lines);
	was = image_of(&t, &how);
	memset(t.files[0].bytes.data, '1', 5000);
	is = image_of(&t, &how);
	tree_drop(&t);
	assert_int_equal(make_delta(&was, &is, &delta, &figures), VS_OK);
	assert_int_equal(figures.units, 1);
	assert_int_equal(figures.units_failed, 0);
	assert_int_equal(apply_delta(&was, &is, &delta), VS_OK);
	drop_pair(&was, &is);
	free(delta.data);
}

static void another_version_of_the_library_is_refused(void **state)
{
	struct bytes was, is, delta = {0};
	struct vs_why why;

	(void)state;
	pair_of(&quick, &was, &is);
	assert_int_equal(make_delta(&was, &is, &delta, NULL), VS_OK);
	assert_int_equal(apply_why(&was, &is, &delta, &why), VS_OK);
	delta.data[AT_PACKER]++;
	assert_int_equal(apply_why(&was, &is, &delta, &why), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_OTHER_PACKER);
	drop_pair(&was, &is);
	free(delta.data);
}

static void the_same_erofs_pair_gives_the_same_delta(void **state)
{
	struct bytes was, is, first = {0}, second = {0};

	(void)state;
	pair_of(&quick, &was, &is);
	assert_int_equal(make_delta(&was, &is, &first, NULL), VS_OK);
	assert_int_equal(make_delta(&was, &is, &second, NULL), VS_OK);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	drop_pair(&was, &is);
	free(first.data);
	free(second.data);
}

static void a_damaged_delta_of_an_erofs_has_a_reason(void **state)
{
	struct bytes was, is, delta = {0};
	uint32_t seed = 9;
	size_t errors = 0;

	(void)state;
	pair_of(&quick, &was, &is);
	assert_int_equal(make_delta(&was, &is, &delta, NULL), VS_OK);
	for (uint32_t i = 0; i < 60; i++) {
		struct bytes bad = copy_of(&delta);
		size_t rest = bad.len - VS_DELTA_HEAD_LEN - 8;
		/* the units more often than what follows */
		size_t at = VS_DELTA_HEAD_LEN +
		            (i < 30 ? i : next_number(&seed) % rest);
		struct vs_why why;
		vs_status status;

		if (i % 2)
			bad.len = at;
		else
			bad.data[at] ^= (uint8_t)(1u << i / 2 % 8);
		status = apply_why(&was, &is, &bad, &why);
		assert_int_not_equal(status, VS_OK);
		if (why.code != VS_REASON_NONE)
			errors++;
		else /* other bytes: the tree sees it */
			assert_int_equal(status, VS_ERR_REFUSED);
		if (i % 5 == 0)
			apply_both_ways(&was, &is, &bad);
		free(bad.data);
	}
	assert_true(errors >= 30);
	drop_pair(&was, &is);
	free(delta.data);
}

static void a_damaged_old_erofs_never_gives_the_new_one(void **state)
{
	struct bytes was, is, delta = {0};
	uint32_t seed = 13;
	size_t same = 0, errors = 0;

	(void)state;
	pair_of(&quick, &was, &is);
	assert_int_equal(make_delta(&was, &is, &delta, NULL), VS_OK);
	for (uint32_t i = 0; i < 40; i++) {
		struct bytes bad = copy_of(&was);
		struct vs_why why;
		vs_status status;

		for (uint32_t k = 0; k < 200; k++)
			bad.data[next_number(&seed) % bad.len] ^=
				(uint8_t)(1u << k % 8);
		status = apply_why(&bad, &is, &delta, &why);
		same += status == VS_OK;
		errors += why.code != VS_REASON_NONE;
		free(bad.data);
	}
	print_message("# %zu came out all the same, %zu errors\n", same,
	              errors);
	assert_true(same < 20);
	assert_true(errors > 10);
	drop_pair(&was, &is);
	free(delta.data);
}

/* The maker's images are whole, but what it is given need not be. */
static void a_damaged_image_is_made_into_a_delta_all_the_same(void **state)
{
	static const struct how *const hows[] = {&stored, &quick};
	uint32_t seed = 5;

	(void)state;
	for (int i = 0; i < 12; i++) {
		struct bytes was, is, bad, delta = {0};

		pair_of(hows[i / 6], &was, &is);
		bad = copy_of(i % 2 ? &is : &was);
		/* superblock, folders, inodes; all over the image */
		for (int k = 0; k < 40; k++)
			bad.data[1024 + 16 +
			         next_number(&seed) %
			                 (i % 4 < 2 ? 8000 : bad.len - 1040)] ^=
				(uint8_t)(1u << k % 8);
		if (i % 2) {
			free(is.data);
			is = bad;
		} else {
			free(was.data);
			was = bad;
		}
		assert_int_equal(make_delta(&was, &is, &delta, NULL), VS_OK);
		assert_int_equal(apply_delta(&was, &is, &delta), VS_OK);
		drop_pair(&was, &is);
		free(delta.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_edits_of_trees_come_out_as_they_were),
		cmocka_unit_test(a_long_file_is_packed_beside_the_walk),
		cmocka_unit_test(
			a_program_whose_tail_lies_elsewhere_is_predicted),
		cmocka_unit_test(a_packed_program_costs_what_its_contents_do),
		cmocka_unit_test(
			a_cluster_that_does_not_come_out_goes_as_it_is),
		cmocka_unit_test(files_that_come_out_at_any_level_are_packed),
		cmocka_unit_test(another_version_of_the_library_is_refused),
		cmocka_unit_test(the_same_erofs_pair_gives_the_same_delta),
		cmocka_unit_test(a_damaged_delta_of_an_erofs_has_a_reason),
		cmocka_unit_test(a_damaged_old_erofs_never_gives_the_new_one),
		cmocka_unit_test(
			a_damaged_image_is_made_into_a_delta_all_the_same),
	};

	return cmocka_run_group_tests_name("delta erofs", tests, NULL, NULL);
}
