/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/writer_test.c - group commit: whoever is told VS_OK is on
 * disk, and one who fails takes nobody with him.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/writer.h"
#include "tests/server/scratch.h"

enum { jobs_max = 64 };

/* An engine that counts and can be told to fail or to wait. */
struct engine {
	struct vs_store base;
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool closed; /* begin waits until it is opened */
	unsigned begins, commits, undos, marks, releases, backs;
	unsigned fail_commit; /* the n-th commit from now, 0: none */
	vs_status begin_status;
	char order[jobs_max + 1]; /* what ran, one letter each */
	unsigned lost;
	struct vs_writer *writer;
};

static struct engine *of(struct vs_store *s)
{
	return (struct engine *)s;
}

static vs_status begin(struct vs_store *s)
{
	struct engine *e = of(s);

	pthread_mutex_lock(&e->lock);
	while (e->closed)
		pthread_cond_wait(&e->opened, &e->lock);
	pthread_mutex_unlock(&e->lock);
	e->begins++;
	return e->begin_status;
}

static vs_status commit(struct vs_store *s)
{
	struct engine *e = of(s);

	e->commits++;
	return e->fail_commit && --e->fail_commit == 0 ? VS_ERR_IO : VS_OK;
}

static void undo(struct vs_store *s)
{
	of(s)->undos++;
}

static vs_status mark(struct vs_store *s)
{
	of(s)->marks++;
	return VS_OK;
}

static vs_status release(struct vs_store *s)
{
	of(s)->releases++;
	return VS_OK;
}

static void back(struct vs_store *s)
{
	of(s)->backs++;
}

static const struct vs_store_ops ops = {.begin = begin,
                                        .commit = commit,
                                        .undo = undo,
                                        .mark = mark,
                                        .release = release,
                                        .back = back};

static void lost(void *ctx)
{
	((struct engine *)ctx)->lost++;
}

static int start(void **state)
{
	struct engine *e = calloc(1, sizeof *e);

	assert_non_null(e);
	e->base.ops = &ops;
	e->closed = true;
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->opened, NULL);
	assert_int_equal(vs_writer_start(&e->base, lost, e, &e->writer), VS_OK);
	*state = e;
	return 0;
}

static void let_go(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	e->closed = false;
	pthread_cond_broadcast(&e->opened);
	pthread_mutex_unlock(&e->lock);
}

static int stop(void **state)
{
	struct engine *e = *state;

	let_go(e);
	vs_writer_stop(&e->writer);
	pthread_cond_destroy(&e->opened);
	pthread_mutex_destroy(&e->lock);
	free(e);
	return 0;
}

struct job {
	struct vs_job job;
	char letter;
	vs_status gives; /* by run */
	bool ended;
	vs_status told;
};

static vs_status run(struct vs_job *job, struct vs_store *store)
{
	const struct job *j = (struct job *)job;
	struct engine *e = of(store);

	e->order[strlen(e->order)] = j->letter;
	return j->gives;
}

static void done(struct vs_job *job, vs_status status)
{
	struct job *j = (struct job *)job;

	j->ended = true;
	j->told = status;
}

static struct job make(char letter, vs_status gives)
{
	return (struct job){
		.job = {.run = run, .done = done},
		.letter = letter,
		.gives = gives
        };
}

/* The first job makes the writer wait in begin, the others gather. */
static void submit_all(struct engine *e, struct job *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(vs_writer_submit(e->writer, &jobs[i].job),
		                 VS_OK);
}

static void jobs_that_wait_share_a_commit(void **state)
{
	struct engine *e = *state;
	struct job jobs[jobs_max];

	for (size_t i = 0; i < jobs_max; i++)
		jobs[i] = make((char)('0' + i), VS_OK);
	submit_all(e, jobs, jobs_max);
	let_go(e);
	vs_writer_stop(&e->writer);
	for (size_t i = 0; i < jobs_max; i++) {
		assert_true(jobs[i].ended);
		assert_int_equal(jobs[i].told, VS_OK);
		assert_int_equal(e->order[i], '0' + (int)i);
	}
	/* one for who came first, one for those who gathered meanwhile */
	assert_in_range(e->commits, 1, 2);
	assert_int_equal(e->begins, e->commits);
	assert_int_equal(e->releases, jobs_max);
}

static void a_failed_job_is_taken_back_alone(void **state)
{
	struct engine *e = *state;
	struct job jobs[] = {make('a', VS_OK), make('b', VS_ERR_STATE),
	                     make('c', VS_OK)};

	submit_all(e, jobs, 3);
	let_go(e);
	vs_writer_stop(&e->writer);
	assert_int_equal(jobs[0].told, VS_OK);
	assert_int_equal(jobs[1].told, VS_ERR_STATE);
	assert_int_equal(jobs[2].told, VS_OK);
	assert_int_equal(e->marks, 3);
	assert_int_equal(e->backs, 1);
	assert_int_equal(e->releases, 2);
	assert_int_equal(e->lost, 0);
}

static void nobody_is_told_ok_if_the_commit_fails(void **state)
{
	struct engine *e = *state;
	struct job jobs[] = {make('a', VS_OK), make('b', VS_ERR_STATE),
	                     make('c', VS_OK)};

	let_go(e);
	e->fail_commit = 1;
	assert_int_equal(vs_writer_call(e->writer, &jobs[0].job), VS_ERR_IO);
	assert_int_equal(e->lost, 1);
	/* and memory was rebuilt, so the next goes on */
	assert_int_equal(vs_writer_call(e->writer, &jobs[1].job), VS_ERR_STATE);
	assert_int_equal(vs_writer_call(e->writer, &jobs[2].job), VS_OK);
	assert_int_equal(e->lost, 1);
}

static void without_a_transaction_no_job_runs(void **state)
{
	struct engine *e = *state;
	struct job job = make('a', VS_OK);

	e->begin_status = VS_ERR_IO;
	let_go(e);
	assert_int_equal(vs_writer_call(e->writer, &job.job), VS_ERR_IO);
	assert_string_equal(e->order, "");
	assert_int_equal(e->commits, 0);
}

static void a_stop_ends_the_waiting_and_takes_no_more(void **state)
{
	struct engine *e = *state;
	struct job jobs[] = {make('a', VS_OK), make('b', VS_OK)};

	submit_all(e, jobs, 2);
	let_go(e);
	vs_writer_stop(&e->writer);
	assert_true(jobs[0].ended && jobs[1].ended);
	assert_string_equal(e->order, "ab");
	assert_null(e->writer);
}

/* The same on the real engine: what is told VS_OK another connection sees. */
struct insert {
	struct vs_job job;
	unsigned id;
	bool fails;
	vs_status told;
};

static vs_status insert(struct vs_job *job, struct vs_store *store)
{
	const struct insert *i = (struct insert *)job;
	char name[16];

	snprintf(name, sizeof name, "%u", i->id);
	const struct vs_value row[] = {vs_text(name), vs_text("x")};
	vs_status status = vs_store_query(
		store, "INSERT INTO meta (name, value) VALUES (?1, ?2)", row, 2,
		NULL, NULL);
	return !status && i->fails ? VS_ERR_DENIED : status;
}

static void inserted(struct vs_job *job, vs_status status)
{
	((struct insert *)job)->told = status;
}

static void in_the_database_is_exactly_what_was_told_ok(void **state)
{
	struct scratch *s = *state;
	struct insert jobs[jobs_max];
	struct vs_writer *w;
	unsigned good = 0;

	assert_int_equal(vs_writer_start(s->store, lost, s, &w), VS_OK);
	for (unsigned n = 0; n < jobs_max; n++) {
		/* every fifth fails by itself, every seventh is a twin */
		jobs[n] = (struct insert){
			.job = {.run = insert, .done = inserted},
			.id = n % 7 == 6 ? n - 1 : n,
			.fails = n % 5 == 4,
		};
		assert_int_equal(vs_writer_submit(w, &jobs[n].job), VS_OK);
	}
	vs_writer_stop(&w);
	for (unsigned n = 0; n < jobs_max; n++)
		good += jobs[n].told == VS_OK;
	assert_int_equal(jobs[0].told, VS_OK);
	assert_int_equal(jobs[4].told, VS_ERR_DENIED);
	assert_int_equal(jobs[6].told, VS_ERR_STATE);
	assert_int_equal(scratch_number(s, "SELECT count(*) FROM meta "
	                                   "WHERE value = 'x'"),
	                 good);
	assert_int_equal(scratch_number(s, "SELECT count(*) FROM meta "
	                                   "WHERE name = '4'"),
	                 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(jobs_that_wait_share_a_commit,
	                                        start, stop),
		cmocka_unit_test_setup_teardown(
			a_failed_job_is_taken_back_alone, start, stop),
		cmocka_unit_test_setup_teardown(
			nobody_is_told_ok_if_the_commit_fails, start, stop),
		cmocka_unit_test_setup_teardown(
			without_a_transaction_no_job_runs, start, stop),
		cmocka_unit_test_setup_teardown(
			a_stop_ends_the_waiting_and_takes_no_more, start, stop),
		cmocka_unit_test_setup_teardown(
			in_the_database_is_exactly_what_was_told_ok,
			scratch_make, scratch_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
