/* SPDX-License-Identifier: Apache-2.0
 *
 * server/listen/listen.h - a TLS listener: limits, who asks, which route.
 *
 * Chargers: a client certificate of the device CA is required within the
 * handshake, and it must be the registered one, byte for byte.  People: a
 * bearer token.  The two share nothing but the server's own certificate.
 */
#ifndef VS_SERVER_LISTEN_LISTEN_H
#define VS_SERVER_LISTEN_LISTEN_H

#include "server/api/request.h"

struct vs_listener;

enum vs_audience { VS_FOR_DEVICES, VS_FOR_PEOPLE };

/* Opens a listener; server is kept.  VS_OK; else a line in error[]. */
vs_status vs_listen_open(struct vs_server *server, enum vs_audience audience,
                         struct vs_listener **out,
                         char error[static 256]) VS_MUST_CHECK;
/* The port that it listens on. */
unsigned vs_listen_port(const struct vs_listener *l);
/* Takes no new connections; those that ask are answered. */
void vs_listen_quiesce(struct vs_listener *l);
/* Requests that are being answered now. */
unsigned vs_listen_busy(const struct vs_listener *l);
void vs_listen_close(struct vs_listener **l);

#endif
