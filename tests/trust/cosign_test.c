/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/cosign_test.c - a real checkpoint under its real witnesses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/trust/log.h"
#include "trust/cosign.h"

/* Published by a staging log of certificates in May 2026. */
#define TEXT                                                                   \
	"arche2025h1.staging.ct.transparency.dev\n1432088532\n"                \
	"U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n"
#define LINES                                                                  \
	"— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFI"  \
	"qqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErum"     \
	"C2q44vdgJY096st5BQ==\n"                                               \
	"— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwl"  \
	"TAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsU"   \
	"AQ==\n"                                                               \
	"— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSp"  \
	"Z/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==\n"           \
	"— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDw"  \
	"YDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==\n"

static const char *const witnesses[] = {
	"witness.stagemole.eu+67f7aea0+"
	"BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
	"transparency.dev/DEV:witness-little-garden+d8042a87+"
	"BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
	"witness1.smartit.nu/witness1+a48c820f+"
	"BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
	"remora.n621.de+da77ade7+"
	"BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
};

enum { count = sizeof witnesses / sizeof *witnesses, made_s = 0x6a122120 };

static struct vs_vkey key_of(const char *text)
{
	struct vs_vkey key;

	assert_int_equal(vs_vkey_parse(text, strlen(text), &key, NULL), VS_OK);
	assert_int_equal(key.type, VS_NOTE_COSIGNER);
	return key;
}

static struct vs_note note_of(const char *text)
{
	struct vs_note note;

	assert_int_equal(vs_note_parse(text, strlen(text), &note, NULL), VS_OK);
	return note;
}

static void real_cosignatures_are_verified(void **state)
{
	const struct vs_note note = note_of(TEXT "\n" LINES);
	uint64_t time_s;

	(void)state;
	for (size_t i = 0; i < count; i++) {
		const struct vs_vkey key = key_of(witnesses[i]);

		assert_int_equal(vs_cosign_verify(&note, &key, &time_s, NULL),
		                 VS_OK);
		assert_int_equal(time_s, made_s);
	}
}

static void an_altered_checkpoint_loses_every_cosignature(void **state)
{
	char text[] = TEXT "\n" LINES;
	struct vs_why why;
	uint64_t time_s;

	(void)state;
	*strchr(text, '4') = '5';
	const struct vs_note note = note_of(text);
	for (size_t i = 0; i < count; i++) {
		const struct vs_vkey key = key_of(witnesses[i]);

		assert_int_equal(vs_cosign_verify(&note, &key, &time_s, &why),
		                 VS_ERR_REFUSED);
		assert_int_equal(why.code, VS_REASON_BAD_SIGNATURE);
	}
}

static void a_witness_that_did_not_sign_is_absent(void **state)
{
	const struct vs_note note = note_of(TEXT "\n" LINES);
	struct signer other =
		signer_make("witness.example", VS_NOTE_COSIGNER, 9);
	struct vs_why why;
	uint64_t time_s;

	(void)state;
	assert_int_equal(vs_cosign_verify(&note, &other.vkey, &time_s, &why),
	                 VS_ERR_ABSENT);
	assert_int_equal(why.code, VS_REASON_UNKNOWN_KEY);
	signer_drop(&other);
}

static void what_we_cosign_is_verified_and_the_latest_time_counts(void **state)
{
	struct signer w = signer_make("witness.example", VS_NOTE_COSIGNER, 9);
	struct vs_text t = text_make(4096);
	uint64_t time_s;

	(void)state;
	assert_int_equal(vs_text_string(&t, TEXT "\n" LINES), VS_OK);
	log_cosign(&t, &w, 1700000000);
	log_cosign(&t, &w, 1700000009);
	log_cosign(&t, &w, 1700000003);
	const struct vs_note note = note_of(t.at);
	assert_int_equal(note.count, 7);
	assert_int_equal(vs_cosign_verify(&note, &w.vkey, &time_s, NULL),
	                 VS_OK);
	assert_int_equal(time_s, 1700000009);
	signer_drop(&w);
}

/* The time is signed too: it stands before the signature. */
static void another_time_is_another_signature(void **state)
{
	struct signer w = signer_make("witness.example", VS_NOTE_COSIGNER, 9);
	uint8_t stamped[VS_COSIGN_LEN];
	struct vs_text t = text_make(4096), bad;
	uint64_t time_s;
	size_t at = 0;

	(void)state;
	assert_int_equal(vs_text_string(&t, TEXT "\n" LINES), VS_OK);
	log_cosign(&t, &w, 1700000000);
	struct vs_note note = note_of(t.at);
	assert_int_equal(vs_note_next(&note, &w.vkey, &at, stamped,
	                              sizeof stamped, NULL),
	                 VS_OK);
	for (size_t i = 0; i < 8; i++) {
		bad = text_make(4096);
		stamped[i] ^= 1;
		assert_int_equal(vs_text_string(&bad, TEXT "\n"), VS_OK);
		assert_int_equal(vs_note_add_line(&bad, &w.vkey, stamped,
		                                  sizeof stamped),
		                 VS_OK);
		note = note_of(bad.at);
		assert_int_equal(
			vs_cosign_verify(&note, &w.vkey, &time_s, NULL),
			VS_ERR_REFUSED);
		stamped[i] ^= 1;
	}
	/* beyond 2^63-1 is no time, though it be signed */
	static const char late[] =
		"cosignature/v1\ntime 9223372036854775808\n" TEXT;
	memset(stamped, 0, sizeof stamped);
	stamped[0] = 0x80;
	assert_int_equal(signer_sign(&w, late, strlen(late), stamped + 8),
	                 VS_OK);
	bad = text_make(4096);
	assert_int_equal(vs_text_string(&bad, TEXT "\n"), VS_OK);
	assert_int_equal(
		vs_note_add_line(&bad, &w.vkey, stamped, sizeof stamped),
		VS_OK);
	note = note_of(bad.at);
	assert_int_equal(vs_cosign_verify(&note, &w.vkey, &time_s, NULL),
	                 VS_ERR_REFUSED);
	assert_int_equal(
		vs_cosign_add(&note, &w.vkey, UINT64_MAX, signer_sign, &w, &t),
		VS_ERR_INPUT);
	signer_drop(&w);
}

static void a_cosignature_without_its_time_is_refused(void **state)
{
	struct signer w = signer_make("witness.example", VS_NOTE_COSIGNER, 9);
	struct vs_text t = text_make(4096);
	uint8_t sig[VS_NOTE_SIG_LEN];
	struct vs_why why;
	uint64_t time_s;

	(void)state;
	assert_int_equal(signer_sign(&w, TEXT, strlen(TEXT), sig), VS_OK);
	assert_int_equal(vs_text_string(&t, TEXT "\n"), VS_OK);
	assert_int_equal(vs_note_add_line(&t, &w.vkey, sig, sizeof sig), VS_OK);
	const struct vs_note note = note_of(t.at);
	assert_int_equal(vs_cosign_verify(&note, &w.vkey, &time_s, &why),
	                 VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_BAD_SIGNATURE);
	signer_drop(&w);
}

/* A plain signature over the same text is not a cosignature, nor the other
 * way round, though the key be the same. */
static void the_two_kinds_of_signature_do_not_stand_for_each_other(void **state)
{
	struct signer w = signer_make("w", VS_NOTE_COSIGNER, 9);
	struct signer n = signer_make("w", VS_NOTE_ED25519, 9);
	struct vs_text t = text_make(4096);
	uint8_t stamped[VS_COSIGN_LEN] = {0};
	uint64_t time_s;

	(void)state;
	assert_memory_equal(w.vkey.key, n.vkey.key, VS_NOTE_KEY_LEN);
	assert_memory_not_equal(w.vkey.id, n.vkey.id, 4);
	assert_int_equal(signer_sign(&w, TEXT, strlen(TEXT), stamped + 8),
	                 VS_OK);
	assert_int_equal(vs_text_string(&t, TEXT "\n"), VS_OK);
	assert_int_equal(vs_note_add_line(&t, &w.vkey, stamped, sizeof stamped),
	                 VS_OK);
	const struct vs_note note = note_of(t.at);
	assert_int_equal(vs_cosign_verify(&note, &w.vkey, &time_s, NULL),
	                 VS_ERR_REFUSED);
	assert_int_equal(vs_note_verify(&note, &n.vkey, NULL), VS_ERR_ABSENT);
	signer_drop(&w);
	signer_drop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_cosignatures_are_verified),
		cmocka_unit_test(an_altered_checkpoint_loses_every_cosignature),
		cmocka_unit_test(a_witness_that_did_not_sign_is_absent),
		cmocka_unit_test(
			what_we_cosign_is_verified_and_the_latest_time_counts),
		cmocka_unit_test(another_time_is_another_signature),
		cmocka_unit_test(a_cosignature_without_its_time_is_refused),
		cmocka_unit_test(
			the_two_kinds_of_signature_do_not_stand_for_each_other),
	};

	return cmocka_run_group_tests_name("cosign", tests, NULL, NULL);
}
