/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/handshake.h - what a TLS session begins with, and is told about.
 *
 * Elliptic curves alone: nobody can choose a group that costs us a hundred
 * times as much.  A hello is turned away before anything is computed for it,
 * if the guard says so.  Who was here lately resumes his session, for half of
 * the price; what his certificate may is asked at each request all the same.
 */
#ifndef VS_SERVER_NET_HANDSHAKE_H
#define VS_SERVER_NET_HANDSHAKE_H

#include <gnutls/gnutls.h>
#include <microhttpd.h>

#include "base/status.h"

/* GnuTLS' priority string. */
extern const char vs_handshake_priorities[];

struct vs_guest;

/* The key that tickets are sealed with: of this process alone. */
struct vs_tickets {
	gnutls_datum_t key;  /* owned; none: nobody resumes */
	unsigned lifetime_s; /* counted from the whole handshake */
};

/* lifetime_s 0: none.  VS_OK; VS_ERR_CRYPTO.  vs_tickets_drop() always. */
vs_status vs_tickets_init(struct vs_tickets *t,
                          unsigned lifetime_s) VS_MUST_CHECK;
void vs_tickets_drop(struct vs_tickets *t);

/* c's socket context is a struct vs_guest from now on; tickets are kept. */
void vs_handshake_begin(struct MHD_Connection *c, const struct vs_tickets *t);

/* NULL if there is none. */
gnutls_session_t vs_handshake_session(struct MHD_Connection *c);
struct vs_guest *vs_handshake_guest(struct MHD_Connection *c);

#endif
