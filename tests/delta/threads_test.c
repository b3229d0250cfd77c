/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/threads_test.c - a delta does not depend on how many threads make
 * it, and in which order they come to it.
 */
#include "tests/delta/tree.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum { USUAL, NONE, LATE, SLOW } how;
static unsigned started;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*work)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*work)(void *), void *arg);

struct later {
	void *(*work)(void *);
	void *arg;
};

static void *work_later(void *ctx)
{
	struct later l = *(struct later *)ctx;

	free(ctx);
	nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	return l.work(l.arg);
}

/* There is none; or its work begins late; or who starts it goes on late. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*work)(void *), void *arg)
{
	struct later *l;
	int status;

	started++;
	if (how == NONE)
		return EAGAIN;
	if (how != LATE) {
		status = __real_pthread_create(thread, attr, work, arg);
		if (how == SLOW)
			nanosleep(&(struct timespec){.tv_nsec = 50000000},
			          NULL);
		return status;
	}
	l = malloc(sizeof(*l));
	assert_non_null(l);
	*l = (struct later){work, arg};
	return __real_pthread_create(thread, attr, work_later, l);
}

static struct bytes image_of(const struct tree *t, const char *builder)
{
	const char *const squashfs[] = {"/usr/bin/mksquashfs",
	                                "TREE",
	                                "IMAGE",
	                                "-b",
	                                "32768",
	                                "-comp",
	                                "zstd",
	                                "-noappend",
	                                "-all-root",
	                                "-no-xattrs",
	                                "-all-time",
	                                "1700000000",
	                                "-mkfs-time",
	                                "1700000000",
	                                NULL};
	const char *const erofs[] = {"/usr/bin/mkfs.erofs",
	                             "-T",
	                             "1700000000",
	                             "--all-root",
	                             "-zlz4hc,3",
	                             "-C16384",
	                             "IMAGE",
	                             "TREE",
	                             NULL};

	return tree_image(t, *builder == 's' ? squashfs : erofs);
}

/* A tree with programs that change, before and after. */
static void pair_of(const char *builder, struct bytes *was, struct bytes *is)
{
	static const char *const names[] = {"1/a", "1/b", "2/c", "2/d"};
	struct tree t;
	uint32_t seed = 5;

	tree_init(&t, 5, SPECIMEN);
	for (size_t i = 0; i < 4; i++)
		tree_set(&t, i, names[i], load(SPECIMEN));
	*was = image_of(&t, builder);
	tree_edit(&t, &seed, 6);
	for (size_t i = 0; i < 4; i++)
		tree_set(&t, i, names[i],
		         load(i % 2 ? SPECIMEN_MORE : SPECIMEN_O1));
	*is = image_of(&t, builder);
	tree_drop(&t);
}

static void a_delta_is_the_same_with_any_threads(void **state)
{
	static const char *const builders[] = {"squashfs", "erofs"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bytes was, is, usual = {0};

		pair_of(builders[i], &was, &is);
		how = USUAL;
		started = 0;
		assert_int_equal(make_delta(&was, &is, &usual, NULL), VS_OK);
		/* for units on either side, and for programs */
		assert_int_equal(started, 3);
		for (how = NONE; how <= SLOW; how++) {
			struct bytes other = {0};

			assert_int_equal(make_delta(&was, &is, &other, NULL),
			                 VS_OK);
			assert_int_equal(other.len, usual.len);
			assert_memory_equal(other.data, usual.data, usual.len);
			free(other.data);
		}
		assert_int_equal(apply_delta(&was, &is, &usual), VS_OK);
		free(was.data);
		free(is.data);
		free(usual.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delta_is_the_same_with_any_threads),
	};

	return cmocka_run_group_tests_name("delta threads", tests, NULL, NULL);
}
