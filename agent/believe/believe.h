/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/believe/believe.h - does a seal say what its target entry says?
 *
 * The release team signs twice: the target entry (TUF) and the header (boot
 * keys).  What is installed must be the same in both.
 */
#ifndef VS_AGENT_BELIEVE_H
#define VS_AGENT_BELIEVE_H

#include "agent/slots/charger.h"
#include "base/status.h"
#include "trust/uptane.h"

/* Checks bytes against an assignment: length, SHA-256.
 * VS_OK; VS_ERR_REFUSED (LENGTH_MISMATCH, HASH_MISMATCH); VS_ERR_CRYPTO.
 */
vs_status vs_believe_bytes(const struct vs_charger *c,
                           const struct vs_assignment *a, const uint8_t *in,
                           size_t len, struct vs_why *why) VS_MUST_CHECK;

/* Compares an opened seal with its target's custom object: component,
 * version, releaseCounter, rollbackIndex, hardwareIds.
 * VS_OK; VS_ERR_REFUSED (SEAL_MISMATCH).
 */
vs_status vs_believe_custom(const struct vs_seal_header *h,
                            const json_t *custom,
                            struct vs_why *why) VS_MUST_CHECK;

/* What any install asks, from the network or from a stick: made for
 * component i of this charger, above what runs (or the very seal that runs),
 * at or above the floor, and it fits the slot.
 * VS_OK; VS_ERR_REFUSED (WRONG_COMPONENT, WRONG_HARDWARE, RELEASE_ROLLBACK,
 * BELOW_FLOOR, TOO_BIG_FOR_SLOT).
 */
vs_status vs_believe_seal(const struct vs_charger *c, int i,
                          const struct vs_seal *seal, const char *sha256,
                          struct vs_why *why) VS_MUST_CHECK;

#endif
