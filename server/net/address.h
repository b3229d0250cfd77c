/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/address.h - where a listener listens, as a person writes it.
 */
#ifndef VS_SERVER_NET_ADDRESS_H
#define VS_SERVER_NET_ADDRESS_H

#include <sys/socket.h>

#include "base/status.h"

/* "127.0.0.1:8443", "[::]:8443"; digits only, port 0 lets the system choose.
 * VS_OK; VS_ERR_INPUT.
 */
vs_status vs_address_parse(const char *text,
                           struct sockaddr_storage *out) VS_MUST_CHECK;

/* 127.0.0.0/8 and ::1. */
bool vs_address_loopback(const struct sockaddr_storage *a);

#endif
