/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/monitor_say.c - what a monitor has to tell: one line a fact.
 */
#include "operate/monitor_say.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "base/log.h"

/* Takes o. */
static void put(json_t *o)
{
	if (!o || json_dumpf(o, stdout,
	                     JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII))
		vs_error("out of memory");
	else
		(void)putchar('\n');
	json_decref(o);
}

void vs_monitor_seal(struct vs_monitor_say *say, uint64_t index,
                     const struct vs_leaf *leaf)
{
	json_t *entry;

	if (!say->json) {
		printf("new    %" PRIu64 " %s %s, release %" PRIu64
		       ", security %" PRIu64 ", seal %s\n",
		       index, leaf->component, leaf->version, leaf->release_seq,
		       leaf->security_version, leaf->seal_sha256);
		return;
	}
	if (vs_leaf_to_json(leaf, &entry, NULL) == VS_OK)
		put(json_pack("{s:s, s:I, s:o}", "event", "seal", "index",
		              (json_int_t)index, "leaf", entry));
	else
		put(NULL);
}

void vs_monitor_alarm(struct vs_monitor_say *say, const char *about,
                      const struct vs_why *why)
{
	char quoted[512];

	say->alarms++;
	if (say->json)
		put(json_pack("{s:s, s:s, s:s, s:s}", "event", "alarm",
		              "reason", vs_reason_name(why->code), "about",
		              vs_log_quote(about, quoted, sizeof quoted),
		              "what", why->what));
	else
		printf("alarm  %s: %s (%s)\n",
		       vs_log_quote(about, quoted, sizeof quoted), why->what,
		       vs_reason_name(why->code));
}

void vs_monitor_at(struct vs_monitor_say *say, const struct vs_checkpoint *c,
                   size_t witnesses)
{
	char quoted[VS_NOTE_NAME_LEN];

	(void)vs_log_quote(c->origin, quoted, sizeof quoted);
	if (say->json)
		put(json_pack("{s:s, s:s, s:I, s:I}", "event", "checkpoint",
		              "origin", quoted, "size",
		              (json_int_t)c->head.size, "witnesses",
		              (json_int_t)witnesses));
	else
		printf("at     %" PRIu64 " entries of %s, %zu witnesses\n",
		       c->head.size, quoted, witnesses);
}
