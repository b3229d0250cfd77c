/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/storm.c - many virtual chargers that come all at once.
 *
 * usage: storm PORT CA.pem KEY.pem FOLDER COUNT SECONDS ROUNDS
 * Each polls once in a round and goes by the agent's rules: after a failure
 * it waits twice as long as before, with jitter, and never comes before its
 * Retry-After is over.  The first round is a power cut: nobody has a session.
 * In the next ones all come again with theirs.  An object of JSON a round; 0
 * if all have polled in the end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	most = 20000,
	text_max = 8192,
	/* what poll_ms, backoff_max_ms and jitter_percent are to agents */
	wait_ms = 250,
	wait_max_ms = 4000,
	jitter_percent = 10,
	connect_ms = 10000,
	answer_ms = 30000,
	site = 20, /* chargers behind one address */
};

enum phase { WAITING, CONNECTING, SHAKING, ASKING, READING, DONE };

struct charger {
	enum phase phase;
	int fd;
	uint32_t watched;
	SSL *tls;
	SSL_SESSION *session;
	X509 *cert;
	unsigned failures;
	uint64_t at_ms; /* when it comes, or when it gives up */
	size_t len;
	char text[text_max];
};

struct storm {
	int epoll;
	SSL_CTX *tls;
	EVP_PKEY *key;
	struct sockaddr_in to;
	struct charger *all;
	long count;
	uint64_t random;
	/* of a round */
	long polled, attempts, turned_away, overloaded, late, odd, resumed;
	long least_s, most_s;
	uint64_t began_ms, last_ms;
};

static uint64_t now_ms(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t draw(struct storm *s, uint64_t below)
{
	s->random = s->random * UINT64_C(6364136223846793005) + 1442695;
	return (s->random >> 33) % below;
}

static void drop(struct storm *s, struct charger *c)
{
	if (c->fd >= 0)
		(void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	SSL_free(c->tls);
	c->tls = NULL;
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	c->watched = 0;
	ERR_clear_error();
}

/* It comes again; least_ms: and not before. */
static void later(struct storm *s, struct charger *c, uint64_t least_ms)
{
	uint64_t ms = wait_ms;

	drop(s, c);
	for (unsigned i = 0; i < c->failures && ms < wait_max_ms; i++)
		ms *= 2;
	c->failures++;
	ms = ms > wait_max_ms ? wait_max_ms : ms;
	uint64_t width = ms * jitter_percent / 100;
	ms = ms - width + draw(s, 2 * width + 1);
	if (ms < least_ms)
		ms = least_ms + draw(s, least_ms * jitter_percent / 100 + 1);
	c->phase = WAITING;
	c->at_ms = now_ms() + ms;
}

static void turned_away(struct storm *s, struct charger *c)
{
	s->turned_away++;
	later(s, c, 0);
}

static bool watch(struct storm *s, struct charger *c, uint32_t what)
{
	struct epoll_event e = {.events = what, .data.ptr = c};
	int how = c->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (c->watched == what)
		return true;
	c->watched = what;
	return epoll_ctl(s->epoll, how, c->fd, &e) == 0;
}

static void come(struct storm *s, struct charger *c)
{
	size_t n = (size_t)(c - s->all) / site;
	struct sockaddr_in from = {.sin_family = AF_INET,
	                           .sin_addr.s_addr =
	                                   htonl(0x7f010001U +
	                                         (uint32_t)(n / 200 << 8) +
	                                         (uint32_t)(n % 200))};
	int one = 1;

	s->attempts++;
	c->len = 0;
	c->phase = CONNECTING;
	c->at_ms = now_ms() + connect_ms;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0 ||
	    bind(c->fd, (struct sockaddr *)&from, sizeof from) != 0 ||
	    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) !=
	            0 ||
	    (connect(c->fd, (struct sockaddr *)&s->to, sizeof s->to) != 0 &&
	     errno != EINPROGRESS) ||
	    !watch(s, c, EPOLLOUT))
		turned_away(s, c);
}

/* What OpenSSL waits for; false if it failed. */
static bool wants(struct storm *s, struct charger *c, int result)
{
	switch (SSL_get_error(c->tls, result)) {
	case SSL_ERROR_WANT_READ:
		return watch(s, c, EPOLLIN);
	case SSL_ERROR_WANT_WRITE:
		return watch(s, c, EPOLLOUT);
	default:
		return false;
	}
}

/* A copy: OpenSSL forgets one that it was turned away with. */
static bool offer(struct charger *c)
{
	SSL_SESSION *copy = c->session ? SSL_SESSION_dup(c->session) : NULL;
	bool good = !c->session || (copy && SSL_set_session(c->tls, copy) == 1);

	SSL_SESSION_free(copy);
	return good;
}

static bool begin_tls(struct storm *s, struct charger *c)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) || error)
		return false;
	c->tls = SSL_new(s->tls);
	if (!c->tls || SSL_set_fd(c->tls, c->fd) != 1 ||
	    SSL_use_certificate(c->tls, c->cert) != 1 ||
	    SSL_use_PrivateKey(c->tls, s->key) != 1 || !offer(c))
		return false;
	SSL_set_connect_state(c->tls);
	c->phase = SHAKING;
	return true;
}

static void polled(struct storm *s, struct charger *c)
{
	SSL_SESSION_free(c->session);
	c->session = SSL_get1_session(c->tls);
	s->resumed += SSL_session_reused(c->tls);
	s->polled++;
	s->last_ms = now_ms();
	(void)SSL_shutdown(c->tls);
	drop(s, c);
	c->phase = DONE;
}

/* A whole answer. */
static void judge(struct storm *s, struct charger *c)
{
	const char *wait = strcasestr(c->text, "\r\nRetry-After: ");
	long seconds = wait ? strtol(wait + 15, NULL, 10) : 0;

	if (strncmp(c->text, "HTTP/1.1 200", 12) == 0) {
		polled(s, c);
		return;
	}
	if (strncmp(c->text, "HTTP/1.1 503", 12) != 0 || seconds < 1) {
		fprintf(stderr, "storm: %.300s\n", c->text);
		s->odd++;
		later(s, c, 0);
		return;
	}
	s->overloaded++;
	if (!s->least_s || seconds < s->least_s)
		s->least_s = seconds;
	if (seconds > s->most_s)
		s->most_s = seconds;
	later(s, c, (uint64_t)seconds * 1000);
}

/* Whether head and body are there. */
static bool whole(const struct charger *c)
{
	const char *end = strstr(c->text, "\r\n\r\n");
	const char *n = strcasestr(c->text, "\r\nContent-Length: ");

	return end && n &&
	       c->len >=
	               (size_t)(end + 4 - c->text) + strtoul(n + 18, NULL, 10);
}

/* Goes on as far as it can; false if it was turned away. */
static bool go_on(struct storm *s, struct charger *c)
{
	static const char ask[] = "GET /director/timestamp.json HTTP/1.1\r\n"
				  "Host: x\r\n\r\n";
	int n;

	if (c->phase == CONNECTING && !begin_tls(s, c))
		return false;
	if (c->phase == SHAKING) {
		n = SSL_do_handshake(c->tls);
		if (n != 1)
			return wants(s, c, n);
		c->phase = ASKING;
		c->at_ms = now_ms() + answer_ms;
	}
	if (c->phase == ASKING) {
		n = SSL_write(c->tls, ask, sizeof ask - 1);
		if (n != sizeof ask - 1)
			return wants(s, c, n);
		c->phase = READING;
	}
	while (c->len < text_max - 1) {
		n = SSL_read(c->tls, c->text + c->len,
		             (int)(text_max - 1 - c->len));
		if (n <= 0)
			return wants(s, c, n);
		c->len += (size_t)n;
		c->text[c->len] = 0;
		if (whole(c)) {
			judge(s, c);
			return true;
		}
	}
	return false;
}

static void look(struct storm *s)
{
	struct epoll_event events[256];
	int n = epoll_wait(s->epoll, events, 256, 10);
	uint64_t now;

	for (int i = 0; i < n; i++) {
		struct charger *c = events[i].data.ptr;

		ERR_clear_error();
		if (c->fd >= 0 && !go_on(s, c))
			turned_away(s, c);
	}
	now = now_ms();
	for (long i = 0; i < s->count; i++) {
		struct charger *c = &s->all[i];

		if (c->phase == DONE || now < c->at_ms)
			continue;
		if (c->phase == WAITING) {
			come(s, c);
		} else {
			s->late++;
			later(s, c, 0);
		}
	}
}

static bool run_round(struct storm *s, long seconds)
{
	s->polled = s->attempts = s->turned_away = s->overloaded = 0;
	s->late = s->odd = s->resumed = s->least_s = s->most_s = 0;
	s->began_ms = s->last_ms = now_ms();
	for (long i = 0; i < s->count; i++) {
		s->all[i].phase = WAITING;
		s->all[i].failures = 0;
		s->all[i].at_ms = s->began_ms;
	}
	while (s->polled < s->count &&
	       now_ms() < s->began_ms + (uint64_t)seconds * 1000)
		look(s);
	printf("{\"polled\": %ld, \"attempts\": %ld, \"turned_away\": %ld, "
	       "\"overloaded\": %ld, \"late\": %ld, \"odd\": %ld, "
	       "\"resumed\": %ld, \"retry_least_s\": %ld, "
	       "\"retry_most_s\": %ld, \"last_ms\": %llu}\n",
	       s->polled, s->attempts, s->turned_away, s->overloaded, s->late,
	       s->odd, s->resumed, s->least_s, s->most_s,
	       (unsigned long long)(s->last_ms - s->began_ms));
	fflush(stdout);
	return s->polled == s->count;
}

static bool read_certificate(const char *folder, long n, struct charger *c)
{
	char path[1024];

	snprintf(path, sizeof path, "%s/CP-%04ld.cert.pem", folder, n);
	FILE *f = fopen(path, "re");
	c->fd = -1;
	c->cert = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
	if (f)
		fclose(f);
	return c->cert;
}

static bool prepare(struct storm *s, char **argv)
{
	struct rlimit files;
	FILE *f = fopen(argv[3], "re");

	s->to = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	s->count = strtol(argv[5], NULL, 10);
	s->random = 1;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->tls = SSL_CTX_new(TLS_client_method());
	s->key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
	if (f)
		fclose(f);
	if (s->epoll < 0 || !s->tls || !s->key || s->count < 1 ||
	    s->count > most ||
	    SSL_CTX_load_verify_locations(s->tls, argv[2], NULL) != 1)
		return false;
	SSL_CTX_set_verify(s->tls, SSL_VERIFY_PEER, NULL);
	s->all = calloc((size_t)s->count, sizeof *s->all);
	for (long i = 0; s->all && i < s->count; i++)
		if (!read_certificate(argv[4], i + 1, &s->all[i]))
			return false;
	if (!s->all || getrlimit(RLIMIT_NOFILE, &files))
		return false;
	files.rlim_cur = files.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &files) == 0;
}

int main(int argc, char **argv)
{
	struct storm s = {0};
	bool good = argc == 8 && prepare(&s, argv);

	/* To write to one who has hung up is an error, not the end. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (!good)
		fprintf(stderr, "storm: not prepared\n");
	for (long n = good ? strtol(argv[7], NULL, 10) : 0; n > 0; n--)
		good = run_round(&s, strtol(argv[6], NULL, 10)) && good;
	for (long i = 0; s.all && i < s.count; i++) {
		drop(&s, &s.all[i]);
		SSL_SESSION_free(s.all[i].session);
		X509_free(s.all[i].cert);
	}
	free(s.all);
	EVP_PKEY_free(s.key);
	SSL_CTX_free(s.tls);
	return good ? 0 : 1;
}
