/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/links_test.c - whole updates over bad links: the agent, the real
 * HTTP client and TLS, against a server that makes faults (links_server.h).
 *
 * Whatever the link does, the charger ends on the old release or the new one,
 * nothing hangs, and no more bytes are taken than a bound.  When the fault
 * ends, it is the new one.  Waits of the agent's own take no time.
 *
 * S0.28 S2.39
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/install/budget.h"
#include "base/file.h"
#include "base/pem.h"
#include "tests/agent/life.h"
#include "tests/agent/links_server.h"
#include "tests/agent/power.h"

#define GATEWAY_LEN ((size_t)2 * VS_CLUSTER_LEN + 5000)
#define CONTROLLER_LEN 9000
#define SEEDS 20
#define AT_ONCE 10
#define HANGS_S 60
#define FAULTS_SEEN 6 /* of a fault without end are enough */

struct outcome {
	bool done; /* set last */
	bool updated, old, stuck;
	unsigned faults, asked[HOSTS];
	uint64_t bytes, gap_ms;
	bool plain, credentials, nobody;
	uint64_t virtual_ms;
	bool not_allowed; /* told so */
	char detail[VS_NEWS_DETAIL_LEN];
};

static struct maker maker;
static struct server server;
static struct made gateway_2, gateway_3, controller_2, controller_3;
static struct outcome *outcomes; /* shared with children */
static uint64_t once; /* bytes that an update over a good link takes */

static const char conf[] = "server_url = https://links.test:%u\n"
			   "mode = demo\n"
			   "ca_file = ../ca.pem\n"
			   "cert_file = device.crt\n"
			   "device_key = file:device.key\n"
			   "poll_ms = 1000\n"
			   "backoff_max_ms = 10000\n"
			   "jitter_percent = 10\n"
			   "workers = 2\n"
			   "status_age_ms = 86400000\n"
			   "tries = 2\n"
			   "health_checks = 2\n"
			   "health_interval_ms = 100\n"
			   "health_timeout_ms = 1000\n"
			   "connect_ms = 1000\n"
			   "answer_ms = 1000\n"
			   "slow_ms = 300\n"
			   "min_bytes_s = 2000\n"
			   "%s";

static const char idle[] = "{\"session\": false, \"contactors\": \"open\"}";

static int setup(void **state)
{
	uint8_t *image = malloc(GATEWAY_LEN);

	(void)state;
	assert_non_null(image);
	signal(SIGPIPE, SIG_IGN);
	power_set_time(NOW);
	maker_init(&maker);
	noise(image, GATEWAY_LEN, 2);
	maker_seal(&maker, &gateway_2, "gateway", 2, 1, image, GATEWAY_LEN);
	maker_seal(&maker, &controller_2, "controller", 2, 1, image + 1,
	           CONTROLLER_LEN);
	noise(image, GATEWAY_LEN, 3);
	maker_seal(&maker, &gateway_3, "gateway", 3, 1, image, GATEWAY_LEN);
	maker_seal(&maker, &controller_3, "controller", 3, 1, image + 2,
	           CONTROLLER_LEN);
	free(image);
	outcomes = mmap(NULL, sizeof(*outcomes) * SEEDS, PROT_READ | PROT_WRITE,
	                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(outcomes, MAP_FAILED);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	made_drop(&gateway_2);
	made_drop(&gateway_3);
	made_drop(&controller_2);
	made_drop(&controller_3);
	maker_drop(&maker);
	return 0;
}

static const struct links_plan *playing;

static bool is_settled(const struct vs_agent *a)
{
	bool enough = playing->count == 0 && power_slept_ms() > 20000;
	bool told =
		a->state.phase == VS_PHASE_IDLE && a->state.outbox.count == 0;
	bool updated = told && a->charger.slot == 1 &&
	               server.heard->last.ecus[1].release_seq == 3;

	while (links_away)
		poll(NULL, 0, 1);
	return updated || enough ||
	       (playing->count == UINT_MAX &&
	        links_seen.faults >= FAULTS_SEEN &&
	        a->state.phase == VS_PHASE_IDLE && a->charger.slot == 0);
}

/* A charger of this process's own on release 2; 3 is offered. */
static void make_charger(const struct links_plan *plan, const char *settings)
{
	char text[4096];
	char path[PATH_MAX];
	EVP_PKEY *key;
	unsigned port;
	int len;

	snprintf(maker.dir, sizeof(maker.dir), "/tmp/vs-links-XXXXXX");
	assert_non_null(mkdtemp(maker.dir));
	links_make_identity(maker.dir);
	maker_charger(&maker, &gateway_2, &controller_2, 1);
	server_init(&server);
	server_provision(&server, &maker);
	maker_path(&maker, "charger/device.key", path);
	assert_int_equal(vs_pem_private_key(path, &key), VS_OK);
	maker_certificate(&maker, key, "charger/device.crt");
	EVP_PKEY_free(key);
	server_offer(&server, &gateway_3, &controller_3);
	server_publish(&server);
	port = links_start(maker.dir, plan);
	len = snprintf(text, sizeof(text), conf, port, settings);
	if (plan->named >> HOST_CACHE & 1)
		len += snprintf(text + len, sizeof(text) - (size_t)len,
		                "cache_url = https://cache.test:%u\n", port);
	if (plan->named >> HOST_MIRROR & 1)
		len += snprintf(text + len, sizeof(text) - (size_t)len,
		                "mirror_url = https://mirror.test:%u\n", port);
	maker_put(&maker, "charger/agent.conf", text, (size_t)len);
	maker_put(&maker, "charger/run/charger.json", idle, sizeof(idle) - 1);
}

/* In a process of its own. */
static void play(const struct links_plan *plan, const char *settings,
                 struct outcome *out)
{
	struct life l = {.maker = &maker,
	                 .server = &server,
	                 .done = is_settled,
	                 .sick = -1};
	struct vs_boot_decision d;

	alarm(HANGS_S);
	playing = plan;
	make_charger(plan, settings);
	out->stuck = !life_run(&l);
	power_set_time(NOW);
	d = life_boot(&maker, VS_RESET_POWER);
	out->updated = d.slot == 1 &&
	               life_holds_both(&maker, 'b', &gateway_3, &controller_3);
	out->old = d.slot == 0 &&
	           life_holds_both(&maker, 'a', &gateway_2, &controller_2);
	out->faults = links_seen.faults;
	out->bytes = links_seen.bytes;
	out->gap_ms = links_seen.gap_ms;
	for (int i = 0; i < HOSTS; i++)
		out->asked[i] = links_seen.asked[i];
	out->plain = links_seen.plain;
	out->credentials = links_seen.credentials;
	out->nobody = links_seen.nobody;
	out->not_allowed = server.heard->refused[VS_REASON_NOT_ALLOWED];
	snprintf(out->detail, sizeof(out->detail), "%s",
	         server.heard->last.detail);
	out->virtual_ms = power_slept_ms();
	maker_drop(&maker);
	out->done = true;
	_exit(0);
}

static void start(const struct links_plan *plan, const char *settings,
                  struct outcome *out)
{
	pid_t pid;

	*out = (struct outcome){.done = false};
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (!getenv("LINKS_LOG"))
			assert_non_null(freopen("/dev/null", "w", stderr));
		play(plan, settings, out);
	}
}

static struct outcome play_alone(const struct links_plan *plan,
                                 const char *settings)
{
	start(plan, settings, &outcomes[0]);
	while (wait(NULL) < 0)
		assert_int_equal(errno, EINTR);
	assert_true(outcomes[0].done);
	return outcomes[0];
}

/* One in four has no end; the others meet the fault up to eight times. */
static struct links_plan plan_of(enum link_fault fault, uint64_t seed)
{
	static const unsigned counts[] = {1, 3, 8, UINT_MAX};

	return (struct links_plan){
		.fault = fault,
		.seed = seed,
		.skip = (unsigned)(seed * 7 % 11),
		.count = counts[seed % 4],
		.packs_only = seed % 3 == 0,
	};
}

static void judge(const struct links_plan *plan, const struct outcome *o)
{
	uint64_t waste = 65536; /* a fault, and what is in the link's queues */

	if (plan->fault == LINK_TOO_LONG || plan->fault == LINK_ENDLESS)
		waste = 512 * 1024;
	if (plan->fault == LINK_NO_RANGES)
		waste = 512 * 1024;
	/* What came before a fault of its own cluster comes again. */
	waste += VS_CLUSTER_LEN;
	if (!o->done)
		fail_msg("seed %u hangs", (unsigned)plan->seed);
	if (!o->updated && !o->old)
		fail_msg("seed %u: neither old nor new", (unsigned)plan->seed);
	if (plan->count != UINT_MAX && !o->updated)
		fail_msg("seed %u: not the new one, %u faults", //
		         (unsigned)plan->seed, o->faults);
	if (o->stuck && plan->count != UINT_MAX)
		fail_msg("seed %u is stuck", (unsigned)plan->seed);
	if (o->bytes > 2 * once + o->faults * waste)
		fail_msg("seed %u: %u bytes after %u faults",
		         (unsigned)plan->seed, (unsigned)o->bytes, o->faults);
	if (o->plain || o->credentials || o->nobody)
		fail_msg("seed %u: plain %d, credentials %d, nobody %d",
		         (unsigned)plan->seed, o->plain, o->credentials,
		         o->nobody);
}

static void a_good_link_brings_the_new_one(void **state)
{
	const struct links_plan plan = {.fault = LINK_NONE};
	struct outcome o;

	(void)state;
	o = play_alone(&plan, "");
	assert_true(o.updated);
	assert_false(o.plain || o.credentials || o.nobody);
	once = o.bytes;
	print_message("# %u kB\n", (unsigned)(once / 1000));
	/* All of it had to come, and little else. */
	assert_true(once > gateway_3.pack_len + controller_3.pack_len);
	assert_true(once < gateway_3.pack_len + 300000);
}

static void twenty_seeds_leave_the_old_or_the_new(void **state)
{
	enum link_fault fault = (enum link_fault)(intptr_t)*state;
	struct links_plan plans[SEEDS];
	unsigned faults = 0, updated = 0;
	uint64_t bytes = 0;

	if (once == 0)
		a_good_link_brings_the_new_one(NULL);
	for (unsigned i = 0; i < SEEDS; i++) {
		plans[i] = plan_of(fault, i);
		if (i >= AT_ONCE)
			while (wait(NULL) < 0)
				assert_int_equal(errno, EINTR);
		start(&plans[i], "", &outcomes[i]);
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;
	for (unsigned i = 0; i < SEEDS; i++) {
		faults += outcomes[i].faults;
		updated += outcomes[i].updated;
		if (outcomes[i].bytes > bytes)
			bytes = outcomes[i].bytes;
	}
	print_message("# %u faults, %u of 20 updated, at most %u kB\n", faults,
	              updated, (unsigned)(bytes / 1000));
	for (unsigned i = 0; i < SEEDS; i++)
		judge(&plans[i], &outcomes[i]);
	assert_true(faults > 20);
}

static void a_lying_cache_is_dropped_and_the_mirror_is_asked(void **state)
{
	const struct links_plan plan = {
		.fault = LINK_CHANGED,
		.where = HOST_CACHE,
		.packs_only = true,
		.skip = 2, /* head and index are right */
		.count = 1000,
		.named = 1u << HOST_CACHE | 1u << HOST_MIRROR,
	};
	struct outcome o;

	(void)state;
	o = play_alone(&plan, "");
	assert_true(o.updated);
	assert_false(o.credentials || o.nobody);
	assert_int_equal(o.faults, 1);
	assert_int_equal(o.asked[HOST_CACHE], 3);
	assert_true(o.asked[HOST_MIRROR] >= 3);
	assert_int_equal(o.asked[HOST_SERVER], 0);
}

static void who_has_nothing_is_passed_over(void **state)
{
	const struct links_plan plan = {
		.fault = LINK_NONE,
		.named = 1u << HOST_CACHE | 1u << HOST_MIRROR,
		.absent = 1u << HOST_CACHE | 1u << HOST_MIRROR,
	};
	struct outcome o;

	(void)state;
	o = play_alone(&plan, "");
	assert_true(o.updated);
	assert_false(o.credentials);
	assert_true(o.asked[HOST_CACHE] > 0 && o.asked[HOST_MIRROR] > 0 &&
	            o.asked[HOST_SERVER] > 0);
}

/* Of a pack, and of metadata. */
static void a_retry_after_is_obeyed(void **state)
{
	struct links_plan plan = {
		.fault = LINK_TOO_MANY, .count = 1, .retry_s = 60};
	struct outcome o;

	(void)state;
	for (int i = 0; i < 2; i++) {
		plan.packs_only = i == 0;
		o = play_alone(&plan, "");
		assert_true(o.updated);
		assert_int_equal(o.faults, 1);
		print_message("# asked again after %u ms\n",
		              (unsigned)o.gap_ms);
		/* time that really passed is not in it */
		assert_true(o.gap_ms >= 55000);
	}
}

static void downloads_that_fail_wait_longer_each_time(void **state)
{
	const struct links_plan plan = {
		.fault = LINK_ERROR_5XX, .packs_only = true, .count = UINT_MAX};
	struct outcome o;

	(void)state;
	o = play_alone(&plan, "");
	assert_true(o.old);
	print_message("# %u faults in %u ms\n", o.faults,
	              (unsigned)o.virtual_ms);
	/* 2, 4, 8, 10, 10 seconds, each a tenth less at most */
	assert_true(o.virtual_ms >= 25000);
}

static void a_spent_budget_waits_and_says_why(void **state)
{
	const struct links_plan plan = {.fault = LINK_NONE};
	struct outcome o;

	(void)state;
	o = play_alone(&plan, "budget_bytes_month = 1000\n"
	                      "report_ms = 5000\n");
	assert_true(o.old);
	assert_int_equal(o.asked[HOST_SERVER], 0);
	assert_string_equal(o.detail, "the month's data budget is spent");
}

static void a_full_download_is_not_made_where_it_is_forbidden(void **state)
{
	const struct links_plan plan = {.fault = LINK_NONE};
	struct outcome o;

	(void)state;
	o = play_alone(&plan, "never_full_download = yes\n");
	assert_true(o.old);
	assert_true(o.not_allowed);
	assert_true(o.bytes < gateway_3.pack_len);
}

static void a_budget_is_kept_and_a_new_month_frees_it(void **state)
{
	struct vs_budget b;
	char dir[] = "/tmp/vs-budget-XXXXXX";
	char path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/agent", dir);
	assert_int_equal(vs_file_mkdirs(path, 0700), VS_OK);
	assert_int_equal(vs_budget_open(&b, dir, 1000000), VS_OK);
	vs_budget_count(&b, 700000, NOW);
	assert_int_equal(vs_budget_left(&b), 300000);
	assert_int_equal(vs_budget_save(&b), VS_OK);
	assert_int_equal(vs_budget_open(&b, dir, 1000000), VS_OK);
	vs_budget_count(&b, 100000, NOW);
	assert_int_equal(vs_budget_left(&b), 200000);
	vs_budget_count(&b, 400000, NOW - 40 * DAY);
	assert_int_equal(vs_budget_left(&b), 0);
	vs_budget_count(&b, 500000, NOW + 40 * DAY);
	assert_int_equal(vs_budget_left(&b), 900000);
	assert_int_equal(vs_budget_open(&b, dir, 0), VS_OK);
	assert_int_equal(vs_budget_left(&b), UINT64_MAX);
	snprintf(path, sizeof(path), "%s/agent/budget", dir);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/agent", dir);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

#define SEEDED(name, fault)                                                    \
	{                                                                      \
		name, twenty_seeds_leave_the_old_or_the_new, NULL, NULL,       \
			(void *)(intptr_t)(fault)                              \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_link_brings_the_new_one),
		cmocka_unit_test(
			a_lying_cache_is_dropped_and_the_mirror_is_asked),
		cmocka_unit_test(who_has_nothing_is_passed_over),
		cmocka_unit_test(a_retry_after_is_obeyed),
		cmocka_unit_test(downloads_that_fail_wait_longer_each_time),
		cmocka_unit_test(a_spent_budget_waits_and_says_why),
		cmocka_unit_test(
			a_full_download_is_not_made_where_it_is_forbidden),
		cmocka_unit_test(a_budget_is_kept_and_a_new_month_frees_it),
		SEEDED("latency_changes_nothing", LINK_LATENCY),
		SEEDED("stalls_and_resets_only_delay", LINK_LOSS),
		SEEDED("a_byte_a_second_is_given_up", LINK_TRICKLE),
		SEEDED("a_stall_is_given_up", LINK_STALL),
		SEEDED("a_cut_after_any_byte_only_delays", LINK_CUT),
		SEEDED("a_wrong_content_range_is_not_taken", LINK_WRONG_RANGE),
		SEEDED("another_range_is_not_taken", LINK_OTHER_RANGE),
		SEEDED("a_file_that_changes_is_not_taken", LINK_CHANGED),
		SEEDED("errors_of_the_server_only_delay", LINK_ERROR_5XX),
		SEEDED("too_many_requests_only_delay", LINK_TOO_MANY),
		SEEDED("a_truncated_answer_is_asked_again", LINK_TRUNCATED),
		SEEDED("an_answer_too_long_is_cut_off", LINK_TOO_LONG),
		SEEDED("an_endless_answer_is_cut_off", LINK_ENDLESS),
		SEEDED("a_captive_portal_only_delays", LINK_PORTAL),
		SEEDED("a_redirect_to_http_is_not_followed", LINK_TO_HTTP),
		SEEDED("a_loop_of_redirects_ends", LINK_TO_ITSELF),
		SEEDED("another_host_hears_no_credentials", LINK_TO_OTHER_HOST),
		SEEDED("a_name_that_is_not_found_only_delays", LINK_NO_NAME),
		SEEDED("a_clock_that_jumps_only_delays", LINK_CLOCK),
		SEEDED("a_server_that_restarts_only_delays", LINK_RESTART),
		SEEDED("a_connection_half_closed_only_delays",
	               LINK_HALF_CLOSED),
		SEEDED("a_wrong_certificate_is_not_believed", LINK_WRONG_CERT),
		SEEDED("a_server_without_ranges_only_delays", LINK_NO_RANGES),
		SEEDED("an_encoding_not_asked_for_is_not_taken", LINK_GZIP),
		SEEDED("a_slow_handshake_only_delays", LINK_SLOW_TLS),
	};

	cmocka_set_test_filter(getenv("LINKS_ONLY"));
	return cmocka_run_group_tests_name("agent links", tests, setup,
	                                   teardown);
}
