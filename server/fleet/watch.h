/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet/watch.h - what does not fit in what a charger's boot loader
 * decided.
 *
 * A charger whose floor does not rise after an update can be taken back to
 * the image before it, by whoever withholds the start that would raise it; a
 * floor that fell was reset.  Both show in signed reports, one after the other.
 *
 * Pure, but for the notes in the log.  Format: docs/formats/report.md.
 */
#ifndef VS_SERVER_FLEET_WATCH_H
#define VS_SERVER_FLEET_WATCH_H

#include <jansson.h>

#include "server/store/store.h"
#include "trust/report.h"

enum vs_flag {
	VS_FLAG_FLOOR_NOT_RAISED,
	VS_FLAG_FLOOR_FELL,
	VS_FLAG_BOOT_DIFFERS,
	VS_FLAGS
};

/* What is remembered of one charger. */
struct vs_watch {
	uint64_t since_s[VS_FLAGS];   /* raised at; 0: not raised */
	uint64_t due_since_s;         /* a floor is due since; 0: none is */
	uint32_t epoch;               /* the highest that was reported */
	uint32_t floors[VS_ECUS_MAX]; /* likewise, in the order of its ECUs */
};

/* What a report is judged by. */
struct vs_watch_with {
	uint64_t now_s, floor_due_s;
	const char *const *ecus; /* the charger's ids, in its order */
	size_t ecu_count;
};

/* "floor-not-raised"; a flag's word never changes. */
const char *vs_flag_name(enum vs_flag flag);
/* False if it is no flag's word. */
bool vs_flag_find(const char *name, enum vs_flag *out);

/* Judges a verified report: raises and clears flags in *w.  what[] says why
 * for each flag that is raised now, one line or "".
 */
void vs_watch_report(struct vs_watch *w, const struct vs_report *r,
                     const struct vs_watch_with *with,
                     char what[static VS_FLAGS][160]);

/* Notes each flag that was raised or cleared in the audit log.
 * VS_OK; VS_ERR_IO; VS_ERR_NOMEM.
 */
vs_status vs_watch_note(struct vs_store *s, const char *device,
                        const struct vs_watch *was, const struct vs_watch *is,
                        uint64_t now_s,
                        char what[static VS_FLAGS][160]) VS_MUST_CHECK;

/* A row of the table watch, which servers of schema 3 wrote, into *w.
 * VS_ERR_INPUT if it means nothing.
 */
vs_status vs_watch_load(struct vs_watch *w, const char *name, uint64_t value,
                        const struct vs_watch_with *with) VS_MUST_CHECK;

/* The flags that are raised: {"floor-fell": "2026-11-21T19:00:00Z"}.  NULL
 * without memory.
 */
json_t *vs_watch_json(const struct vs_watch *w);

/* What the loader decided, for people; {} if it told nothing.  NULL without
 * memory.
 */
json_t *vs_watch_boot_json(const struct vs_report_boot *b);

#endif
