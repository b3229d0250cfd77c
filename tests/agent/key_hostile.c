/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/key_hostile.c - any program in voltseal-key's place: says what
 * KEY_HOSTILE names.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/line/birth.h"
#include "agent/line/wire.h"
#include "base/hex.h"
#include "base/p256.h"

static const char *way;

static bool is(const char *name)
{
	return strcmp(way, name) == 0;
}

static uint8_t body[4096] = "not\na line";

static void say(uint32_t what, uint32_t number, uint32_t len, uint32_t status)
{
	const struct vs_wire_head head = {
		.what = what, .number = number, .len = len, .status = status};

	if (vs_wire_send(VS_BIRTH_FD, &head, body, 1000) != VS_OK)
		exit(0);
}

static uint32_t hear(void)
{
	struct vs_wire_head head;
	uint8_t heard[4096];

	if (vs_wire_recv(VS_BIRTH_FD, &head, sizeof(head), 10000) != VS_OK ||
	    head.len > sizeof(heard) ||
	    vs_wire_recv(VS_BIRTH_FD, heard, head.len, 1000) != VS_OK)
		exit(0);
	return head.number;
}

int main(void)
{
	uint32_t n;

	way = getenv("KEY_HOSTILE");
	if (!way || is("ends"))
		return 0;
	if (is("silent"))
		for (;;)
			pause();
	say(is("signs first") ? VS_REQUEST_SIGNED : VS_REQUEST_READY, 0, 0, 0);
	n = hear();
	if (is("another number"))
		say(VS_REQUEST_TOLD, n + 1, VS_P256_POINT_LEN, 0);
	if (is("a short point"))
		say(VS_REQUEST_TOLD, n, VS_P256_POINT_LEN - 1, 0);
	if (is("a long point"))
		say(VS_REQUEST_TOLD, n, VS_P256_POINT_LEN + 1, 0);
	if (is("less than it said")) {
		const struct vs_wire_head head = {.what = VS_REQUEST_TOLD,
		                                  .number = n,
		                                  .len = VS_P256_POINT_LEN};

		return write(VS_BIRTH_FD, &head, sizeof(head)) < 0;
	}
	if (is("no point")) {
		say(VS_REQUEST_TOLD, n, 0, 0);
		return 0;
	}
	if (is("a long reason"))
		say(VS_REQUEST_FAILED, n, 4096, VS_ERR_ABSENT);
	if (is("a reason of two lines"))
		say(VS_REQUEST_FAILED, n, 10, VS_ERR_ABSENT);
	if (is("a failure that is none"))
		say(VS_REQUEST_FAILED, n, 3, VS_OK);
	/* The public part that was expected, as all know it. */
	if (getenv("KEY_POINT") && vs_hex_decode(getenv("KEY_POINT"), body,
	                                         VS_P256_POINT_LEN) != VS_OK)
		return 1;
	say(VS_REQUEST_TOLD, n, VS_P256_POINT_LEN, 0);
	n = hear();
	say(VS_REQUEST_SIGNED, n, is("a long signature") ? 73 : 72, 0);
	(void)hear();
	return 0;
}
