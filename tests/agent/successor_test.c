/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/successor_test.c - a keyring takes over, through power cuts too.
 *
 * People 0 and 1 are built in (version 1, both must sign), and signed what
 * runs.  Keyring 2 is any two of 0, 1 and 2; keyring 3 is 1 and 2, or (wide)
 * any two of all.
 *
 * S2.37 S3.19 S3.20 S3.26
 */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/believe/successor.h"
#include "agent/run/seek.h"
#include "base/file.h"
#include "tests/agent/life.h"
#include "tests/agent/power.h"

#define GATEWAY_LEN 9000

static struct maker maker;
static struct made gateway, controller, next_gateway, next_controller;
static struct person people[4]; /* the first two are maker's */

struct ring_file {
	uint8_t bytes[VS_KEYRING_LEN_MAX];
	size_t len;
};

static struct ring_file second, third, wide;

static void fill_ring(struct vs_keyring *ring, const struct person *of,
                      size_t count, uint32_t version)
{
	ring_fill(ring, of, count, 2);
	ring->version = version;
	ring->component_count = 2;
	memcpy(ring->components, maker.ring.components,
	       sizeof(ring->components));
}

/* Signed by the people whose bits are set. */
static void sign_ring(const struct vs_keyring *ring, unsigned by,
                      struct ring_file *out)
{
	struct person *signers[4];
	size_t count = 0;

	for (size_t i = 0; i < 4; i++)
		if (by & 1u << i)
			signers[count++] = &people[i];
	out->len = maker_ring(ring, signers, count, out->bytes);
}

static void make_rings(void)
{
	struct vs_keyring ring;

	fill_ring(&ring, people, 3, 2);
	sign_ring(&ring, 1 | 2, &second);
	fill_ring(&ring, people, 4, 3);
	sign_ring(&ring, 1 | 2, &wide);
	fill_ring(&ring, people + 1, 2, 3);
	sign_ring(&ring, 2 | 4, &third);
	/* release 2 is by the people of keyring 3 */
	memcpy(maker.people, people + 1, sizeof(maker.people));
	maker.ring = ring;
}

static int group_set_up(void **state)
{
	uint8_t image[GATEWAY_LEN];

	(void)state;
	power_set_time(NOW);
	maker_init(&maker);
	memcpy(people, maker.people, sizeof(maker.people));
	person_init(&people[2], &maker.crypto);
	person_init(&people[3], &maker.crypto);
	noise(image, sizeof(image), 1);
	maker_seal(&maker, &gateway, "gateway", 1, 1, image, sizeof(image));
	maker_seal(&maker, &controller, "controller", 1, 1, image, 4000);
	return 0;
}

static int group_tear_down(void **state)
{
	(void)state;
	made_drop(&gateway);
	made_drop(&controller);
	memcpy(maker.people, people, sizeof(maker.people));
	maker_drop(&maker);
	person_drop(&people[2]);
	person_drop(&people[3]);
	return 0;
}

static struct vs_keyring first;

static int set_up(void **state)
{
	(void)state;
	maker_charger(&maker, &gateway, &controller, 1);
	first = maker.ring;
	make_rings();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memcpy(maker.people, people, sizeof(maker.people));
	maker.ring = first;
	maker_scrap_charger(&maker);
	return 0;
}

static void open_charger(struct vs_charger *c)
{
	char dir[PATH_MAX], error[VS_ERROR_LEN] = "";

	if (vs_charger_open(c, maker_path(&maker, "charger", dir), error) !=
	    VS_OK)
		fail_msg("%s", error);
}

static vs_status take_as(const struct ring_file *f, bool demo,
                         struct vs_why *why)
{
	const struct vs_conf conf = {.demo = demo};
	struct vs_charger c;
	vs_status status;

	open_charger(&c);
	status = vs_successor_take(&c, &conf, f->bytes, f->len, why);
	vs_charger_close(&c);
	return status;
}

static void take(const struct ring_file *f)
{
	struct vs_why why;

	assert_int_equal(take_as(f, false, &why), VS_OK);
}

static void settle(void)
{
	struct vs_charger c;
	struct vs_why why;

	open_charger(&c);
	assert_int_equal(vs_successor_settle(&c, &why), VS_OK);
	vs_charger_close(&c);
}

/* The keyring that new seals are judged by. */
static uint32_t in_force(void)
{
	struct vs_charger c;
	uint32_t version;

	open_charger(&c);
	version = c.ring.version;
	vs_charger_close(&c);
	return version;
}

static bool asks_for_the_floor(void)
{
	struct vs_charger c;
	struct vs_record record;

	open_charger(&c);
	assert_int_equal(vs_record_load(&c.ops.record, &record), VS_OK);
	vs_charger_close(&c);
	return record.raise_floor == 1;
}

static const char *place(int i, char path[static PATH_MAX])
{
	return maker_path(&maker,
	                  i == 0 ? "charger/keyring-0" : "charger/keyring-1",
	                  path);
}

static bool place_holds(int i, const struct ring_file *one,
                        const struct ring_file *two)
{
	size_t len = one->len + (two ? two->len : 0);
	char path[PATH_MAX];
	uint8_t *bytes = NULL;
	size_t got = 0;
	bool same =
		vs_file_read(place(i, path), 1 << 20, &bytes, &got) == VS_OK &&
		got == len && memcmp(bytes, one->bytes, one->len) == 0 &&
		(!two || memcmp(bytes + one->len, two->bytes, two->len) == 0);

	free(bytes);
	return same;
}

static bool both_hold(const struct ring_file *one, const struct ring_file *two)
{
	return place_holds(0, one, two) && place_holds(1, one, two);
}

static void must_refuse(const struct ring_file *f, vs_reason reason)
{
	struct vs_why why;
	char path[PATH_MAX];

	assert_int_not_equal(take_as(f, false, &why), VS_OK);
	if (why.code != reason)
		fail_msg("%s, not %s", vs_reason_name(why.code),
		         vs_reason_name(reason));
	assert_false(vs_file_exists(place(0, path)));
	assert_false(vs_file_exists(place(1, path)));
	assert_int_equal(in_force(), 1);
}

static void a_successor_takes_over_and_the_old_one_goes(void **state)
{
	struct vs_boot_decision d;
	struct vs_charger c;
	char path[PATH_MAX], error[VS_ERROR_LEN];

	(void)state;
	take(&second);
	assert_true(both_hold(&second, NULL));
	assert_int_equal(in_force(), 2);
	d = life_boot(&maker, VS_RESET_POWER);
	assert_int_equal(d.epoch_floor, 0); /* nobody has consented */
	settle();
	d = life_boot(&maker, VS_RESET_POWER);
	assert_int_equal(d.keyring_version, 2);
	assert_int_equal(d.epoch_floor, 2);
	assert_false(asks_for_the_floor());
	/* nothing is left to do */
	settle();
	assert_false(asks_for_the_floor());
	/* and there is no way back */
	assert_int_equal(unlink(place(0, path)), 0);
	assert_int_equal(unlink(place(1, path)), 0);
	assert_int_equal(
		vs_charger_open(&c, maker_path(&maker, "charger", path), error),
		VS_ERR_REFUSED);
	assert_non_null(strstr(error, "older than the epoch"));
	vs_charger_close(&c);
}

static void what_the_threshold_did_not_sign_is_refused(void **state)
{
	struct vs_keyring ring;
	struct ring_file f;

	(void)state;
	fill_ring(&ring, people, 3, 2);
	sign_ring(&ring, 1 | 4, &f); /* of the first only 0 */
	must_refuse(&f, VS_REASON_SEAL_SIGNATURE);
	sign_ring(&ring, 4 | 8, &f);
	must_refuse(&f, VS_REASON_SEAL_SIGNATURE);
	fill_ring(&ring, people + 2, 2, 2);
	sign_ring(&ring, 1 | 2 | 4, &f); /* of its own only 2 */
	must_refuse(&f, VS_REASON_SEAL_SIGNATURE);
	must_refuse(&third, VS_REASON_SEAL_SIGNATURE); /* 2 comes first */
	f = second;
	f.bytes[40] ^= 1;
	must_refuse(&f, VS_REASON_SEAL_SIGNATURE);
	f = second;
	f.len--;
	must_refuse(&f, VS_REASON_MALFORMED);
}

static void no_keyring_comes_back(void **state)
{
	struct vs_keyring ring;
	struct ring_file f;
	struct vs_why why;

	(void)state;
	fill_ring(&ring, people, 3, 1);
	sign_ring(&ring, 1 | 2, &f);
	must_refuse(&f, VS_REASON_KEYRING_ROLLBACK);
	take(&second);
	fill_ring(&ring, people, 4, 2);
	sign_ring(&ring, 1 | 2, &f);
	assert_int_equal(take_as(&f, false, &why), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_KEYRING_ROLLBACK);
	assert_true(both_hold(&second, NULL));
}

static void the_keyring_in_force_is_taken_for_what_it_is(void **state)
{
	char path[PATH_MAX];
	uint8_t *bytes;
	struct ring_file f;

	(void)state;
	maker_path(&maker, "charger/keyring", path);
	assert_int_equal(vs_file_read(path, sizeof(f.bytes), &bytes, &f.len),
	                 VS_OK);
	memcpy(f.bytes, bytes, f.len);
	free(bytes);
	take(&f);
	assert_false(vs_file_exists(place(0, path)));
	take(&second);
	take(&second);
	assert_true(both_hold(&second, NULL));
}

static void seal_next(void)
{
	uint8_t image[GATEWAY_LEN];

	noise(image, sizeof(image), 2);
	maker_seal(&maker, &next_gateway, "gateway", 2, 1, image,
	           sizeof(image));
	maker_seal(&maker, &next_controller, "controller", 2, 1, image, 4000);
	maker_fill_slot(&maker, "charger/slot-b/gateway", &next_gateway);
	maker_fill_slot(&maker, "charger/slot-b/controller", &next_controller);
	made_drop(&next_gateway);
	made_drop(&next_controller);
}

static vs_status verify_next(struct vs_why *why)
{
	struct vs_charger c;
	vs_status status;

	open_charger(&c);
	status = vs_charger_verify(&c, 1, why);
	vs_charger_close(&c);
	return status;
}

static void set_record(const struct vs_record *record)
{
	struct vs_record copy = *record;
	struct vs_charger c;

	open_charger(&c);
	assert_int_equal(vs_record_store(&c.ops.record, &copy), VS_OK);
	vs_charger_close(&c);
}

/* Release 2 is signed for keyrings 2 and 3: it comes between them. */
static void an_image_comes_before_the_keyring_that_needs_it(void **state)
{
	struct vs_record record = {.slot = 1, .raise_floor = 1};
	struct vs_boot_decision d;
	struct vs_why why;

	(void)state;
	seal_next();
	assert_int_equal(verify_next(&why), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_SEAL_SIGNATURE);
	take(&second);
	settle();
	(void)life_boot(&maker, VS_RESET_POWER);
	assert_int_equal(verify_next(&why), VS_OK);
	assert_int_equal(take_as(&third, false, &why), VS_ERR_STATE);
	assert_int_equal(why.code, VS_REASON_CONFLICT);
	assert_true(both_hold(&second, NULL));
	record.slots[0].state = record.slots[1].state = VS_SLOT_GOOD;
	set_record(&record);
	assert_int_equal(life_boot(&maker, VS_RESET_POWER).slot, 1);
	take(&third);
	settle();
	d = life_boot(&maker, VS_RESET_POWER);
	assert_int_equal(d.slot, 1);
	assert_int_equal(d.epoch_floor, 3);
	assert_int_equal(d.seen[0].refused, VS_REASON_SEAL_SIGNATURE);
	assert_int_equal(in_force(), 3);
}

/* What the other slot has stands as long as an older keyring does. */
static void an_older_keyring_stands_until_the_epoch_rises(void **state)
{
	struct vs_record record = {.slot = 1};
	struct vs_charger c;
	struct vs_why why;

	(void)state;
	take(&second);
	settle();
	(void)life_boot(&maker, VS_RESET_POWER);
	seal_next();
	record.slots[0].state = record.slots[1].state = VS_SLOT_GOOD;
	set_record(&record);
	assert_int_equal(life_boot(&maker, VS_RESET_POWER).slot, 1);
	take(&third);
	/* as if the power had gone between the places */
	maker_put(&maker, "charger/keyring-1", second.bytes, second.len);
	open_charger(&c);
	assert_int_equal(c.rings.count, 2);
	assert_int_equal(c.ring.version, 3);
	assert_int_equal(vs_charger_verify(&c, 0, &why), VS_OK);
	assert_false(vs_charger_runs_under(&c, &c.built_in));
	vs_charger_close(&c);
	/* and slot B had to be given up then: A needs keyring 2 */
	record.slot = 0;
	set_record(&record);
	assert_int_equal(life_boot(&maker, VS_RESET_POWER).slot, 0);
	settle();
	assert_true(place_holds(1, &second, NULL));
	assert_int_equal(life_boot(&maker, VS_RESET_POWER).slot, 0);
}

static void a_lost_place_is_written_again(void **state)
{
	char path[PATH_MAX];

	(void)state;
	take(&second);
	take(&wide);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(unlink(place(i, path)), 0);
		settle();
		assert_true(both_hold(&second, &wide));
		maker_put(&maker, i ? "charger/keyring-1" : "charger/keyring-0",
		          second.bytes, second.len);
		settle();
		assert_true(both_hold(&second, &wide));
		maker_put(&maker, i ? "charger/keyring-1" : "charger/keyring-0",
		          wide.bytes, wide.len - 1);
		settle();
		assert_true(both_hold(&second, &wide));
	}
}

/* A trial is the trial of an image; its confirmation brings the consent. */
static void a_trial_is_left_alone(void **state)
{
	struct vs_record record = {.slot = 0}, after;
	struct vs_charger c;
	struct vs_why why;

	(void)state;
	take(&second);
	record.slots[0].state = VS_SLOT_TRIAL;
	record.slots[0].tries = 3;
	record.slots[1].state = VS_SLOT_GOOD;
	set_record(&record);
	settle();
	assert_int_equal(take_as(&wide, false, &why), VS_ERR_STATE);
	assert_int_equal(why.code, VS_REASON_CONFLICT);
	open_charger(&c);
	assert_int_equal(vs_record_load(&c.ops.record, &after), VS_OK);
	vs_charger_close(&c);
	after.seq = record.seq;
	assert_memory_equal(&after, &record, sizeof(after));
	assert_true(both_hold(&second, NULL));
}

/* The key whose secret is 1, which everybody has. */
static void make_demo(struct person *p)
{
	static const char pem[] =
		"-----BEGIN EC PRIVATE KEY-----\n"
		"MDECAQEEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"
		"oAoGCCqGSM49AwEH\n"
		"-----END EC PRIVATE KEY-----\n";
	BIO *in = BIO_new_mem_buf(pem, -1);
	size_t len;

	memset(p, 0, sizeof(*p));
	p->key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	BIO_free(in);
	assert_non_null(p->key);
	assert_int_equal(EVP_PKEY_get_octet_string_param(
				 p->key, OSSL_PKEY_PARAM_PUB_KEY, p->point,
				 sizeof(p->point), &len),
	                 1);
	assert_int_equal(maker.crypto.sha256(maker.crypto.ctx, p->point, len,
	                                     NULL, 0, p->id),
	                 VS_OK);
}

static void a_demo_key_is_not_believed_in_production(void **state)
{
	struct person of[3] = {people[0], people[1]};
	struct vs_keyring ring;
	struct ring_file f;
	struct vs_why why;

	(void)state;
	make_demo(&of[2]);
	fill_ring(&ring, of, 3, 2);
	sign_ring(&ring, 1 | 2, &f);
	person_drop(&of[2]);
	must_refuse(&f, VS_REASON_NOT_ALLOWED);
	assert_int_equal(take_as(&f, true, &why), VS_OK);
	assert_int_equal(in_force(), 2);
}

/* As large as they come, until no more fits. */
static void a_full_chain_takes_no_more_and_stands(void **state)
{
	struct vs_keyring ring;
	struct ring_file f;
	struct person more[VS_KEYRING_KEYS_MAX];
	struct vs_why why = {0};
	uint32_t version = 1;

	(void)state;
	memcpy(more, people, sizeof(people));
	for (size_t i = 4; i < VS_KEYRING_KEYS_MAX; i++)
		person_init(&more[i], &maker.crypto);
	do {
		fill_ring(&ring, more, VS_KEYRING_KEYS_MAX, ++version);
		ring.component_count = VS_KEYRING_COMPONENTS_MAX;
		for (size_t i = 2; i < VS_KEYRING_COMPONENTS_MAX; i++)
			snprintf(ring.components[i], VS_COMPONENT_LEN, "c-%zu",
			         i);
		sign_ring(&ring, 1 | 2, &f);
	} while (version < 300 && take_as(&f, false, &why) == VS_OK);
	assert_int_equal(why.code, VS_REASON_TOO_LARGE);
	assert_true(version > 50);
	assert_int_equal(in_force(), version - 1);
	settle();
	assert_int_equal(life_boot(&maker, VS_RESET_POWER).epoch_floor,
	                 version - 1);
	for (size_t i = 4; i < VS_KEYRING_KEYS_MAX; i++)
		person_drop(&more[i]);
}

/* As `voltseal-agent keyring` does it, in a process that ends with the power.
 */
static bool lived(uint64_t cut_at, enum power_loss loss)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		power_arm(cut_at, loss);
		take(&second);
		take(&wide);
		settle();
		(void)life_boot(&maker, VS_RESET_POWER);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) != POWER_EXIT;
}

/* The charger starts after each, and the epoch is behind what both places
 * hold.
 */
static unsigned cut_at_every_write(void **state, enum power_loss loss)
{
	unsigned n = 1;
	bool whole;

	do {
		struct vs_boot_decision d;

		whole = lived(n, loss);
		d = life_boot(&maker, VS_RESET_POWER);
		assert_int_equal(d.slot, 0);
		if (d.epoch_floor > 0)
			assert_true(both_hold(&second, &wide));
		settle();
		if (in_force() < 2)
			take(&second);
		take(&wide);
		settle();
		assert_true(both_hold(&second, &wide));
		d = life_boot(&maker, VS_RESET_POWER);
		assert_int_equal(d.epoch_floor, 3);
		tear_down(state);
		set_up(state);
		n++;
	} while (!whole);
	return n;
}

static void no_cut_leaves_a_charger_without_a_keyring(void **state)
{
	assert_true(cut_at_every_write(state, POWER_TORN) > 12);
	assert_true(cut_at_every_write(state, POWER_LOST) > 12);
	assert_true(cut_at_every_write(state, POWER_REORDERED) > 20);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static const struct ring_file *offered; /* as keyring 2; NULL: none is */
static unsigned asked;

static const uint8_t *give_ring(const char *name, size_t *len)
{
	asked++;
	if (!offered || strcmp(name, "2") != 0)
		return NULL;
	*len = offered->len;
	return offered->bytes;
}

static void seek_after(struct vs_agent *a, time_t s)
{
	const struct timespec pause = {s, 0}; /* power.c lets it pass */

	nanosleep(&pause, NULL);
	vs_agent_seek_ring(a);
}

/* The same as from a stick, only that nobody has to go there. */
static void a_successor_is_fetched_from_the_server(void **state)
{
	static struct vs_agent a;
	struct server server;
	char path[PATH_MAX];

	(void)state;
	server_init(&server);
	server.keyring = give_ring;
	memset(&a, 0, sizeof(a));
	a.net.server = SERVER_URL;
	open_charger(&a.charger);
	asked = 0;
	offered = NULL;
	seek_after(&a, 0);
	assert_int_equal(asked, 1);
	seek_after(&a, 60); /* not with every poll */
	assert_int_equal(asked, 1);
	/* a server that lies gives nothing that is taken */
	offered = &third;
	seek_after(&a, 7 * 3600);
	assert_int_equal(asked, 2);
	assert_false(vs_file_exists(place(0, path)));
	offered = &second;
	seek_after(&a, 7 * 3600);
	assert_int_equal(asked, 3);
	assert_true(both_hold(&second, NULL));
	/* the one after it is asked for when this one is in force */
	seek_after(&a, 1000 * 3600);
	assert_int_equal(asked, 3);
	vs_charger_close(&a.charger);
	assert_int_equal(in_force(), 2);
	server_drop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(a_successor_takes_over_and_the_old_one_goes),
		EACH(what_the_threshold_did_not_sign_is_refused),
		EACH(no_keyring_comes_back),
		EACH(the_keyring_in_force_is_taken_for_what_it_is),
		EACH(an_image_comes_before_the_keyring_that_needs_it),
		EACH(an_older_keyring_stands_until_the_epoch_rises),
		EACH(a_lost_place_is_written_again),
		EACH(a_trial_is_left_alone),
		EACH(a_demo_key_is_not_believed_in_production),
		EACH(a_full_chain_takes_no_more_and_stands),
		EACH(no_cut_leaves_a_charger_without_a_keyring),
		EACH(a_successor_is_fetched_from_the_server),
	};

	return cmocka_run_group_tests_name("agent successor", tests,
	                                   group_set_up, group_tear_down);
}
