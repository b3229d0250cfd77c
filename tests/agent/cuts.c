/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/cuts.c - every cut of a scenario, and those of what follows.
 *
 * A disk that was seen before ends as it did before.
 */
#include "tests/agent/cuts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "tests/agent/gateway.h"
#include "tests/agent/power.h"

#define OWED_MAX 128
#define TRIPLES 200

char cuts_where[1024];

/* Digests in a table of open addresses, at most half full; 0 is a free place.
 */
static struct {
	uint64_t *at; /* owned */
	size_t count, cap;
} seen;

static bool put_seen(uint64_t digest)
{
	size_t i = digest & (seen.cap - 1);

	while (seen.at[i] != 0 && seen.at[i] != digest)
		i = (i + 1) & (seen.cap - 1);
	if (seen.at[i] == digest)
		return false;
	seen.at[i] = digest;
	return true;
}

static void grow_seen(void)
{
	uint64_t *old = seen.at;
	size_t old_cap = seen.cap;

	seen.cap = old_cap ? old_cap * 2 : 1024;
	seen.at = calloc(seen.cap, sizeof(seen.at[0]));
	assert_non_null(seen.at);
	for (size_t i = 0; i < old_cap; i++)
		if (old[i] != 0)
			assert_true(put_seen(old[i]));
	free(old);
}

/* False if it was there. */
static bool add_seen(uint64_t digest)
{
	if (seen.count * 2 >= seen.cap)
		grow_seen();
	if (!put_seen(digest | 1))
		return false;
	seen.count++;
	return true;
}

/* Notes that the charger kept for the server, in what survived. */
static size_t find_owed(uint64_t owed[static OWED_MAX])
{
	struct vs_state *s = calloc(1, sizeof(*s));
	struct vs_why why = {VS_REASON_NONE, "", 0};
	char path[PATH_MAX];
	uint8_t *text;
	size_t len, count = 0;
	vs_status status = vs_file_read(
		maker_path(&stage.maker, "charger/agent/state.json", path),
		VS_STATE_MAX, &text, &len);

	assert_non_null(s);
	if (status == VS_OK) {
		/* the old one or the new one, never neither */
		assert_int_equal(vs_state_decode(text, len, s, &why), VS_OK);
		free(text);
	}
	for (; count < s->outbox.count; count++) {
		const struct vs_news *n = &s->outbox.notes[count];
		struct vs_report r = {.reason = n->reason,
		                      .campaign_seq = n->campaign_seq};

		memcpy(r.status, n->status, sizeof(n->status));
		memcpy(r.phase, n->phase, sizeof(n->phase));
		memcpy(r.about, n->about, sizeof(n->about));
		memcpy(r.detail, n->detail, sizeof(n->detail));
		owed[count] = server_note(&r);
	}
	free(s);
	return count;
}

static void say_where(const struct scenario *s, const struct model_cut *cut,
                      int depth)
{
	static const char *const fates[] = {"lost", "kept", "latest", "mixed"};
	static size_t ends[MODEL_LEVELS];
	char op[256];
	size_t at = depth == 0 ? 0 : ends[depth - 1];

	at += (size_t)snprintf(cuts_where + at, sizeof(cuts_where) - at,
	                       "%s%s: op %zu (%s), %s, %s, seed %llu",
	                       depth ? "; then " : "", s->name, cut->op,
	                       model_say(cut->op, op),
	                       cut->half ? "half-way" : "before",
	                       fates[cut->fate], (unsigned long long)cut->seed);
	assert_true(at < sizeof(cuts_where));
	ends[depth] = at;
}

static void each_cut(const struct scenario *s, enum how_deep deep, int depth,
                     uint64_t seed, struct tally *tally);

/* Starts what survived, and goes on to the end. */
static void recover(const struct scenario *s)
{
	uint64_t owed[OWED_MAX];
	size_t count = find_owed(owed);

	stage_check_footers();
	stage.boots = 0;
	s->run();
	/* the last one is the judge's own, to see the floor */
	assert_in_range(stage.boots, 1, s->boots_max + 1);
	for (size_t i = 0; i < count; i++)
		assert_true(server_heard(owed[i]));
}

static void cut_there(const struct scenario *s, const struct model_cut *cut,
                      enum how_deep deep, int depth, struct tally *tally)
{
	say_where(s, cut, depth);
	model_cut(cut);
	tally->cuts++;
	if (!add_seen(model_digest())) {
		tally->skipped++;
	} else {
		recover(s);
		if (deep == CUT_TWICE && depth == 0)
			each_cut(s, deep, 1, cut->seed, tally);
	}
	model_back();
}

static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* What is not flushed is mostly lost; else the seed says what is there. */
static void choose_fate(struct model_cut *cut)
{
	static const enum model_fate others[] = {MODEL_KEPT, MODEL_LATEST,
	                                         MODEL_MIXED, MODEL_MIXED};

	cut->fate = cut->half         ? MODEL_MIXED
	            : cut->seed & 256 ? MODEL_LOST
	                              : others[cut->seed >> 9 & 3];
}

static void each_cut(const struct scenario *s, enum how_deep deep, int depth,
                     uint64_t seed, struct tally *tally)
{
	size_t count = model_ops();
	uint64_t x = seed * 2 + 1;

	for (size_t op = 0; op <= count; op++)
		for (int half = 0; half < 2 && op + (size_t)half <= count;
		     half++) {
			struct model_cut cut = {
				.op = op, .half = half == 1, .seed = next(&x)};

			choose_fate(&cut);
			tally->points++;
			cut_there(s, &cut, deep, depth, tally);
		}
}

/* Three cuts, one after the other, each of what was done since. */
static void cut_thrice(const struct scenario *s, uint64_t *x,
                       struct tally *tally)
{
	for (int depth = 0; depth < 3; depth++) {
		struct model_cut cut = {.op = next(x) % (model_ops() + 1),
		                        .seed = next(x)};

		cut.half = cut.op < model_ops() && cut.seed & 1;
		choose_fate(&cut);
		say_where(s, &cut, depth);
		model_cut(&cut);
		tally->points++;
		tally->cuts++;
		recover(s);
	}
	for (int depth = 0; depth < 3; depth++)
		model_back();
}

static const struct scenario *at_hand;

static void begin(const struct scenario *s)
{
	at_hand = s;
	stage.on_gateway = s->on_gateway;
	stage.kind = s->kind;
	if (s->kind != SPECIMEN_NONE)
		stage_take();
	server_init(&stage.server);
	s->prepare();
	model_outside(NULL, 0);
	model_outside(stage.server.heard, sizeof(*stage.server.heard));
	if (s->on_gateway)
		model_outside(gateway.firmware, sizeof(*gateway.firmware));
	model_begin(stage.maker.dir);
	s->run();
}

void cuts_end(void)
{
	static const char *const made_here[] = {"charger", "sys", "dev",
	                                        "efivars"};

	if (!at_hand)
		return;
	model_end();
	if (at_hand->on_gateway)
		gateway_drop();
	server_drop(&stage.server);
	stage_give_back();
	for (size_t i = 0; i < 4; i++)
		maker_scrap(&stage.maker, made_here[i]);
	free(seen.at);
	memset(&seen, 0, sizeof(seen));
	cuts_where[0] = '\0';
	at_hand = NULL;
}

void cuts_make(const struct scenario *s, enum how_deep deep, uint64_t seed,
               struct tally *tally)
{
	uint64_t x = seed * 2 + 1;

	begin(s);
	if (deep != CUT_THRICE)
		each_cut(s, deep, 0, seed, tally);
	for (int i = 0; deep == CUT_THRICE && i < TRIPLES; i++)
		cut_thrice(s, &x, tally);
	cuts_end();
}
