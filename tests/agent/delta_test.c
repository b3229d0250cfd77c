/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/delta_test.c - an install by a delta, with the real
 * voltseal-unpack.  Invariants: the slot holds the release and nothing else,
 * whatever the delta is; what was right of it is not fetched again.
 *
 * S0.31 S1.17
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/file.h"
#include "delta/head.h"
#include "seal/pack.h"
#include "seal/slot.h"
#include "tests/agent/delta_maker.h"
#include "tests/agent/specimens.h"

#define CLUSTERS 4
#define IMAGE_LEN ((CLUSTERS - 1) * (size_t)VS_CLUSTER_LEN + 70001)

static struct maker maker;
static struct made old, new, other;
static uint8_t *delta, *elsewhere; /* from old to new, and to other */
static size_t delta_len, elsewhere_len;
static uint8_t slot[MAKER_SLOT_LEN];
static struct counted counted;
static struct vs_install_stats stats;
static struct vs_why why;

/* Noise, of which each cluster but the second changes in some places. */
static int setup(void **state)
{
	uint8_t *image = malloc(IMAGE_LEN);

	(void)state;
	assert_non_null(image);
	maker_init(&maker);
	noise(image, IMAGE_LEN, 1);
	maker_seal(&maker, &old, "gateway", 1, 1, image, IMAGE_LEN);
	noise(image + 9000, 3000, 2);
	noise(image + 2 * VS_CLUSTER_LEN + 9, 5000, 3);
	noise(image + IMAGE_LEN - 100, 100, 4);
	maker_seal(&maker, &new, "gateway", 2, 1, image, IMAGE_LEN);
	noise(image + 100000, 7000, 5);
	maker_seal(&maker, &other, "gateway", 3, 1, image, IMAGE_LEN);
	free(image);
	delta = delta_make(&old, &new, &delta_len);
	elsewhere = delta_make(&old, &other, &elsewhere_len);
	assert_true(delta_len < 20000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(delta);
	free(elsewhere);
	made_drop(&old);
	made_drop(&new);
	made_drop(&other);
	maker_drop(&maker);
	return 0;
}

static void fresh_slot(const char *name)
{
	char path[PATH_MAX];
	int fd;

	unlink(maker_path(&maker, name, path));
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)MAKER_SLOT_LEN), 0);
	close(fd);
}

static void open_slot(struct vs_disk *d, const char *name, bool write,
                      const struct vs_disk_ops *ops)
{
	char path[PATH_MAX];

	assert_int_equal(
		vs_disk_open(d, maker_path(&maker, name, path), write, ops),
		VS_OK);
}

/* "running" holds old, "target" nothing. */
static void make_slots(void)
{
	fresh_slot("running");
	fresh_slot("target");
	maker_fill_slot(&maker, "running", &old);
}

struct given {
	const uint8_t *delta;
	size_t len;
	uint64_t pack_len; /* as the metadata say */
	unsigned breaks;
	bool never_full;
	const struct vs_disk_ops *ops;
};

/* Brings a release into target, which is as it is. */
static vs_status install_of(const struct made *release, const struct given *g)
{
	struct vs_source source;
	struct vs_disk target, running;
	struct vs_install in = {.seal = &release->opened,
	                        .target = &target,
	                        .running = &running,
	                        .source = &source,
	                        .pack_len = g->pack_len,
	                        .never_full = g->never_full};
	vs_status status;

	counted_init(&counted, release, &source);
	counted.delta = g->delta;
	counted.delta_len = g->len;
	counted.breaks = g->breaks;
	counted.break_each = 6000;
	open_slot(&target, "target", true, g->ops);
	open_slot(&running, "running", false, NULL);
	memset(&stats, 0, sizeof(stats));
	status = vs_install_run(&in, &stats, &why);
	vs_disk_close(&running);
	vs_disk_close(&target);
	return status;
}

static vs_status install(const struct given *g)
{
	return install_of(&new, g);
}

static void assert_holds(const struct made *release)
{
	const uint8_t *raw;
	struct vs_signatures sigs;
	struct vs_disk d;

	open_slot(&d, "target", false, NULL);
	assert_int_equal(vs_file_pread(d.fd, slot, sizeof(slot), 0), VS_OK);
	vs_disk_close(&d);
	assert_memory_equal(slot, release->image, release->image_len);
	assert_int_equal(vs_slot_footer_decode(slot + MAKER_SLOT_LEN -
	                                               VS_SLOT_FOOTER_LEN,
	                                       &raw, &sigs, NULL),
	                 VS_OK);
	assert_memory_equal(raw, release->seal, VS_SEAL_HEADER_LEN);
}

static void assert_holds_new(void)
{
	assert_holds(&new);
}

/* Writes of the last cluster's zeros and leaves are none. */
static unsigned written(const struct cut_disk *d)
{
	unsigned sum = 0;

	for (size_t i = 0; i < CLUSTERS; i++)
		sum += d->clusters[i];
	return sum;
}

/* What cluster i takes in a pack. */
static size_t frame_len(const struct made *r, uint64_t i)
{
	struct vs_pack_head head;
	struct vs_pack_index index;
	size_t len;

	assert_int_equal(vs_pack_head_decode(r->pack, &head, NULL), VS_OK);
	assert_int_equal(vs_pack_index_decode(&head, r->pack + VS_PACK_HEAD_LEN,
	                                      vs_pack_index_len(&head) -
	                                              VS_PACK_HEAD_LEN,
	                                      &index, NULL),
	                 VS_OK);
	len = (size_t)(index.at[i + 1] - index.at[i]);
	vs_pack_index_drop(&index);
	return len;
}

static struct given right(void)
{
	return (struct given){
		.delta = delta, .len = delta_len, .pack_len = new.pack_len};
}

/* S0.31 */
static void a_delta_costs_what_changed(void **state)
{
	struct given g = right();
	struct cut_disk disk;

	(void)state;

	cut_disk_init(&disk);
	g.ops = &disk.ops;
	make_slots();
	assert_int_equal(install(&g), VS_OK);
	assert_holds_new();
	assert_int_equal(stats.clusters_copied, 1);
	assert_int_equal(stats.clusters_rebuilt, 3);
	assert_int_equal(stats.clusters_fetched, 0);
	assert_int_equal(stats.deltas_dropped, 0);
	assert_true(counted.bytes <= delta_len);
	assert_int_equal(written(&disk), CLUSTERS);
	assert_int_equal(stats.bytes_fetched, counted.bytes);
	assert_true(stats.requests <= 2);
}

/* S0.31: a program of which hundreds of pieces are elsewhere, so that unpack
 * does all that it ever does with what the kernel leaves it.
 */
static void a_program_in_many_pieces_comes_out_too(void **state)
{
	struct bytes was = specimen_program(false), is = copy_of(&was);
	const size_t piece = 48, from = 4096, count = 200;
	struct given g = {.delta = NULL};
	struct made before, after;
	uint8_t *bytes;

	(void)state;
	assert_true(was.len > from + piece * count);
	for (size_t i = 0; i < count; i++)
		memcpy(is.data + from + i * piece,
		       was.data + from + i * 77 % count * piece, piece);
	maker_seal(&maker, &before, "gateway", 1, 1, was.data, was.len);
	maker_seal(&maker, &after, "gateway", 2, 1, is.data, is.len);
	bytes = delta_make(&before, &after, &g.len);
	g.delta = bytes;
	make_slots();
	fresh_slot("running");
	maker_fill_slot(&maker, "running", &before);
	assert_int_equal(install_of(&after, &g), VS_OK);
	assert_holds(&after);
	if (stats.deltas_dropped > 0)
		fail_msg("%s", stats.delta_why.what);
	assert_int_equal(stats.clusters_rebuilt, 1);
	free(bytes);
	made_drop(&before);
	made_drop(&after);
	free(was.data);
	free(is.data);
}

static void assert_dropped(const struct given *g)
{
	make_slots();
	assert_int_equal(install(g), VS_OK);
	assert_holds_new();
	assert_int_equal(stats.clusters_copied, 1);
	assert_int_equal(stats.clusters_rebuilt + stats.clusters_fetched, 3);
}

/* S0.31: what is cut off, or one bit another, costs the rest of it. */
static void a_delta_that_is_cut_or_flipped_ends_in_clusters(void **state)
{
	struct given g = right();
	uint8_t *wrong = malloc(delta_len);
	unsigned dropped = 0;

	(void)state;
	assert_non_null(wrong);
	g.delta = wrong;
	for (unsigned i = 0; i < 24; i++) {
		size_t at = i < 6 ? i * 25 : delta_len * i / 24;

		memcpy(wrong, delta, delta_len);
		g.len = at;
		if (at > 0) {
			assert_dropped(&g);
			assert_true(stats.clusters_fetched > 0);
			assert_int_equal(stats.deltas_dropped, 1);
		}
		wrong[at] ^= (uint8_t)(1u << (i % 8));
		g.len = delta_len;
		assert_dropped(&g);
		assert_int_equal(stats.deltas_dropped > 0,
		                 stats.clusters_fetched > 0);
		dropped += stats.deltas_dropped > 0;
		/* the roots in its head are nobody's business */
		assert_true(dropped > 0 || at >= 32 || at < 8);
	}
	assert_true(dropped > 16);
	free(wrong);
}

/* S0.31: of another pair, of two, of none, and one that asks for all. */
static void a_delta_that_lies_ends_in_clusters(void **state)
{
	struct given g = right();
	uint8_t *wrong = malloc(delta_len + elsewhere_len);
	size_t len;

	(void)state;
	assert_non_null(wrong);
	g.delta = elsewhere;
	g.len = elsewhere_len;
	assert_dropped(&g);
	assert_int_equal(stats.deltas_dropped, 1);
	assert_true(stats.delta_why.what[0] != '\0');
	memcpy(wrong, delta, delta_len / 2);
	memcpy(wrong + delta_len / 2, elsewhere + delta_len / 2,
	       delta_len - delta_len / 2);
	g.delta = wrong;
	g.len = delta_len;
	assert_dropped(&g);
	assert_int_equal(stats.deltas_dropped, 1);
	noise(wrong, delta_len, 99);
	assert_dropped(&g);
	assert_int_equal(stats.clusters_rebuilt, 0);
	memcpy(wrong, delta, 128);
	assert_dropped(&g);
	free(wrong);
	g.delta = wrong = delta_bomb(&old, &new, &len);
	g.len = len;
	g.pack_len = 16 << 20;
	assert_dropped(&g);
	assert_int_equal(stats.deltas_dropped, 1);
	free(wrong);
}

/* At the first cluster that does not hash right: of a delta that goes on for
 * a hundred thousand bytes no more comes than was under way.
 */
static void nothing_more_is_asked_of_a_wrong_delta(void **state)
{
	struct given g = right();
	struct cut_disk disk;
	struct made wrong, good;
	uint8_t *image = malloc(IMAGE_LEN), *bytes;
	size_t index = VS_PACK_HEAD_LEN + 4 * CLUSTERS;

	(void)state;
	assert_non_null(image);
	memcpy(image, new.image, IMAGE_LEN);
	noise(image + 2 * VS_CLUSTER_LEN, 100000, 6);
	maker_seal(&maker, &good, "gateway", 4, 1, image, IMAGE_LEN);
	image[9500] ^= 1;
	maker_seal(&maker, &wrong, "gateway", 5, 1, image, IMAGE_LEN);
	bytes = delta_make(&old, &wrong, &g.len);
	assert_true(g.len > 100000);
	g.delta = bytes;
	cut_disk_init(&disk);
	g.ops = &disk.ops;
	make_slots();
	assert_int_equal(install_of(&good, &g), VS_OK);
	assert_holds(&good);
	assert_int_equal(stats.deltas_dropped, 1);
	assert_int_equal(stats.clusters_fetched, 3);
	/* the first cluster's 3000 bytes of noise, and two handfuls */
	assert_true(counted.delta_bytes < 3000 + 2 * VS_LANE_FEED_LEN);
	assert_int_equal(counted.bytes - counted.delta_bytes,
	                 index + frame_len(&good, 0) + frame_len(&good, 2) +
	                         frame_len(&good, 3));
	assert_int_equal(written(&disk), CLUSTERS);
	free(bytes);
	made_drop(&good);
	made_drop(&wrong);
	free(image);
}

/* S0.31: the library that packs here says another version of itself. */
static void a_delta_for_another_packer_says_so(void **state)
{
	struct bytes was = specimen_image(SPECIMEN_ZSTD, false);
	struct bytes is = specimen_image(SPECIMEN_ZSTD, true);
	struct given g = {.pack_len = 0};
	struct made from, to;
	uint8_t *bytes;

	(void)state;
	maker_seal(&maker, &from, "gateway", 1, 1, was.data, was.len);
	maker_seal(&maker, &to, "gateway", 2, 1, is.data, is.len);
	bytes = delta_make(&from, &to, &g.len);
	assert_int_equal(bytes[10], VS_DELTA_UNITS);
	g.delta = bytes;
	g.pack_len = to.pack_len;
	for (int i = 0; i < 2; i++) {
		make_slots();
		fresh_slot("running");
		maker_fill_slot(&maker, "running", &from);
		assert_int_equal(install_of(&to, &g), VS_OK);
		assert_holds(&to);
		assert_int_equal(stats.deltas_dropped, i);
		assert_int_equal(stats.clusters_rebuilt > 0, i == 0);
		bytes[96] ^= 1; /* packer */
	}
	assert_int_equal(stats.delta_why.code, VS_REASON_OTHER_PACKER);
	assert_string_equal(
		stats.delta_why.what,
		"the delta needs another version of the library that packs");
	/* nothing of it was decoded */
	assert_true(counted.delta_bytes <= 4096 + VS_LANE_FEED_LEN);
	free(bytes);
	made_drop(&from);
	made_drop(&to);
	free(was.data);
	free(is.data);
}

/* The first cluster of other is new's: it is kept, and so is the rest. */
static void what_was_right_of_a_wrong_delta_is_kept(void **state)
{
	struct given g = right();
	struct cut_disk disk;
	uint8_t *late;
	size_t len;
	struct made third;
	uint8_t *image = malloc(IMAGE_LEN);

	(void)state;
	assert_non_null(image);
	memcpy(image, new.image, IMAGE_LEN);
	image[IMAGE_LEN - 1] ^= 1;
	maker_seal(&maker, &third, "gateway", 4, 1, image, IMAGE_LEN);
	late = delta_make(&old, &third, &len);
	g.delta = late;
	g.len = len;
	cut_disk_init(&disk);
	g.ops = &disk.ops;
	assert_dropped(&g);
	assert_int_equal(stats.clusters_rebuilt, 2);
	assert_int_equal(stats.clusters_fetched, 1);
	assert_int_equal(stats.deltas_dropped, 1);
	/* neither fetched nor written again */
	assert_int_equal(counted.bytes - counted.delta_bytes,
	                 VS_PACK_HEAD_LEN + 4 * CLUSTERS +
	                         frame_len(&new, CLUSTERS - 1));
	assert_int_equal(written(&disk), CLUSTERS);
	free(late);
	made_drop(&third);
	free(image);
}

/* A broken old slot is input as well. */
static void an_old_slot_that_decayed_ends_in_clusters(void **state)
{
	struct given g = right();
	char path[PATH_MAX];
	uint8_t byte = 0;
	int fd;

	(void)state;
	make_slots();
	fd = open(maker_path(&maker, "running", path), O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(vs_file_pread(fd, &byte, 1, 20000), VS_OK);
	byte ^= 4;
	assert_int_equal(vs_file_pwrite(fd, &byte, 1, 20000), VS_OK);
	close(fd);
	assert_int_equal(install(&g), VS_OK);
	assert_holds_new();
	assert_int_equal(stats.deltas_dropped, 1);
	assert_int_equal(stats.clusters_fetched, 3);
}

static void the_cheaper_way_is_chosen(void **state)
{
	struct given g = right();
	uint64_t clusters;
	uint8_t *zeros = calloc(1, 4 << 20);

	(void)state;
	/* none there */
	g.delta = NULL;
	make_slots();
	assert_int_equal(install(&g), VS_OK);
	assert_int_equal(counted.deltas_asked, 1);
	assert_int_equal(stats.clusters_fetched, 3);
	clusters = counted.bytes;
	/* longer than the clusters */
	g.delta = zeros;
	g.len = clusters + 1;
	make_slots();
	assert_int_equal(install(&g), VS_OK);
	assert_int_equal(counted.delta_bytes, 0);
	assert_int_equal(stats.clusters_fetched, 3);
	/* nobody says how long the pack is: its index does */
	g = right();
	g.pack_len = 0;
	make_slots();
	assert_int_equal(install(&g), VS_OK);
	assert_int_equal(stats.clusters_rebuilt, 3);
	assert_true(counted.bytes < delta_len + 200);
	/* there by now: nothing is asked */
	assert_int_equal(install(&g), VS_OK);
	assert_int_equal(counted.requests + counted.deltas_asked, 0);
	free(zeros);
}

/* Nothing stands anywhere, and a delta from what runs would cost more. */
static void where_nothing_stands_the_whole_pack_comes(void **state)
{
	struct given g = right();
	struct made changed;
	uint8_t *zeros = calloc(1, 4 << 20), *all = malloc(IMAGE_LEN);

	(void)state;
	assert_true(zeros && all);
	noise(all, IMAGE_LEN, 9);
	maker_seal(&maker, &changed, "gateway", 1, 1, all, IMAGE_LEN);
	make_slots();
	fresh_slot("running");
	maker_fill_slot(&maker, "running", &changed);
	g.delta = zeros;
	g.len = new.pack_len + 1;
	assert_int_equal(install(&g), VS_OK);
	assert_holds_new();
	assert_int_equal(stats.clusters_fetched, CLUSTERS);
	assert_int_equal(counted.delta_bytes, 0);
	assert_int_equal(counted.bytes, new.pack_len);
	assert_int_equal(stats.bytes_planned, new.pack_len);
	made_drop(&changed);
	free(all);
	free(zeros);
}

/* What all clusters cost together says little of the missing ones. */
static void a_delta_near_the_estimate_is_weighed_against_the_index(void **state)
{
	struct given g = right();
	uint8_t *zeros = calloc(1, 4 << 20);

	(void)state;
	assert_non_null(zeros);
	g.delta = zeros;
	g.pack_len = 8 << 20; /* as if the others were longer */
	g.len = new.pack_len;
	make_slots();
	assert_int_equal(install(&g), VS_OK);
	assert_int_equal(counted.delta_bytes, 0);
	assert_int_equal(stats.clusters_fetched, 3);
	assert_int_equal(stats.deltas_dropped, 0);
	free(zeros);
}

/* S2.6: a policy of never fetching a whole pack forbids no delta. */
static void a_delta_is_no_full_download(void **state)
{
	struct given g = right();
	struct vs_disk d;
	uint8_t *all = malloc(IMAGE_LEN);
	struct made changed;
	size_t len;
	uint8_t *wide;

	(void)state;
	assert_non_null(all);
	/* an old image of which no cluster is new's */
	memcpy(all, new.image, IMAGE_LEN);
	for (size_t i = 0; i < CLUSTERS; i++)
		all[i * VS_CLUSTER_LEN + 77] ^= 1;
	maker_seal(&maker, &changed, "gateway", 1, 1, all, IMAGE_LEN);
	wide = delta_make(&changed, &new, &len);
	make_slots();
	fresh_slot("running");
	maker_fill_slot(&maker, "running", &changed);
	g.never_full = true;
	g.delta = wide;
	g.len = len;
	assert_int_equal(install(&g), VS_OK);
	assert_holds_new();
	assert_int_equal(stats.clusters_rebuilt, CLUSTERS);
	/* and a wrong one leads to none */
	fresh_slot("target");
	wide[len / 2] ^= 1;
	g.len = 140;
	assert_int_equal(install(&g), VS_ERR_STATE);
	assert_int_equal(why.code, VS_REASON_NOT_ALLOWED);
	assert_int_equal(stats.clusters_fetched, 0);
	open_slot(&d, "target", false, NULL);
	vs_disk_close(&d);
	free(wide);
	made_drop(&changed);
	free(all);
}

/* S0.18: what came is not asked for again; what breaks on and on is no
 * reason for a whole pack.
 */
static void a_link_that_breaks_is_taken_up_where_it_broke(void **state)
{
	struct given g = right();

	(void)state;
	g.breaks = 2;
	make_slots();
	assert_int_equal(install(&g), VS_OK);
	assert_holds_new();
	assert_int_equal(stats.clusters_rebuilt, 3);
	assert_true(counted.bytes <= delta_len);
	assert_true(counted.deltas_asked >= 3);
	g.breaks = 1000;
	make_slots();
	assert_int_equal(install(&g), VS_ERR_IO);
	assert_int_equal(stats.clusters_fetched, 0);
	assert_int_equal(stats.deltas_dropped, 0);
}

/* Clusters that stand with their leaves after so many writes: one removes the
 * footer, then come the copied one and those of the delta, in two writes each
 * but the last, which has zeros behind it.
 */
static uint64_t whole_after(uint64_t writes)
{
	uint64_t done = writes > 0 ? (writes - 1) / 2 : 0;

	if (done < CLUSTERS - 1)
		return done;
	return writes < 2 + 2 * CLUSTERS ? CLUSTERS - 1 : CLUSTERS;
}

/* S0.18: cut at each write, it is decoded again and what stands is neither
 * written again nor fetched.
 */
static void a_cut_at_any_write_is_gone_on_from(void **state)
{
	struct given g = right();
	struct cut_disk cut;
	uint64_t writes;

	(void)state;
	cut_disk_init(&cut);
	g.ops = &cut.ops;
	cut.cut_at = 1000;
	make_slots();
	assert_int_equal(install(&g), VS_OK);
	writes = cut.writes;
	/* and the tree above the leaves, and the footer */
	assert_int_equal(writes, 1 + 2 * CLUSTERS + 1 + 2);
	for (uint64_t n = 1; n <= writes; n++) {
		struct cut_disk again;

		make_slots();
		cut_disk_init(&cut);
		cut.cut_at = n;
		cut.torn = n % 2;
		g.ops = &cut.ops;
		assert_int_not_equal(install(&g), VS_OK);
		cut_disk_init(&again);
		g.ops = &again.ops;
		assert_int_equal(install(&g), VS_OK);
		assert_holds_new();
		assert_int_equal(stats.clusters_fetched, 0);
		assert_int_equal(stats.clusters_kept, whole_after(n - 1));
		assert_int_equal(written(&again),
		                 CLUSTERS - stats.clusters_kept);
		for (size_t i = 0; i < CLUSTERS; i++)
			assert_true(again.clusters[i] <= 1);
		assert_int_equal(counted.delta_bytes > 0,
		                 stats.clusters_rebuilt > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delta_costs_what_changed),
		cmocka_unit_test(a_program_in_many_pieces_comes_out_too),
		cmocka_unit_test(
			a_delta_that_is_cut_or_flipped_ends_in_clusters),
		cmocka_unit_test(a_delta_that_lies_ends_in_clusters),
		cmocka_unit_test(nothing_more_is_asked_of_a_wrong_delta),
		cmocka_unit_test(a_delta_for_another_packer_says_so),
		cmocka_unit_test(what_was_right_of_a_wrong_delta_is_kept),
		cmocka_unit_test(an_old_slot_that_decayed_ends_in_clusters),
		cmocka_unit_test(the_cheaper_way_is_chosen),
		cmocka_unit_test(where_nothing_stands_the_whole_pack_comes),
		cmocka_unit_test(
			a_delta_near_the_estimate_is_weighed_against_the_index),
		cmocka_unit_test(a_delta_is_no_full_download),
		cmocka_unit_test(a_link_that_breaks_is_taken_up_where_it_broke),
		cmocka_unit_test(a_cut_at_any_write_is_gone_on_from),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
