/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/reporter.c - what this charger runs and how it fares, signed.
 */
#include "agent/run/reporter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/believe/offer.h"
#include "agent/slots/decided.h"
#include "base/file.h"
#include "base/log.h"
#include "base/pem.h"
#include "trust/json.h"

#define BLOCK 100
#define LINE_MAX_LEN 128
#define CONFLICT 409

/* What a restart must know: counters up to here are in use, and the nonce
 * that the server waits for.
 */
static vs_status store(const struct vs_reporter *r, uint64_t reserved)
{
	char text[LINE_MAX_LEN];
	int n = snprintf(text, sizeof(text), "%" PRIu64 "%s%s\n", reserved,
	                 r->nonce[0] ? " " : "", r->nonce);

	return vs_file_replace(r->counter_file, text, (size_t)n, 0644);
}

static vs_status reserve(struct vs_reporter *r)
{
	vs_status status = store(r, r->counter + BLOCK);

	if (status == VS_OK)
		r->reserved = r->counter + BLOCK;
	return status;
}

/* A server's nonce is hex; whatever else is one word of a line will do. */
static bool set_nonce(struct vs_reporter *r, const char *text, size_t len)
{
	if (len >= sizeof(r->nonce))
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	memcpy(r->nonce, text, len);
	r->nonce[len] = '\0';
	return true;
}

/* "COUNTER NONCE\n" or "COUNTER\n".  Gives the counter, 0 if there is none
 * to be read; a nonce counts only if its line is whole.
 */
static uint64_t read_line(struct vs_reporter *r, const char *text, size_t len)
{
	uint64_t counter = 0;
	size_t i = 0;

	for (; i < len && text[i] >= '0' && text[i] <= '9' &&
	       counter < UINT64_C(1) << 52;
	     i++)
		counter = counter * 10 + (uint64_t)(text[i] - '0');
	if (counter > 0 && i + 1 < len && text[i] == ' ' &&
	    text[len - 1] == '\n' && !set_nonce(r, text + i + 1, len - i - 2))
		r->nonce[0] = '\0';
	return counter;
}

/* A counter file that is gone or damaged: the clock's seconds are above any
 * counter that rose by less than one a second.
 */
static vs_status load_counter(struct vs_reporter *r, uint64_t now_s)
{
	uint8_t *text = NULL;
	size_t len;
	uint64_t stored = 0;
	vs_status status =
		vs_file_read(r->counter_file, LINE_MAX_LEN, &text, &len);

	if (status == VS_OK)
		stored = read_line(r, (const char *)text, len);
	else if (status != VS_ERR_ABSENT && status != VS_ERR_LIMIT)
		return status;
	free(text);
	r->counter = stored > 0 ? stored : now_s;
	return reserve(r);
}

static vs_status fail(vs_status status, char error[static VS_ERROR_LEN],
                      const char *file)
{
	snprintf(error, VS_ERROR_LEN, "%.180s: %s", file,
	         vs_status_name(status));
	return status;
}

vs_status vs_reporter_open(struct vs_reporter *r, const char *dir,
                           struct vs_device_key *key, uint64_t now_s,
                           char error[static VS_ERROR_LEN])
{
	struct vs_key own;
	vs_status status;
	int n;

	memset(r, 0, sizeof(*r));
	r->key = key;
	status = vs_key_from_pkey(vs_device_key_public(key), &own);
	if (status != VS_OK)
		return fail(status, error, "device_key");
	memcpy(r->key_id, own.id, sizeof(r->key_id));
	vs_key_drop(&own);
	n = snprintf(r->counter_file, sizeof(r->counter_file),
	             "%s/agent/counter", dir);
	if (n < 0 || n >= PATH_MAX)
		return fail(VS_ERR_LIMIT, error, dir);
	status = load_counter(r, now_s);
	if (status != VS_OK)
		return fail(status, error, r->counter_file);
	return VS_OK;
}

static vs_status sign(void *ctx, const uint8_t *message, size_t len,
                      uint8_t *sig, size_t *sig_len)
{
	struct vs_reporter *r = ctx;

	return vs_device_key_sign(r->key, message, len, sig, sig_len, r->error);
}

/* A controller speaks for itself; the seal is this charger's only if it runs
 * what the running slot holds.
 */
static void tell_controller(struct vs_report_ecu *e, const struct vs_charger *c,
                            int i)
{
	const struct vs_told *t = &c->told[i];

	if (!t->known) {
		if (c->machine.components[i].serial)
			e->floor = UINT32_MAX; /* it has not said it yet */
		return;
	}
	snprintf(e->version, sizeof(e->version), "%s", t->version);
	e->release_seq = t->release_seq;
	e->security_version = t->security_version;
	e->floor = t->floor;
	if (t->slot == c->slot)
		return;
	e->path[0] = e->sha256[0] = '\0';
	e->length = 0;
}

static void fill_ecus(struct vs_report *out, const struct vs_charger *c,
                      const struct vs_state *s)
{
	out->ecu_count = (size_t)c->machine.count;
	for (int i = 0; i < c->machine.count; i++) {
		const struct vs_running *r = &c->running[i];
		struct vs_report_ecu *e = &out->ecus[i];

		vs_offer_ecu_id(c, i, e->id);
		snprintf(e->hardware, sizeof(e->hardware), "%s",
		         c->components[i].hardware);
		if (!c->recovery)
			snprintf(e->path, sizeof(e->path), "%s",
			         s->paths[c->slot][i]);
		e->length = r->seal_len;
		memcpy(e->sha256, r->sha256, sizeof(e->sha256));
		snprintf(e->version, sizeof(e->version), "%s",
		         r->header.version);
		e->release_seq = r->header.release_seq;
		e->security_version = r->header.security_version;
		e->floor = r->floor;
		tell_controller(e, c, i);
	}
	memcpy(out->primary, out->ecus[0].id, sizeof(out->primary));
}

static void say_source(struct vs_report *out, bool bundle)
{
	snprintf(out->source, sizeof(out->source), "%s",
	         bundle ? "bundle" : "");
}

static void fill_news(struct vs_report *out, const struct vs_state *s,
                      const struct vs_news *note, const struct vs_live *live)
{
	if (note) {
		snprintf(out->status, sizeof(out->status), "%s", note->status);
		snprintf(out->phase, sizeof(out->phase), "%s", note->phase);
		snprintf(out->detail, sizeof(out->detail), "%s", note->detail);
		snprintf(out->about, sizeof(out->about), "%s", note->about);
		out->reason = note->reason;
		out->campaign_seq = note->campaign_seq;
		say_source(out, note->bundle);
		return;
	}
	snprintf(out->status, sizeof(out->status), "%s",
	         vs_phase_status(s->phase));
	snprintf(out->phase, sizeof(out->phase), "%s", vs_phase_name(s->phase));
	snprintf(out->detail, sizeof(out->detail), "%s", live->detail);
	out->campaign_seq = s->phase == VS_PHASE_IDLE ? 0 : s->campaign_seq;
	say_source(out, s->phase != VS_PHASE_IDLE && s->bundle);
}

static vs_status next_counter(struct vs_reporter *r)
{
	if (r->counter == r->reserved) {
		vs_status status = reserve(r);

		if (status != VS_OK)
			return status;
	}
	r->counter++;
	return VS_OK;
}

vs_status vs_reporter_encode(struct vs_reporter *r, const struct vs_charger *c,
                             const struct vs_state *s,
                             const struct vs_news *note,
                             const struct vs_live *live, char **out,
                             size_t *len)
{
	struct vs_report *report = calloc(1, sizeof(*report));
	vs_status status = report ? next_counter(r) : VS_ERR_NOMEM;

	r->error[0] = '\0';
	if (status != VS_OK) {
		free(report);
		return status;
	}
	snprintf(report->vehicle, sizeof(report->vehicle), "%s",
	         c->machine.vehicle);
	fill_ecus(report, c, s);
	fill_news(report, s, note, live);
	memcpy(report->nonce, r->nonce, sizeof(report->nonce));
	report->counter = r->counter;
	report->time_s = live->now_s;
	report->healthy = live->healthy;
	report->charging = live->charging;
	report->faults = live->faults;
	report->director_version = live->director_version;
	report->image_version = live->image_version;
	report->image_snapshot_version = live->image_snapshot_version;
	vs_decided_tell(c, &report->boot);
	report->slot = c->slot;
	report->trial = c->trial;
	report->fell_back = c->fell_back;
	report->fallback_reason = s->reason;
	report->bytes_fetched = s->bytes_fetched;
	report->bytes_total = s->bytes_total;
	status = vs_report_encode(report, r->key_id, sign, r, out, len);
	free(report);
	return status;
}

/* {"nonce": "..."} in the answer, if the server gives one. */
static bool take_nonce(struct vs_reporter *r,
                       const struct vs_http_answer *answer)
{
	VS_AUTO(vs_json_drop) json_t *said = NULL;
	const char *nonce;

	return answer->len > 0 &&
	       vs_json_parse(answer->body, answer->len, 4096, &said, NULL) ==
	               VS_OK &&
	       vs_json_string(said, "nonce", &nonce, NULL) == VS_OK &&
	       strcmp(nonce, r->nonce) != 0 &&
	       set_nonce(r, nonce, strlen(nonce));
}

/* The server keeps the last nonce and the one before it, so the next must be
 * stored before it is used.  If it cannot be, or if the server lost what it
 * gave, it says so once (CONFLICT), and the next report has none to show.
 */
static void learn(struct vs_reporter *r, const struct vs_http_answer *answer)
{
	bool refused = answer->code == CONFLICT;

	if (refused)
		r->nonce[0] = '\0';
	if ((take_nonce(r, answer) || refused) &&
	    store(r, r->reserved) != VS_OK)
		vs_warn("%s: cannot be written", r->counter_file);
}

vs_status vs_reporter_send(struct vs_reporter *r, struct vs_net *net,
                           const struct vs_charger *c, const struct vs_state *s,
                           const struct vs_news *note,
                           const struct vs_live *live)
{
	struct vs_http_answer answer = {0};
	char *text = NULL;
	size_t len;
	vs_status status = vs_reporter_encode(r, c, s, note, live, &text, &len);

	if (status == VS_OK)
		status = vs_net_post(net, "report", text, len, &answer);
	else
		snprintf(net->error, sizeof(net->error), "%s",
		         r->error[0] ? r->error : vs_status_name(status));
	if (status == VS_OK || answer.code == CONFLICT)
		learn(r, &answer);
	vs_http_answer_drop(&answer);
	free(text);
	return status;
}
