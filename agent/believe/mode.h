/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/believe/mode.h - what a charger in production does not believe.
 *
 * A demo key is one whose private part is published (base/demo.h).  A charger
 * is in production unless its agent.conf says mode = development or demo.
 */
#ifndef VS_AGENT_MODE_H
#define VS_AGENT_MODE_H

#include "agent/believe/logged.h"
#include "agent/conf/conf.h"
#include "agent/slots/charger.h"
#include "base/status.h"

/* Looks for demo keys wherever this charger believes a key: boot keyring,
 * both repositories' stored roots, logs and witnesses, the server's CA, and
 * its own; which may be in a file in development alone.
 * VS_OK, always in demo mode; VS_ERR_REFUSED and others with a line for a
 * person in error.
 */
vs_status vs_mode_check(const struct vs_charger *c, const struct vs_conf *conf,
                        const struct vs_logged *log,
                        char error[static VS_ERROR_LEN]) VS_MUST_CHECK;

/* Whether a keyring may be believed in this mode.  VS_OK; VS_ERR_REFUSED
 * (NOT_ALLOWED).
 */
vs_status vs_mode_check_ring(const struct vs_conf *conf,
                             const struct vs_keyring *ring,
                             struct vs_why *why) VS_MUST_CHECK;

#endif
