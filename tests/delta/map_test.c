/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/map_test.c - where old bytes went, beside a map that looks at
 * every cover for every byte.
 */
#include "delta/map.h"
#include "tests/delta/fixture.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PLACES 600
#define COVERS_MAX 40

/* The longest cover that holds an old place; 0: none does. */
static uint32_t longest_at(const struct vs_cover *covers, size_t count,
                           uint32_t from)
{
	uint32_t longest = 0;

	for (size_t i = 0; i < count; i++)
		if (from >= covers[i].from &&
		    from - covers[i].from < covers[i].len &&
		    covers[i].len > longest)
			longest = covers[i].len;
	return longest;
}

/* Whether a cover of that length, with that shift, holds the place. */
static bool is_one(const struct vs_cover *covers, size_t count, uint32_t from,
                   const struct vs_map_row *row)
{
	for (size_t i = 0; i < count; i++)
		if (from >= covers[i].from &&
		    from - covers[i].from < covers[i].len &&
		    covers[i].len == row->weight &&
		    (int32_t)(covers[i].at - covers[i].from) == row->shift)
			return true;
	return false;
}

/* Apart in the new file, anywhere in the old one. */
static size_t random_covers(uint32_t *seed, struct vs_cover *out)
{
	size_t count = next_number(seed) % COVERS_MAX;
	uint32_t at = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t len = 1 + next_number(seed) % (i % 3 ? 20 : 200);

		at += next_number(seed) % 30;
		out[i] = (struct vs_cover){
			at, next_number(seed) % (PLACES - len), len};
		at += len;
	}
	return count;
}

/* Rows are in order, apart and not empty. */
static void check_rows(const struct vs_map *m)
{
	uint64_t end = 0;

	for (size_t i = 0; i < m->count; i++) {
		assert_true(m->rows[i].from >= end);
		assert_true(m->rows[i].len > 0);
		end = (uint64_t)m->rows[i].from + m->rows[i].len;
	}
}

static void check_near(const struct vs_map *m, uint32_t from)
{
	const struct vs_map_row *near = vs_map_near(m, from);
	const struct vs_map_row *left = NULL, *right = NULL;

	for (size_t i = 0; i < m->count; i++) {
		if (m->rows[i].from <= from)
			left = &m->rows[i];
		else if (!right)
			right = &m->rows[i];
	}
	if (!left || (right && right->weight > left->weight))
		left = right;
	assert_ptr_equal(near, left);
}

static void at_each_place_the_longest_cover_counts(void **state)
{
	struct vs_cover covers[COVERS_MAX];
	uint32_t seed = 1;
	size_t held = 0;

	(void)state;
	for (size_t round = 0; round < 400; round++) {
		size_t count = random_covers(&seed, covers);
		struct vs_map m;

		assert_int_equal(vs_map_init(&m, covers, count), VS_OK);
		check_rows(&m);
		for (uint32_t from = 0; from <= PLACES; from++) {
			uint32_t longest = longest_at(covers, count, from);
			const struct vs_map_row *row = vs_map_find(&m, from);

			assert_true((row != NULL) == (longest > 0));
			check_near(&m, from);
			if (!row)
				continue;
			held++;
			assert_int_equal(row->weight, longest);
			assert_true(is_one(covers, count, from, row));
		}
		vs_map_drop(&m);
	}
	assert_true(held > 50000);
}

static void places_at_the_ends_of_numbers_are_found(void **state)
{
	const struct vs_cover covers[] = {
		{0,              UINT32_MAX - 9, 9},
                {UINT32_MAX - 9, 0,              9}
        };
	struct vs_map m;

	(void)state;
	assert_int_equal(vs_map_init(&m, covers, 2), VS_OK);
	assert_int_equal(m.count, 2);
	assert_int_equal(vs_map_find(&m, 0)->shift, (int32_t)-10);
	assert_int_equal(vs_map_find(&m, UINT32_MAX - 1)->shift, 10);
	assert_null(vs_map_find(&m, 9));
	assert_null(vs_map_find(&m, UINT32_MAX));
	vs_map_drop(&m);
	assert_int_equal(vs_map_init(&m, covers, 0), VS_OK);
	assert_null(vs_map_find(&m, 0));
	assert_null(vs_map_near(&m, 0));
	vs_map_drop(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_each_place_the_longest_cover_counts),
		cmocka_unit_test(places_at_the_ends_of_numbers_are_found),
	};

	return cmocka_run_group_tests_name("delta map", tests, NULL, NULL);
}
