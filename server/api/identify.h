/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/identify.h - who asks.
 */
#ifndef VS_SERVER_API_IDENTIFY_H
#define VS_SERVER_API_IDENTIFY_H

#include "server/api/request.h"

/* A charger's connection begins: its handshake fails without a client
 * certificate that the device CA signed for this use.  Gives what is known
 * of the peer, for end.
 */
void *vs_identify_begin(struct MHD_Connection *c);
void vs_identify_end(void **peer);

/* Fills in r->device: the certificate is the registered one.  False if an
 * answer was set instead; so below.
 */
bool vs_identify_device(struct vs_request *r);
/* The key that a charger's certificate is for, as its connection shows it;
 * borrowed for the request.  VS_ERR_STATE: no connection of a charger.
 */
vs_status vs_identify_key(struct vs_request *r,
                          const struct vs_key **out) VS_MUST_CHECK;
/* Fills in r->person from the bearer token, or from the session's cookie:
 * then a change needs the session's CSRF token too.
 */
bool vs_identify_person(struct vs_request *r);
/* Whether the credentials that r came with still count, with its roles. */
bool vs_identify_still(struct vs_request *r);
/* Whether this address may try once more. */
bool vs_identify_patient(struct vs_request *r);
/* Something wrong came from this address; answers if that was too often. */
void vs_identify_wrong(struct vs_request *r);

#define VS_COOKIE "__Host-voltseal"
/* Whether r->person has one of the route's roles. */
bool vs_identify_allowed(struct vs_request *r);

/* Writes one audit record and waits until it is durable. */
vs_status vs_identify_note(struct vs_server *s, const char *who,
                           const char *action, const char *subject,
                           vs_reason reason, const char *detail) VS_MUST_CHECK;

#endif
