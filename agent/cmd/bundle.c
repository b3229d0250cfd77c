/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/cmd/bundle.c - voltseal-agent install BUNDLE: one look of the agent,
 * with a bundle for a server.
 *
 * It is the running agent's own way, so that what it wrote waits for the gates
 * as any other release, and what became of it is in the outbox.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/cmd/commands.h"
#include "agent/run/activate.h"
#include "agent/run/agent.h"
#include "agent/run/move.h"
#include "agent/run/settle.h"
#include "agent/run/update.h"
#include "base/file.h"
#include "base/log.h"

static bool never(void)
{
	return false;
}

static void show_progress(uint64_t done, uint64_t total)
{
	uint64_t percent = total > 0 ? done * 100 / total : 0;

	fprintf(stderr, "\r%3" PRIu64 " %%", percent < 100 ? percent : 100);
	fflush(stderr);
}

static int refuse(const struct vs_outcome *v)
{
	const struct vs_why why = {v->reason, v->detail, 0};

	return vs_cmd_fail(v->status, v->about, &why);
}

static int say_json(const struct vs_agent *a)
{
	const struct vs_state *s = &a->state;
	const struct vs_install_stats *st = &a->outcome.stats;
	json_t *o = json_pack(
		"{s:s, s:i, s:I, s:b, s:b, s:s?, s:I, s:I, s:I, s:I, s:I}",
		"source", "bundle", "slot",
		a->outcome.runs ? a->charger.slot : s->target, "release_seq",
		(json_int_t)(a->outcome.runs
	                             ? a->charger.running[0].header.release_seq
	                             : s->campaign_seq),
		"runs_already", a->outcome.runs, "armed",
		s->phase == VS_PHASE_REBOOTING, "held", a->held, "image_bytes",
		(json_int_t)st->image_bytes, "bytes_fetched",
		(json_int_t)st->bytes_fetched, "clusters_kept",
		(json_int_t)st->clusters_kept, "clusters_copied",
		(json_int_t)st->clusters_copied, "clusters_fetched",
		(json_int_t)st->clusters_fetched);
	char *text = o ? json_dumps(o, 0) : NULL;
	bool said = text && puts(text) >= 0;

	free(text);
	json_decref(o);
	return said ? VS_EXIT_OK : VS_EXIT_FAILED;
}

static int say(const struct vs_agent *a, bool json)
{
	const struct vs_install_stats *st = &a->outcome.stats;

	if (json)
		return say_json(a);
	if (a->outcome.runs) {
		puts("nothing to do: what the bundle names runs already");
		return VS_EXIT_OK;
	}
	printf("slot %c: release %" PRIu64 ": %" PRIu64
	       " clusters kept, %" PRIu64 " copied, %" PRIu64
	       " from the bundle; %s\n",
	       'a' + a->state.target, a->state.campaign_seq, st->clusters_kept,
	       st->clusters_copied, st->clusters_fetched,
	       a->state.phase == VS_PHASE_REBOOTING
	               ? "armed: restart the charger"
	               : "the agent tries it when it runs and every gate is "
	                 "open");
	return VS_EXIT_OK;
}

/* The gates count as ever; what is held waits for the agent. */
static int arm(struct vs_agent *a)
{
	for (int i = 0; i < 2 && a->state.phase < VS_PHASE_REBOOTING; i++) {
		a->gate_at = 0;
		vs_agent_activate(a);
	}
	if (a->state.phase == VS_PHASE_REBOOTING)
		return VS_EXIT_OK;
	vs_error("written, not armed: %s",
	         a->held ? a->held : "see the lines above");
	return VS_EXIT_FAILED;
}

/* While a slot is armed or on trial nothing else is looked at. */
static int conflict(const char *bundle)
{
	const struct vs_why why = {VS_REASON_CONFLICT,
	                           "an image is armed or on trial: wait for "
	                           "its end",
	                           0};

	return vs_cmd_fail(VS_ERR_STATE, bundle, &why);
}

static int look(struct vs_agent *a, const struct vs_bundle_order *o)
{
	bool begun = a->state.phase == VS_PHASE_ARMING && a->state.bundle;
	int code = VS_EXIT_OK;

	if (begun && o->arm)
		return arm(a); /* cut here before */
	if (a->state.phase > VS_PHASE_WAITING)
		return conflict(o->bundle);
	vs_agent_poll(a);
	if (a->outcome.status != VS_OK)
		return refuse(&a->outcome);
	if (o->arm && !a->outcome.runs)
		code = arm(a);
	return code;
}

static int install(struct vs_agent *a, const struct vs_bundle_order *o)
{
	struct vs_bundle bundle;
	struct vs_why why;
	int code = VS_EXIT_FAILED;
	vs_status status = vs_bundle_open(&bundle, o->bundle,
	                                  a->charger.machine.vehicle, &why);

	if (status != VS_OK) {
		vs_bundle_close(&bundle);
		return vs_cmd_fail(status, o->bundle, &why);
	}
	a->net.bundle = &bundle;
	a->stopped = never;
	a->progress = !o->json && isatty(2) ? show_progress : NULL;
	if (o->workers > 0)
		a->conf.workers = o->workers;
	status = vs_agent_settle(a);
	if (status != VS_OK) {
		vs_error("%s: settle: %s", o->dir, vs_status_name(status));
	} else {
		code = look(a, o);
		if (code == VS_EXIT_OK)
			code = say(a, o->json);
	}
	a->net.bundle = NULL;
	vs_bundle_close(&bundle);
	return code;
}

int vs_cmd_bundle(const struct vs_bundle_order *o)
{
	static struct vs_agent agent;
	struct vs_division division;
	VS_AUTO(vs_fd_drop) int lock = -1;
	char error[VS_ERROR_LEN];
	int code = VS_EXIT_FAILED;

	if (!vs_cmd_lock(o->dir, &lock) ||
	    !vs_cmd_divide(o->dir, VS_STAYS_COMMAND, &division))
		return VS_EXIT_FAILED;
	if (vs_agent_open(&agent, o->dir, BUILD_TIME_S, error) != VS_OK) {
		vs_error("%s", error);
	} else {
		agent.conf.runner = division.runner;
		code = install(&agent, o);
	}
	vs_agent_close(&agent);
	vs_division_end(&division);
	return code;
}
