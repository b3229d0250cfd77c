/* SPDX-License-Identifier: Apache-2.0
 *
 * server/listen/metrics_fleet.c - figures about chargers, releases, campaigns,
 * the log and the process.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/hold/server.h"
#include "server/listen/metrics_families.h"
#include "server/monitor/compliance.h"

enum { look_at_once = 4096 };

static void look_at(struct vs_metric_page *p, const struct vs_device *d,
                    uint64_t now_s)
{
	uint64_t seen_s = atomic_load(&d->seen_s);

	p->devices++;
	p->online += seen_s && now_s < seen_s + vs_server_online_s(p->server);
	p->silent += d->counter == 0;
	p->unhealthy += d->counter && !d->state->healthy;
	p->fallen_back += d->state->fell_back;
	p->refused += d->refused != VS_REASON_NONE;
}

vs_status vs_metric_look(struct vs_metric_page *p)
{
	struct vs_server *s = p->server;
	uint64_t now_s = vs_server_now();
	bool more = true;

	/* In pieces: chargers' reports need not wait for all of a million. */
	for (size_t from = 0; more; from += look_at_once) {
		pthread_rwlock_rdlock(&s->lock);
		for (size_t i = from;
		     i < s->fleet.count && i < from + look_at_once; i++)
			look_at(p, vs_fleet_at(&s->fleet, i), now_s);
		more = from + look_at_once < s->fleet.count;
		pthread_rwlock_unlock(&s->lock);
	}
	return VS_OK;
}

vs_status vs_metric_devices(const struct vs_metric_page *p)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{"voltseal_devices",                p->devices    },
		{"voltseal_devices_online",         p->online     },
		{"voltseal_devices_silent",         p->silent     },
		{"voltseal_devices_unhealthy",      p->unhealthy  },
		{"voltseal_devices_fallen_back",    p->fallen_back},
		{"voltseal_devices_report_refused", p->refused    },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].name, p->name) == 0)
			return vs_metric_print(p, "", rows[i].value);
	return VS_ERR_ABSENT;
}

vs_status vs_metric_releases(const struct vs_metric_page *p)
{
	uint64_t n[VS_STAGE_RETIRED + 1] = {0};
	const struct vs_releases *all = &p->server->image.releases;
	vs_status status = VS_OK;
	char labels[48];

	pthread_rwlock_rdlock(&p->server->lock);
	for (size_t i = 0; i < all->count; i++)
		n[all->all[i].standing.stage]++;
	pthread_rwlock_unlock(&p->server->lock);
	for (size_t i = 0; !status && i < sizeof n / sizeof *n; i++) {
		snprintf(labels, sizeof labels, "stage=\"%s\"",
		         vs_stage_name((enum vs_stage)i));
		status = vs_metric_print(p, labels, n[i]);
	}
	return status;
}

vs_status vs_metric_campaigns(const struct vs_metric_page *p)
{
	uint64_t n[VS_CAMPAIGN_ABORTED + 1] = {0};
	const struct vs_rollouts *all = &p->server->rollouts;
	vs_status status = VS_OK;
	char labels[48];

	pthread_rwlock_rdlock(&p->server->lock);
	for (size_t i = 0; i < all->count; i++)
		if ((size_t)all->all[i]->state < sizeof n / sizeof *n)
			n[all->all[i]->state]++;
	pthread_rwlock_unlock(&p->server->lock);
	for (size_t i = 0; !status && i < sizeof n / sizeof *n; i++) {
		snprintf(labels, sizeof labels, "state=\"%s\"",
		         vs_campaign_state_name((enum vs_campaign_state)i));
		status = vs_metric_print(p, labels, n[i]);
	}
	return status;
}

static vs_status put_members(const struct vs_metric_page *p,
                             const struct vs_rollout *r)
{
	json_t *shown, *value;
	const char *state;
	char labels[128];
	vs_status status = vs_rollout_json(r, false, &shown);

	if (status)
		return status;
	json_object_foreach(json_object_get(shown, "progress"), state, value)
	{
		snprintf(labels, sizeof labels, "campaign=\"%s\",state=\"%s\"",
		         r->id, state);
		/* the sum of all others is not a state */
		if (!status && json_is_integer(value) &&
		    strcmp(state, "members") != 0)
			status = vs_metric_print(
				p, labels, (uint64_t)json_integer_value(value));
	}
	json_decref(shown);
	return status;
}

vs_status vs_metric_members(const struct vs_metric_page *p)
{
	const struct vs_rollouts *all = &p->server->rollouts;
	vs_status status = VS_OK;

	pthread_rwlock_rdlock(&p->server->lock);
	for (size_t i = 0; !status && i < all->count; i++)
		if (all->all[i]->state != VS_CAMPAIGN_DONE &&
		    all->all[i]->state != VS_CAMPAIGN_ABORTED)
			status = put_members(p, all->all[i]);
	pthread_rwlock_unlock(&p->server->lock);
	return status;
}

struct number {
	struct vs_store *store;
	uint64_t n;
};

static vs_status read_number(void *ctx, const struct vs_row *row)
{
	struct number *out = ctx;

	out->n = vs_row_uint(out->store, row, 0);
	return VS_OK;
}

vs_status vs_metric_audit(const struct vs_metric_page *p)
{
	struct vs_server *s = p->server;
	struct number out = {s->reader, 0};
	vs_status status;

	pthread_mutex_lock(&s->reader_lock);
	if (strcmp(p->name, "voltseal_audit_records_total") == 0)
		status = vs_store_query(
			s->reader,
			"SELECT seq FROM audit ORDER BY seq DESC LIMIT 1", NULL,
			0, read_number, &out);
	else
		status = vs_store_query(s->reader,
		                        "SELECT time_s FROM audit_head "
		                        "ORDER BY seq DESC LIMIT 1",
		                        NULL, 0, read_number, &out);
	pthread_mutex_unlock(&s->reader_lock);
	return status ? status : vs_metric_print(p, "", out.n);
}

static vs_status put_expiry(void *ctx, const char *kind, const char *name,
                            uint64_t at_s)
{
	const struct vs_metric_page *p = ctx;
	const char *slash = strrchr(name, '/');
	char labels[256];

	/* of a certificate the setting says enough; its path may say much */
	snprintf(labels, sizeof labels, "kind=\"%s\",name=\"%s\"", kind,
	         slash ? "" : name);
	return vs_metric_print(p, labels, at_s);
}

vs_status vs_metric_expiries(const struct vs_metric_page *p)
{
	struct vs_metric_page copy = *p;

	return vs_expiries(p->server, put_expiry, &copy);
}

static uint64_t resident(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	char line[128] = "";

	if (!f)
		return 0;
	const char *blank =
		fgets(line, sizeof line, f) ? strchr(line, ' ') : NULL;
	fclose(f);
	return blank ? strtoull(blank, NULL, 10) *
	                       (uint64_t)sysconf(_SC_PAGESIZE)
	             : 0;
}

static uint64_t open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	uint64_t n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	/* . and .. and the folder itself */
	return n > 3 ? n - 3 : 0;
}

vs_status vs_metric_process(const struct vs_metric_page *p)
{
	struct timespec t = {0};

	if (strcmp(p->name, "process_start_time_seconds") == 0)
		return vs_metric_print(p, "", p->server->metrics.start_s);
	if (strcmp(p->name, "process_resident_memory_bytes") == 0)
		return vs_metric_print(p, "", resident());
	if (strcmp(p->name, "process_open_fds") == 0)
		return vs_metric_print(p, "", open_files());
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return vs_buffer_printf(p->out, "%s %.3f\n", p->name,
	                        (double)t.tv_sec + (double)t.tv_nsec / 1e9);
}
