/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/starve_test.c - no memory is never a yes.
 *
 * Whichever allocation fails: no harm, no leak, no verdict.
 */
#include "tests/trust/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long allocations_left;

static void *scarce(size_t size)
{
	return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* Whichever allocation of the JSON library fails: no harm, no verdict. */
static void a_failing_allocation_is_never_a_yes(void **state)
{
	struct repo *r = *state;
	long n = 0;
	vs_status status;

	repo_add_role(r, "release", 7);
	repo_delegate(r, NULL, "release", 7, "*", false);
	repo_publish_files(r);
	do {
		struct vs_target target;
		struct vs_why why = {0};
		struct vs_tuf *t;

		allocations_left = n++;
		json_set_alloc_funcs(scarce, free);
		status = repo_refresh(r, NOW, &t, &why);
		if (!status)
			status = vs_tuf_find(t, "a", &target, &why);
		vs_tuf_close(&t);
		json_set_alloc_funcs(malloc, free);
		if (allocations_left < 0) /* jansson tells most, not all */
			assert_true(status == VS_ERR_NOMEM ||
			            status == VS_ERR_INPUT);
	} while (allocations_left < 0);
	assert_int_equal(status, VS_ERR_ABSENT);
	assert_true(n > 100);
	repo_must_pass(r);
}

#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, repo_set_up, repo_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_failing_allocation_is_never_a_yes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
