/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run.c - the loop: polls, reports, health, and what each phase does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent.h"
#include "base/file.h"
#include "base/log.h"

/* No trusted metadata is older than this program's first release. */
#define EPOCH_S UINT64_C(1767225600) /* 2026-01-01T00:00:00Z */
#define IDLE_MS 100

uint64_t vs_agent_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t vs_agent_now_s(const struct vs_agent *a)
{
	time_t clock = time(NULL);
	uint64_t now = clock > 0 ? (uint64_t)clock : 0;

	if (now < a->state.time_floor_s)
		now = a->state.time_floor_s;
	return now < EPOCH_S ? EPOCH_S : now;
}

vs_status vs_agent_move(struct vs_agent *a, enum vs_event on, vs_reason reason,
                        const char *about, const char *detail)
{
	const struct vs_move_info info = {reason, about, detail,
	                                  vs_agent_now_s(a)};
	enum vs_phase from = a->state.phase;
	size_t waiting = a->state.outbox.count;
	vs_status status = vs_state_move(&a->state, &a->io, on, &info);

	if (status != VS_OK)
		vs_error("%s on %s: %s: %s", vs_phase_name(from),
		         vs_event_name(on), vs_status_name(status),
		         status == VS_ERR_STATE ? "not in the table"
		                                : a->state_file);
	if (a->state.outbox.count != waiting)
		a->report_at = a->report_failures = 0;
	if (status == VS_OK && a->state.phase == VS_PHASE_TRIAL &&
	    from != VS_PHASE_TRIAL)
		vs_trial_init(&a->trial, vs_agent_now_ms());
	return status;
}

static void report_later(struct vs_agent *a)
{
	uint64_t ms = a->conf.report_ms;

	for (unsigned i = 0;
	     i < a->report_failures && ms < a->conf.backoff_max_ms; i++)
		ms *= 2;
	if (a->report_failures > 0 && ms > a->conf.backoff_max_ms)
		ms = a->conf.backoff_max_ms;
	a->report_at = vs_agent_now_ms() + ms;
}

/* Sends the oldest note and takes it out of the outbox when the server has
 * it.  A cut between the two sends it twice, which harms nobody.
 */
static vs_status send_note(struct vs_agent *a, const struct vs_live *live)
{
	struct vs_note note = a->state.outbox.notes[0];
	vs_status status = vs_reporter_send(&a->reporter, &a->net, &a->charger,
	                                    &a->state, &note, live);

	if (status != VS_OK)
		return status;
	vs_outbox_pop(&a->state.outbox);
	return vs_state_save(&a->state, &a->io);
}

void vs_agent_deliver(struct vs_agent *a)
{
	const struct vs_live live = {
		.healthy = a->healthy,
		.charging = a->session && a->state.phase == VS_PHASE_WAITING,
		.detail = a->state.phase == VS_PHASE_WAITING && a->held
	                          ? a->held
	                          : a->health_detail,
		.director_version = a->director_version,
		.now_s = vs_agent_now_s(a),
	};
	bool more = a->state.outbox.count > 0;
	vs_status status = VS_OK;

	if (vs_agent_now_ms() < a->report_at)
		return;
	while (status == VS_OK && a->state.outbox.count > 0)
		status = send_note(a, &live);
	/* After news, one plain report: where things stand now. */
	if (status == VS_OK)
		status = vs_reporter_send(&a->reporter, &a->net, &a->charger,
		                          &a->state, NULL, &live);
	if (status != VS_OK && !a->report_held)
		vs_warn("report: %s%s", a->net.error,
		        more ? "; kept in the outbox" : "");
	a->report_held = status != VS_OK;
	a->report_failures = status == VS_OK ? 0 : a->report_failures + 1;
	report_later(a);
}

static vs_status save_file(void *ctx, const void *bytes, size_t len)
{
	const struct vs_agent *a = ctx;

	return vs_file_replace(a->state_file, bytes, len, 0600);
}

static void load_state(struct vs_agent *a)
{
	struct vs_why why = {VS_REASON_NONE, "", 0};
	uint8_t *text = NULL;
	size_t len;
	vs_status status =
		vs_file_read(a->state_file, VS_STATE_MAX, &text, &len);

	if (status == VS_OK)
		status = vs_state_decode(text, len, &a->state, &why);
	free(text);
	if (status == VS_OK)
		return;
	memset(&a->state, 0, sizeof(a->state));
	if (status != VS_ERR_ABSENT)
		vs_warn("%s: %s: %s: begun anew", a->state_file,
		        vs_status_name(status), why.what);
}

vs_status vs_agent_open(struct vs_agent *a, const char *dir,
                        char error[static VS_ERROR_LEN])
{
	vs_status status;
	int n;

	memset(a, 0, sizeof(*a));
	a->io = (struct vs_state_io){a, save_file};
	status = vs_charger_open(&a->charger, dir, error);
	if (status == VS_OK)
		status = vs_conf_load(a->charger.dir, &a->conf, error);
	if (status != VS_OK)
		return status;
	n = snprintf(a->state_file, sizeof(a->state_file),
	             "%s/agent/state.json", a->charger.dir);
	if (n < 0 || n >= PATH_MAX) {
		snprintf(error, VS_ERROR_LEN, "%.200s: path is too long", dir);
		return VS_ERR_LIMIT;
	}
	load_state(a);
	a->director_version =
		vs_offer_director_version(&a->charger, vs_agent_now_s(a));
	status = vs_reporter_open(&a->reporter, a->charger.dir,
	                          a->conf.key_file, vs_agent_now_s(a), error);
	if (status != VS_OK)
		return status;
	status = vs_net_open(&a->conf, &a->net);
	if (status != VS_OK)
		snprintf(error, VS_ERROR_LEN,
		         "agent.conf: ca_file, cert_file or key_file: %s",
		         vs_status_name(status));
	return status;
}

void vs_agent_close(struct vs_agent *a)
{
	vs_net_close(&a->net);
	vs_reporter_close(&a->reporter);
	vs_conf_drop(&a->conf);
	vs_charger_close(&a->charger);
}

/* Once a slot is armed nothing else is looked at until that is decided. */
static bool may_poll(const struct vs_agent *a)
{
	return a->state.phase <= VS_PHASE_WAITING;
}

static void step(struct vs_agent *a)
{
	struct vs_why why;

	vs_agent_activate(a);
	if (a->reboot)
		return;
	if (a->state.phase != VS_PHASE_TRIAL &&
	    vs_agent_now_ms() >= a->health_at)
		vs_agent_check_health(a, &why);
	vs_agent_deliver(a);
	if (may_poll(a) && vs_agent_now_ms() >= a->poll_at)
		vs_agent_poll(a);
}

int vs_agent_run(struct vs_agent *a)
{
	const struct timespec pause = {0, IDLE_MS * 1000000L};
	struct vs_why why;
	vs_status status = vs_agent_settle(a);

	if (status != VS_OK)
		vs_error("settle: %s", vs_status_name(status));
	if (a->state.phase == VS_PHASE_TRIAL)
		vs_trial_init(&a->trial, vs_agent_now_ms());
	else
		vs_agent_check_health(a, &why);
	while (!a->stopped() && !a->reboot) {
		step(a);
		if (!a->stopped() && !a->reboot)
			nanosleep(&pause, NULL);
	}
	if (a->reboot) {
		a->report_at = 0;
		vs_agent_deliver(a);
	}
	return a->reboot ? VS_EXIT_REBOOT : 0;
}
