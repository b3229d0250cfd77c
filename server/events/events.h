/* SPDX-License-Identifier: Apache-2.0
 *
 * server/events/events.h - what happens, as it happens: the audit log's
 * records.
 *
 * An event is a record, its id the record's seq.  So nothing is kept beside
 * the log: who was away says where he was and goes on from there.
 */
#ifndef VS_SERVER_EVENTS_EVENTS_H
#define VS_SERVER_EVENTS_EVENTS_H

#include "server/hold/server.h"
#include "server/people/people.h"

#define VS_EVENTS_AT_ONCE 50

/* Whether an action is for everybody who reads: chargers, campaigns and
 * releases, and nothing about people and credentials.
 */
bool vs_event_open(const char *action);

/* The seq of the newest record. */
vs_status vs_events_last(struct vs_server *s, uint64_t *out) VS_MUST_CHECK;

/* Up to VS_EVENTS_AT_ONCE records after *seq that p may see; *seq becomes the
 * last one that was looked at, *more whether there may be others.
 * Gives *out (json_decref).
 */
vs_status vs_events_next(struct vs_server *s, const struct vs_person *p,
                         uint64_t *seq, bool *more, json_t **out) VS_MUST_CHECK;

#endif
