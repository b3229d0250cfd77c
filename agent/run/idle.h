/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/idle.h - asks the charger, the clock and the rules: restart now?
 */
#ifndef VS_AGENT_IDLE_H
#define VS_AGENT_IDLE_H

#include "agent/conf/conf.h"

/* NULL if every gate is open, else what holds the update up, for a person.
 * *session: whether a charging session is what was seen there.
 */
const char *vs_idle_held(const struct vs_conf *conf, bool *session);

/* How many faults the charger counted by its status now; 0: not known. */
uint64_t vs_idle_faults(const struct vs_conf *conf);

#endif
