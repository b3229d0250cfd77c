/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/server.c - bench-server: chargers that ask a server, many at once.
 *
 * bench-server WHAT --port N --ca FILE ...: connects, prints "ready", waits
 * for a line on standard input, asks, and prints one line of JSON.
 *   polls       each asks again as soon as it has its answer
 *   handshakes  each connects anew for every request
 *   reports     each sends signed reports, one after another
 *   live        each polls once in --every-ms; --slow of them download too
 *   enroll      registers --chargers of them with an operator's token
 */
#include <getopt.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/crowd.h"
#include "bench/server_report.h"

enum { at_once = 64, samples_max = 8000000, request_max = 16384 };
enum { slow_tick_us = 10000, second_us = 1000000 };

static struct load {
	const char *what, *host, *ca, *certs, *key, *path, *slow_path, *token;
	unsigned long port, links, seconds, every_ms, slow, slow_bytes, first;
	unsigned long chargers;

	struct crowd crowd;
	EVP_PKEY *pkey;
	struct vs_key public;
	X509 **certificates;
	struct reporter *reporters;
	char **requests; /* by link; owned */
	char *request;
	uint32_t *samples;
	size_t sampled, refused, begun, gathered;
	uint64_t start_us, end_us;
	bool going;
} load = {
	.host = "127.0.0.1",
	.path = "/director/timestamp.json",
	.links = 32,
	.seconds = 5,
	.every_ms = 10000,
	.slow_bytes = 250000,
	.first = 1,
};

static int fail(const char *what)
{
	fprintf(stderr, "bench-server: %s: %s\n", what, load.crowd.why);
	return 1;
}

static bool read_key(void)
{
	FILE *f = fopen(load.key, "re");

	load.pkey = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
	if (f)
		fclose(f);
	return load.pkey && !vs_key_from_pkey(load.pkey, &load.public);
}

/* FOLDER/CP-0001.cert.pem, as tests/server/herd makes them. */
static void certificate_path(char out[static 1024], unsigned number)
{
	(void)snprintf(out, 1024, "%s/CP-%04lu.cert.pem", load.certs,
	               load.first + number);
}

static bool read_certificates(void)
{
	char path[1024];

	load.certificates = calloc(load.links, sizeof(X509 *));
	for (unsigned i = 0; load.certificates && i < load.links; i++) {
		certificate_path(path, i);
		FILE *f = fopen(path, "re");
		load.certificates[i] =
			f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
		if (f)
			fclose(f);
		if (!load.certificates[i]) {
			(void)snprintf(load.crowd.why, sizeof load.crowd.why,
			               "%.150s", path);
			return false;
		}
	}
	return load.certificates;
}

static void sample(struct crowd_link *l, uint64_t since_us)
{
	if (load.sampled < samples_max)
		load.samples[load.sampled++] =
			(uint32_t)(crowd_us() - since_us);
	if (l->code != 200 && load.refused++ == 0)
		fprintf(stderr, "bench-server: %d: %.200s\n", l->code, l->body);
}

static void ask(struct crowd_link *l)
{
	l->due_us = crowd_us();
	crowd_ask(l, load.request, strlen(load.request));
}

/* --- polls -------------------------------------------------------------- */

static void rest(struct crowd_link *l)
{
	(void)l;
	load.gathered++;
}

/* The first answer of all is not counted: the server may have to make it. */
static void ask_first(struct crowd_link *l)
{
	crowd_ask(l, load.request, strlen(load.request));
}

static void ask_again(struct crowd_link *l)
{
	if (!load.going) {
		load.gathered++;
		return;
	}
	sample(l, l->due_us);
	if (crowd_us() < load.end_us)
		ask(l);
}

/* --- handshakes --------------------------------------------------------- */

static void leave_and_return(struct crowd_link *l)
{
	sample(l, l->due_us);
	crowd_leave(l);
	if (crowd_us() >= load.end_us)
		return;
	l->due_us = crowd_us();
	crowd_connect(l);
}

/* --- reports ------------------------------------------------------------ */

static void report(struct crowd_link *l)
{
	struct reporter *r = &load.reporters[l->number];
	size_t len = report_make(r, load.pkey, load.public.id, false,
	                         load.requests[l->number]);

	l->due_us = crowd_us();
	if (len)
		crowd_ask(l, load.requests[l->number], len);
}

/* A charger that was here before learns its nonce from the first refusal. */
static void report_again(struct crowd_link *l)
{
	bool first = l->code == 409 && l->tries++ == 0;

	if (!first)
		sample(l, l->due_us);
	if (report_nonce(&load.reporters[l->number], l->body) &&
	    (first || crowd_us() < load.end_us))
		report(l);
}

static bool make_reporters(void)
{
	load.reporters = calloc(load.links, sizeof *load.reporters);
	load.requests = calloc(load.links, sizeof *load.requests);
	if (!load.reporters || !load.requests)
		return false;
	for (size_t i = 0; i < load.links; i++) {
		load.reporters[i].number = (unsigned)(load.first + i);
		load.reporters[i].counter = crowd_us();
		load.requests[i] = malloc(REPORT_MAX);
		if (!load.requests[i])
			return false;
	}
	return true;
}

/* --- enroll ------------------------------------------------------------- */

static size_t escape(const char *path, char *out, size_t cap)
{
	FILE *f = fopen(path, "re");
	size_t n = 0;
	int c;

	while (f && (c = getc(f)) != EOF && n + 3 < cap) {
		if (c == '\n')
			out[n++] = '\\';
		out[n++] = c == '\n' ? 'n' : (char)c;
	}
	out[n] = 0;
	if (f)
		fclose(f);
	return n;
}

static void enroll(struct crowd_link *l)
{
	char pem[4096], body[8192], path[1024];
	size_t i = load.begun;

	if (i == load.chargers)
		return;
	load.begun++;
	certificate_path(path, (unsigned)i);
	if (!escape(path, pem, sizeof pem))
		return;
	int n = snprintf(
		body, sizeof body,
		"{\"id\":\"CP-%04zu\",\"site\":\"site-%zu\",\"feeder\":\"\","
		"\"model\":\"dc150\",\"certificate\":\"%s\",\"ecus\":[{\"id\":"
		"\"CP-%04zu-gateway\",\"component\":\"gateway\",\"hardware\":"
		"\"gw-rev3\"},{\"id\":\"CP-%04zu-controller\",\"component\":"
		"\"controller\",\"hardware\":\"mc-rev2\"}]}",
		load.first + i, i % 500, pem, load.first + i, load.first + i);
	int len = snprintf(load.requests[l->number], request_max,
	                   "POST /v1/devices HTTP/1.1\r\nHost: localhost\r\n"
	                   "Authorization: Bearer %s\r\nContent-Length: %d"
	                   "\r\n\r\n%s",
	                   load.token, n, body);
	l->due_us = crowd_us();
	crowd_ask(l, load.requests[l->number], (size_t)len);
}

static void enrolled(struct crowd_link *l)
{
	if (l->code == 201)
		l->code = 200;
	sample(l, l->due_us);
	enroll(l);
}

/* --- live --------------------------------------------------------------- */

static void download(struct crowd_link *l)
{
	crowd_ask(l, load.requests[0], strlen(load.requests[0]));
}

static void poll_answered(struct crowd_link *l)
{
	if (l->slow)
		download(l);
	else if (load.going)
		sample(l, l->due_us);
	else
		load.gathered++;
}

static void live_ready(struct crowd_link *l)
{
	if (!l->slow) {
		ask_first(l);
		return;
	}
	load.gathered++;
	download(l);
}

static void feed_slow(uint64_t passed_us)
{
	uint64_t more = load.slow_bytes * passed_us / second_us;

	for (size_t i = load.links - load.slow; i < load.links; i++) {
		struct crowd_link *l = &load.crowd.links[i];

		if (l->budget < 4 * more) /* it does not catch up at once */
			l->budget += more;
		if (l->state == CROWD_READING)
			crowd_read(l);
	}
}

static void live(void)
{
	const size_t pollers = load.links - load.slow;
	const uint64_t every_us = load.every_ms * 1000;
	uint64_t next = 0, fed_us = load.start_us, now;

	while ((now = crowd_us()) < load.end_us) {
		for (;; next++) {
			struct crowd_link *l =
				&load.crowd.links[next % pollers];
			uint64_t due =
				load.start_us + next * every_us / pollers;

			if (due > now)
				break;
			if (l->state != CROWD_READY) {
				load.refused++; /* still at the one before */
				continue;
			}
			l->due_us = due;
			crowd_ask(l, load.request, strlen(load.request));
		}
		if (now - fed_us >= slow_tick_us) {
			feed_slow(now - fed_us);
			fed_us = now;
		}
		crowd_turn(&load.crowd, 1);
	}
}

/* ------------------------------------------------------------------------ */

/* All connected, so many at once. */
static bool gather(void)
{
	struct crowd *c = &load.crowd;
	size_t begun = 0;

	while (load.gathered < load.links && !c->failed) {
		while (begun < load.links && begun - load.gathered < at_once)
			crowd_connect(&c->links[begun++]);
		crowd_turn(c, 100);
	}
	return !c->failed;
}

static bool told_to_go(void)
{
	char line[16];

	printf("ready\n");
	return fflush(stdout) == 0 && fgets(line, sizeof line, stdin);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void tell(uint64_t took_us)
{
	size_t n = load.sampled;

	qsort(load.samples, n, sizeof *load.samples, compare);
	printf("{\"done\": %zu, \"refused\": %zu, \"failed\": %zu, "
	       "\"seconds\": %.6f, \"p50_us\": %u, \"p99_us\": %u, "
	       "\"read\": %llu}\n",
	       n, load.refused, load.crowd.failed, (double)took_us / second_us,
	       n ? load.samples[n / 2] : 0, n ? load.samples[n * 99 / 100] : 0,
	       (unsigned long long)load.crowd.read);
	if (load.crowd.failed)
		fprintf(stderr, "bench-server: %s\n", load.crowd.why);
}

/* What begins and what follows an answer, by the first word. */
static const struct mode {
	const char *name;
	void (*on_ready)(struct crowd_link *l);
	void (*on_answer)(struct crowd_link *l);
	void (*begin)(struct crowd_link *l);
	bool keyed, gathers;
} modes[] = {
	{"polls",      ask_first,  ask_again,        ask,           true,  true },
	{"handshakes", ask_first,  leave_and_return, crowd_connect, true,  false},
	{"reports",    rest,       report_again,     report,        true,  true },
	{"live",       live_ready, poll_answered,    NULL,          true,  true },
	{"enroll",     rest,       enrolled,         enroll,        false, true },
};

static bool busy(void)
{
	for (size_t i = 0; i < load.links; i++)
		if (load.crowd.links[i].state > CROWD_AWAY &&
		    load.crowd.links[i].state != CROWD_READY)
			return true;
	return false;
}

static void drive(const struct mode *m)
{
	load.going = true;
	load.start_us = crowd_us();
	load.end_us = load.start_us + load.seconds * second_us;
	if (!m->begin) {
		live();
		return;
	}
	for (size_t i = 0; i < load.links; i++) {
		load.crowd.links[i].due_us = load.start_us;
		m->begin(&load.crowd.links[i]);
	}
	while (busy())
		crowd_turn(&load.crowd, 1000);
}

static int run(const struct mode *m)
{
	struct crowd *c = &load.crowd;
	char request[1024];

	(void)snprintf(request, sizeof request,
	               "GET %s HTTP/1.1\r\nHost: localhost\r\n"
	               "Accept: */*\r\n\r\n",
	               load.path);
	load.request = request;
	load.samples = malloc(samples_max * sizeof *load.samples);
	if (!load.samples ||
	    !crowd_open(c, load.host, (unsigned)load.port, load.ca, load.links))
		return fail("begin");
	c->on_ready = m->on_ready;
	c->on_answer = m->on_answer;
	if (m->keyed && (!read_key() || !read_certificates()))
		return fail("identities");
	if (!make_reporters())
		return fail("memory");
	c->key = load.pkey;
	for (size_t i = 0; i < load.links; i++) {
		c->links[i].certificate =
			m->keyed ? load.certificates[i] : NULL;
		c->links[i].slow = !m->begin && i >= load.links - load.slow;
	}
	if (!m->begin && load.slow_path)
		(void)snprintf(load.requests[0], REPORT_MAX,
		               "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
		               load.slow_path);
	if (m->gathers && !gather())
		return fail("connect");
	if (!told_to_go())
		return fail("nobody said go");
	drive(m);
	tell(crowd_us() - load.start_us);
	crowd_close(c);
	return 0;
}

static const struct setting {
	const char *name;
	const char **text;
	unsigned long *number;
} settings[] = {
	{"host",       &load.host,      NULL            },
	{"ca",         &load.ca,        NULL            },
	{"certs",      &load.certs,     NULL            },
	{"key",        &load.key,       NULL            },
	{"path",       &load.path,      NULL            },
	{"slow-path",  &load.slow_path, NULL            },
	{"token",      &load.token,     NULL            },
	{"port",       NULL,            &load.port      },
	{"links",      NULL,            &load.links     },
	{"seconds",    NULL,            &load.seconds   },
	{"every-ms",   NULL,            &load.every_ms  },
	{"slow",       NULL,            &load.slow      },
	{"slow-bytes", NULL,            &load.slow_bytes},
	{"first",      NULL,            &load.first     },
	{"chargers",   NULL,            &load.chargers  },
};

static bool take_setting(const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		if (strcmp(settings[i].name, name) != 0)
			continue;
		if (settings[i].text)
			*settings[i].text = value;
		else
			*settings[i].number = strtoul(value, NULL, 10);
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	const struct mode *m = NULL;

	for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++)
		if (strcmp(argv[1], modes[i].name) == 0)
			m = &modes[i];
	for (int i = 2; m && i < argc; i++) {
		if (strncmp(argv[i], "--", 2) != 0 || i + 1 == argc ||
		    !take_setting(argv[i] + 2, argv[i + 1]))
			m = NULL;
		else
			i++;
	}
	if (!m || !load.ca || !load.port || !load.links ||
	    (m->keyed && (!load.certs || !load.key)) ||
	    load.slow >= load.links) {
		fprintf(stderr, "usage: bench-server "
		                "polls|handshakes|reports|live|enroll "
		                "--port N --ca FILE --certs DIR --key FILE "
		                "[--links N] [--seconds N] ...\n");
		return 2;
	}
	return run(m);
}
