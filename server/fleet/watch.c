/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet/watch.c - what does not fit in what a charger's boot loader
 * decided.
 */
#include "server/fleet/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/audit/audit.h"
#include "trust/time.h"

static const char *const flag_names[VS_FLAGS] = {
	[VS_FLAG_FLOOR_NOT_RAISED] = "floor-not-raised",
	[VS_FLAG_FLOOR_FELL] = "floor-fell",
	[VS_FLAG_BOOT_DIFFERS] = "boot-differs",
};

const char *vs_flag_name(enum vs_flag flag)
{
	return flag_names[flag];
}

bool vs_flag_find(const char *name, enum vs_flag *out)
{
	for (int i = 0; i < VS_FLAGS; i++) {
		*out = (enum vs_flag)i;
		if (strcmp(flag_names[i], name) == 0)
			return true;
	}
	return false;
}

static const struct vs_report_ecu *ecu_of(const struct vs_report *r,
                                          const char *id)
{
	for (size_t i = 0; i < r->ecu_count; i++)
		if (strcmp(r->ecus[i].id, id) == 0)
			return &r->ecus[i];
	return NULL;
}

/* A floor that cannot be read counts as the highest: it is neither due, nor has
 * it fallen, nor is it remembered.
 */
static bool readable(uint32_t floor)
{
	return floor != UINT32_MAX;
}

/* The ECU whose floor is below what it runs, once that is confirmed. */
static const struct vs_report_ecu *find_due(const struct vs_report *r)
{
	for (size_t i = 0; i < r->ecu_count && !r->trial && r->healthy; i++)
		if (r->ecus[i].floor < r->ecus[i].security_version)
			return &r->ecus[i];
	return NULL;
}

static bool judge_rise(struct vs_watch *w, const struct vs_report *r,
                       const struct vs_watch_with *with, char what[static 160])
{
	const struct vs_report_ecu *due = find_due(r);
	bool again = r->boot.known && !r->boot.trial;

	/* on trial or unhealthy, nothing is known of it */
	if (!due) {
		if (!r->trial && r->healthy)
			w->due_since_s = 0;
		return w->due_since_s &&
		       with->now_s - w->due_since_s >= with->floor_due_s;
	}
	if (!w->due_since_s)
		w->due_since_s = with->now_s;
	snprintf(what, 160,
	         "%.63s: floor %" PRIu32 ", runs security_version %" PRIu32
	         "; %s",
	         due->id, due->floor, due->security_version,
	         !r->boot.known ? "the loader's decision is not told"
	         : again        ? "it started again and did not raise it"
	                        : "it has not started again");
	return with->now_s - w->due_since_s >= with->floor_due_s;
}

static bool judge_fall(struct vs_watch *w, const struct vs_report *r,
                       const struct vs_watch_with *with, char what[static 160])
{
	bool fell = false;

	for (size_t i = 0; i < with->ecu_count; i++) {
		const struct vs_report_ecu *e = ecu_of(r, with->ecus[i]);

		if (!e || !readable(e->floor))
			continue;
		if (e->floor < w->floors[i]) {
			fell = true;
			snprintf(what, 160,
			         "%.63s: floor %" PRIu32 ", was %" PRIu32,
			         e->id, e->floor, w->floors[i]);
		} else {
			w->floors[i] = e->floor;
		}
	}
	if (!r->boot.known || !readable(r->boot.epoch))
		return fell;
	if (r->boot.epoch < w->epoch) {
		fell = true;
		snprintf(what, 160,
		         "the keyrings' epoch is %" PRIu32 ", was %" PRIu32,
		         r->boot.epoch, w->epoch);
	} else {
		w->epoch = r->boot.epoch;
	}
	return fell;
}

/* The agent's words against the loader's, of the ECU that signs: a controller
 * may run another image than its slot holds for a while.
 */
static bool judge_difference(const struct vs_report *r, char what[static 160])
{
	const struct vs_report_boot *b = &r->boot;
	const struct vs_report_part *p = &b->parts[0];
	const struct vs_report_ecu *e = ecu_of(r, r->primary);

	if (!b->known || strcmp(b->verdict, "boot") != 0)
		return false;
	if (r->slot != b->slot) {
		snprintf(what, 160, "runs slot %d, the loader started %d",
		         r->slot, b->slot);
		return true;
	}
	if (r->trial && !b->trial) {
		snprintf(what, 160, "on trial, and the loader knows of none");
		return true;
	}
	if (!e || !p->length ||
	    (e->release_seq == p->release_seq &&
	     strcmp(e->version, p->version) == 0))
		return false;
	snprintf(what, 160,
	         "%.63s: runs release_seq %" PRIu64 ", the loader started "
	         "%" PRIu64,
	         e->id, e->release_seq, p->release_seq);
	return true;
}

void vs_watch_report(struct vs_watch *w, const struct vs_report *r,
                     const struct vs_watch_with *with,
                     char what[static VS_FLAGS][160])
{
	bool raised[VS_FLAGS];

	for (int i = 0; i < VS_FLAGS; i++)
		what[i][0] = 0;
	raised[VS_FLAG_FLOOR_NOT_RAISED] =
		judge_rise(w, r, with, what[VS_FLAG_FLOOR_NOT_RAISED]);
	raised[VS_FLAG_FLOOR_FELL] =
		judge_fall(w, r, with, what[VS_FLAG_FLOOR_FELL]);
	raised[VS_FLAG_BOOT_DIFFERS] =
		judge_difference(r, what[VS_FLAG_BOOT_DIFFERS]);
	for (int i = 0; i < VS_FLAGS; i++) {
		if (!raised[i])
			w->since_s[i] = 0;
		else if (!w->since_s[i])
			w->since_s[i] = with->now_s;
	}
}

json_t *vs_watch_json(const struct vs_watch *w)
{
	json_t *all = json_object();

	for (int i = 0; all && i < VS_FLAGS; i++) {
		char at[VS_TIME_LEN];

		if (!w->since_s[i])
			continue;
		vs_time_format(w->since_s[i], at);
		if (json_object_set_new(all, flag_names[i], json_string(at))) {
			json_decref(all);
			return NULL;
		}
	}
	return all;
}

static vs_status note(struct vs_store *s, const char *device, enum vs_flag flag,
                      bool raised, uint64_t now_s, const char *what)
{
	char detail[200];
	const struct vs_audit a = {device,
	                           raised ? "flag-raised" : "flag-cleared",
	                           device, "", detail};

	snprintf(detail, sizeof detail, "%s%s%s", flag_names[flag],
	         raised && what[0] ? ": " : "", raised ? what : "");
	return vs_audit_append(s, now_s, &a);
}

vs_status vs_watch_note(struct vs_store *s, const char *device,
                        const struct vs_watch *was, const struct vs_watch *is,
                        uint64_t now_s, char what[static VS_FLAGS][160])
{
	vs_status status = VS_OK;

	for (int i = 0; i < VS_FLAGS && !status; i++)
		if (!was->since_s[i] != !is->since_s[i])
			status = note(s, device, (enum vs_flag)i,
			              is->since_s[i] != 0, now_s, what[i]);
	return status;
}

/* Rows: a flag's name with when it was raised, "due", "epoch", and
 * "floor:ECU" with the highest.
 */
vs_status vs_watch_load(struct vs_watch *w, const char *name, uint64_t value,
                        const struct vs_watch_with *with)
{
	enum vs_flag flag;

	if (vs_flag_find(name, &flag)) {
		w->since_s[flag] = value;
		return VS_OK;
	}
	if (strcmp(name, "due") == 0) {
		w->due_since_s = value;
		return VS_OK;
	}
	if (value > UINT32_MAX)
		return VS_ERR_INPUT;
	if (strcmp(name, "epoch") == 0) {
		w->epoch = (uint32_t)value;
		return VS_OK;
	}
	for (size_t i = 0; i < with->ecu_count; i++)
		if (strncmp(name, "floor:", 6) == 0 &&
		    strcmp(name + 6, with->ecus[i]) == 0) {
			w->floors[i] = (uint32_t)value;
			return VS_OK;
		}
	return VS_ERR_INPUT;
}
