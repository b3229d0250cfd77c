/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/line/wire.c - sending and receiving with an end.
 *
 * Waits are counted, not read from a clock, and a byte now and then does not
 * make them longer.
 */
#include "agent/line/wire.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#define TICK_MS 20

struct patience {
	uint64_t left_ms;
	bool endless;
};

static vs_status wait_for(int fd, short what, struct patience *p)
{
	struct pollfd poll_fd = {fd, what, 0};
	int n = poll(&poll_fd, 1, p->endless ? -1 : TICK_MS);

	if (n > 0 || (n < 0 && errno == EINTR) || p->endless)
		return n < 0 && errno != EINTR ? VS_ERR_IO : VS_OK;
	if (n < 0 || p->left_ms < TICK_MS)
		return VS_ERR_IO;
	p->left_ms -= TICK_MS;
	return VS_OK;
}

static vs_status send_all(int fd, const uint8_t *bytes, size_t len,
                          struct patience *p)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR) ||
		           wait_for(fd, POLLOUT, p) != VS_OK) {
			return VS_ERR_IO;
		}
	}
	return VS_OK;
}

vs_status vs_wire_send(int fd, const struct vs_wire_head *head,
                       const void *body, uint64_t wait_ms)
{
	struct patience p = {wait_ms, wait_ms == 0};
	vs_status status =
		send_all(fd, (const uint8_t *)head, sizeof(*head), &p);

	if (status == VS_OK && head->len > 0)
		status = send_all(fd, body, head->len, &p);
	return status;
}

vs_status vs_wire_recv(int fd, void *out, size_t len, uint64_t wait_ms)
{
	struct patience p = {wait_ms, wait_ms == 0};
	uint8_t *bytes = out;

	while (len > 0) {
		ssize_t n = recv(fd, bytes, len, MSG_DONTWAIT);

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR) ||
		           wait_for(fd, POLLIN, &p) != VS_OK) {
			return VS_ERR_IO;
		}
	}
	return VS_OK;
}
