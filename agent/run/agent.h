/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/agent.h - the running agent: one loop over a few timers.
 *
 * run.c, which implements this, calls settle.h (what a restart finds),
 * update.h (offer to written slot), activate.h (gates, arming, trial) and
 * deliver.h (reports); none of them calls back.  All move through move.h.
 */
#ifndef VS_AGENT_AGENT_H
#define VS_AGENT_AGENT_H

#include "agent/believe/logged.h"
#include "agent/believe/offer.h"
#include "agent/conf/conf.h"
#include "agent/install/budget.h"
#include "agent/install/set.h"
#include "agent/reach/health.h"
#include "agent/reach/net.h"
#include "agent/run/reporter.h"
#include "agent/slots/charger.h"
#include "agent/state/state.h"
#include "base/status.h"

#define VS_EXIT_REBOOT 75 /* asks voltseal-boot for a reboot */
#define VS_EXIT_ALONE 1   /* asks to be started anew */

/* What a look came to, for who asks for just one. */
struct vs_outcome {
	vs_status status; /* VS_OK: a release is written, or runs already */
	bool runs;        /* the latter */
	vs_reason reason;
	char about[VS_NEWS_ABOUT_LEN];
	char detail[VS_NEWS_DETAIL_LEN];
	struct vs_install_stats stats; /* of what was written */
};

struct vs_agent {
	struct vs_charger charger;
	struct vs_conf conf;
	struct vs_device_key *key; /* owned */
	struct vs_net net;
	struct vs_seal_shelf shelf;
	struct vs_logged log;
	struct vs_reporter reporter;
	struct vs_state state;
	struct vs_state_io io;
	char state_file[PATH_MAX];
	const char *image;     /* root of the running image; NULL: not known */
	bool (*stopped)(void); /* somebody asked to stop */

	bool reboot; /* leave, and ask for a reboot */
	struct vs_trial trial;
	bool session;     /* seen at the gates last */
	const char *held; /* the gate that is closed; NULL: none */
	bool healthy;
	char health_detail[VS_PROBE_LINE_LEN];
	uint64_t director_version;
	uint64_t image_version, image_snapshot_version;
	uint64_t build_s;     /* of the program: it is later than that */
	uint64_t floor_s;     /* of trusted time; from verified files alone */
	char passed_over[65]; /* set that failed here, said so in the log */

	/* due times, milliseconds of the monotonic clock */
	uint64_t poll_at, report_at, health_at, gate_at;
	uint64_t ring_at;        /* the next keyring is asked for */
	uint64_t rise_at;        /* a restart for the floor is looked at */
	bool rise_due;           /* and rise_at is when it may happen */
	uint64_t controllers_at; /* not to restart one before */
	uint64_t retry_at;       /* not to install again before */
	unsigned poll_failures, report_failures, download_failures;
	bool report_held; /* the last report did not arrive; said so once */

	const char *waits; /* why no download is begun; NULL: nothing */
	struct vs_budget budget;

	struct vs_outcome outcome; /* of the last look */
	/* Told while it writes, bytes of images; NULL: nobody. */
	void (*progress)(uint64_t done, uint64_t total);

	/* of the download at hand */
	uint64_t deadline_at;    /* 0: none */
	bool late;               /* it has passed */
	uint64_t fetched_before; /* for this release, in earlier runs */
	uint64_t tick_at, save_at;
	uint64_t noted_bytes;
	/* why it did not go by a delta that there was; "": it did */
	char delta_dropped[VS_NEWS_DETAIL_LEN];
};

/* Opens all of DIR.  build_s: when the program was made.
 * VS_OK (vs_agent_close); else a line in error.
 */
vs_status vs_agent_open(struct vs_agent *a, const char *dir, uint64_t build_s,
                        char error[static VS_ERROR_LEN]) VS_MUST_CHECK;
void vs_agent_close(struct vs_agent *a);

/* Runs until stopped (0), a reboot is wanted (VS_EXIT_REBOOT) or its runner has
 * broken off (VS_EXIT_ALONE).
 */
int vs_agent_run(struct vs_agent *a);

#endif
