/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/install_test.c - from pack to slot: whole, cut, resumed, lied
 * to.  Invariants: a slot with a footer holds just the image; a slot holds
 * no cluster that was not checked.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/install/install.h"
#include "base/file.h"
#include "seal/pack.h"
#include "seal/slot.h"
#include "tests/agent/maker.h"

#define CLUSTERS 6
#define IMAGE_LEN ((CLUSTERS - 1) * (size_t)VS_CLUSTER_LEN + 70001)

static struct maker maker;
static struct made release_1, release_2; /* they differ in clusters 2 and 5 */
static uint8_t slot[MAKER_SLOT_LEN];

static int setup(void **state)
{
	uint8_t *image = malloc(IMAGE_LEN);

	(void)state;
	assert_non_null(image);
	maker_init(&maker);
	noise(image, IMAGE_LEN, 1);
	memset(image + VS_CLUSTER_LEN, 0, VS_CLUSTER_LEN); /* a tiny frame */
	maker_seal(&maker, &release_1, "gateway", 1, 1, image, IMAGE_LEN);
	noise(image + 2 * VS_CLUSTER_LEN + 9, 5000, 2);
	noise(image + IMAGE_LEN - 100, 100, 3);
	maker_seal(&maker, &release_2, "gateway", 2, 1, image, IMAGE_LEN);
	free(image);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	made_drop(&release_1);
	made_drop(&release_2);
	maker_drop(&maker);
	return 0;
}

/* A slot file of its own: zeros, or a copy of another. */
static void open_slot(struct vs_disk *d, const char *name, const char *like,
                      const struct vs_disk_ops *ops)
{
	char path[PATH_MAX];
	char from[PATH_MAX];
	uint8_t *bytes = NULL;
	size_t len;
	int fd;

	maker_path(&maker, name, path);
	if (like && strcmp(like, name) != 0) {
		assert_int_equal(vs_file_read(maker_path(&maker, like, from),
		                              MAKER_SLOT_LEN, &bytes, &len),
		                 VS_OK);
		assert_int_equal(vs_file_replace(path, bytes, len, 0600),
		                 VS_OK);
		free(bytes);
	} else if (!like) {
		unlink(path);
		fd = open(path, O_RDWR | O_CREAT, 0600);
		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, (off_t)MAKER_SLOT_LEN), 0);
		close(fd);
	}
	assert_int_equal(vs_disk_open(d, path, true, ops), VS_OK);
}

static vs_status install(const struct made *r, const struct vs_disk *target,
                         const struct vs_disk *running, struct counted *counted,
                         unsigned workers, struct vs_install_stats *stats,
                         struct vs_why *why)
{
	struct vs_source source;
	struct vs_install in = {.seal = &r->opened,
	                        .target = target,
	                        .running = running,
	                        .source = &source,
	                        .workers = workers};
	uint64_t fail_after = counted->fail_after;

	counted_init(counted, r, &source);
	counted->fail_after = fail_after;
	return vs_install_run(&in, stats, why);
}

static void read_slot(const struct vs_disk *d)
{
	assert_int_equal(vs_file_pread(d->fd, slot, sizeof(slot), 0), VS_OK);
}

static bool has_footer(void)
{
	const uint8_t *raw;
	struct vs_signatures sigs;

	return vs_slot_footer_decode(slot + sizeof(slot) - VS_SLOT_FOOTER_LEN,
	                             &raw, &sigs, NULL) == VS_OK;
}

/* The slot is the release: image, zeros to the block, tree, footer. */
static void assert_holds(const struct vs_disk *d, const struct made *r)
{
	const struct vs_tree *t = &r->opened.tree;
	struct vs_slot_layout layout;
	uint8_t leaves[VS_BLOCK_LEN];

	read_slot(d);
	assert_true(has_footer());
	assert_int_equal(vs_slot_layout(t, sizeof(slot), &layout, NULL), VS_OK);
	assert_memory_equal(slot, r->image, r->image_len);
	for (size_t i = r->image_len; i < layout.tree_at; i++)
		assert_int_equal(slot[i], 0);
	assert_memory_equal(slot + layout.tree_at, r->opened.upper,
	                    t->upper_len);
	for (uint64_t i = 0; t->levels > 0 && i < t->clusters; i++) {
		assert_int_equal(vs_tree_hash_cluster(
					 &maker.crypto, r->opened.header.salt,
					 slot + i * VS_CLUSTER_LEN,
					 vs_tree_cluster_len(t, i), leaves),
		                 VS_OK);
		assert_memory_equal(slot + layout.tree_at +
		                            vs_tree_leaves_at(t, i),
		                    leaves, VS_BLOCK_LEN);
	}
}

static bool all(const uint8_t *bytes, size_t len, const uint8_t *like)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != (like ? like[i] : 0))
			return false;
	return true;
}

/* No footer, and every cluster is the release's, or untouched (zeros). */
static void assert_nothing_unverified(const struct vs_disk *d,
                                      const struct made *r)
{
	read_slot(d);
	assert_false(has_footer());
	for (uint64_t i = 0; i < CLUSTERS; i++) {
		const uint8_t *at = slot + i * VS_CLUSTER_LEN;
		size_t len = vs_tree_cluster_len(&r->opened.tree, i);

		assert_true(all(at, len, r->image + i * VS_CLUSTER_LEN) ||
		            all(at, len, NULL));
	}
}

static void a_fresh_slot_holds_just_the_image(void **state)
{
	for (unsigned workers = 1; workers <= 2; workers++) {
		struct counted counted = {0};
		struct vs_install_stats stats;
		struct vs_disk d;

		(void)state;
		open_slot(&d, "fresh", NULL, NULL);
		assert_int_equal(install(&release_1, &d, NULL, &counted,
		                         workers, &stats, NULL),
		                 VS_OK);
		assert_holds(&d, &release_1);
		assert_int_equal(stats.clusters_fetched, CLUSTERS);
		assert_int_equal(stats.bytes_fetched, release_1.pack_len);
		assert_int_equal(stats.bytes_planned, release_1.pack_len);
		assert_int_equal(counted.requests, 3);
		vs_disk_close(&d);
	}
}

static void images_of_any_length_stand_as_sealed(void **state)
{
	static const size_t lens[] = {1,
	                              4095,
	                              4096,
	                              4097,
	                              VS_CLUSTER_LEN - 1,
	                              VS_CLUSTER_LEN,
	                              VS_CLUSTER_LEN + 1,
	                              3 * VS_CLUSTER_LEN};
	uint8_t *image = malloc(3 * VS_CLUSTER_LEN);

	(void)state;
	assert_non_null(image);
	noise(image, 3 * VS_CLUSTER_LEN, 7);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct counted counted = {0};
		struct vs_install_stats stats;
		struct vs_disk d;
		struct made r;

		maker_seal(&maker, &r, "gateway", 1, 1, image, lens[i]);
		open_slot(&d, "any", NULL, NULL);
		assert_int_equal(
			install(&r, &d, NULL, &counted, 2, &stats, NULL),
			VS_OK);
		assert_holds(&d, &r);
		/* and again: nothing to fetch */
		assert_int_equal(
			install(&r, &d, NULL, &counted, 2, &stats, NULL),
			VS_OK);
		assert_int_equal(stats.bytes_fetched, 0);
		assert_int_equal(stats.clusters_kept, stats.clusters);
		vs_disk_close(&d);
		made_drop(&r);
	}
	free(image);
}

static void what_runs_already_is_copied_not_fetched(void **state)
{
	struct counted counted = {0};
	struct vs_install_stats stats;
	struct vs_disk running, target;

	(void)state;
	open_slot(&running, "running", NULL, NULL);
	open_slot(&target, "target", NULL, NULL);
	assert_int_equal(
		install(&release_1, &running, NULL, &counted, 2, &stats, NULL),
		VS_OK);
	assert_int_equal(install(&release_2, &target, &running, &counted, 2,
	                         &stats, NULL),
	                 VS_OK);
	assert_holds(&target, &release_2);
	assert_holds(&running, &release_1);
	assert_int_equal(stats.clusters_fetched, 2);
	assert_int_equal(stats.clusters_copied, CLUSTERS - 2);
	assert_true(stats.bytes_fetched < release_2.pack_len / 2);
	vs_disk_close(&running);
	vs_disk_close(&target);
}

/* The running slot is as untrusted as a mirror: S0.14 S3.29 */
static void rot_in_the_running_slot_is_fetched_instead(void **state)
{
	struct counted counted = {0};
	struct vs_install_stats stats;
	struct vs_disk running, target;
	uint8_t byte = 0x55;

	(void)state;
	open_slot(&running, "running", NULL, NULL);
	open_slot(&target, "target", NULL, NULL);
	assert_int_equal(
		install(&release_1, &running, NULL, &counted, 2, &stats, NULL),
		VS_OK);
	assert_int_equal(vs_file_pwrite(running.fd, &byte, 1, 12345), VS_OK);
	assert_int_equal(install(&release_2, &target, &running, &counted, 2,
	                         &stats, NULL),
	                 VS_OK);
	assert_holds(&target, &release_2);
	assert_int_equal(stats.clusters_fetched, 3);
	vs_disk_close(&running);
	vs_disk_close(&target);
}

/* S0.1 S3.26 S3.43: power fails at each write in turn, whole or torn; then
 * the install goes on with what stands, and the end is the same.
 */
static void a_cut_at_every_write_resumes_with_only_what_is_missing(void **state)
{
	uint64_t cuts = 0;
	uint64_t least = UINT64_MAX;

	(void)state;
	for (uint64_t n = 1;; n++) {
		struct cut_disk cut;
		struct counted counted = {0};
		struct vs_install_stats stats;
		struct vs_disk d;
		uint64_t first;
		vs_status status;

		cut_disk_init(&cut);
		cut.cut_at = n;
		cut.torn = n % 2 == 0;
		open_slot(&d, "cut", NULL, &cut.ops);
		status = install(&release_1, &d, NULL, &counted, 1, &stats,
		                 NULL);
		first = counted.bytes;
		read_slot(&d);
		if (status == VS_OK)
			break;
		assert_int_equal(status, VS_ERR_IO);
		cuts++;
		cut.cut_at = 0;
		counted = (struct counted){0};
		assert_int_equal(install(&release_1, &d, NULL, &counted, 1,
		                         &stats, NULL),
		                 VS_OK);
		assert_holds(&d, &release_1);
		/* At most the cluster that was under way comes twice. */
		assert_true(first + counted.bytes <=
		            release_1.pack_len + VS_PACK_HEAD_LEN +
		                    4 * CLUSTERS + VS_PACK_FRAME_MAX);
		least = counted.bytes < least ? counted.bytes : least;
		vs_disk_close(&d);
	}
	/* footer away, six clusters with leaves, upper, footer */
	assert_true(cuts >= 1 + 2 * CLUSTERS + 2);
	assert_int_equal(least, 0);
}

static void a_cut_never_leaves_a_footer_over_a_mixed_slot(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 40; n++) {
		struct cut_disk cut;
		struct counted counted = {0};
		struct vs_install_stats stats;
		struct vs_disk d;
		vs_status status;

		cut_disk_init(&cut);
		open_slot(&d, "mixed", NULL, &cut.ops);
		assert_int_equal(install(&release_1, &d, NULL, &counted, 1,
		                         &stats, NULL),
		                 VS_OK);
		cut.cut_at = n;
		cut.writes = 0;
		status = install(&release_2, &d, NULL, &counted, 1, &stats,
		                 NULL);
		read_slot(&d);
		if (status == VS_OK)
			assert_memory_equal(slot, release_2.image, IMAGE_LEN);
		else if (has_footer())
			assert_memory_equal(slot, release_1.image, IMAGE_LEN);
		vs_disk_close(&d);
		if (status == VS_OK)
			return;
	}
	fail_msg("the install never came to its end");
}

static void an_interrupted_download_says_so_and_keeps_what_it_has(void **state)
{
	struct counted counted = {.fail_after = 1200000};
	struct vs_install_stats stats;
	struct vs_why why;
	struct vs_disk d;

	(void)state;
	open_slot(&d, "net", NULL, NULL);
	assert_int_equal(
		install(&release_1, &d, NULL, &counted, 1, &stats, &why),
		VS_ERR_IO);
	assert_int_equal(why.code, VS_REASON_UNREADABLE);
	assert_true(stats.clusters_fetched > 0);
	assert_nothing_unverified(&d, &release_1);
	counted.fail_after = 0;
	assert_int_equal(
		install(&release_1, &d, NULL, &counted, 1, &stats, &why),
		VS_OK);
	assert_true(stats.clusters_kept > 0);
	assert_holds(&d, &release_1);
	vs_disk_close(&d);
}

/* S0.14: another image's frames in a pack that says it is this one's. */
static void a_pack_of_wrong_bytes_is_refused_and_not_written(void **state)
{
	struct made liar = release_1;
	struct counted counted = {0};
	struct vs_install_stats stats;
	struct vs_why why;
	struct vs_disk d;

	(void)state;
	liar.pack = malloc(release_2.pack_len);
	assert_non_null(liar.pack);
	liar.pack_len = release_2.pack_len;
	memcpy(liar.pack, release_2.pack, release_2.pack_len);
	memcpy(liar.pack, release_1.pack, VS_PACK_HEAD_LEN);
	open_slot(&d, "liar", NULL, NULL);
	assert_int_equal(install(&liar, &d, NULL, &counted, 2, &stats, &why),
	                 VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_CLUSTER_MISMATCH);
	assert_nothing_unverified(&d, &release_1);
	vs_disk_close(&d);
	free(liar.pack);
}

static void a_pack_of_another_image_is_refused_at_its_head(void **state)
{
	struct made liar = release_1;
	struct counted counted = {0};
	struct vs_install_stats stats;
	struct vs_why why;
	struct vs_disk d;

	(void)state;
	liar.pack = release_2.pack;
	liar.pack_len = release_2.pack_len;
	open_slot(&d, "liar", NULL, NULL);
	assert_int_equal(install(&liar, &d, NULL, &counted, 2, &stats, &why),
	                 VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_HASH_MISMATCH);
	assert_int_equal(counted.bytes, VS_PACK_HEAD_LEN);
	vs_disk_close(&d);
}

/* A sample of single flipped bytes all over the pack: refused, or harmless
 * because what it decodes to is right all the same.
 */
static void no_flipped_byte_of_a_pack_reaches_the_slot(void **state)
{
	uint8_t *pack = malloc(release_1.pack_len);
	struct made liar = release_1;

	(void)state;
	assert_non_null(pack);
	liar.pack = pack;
	for (size_t at = 0; at < release_1.pack_len;
	     at += at < 200 ? 7 : 180001) {
		struct counted counted = {0};
		struct vs_install_stats stats;
		struct vs_why why = {VS_REASON_NONE, "", 0};
		struct vs_disk d;
		vs_status status;

		memcpy(pack, release_1.pack, release_1.pack_len);
		pack[at] ^= 0x10;
		open_slot(&d, "flip", NULL, NULL);
		status = install(&liar, &d, NULL, &counted, 1, &stats, &why);
		if (status == VS_OK) {
			assert_holds(&d, &release_1);
		} else {
			assert_int_not_equal(why.code, VS_REASON_NONE);
			assert_nothing_unverified(&d, &release_1);
		}
		vs_disk_close(&d);
	}
	free(pack);
}

static void an_image_too_big_for_its_slot_touches_nothing(void **state)
{
	char path[PATH_MAX];
	struct counted counted = {0};
	struct vs_install_stats stats;
	struct vs_why why;
	struct vs_disk d;

	(void)state;
	open_slot(&d, "small", NULL, NULL);
	vs_disk_close(&d);
	assert_int_equal(truncate(maker_path(&maker, "small", path),
	                          (off_t)IMAGE_LEN + 4096),
	                 0);
	open_slot(&d, "small", "small", NULL);
	assert_int_equal(
		install(&release_1, &d, NULL, &counted, 1, &stats, &why),
		VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_TOO_BIG_FOR_SLOT);
	assert_int_equal(counted.requests, 0);
	vs_disk_close(&d);
}

/* A source that reads its frames only once somebody asked to stop. */
struct slow {
	struct counted counted;
	struct vs_source inner;
	_Atomic bool asked;
};

static vs_status slow_open(void *ctx, uint64_t first, uint64_t last)
{
	struct slow *s = ctx;

	return s->inner.open(&s->counted, first, last);
}

static vs_status slow_read(void *ctx, void *out, size_t len)
{
	struct slow *s = ctx;

	while (s->counted.requests > 2 && !s->asked)
		usleep(1000);
	return s->inner.read(&s->counted, out, len);
}

static void slow_close(void *ctx)
{
	struct slow *s = ctx;

	s->inner.close(&s->counted);
}

static bool ask_to_stop(void *ctx, const struct vs_install_stats *so_far)
{
	struct slow *s = ctx;

	assert_true(so_far->clusters_fetched < CLUSTERS);
	s->asked = true;
	return false;
}

static void a_person_can_stop_a_long_install(void **state)
{
	struct slow slow = {.asked = false};
	struct vs_source source = {.ctx = &slow,
	                           .open = slow_open,
	                           .read = slow_read,
	                           .close = slow_close};
	struct vs_install_stats stats;
	struct vs_why why;
	struct vs_disk d;
	struct vs_install in = {.seal = &release_1.opened,
	                        .target = &d,
	                        .source = &source,
	                        .workers = 1,
	                        .tick = ask_to_stop,
	                        .tick_ctx = &slow};

	(void)state;
	counted_init(&slow.counted, &release_1, &slow.inner);
	open_slot(&d, "stop", NULL, NULL);
	assert_int_equal(vs_install_run(&in, &stats, &why), VS_ERR_STATE);
	assert_true(stats.clusters_fetched < CLUSTERS);
	assert_nothing_unverified(&d, &release_1);
	vs_disk_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fresh_slot_holds_just_the_image),
		cmocka_unit_test(images_of_any_length_stand_as_sealed),
		cmocka_unit_test(what_runs_already_is_copied_not_fetched),
		cmocka_unit_test(rot_in_the_running_slot_is_fetched_instead),
		cmocka_unit_test(
			a_cut_at_every_write_resumes_with_only_what_is_missing),
		cmocka_unit_test(a_cut_never_leaves_a_footer_over_a_mixed_slot),
		cmocka_unit_test(
			an_interrupted_download_says_so_and_keeps_what_it_has),
		cmocka_unit_test(
			a_pack_of_wrong_bytes_is_refused_and_not_written),
		cmocka_unit_test(
			a_pack_of_another_image_is_refused_at_its_head),
		cmocka_unit_test(no_flipped_byte_of_a_pack_reaches_the_slot),
		cmocka_unit_test(an_image_too_big_for_its_slot_touches_nothing),
		cmocka_unit_test(a_person_can_stop_a_long_install),
	};

	return cmocka_run_group_tests_name("agent install", tests, setup,
	                                   teardown);
}
