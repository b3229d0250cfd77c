/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/state_test.c - moves, what is persisted of them, the outbox.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/state/state.h"

/* A disk that keeps the last state, and fails from the n-th save on. */
struct disk {
	char *bytes;
	size_t len;
	int saves, fail_at;
};

static vs_status save(void *ctx, const void *bytes, size_t len)
{
	struct disk *d = ctx;

	if (d->fail_at && ++d->saves >= d->fail_at)
		return VS_ERR_IO;
	free(d->bytes);
	d->bytes = malloc(len);
	assert_non_null(d->bytes);
	memcpy(d->bytes, bytes, len);
	d->len = len;
	return VS_OK;
}

static struct vs_state *new_state(enum vs_phase phase)
{
	struct vs_state *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->phase = phase;
	s->campaign_seq = 7;
	return s;
}

static void a_move_that_is_not_in_the_table_changes_nothing(void **state)
{
	const struct vs_move_info none = {.reason = VS_REASON_NONE};
	int allowed = 0;

	(void)state;
	for (int p = 0; p < VS_PHASE_COUNT; p++) {
		for (int e = 0; e < VS_EVENT_COUNT; e++) {
			struct disk disk = {0};
			struct vs_state_io io = {&disk, save};
			struct vs_state *s = new_state((enum vs_phase)p);
			const struct vs_move *m = vs_phase_next(
				(enum vs_phase)p, (enum vs_event)e);
			vs_status status =
				vs_state_move(s, &io, (enum vs_event)e, &none);

			if (m) {
				assert_int_equal(status, VS_OK);
				assert_int_equal(s->phase, m->to);
				allowed++;
			} else {
				assert_int_equal(status, VS_ERR_STATE);
				assert_int_equal(s->phase, p);
				assert_null(disk.bytes);
			}
			free(disk.bytes);
			free(s);
		}
	}
	/* Of 160 pairs; a new row belongs in this number too. */
	assert_int_equal(allowed, 34);
}

/* A trial must not be reached but by the loader's word, nor GOOD but after
 * health: S0.17
 */
static void only_the_loader_starts_a_trial_and_only_health_ends_it(void **state)
{
	(void)state;
	for (int p = 0; p < VS_PHASE_COUNT; p++) {
		for (int e = 0; e < VS_EVENT_COUNT; e++) {
			const struct vs_move *m = vs_phase_next(
				(enum vs_phase)p, (enum vs_event)e);

			if (m && m->to == VS_PHASE_TRIAL)
				assert_int_equal(e, VS_EVENT_TRIED);
			if (m && m->to == VS_PHASE_COMMITTING)
				assert_int_equal(e, VS_EVENT_HEALTHY);
			if (m && m->to == VS_PHASE_ARMING)
				assert_int_equal(e, VS_EVENT_OPENED);
			if (m && m->status &&
			    strcmp(m->status, "Installed") == 0)
				assert_int_equal(e, VS_EVENT_COMMITTED);
		}
	}
}

static void a_move_is_on_disk_before_it_is_made(void **state)
{
	const struct vs_move_info info = {.reason = VS_REASON_NONE};
	struct disk disk = {.fail_at = 1};
	struct vs_state_io io = {&disk, save};
	struct vs_state *s = new_state(VS_PHASE_WAITING);
	struct vs_state *read = new_state(VS_PHASE_IDLE);
	struct vs_why why;

	(void)state;
	assert_int_equal(vs_state_move(s, &io, VS_EVENT_OPENED, &info),
	                 VS_ERR_IO);
	assert_int_equal(s->phase, VS_PHASE_WAITING);
	assert_int_equal(s->outbox.count, 0);
	disk.fail_at = 0;
	assert_int_equal(vs_state_move(s, &io, VS_EVENT_OPENED, &info), VS_OK);
	assert_int_equal(vs_state_decode(disk.bytes, disk.len, read, &why),
	                 VS_OK);
	assert_int_equal(read->phase, VS_PHASE_ARMING);
	assert_int_equal(read->outbox.count, 1);
	assert_string_equal(read->outbox.notes[0].status, "Installing");
	assert_int_equal(read->outbox.notes[0].campaign_seq, 7);
	free(disk.bytes);
	free(read);
	free(s);
}

static void fill(struct vs_state *s)
{
	struct vs_news note = {.status = "InvalidSignature",
	                       .phase = "Idle",
	                       .reason = VS_REASON_ROLLBACK,
	                       .about = "director/timestamp.json",
	                       .detail = "version went down",
	                       .campaign_seq = 3,
	                       .bundle = true,
	                       .time_s = 99};

	s->target = 1;
	s->bundle = true;
	s->part_count = 1;
	snprintf(s->parts[0].component, sizeof(s->parts[0].component), "gw");
	snprintf(s->parts[0].path, sizeof(s->parts[0].path), "gw/a.seal");
	memset(s->parts[0].sha256, 'a', 64);
	snprintf(s->parts[0].version, sizeof(s->parts[0].version), "1.0");
	s->parts[0].release_seq = 9;
	s->reason = VS_REASON_HEALTH_FAILED;
	snprintf(s->detail, sizeof(s->detail), "10-web: \"down\" \\ again");
	s->bytes_fetched = 5;
	s->bytes_total = 6;
	snprintf(s->paths[1][0], sizeof(s->paths[1][0]), "gw/a.seal");
	assert_int_equal(vs_state_add_failed(s), VS_OK);
	assert_true(vs_outbox_add(&s->outbox, &note));
}

static void what_is_encoded_decodes_to_the_same(void **state)
{
	struct vs_state *s = new_state(VS_PHASE_DOWNLOADING);
	struct vs_state *read = new_state(VS_PHASE_IDLE);
	struct vs_why why;
	char *text;
	size_t len;

	(void)state;
	fill(s);
	assert_int_equal(vs_state_encode(s, &text, &len), VS_OK);
	assert_int_equal(vs_state_decode(text, len, read, &why), VS_OK);
	assert_memory_equal(s, read, sizeof(*s));
	free(text);
	free(read);
	free(s);
}

static void no_cut_state_file_is_taken_for_a_state(void **state)
{
	struct vs_state *s = new_state(VS_PHASE_TRIAL);
	struct vs_state *read = new_state(VS_PHASE_IDLE);
	struct vs_why why;
	char *text;
	size_t len;

	(void)state;
	fill(s);
	assert_int_equal(vs_state_encode(s, &text, &len), VS_OK);
	for (size_t n = 0; n + 1 < len; n++)
		assert_int_not_equal(vs_state_decode(text, n, read, &why),
		                     VS_OK);
	free(text);
	free(read);
	free(s);
}

static void a_refusal_is_told_once_until_something_changes(void **state)
{
	const struct vs_move_info refused = {.reason = VS_REASON_EXPIRED,
	                                     .about = "director/timestamp.json",
	                                     .detail = "past its time",
	                                     .now_s = 1};
	struct disk disk = {0};
	struct vs_state_io io = {&disk, save};
	struct vs_state *s = new_state(VS_PHASE_IDLE);

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(
			vs_state_move(s, &io, VS_EVENT_REFUSED, &refused),
			VS_OK);
	assert_int_equal(s->outbox.count, 1);
	assert_int_equal(s->outbox.notes[0].reason, VS_REASON_EXPIRED);
	vs_outbox_settle(&s->outbox);
	assert_int_equal(vs_state_move(s, &io, VS_EVENT_REFUSED, &refused),
	                 VS_OK);
	assert_int_equal(s->outbox.count, 2);
	assert_int_equal(s->outbox.seen_count, 1);
	free(disk.bytes);
	free(s);
}

static void two_refusals_in_turn_are_two_and_no_more(void **state)
{
	struct vs_outbox *o = calloc(1, sizeof(*o));
	struct vs_news note = {.reason = VS_REASON_ROLLBACK, .about = "a"};
	struct vs_news other = {.reason = VS_REASON_ROLLBACK, .about = "b"};

	(void)state;
	assert_non_null(o);
	for (int i = 0; i < 9; i++) {
		assert_int_equal(vs_outbox_add(o, &note), i == 0);
		assert_int_equal(vs_outbox_add(o, &other), i == 0);
	}
	assert_int_equal(o->count, 2);
	free(o);
}

static void a_full_outbox_loses_its_oldest_and_counts_it(void **state)
{
	struct vs_outbox *o = calloc(1, sizeof(*o));
	struct vs_news note = {.status = "Downloading"};

	(void)state;
	assert_non_null(o);
	for (uint64_t i = 0; i < VS_OUTBOX_MAX + 3; i++) {
		note.time_s = i;
		assert_true(vs_outbox_add(o, &note));
	}
	assert_int_equal(o->count, VS_OUTBOX_MAX);
	assert_int_equal(o->dropped, 3);
	assert_int_equal(o->notes[0].time_s, 3);
	vs_outbox_pop(o);
	assert_int_equal(o->notes[0].time_s, 4);
	free(o);
}

static void a_set_that_failed_is_known_again_but_not_its_parts(void **state)
{
	struct vs_state *s = new_state(VS_PHASE_IDLE);
	char id[65], other[65];

	(void)state;
	s->part_count = 2;
	memset(s->parts[0].sha256, 'a', 64);
	memset(s->parts[1].sha256, 'b', 64);
	assert_int_equal(vs_state_set_id(s, id), VS_OK);
	assert_false(vs_state_has_failed(s, id));
	assert_int_equal(vs_state_add_failed(s), VS_OK);
	assert_int_equal(vs_state_add_failed(s), VS_OK);
	assert_int_equal(s->failed_count, 1);
	assert_true(vs_state_has_failed(s, id));
	memset(s->parts[0].sha256, 'c', 64);
	assert_int_equal(vs_state_set_id(s, other), VS_OK);
	assert_false(vs_state_has_failed(s, other));
	for (int i = 0; i < VS_FAILED_MAX + 2; i++) {
		memset(s->parts[0].sha256, '0' + i % 10, 64);
		memset(s->parts[1].sha256, 'a' + i / 10, 64);
		assert_int_equal(vs_state_add_failed(s), VS_OK);
	}
	assert_int_equal(s->failed_count, VS_FAILED_MAX);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_move_that_is_not_in_the_table_changes_nothing),
		cmocka_unit_test(
			only_the_loader_starts_a_trial_and_only_health_ends_it),
		cmocka_unit_test(a_move_is_on_disk_before_it_is_made),
		cmocka_unit_test(what_is_encoded_decodes_to_the_same),
		cmocka_unit_test(no_cut_state_file_is_taken_for_a_state),
		cmocka_unit_test(
			a_refusal_is_told_once_until_something_changes),
		cmocka_unit_test(two_refusals_in_turn_are_two_and_no_more),
		cmocka_unit_test(a_full_outbox_loses_its_oldest_and_counts_it),
		cmocka_unit_test(
			a_set_that_failed_is_known_again_but_not_its_parts),
	};

	return cmocka_run_group_tests_name("agent state", tests, NULL, NULL);
}
