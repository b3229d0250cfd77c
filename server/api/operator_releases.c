/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_releases.c - people publish what the signing room made.
 */
#include <stdio.h>
#include <string.h>

#include "server/api/downloads.h"
#include "server/api/identify.h"
#include "server/api/operator_api.h"
#include "server/api/page.h"
#include "server/audit/audit.h"
#include "trust/json.h"

struct publish {
	struct vs_job job;
	struct vs_request *request;
	struct vs_fileset proposed;
	struct vs_image_about about;
	struct vs_why why;
	json_t *answer;
};

/* What was published, for the answer and the log. */
static vs_status describe(const struct vs_image_repo *cur,
                          const struct vs_image_repo *next,
                          const struct vs_fileset *proposed, json_t **out,
                          char *line, size_t cap)
{
	json_t *files = json_array(), *releases = json_array();
	int bad = !files || !releases;
	size_t used = 0;

	line[0] = 0;
	for (size_t i = 0; !bad && i < proposed->count; i++) {
		const char *name = proposed->files[i].name;

		if (!vs_fileset_find(&cur->files, name) &&
		    vs_fileset_find(&next->files, name))
			bad = json_array_append_new(files, json_string(name));
	}
	for (size_t i = 0; !bad && i < next->releases.count; i++) {
		const char *name = next->releases.all[i].name;

		if (vs_releases_find(&cur->releases, name))
			continue;
		bad = json_array_append_new(releases, json_string(name));
		int n = snprintf(line + used, cap - used, "%s%s",
		                 used ? ", " : "", name);
		used += n > 0 && (size_t)n < cap - used ? (size_t)n : 0;
	}
	*out = bad ? NULL
	           : json_pack("{s:O, s:O}", "published", files, "releases",
	                       releases);
	json_decref(files);
	json_decref(releases);
	return *out ? VS_OK : VS_ERR_NOMEM;
}

static vs_status put_in_force(struct publish *p, struct vs_store *store,
                              struct vs_image_repo *next, uint64_t now_s)
{
	struct vs_server *s = p->request->server;
	const char *who = p->request->person.name;
	char line[256];
	vs_status status = describe(&s->image, next, &p->proposed, &p->answer,
	                            line, sizeof line);
	const struct vs_audit record = {who, "release-published", line, "",
	                                "verified with the chargers' rules"};

	if (!status)
		status = vs_image_store(store, &s->image, next, who, now_s);
	if (!status)
		status = vs_audit_append(store, now_s, &record);
	if (status)
		return status;
	struct vs_image_repo old = s->image;
	pthread_rwlock_wrlock(&s->lock);
	s->image = *next;
	pthread_rwlock_unlock(&s->lock);
	*next = old;
	return VS_OK;
}

static vs_status run(struct vs_job *job, struct vs_store *store)
{
	struct publish *p = (struct publish *)job;
	struct vs_server *s = p->request->server;
	struct vs_image_with with = vs_server_image(s);
	struct vs_image_repo next;
	vs_status status = vs_image_propose(&s->image, &p->proposed, &with,
	                                    &next, &p->about, &p->why);

	if (!status)
		status = put_in_force(p, store, &next, with.now_s);
	vs_image_drop(&next);
	return status;
}

static bool read_files(struct vs_request *r, const json_t *body,
                       struct vs_fileset *out)
{
	const char *name;
	json_t *files, *text;
	struct vs_why why;
	vs_status status = vs_json_object(body, "files", &files, &why);

	if (!status && json_object_size(body) != 1)
		status = vs_fail(VS_ERR_INPUT, &why, VS_REASON_MALFORMED,
		                 "a member beside files", 0);
	if (!status && json_object_size(files) == 0)
		status = vs_fail(VS_ERR_INPUT, &why, VS_REASON_MALFORMED,
		                 "files: none", 0);
	if (!status)
		json_object_foreach(files, name, text)
		{
			status = json_is_string(text)
			                 ? vs_fileset_put(
						   out, name,
						   json_string_value(text),
						   json_string_length(text))
			                 : vs_fail(VS_ERR_INPUT, &why,
			                           VS_REASON_MALFORMED,
			                           "files: each is a text", 0);
			if (status)
				break;
		}
	if (status)
		vs_request_fail(r, status, &why);
	return !status;
}

static void refused(struct publish *p, vs_status status)
{
	struct vs_request *r = p->request;
	const char *what = p->why.what ? p->why.what : vs_status_name(status);
	char line[480];

	if (status == VS_ERR_IO || status == VS_ERR_NOMEM) {
		vs_request_fail(r, status, NULL);
		return;
	}
	snprintf(line, sizeof line, "%s%s%s", p->about.file,
	         p->about.file[0] ? ": " : "", what);
	if (vs_identify_note(r->server, r->person.name, "publish-refused",
	                     p->about.file, p->why.code, what))
		vs_request_fail(r, VS_ERR_IO, NULL);
	else
		vs_request_error(r, 409, p->why.code, "%s", line);
}

void vs_operator_publish(struct vs_request *r)
{
	VS_AUTO(vs_json_drop) json_t *body = NULL;
	struct publish p = {.job = {.run = run}, .request = r};

	if (!vs_request_body(r, &body))
		return;
	if (read_files(r, body, &p.proposed)) {
		vs_status status = vs_writer_call(r->server->writer, &p.job);

		if (status) {
			json_decref(p.answer);
			refused(&p, status);
		} else {
			vs_request_json(r, 200, p.answer);
		}
	}
	vs_fileset_drop(&p.proposed);
}

void vs_operator_releases(struct vs_request *r)
{
	struct vs_page page;
	json_t *list;

	if (!vs_page_parse(r, &page))
		return;
	list = json_array();
	pthread_rwlock_rdlock(&r->server->lock);
	const struct vs_releases *all = &r->server->image.releases;
	for (size_t i = 0; list && !page.more && i < all->count; i++) {
		json_t *one;

		if (vs_page_step(&page, all->all[i].name) != VS_PAGE_TAKE)
			continue;
		if (vs_release_json(all, &all->all[i], &one) ||
		    json_array_append_new(list, one)) {
			json_decref(list);
			list = NULL;
		}
	}
	pthread_rwlock_unlock(&r->server->lock);
	vs_page_answer(r, &page, list);
}

static vs_status add_evidence(struct vs_request *r, json_t *release)
{
	json_t *list = NULL;

	pthread_mutex_lock(&r->server->reader_lock);
	vs_status status =
		vs_evidence_list(r->server->reader, r->parts[0], &list);
	pthread_mutex_unlock(&r->server->reader_lock);
	if (!status && json_object_set_new(release, "evidence", list))
		status = VS_ERR_NOMEM;
	return status;
}

void vs_operator_release(struct vs_request *r)
{
	vs_status status = VS_ERR_ABSENT;
	json_t *one = NULL;

	pthread_rwlock_rdlock(&r->server->lock);
	const struct vs_releases *all = &r->server->image.releases;
	const struct vs_release *found = vs_releases_find(all, r->parts[0]);
	if (found)
		status = vs_release_json(all, found, &one);
	pthread_rwlock_unlock(&r->server->lock);
	if (!status)
		status = add_evidence(r, one);
	if (!status)
		status = vs_downloads_add(r->server, r->parts[0], one);
	if (!status) {
		vs_request_json(r, 200, one);
		return;
	}
	json_decref(one);
	vs_request_fail(r, status, NULL);
}
