/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/intake.c - signed reports into the store, by the server's own code
 * without its connections.
 *
 * bench-intake CONFIG KEY CHARGERS ROUNDS [news]: in each round every one of
 * CP-0001 to CHARGERS, which share one key, has signed a report.  Two threads
 * decode and verify them and hand them to the writer; the round ends when
 * every one is durable.  Then the same with reports verified beforehand: the
 * writer alone.  Prints both as reports a second, as JSON.
 */
#include <errno.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/server_report.h"
#include "server/api/intake.h"
#include "server/hold/server.h"
#include "server/work/start.h"

enum { workers = 2 };

struct one {
	struct vs_job job;
	struct vs_intake in;
	char device[32], wire[REPORT_MAX];
};

static struct {
	struct vs_server server;
	struct vs_key key;
	EVP_PKEY *pkey;
	struct reporter *reporters;
	struct one *all;
	unsigned count;
	bool verified; /* before the round */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t ended;
	unsigned left, refused;
} bench = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .ended = PTHREAD_COND_INITIALIZER};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static vs_status run(struct vs_job *job, struct vs_store *store)
{
	return vs_intake_run(&((struct one *)job)->in, store);
}

static void done(struct vs_job *job, vs_status status)
{
	const struct one *o = (struct one *)job;
	bool refused = status || o->in.refused != VS_REASON_NONE;

	pthread_mutex_lock(&bench.lock);
	bench.refused += refused;
	if (--bench.left == 0)
		pthread_cond_signal(&bench.ended);
	pthread_mutex_unlock(&bench.lock);
}

static bool verify(struct one *o)
{
	struct vs_why why = {0};

	return vs_report_decode(o->in.body, o->in.body_len, &bench.key,
	                        &o->in.report, &why) == VS_OK;
}

/* Every second one, as two connection threads would share them. */
static void *work(void *ctx)
{
	for (unsigned i = *(unsigned *)ctx; i < bench.count; i += workers) {
		struct one *o = &bench.all[i];

		if (!bench.verified && !verify(o))
			o->in.refused = VS_REASON_BAD_SIGNATURE;
		if (vs_writer_submit(bench.server.writer, &o->job))
			o->job.done(&o->job, VS_ERR_IO);
	}
	return NULL;
}

static bool prepare(bool news, bool verified)
{
	bench.verified = verified;
	for (unsigned i = 0; i < bench.count; i++) {
		struct one *o = &bench.all[i];
		size_t len = report_make(&bench.reporters[i], bench.pkey,
		                         bench.key.id, news, o->wire);
		const char *body = len ? strstr(o->wire, "\r\n\r\n") : NULL;

		if (!body)
			return false;
		body += 4;
		(void)snprintf(o->device, sizeof o->device, "CP-%04u", i + 1);
		o->job = (struct vs_job){.run = run, .done = done};
		o->in = (struct vs_intake){
			.server = &bench.server,
			.device = o->device,
			.body = body,
			.body_len = len - (size_t)(body - o->wire),
		};
		if (verified && !verify(o))
			return false;
	}
	return true;
}

/* Seconds until all are durable; below 0: not all were taken. */
static double round_s(void)
{
	unsigned first[workers];
	pthread_t threads[workers];
	unsigned started = 0;
	double began = now_s();

	bench.left = bench.count;
	bench.refused = 0;
	for (; started < workers; started++) {
		first[started] = started;
		if (pthread_create(&threads[started], NULL, work,
		                   &first[started]))
			break;
	}
	for (unsigned i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	if (started < workers)
		return -1;
	pthread_mutex_lock(&bench.lock);
	while (bench.left)
		pthread_cond_wait(&bench.ended, &bench.lock);
	pthread_mutex_unlock(&bench.lock);
	double took = now_s() - began;
	for (unsigned i = 0; i < bench.count; i++)
		memcpy(bench.reporters[i].nonce, bench.all[i].in.nonce,
		       REPORT_NONCE);
	return bench.refused ? -1 : took;
}

/* The first round gives each charger its nonce and is refused. */
static bool learn_nonces(void)
{
	if (!prepare(false, true))
		return false;
	(void)round_s();
	return true;
}

static bool measure(unsigned rounds, bool news)
{
	double took[2] = {0, 0};

	for (unsigned i = 0; i < 2 * rounds; i++) {
		double s = prepare(news, i % 2) ? round_s() : -1;

		if (s < 0)
			return false;
		took[i % 2] += s;
	}
	(void)printf("{\"verified\": %.1f, \"committed\": %.1f}\n",
	             bench.count * rounds / took[0],
	             bench.count * rounds / took[1]);
	return true;
}

static bool read_key(const char *path)
{
	FILE *f = fopen(path, "re");

	bench.pkey = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
	if (f)
		(void)fclose(f);
	return bench.pkey && EVP_PKEY_up_ref(bench.pkey) == 1 &&
	       vs_key_from_pkey(bench.pkey, &bench.key) == VS_OK;
}

static bool make_chargers(unsigned count)
{
	bench.count = count;
	bench.reporters = calloc(count, sizeof *bench.reporters);
	bench.all = calloc(count, sizeof *bench.all);
	if (!bench.reporters || !bench.all)
		return false;
	for (unsigned i = 0; i < count; i++) {
		bench.reporters[i].number = i + 1;
		bench.reporters[i].counter = (uint64_t)time(NULL) * 1000000;
		memset(bench.reporters[i].nonce, '0', REPORT_NONCE - 1);
	}
	return true;
}

static int fail(const char *what)
{
	(void)fprintf(stderr, "bench-intake: %s\n", what);
	return 1;
}

int main(int argc, char **argv)
{
	struct vs_settings settings;
	char error[256];

	unsigned long count = argc >= 5 ? strtoul(argv[3], NULL, 10) : 0;
	unsigned long rounds = argc >= 5 ? strtoul(argv[4], NULL, 10) : 0;
	if (!count || count > 9999 || !rounds || rounds > 1000)
		return fail("usage: CONFIG KEY CHARGERS ROUNDS [news]");
	if (!read_key(argv[2]) || !make_chargers((unsigned)count))
		return fail("key or memory");
	if (vs_settings_load(argv[1], &settings, error) ||
	    vs_server_load(&bench.server, &settings, true, error) ||
	    vs_server_start(&bench.server, error))
		return fail(error);
	bool good = learn_nonces() && measure((unsigned)rounds, argc > 5);
	vs_server_stop(&bench.server);
	vs_server_drop(&bench.server);
	vs_settings_drop(&settings);
	return good ? 0 : fail("not every report was taken");
}
