/* SPDX-License-Identifier: Apache-2.0
 *
 * server/campaigns/scope.c - scopes against chargers, campaigns and records.
 */
#include "server/campaigns/scope.h"

#include <string.h>

static bool fits(const struct vs_scope *s, const struct vs_device *d)
{
	if (strcmp(s->kind, "site") == 0)
		return strcmp(s->value, d->site) == 0;
	return vs_device_has_label(d, s->kind, s->value);
}

bool vs_scope_device(const struct vs_person *p, const struct vs_device *d)
{
	for (size_t i = 0; i < p->scope_count; i++)
		if (fits(&p->scopes[i], d))
			return true;
	return p->scope_count == 0;
}

bool vs_scope_rollout(const struct vs_person *p, const struct vs_rollout *r)
{
	for (size_t i = 0; p->scope_count && i < vs_rollout_count(r); i++)
		if (!vs_scope_device(p, vs_rollout_device(r, i)))
			return false;
	return true;
}

static bool about(const struct vs_person *p, const struct vs_fleet *f,
                  const struct vs_rollouts *all, const json_t *record)
{
	const char *actor = json_string_value(json_object_get(record, "actor"));
	const char *subject =
		json_string_value(json_object_get(record, "subject"));
	const struct vs_device *d = subject ? vs_fleet_find(f, subject) : NULL;
	const struct vs_rollout *r =
		subject ? vs_rollouts_find(all, subject) : NULL;

	if (actor && strcmp(actor, p->name) == 0)
		return true;
	return (d && vs_scope_device(p, d)) || (r && vs_scope_rollout(p, r));
}

vs_status vs_scope_audit(const struct vs_person *p, const struct vs_fleet *f,
                         const struct vs_rollouts *all, json_t *records)
{
	for (size_t i = json_array_size(records); p->scope_count && i-- > 0;)
		if (!about(p, f, all, json_array_get(records, i)) &&
		    json_array_remove(records, i))
			return VS_ERR_NOMEM;
	return VS_OK;
}
