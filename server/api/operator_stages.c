/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_stages.c - people take releases from stage to stage.
 *
 * Evidence names artifacts that are here, so that it can be looked at when
 * somebody asks years later why a release was let out.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "server/api/identify.h"
#include "server/api/operator_api.h"
#include "server/audit/audit.h"
#include "server/store/name.h"
#include "trust/json.h"

struct step {
	struct vs_job job;
	struct vs_request *request;
	bool adds; /* evidence alone */
	enum vs_stage_move move;
	enum vs_stage wanted; /* of a promotion */
	const char *note;
	struct vs_evidence evidence[VS_EVIDENCE_MAX];
	size_t count;
	struct vs_why why;
};

static vs_status bad(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, 0);
}

static vs_status read_note(const json_t *o, const char **out,
                           struct vs_why *why)
{
	*out = "";
	if (!json_object_get(o, "note"))
		return VS_OK;
	vs_status status = vs_json_string(o, "note", out, why);
	if (!status && strlen(*out) >= VS_EVIDENCE_NOTE_LEN)
		status = bad(why, "note: at most 256 bytes");
	for (const char *c = *out; !status && *c; c++)
		if (*c > 0 && *c < ' ')
			status = bad(why, "note: one line");
	return status;
}

static vs_status is_here(const struct vs_server *s, const char *sha256,
                         struct vs_why *why)
{
	uint64_t len;
	int fd;
	vs_status status =
		vs_artifact_open(s->settings->data_dir, sha256, &fd, &len);

	if (status == VS_ERR_ABSENT)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_UNREADABLE,
		               "evidence: the artifact was not uploaded", 0);
	if (!status)
		close(fd);
	return status;
}

static vs_status read_one(const struct vs_server *s, const json_t *o,
                          struct vs_evidence *out, struct vs_why *why)
{
	size_t known = json_object_get(o, "note") ? 3 : 2;
	vs_status status = vs_json_string(o, "kind", &out->kind, why);

	if (!status)
		status = vs_json_string(o, "sha256", &out->sha256, why);
	if (!status)
		status = read_note(o, &out->note, why);
	if (!status && json_object_size(o) != known)
		status = bad(why, "evidence: kind, sha256 and note are known");
	if (!status && !vs_name_ok(out->kind, VS_EVIDENCE_KIND_LEN))
		status = bad(why, "evidence: kind");
	if (!status && !vs_hex_is_sha256(out->sha256))
		status = bad(why, "evidence: sha256");
	return status ? status : is_here(s, out->sha256, why);
}

static vs_status read_evidence(struct step *p, const json_t *body)
{
	json_t *list;
	vs_status status = vs_json_array(body, "evidence", &list, &p->why);

	if (status)
		return status;
	p->count = json_array_size(list);
	if (p->count == 0 || p->count > VS_EVIDENCE_MAX)
		return bad(&p->why, "evidence: 1 to 16 pieces");
	for (size_t i = 0; !status && i < p->count; i++)
		status = read_one(p->request->server, json_array_get(list, i),
		                  &p->evidence[i], &p->why);
	return status;
}

/* The body: "to" of a promotion, "evidence", "note". */
static vs_status read_step(struct step *p, const json_t *body)
{
	bool promotes = !p->adds && p->move == VS_STAGE_PROMOTE;
	size_t known = json_object_get(body, "note") ? 1 : 0;
	const char *to = "";
	vs_status status = read_note(body, &p->note, &p->why);

	if (!status && promotes)
		status = vs_json_string(body, "to", &to, &p->why);
	if (!status && promotes && vs_stage_parse(to, &p->wanted))
		status = bad(&p->why, "to: pilot or general");
	if (!status && (promotes || p->adds)) {
		status = read_evidence(p, body);
		known += promotes ? 2 : 1;
	}
	if (!status && !p->adds &&
	    (p->move == VS_STAGE_RETIRE || p->move == VS_STAGE_REJECT) &&
	    !*p->note)
		status = bad(&p->why, "note: say why");
	return !status && json_object_size(body) != known
	               ? bad(&p->why, "a member that this does not take")
	               : status;
}

static const char *action_of(const struct step *p,
                             const struct vs_standing *after)
{
	switch (p->move) {
	case VS_STAGE_APPROVE:
		return "release-approved";
	case VS_STAGE_REJECT:
		return "release-rejected";
	case VS_STAGE_RETIRE:
		return "release-retired";
	case VS_STAGE_PROMOTE:
		break;
	}
	return after->asked_by[0] ? "release-asked" : "release-promoted";
}

/* The stage that evidence is for: the one it leads to. */
static enum vs_stage shown_for(const struct step *p,
                               const struct vs_standing *after)
{
	return !p->adds && after->asked_by[0] ? VS_STAGE_GENERAL : after->stage;
}

static vs_status tell(const struct step *p, struct vs_store *store,
                      const char *name, const struct vs_standing *after,
                      uint64_t now_s)
{
	const char *who = p->request->person.name;
	char line[VS_EVIDENCE_NOTE_LEN + 64];
	const struct vs_audit record = {who, action_of(p, after), name, "",
	                                line};
	vs_status status = VS_OK;

	snprintf(line, sizeof line, "%s%s%s",
	         vs_stage_name(shown_for(p, after)), *p->note ? ": " : "",
	         p->note);
	for (size_t i = 0; !status && i < p->count; i++) {
		char piece[160];
		const struct vs_audit shown = {who, "release-evidence", name,
		                               "", piece};

		status = vs_evidence_add(store, name, shown_for(p, after),
		                         &p->evidence[i], who, now_s);
		snprintf(piece, sizeof piece, "%s: %s %s",
		         vs_stage_name(shown_for(p, after)),
		         p->evidence[i].kind, p->evidence[i].sha256);
		if (!status)
			status = vs_audit_append(store, now_s, &shown);
	}
	return status || p->adds ? status
	                         : vs_audit_append(store, now_s, &record);
}

static struct vs_release *find(struct vs_server *s, const char *name)
{
	for (size_t i = 0; i < s->image.releases.count; i++)
		if (strcmp(s->image.releases.all[i].name, name) == 0)
			return &s->image.releases.all[i];
	return NULL;
}

static vs_status run(struct vs_job *job, struct vs_store *store)
{
	struct step *p = (struct step *)job;
	struct vs_server *s = p->request->server;
	struct vs_release *r = find(s, p->request->parts[0]);
	uint64_t now_s = vs_server_now();

	if (!r)
		return VS_ERR_ABSENT;
	struct vs_standing after = r->standing;
	vs_status status =
		p->adds ? VS_OK
			: vs_stage_move(&after, p->move,
	                                p->request->person.name, now_s);
	/* What a person wants to say must be what happens. */
	if (!status && !p->adds && p->move == VS_STAGE_PROMOTE &&
	    p->wanted != shown_for(p, &after))
		status = VS_ERR_STATE;
	if (!status)
		status = vs_standing_store(store, r->name, &after);
	if (!status)
		status = tell(p, store, r->name, &after, now_s);
	if (status)
		return status;
	pthread_rwlock_wrlock(&s->lock);
	r->standing = after;
	pthread_rwlock_unlock(&s->lock);
	return VS_OK;
}

static void denied(struct vs_request *r)
{
	if (vs_identify_note(r->server, r->person.name, "denied", r->path,
	                     VS_REASON_FOUR_EYES, "approve"))
		vs_request_fail(r, VS_ERR_IO, NULL);
	else
		vs_request_error(r, 403, VS_REASON_FOUR_EYES,
		                 "who asked for general does not approve it");
}

static void handle(struct step *p)
{
	VS_AUTO(vs_json_drop) json_t *body = NULL;
	struct vs_request *r = p->request;

	/* Nothing to say is said with an empty body too. */
	if (r->body.len && !vs_request_body(r, &body))
		return;
	if (!body)
		body = json_object();
	p->job.run = run;
	vs_status status = body ? read_step(p, body) : VS_ERR_NOMEM;
	if (!status)
		status = vs_writer_call(r->server->writer, &p->job);
	if (status == VS_ERR_DENIED)
		denied(r);
	else if (status == VS_ERR_STATE)
		vs_request_error(r, 409, VS_REASON_CONFLICT,
		                 "release %s is in no stage to do that",
		                 r->parts[0]);
	else if (status)
		vs_request_fail(r, status, &p->why);
	else
		vs_operator_release(r);
}

void vs_operator_evidence(struct vs_request *r)
{
	struct step p = {.request = r, .adds = true};

	handle(&p);
}

void vs_operator_promote(struct vs_request *r)
{
	struct step p = {.request = r, .move = VS_STAGE_PROMOTE};

	handle(&p);
}

void vs_operator_release_approve(struct vs_request *r)
{
	struct step p = {.request = r, .move = VS_STAGE_APPROVE};

	handle(&p);
}

void vs_operator_release_reject(struct vs_request *r)
{
	struct step p = {.request = r, .move = VS_STAGE_REJECT};

	handle(&p);
}

void vs_operator_retire(struct vs_request *r)
{
	struct step p = {.request = r, .move = VS_STAGE_RETIRE};

	handle(&p);
}
