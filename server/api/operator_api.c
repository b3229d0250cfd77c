/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_api.c - who may ask for what; the log and oneself.
 */
#include "server/api/operator_api.h"

#include "server/api/openapi.h"
#include "server/api/route.h"
#include "server/audit/audit.h"
#include "server/campaigns/scope.h"
#include "server/publish/seallog.h"

/* *last: the number of the last record; 0 if there was none. */
static vs_status page(struct vs_server *s, uint64_t after, uint64_t limit,
                      json_t **out, uint64_t *last)
{
	pthread_mutex_lock(&s->reader_lock);
	vs_status status = vs_audit_list(s->reader, after, limit, out);
	pthread_mutex_unlock(&s->reader_lock);
	size_t n = json_array_size(*out);
	*last = n ? (uint64_t)json_integer_value(
			    json_object_get(json_array_get(*out, n - 1), "seq"))
	          : 0;
	return status;
}

static vs_status narrow(struct vs_request *r, json_t *list)
{
	struct vs_server *s = r->server;

	pthread_rwlock_rdlock(&s->lock);
	vs_status status =
		vs_scope_audit(&r->person, &s->fleet, &s->rollouts, list);
	pthread_rwlock_unlock(&s->lock);
	return status;
}

/* A page that is empty for this person is not the end. */
void vs_operator_audit(struct vs_request *r)
{
	uint64_t after, limit;
	json_t *list = NULL;
	vs_status status;
	bool more;

	if (!vs_request_number(r, "after", 0, &after) ||
	    !vs_request_number(r, "limit", 100, &limit))
		return;
	do {
		status = page(r->server, after, limit, &list, &after);
		if (!status)
			status = narrow(r, list);
		more = !status && after && !json_array_size(list);
		if (status || more)
			json_decref(list);
	} while (more);
	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 200, list);
}

/* The heads, and the key that signs them. */
void vs_operator_heads(struct vs_request *r)
{
	uint64_t after, limit;
	json_t *list = NULL;
	char key[VS_VKEY_LEN];

	if (!vs_request_number(r, "after", 0, &after) ||
	    !vs_request_number(r, "limit", 100, &limit))
		return;
	pthread_mutex_lock(&r->server->reader_lock);
	vs_status status =
		vs_audit_head_list(r->server->reader, after, limit, &list);
	pthread_mutex_unlock(&r->server->reader_lock);
	vs_vkey_encode(&r->server->audit.key, key);
	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(
			r, 200,
			json_pack("{s:s, s:o}", "key", key, "heads", list));
}

/* What this program can be asked for, for whoever asks. */
void vs_operator_openapi(struct vs_request *r)
{
	vs_request_bytes(r, 200, "application/yaml", vs_openapi,
	                 vs_openapi_len);
}

void vs_operator_whoami(struct vs_request *r)
{
	json_t *who;
	vs_status status = vs_people_json(&r->person, &who);

	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 200, who);
}

#define MEBI ((size_t)1 << 20)
#define READS VS_PERSON_ANYBODY
#define MAKES (VS_PERSON_OPERATOR | VS_PERSON_ADMIN)
#define PUBLISHES (MAKES | VS_PERSON_WHOLE)
#define ADMINISTERS (VS_PERSON_ADMIN | VS_PERSON_WHOLE)
#define APPROVES (VS_PERSON_APPROVER | VS_PERSON_ADMIN)
#define FREEZES (MAKES | VS_PERSON_APPROVER | VS_PERSON_WHOLE)
#define AUDITS                                                                 \
	(VS_PERSON_AUDITOR | VS_PERSON_OPERATOR | VS_PERSON_APPROVER |         \
	 VS_PERSON_ADMIN)

/* clang-format off */
const struct vs_route vs_public_routes[] = {
	{"GET", "/log/**", READS, 0, vs_log_get, NULL, NULL, false},
	{"GET", "/v1/openapi.yaml", READS, 0, vs_operator_openapi, NULL, NULL,
	 false},
	{"POST", "/v1/session", READS, 4096,
	 vs_session_begin, NULL, NULL, false},
	{0},
};

const struct vs_route vs_people_routes[] = {
	{"GET",  "/v1/whoami", READS, 0, vs_operator_whoami, NULL, NULL, false},
	{"GET",  "/v1/session", READS, 0, vs_session_show, NULL, NULL, false},
	{"DELETE", "/v1/session", READS, 0, vs_session_end, NULL, NULL, false},
	{"GET",  "/v1/tokens", READS, 0, vs_operator_tokens, NULL, NULL, false},
	{"POST", "/v1/tokens", READS, 4096,
	 vs_operator_token_make, NULL, NULL, false},
	{"DELETE", "/v1/tokens/*", READS, 0,
	 vs_operator_token_remove, NULL, NULL, false},
	{"GET",  "/v1/audit", AUDITS, 0, vs_operator_audit, NULL, NULL, false},
	{"GET",  "/v1/audit/heads", AUDITS, 0,
	 vs_operator_heads, NULL, NULL, false},

	{"GET",  "/v1/events", READS, 0, vs_operator_events, NULL, NULL, false},

	{"GET",  "/v1/hooks", ADMINISTERS, 0, vs_operator_hooks, NULL, NULL,
	 false},
	{"POST", "/v1/hooks", ADMINISTERS, 8192, vs_operator_hook_add, NULL,
	 NULL, false},
	{"DELETE", "/v1/hooks/*", ADMINISTERS, 0, vs_operator_hook_remove,
	 NULL, NULL, false},
	{"POST", "/v1/hooks/*/enable", ADMINISTERS, 4096,
	 vs_operator_hook_enable, NULL, NULL, true},
	{"POST", "/v1/hooks/*/test", ADMINISTERS, 4096,
	 vs_operator_hook_test, NULL, NULL, true},

	{"GET",  "/v1/artifacts/*", READS, 0,
	 vs_operator_get_artifact, NULL, NULL, false},
	{"PUT",  "/v1/artifacts/*", PUBLISHES, 0, vs_operator_put_artifact,
	 vs_operator_begin_artifact, vs_operator_more_artifact, false},

	{"GET",  "/v1/deltas/*", READS, 0, vs_operator_get_delta, NULL, NULL,
	 false},
	{"PUT",  "/v1/deltas/*", PUBLISHES, 0, vs_operator_put_delta,
	 vs_operator_begin_delta, vs_operator_more_artifact, false},

	{"PUT",  "/v1/log/**", PUBLISHES, VS_BUNDLE_LEN_MAX,
	 vs_operator_put_log, NULL, NULL, false},
	{"PUT",  "/v1/proofs/*", PUBLISHES, VS_PROOF_LEN_MAX,
	 vs_operator_put_proof, NULL, NULL, false},
	{"POST", "/v1/repository", PUBLISHES, 32 * MEBI,
	 vs_operator_publish, NULL, NULL, true},
	{"GET",  "/v1/releases", READS, 0,
	 vs_operator_releases, NULL, NULL, false},
	{"GET",  "/v1/releases/*", READS, 0,
	 vs_operator_release, NULL, NULL, false},
	{"POST", "/v1/releases/*/promote", PUBLISHES, 16384,
	 vs_operator_promote, NULL, NULL, true},
	{"POST", "/v1/releases/*/evidence", PUBLISHES, 16384,
	 vs_operator_evidence, NULL, NULL, true},
	{"POST", "/v1/releases/*/retire", PUBLISHES, 4096,
	 vs_operator_retire, NULL, NULL, true},
	{"POST", "/v1/releases/*/approve", APPROVES | VS_PERSON_WHOLE, 4096,
	 vs_operator_release_approve, NULL, NULL, true},
	{"POST", "/v1/releases/*/reject", APPROVES | VS_PERSON_WHOLE, 4096,
	 vs_operator_release_reject, NULL, NULL, true},

	{"GET",  "/v1/devices", READS, 0,
	 vs_operator_devices, NULL, NULL, false},
	{"GET",  "/v1/devices/*", READS, 0,
	 vs_operator_device, NULL, NULL, false},
	{"GET",  "/v1/devices/*/report", READS, 0,
	 vs_operator_report, NULL, NULL, false},
	{"PUT",  "/v1/devices/*/certificate", MAKES, MEBI / 16,
	 vs_operator_certificate, NULL, NULL, false},
	{"GET",  "/v1/devices/*/bundle/**", MAKES, 0,
	 vs_operator_bundle, NULL, NULL, false},
	{"POST", "/v1/devices", MAKES, MEBI / 8,
	 vs_operator_register, NULL, NULL, true},

	{"GET",  "/v1/fleet/versions", READS, 0,
	 vs_operator_versions, NULL, NULL, false},
	{"GET",  "/v1/fleet/overdue", READS, 0,
	 vs_operator_overdue, NULL, NULL, false},
	{"GET",  "/v1/fleet/running/*", READS, 0,
	 vs_operator_running, NULL, NULL, false},
	{"GET",  "/v1/forecast", READS, 0,
	 vs_operator_forecast, NULL, NULL, false},

	{"GET",  "/v1/campaigns", READS, 0,
	 vs_operator_campaigns, NULL, NULL, false},
	{"GET",  "/v1/campaigns/*", READS, 0,
	 vs_operator_campaign, NULL, NULL, false},
	{"POST", "/v1/campaigns", MAKES, MEBI,
	 vs_operator_create, NULL, NULL, true},
	{"POST", "/v1/campaigns/dry-run", MAKES, MEBI,
	 vs_operator_dry_run, NULL, NULL, false},
	{"GET",  "/v1/campaigns/*/members", READS, 0,
	 vs_operator_campaign_members, NULL, NULL, false},
	{"GET",  "/v1/campaigns/*/stuck", READS, 0,
	 vs_operator_campaign_stuck, NULL, NULL, false},
	{"GET",  "/v1/campaigns/*/forecast", READS, 0,
	 vs_operator_campaign_forecast, NULL, NULL, false},
	{"POST", "/v1/campaigns/*/send-back", MAKES, MEBI,
	 vs_operator_send_back, NULL, NULL, true},
	{"POST", "/v1/campaigns/*/approve", APPROVES, 4096,
	 vs_operator_move, NULL, NULL, true},
	{"POST", "/v1/campaigns/*/*", MAKES, 4096,
	 vs_operator_move, NULL, NULL, true},

	{"GET",  "/v1/freeze", READS, 0,
	 vs_operator_freeze_show, NULL, NULL, false},
	{"POST", "/v1/freeze", FREEZES, 4096,
	 vs_operator_freeze, NULL, NULL, true},
	{0},
};
/* clang-format on */
