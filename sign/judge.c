/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/judge.c - whether a proposed document says what it must.
 */
#include "sign/judge.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "sign/derive.h"
#include "sign/release.h"
#include "sign/renew.h"
#include "sign/rotate.h"
#include "sign/say.h"
#include "trust/json.h"

static vs_status refuse(const struct vs_document *d, const char *what)
{
	vs_error("%s: %s (%s)", d->path, what,
	         vs_reason_name(VS_REASON_NOT_ALLOWED));
	return VS_ERR_REFUSED;
}

static bool is(const struct vs_document *d, const char *repository,
               const char *role)
{
	return strcmp(d->repository, repository) == 0 &&
	       strcmp(d->role, role) == 0;
}

static vs_status judge_derived(const struct vs_policy *policy,
                               const struct vs_document *d)
{
	VS_AUTO(vs_json_drop) json_t *want = NULL;

	for (size_t i = 0; i < VS_DERIVED_COUNT; i++) {
		const struct vs_derived *by = &vs_derived[i];

		if (!is(d, by->repository, by->role))
			continue;
		vs_status status = vs_derive_body(
			policy, by, d->version,
			vs_envelope_expires(&d->envelope), &want);
		if (status)
			return status;
		return json_equal(want, d->envelope.body)
		               ? VS_OK
		               : refuse(d, "is not what the policy says");
	}
	return refuse(d, "follows from no policy");
}

/* A delegated role of a new policy says what is in force for its paths. */
static vs_status judge_delegated(const struct vs_room *r,
                                 const struct vs_policy *policy,
                                 const struct vs_document *d,
                                 enum vs_policy_roles row)
{
	VS_AUTO(vs_json_drop) json_t *want = NULL;
	vs_status status = vs_derive_delegated(
		r, policy, row, vs_envelope_expires(&d->envelope), &want);

	if (status)
		return status;
	return json_equal(want, d->envelope.body)
	               ? VS_OK
	               : refuse(d, "does not say what is in force");
}

static enum vs_policy_roles row_of(const struct vs_document *d)
{
	for (size_t i = 0; i < VS_DERIVED_COUNT; i++)
		if (is(d, vs_derived[i].repository, vs_derived[i].role))
			return vs_derived[i].row;
	enum vs_policy_roles row;

	return vs_policy_find(d->role, &row) ? row : VS_POLICY_RELEASES;
}

/* Whoever signs for longer than the policy says signs something else. */
static vs_status judge_expiry(const struct vs_policy *policy,
                              const struct vs_document *d)
{
	uint64_t last = vs_derive_expiry(policy, row_of(d));

	if (vs_envelope_expires(&d->envelope) > last)
		return refuse(d, "expires: later than the policy says");
	return VS_OK;
}

static vs_status judge_body(const struct vs_room *r, struct vs_proposal *p,
                            const struct vs_document *d)
{
	enum vs_policy_roles row;

	if (strcmp(d->repository, VS_IMAGE) == 0 &&
	    vs_policy_find(d->role, &row)) {
		if (p->image_count)
			return vs_release_check(r, p, d);
		return p->policy ? judge_delegated(r, p->policy, d, row)
		                 : vs_renewal_check(r, d);
	}
	if (p->image_count)
		return refuse(d, "is no part of a release");
	if (p->policy)
		return judge_derived(p->policy, d);
	return d->version == 1 ? judge_derived(r->policy, d)
	                       : vs_renewal_check(r, d);
}

vs_status vs_judge_document(const struct vs_room *r, struct vs_proposal *p,
                            const struct vs_document *d)
{
	uint64_t now = vs_room_version(r, d->repository, d->role);

	if (d->version != now + 1) {
		vs_error("%s: version: is %" PRIu64 ", and %" PRIu64
		         " is in force (%s)",
		         d->path, d->version, now,
		         vs_reason_name(VS_REASON_WRONG_VERSION));
		return VS_ERR_STATE;
	}
	if (strcmp(d->repository, VS_BOOT) == 0)
		return vs_rotate_check(r, p, d);
	vs_status status = judge_body(r, p, d);
	return status ? status
	              : judge_expiry(p->policy ? p->policy : r->policy, d);
}

vs_status vs_judge_policy(const struct vs_room *r, const struct vs_proposal *p)
{
	if (p->policy && p->policy->demo && !r->policy->demo) {
		vs_error("proposal %s: policy: mode: a room in production does "
		         "not become a demo (%s)",
		         p->name, vs_reason_name(VS_REASON_NOT_ALLOWED));
		return VS_ERR_REFUSED;
	}
	if (!p->policy || p->policy->version == r->policy->version + 1)
		return VS_OK;
	vs_error("proposal %s: policy: version: is %" PRIu64 ", and %" PRIu64
	         " is in force (%s)",
	         p->name, p->policy->version, r->policy->version,
	         vs_reason_name(VS_REASON_WRONG_VERSION));
	return VS_ERR_STATE;
}
