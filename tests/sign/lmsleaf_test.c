/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/sign/lmsleaf_test.c - no leaf is given out twice, whatever the disk
 * does, and no cut loses the key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "seal/openssl.h"
#include "sign/lmsleaf.h"

enum { LEN = VS_LMSLEAF_COPY_LEN, GRAIN = 16, PATTERNS = 13, LEAVES = 32 };

/* Where a write ends: as written, untouched, half, all of it but not
 * returned, or in grains that are old, new, or neither.
 */
enum cut { NO_CUT, BEFORE, HALF, AFTER, TORN, CUTS = TORN + PATTERNS };

struct disk {
	uint8_t copy[2][LEN];
	bool unreadable[2];
	int writes; /* since the test set it */
	int cut_at; /* that write is cut; 0: none */
	enum cut cut;
	struct vs_crypto crypto;
};

static uint32_t noise = 88172645;

static uint32_t rnd(void)
{
	noise ^= noise << 13;
	noise ^= noise >> 17;
	noise ^= noise << 5;
	return noise;
}

static vs_status disk_read(void *ctx, unsigned copy, uint8_t out[static LEN])
{
	struct disk *d = ctx;

	if (d->unreadable[copy])
		return VS_ERR_IO;
	memcpy(out, d->copy[copy], LEN);
	return VS_OK;
}

static void tear(uint8_t *old, const uint8_t *in)
{
	for (size_t at = 0; at < LEN; at += GRAIN) {
		uint32_t what = rnd() % 4;

		if (what == 0)
			memset(old + at, (int)(rnd() & 0xff), GRAIN);
		else if (what != 1)
			memcpy(old + at, in + at, GRAIN);
	}
	old[rnd() % LEN] ^= 1; /* it is never whole by chance */
}

static vs_status disk_write(void *ctx, unsigned copy,
                            const uint8_t in[static LEN])
{
	struct disk *d = ctx;

	if (++d->writes != d->cut_at) {
		memcpy(d->copy[copy], in, LEN);
		return VS_OK;
	}
	if (d->cut == HALF)
		memcpy(d->copy[copy], in, LEN / 2);
	else if (d->cut == AFTER)
		memcpy(d->copy[copy], in, LEN);
	else if (d->cut >= TORN)
		tear(d->copy[copy], in);
	return VS_ERR_IO;
}

static vs_status disk_sha256(void *ctx, const uint8_t *in, size_t len,
                             uint8_t out[static 32])
{
	struct disk *d = ctx;

	return d->crypto.sha256(d->crypto.ctx, in, len, NULL, 0, out);
}

static struct vs_lmsleaf_disk ops_of(struct disk *d)
{
	return (struct vs_lmsleaf_disk){d, disk_read, disk_write, disk_sha256};
}

static struct vs_lmsleaf sample(void)
{
	struct vs_lmsleaf s = {.first = 4, .next = 4, .end = 4 + LEAVES};

	memset(s.key_id, 0x11, sizeof s.key_id);
	memset(s.home, 0x22, sizeof s.home);
	return s;
}

static vs_status load(struct disk *d, struct vs_lmsleaf *out)
{
	struct vs_lmsleaf s = sample();
	struct vs_lmsleaf_disk at = ops_of(d);

	return vs_lmsleaf_load(&at, s.key_id, s.home, out, NULL);
}

static int setup(void **state)
{
	struct disk *d = calloc(1, sizeof *d);
	struct vs_lmsleaf s = sample();

	*state = d;
	if (!d || vs_openssl_init(&d->crypto))
		return -1;
	struct vs_lmsleaf_disk at = ops_of(d);
	return vs_lmsleaf_make(&at, &s) == VS_OK ? 0 : -1;
}

static int teardown(void **state)
{
	struct disk *d = *state;

	vs_openssl_drop(&d->crypto);
	free(d);
	return 0;
}

/* Takes leaves and remembers that they are out. */
static vs_status take(struct disk *d, struct vs_lmsleaf *s, uint32_t count,
                      bool out[static 4 + LEAVES])
{
	struct vs_lmsleaf_disk at = ops_of(d);
	uint32_t first;
	vs_status status = vs_lmsleaf_take(&at, s, count, &first);

	for (uint32_t i = 0; !status && i < count; i++) {
		assert_true(first + i >= 4 && first + i < 4 + LEAVES);
		assert_false(out[first + i]);
		out[first + i] = true;
	}
	return status;
}

static void every_leaf_is_given_out_once_and_then_none(void **state)
{
	struct disk *d = *state;
	struct vs_lmsleaf s;
	bool out[4 + LEAVES] = {false};

	assert_int_equal(load(d, &s), VS_OK);
	assert_int_equal(take(d, &s, 5, out), VS_OK);
	for (int i = 0; i < LEAVES - 5; i++) {
		assert_int_equal(take(d, &s, 1, out), VS_OK);
		assert_int_equal(load(d, &s), VS_OK);
	}
	d->writes = 0;
	assert_int_equal(take(d, &s, 1, out), VS_ERR_LIMIT);
	assert_int_equal(take(d, &s, 0, out), VS_ERR_INPUT);
	assert_int_equal(d->writes, 0);
	for (int i = 0; i < 4 + LEAVES; i++)
		assert_int_equal(out[i], i >= 4);
}

static void a_take_of_more_than_is_left_takes_nothing(void **state)
{
	struct disk *d = *state;
	struct vs_lmsleaf s;
	bool out[4 + LEAVES] = {false};

	assert_int_equal(load(d, &s), VS_OK);
	assert_int_equal(take(d, &s, LEAVES + 1, out), VS_ERR_LIMIT);
	assert_int_equal(take(d, &s, UINT32_MAX, out), VS_ERR_LIMIT);
	assert_int_equal(take(d, &s, LEAVES, out), VS_OK);
}

static void both_copies_say_it_before_a_leaf_is_out(void **state)
{
	struct disk *d = *state;
	struct vs_lmsleaf s;
	bool out[4 + LEAVES] = {false};

	assert_int_equal(load(d, &s), VS_OK);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(take(d, &s, 1, out), VS_OK);
		assert_memory_equal(d->copy[0], d->copy[1], LEN);
		assert_int_equal(d->copy[0][16], 5 + i);
	}
}

/* S3.35 S0.43: every bit of a copy, after leaves were given out */
static void a_lost_copy_never_brings_a_leaf_back(void **state)
{
	struct disk *d = *state;
	struct vs_lmsleaf s;
	bool out[4 + LEAVES] = {false};

	assert_int_equal(load(d, &s), VS_OK);
	assert_int_equal(take(d, &s, 3, out), VS_OK);
	for (int copy = 0; copy < 2; copy++) {
		for (size_t bit = 0; bit < LEN * 8; bit++) {
			uint8_t mask = (uint8_t)(1 << bit % 8);

			d->copy[copy][bit / 8] ^= mask;
			assert_int_equal(load(d, &s), VS_OK);
			assert_int_equal(s.next, 7);
			assert_int_equal(s.newer, !copy);
			d->copy[!copy][bit / 8] ^= mask;
			assert_int_equal(load(d, &s), VS_ERR_INPUT);
			d->copy[!copy][bit / 8] ^= mask;
			d->copy[copy][bit / 8] ^= mask;
		}
		d->unreadable[copy] = true;
		assert_int_equal(load(d, &s), VS_OK);
		assert_int_equal(s.next, 7);
		d->unreadable[copy] = false;
	}
	d->unreadable[0] = d->unreadable[1] = true;
	assert_int_equal(load(d, &s), VS_ERR_INPUT);
}

/* What must hold after any cut: the key opens, and what it gives is new, also
 * if one whole copy is lost after that.
 */
static void check_after(const struct disk *now, const bool *before)
{
	for (int lost = -1; lost < 2; lost++) {
		struct disk d = *now;
		bool out[4 + LEAVES];
		struct vs_lmsleaf s;

		memcpy(out, before, sizeof out);
		d.cut_at = 0;
		assert_int_equal(load(&d, &s), VS_OK);
		assert_int_equal(take(&d, &s, 2, out), VS_OK);
		if (lost >= 0)
			memset(d.copy[lost], 0xff, LEN);
		assert_int_equal(load(&d, &s), VS_OK);
		assert_int_equal(take(&d, &s, 2, out), VS_OK);
		assert_int_equal(load(&d, &s), VS_OK);
		assert_int_equal(take(&d, &s, 1, out), VS_OK);
	}
}

/* S3.35 S0.43: every write of a take, and every one of the take after it */
static void cuts_of_any_two_writes_use_no_leaf_twice(void **state)
{
	unsigned cases = 0;

	for (int first = 1; first <= 2; first++)
		for (int how = BEFORE; how < CUTS; how++)
			for (int second = 0; second <= 2; second++)
				for (int then = BEFORE; then < CUTS; then++) {
					struct disk d = *(struct disk *)*state;
					bool out[4 + LEAVES] = {false};
					struct vs_lmsleaf s;

					assert_int_equal(load(&d, &s), VS_OK);
					assert_int_equal(take(&d, &s, 1, out),
					                 VS_OK);
					d.writes = 0;
					d.cut_at = first;
					d.cut = (enum cut)how;
					assert_int_equal(take(&d, &s, 1, out),
					                 VS_ERR_IO);
					assert_int_equal(load(&d, &s), VS_OK);
					d.writes = 0;
					d.cut_at = second;
					d.cut = (enum cut)then;
					assert_int_equal(take(&d, &s, 1, out),
					                 second ? VS_ERR_IO
					                        : VS_OK);
					check_after(&d, out);
					cases++;
				}
	print_message("# %u double cuts\n", cases);
	assert_int_equal(cases, 2 * 3 * (CUTS - 1) * (CUTS - 1));
}

/* A cut while the state is made leaves a state of no leaf out, or none. */
static void a_cut_of_a_new_state_leaves_one_or_none(void **state)
{
	struct vs_lmsleaf s = sample(), got;

	for (int at = 1; at <= 2; at++)
		for (int how = BEFORE; how < CUTS; how++) {
			struct disk d = {
				.crypto = ((struct disk *)*state)->crypto};
			struct vs_lmsleaf_disk ops = ops_of(&d);

			d.cut_at = at;
			d.cut = (enum cut)how;
			assert_int_equal(vs_lmsleaf_make(&ops, &s), VS_ERR_IO);
			if (load(&d, &got) == VS_OK)
				assert_int_equal(got.next, got.first);
		}
}

static void a_state_of_another_key_or_file_is_refused(void **state)
{
	struct disk *d = *state;
	struct vs_lmsleaf s = sample(), got;
	struct vs_lmsleaf_disk at = ops_of(d);
	struct vs_why why;

	s.key_id[31] ^= 1;
	assert_int_equal(vs_lmsleaf_load(&at, s.key_id, s.home, &got, &why),
	                 VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_CONFLICT);
	s = sample();
	s.home[31] ^= 1;
	assert_int_equal(vs_lmsleaf_load(&at, s.key_id, s.home, &got, &why),
	                 VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_REPLAY);
}

static void copies_of_two_ranges_are_refused(void **state)
{
	struct disk *d = *state;
	struct disk other = *d;
	struct vs_lmsleaf s = sample(), got;
	struct vs_lmsleaf_disk at = ops_of(&other);

	s.end--;
	assert_int_equal(vs_lmsleaf_make(&at, &s), VS_OK);
	memcpy(d->copy[1], other.copy[1], LEN);
	assert_int_equal(load(d, &got), VS_ERR_INPUT);
}

static void a_range_that_is_none_is_never_written(void **state)
{
	struct disk *d = *state;
	struct vs_lmsleaf_disk at = ops_of(d);
	struct vs_lmsleaf bad[3];

	for (size_t i = 0; i < 3; i++)
		bad[i] = sample();
	bad[0].next = bad[0].first - 1;
	bad[1].next = bad[1].end + 1;
	bad[2].end = bad[2].next = bad[2].first;
	d->writes = 0;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(vs_lmsleaf_make(&at, &bad[i]), VS_ERR_INPUT);
	assert_int_equal(d->writes, 0);
}

/* One state, one encoding: what no signer writes is no state. */
static void a_right_sum_over_wrong_fields_is_not_whole(void **state)
{
	static const size_t fields[] = {0, 7, 8, 11, 12, 16, 88, 479};
	struct disk *d = *state;
	struct vs_lmsleaf s;

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		uint8_t old[LEN];

		memcpy(old, d->copy[0], LEN);
		d->copy[0][fields[i]] ^= 0x3c;
		assert_int_equal(
			disk_sha256(d, d->copy[0], 480, d->copy[0] + 480),
			VS_OK);
		memcpy(d->copy[1], d->copy[0], LEN);
		assert_int_equal(load(d, &s), VS_ERR_INPUT);
		memcpy(d->copy[0], old, LEN);
		memcpy(d->copy[1], old, LEN);
	}
	assert_int_equal(load(d, &s), VS_OK);
}

static void the_bytes_stand_where_the_format_says(void **state)
{
	static const uint8_t head[25] = {
		'V', 'L', 'T', 'L', 'E', 'A', 'F', '1', 1, 0, 0, 0,   4,
		0,   0,   0,   4,   0,   0,   0,   36,  0, 0, 0, 0x11};
	struct disk *d = *state;

	assert_memory_equal(d->copy[0], head, sizeof head);
	assert_int_equal(d->copy[0][56], 0x22);
	assert_int_equal(d->copy[0][88], 0);
	/* from Python's hashlib over the first 480 bytes */
	assert_int_equal(d->copy[0][480] << 8 | d->copy[0][481], 0x37f4);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(every_leaf_is_given_out_once_and_then_none),
		T(a_take_of_more_than_is_left_takes_nothing),
		T(both_copies_say_it_before_a_leaf_is_out),
		T(a_lost_copy_never_brings_a_leaf_back),
		T(cuts_of_any_two_writes_use_no_leaf_twice),
		T(a_cut_of_a_new_state_leaves_one_or_none),
		T(a_state_of_another_key_or_file_is_refused),
		T(copies_of_two_ranges_are_refused),
		T(a_range_that_is_none_is_never_written),
		T(a_right_sum_over_wrong_fields_is_not_whole),
		T(the_bytes_stand_where_the_format_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
