/* SPDX-License-Identifier: Apache-2.0
 *
 * server/campaigns/rollout_store.c - campaigns and their members as rows.
 */
#include "server/campaigns/rollout_store.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "trust/json.h"

enum { body_max = 1024 * 1024, seat_text_len = 160 };

vs_status vs_rollout_set_add(struct vs_rollout_set *s, uint64_t seq)
{
	size_t at = (size_t)(seq / 8);

	if (at >= s->len) {
		size_t len = (at + 1) * 2;
		uint8_t *more = realloc(s->bits, len);

		if (!more)
			return VS_ERR_NOMEM;
		memset(more + s->len, 0, len - s->len);
		s->bits = more;
		s->len = len;
	}
	s->bits[at] = (uint8_t)(s->bits[at] | 1u << seq % 8);
	return VS_OK;
}

bool vs_rollout_set_has(const struct vs_rollout_set *s, uint64_t seq)
{
	return seq / 8 < s->len && s->bits[seq / 8] >> seq % 8 & 1;
}

void vs_rollout_set_drop(struct vs_rollout_set *s)
{
	free(s->bits);
	*s = (struct vs_rollout_set){0};
}

vs_status vs_rollout_set_store(struct vs_store *s, const char *campaign,
                               const char *kind,
                               const struct vs_rollout_set *set)
{
	size_t len = set->len;

	while (len && !set->bits[len - 1])
		len--;
	const struct vs_value row[] = {
		vs_text(campaign), vs_text(kind),
		vs_blob(len ? (const void *)set->bits : "", len)};
	return vs_store_query(
		s,
		"INSERT INTO campaign_set (campaign, kind, bits) "
		"VALUES (?1, ?2, ?3) ON CONFLICT (campaign, kind) DO UPDATE "
		"SET bits = excluded.bits",
		row, 3, NULL, NULL);
}

struct reading {
	struct vs_store *store;
	struct vs_rollout_set *out;
};

static vs_status take_bits(const struct vs_store *s, const struct vs_row *row,
                           int column, struct vs_rollout_set *out)
{
	size_t len;
	const void *bits = vs_row_blob(s, row, column, &len);

	out->bits = malloc(len ? len : 1);
	if (!out->bits)
		return VS_ERR_NOMEM;
	memcpy(out->bits, bits, len);
	out->len = len;
	return VS_OK;
}

static vs_status read_set(void *ctx, const struct vs_row *row)
{
	struct reading *l = ctx;

	return take_bits(l->store, row, 0, l->out);
}

vs_status vs_rollout_set_load(struct vs_store *s, const char *campaign,
                              const char *kind, struct vs_rollout_set *out)
{
	const struct vs_value key[] = {vs_text(campaign), vs_text(kind)};
	struct reading l = {s, out};

	*out = (struct vs_rollout_set){0};
	return vs_store_query(s,
	                      "SELECT bits FROM campaign_set "
	                      "WHERE campaign = ?1 AND kind = ?2",
	                      key, 2, read_set, &l);
}

vs_status vs_rollout_insert(struct vs_store *s, const struct vs_rollout *r)
{
	VS_AUTO(vs_free_drop) char *text = NULL;
	VS_AUTO(vs_rollout_set_drop) struct vs_rollout_set set = {0};
	size_t len;
	vs_status status = vs_json_canonical(r->body, &text, &len);

	if (status)
		return status;
	const struct vs_value row[] = {
		vs_text(r->id),      vs_uint(r->number),
		vs_text(text),       vs_uint((uint64_t)r->state),
		vs_text(r->because), vs_text(r->approved_by),
	};
	status = vs_store_query(s,
	                        "INSERT INTO campaign (id, number, body, "
	                        "state, because, approved_by) "
	                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	                        row, 6, NULL, NULL);
	for (size_t i = 0; !status && i < vs_rollout_count(r); i++)
		status = vs_rollout_set_add(&set, vs_rollout_device(r, i)->seq);
	return status ? status
	              : vs_rollout_set_store(s, r->id, "members", &set);
}

vs_status vs_rollout_update(struct vs_store *s, const struct vs_rollout *r,
                            enum vs_campaign_state state, const char *because,
                            const char *approved_by)
{
	const struct vs_value row[] = {vs_text(r->id), vs_uint((uint64_t)state),
	                               vs_text(because), vs_text(approved_by)};

	return vs_store_query(s,
	                      "UPDATE campaign SET state = ?2, because = ?3, "
	                      "approved_by = ?4 WHERE id = ?1",
	                      row, 4, NULL, NULL);
}

vs_status vs_member_store(struct vs_store *s, const struct vs_member_row *m)
{
	const struct vs_seat *seat = m->seat;
	char more[seat_text_len];

	snprintf(more, sizeof more, "%u %u %u %u %u %u %u %u", seat->started_s,
	         seat->attempts, seat->cause, seat->has_base, seat->base_s,
	         seat->base_faults, seat->before_faults, seat->before_s);
	const struct vs_value row[] = {
		vs_text(m->rollout->id),
		vs_text(m->device),
		vs_uint(seat->state),
		vs_uint(seat->since_s),
		vs_text(m->note->reason),
		vs_text(m->note->detail),
		vs_text(m->note->before_release),
		vs_text(m->note->before_campaign),
		vs_text(more),
	};

	return vs_store_query(
		s,
		"INSERT INTO member (campaign, device, state, since_s, reason, "
		"detail, before_release, before_campaign, seat) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
		"ON CONFLICT (campaign, device) DO UPDATE SET "
		"state = excluded.state, since_s = excluded.since_s, "
		"reason = excluded.reason, detail = excluded.detail, "
		"before_release = excluded.before_release, "
		"before_campaign = excluded.before_campaign, "
		"seat = excluded.seat",
		row, 9, NULL, NULL);
}

vs_status vs_assignment_store(struct vs_store *s, const char *device,
                              const char *release, const char *campaign)
{
	const struct vs_value row[] = {vs_text(device), vs_text(release),
	                               vs_text(campaign)};

	return vs_store_query(
		s,
		"INSERT INTO assignment (device, release, campaign) "
		"VALUES (?1, ?2, ?3) ON CONFLICT (device) DO UPDATE SET "
		"release = excluded.release, campaign = excluded.campaign",
		row, 3, NULL, NULL);
}

vs_status vs_freeze_store(struct vs_store *s, const struct vs_freeze *f)
{
	const struct vs_value row[] = {vs_uint(f->on), vs_text(f->by),
	                               vs_text(f->because),
	                               vs_uint(f->since_s)};

	return vs_store_query(
		s,
		"INSERT INTO frozen (name, is_on, person, because, since_s) "
		"VALUES ('all', ?1, ?2, ?3, ?4) ON CONFLICT (name) DO UPDATE "
		"SET is_on = excluded.is_on, person = excluded.person, "
		"because = excluded.because, since_s = excluded.since_s",
		row, 4, NULL, NULL);
}

vs_status vs_marks_store(struct vs_store *s, const char *device,
                         const struct vs_grid_device *was,
                         const struct vs_grid_device *is)
{
	const struct vs_value row[] = {
		vs_text(device),    vs_uint(is->old_faults),
		vs_uint(is->old_s), vs_uint(is->new_faults),
		vs_uint(is->new_s),
	};

	if (was->has_faults == is->has_faults && was->old_s == is->old_s &&
	    was->new_s == is->new_s)
		return VS_OK;
	return vs_store_query(
		s,
		"INSERT INTO fault_mark (device, old_faults, old_s, "
		"new_faults, new_s) VALUES (?1, ?2, ?3, ?4, ?5) "
		"ON CONFLICT (device) DO UPDATE SET "
		"old_faults = excluded.old_faults, old_s = excluded.old_s, "
		"new_faults = excluded.new_faults, new_s = excluded.new_s",
		row, 5, NULL, NULL);
}

struct loading {
	struct vs_store *store;
	struct vs_rollouts *out;
	struct vs_why *why;
};

static vs_status load_freeze(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	const struct vs_store *s = l->store;
	struct vs_freeze *f = &l->out->freeze;

	f->on = vs_row_uint(s, row, 0) != 0;
	snprintf(f->by, sizeof f->by, "%s", vs_row_text(s, row, 1));
	snprintf(f->because, sizeof f->because, "%s", vs_row_text(s, row, 2));
	f->since_s = vs_row_uint(s, row, 3);
	return VS_OK;
}

static vs_status load_marks(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	const struct vs_store *s = l->store;
	const struct vs_device *d =
		vs_fleet_find(l->out->fleet, vs_row_text(s, row, 0));
	uint32_t number = d ? vs_rollouts_number(l->out, d) : UINT32_MAX;

	if (number == UINT32_MAX)
		return VS_OK;
	struct vs_grid_device kept = l->out->grid.devices[number];
	kept.old_faults = (uint32_t)vs_row_uint(s, row, 1);
	kept.old_s = (uint32_t)vs_row_uint(s, row, 2);
	kept.new_faults = (uint32_t)vs_row_uint(s, row, 3);
	kept.new_s = (uint32_t)vs_row_uint(s, row, 4);
	if (kept.has_faults)
		vs_grid_restore(&l->out->grid, number, &kept);
	return VS_OK;
}

static vs_status load_campaign(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	const struct vs_store *s = l->store;
	const char *text = vs_row_text(s, row, 1);
	struct vs_rollout *r;
	json_t *body;
	vs_status status =
		vs_json_parse(text, strlen(text), body_max, &body, l->why);

	if (!status)
		status = vs_rollout_new(vs_row_uint(s, row, 0), body, &r,
		                        l->why);
	if (status)
		return status;
	uint64_t state = vs_row_uint(s, row, 2);
	r->state = state >= VS_CAMPAIGN_STATES ? VS_CAMPAIGN_ABORTED
	                                       : (enum vs_campaign_state)state;
	snprintf(r->because, sizeof r->because, "%s", vs_row_text(s, row, 3));
	snprintf(r->approved_by, sizeof r->approved_by, "%s",
	         vs_row_text(s, row, 4));
	struct vs_rollout **more =
		realloc(l->out->all, (l->out->count + 1) * sizeof(*more));
	if (!more) {
		vs_rollout_free(&r);
		return VS_ERR_NOMEM;
	}
	l->out->all = more;
	l->out->all[l->out->count++] = r;
	return VS_OK;
}

/* "skip WHY" */
static vs_status load_skips(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	struct vs_rollout *r =
		vs_rollouts_find(l->out, vs_row_text(l->store, row, 0));
	const char *kind = vs_row_text(l->store, row, 1);
	VS_AUTO(vs_rollout_set_drop) struct vs_rollout_set set = {0};
	struct vs_rollout_note note = {0};
	const struct vs_seat skipped = {.state = VS_MEMBER_SKIPPED,
	                                .cause = VS_CAUSE_SKIP};
	vs_status status;

	if (!r || strncmp(kind, "skip ", 5) != 0)
		return VS_OK;
	status = take_bits(l->store, row, 2, &set);
	snprintf(note.detail, sizeof note.detail, "%s", kind + 5);
	for (size_t i = 0; !status && i < vs_rollout_count(r); i++) {
		if (!vs_rollout_set_has(&set, vs_rollout_device(r, i)->seq))
			continue;
		vs_run_restore(&r->run, i, &skipped);
		status = vs_rollout_keep(r, i, &note);
	}
	return status;
}

/* All eight numbers of a seat; of a row of an older server none: zeros. */
static void read_numbers(const char *text, unsigned n[static 8])
{
	char *end;
	size_t i;

	for (i = 0; i < 8; i++, text = end) {
		unsigned long v = strtoul(text, &end, 10);

		if (end == text || v > UINT_MAX)
			break;
		n[i] = (unsigned)v;
	}
	if (i < 8)
		memset(n, 0, 8 * sizeof *n);
}

static void read_seat(const char *text, struct vs_seat *out)
{
	unsigned n[8] = {0};

	read_numbers(text, n);
	out->started_s = n[0];
	out->attempts =
		(uint8_t)(n[1] > VS_ATTEMPTS_MAX ? VS_ATTEMPTS_MAX : n[1]);
	out->cause = (uint8_t)(n[2] < VS_CAUSES ? n[2] : 0);
	out->has_base = n[3] && n[7];
	out->base_s = out->seen_s = n[4];
	out->base_faults = n[5];
	out->before_faults = n[6];
	out->before_s = n[7];
}

static vs_status load_member(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	const struct vs_store *s = l->store;
	struct vs_rollout *r = vs_rollouts_find(l->out, vs_row_text(s, row, 0));
	const struct vs_device *d =
		vs_fleet_find(l->out->fleet, vs_row_text(s, row, 1));
	uint64_t state = vs_row_uint(s, row, 2);
	size_t place = r && d ? vs_rollout_place(r, d) : VS_NO_PLACE;
	struct vs_rollout_note note = {0};
	struct vs_seat seat = {0};

	if (place == VS_NO_PLACE || state >= VS_MEMBER_STATES)
		return vs_fail(VS_ERR_INPUT, l->why, VS_REASON_MALFORMED,
		               "a member of no campaign", 0);
	read_seat(vs_row_text(s, row, 8), &seat);
	seat.state = (uint8_t)state;
	seat.since_s = (uint32_t)vs_row_uint(s, row, 3);
	if (!seat.attempts && state != VS_MEMBER_SKIPPED)
		seat.attempts = 1;
	vs_run_restore(&r->run, place, &seat);
	snprintf(note.reason, sizeof note.reason, "%s", vs_row_text(s, row, 4));
	snprintf(note.detail, sizeof note.detail, "%s", vs_row_text(s, row, 5));
	snprintf(note.before_release, sizeof note.before_release, "%s",
	         vs_row_text(s, row, 6));
	snprintf(note.before_campaign, sizeof note.before_campaign, "%s",
	         vs_row_text(s, row, 7));
	return vs_rollout_keep(r, place, &note);
}

/* Where a campaign stands, without moving anybody. */
static void observe(struct vs_rollout *r, uint64_t now_s)
{
	vs_run_restored(&r->run);
	vs_run_judge(&r->run);
	vs_run_explain(&r->run, now_s);
}

/* A campaign of an older server has no set: its filter is told by names that
 * do not change.
 */
static vs_status seat_all(struct loading *l)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < l->out->count; i++) {
		VS_AUTO(vs_rollout_set_drop) struct vs_rollout_set set = {0};
		struct vs_rollout *r = l->out->all[i];

		status = vs_rollout_set_load(l->store, r->id, "members", &set);
		if (!status)
			status = vs_rollout_seat(
				r, l->out, set.bits ? &set : NULL, l->why);
	}
	return status;
}

vs_status vs_rollouts_load(struct vs_store *s, struct vs_fleet *fleet,
                           uint64_t now_s, struct vs_rollouts *out,
                           struct vs_why *why)
{
	/* clang-format off */
	static const struct {
		const char *sql;
		vs_row_fn each;
	} tables[] = {
		{"SELECT is_on, person, because, since_s FROM frozen",
		 load_freeze},
		{"SELECT device, old_faults, old_s, new_faults, new_s "
		 "FROM fault_mark", load_marks},
		{"SELECT number, body, state, because, approved_by "
		 "FROM campaign ORDER BY number", load_campaign},
		{"SELECT campaign, kind, bits FROM campaign_set", load_skips},
		{"SELECT campaign, device, state, since_s, reason, detail, "
		 "before_release, before_campaign, seat FROM member",
		 load_member},
	};
	/* clang-format on */
	struct loading l = {.store = s, .out = out, .why = why};

	*out = (struct vs_rollouts){.fleet = fleet};
	vs_fail(VS_OK, why, VS_REASON_UNREADABLE, "campaigns", 0);
	vs_status status = vs_rollouts_sync(out, NULL);
	for (size_t i = 0; !status && i < sizeof tables / sizeof *tables; i++) {
		status = vs_store_query(s, tables[i].sql, NULL, 0,
		                        tables[i].each, &l);
		if (!status && tables[i].each == load_campaign)
			status = seat_all(&l);
	}
	for (size_t i = 0; !status && i < out->count; i++)
		observe(out->all[i], now_s);
	return status;
}
