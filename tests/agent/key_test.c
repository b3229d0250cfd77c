/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/key_test.c - the device key on a token (SoftHSM) and in a TPM
 * (swtpm), and devices that are locked, gone, slow, of another kind or false.
 *
 * S0.22 S1.15 S1.30
 */
#include <errno.h>
#include <openssl/pem.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/key/signer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/pkcs11.h"
#include "tests/agent/key_world.h"

#define LONG_MS 20000
#define SHORT_MS 200
#define PAUSE_MS 200

static const uint8_t digest[VS_P256_DIGEST_LEN] =
	"thirty-two bytes of a digest";
static char error[VS_KEY_ERROR_LEN];

/* A signer of its own place, that waits for any key's signatures or for
 * those of the key that the device tells.
 */
static void open_signer(struct vs_signer *s, const char *place, unsigned how)
{
	vs_signer_init(s, place, NULL, LONG_MS, PAUSE_MS);
	s->how = how;
}

static vs_status sign(struct vs_signer *s)
{
	uint8_t sig[VS_P256_DER_MAX];
	size_t len;
	vs_status status = vs_signer_sign(s, digest, sig, &len, error);

	if (status == VS_OK && s->expected)
		assert_true(vs_p256_verifies(s->expected, digest, sig, len));
	return status;
}

static void expect(struct vs_signer *s, vs_status status, const char *what)
{
	vs_status is = sign(s);

	if (is != status || !strstr(error, what))
		fail_msg("%d %s, not %d %s", (int)is, error, (int)status, what);
	assert_int_equal(s->pid, -1);
}

/* The key in a place, which is made if it is not there. */
static EVP_PKEY *key_in(const char *place)
{
	uint8_t point[VS_P256_POINT_LEN];
	struct vs_signer s;
	EVP_PKEY *key;

	open_signer(&s, place, VS_KEY_MAKE);
	if (vs_signer_point(&s, point, error) != VS_OK)
		fail_msg("%s: %s", place, error);
	assert_int_equal(vs_p256_key(point, &key), VS_OK);
	vs_signer_drop(&s);
	return key;
}

static void wait_ms(long ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static int refresh(void **state)
{
	(void)state;
	unsetenv("KEY_FAULT");
	vs_signer_use(KEY_PROGRAM);
	return 0;
}

static void refuse_place(const char *text, const char *what)
{
	struct vs_key_place p;
	const char *said = "";

	if (vs_key_place_parse(text, &p, &said) != VS_ERR_INPUT ||
	    !strstr(said, what))
		fail_msg("%s: %s, not %s", text, said, what);
}

#define MORE "?module-path=/m&pin-source=file:/p"
#define BOTH "pkcs11:token=a;object=b"

static void a_place_that_is_not_understood_is_refused(void **state)
{
	(void)state;
	refuse_place("device.key", "does not begin with");
	refuse_place("pkcs11", "does not begin with");
	refuse_place("file:", "no path");
	refuse_place("pkcs11:token=a" MORE, "no object=");
	refuse_place("pkcs11:object=a" MORE, "no token=");
	refuse_place(BOTH ";id=1" MORE, "not known");
	refuse_place(BOTH ";token=b" MORE, "twice");
	refuse_place("pkcs11:token=;object=b" MORE, "empty");
	refuse_place("pkcs11:token=%0a;object=b" MORE, "printable");
	refuse_place("pkcs11:token=%4;object=b" MORE, "printable");
	refuse_place(BOTH ";" MORE, "separator");
	refuse_place(BOTH ";type=public" MORE, "type=private");
	refuse_place(BOTH "?pin-source=/p", "module-path=");
	refuse_place(BOTH "?module-path=/m", "pin-source=");
	refuse_place(BOTH "?module-path=m&pin-source=/p", "module-path=");
	refuse_place(BOTH "?module-path=/m&pin-source=|rm", "pin-source");
	refuse_place(BOTH "?module-path=/m&pin-value=1", "not known");
	refuse_place("tpm:0x80ffffff", "no handle");
	refuse_place("tpm:0x81800000", "no handle");
	refuse_place("tpm:81010001", "no handle");
	refuse_place("tpm:0x8101000g", "no handle");
	refuse_place("tpm:0x81010001?pin-source=p", "pin-source");
	refuse_place("tpm:0x81010001?module-path=/m", "not known");
}

static void a_place_has_one_meaning(void **state)
{
	struct vs_key_place p;
	const char *what;

	(void)state;
	assert_int_equal(vs_key_place_parse("pkcs11:token=a%3Bb;object=c" MORE,
	                                    &p, &what),
	                 VS_OK);
	assert_string_equal(p.token, "a;b");
	assert_string_equal(p.object, "c");
	assert_string_equal(p.module, "/m");
	assert_string_equal(p.pin_file, "/p");
	assert_int_equal(vs_key_place_parse("tpm:0x8101AbCd", &p, &what),
	                 VS_OK);
	assert_int_equal(p.handle, 0x8101abcd);
	assert_string_equal(p.tcti, "device:/dev/tpmrm0");
	assert_string_equal(p.pin_file, "");
}

static void a_key_is_made_once_and_signs(void **state)
{
	const char *const places[] = {key_world.token, key_world.tpm,
	                              key_world.tpm_with_pin};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct vs_signer s;
		EVP_PKEY *first;

		open_signer(&s, places[i], 0);
		expect(&s, VS_ERR_ABSENT, "there is n");
		vs_signer_drop(&s);
		first = key_in(places[i]);
		open_signer(&s, places[i], 0);
		s.expected = key_in(places[i]);
		assert_int_equal(EVP_PKEY_eq(first, s.expected), 1);
		EVP_PKEY_free(first);
		for (int k = 0; k < 3; k++)
			if (sign(&s) != VS_OK)
				fail_msg("%s: %s", places[i], error);
		vs_signer_drop(&s);
	}
}

static void two_places_have_two_keys(void **state)
{
	EVP_PKEY *a = key_in(key_world.tpm),
		 *b = key_in(key_world.tpm_with_pin);

	(void)state;
	assert_int_not_equal(EVP_PKEY_eq(a, b), 1);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
}

/* Another TLS library would use the same key of the TPM. */
static void openssls_provider_reads_the_same_key(void **state)
{
	char out[PATH_MAX];
	EVP_PKEY *ours = key_in(key_world.tpm), *theirs;
	FILE *f;

	(void)state;
	key_world_path("theirs.pem", out);
	assert_int_equal(setenv("TPM2OPENSSL_TCTI", key_world.tcti, 1), 0);
	key_world_run("openssl", "pkey", "-provider", "tpm2", "-provider",
	              "default", "-in", "handle:0x81010001", "-pubout", "-out",
	              out, NULL);
	f = fopen(out, "r");
	assert_non_null(f);
	theirs = PEM_read_PUBKEY(f, NULL, NULL, NULL);
	fclose(f);
	assert_int_equal(EVP_PKEY_eq(ours, theirs), 1);
	EVP_PKEY_free(ours);
	EVP_PKEY_free(theirs);
}

static void a_wrong_pin_is_tried_once(void **state)
{
	const char *const places[] = {key_world.token, key_world.tpm_with_pin};
	struct vs_signer s;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		key_world_pin("999999", 0600);
		open_signer(&s, places[i], 0);
		expect(&s, VS_ERR_DENIED, "wrong PIN");
		key_world_pin(KEY_WORLD_PIN, 0600);
		wait_ms(2 * PAUSE_MS);
		expect(&s, VS_ERR_DENIED, "wrong PIN");
		vs_signer_drop(&s);
		open_signer(&s, places[i], 0);
		assert_int_equal(sign(&s), VS_OK);
		vs_signer_drop(&s);
	}
}

/* No token has been asked yet: that may be mended while the agent runs. */
static void a_pin_that_others_may_read_is_not_used(void **state)
{
	struct vs_signer s;

	(void)state;
	key_world_pin(KEY_WORLD_PIN, 0640);
	open_signer(&s, key_world.token, 0);
	expect(&s, VS_ERR_INPUT, "others may read it");
	key_world_pin(KEY_WORLD_PIN, 0600);
	wait_ms(2 * PAUSE_MS);
	assert_int_equal(sign(&s), VS_OK);
	vs_signer_drop(&s);
}

static void the_last_try_is_left_to_a_person(void **state)
{
	struct vs_signer s;

	(void)state;
	setenv("KEY_FAULT", "last try", 1);
	open_signer(&s, key_world.shim, 0);
	expect(&s, VS_ERR_STATE, "last try is left to a person");
	vs_signer_drop(&s);
	open_signer(&s, key_world.shim, VS_KEY_PERSON);
	assert_int_equal(sign(&s), VS_OK);
	vs_signer_drop(&s);
}

static void a_token_that_is_taken_out_is_missed_and_found_again(void **state)
{
	struct vs_signer s;

	(void)state;
	open_signer(&s, key_world.token, 0);
	s.expected = key_in(key_world.token);
	assert_int_equal(sign(&s), VS_OK);
	key_world_take_token(true);
	expect(&s, VS_ERR_ABSENT, "token");
	key_world_take_token(false);
	wait_ms(2 * PAUSE_MS);
	assert_int_equal(sign(&s), VS_OK);
	vs_signer_drop(&s);
}

static void a_tpm_that_restarts_has_its_key(void **state)
{
	struct vs_signer s;

	(void)state;
	open_signer(&s, key_world.tpm, 0);
	s.expected = key_in(key_world.tpm);
	assert_int_equal(sign(&s), VS_OK);
	key_world_stop_tpm();
	expect(&s, VS_ERR_ABSENT, "no TPM at swtpm:path=");
	/* Not tried again before its time: what was said stands. */
	key_world_start_tpm();
	expect(&s, VS_ERR_ABSENT, "no TPM at swtpm:path=");
	wait_ms(2 * PAUSE_MS);
	if (sign(&s) != VS_OK)
		fail_msg("%s", error);
	vs_signer_drop(&s);
}

/* It was open, and it is not tried twice when it hangs. */
static void a_device_that_hangs_is_ended(void **state)
{
	static const char *const faults[] = {"hang", "hang at login"};
	struct vs_signer s;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		setenv("KEY_FAULT", faults[i], 1);
		vs_signer_init(&s, key_world.shim, NULL, SHORT_MS, LONG_MS);
		expect(&s, VS_ERR_IO, "the device does not answer");
		expect(&s, VS_ERR_IO, "the device does not answer");
		assert_int_equal(s.failures, 1);
		vs_signer_drop(&s);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), 0);
	}
}

static void a_module_that_crashes_takes_nobody_with_it(void **state)
{
	struct vs_signer s;

	(void)state;
	setenv("KEY_FAULT", "crash", 1);
	open_signer(&s, key_world.shim, 0);
	expect(&s, VS_ERR_IO, "or its module ended");
	unsetenv("KEY_FAULT");
	wait_ms(2 * PAUSE_MS);
	assert_int_equal(sign(&s), VS_OK);
	vs_signer_drop(&s);
}

static void a_signature_that_is_none_is_not_given_out(void **state)
{
	struct vs_signer s;

	(void)state;
	setenv("KEY_FAULT", "lie", 1);
	open_signer(&s, key_world.shim, 0);
	expect(&s, VS_ERR_CRYPTO, "signature does not verify");
	vs_signer_drop(&s);
}

static void told(const char *path, const char *name, int number)
{
	char line[64];
	uint8_t *text;
	size_t len;

	snprintf(line, sizeof(line), "%s %d\n", name, number);
	assert_int_equal(vs_file_read(path, 4096, &text, &len), VS_OK);
	if (!strstr((const char *)text, line))
		fail_msg("not %s in: %s", line, (const char *)text);
	free(text);
}

/* S1.17: and it signs all the same. */
static void a_module_has_no_network_and_starts_no_program(void **state)
{
	static const char *const denied[] = {
		"inet",   "inet6",  "netlink", "ring", "unshare",
		"ptrace", "memory", "steal",   "exec", "exec-at"};
	char path[PATH_MAX];
	struct vs_signer s;

	(void)state;
	setenv("KEY_FAULT", "attack", 1);
	setenv("KEY_TOLD", key_world_path("told", path), 1);
	open_signer(&s, key_world.shim, 0);
	s.expected = key_in(key_world.token);
	if (sign(&s) != VS_OK)
		fail_msg("%s", error);
	vs_signer_drop(&s);
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		told(path, denied[i], EPERM);
	told(path, "unix", 0);
	told(path, "dumpable", 0);
	told(path, "rights", 0);
}

/* By a program that has no network itself. */
static void the_factory_makes_a_key_and_asks_for_its_certificate(void **state)
{
	const char *const places[] = {key_world.token, key_world.tpm};
	char path[PATH_MAX];
	uint8_t *text;
	size_t len;

	(void)state;
	key_world_path("csr.pem", path);
	for (size_t i = 0; i < 2; i++) {
		(void)unlink(path);
		key_world_run(AGENT_PROGRAM, "provision", "--vehicle",
		              "CP-0001", "--key", places[i], "--csr", path,
		              NULL);
		assert_int_equal(vs_file_read(path, 65536, &text, &len), VS_OK);
		assert_non_null(strstr((const char *)text,
		                       "BEGIN CERTIFICATE REQUEST"));
		free(text);
	}
}

static void pauses_grow_up_to_the_longest(void **state)
{
	struct vs_signer s;

	(void)state;
	vs_signer_init(&s, "tpm:0x81010001?tcti=device:/nonexistent", NULL,
	               LONG_MS, 3 * PAUSE_MS);
	for (unsigned i = 1; i <= 3; i++) {
		expect(&s, VS_ERR_ABSENT, "no TPM at device:/nonexistent");
		assert_int_equal(s.failures, i);
		expect(&s, VS_ERR_ABSENT, "no TPM at device:/nonexistent");
		assert_int_equal(s.failures, i);
		wait_ms(4 * PAUSE_MS);
	}
	vs_signer_drop(&s);
}

static void another_key_than_the_certificates_is_told(void **state)
{
	const char *const places[] = {key_world.token, key_world.tpm};
	struct vs_signer s;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		open_signer(&s, places[i], 0);
		s.expected = key_in(places[1 - i]);
		expect(&s, VS_ERR_REFUSED, "the certificate is of another key");
		vs_signer_drop(&s);
	}
}

static void must_refuse(const char *place, const char *what)
{
	struct vs_signer s;

	open_signer(&s, place, VS_KEY_MAKE);
	expect(&s, VS_ERR_REFUSED, what);
	vs_signer_drop(&s);
}

static void a_token_key_of_another_kind_is_refused(void **state)
{
	char place[VS_KEY_PLACE_MAX];

	(void)state;
	key_world_run("pkcs11-tool", "--module", VS_P11_MODULE, "--token-label",
	              "charger", "--login", "--pin", KEY_WORLD_PIN,
	              "--keypairgen", "--key-type", "EC:secp384r1", "--label",
	              "p384", NULL);
	key_world_run("pkcs11-tool", "--module", VS_P11_MODULE, "--token-label",
	              "charger", "--login", "--pin", KEY_WORLD_PIN,
	              "--keypairgen", "--key-type", "EC:prime256v1", "--label",
	              "loose", "--extractable", NULL);
	key_world_run("pkcs11-tool", "--module", VS_P11_MODULE, "--token-label",
	              "charger", "--login", "--pin", KEY_WORLD_PIN,
	              "--keypairgen", "--key-type", "EC:prime192v1", "--label",
	              "p192", NULL);
	must_refuse(key_world_token("p384", place), "not a P-256 key");
	must_refuse(key_world_token("p192", place), "not a P-256 key");
	must_refuse(key_world_token("loose", place), "it can be taken off");
}

static void refuse_made(TPMI_ECC_CURVE curve, TPMA_OBJECT attributes,
                        const char *what)
{
	static uint32_t handle = 0x81010100;
	char place[VS_KEY_PLACE_MAX];

	handle++;
	key_world_make(handle, curve, attributes);
	must_refuse(key_world_handle(handle, place), what);
}

static void a_tpm_key_of_another_kind_is_refused(void **state)
{
	const TPMA_OBJECT user = TPMA_OBJECT_USERWITHAUTH;
	const TPMA_OBJECT fixed =
		TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT;
	const TPMA_OBJECT good = user | fixed |
	                         TPMA_OBJECT_SENSITIVEDATAORIGIN |
	                         TPMA_OBJECT_SIGN_ENCRYPT;
	const char *const more = "for more, or less, than signing";

	(void)state;
	refuse_made(TPM2_ECC_NIST_P384, good, "not a P-256 key");
	refuse_made(TPM2_ECC_NIST_P256, good & ~user, "may not sign");
	refuse_made(TPM2_ECC_NIST_P256, good & ~fixed, "could leave it");
	refuse_made(TPM2_ECC_NIST_P256, good | TPMA_OBJECT_DECRYPT, more);
	refuse_made(TPM2_ECC_NIST_P256, good | TPMA_OBJECT_RESTRICTED, more);
}

/* S1.17 */
static void a_hostile_program_in_its_place_ends_a_question_alone(void **state)
{
	static const char *const ways[][2] = {
		{"ends",                   "cannot be started"},
		{"signs first",            "voltseal-key"     },
		{"another number",         "broke off"        },
		{"a short point",          "broke off"        },
		{"a long point",           "broke off"        },
		{"no point",               "broke off"        },
		{"less than it said",      "broke off"        },
		{"a long reason",          "broke off"        },
		{"a reason of two lines",  "not?a line"       },
		{"a failure that is none", "not"              },
		{"another point",          "is of another key"},
	};
	struct vs_signer s;

	(void)state;
	vs_signer_use(KEY_HOSTILE);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		setenv("KEY_HOSTILE", ways[i][0], 1);
		vs_signer_init(&s, key_world.tpm, NULL, 2000, PAUSE_MS);
		s.expected = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
		assert_int_not_equal(sign(&s), VS_OK);
		if (!strstr(error, ways[i][1]))
			fail_msg("%s: %s", ways[i][0], error);
		assert_int_equal(s.pid, -1);
		vs_signer_drop(&s);
	}
}

/* It knows the public key, as everybody does. */
static void its_signatures_are_believed_no_more_than_they_verify(void **state)
{
	static const char *const ways[][2] = {
		{"a false signature", "signature does not verify"},
		{"a long signature",  "broke off"                },
	};
	uint8_t point[VS_P256_POINT_LEN];
	char hex[2 * VS_P256_POINT_LEN + 1];
	struct vs_signer s;
	size_t len;

	(void)state;
	vs_signer_use(KEY_HOSTILE);
	for (size_t i = 0; i < 2; i++) {
		setenv("KEY_HOSTILE", ways[i][0], 1);
		vs_signer_init(&s, key_world.tpm, NULL, 2000, PAUSE_MS);
		s.expected = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
		assert_int_equal(
			EVP_PKEY_get_octet_string_param(
				s.expected, "pub", point, sizeof(point), &len),
			1);
		vs_hex_encode(point, sizeof(point), hex);
		setenv("KEY_POINT", hex, 1);
		assert_int_not_equal(sign(&s), VS_OK);
		if (!strstr(error, ways[i][1]))
			fail_msg("%s: %s", ways[i][0], error);
		vs_signer_drop(&s);
	}
	unsetenv("KEY_POINT");
}

static int begin(void **state)
{
	(void)state;
	key_world_begin();
	return 0;
}

static int end(void **state)
{
	(void)state;
	key_world_end();
	return 0;
}

#define EACH(test) cmocka_unit_test_setup(test, refresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(a_place_that_is_not_understood_is_refused),
		EACH(a_place_has_one_meaning),
		EACH(a_key_is_made_once_and_signs),
		EACH(two_places_have_two_keys),
		EACH(openssls_provider_reads_the_same_key),
		EACH(a_wrong_pin_is_tried_once),
		EACH(a_pin_that_others_may_read_is_not_used),
		EACH(the_last_try_is_left_to_a_person),
		EACH(a_token_that_is_taken_out_is_missed_and_found_again),
		EACH(a_tpm_that_restarts_has_its_key),
		EACH(a_device_that_hangs_is_ended),
		EACH(a_module_that_crashes_takes_nobody_with_it),
		EACH(a_signature_that_is_none_is_not_given_out),
		EACH(a_module_has_no_network_and_starts_no_program),
		EACH(the_factory_makes_a_key_and_asks_for_its_certificate),
		EACH(pauses_grow_up_to_the_longest),
		EACH(another_key_than_the_certificates_is_told),
		EACH(a_token_key_of_another_kind_is_refused),
		EACH(a_tpm_key_of_another_kind_is_refused),
		EACH(a_hostile_program_in_its_place_ends_a_question_alone),
		EACH(its_signatures_are_believed_no_more_than_they_verify),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
