/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/stuck.c - why a charger does not move.
 */
#include "campaign/stuck.h"

/* clang-format off */
static const struct {
	const char *name, *text, *advice;
} table[VS_STUCKS] = {
	[VS_STUCK_NOT] = {"", "", ""},
	[VS_STUCK_UNSEEN] = {
		"unseen", "it never reported",
		"see whether it is installed and has its certificate"},
	[VS_STUCK_SILENT] = {
		"silent", "it has not reported for long",
		"see its power and its connection; a share for "
		"advance_percent lets the others go on"},
	[VS_STUCK_FEEDER] = {
		"feeder", "another charger of its feeder group is away",
		"look at that charger first"},
	[VS_STUCK_SITE] = {
		"site", "its site has lent as many as it may",
		"look at the site's other chargers first"},
	[VS_STUCK_REQUIRES] = {
		"requires", "another of its components is older than the "
		"release requires",
		"update that component first; it is told when it has it"},
	[VS_STUCK_REFUSES] = {
		"refuses", "it refuses what it was told",
		"read the reason in its last report"},
	[VS_STUCK_CHARGING] = {
		"charging", "a charging session holds it up",
		"wait, or end the session"},
	[VS_STUCK_FETCHING] = {
		"fetching", "it still downloads",
		"see its link; bytes are in its last report"},
	[VS_STUCK_INSTALLING] = {
		"installing", "it began to install and has not come back",
		"see whether it has power; it falls back by itself if it "
		"cannot start"},
	[VS_STUCK_IDLE] = {
		"idle", "it was told, reports, and does nothing",
		"see its gates: window, battery, reservations"},
	[VS_STUCK_SOAKING] = {
		"soaking", "it runs the new version and went silent",
		"see its connection; it counts after its next healthy "
		"report"},
	[VS_STUCK_FAILED] = {
		"failed", "it failed",
		"read its reason; then retry, or send back"},
};
/* clang-format on */

static bool silent(const struct vs_stuck_facts *f, uint64_t now_s,
                   uint64_t after_s)
{
	return now_s > f->last_report_s && now_s - f->last_report_s >= after_s;
}

static enum vs_stuck waiting(const struct vs_stuck_facts *f, uint64_t now_s,
                             uint64_t after_s)
{
	if (!f->last_report_s)
		return VS_STUCK_UNSEEN;
	if (silent(f, now_s, after_s))
		return VS_STUCK_SILENT;
	if (f->block == VS_BLOCK_FEEDER)
		return VS_STUCK_FEEDER;
	if (f->block == VS_BLOCK_SITE)
		return VS_STUCK_SITE;
	return f->lacks && f->block == VS_BLOCK_NONE ? VS_STUCK_REQUIRES
	                                             : VS_STUCK_NOT;
}

static enum vs_stuck started(const struct vs_stuck_facts *f, uint64_t now_s,
                             uint64_t after_s)
{
	uint64_t age_s = now_s > f->since_s ? now_s - f->since_s : 0;

	if (f->lacks && !f->installing)
		return VS_STUCK_REQUIRES;
	if (f->refuses)
		return VS_STUCK_REFUSES;
	if (age_s < after_s)
		return VS_STUCK_NOT;
	if (f->installing)
		return VS_STUCK_INSTALLING;
	if (silent(f, now_s, after_s))
		return VS_STUCK_SILENT;
	if (f->charging)
		return VS_STUCK_CHARGING;
	return f->fetching ? VS_STUCK_FETCHING : VS_STUCK_IDLE;
}

enum vs_stuck vs_stuck_find(const struct vs_stuck_facts *f, uint64_t now_s,
                            uint64_t after_s)
{
	uint64_t soaked_s = f->since_s + f->soak_s;

	switch (f->state) {
	case VS_MEMBER_WAITING:
		return waiting(f, now_s, after_s);
	case VS_MEMBER_STARTED:
		return started(f, now_s, after_s);
	case VS_MEMBER_SOAKING:
		return now_s > soaked_s && now_s - soaked_s >= after_s
		               ? VS_STUCK_SOAKING
		               : VS_STUCK_NOT;
	case VS_MEMBER_FAILED:
		return VS_STUCK_FAILED;
	case VS_MEMBER_UPDATED:
	case VS_MEMBER_SKIPPED:
	case VS_MEMBER_STATES:
		break;
	}
	return VS_STUCK_NOT;
}

const char *vs_stuck_name(enum vs_stuck s)
{
	return (unsigned)s < VS_STUCKS ? table[s].name : "unknown";
}

const char *vs_stuck_text(enum vs_stuck s)
{
	return (unsigned)s < VS_STUCKS ? table[s].text : "unknown";
}

const char *vs_stuck_advice(enum vs_stuck s)
{
	return (unsigned)s < VS_STUCKS ? table[s].advice : "unknown";
}
