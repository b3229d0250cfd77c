/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/network.c - public addresses, and those that were named.
 */
#include "server/net/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Standard: IANA's special-purpose registries. */
static const struct {
	uint8_t bytes[4];
	unsigned bits;
} special4[] = {
	{{0},            8 },
	{{10},           8 },
	{{100, 64},      10},
	{{127},          8 },
	{{169, 254},     16},
	{{172, 16},      12},
	{{192, 0, 0},    24},
	{{192, 0, 2},    24},
	{{192, 88, 99},  24},
	{{192, 168},     16},
	{{198, 18},      15},
	{{198, 51, 100}, 24},
	{{203, 0, 113},  24},
	{{224},          3 },
};

/* All that is public lies in 2000::/3; these lead elsewhere. */
static const struct {
	uint8_t bytes[4];
	unsigned bits;
} special6[] = {
	{{0x20, 0x02},             16}, /* 6to4: an IPv4 address within */
	{{0x20, 0x01, 0, 0},       23}, /* Teredo and others */
	{{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
	{{0x3f, 0xff},             20}, /* documentation */
};

static bool within(const uint8_t *a, const uint8_t *net, unsigned bits)
{
	size_t whole = bits / 8;
	unsigned rest = bits % 8;

	if (memcmp(a, net, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ net[whole]) >> (8 - rest) == 0;
}

static vs_status parse_one(char *text, struct vs_network *out)
{
	char *slash = strchr(text, '/'), *end;
	unsigned most;

	if (!slash || slash[1] < '0' || slash[1] > '9')
		return VS_ERR_INPUT;
	*slash = 0;
	out->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	most = out->family == AF_INET6 ? 128 : 32;
	unsigned long bits = strtoul(slash + 1, &end, 10);
	out->bits = (unsigned)bits;
	return *end || bits > most ||
	                       inet_pton(out->family, text, out->bytes) != 1
	               ? VS_ERR_INPUT
	               : VS_OK;
}

vs_status vs_networks_parse(const char *text, struct vs_networks *out)
{
	*out = (struct vs_networks){0};
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t len = strcspn(text, " ");
		char one[64];

		if (out->count == VS_NETWORKS_MAX)
			return VS_ERR_LIMIT;
		if (len >= sizeof one)
			return VS_ERR_INPUT;
		memcpy(one, text, len);
		one[len] = 0;
		if (parse_one(one, &out->list[out->count++]))
			return VS_ERR_INPUT;
		text += len;
	}
	return VS_OK;
}

static bool named(const struct vs_networks *n, int family, const uint8_t *a)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->list[i].family == family &&
		    within(a, n->list[i].bytes, n->list[i].bits))
			return true;
	return false;
}

static bool allows4(const struct vs_networks *n, const uint8_t *a)
{
	if (named(n, AF_INET, a))
		return true;
	for (size_t i = 0; i < sizeof special4 / sizeof *special4; i++)
		if (within(a, special4[i].bytes, special4[i].bits))
			return false;
	return true;
}

/* An IPv4 address within an IPv6 one. */
static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool allows6(const struct vs_networks *n, const uint8_t *a)
{
	if (memcmp(a, mapped, sizeof mapped) == 0)
		return allows4(n, a + sizeof mapped);
	if (named(n, AF_INET6, a))
		return true;
	if (a[0] >> 5 != 1)
		return false;
	for (size_t i = 0; i < sizeof special6 / sizeof *special6; i++)
		if (within(a, special6[i].bytes, special6[i].bits))
			return false;
	return true;
}

bool vs_network_allows(const struct vs_networks *n, const struct sockaddr *a)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	if (a->sa_family == AF_INET) {
		memcpy(&v4, a, sizeof v4);
		return allows4(n, (const uint8_t *)&v4.sin_addr);
	}
	if (a->sa_family != AF_INET6)
		return false;
	memcpy(&v6, a, sizeof v6);
	return allows6(n, v6.sin6_addr.s6_addr);
}

size_t vs_network_key(const struct sockaddr *a, uint8_t out[static 16])
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	if (a->sa_family == AF_INET) {
		memcpy(&v4, a, sizeof v4);
		memcpy(out, &v4.sin_addr, 4);
		return 4;
	}
	if (a->sa_family != AF_INET6)
		return 0;
	memcpy(&v6, a, sizeof v6);
	if (memcmp(v6.sin6_addr.s6_addr, mapped, sizeof mapped) == 0) {
		memcpy(out, v6.sin6_addr.s6_addr + sizeof mapped, 4);
		return 4;
	}
	memcpy(out, v6.sin6_addr.s6_addr, 8);
	return 8;
}
