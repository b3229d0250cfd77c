/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/logged_test.c - a charger whose policy asks for a log: a seal is
 * taken only with a proof, and what the log said last is never forgotten.
 *
 * S0.6 A14
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/run/update.h"
#include "base/file.h"
#include "tests/agent/visit.h"
#include "tests/trust/log.h"
#include "trust/digest.h"
#include "trust/tile.h"

#define PROOF "targets/gateway/1.3.0.seal.tlog-proof"
#define AT 5 /* where release 3 stands in the log */
#define SIZE 300

static struct log tree, other; /* the log, and its other face */
static struct signer witness[3];

static void fill(struct log *l, const char *tag)
{
	const struct vs_leaf leaf = made_leaf(&visit.gateway_3);

	log_init(l, LOG_ORIGIN, 1);
	log_fill(l, AT, "before");
	log_add_leaf(l, &leaf);
	log_fill(l, 1, tag);
	log_fill(l, SIZE - AT - 2, "after");
}

static int group_set_up(void **state)
{
	int failed = visit_setup(state);

	fill(&tree, "this");
	fill(&other, "that");
	for (size_t i = 0; i < 3; i++) {
		char name[32];

		snprintf(name, sizeof(name), "witness-%zu.example", i);
		witness[i] =
			signer_make(name, VS_NOTE_COSIGNER, (uint8_t)(20 + i));
	}
	return failed;
}

static int group_tear_down(void **state)
{
	log_drop(&tree);
	log_drop(&other);
	for (size_t i = 0; i < 3; i++)
		signer_drop(&witness[i]);
	return visit_teardown(state);
}

/* The log, and two of its three witnesses. */
static void set_policy(void)
{
	char log[VS_VKEY_LEN], keys[3][VS_VKEY_LEN], text[2048];
	int n;

	vs_vkey_encode(&tree.key.vkey, log);
	for (size_t i = 0; i < 3; i++)
		vs_vkey_encode(&witness[i].vkey, keys[i]);
	n = snprintf(text, sizeof(text),
	             "log %s\nwitness a %s\nwitness b %s\nwitness c %s\n"
	             "group g 2 a b c\nquorum g\n",
	             log, keys[0], keys[1], keys[2]);
	maker_put(&visit.maker, "charger/tlog-policy", text, (size_t)n);
	visit_restart();
}

static int set_up(void **state)
{
	int failed = visit_begin(state);

	set_policy();
	return failed;
}

/* Cosigned; a larger one is a later one. */
static struct vs_text checkpoint(struct log *l, uint64_t size, size_t witnesses)
{
	struct vs_text t = text_make(8192);

	log_checkpoint(l, size, &t);
	for (size_t i = 0; i < witnesses; i++)
		log_cosign(&t, &witness[i], NOW + size);
	return t;
}

/* Release 3 is proven at this checkpoint; linked from a size, 0: from none. */
static void prove_at(struct log *l, uint64_t size, const struct vs_text *at,
                     uint64_t from)
{
	const struct vs_leaf leaf = made_leaf(&visit.gateway_3);
	struct vs_text t = text_make(VS_PROOF_LEN_MAX);

	log_prove(l, AT, size, at, &leaf, &from, from != 0, &t);
	visit.server.proof = t.at;
}

static void prove(struct log *l, uint64_t size, uint64_t from)
{
	const struct vs_text at = checkpoint(l, size, 2);

	prove_at(l, size, &at, from);
}

static void offer(void)
{
	struct server *s = &visit.server;

	server_offer(s, &visit.gateway_3, NULL);
	server_heal(s, s->heard->last.director_version);
}

/* Also if it was refused for the same before. */
static void must_refuse(vs_reason reason)
{
	vs_outbox_settle(&visit.life.agent->state.outbox);
	offer();
	visit_must_refuse(reason, PROOF);
}

static const char *kept_file(char path[static PATH_MAX])
{
	char hex[VS_DIGEST_HEX_MAX], name[192];

	assert_int_equal(
		vs_digest_hex("sha256", LOG_ORIGIN, strlen(LOG_ORIGIN), hex),
		VS_OK);
	snprintf(name, sizeof(name), "charger/agent/checkpoint-%s", hex);
	return maker_path(&visit.maker, name, path);
}

static void know(const char *text, size_t len)
{
	char path[PATH_MAX];

	assert_int_equal(vs_file_replace(kept_file(path), text, len, 0644),
	                 VS_OK);
}

static void know_size(struct log *l, uint64_t size)
{
	const struct vs_text t = checkpoint(l, size, 2);

	know(t.at, t.len);
}

static void must_have_kept(const struct vs_text *t)
{
	char path[PATH_MAX];
	uint8_t *kept;
	size_t len;

	assert_int_equal(vs_file_read(kept_file(path), 65536, &kept, &len),
	                 VS_OK);
	assert_int_equal(len, t->len);
	assert_memory_equal(kept, t->at, len);
	free(kept);
}

static void must_have_kept_size(struct log *l, uint64_t size)
{
	const struct vs_text t = checkpoint(l, size, 2);

	must_have_kept(&t);
}

/* A file of the log, made when it is asked for. */
static struct log *served;
static bool only_full, spoilt;

static const uint8_t *serve(const char *name, size_t *len)
{
	static uint8_t bytes[VS_TILE_LEN_MAX];
	const struct vs_merkle_source source = log_source(served);
	struct vs_tile tile;

	assert_int_equal(vs_tile_parse(name, &tile), VS_OK);
	assert_false(tile.entries);
	if (only_full && tile.width < VS_TILE_WIDTH)
		return NULL;
	for (unsigned i = 0; i < tile.width; i++) {
		struct vs_hash h;

		assert_int_equal(source.read(source.ctx, 8 * tile.level,
		                             tile.index * VS_TILE_WIDTH + i,
		                             &h),
		                 VS_OK);
		memcpy(bytes + i * VS_HASH_LEN, h.bytes, VS_HASH_LEN);
	}
	bytes[0] ^= spoilt;
	*len = (size_t)tile.width * VS_HASH_LEN;
	return bytes;
}

static void serve_log(struct log *l)
{
	served = l;
	only_full = spoilt = false;
	visit.server.log = serve;
}

static void without_a_policy_nothing_is_asked_for(void **state)
{
	char path[PATH_MAX];

	(void)state;
	maker_path(&visit.maker, "charger/tlog-policy", path);
	assert_int_equal(unlink(path), 0);
	visit_restart();
	visit_must_go_on();
	assert_int_equal(visit.server.proofs_asked, 0);
	assert_false(vs_file_exists(kept_file(path)));
}

static void a_seal_with_a_proof_is_taken_and_the_log_remembered(void **state)
{
	(void)state;
	prove(&tree, 8, 0);
	visit_must_go_on();
	must_have_kept_size(&tree, 8);
	assert_int_equal(visit.server.proofs_asked, 1);
}

static void a_seal_without_a_proof_is_refused(void **state)
{
	(void)state;
	must_refuse(VS_REASON_NOT_LOGGED);
	prove(&tree, 8, 0);
	visit_must_go_on();
}

static void what_is_no_proof_is_refused(void **state)
{
	(void)state;
	visit.server.proof = "c2sp.org/tlog-proof@v1\nindex";
	must_refuse(VS_REASON_MALFORMED);
	visit.server.proof = text_make(VS_PROOF_LEN_MAX + 2).at;
	memset((char *)(uintptr_t)visit.server.proof, 'a',
	       VS_PROOF_LEN_MAX + 1);
	must_refuse(VS_REASON_TOO_LARGE);
}

/* The proof of another seal; an entry that the log does not have. */
static void a_proof_of_something_else_is_refused(void **state)
{
	struct vs_leaf leaf = made_leaf(&visit.gateway_2);
	const struct vs_text at = checkpoint(&tree, 8, 2);
	struct vs_text t = text_make(65536);

	(void)state;
	log_prove(&tree, AT, 8, &at, &leaf, NULL, 0, &t);
	visit.server.proof = t.at;
	must_refuse(VS_REASON_SEAL_MISMATCH);
	leaf = made_leaf(&visit.gateway_3);
	log_prove(&tree, AT + 1, 8, &at, &leaf, NULL, 0, &t);
	must_refuse(VS_REASON_NOT_LOGGED);
	prove(&tree, 8, 0);
	visit_must_go_on();
}

static void a_log_that_the_policy_does_not_name_is_refused(void **state)
{
	static struct log foreign;

	(void)state;
	log_init(&foreign, "elsewhere.example/seals", 1);
	foreign.size = tree.size;
	memcpy(foreign.leaves, tree.leaves, sizeof(tree.leaves));
	prove(&foreign, 8, 0);
	log_drop(&foreign);
	must_refuse(VS_REASON_WRONG_ORIGIN);
}

static void a_log_s_other_key_is_refused(void **state)
{
	static struct log stolen;

	(void)state;
	log_init(&stolen, LOG_ORIGIN, 99);
	stolen.size = tree.size;
	memcpy(stolen.leaves, tree.leaves, sizeof(tree.leaves));
	prove(&stolen, 8, 0);
	log_drop(&stolen);
	must_refuse(VS_REASON_UNKNOWN_KEY);
}

/* The size is signed: another number makes every line bad. */
static void a_checkpoint_that_was_altered_is_refused(void **state)
{
	struct vs_text at = checkpoint(&tree, 8, 2);

	(void)state;
	at.at[strlen(LOG_ORIGIN) + 1] = '9';
	prove_at(&tree, 8, &at, 0);
	must_refuse(VS_REASON_BAD_SIGNATURE);
}

static void too_few_witnesses_are_refused(void **state)
{
	struct vs_text at = checkpoint(&tree, 8, 1);

	(void)state;
	log_cosign(&at, &witness[0], NOW + 9); /* twice the same is one */
	prove_at(&tree, 8, &at, 0);
	must_refuse(VS_REASON_WITNESSES);
	prove(&tree, 8, 0);
	visit_must_go_on();
}

/* Nothing that was refused is kept. */
static void a_refused_checkpoint_is_not_remembered(void **state)
{
	const struct vs_text at = checkpoint(&other, 9, 1);
	char path[PATH_MAX];

	(void)state;
	prove_at(&other, 9, &at, 0);
	must_refuse(VS_REASON_WITNESSES);
	assert_false(vs_file_exists(kept_file(path)));
	prove(&tree, 8, 0);
	visit_must_go_on();
}

/* Two faces of one log, both cosigned: at one size, and at a later one. */
static void a_split_view_is_refused(void **state)
{
	(void)state;
	know_size(&tree, 8);
	prove(&other, 8, 0);
	must_refuse(VS_REASON_LOG_FORKED);
	prove(&other, 12, 8);
	must_refuse(VS_REASON_LOG_FORKED);
	serve_log(&other);
	prove(&other, 12, 0);
	must_refuse(VS_REASON_LOG_FORKED);
	must_have_kept_size(&tree, 8);
	visit_restart();
	prove(&other, 8, 0);
	must_refuse(VS_REASON_LOG_FORKED);
	prove(&tree, 12, 8);
	visit_must_go_on();
	must_have_kept_size(&tree, 12);
}

static void an_older_checkpoint_is_refused(void **state)
{
	const struct vs_text same = checkpoint(&tree, 20, 3);
	struct vs_text late = checkpoint(&tree, 8, 0);

	(void)state;
	know_size(&tree, 20);
	prove(&tree, 8, 0);
	must_refuse(VS_REASON_LOG_REPLAYED);
	/* cosigned after the larger one: the log has lost entries */
	log_cosign(&late, &witness[0], NOW + 100);
	log_cosign(&late, &witness[1], NOW + 100);
	prove_at(&tree, 8, &late, 0);
	must_refuse(VS_REASON_LOG_TRUNCATED);
	prove_at(&tree, 20, &same, 0);
	visit_must_go_on();
	must_have_kept_size(&tree, 20);
}

/* A charger that was away for longer than the proof's links go back asks the
 * log itself.
 */
static void a_gap_is_closed_from_the_log_s_tiles(void **state)
{
	(void)state;
	know_size(&tree, 7);
	prove(&tree, SIZE, 0);
	must_refuse(VS_REASON_LOG_GAP);
	serve_log(&tree);
	spoilt = true;
	must_refuse(VS_REASON_LOG_GAP);
	serve_log(&other);
	must_refuse(VS_REASON_LOG_GAP);
	serve_log(&tree);
	visit_must_go_on();
	must_have_kept_size(&tree, SIZE);
}

/* C2SP tlog-tiles: a partial tile may go once the full one is there. */
static void a_full_tile_stands_for_a_partial_one(void **state)
{
	(void)state;
	know_size(&tree, 7);
	prove(&tree, 200, 0);
	serve_log(&tree);
	only_full = true;
	visit_must_go_on();
	must_have_kept_size(&tree, 200);
}

static void a_log_that_is_down_is_no_refusal(void **state)
{
	(void)state;
	know_size(&tree, 7);
	prove(&tree, SIZE, 0);
	serve_log(&tree);
	visit.server.log_down = true;
	offer();
	visit_look();
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_IDLE);
	assert_int_equal(visit.life.agent->state.outbox.seen_count, 0);
	assert_int_equal(visit.life.agent->poll_failures, 1);
	visit.server.log_down = false;
	visit_must_go_on();
}

static void a_damaged_memory_is_not_a_log_that_was_not_seen(void **state)
{
	const struct vs_text t = checkpoint(&tree, 8, 2);

	(void)state;
	prove(&other, 9, 0);
	know("", 0);
	must_refuse(VS_REASON_MALFORMED);
	know(t.at, t.len / 2);
	must_refuse(VS_REASON_MALFORMED);
	know(t.at, t.len);
	prove(&tree, 8, 0);
	visit_must_go_on();
}

static void what_waits_is_dropped_when_the_log_has_forked(void **state)
{
	struct vs_agent *a = visit.life.agent;

	(void)state;
	prove(&tree, 8, 0);
	visit_must_go_on();
	prove(&other, 9, 8);
	visit_look();
	assert_true(visit_was_refused(VS_REASON_LOG_FORKED, PROOF));
	assert_int_equal(a->state.phase, VS_PHASE_IDLE);
	prove(&tree, 9, 8);
	visit_must_go_on();
}

/* ... but not for what says nothing against what was believed. */
static void what_waits_stays_when_a_proof_is_late(void **state)
{
	(void)state;
	prove(&tree, 8, 0);
	visit_must_go_on();
	visit.server.proof = NULL;
	visit_look();
	assert_true(visit_was_refused(VS_REASON_NOT_LOGGED, PROOF));
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_WAITING);
}

/* One look by a fresh agent in a process of its own.  Whether it lived. */
static bool look_until(uint64_t cut_at)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		power_arm(cut_at, POWER_LOST);
		visit_restart();
		vs_agent_poll(visit.life.agent);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) != POWER_EXIT;
}

/* A release is begun only by a charger that will know the log again. */
static void no_cut_makes_it_forget_a_log_it_acted_on(void **state)
{
	unsigned known = 0, begun = 0;

	(void)state;
	prove(&tree, 8, 0);
	offer();
	for (uint64_t n = 1; begun < 5; n++) {
		char path[PATH_MAX];
		bool lived = look_until(n), knows;

		visit_restart();
		knows = vs_file_exists(kept_file(path));
		if (visit.life.agent->state.part_count > 0) {
			begun++;
			must_have_kept_size(&tree, 8);
		}
		known += knows;
		assert_false(lived);
		visit_end(state);
		set_up(state);
		prove(&tree, 8, 0);
		offer();
	}
	assert_true(known > begun);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, visit_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(without_a_policy_nothing_is_asked_for),
		EACH(a_seal_with_a_proof_is_taken_and_the_log_remembered),
		EACH(a_seal_without_a_proof_is_refused),
		EACH(what_is_no_proof_is_refused),
		EACH(a_proof_of_something_else_is_refused),
		EACH(a_log_that_the_policy_does_not_name_is_refused),
		EACH(a_log_s_other_key_is_refused),
		EACH(a_checkpoint_that_was_altered_is_refused),
		EACH(too_few_witnesses_are_refused),
		EACH(a_refused_checkpoint_is_not_remembered),
		EACH(a_split_view_is_refused),
		EACH(an_older_checkpoint_is_refused),
		EACH(a_gap_is_closed_from_the_log_s_tiles),
		EACH(a_full_tile_stands_for_a_partial_one),
		EACH(a_log_that_is_down_is_no_refusal),
		EACH(a_damaged_memory_is_not_a_log_that_was_not_seen),
		EACH(what_waits_is_dropped_when_the_log_has_forked),
		EACH(what_waits_stays_when_a_proof_is_late),
		EACH(no_cut_makes_it_forget_a_log_it_acted_on),
	};

	return cmocka_run_group_tests_name("agent logged", tests, group_set_up,
	                                   group_tear_down);
}
