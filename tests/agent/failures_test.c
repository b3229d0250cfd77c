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
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cmd/commands.h"
#include "tests/agent/cuts.h"
#include "tests/agent/cuts_quiet.h"
#include "tests/agent/power.h"

/* Whose allocations are counted and fail. */
enum whose { OURS, LIBRARIES };

static struct {
	enum whose whose;
	uint64_t at, count;
	bool for_ever, on;
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

/* The install works alone but for threads that it waits for. */
static bool lacks(enum whose whose)
{
	uint64_t n;

	if (!memory.on || whose != memory.whose || model_busy())
		return false;
	n = __atomic_add_fetch(&memory.count, 1, __ATOMIC_SEQ_CST);
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
	free(a);
	return done;
}

/* Starts what the loader chooses until it is done, or ms have passed. */
static bool live_with(struct model_fault *fault, uint64_t ms)
{
	enum vs_reset_cause cause = VS_RESET_POWER;
	bool done = false;

	end_ms = power_slept_ms() + ms;
	for (int starts = 0; starts < 8 && !done && power_slept_ms() < end_ms;
	     starts++) {
		/* a crash may take tries: the agent's are not at stake here */
		if (cause == VS_RESET_CRASH)
			cause = VS_RESET_POWER;
		(void)stage_boot(cause);
		done = run_once(fault, &cause);
	}
	return done;
}

static void begin_run(void)
{
	begin();
	*stage.server.heard = unheard;
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
		assert_true(done);
	fault = (struct model_fault){0};
	if (!done)
		assert_true(live_with(&fault, DONE_MS));
	/* a nonce that could not be kept is asked for again */
	stage.server.heard->bad = false;
	assert_true(stage.server.heard->installed > 0);
	stage_check(1, 3, 3, 2);
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
	print_message("# %u faults for ever, %u of which stopped the agent\n",
	              faults.done, faults.failed);
	assert_true(faults.failed > 20);
	memset(&faults, 0, sizeof(faults));
}

static int say(void **state)
{
	(void)state;
	memory.on = false;
	model_fail(&(struct model_fault){0});
	if (cuts_where[0])
		print_message("# at: %s\n", cuts_where);
	return 0;
}

/* Without an argument: an install; with one: the agent that runs. */
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

	(void)argv;
	if (CRYPTO_set_mem_functions(library_malloc, library_realloc,
	                             library_free) != 1)
		return 1;
	json_set_alloc_funcs(json_memory, free);
	if (argc > 1)
		return cmocka_run_group_tests_name("agent failures run", runs,
		                                   set_up_run, tear_down);
	return cmocka_run_group_tests_name("agent failures", tests, set_up,
	                                   tear_down);
}
