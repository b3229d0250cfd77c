/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/pieces_test.c - a seal put together from the one that runs and
 * from ranges: what is asked for, and that nothing else is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/believe/pieces.h"

#define MIB (UINT64_C(1) << 20)
#define SIGS_LEN 12 /* none */
#define HEAD (VS_SEAL_HEADER_LEN + SIGS_LEN)
#define ASKED_MAX 16

/* A seal file whose hashes are numbers: where a block differs, what names it
 * does, up to the top.
 */
struct file {
	uint8_t *bytes; /* owned: free() */
	size_t len;
	struct vs_seal seal;
};

static void make(struct file *f, uint64_t image_len)
{
	const struct vs_signatures none = {.count = 0};
	struct vs_seal_header h = {.component = "gateway",
	                           .hardware = {"cb-2"},
	                           .version = "1.0.0",
	                           .release_seq = 1,
	                           .image_len = image_len};
	struct vs_tree t;
	uint8_t raw[VS_SEAL_HEADER_LEN], *upper;

	assert_int_equal(vs_tree_init(&t, image_len), VS_OK);
	assert_int_equal(vs_seal_header_encode(&h, raw, NULL), VS_OK);
	upper = calloc(1, (size_t)t.upper_len + 1);
	f->len = HEAD + (size_t)t.upper_len;
	f->bytes = malloc(f->len);
	assert_non_null(upper);
	assert_non_null(f->bytes);
	for (uint32_t level = 1; level < t.levels; level++)
		for (uint64_t n = 0; n < t.level_blocks[level - 1]; n++)
			memset(upper + t.level_at[level] + n * VS_SHA256_LEN,
			       (int)(n % 250) + 1, VS_SHA256_LEN);
	assert_int_equal(vs_seal_encode(raw, &none, upper, (size_t)t.upper_len,
	                                f->bytes, f->len, &f->len),
	                 VS_OK);
	assert_int_equal(vs_seal_decode(f->bytes, f->len, &f->seal, NULL),
	                 VS_OK);
	free(upper);
}

/* Another hash for block n of the leaves, and for all above it. */
static void change(struct file *f, uint64_t n)
{
	const struct vs_tree *t = &f->seal.tree;

	for (uint32_t level = 1; level < t->levels; level++) {
		f->bytes[HEAD + t->level_at[level] + n * VS_SHA256_LEN] ^= 255;
		n /= VS_TREE_FANOUT;
	}
}

struct asked {
	const struct file *of;
	size_t count, bytes, fails_at; /* fails_at: the first is 1 */
	struct {
		uint64_t from;
		size_t len;
	} at[ASKED_MAX];
};

static vs_status answer(void *ctx, uint64_t from, uint8_t *out, size_t len)
{
	struct asked *a = ctx;

	assert_true(a->count < ASKED_MAX);
	assert_true(from + len <= a->of->len);
	a->at[a->count].from = from;
	a->at[a->count].len = len;
	a->bytes += len;
	if (++a->count == a->fails_at)
		return VS_ERR_IO;
	memcpy(out, a->of->bytes + from, len);
	return VS_OK;
}

static void gather(const struct file *was, const struct file *is,
                   struct asked *asked)
{
	uint8_t *out = malloc(is->len);

	assert_non_null(out);
	memset(out, 0xaa, is->len);
	*asked = (struct asked){.of = is};
	assert_int_equal(
		vs_pieces_gather(&was->seal, is->len, answer, asked, out),
		VS_OK);
	assert_memory_equal(out, is->bytes, is->len);
	free(out);
}

static void drop(struct file *f)
{
	free(f->bytes);
}

/* S0.31: 400 MiB have seven blocks below the top. */
static void only_what_differs_is_asked_for(void **state)
{
	struct file was, is;
	struct asked asked;

	(void)state;
	make(&was, 400 * MIB);
	make(&is, 400 * MIB);
	gather(&was, &is, &asked);
	assert_int_equal(asked.count, 1);
	assert_int_equal(asked.bytes, HEAD + 7 * VS_SHA256_LEN);

	change(&is, 5);            /* in block 0 */
	change(&is, 2 * 128 + 1);  /* in block 2 */
	change(&is, 3 * 128 + 99); /* in block 3 */
	change(&is, 799);          /* in block 6, which holds 32 */
	gather(&was, &is, &asked);
	assert_int_equal(asked.count, 4);
	assert_int_equal(asked.at[1].from, HEAD + 1 * VS_BLOCK_LEN);
	assert_int_equal(asked.at[1].len, VS_BLOCK_LEN);
	assert_int_equal(asked.at[2].from, HEAD + 3 * VS_BLOCK_LEN);
	assert_int_equal(asked.at[2].len, 2 * VS_BLOCK_LEN);
	assert_int_equal(asked.at[3].from, HEAD + 7 * VS_BLOCK_LEN);
	assert_int_equal(asked.at[3].len, 32 * VS_SHA256_LEN);
	drop(&was);
	drop(&is);
}

static void each_level_shows_what_is_missing_below(void **state)
{
	struct file was, is;
	struct asked asked;

	(void)state;
	make(&was, 9 * 1024 * MIB);
	make(&is, 9 * 1024 * MIB);
	assert_int_equal(was.seal.tree.levels, 4);
	change(&is, 130 * 128);
	gather(&was, &is, &asked);
	/* the top, the second block of two, its third one */
	assert_int_equal(asked.count, 3);
	assert_int_equal(asked.bytes, HEAD + 2 * VS_SHA256_LEN +
	                                      16 * VS_SHA256_LEN +
	                                      VS_BLOCK_LEN);
	drop(&was);
	drop(&is);
}

static void expect(const struct file *was, const struct file *is, size_t len,
                   size_t fails_at, vs_status status, size_t count)
{
	struct asked asked = {.of = is, .fails_at = fails_at};
	uint8_t *out = malloc(len + 1);

	assert_non_null(out);
	assert_int_equal(vs_pieces_gather(&was->seal, len, answer, &asked, out),
	                 status);
	assert_int_equal(asked.count, count);
	free(out);
}

static void what_does_not_fit_comes_whole(void **state)
{
	struct file was, is, shorter;

	(void)state;
	make(&was, 400 * MIB);
	make(&is, 400 * MIB);
	/* as many blocks, but another image */
	make(&shorter, 400 * MIB - 1);
	change(&is, 0);
	expect(&was, &is, is.len, 0, VS_OK, 2);
	expect(&was, &is, is.len, 1, VS_ERR_IO, 1);
	expect(&was, &is, is.len, 2, VS_ERR_IO, 2);
	expect(&was, &shorter, shorter.len, 0, VS_ERR_ABSENT, 1);
	expect(&was, &is, 0, 0, VS_ERR_ABSENT, 0);
	expect(&was, &is, (size_t)was.seal.tree.upper_len, 0, VS_ERR_ABSENT, 0);
	expect(&was, &is, is.len - SIGS_LEN - 1, 0, VS_ERR_ABSENT, 0);
	expect(&was, &is, is.len + VS_SIGNATURE_BLOCK_MAX, 0, VS_ERR_ABSENT, 0);
	drop(&shorter);
	make(&shorter, 60 * MIB); /* one block, and that changes */
	expect(&shorter, &shorter, shorter.len, 0, VS_ERR_ABSENT, 0);
	drop(&shorter);
	drop(&was);
	drop(&is);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_differs_is_asked_for),
		cmocka_unit_test(each_level_shows_what_is_missing_below),
		cmocka_unit_test(what_does_not_fit_comes_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
