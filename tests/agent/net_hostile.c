/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/net_hostile.c - a program in voltseal-net's place that says what
 * it likes, by the seed in its own file's name.
 *
 * "next" answers rightly, but the question after; "sign" asks for a signature
 * of what an URL says and tells its length; "die" ends at once, "hang" is never
 * ready.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/line/birth.h"
#include "agent/line/wire.h"

static _Thread_local uint64_t seed;
static uint64_t first_seed;
static bool signs, nexts;
static uint8_t bytes[1 << 17];

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16) % below;
}

static bool say(int fd, const struct vs_wire_head *asked, uint32_t what,
                uint32_t len)
{
	struct vs_wire_head head = {.what = what,
	                            .number = asked->number,
	                            .len = len,
	                            .status = draw(12),
	                            .code = draw(2) ? 200 : draw(1000),
	                            .received = draw(1000000)};

	if (nexts && asked->what != VS_REQUEST_OPEN)
		head.number++;
	else if (!signs && !nexts && draw(12) == 0)
		head.number += draw(3) - 1;
	return vs_wire_send(fd, &head, bytes, 1000) == VS_OK;
}

/* The right kind of answer, whatever is in it. */
static bool comply(int fd, const struct vs_wire_head *asked)
{
	switch (asked->what) {
	case VS_REQUEST_OPEN:
	case VS_REQUEST_STREAM:
	case VS_REQUEST_CLOSE:
		return say(fd, asked, VS_REQUEST_DONE, 0);
	case VS_REQUEST_READ:
		return say(fd, asked, VS_REQUEST_BYTES, asked->code);
	default:
		return say(fd, asked, VS_REQUEST_ANSWER, draw(asked->code + 1));
	}
}

static bool babble(int fd)
{
	uint8_t noise[200];

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)draw(256);
	return write(fd, noise, draw(200) + 1) > 0;
}

static bool lie(int fd, const struct vs_wire_head *asked)
{
	struct vs_wire_head head;

	switch (draw(9)) {
	case 0:
		return say(fd, asked, draw(40), draw(300));
	case 1:
		return say(fd, asked, VS_REQUEST_FAILED, draw(300));
	case 2:
		return say(fd, asked, VS_REQUEST_ANSWER, asked->code + 1);
	case 3:
		return say(fd, asked, VS_REQUEST_BYTES, draw(100));
	case 4:
		return babble(fd);
	case 5:
		poll(NULL, 0, 1200);
		return true;
	case 6: /* signature after signature */
		while (say(fd, asked, VS_REQUEST_SIGN, 1 + draw(200)) &&
		       vs_wire_recv(fd, &head, sizeof(head), 1000) == VS_OK)
			;
		return true;
	case 7:
		return comply(fd, asked) && comply(fd, asked);
	default:
		_exit(0);
	}
}

static bool have_signed(int fd, const struct vs_wire_head *asked,
                        const uint8_t *body)
{
	struct vs_wire_head head = {.what = VS_REQUEST_SIGN,
	                            .number = asked->number,
	                            .len = asked->len - 1};
	uint8_t sig[VS_WIRE_SIGN_MAX];
	char text[32];

	/* An URL has no zero; a tilde stands for it. */
	uint8_t *said = malloc(asked->len);

	for (uint32_t i = 0; said && i < asked->len; i++)
		said[i] = body[i] == '~' ? 0 : body[i];
	if (!said || vs_wire_send(fd, &head, said, 0) ||
	    vs_wire_recv(fd, &head, sizeof(head), 0) ||
	    head.len > sizeof(sig) || vs_wire_recv(fd, sig, head.len, 0))
		_exit(1);
	free(said);
	snprintf(text, sizeof(text), "signed %u", head.len);
	head = (struct vs_wire_head){.what = VS_REQUEST_FAILED,
	                             .number = asked->number,
	                             .len = (uint32_t)strlen(text),
	                             .status = VS_ERR_IO};
	return vs_wire_send(fd, &head, text, 0) == VS_OK;
}

static void *work(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct vs_wire_head head = {.what = VS_REQUEST_READY};
	bool on = vs_wire_send(fd, &head, NULL, 0) == VS_OK;
	uint8_t *body = malloc(VS_WIRE_ASK_MAX);

	seed = first_seed + (uint64_t)fd * 77777;
	while (on && body &&
	       vs_wire_recv(fd, &head, sizeof(head), 0) == VS_OK &&
	       vs_wire_recv(fd, body, head.len, 0) == VS_OK) {
		if (signs && head.what != VS_REQUEST_OPEN)
			on = have_signed(fd, &head, body);
		else if (signs || nexts || draw(4) > 0)
			on = comply(fd, &head);
		else
			on = lie(fd, &head);
	}
	poll(NULL, 0, 300);
	_exit(0);
}

int main(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	const char *name, *number;
	pthread_t thread;

	path[n > 0 ? n : 0] = '\0';
	name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	number = strchr(name, '-');
	first_seed = (number ? strtoull(number + 1, NULL, 10) : 1) *
	                     0x9e3779b97f4a7c15U +
	             1;
	signs = strcmp(name, "sign") == 0;
	nexts = strcmp(name, "next") == 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 131 + first_seed);
	if (strcmp(name, "die") == 0)
		return 0;
	while (strcmp(name, "hang") == 0)
		poll(NULL, 0, 1000);
	for (int i = 1; i < VS_WIRE_LINES; i++)
		if (pthread_create(&thread, NULL, work,
		                   (void *)(intptr_t)(VS_BIRTH_FD + i)) != 0)
			return 3;
	work((void *)(intptr_t)VS_BIRTH_FD);
	return 0;
}
