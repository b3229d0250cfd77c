/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/address.c - ADDRESS:PORT.
 */
#include "server/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static bool read_port(const char *text, in_port_t *out)
{
	unsigned n = 0;
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len > 5 || text[len])
		return false;
	for (; *text; text++)
		n = n * 10 + (unsigned)(*text - '0');
	*out = htons((uint16_t)n);
	return n <= UINT16_MAX;
}

vs_status vs_address_parse(const char *text, struct sockaddr_storage *out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const char *colon = strrchr(text, ':');
	bool bracketed = text[0] == '[';
	char host[INET6_ADDRSTRLEN];
	in_port_t port;

	memset(out, 0, sizeof *out);
	if (!colon || !read_port(colon + 1, &port))
		return VS_ERR_INPUT;
	size_t len = (size_t)(colon - text);
	if (bracketed && (len < 2 || text[len - 1] != ']'))
		return VS_ERR_INPUT;
	len -= bracketed ? 2 : 0;
	if (len >= sizeof host)
		return VS_ERR_INPUT;
	memcpy(host, text + bracketed, len);
	host[len] = 0;
	if (bracketed ? inet_pton(AF_INET6, host, &v6.sin6_addr) != 1
	              : inet_pton(AF_INET, host, &v4.sin_addr) != 1)
		return VS_ERR_INPUT;
	v4.sin_port = v6.sin6_port = port;
	if (bracketed)
		memcpy(out, &v6, sizeof v6);
	else
		memcpy(out, &v4, sizeof v4);
	return VS_OK;
}

bool vs_address_loopback(const struct sockaddr_storage *a)
{
	union {
		const struct sockaddr_storage *any;
		const struct sockaddr_in *v4;
		const struct sockaddr_in6 *v6;
	} u = {.any = a};

	if (a->ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&u.v6->sin6_addr);
	return a->ss_family == AF_INET &&
	       ntohl(u.v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}
