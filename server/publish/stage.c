/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/stage.c - the table of steps, and what was shown for each.
 */
#include "server/publish/stage.h"

#include <stdio.h>
#include <string.h>

#include "trust/time.h"

enum { evidence_most = 1000 };

static const char *const names[] = {
	[VS_STAGE_LAB] = "lab",
	[VS_STAGE_PILOT] = "pilot",
	[VS_STAGE_GENERAL] = "general",
	[VS_STAGE_RETIRED] = "retired",
};

enum { stage_count = sizeof names / sizeof *names };

const char *vs_stage_name(enum vs_stage stage)
{
	return names[stage];
}

vs_status vs_stage_parse(const char *name, enum vs_stage *out)
{
	for (size_t i = 0; i < stage_count; i++)
		if (strcmp(names[i], name) == 0) {
			*out = (enum vs_stage)i;
			return VS_OK;
		}
	return VS_ERR_INPUT;
}

/* asked: whether somebody wants the release general. */
static const struct {
	enum vs_stage from;
	bool asked;
	enum vs_stage_move move;
	enum vs_stage to;
	bool asks;
} moves[] = {
	{VS_STAGE_LAB,     false, VS_STAGE_PROMOTE, VS_STAGE_PILOT,   false},
	{VS_STAGE_PILOT,   false, VS_STAGE_PROMOTE, VS_STAGE_PILOT,   true },
	{VS_STAGE_PILOT,   true,  VS_STAGE_APPROVE, VS_STAGE_GENERAL, false},
	{VS_STAGE_PILOT,   true,  VS_STAGE_REJECT,  VS_STAGE_PILOT,   false},
	{VS_STAGE_LAB,     false, VS_STAGE_RETIRE,  VS_STAGE_RETIRED, false},
	{VS_STAGE_PILOT,   false, VS_STAGE_RETIRE,  VS_STAGE_RETIRED, false},
	{VS_STAGE_PILOT,   true,  VS_STAGE_RETIRE,  VS_STAGE_RETIRED, false},
	{VS_STAGE_GENERAL, false, VS_STAGE_RETIRE,  VS_STAGE_RETIRED, false},
};

static void set(char out[static VS_STAGE_NAME_LEN], const char *name)
{
	snprintf(out, VS_STAGE_NAME_LEN, "%s", name);
}

vs_status vs_stage_move(struct vs_standing *s, enum vs_stage_move move,
                        const char *who, uint64_t now_s)
{
	const size_t count = sizeof moves / sizeof *moves;
	size_t i = 0;

	while (i < count && (moves[i].from != s->stage ||
	                     moves[i].asked != (s->asked_by[0] != 0) ||
	                     moves[i].move != move))
		i++;
	if (i == count)
		return VS_ERR_STATE;
	if (move == VS_STAGE_APPROVE && strcmp(who, s->asked_by) == 0)
		return VS_ERR_DENIED;
	if (moves[i].to != s->stage) {
		set(s->by, move == VS_STAGE_APPROVE ? s->asked_by : who);
		set(s->approved_by, move == VS_STAGE_APPROVE ? who : "");
		s->since_s = now_s;
	}
	s->stage = moves[i].to;
	set(s->asked_by, moves[i].asks ? who : "");
	return VS_OK;
}

vs_status vs_standing_store(struct vs_store *s, const char *release,
                            const struct vs_standing *standing)
{
	const struct vs_value row[] = {
		vs_text(release),
		vs_text(vs_stage_name(standing->stage)),
		vs_uint(standing->since_s),
		vs_text(standing->by),
		vs_text(standing->approved_by),
		vs_text(standing->asked_by),
	};

	return vs_store_query(
		s,
		"INSERT INTO stage (release, stage, since_s, by_whom, "
		"approved_by, asked_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
		"ON CONFLICT (release) DO UPDATE SET stage = excluded.stage, "
		"since_s = excluded.since_s, by_whom = excluded.by_whom, "
		"approved_by = excluded.approved_by, "
		"asked_by = excluded.asked_by",
		row, 6, NULL, NULL);
}

struct loading {
	struct vs_store *store;
	struct vs_standing *out;
};

static vs_status load_row(void *ctx, const struct vs_row *row)
{
	const struct loading *l = ctx;
	struct vs_standing *out = l->out;

	out->since_s = vs_row_uint(l->store, row, 1);
	set(out->by, vs_row_text(l->store, row, 2));
	set(out->approved_by, vs_row_text(l->store, row, 3));
	set(out->asked_by, vs_row_text(l->store, row, 4));
	return vs_stage_parse(vs_row_text(l->store, row, 0), &out->stage);
}

vs_status vs_standing_load(struct vs_store *s, const char *release,
                           struct vs_standing *out)
{
	const struct vs_value key[] = {vs_text(release)};
	struct loading l = {s, out};

	*out = (struct vs_standing){.stage = VS_STAGE_GENERAL};
	return vs_store_query(s,
	                      "SELECT stage, since_s, by_whom, approved_by, "
	                      "asked_by FROM stage WHERE release = ?1",
	                      key, 1, load_row, &l);
}

struct counting {
	struct vs_store *store;
	uint64_t n;
};

static vs_status count_row(void *ctx, const struct vs_row *row)
{
	struct counting *c = ctx;

	c->n = vs_row_uint(c->store, row, 0);
	return VS_OK;
}

vs_status vs_evidence_add(struct vs_store *s, const char *release,
                          enum vs_stage stage, const struct vs_evidence *e,
                          const char *who, uint64_t now_s)
{
	struct counting c = {s, 0};
	struct vs_value row[] = {
		vs_text(release),
		vs_uint(0),
		vs_text(vs_stage_name(stage)),
		vs_text(e->kind),
		vs_text(e->sha256),
		vs_text(e->note),
		vs_text(who),
		vs_uint(now_s),
	};
	vs_status status = vs_store_query(
		s, "SELECT COUNT(*) FROM evidence WHERE release = ?1", row, 1,
		count_row, &c);

	if (!status && c.n >= evidence_most)
		status = VS_ERR_LIMIT;
	if (status)
		return status;
	row[1] = vs_uint(c.n + 1);
	return vs_store_query(
		s,
		"INSERT INTO evidence (release, number, stage, kind, sha256, "
		"note, by_whom, time_s) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		row, 8, NULL, NULL);
}

struct listing {
	struct vs_store *store;
	json_t *list;
};

static vs_status list_row(void *ctx, const struct vs_row *row)
{
	const struct listing *l = ctx;
	char at[VS_TIME_LEN];

	vs_time_format(vs_row_uint(l->store, row, 5), at);
	json_t *one = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "stage",
	                        vs_row_text(l->store, row, 0), "kind",
	                        vs_row_text(l->store, row, 1), "sha256",
	                        vs_row_text(l->store, row, 2), "note",
	                        vs_row_text(l->store, row, 3), "by",
	                        vs_row_text(l->store, row, 4), "at", at);
	return json_array_append_new(l->list, one) ? VS_ERR_NOMEM : VS_OK;
}

vs_status vs_evidence_list(struct vs_store *s, const char *release,
                           json_t **out)
{
	const struct vs_value key[] = {vs_text(release)};
	struct listing l = {s, json_array()};
	vs_status status =
		l.list ? vs_store_query(s,
	                                "SELECT stage, kind, sha256, note, "
	                                "by_whom, time_s FROM evidence "
	                                "WHERE release = ?1 ORDER BY number",
	                                key, 1, list_row, &l)
		       : VS_ERR_NOMEM;

	if (status) {
		json_decref(l.list);
		l.list = NULL;
	}
	*out = l.list;
	return status;
}
