/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_certificate.c - a charger gets another certificate.
 *
 * From then on the new one counts, and the old one does not.  The charger's
 * last report stays: it is verified with the certificate that it came under.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "server/api/operator_api.h"
#include "server/audit/audit.h"
#include "server/campaigns/scope.h"
#include "server/fleet/device_row.h"
#include "trust/json.h"

enum { shown_bytes = 8 };

struct replacing {
	struct vs_job job;
	struct vs_request *request;
	const char *pem;
	struct vs_device_certificate made; /* owned: the new one */
	struct vs_store *store;
	bool signs; /* the last report is by the certificate in force */
	const struct vs_device *device;
	struct vs_why why;
};

static vs_status read_report(void *ctx, const struct vs_row *row)
{
	struct replacing *p = ctx;
	struct vs_report *r = calloc(1, sizeof *r);
	struct vs_why why;
	size_t len;
	const void *body = vs_row_blob(p->store, row, 0, &len);
	const struct vs_report_kept kept = {p->device->id, body, len,
	                                    vs_row_text(p->store, row, 1), ""};

	if (!r)
		return VS_ERR_NOMEM;
	p->signs = !vs_report_reread(&kept, r, &why);
	free(r);
	return VS_OK;
}

static vs_status store_certificate(struct replacing *p)
{
	const struct vs_value row[] = {vs_text(p->device->id), vs_text(p->pem)};
	vs_status status =
		vs_store_query(p->store,
	                       "SELECT r.body, c.pem FROM report r "
	                       "JOIN certificate c ON c.device = r.device "
	                       "WHERE r.device = ?1",
	                       row, 1, read_report, p);

	if (!status && p->signs)
		status = vs_store_query(
			p->store,
			"INSERT INTO certificate_before (device, certificate) "
			"SELECT device, pem FROM certificate WHERE device = ?1 "
			"ON CONFLICT (device) DO UPDATE SET "
			"certificate = excluded.certificate",
			row, 1, NULL, NULL);
	if (!status)
		status = vs_store_query(p->store,
		                        "UPDATE certificate SET pem = ?2 "
		                        "WHERE device = ?1",
		                        row, 2, NULL, NULL);
	const struct vs_value facts[] = {
		vs_text(p->device->id),
		vs_blob(p->made.fingerprint, sizeof p->made.fingerprint),
		vs_uint(p->made.expires_s)};
	return status ? status
	              : vs_store_query(p->store,
	                               "UPDATE device SET fingerprint = ?2, "
	                               "expires_s = ?3 WHERE id = ?1",
	                               facts, 3, NULL, NULL);
}

static vs_status tell(const struct replacing *p, uint64_t now_s)
{
	char old[2 * shown_bytes + 1], new[2 * shown_bytes + 1], line[96];
	const struct vs_audit record = {p->request->person.name,
	                                "device-certificate", p->device->id, "",
	                                line};

	vs_hex_encode(p->device->fingerprint, shown_bytes, old);
	vs_hex_encode(p->made.fingerprint, shown_bytes, new);
	snprintf(line, sizeof line, "SHA-256 %s... instead of %s...", new, old);
	return vs_audit_append(p->store, now_s, &record);
}

static vs_status run(struct vs_job *job, struct vs_store *store)
{
	struct replacing *p = (struct replacing *)job;
	struct vs_server *s = p->request->server;
	struct vs_device *d = vs_fleet_find(&s->fleet, p->request->parts[0]);

	if (!d || !vs_scope_device(&p->request->person, d))
		return VS_ERR_ABSENT;
	if (memcmp(d->fingerprint, p->made.fingerprint,
	           sizeof d->fingerprint) == 0)
		return vs_fail(VS_ERR_REFUSED, &p->why, VS_REASON_CONFLICT,
		               "certificate: it is the registered one", 0);
	p->store = store;
	p->device = d;
	vs_status status = store_certificate(p);
	if (!status)
		status = tell(p, vs_server_now());
	if (status)
		return status;
	pthread_rwlock_wrlock(&s->lock);
	vs_device_certify(d, &p->made);
	pthread_rwlock_unlock(&s->lock);
	return VS_OK;
}

void vs_operator_certificate(struct vs_request *r)
{
	VS_AUTO(vs_json_drop) json_t *body = NULL;
	struct replacing p = {.job = {.run = run}, .request = r};

	if (!vs_request_body(r, &body))
		return;
	vs_status status = vs_json_string(body, "certificate", &p.pem, &p.why);
	if (!status && json_object_size(body) != 1)
		status = vs_fail(VS_ERR_INPUT, &p.why, VS_REASON_MALFORMED,
		                 "certificate: nothing else is known", 0);
	if (!status)
		status = vs_device_certificate_read(p.pem, r->parts[0], &p.made,
		                                    &p.why);
	if (!status)
		status = vs_writer_call(r->server->writer, &p.job);
	vs_device_certificate_drop(&p.made);
	if (status)
		vs_request_fail(r, status, &p.why);
	else
		vs_operator_device(r);
}
