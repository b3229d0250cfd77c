/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/links_server.c - connections, TLS, requests, good answers.
 */
#include "tests/agent/links_server.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/agent/links_fault.h"
#include "tests/agent/power.h"

struct links_seen links_seen;
_Atomic bool links_away;

static struct links_plan plan;
static SSL_CTX *good_tls, *wrong_tls;
static unsigned port;
static int listener = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int open_fds[64]; /* a connection's, plus one; 0: none */
static _Atomic unsigned met, lookups;

static const char *const host_names[HOSTS] = {"links.test", "cache.test",
                                              "mirror.test", "other.test"};

static EVP_PKEY *put_certificate(const char *dir, const char *name,
                                 EVP_PKEY *key)
{
	static const char names[] =
		"DNS:links.test,DNS:cache.test,"
		"DNS:mirror.test,DNS:other.test,DNS:localhost";
	char path[PATH_MAX];
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);
	X509_EXTENSION *alt =
		X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	X509_set_version(cert, 2);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	                           (const unsigned char *)"links", -1, -1, 0);
	X509_set_issuer_name(cert, subject);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -86400);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	assert_int_equal(X509_add_ext(cert, alt, -1), 1);
	assert_int_not_equal(X509_sign(cert, key, EVP_sha256()), 0);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, cert), 1);
	assert_int_equal(
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(f), 0);
	X509_EXTENSION_free(alt);
	X509_free(cert);
	return key;
}

void links_make_identity(const char *dir)
{
	EVP_PKEY_free(put_certificate(dir, "ca.pem", EVP_EC_gen("P-256")));
	EVP_PKEY_free(put_certificate(dir, "wrong.pem", EVP_EC_gen("P-256")));
}

/* Any certificate will do: who a charger is, another test asks. */
static int accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

static SSL_CTX *new_tls(const char *dir, const char *name)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(
		SSL_CTX_use_certificate_file(tls, path, SSL_FILETYPE_PEM), 1);
	assert_int_equal(
		SSL_CTX_use_PrivateKey_file(tls, path, SSL_FILETYPE_PEM), 1);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, accept_any);
	SSL_CTX_set_session_id_context(tls, (const unsigned char *)"l", 1);
	return tls;
}

/* Whether this one, of requests, connections or lookups, meets the fault. */
static bool is_due(_Atomic unsigned *counter)
{
	unsigned n = (*counter)++;

	return n >= plan.skip && n - plan.skip < plan.count;
}

/* libcurl's lookups come here. */
int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **out)
{
	int (*real)(const char *, const char *, const struct addrinfo *,
	            struct addrinfo **);
	void *found = dlsym(RTLD_NEXT, "getaddrinfo");

	memcpy(&real, &found, sizeof(real));
	if (plan.fault == LINK_NO_NAME && is_due(&lookups)) {
		links_seen.faults++;
		return EAI_AGAIN;
	}
	return real(node && strstr(node, ".test") ? "127.0.0.1" : node, service,
	            hints, out);
}

static void track(int fd, bool add)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < sizeof(open_fds) / sizeof(open_fds[0]); i++)
		if (open_fds[i] == (add ? 0 : fd + 1)) {
			open_fds[i] = add ? fd + 1 : 0;
			break;
		}
	pthread_mutex_unlock(&lock);
}

static void listen_again(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	                         .sin_port = htons((uint16_t)port),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int on = 1, small = 16384;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	port = ntohs(at.sin_port);
	listener = fd;
}

void links_restart(void)
{
	links_away = true;
	pthread_mutex_lock(&lock);
	shutdown(listener, SHUT_RDWR);
	for (size_t i = 0; i < sizeof(open_fds) / sizeof(open_fds[0]); i++)
		if (open_fds[i] > 0)
			shutdown(open_fds[i] - 1, SHUT_RDWR);
	pthread_mutex_unlock(&lock);
}

bool links_put(struct link *l, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len > 0) {
		size_t n = len < 4096 ? len : 4096;
		int done = SSL_write(l->tls, p, (int)n);

		if (done <= 0)
			return false;
		links_seen.bytes += (uint64_t)done;
		p += done;
		len -= (size_t)done;
	}
	return true;
}

bool links_wait(struct link *l, int ms)
{
	struct pollfd p = {.fd = l->fd, .events = POLLRDHUP};

	return poll(&p, 1, ms) == 0;
}

bool links_say(struct link *l, const char *head, const void *body, size_t len)
{
	return links_put(l, head, strlen(head)) && links_put(l, body, len);
}

void links_head(const struct link *l, size_t len, char out[static LINK_HEAD])
{
	const char *stay = l->stays ? "" : "Connection: close\r\n";

	if (!l->bytes)
		snprintf(out, LINK_HEAD,
		         "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n%s"
		         "\r\n",
		         stay);
	else if (l->ranged)
		snprintf(out, LINK_HEAD,
		         "HTTP/1.1 206 Partial Content\r\n"
		         "Content-Range: bytes %zu-%zu/%zu\r\n"
		         "ETag: \"one\"\r\nContent-Length: %zu\r\n%s\r\n",
		         l->first, l->first + l->len - 1, l->total, len, stay);
	else
		snprintf(out, LINK_HEAD,
		         "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%s\r\n",
		         len, stay);
}

static bool answer_well(struct link *l)
{
	char head[LINK_HEAD];

	links_head(l, l->len, head);
	return links_say(l, head, l->bytes, l->bytes ? l->len : 0) && l->stays;
}

static void find_range(struct link *l, const char *text)
{
	const char *range = strcasestr(text, "\r\nRange: bytes=");
	char *end;
	size_t first, last;

	if (!range || !l->bytes)
		return;
	first = strtoull(range + 15, &end, 10);
	last = end[1] == '\r' ? l->total - 1 : strtoull(end + 1, NULL, 10);
	if (*end != '-' || first > last || first >= l->total) {
		l->bytes = NULL; /* 404 is as good as 416 here */
		return;
	}
	last = last < l->total ? last : l->total - 1;
	l->ranged = true;
	l->first = first;
	l->len = last - first + 1;
	l->bytes += first;
}

static void find_host(struct link *l, const char *text)
{
	const char *host = strcasestr(text, "\r\nHost: ");
	X509 *peer = SSL_get1_peer_certificate(l->tls);

	for (int i = 0; host && i < HOSTS; i++)
		if (strncmp(host + 8, host_names[i], strlen(host_names[i])) ==
		    0)
			l->host = (enum link_host)i;
	if (l->host == HOST_SERVER)
		links_seen.nobody = links_seen.nobody || !peer;
	else if (peer || strcasestr(text, "\r\nAuthorization:"))
		links_seen.credentials = true;
	X509_free(peer);
}

/* A report's body, and its answer. */
static bool take_report(struct link *l, const char *text, size_t have)
{
	const char *say = strcasestr(text, "\r\nContent-Length: ");
	size_t len = say ? strtoull(say + 18, NULL, 10) : 0;
	struct vs_http_answer answer = {.code = 200};
	char head[LINK_HEAD];
	char *body = malloc(len + 1);
	bool whole;

	assert_true(body && have <= len);
	memcpy(body, strstr(text, "\r\n\r\n") + 4, have);
	while (have < len) {
		int n = SSL_read(l->tls, body + have, (int)(len - have));

		if (n <= 0)
			break;
		have += (size_t)n;
	}
	whole = have == len;
	if (whole) {
		server_hear(body, len, &answer);
		snprintf(head, sizeof(head),
		         "HTTP/1.1 %ld -\r\nContent-Length: %zu\r\n%s\r\n",
		         answer.code, answer.len,
		         l->stays ? "" : "Connection: close\r\n");
		whole = links_say(l, head, answer.body, answer.len) && l->stays;
	}
	free(answer.body);
	free(body);
	return whole;
}

/* One more than the time, since nought is never. */
static void note_time(bool fault)
{
	uint64_t now = power_slept_ms() + 1;

	if (links_seen.last_ms) {
		uint64_t gap = now - links_seen.last_ms;

		if (!links_seen.gap_ms || gap < links_seen.gap_ms)
			links_seen.gap_ms = gap;
		links_seen.last_ms = 0;
	}
	if (fault)
		links_seen.last_ms = now;
}

static bool answer(struct link *l, const char *text, size_t extra)
{
	char url[1024] = SERVER_URL;
	const char *path = strchr(text, ' ');
	bool packs, bad;

	find_host(l, text);
	if (!path || sscanf(path + 1, "%1000[^ ]", url + strlen(url)) != 1)
		return false;
	packs = server_below(url, SERVER_URL "/packs/") != NULL;
	links_seen.requests++;
	links_seen.asked[l->host] += packs;
	l->ranged = false;
	l->path = url + strlen(SERVER_URL);
	l->port = port;
	l->first = 0;
	if (strncmp(text, "POST", 4) == 0)
		return take_report(l, text, extra);
	l->total = 0;
	l->bytes = server_find(url, &l->total);
	if (l->host != HOST_SERVER && (!packs || (plan.absent >> l->host & 1)))
		l->bytes = NULL;
	l->len = l->total;
	find_range(l, text);
	bad = l->bytes && plan.fault < LINK_FAULTS &&
	      !links_of_connection(plan.fault) && l->host == plan.where &&
	      (packs || !plan.packs_only) && is_due(&met);
	if (packs || !plan.packs_only)
		note_time(bad);
	if (!bad)
		return answer_well(l);
	links_seen.faults++;
	return links_answer_badly(l, &plan);
}

static void serve(struct link *l)
{
	char text[8193];
	size_t have = 0;

	for (;;) {
		int n = SSL_read(l->tls, text + have,
		                 (int)(sizeof(text) - 1 - have));
		char *end;

		if (n <= 0)
			return;
		have += (size_t)n;
		text[have] = '\0';
		end = strstr(text, "\r\n\r\n");
		if (!end)
			continue;
		if (!answer(l, text, have - (size_t)(end + 4 - text)))
			return;
		have = 0;
	}
}

static void *connection(void *ctx)
{
	struct link l = {.fd = (int)(intptr_t)ctx};
	bool bad = links_of_connection(plan.fault) && is_due(&met);
	char first = 0;

	/* One request a connection, so that there are some to meet it. */
	l.stays =
		!links_of_connection(plan.fault) && plan.fault != LINK_NO_NAME;
	if (recv(l.fd, &first, 1, MSG_PEEK) == 1 && first != 0x16)
		links_seen.plain = true;
	links_seen.faults += bad;
	if (bad && plan.fault == LINK_SLOW_TLS)
		links_wait(&l, plan.count == UINT_MAX ? 60000 : 150);
	l.tls = SSL_new(bad && plan.fault == LINK_WRONG_CERT ? wrong_tls
	                                                     : good_tls);
	SSL_set_fd(l.tls, l.fd);
	if (SSL_accept(l.tls) == 1)
		serve(&l);
	SSL_free(l.tls);
	track(l.fd, false);
	close(l.fd);
	return NULL;
}

static void *acceptor(void *ctx)
{
	(void)ctx;
	for (;;) {
		pthread_t thread;
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0) { /* links_restart() */
			close(listener);
			poll(NULL, 0, 20);
			listen_again();
			links_away = false;
			continue;
		}
		track(fd, true);
		assert_int_equal(pthread_create(&thread, NULL, connection,
		                                (void *)(intptr_t)fd),
		                 0);
		pthread_detach(thread);
	}
	return NULL;
}

unsigned links_start(const char *dir, const struct links_plan *p)
{
	pthread_t thread;

	plan = *p;
	good_tls = new_tls(dir, "ca.pem");
	wrong_tls = new_tls(dir, "wrong.pem");
	listen_again();
	assert_int_equal(pthread_create(&thread, NULL, acceptor, NULL), 0);
	pthread_detach(thread);
	return port;
}
