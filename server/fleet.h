/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet.h - the chargers, in memory as they are in the database.
 *
 * A poll reads this table and writes nothing.  Only the writer's thread
 * changes it; a charger is never taken out while the server runs.
 */
#ifndef VS_SERVER_FLEET_H
#define VS_SERVER_FLEET_H

#include <jansson.h>
#include <stdatomic.h>

#include "seal/header.h"
#include "server/director.h"
#include "server/store/store.h"
#include "server/watch.h"
#include "trust/report.h"

#define VS_DEVICE_ID_LEN 64
#define VS_NAME_LEN 64
#define VS_LABELS_MAX 21 /* 16 tags; what comes once */

struct vs_device_ecu {
	char id[64], component[VS_COMPONENT_LEN], hardware[33];
	/* by the last signed report; release_seq 0: not said */
	char version[33];
	uint64_t release_seq;
	uint32_t floor;
	uint64_t seal; /* the first 64 bits of its SHA-256; 0: not said */
};

/* What the last signed report said. */
struct vs_device_state {
	uint64_t counter; /* 0: never reported */
	uint64_t received_s;
	/* Given with the last answer, and carried by the report before it:
	 * the charger has one of the two.  !nonce_ours: given by a server that
	 * has ended, perhaps after the backup that this one started from. */
	char nonce[65], nonce_before[65];
	bool nonce_ours;
	uint64_t director_trusted; /* the highest version it says it trusts */
	uint64_t image_trusted;    /* likewise; kept until a restart only */
	char status[32], phase[32], detail[160], about[128];
	vs_reason reason, fallback_reason;
	uint64_t campaign_seq;
	bool healthy, charging, trial, fell_back;
	uint64_t faults; /* as vs_report has it */
	int slot;
	uint64_t bytes_fetched, bytes_total;
};

struct vs_device {
	char id[VS_DEVICE_ID_LEN];
	char site[VS_NAME_LEN], feeder[VS_NAME_LEN], model[VS_NAME_LEN];
	char *labels; /* owned: "tag=x\ntenant=y\n"; NULL: none */
	int32_t utc_offset_min;
	uint64_t seq;            /* in the order of registration */
	uint8_t fingerprint[32]; /* SHA-256 of the certificate's DER */
	struct vs_key key;       /* owned: the certificate's */
	uint64_t expires_s;      /* the certificate's end */
	struct vs_device_ecu ecus[VS_ECUS_MAX];
	size_t ecu_count;

	struct vs_device_state state;
	vs_reason refused; /* why its last report was refused; NONE */
	struct vs_watch watch;
	struct vs_report_boot *boot; /* owned; NULL: its last report has none */

	char release[VS_RELEASE_NAME_LEN]; /* assigned; "" = nothing */
	char campaign[VS_NAME_LEN];        /* that assigned it; "" = none */

	uint64_t director_version;   /* the highest made or reported */
	bool director_stale;         /* make anew at the next poll */
	struct vs_director director; /* committed; what is served */

	_Atomic uint64_t seen_s; /* last request; not kept in the database */
};

struct vs_fleet {
	struct vs_device **all; /* by seq; owned */
	size_t count, cap;
	struct vs_device **table; /* by hash of id */
	size_t slots;             /* a power of two */
	uint64_t last_seq;
};

/* What a person says of a charger.  ecus etc. point into the JSON. */
struct vs_registration {
	const char *id, *site, *feeder, *model, *certificate;
	int32_t utc_offset_min;
	struct {
		const char *id, *component, *hardware;
	} ecus[VS_ECUS_MAX];
	size_t ecu_count;
	struct {
		const char *kind, *value; /* "tenant", "tag", "zone" ... */
	} labels[VS_LABELS_MAX];
	size_t label_count;
};

/* VS_OK; VS_ERR_INPUT with why naming the field. */
vs_status vs_registration_parse(const json_t *body, struct vs_registration *out,
                                struct vs_why *why) VS_MUST_CHECK;

/* Makes a charger, not yet in the table: certificate read, CN compared.
 * VS_OK and *out (vs_device_free); VS_ERR_INPUT; VS_ERR_NOMEM.
 */
vs_status vs_device_new(const struct vs_registration *r, struct vs_device **out,
                        struct vs_why *why) VS_MUST_CHECK;
void vs_device_free(struct vs_device **d);

/* Adds a label, once.  VS_ERR_NOMEM. */
vs_status vs_device_label(struct vs_device *d, const char *kind,
                          const char *value) VS_MUST_CHECK;
bool vs_device_has_label(const struct vs_device *d, const char *kind,
                         const char *value);

/* Rows of a new charger. VS_ERR_STATE if the id is taken. */
vs_status vs_device_store(struct vs_store *s, const struct vs_device *d,
                          const char *certificate,
                          uint64_t now_s) VS_MUST_CHECK;

/* Takes *d into the table (its seq must be above all).  VS_ERR_NOMEM. */
vs_status vs_fleet_add(struct vs_fleet *f, struct vs_device *d) VS_MUST_CHECK;
struct vs_device *vs_fleet_find(const struct vs_fleet *f, const char *id);
/* Loads everything.  *bad: the device at which it failed.  Drop in every
 * case. */
vs_status vs_fleet_load(struct vs_store *s, struct vs_fleet *out,
                        char bad[static VS_DEVICE_ID_LEN],
                        struct vs_why *why) VS_MUST_CHECK;
void vs_fleet_drop(struct vs_fleet *f);

/* Whether a verified report fits what is known of the charger; see
 * vs_report_check().
 */
vs_status vs_device_check(const struct vs_device *d, const struct vs_report *r,
                          struct vs_why *why) VS_MUST_CHECK;

/* Takes over what a verified report says, into memory. */
void vs_device_report(struct vs_device *d, const struct vs_report *r,
                      const char *nonce, uint64_t now_s);

/* What a charger's reports are watched with; ecus has room for the ids. */
struct vs_watch_with vs_device_watch(const struct vs_device *d,
                                     const char *ecus[static VS_ECUS_MAX],
                                     uint64_t now_s, uint64_t floor_due_s);
/* A copy of what a report's boot loader decided: NULL if it tells none.
 * Gives *out (free()).  VS_ERR_NOMEM.
 */
vs_status vs_device_boot(const struct vs_report *r,
                         struct vs_report_boot **out) VS_MUST_CHECK;
/* Adds it to a charger's JSON as "boot".  VS_ERR_NOMEM. */
vs_status vs_device_boot_json(const struct vs_device *d,
                              json_t *out) VS_MUST_CHECK;
bool vs_device_flagged(const struct vs_device *d, enum vs_flag flag);

/* Whether every ECU that the release has a target for runs it. */
bool vs_device_runs(const struct vs_device *d, const struct vs_releases *r,
                    const char *release);
/* Whether some ECU runs a later release_seq. */
bool vs_device_later(const struct vs_device *d, const struct vs_releases *r,
                     const char *release);
/* What its director names: the assigned release, or "" if that is none or
 * would ask it to go back.
 */
const char *vs_device_release(const struct vs_device *d,
                              const struct vs_releases *r);
/* NULL if the charger may be given the release, else why not. */
const char *vs_device_unfit(const struct vs_device *d,
                            const struct vs_releases *r, const char *release);

/* Gives *out (json_decref).  online_s: seen so lately counts as online. */
vs_status vs_device_json(const struct vs_device *d, uint64_t now_s,
                         uint64_t online_s, json_t **out) VS_MUST_CHECK;

#endif
