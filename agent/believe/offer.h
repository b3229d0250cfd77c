/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/believe/offer.h - what this charger should run, as far as it may
 * believe it.
 *
 * One look is the whole Uptane full verification: both repositories are
 * refreshed, compared, and the seals they name are opened, and asked for in
 * the log if this charger asks for that.
 */
#ifndef VS_AGENT_OFFER_H
#define VS_AGENT_OFFER_H

#include "agent/believe/logged.h"
#include "agent/reach/net.h"
#include "agent/slots/charger.h"
#include "agent/state/outbox.h"
#include "base/status.h"
#include "trust/uptane.h"
#include "trust/uptane_time.h"

/* The seals that were opened last: a charger that waits, for a gate or for the
 * next month, has a long one to fetch with each look else.
 */
struct vs_seal_shelf {
	uint8_t *files[VS_BOOT_COMPONENTS_MAX]; /* owned; NULL: none */
	size_t lens[VS_BOOT_COMPONENTS_MAX];
};
void vs_seal_shelf_drop(struct vs_seal_shelf *shelf);

/* What a look is taken with. */
struct vs_offer_eyes {
	const struct vs_charger *charger;
	const struct vs_logged *log;
	struct vs_net *net;
	uint64_t build_s; /* of the program: it is later than that */
	uint64_t clock_s; /* the system's clock, believed by nobody */
	struct vs_seal_shelf *shelf; /* NULL: none */
};

/* The seal and the pack of one component of the release. */
struct vs_offer_part {
	bool named;
	uint8_t *file; /* owned: the seal */
	size_t len;
	struct vs_seal seal; /* opened; points into file */
	char sha256[65];
	char path[256];    /* of the target */
	uint64_t pack_len; /* as its metadata say; 0: they do not */
	char pack[65];     /* its SHA-256, which is its name */
};

struct vs_offer {
	size_t count;   /* components named; 0: nothing to do */
	bool installed; /* they are what runs already */
	struct vs_offer_part parts[VS_BOOT_COMPONENTS_MAX]; /* by component */
	uint64_t release_seq;      /* highest of the named */
	uint64_t bytes_total;      /* of the images named */
	uint64_t director_version; /* see below; 0: not known */
	/* of the image repository that is believed; 0: not known */
	uint64_t image_version, image_snapshot_version;
	uint64_t floor_s;              /* of trusted time, now */
	uint32_t retry_after_s;        /* 0: not said */
	char about[VS_NEWS_ABOUT_LEN]; /* what a refusal is about */
	/* more than why says of it, for a person; "": nothing */
	char detail[VS_NEWS_DETAIL_LEN];
};

/* VS_OK; VS_ERR_REFUSED, VS_ERR_INPUT, VS_ERR_LIMIT with why and o->about;
 * VS_ERR_IO; ...  vs_offer_drop() in every case.
 */
vs_status vs_offer_look(const struct vs_offer_eyes *eyes, struct vs_offer *o,
                        struct vs_why *why) VS_MUST_CHECK;
void vs_offer_drop(struct vs_offer *o);

/* What the stored files say, as far as they can be read: the highest version
 * that this charger has believed of any of the director's files (a server
 * that must be believed again has to go above it), and the floor of trusted
 * time.  The rest of *o is zero.
 */
void vs_offer_recall(const struct vs_charger *c, uint64_t build_s,
                     struct vs_offer *o);

/* "CP-0001-gateway": the ECU id of component i. */
void vs_offer_ecu_id(const struct vs_charger *c, int i, char out[static 64]);

#endif
