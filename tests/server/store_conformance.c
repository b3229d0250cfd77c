/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/store_conformance.c - one interface, whatever is behind it.
 *
 * S0.27 S1.9 S2.4
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/store/writer.h"
#include "tests/server/store_conformance.h"

enum { big = 4 * 1024 * 1024, rows_max = 64, text_len = 80, writers = 3 };

static const struct store_engine *engine;

/* One database with a table of a test's own, and a writer. */
struct place {
	void *state;
	struct vs_store *store;
};

#define OK(call) assert_int_equal(call, VS_OK)

static struct vs_store *open_one(struct place *p, bool writer)
{
	struct vs_store *out;
	char error[256];

	OK(engine->open(p->state, writer, &out, error));
	return out;
}

static vs_status run(struct vs_store *s, const char *sql)
{
	return vs_store_query(s, sql, NULL, 0, NULL, NULL);
}

static int make(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	assert_non_null(p);
	assert_int_equal(engine->make(&p->state), 0);
	p->store = open_one(p, true);
	OK(run(p->store, "CREATE TABLE thing (id TEXT PRIMARY KEY, "
	                 "n BIGINT NOT NULL, body BLOB NOT NULL)"));
	OK(run(p->store, "CREATE UNIQUE INDEX thing_n ON thing (n)"));
	*state = p;
	return 0;
}

static int drop(void **state)
{
	struct place *p = *state;

	vs_store_close(&p->store);
	engine->remove(&p->state);
	free(p);
	return 0;
}

static vs_status put(struct vs_store *s, const char *id, uint64_t n,
                     const void *body, size_t len)
{
	const struct vs_value row[] = {vs_text(id), vs_uint(n),
	                               vs_blob(body, len)};

	return vs_store_query(
		s, "INSERT INTO thing (id, n, body) VALUES (?1, ?2, ?3)", row,
		3, NULL, NULL);
}

/* Ids in the order in which they came, each with a blank behind it. */
struct seen {
	struct vs_store *store;
	char ids[rows_max * text_len];
	uint64_t n;
	size_t rows, len, stop_after;
	const void *wanted;
	bool same;
};

static vs_status see(void *ctx, const struct vs_row *row)
{
	struct seen *s = ctx;
	const char *id = vs_row_text(s->store, row, 0);
	const void *body = vs_row_blob(s->store, row, 2, &s->len);

	assert_true(strlen(s->ids) + strlen(id) + 2 < sizeof s->ids);
	strncat(s->ids, id, text_len);
	strncat(s->ids, " ", 2);
	s->n = vs_row_uint(s->store, row, 1);
	s->same = s->wanted && memcmp(s->wanted, body, s->len) == 0;
	return ++s->rows == s->stop_after ? VS_ERR_LIMIT : VS_OK;
}

static struct seen all(struct vs_store *s)
{
	struct seen out = {.store = s};

	OK(vs_store_query(s, "SELECT id, n, body FROM thing ORDER BY id", NULL,
	                  0, see, &out));
	return out;
}

static void what_is_bound_comes_back(void **state)
{
	struct place *p = *state;
	const char odd[] = "it's \"x\"; -- \xc3\xa9 %s ?1";
	const uint8_t bytes[] = {0, 1, 0, 255, '\''};
	struct seen s = {.store = p->store, .wanted = bytes};

	OK(put(p->store, odd, INT64_MAX, bytes, sizeof bytes));
	OK(vs_store_query(p->store,
	                  "SELECT id, n, body FROM thing WHERE id = ?1",
	                  (struct vs_value[]){vs_text(odd)}, 1, see, &s));
	assert_int_equal(s.rows, 1);
	assert_memory_equal(s.ids, odd, strlen(odd));
	assert_true(s.n == INT64_MAX);
	assert_int_equal(s.len, sizeof bytes);
	assert_true(s.same);
}

static void nothing_is_nothing_and_not_null(void **state)
{
	struct place *p = *state;
	struct seen s;

	OK(put(p->store, "", 0, NULL, 0));
	s = all(p->store);
	assert_string_equal(s.ids, " ");
	assert_int_equal(s.n, 0);
	assert_int_equal(s.len, 0);
	OK(vs_store_query(p->store, "SELECT id, n, body FROM thing WHERE n = 7",
	                  NULL, 0, see, &s));
	assert_int_equal(s.rows, 1); /* no row, no call */
}

static void a_big_row_is_whole(void **state)
{
	struct place *p = *state;
	uint8_t *body = malloc(big);
	struct seen s = {.store = p->store, .wanted = body};

	assert_non_null(body);
	for (size_t i = 0; i < big; i++)
		body[i] = (uint8_t)(i * 2654435761u >> 13);
	OK(put(p->store, "big", 1, body, big));
	OK(vs_store_query(p->store, "SELECT id, n, body FROM thing", NULL, 0,
	                  see, &s));
	assert_int_equal(s.len, big);
	assert_true(s.same);
	free(body);
}

static void a_key_that_is_taken_is_a_state(void **state)
{
	struct place *p = *state;

	OK(put(p->store, "a", 1, "x", 1));
	assert_int_equal(put(p->store, "a", 2, "y", 1), VS_ERR_STATE);
	assert_int_equal(put(p->store, "b", 1, "y", 1), VS_ERR_STATE);
	assert_string_equal(all(p->store).ids, "a ");
	assert_true(p->store->error[0] != 0);
}

/* NOT NULL is no key: nothing that asking again later would mend. */
static void what_fails_otherwise_is_io_with_a_line(void **state)
{
	struct place *p = *state;

	assert_int_equal(run(p->store, "INSERT INTO thing (id) VALUES ('x')"),
	                 VS_ERR_IO);
	p->store->error[0] = 0;
	assert_int_equal(run(p->store, "SELECT nothing FROM nowhere"),
	                 VS_ERR_IO);
	assert_true(p->store->error[0] != 0);
	assert_null(strchr(p->store->error, '\n'));
	OK(put(p->store, "a", 1, "x", 1)); /* and goes on */
}

static void a_row_replaces_the_one_before_if_asked_to(void **state)
{
	struct place *p = *state;
	const struct vs_value row[] = {vs_text("a"), vs_uint(9)};

	OK(put(p->store, "a", 1, "x", 1));
	OK(vs_store_query(p->store,
	                  "INSERT INTO thing (id, n, body) "
	                  "VALUES (?1, ?2, 'y') ON CONFLICT (id) "
	                  "DO UPDATE SET n = excluded.n",
	                  row, 2, NULL, NULL));
	assert_int_equal(all(p->store).n, 9);
	OK(run(p->store, "INSERT INTO thing (id, n, body) "
	                 "VALUES ('a', 3, 'z') ON CONFLICT (id) DO NOTHING"));
	assert_int_equal(all(p->store).n, 9);
}

/* Pages go by key: texts are in the order of their bytes, whatever language
 * the machine speaks.
 */
static void keys_are_in_the_order_of_their_bytes(void **state)
{
	static const char *const ids[] = {"b",   "B", "a",   "\xc3\xa9", "a-1",
	                                  "a_1", "Z", "a.1", "10",       "9"};
	struct place *p = *state;
	char paged[256] = "", last[text_len] = "";

	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		OK(put(p->store, ids[i], i, "", 0));
	struct seen s = all(p->store);
	assert_string_equal(s.ids, "10 9 B Z a a-1 a.1 a_1 b \xc3\xa9 ");
	for (size_t rows = 3; rows == 3;) {
		const struct vs_value from[] = {vs_text(last), vs_uint(3)};
		struct seen page = {.store = p->store};

		OK(vs_store_query(p->store,
		                  "SELECT id, n, body FROM thing "
		                  "WHERE id > ?1 ORDER BY id LIMIT ?2",
		                  from, 2, see, &page));
		size_t had = strlen(paged), more = strlen(page.ids);
		assert_in_range(had + more, 1, sizeof paged - 1);
		memcpy(paged + had, page.ids, more + 1);
		rows = page.rows;
		if (!rows)
			break;
		page.ids[strlen(page.ids) - 1] = 0;
		const char *blank = strrchr(page.ids, ' ');
		int n = snprintf(last, sizeof last, "%s",
		                 blank ? blank + 1 : page.ids);
		assert_in_range(n, 1, sizeof last - 1);
	}
	assert_string_equal(paged, s.ids);
}

static void a_callback_ends_the_query_with_its_status(void **state)
{
	struct place *p = *state;
	struct seen s = {.store = p->store, .stop_after = 2};

	for (unsigned i = 0; i < 4; i++)
		OK(put(p->store, (const char *[]){"a", "b", "c", "d"}[i], i, "",
		       0));
	assert_int_equal(vs_store_query(p->store,
	                                "SELECT id, n, body FROM thing "
	                                "ORDER BY id",
	                                NULL, 0, see, &s),
	                 VS_ERR_LIMIT);
	assert_string_equal(s.ids, "a b ");
	/* nothing of it is left that would be in the way */
	OK(run(p->store, "DELETE FROM thing"));
	assert_int_equal(all(p->store).rows, 0);
}

static void a_transaction_is_there_whole_or_not_at_all(void **state)
{
	struct place *p = *state;
	struct vs_store *reader = open_one(p, false);

	OK(vs_store_begin(p->store));
	OK(put(p->store, "a", 1, "", 0));
	OK(put(p->store, "b", 2, "", 0));
	assert_string_equal(all(p->store).ids, "a b "); /* for itself */
	assert_string_equal(all(reader).ids, "");
	OK(vs_store_commit(p->store));
	assert_string_equal(all(reader).ids, "a b ");
	OK(vs_store_begin(p->store));
	OK(run(p->store, "DELETE FROM thing"));
	OK(put(p->store, "c", 3, "", 0));
	vs_store_undo(p->store);
	assert_string_equal(all(p->store).ids, "a b ");
	assert_string_equal(all(reader).ids, "a b ");
	vs_store_undo(p->store); /* of none: nothing */
	vs_store_close(&reader);
	assert_null(reader);
}

/* The writer marks each job, and one that fails takes nobody with him: a
 * statement that failed too ends with back().
 */
static void back_takes_back_to_the_mark_alone(void **state)
{
	struct place *p = *state;

	OK(vs_store_begin(p->store));
	OK(vs_store_mark(p->store));
	OK(put(p->store, "a", 1, "", 0));
	OK(vs_store_release(p->store));
	OK(vs_store_mark(p->store));
	OK(put(p->store, "b", 2, "", 0));
	assert_int_equal(put(p->store, "a", 3, "", 0), VS_ERR_STATE);
	vs_store_back(p->store);
	OK(vs_store_mark(p->store));
	OK(put(p->store, "c", 3, "", 0));
	OK(vs_store_release(p->store));
	OK(vs_store_commit(p->store));
	assert_string_equal(all(p->store).ids, "a c ");
}

/* A process that dies at once after its commit: what a power cut leaves. */
static void what_was_committed_outlives_the_process(void **state)
{
	struct place *p = *state;
	int status;

	vs_store_close(&p->store);
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		struct vs_store *s = open_one(p, true);
		bool good = !vs_store_begin(s) && !put(s, "a", 1, "x", 1) &&
		            !put(s, "b", 2, "y", 1) && !vs_store_commit(s) &&
		            !vs_store_begin(s) && !put(s, "c", 3, "z", 1);

		raise(good ? SIGKILL : SIGTERM);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	p->store = open_one(p, true);
	assert_string_equal(all(p->store).ids, "a b ");
	OK(put(p->store, "c", 3, "", 0)); /* nobody holds it */
}

/* Between two rows of a reader a writer commits: the reader goes on with what
 * was there when it began.
 */
struct meddling {
	struct seen seen;
	struct vs_store *writer;
};

static vs_status meddle(void *ctx, const struct vs_row *row)
{
	struct meddling *m = ctx;

	if (!m->seen.rows) {
		OK(vs_store_begin(m->writer));
		OK(run(m->writer, "DELETE FROM thing WHERE id = 'b'"));
		OK(put(m->writer, "d", 4, "", 0));
		OK(vs_store_commit(m->writer));
	}
	return see(&m->seen, row);
}

static void a_reader_sees_one_moment(void **state)
{
	struct place *p = *state;
	struct vs_store *reader = open_one(p, false);
	struct meddling m = {{.store = reader}, p->store};

	OK(put(p->store, "a", 1, "", 0));
	OK(put(p->store, "b", 2, "", 0));
	OK(put(p->store, "c", 3, "", 0));
	OK(vs_store_query(reader, "SELECT id, n, body FROM thing ORDER BY id",
	                  NULL, 0, meddle, &m));
	assert_string_equal(m.seen.ids, "a b c ");
	assert_string_equal(all(reader).ids, "a c d ");
	vs_store_close(&reader);
}

struct counting {
	struct place *place;
	unsigned failures;
};

static vs_status take_n(void *ctx, const struct vs_row *row)
{
	struct seen *s = ctx;

	s->n = vs_row_uint(s->store, row, 0);
	return VS_OK;
}

/* What each writer does: reads, then writes what follows from it. */
static void *count_up(void *ctx)
{
	struct counting *c = ctx;
	struct vs_store *s = open_one(c->place, true);

	for (unsigned i = 0; i < 20; i++) {
		struct seen was = {.store = s};

		if (vs_store_begin(s) ||
		    vs_store_query(s, "SELECT n FROM thing WHERE id = 'n'",
		                   NULL, 0, take_n, &was) ||
		    vs_store_query(s, "UPDATE thing SET n = ?1 WHERE id = 'n'",
		                   (struct vs_value[]){vs_uint(was.n + 1)}, 1,
		                   NULL, NULL) ||
		    vs_store_commit(s)) {
			vs_store_undo(s);
			c->failures++;
			i--;
		}
		if (c->failures > 1000)
			break;
	}
	vs_store_close(&s);
	return NULL;
}

/* Other programs write too (voltseal-server user): no update is lost, and who
 * is told that his transaction failed may try again.
 */
static void writers_come_one_after_the_other(void **state)
{
	struct place *p = *state;
	struct counting c[writers] = {0};
	pthread_t threads[writers];

	OK(put(p->store, "n", 0, "", 0));
	for (unsigned i = 0; i < writers; i++) {
		c[i].place = p;
		assert_int_equal(
			pthread_create(&threads[i], NULL, count_up, &c[i]), 0);
	}
	for (unsigned i = 0; i < writers; i++) {
		pthread_join(threads[i], NULL);
		assert_in_range(c[i].failures, 0, 1000);
	}
	assert_int_equal(all(p->store).n, writers * 20);
}

/* A job of the group commit, which looks from outside once it was told. */
struct told {
	struct vs_job job;
	struct place *place;
	const char *id;
	uint64_t n;
	vs_status status;
	bool visible;
	_Atomic bool over;
};

static vs_status run_told(struct vs_job *job, struct vs_store *s)
{
	const struct told *t = (struct told *)job;

	return put(s, t->id, t->n, "", 0);
}

static void end_told(struct vs_job *job, vs_status status)
{
	struct told *t = (struct told *)job;
	struct vs_store *reader = open_one(t->place, false);

	t->status = status;
	t->visible = strstr(all(reader).ids, t->id) != NULL;
	vs_store_close(&reader);
	atomic_store(&t->over, true);
}

static void never(void *ctx)
{
	(void)ctx;
	fail();
}

static void who_is_told_ok_by_the_group_commit_is_there(void **state)
{
	struct place *p = *state;
	struct told jobs[] = {
		{.id = "one",   .n = 1},
		{.id = "two",   .n = 1},
		{.id = "three", .n = 3},
		{.id = "four",  .n = 4}
        };
	struct vs_writer *w;

	OK(vs_writer_start(p->store, never, NULL, &w));
	for (size_t i = 0; i < 4; i++) {
		jobs[i].job =
			(struct vs_job){.run = run_told, .done = end_told};
		jobs[i].place = p;
		OK(vs_writer_submit(w, &jobs[i].job));
	}
	vs_writer_stop(&w);
	for (size_t i = 0; i < 4; i++) {
		assert_true(atomic_load(&jobs[i].over));
		assert_int_equal(jobs[i].status, i == 1 ? VS_ERR_STATE : VS_OK);
		assert_int_equal(jobs[i].visible, i != 1);
	}
}

static void a_reader_cannot_write(void **state)
{
	struct place *p = *state;
	struct vs_store *reader = open_one(p, false);

	assert_int_equal(put(reader, "a", 1, "", 0), VS_ERR_IO);
	assert_int_equal(all(p->store).rows, 0);
	vs_store_close(&reader);
}

static void a_backup_is_all_of_one_moment(void **state)
{
	struct place *p = *state;
	char path[] = "/tmp/voltseal-backup-XXXXXX", error[256];
	int fd = mkstemp(path);
	struct vs_store *copy;

	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	OK(put(p->store, "a", 1, "x", 1));
	OK(vs_store_backup(p->store, path));
	OK(put(p->store, "b", 2, "y", 1));
	OK(engine->open_backup(path, &copy, error));
	assert_string_equal(all(copy).ids, "a ");
	OK(vs_store_check(copy));
	vs_store_close(&copy);
	unlink(path);
	assert_int_equal(vs_store_backup(p->store, "/nowhere/at/all"),
	                 VS_ERR_IO);
	OK(vs_store_check(p->store));
}

/* Some statements more than an engine could keep by chance. */
static void the_tables_are_made_once_and_stay(void **state)
{
	struct place *p = *state;

	OK(run(p->store,
	       "INSERT INTO meta (name, value) VALUES ('x', 'kept')"));
	vs_store_close(&p->store);
	for (unsigned i = 0; i < 3; i++) {
		p->store = open_one(p, true);
		assert_int_equal(run(p->store, "INSERT INTO meta (name, value) "
		                               "VALUES ('x', 'lost')"),
		                 VS_ERR_STATE);
		if (i < 2)
			vs_store_close(&p->store);
	}
}

static void a_newer_database_is_left_alone(void **state)
{
	struct place *p = *state;
	struct vs_store *s;
	char error[256];

	OK(run(p->store, "UPDATE meta SET value = '9999' "
	                 "WHERE name = 'schema'"));
	vs_store_close(&p->store);
	assert_int_equal(engine->open(p->state, true, &s, error), VS_ERR_STATE);
	assert_null(s);
	assert_non_null(strstr(error, "another version"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int store_conformance(const struct store_engine *one)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_bound_comes_back),
		TEST(nothing_is_nothing_and_not_null),
		TEST(a_big_row_is_whole),
		TEST(a_key_that_is_taken_is_a_state),
		TEST(what_fails_otherwise_is_io_with_a_line),
		TEST(a_row_replaces_the_one_before_if_asked_to),
		TEST(keys_are_in_the_order_of_their_bytes),
		TEST(a_callback_ends_the_query_with_its_status),
		TEST(a_transaction_is_there_whole_or_not_at_all),
		TEST(back_takes_back_to_the_mark_alone),
		TEST(what_was_committed_outlives_the_process),
		TEST(a_reader_sees_one_moment),
		TEST(writers_come_one_after_the_other),
		TEST(who_is_told_ok_by_the_group_commit_is_there),
		TEST(a_reader_cannot_write),
		TEST(a_backup_is_all_of_one_moment),
		TEST(the_tables_are_made_once_and_stay),
		TEST(a_newer_database_is_left_alone),
	};

	engine = one;
	return cmocka_run_group_tests_name(one->name, tests, NULL, NULL);
}
