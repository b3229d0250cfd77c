/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/report_boot_test.c - the boot decision in a report.  S0.18
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <stdlib.h>
#include <string.h>

#include "trust/envelope.h"
#include "trust/json.h"
#include "trust/report.h"

static EVP_PKEY *pkey;
static struct vs_key key;

static vs_status sign(void *ctx, const uint8_t *message, size_t len,
                      uint8_t *sig, size_t *sig_len)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int ok = EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, ctx) == 1 &&
	         EVP_DigestSign(md, sig, sig_len, message, len) == 1;

	EVP_MD_CTX_free(md);
	return ok ? VS_OK : VS_ERR_CRYPTO;
}

static int set_up(void **state)
{
	(void)state;
	pkey = EVP_EC_gen("P-256");
	return vs_key_from_pkey(pkey, &key);
}

static int tear_down(void **state)
{
	(void)state;
	vs_key_drop(&key);
	EVP_PKEY_free(pkey);
	return 0;
}

static struct vs_report sample(void)
{
	return (struct vs_report){
		.vehicle = "CP-1",
		.slot = 1,
		.boot =
			{
                               .known = true,
                               .verdict = "boot",
                               .cause = "watchdog",
                               .slot = 1,
                               .trial = true,
                               .floor_raised = true,
                               .tries = 2,
                               .recovery = VS_REASON_NO_SEAL,
                               .keyring = 3,
                               .epoch = UINT32_MAX,
                               .rings = {{3, VS_REASON_NONE},
	                                  {2, VS_REASON_KEYRING_ROLLBACK},
	                                  {0, VS_REASON_NONE}},
                               .slots = {{VS_REASON_BELOW_FLOOR, 1, 2},
	                                  {VS_REASON_NONE, 0, 3}},
                               .parts = {{.name = "gateway",
	                                   .version = "1.1.0",
	                                   .salt = "00ff",
	                                   .root_hash = "ff00",
	                                   .length = 1 << 20,
	                                   .release_seq = 11,
	                                   .security_version = 5,
	                                   .floor = 4,
	                                   .seen_seq_a = 10,
	                                   .seen_seq_b = 11,
	                                   .seen_security_a = 4,
	                                   .seen_security_b = 5},
	                                  {.name = "controller",
	                                   .floor = UINT32_MAX}},
                               .part_count = 2,
			       },
	};
}

/* The body as JSON; free with json_decref(). */
static json_t *body_of(const struct vs_report *r)
{
	struct vs_envelope e;
	size_t len;
	char *text;

	assert_int_equal(vs_report_encode(r, key.id, sign, pkey, &text, &len),
	                 VS_OK);
	assert_int_equal(
		vs_envelope_parse(text, len, VS_REPORT_MAX, NULL, &e, NULL),
		VS_OK);
	json_t *body = json_deep_copy(e.body);
	vs_envelope_drop(&e);
	free(text);
	return body;
}

/* What a charger's key signed.  Takes body. */
static vs_status decode(json_t *body, struct vs_report *out)
{
	struct vs_envelope e;
	uint8_t sig[256];
	size_t sig_len = sizeof sig, len;
	char *text;

	assert_int_equal(vs_envelope_new(body, &e), VS_OK);
	assert_int_equal(sign(pkey, (const uint8_t *)e.canon, e.canon_len, sig,
	                      &sig_len),
	                 VS_OK);
	assert_int_equal(vs_envelope_add(&e, key.id, sig, sig_len), VS_OK);
	assert_int_equal(vs_envelope_encode(&e, &text, &len), VS_OK);
	vs_envelope_drop(&e);
	vs_status status = vs_report_decode(text, len, &key, out, NULL);
	free(text);
	return status;
}

static void a_decision_reads_back_as_it_was(void **state)
{
	struct vs_report r = sample(), back;

	(void)state;
	assert_int_equal(decode(body_of(&r), &back), VS_OK);
	assert_memory_equal(&back, &r, sizeof r);
}

static void without_a_decision_nothing_is_said(void **state)
{
	struct vs_report r = sample(), back;

	(void)state;
	r.boot = (struct vs_report_boot){0};
	json_t *body = body_of(&r);
	assert_null(json_object_get(body, "boot"));
	assert_int_equal(decode(body, &back), VS_OK);
	assert_memory_equal(&back, &r, sizeof r);
}

/* Each member, at whatever depth, is needed. */
static void a_decision_that_lacks_a_member_is_refused(void **state)
{
	static const char *const lists[] = {"keyrings", "slots", "components"};
	struct vs_report r = sample(), back;
	json_t *body = body_of(&r);
	json_t *boot = json_object_get(body, "boot"), *value;
	const char *name;
	size_t checked = 0;

	(void)state;
	json_object_foreach(boot, name, value)
	{
		json_t *other = json_deep_copy(body);

		json_object_del(json_object_get(other, "boot"), name);
		assert_int_equal(decode(other, &back), VS_ERR_INPUT);
		checked++;
	}
	for (size_t i = 0; i < 3; i++) {
		json_t *one =
			json_array_get(json_object_get(boot, lists[i]), 0);

		json_object_foreach(one, name, value)
		{
			json_t *other = json_deep_copy(body);

			json_object_del(
				json_array_get(
					json_object_get(
						json_object_get(other, "boot"),
						lists[i]),
					0),
				name);
			assert_int_equal(decode(other, &back), VS_ERR_INPUT);
			checked++;
		}
	}
	json_decref(body);
	assert_int_equal(checked, 11 + 3 + 2 + 3 + 12);
}

static void refused(const char *name, json_t *value)
{
	struct vs_report r = sample(), back;
	json_t *body = body_of(&r);

	json_object_set_new(json_object_get(body, "boot"), name, value);
	assert_int_equal(decode(body, &back), VS_ERR_INPUT);
	assert_false(back.boot.known);
}

static void a_decision_without_meaning_is_refused(void **state)
{
	(void)state;
	refused("verdict", json_string("maybe"));
	refused("verdict", json_string("recovery")); /* it names a slot */
	refused("slot", json_integer(-1));           /* and boots */
	refused("slot", json_integer(2));
	refused("epoch", json_integer(INT64_C(1) << 32));
	refused("recovery", json_string("because"));
	refused("trial", json_integer(1));
	refused("components", json_array());
	refused("keyrings", json_array());
	refused("cause", json_string("a cause that is too long"));
}

static void lists_have_their_bounds(void **state)
{
	static const struct {
		const char *name;
		size_t most;
	} lists[] = {
		{"keyrings",   3},
                {"slots",      2},
                {"components", 4}
        };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct vs_report r = sample(), back;
		json_t *body = body_of(&r);
		json_t *list = json_object_get(json_object_get(body, "boot"),
		                               lists[i].name);
		json_t *one = json_deep_copy(json_array_get(list, 0));

		while (json_array_size(list) <= lists[i].most)
			json_array_append(list, one);
		json_decref(one);
		assert_int_equal(decode(body, &back), VS_ERR_INPUT);
	}
}

static void a_slot_names_a_component_that_is_there(void **state)
{
	struct vs_report r = sample(), back;
	json_t *body = body_of(&r);

	(void)state;
	json_object_set_new(
		json_array_get(
			json_object_get(json_object_get(body, "boot"), "slots"),
			1),
		"component", json_integer(2));
	assert_int_equal(decode(body, &back), VS_ERR_INPUT);
}

/* Nothing is signed that the other side would refuse. */
static void a_decision_without_meaning_is_not_signed(void **state)
{
	struct vs_report r = sample();
	size_t len;
	char *text;

	(void)state;
	r.boot.part_count = VS_REPORT_PARTS_MAX + 1;
	assert_int_equal(vs_report_encode(&r, key.id, sign, pkey, &text, &len),
	                 VS_ERR_INPUT);
	r = sample();
	r.boot.verdict[0] = 0;
	assert_int_equal(vs_report_encode(&r, key.id, sign, pkey, &text, &len),
	                 VS_ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_decision_reads_back_as_it_was),
		cmocka_unit_test(without_a_decision_nothing_is_said),
		cmocka_unit_test(a_decision_that_lacks_a_member_is_refused),
		cmocka_unit_test(a_decision_without_meaning_is_refused),
		cmocka_unit_test(lists_have_their_bounds),
		cmocka_unit_test(a_slot_names_a_component_that_is_there),
		cmocka_unit_test(a_decision_without_meaning_is_not_signed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
