/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/handshake.c - GnuTLS' hooks, groups and tickets.
 */
#include "server/net/handshake.h"

#include <string.h>

#include "base/log.h"
#include "server/count/histogram.h"
#include "server/net/guard.h"
#include "server/net/park.h"

enum { hello_max = 32 * 1024 };

const char vs_handshake_priorities[] =
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:"
	"+ECDHE-RSA:-GROUP-ALL:+GROUP-SECP256R1:+GROUP-X25519";

vs_status vs_tickets_init(struct vs_tickets *t, unsigned lifetime_s)
{
	*t = (struct vs_tickets){.lifetime_s = lifetime_s};
	if (!lifetime_s)
		return VS_OK;
	return gnutls_session_ticket_key_generate(&t->key) < 0 ? VS_ERR_CRYPTO
	                                                       : VS_OK;
}

void vs_tickets_drop(struct vs_tickets *t)
{
	if (t->key.data)
		explicit_bzero(t->key.data, t->key.size);
	gnutls_free(t->key.data);
	*t = (struct vs_tickets){0};
}

gnutls_session_t vs_handshake_session(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	return info ? info->tls_session : NULL;
}

struct vs_guest *vs_handshake_guest(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* Before and after each message. */
static int on_message(gnutls_session_t session, unsigned type, unsigned when,
                      unsigned incoming, const gnutls_datum_t *message)
{
	/* libmicrohttpd has set this pointer. */
	struct vs_guest *guest =
		vs_handshake_guest(gnutls_session_get_ptr(session));

	(void)message;
	if (!incoming)
		return 0;
	if (!guest)
		return GNUTLS_E_MEMORY_ERROR;
	if (type == GNUTLS_HANDSHAKE_CLIENT_HELLO && when == GNUTLS_HOOK_PRE)
		return vs_guard_hello(guest, vs_histogram_us() / 1000)
		               ? 0
		               : GNUTLS_E_APPLICATION_ERROR_MIN;
	if (type != GNUTLS_HANDSHAKE_FINISHED || when != GNUTLS_HOOK_POST)
		return 0;
	vs_park_shaken(guest->parked);
	vs_guard_shaken(guest, gnutls_session_is_resumed(session) != 0,
	                vs_histogram_us() / 1000);
	return 0;
}

void vs_handshake_begin(struct MHD_Connection *c, const struct vs_tickets *t)
{
	gnutls_session_t session = vs_handshake_session(c);

	if (!session)
		return;
	gnutls_handshake_set_max_packet_length(session, hello_max);
	gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_ANY,
	                                   GNUTLS_HOOK_BOTH, on_message);
	if (!t->lifetime_s)
		return;
	gnutls_db_set_cache_expiration(session, (int)t->lifetime_s);
	if (gnutls_session_ticket_enable_server(session, &t->key) < 0)
		vs_warn("no memory for a session's ticket");
}
