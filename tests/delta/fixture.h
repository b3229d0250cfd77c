/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/fixture.h - deltas in memory.
 */
#ifndef VS_TESTS_DELTA_FIXTURE_H
#define VS_TESTS_DELTA_FIXTURE_H

#include "delta/apply/apply.h"
#include "delta/make/make.h"

struct bytes {
	uint8_t *data; /* owned: free() */
	size_t len, cap, at;
};

vs_status bytes_write(void *ctx, const uint8_t *in, size_t len);
vs_status bytes_read(void *ctx, uint8_t *out, size_t len, size_t *got);

/* A file, and a copy of bytes; or the test has failed. */
struct bytes load(const char *path);
struct bytes copy_of(const struct bytes *b);

/* A generator whose numbers are the same in every run. */
uint32_t next_number(uint32_t *seed);
void fill(uint8_t *out, size_t len, uint32_t seed);

/* Makes a delta into *out. */
vs_status make_delta(const struct bytes *was, const struct bytes *is,
                     struct bytes *out, struct vs_make *figures);
/* Applies it: VS_OK only if every byte is that of is. */
vs_status apply_delta(const struct bytes *was, const struct bytes *is,
                      struct bytes *delta);
/* How many bytes come out right before the first wrong one, or the end; *status
 * as there.  helper may be NULL.
 */
size_t apply_far(const struct bytes *was, const struct bytes *is,
                 struct bytes *delta, const struct vs_delta_helper *helper,
                 vs_status *status);
/* A helper that does a job when it is waited for and no sooner. */
struct late {
	struct {
		void (*job)(void *arg);
		void *arg;
	} jobs[8];
	unsigned first, count, most; /* most: at once */
};
struct vs_delta_helper late_helper(struct late *late);
/* With a helper in this thread and one in another: it comes as far as without,
 * or the test has failed.
 */
void apply_both_ways(const struct bytes *was, const struct bytes *is,
                     struct bytes *delta);
/* As apply_delta(); *why is NONE where nobody gave a reason. */
vs_status apply_why(const struct bytes *was, const struct bytes *is,
                    struct bytes *delta, struct vs_why *why);

/* Writes a file, or the test has failed. */
void save(const char *path, const struct bytes *b);
/* Runs a program without its output; gives its wait status. */
int run(const char *const *words);

#endif
