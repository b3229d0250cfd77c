/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/glitch_test.c - one wrong answer anywhere starts nothing wrong.
 *
 * What a glitch does to a processor, seen from above: one call of a hash, a
 * signature check, a read or a floor is skipped or answers yes.  (The sweep
 * over single instructions runs on the controller's port.)
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/boot/signer.h"
#include "tests/boot/sim.h"

static struct sim *s;
static struct vs_boot_ops honest;
static long calls, lie_at;

static bool lie(void)
{
	return calls++ == lie_at;
}

/* Skipped: the digest is what stood there before. */
static vs_status sha256(void *ctx, const uint8_t *a, size_t a_len,
                        const uint8_t *b, size_t b_len,
                        uint8_t digest[static VS_SHA256_LEN])
{
	if (lie())
		return VS_OK;
	return honest.crypto.sha256(ctx, a, a_len, b, b_len, digest);
}

static vs_status p256_verify(void *ctx,
                             const uint8_t key[static VS_P256_KEY_LEN],
                             const uint8_t digest[static VS_SHA256_LEN],
                             const uint8_t sig[static VS_P256_SIG_LEN])
{
	if (lie())
		return VS_OK;
	return honest.crypto.p256_verify(ctx, key, digest, sig);
}

static vs_status floor_get(void *ctx, int component, uint32_t *out)
{
	if (!lie())
		return honest.floor_get(ctx, component, out);
	*out = 0;
	return VS_OK;
}

static vs_status slot_read(void *ctx, int component, int slot, uint64_t at,
                           uint8_t *out, size_t len)
{
	if (lie())
		return VS_OK;
	return honest.read(ctx, component, slot, at, out, len);
}

static vs_status record_read(void *ctx, int copy,
                             uint8_t out[static VS_RECORD_LEN])
{
	if (lie())
		return VS_OK;
	return honest.record.read(ctx, copy, out);
}

static vs_status keyring(void *ctx, int place, const uint8_t **file,
                         size_t *len)
{
	if (lie())
		return VS_OK;
	return honest.keyring(ctx, place, file, len);
}

static void make_machine(void)
{
	struct vs_record rec = {.seq = 3};

	s = sim_new();
	sim_use_rings(s);
	honest = s->ops;
	s->floor[0] = 5;
	rec.slots[0].state = VS_SLOT_GOOD;
	sim_set_record(s, &rec);
	s->ops.crypto.sha256 = sha256;
	s->ops.crypto.p256_verify = p256_verify;
	s->ops.floor_get = floor_get;
	s->ops.read = slot_read;
	s->ops.record.read = record_read;
	s->ops.keyring = keyring;
}

/* One lie at each call in turn, and none that starts the machine.  Gives how
 * many calls there were.
 */
static long no_lie_starts_it(void)
{
	struct vs_boot_decision d;
	uint8_t record[2][VS_RECORD_LEN];

	memcpy(record, s->record, sizeof(record));
	for (lie_at = -1;; lie_at++) {
		calls = 0;
		memcpy(s->record, record, sizeof(record));
		memset(&s->scratch, 0x5a, sizeof(s->scratch));
		(void)sim_decide(s, VS_RESET_REQUEST, &d);
		assert_int_not_equal(d.verdict, VS_VERDICT_BOOT);
		assert_int_equal(d.slot, -1);
		if (lie_at >= calls)
			return calls;
	}
}

/* S0.1 S0.16: one signature short, two short, a stranger's, below the floor */
static void one_lie_opens_no_wrong_seal(void **state)
{
	static const struct sim_image wrong[] = {
		{9, 5, 1, NULL,    NULL,      0, 0 },
		{9, 5, 0, NULL,    NULL,      0, 48},
		{9, 5, 0, NULL,    NULL,      0, 9 }, /* one of ours, one not */
		{9, 4, 2, NULL,    NULL,      0, 0 },
		{9, 5, 2, "meter", NULL,      0, 0 },
		{9, 5, 2, NULL,    "gw-rev2", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		make_machine();
		sim_place(s, 0, 0, &wrong[i]);
		assert_in_range(no_lie_starts_it(), 8, 100);
		sim_free(s);
	}
}

/* S0.16 S1.22: a changed byte in each block of image and tree */
static void one_lie_starts_no_changed_image(void **state)
{
	static const struct sim_image good = {9, 5, 2, NULL, NULL, 0, 0};

	(void)state;
	for (size_t block = 0; block < 4; block++) {
		make_machine();
		sim_place(s, 0, 0, &good);
		s->slots[0][0][block * VS_BLOCK_LEN + 7] ^= 1;
		assert_in_range(no_lie_starts_it(), 8, 100);
		sim_free(s);
	}
}

/* S0.1 S2.37: a stored ring of strangers who signed image and ring alike */
static void one_lie_makes_no_stranger_a_keyholder(void **state)
{
	static const struct sim_image theirs = {9, 5, 0, NULL, NULL, 0, 48};

	(void)state;
	make_machine();
	sim_place(s, 0, 0, &theirs);
	sim_append_ring(s, 0, 56, 8, 56 | 1); /* one of ours helps them */
	assert_in_range(no_lie_starts_it(), 20, 200);
	/* And a ring that was revoked does not come back. */
	s->ring_len[0] = 0;
	sim_append_ring(s, 0, 56, 8, 56 | 7);
	s->floor[VS_BOOT_EPOCH] = 9;
	assert_in_range(no_lie_starts_it(), 8, 200);
	sim_free(s);
}

/* S0.32: and no wrong recovery image */
static void one_lie_starts_no_wrong_recovery(void **state)
{
	static const struct vs_boot_component what = {"recovery", "gw-rev3",
	                                              true};
	static const struct sim_image wrong[] = {
		{9, 5, 1, NULL,      NULL, 0, 0 },
		{9, 5, 0, NULL,      NULL, 0, 48},
		{9, 4, 2, NULL,      NULL, 0, 0 },
		{9, 5, 2, "gateway", NULL, 0, 0 },
	};
	struct vs_boot_decision d;
	struct vs_seal_header header;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		make_machine();
		s->floor[VS_BOOT_RECOVERY] = 5;
		sim_place(s, VS_BOOT_RECOVERY, 0, &wrong[i]);
		for (lie_at = 0;; lie_at++) {
			calls = LONG_MIN; /* no lies yet */
			assert_int_equal(sim_decide(s, VS_RESET_REQUEST, &d),
			                 VS_OK);
			calls = 0;
			assert_int_equal(vs_boot_recover(&s->ops, &what,
			                                 &s->ring, &s->scratch,
			                                 &d, &header),
			                 VS_OK);
			assert_int_equal(d.verdict, VS_VERDICT_DENY);
			assert_int_not_equal(d.recovery, VS_REASON_NONE);
			if (lie_at >= calls)
				break;
		}
		assert_in_range(lie_at, 5, 60);
		sim_free(s);
	}
}

/* The test itself must see a wrong start: without lies the right image runs. */
static void the_honest_machine_starts(void **state)
{
	static const struct sim_image good = {9, 5, 2, NULL, NULL, 0, 0};
	struct vs_boot_decision d;

	(void)state;
	make_machine();
	sim_place(s, 0, 0, &good);
	lie_at = -1;
	assert_int_equal(sim_decide(s, VS_RESET_REQUEST, &d), VS_OK);
	assert_int_equal(d.verdict, VS_VERDICT_BOOT);
	sim_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_honest_machine_starts),
		cmocka_unit_test(one_lie_opens_no_wrong_seal),
		cmocka_unit_test(one_lie_starts_no_changed_image),
		cmocka_unit_test(one_lie_makes_no_stranger_a_keyholder),
		cmocka_unit_test(one_lie_starts_no_wrong_recovery),
	};

	return cmocka_run_group_tests_name("boot glitch", tests, NULL, NULL);
}
