/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/reporter_test.c - signed reports whose counter never repeats.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/run/reporter.h"
#include "base/file.h"
#include "base/pem.h"
#include "tests/agent/maker.h"

static struct maker maker;
static struct made gateway, controller;
static struct vs_charger charger;
static struct vs_key key;
static char dir[PATH_MAX];
static struct vs_conf conf;
static struct vs_device_key *device;

static int setup(void **state)
{
	uint8_t image[9000];
	EVP_PKEY *pkey;
	char error[VS_ERROR_LEN];

	(void)state;
	maker_init(&maker);
	noise(image, sizeof(image), 1);
	maker_seal(&maker, &gateway, "gateway", 4, 2, image, sizeof(image));
	maker_seal(&maker, &controller, "controller", 4, 2, image, 4000);
	maker_charger(&maker, &gateway, &controller, 1);
	maker_path(&maker, "charger", dir);
	maker_path(&maker, "device.key", conf.key_file);
	assert_int_equal(vs_pem_generate(conf.key_file, false, &pkey), VS_OK);
	assert_int_equal(vs_key_from_pkey(pkey, &key), VS_OK);
	EVP_PKEY_free(pkey);
	assert_int_equal(vs_device_key_open(&conf, &device, error), VS_OK);
	assert_int_equal(vs_charger_open(&charger, dir, error), VS_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vs_key_drop(&key);
	vs_device_key_close(&device);
	vs_charger_close(&charger);
	made_drop(&gateway);
	made_drop(&controller);
	maker_drop(&maker);
	return 0;
}

static void open_reporter(struct vs_reporter *r, uint64_t now_s)
{
	char error[VS_ERROR_LEN] = "";

	if (vs_reporter_open(r, dir, device, now_s, error) != VS_OK)
		fail_msg("%s", error);
}

static void report(struct vs_reporter *r, const struct vs_news *note,
                   struct vs_report *out)
{
	struct vs_state *s = calloc(1, sizeof(*s));
	const struct vs_live live = {
		.healthy = true, .faults = 3, .detail = ""};
	struct vs_why why;
	char *text;
	size_t len;

	assert_non_null(s);
	assert_int_equal(
		vs_reporter_encode(r, &charger, s, note, &live, &text, &len),
		VS_OK);
	assert_int_equal(vs_report_decode(text, len, &key, out, &why), VS_OK);
	text[len / 2] ^= 1;
	assert_int_not_equal(vs_report_decode(text, len, &key, out, &why),
	                     VS_OK);
	text[len / 2] ^= 1;
	assert_int_equal(vs_report_decode(text, len, &key, out, &why), VS_OK);
	free(text);
	free(s);
}

static void a_report_says_what_the_sealed_slot_says(void **state)
{
	struct vs_reporter r;
	struct vs_report *out = malloc(sizeof(*out));
	const struct vs_news note = {.status = "InvalidSignature",
	                             .phase = "Idle",
	                             .reason = VS_REASON_ROLLBACK,
	                             .about = "director/timestamp.json"};

	(void)state;
	assert_non_null(out);
	open_reporter(&r, 1000);
	report(&r, NULL, out);
	assert_string_equal(out->vehicle, "CP-0001");
	assert_int_equal(out->ecu_count, 2);
	assert_string_equal(out->ecus[0].id, "CP-0001-gateway");
	assert_string_equal(out->primary, "CP-0001-gateway");
	assert_string_equal(out->ecus[0].sha256, gateway.sha256);
	assert_int_equal(out->ecus[0].length, gateway.seal_len);
	assert_string_equal(out->ecus[1].version, "1.4.0");
	assert_int_equal(out->faults, 3);
	assert_int_equal(out->ecus[0].security_version, 2);
	assert_int_equal(out->ecus[0].floor, 1);
	assert_string_equal(out->status, "Idle");
	report(&r, &note, out);
	assert_string_equal(out->status, "InvalidSignature");
	assert_int_equal(out->reason, VS_REASON_ROLLBACK);
	assert_string_equal(out->about, "director/timestamp.json");
	free(out);
}

static void the_counter_only_rises_over_restarts(void **state)
{
	struct vs_report *out = malloc(sizeof(*out));
	uint64_t last = 0;

	(void)state;
	assert_non_null(out);
	for (int start = 0; start < 4; start++) {
		struct vs_reporter r;

		open_reporter(&r, 1000);
		for (int i = 0; i < (start == 0 ? 250 : 3); i++) {
			report(&r, NULL, out);
			assert_true(out->counter > last);
			last = out->counter;
		}
	}
	free(out);
}

static void a_lost_counter_goes_on_above_the_clock(void **state)
{
	struct vs_report *out = malloc(sizeof(*out));
	struct vs_reporter r;
	char path[PATH_MAX];

	(void)state;
	assert_non_null(out);
	maker_path(&maker, "charger/agent/counter", path);
	unlink(path);
	open_reporter(&r, 1900000000);
	report(&r, NULL, out);
	assert_true(out->counter > 1900000000);
	maker_put(&maker, "charger/agent/counter", "garbage", 7);
	open_reporter(&r, 1900005000);
	report(&r, NULL, out);
	assert_true(out->counter > 1900005000);
	free(out);
}

static void a_key_that_others_may_read_is_not_used(void **state)
{
	struct vs_device_key *open_to_all;
	char error[VS_ERROR_LEN];

	(void)state;
	assert_int_equal(chmod(conf.key_file, 0644), 0);
	assert_int_equal(vs_device_key_open(&conf, &open_to_all, error),
	                 VS_ERR_DENIED);
	assert_non_null(strstr(error, "others may read"));
	assert_null(open_to_all);
	assert_int_equal(chmod(conf.key_file, 0600), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_says_what_the_sealed_slot_says),
		cmocka_unit_test(the_counter_only_rises_over_restarts),
		cmocka_unit_test(a_lost_counter_goes_on_above_the_clock),
		cmocka_unit_test(a_key_that_others_may_read_is_not_used),
	};

	return cmocka_run_group_tests_name("agent reporter", tests, setup,
	                                   teardown);
}
