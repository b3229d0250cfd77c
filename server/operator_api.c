/* SPDX-License-Identifier: Apache-2.0
 *
 * server/operator_api.c - who may ask for what; the log and oneself.
 */
#include "server/operator_api.h"

#include "server/audit.h"
#include "server/listen.h"
#include "server/seallog.h"

void vs_operator_audit(struct vs_request *r)
{
	uint64_t after, limit;
	json_t *list;

	if (!vs_request_number(r, "after", 0, &after) ||
	    !vs_request_number(r, "limit", 100, &limit))
		return;
	pthread_mutex_lock(&r->server->reader_lock);
	vs_status status =
		vs_audit_list(r->server->reader, after, limit, &list);
	pthread_mutex_unlock(&r->server->reader_lock);
	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 200, list);
}

void vs_operator_whoami(struct vs_request *r)
{
	json_t *roles;
	vs_status status = vs_people_roles(r->person.roles, &roles);

	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 200,
		                json_pack("{s:s, s:o}", "name", r->person.name,
		                          "roles", roles));
}

#define MEBI ((size_t)1 << 20)
#define READS VS_PERSON_ANYBODY
#define MAKES (VS_PERSON_OPERATOR | VS_PERSON_ADMIN)
#define APPROVES (VS_PERSON_APPROVER | VS_PERSON_ADMIN)
#define AUDITS                                                                 \
	(VS_PERSON_AUDITOR | VS_PERSON_OPERATOR | VS_PERSON_APPROVER |         \
	 VS_PERSON_ADMIN)

/* clang-format off */
const struct vs_route vs_public_routes[] = {
	{"GET", "/log/**", READS, 0, vs_log_get, NULL, NULL},
	{0},
};

const struct vs_route vs_people_routes[] = {
	{"GET",  "/v1/whoami", READS, 0, vs_operator_whoami, NULL, NULL},
	{"GET",  "/v1/audit", AUDITS, 0, vs_operator_audit, NULL, NULL},

	{"GET",  "/v1/artifacts/*", READS, 0,
	 vs_operator_get_artifact, NULL, NULL},
	{"PUT",  "/v1/artifacts/*", MAKES, 0, vs_operator_put_artifact,
	 vs_operator_begin_artifact, vs_operator_more_artifact},

	{"PUT",  "/v1/log/**", MAKES, VS_BUNDLE_LEN_MAX,
	 vs_operator_put_log, NULL, NULL},
	{"PUT",  "/v1/proofs/*", MAKES, VS_PROOF_LEN_MAX,
	 vs_operator_put_proof, NULL, NULL},
	{"POST", "/v1/repository", MAKES, 32 * MEBI,
	 vs_operator_publish, NULL, NULL},
	{"GET",  "/v1/releases", READS, 0, vs_operator_releases, NULL, NULL},
	{"GET",  "/v1/releases/*", READS, 0, vs_operator_release, NULL, NULL},

	{"GET",  "/v1/devices", READS, 0, vs_operator_devices, NULL, NULL},
	{"GET",  "/v1/devices/*", READS, 0, vs_operator_device, NULL, NULL},
	{"POST", "/v1/devices", MAKES, MEBI / 8,
	 vs_operator_register, NULL, NULL},

	{"GET",  "/v1/campaigns", READS, 0, vs_operator_campaigns, NULL, NULL},
	{"GET",  "/v1/campaigns/*", READS, 0,
	 vs_operator_campaign, NULL, NULL},
	{"POST", "/v1/campaigns", MAKES, MEBI, vs_operator_create, NULL, NULL},
	{"POST", "/v1/campaigns/*/approve", APPROVES, 4096,
	 vs_operator_move, NULL, NULL},
	{"POST", "/v1/campaigns/*/*", MAKES, 4096,
	 vs_operator_move, NULL, NULL},
	{0},
};
/* clang-format on */
