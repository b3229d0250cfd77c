/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/scene.h - a fleet and its misfortunes, as they follow from a seed.
 *
 * All that is drawn is drawn here, before anything happens: chargers, sites,
 * feeder groups, what the release does to each charger, when the server is
 * down, where the power fails.
 */
#ifndef VS_FLEET_SCENE_H
#define VS_FLEET_SCENE_H

#include "campaign/plan.h"
#include "fleet/clock.h"
#include "fleet/random.h"

#define VS_TICK_S 60
#define VS_OLD_SEQ 10 /* release_seq that most run */
#define VS_NEW_SEQ 11 /* of the campaign's release */

/* What the new release does on one charger. */
enum vs_fate {
	VS_GOOD,
	VS_FALLS_BACK, /* the trial fails, it says so */
	VS_DIES,       /* never heard of again */
	VS_SICKENS,    /* comes up, then reports itself ill */
	VS_FAULTY,     /* well, but with three times the faults */
	VS_FATES,
};

/* What is wrong with the release as a whole. */
enum vs_release_kind {
	VS_RELEASE_GOOD,   /* one in two hundred fails for its own reasons */
	VS_RELEASE_BAD,    /* no charger gets through */
	VS_RELEASE_RARE,   /* one in six fails */
	VS_RELEASE_FAULTY, /* three times the faults everywhere */
	VS_RELEASES,
};

struct vs_charger {
	char id[16], model[8], version[12];
	char site[16], feeder[16]; /* feeder "": none */
	uint32_t site_no, feeder_no;
	enum vs_clock clock;
	enum vs_fate fate;
	bool lab;              /* tagged; not asked for */
	bool has_it;           /* runs the new release already */
	bool mute;             /* never in touch */
	uint64_t mute_until_s; /* link down at first */
	uint32_t fetch_s;      /* to download: long on a slow link */
	uint32_t faults_per_day;
	int32_t clock_wrong_s; /* its own clock, which nobody believes */
};

/* From from_s on, until to_s. */
struct vs_span {
	uint64_t from_s, to_s;
	uint32_t site_no; /* of a power cut */
};

#define VS_SPANS_MAX 64
#define VS_SKEWS_MAX 4

struct vs_scene {
	uint64_t seed, begin_s, end_s;
	uint64_t calm_s; /* from then on nothing new befalls them */
	enum vs_release_kind kind;
	struct vs_charger *chargers; /* owned */
	uint32_t count, site_count, feeder_count;
	struct vs_zone_change changes[VS_CLOCKS][VS_CLOCK_CHANGES];
	struct vs_zone zones[VS_CLOCKS];
	struct vs_plan plan;
	struct vs_span outages[VS_SPANS_MAX]; /* the server is down */
	size_t outage_count;
	struct vs_span cuts[VS_SPANS_MAX]; /* a site has no power */
	size_t cut_count;
	struct {
		uint64_t from_s;
		int32_t by_s;
	} skews[VS_SKEWS_MAX]; /* the server's clock is wrong by so much */
	size_t skew_count;
	struct vs_span pause, freeze; /* from_s 0: none */
	uint64_t retry_s;             /* 0: none */
	uint32_t crash_in_a_million;  /* of the decisions that are written */
	uint32_t lost_in_a_million;   /* of the answers */
};

struct vs_scene_wish {
	uint64_t seed;
	uint32_t chargers, days;
	int kind; /* of vs_release_kind; -1: by seed */
};

/* VS_OK (vs_scene_drop); VS_ERR_NOMEM. */
vs_status vs_scene_init(struct vs_scene *s,
                        const struct vs_scene_wish *w) VS_MUST_CHECK;
void vs_scene_drop(struct vs_scene *s);

/* Whether the server is down, what its clock says; whether a charger has
 * power.
 */
bool vs_scene_down(const struct vs_scene *s, uint64_t now_s);
uint64_t vs_scene_server_clock(const struct vs_scene *s, uint64_t now_s);
bool vs_scene_power(const struct vs_scene *s, const struct vs_charger *c,
                    uint64_t now_s);

extern const char *const vs_release_kind_names[VS_RELEASES];

#endif
