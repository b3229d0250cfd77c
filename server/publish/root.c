/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/root.c - one step of a chain of roots.
 */
#include "server/publish/root.h"

#include "trust/envelope.h"
#include "trust/json.h"
#include "trust/tuf.h"

static vs_status parse(const struct vs_root_file *f, struct vs_envelope *e,
                       struct vs_role *role, struct vs_why *why)
{
	json_t *roles = NULL, *keys = NULL, *root = NULL;
	vs_status status = vs_envelope_parse(f->bytes, f->len, VS_TUF_ROOT_MAX,
	                                     "root", e, why);

	if (!status)
		status = vs_json_object(e->body, "roles", &roles, why);
	if (!status)
		status = vs_json_object(e->body, "keys", &keys, why);
	if (!status)
		status = vs_json_object(roles, "root", &root, why);
	return status ? status : vs_role_parse(root, keys, role, why);
}

/* Whether the keys that f names for root signed e. */
static vs_status signed_by(const struct vs_root_file *f,
                           const struct vs_envelope *e, struct vs_why *why)
{
	struct vs_envelope own = {0};
	struct vs_role role = {0};
	vs_status status = parse(f, &own, &role, why);

	if (!status)
		status = vs_envelope_verify(e, &role, why);
	vs_role_drop(&role);
	vs_envelope_drop(&own);
	return status;
}

vs_status vs_root_check(const struct vs_root_file *root,
                        const struct vs_root_file *before, uint64_t version,
                        struct vs_why *why)
{
	struct vs_envelope e = {0};
	vs_status status = vs_envelope_parse(root->bytes, root->len,
	                                     VS_TUF_ROOT_MAX, "root", &e, why);

	if (!status)
		status = signed_by(root, &e, why);
	if (!status && before)
		status = signed_by(before, &e, why);
	if (!status && vs_envelope_version(&e) != version)
		status = vs_fail(VS_ERR_REFUSED, why, VS_REASON_WRONG_VERSION,
		                 "its version is not its name's", 0);
	vs_envelope_drop(&e);
	return status;
}
