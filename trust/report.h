/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/report.h - what a charger runs, signed by its device key.
 *
 * An Uptane vehicle version manifest with what a campaign has to know beside
 * it: phase, status, health, boot decision, refusals.  The counter only rises.
 *
 * Format: docs/formats/report.md, version 1.
 */
#ifndef VS_TRUST_REPORT_H
#define VS_TRUST_REPORT_H

#include "base/status.h"
#include "trust/key.h"
#include "trust/uptane.h"

#define VS_REPORT_MAX (64 * 1024)

struct vs_report_ecu {
	char id[64];
	char hardware[33];
	char path[256]; /* target path of the running seal; "" = unknown */
	uint64_t length;
	char sha256[65];
	char version[33];
	uint64_t release_seq;
	uint32_t security_version; /* of the running image */
	uint32_t floor;
};

/* The boot loader's decision record (docs/formats/boot-record.md section 4),
 * with all that is in it.
 */
#define VS_REPORT_PARTS_MAX 4
#define VS_REPORT_RINGS 3

struct vs_report_ring {
	uint32_t version; /* 0: nothing in that place */
	vs_reason refused;
};

struct vs_report_boot_slot {
	vs_reason refused; /* NONE: it could have started */
	uint32_t part;     /* the component that was refused */
	uint32_t keyring;  /* version behind it */
};

struct vs_report_part {
	char name[33], version[33]; /* version etc.: of what starts */
	char salt[65], root_hash[65];
	uint64_t length, release_seq;
	uint32_t security_version;
	uint32_t floor;                  /* UINT32_MAX: not readable */
	uint64_t seen_seq_a, seen_seq_b; /* in each slot; 0: unread */
	uint32_t seen_security_a, seen_security_b;
};

struct vs_report_boot {
	bool known;       /* false: not told, as by older agents */
	char verdict[16]; /* "boot", "recovery", "deny" */
	char cause[16];   /* of the reset: "power" ... */
	int slot;         /* -1: none */
	bool trial, fell_back, record_lost, floor_raised;
	uint32_t tries;
	vs_reason recovery; /* why the recovery image was refused */
	uint32_t keyring;   /* version behind what starts */
	uint32_t epoch;     /* lowest one there may be; UINT32_MAX: unread */
	struct vs_report_ring rings[VS_REPORT_RINGS];
	struct vs_report_boot_slot slots[2];
	struct vs_report_part parts[VS_REPORT_PARTS_MAX];
	size_t part_count;
};

struct vs_report {
	char vehicle[64];
	char primary[64]; /* ECU id of the one that signs */
	uint64_t counter; /* rises with every report */
	uint64_t time_s;  /* the charger's clock, believed by nobody */
	char nonce[65];   /* the server's last one, "" if none */
	struct vs_report_ecu ecus[VS_ECUS_MAX];
	size_t ecu_count;
	char status[32];       /* OCPP 2.0.1 FirmwareStatusEnumType */
	char phase[32];        /* the agent's phase */
	char detail[160];      /* one line for a person; "" = none */
	vs_reason reason;      /* why the last thing failed; NONE */
	char about[128];       /* the file or target that reason is about */
	uint64_t campaign_seq; /* release_seq the status is about; 0 = none */
	char source[16];       /* where that came from: "bundle"; "": here */
	bool healthy;
	bool charging;             /* a session holds the update up */
	uint64_t director_version; /* highest timestamp version trusted */
	/* the same of the image repository, and of its snapshot; 0: not said,
	 * as by older agents */
	uint64_t image_version, image_snapshot_version;
	uint64_t faults; /* rises by one with each, from 1 on; 0: not counted */
	int slot;
	bool trial, fell_back;
	vs_reason fallback_reason;
	uint64_t bytes_fetched; /* for this release so far */
	uint64_t bytes_total;   /* of the images named */
	struct vs_report_boot boot;
};

/* Signs canonical bytes; passed in so that a key may live in a TPM.
 * Gives DER (ECDSA) or 64 bytes (Ed25519) in sig, *sig_len in and out. */
typedef vs_status (*vs_report_sign_fn)(void *ctx, const uint8_t *message,
                                       size_t len, uint8_t *sig,
                                       size_t *sig_len);

/* Gives *out (free()): the signed envelope. */
vs_status vs_report_encode(const struct vs_report *r, const char *key_id,
                           vs_report_sign_fn sign, void *ctx, char **out,
                           size_t *len) VS_MUST_CHECK;

/* Parses and verifies against the charger's key.
 * VS_OK; VS_ERR_INPUT; VS_ERR_LIMIT; VS_ERR_REFUSED (BAD_SIGNATURE).  Whether
 * it fits what is known of the charger is vs_report_check's matter.
 */
vs_status vs_report_decode(const void *in, size_t len, const struct vs_key *key,
                           struct vs_report *out,
                           struct vs_why *why) VS_MUST_CHECK;

/* What is known of the charger that a report comes from. */
struct vs_report_known {
	const char *vehicle;
	uint64_t counter;          /* of the last report taken; 0 = none */
	const char *nonce;         /* given with the last answer; "" = none */
	const char *nonce_before;  /* the one before: that answer may be lost */
	const struct vs_ecu *ecus; /* id and hardware count; NULL: not known */
	size_t ecu_count;
};

/* Compares a decoded report with it: made by this charger, newer than the
 * last, with a nonce that was given (none only if none was), about every ECU
 * of the charger and no other.
 * VS_OK; VS_ERR_REFUSED (WRONG_VEHICLE, REPLAY, UNKNOWN_ECU, WRONG_HARDWARE,
 * INCOMPLETE_SET).
 */
vs_status vs_report_check(const struct vs_report *r,
                          const struct vs_report_known *known,
                          struct vs_why *why) VS_MUST_CHECK;

#endif
