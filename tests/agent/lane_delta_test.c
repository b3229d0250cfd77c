/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/lane_delta_test.c - unpack's end of a delta in this process, so
 * that the sanitizers see it: voltseal-unpack itself is built without them.
 * Invariants: each kind of image comes out; whatever delta, old image and disk
 * are, it comes to an end, and says which.
 *
 * S0.31 S1.17
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/line/lane.h"
#include "tests/agent/specimens.h"

#define KINDS (SPECIMENS - 1)
#define FLIPS 16

static uint8_t frame[VS_LANE_FRAME_LEN], cluster[VS_LANE_CLUSTER_LEN];
static uint8_t out[VS_LANE_CLUSTER_LEN];

/* One kind: both images and the delta. */
struct pair {
	struct bytes was, is, delta;
	FILE *old; /* was, as a slot */
};

static struct pair pairs[SPECIMENS];

static int setup(void **state)
{
	(void)state;
	for (int k = 1; k < SPECIMENS; k++) {
		struct pair *p = &pairs[k];

		p->was = specimen_image((enum specimen)k, false);
		p->is = specimen_image((enum specimen)k, true);
		assert_int_equal(make_delta(&p->was, &p->is, &p->delta, NULL),
		                 VS_OK);
		p->old = tmpfile();
		assert_non_null(p->old);
		assert_int_equal(fwrite(p->was.data, 1, p->was.len, p->old),
		                 p->was.len);
		assert_int_equal(fflush(p->old), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int k = 1; k < SPECIMENS; k++) {
		fclose(pairs[k].old);
		free(pairs[k].was.data);
		free(pairs[k].is.data);
		free(pairs[k].delta.data);
	}
	return 0;
}

/* Unpack, in a thread of its own. */
struct unpack {
	pthread_t thread;
	int fd, old;
	vs_status status;
};

static void *serve(void *ctx)
{
	struct unpack *u = ctx;

	u->status = vs_lane_serve_delta(u->fd, u->old, NULL, frame, cluster);
	close(u->fd);
	return NULL;
}

static void start(struct unpack *u, struct vs_lane *l, FILE *old)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	*l = (struct vs_lane){.fd = pair[0],
	                      .frame = frame,
	                      .cluster = cluster,
	                      .phase = VS_LANE_STARTING,
	                      .answer_ms = 60000};
	*u = (struct unpack){.fd = pair[1], .old = fileno(old)};
	assert_int_equal(pthread_create(&u->thread, NULL, serve, u), 0);
}

/* Disk goes away, or is gone.  Gives what the other side made of it all. */
static vs_status end(struct unpack *u, struct vs_lane *l)
{
	close(l->fd);
	assert_int_equal(pthread_join(u->thread, NULL), 0);
	return u->status;
}

static vs_status feed(void *ctx, void *to, size_t len, size_t *got)
{
	struct bytes *b = ctx;

	*got = b->len - b->at < len ? b->len - b->at : len;
	memcpy(to, b->data + b->at, *got);
	b->at += *got;
	return VS_OK;
}

/* All clusters of it; *right: those that are the new image's. */
static vs_status apply(const struct pair *p, struct bytes *delta,
                       uint64_t old_len, size_t *right, struct vs_why *why)
{
	const struct vs_lane_feed from = {delta, feed};
	struct unpack u;
	struct vs_lane l;
	vs_status status;

	*right = 0;
	delta->at = 0;
	start(&u, &l, p->old);
	assert_int_equal(vs_lane_start(&l), VS_OK);
	status = vs_lane_apply(&l, old_len, &from, why);
	for (size_t at = 0; status == VS_OK && at < p->is.len;
	     at += sizeof(out)) {
		size_t len = p->is.len - at < sizeof(out) ? p->is.len - at
		                                          : sizeof(out);

		status = vs_lane_next(&l, &from, out, len, why);
		*right += status == VS_OK &&
		          memcmp(out, p->is.data + at, len) == 0;
	}
	assert_int_equal(end(&u, &l), VS_OK);
	return status;
}

static size_t clusters_of(const struct pair *p)
{
	return (p->is.len + sizeof(out) - 1) / sizeof(out);
}

static void each_kind_comes_out_cluster_by_cluster(void **state)
{
	(void)state;
	for (int k = 1; k < SPECIMENS; k++) {
		struct pair *p = &pairs[k];
		struct vs_why why = {VS_REASON_NONE, "", 0};
		size_t right;

		if (apply(p, &p->delta, p->was.len, &right, &why) != VS_OK)
			fail_msg("%s: %s", specimen_name((enum specimen)k),
			         why.what);
		assert_int_equal(right, clusters_of(p));
		assert_int_equal(p->delta.at, p->delta.len);
	}
}

/* One bit at a time, or all from there on gone. */
static void a_delta_flipped_or_cut_anywhere_comes_to_an_end(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (int k = 1; k < SPECIMENS; k++)
		for (size_t i = 0; i < 2 * FLIPS; i++) {
			struct pair *p = &pairs[k];
			struct bytes bad = copy_of(&p->delta);
			struct vs_why why = {VS_REASON_NONE, "", 0};
			size_t right, at = p->delta.len * (i / 2) / FLIPS;

			if (i % 2)
				bad.len = at;
			else
				bad.data[at] ^= (uint8_t)(1u << (i / 2) % 8);
			if (apply(p, &bad, p->was.len, &right, &why) == VS_OK)
				assert_int_not_equal(bad.len, 0);
			else
				assert_int_not_equal(why.what[0], '\0');
			wrong += right < clusters_of(p);
			free(bad.data);
		}
	print_message("# %u of %u of no use\n", wrong,
	              (unsigned)(2 * FLIPS * KINDS));
	assert_true(wrong > FLIPS * KINDS);
}

/* The slot ends before its image does. */
static void an_old_slot_that_cannot_be_read_is_called_that(void **state)
{
	struct pair *p = &pairs[SPECIMEN_EXT4];
	struct pair cut = {.is = p->is, .old = tmpfile()};
	struct vs_why why = {VS_REASON_NONE, "", 0};
	size_t right;

	(void)state;
	assert_non_null(cut.old);
	assert_int_equal(fwrite(p->was.data, 1, 20000, cut.old), 20000);
	assert_int_equal(fflush(cut.old), 0);
	assert_int_equal(apply(&cut, &p->delta, p->was.len, &right, &why),
	                 VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_UNREADABLE);
	assert_string_equal(why.what, "the running slot cannot be read");
	/* of another length it is another image */
	assert_int_equal(apply(p, &p->delta, p->was.len - 1, &right, &why),
	                 VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_MALFORMED);
	fclose(cut.old);
}

static void say(int fd, uint32_t what, uint32_t frame_len, uint32_t want)
{
	const uint32_t words[VS_LANE_QUESTION] = {what, 1, frame_len, want};

	assert_int_equal(send(fd, words, sizeof(words), MSG_NOSIGNAL),
	                 sizeof(words));
}

/* S1.17: disk is believed by unpack no more than it believes. */
static void disk_may_ask_only_what_the_table_has(void **state)
{
	static const struct {
		uint32_t what, frame_len, want;
	} first[] = {
		{VS_REQUEST_NEXT,    0,       1},
                {VS_REQUEST_FED,     1,       0},
		{VS_REQUEST_DECODE,  1,       1},
                {VS_REQUEST_DECODED, 0,       0},
		{VS_REQUEST_APPLY,   1 << 20, 0}, /* and then FED too much */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		struct unpack u;
		struct vs_lane l;

		start(&u, &l, pairs[SPECIMEN_EXT4].old);
		assert_int_equal(vs_lane_start(&l), VS_OK);
		say(l.fd, first[i].what, first[i].frame_len, first[i].want);
		if (first[i].what == VS_REQUEST_APPLY)
			say(l.fd, VS_REQUEST_FED, VS_LANE_FRAME_LEN + 1, 0);
		assert_int_equal(pthread_join(u.thread, NULL), 0);
		assert_int_equal(u.status, VS_ERR_INPUT);
		close(l.fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_comes_out_cluster_by_cluster),
		cmocka_unit_test(
			a_delta_flipped_or_cut_anywhere_comes_to_an_end),
		cmocka_unit_test(
			an_old_slot_that_cannot_be_read_is_called_that),
		cmocka_unit_test(disk_may_ask_only_what_the_table_has),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
