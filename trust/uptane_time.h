/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/uptane_time.h - what a charger believes about the time.
 *
 * The floor of trusted time is the newest of the build time and of what the
 * stored, verified timestamp files say they were signed at.  It is worked out
 * anew from those files each time and kept nowhere, so that the system's
 * clock, which anybody on the network may have set, can never raise it, and a
 * far-future time signed with a stolen online key goes when the root withdraws
 * that key: with the key goes the file, with the file the floor.
 *
 * Standard: Uptane 2.1.0 section 5.4.4.1, without a time server.
 * Format: docs/formats/uptane-profile.md, "Time".
 */
#ifndef VS_TRUST_UPTANE_TIME_H
#define VS_TRUST_UPTANE_TIME_H

#include "trust/tuf.h"

/* Ten years: no charger lay in store for longer than that. */
#define VS_UPTANE_AHEAD_S UINT64_C(315360000)

/* When the trusted timestamp file says it was signed; 0 if there is none, it
 * does not say, or it says a moment at which it, or the root in force, would
 * be expired: an online key cannot move time past what the offline root
 * vouches for.  After vs_tuf_open(), and anew after vs_tuf_refresh().
 */
uint64_t vs_uptane_issued(const struct vs_tuf *t);

/* The newest of build_s and what both repositories' timestamps say; either
 * may be NULL. */
uint64_t vs_uptane_floor(uint64_t build_s, const struct vs_tuf *director,
                         const struct vs_tuf *image);

/* The time to judge by: the clock, but not below the floor; the floor, if
 * there is one and the clock is more than VS_UPTANE_AHEAD_S above it (a clock
 * that broke must not stop updates for ever).
 */
uint64_t vs_uptane_now(uint64_t floor_s, uint64_t clock_s);

/* Sets the start time of the next refresh. */
void vs_uptane_set_now(struct vs_tuf *t, uint64_t now_s);

#endif
