/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/update.c - from a look at the repositories to a written slot.
 */
#include "agent/run/update.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/run/controller_phase.h"
#include "agent/run/deliver.h"
#include "agent/run/move.h"
#include "base/file.h"
#include "base/log.h"

#define TICK_MS 200
#define SAVE_MS 2000

/* Whoever sent this is not to be believed; all else is worth another try. */
static bool is_refusal(vs_status status)
{
	return status == VS_ERR_REFUSED || status == VS_ERR_INPUT ||
	       status == VS_ERR_LIMIT;
}

static uint64_t spread(uint64_t ms, uint64_t percent)
{
	uint64_t width = ms * percent / 100;
	uint64_t random = 0;

	if (width == 0 ||
	    getrandom(&random, sizeof(random), 0) != sizeof(random))
		return ms;
	return ms - width + random % (2 * width + 1);
}

static uint64_t bounded(const struct vs_conf *c, uint32_t retry_after_s)
{
	uint64_t ms = (uint64_t)retry_after_s * 1000;

	ms = ms < c->poll_min_ms ? c->poll_min_ms : ms;
	return ms > c->poll_max_ms ? c->poll_max_ms : ms;
}

/* After failures the waits double.  Who failed because it had too much to do
 * says how long it is to be left alone, and is at least that long.
 */
static uint64_t backoff(const struct vs_conf *c, unsigned failures,
                        uint32_t retry_after_s)
{
	uint64_t ms = c->poll_ms;
	uint64_t least = 0;

	for (unsigned i = 0; i < failures && ms < c->backoff_max_ms; i++)
		ms *= 2;
	ms = spread(ms > c->backoff_max_ms ? c->backoff_max_ms : ms,
	            c->jitter_percent);
	if (retry_after_s > 0)
		least = bounded(c, retry_after_s);
	least += least * c->jitter_percent / 100;
	if (least > 0)
		least = spread(least, c->jitter_percent / 2);
	return ms < least ? least : ms;
}

static void schedule(struct vs_agent *a, uint32_t retry_after_s)
{
	const struct vs_conf *c = &a->conf;
	uint64_t ms;

	if (a->poll_failures > 0)
		ms = backoff(c, a->poll_failures, retry_after_s);
	else
		ms = spread(retry_after_s > 0 ? bounded(c, retry_after_s)
		                              : c->poll_ms,
		            c->jitter_percent);
	a->poll_at = vs_agent_now_ms() + ms;
}

/* Both repositories were believed: what they refuse from now on is news. */
static void note_success(struct vs_agent *a)
{
	struct vs_state *s = &a->state;
	bool news = false;

	for (size_t i = 0; i < s->outbox.seen_count; i++)
		news = news || !s->outbox.seen[i].settled;
	if (!news)
		return;
	vs_outbox_settle(&s->outbox);
	if (vs_state_save(s, &a->io) != VS_OK)
		vs_warn("%s: cannot be written", a->state_file);
}

static void fill_parts(const struct vs_agent *a, const struct vs_offer *o,
                       struct vs_state *s)
{
	s->part_count = 0;
	for (int i = 0; i < a->charger.machine.count; i++) {
		const struct vs_offer_part *from = &o->parts[i];
		struct vs_state_part *p = &s->parts[s->part_count];

		if (!from->named)
			continue;
		memset(p, 0, sizeof(*p));
		snprintf(p->component, sizeof(p->component), "%s",
		         a->charger.components[i].name);
		snprintf(p->path, sizeof(p->path), "%s", from->path);
		memcpy(p->sha256, from->sha256, sizeof(p->sha256));
		snprintf(p->version, sizeof(p->version), "%s",
		         from->seal.header.version);
		p->release_seq = from->seal.header.release_seq;
		s->part_count++;
	}
}

static void conclude(struct vs_agent *a, vs_status status, vs_reason reason,
                     const char *about, const char *detail)
{
	struct vs_outcome *v = &a->outcome;

	v->status = status;
	v->reason = reason;
	snprintf(v->about, sizeof(v->about), "%.127s", about);
	snprintf(v->detail, sizeof(v->detail), "%.159s", detail);
}

/* What the demo, the bench and a person look at; lost, nothing is. */
static void write_fetch(const struct vs_agent *a,
                        const struct vs_install_stats *st)
{
	char path[PATH_MAX + 32];
	char text[512];
	int n = snprintf(
		text, sizeof(text),
		"{\"bytes_fetched_this_run\": %" PRIu64
		", \"bytes_planned\": %" PRIu64 ", \"clusters\": %" PRIu64
		", \"clusters_kept\": %" PRIu64
		", \"clusters_copied\": %" PRIu64
		", \"clusters_rebuilt\": %" PRIu64
		", \"clusters_fetched\": %" PRIu64 ", \"requests\": %" PRIu64
		", \"image_bytes\": %" PRIu64 "}\n",
		st->bytes_fetched, st->bytes_planned, st->clusters,
		st->clusters_kept, st->clusters_copied, st->clusters_rebuilt,
		st->clusters_fetched, st->requests, st->image_bytes);

	snprintf(path, sizeof(path), "%s/agent/fetch.json", a->charger.dir);
	if (vs_file_replace(path, text, (size_t)n, 0644) != VS_OK)
		vs_warn("%s: cannot be written", path);
}

static void count_bytes(struct vs_agent *a)
{
	vs_budget_count(&a->budget, vs_net_received(&a->net),
	                vs_agent_now_s(a));
}

static void save_bytes(struct vs_agent *a)
{
	if (vs_budget_save(&a->budget) != VS_OK)
		vs_warn("%s: cannot be written", a->budget.path);
}

/* While workers write: figures, reports, and whether to stop. */
static bool on_tick(void *ctx, const struct vs_install_stats *so_far)
{
	struct vs_agent *a = ctx;
	uint64_t now = vs_agent_now_ms();

	a->state.bytes_fetched = a->fetched_before + so_far->bytes_fetched;
	count_bytes(a);
	a->late = a->deadline_at > 0 && now >= a->deadline_at;
	if (now >= a->tick_at && so_far->bytes_fetched != a->noted_bytes) {
		a->tick_at = now + TICK_MS;
		a->noted_bytes = so_far->bytes_fetched;
		write_fetch(a, so_far);
	}
	if (now >= a->save_at) {
		a->save_at = now + SAVE_MS;
		if (vs_state_save(&a->state, &a->io) != VS_OK)
			vs_warn("%s: cannot be written", a->state_file);
		save_bytes(a);
	}
	if (a->progress)
		a->progress((so_far->clusters_kept + so_far->clusters_copied +
		             so_far->clusters_fetched) *
		                    VS_CLUSTER_LEN,
		            a->state.bytes_total);
	if (!a->net.bundle)
		vs_agent_deliver(a);
	return !a->stopped() && !a->late;
}

struct pack {
	struct vs_http_source http;
	struct vs_source source;
	char url[VS_URL_LEN], deltas[VS_URL_LEN];
};

static const char spent[] = "the month's data budget is spent";

/* Has the packs come from this place. */
static vs_status point_at(struct vs_agent *a, const struct vs_offer *o,
                          const struct vs_net_place *place, struct pack *packs,
                          struct vs_set *set)
{
	uint64_t left;

	count_bytes(a);
	left = vs_budget_left(&a->budget);
	for (int i = 0; i < a->charger.machine.count; i++) {
		struct pack *p = &packs[i];
		int n = snprintf(p->url, sizeof(p->url), "%s/packs/%s.pack",
		                 place->url, o->parts[i].pack);

		if (!o->parts[i].named)
			continue;
		if (n < 0 || n >= VS_URL_LEN)
			return VS_ERR_LIMIT;
		vs_http_source_init(&p->http, place->http, p->url, &p->source);
		snprintf(p->deltas, sizeof(p->deltas), "%s/deltas", place->url);
		if (place->delta_faults < VS_NET_DELTA_FAULTS)
			p->http.deltas = p->deltas;
		if (left < UINT64_MAX)
			p->http.received_max =
				vs_http_received(place->http) + left + 1;
		p->http.delta_max = a->budget.max;
		set->parts[i].seal = &o->parts[i].seal;
		set->parts[i].source = &p->source;
		set->parts[i].pack_len = o->parts[i].pack_len;
	}
	return VS_OK;
}

/* A delta that was wrong is not asked for again; one that a broken link kept
 * back is, a few times: else a slip of the link would cost a whole pack.
 */
static void note_deltas(struct vs_agent *a, struct vs_net_place *place,
                        const struct vs_set *set,
                        const struct vs_http_source *http, vs_status status)
{
	const struct vs_why *why = &set->stats.delta_why;

	if (set->stats.deltas_dropped > 0) {
		place->delta_faults = VS_NET_DELTA_FAULTS;
		snprintf(a->delta_dropped, sizeof(a->delta_dropped),
		         "a delta was dropped: %s: %s; clusters instead",
		         vs_reason_name(why->code), why->what);
		vs_warn("%s: %s", place->url, a->delta_dropped);
	} else if (status != VS_OK && http->delta_failed) {
		place->delta_faults++;
	}
}

/* Whether it was the place that failed, and another one may do better. */
static bool is_to_blame(struct vs_agent *a, struct vs_net_place *place,
                        const struct vs_http_source *http, vs_status status)
{
	if (is_refusal(status) && http->gave) {
		place->lied = true;
		vs_warn("%s: gave other bytes than the release's", place->url);
		return true;
	}
	if (!http->failed || http->spent)
		return false;
	vs_warn("%s: %s", place->url, vs_http_error(place->http));
	if (http->retry_after_s > 0)
		place->rest_until_ms = vs_agent_now_ms() +
		                       bounded(&a->conf, http->retry_after_s);
	a->net.retry_after_s = http->retry_after_s;
	return true;
}

static bool is_to_be_asked(const struct vs_net_place *place)
{
	return place->url && !place->lied &&
	       vs_agent_now_ms() >= place->rest_until_ms;
}

/* The one place there is, and what it does not have nobody has. */
static vs_status write_from_bundle(struct vs_agent *a, const struct vs_offer *o,
                                   struct vs_set *set, struct vs_why *why)
{
	struct vs_bundle_pack packs[VS_BOOT_COMPONENTS_MAX];
	struct vs_source sources[VS_BOOT_COMPONENTS_MAX];
	vs_status status = VS_OK;

	for (int i = 0; i < VS_BOOT_COMPONENTS_MAX; i++)
		packs[i].fd = -1;
	for (int i = 0; i < a->charger.machine.count && status == VS_OK; i++) {
		if (!o->parts[i].named)
			continue;
		set->failed = i;
		status = vs_bundle_pack_open(a->net.bundle, o->parts[i].pack,
		                             &packs[i], &sources[i]);
		set->parts[i].seal = &o->parts[i].seal;
		set->parts[i].source = &sources[i];
	}
	status = status == VS_OK
	                 ? vs_set_write(set, why)
	                 : vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
	                           status == VS_ERR_ABSENT
	                                   ? "is not in the bundle"
	                                   : "the bundle cannot be read",
	                           0);
	for (int i = 0; i < VS_BOOT_COMPONENTS_MAX; i++)
		vs_bundle_pack_close(&packs[i]);
	write_fetch(a, &set->stats);
	return status;
}

/* Asks one place after another.  What one of them gave stands when the next
 * is asked: the slot is hashed again.
 */
static vs_status write_set(struct vs_agent *a, const struct vs_offer *o,
                           struct pack *packs, struct vs_set *set,
                           struct vs_why *why)
{
	vs_status status = vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
	                           "whoever has the pack asked to wait", 0);
	uint64_t bytes = 0;
	bool blamed = true;

	for (int k = 0; k < VS_PLACES && blamed; k++) {
		struct vs_net_place *place = &a->net.places[k];
		const struct vs_http_source *http;

		if (!is_to_be_asked(place))
			continue;
		status = point_at(a, o, place, packs, set);
		if (status != VS_OK)
			break;
		a->fetched_before += bytes;
		status = vs_set_write(set, why);
		bytes = set->stats.bytes_fetched;
		http = &packs[set->failed].http;
		note_deltas(a, place, set, http, status);
		blamed = status != VS_OK && !a->late && !a->stopped() &&
		         is_to_blame(a, place, http, status);
		if (status != VS_OK && http->spent)
			status = vs_fail(VS_ERR_STATE, why,
			                 VS_REASON_NOT_ALLOWED, spent, 0);
	}
	if (status != VS_OK && a->late)
		status = vs_fail(VS_ERR_STATE, why, VS_REASON_UNREADABLE,
		                 "the download took too long", 0);
	count_bytes(a);
	save_bytes(a);
	write_fetch(a, &set->stats);
	a->state.bytes_fetched = a->fetched_before + set->stats.bytes_fetched;
	return status;
}

/* A refusal is about the pack: the seal was believed before. */
static void download_failed(struct vs_agent *a, const struct vs_offer *o,
                            const struct vs_set *set, vs_status status,
                            const struct vs_why *why)
{
	enum vs_event on =
		is_refusal(status) ? VS_EVENT_REFUSED : VS_EVENT_FAILED;
	char about[VS_NEWS_ABOUT_LEN];

	snprintf(about, sizeof(about), "packs/%s.pack",
	         o->parts[set->failed].pack);
	if (a->stopped())
		return; /* the next start goes on from here */
	conclude(a, status, why->code ? why->code : VS_REASON_UNREADABLE, about,
	         why->what);
	a->retry_at =
		vs_agent_now_ms() +
		backoff(&a->conf, ++a->download_failures, a->net.retry_after_s);
	if (vs_agent_move(a, on, why->code ? why->code : VS_REASON_UNREADABLE,
	                  about, why->what) != VS_OK)
		a->poll_failures++;
}

static void note_paths(struct vs_agent *a, const struct vs_offer *o)
{
	struct vs_state *s = &a->state;

	for (int i = 0; i < a->charger.machine.count; i++) {
		const char *path = o->parts[i].path;

		if (!o->parts[i].named)
			path = s->paths[a->charger.slot][i];
		snprintf(s->paths[s->target][i], VS_TARGET_PATH_LEN, "%s",
		         path);
	}
}

static void check_written(struct vs_agent *a, const struct vs_offer *o)
{
	struct vs_why why = {VS_REASON_UNREADABLE, "the slot failed", 0};
	char detail[VS_CONTROLLER_LINE_LEN] = "";
	vs_status status =
		vs_charger_verify(&a->charger, a->state.target, &why);
	enum vs_event on =
		is_refusal(status) ? VS_EVENT_REFUSED : VS_EVENT_FAILED;

	if (status == VS_OK) {
		/* What a controller refuses was believed here. */
		on = VS_EVENT_FAILED;
		status = vs_agent_write_controllers(a, detail, &why);
	}
	if (status == VS_OK) {
		on = VS_EVENT_VERIFIED;
		note_paths(a, o);
	} else if (a->stopped()) {
		return; /* the next start goes on from here */
	} else if (detail[0] != '\0') {
		a->retry_at = vs_agent_now_ms() + a->conf.backoff_max_ms;
	}
	if (vs_agent_move(a, on, status == VS_OK ? VS_REASON_NONE : why.code,
	                  status == VS_OK ? NULL : a->state.parts[0].path,
	                  status == VS_OK ? NULL
	                  : detail[0]     ? detail
	                                  : why.what) != VS_OK)
		a->poll_failures++;
	else
		conclude(a, status, status == VS_OK ? VS_REASON_NONE : why.code,
		         a->state.parts[0].path, detail[0] ? detail : why.what);
	a->gate_at = 0;
}

static void download(struct vs_agent *a, const struct vs_offer *o)
{
	struct vs_why why = {VS_REASON_NONE, "", 0};
	struct vs_set set = {
		.charger = &a->charger,
		.target = a->state.target,
		.workers = (unsigned)a->conf.workers,
		.never_full = a->conf.never_full && !a->net.bundle,
		.tick = on_tick,
		.tick_ctx = a,
	};
	struct pack *packs = calloc(VS_BOOT_COMPONENTS_MAX, sizeof(*packs));
	vs_status status = VS_ERR_NOMEM;

	a->fetched_before = a->state.bytes_fetched;
	a->tick_at = a->save_at = a->noted_bytes = 0;
	a->late = false;
	a->deadline_at = a->conf.download_deadline_ms;
	if (a->net.bundle)
		a->deadline_at = 0;
	if (a->deadline_at > 0)
		a->deadline_at += vs_agent_now_ms();
	a->net.retry_after_s = 0;
	if (packs && vs_agent_move(a, VS_EVENT_BEGUN, VS_REASON_NONE, NULL,
	                           NULL) == VS_OK)
		status = a->net.bundle ? write_from_bundle(a, o, &set, &why)
		                       : write_set(a, o, packs, &set, &why);
	a->outcome.stats = set.stats;
	free(packs);
	if (status != VS_OK) {
		download_failed(a, o, &set, status, &why);
		return;
	}
	a->download_failures = 0;
	vs_info("slot %c: %" PRIu64 " clusters kept, %" PRIu64
	        " copied, %" PRIu64 " rebuilt, %" PRIu64 " fetched, %" PRIu64
	        " bytes",
	        'a' + set.target, set.stats.clusters_kept,
	        set.stats.clusters_copied, set.stats.clusters_rebuilt,
	        set.stats.clusters_fetched, set.stats.bytes_fetched);
	if (vs_agent_move(a, VS_EVENT_WRITTEN, VS_REASON_NONE, NULL,
	                  a->delta_dropped[0] ? a->delta_dropped : NULL) ==
	    VS_OK)
		check_written(a, o);
}

/* Takes up a release that is not the one at hand. */
static void take_up(struct vs_agent *a, const struct vs_offer *o,
                    const struct vs_state *wanted, const char id[static 65])
{
	struct vs_state *s = &a->state;
	char before[65];

	a->held = NULL;
	if (vs_state_has_failed(s, id)) {
		if (strcmp(a->passed_over, id) != 0)
			vs_info("the release offered has failed its trial "
			        "here: not tried again");
		memcpy(a->passed_over, id, sizeof(a->passed_over));
		conclude(a, VS_ERR_REFUSED, VS_REASON_CONFLICT,
		         wanted->parts[0].path,
		         "it has failed its trial here: not tried again");
		return;
	}
	if (vs_state_set_id(s, before) != VS_OK || strcmp(before, id) != 0) {
		s->bytes_fetched = 0;
		a->delta_dropped[0] = '\0';
	}
	vs_net_judge_anew(&a->net, id);
	s->part_count = wanted->part_count;
	memcpy(s->parts, wanted->parts, sizeof(s->parts));
	s->bundle = a->net.bundle != NULL;
	s->campaign_seq = o->release_seq;
	s->bytes_total = o->bytes_total;
	s->target = vs_charger_target(&a->charger);
	if (vs_agent_move(a, VS_EVENT_OFFERED, VS_REASON_NONE, NULL, NULL) ==
	    VS_OK)
		download(a, o);
}

static void consider(struct vs_agent *a, const struct vs_offer *o)
{
	bool nothing = o->count == 0 || o->installed;
	struct vs_state *wanted = calloc(1, sizeof(*wanted));
	char id[65] = "", at_hand[65] = "";
	bool same;

	if (!wanted)
		return;
	fill_parts(a, o, wanted);
	same = vs_state_set_id(wanted, id) == VS_OK &&
	       vs_state_set_id(&a->state, at_hand) == VS_OK &&
	       strcmp(id, at_hand) == 0;
	if (a->state.phase == VS_PHASE_WAITING && (nothing || !same) &&
	    vs_agent_move(a, VS_EVENT_CANCELLED, VS_REASON_NONE, NULL,
	                  "the director names another set now") != VS_OK)
		nothing = true;
	a->outcome.runs = o->installed;
	if (o->count == 0)
		conclude(a, VS_ERR_ABSENT, VS_REASON_NOT_LISTED, "director",
		         "names nothing for this charger");
	else if (nothing || (same && a->state.phase == VS_PHASE_WAITING))
		conclude(a, VS_OK, VS_REASON_NONE, "", "");
	a->waits = !nothing && a->state.phase == VS_PHASE_IDLE &&
	                           !a->net.bundle &&
	                           vs_budget_left(&a->budget) == 0
	                   ? spent
	                   : NULL;
	if (!nothing && a->state.phase == VS_PHASE_IDLE && !a->waits &&
	    vs_agent_now_ms() >= a->retry_at)
		take_up(a, o, wanted, id);
	free(wanted);
}

/* A phase of a download that is no longer under way: a move that could not
 * be persisted (a full disk) left it.
 */
static bool is_clear(struct vs_agent *a)
{
	enum vs_phase phase = a->state.phase;

	return phase == VS_PHASE_IDLE || phase == VS_PHASE_WAITING ||
	       vs_agent_move(a, VS_EVENT_RESTARTED, VS_REASON_NONE, NULL,
	                     NULL) == VS_OK;
}

/* What waits to be activated was believed once, but not by a log that turns
 * out to show two faces, and not beside a component that is older by now.
 */
static bool is_believed_no_more(vs_reason reason)
{
	return reason == VS_REASON_LOG_FORKED ||
	       reason == VS_REASON_REQUIRES_UNMET;
}

static void refused(struct vs_agent *a, const struct vs_offer *o,
                    const struct vs_why *why)
{
	const char *detail = o->detail[0] ? o->detail : why->what;
	vs_status status = VS_OK;

	conclude(a, VS_ERR_REFUSED, why->code, o->about, detail);

	if (is_believed_no_more(why->code) &&
	    a->state.phase == VS_PHASE_WAITING)
		status = vs_agent_move(a, VS_EVENT_CANCELLED, VS_REASON_NONE,
		                       NULL, detail);
	if (status == VS_OK)
		status = vs_agent_move(a, VS_EVENT_REFUSED, why->code, o->about,
		                       detail);
	a->poll_failures = status != VS_OK;
}

void vs_agent_poll(struct vs_agent *a)
{
	const struct vs_offer_eyes eyes = {
		.charger = &a->charger,
		.log = &a->log,
		.net = &a->net,
		.build_s = a->build_s,
		.clock_s = vs_agent_clock_s(),
		.shelf = &a->shelf,
	};
	struct vs_offer *o = is_clear(a) ? malloc(sizeof(*o)) : NULL;
	struct vs_why why;
	vs_status status;

	memset(&a->outcome, 0, sizeof(a->outcome));
	conclude(a, VS_ERR_IO, VS_REASON_NONE, a->state_file,
	         "cannot be written");
	if (!o) {
		a->poll_failures++;
		schedule(a, 0);
		return;
	}
	status = vs_offer_look(&eyes, o, &why);
	a->floor_s = o->floor_s;
	if (o->director_version > 0)
		a->director_version = o->director_version;
	if (o->image_version > 0) {
		a->image_version = o->image_version;
		a->image_snapshot_version = o->image_snapshot_version;
	}
	count_bytes(a);
	save_bytes(a);
	if (status == VS_OK) {
		a->poll_failures = 0;
		note_success(a);
		consider(a, o);
	} else if (is_refusal(status)) {
		refused(a, o, &why);
	} else {
		conclude(a, status, VS_REASON_UNREADABLE, o->about,
		         a->net.error);
		if (a->poll_failures++ == 0)
			vs_warn("poll: %s: %s: %s", o->about,
			        vs_status_name(status), a->net.error);
		if (a->net.retry_after_s > o->retry_after_s)
			o->retry_after_s = a->net.retry_after_s;
	}
	/* A server that answers may hear what waits for it. */
	if (status != VS_ERR_IO && a->state.outbox.count > 0)
		a->report_at = a->report_failures = 0;
	schedule(a, o->retry_after_s);
	vs_offer_drop(o);
	free(o);
}
