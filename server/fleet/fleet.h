/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet/fleet.h - the chargers, in memory as they are in the database.
 *
 * A poll reads this table and writes nothing.  Only the writer's thread
 * changes it; a charger is never taken out while the server runs.
 *
 * Made for a million of them: what many have alike (site, labels, versions,
 * what a report says) is held once, in the pool, and never changes there; a
 * charger's own is 128 bytes, and its names.  Certificates, keys and reports
 * stay in the database, for no poll asks for them.
 */
#ifndef VS_SERVER_FLEET_FLEET_H
#define VS_SERVER_FLEET_FLEET_H

#include <jansson.h>
#include <stdatomic.h>

#include "seal/header.h"
#include "server/fleet/registration.h"
#include "server/fleet/watch.h"
#include "server/publish/director.h"
#include "server/store/pool.h"
#include "server/store/store.h"
#include "trust/report.h"

#define VS_NONCE_LEN 65 /* 64 hex digits and the zero */

struct vs_device_ecu {
	char component[VS_COMPONENT_LEN], hardware[33];
	/* by the last signed report; release_seq 0: not said */
	char version[33];
	uint32_t floor;
	uint64_t release_seq;
	uint64_t seal; /* the first 64 bits of its SHA-256; 0: not said */
};

/* What a person said of it. */
struct vs_device_kind {
	const char *model;
	const char *labels; /* "tag=x\ntenant=y\n" */
	int32_t utc_offset_min;
};

/* What the last signed report said, as far as chargers say it alike. */
struct vs_device_state {
	/* The highest versions it says it trusts, if no version of ours is
	 * above that; else 0. */
	uint64_t director_trusted, image_trusted;
	uint64_t campaign_seq;
	uint64_t bytes_total;
	struct vs_watch watch;
	vs_reason reason, fallback_reason;
	int slot;
	bool healthy, charging, trial, fell_back;
	char status[32], phase[32], detail[160], about[128];
};

/* What it was assigned last; "" and "": nothing. */
struct vs_device_told {
	char release[VS_RELEASE_NAME_LEN], campaign[VS_NAME_LEN];
};

struct vs_device {
	const char *id;                      /* then its ECUs' ids */
	const char *site, *feeder;           /* the pool's, as what follows */
	const struct vs_device_kind *kind;   /* never NULL, none of them */
	const struct vs_device_ecu *ecus;    /* ecu_count */
	const struct vs_device_state *state; /* of counter 0: all zero */
	const struct vs_device_told *told;
	struct vs_director *director; /* owned; committed; what is served */
	/* The first half of the SHA-256 of its certificate's DER: to meet it
	 * is as hard as to break the certificate's key. */
	uint8_t fingerprint[16];

	uint64_t counter;          /* of the last report; 0: none came */
	uint64_t director_version; /* the highest made or reported */
	uint32_t seq;              /* in the order of registration */
	uint32_t expires_s;        /* the certificate's end */
	uint32_t received_s;       /* when the last report came */
	uint32_t faults;           /* as vs_report has it, to 2^32 - 1 */
	uint32_t nonce_before;     /* a mark of the nonce that it carried */
	_Atomic uint32_t seen_s;   /* last request; not in the database */
	uint32_t fetched_low;      /* bytes fetched, to 2^48 - 1 */
	uint16_t fetched_high;
	uint8_t refused; /* a vs_reason: why its last report was refused */
	unsigned char ecu_count : 4;
	/* Whether this server gave it a nonce.  If not, and it has reported, it
	 * may have one of a server that has ended, perhaps after the backup
	 * that this one started from. */
	unsigned char nonce_ours : 1;
	unsigned char director_stale : 1; /* make anew at the next poll */
};

struct vs_fleet {
	struct vs_device **pieces; /* owned: of so many chargers each, by seq */
	size_t count, cap;
	uint32_t *table; /* numbers + 1, by hash of id; 0: free */
	size_t slots;    /* a power of two */
	uint64_t last_seq;
	struct vs_arena *texts; /* owned: where ids lie */
	struct vs_pool pool;
	uint8_t nonce_key[32];
};

/* Takes a charger into the table; its seq must be above all.  Gives *out,
 * which lies there until the drop.
 * VS_OK; VS_ERR_INPUT (its ECUs mean nothing); VS_ERR_LIMIT; VS_ERR_NOMEM.
 */
vs_status vs_fleet_add(struct vs_fleet *f, const struct vs_enrolled *e,
                       struct vs_device **out) VS_MUST_CHECK;
/* The i-th of count. */
struct vs_device *vs_fleet_at(const struct vs_fleet *f, size_t i);
struct vs_device *vs_fleet_find(const struct vs_fleet *f, const char *id);
/* Puts them in the order of seq, if they came in another; nobody may point to
 * one yet.  VS_ERR_NOMEM.
 */
vs_status vs_fleet_sort(struct vs_fleet *f) VS_MUST_CHECK;
/* Loads everything.  *bad: the device at which it failed.  Drop in every
 * case. */
vs_status vs_fleet_load(struct vs_store *s, struct vs_fleet *out,
                        char bad[static VS_DEVICE_ID_LEN],
                        struct vs_why *why) VS_MUST_CHECK;
void vs_fleet_drop(struct vs_fleet *f);
/* Moves what chargers are served out of a table that was loaded before: it was
 * committed, or nobody would have been shown it.
 */
void vs_fleet_inherit(struct vs_fleet *f, struct vs_fleet *before);

/* Completes rows that a server of schema 3 or older wrote, a thousand
 * chargers in a transaction: reads their certificates and verifies their
 * reports.  What is whole already is left alone.
 * VS_OK; VS_ERR_REFUSED, VS_ERR_INPUT with *bad; VS_ERR_IO; VS_ERR_NOMEM.
 */
vs_status vs_fleet_upgrade(struct vs_store *s,
                           char bad[static VS_DEVICE_ID_LEN],
                           struct vs_why *why) VS_MUST_CHECK;
/* Verifies every report again and holds it against what is in the table.
 * VS_OK; VS_ERR_REFUSED with *bad; VS_ERR_IO; VS_ERR_NOMEM.
 */
vs_status vs_fleet_verify(struct vs_store *s, const struct vs_fleet *f,
                          char bad[static VS_DEVICE_ID_LEN],
                          struct vs_why *why) VS_MUST_CHECK;

/* Another certificate counts from now on. */
void vs_device_certify(struct vs_device *d,
                       const struct vs_device_certificate *c);

const char *vs_device_ecu_id(const struct vs_device *d, size_t i);
bool vs_device_has_label(const struct vs_device *d, const char *kind,
                         const char *value);
/* Bytes fetched for the release, by the last report. */
uint64_t vs_device_fetched(const struct vs_device *d);

/* The nonce that the next report must show; "" if none was given.  It follows
 * from the counter and a key that ends with the server.  VS_ERR_CRYPTO.
 */
vs_status vs_device_nonce(const struct vs_fleet *f, const struct vs_device *d,
                          char out[static VS_NONCE_LEN]) VS_MUST_CHECK;

/* Whether a verified report fits what is known of the charger; see
 * vs_report_check().
 */
vs_status vs_device_check(const struct vs_fleet *f, const struct vs_device *d,
                          const struct vs_report *r,
                          struct vs_why *why) VS_MUST_CHECK;

/* A charger as a report leaves it: made out, then made true. */
struct vs_device_next {
	struct vs_device device; /* borrows from the old one, and from here: */
	struct vs_device_state state;
	struct vs_device_ecu ecus[VS_ECUS_MAX];
};
/* What a verified report says.  n is all zero.  VS_ERR_CRYPTO. */
vs_status vs_device_report(const struct vs_fleet *f, const struct vs_device *d,
                           const struct vs_report *r, uint64_t now_s,
                           struct vs_device_next *n) VS_MUST_CHECK;
/* Two steps, so that the second cannot fail and statements fit in between:
 * the pool's copies for n; then, under the lock, n is what d is.
 */
vs_status vs_device_prepare(struct vs_fleet *f,
                            struct vs_device_next *n) VS_MUST_CHECK;
void vs_device_become(struct vs_fleet *f, struct vs_device *d,
                      const struct vs_device_next *n);
/* Instead of it. */
void vs_device_forget(struct vs_fleet *f, const struct vs_device_next *n);

/* What it is told from now on, likewise in two steps; release and campaign may
 * be what it was told until now.
 */
vs_status vs_device_told_take(struct vs_fleet *f, const char *release,
                              const char *campaign,
                              const struct vs_device_told **out) VS_MUST_CHECK;
void vs_device_told_put(struct vs_fleet *f, struct vs_device *d,
                        const struct vs_device_told *told);

/* What a charger's reports are watched with; ecus has room for the ids. */
struct vs_watch_with vs_device_watch(const struct vs_device *d,
                                     const char *ecus[static VS_ECUS_MAX],
                                     uint64_t now_s, uint64_t floor_due_s);
/* Adds to a charger's JSON as "boot" what the boot loader decided, by its last
 * report as it is kept; {} if it tells none.  VS_ERR_IO; VS_ERR_NOMEM.
 */
vs_status vs_device_boot_json(struct vs_store *s, const char *id,
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

/* What a seal's SHA-256 is shortened to in memory; 0: none was said. */
uint64_t vs_seal_short(const char *sha256);

/* Whether a component of the charger runs the seal. */
bool vs_device_runs_seal(const struct vs_device *d, uint64_t seal);

#endif
