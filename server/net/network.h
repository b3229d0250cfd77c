/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/network.h - which addresses this server may send to by itself.
 *
 * Public ones, and those that the configuration names: an address in a
 * webhook must not make the server knock at its own neighbours' doors.
 */
#ifndef VS_SERVER_NET_NETWORK_H
#define VS_SERVER_NET_NETWORK_H

#include <sys/socket.h>

#include "base/status.h"

#define VS_NETWORKS_MAX 16

struct vs_networks {
	struct vs_network {
		int family;
		uint8_t bytes[16];
		unsigned bits;
	} list[VS_NETWORKS_MAX];
	size_t count;
};

/* "10.1.0.0/16 fd00::/8", blanks between; "" = none.
 * VS_OK; VS_ERR_INPUT; VS_ERR_LIMIT.
 */
vs_status vs_networks_parse(const char *text,
                            struct vs_networks *out) VS_MUST_CHECK;

/* An address as limits know it: of IPv6 the network, /64.  Gives the length; 0
 * for a family we do not know.
 */
size_t vs_network_key(const struct sockaddr *a, uint8_t out[static 16]);

/* Public, or in one of the networks; a family we do not know is not. */
bool vs_network_allows(const struct vs_networks *n, const struct sockaddr *a);

#endif
