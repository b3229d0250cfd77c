/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/recover_test.c - the recovery image is the last thing that starts,
 * and it is sealed, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/boot/signer.h"
#include "tests/boot/sim.h"

static const struct vs_boot_component recovery = {"recovery", "gw-rev3", true};
static const struct sim_image sound = {5, 3, 2, NULL, NULL, 0, 0};

/* Both slots are empty: recovery is all there is. */
static struct sim *machine(const struct sim_image *image)
{
	struct sim *s = sim_new();

	s->floor[VS_BOOT_RECOVERY] = 3;
	sim_place(s, VS_BOOT_RECOVERY, 0, image);
	return s;
}

static vs_reason recover(struct sim *s, struct vs_boot_decision *d)
{
	struct vs_seal_header header;

	assert_int_equal(sim_decide(s, VS_RESET_REQUEST, d), VS_OK);
	assert_int_equal(d->verdict, VS_VERDICT_DENY);
	assert_int_equal(vs_boot_recover(&s->ops, &recovery, &s->ring,
	                                 &s->scratch, d, &header),
	                 VS_OK);
	assert_int_equal(d->verdict, d->recovery == VS_REASON_NONE
	                                     ? VS_VERDICT_RECOVER
	                                     : VS_VERDICT_DENY);
	assert_int_equal(d->slot, -1);
	assert_int_equal(header.release_seq,
	                 d->recovery == VS_REASON_NONE ? 5 : 0);
	return d->recovery;
}

/* S0.32 S0.41 */
static void a_sound_recovery_image_starts_when_nothing_else_does(void **state)
{
	struct sim *s = machine(&sound);
	struct vs_boot_decision d;

	(void)state;
	assert_int_equal(recover(s, &d), VS_REASON_NONE);
	sim_free(s);
}

/* S0.16 S0.20 S0.32: what else may lie there */
static void any_other_image_is_refused_with_its_reason(void **state)
{
	static const struct {
		struct sim_image image;
		vs_reason reason;
	} rows[] = {
		{{5, 3, 1, NULL, NULL, 0, 0},      VS_REASON_SEAL_SIGNATURE },
		{{5, 3, 0, NULL, NULL, 0, 48},     VS_REASON_SEAL_SIGNATURE },
		{{5, 2, 2, NULL, NULL, 0, 0},      VS_REASON_BELOW_FLOOR    },
		{{5, 3, 2, "gateway", NULL, 0, 0}, VS_REASON_WRONG_COMPONENT},
		{{5, 3, 2, NULL, "gw-rev2", 0, 0}, VS_REASON_WRONG_HARDWARE },
	};
	struct vs_boot_decision d;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sim *s = machine(&rows[i].image);

		assert_int_equal(recover(s, &d), rows[i].reason);
		sim_free(s);
	}
}

/* S0.1 S0.32 */
static void any_flipped_bit_of_the_footer_or_byte_of_the_image(void **state)
{
	struct sim *s = machine(&sound);
	struct vs_boot_decision d;
	size_t footer = SIM_SLOT_LEN - 16384;

	(void)state;
	for (size_t bit = 0; bit < (512 + 12 + 2 * 100) * 8; bit++) {
		s->recovery[footer + bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(recover(s, &d), VS_REASON_NONE);
		s->recovery[footer + bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t at = 0; at < 4 * VS_BLOCK_LEN; at += 61) {
		s->recovery[at] ^= 0x10;
		assert_int_not_equal(recover(s, &d), VS_REASON_NONE);
		s->recovery[at] ^= 0x10;
	}
	assert_int_equal(recover(s, &d), VS_REASON_NONE);
	sim_free(s);
}

/* S3.22: a lost counter is a refusal into recovery, not a brick */
static void lost_floors_stop_the_slots_but_not_the_recovery(void **state)
{
	static const struct sim_image image = {9, 9, 2, NULL, NULL, 0, 0};
	struct sim *s = machine(&sound);
	struct vs_record rec = {.seq = 1};
	struct vs_boot_decision d;

	(void)state;
	sim_use_rings(s);
	sim_place(s, 0, 0, &image);
	rec.slots[0].state = VS_SLOT_GOOD;
	sim_set_record(s, &rec);
	s->floor_unreadable = true;
	assert_int_equal(recover(s, &d), VS_REASON_NONE);
	assert_int_equal(d.seen[0].refused, VS_REASON_UNREADABLE);
	s->floor_unreadable = false;
	s->epoch_unreadable = true;
	assert_int_equal(recover(s, &d), VS_REASON_NONE);
	sim_free(s);
}

/* S2.37: the keys that were revoked sign no recovery either */
static void a_revoked_ring_opens_no_recovery(void **state)
{
	struct sim *s = machine(&sound);
	struct vs_boot_decision d;

	(void)state;
	sim_use_rings(s);
	s->floor[VS_BOOT_EPOCH] = 8;
	assert_int_equal(recover(s, &d), VS_REASON_KEYRING_ROLLBACK);
	sim_append_ring(s, 2, 14, 8, 7 | 14);
	assert_int_equal(recover(s, &d), VS_REASON_SEAL_SIGNATURE);
	sim_append_ring(s, 1, 7, 9, 7); /* 0 and 1 are trusted again */
	assert_int_equal(recover(s, &d), VS_REASON_NONE);
	sim_free(s);
}

static void recovery_needs_a_denial_first(void **state)
{
	struct sim *s = machine(&sound);
	struct vs_seal_header header;
	struct vs_record rec = {.seq = 1};
	struct vs_boot_decision d;

	(void)state;
	sim_place(s, 0, 0, &sound);
	rec.slots[0].state = VS_SLOT_GOOD;
	sim_set_record(s, &rec);
	assert_int_equal(sim_decide(s, VS_RESET_REQUEST, &d), VS_OK);
	assert_int_equal(d.verdict, VS_VERDICT_BOOT);
	assert_int_equal(vs_boot_recover(&s->ops, &recovery, &s->ring,
	                                 &s->scratch, &d, &header),
	                 VS_ERR_STATE);
	memset(&d, 0, sizeof(d));
	assert_int_equal(vs_boot_recover(&s->ops, &recovery, &s->ring,
	                                 &s->scratch, &d, &header),
	                 VS_ERR_STATE);
	sim_free(s);
}

/* A machine whose slot 0 is GOOD, or on trial, with this recovery image. */
static struct sim *running(const struct sim_image *image, uint8_t state,
                           struct vs_boot_decision *d)
{
	static const struct sim_image slot = {9, 9, 2, NULL, NULL, 0, 0};
	struct vs_record rec = {.seq = 1};
	struct sim *s = machine(image);

	sim_place(s, 0, 0, &slot);
	rec.slots[0].state = state;
	rec.slots[0].tries = state == VS_SLOT_TRIAL ? 2 : 0;
	sim_set_record(s, &rec);
	assert_int_equal(sim_decide(s, VS_RESET_POWER, d), VS_OK);
	assert_int_equal(d->verdict, VS_VERDICT_BOOT);
	return s;
}

static vs_status raise(struct sim *s, struct vs_boot_decision *d)
{
	return vs_boot_recovery_raise(&s->ops, &recovery, &s->ring, &s->scratch,
	                              d);
}

/* S0.17 S3.20: the one that was replaced does not start any more */
static void its_floor_follows_the_image_in_its_place(void **state)
{
	static const struct sim_image newer = {6, 4, 2, NULL, NULL, 0, 0};
	struct vs_boot_decision d;
	struct sim *s = running(&newer, VS_SLOT_GOOD, &d);

	(void)state;
	assert_int_equal(raise(s, &d), VS_OK);
	assert_true(d.floor_raised);
	assert_int_equal(s->floor[VS_BOOT_RECOVERY], 4);
	assert_int_equal(d.keyring_version, s->ring.version);
	assert_int_equal(d.recovery, VS_REASON_NONE);
	d.floor_raised = false;
	assert_int_equal(raise(s, &d), VS_OK);
	assert_false(d.floor_raised);
	memset(s->slots[0][0], 0, SIM_SLOT_LEN);
	sim_place(s, VS_BOOT_RECOVERY, 0, &sound);
	assert_int_equal(recover(s, &d), VS_REASON_BELOW_FLOOR);
	sim_free(s);
}

static void its_floor_rises_over_nothing_that_does_not_verify(void **state)
{
	static const struct sim_image images[] = {
		{6, 4, 1, NULL,      NULL,      0, 0},
		{6, 4, 2, "gateway", NULL,      0, 0},
		{6, 4, 2, NULL,      "gw-rev2", 0, 0},
		{6, 4, 2, NULL,      NULL,      0, 0},
		{6, 2, 2, NULL,      NULL,      0, 0},
	};
	struct vs_boot_decision d;

	(void)state;
	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
		struct sim *s = running(&images[i], VS_SLOT_GOOD, &d);

		s->recovery[100] ^= 1; /* under a sound seal, too */
		assert_int_equal(raise(s, &d), VS_OK);
		assert_false(d.floor_raised);
		assert_int_equal(d.recovery, VS_REASON_NONE);
		assert_int_equal(s->floor[VS_BOOT_RECOVERY], 3);
		sim_free(s);
	}
}

static void its_floor_rises_only_when_it_may_and_can(void **state)
{
	static const struct sim_image newer = {6, 4, 2, NULL, NULL, 0, 0};
	struct vs_boot_decision d;
	struct sim *s = running(&newer, VS_SLOT_TRIAL, &d);

	(void)state;
	assert_int_equal(raise(s, &d), VS_ERR_STATE);
	sim_free(s);
	s = running(&newer, VS_SLOT_GOOD, &d);
	d.verdict = VS_VERDICT_DENY;
	assert_int_equal(raise(s, &d), VS_ERR_STATE);
	d.verdict = VS_VERDICT_BOOT;
	s->floor_stuck = true;
	assert_int_equal(raise(s, &d), VS_ERR_IO);
	s->floor_stuck = false;
	s->floor_unreadable = true;
	assert_int_equal(raise(s, &d), VS_ERR_IO);
	s->floor_unreadable = false;
	sim_use_rings(s);
	s->epoch_unreadable = true;
	assert_int_equal(raise(s, &d), VS_OK);
	s->epoch_unreadable = false;
	s->floor[VS_BOOT_EPOCH] = s->ring.version + 1;
	assert_int_equal(raise(s, &d), VS_OK);
	assert_false(d.floor_raised);
	assert_int_equal(s->floor[VS_BOOT_RECOVERY], 3);
	sim_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_sound_recovery_image_starts_when_nothing_else_does),
		cmocka_unit_test(any_other_image_is_refused_with_its_reason),
		cmocka_unit_test(
			any_flipped_bit_of_the_footer_or_byte_of_the_image),
		cmocka_unit_test(
			lost_floors_stop_the_slots_but_not_the_recovery),
		cmocka_unit_test(a_revoked_ring_opens_no_recovery),
		cmocka_unit_test(recovery_needs_a_denial_first),
		cmocka_unit_test(its_floor_follows_the_image_in_its_place),
		cmocka_unit_test(
			its_floor_rises_over_nothing_that_does_not_verify),
		cmocka_unit_test(its_floor_rises_only_when_it_may_and_can),
	};

	return cmocka_run_group_tests_name("boot recovery", tests, NULL, NULL);
}
