/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/fixture.c - deltas in memory.
 */
#include "tests/delta/fixture.h"

#include "base/helper.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

vs_status bytes_write(void *ctx, const uint8_t *in, size_t len)
{
	struct bytes *b = ctx;

	if (b->len + len > b->cap) {
		size_t cap = (b->len + len) * 2;
		uint8_t *more = realloc(b->data, cap);

		if (!more)
			return VS_ERR_NOMEM;
		b->data = more;
		b->cap = cap;
	}
	if (len > 0)
		memcpy(b->data + b->len, in, len);
	b->len += len;
	return VS_OK;
}

/* In uneven pieces, as a network gives them. */
vs_status bytes_read(void *ctx, uint8_t *out, size_t len, size_t *got)
{
	struct bytes *b = ctx;
	size_t piece = 1 + b->at % 1000;

	if (b->at == b->len)
		return VS_ERR_ABSENT;
	if (piece > len)
		piece = len;
	if (piece > b->len - b->at)
		piece = b->len - b->at;
	memcpy(out, b->data + b->at, piece);
	b->at += piece;
	*got = piece;
	return VS_OK;
}

uint32_t next_number(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

void fill(uint8_t *out, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)next_number(&seed);
}

static vs_status read_old(void *ctx, uint64_t at, void *out, size_t len)
{
	const struct bytes *b = ctx;

	if (at > b->len || len > b->len - at)
		return VS_ERR_IO;
	memcpy(out, b->data + at, len);
	return VS_OK;
}

vs_status make_delta(const struct bytes *was, const struct bytes *is,
                     struct bytes *out, struct vs_make *figures)
{
	struct vs_make m = {
		.was = {was->data, was->len},
		.is = {is->data,  is->len },
		.write = bytes_write,
		.ctx = out
        };
	vs_status status = vs_delta_make(&m);

	if (figures)
		*figures = m;
	return status;
}

vs_status apply_delta(const struct bytes *was, const struct bytes *is,
                      struct bytes *delta)
{
	struct vs_why why;

	return apply_why(was, is, delta, &why);
}

vs_status apply_why(const struct bytes *was, const struct bytes *is,
                    struct bytes *delta, struct vs_why *why)
{
	struct bytes old = *was;
	const struct vs_old_image image = {&old, old.len, read_old};
	VS_AUTO(vs_apply_free) struct vs_apply *a = NULL;
	uint8_t block[3 * VS_DELTA_BLOCK];
	vs_status status;

	*why = (struct vs_why){0};
	delta->at = 0;
	status = vs_apply_new(&image, bytes_read, delta, &a, why);
	if (status != VS_OK)
		return status;
	if (vs_apply_head(a)->new_len != is->len)
		return VS_ERR_REFUSED;
	for (size_t at = 0; at < is->len; at += sizeof(block)) {
		size_t len = is->len - at < sizeof(block) ? is->len - at
		                                          : sizeof(block);

		status = vs_apply_next(a, block, len, why);
		if (status != VS_OK)
			return status;
		if (memcmp(block, is->data + at, len) != 0)
			return VS_ERR_REFUSED;
	}
	return VS_OK;
}

size_t apply_far(const struct bytes *was, const struct bytes *is,
                 struct bytes *delta, const struct vs_delta_helper *helper,
                 vs_status *status)
{
	struct bytes old = *was;
	const struct vs_old_image image = {&old, old.len, read_old};
	VS_AUTO(vs_apply_free) struct vs_apply *a = NULL;
	uint8_t block[512];

	delta->at = 0;
	*status = vs_apply_new(&image, bytes_read, delta, &a, NULL);
	if (*status == VS_OK && vs_apply_head(a)->new_len != is->len)
		*status = VS_ERR_REFUSED;
	if (*status != VS_OK)
		return 0;
	if (helper)
		vs_apply_help(a, helper);
	for (size_t at = 0; at < is->len; at += sizeof(block)) {
		size_t len = is->len - at < sizeof(block) ? is->len - at
		                                          : sizeof(block);

		*status = vs_apply_next(a, block, len, NULL);
		if (*status == VS_OK && memcmp(block, is->data + at, len) != 0)
			*status = VS_ERR_REFUSED;
		if (*status != VS_OK)
			return at;
	}
	return is->len;
}

static void late_give(void *ctx, void (*job)(void *arg), void *arg)
{
	struct late *l = ctx;

	assert_true(l->count < 8);
	l->jobs[(l->first + l->count) % 8].job = job;
	l->jobs[(l->first + l->count++) % 8].arg = arg;
	if (l->count > l->most)
		l->most = l->count;
}

static unsigned late_busy(void *ctx)
{
	const struct late *l = ctx;

	return l->count;
}

static void late_await(void *ctx, unsigned busy)
{
	struct late *l = ctx;

	for (; l->count > busy; l->count--) {
		unsigned i = l->first++ % 8;

		l->jobs[i].job(l->jobs[i].arg);
	}
}

struct vs_delta_helper late_helper(struct late *late)
{
	*late = (struct late){.count = 0};
	return (struct vs_delta_helper){late, late_give, late_busy, late_await};
}

void apply_both_ways(const struct bytes *was, const struct bytes *is,
                     struct bytes *delta)
{
	vs_status alone, with;
	struct late late;
	const struct vs_delta_helper lazy = late_helper(&late);
	VS_AUTO(vs_helper_free) struct vs_helper *h = NULL;
	size_t len = apply_far(was, is, delta, NULL, &alone);

	assert_int_equal(apply_far(was, is, delta, &lazy, &with), len);
	assert_int_equal(with, alone);
	assert_int_equal(late.count, 0);
	assert_int_equal(vs_helper_new(262144, &h), VS_OK);
	const struct vs_delta_helper eager = {h, vs_helper_give, vs_helper_busy,
	                                      vs_helper_await};
	assert_int_equal(apply_far(was, is, delta, &eager, &with), len);
	assert_int_equal(with, alone);
}

struct bytes load(const char *path)
{
	struct bytes b = {0};
	uint8_t part[65536];
	ssize_t n;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	while ((n = read(fd, part, sizeof(part))) > 0)
		assert_int_equal(bytes_write(&b, part, (size_t)n), VS_OK);
	assert_int_equal(n, 0);
	close(fd);
	return b;
}

struct bytes copy_of(const struct bytes *b)
{
	struct bytes out = {0};

	assert_int_equal(bytes_write(&out, b->data, b->len), VS_OK);
	return out;
}

#define WORDS_MAX 24

int run(const char *const *words)
{
	char now[] = "E2FSPROGS_FAKE_TIME=1700000000";
	char *const env[] = {now, NULL};
	char *argv[WORDS_MAX] = {NULL};
	posix_spawn_file_actions_t quiet;
	int status = -1;
	pid_t pid;

	for (size_t i = 0; words[i]; i++) {
		assert_true(i + 1 < WORDS_MAX);
		argv[i] = strdup(words[i]);
		assert_non_null(argv[i]);
	}
	assert_int_equal(posix_spawn_file_actions_init(&quiet), 0);
	assert_int_equal(posix_spawn_file_actions_addopen(
				 &quiet, 1, "/dev/null", O_WRONLY, 0),
	                 0);
	assert_int_equal(posix_spawn(&pid, argv[0], &quiet, NULL, argv, env),
	                 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	posix_spawn_file_actions_destroy(&quiet);
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	return status;
}

void save(const char *path, const struct bytes *b)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, b->data, b->len), (ssize_t)b->len);
	close(fd);
}
