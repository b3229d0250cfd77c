/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/base/http_test.c - a limited download is never far ahead of its rate.
 *
 * The server writes as fast as loopback takes it.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/http.h"

#define BODY_LEN 600000
#define RATE 200000
#define STEP 1000

static int listener;

static void put(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

/* One request, whatever it asks for. */
static void *serve(void *unused)
{
	static char body[BODY_LEN];
	char head[256];
	int fd = accept(listener, NULL, NULL);

	(void)unused;
	if (fd < 0)
		return NULL;
	if (recv(fd, body, sizeof(body), 0) > 0) {
		int n = snprintf(head, sizeof(head),
		                 "HTTP/1.1 206 Partial Content\r\n"
		                 "Content-Length: %d\r\n"
		                 "Content-Range: bytes 0-%d/%d\r\n\r\n",
		                 BODY_LEN, BODY_LEN - 1, BODY_LEN);

		put(fd, head, (size_t)n);
		memset(body, 'v', sizeof(body));
		put(fd, body, sizeof(body));
	}
	close(fd);
	return NULL;
}

static void open_listener(char *url, size_t cap)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len),
	                 0);
	snprintf(url, cap, "http://127.0.0.1:%u/pack", ntohs(at.sin_port));
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* S2.39: metered links are shared with the charger's own traffic. */
static void a_limited_download_is_at_most_a_second_ahead(void **state)
{
	const struct vs_http_config config = {.allow_http = true,
	                                      .max_bytes_s = RATE};
	static uint8_t bytes[STEP];
	struct vs_http_stream *s = NULL;
	struct vs_http *h;
	pthread_t server;
	char url[64];
	double began, ahead = 0;

	(void)state;
	open_listener(url, sizeof(url));
	assert_int_equal(pthread_create(&server, NULL, serve, NULL), 0);
	assert_int_equal(vs_http_new(&config, &h), VS_OK);
	began = now_s();
	assert_int_equal(vs_http_stream_open(h, url, 0, BODY_LEN, &s), VS_OK);
	for (size_t got = 0; got < BODY_LEN; got += STEP) {
		double over;

		assert_int_equal(vs_http_stream_read(s, bytes, STEP), VS_OK);
		over = (double)vs_http_received(h) - (now_s() - began) * RATE;
		ahead = over > ahead ? over : ahead;
	}
	print_message("# at most %.0f ms ahead\n", ahead * 1000 / RATE);
	/* and the buffers in which libcurl and the kernel hold some */
	assert_true(ahead < 1.5 * RATE);
	vs_http_stream_close(&s);
	vs_http_free(&h);
	assert_int_equal(pthread_join(server, NULL), 0);
	close(listener);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limited_download_is_at_most_a_second_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
