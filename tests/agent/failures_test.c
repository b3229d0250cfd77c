/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/failures_test.c - an install in which each allocation and each
 * call for files fails, once and for ever; and a running agent to which that
 * happens.
 *
 * Whatever fails, the charger starts the old release or the new one; the
 * command says in a line what is wrong, or has done its work; and the next
 * install does.  The agent goes on by itself once nothing fails any more, if
 * need be after a restart.
 *
 * S3.26 S3.43
 */
#include <errno.h>
#include <execinfo.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cmd/commands.h"
#include "agent/run/settle.h"
#include "tests/agent/cuts.h"
#include "tests/agent/cuts_quiet.h"
#include "tests/agent/power.h"

/* Whose allocations are counted and fail. */
enum whose { OURS, LIBRARIES };

static struct {
	enum whose whose;
	uint64_t at, count;
	bool for_ever, on;
	bool runs; /* counts on from start to start of the agent */
} memory;

void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__real_realloc(void *old, size_t len);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);

void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__wrap_realloc(void *old, size_t len);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);

/* The first allocation of each way that leads to one, by its innermost calls:
 * a check that is missing there is missing each time.
 */
#define SITES_MAX 16384
#define SITE_DEPTH 10
static struct {
	bool on;
	pthread_mutex_t lock;
	uint64_t seen[SITES_MAX]; /* by hash; 0: free */
	uint64_t at[SITES_MAX];   /* in their order */
	size_t count;
} sites = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note_site(uint64_t n)
{
	void *calls[2 + SITE_DEPTH];
	int count = backtrace(calls, 2 + SITE_DEPTH);
	uint64_t sum = 1;
	size_t i;

	for (int k = 2; k < count; k++)
		sum = (sum ^ (uintptr_t)calls[k]) * UINT64_C(0x100000001b3);
	pthread_mutex_lock(&sites.lock);
	for (i = (size_t)(sum >> 20) % SITES_MAX;
	     sites.seen[i] != 0 && sites.seen[i] != sum;)
		i = (i + 1) % SITES_MAX;
	if (sites.seen[i] == 0 && sites.count < SITES_MAX / 2) {
		sites.seen[i] = sum;
		sites.at[sites.count++] = n;
	}
	pthread_mutex_unlock(&sites.lock);
}

static _Thread_local bool elsewhere; /* the server's memory does not fail */

void __real_server_hear(const char *text, size_t len,
                        struct vs_http_answer *out);
void __wrap_server_hear(const char *text, size_t len,
                        struct vs_http_answer *out);
const uint8_t *__real_server_find(const char *url, size_t *len);
const uint8_t *__wrap_server_find(const char *url, size_t *len);

void __wrap_server_hear(const char *text, size_t len,
                        struct vs_http_answer *out)
{
	elsewhere = true;
	__real_server_hear(text, len, out);
	elsewhere = false;
}

const uint8_t *__wrap_server_find(const char *url, size_t *len)
{
	const uint8_t *found;

	elsewhere = true;
	found = __real_server_find(url, len);
	elsewhere = false;
	return found;
}

/* The install works alone but for threads that it waits for. */
static bool lacks(enum whose whose)
{
	uint64_t n;

	if (!memory.on || whose != memory.whose || model_busy() || elsewhere)
		return false;
	n = __atomic_add_fetch(&memory.count, 1, __ATOMIC_SEQ_CST);
	if (sites.on)
		note_site(n);
	return memory.at > 0 &&
	       (n == memory.at || (n > memory.at && memory.for_ever));
}

void *__wrap_malloc(size_t len)
{
	return lacks(OURS) ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t count, size_t len)
{
	return lacks(OURS) ? NULL : __real_calloc(count, len);
}

void *__wrap_realloc(void *old, size_t len)
{
	return lacks(OURS) ? NULL : __real_realloc(old, len);
}

char *__wrap_strdup(const char *text)
{
	return lacks(OURS) ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t len)
{
	return lacks(OURS) ? NULL : __real_strndup(text, len);
}

static void *library_malloc(size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	return lacks(LIBRARIES) ? NULL : __real_malloc(len);
}

static void *library_realloc(void *old, size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	return lacks(LIBRARIES) ? NULL : __real_realloc(old, len);
}

static void library_free(void *old, const char *file, int line)
{
	(void)file;
	(void)line;
	free(old);
}

static void *json_memory(size_t len)
{
	return lacks(LIBRARIES) ? NULL : __real_malloc(len);
}

static int set_up(void **state)
{
	static const struct model_cut nothing = {.op = 0};

	(void)state;
	stage_make();
	server_init(&stage.server);
	stage_stick();
	(void)stage_boot(VS_RESET_POWER);
	model_outside(NULL, 0);
	model_begin(stage.maker.dir);
	/* whatever libraries make once, they have made then */
	model_cut(&nothing);
	assert_int_equal(stage_install(), VS_EXIT_OK);
	model_back();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	model_end();
	server_drop(&stage.server);
	stage_drop();
	return 0;
}

static struct tally_of_faults {
	unsigned done, failed;
} faults;

/* One install in which something failed, and the one after it. */
static void judge(int code, const char *what, uint64_t at)
{
	struct vs_boot_decision d;

	memory.on = false;
	model_fail(&(struct model_fault){0});
	snprintf(cuts_where, sizeof(cuts_where), "%s %u, exit %d: %s", what,
	         (unsigned)at, code, quiet_error);
	if (code != VS_EXIT_OK)
		assert_int_not_equal(quiet_error[0], '\0');
	assert_true(code == VS_EXIT_OK || code == VS_EXIT_FAILED ||
	            code == VS_EXIT_REFUSED);
	assert_null(strchr(quiet_error, '\n'));
	d = stage_boot(VS_RESET_POWER);
	faults.done++;
	faults.failed += code != VS_EXIT_OK;
	assert_true(code != VS_EXIT_OK || d.slot == 1);
	/* some of them: it takes its time */
	if (d.slot == 1 || at % 8 != 0)
		return;
	assert_int_equal(stage_install(), VS_EXIT_OK);
	assert_int_equal(stage_boot(VS_RESET_POWER).slot, 1);
}

static void begin(void)
{
	static const struct model_cut nothing = {.op = 0};

	model_cut(&nothing);
	quiet_error[0] = '\0';
}

static void end(void)
{
	model_back();
	cuts_where[0] = '\0';
}

static int install_lacking(enum whose whose, uint64_t at, bool for_ever)
{
	begin();
	memory.whose = whose;
	memory.at = at;
	memory.count = 0;
	memory.for_ever = for_ever;
	memory.on = true;
	return stage_install();
}

static void fail_memory(enum whose whose, bool for_ever, uint64_t step)
{
	uint64_t count;
	int code = install_lacking(whose, 0, false);

	count = memory.count;
	judge(code, "no allocation", 0);
	assert_int_equal(code, VS_EXIT_OK);
	end();
	for (uint64_t at = 1; at <= count; at += step) {
		code = install_lacking(whose, at, for_ever);
		judge(code, for_ever ? "allocations from" : "allocation", at);
		end();
	}
}

static void say_faults(const char *what)
{
	print_message("# %u faults of %s, %u of which an install said\n",
	              faults.done, what, faults.failed);
	assert_true(faults.done > 20 && faults.failed > 20);
	memset(&faults, 0, sizeof(faults));
}

static void each_allocation_may_fail(void **state)
{
	(void)state;
	fail_memory(OURS, false, 1);
	fail_memory(OURS, true, 1);
	say_faults("memory");
}

static void each_allocation_of_libraries_may_fail(void **state)
{
	(void)state;
	fail_memory(LIBRARIES, false, 23);
	fail_memory(LIBRARIES, true, 97);
	say_faults("libraries' memory");
}

static void fail_calls(int error, bool for_ever)
{
	static const char *const names[] = {[0] = "short call",
	                                    [EIO] = "EIO at call",
	                                    [EINTR] = "EINTR at call",
	                                    [ENOSPC] = "ENOSPC at call",
	                                    [EROFS] = "EROFS at call"};
	uint64_t at = 1, count = 1;
	int code;

	begin();
	model_fail(&(struct model_fault){0});
	code = stage_install();
	count = model_calls();
	judge(code, "no call", 0);
	end();
	/* all are answered by the same lines: of most, some */
	for (; at <= count; at += error == EIO || error == 0 ? 1 : 3) {
		begin();
		model_fail(&(struct model_fault){at, for_ever, error});
		code = stage_install();
		judge(code, names[error], at);
		/* what only did less than asked, or not yet, is done */
		if (error == 0)
			assert_int_equal(code, VS_EXIT_OK);
		end();
	}
}

static void each_call_may_fail_once(void **state)
{
	static const int errors[] = {EIO, ENOSPC, EINTR, EROFS, 0};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		fail_calls(errors[i], false);
	say_faults("calls, once");
}

static void each_call_may_fail_for_ever(void **state)
{
	static const int errors[] = {EIO, ENOSPC, EROFS};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		fail_calls(errors[i], true);
	say_faults("calls, for ever");
}

#define RUN_MS 20000 /* virtual, that a fault has to do its harm */
#define DONE_MS 200000

static uint64_t end_ms;
static struct heard unheard; /* as the server is before any of them */
static struct vs_agent *running;

static bool is_done(const struct vs_agent *a)
{
	const struct heard *h = stage.server.heard;

	return a->state.phase == VS_PHASE_IDLE && a->charger.slot == 1 &&
	       !a->charger.trial && a->state.outbox.count == 0 &&
	       strcmp(h->last.status, "Idle") == 0 &&
	       h->last.ecus[0].release_seq == 3;
}

static bool is_over(void)
{
	return power_slept_ms() >= end_ms || is_done(running);
}

/* One start of the agent, with faults; gives whether it is done, and what is
 * left of the fault.
 */
static bool run_once(struct model_fault *fault, enum vs_reset_cause *cause)
{
	struct vs_agent *a = malloc(sizeof(*a));
	char path[PATH_MAX], error[VS_ERROR_LEN] = "";
	bool done = false;

	assert_non_null(a);
	maker_path(&stage.maker, "charger", path);
	running = a;
	*cause = VS_RESET_CRASH;
	model_fail(fault);
	memory.on = memory.runs;
	if (vs_agent_open(a, path, LIFE_BUILT, error) == VS_OK) {
		a->stopped = is_over;
		a->image = stage.maker.dir;
		if (vs_agent_run(a) == VS_EXIT_REBOOT)
			*cause = VS_RESET_REQUEST;
		done = is_done(a);
	} else {
		assert_int_not_equal(error[0], '\0');
	}
	if (fault->at > 0 && fault->at > model_calls())
		fault->at -= model_calls();
	else if (fault->at > 0)
		fault->at = fault->for_ever;
	model_fail(&(struct model_fault){0});
	vs_agent_close(a);
	memory.on = false;
	free(a);
	return done;
}

static unsigned tried; /* starts that took a try */

/* Starts what the loader chooses until it is done, or ms have passed. */
static bool live_with(struct model_fault *fault, uint64_t ms)
{
	enum vs_reset_cause cause = VS_RESET_POWER;
	bool done = false;

	struct vs_boot_decision d;

	tried = 0;
	end_ms = power_slept_ms() + ms;
	for (int starts = 0; starts < 8 && !done && power_slept_ms() < end_ms;
	     starts++) {
		/* a crash may take tries: the agent's are not at stake here */
		if (cause == VS_RESET_CRASH)
			cause = VS_RESET_POWER;
		d = stage_boot(cause);
		tried += d.trial && cause == VS_RESET_REQUEST;
		done = run_once(fault, &cause);
	}
	return done;
}

static void begin_run(void)
{
	begin();
	*stage.server.heard = unheard;
}

static unsigned given_up;

/* An image without memory or disk for as long as it was to show its health, and
 * until its tries were over, is not tried again.
 */
static bool has_given_up(void)
{
	struct vs_agent *a = malloc(sizeof(*a));
	char path[PATH_MAX], error[VS_ERROR_LEN];
	bool has;

	assert_non_null(a);
	(void)stage_boot(VS_RESET_POWER);
	maker_path(&stage.maker, "charger", path);
	assert_int_equal(vs_agent_open(a, path, LIFE_BUILT, error), VS_OK);
	assert_int_equal(vs_agent_settle(a), VS_OK);
	has = a->state.failed_count > 0;
	if (has)
		assert_true(a->charger.slot == 0 && !a->charger.trial);
	vs_agent_close(a);
	free(a);
	return has;
}

/* Without faults the update is done, but for an image that was given up. */
static void check_afterwards(struct model_fault *none, bool done)
{
	if (!done && has_given_up()) {
		given_up++;
		return;
	}
	if (!done)
		assert_true(live_with(none, DONE_MS));
	/* a nonce that could not be kept is asked for again */
	stage.server.heard->bad = false;
	assert_true(stage.server.heard->installed > 0);
	stage_check(1, 3, 3, 2);
}

static void run_failing(int error, bool for_ever, uint64_t at)
{
	struct model_fault fault = {at, for_ever, error};
	bool done;

	begin_run();
	snprintf(cuts_where, sizeof(cuts_where), "error %d%s at call %u", error,
	         for_ever ? " for ever" : "", (unsigned)at);
	done = live_with(&fault, for_ever ? RUN_MS : DONE_MS);
	faults.done++;
	faults.failed += !done;
	if (!for_ever)
		assert_true(done && tried == 1);
	fault = (struct model_fault){0};
	check_afterwards(&fault, done);
	end();
}

static uint64_t count_calls(void)
{
	struct model_fault far = {UINT64_MAX, false, EIO};

	begin_run();
	assert_true(live_with(&far, DONE_MS));
	stage_check(1, 3, 3, 2);
	end();
	return UINT64_MAX - far.at;
}

static int set_up_run(void **state)
{
	static const struct model_cut nothing = {.op = 0};
	struct model_fault none = {0};

	(void)state;
	stage_make();
	server_init(&stage.server);
	scenarios[3].prepare(); /* a release of two components is offered */
	unheard = *stage.server.heard;
	model_outside(NULL, 0);
	model_begin(stage.maker.dir);
	model_cut(&nothing);
	assert_true(live_with(&none, DONE_MS));
	model_back();
	return 0;
}

/* Of all calls in a whole update some, and others for each error. */
static void a_call_may_fail_once_while_the_agent_runs(void **state)
{
	static const int errors[] = {EIO, ENOSPC, EINTR, EROFS, 0};
	uint64_t count = count_calls();

	(void)state;
	print_message("# %u calls in a whole update\n", (unsigned)count);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		for (uint64_t at = 1 + i; at <= count; at += count / 60 + 1)
			run_failing(errors[i], false, at);
	assert_true(faults.done > 250);
	memset(&faults, 0, sizeof(faults));
}

static void calls_may_fail_for_ever_while_the_agent_runs(void **state)
{
	static const int errors[] = {EIO, ENOSPC, EROFS};
	uint64_t count = count_calls();

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		for (uint64_t at = 1 + i; at <= count; at += count / 20 + 1)
			run_failing(errors[i], true, at);
	print_message("# %u faults for ever, %u of which stopped the agent: %u "
	              "images on trial were given up\n",
	              faults.done, faults.failed, given_up);
	assert_true(faults.failed > 20);
	assert_true(given_up < faults.done / 4);
	given_up = 0;
	memset(&faults, 0, sizeof(faults));
}

/* What is to be tried, or was, is what was verified: all of it. */
static void assert_armed_is_whole(void)
{
	struct vs_charger *c = malloc(sizeof(*c));
	struct vs_record record;
	char path[PATH_MAX], error[VS_ERROR_LEN], name[64];

	assert_non_null(c);
	maker_path(&stage.maker, "charger", path);
	assert_int_equal(vs_charger_open_blank(c, path, error), VS_OK);
	assert_int_equal(vs_record_load(&c->ops.record, &record), VS_OK);
	vs_charger_close(c);
	free(c);
	stage_check_footers();
	if (record.slots[1].state != VS_SLOT_TRIAL &&
	    (record.slots[1].state != VS_SLOT_GOOD || record.slot == 0))
		return;
	assert_true(life_holds(&stage.maker, stage_slot(0, 1, name),
	                       &stage.gateway[3]));
	assert_true(life_holds(&stage.maker, stage_slot(1, 1, name),
	                       &stage.controller[3]));
}

/* An update in which the agent lacks memory, and then not any more. */
static void run_lacking(enum whose whose, uint64_t at, bool for_ever)
{
	struct model_fault none = {0};
	bool done;

	begin_run();
	snprintf(cuts_where, sizeof(cuts_where), "%s allocation %u%s",
	         whose == OURS ? "own" : "libraries'", (unsigned)at,
	         for_ever ? " and all after it" : "");
	memory.whose = whose;
	memory.at = at;
	memory.count = 0;
	memory.for_ever = for_ever;
	memory.runs = true;
	done = live_with(&none, for_ever ? RUN_MS : DONE_MS);
	memory.runs = false;
	faults.done++;
	faults.failed += !done;
	assert_armed_is_whole();
	/* A moment takes no try from the image that is on trial in it. */
	if (!for_ever)
		assert_true(done && tried == 1);
	check_afterwards(&none, done);
	end();
}

static bool all_points; /* an hour */
#define OURS_MAX 300
#define LIBRARIES_MAX 60
#define FOR_EVER_MAX 15

/* Counts them in an update in which none fails. */
static uint64_t find_sites(enum whose whose)
{
	memset(sites.seen, 0, sizeof(sites.seen));
	sites.count = 0;
	sites.on = true;
	run_lacking(whose, 0, false);
	sites.on = false;
	memset(&faults, 0, sizeof(faults));
	return memory.count;
}

static void lack_memory(enum whose whose, bool for_ever)
{
	uint64_t count = find_sites(whose);
	size_t most = for_ever        ? FOR_EVER_MAX
	              : whose == OURS ? OURS_MAX
	                              : LIBRARIES_MAX;
	size_t points = all_points ? count : sites.count;
	size_t step = all_points ? 1 : (points + most - 1) / most;

	for (size_t i = 0; i < points; i += step)
		run_lacking(whose, all_points ? i + 1 : sites.at[i], for_ever);
	print_message("# %u allocations of %zu ways in a whole update, %u of "
	              "which failed%s: %u left it undone, %u images on trial "
	              "were given up\n",
	              (unsigned)count, sites.count, faults.done,
	              for_ever ? " with all after them" : "", faults.failed,
	              given_up);
	assert_true(given_up < faults.done / 4);
	given_up = 0;
	assert_true(count > 100 && faults.done > FOR_EVER_MAX / 2);
	assert_true(!for_ever || faults.failed > faults.done / 2);
	memset(&faults, 0, sizeof(faults));
}

static void an_allocation_may_fail_once_while_the_agent_runs(void **state)
{
	(void)state;
	lack_memory(OURS, false);
}

static void allocations_may_fail_for_ever_while_the_agent_runs(void **state)
{
	(void)state;
	lack_memory(OURS, true);
}

static void an_allocation_of_libraries_may_fail_while_it_runs(void **state)
{
	(void)state;
	lack_memory(LIBRARIES, false);
}

static void allocations_of_libraries_may_fail_for_ever(void **state)
{
	(void)state;
	lack_memory(LIBRARIES, true);
}

static int say(void **state)
{
	(void)state;
	memory.on = memory.runs = false;
	model_fail(&(struct model_fault){0});
	if (cuts_where[0])
		print_message("# at: %s\n", cuts_where);
	return 0;
}

/* Without an argument: an install; with "run": the agent that runs; with
 * "memory", or "memory all", that too.
 */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_allocation_may_fail, say),
		cmocka_unit_test_teardown(each_allocation_of_libraries_may_fail,
	                                  say),
		cmocka_unit_test_teardown(each_call_may_fail_once, say),
		cmocka_unit_test_teardown(each_call_may_fail_for_ever, say),
	};

	const struct CMUnitTest runs[] = {
		cmocka_unit_test_teardown(
			a_call_may_fail_once_while_the_agent_runs, say),
		cmocka_unit_test_teardown(
			calls_may_fail_for_ever_while_the_agent_runs, say),
	};

	const struct CMUnitTest lacking[] = {
		cmocka_unit_test_teardown(
			an_allocation_may_fail_once_while_the_agent_runs, say),
		cmocka_unit_test_teardown(
			allocations_may_fail_for_ever_while_the_agent_runs,
			say),
		cmocka_unit_test_teardown(
			an_allocation_of_libraries_may_fail_while_it_runs, say),
		cmocka_unit_test_teardown(
			allocations_of_libraries_may_fail_for_ever, say),
	};

	if (CRYPTO_set_mem_functions(library_malloc, library_realloc,
	                             library_free) != 1)
		return 1;
	json_set_alloc_funcs(json_memory, free);
	all_points = argc > 2;
	(void)backtrace((void *[1]){NULL}, 1); /* it makes what it needs now */
	if (argc > 1 && strcmp(argv[1], "memory") == 0)
		return cmocka_run_group_tests_name("agent failures memory",
		                                   lacking, set_up_run,
		                                   tear_down);
	if (argc > 1)
		return cmocka_run_group_tests_name("agent failures run", runs,
		                                   set_up_run, tear_down);
	return cmocka_run_group_tests_name("agent failures", tests, set_up,
	                                   tear_down);
}
