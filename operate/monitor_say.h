/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/monitor_say.h - what a monitor has to tell: one line a fact.
 *
 * For people "new", "alarm" and "at" lines; with --json one object a line.
 */
#ifndef VS_OPERATE_MONITOR_SAY_H
#define VS_OPERATE_MONITOR_SAY_H

#include "trust/checkpoint.h"
#include "trust/leaf.h"

struct vs_monitor_say {
	bool json;
	size_t alarms; /* told so far */
};

void vs_monitor_seal(struct vs_monitor_say *say, uint64_t index,
                     const struct vs_leaf *leaf);
/* why->what for a person, why->code the word. */
void vs_monitor_alarm(struct vs_monitor_say *say, const char *about,
                      const struct vs_why *why);
void vs_monitor_at(struct vs_monitor_say *say, const struct vs_checkpoint *c,
                   size_t witnesses);

#endif
