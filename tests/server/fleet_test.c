/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/fleet_test.c - equal things are held once, chargers are found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/fleet/device_row.h"
#include "server/fleet/fleet.h"

enum { many = 3000 };

#define OK(call) assert_int_equal(call, VS_OK)

static const uint8_t fingerprint[32] = {1, 2, 3};

static struct vs_enrolled charger(char id[static 32], unsigned seq)
{
	snprintf(id, 32, "CP-%05u", seq);
	return (struct vs_enrolled){
		.id = id,
		.site = "north",
		.feeder = "",
		.model = "ac22",
		.labels = "tag=lab\ntenant=acme\n",
		.ecus = "gw-1 gateway gw-rev3 cc-1 controller cc-rev2",
		.fingerprint = fingerprint,
		.seq = seq,
		.expires_s = UINT64_C(1) << 40,
		.utc_offset_min = -60,
	};
}

static void equal_bytes_have_one_copy(void **state)
{
	struct vs_pool p = {.seed = 7};
	const char *a, *b, *c;

	(void)state;
	OK(vs_pool_text(&p, "north", &a));
	OK(vs_pool_text(&p, "north", &b));
	OK(vs_pool_text(&p, "south", &c));
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_string_equal(a, "north");
	assert_int_equal(p.count, 2);
	vs_pool_give(&p, a);
	assert_int_equal(p.count, 2);
	assert_string_equal(b, "north");
	vs_pool_give(&p, vs_pool_again(b));
	assert_int_equal(p.count, 2);
	vs_pool_give(&p, b);
	assert_int_equal(p.count, 1);
	vs_pool_give(&p, NULL);
	assert_string_equal(c, "south");
	vs_pool_drop(&p);
}

/* Whatever is taken and given back in between, what is in use stays where it
 * is and is found again: the gaps are closed behind it.
 */
static void what_is_in_use_is_always_found(void **state)
{
	struct vs_pool p = {.seed = 1};
	static const char *held[many];
	unsigned random = 1;
	char text[32];

	(void)state;
	for (unsigned round = 0; round < 20 * many; round++) {
		random = random * 1664525 + 1013904223;
		unsigned i = random >> 8 & 2047;

		snprintf(text, sizeof text, "text %u", i);
		if (held[i]) {
			const char *again;

			OK(vs_pool_text(&p, text, &again));
			assert_ptr_equal(again, held[i]);
			vs_pool_give(&p, again);
			if (random & 1) {
				vs_pool_give(&p, held[i]);
				held[i] = NULL;
			}
		} else {
			OK(vs_pool_text(&p, text, &held[i]));
		}
	}
	size_t used = 0;
	for (unsigned i = 0; i < many; i++)
		used += held[i] != NULL;
	assert_int_equal(p.count, used);
	vs_pool_drop(&p);
}

static void each_charger_is_found_by_its_id(void **state)
{
	struct vs_fleet f = {0};
	struct vs_device *d, *first = NULL;
	char id[32];

	(void)state;
	for (unsigned n = 1; n <= many; n++) {
		const struct vs_enrolled e = charger(id, n);

		OK(vs_fleet_add(&f, &e, &d));
		first = first ? first : d;
	}
	assert_int_equal(f.count, many);
	assert_int_equal(f.last_seq, many);
	for (unsigned n = 1; n <= many; n++) {
		(void)charger(id, n);
		d = vs_fleet_find(&f, id);
		assert_non_null(d);
		assert_int_equal(d->seq, n);
		assert_ptr_equal(d, vs_fleet_at(&f, n - 1));
		/* what they have alike is the same */
		assert_ptr_equal(d->site, first->site);
		assert_ptr_equal(d->kind, first->kind);
		assert_ptr_equal(d->ecus, first->ecus);
		assert_ptr_equal(d->state, first->state);
	}
	assert_null(vs_fleet_find(&f, "CP-0"));
	assert_string_equal(vs_device_ecu_id(first, 0), "gw-1");
	assert_string_equal(vs_device_ecu_id(first, 1), "cc-1");
	assert_string_equal(first->ecus[1].hardware, "cc-rev2");
	assert_true(vs_device_has_label(first, "tenant", "acme"));
	assert_false(vs_device_has_label(first, "tenant", "ac"));
	assert_int_equal(first->expires_s, UINT32_MAX);
	assert_int_equal(first->kind->utc_offset_min, -60);
	vs_fleet_drop(&f);
}

static void rows_in_any_order_end_in_that_of_registration(void **state)
{
	struct vs_fleet f = {0};
	struct vs_device *d;
	char id[32];

	(void)state;
	for (unsigned n = 0; n < many; n++) {
		const struct vs_enrolled e = charger(id, n * 7 % many + 1);

		OK(vs_fleet_add(&f, &e, &d));
	}
	OK(vs_fleet_sort(&f));
	for (unsigned n = 1; n <= many; n++) {
		(void)charger(id, n);
		assert_string_equal(vs_fleet_at(&f, n - 1)->id, id);
		assert_ptr_equal(vs_fleet_find(&f, id), vs_fleet_at(&f, n - 1));
	}
	vs_fleet_drop(&f);
}

static void ecus_that_mean_nothing_are_refused(void **state)
{
	static const char *const wrong[] = {
		"gw-1 gateway", "gw-1  gateway gw-rev3", " gw-1 gateway rev3",
		"a b c a b c a b c a b c a b c a b c a b c a b c a b c"};
	struct vs_fleet f = {0};
	struct vs_device *d;
	char id[32];

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct vs_enrolled e = charger(id, 1);

		e.ecus = wrong[i];
		assert_int_equal(vs_fleet_add(&f, &e, &d), VS_ERR_INPUT);
		assert_int_equal(f.count, 0);
	}
	vs_fleet_drop(&f);
}

/* A charger's record is what a million of them are paid with. */
static void a_record_stays_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct vs_device) <= 128);
}

static void a_report_leaves_nothing_behind_but_itself(void **state)
{
	struct vs_fleet f = {0};
	struct vs_report *r = calloc(1, sizeof *r);
	struct vs_device_next *n = malloc(sizeof *n);
	struct vs_device *d;
	char id[32];
	const struct vs_enrolled e = charger(id, 1);

	(void)state;
	assert_true(r && n);
	OK(vs_fleet_add(&f, &e, &d));
	size_t before = f.pool.count;
	for (unsigned i = 1; i < 200; i++) {
		r->counter = i;
		r->bytes_fetched = (UINT64_C(1) << 40) + i;
		r->ecu_count = 1;
		snprintf(r->detail, sizeof r->detail, "detail %u", i);
		snprintf(r->ecus[0].id, sizeof r->ecus[0].id, "cc-1");
		snprintf(r->ecus[0].version, sizeof r->ecus[0].version, "1.%u",
		         i);
		memset(n, 0, sizeof *n);
		OK(vs_device_report(&f, d, r, 1000 + i, n));
		OK(vs_device_prepare(&f, n));
		if (i % 3)
			vs_device_become(&f, d, n);
		else
			vs_device_forget(&f, n);
		assert_in_range(f.pool.count, before, before + 2);
	}
	assert_int_equal(d->counter, 199);
	assert_string_equal(d->state->detail, "detail 199");
	assert_string_equal(d->ecus[1].version, "1.199");
	assert_string_equal(d->ecus[0].version, "");
	assert_true(vs_device_fetched(d) == (UINT64_C(1) << 40) + 199);
	free(r);
	free(n);
	vs_fleet_drop(&f);
}

static void nonces_follow_from_charger_counter_and_key(void **state)
{
	struct vs_fleet f = {.nonce_key = {1}};
	char id[32], one[VS_NONCE_LEN], two[VS_NONCE_LEN];
	const struct vs_enrolled e = charger(id, 1);
	struct vs_device *d;

	(void)state;
	OK(vs_fleet_add(&f, &e, &d));
	OK(vs_device_nonce(&f, d, one));
	assert_string_equal(one, ""); /* none was given yet */
	d->counter = 5;
	OK(vs_device_nonce(&f, d, one));
	OK(vs_device_nonce(&f, d, two));
	assert_int_equal(strlen(one), 64);
	assert_string_equal(one, two);
	d->counter = 6;
	OK(vs_device_nonce(&f, d, two));
	assert_string_not_equal(one, two);
	d->counter = 5;
	f.nonce_key[0] = 2;
	OK(vs_device_nonce(&f, d, two));
	assert_string_not_equal(one, two);
	vs_fleet_drop(&f);
}

static void what_is_written_of_a_state_is_read_back(void **state)
{
	struct vs_device_state s = {.director_trusted = 9,
	                            .campaign_seq = 7,
	                            .bytes_total = UINT64_C(1) << 40,
	                            .reason = VS_REASON_HEALTH_FAILED,
	                            .fallback_reason = VS_REASON_BOOT_FAILED,
	                            .slot = -1,
	                            .healthy = true,
	                            .fell_back = true};
	struct vs_device_state back;
	struct vs_device_ecu ecus[2] = {{.component = "gateway"}, {.floor = 0}};
	struct vs_device_ecu read[2];
	struct vs_why why;
	char *text;

	(void)state;
	snprintf(s.detail, sizeof s.detail, "it said \"no\"\n\xc3\xa9");
	snprintf(s.status, sizeof s.status, "Idle");
	s.watch.floors[7] = 3;
	s.watch.since_s[VS_FLAG_FLOOR_FELL] = 1800000000;
	OK(vs_device_said_write(&s, &text));
	OK(vs_device_said_read(text, &back, &why));
	assert_memory_equal(&back.watch, &s.watch, sizeof s.watch);
	assert_string_equal(back.detail, s.detail);
	assert_string_equal(back.status, "Idle");
	assert_true(back.director_trusted == 9 && back.campaign_seq == 7 &&
	            back.bytes_total == s.bytes_total && back.slot == -1);
	assert_true(back.reason == s.reason &&
	            back.fallback_reason == s.fallback_reason);
	assert_true(back.healthy && back.fell_back && !back.trial &&
	            !back.charging);
	free(text);
	snprintf(ecus[0].version, sizeof ecus[0].version, "1.2.0 \"x\"");
	ecus[0].release_seq = 12;
	ecus[0].floor = UINT32_MAX;
	ecus[0].seal = UINT64_MAX;
	memcpy(read, ecus, sizeof read);
	memset(read[0].version, 'z', 5);
	OK(vs_device_runs_write(ecus, 2, &text));
	OK(vs_device_runs_read(text, read, 2, &why));
	assert_memory_equal(read, ecus, sizeof read);
	assert_int_equal(vs_device_runs_read(text, read, 1, &why),
	                 VS_ERR_INPUT);
	assert_int_equal(
		vs_device_said_read("{\"reason\":\"none such\"}", &back, &why),
		VS_ERR_INPUT);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_bytes_have_one_copy),
		cmocka_unit_test(what_is_in_use_is_always_found),
		cmocka_unit_test(each_charger_is_found_by_its_id),
		cmocka_unit_test(rows_in_any_order_end_in_that_of_registration),
		cmocka_unit_test(ecus_that_mean_nothing_are_refused),
		cmocka_unit_test(a_record_stays_small),
		cmocka_unit_test(a_report_leaves_nothing_behind_but_itself),
		cmocka_unit_test(nonces_follow_from_charger_counter_and_key),
		cmocka_unit_test(what_is_written_of_a_state_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
