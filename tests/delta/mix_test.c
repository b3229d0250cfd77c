/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/mix_test.c - counters and mixing, beside the sums that
 * docs/formats/delta-coding.md writes down, section 12.
 */
#include "delta/mix.h"
#include "tests/delta/fixture.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ROUNDS 200000
#define STRETCHED_MAX 2047
#define WEIGHT_MAX (1 << 23)

static const size_t sets[VS_MIX_SETS] = {3, 5};

static int64_t cut_to(int64_t x, int64_t most)
{
	return x > most ? most : x < -most ? -most : x;
}

/* One of all numbers from -most to most; each fourth time an end. */
static int32_t any(uint32_t *seed, int32_t most)
{
	switch (next_number(seed) >> 11 & 7) {
	case 0:
		return most;
	case 1:
		return -most;
	default:
		return (int32_t)(next_number(seed) % (2 * (uint32_t)most + 1)) -
		       most;
	}
}

static void give(struct vs_mix *m, const size_t *chosen, uint32_t *seed)
{
	int32_t most = WEIGHT_MAX >> (next_number(seed) >> 11 & 15);

	for (size_t i = 0; i < VS_MIX_INPUTS; i++) {
		m->in[i] = (int16_t)any(seed, STRETCHED_MAX);
		for (size_t k = 0; k < VS_MIX_SETS; k++)
			m->weights[k][chosen[k] * VS_MIX_INPUTS + i] =
				any(seed, most);
	}
}

static int64_t weighed(const struct vs_mix *m, const int32_t *weights)
{
	int64_t sum = 0;

	for (size_t i = 0; i < VS_MIX_INPUTS; i++)
		sum += (int64_t)m->in[i] * weights[i];
	return cut_to(sum / 65536, STRETCHED_MAX);
}

static int64_t learnt(int64_t weight, int64_t in, int64_t dot, unsigned bit,
                      int64_t rate)
{
	int64_t miss = ((bit ? 65535 : 0) - (int64_t)vs_squash((int32_t)dot)) /
	               16 * rate;

	return cut_to(weight + in * miss / 65536, WEIGHT_MAX);
}

/* S0.31: whatever inputs and weights there are */
static void a_guess_and_what_is_learnt_are_those_of_the_document(void **state)
{
	static const int16_t rates[] = {6, 10};
	uint32_t seed = 3;

	(void)state;
	for (size_t r = 0; r < 2; r++) {
		struct vs_mix m;

		assert_int_equal(vs_mix_init(&m, sets, rates[r]), VS_OK);
		for (int round = 0; round < ROUNDS; round++) {
			const size_t chosen[] = {next_number(&seed) % sets[0],
			                         next_number(&seed) % sets[1]};
			unsigned bit = next_number(&seed) >> 7 & 1;
			int32_t before[VS_MIX_SETS][VS_MIX_INPUTS];
			int64_t dots[VS_MIX_SETS];

			give(&m, chosen, &seed);
			for (size_t k = 0; k < VS_MIX_SETS; k++) {
				const int32_t *w = m.weights[k] +
				                   chosen[k] * VS_MIX_INPUTS;

				memcpy(before[k], w, sizeof(before[k]));
				dots[k] = weighed(&m, w);
			}
			assert_int_equal(vs_mix_guess(&m, chosen),
			                 (dots[0] + dots[1]) / 2);
			vs_mix_learn(&m, bit);
			for (size_t k = 0; k < VS_MIX_SETS; k++)
				for (size_t i = 0; i < VS_MIX_INPUTS; i++)
					assert_int_equal(
						m.weights
							[k]
							[chosen[k] *
					                         VS_MIX_INPUTS +
					                 i],
						learnt(before[k][i], m.in[i],
					               dots[k], bit, rates[r]));
		}
		vs_mix_drop(&m);
	}
}

/* Small misses, where nothing may be left out that would be learnt. */
static void the_smallest_miss_that_moves_a_weight_moves_it(void **state)
{
	static const size_t chosen[VS_MIX_SETS] = {0, 0};
	unsigned moved = 0, kept = 0;

	(void)state;
	for (int32_t weight = 0; weight < 400000; weight += 64) {
		struct vs_mix m;
		int32_t before = weight, now;
		int64_t dot;

		assert_int_equal(vs_mix_init(&m, sets, 10), VS_OK);
		memset(m.in, 0, sizeof(m.in));
		m.in[0] = STRETCHED_MAX;
		m.weights[0][0] = weight;
		dot = weighed(&m, m.weights[0]);
		(void)vs_mix_guess(&m, chosen);
		vs_mix_learn(&m, 1);
		now = m.weights[0][0];
		assert_int_equal(now, learnt(before, m.in[0], dot, 1, 10));
		moved += now != before;
		kept += now == before;
		vs_mix_drop(&m);
	}
	assert_true(moved > 0 && kept > 0);
}

/* All there are, twice. */
static void counters_of_16_bits_learn_by_the_document(void **state)
{
	/* 65536 / (n + 1.6) */
	static const int32_t share[16] = {
		40960, 25206, 18204, 14247, 11703, 9930, 8623, 7620,
		6827,  6183,  5650,  5201,  4819,  4489, 4201, 3948,
	};

	(void)state;
	for (uint32_t value = 0; value < 2 * 65536; value++) {
		uint16_t counter = (uint16_t)value, others[3] = {0, 7, 65535};
		uint16_t *const all[] = {&others[0], &others[1], &counter,
		                         &others[2]};
		unsigned bit = value >> 16;
		int32_t chance = counter ? counter >> 4 : 2048;
		uint32_t count = counter & 15u;

		chance += ((bit ? 4095 : 0) - chance) * share[count] / 65536;
		vs_counts16_learn(all, 4, bit);
		assert_int_equal(counter,
		                 (uint32_t)chance << 4 |
		                         (count < 15 ? count + 1 : 15));
	}
}

static void counters_of_32_bits_learn_by_the_document(void **state)
{
	struct vs_shares shares;
	uint32_t seed = 5;

	(void)state;
	vs_shares_init(&shares);
	for (uint32_t round = 0; round < 8 * ROUNDS; round++) {
		uint32_t count = round % (VS_COUNTS32_LIMIT + 1);
		uint32_t upper = next_number(&seed) << 9;
		uint32_t n = upper ^ next_number(&seed);
		/* each eighth time an end */
		int32_t chance = (n >> 23 & 7) > 1 ? (int32_t)(n & 4194303)
		                 : n >> 23 & 1     ? 4194303
		                                   : 0;
		unsigned bit = next_number(&seed) >> 9 & 1;
		uint32_t counter = (uint32_t)chance << 10 | count;
		uint32_t *const all[] = {&counter};

		if (counter == 0)
			chance = 1 << 21;
		chance += ((bit ? (1 << 22) - 1 : 0) - chance) * 2 /
		          (2 * (int32_t)count + 3);
		vs_counts32_learn(&shares, all, 1, bit);
		assert_int_equal(counter,
		                 (uint32_t)chance << 10 |
		                         (count < VS_COUNTS32_LIMIT ? count + 1
		                                                    : count));
	}
}

/* Just before each quotient that follows, where an inverse that is too large
 * would be seen, and at each one, where one that is too small would.
 */
static void no_share_is_off_by_one(void **state)
{
	struct vs_shares shares;

	(void)state;
	vs_shares_init(&shares);
	for (uint32_t n = 0; n <= VS_COUNTS32_LIMIT; n++) {
		uint32_t parts = 2 * n + 3;

		for (uint64_t x = 0; x < 1u << 23; x += 2 * parts) {
			uint64_t last = x + parts - 1;

			assert_int_equal(x * shares.of[n] >> 33, x / parts);
			assert_int_equal(last * shares.of[n] >> 33,
			                 last / parts);
		}
	}
}

static void an_unused_counter_says_nothing(void **state)
{
	struct vs_stretch s;
	uint16_t a = 0, b = 1, c = 65535;
	uint32_t d = 0, e = 1, f = UINT32_MAX;
	const uint16_t *const narrow[] = {&a, &b, &c};
	const uint32_t *const wide[] = {&d, &e, &f};
	int16_t out[3];

	(void)state;
	vs_stretch_init(&s);
	vs_counts16_stretch(&s, narrow, 3, out);
	assert_int_equal(out[0], 0);
	assert_int_equal(out[1], s.of[0]);
	assert_int_equal(out[2], s.of[4095]);
	vs_counts32_stretch(&s, wide, 3, out);
	assert_int_equal(out[0], 0);
	assert_int_equal(out[1], s.of[0]);
	assert_int_equal(out[2], s.of[4095]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_guess_and_what_is_learnt_are_those_of_the_document),
		cmocka_unit_test(
			the_smallest_miss_that_moves_a_weight_moves_it),
		cmocka_unit_test(counters_of_16_bits_learn_by_the_document),
		cmocka_unit_test(counters_of_32_bits_learn_by_the_document),
		cmocka_unit_test(no_share_is_off_by_one),
		cmocka_unit_test(an_unused_counter_says_nothing),
	};

	return cmocka_run_group_tests_name("delta mix", tests, NULL, NULL);
}
