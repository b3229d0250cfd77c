/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/identify.c - client certificates and bearer tokens.
 */
#include "server/api/identify.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "server/audit/audit.h"
#include "server/net/guard.h"
#include "server/net/handshake.h"
#include "server/net/network.h"
#include "server/net/peer.h"

/* What one TLS connection's certificate says; read once. */
struct peer {
	bool verified; /* within the handshake */
	bool read;
	vs_status status;
	char id[VS_DEVICE_ID_LEN];
	uint8_t fingerprint[32];
	struct vs_key key; /* owned; read when the first report comes */
	bool warned;
};

/* Within the handshake: chain, time and purpose. */
static int verify(gnutls_session_t session)
{
	unsigned status = 0;
	gnutls_typed_vdata_st purpose = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT,
	};

	if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) !=
	            GNUTLS_E_SUCCESS ||
	    status != 0)
		return GNUTLS_E_CERTIFICATE_ERROR;
	return 0;
}

static int verify_within(gnutls_session_t session)
{
	const struct vs_guest *guest =
		vs_handshake_guest(gnutls_session_get_ptr(session));
	struct peer *p = guest ? guest->peer : NULL;

	if (!p || verify(session))
		return GNUTLS_E_CERTIFICATE_ERROR;
	p->verified = true;
	return 0;
}

void *vs_identify_begin(struct MHD_Connection *c)
{
	gnutls_session_t session = vs_handshake_session(c);

	if (session) {
		gnutls_certificate_server_set_request(session,
		                                      GNUTLS_CERT_REQUIRE);
		gnutls_session_set_verify_function(session, verify_within);
	}
	return calloc(1, sizeof(struct peer));
}

void vs_identify_end(void **peer)
{
	struct peer *p = *peer;

	if (p)
		vs_key_drop(&p->key);
	free(p);
	*peer = NULL;
}

/* The certificate that the connection shows; NULL if it shows none. */
static X509 *shown(gnutls_session_t session)
{
	unsigned count = 0;
	const gnutls_datum_t *chain =
		session ? gnutls_certificate_get_peers(session, &count) : NULL;
	const unsigned char *der = chain && count ? chain[0].data : NULL;
	X509 *cert = der ? d2i_X509(NULL, &der, (long)chain[0].size) : NULL;

	ERR_clear_error();
	return cert;
}

static vs_status read_peer(struct MHD_Connection *c, struct peer *p)
{
	gnutls_session_t session = vs_handshake_session(c);
	unsigned count = 0;
	const gnutls_datum_t *chain =
		session ? gnutls_certificate_get_peers(session, &count) : NULL;

	/* Not yet verified if the session was resumed; or should a library
	 * ever forget to call us. */
	if (!chain || count == 0 || (!p->verified && verify(session)))
		return VS_ERR_DENIED;
	vs_status status = vs_peer_der_name(chain[0].data, chain[0].size, p->id,
	                                    sizeof p->id);
	if (!status && !SHA256(chain[0].data, chain[0].size, p->fingerprint))
		status = VS_ERR_CRYPTO;
	return status;
}

static bool registered(struct vs_server *s, const struct peer *p)
{
	pthread_rwlock_rdlock(&s->lock);
	struct vs_device *d = vs_fleet_find(&s->fleet, p->id);
	bool same = d && CRYPTO_memcmp(d->fingerprint, p->fingerprint,
	                               sizeof d->fingerprint) == 0;
	if (same)
		atomic_store(&d->seen_s, (uint32_t)vs_server_now());
	pthread_rwlock_unlock(&s->lock);
	return same;
}

bool vs_identify_device(struct vs_request *r)
{
	struct peer *p = r->guest ? r->guest->peer : NULL;

	if (p && !p->read) {
		p->read = true;
		p->status = read_peer(r->connection, p);
	}
	if (p && !p->status && registered(r->server, p)) {
		memcpy(r->device, p->id, sizeof r->device);
		return true;
	}
	vs_metrics_count(&r->server->metrics, VS_COUNT_CERTIFICATE);
	if (p && !p->warned) {
		p->warned = true;
		vs_warn("refused a charger: its certificate%s%s is not "
		        "registered",
		        p->id[0] ? " for " : "", p->id);
	}
	vs_request_error(r, 401, VS_REASON_NOT_ALLOWED,
	                 "this certificate is not registered");
	return false;
}

vs_status vs_identify_key(struct vs_request *r, const struct vs_key **out)
{
	struct peer *p = r->guest ? r->guest->peer : NULL;
	X509 *cert;
	vs_status status = VS_OK;

	if (!p || !p->read || p->status)
		return VS_ERR_STATE;
	*out = &p->key;
	if (p->key.pkey)
		return VS_OK;
	cert = shown(vs_handshake_session(r->connection));
	status = cert ? vs_key_from_pkey(X509_get0_pubkey(cert), &p->key)
	              : VS_ERR_STATE;
	X509_free(cert);
	return status;
}

/* An address as throttles know it. */
static size_t address_of(const struct vs_request *r, uint8_t out[static 16])
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	return info ? vs_network_key(info->client_addr, out) : 0;
}

static void too_often(struct vs_request *r, uint64_t wait_ms)
{
	char seconds[24];

	vs_metrics_count(&r->server->metrics, VS_COUNT_THROTTLED);
	vs_request_error(r, 429, VS_REASON_NOT_ALLOWED, "too often; wait");
	snprintf(seconds, sizeof seconds, "%llu",
	         (unsigned long long)wait_ms / 1000 + 1);
	vs_request_header(r, "Retry-After", seconds);
}

bool vs_identify_patient(struct vs_request *r)
{
	uint8_t address[16];
	size_t len = address_of(r, address);
	uint64_t wait_ms = vs_throttle_look(&r->server->wrong, address, len,
	                                    vs_server_ms());

	if (wait_ms)
		too_often(r, wait_ms);
	return !wait_ms;
}

void vs_identify_wrong(struct vs_request *r)
{
	uint8_t address[16];
	size_t len = address_of(r, address);
	uint64_t wait_ms = vs_throttle_take(&r->server->wrong, address, len,
	                                    vs_server_ms());

	vs_metrics_count(&r->server->metrics, VS_COUNT_CREDENTIALS);
	if (wait_ms)
		too_often(r, wait_ms);
}

static vs_status by_token(struct vs_request *r, const char *token)
{
	pthread_mutex_lock(&r->server->reader_lock);
	vs_status status = vs_people_find(r->server->reader, token,
	                                  vs_server_now(), &r->person);
	pthread_mutex_unlock(&r->server->reader_lock);
	return status;
}

struct seeing {
	struct vs_job job;
	const struct vs_session *session;
};

static vs_status run_seen(struct vs_job *job, struct vs_store *store)
{
	return vs_session_seen(store, ((struct seeing *)job)->session,
	                       vs_server_now());
}

/* uses: it counts as use of the session. */
static vs_status by_cookie(struct vs_request *r, const char *cookie, bool uses)
{
	const struct vs_settings *set = r->server->settings;
	const struct vs_session_limits limits = {set->session_idle_s,
	                                         set->session_max_s};
	bool stale;

	pthread_mutex_lock(&r->server->reader_lock);
	vs_status status =
		vs_session_find(r->server->reader, cookie, vs_server_now(),
	                        &limits, &r->session, &r->person, &stale);
	pthread_mutex_unlock(&r->server->reader_lock);
	if (!status && stale && uses) {
		struct seeing s = {.job = {.run = run_seen},
		                   .session = &r->session};

		status = vs_writer_call(r->server->writer, &s.job);
	}
	return status;
}

static const char *header_of(const struct vs_request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND,
	                                   name);
}

/* A page of another origin can send the cookie along, but neither know the
 * session's second secret nor hide where it is from.
 */
static bool is_ours(struct vs_request *r)
{
	const char *csrf = header_of(r, "X-CSRF-Token");
	const char *origin = header_of(r, "Origin");
	const char *host = header_of(r, "Host");
	bool ours = csrf && strlen(csrf) == VS_SESSION_LEN &&
	            CRYPTO_memcmp(csrf, r->session.csrf, VS_SESSION_LEN) == 0;

	if (ours && origin)
		ours = host && strncmp(origin, "https://", 8) == 0 &&
		       strcmp(origin + 8, host) == 0;
	if (!ours)
		vs_request_error(r, 403, VS_REASON_NOT_ALLOWED,
		                 "X-CSRF-Token: not this session's");
	return ours;
}

static bool may_go_on(struct vs_request *r)
{
	uint64_t wait_ms =
		vs_throttle_take(&r->server->busy, r->person.name,
	                         strlen(r->person.name), vs_server_ms());

	if (wait_ms)
		too_often(r, wait_ms);
	return !wait_ms && (!r->session.is || !r->changes || is_ours(r));
}

/* VS_ERR_ABSENT: nobody we know. */
static vs_status look_up(struct vs_request *r, bool uses)
{
	const char *header = header_of(r, "Authorization");
	const char *cookie = MHD_lookup_connection_value(
		r->connection, MHD_COOKIE_KIND, VS_COOKIE);

	if (header && strncmp(header, "Bearer ", 7) == 0)
		return by_token(r, header + 7);
	return !header && cookie ? by_cookie(r, cookie, uses) : VS_ERR_ABSENT;
}

bool vs_identify_still(struct vs_request *r)
{
	return !look_up(r, false) && r->person.roles & r->route->roles;
}

bool vs_identify_person(struct vs_request *r)
{
	const char *header = header_of(r, "Authorization");
	const char *cookie = MHD_lookup_connection_value(
		r->connection, MHD_COOKIE_KIND, VS_COOKIE);
	vs_status status = look_up(r, true);

	if (!status)
		return may_go_on(r);
	if (status != VS_ERR_ABSENT) {
		vs_request_fail(r, status, NULL);
		return false;
	}
	if (header || cookie)
		vs_identify_wrong(r);
	if (r->answer)
		return false;
	vs_request_error(r, 401, VS_REASON_NOT_ALLOWED,
	                 "a valid bearer token is needed");
	vs_request_header(r, "WWW-Authenticate", "Bearer");
	return false;
}

struct note {
	struct vs_job job;
	struct vs_audit record;
};

static vs_status run_note(struct vs_job *job, struct vs_store *store)
{
	const struct note *n = (struct note *)job;

	return vs_audit_append(store, vs_server_now(), &n->record);
}

vs_status vs_identify_note(struct vs_server *s, const char *who,
                           const char *action, const char *subject,
                           vs_reason reason, const char *detail)
{
	struct note n = {
		.job = {.run = run_note},
		.record = { who, action, subject,
                        reason ? vs_reason_name(reason) : "", detail},
	};

	return vs_writer_call(s->writer, &n.job);
}

bool vs_identify_allowed(struct vs_request *r)
{
	bool whole = r->route->roles & VS_PERSON_WHOLE;

	if (r->person.roles & r->route->roles &&
	    !(whole && r->person.scope_count))
		return true;
	vs_status status =
		vs_identify_note(r->server, r->person.name, "denied", r->path,
	                         VS_REASON_NOT_ALLOWED, r->route->method);
	if (status)
		vs_warn("audit: %s", vs_status_name(status));
	vs_request_error(r, 403, VS_REASON_NOT_ALLOWED, "%s may not do that",
	                 r->person.name);
	return false;
}
