/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/believe/successor.h - a keyring that takes over from the one in force.
 *
 * It is stored in both of the places that the loader looks at, behind the
 * chain that leads to it, before the epoch may rise to it: no power cut and
 * no single bad sector leaves the charger without a keyring that stands.
 *
 * Format: docs/formats/seal.md section 4.
 */
#ifndef VS_AGENT_SUCCESSOR_H
#define VS_AGENT_SUCCESSOR_H

#include "agent/conf/conf.h"
#include "agent/slots/charger.h"
#include "base/status.h"

/* Takes a keyring file.  c stays as it was opened: open it anew to see what
 * stands then, and settle.
 * VS_OK, also for the keyring in force; VS_ERR_REFUSED (SEAL_SIGNATURE,
 * KEYRING_ROLLBACK, NOT_ALLOWED: a demo key in production); VS_ERR_INPUT;
 * VS_ERR_STATE (CONFLICT): a trial is under way, or what runs is not signed
 * for it, and the loader would start nothing; VS_ERR_LIMIT (TOO_LARGE): the
 * chain is full until the loader is renewed; VS_ERR_IO: nothing, or one
 * place, was written.
 */
vs_status vs_successor_take(const struct vs_charger *c,
                            const struct vs_conf *conf, const uint8_t *file,
                            size_t len, struct vs_why *why) VS_MUST_CHECK;

/* After each start: writes a place again that does not hold the newest
 * keyring, and lets the epoch rise to it at the next start if what runs is
 * GOOD.  Nothing is done if what runs is not signed for it.
 * VS_OK, also if the boot record does not allow it now; VS_ERR_IO.
 */
vs_status vs_successor_settle(const struct vs_charger *c,
                              struct vs_why *why) VS_MUST_CHECK;

#endif
