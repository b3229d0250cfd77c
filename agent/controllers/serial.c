/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/controllers/serial.c - one question at a time over a serial line.
 *
 * Time is counted from the attempt's start, not from the last byte: a line
 * that never stops talking ends as one that says nothing.
 */
#include "agent/controllers/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "seal/bytes.h"

enum {
	AT_TYPE = 1,
	AT_NUMBER = 2,
	AT_RESULT = VS_FRAME_HEAD,
	AT_BODY,
	ANSWER = 0x80,
	RUN_MAX = 254, /* bytes behind one code */
	PATIENCE_MS = 3000,
	ATTEMPTS = 3,
	CHUNK = 512,
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

vs_status vs_serial_init(struct vs_serial *s, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->patience_ms = PATIENCE_MS;
	s->attempts = ATTEMPTS;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    getrandom(&s->number, sizeof(s->number), 0) != sizeof(s->number)) {
		vs_serial_close(s);
		return VS_ERR_IO;
	}
	return VS_OK;
}

/* HUPCL is off: many boards wire a line that drops on close to their reset. */
static bool make_raw(int fd)
{
	struct termios t;

	if (ioctl(fd, TIOCEXCL) != 0 || tcgetattr(fd, &t) != 0)
		return false;
	cfmakeraw(&t);
	t.c_cflag &= ~(tcflag_t)(CSTOPB | PARENB | HUPCL | CRTSCTS);
	t.c_cflag |= CS8 | CREAD | CLOCAL;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	return cfsetispeed(&t, B115200) == 0 && cfsetospeed(&t, B115200) == 0 &&
	       tcsetattr(fd, TCSANOW, &t) == 0 && tcflush(fd, TCIOFLUSH) == 0;
}

static vs_status why_not(void)
{
	switch (errno) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return VS_ERR_ABSENT;
	case EBUSY:
	case EACCES:
	case EPERM:
		return VS_ERR_DENIED;
	default:
		return VS_ERR_IO;
	}
}

vs_status vs_serial_open(struct vs_serial *s, const char *path)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	memset(s, 0, sizeof(*s));
	s->fd = -1;
	if (fd < 0)
		return why_not();
	if (!make_raw(fd)) {
		close(fd);
		return VS_ERR_IO;
	}
	return vs_serial_init(s, fd);
}

void vs_serial_close(struct vs_serial *s)
{
	if (s->fd >= 0) {
		/* Who has it open too must not keep it ours. */
		(void)ioctl(s->fd, TIOCNXCL);
		close(s->fd);
	}
	s->fd = -1;
}

/* How many bytes from in on are not zero, as many as one code takes. */
static size_t run_of(const uint8_t *in, size_t len)
{
	size_t n = 0;

	while (n < len && n < RUN_MAX && in[n] != 0)
		n++;
	return n;
}

size_t vs_serial_stuff(const uint8_t *in, size_t len,
                       uint8_t out[static VS_SERIAL_WIRE_MAX])
{
	size_t at = 0;
	bool more = true;

	while (more) {
		size_t n = run_of(in, len);

		out[at++] = (uint8_t)(n + 1);
		memcpy(out + at, in, n);
		at += n;
		in += n;
		len -= n;
		more = len > 0;
		if (more && n < RUN_MAX) {
			in++; /* the zero that the code stands for */
			len--;
		}
	}
	out[at++] = 0;
	return at;
}

/* Waits until fd is ready for events, or until end.  False then, or if the
 * line is gone.
 */
static bool ready(int fd, short events, uint64_t end)
{
	for (;;) {
		struct pollfd p = {fd, events, 0};
		uint64_t now = now_ms();
		int n;

		if (now >= end)
			return false;
		n = poll(&p, 1, (int)(end - now));
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			return (p.revents & events) != 0;
	}
}

static vs_status send_all(int fd, const uint8_t *in, size_t len, uint64_t end)
{
	while (len > 0) {
		ssize_t n;

		if (!ready(fd, POLLOUT, end))
			return VS_ERR_IO;
		n = write(fd, in, len);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return VS_ERR_IO;
		if (n > 0) {
			in += n;
			len -= (size_t)n;
		}
	}
	return VS_OK;
}

/* Whether the frame that just ended answers this question. */
static bool answers(const struct vs_serial *s, uint8_t type)
{
	const uint8_t *in = s->in.bytes;

	return in[0] == VS_FRAME_VERSION && in[AT_TYPE] == (type | ANSWER) &&
	       get16(in + AT_NUMBER) == s->number &&
	       s->in.len > AT_RESULT + VS_FRAME_CRC;
}

/* Whatever stands on the line behind an answer is dropped with it: nobody
 * speaks there unasked but in text.
 */
static vs_status hear(struct vs_serial *s, uint8_t type, uint64_t end)
{
	uint8_t chunk[CHUNK];

	while (ready(s->fd, POLLIN, end)) {
		ssize_t n = read(s->fd, chunk, sizeof(chunk));

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return VS_ERR_IO;
		for (ssize_t i = 0; i < n; i++)
			if (vs_frame_feed(&s->in, chunk[i]) && answers(s, type))
				return VS_OK;
	}
	return VS_ERR_IO;
}

static size_t make_question(const struct vs_serial *s, uint8_t type,
                            const uint8_t *in, size_t len,
                            uint8_t out[static 1 + VS_SERIAL_WIRE_MAX])
{
	uint8_t frame[VS_FRAME_MAX];

	frame[0] = VS_FRAME_VERSION;
	frame[AT_TYPE] = type;
	put16(frame + AT_NUMBER, s->number);
	if (len > 0)
		memcpy(frame + VS_FRAME_HEAD, in, len);
	out[0] = 0; /* ends whatever half of a question went before */
	return 1 + vs_serial_stuff(frame,
	                           vs_frame_seal(frame, VS_FRAME_HEAD + len),
	                           out + 1);
}

vs_status vs_serial_ask(struct vs_serial *s, uint8_t type, const uint8_t *in,
                        size_t len, struct vs_serial_answer *out)
{
	uint8_t wire[1 + VS_SERIAL_WIRE_MAX];
	vs_status status = VS_ERR_IO;
	size_t wire_len;

	if (len > VS_FRAME_PAYLOAD_MAX)
		return VS_ERR_LIMIT;
	s->number++;
	s->asked++;
	wire_len = make_question(s, type, in, len, wire);
	for (unsigned i = 0; i < s->attempts && status != VS_OK; i++) {
		uint64_t end = now_ms() + s->patience_ms;

		s->repeats += i > 0;
		status = send_all(s->fd, wire, wire_len, end);
		if (status == VS_OK)
			status = hear(s, type, end);
	}
	if (status != VS_OK)
		return status;
	out->result = (vs_status)s->in.bytes[AT_RESULT];
	out->body = s->in.bytes + AT_BODY;
	out->len = s->in.len - AT_BODY - VS_FRAME_CRC;
	return VS_OK;
}
