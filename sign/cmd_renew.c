/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_renew.c - propose renew: metadata before it expires.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sign/commands.h"
#include "sign/derive.h"
#include "sign/proposal.h"
#include "sign/renew.h"

static const struct {
	const char *name;
	enum vs_policy_roles row;
} roles[] = {
	{"root",          VS_POLICY_ROOT         },
	{"targets",       VS_POLICY_TARGETS      },
	{"release",       VS_POLICY_RELEASES     },
	{"safety",        VS_POLICY_SAFETY       },
	{"metering",      VS_POLICY_METERING     },
	{"gateway",       VS_POLICY_GATEWAY      },
	{"content",       VS_POLICY_CONTENT      },
	{"director-root", VS_POLICY_DIRECTOR_ROOT},
};

enum { role_count = sizeof roles / sizeof *roles };

static vs_status add(const struct vs_room *r, struct vs_draft *d, size_t i)
{
	bool director = roles[i].row == VS_POLICY_DIRECTOR_ROOT;
	const char *repository = director ? VS_DIRECTOR : VS_IMAGE;
	const char *role = director ? "root" : roles[i].name;
	uint64_t expiry = vs_derive_expiry(r->policy, roles[i].row);
	json_t *body;
	vs_status status = vs_renewal_body(r, repository, role, expiry, &body);

	if (status)
		return status;
	return vs_draft_add_metadata(d, repository, role,
	                             vs_room_version(r, repository, role) + 1,
	                             body);
}

static vs_status find(const char *name, size_t *out)
{
	char quoted[64];

	for (*out = 0; *out < role_count; ++*out)
		if (strcmp(roles[*out].name, name) == 0)
			return VS_OK;
	vs_error("--role %s: must be root, targets, director-root, or release, "
	         "safety, metering, gateway, content",
	         vs_log_quote(name, quoted, sizeof quoted));
	return VS_ERR_INPUT;
}

static vs_status run(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r;
	VS_AUTO(vs_draft_drop) struct vs_draft d = {0};
	const char *name = vs_args_text(args, "name");
	bool wanted[role_count] = {false};
	const char *role;
	size_t at = 0, i;
	vs_status status = vs_room_open(vs_args_text(args, "room"), &r);

	while (!status && (role = vs_args_next(args, "role", &at))) {
		status = find(role, &i);
		if (!status)
			wanted[i] = true;
	}
	if (!status)
		status = vs_draft_begin(&r, name, &d);
	for (i = 0; i < role_count && !status; i++)
		if (wanted[i])
			status = add(&r, &d, i);
	if (!status)
		status = vs_draft_commit(&d);
	if (!status)
		printf("proposal %s is ready for approval\n", name);
	return status;
}

static const struct vs_option options[] = {
	VS_TEXT(VS_REQUIRED, "room", "ROOM", "the signing room"),
	VS_TEXT(VS_REQUIRED, "name", "NAME",
                "the proposal's name, e.g. renew-2027"),
	VS_TEXT(VS_ONE_OR_MORE, "role", "ROLE",
                "root, targets, director-root, or release, safety, metering, "
                "gateway, content"),
};

const struct vs_command vs_cmd_propose_renew = {
	"propose renew",
	"propose metadata again before it expires",
	"The next version says the same with a new expiry, as many days ahead "
	"as the policy\ntells.  Chargers refuse metadata past its expiry, so "
	"renew weeks before.",
	NULL,
	options,
	sizeof options / sizeof *options,
	run,
};
