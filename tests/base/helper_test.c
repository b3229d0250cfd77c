/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/base/helper_test.c - jobs are done once, in order, and waited for.
 */
#include "base/helper.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define JOBS 20000
#define STACK 65536

struct job {
	unsigned *next; /* how many were done before */
	unsigned when;
	pthread_t who;
};

static void note(void *arg)
{
	struct job *job = arg;

	job->when = (*job->next)++;
	job->who = pthread_self();
}

static void jobs_are_done_in_order_by_another_thread(void **state)
{
	static struct job jobs[JOBS];
	VS_AUTO(vs_helper_free) struct vs_helper *h = NULL;
	unsigned next = 0;

	(void)state;
	assert_int_equal(vs_helper_new(STACK, &h), VS_OK);
	for (unsigned i = 0; i < JOBS; i++) {
		jobs[i].next = &next;
		vs_helper_give(h, note, &jobs[i]);
		assert_in_range(vs_helper_busy(h), 0, VS_HELPER_JOBS);
		if (i % 3 == 0) {
			vs_helper_await(h, i % 2);
			assert_in_range(vs_helper_busy(h), 0, i % 2);
		}
	}
	vs_helper_await(h, 0);
	assert_int_equal(vs_helper_busy(h), 0);
	assert_int_equal(next, JOBS);
	for (unsigned i = 0; i < JOBS; i++) {
		assert_int_equal(jobs[i].when, i);
		assert_false(pthread_equal(jobs[i].who, pthread_self()));
	}
}

struct gate {
	atomic_bool open;
	unsigned passed;
};

static void pass(void *arg)
{
	struct gate *gate = arg;

	while (!atomic_load(&gate->open))
		sched_yield();
	gate->passed++;
}

static void what_is_given_is_done_before_the_end(void **state)
{
	struct vs_helper *h = NULL;
	struct gate gate = {false, 0};

	(void)state;
	assert_int_equal(vs_helper_new(STACK, &h), VS_OK);
	for (int i = 0; i < VS_HELPER_JOBS; i++)
		vs_helper_give(h, pass, &gate);
	assert_int_equal(vs_helper_busy(h), VS_HELPER_JOBS);
	atomic_store(&gate.open, true);
	vs_helper_free(&h);
	assert_null(h);
	assert_int_equal(gate.passed, VS_HELPER_JOBS);
}

static void cores_are_those_that_may_be_used(void **state)
{
	cpu_set_t was, one;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(was), &was), 0);
	assert_int_equal(vs_helper_cores(), CPU_COUNT(&was));
	CPU_ZERO(&one);
	for (size_t i = 0; CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &was))
			CPU_SET(i, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(vs_helper_cores(), 1);
	assert_int_equal(sched_setaffinity(0, sizeof(was), &was), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_are_done_in_order_by_another_thread),
		cmocka_unit_test(what_is_given_is_done_before_the_end),
		cmocka_unit_test(cores_are_those_that_may_be_used),
	};

	return cmocka_run_group_tests_name("base helper", tests, NULL, NULL);
}
