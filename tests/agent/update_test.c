/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/update_test.c - a whole update of two components, with the
 * power cut at every write of it: slots, boot record, floor, state, metadata,
 * counter, decision.
 *
 * Invariants, at each start: some slot verifies and boots, whole and of one
 * release, never below the floor; what runs was never written to; no report
 * counter is used twice; and the end is the same as without a cut.
 *
 * S0.2 S3.26 S3.27 S3.29 S3.43 A8
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "seal/slot.h"
#include "tests/agent/life.h"
#include "tests/agent/power.h"

#define GATEWAY_LEN ((size_t)VS_CLUSTER_LEN + 5000)
#define CONTROLLER_LEN 9000

static struct maker maker;
static struct server server;
/* In slot B, in slot A and running, to be installed. */
static struct made gateway_1, gateway_2, gateway_3;
static struct made controller_1, controller_2, controller_3;

/* What a reset writes back. */
static const char *const kept_names[] = {"charger/boot-record", "charger/floor",
                                         "charger/slot-b/gateway",
                                         "charger/slot-b/controller"};
enum { KEPT = sizeof(kept_names) / sizeof(kept_names[0]) };
static uint8_t *kept[KEPT];
static size_t kept_len[KEPT];
static uint64_t once; /* bytes of packs that an update without a cut takes */

static void make_images(void)
{
	uint8_t *image = malloc(GATEWAY_LEN);

	assert_non_null(image);
	noise(image, GATEWAY_LEN, 1);
	maker_seal(&maker, &gateway_1, "gateway", 1, 1, image, GATEWAY_LEN);
	noise(image, GATEWAY_LEN, 2);
	maker_seal(&maker, &gateway_2, "gateway", 2, 1, image, GATEWAY_LEN);
	noise(image + GATEWAY_LEN - 99, 99, 3);
	maker_seal(&maker, &gateway_3, "gateway", 3, 2, image, GATEWAY_LEN);
	maker_seal(&maker, &controller_1, "controller", 1, 1, image,
	           CONTROLLER_LEN);
	maker_seal(&maker, &controller_2, "controller", 2, 1, image + 1,
	           CONTROLLER_LEN);
	maker_seal(&maker, &controller_3, "controller", 3, 2, image + 2,
	           CONTROLLER_LEN);
	free(image);
}

/* Release 2 runs in slot A; 1, which it once replaced, is in slot B. */
static void make_charger(void)
{
	struct vs_record record = {.slot = 0};

	maker_charger(&maker, &gateway_2, &controller_2, 1);
	maker_fill_slot(&maker, "charger/slot-b/gateway", &gateway_1);
	maker_fill_slot(&maker, "charger/slot-b/controller", &controller_1);
	record.slots[0].state = record.slots[1].state = VS_SLOT_GOOD;
	maker_set_record(&maker, record);
}

static int setup(void **state)
{
	char path[PATH_MAX];

	(void)state;
	power_set_time(NOW);
	maker_init(&maker);
	make_images();
	make_charger();
	server_init(&server);
	server_provision(&server, &maker);
	server_offer(&server, &gateway_3, &controller_3);
	server_publish(&server);
	life_configure(&maker);
	for (size_t i = 0; i < KEPT; i++)
		assert_int_equal(
			vs_file_read(maker_path(&maker, kept_names[i], path),
		                     MAKER_SLOT_LEN, &kept[i], &kept_len[i]),
			VS_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < KEPT; i++)
		free(kept[i]);
	server_drop(&server);
	made_drop(&gateway_1);
	made_drop(&gateway_2);
	made_drop(&gateway_3);
	made_drop(&controller_1);
	made_drop(&controller_2);
	made_drop(&controller_3);
	maker_drop(&maker);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *at)
{
	(void)at;
	if (kind == FTW_F && st->st_nlink > 0 && !strstr(path, "root.json"))
		return unlink(path);
	return 0;
}

/* As the file was, with holes where there are only zeros. */
static void put_back(const char *path, const uint8_t *bytes, size_t len)
{
	static const uint8_t zeros[VS_BLOCK_LEN];
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	for (size_t at = 0; at < len; at += sizeof(zeros)) {
		size_t n = len - at < sizeof(zeros) ? len - at : sizeof(zeros);

		if (memcmp(bytes + at, zeros, n) != 0)
			assert_int_equal(vs_file_pwrite(fd, bytes + at, n, at),
			                 VS_OK);
	}
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	close(fd);
}

/* The charger as it was made, with an agent that knows nothing. */
static void reset(void)
{
	char path[PATH_MAX];

	power_arm(0, POWER_TORN);
	nftw(maker_path(&maker, "charger/agent", path), remove_one, 16,
	     FTW_PHYS);
	(void)unlink(maker_path(&maker, "charger/decision.json", path));
	for (size_t i = 0; i < KEPT; i++)
		put_back(maker_path(&maker, kept_names[i], path), kept[i],
		         kept_len[i]);
	memset(server.heard, 0, sizeof(*server.heard));
}

static bool told(const struct vs_agent *a)
{
	return a->state.phase == VS_PHASE_IDLE && a->state.outbox.count == 0 &&
	       a->director_version > 0 &&
	       strcmp(server.heard->last.status, "Idle") == 0;
}

static bool is_updated(const struct vs_agent *a)
{
	return told(a) && a->charger.slot == 1 &&
	       server.heard->last.ecus[1].release_seq == 3;
}

static bool has_fallen_back(const struct vs_agent *a)
{
	return told(a) && a->charger.slot == 0 && a->state.failed_count == 1 &&
	       server.heard->last.fallback_reason != VS_REASON_NONE;
}

static struct life new_life(bool sick)
{
	return (struct life){
		.maker = &maker,
		.server = &server,
		.done = sick ? has_fallen_back : is_updated,
		.sick = sick ? 1 : -1,
	};
}

/* One life, and the next start, which raises the floor, in a process of its
 * own that ends with the power.  Gives whether it lived on to its end.
 */
static bool live(bool sick, uint64_t cut_at, enum power_loss loss)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct life l = new_life(sick);

		power_arm(cut_at, loss);
		if (!life_run(&l))
			_exit(1);
		(void)life_boot(&maker, VS_RESET_POWER);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == POWER_EXIT)
		return false;
	assert_int_equal(WEXITSTATUS(status), 0);
	return true;
}

static void assert_end(bool sick)
{
	struct vs_boot_decision d = life_boot(&maker, VS_RESET_POWER);

	assert_int_equal(d.slot, sick ? 0 : 1);
	assert_false(d.trial);
	assert_int_equal(d.header[1].release_seq, sick ? 2 : 3);
	assert_int_equal(d.floor[0], sick ? 1 : 2);
	assert_int_equal(d.floor[1], sick ? 1 : 2);
	assert_true(life_holds_both(&maker, 'a', &gateway_2, &controller_2));
	assert_true(life_holds_both(&maker, 'b', &gateway_3, &controller_3));
	assert_false(server.heard->bad);
	assert_int_equal(server.heard->refused[VS_REASON_HEALTH_FAILED], sick);
	assert_int_equal(server.heard->installed > 0, !sick);
}

static void whole_update(bool sick)
{
	struct life l = new_life(sick);

	reset();
	assert_true(life_run(&l));
	assert_end(sick);
}

static void an_update_of_two_components_is_installed_and_told(void **state)
{
	(void)state;
	whole_update(false);
	assert_int_equal(server.heard->installed, 1);
	once = server.heard->pack_bytes;
	assert_true(once < GATEWAY_LEN); /* a cluster was copied */
}

/* S0.17 S3.30 */
static void a_sick_update_falls_back_and_is_not_tried_again(void **state)
{
	(void)state;
	whole_update(true);
}

/* Whatever happened: a slot with a footer holds just that image. */
static void assert_footer_is_last(const char *slot, const struct made *one,
                                  const struct made *other)
{
	uint8_t footer[VS_SLOT_FOOTER_LEN];
	struct vs_signatures sigs;
	struct vs_seal_header header;
	char path[PATH_MAX];
	const uint8_t *raw;
	int fd = open(maker_path(&maker, slot, path), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(vs_file_pread(fd, footer, sizeof(footer),
	                               MAKER_SLOT_LEN - sizeof(footer)),
	                 VS_OK);
	close(fd);
	if (vs_slot_footer_decode(footer, &raw, &sigs, NULL) != VS_OK)
		return;
	assert_int_equal(vs_seal_header_decode(raw, &header, NULL), VS_OK);
	assert_true(life_holds(&maker, slot,
	                       header.release_seq == 1 ? one : other));
}

/* What starts after a cut is a whole release, byte for byte. */
static void assert_starts(void)
{
	struct vs_boot_decision d = life_boot(&maker, VS_RESET_POWER);

	if (d.slot == 0)
		assert_true(life_holds_both(&maker, 'a', &gateway_2,
		                            &controller_2));
	else
		assert_true(life_holds_both(&maker, 'b', &gateway_3,
		                            &controller_3));
}

/* The cut life, then one that is not cut. */
static bool cut_once(bool sick, uint64_t n, enum power_loss loss)
{
	struct life l = new_life(sick);
	bool whole;

	reset();
	whole = live(sick, n, loss);
	assert_footer_is_last("charger/slot-b/gateway", &gateway_1, &gateway_3);
	assert_footer_is_last("charger/slot-b/controller", &controller_1,
	                      &controller_3);
	assert_starts();
	assert_true(life_run(&l));
	assert_end(sick);
	/* At most one cluster, its pack's head and index come twice. */
	if (loss == POWER_TORN)
		assert_true(server.heard->pack_bytes <=
		            once + CONTROLLER_LEN + 200);
	return whole;
}

/* Until the trial begins a sick update is as any other. */
static void cut_at_every_write(bool sick, enum power_loss loss)
{
	uint64_t first = sick ? 40 : 1;
	uint64_t n = first;

	while (!cut_once(sick, n, loss))
		n++;
	print_message("# power was cut at each of %u writes\n",
	              (unsigned)(n - first));
	assert_true(n > 75);
}

static void a_cut_at_every_write_of_an_update_ends_in_it(void **state)
{
	(void)state;
	cut_at_every_write(false, POWER_TORN);
}

static void a_cut_that_keeps_only_the_last_write_does_too(void **state)
{
	(void)state;
	cut_at_every_write(false, POWER_REORDERED);
}

static void a_cut_at_every_write_of_a_sick_one_ends_in_the_old(void **state)
{
	(void)state;
	cut_at_every_write(true, POWER_LOST);
}

/* Power that never lasts is enough, as long as each life gets as far
 * as a few writes beyond the last; what is in the slot is never fetched
 * again.
 */
static void power_that_fails_again_and_again_is_enough(void **state)
{
	static const uint64_t lasts[] = {37, 41, 45};

	(void)state;
	for (size_t i = 0; i < sizeof(lasts) / sizeof(lasts[0]); i++) {
		unsigned lives = 1;

		reset();
		while (!live(false, lasts[i], POWER_TORN)) {
			assert_starts();
			assert_true(++lives < 100);
		}
		print_message("# %u writes a life: %u lives\n",
		              (unsigned)lasts[i], lives);
		assert_true(lives >= 2);
		assert_end(false);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_update_of_two_components_is_installed_and_told),
		cmocka_unit_test(
			a_sick_update_falls_back_and_is_not_tried_again),
		cmocka_unit_test(a_cut_at_every_write_of_an_update_ends_in_it),
		cmocka_unit_test(a_cut_that_keeps_only_the_last_write_does_too),
		cmocka_unit_test(
			a_cut_at_every_write_of_a_sick_one_ends_in_the_old),
		cmocka_unit_test(power_that_fails_again_and_again_is_enough),
	};

	return cmocka_run_group_tests_name("agent update", tests, setup,
	                                   teardown);
}
