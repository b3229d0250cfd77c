/* SPDX-License-Identifier: Apache-2.0
 *
 * server/listen/metrics.c - the families of figures, and where each comes
 * from.
 */
#include "server/listen/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/file.h"
#include "server/api/route.h"
#include "server/listen/metrics_families.h"

vs_status vs_metric_print(const struct vs_metric_page *p, const char *labels,
                          uint64_t value)
{
	return *labels ? vs_buffer_printf(p->out, "%s{%s} %" PRIu64 "\n",
	                                  p->name, labels, value)
	               : vs_buffer_printf(p->out, "%s %" PRIu64 "\n", p->name,
	                                  value);
}

static const struct {
	const char *family, *labels;
} counters[VS_COUNT_END] = {
	[VS_COUNT_POLL_MEMORY] = {"voltseal_polls_total",                 "answer=\"memory\""},
	[VS_COUNT_POLL_MADE] = {"voltseal_polls_total",                 "answer=\"made\""  },
	[VS_COUNT_THROTTLED] = {"voltseal_throttled_total",             ""                 },
	[VS_COUNT_CREDENTIALS] = {"voltseal_credentials_rejected_total",  ""                 },
	[VS_COUNT_HOOK_TAKEN] = {"voltseal_hook_deliveries_total",
                                  "result=\"taken\""                                         },
	[VS_COUNT_HOOK_FAILED] = {"voltseal_hook_deliveries_total",
                                  "result=\"failed\""                                        },
	[VS_COUNT_REHASHED] = {"voltseal_artifacts_rehashed_total",    ""                 },
	[VS_COUNT_DAMAGED] = {"voltseal_artifacts_damaged_total",     ""                 },
	[VS_COUNT_OVERLOADED] = {"voltseal_overloaded_total",            ""                 },
	[VS_COUNT_CERTIFICATE] = {"voltseal_certificates_rejected_total", ""                 },
};

static vs_status put_counters(const struct vs_metric_page *p)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < VS_COUNT_END; i++)
		if (strcmp(counters[i].family, p->name) == 0)
			status = vs_metric_print(
				p, counters[i].labels,
				atomic_load(&p->server->metrics.counts[i]));
	return status;
}

static const char *const listeners[] = {"listener=\"devices\"",
                                        "listener=\"people\""};

static vs_status put_route(const struct vs_metric_page *p, size_t table,
                           size_t route, const struct vs_route *row)
{
	static const char *const codes[] = {"none", "1xx", "2xx",
	                                    "3xx",  "4xx", "5xx"};
	char labels[256];
	vs_status status = VS_OK;

	for (size_t c = 0; !status && c < VS_METRIC_CODES; c++) {
		uint64_t n = atomic_load(
			&p->server->metrics.answers[table][route][c]);

		if (n == 0)
			continue;
		snprintf(labels, sizeof labels,
		         "%s,method=\"%s\",route=\"%s\",code=\"%s\"",
		         listeners[table ? 1 : 0], row->method, row->pattern,
		         codes[c]);
		status = vs_metric_print(p, labels, n);
	}
	return status;
}

static vs_status put_requests(const struct vs_metric_page *p)
{
	const struct vs_route *const tables[VS_METRIC_TABLES] = {
		vs_device_routes, vs_people_routes, vs_public_routes};
	vs_status status = VS_OK;
	char labels[96];

	for (size_t t = 0; t < VS_METRIC_TABLES; t++)
		for (size_t i = 0; !status && tables[t][i].method; i++)
			status = put_route(p, t, i, &tables[t][i]);
	for (size_t i = 0; !status && i < 2; i++) {
		snprintf(labels, sizeof labels,
		         "%s,method=\"\",route=\"\",code=\"4xx\"",
		         listeners[i]);
		status = vs_metric_print(
			p, labels, atomic_load(&p->server->metrics.lost[i]));
	}
	return status;
}

static vs_status put_took(const struct vs_metric_page *p)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < 2; i++)
		status = vs_histogram_print(&p->server->metrics.took[i],
		                            p->name, listeners[i], p->out);
	return status;
}

static vs_status put_connected(const struct vs_metric_page *p)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < 2; i++)
		status = vs_metric_print(
			p, listeners[i],
			atomic_load(&p->server->metrics.connected[i]));
	return status;
}

static vs_status put_open(const struct vs_metric_page *p)
{
	struct vs_metrics *m = &p->server->metrics;
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < 2; i++) {
		/* closed first: it never passes connected */
		uint64_t closed = atomic_load(&m->closed[i]);

		status =
			vs_metric_print(p, listeners[i],
		                        atomic_load(&m->connected[i]) - closed);
	}
	return status;
}

/* One row for each listener and each of count names. */
static vs_status
put_named(const struct vs_metric_page *p, const char *label,
          const char *const *names, size_t count,
          const _Atomic uint64_t *(*of)(const struct vs_guard_figures *f))
{
	vs_status status = VS_OK;
	char labels[96];

	for (size_t i = 0; !status && i < 2 * count; i++) {
		const struct vs_guard_figures *f =
			&p->server->metrics.guards[i / count];

		snprintf(labels, sizeof labels, "%s,%s=\"%s\"",
		         listeners[i / count], label, names[i % count]);
		status = vs_metric_print(p, labels,
		                         atomic_load(&of(f)[i % count]));
	}
	return status;
}

static const _Atomic uint64_t *refused(const struct vs_guard_figures *f)
{
	return f->refused;
}

static const _Atomic uint64_t *cut(const struct vs_guard_figures *f)
{
	return f->cut;
}

static const _Atomic uint64_t *handshakes(const struct vs_guard_figures *f)
{
	return f->handshakes;
}

static vs_status put_refused(const struct vs_metric_page *p)
{
	static const char *const names[VS_REFUSED_END] = {
		[VS_REFUSED_FULL] = "full",
		[VS_REFUSED_ADDRESS] = "address",
		[VS_REFUSED_HANDSHAKES] = "handshakes",
	};

	return put_named(p, "reason", names, VS_REFUSED_END, refused);
}

static vs_status put_cut(const struct vs_metric_page *p)
{
	static const char *const names[VS_CUT_END] = {
		[VS_CUT_HANDSHAKE] = "handshake", [VS_CUT_REQUEST] = "request",
		[VS_CUT_SLOW] = "slow",           [VS_CUT_ROOM] = "room",
		[VS_CUT_NEWER] = "newer",
	};

	return put_named(p, "reason", names, VS_CUT_END, cut);
}

static vs_status put_handshakes(const struct vs_metric_page *p)
{
	static const char *const names[] = {"full", "resumed"};

	return put_named(p, "kind", names, 2, handshakes);
}

static vs_status put_now(const struct vs_metric_page *p)
{
	bool strangers = strcmp(p->name, "voltseal_strangers") == 0;
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < 2; i++) {
		const struct vs_guard_figures *f =
			&p->server->metrics.guards[i];

		status = vs_metric_print(
			p, listeners[i],
			atomic_load(strangers ? &f->strangers : &f->under_way));
	}
	return status;
}

static vs_status put_commits(const struct vs_metric_page *p)
{
	struct vs_writer_figures *f = vs_writer_figures(p->server->writer);
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{"voltseal_commits_total",         atomic_load(&f->commits) },
		{"voltseal_commit_failures_total", atomic_load(&f->failures)},
		{"voltseal_commit_jobs_total",     atomic_load(&f->jobs)    },
		{"voltseal_commit_queue_jobs",     atomic_load(&f->queued)  },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].name, p->name) == 0)
			return vs_metric_print(p, "", rows[i].value);
	return vs_histogram_print(&f->took, p->name, "", p->out);
}

static vs_status put_build(const struct vs_metric_page *p)
{
	return vs_metric_print(p, "version=\"" VOLTSEAL_VERSION "\"", 1);
}

static vs_status put_store(const struct vs_metric_page *p)
{
	char path[1200];
	struct stat st;

	if (vs_path_join(path, sizeof path, p->server->settings->data_dir,
	                 "voltseal.db"))
		return VS_ERR_LIMIT;
	return stat(path, &st) ? VS_OK
	                       : vs_metric_print(p, "", (uint64_t)st.st_size);
}

static vs_status put_free(const struct vs_metric_page *p)
{
	struct statvfs v;

	return statvfs(p->server->settings->data_dir, &v)
	               ? VS_OK
	               : vs_metric_print(p, "",
	                                 (uint64_t)v.f_bavail * v.f_frsize);
}

#define COUNTER "counter"
#define GAUGE "gauge"
#define HISTOGRAM "histogram"

/* clang-format off */
static const struct family {
	const char *name, *type, *help;
	vs_status (*put)(const struct vs_metric_page *p);
} families[] = {
	{"voltseal_build_info", GAUGE, "1, with the version", put_build},
	{"voltseal_requests_total", COUNTER,
	 "Requests by listener, route and class of the answer", put_requests},
	{"voltseal_request_duration_seconds", HISTOGRAM,
	 "From the head of a request to the end of its answer", put_took},
	{"voltseal_connections_total", COUNTER, "Connections that were taken",
	 put_connected},
	{"voltseal_connections", GAUGE, "Connections that are open", put_open},
	{"voltseal_connections_refused_total", COUNTER,
	 "Connections that were turned away before TLS cost anything",
	 put_refused},
	{"voltseal_connections_cut_total", COUNTER,
	 "Connections that were ended because they did not get on", put_cut},
	{"voltseal_strangers", GAUGE,
	 "Connections on which nobody has proved himself yet", put_now},
	{"voltseal_handshakes_total", COUNTER, "TLS handshakes that were done",
	 put_handshakes},
	{"voltseal_handshakes_under_way", GAUGE, "TLS handshakes under way",
	 put_now},
	{"voltseal_overloaded_total", COUNTER,
	 "Requests of chargers that were told to come again (503)",
	 put_counters},
	{"voltseal_polls_total", COUNTER,
	 "Polls of chargers, answered from memory or with files made for them",
	 put_counters},
	{"voltseal_throttled_total", COUNTER,
	 "Requests that were told to wait (429)", put_counters},
	{"voltseal_credentials_rejected_total", COUNTER,
	 "Wrong tokens, cookies, passwords", put_counters},
	{"voltseal_certificates_rejected_total", COUNTER,
	 "Chargers whose certificate is not the registered one",
	 put_counters},
	{"voltseal_hook_deliveries_total", COUNTER,
	 "Attempts to deliver to webhooks", put_counters},
	{"voltseal_artifacts_rehashed_total", COUNTER,
	 "Artifacts that were read again and are as they were", put_counters},
	{"voltseal_artifacts_damaged_total", COUNTER,
	 "Artifacts whose bytes had changed; they are served no more",
	 put_counters},
	{"voltseal_commits_total", COUNTER, "Transactions on disk",
	 put_commits},
	{"voltseal_commit_failures_total", COUNTER,
	 "Transactions that failed; nothing of them was acknowledged",
	 put_commits},
	{"voltseal_commit_jobs_total", COUNTER, "Jobs in transactions",
	 put_commits},
	{"voltseal_commit_queue_jobs", GAUGE, "Jobs that wait for the writer",
	 put_commits},
	{"voltseal_commit_duration_seconds", HISTOGRAM,
	 "A transaction, with its wait for the disk", put_commits},
	{"voltseal_store_bytes", GAUGE, "Size of the database file",
	 put_store},
	{"voltseal_disk_free_bytes", GAUGE, "Free space of data_dir",
	 put_free},
	{"voltseal_audit_records_total", COUNTER, "Records of the audit log",
	 vs_metric_audit},
	{"voltseal_audit_head_timestamp_seconds", GAUGE,
	 "When the newest head of the audit log was signed",
	 vs_metric_audit},
	{"voltseal_expiry_timestamp_seconds", GAUGE,
	 "When a certificate or a metadata file of the server ends",
	 vs_metric_expiries},
	{"voltseal_devices", GAUGE, "Chargers that are registered",
	 vs_metric_devices},
	{"voltseal_devices_online", GAUGE,
	 "Chargers seen within three poll intervals", vs_metric_devices},
	{"voltseal_devices_silent", GAUGE,
	 "Chargers that never sent a report", vs_metric_devices},
	{"voltseal_devices_unhealthy", GAUGE,
	 "Chargers whose last report says that they are not healthy",
	 vs_metric_devices},
	{"voltseal_devices_fallen_back", GAUGE,
	 "Chargers that the boot stage sent back to their other slot",
	 vs_metric_devices},
	{"voltseal_devices_report_refused", GAUGE,
	 "Chargers whose last report was not believed", vs_metric_devices},
	{"voltseal_releases", GAUGE, "Releases by stage", vs_metric_releases},
	{"voltseal_campaigns", GAUGE, "Campaigns by state",
	 vs_metric_campaigns},
	{"voltseal_campaign_members", GAUGE,
	 "Chargers of each unfinished campaign by state",
	 vs_metric_members},
	{"process_start_time_seconds", GAUGE, "When the process began",
	 vs_metric_process},
	{"process_cpu_seconds_total", COUNTER, "Processor time",
	 vs_metric_process},
	{"process_resident_memory_bytes", GAUGE, "Memory in use",
	 vs_metric_process},
	{"process_open_fds", GAUGE, "Open files and connections",
	 vs_metric_process},
};
/* clang-format on */

vs_status vs_metrics_text(struct vs_server *s, struct vs_buffer *out)
{
	struct vs_metric_page page = {.server = s, .out = out};
	vs_status status = vs_metric_look(&page);

	for (size_t i = 0; !status && i < sizeof families / sizeof *families;
	     i++) {
		const struct family *f = &families[i];

		page.name = f->name;
		status = vs_buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n",
		                          f->name, f->help, f->name, f->type);
		if (!status)
			status = f->put(&page);
	}
	return status;
}
