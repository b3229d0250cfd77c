/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/decided_test.c - the loader's decision comes to the server as it
 * was made: the record can be written again from a report.  S0.18
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/run/reporter.h"
#include "agent/slots/decided.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/pem.h"
#include "boot/decision.h"
#include "boot/port/host/decision.h"
#include "trust/json.h"

enum { ROUNDS = 300 };

static uint32_t noise = 88172645;

static uint32_t rnd(uint32_t below)
{
	noise ^= noise << 13;
	noise ^= noise >> 17;
	noise ^= noise << 5;
	return noise % below;
}

static struct vs_machine machine(void)
{
	struct vs_machine m = {.vehicle = "CP-1", .storage = "files"};

	m.count = 1 + (int)rnd(VS_BOOT_COMPONENTS_MAX);
	for (int c = 0; c < m.count; c++)
		snprintf(m.components[c].name, VS_COMPONENT_LEN, "part-%d", c);
	return m;
}

static uint32_t unread(uint32_t below)
{
	return rnd(4) == 0 ? UINT32_MAX : rnd(below);
}

static void fill_seen(struct vs_boot_slot_view *v, int count)
{
	v->refused = rnd(2) ? (vs_reason)rnd(VS_REASON_COUNT) : VS_REASON_NONE;
	if (v->refused != VS_REASON_NONE)
		v->component = (int)rnd((uint32_t)count);
	v->epoch = rnd(100);
	for (int c = 0; c < count; c++) {
		v->release_seq[c] = rnd(1 << 30);
		v->security_version[c] = rnd(1 << 30);
	}
}

static struct vs_boot_decision decision(int count)
{
	struct vs_boot_decision d = {
		.verdict = rnd(4) ? VS_VERDICT_BOOT : VS_VERDICT_DENY,
		.slot = -1,
		.trial = rnd(2),
		.tries_left = (uint8_t)rnd(8),
		.fell_back = rnd(2),
		.record_lost = rnd(2),
		.floor_raised = rnd(2),
		.cause = (enum vs_reset_cause)rnd(VS_RESET_CRASH + 1),
		.keyring_version = rnd(9),
		.epoch_floor = unread(9),
	};

	for (int i = 0; i < VS_BOOT_RINGS; i++)
		d.rings[i] = (struct vs_boot_ring_view){
			rnd(9), (vs_reason)rnd(VS_REASON_COUNT)};
	for (int i = 0; i < VS_SLOTS; i++)
		fill_seen(&d.seen[i], count);
	for (int c = 0; c < count; c++)
		d.floor[c] = unread(99);
	if (d.verdict != VS_VERDICT_BOOT)
		return d;
	d.slot = (int)rnd(VS_SLOTS);
	for (int c = 0; c < count; c++) {
		struct vs_seal_header *h = &d.header[c];

		snprintf(h->version, sizeof(h->version), "1.%u.0", rnd(100));
		h->release_seq = (uint64_t)rnd(1 << 30) << 20;
		h->security_version = rnd(1 << 30);
		h->image_len = (uint64_t)rnd(1 << 30) << 8;
		for (size_t i = 0; i < VS_SALT_LEN; i++)
			h->salt[i] = (uint8_t)rnd(256);
		for (size_t i = 0; i < VS_SHA256_LEN; i++)
			h->root_hash[i] = (uint8_t)rnd(256);
	}
	return d;
}

static size_t record_of(const struct vs_boot_decision *d,
                        const struct vs_machine *m, uint8_t *out)
{
	struct vs_boot_component c[VS_BOOT_COMPONENTS_MAX];
	int count = vs_machine_components(m, c);

	vs_decision_encode(d, c, count, out);
	return VS_DECISION_LEN(count);
}

/* What the server could write from a report. */
static struct vs_boot_decision again(const struct vs_report_boot *b)
{
	struct vs_boot_decision d = {
		.slot = b->slot,
		.trial = b->trial,
		.tries_left = (uint8_t)b->tries,
		.fell_back = b->fell_back,
		.record_lost = b->record_lost,
		.floor_raised = b->floor_raised,
		.recovery = b->recovery,
		.keyring_version = b->keyring,
		.epoch_floor = b->epoch,
	};

	d.verdict = strcmp(b->verdict, "boot") == 0       ? VS_VERDICT_BOOT
	            : strcmp(b->verdict, "recovery") == 0 ? VS_VERDICT_RECOVER
	                                                  : VS_VERDICT_DENY;
	for (int i = 0; i <= VS_RESET_CRASH; i++)
		if (strcmp(vs_reset_cause_name((enum vs_reset_cause)i),
		           b->cause) == 0)
			d.cause = (enum vs_reset_cause)i;
	for (int i = 0; i < VS_BOOT_RINGS; i++)
		d.rings[i] = (struct vs_boot_ring_view){b->rings[i].version,
		                                        b->rings[i].refused};
	for (int i = 0; i < VS_SLOTS; i++) {
		d.seen[i].refused = b->slots[i].refused;
		d.seen[i].component = (int)b->slots[i].part;
		d.seen[i].epoch = b->slots[i].keyring;
	}
	for (size_t c = 0; c < b->part_count; c++) {
		const struct vs_report_part *p = &b->parts[c];
		struct vs_seal_header *h = &d.header[c];

		memcpy(h->version, p->version, sizeof(h->version));
		assert_int_equal(vs_hex_decode(p->salt, h->salt, VS_SALT_LEN),
		                 VS_OK);
		assert_int_equal(vs_hex_decode(p->root_hash, h->root_hash,
		                               VS_SHA256_LEN),
		                 VS_OK);
		h->image_len = p->length;
		h->release_seq = p->release_seq;
		h->security_version = p->security_version;
		d.floor[c] = p->floor;
		d.seen[0].release_seq[c] = p->seen_seq_a;
		d.seen[1].release_seq[c] = p->seen_seq_b;
		d.seen[0].security_version[c] = p->seen_security_a;
		d.seen[1].security_version[c] = p->seen_security_b;
	}
	return d;
}

static char dir[] = "/tmp/vs-decided-XXXXXX";

static json_t *stored(const struct vs_machine *m,
                      const struct vs_boot_decision *d)
{
	char path[64];
	uint8_t *text;
	size_t len;
	json_t *out;

	assert_int_equal(vs_decision_store(dir, m, d->cause, d), VS_OK);
	snprintf(path, sizeof(path), "%s/decision.json", dir);
	assert_int_equal(vs_file_read(path, 1 << 16, &text, &len), VS_OK);
	assert_int_equal(vs_json_parse(text, len, 1 << 16, &out, NULL), VS_OK);
	free(text);
	unlink(path);
	return out;
}

/* decision.json, the agent's memory, the report's fields: the same record. */
static void a_record_comes_through_byte_for_byte(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t was[VS_DECISION_LEN_MAX], is[VS_DECISION_LEN_MAX];
		static struct vs_charger c;
		struct vs_report_boot told;

		c.machine = machine();
		struct vs_boot_decision d = decision(c.machine.count);
		json_t *json = stored(&c.machine, &d);

		assert_int_equal(vs_decided_parse(json, &c.machine,
		                                  &c.storage.start.decision),
		                 VS_OK);
		json_decref(json);
		c.storage.start.known = true;
		vs_decided_tell(&c, &told);
		assert_true(told.known);
		d = (record_of(&d, &c.machine, was), again(&told));
		size_t len = record_of(&d, &c.machine, is);
		assert_memory_equal(was, is, len);
	}
}

static void a_recovery_is_told_as_one(void **state)
{
	static struct vs_charger c;
	struct vs_report_boot told;

	(void)state;
	c.machine = machine();
	c.storage.start.known = true;
	c.storage.start.decision = (struct vs_boot_decision){
		.verdict = VS_VERDICT_RECOVER,
		.slot = -1,
		.recovery = VS_REASON_NO_SEAL,
	};
	vs_decided_tell(&c, &told);
	assert_string_equal(told.verdict, "recovery");
	assert_int_equal(told.slot, -1);
	assert_int_equal(told.recovery, VS_REASON_NO_SEAL);
}

static void what_was_not_told_is_not_made_up(void **state)
{
	static struct vs_charger c;
	struct vs_report_boot told;

	(void)state;
	vs_decided_tell(&c, &told);
	assert_false(told.known);
}

/* An older voltseal-boot wrote less: the agent runs, and reports none. */
static void a_decision_that_lacks_a_member_is_none(void **state)
{
	struct vs_machine m = machine();
	struct vs_boot_decision d, got;
	const char *name;
	json_t *json, *value;
	size_t checked = 0;

	(void)state;
	do
		d = decision(m.count);
	while (d.slot < 0);
	json = stored(&m, &d);
	json_object_foreach(json, name, value)
	{
		json_t *less = json_deep_copy(json);

		json_object_del(less, name);
		assert_int_equal(vs_decided_parse(less, &m, &got),
		                 VS_ERR_INPUT);
		json_decref(less);
		checked++;
	}
	json_decref(json);
	assert_int_equal(checked, 14);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_comes_through_byte_for_byte),
		cmocka_unit_test(a_recovery_is_told_as_one),
		cmocka_unit_test(what_was_not_told_is_not_made_up),
		cmocka_unit_test(a_decision_that_lacks_a_member_is_none),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
