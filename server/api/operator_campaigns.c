/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_campaigns.c - people plan, approve, start and stop.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "campaign/filter.h"
#include "server/api/identify.h"
#include "server/api/operator_api.h"
#include "server/api/operator_campaigns.h"
#include "server/api/page.h"
#include "server/campaigns/scope.h"
#include "trust/json.h"
#include "trust/time.h"

#define TAG_LEN 35 /* 32 hex digits in quotes, and the zero */

void vs_operator_campaigns(struct vs_request *r)
{
	struct vs_server *s = r->server;
	struct vs_page page;
	json_t *list;

	if (!vs_page_parse(r, &page))
		return;
	list = json_array();
	pthread_rwlock_rdlock(&s->lock);
	for (size_t i = 0; list && !page.more && i < s->rollouts.count; i++) {
		const struct vs_rollout *one = s->rollouts.all[i];
		json_t *shown;

		if (!vs_scope_rollout(&r->person, one) ||
		    vs_page_step(&page, one->id) != VS_PAGE_TAKE)
			continue;
		if (vs_rollout_json(one, false, &shown) ||
		    json_array_append_new(list, shown)) {
			json_decref(list);
			list = NULL;
		}
	}
	pthread_rwlock_unlock(&s->lock);
	vs_page_answer(r, &page, list);
}

/* What people decide about changes it; progress does not. */
static vs_status tag_of(const struct vs_rollout *r, char out[static TAG_LEN])
{
	char text[512];
	uint8_t hash[32];
	unsigned len = 0;
	int n = snprintf(text, sizeof text, "%s %d %s %s", r->id, (int)r->state,
	                 r->approved_by, r->because);

	if (n < 0 || EVP_Digest(text, strnlen(text, sizeof text), hash, &len,
	                        EVP_sha256(), NULL) != 1)
		return VS_ERR_CRYPTO;
	out[0] = '"';
	vs_hex_encode(hash, (TAG_LEN - 3) / 2, out + 1);
	memcpy(out + TAG_LEN - 2, "\"", 2);
	return VS_OK;
}

void vs_operator_campaign_show(struct vs_request *r, unsigned code,
                               const char *id)
{
	vs_status status = VS_ERR_ABSENT;
	json_t *one = NULL;
	char tag[TAG_LEN];

	pthread_rwlock_rdlock(&r->server->lock);
	const struct vs_rollout *found =
		vs_rollouts_find(&r->server->rollouts, id);
	if (found && vs_scope_rollout(&r->person, found))
		status = tag_of(found, tag);
	if (!status)
		status = vs_rollout_json(found, true, &one);
	pthread_rwlock_unlock(&r->server->lock);
	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, code, one);
	if (!status)
		vs_request_header(r, "ETag", tag);
}

void vs_operator_campaign(struct vs_request *r)
{
	vs_operator_campaign_show(r, 200, r->parts[0]);
}

struct creating {
	struct vs_job job;
	struct vs_request *request;
	json_t *body; /* owned */
	struct vs_why why;
	char id[VS_ROLLOUT_ID_LEN];
};

static vs_status complete(const struct vs_request *q, json_t *body,
                          uint64_t now_s)
{
	const json_int_t last = (json_int_t)q->server->fleet.last_seq;
	char at[VS_TIME_LEN];

	vs_time_format(now_s, at);
	if (json_object_set_new(body, "created_by",
	                        json_string(q->person.name)) ||
	    json_object_set_new(body, "created_at", json_string(at)) ||
	    json_object_set_new(body, "last_device", json_integer(last)))
		return VS_ERR_NOMEM;
	return VS_OK;
}

static vs_status check_release(const json_t *body,
                               const struct vs_rollout_with *with,
                               struct vs_why *why)
{
	const struct vs_release *release = vs_releases_find(
		with->releases,
		json_string_value(json_object_get(body, "release")));

	if (!release)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_NOT_LISTED,
		               "release: none of this name is published", 0);
	if (release->standing.stage == VS_STAGE_RETIRED)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_CONFLICT,
		               "release: it is retired", 0);
	return VS_OK;
}

vs_status vs_operator_campaign_make(struct vs_request *q, json_t *body,
                                    const struct vs_rollout_with *with,
                                    struct vs_rollout **out, struct vs_why *why)
{
	struct vs_server *s = q->server;
	size_t n = s->rollouts.count;
	uint64_t number = n ? s->rollouts.all[n - 1]->number + 1 : 1;
	vs_status status = check_release(body, with, why);

	*out = NULL;
	if (!status)
		status = complete(q, body, with->now_s);
	if (!status)
		status = vs_rollouts_sync(&s->rollouts, with->lock);
	if (!status)
		status = vs_rollout_new(number, json_incref(body), out, why);
	if (!status)
		status = vs_rollout_seat(*out, &s->rollouts, NULL, why);
	if (!status && vs_rollout_count(*out) == 0)
		status = vs_fail(VS_ERR_INPUT, why, VS_REASON_NOT_LISTED,
		                 "filter: no charger fits it", 0);
	if (!status && !vs_scope_rollout(&q->person, *out))
		status = vs_fail(VS_ERR_DENIED, why, VS_REASON_NOT_ALLOWED,
		                 "filter: reaches chargers outside of your "
		                 "scopes",
		                 0);
	if (status)
		vs_rollout_free(out);
	return status;
}

vs_status vs_operator_campaign_create(struct vs_request *q, json_t *body,
                                      const struct vs_rollout_with *with,
                                      char id[static VS_ROLLOUT_ID_LEN],
                                      struct vs_why *why)
{
	struct vs_rollout *r;
	vs_status status = vs_operator_campaign_make(q, body, with, &r, why);

	if (!status)
		status = vs_rollouts_create(&q->server->rollouts, with, r);
	if (status)
		vs_rollout_free(&r);
	else
		memcpy(id, r->id, VS_ROLLOUT_ID_LEN);
	return status;
}

static vs_status run_create(struct vs_job *job, struct vs_store *store)
{
	struct creating *c = (struct creating *)job;
	const struct vs_rollout_with with =
		vs_server_rollout(c->request->server, store);

	return vs_operator_campaign_create(c->request, c->body, &with, c->id,
	                                   &c->why);
}

/* True if this text is a filter that cannot be read; then an answer is set. */
static bool blame(struct vs_request *r, const char *where, const json_t *text)
{
	VS_AUTO(vs_filter_free) struct vs_filter *f = NULL;
	struct vs_why why = {0};

	if (!json_is_string(text) ||
	    !vs_filter_parse(json_string_value(text), json_string_length(text),
	                     &f, &why))
		return false;
	vs_request_error(r, 400, why.code, "%s: column %zu: %s", where,
	                 why.at + 1, why.what);
	return true;
}

void vs_operator_campaign_fail(struct vs_request *r, vs_status status,
                               const struct vs_why *why, const json_t *asked)
{
	const json_t *waves = json_object_get(asked, "waves");

	if (status == VS_ERR_INPUT &&
	    blame(r, "filter", json_object_get(asked, "filter")))
		return;
	for (size_t i = 0; status == VS_ERR_INPUT && i < json_array_size(waves);
	     i++)
		if (blame(r, "waves: filter",
		          json_object_get(json_array_get(waves, i), "filter")))
			return;
	vs_request_fail(r, status, why);
}

void vs_operator_create(struct vs_request *r)
{
	VS_AUTO(vs_json_drop) json_t *asked = NULL;
	struct creating c = {.job = {.run = run_create}, .request = r};
	struct vs_plan plan;

	if (!vs_request_body(r, &asked))
		return;
	vs_status status = VS_ERR_INPUT;
	if (json_object_get(asked, "sends_back"))
		vs_fail(status, &c.why, VS_REASON_MALFORMED,
		        "sends_back: ask the campaign itself to send back", 0);
	else
		status = vs_rollout_parse(asked, &plan, &c.body, &c.why);
	if (!status)
		status = vs_writer_call(r->server->writer, &c.job);
	json_decref(c.body);
	if (status)
		vs_operator_campaign_fail(r, status, &c.why, asked);
	else
		vs_operator_campaign_show(r, 201, c.id);
}

static const struct {
	const char *word;
	enum vs_campaign_move move;
} moves[] = {
	{"approve", VS_MOVE_APPROVE},
        {"start",   VS_MOVE_START  },
	{"pause",   VS_MOVE_PAUSE  },
        {"resume",  VS_MOVE_RESUME },
	{"abort",   VS_MOVE_ABORT  },
        {"retry",   VS_MOVE_RETRY  },
};

enum { move_count = sizeof moves / sizeof *moves };

struct moving {
	struct vs_job job;
	struct vs_request *request;
	enum vs_campaign_move move;
	const char *only; /* If-Match, or NULL */
	bool found, changed, unfit;
};

/* Decided in the writer's thread: nothing comes between. */
static vs_status match(struct moving *m, const struct vs_rollout *r)
{
	char tag[TAG_LEN];
	vs_status status = m->only ? tag_of(r, tag) : VS_OK;

	if (status || !m->only || strcmp(m->only, "*") == 0)
		return status;
	m->changed = !strstr(m->only, tag);
	return m->changed ? VS_ERR_STATE : VS_OK;
}

static vs_status run_move(struct vs_job *job, struct vs_store *store)
{
	struct moving *m = (struct moving *)job;
	struct vs_server *s = m->request->server;
	struct vs_rollout_with with = vs_server_rollout(s, store);
	struct vs_rollout *r =
		vs_rollouts_find(&s->rollouts, m->request->parts[0]);

	if (r && !vs_scope_rollout(&m->request->person, r))
		r = NULL;
	m->found = r != NULL;
	vs_status status = r ? match(m, r) : VS_ERR_ABSENT;
	/* An emergency has approvers of its own. */
	m->unfit = r && r->plan.emergency && m->move == VS_MOVE_APPROVE &&
	           !(m->request->person.roles & VS_PERSON_ADMIN);
	if (!status && m->unfit)
		return VS_ERR_DENIED;
	return status ? status
	              : vs_rollout_move(r, &with, m->move,
	                                m->request->person.name);
}

static void answer_move(struct vs_request *r, const struct moving *m,
                        vs_status status, const char *word)
{
	if (status == VS_ERR_DENIED && m->unfit) {
		vs_request_error(r, 403, VS_REASON_NOT_ALLOWED,
		                 "an emergency is approved by an admin");
	} else if (status == VS_ERR_DENIED) {
		if (vs_identify_note(r->server, r->person.name, "denied",
		                     r->path, VS_REASON_FOUR_EYES, word))
			vs_request_fail(r, VS_ERR_IO, NULL);
		else
			vs_request_error(r, 403, VS_REASON_FOUR_EYES,
			                 "who created a campaign does not "
			                 "approve it");
	} else if (status == VS_ERR_STATE && m->changed) {
		vs_request_error(r, 412, VS_REASON_CONFLICT,
		                 "campaign %s has changed since", r->parts[0]);
	} else if (status == VS_ERR_STATE) {
		vs_request_error(r, 409, VS_REASON_CONFLICT,
		                 "campaign %s is in no state to %s",
		                 r->parts[0], word);
	} else if (status == VS_ERR_ABSENT && m->found) {
		vs_request_error(r, 409, VS_REASON_NOT_LISTED,
		                 "its release is not published any more");
	} else if (status) {
		vs_request_fail(r, status, NULL);
	} else {
		vs_operator_campaign_show(r, 200, r->parts[0]);
	}
}

void vs_operator_move(struct vs_request *r)
{
	const char *word = strrchr(r->path, '/') + 1;
	struct moving m = {.job = {.run = run_move}, .request = r};
	size_t i = 0;

	while (i < move_count && strcmp(moves[i].word, word) != 0)
		i++;
	if (i == move_count) {
		vs_request_error(r, 404, VS_REASON_NOT_LISTED,
		                 "there is no such path");
		return;
	}
	m.move = moves[i].move;
	m.only = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND,
	                                     "If-Match");
	answer_move(r, &m, vs_writer_call(r->server->writer, &m.job), word);
}
