/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/serial_test.c - questions over a line that may do anything.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/controllers/serial.h"
#include "seal/bytes.h"

enum { TYPE = 5, PATIENCE_MS = 200, LONG_MS = 5000 };

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The other end: what it does with the n-th frame that it hears. */
struct other {
	int fd;
	void (*hear)(struct other *o, const struct vs_frame *f, long n);
	long heard;
	pthread_t thread;
};

static void send_frame(const struct other *o, const uint8_t *in, size_t len)
{
	uint8_t frame[VS_FRAME_MAX], wire[VS_SERIAL_WIRE_MAX];
	size_t wire_len;

	memcpy(frame, in, len);
	wire_len = vs_serial_stuff(frame, vs_frame_seal(frame, len), wire);
	assert_int_equal(send(o->fd, wire, wire_len, MSG_NOSIGNAL), wire_len);
}

/* Result 0, and the payload once more. */
static void echo(struct other *o, const struct vs_frame *f, long n)
{
	uint8_t out[VS_FRAME_MAX];
	size_t len = f->len - VS_FRAME_HEAD - VS_FRAME_CRC;

	(void)n;
	memcpy(out, f->bytes, VS_FRAME_HEAD);
	out[1] |= 0x80;
	out[4] = 0;
	memcpy(out + 5, f->bytes + VS_FRAME_HEAD, len);
	send_frame(o, out, 5 + len);
}

static void *run(void *ctx)
{
	struct other *o = ctx;
	struct vs_frame f = {.len = 0};
	uint8_t byte;

	while (read(o->fd, &byte, 1) == 1)
		if (vs_frame_feed(&f, byte))
			o->hear(o, &f, o->heard++);
	return NULL;
}

static void begin(struct other *o, struct vs_serial *s,
                  void (*hear)(struct other *, const struct vs_frame *, long))
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	*o = (struct other){.fd = ends[0], .hear = hear};
	assert_int_equal(pthread_create(&o->thread, NULL, run, o), 0);
	assert_int_equal(vs_serial_init(s, ends[1]), VS_OK);
	s->patience_ms = LONG_MS; /* a busy machine repeats nothing */
}

static void end(struct other *o, struct vs_serial *s)
{
	vs_serial_close(s);
	assert_int_equal(pthread_join(o->thread, NULL), 0);
	close(o->fd);
}

static void a_question_gets_its_answer(void **state)
{
	struct vs_serial_answer answer;
	struct vs_serial s;
	struct other o;
	uint8_t payload[VS_FRAME_PAYLOAD_MAX];

	(void)state;
	begin(&o, &s, echo);
	for (size_t len = 0; len < sizeof(payload); len += 37) {
		for (size_t i = 0; i < len; i++)
			payload[i] = (uint8_t)(i % 7 == 0 ? 0 : i + len);
		assert_int_equal(vs_serial_ask(&s, TYPE, payload, len, &answer),
		                 VS_OK);
		assert_int_equal(answer.result, VS_OK);
		assert_int_equal(answer.len, len);
		assert_memory_equal(answer.body, payload, len);
	}
	assert_int_equal(s.repeats, 0);
	assert_int_equal(vs_serial_ask(&s, TYPE, payload,
	                               VS_FRAME_PAYLOAD_MAX + 1, &answer),
	                 VS_ERR_LIMIT);
	end(&o, &s);
}

static void answer_the_third(struct other *o, const struct vs_frame *f, long n)
{
	if (n == 2)
		echo(o, f, n);
}

static void a_question_without_an_answer_is_asked_again(void **state)
{
	struct vs_serial_answer answer;
	struct vs_serial s;
	struct other o;

	(void)state;
	begin(&o, &s, answer_the_third);
	s.patience_ms = PATIENCE_MS;
	assert_int_equal(vs_serial_ask(&s, TYPE, NULL, 0, &answer), VS_OK);
	assert_int_equal(s.repeats, 2);
	assert_int_equal(o.heard, 3);
	end(&o, &s);
}

static void keep_silent(struct other *o, const struct vs_frame *f, long n)
{
	(void)o;
	(void)f;
	(void)n;
}

static void a_line_that_says_nothing_ends_in_time(void **state)
{
	struct vs_serial_answer answer;
	struct vs_serial s;
	struct other o;
	uint64_t began = now_ms();

	(void)state;
	begin(&o, &s, keep_silent);
	s.patience_ms = PATIENCE_MS;
	assert_int_equal(vs_serial_ask(&s, TYPE, NULL, 0, &answer), VS_ERR_IO);
	assert_true(now_ms() - began >= 3 * PATIENCE_MS);
	assert_true(now_ms() - began < 4 * LONG_MS);
	end(&o, &s);
}

static void a_line_that_is_gone_ends_at_once(void **state)
{
	struct vs_serial_answer answer;
	struct vs_serial s;
	struct other o;

	(void)state;
	begin(&o, &s, keep_silent);
	s.patience_ms = UINT64_C(600) * 1000;
	assert_int_equal(shutdown(o.fd, SHUT_RDWR), 0);
	assert_int_equal(vs_serial_ask(&s, TYPE, NULL, 0, &answer), VS_ERR_IO);
	end(&o, &s);
}

/* Of another question, type, version; no answer; too short to be one. */
static void answer_wrong_then_right(struct other *o, const struct vs_frame *f,
                                    long n)
{
	uint8_t out[8] = {0};

	memcpy(out, f->bytes, VS_FRAME_HEAD);
	send_frame(o, out, 5);
	out[1] |= 0x80;
	send_frame(o, out, 4);
	out[2] ^= 1;
	send_frame(o, out, 5);
	out[2] ^= 1;
	out[0] = 2;
	send_frame(o, out, 5);
	out[0] = 1;
	out[1] ^= 2;
	send_frame(o, out, 5);
	echo(o, f, n);
}

static void only_the_answer_to_this_question_counts(void **state)
{
	struct vs_serial_answer answer;
	struct vs_serial s;
	struct other o;

	(void)state;
	begin(&o, &s, answer_wrong_then_right);
	for (uint8_t i = 0; i < 5; i++) {
		assert_int_equal(vs_serial_ask(&s, TYPE, &i, 1, &answer),
		                 VS_OK);
		assert_int_equal(answer.len, 1);
		assert_int_equal(answer.body[0], i);
	}
	assert_int_equal(s.repeats, 0);
	end(&o, &s);
}

/* Text without a zero spoils the frame behind it, and that one alone. */
static void talk_then_echo(struct other *o, const struct vs_frame *f, long n)
{
	static const char text[] = "meter: 12.5 kWh, all is well\r\n";

	for (int i = 0; i < 100; i++)
		assert_int_equal(
			send(o->fd, text, sizeof(text) - 1, MSG_NOSIGNAL),
			sizeof(text) - 1);
	if (n % 2 == 1)
		assert_int_equal(send(o->fd, "", 1, MSG_NOSIGNAL), 1);
	echo(o, f, n);
}

static void text_between_frames_is_dropped(void **state)
{
	struct vs_serial_answer answer;
	struct vs_serial s;
	struct other o;

	(void)state;
	begin(&o, &s, talk_then_echo);
	s.patience_ms = PATIENCE_MS;
	for (uint8_t i = 0; i < 3; i++) {
		assert_int_equal(vs_serial_ask(&s, TYPE, &i, 1, &answer),
		                 VS_OK);
		assert_int_equal(answer.body[0], i);
	}
	assert_int_equal(s.repeats, 3);
	end(&o, &s);
}

static atomic_bool quiet;

static void *babble(void *ctx)
{
	const int *fd = ctx;
	uint8_t text[256];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 37 % 255 + 1);
	while (!quiet && send(*fd, text, sizeof(text), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

static void a_line_that_never_stops_talking_ends_in_time(void **state)
{
	struct vs_serial_answer answer;
	struct vs_serial s;
	uint64_t began = now_ms();
	pthread_t thread;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(vs_serial_init(&s, ends[1]), VS_OK);
	s.patience_ms = PATIENCE_MS;
	quiet = false;
	assert_int_equal(pthread_create(&thread, NULL, babble, &ends[0]), 0);
	assert_int_equal(vs_serial_ask(&s, TYPE, NULL, 0, &answer), VS_ERR_IO);
	assert_true(now_ms() - began >= 3 * PATIENCE_MS);
	assert_true(now_ms() - began < 4 * LONG_MS);
	quiet = true;
	vs_serial_close(&s);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(ends[0]);
}

/* Nobody takes what is sent: the line's room ends, the wait too. */
static void a_line_that_takes_nothing_ends_in_time(void **state)
{
	struct vs_serial_answer answer;
	uint8_t payload[VS_FRAME_PAYLOAD_MAX] = {1};
	struct vs_serial s;
	uint64_t began = now_ms();
	int ends[2];
	int i = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(vs_serial_init(&s, ends[1]), VS_OK);
	s.patience_ms = 1;
	s.attempts = 1;
	for (; i < 2000; i++)
		assert_int_equal(vs_serial_ask(&s, TYPE, payload,
		                               sizeof(payload), &answer),
		                 VS_ERR_IO);
	assert_true(now_ms() - began < 4 * LONG_MS);
	vs_serial_close(&s);
	close(ends[0]);
}

/* The other end got half a question, from an agent that was killed. */
static void half_a_question_spoils_no_other(void **state)
{
	static const uint8_t half[] = {9, 1, 2, 3, 4};
	struct vs_serial_answer answer;
	struct vs_serial s;
	struct other o;

	(void)state;
	begin(&o, &s, echo);
	assert_int_equal(write(s.fd, half, sizeof(half)), sizeof(half));
	assert_int_equal(vs_serial_ask(&s, TYPE, half, 3, &answer), VS_OK);
	assert_int_equal(s.repeats, 0);
	end(&o, &s);
}

static void a_terminal_is_made_raw_and_fast(void **state)
{
	struct termios t;
	struct vs_serial s;
	char name[128];
	int other, mine;

	(void)state;
	assert_int_equal(openpty(&other, &mine, name, NULL, NULL), 0);
	assert_int_equal(tcgetattr(mine, &t), 0);
	t.c_cflag |= HUPCL | CSTOPB;
	t.c_iflag |= IXON | ISTRIP;
	assert_int_equal(tcsetattr(mine, TCSANOW, &t), 0);
	assert_int_equal(vs_serial_open(&s, name), VS_OK);
	assert_int_equal(tcgetattr(s.fd, &t), 0);
	assert_int_equal(cfgetispeed(&t), B115200);
	assert_int_equal(cfgetospeed(&t), B115200);
	assert_int_equal(t.c_lflag & (ICANON | ECHO | ISIG), 0);
	assert_int_equal(t.c_iflag & (IXON | ICRNL | ISTRIP), 0);
	assert_int_equal(t.c_oflag & OPOST, 0);
	assert_int_equal(t.c_cflag & (CSIZE | PARENB | CSTOPB | HUPCL), CS8);
	vs_serial_close(&s);
	close(mine);
	close(other);
}

static void what_is_no_terminal_is_refused(void **state)
{
	struct vs_serial s;

	(void)state;
	assert_int_equal(vs_serial_open(&s, "/dev/null"), VS_ERR_IO);
	assert_int_equal(s.fd, -1);
	assert_int_equal(vs_serial_open(&s, "/dev/nosuchline"), VS_ERR_ABSENT);
	vs_serial_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_gets_its_answer),
		cmocka_unit_test(a_question_without_an_answer_is_asked_again),
		cmocka_unit_test(a_line_that_says_nothing_ends_in_time),
		cmocka_unit_test(a_line_that_is_gone_ends_at_once),
		cmocka_unit_test(only_the_answer_to_this_question_counts),
		cmocka_unit_test(text_between_frames_is_dropped),
		cmocka_unit_test(a_line_that_never_stops_talking_ends_in_time),
		cmocka_unit_test(a_line_that_takes_nothing_ends_in_time),
		cmocka_unit_test(half_a_question_spoils_no_other),
		cmocka_unit_test(a_terminal_is_made_raw_and_fast),
		cmocka_unit_test(what_is_no_terminal_is_refused),
	};

	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* as the agent does */
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
