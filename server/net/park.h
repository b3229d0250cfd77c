/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/park.h - connections that rest within their handshake.
 *
 * libmicrohttpd asks GnuTLS again and again while a handshake waits for the
 * other side: one client that falls silent there keeps a processor busy.  Here
 * such a connection is suspended until something has come.  It is read ahead
 * of GnuTLS besides, which asks for five bytes first.
 *
 * Everything but vs_park_new/end/free runs in the connection's own thread.
 */
#ifndef VS_SERVER_NET_PARK_H
#define VS_SERVER_NET_PARK_H

#include <microhttpd.h>

#include "base/status.h"

struct vs_park;   /* of one listener */
struct vs_parked; /* of one connection */

/* Starts the thread that waits for them.
 * VS_OK and *out (vs_park_free); VS_ERR_NOMEM; VS_ERR_IO.
 */
vs_status vs_park_new(struct vs_park **out) VS_MUST_CHECK;
/* Nobody rests from now on, and who does goes on: before MHD_stop_daemon(). */
void vs_park_end(struct vs_park *p);
void vs_park_free(struct vs_park **p);

/* A new connection over fd, which stays open until vs_park_leave(); NULL
 * without memory, and it does not rest then.
 */
struct vs_parked *vs_park_enter(struct vs_park *p, struct MHD_Connection *c,
                                int fd);
/* Its handshake is over. */
void vs_park_shaken(struct vs_parked *one);
void vs_park_leave(struct vs_parked **one);

#endif
