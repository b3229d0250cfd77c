/* SPDX-License-Identifier: Apache-2.0
 *
 * server/events/events.c - the audit log's records for who may see them.
 */
#include "server/events/events.h"

#include <string.h>

#include "server/audit/audit.h"
#include "server/campaigns/scope.h"

bool vs_event_open(const char *action)
{
	static const char *const begin[] = {
		"campaign-", "update-",   "release-",         "status",
		"refused",   "fell-back", "device-registered"};

	for (size_t i = 0; i < sizeof begin / sizeof *begin; i++)
		if (strncmp(action, begin[i], strlen(begin[i])) == 0)
			return true;
	return false;
}

struct last {
	struct vs_store *store;
	uint64_t *out;
};

static vs_status read_last(void *ctx, const struct vs_row *row)
{
	const struct last *l = ctx;

	*l->out = vs_row_uint(l->store, row, 0);
	return VS_OK;
}

vs_status vs_events_last(struct vs_server *s, uint64_t *out)
{
	struct last l = {s->reader, out};

	*out = 0;
	pthread_mutex_lock(&s->reader_lock);
	vs_status status = vs_store_query(
		s->reader, "SELECT seq FROM audit ORDER BY seq DESC LIMIT 1",
		NULL, 0, read_last, &l);
	pthread_mutex_unlock(&s->reader_lock);
	return status;
}

/* Who reads nothing but progress gets nothing else. */
static vs_status narrow(const struct vs_person *p, json_t *list)
{
	bool all = p->roles & ~(unsigned)VS_PERSON_VIEWER;

	for (size_t i = json_array_size(list); !all && i-- > 0;) {
		const char *action = json_string_value(
			json_object_get(json_array_get(list, i), "action"));

		if ((!action || !vs_event_open(action)) &&
		    json_array_remove(list, i))
			return VS_ERR_NOMEM;
	}
	return VS_OK;
}

vs_status vs_events_next(struct vs_server *s, const struct vs_person *p,
                         uint64_t *seq, bool *more, json_t **out)
{
	pthread_mutex_lock(&s->reader_lock);
	vs_status status =
		vs_audit_list(s->reader, *seq, VS_EVENTS_AT_ONCE, out);
	pthread_mutex_unlock(&s->reader_lock);
	*more = false;
	if (status)
		return status;
	size_t n = json_array_size(*out);
	if (n)
		*seq = (uint64_t)json_integer_value(
			json_object_get(json_array_get(*out, n - 1), "seq"));
	*more = n == VS_EVENTS_AT_ONCE;
	pthread_rwlock_rdlock(&s->lock);
	status = vs_scope_audit(p, &s->fleet, &s->rollouts, *out);
	pthread_rwlock_unlock(&s->lock);
	if (!status)
		status = narrow(p, *out);
	if (status) {
		json_decref(*out);
		*out = NULL;
	}
	return status;
}
