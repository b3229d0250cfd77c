/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/zone_test.c - the system's time zones as the C library reads
 * them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/file.h"
#include "server/fleet/rollout_zone.h"

/* S0.29 S2.15: each day from 2020 to 2036, in zones of all kinds. */
static void a_zone_is_what_the_c_library_says(void **state)
{
	static const char *const names[] = {
		"Europe/Berlin",      "Europe/Dublin",       "America/New_York",
		"America/Sao_Paulo",  "Australia/Lord_Howe", "Asia/Kathmandu",
		"Pacific/Kiritimati", "Africa/Casablanca",   "Etc/GMT+3",
	};
	struct vs_rollout_zones all = {0};
	size_t changes = 0;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct vs_zone *z, *again;

		assert_true(vs_zone_known(names[i]));
		assert_int_equal(vs_rollout_zone_take(&all, names[i], 0, &z),
		                 VS_OK);
		assert_int_equal(
			vs_rollout_zone_take(&all, names[i], 60, &again),
			VS_OK);
		assert_ptr_equal(z, again);
		changes += z->count;
		assert_int_equal(setenv("TZ", names[i], 1), 0);
		tzset();
		for (time_t t = 1577836800; t < 2114380800; t += 43199) {
			struct tm tm;

			assert_non_null(localtime_r(&t, &tm));
			assert_int_equal(vs_zone_offset(z, (uint64_t)t),
			                 tm.tm_gmtoff);
		}
	}
	assert_true(changes > 500);
	vs_rollout_zones_drop(&all);
}

static void without_a_name_the_offset_holds_all_year(void **state)
{
	struct vs_rollout_zones all = {0};
	const struct vs_zone *east, *west, *again;

	(void)state;
	assert_int_equal(vs_rollout_zone_take(&all, "", 345, &east), VS_OK);
	assert_int_equal(vs_rollout_zone_take(&all, "", -90, &west), VS_OK);
	assert_int_equal(vs_rollout_zone_take(&all, "", 345, &again), VS_OK);
	assert_ptr_equal(east, again);
	assert_int_equal(vs_zone_offset(east, 1), 345 * 60);
	assert_int_equal(vs_zone_offset(west, 2000000000), -90 * 60);
	vs_rollout_zones_drop(&all);
}

static void what_is_no_zone_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",          "/etc/localtime", "../zoneinfo/Europe/Berlin",
		"Europe",    "Europe/",        "Europe//Berlin",
		"Mars/Base", "zone1970.tab",   "Europe/Berlin\n",
	};
	struct vs_rollout_zones all = {0};
	const struct vs_zone *z;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_false(vs_zone_known(wrong[i]));
		if (wrong[i][0])
			assert_int_not_equal(
				vs_rollout_zone_take(&all, wrong[i], 0, &z),
				VS_OK);
	}
	assert_null(all.first);
}

/* Cut anywhere, it is refused or still a table; never read beyond. */
static void a_file_cut_anywhere_is_refused(void **state)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	struct vs_zone_change *at;
	struct vs_why why;
	size_t len, count, whole;

	(void)state;
	assert_int_equal(vs_file_read("/usr/share/zoneinfo/Europe/Berlin",
	                              65536, &bytes, &len),
	                 VS_OK);
	assert_int_equal(vs_zone_decode(bytes, len, &at, &whole, &why), VS_OK);
	free(at);
	for (size_t n = 0; n < len; n++) {
		uint8_t *cut = malloc(n ? n : 1);

		assert_non_null(cut);
		memcpy(cut, bytes, n);
		if (vs_zone_decode(cut, n, &at, &count, &why) == VS_OK) {
			/* only the footer is missing */
			assert_true(n + 64 > len && count == whole);
			free(at);
		}
		free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zone_is_what_the_c_library_says),
		cmocka_unit_test(without_a_name_the_offset_holds_all_year),
		cmocka_unit_test(what_is_no_zone_is_refused),
		cmocka_unit_test(a_file_cut_anywhere_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
