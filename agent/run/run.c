/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/run.c - the loop: polls, reports, health, and what each phase does.
 */
#include "agent/run/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/believe/mode.h"
#include "agent/install/sweep.h"
#include "agent/reach/runner.h"
#include "agent/run/activate.h"
#include "agent/run/deliver.h"
#include "agent/run/move.h"
#include "agent/run/rise.h"
#include "agent/run/seek.h"
#include "agent/run/settle.h"
#include "agent/run/update.h"
#include "base/file.h"
#include "base/log.h"

#define IDLE_MS 100
#define SETTLE_MS 1000
#define SETTLE_MAX_MS 30000

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

static vs_status recall(struct vs_agent *a)
{
	struct vs_offer *o = malloc(sizeof(*o));

	if (!o)
		return VS_ERR_NOMEM;
	vs_offer_recall(&a->charger, a->build_s, o);
	a->director_version = o->director_version;
	a->image_version = o->image_version;
	a->image_snapshot_version = o->image_snapshot_version;
	a->floor_s = o->floor_s;
	free(o);
	return VS_OK;
}

static vs_status open_parts(struct vs_agent *a, const char *dir,
                            char error[static VS_ERROR_LEN])
{
	vs_status status = vs_charger_open(&a->charger, dir, error);
	int n;

	if (status == VS_OK)
		status = vs_conf_load(a->charger.dir, &a->conf, error);
	if (status == VS_OK)
		status = vs_logged_open(&a->log, a->charger.dir, error);
	if (status == VS_OK)
		status = vs_mode_check(&a->charger, &a->conf, &a->log, error);
	if (status != VS_OK)
		return status;
	n = snprintf(a->state_file, sizeof(a->state_file),
	             "%s/agent/state.json", a->charger.dir);
	if (n < 0 || n >= PATH_MAX) {
		snprintf(error, VS_ERROR_LEN, "%.200s: path is too long", dir);
		return VS_ERR_LIMIT;
	}
	vs_sweep(a->charger.dir);
	load_state(a);
	status = recall(a);
	if (status != VS_OK)
		snprintf(error, VS_ERROR_LEN, "no memory");
	return status;
}

vs_status vs_agent_open(struct vs_agent *a, const char *dir, uint64_t build_s,
                        char error[static VS_ERROR_LEN])
{
	vs_status status;

	memset(a, 0, sizeof(*a));
	a->io = (struct vs_state_io){a, save_file};
	a->build_s = build_s;
	status = open_parts(a, dir, error);
	if (status == VS_OK && a->conf.key.kind == VS_KEY_FILE)
		vs_warn("device key: in a file: for development alone");
	if (status == VS_OK)
		status = vs_device_key_open(&a->conf, &a->key, error);
	if (status == VS_OK)
		status = vs_reporter_open(&a->reporter, a->charger.dir, a->key,
		                          vs_agent_now_s(a), error);
	if (status != VS_OK)
		return status;
	if (vs_budget_open(&a->budget, a->charger.dir,
	                   a->conf.budget_bytes_month) != VS_OK) {
		snprintf(error, VS_ERROR_LEN, "%.200s: path is too long", dir);
		return VS_ERR_LIMIT;
	}
	status = vs_net_open(&a->conf, a->key, &a->net);
	if (status != VS_OK)
		snprintf(error, VS_ERROR_LEN,
		         "agent.conf: ca_file or cert_file: %s",
		         vs_status_name(status));
	return status;
}

void vs_agent_close(struct vs_agent *a)
{
	vs_net_close(&a->net);
	vs_seal_shelf_drop(&a->shelf);
	vs_device_key_close(&a->key);
	vs_logged_close(&a->log);
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
	if (a->state.phase == VS_PHASE_IDLE && a->poll_failures == 0)
		vs_agent_seek_ring(a);
	vs_agent_rise(a);
}

/* Then nothing can be started any more, and health cannot be shown: a trial is
 * not to fail for it.
 */
static bool is_alone(const struct vs_agent *a)
{
	return a->conf.runner && vs_runner_lost(a->conf.runner);
}

/* Without the word the loader calls the cause unknown, and starts all the same.
 */
static void leave(struct vs_agent *a)
{
	a->report_at = 0;
	vs_agent_deliver(a);
	if (vs_storage_put_cause(&a->charger.storage, VS_RESET_REQUEST) !=
	    VS_OK)
		vs_warn("the loader cannot be told that this restart was asked "
		        "for");
}

/* A phase that is not settled may ask for a restart, which takes a try from an
 * image on trial: not for a moment without memory or disk.  One that cannot
 * write down where it is, for as long as it had to show its health, is not
 * well.
 */
static void settle(struct vs_agent *a)
{
	uint64_t until = vs_agent_now_ms() + a->conf.health_timeout_ms;
	uint64_t wait_ms = SETTLE_MS;
	vs_status status = vs_agent_settle(a);

	if (status != VS_OK)
		vs_error("settle: %s", vs_status_name(status));
	while (status != VS_OK && !may_poll(a) && !a->stopped() &&
	       !is_alone(a) && vs_agent_now_ms() < until) {
		const struct timespec pause = {(time_t)(wait_ms / 1000),
		                               (long)(wait_ms % 1000) *
		                                       1000000};

		nanosleep(&pause, NULL);
		if (wait_ms < SETTLE_MAX_MS)
			wait_ms *= 2;
		status = vs_agent_settle(a);
	}
}

int vs_agent_run(struct vs_agent *a)
{
	const struct timespec pause = {0, IDLE_MS * 1000000L};
	struct vs_why why;

	settle(a);
	if (a->state.phase == VS_PHASE_TRIAL)
		vs_trial_init(&a->trial, vs_agent_now_ms());
	else
		vs_agent_check_health(a, &why);
	while (!a->stopped() && !a->reboot && !is_alone(a)) {
		step(a);
		if (!a->stopped() && !a->reboot)
			nanosleep(&pause, NULL);
	}
	if (a->reboot)
		leave(a);
	if (a->reboot)
		return VS_EXIT_REBOOT;
	if (!is_alone(a))
		return 0;
	vs_error("voltseal-runner broke off");
	return VS_EXIT_ALONE;
}
