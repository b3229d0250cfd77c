/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/renew.c - the same metadata again, one version on, with a new expiry.
 */
#include "sign/renew.h"

#include <inttypes.h>

#include "base/log.h"
#include "sign/say.h"
#include "trust/json.h"
#include "trust/time.h"

vs_status vs_renewal_body(const struct vs_room *r, const char *repository,
                          const char *role, uint64_t expires_s, json_t **out)
{
	struct vs_envelope now;
	char expires[VS_TIME_LEN];
	vs_status status = vs_room_metadata(r, repository, role, &now);

	*out = NULL;
	if (status == VS_ERR_ABSENT)
		vs_error("%s: there is no %s %s in force yet", r->dir,
		         repository, role);
	if (status)
		return status;
	vs_time_format(expires_s, expires);
	uint64_t next = vs_envelope_version(&now) + 1;
	json_t *body = json_deep_copy(now.body);
	vs_envelope_drop(&now);
	if (!body ||
	    json_object_set_new(body, "version",
	                        json_integer((json_int_t)next)) ||
	    json_object_set_new(body, "expires", json_string(expires))) {
		json_decref(body);
		return vs_say_io(VS_ERR_NOMEM, r->dir);
	}
	*out = body;
	return VS_OK;
}

vs_status vs_renewal_check(const struct vs_room *r, const struct vs_document *d)
{
	VS_AUTO(vs_json_drop) json_t *want = NULL;
	vs_status status =
		vs_renewal_body(r, d->repository, d->role,
	                        vs_envelope_expires(&d->envelope), &want);

	if (status)
		return status;
	if (!json_equal(want, d->envelope.body)) {
		vs_error("%s: is not version %" PRIu64 " of what is in force "
		         "with a new expiry (%s)",
		         d->path, d->version,
		         vs_reason_name(VS_REASON_WRONG_VERSION));
		return VS_ERR_REFUSED;
	}
	return VS_OK;
}
