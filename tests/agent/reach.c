/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/reach.c - a health check, or a status command of an idle
 * charger, that asks for something on this host's network: a port that its own
 * name ends with.
 *
 * Linked statically, so that it runs in an otherwise empty root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *port = argc > 0 ? strrchr(argv[0], '-') : NULL;
	struct sockaddr_in at = {.sin_family = AF_INET,
	                         .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (!port)
		return 2;
	at.sin_port = htons((uint16_t)strtoul(port + 1, NULL, 10));
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
		printf("not reached: %s\n", strerror(errno));
		return 1;
	}
	puts("{\"session\": false, \"contactors\": \"open\"}");
	return 0;
}
