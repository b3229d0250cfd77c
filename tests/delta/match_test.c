/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/match_test.c - what looks like old bytes is found, and nothing
 * else.
 */
#include "delta/make/match.h"
#include "tests/delta/fixture.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LEN 50000

static uint8_t old[LEN], new[2 * LEN];

/* Bytes of the new view that are as their cover's; covers are in order, apart,
 * and within both.
 */
static size_t held_by(const struct vs_covers *c, size_t new_len)
{
	uint64_t end = 0;
	size_t same = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct vs_cover *cover = &c->list[i];

		assert_true(cover->len > 0);
		assert_true(cover->at >= end);
		end = (uint64_t)cover->at + cover->len;
		assert_true(end <= new_len);
		assert_true((uint64_t)cover->from + cover->len <= LEN);
		for (uint32_t k = 0; k < cover->len; k++)
			same += new[cover->at + k] == old[cover->from + k];
	}
	return same;
}

static struct vs_covers covers_of(size_t new_len)
{
	struct vs_covers c = {0};

	assert_int_equal(vs_match(old, LEN, new, new_len, &c), VS_OK);
	return c;
}

static void the_same_bytes_are_one_cover(void **state)
{
	struct vs_covers c;

	(void)state;
	fill(old, LEN, 1);
	memcpy(new, old, LEN);
	c = covers_of(LEN);
	assert_int_equal(c.count, 1);
	assert_int_equal(c.list[0].at, 0);
	assert_int_equal(c.list[0].from, 0);
	assert_int_equal(c.list[0].len, LEN);
	free(c.list);
}

static void other_bytes_are_in_no_cover(void **state)
{
	struct vs_covers c;

	(void)state;
	fill(old, LEN, 1);
	fill(new, LEN, 2);
	/* no byte of one is in the other */
	for (size_t i = 0; i < LEN; i++) {
		old[i] &= 127;
		new[i] |= 128;
	}
	c = covers_of(LEN);
	assert_int_equal(c.count, 0);
	free(c.list);
	c = covers_of(0);
	assert_int_equal(c.count, 0);
	free(c.list);
}

static void what_moved_is_found_where_it_went(void **state)
{
	const size_t half = LEN / 2;
	struct vs_covers c;

	(void)state;
	fill(old, LEN, 1);
	memcpy(new, old + half, half);
	fill(new + half, 100, 3);
	memcpy(new + half + 100, old, half);
	c = covers_of(LEN + 100);
	assert_true(held_by(&c, LEN + 100) >= LEN);
	assert_true(c.count >= 2 && c.count < 6);
	assert_int_equal(c.list[0].from, half);
	free(c.list);
}

/* As when addresses in a program move: it goes on behind each. */
static void single_bytes_that_differ_end_no_cover(void **state)
{
	struct vs_covers c;

	(void)state;
	fill(old, LEN, 1);
	memcpy(new, old, LEN);
	for (size_t at = 10; at < LEN - 10; at += 20)
		new[at]++;
	c = covers_of(LEN);
	assert_int_equal(c.count, 1);
	assert_int_equal(c.list[0].len, LEN);
	free(c.list);
}

static void random_edits_are_covered(void **state)
{
	uint32_t seed = 9;

	(void)state;
	for (size_t round = 0; round < 20; round++) {
		size_t len = 0, kept = 0;
		struct vs_covers c;

		fill(old, LEN, next_number(&seed));
		for (size_t i = 0; i < 12; i++) {
			size_t piece = 200 + next_number(&seed) % 3000;
			size_t from = next_number(&seed) % (LEN - piece);
			size_t fresh = next_number(&seed) % 300;

			memcpy(new + len, old + from, piece);
			len += piece;
			kept += piece;
			fill(new + len, fresh, next_number(&seed));
			len += fresh;
		}
		c = covers_of(len);
		assert_true(held_by(&c, len) >= kept * 99 / 100);
		assert_true(c.count <= 40);
		free(c.list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_bytes_are_one_cover),
		cmocka_unit_test(other_bytes_are_in_no_cover),
		cmocka_unit_test(what_moved_is_found_where_it_went),
		cmocka_unit_test(single_bytes_that_differ_end_no_cover),
		cmocka_unit_test(random_edits_are_covered),
	};

	return cmocka_run_group_tests_name("delta match", tests, NULL, NULL);
}
