/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet/rollout_zone.h - time zones out of the system's IANA database.
 *
 * Standard: RFC 8536 (TZif), versions 2 and later.
 */
#ifndef VS_SERVER_FLEET_ROLLOUT_ZONE_H
#define VS_SERVER_FLEET_ROLLOUT_ZONE_H

#include "campaign/zone.h"

#define VS_ZONE_NAME_LEN 64

struct vs_rollout_zone; /* one that was read */

struct vs_rollout_zones {
	struct vs_rollout_zone *first; /* owned */
};

/* A zone by its name; without one, by its offset alone.  *out is kept until
 * the drop; the same name gives the same pointer.
 * VS_OK; VS_ERR_ABSENT (no such zone here); VS_ERR_INPUT (its file cannot be
 * read); VS_ERR_NOMEM.
 */
vs_status vs_rollout_zone_take(struct vs_rollout_zones *all, const char *name,
                               int32_t offset_min,
                               const struct vs_zone **out) VS_MUST_CHECK;
void vs_rollout_zones_drop(struct vs_rollout_zones *all);

/* Whether this text may name a zone: "Europe/Berlin", "Etc/GMT+3". */
bool vs_zone_name_ok(const char *text);
/* Whether the system knows it. */
bool vs_zone_known(const char *name);

/* Reads one file's bytes into a table of *count changes.  Gives *out (free()).
 * VS_OK; VS_ERR_INPUT; VS_ERR_NOMEM.
 */
vs_status vs_zone_decode(const uint8_t *in, size_t len,
                         struct vs_zone_change **out, size_t *count,
                         struct vs_why *why) VS_MUST_CHECK;

#endif
