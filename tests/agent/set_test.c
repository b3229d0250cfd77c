/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/set_test.c - a whole slot: all components or none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/believe/believe.h"
#include "agent/install/set.h"
#include "tests/agent/maker.h"

#define GATEWAY_LEN (3 * (size_t)VS_CLUSTER_LEN + 5000)
#define CONTROLLER_LEN 200000

static struct maker maker;
static struct made gateway_1, gateway_2, controller_1, controller_2;

static int setup(void **state)
{
	uint8_t *image = malloc(GATEWAY_LEN);

	(void)state;
	assert_non_null(image);
	maker_init(&maker);
	noise(image, GATEWAY_LEN, 1);
	maker_seal(&maker, &gateway_1, "gateway", 1, 2, image, GATEWAY_LEN);
	noise(image + 100, 9, 2);
	maker_seal(&maker, &gateway_2, "gateway", 2, 3, image, GATEWAY_LEN);
	noise(image, CONTROLLER_LEN, 3);
	maker_seal(&maker, &controller_1, "controller", 1, 2, image,
	           CONTROLLER_LEN);
	noise(image, CONTROLLER_LEN, 4);
	maker_seal(&maker, &controller_2, "controller", 2, 2, image,
	           CONTROLLER_LEN);
	maker_charger(&maker, &gateway_1, &controller_1, 2);
	free(image);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	made_drop(&gateway_1);
	made_drop(&gateway_2);
	made_drop(&controller_1);
	made_drop(&controller_2);
	maker_drop(&maker);
	return 0;
}

static void open_charger(struct vs_charger *c)
{
	char path[PATH_MAX];
	char error[VS_ERROR_LEN] = "";

	if (vs_charger_open(c, maker_path(&maker, "charger", path), error) !=
	    VS_OK)
		fail_msg("%s", error);
}

/* What the loader would do now, hashing everything. */
static int boots(const struct vs_charger *c, uint64_t *seq)
{
	struct vs_boot_component components[VS_BOOT_COMPONENTS_MAX];
	struct vs_boot_decision d;

	for (int i = 0; i < c->machine.count; i++) {
		components[i] = c->components[i];
		components[i].hash_whole = true;
	}
	assert_int_equal(vs_boot_decide(&c->ops, components, c->machine.count,
	                                &c->ring, VS_RESET_POWER, c->scratch,
	                                &d),
	                 VS_OK);
	assert_int_equal(d.verdict, VS_VERDICT_BOOT);
	*seq = d.header[0].release_seq;
	return d.slot;
}

static vs_status write_set(const struct vs_charger *c, bool both,
                           const struct vs_disk_ops *ops, struct vs_set *set,
                           struct vs_why *why)
{
	struct counted counted[2];
	struct vs_source sources[2];

	counted_init(&counted[0], &gateway_2, &sources[0]);
	counted_init(&counted[1], &controller_2, &sources[1]);
	*set = (struct vs_set){
		.charger = c, .target = !c->slot, .workers = 1, .ops = ops};
	set->parts[0].seal = &gateway_2.opened;
	set->parts[0].source = &sources[0];
	if (both) {
		set->parts[1].seal = &controller_2.opened;
		set->parts[1].source = &sources[1];
	}
	return vs_set_write(set, why);
}

static void an_opened_charger_knows_what_runs(void **state)
{
	struct vs_charger c;

	(void)state;
	open_charger(&c);
	assert_int_equal(c.slot, 0);
	assert_int_equal(c.machine.count, 2);
	assert_string_equal(c.running[0].sha256, gateway_1.sha256);
	assert_string_equal(c.running[1].sha256, controller_1.sha256);
	assert_int_equal(c.running[0].seal_len, gateway_1.seal_len);
	assert_int_equal(c.running[0].floor, 2);
	vs_charger_close(&c);
}

/* S3.28 */
static void the_running_slot_is_never_written(void **state)
{
	struct vs_charger c;
	struct vs_disk d;
	struct vs_set set;
	struct vs_why why;
	uint8_t byte = 0;

	(void)state;
	open_charger(&c);
	set = (struct vs_set){.charger = &c, .target = c.slot};
	assert_int_equal(vs_set_write(&set, &why), VS_ERR_STATE);
	assert_int_equal(vs_charger_open_slot(&c, 0, c.slot, NULL, &d), VS_OK);
	assert_int_equal(vs_disk_write(&d, &byte, 1, 0), VS_ERR_IO);
	vs_disk_close(&d);
	vs_charger_close(&c);
}

/* A slot that passes the agent's quick look passes the loader's long one. */
static void assert_verified_means_whole(const struct vs_charger *c)
{
	struct vs_seal_header header;
	struct vs_why why;

	if (vs_charger_verify(c, 1, &why) != VS_OK)
		return;
	for (int i = 0; i < c->machine.count; i++) {
		struct vs_boot_component what = c->components[i];

		what.hash_whole = true;
		assert_int_equal(vs_boot_verify_component(&c->ops, &what, i, 1,
		                                          &c->ring, c->scratch,
		                                          &header, &why),
		                 VS_OK);
	}
}

static void empty_slot(const struct vs_charger *c)
{
	static const uint8_t zeros[1 << 16];
	struct vs_disk d;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(vs_charger_open_slot(c, i, 1, NULL, &d),
		                 VS_OK);
		for (uint64_t at = 0; at < d.len; at += sizeof(zeros))
			assert_int_equal(
				vs_disk_write(&d, zeros, sizeof(zeros), at),
				VS_OK);
		vs_disk_close(&d);
	}
}

/* A8 partial bundle, S2.39, S3.27: power fails at each write of the set; the
 * loader starts the old slot each time, hashed whole, and then it goes on.
 */
static void a_cut_at_every_write_of_a_set_leaves_the_old_one(void **state)
{
	struct vs_charger c;
	struct vs_set set;
	struct vs_why why;
	uint64_t n = 1;
	uint64_t seq;

	(void)state;
	open_charger(&c);
	for (;; n++) {
		struct cut_disk cut;
		vs_status status;

		cut_disk_init(&cut);
		cut.cut_at = n;
		cut.torn = n % 2;
		status = write_set(&c, true, &cut.ops, &set, &why);
		assert_int_equal(boots(&c, &seq), 0);
		assert_int_equal(seq, 1);
		if (status == VS_OK)
			break;
		assert_int_equal(status, VS_ERR_IO);
		assert_verified_means_whole(&c);
		empty_slot(&c);
	}
	assert_true(n > 10);
	vs_charger_close(&c);
}

static void a_set_that_is_whole_is_armed_and_tried(void **state)
{
	struct vs_charger c;
	struct vs_set set;
	struct vs_why why;
	struct vs_record record;
	uint64_t seq;

	(void)state;
	open_charger(&c);
	assert_int_equal(write_set(&c, true, NULL, &set, &why), VS_OK);
	assert_int_equal(boots(&c, &seq), 0);
	assert_int_equal(vs_set_arm(&c, 1, 3, &why), VS_OK);
	assert_int_equal(vs_record_load(&c.ops.record, &record), VS_OK);
	assert_int_equal(record.slots[1].state, VS_SLOT_TRIAL);
	assert_int_equal(boots(&c, &seq), 1);
	assert_int_equal(seq, 2);
	/* an armed slot is not written, nor armed again */
	assert_int_not_equal(write_set(&c, true, NULL, &set, &why), VS_OK);
	assert_int_not_equal(vs_set_arm(&c, 1, 3, &why), VS_OK);
	assert_int_equal(vs_record_give_up(&record, 1, VS_REASON_HEALTH_FAILED),
	                 VS_OK);
	assert_int_equal(vs_record_store(&c.ops.record, &record), VS_OK);
	assert_int_equal(boots(&c, &seq), 0);
	vs_charger_close(&c);
}

static void what_a_release_does_not_name_is_copied(void **state)
{
	struct vs_charger c;
	struct vs_set set;
	struct vs_why why;
	struct vs_seal seal;
	uint8_t *file;
	size_t len;

	(void)state;
	open_charger(&c);
	assert_int_equal(write_set(&c, false, NULL, &set, &why), VS_OK);
	assert_int_equal(vs_charger_seal(&c, 1, 1, &file, &len, &seal, &why),
	                 VS_OK);
	assert_int_equal(len, controller_1.seal_len);
	assert_memory_equal(file, controller_1.seal, len);
	free(file);
	assert_int_equal(vs_charger_verify(&c, 1, &why), VS_OK);
	assert_true(set.stats.clusters_copied >= 1);
	vs_charger_close(&c);
}

static json_t *custom_of(const char *component, const char *version,
                         int release, int rollback, const char *hardware)
{
	return json_pack("{s:s, s:s, s:i, s:i, s:[s]}", "component", component,
	                 "version", version, "releaseCounter", release,
	                 "rollbackIndex", rollback, "hardwareIds", hardware);
}

/* What the two signatures say must be the same: SEAL_MISMATCH. */
static void a_seal_that_says_other_than_its_target_is_refused(void **state)
{
	const struct vs_seal_header *h = &gateway_2.opened.header;
	json_t *customs[] = {
		custom_of("gateway", "1.2.0", 2, 3, "gw-rev3"), /* right */
		custom_of("controller", "1.2.0", 2, 3, "gw-rev3"),
		custom_of("gateway", "1.2.1", 2, 3, "gw-rev3"),
		custom_of("gateway", "1.2.0", 3, 3, "gw-rev3"),
		custom_of("gateway", "1.2.0", 2, 4, "gw-rev3"),
		custom_of("gateway", "1.2.0", 2, 3, "gw-rev4"),
		json_pack("{}"),
	};
	struct vs_why why;

	(void)state;
	for (size_t i = 0; i < sizeof(customs) / sizeof(customs[0]); i++) {
		vs_status status = vs_believe_custom(h, customs[i], &why);

		assert_int_equal(status, i == 0 ? VS_OK : VS_ERR_REFUSED);
		if (i > 0)
			assert_int_equal(why.code, VS_REASON_SEAL_MISMATCH);
		json_decref(customs[i]);
	}
}

/* S0.18, S0.23, S3.23: also what comes from a stick. */
static void what_is_old_or_foreign_is_refused(void **state)
{
	struct vs_charger c;
	struct vs_why why;
	struct vs_seal wrong = gateway_2.opened;

	(void)state;
	open_charger(&c);
	assert_int_equal(vs_believe_seal(&c, 0, &gateway_2.opened,
	                                 gateway_2.sha256, &why),
	                 VS_OK);
	assert_int_equal(vs_believe_seal(&c, 0, &gateway_1.opened,
	                                 gateway_1.sha256, &why),
	                 VS_OK); /* the very one that runs */
	assert_int_equal(vs_believe_seal(&c, 0, &gateway_1.opened,
	                                 gateway_2.sha256, &why),
	                 VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_RELEASE_ROLLBACK);
	assert_int_equal(vs_believe_seal(&c, 1, &gateway_2.opened,
	                                 gateway_2.sha256, &why),
	                 VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_WRONG_COMPONENT);
	wrong.header.security_version = 1;
	assert_int_equal(vs_believe_seal(&c, 0, &wrong, gateway_2.sha256, &why),
	                 VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_BELOW_FLOOR);
	wrong = gateway_2.opened;
	memcpy(wrong.header.hardware[0], "gw-rev9", 8);
	assert_int_equal(vs_believe_seal(&c, 0, &wrong, gateway_2.sha256, &why),
	                 VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_WRONG_HARDWARE);
	wrong = gateway_2.opened;
	assert_int_equal(vs_tree_init(&wrong.tree, MAKER_SLOT_LEN), VS_OK);
	assert_int_equal(vs_believe_seal(&c, 0, &wrong, gateway_2.sha256, &why),
	                 VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_TOO_BIG_FOR_SLOT);
	vs_charger_close(&c);
}

static void announced_bytes_are_these_bytes(void **state)
{
	struct vs_charger c;
	struct vs_assignment a = {.length = gateway_2.seal_len};
	uint8_t *seal = malloc(gateway_2.seal_len);
	struct vs_why why;

	(void)state;
	assert_non_null(seal);
	open_charger(&c);
	memcpy(a.sha256, gateway_2.sha256, sizeof(a.sha256));
	memcpy(seal, gateway_2.seal, gateway_2.seal_len);
	assert_int_equal(
		vs_believe_bytes(&c, &a, seal, gateway_2.seal_len, &why),
		VS_OK);
	for (size_t i = 0; i < gateway_2.seal_len; i += 97) {
		seal[i] ^= 1;
		assert_int_equal(vs_believe_bytes(&c, &a, seal,
		                                  gateway_2.seal_len, &why),
		                 VS_ERR_REFUSED);
		assert_int_equal(why.code, VS_REASON_HASH_MISMATCH);
		seal[i] ^= 1;
	}
	assert_int_equal(
		vs_believe_bytes(&c, &a, seal, gateway_2.seal_len - 1, &why),
		VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_LENGTH_MISMATCH);
	vs_charger_close(&c);
	free(seal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_opened_charger_knows_what_runs),
		cmocka_unit_test(the_running_slot_is_never_written),
		cmocka_unit_test(
			a_cut_at_every_write_of_a_set_leaves_the_old_one),
		cmocka_unit_test(a_set_that_is_whole_is_armed_and_tried),
		cmocka_unit_test(what_a_release_does_not_name_is_copied),
		cmocka_unit_test(
			a_seal_that_says_other_than_its_target_is_refused),
		cmocka_unit_test(what_is_old_or_foreign_is_refused),
		cmocka_unit_test(announced_bytes_are_these_bytes),
	};

	return cmocka_run_group_tests_name("agent set", tests, setup, teardown);
}
