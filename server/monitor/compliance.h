/* SPDX-License-Identifier: Apache-2.0
 *
 * server/monitor/compliance.h - who runs what, who is overdue, what expires.
 *
 * All of it is read from memory, as chargers' last signed reports have it.
 * The caller holds the server's lock for reading, but for vs_forecast().
 */
#ifndef VS_SERVER_MONITOR_COMPLIANCE_H
#define VS_SERVER_MONITOR_COMPLIANCE_H

#include "server/hold/server.h"
#include "server/people/people.h"

/* Gives *out (json_decref): {component, version, release_seq, release,
 * chargers} of those that p has to do with, by component and release_seq.
 * release "": no release that is published.
 */
vs_status vs_versions(const struct vs_server *s, const struct vs_person *p,
                      json_t **out) VS_MUST_CHECK;

/* When a component is overdue. */
struct vs_overdue {
	const struct vs_release_target *target; /* that it should run */
	const struct vs_device_ecu *ecu;
	uint64_t since_s; /* overdue from then on */
};

/* The charger's component that has been overdue for longest at now_s: a
 * general release of its hardware, later than what it runs, has been general
 * for as long as its update type allows.  False if there is none.
 */
bool vs_device_overdue(const struct vs_server *s, const struct vs_device *d,
                       uint64_t now_s, struct vs_overdue *out);

/* Gives *out (json_decref): certificates and metadata by their ends, soonest
 * first, and chargers' certificates by month.  Takes the lock itself.
 */
vs_status vs_forecast(struct vs_server *s, const struct vs_person *p,
                      json_t **out) VS_MUST_CHECK;

/* What of ours expires, one by one. */
vs_status vs_expiries(struct vs_server *s,
                      vs_status (*each)(void *ctx, const char *kind,
                                        const char *name, uint64_t at_s),
                      void *ctx) VS_MUST_CHECK;

#endif
