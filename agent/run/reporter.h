/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/reporter.h - signed reports to the server.
 *
 * The counter never repeats: numbers are reserved on disk before they are
 * used, a hundred at a time.
 */
#ifndef VS_AGENT_REPORTER_H
#define VS_AGENT_REPORTER_H

#include "agent/key/device_key.h"
#include "agent/reach/net.h"
#include "agent/slots/charger.h"
#include "agent/state/state.h"
#include "base/status.h"
#include "trust/report.h"

struct vs_reporter {
	struct vs_device_key *key; /* keeps */
	char key_id[VS_KEY_ID_LEN];
	char counter_file[PATH_MAX];
	uint64_t counter;  /* the last one used */
	uint64_t reserved; /* up to here, on disk */
	char nonce[65];    /* the server's last one, on disk too; "" = none */
	char error[256];   /* why the last report was not made */
};

/* What only the running agent knows. */
struct vs_live {
	bool healthy;
	bool charging;      /* a session holds the update up */
	uint64_t faults;    /* the charger's count; 0: not known */
	const char *detail; /* for a report without a note; "" = none */
	uint64_t director_version;
	uint64_t image_version, image_snapshot_version; /* 0: not known */
	uint64_t now_s;
};

/* Keeps key.  VS_OK; else a line for a person in error. */
vs_status vs_reporter_open(struct vs_reporter *r, const char *dir,
                           struct vs_device_key *key, uint64_t now_s,
                           char error[static VS_ERROR_LEN]) VS_MUST_CHECK;

/* Makes the next report: of a note, or (NULL) of the phase at hand.  Gives
 * *out (free()).  Else r->error says why.
 */
vs_status vs_reporter_encode(struct vs_reporter *r, const struct vs_charger *c,
                             const struct vs_state *s,
                             const struct vs_news *note,
                             const struct vs_live *live, char **out,
                             size_t *len) VS_MUST_CHECK;

/* The same, and posts it.  VS_OK if the server has it. */
vs_status vs_reporter_send(struct vs_reporter *r, struct vs_net *net,
                           const struct vs_charger *c, const struct vs_state *s,
                           const struct vs_news *note,
                           const struct vs_live *live) VS_MUST_CHECK;

#endif
