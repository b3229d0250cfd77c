/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/net_turned.c - libcurl with a bug that a server has found.
 *
 * It stands for agent/net/serve.c in voltseal-net, which is otherwise the
 * real one: an URL says which attack to try (a letter) and on what (a path).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/line/wire.h"
#include "agent/net/serve.h"
#include "tests/agent/attack.h"

void vs_net_serve(int fd)
{
	struct vs_wire_head head = {.what = VS_REQUEST_READY};
	vs_status status = vs_wire_send(fd, &head, NULL, 0);
	static char body[VS_WIRE_OPEN_MAX];
	char text[16] = "";

	while (status == VS_OK &&
	       vs_wire_recv(fd, &head, sizeof(head), 0) == VS_OK &&
	       vs_wire_recv(fd, body, head.len, 0) == VS_OK) {
		bool open = head.what == VS_REQUEST_OPEN;

		if (!open)
			snprintf(text, sizeof(text), "%d",
			         attack_try((enum attack)(body[0] - 'A'),
			                    body + 1));
		head.what = open ? VS_REQUEST_DONE : VS_REQUEST_FAILED;
		head.status = VS_ERR_IO;
		head.len = (uint32_t)strlen(text);
		status = vs_wire_send(fd, &head, text, 0);
	}
}
