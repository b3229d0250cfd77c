/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/registry.c - a database with many chargers, made by the server's code.
 *
 * bench-registry DATABASE CHARGERS: adds them to a database that
 * `voltseal-server init` made, ten to a site and five to a feeder group, each
 * with its record in the audit log, a certificate, a last report and a
 * director's version.  Prints the SHA-256 of the seals that they run as JSON:
 * half of them run the first, half the second.
 *
 * Certificates and reports have the size of real ones and are none: a start
 * does not read them, and check-config would find them out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/intake.h"
#include "server/audit/audit.h"
#include "server/fleet/device_row.h"
#include "server/fleet/fleet.h"
#include "server/monitor/compliance.h"

enum { batch = 20000, pem_len = 800, report_len = 1900, per_site = 10 };

#define NOW_S UINT64_C(1790000000)

static const char *const seals[2] = {
	"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",
	"b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2"};

/* One charger, and what its row is made of. */
struct texts {
	char id[32], site[32], feeder[32], labels[160], ecus[160];
	char pem[pem_len + 1];
	uint8_t fingerprint[32], body[report_len];
};

static struct vs_enrolled spell(unsigned n, struct texts *t)
{
	static const char *const models[] = {"ac11", "ac22", "dc150", "dc300"};

	snprintf(t->id, sizeof t->id, "CP-%07u", n);
	snprintf(t->site, sizeof t->site, "site-%05u", n / per_site);
	snprintf(t->feeder, sizeof t->feeder, "site-%05u-f%u", n / per_site,
	         n % per_site / 5);
	snprintf(t->labels, sizeof t->labels,
	         "tenant=tenant-%u\nregion=region-%u\nzone=Europe/Berlin\n"
	         "tag=wave-%u\n",
	         n / 50000, n / 5000 % 10, n % 7);
	snprintf(t->ecus, sizeof t->ecus,
	         "%s-gateway gateway gw-rev%u %s-controller controller cc-rev2",
	         t->id, 3 + n % 2, t->id);
	memcpy(t->fingerprint, t->id, 16);
	return (struct vs_enrolled){
		.id = t->id,
		.site = t->site,
		.feeder = t->feeder,
		.model = models[n / 3 % 4],
		.labels = t->labels,
		.ecus = t->ecus,
		.fingerprint = t->fingerprint,
		.seq = n,
		.expires_s = NOW_S + 86400 * (1 + n % 700),
		.utc_offset_min = 60,
	};
}

/* What the charger said last: nearly all of them are idle. */
static void say(const struct vs_device *d, unsigned n, struct vs_device_next *o)
{
	memset(o, 0, sizeof *o);
	o->device = *d;
	o->device.counter = 1000 + n % 97;
	o->device.received_s = (uint32_t)(NOW_S - n % 300);
	o->device.faults = n % 50;
	o->device.fetched_low = 1000000 + n;
	o->state.bytes_total = 419430400;
	o->state.campaign_seq = 2 + n % 2;
	o->state.healthy = n % 500 != 0;
	o->state.slot = (int)(n % 2);
	o->state.watch.epoch = 1;
	o->state.watch.floors[0] = o->state.watch.floors[1] = 1;
	snprintf(o->state.status, sizeof o->state.status, "%s",
	         n % 500 ? "Idle" : "Downloading");
	snprintf(o->state.phase, sizeof o->state.phase, "%s",
	         n % 500 ? "idle" : "fetching");
	memcpy(o->ecus, d->ecus, d->ecu_count * sizeof *o->ecus);
	for (unsigned i = 0; i < d->ecu_count; i++) {
		snprintf(o->ecus[i].version, sizeof o->ecus[i].version, "%s",
		         n % 2 ? "1.1.0" : "1.2.0");
		o->ecus[i].release_seq = 2 + n % 2;
		o->ecus[i].floor = 1;
		o->ecus[i].seal = vs_seal_short(seals[n % 2]) + i;
	}
}

static vs_status store_report(struct vs_store *s, const struct texts *t,
                              const struct vs_device *d)
{
	static const char nonce[] = "0123456789abcdef0123456789abcdef"
				    "0123456789abcdef0123456789abcdef";
	const struct vs_value row[] = {vs_text(d->id), vs_uint(d->counter),
	                               vs_text(nonce), vs_uint(d->received_s),
	                               vs_blob(t->body, sizeof t->body)};

	return vs_store_query(s,
	                      "INSERT INTO report (device, counter, nonce, "
	                      "received_s, body) VALUES (?1, ?2, ?3, ?4, ?5)",
	                      row, 5, NULL, NULL);
}

static vs_status add(struct vs_store *s, unsigned n, struct texts *t)
{
	const struct vs_enrolled e = spell(n, t);
	const struct vs_audit record = {"bench", "device-registered", e.id, "",
	                                t->site};
	struct vs_fleet alone = {0};
	struct vs_device_next next;
	struct vs_device *d;
	vs_status status = vs_enrolled_store(s, &e, t->pem, NOW_S);

	if (!status)
		status = vs_audit_append(s, NOW_S, &record);
	if (!status)
		status = vs_fleet_add(&alone, &e, &d);
	if (status)
		return status;
	say(d, n, &next);
	status = store_report(s, t, &next.device);
	if (!status)
		status = vs_device_state_store(s, &next, d);
	if (!status)
		status = vs_director_store(s, e.id, NOW_S - n % 40000);
	vs_fleet_drop(&alone);
	return status;
}

static vs_status fill(struct vs_store *s, unsigned count)
{
	struct texts t = {0};
	vs_status status = VS_OK;

	memset(t.pem, 'A', pem_len);
	memset(t.body, 'x', report_len);
	for (unsigned n = 1; !status && n <= count; n++) {
		if (n % batch == 1)
			status = vs_store_begin(s);
		if (!status)
			status = add(s, n, &t);
		if (!status && (n % batch == 0 || n == count))
			status = vs_store_commit(s);
	}
	return status;
}

int main(int argc, char **argv)
{
	VS_AUTO(vs_store_close) struct vs_store *s = NULL;
	unsigned long count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	char error[256] = "usage: bench-registry DATABASE CHARGERS";
	vs_status status =
		count && count <= 5000000
			? vs_store_open_sqlite(argv[1], true, &s, error)
			: VS_ERR_INPUT;

	if (!status)
		status = fill(s, (unsigned)count);
	if (status) {
		fprintf(stderr, "%s: %s\n", vs_status_name(status),
		        s ? s->error : error);
		return 1;
	}
	printf("[\"%s\", \"%s\"]\n", seals[0], seals[1]);
	return 0;
}
