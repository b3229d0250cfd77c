/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/tlog.c - a transparency log of 10^5 entries: appended, proven and
 * judged.  Prints one JSON object a line: {area, name, value, unit}.
 *
 * usage: bench-tlog FOLDER [ENTRIES]   (the folder is made, and stays)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/pem.h"
#include "sign/tlog_head.h"
#include "trust/cosign.h"
#include "trust/tlog.h"

enum { preset = 100000, singles = 200, judged = 2000, witnesses = 2 };

struct party {
	EVP_PKEY *key;
	struct vs_vkey name;
};

static struct party log_party, witness[witnesses];

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_row(const char *name, double value, const char *unit)
{
	printf("{\"area\": \"log\", \"name\": \"%s\", \"value\": %.1f, "
	       "\"unit\": \"%s\"}\n",
	       name, value, unit);
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	vs_error("%s failed", what);
	exit(1);
}

static struct party make(const char *name, enum vs_note_type type, uint8_t seed)
{
	const uint8_t secret[VS_NOTE_KEY_LEN] = {seed};
	uint8_t raw[VS_NOTE_KEY_LEN];
	size_t len = sizeof raw;
	struct party p = {0};

	p.key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret,
	                                     sizeof secret);
	must(p.key && EVP_PKEY_get_raw_public_key(p.key, raw, &len) == 1 &&
	             !vs_vkey_make(name, type, raw, &p.name, NULL),
	     "a key");
	return p;
}

static struct vs_leaf leaf_of(uint64_t i)
{
	struct vs_leaf leaf = {
		.component = "gateway",
		.hardware = {"gw-rev3", "gw-rev4"},
		.hardware_count = 2,
		.release_seq = i,
		.security_version = 5,
		.seal_len = 30000
        };

	(void)snprintf(leaf.version, sizeof leaf.version, "1.%" PRIu64 ".0", i);
	(void)snprintf(leaf.seal_sha256, sizeof leaf.seal_sha256, "%064" PRIx64,
	               i);
	(void)snprintf(leaf.sbom_sha256, sizeof leaf.sbom_sha256, "%064" PRIx64,
	               i);
	return leaf;
}

static void append(struct vs_tlog *t, uint64_t i)
{
	const struct vs_leaf leaf = leaf_of(i);
	uint64_t index;
	size_t len;
	char *entry;

	must(!vs_leaf_encode(&leaf, &entry, &len, NULL) &&
	             !vs_tlog_append(t, entry, len, &index),
	     "an append");
	free(entry);
}

static void time_appends(struct vs_tlog *t, uint64_t count)
{
	double start = now();

	for (uint64_t i = 0; i < count; i++)
		append(t, i);
	must(!vs_tlog_sync(t), "a sync");
	print_row("append, one batch", (double)count / (now() - start),
	          "entries/s");
	start = now();
	for (uint64_t i = count; i < count + singles; i++) {
		append(t, i);
		must(!vs_tlog_sync(t), "a sync");
	}
	print_row("append, each on the disk", singles / (now() - start),
	          "entries/s");
}

static vs_status sign(void *ctx, const void *message, size_t len,
                      uint8_t sig[static VS_NOTE_SIG_LEN])
{
	uint8_t room[128];
	size_t sig_len = sizeof room;
	vs_status status = vs_pem_sign(ctx, message, len, room, &sig_len);

	memcpy(sig, room, VS_NOTE_SIG_LEN);
	return status;
}

/* Policy, checkpoint, cosignatures: as a room and its witnesses do. */
static char *publish(struct vs_tlog *t, struct vs_tlog_policy *policy)
{
	char lines[1024], vkey[VS_VKEY_LEN], *text = malloc(4096);
	struct vs_text out = {lines, sizeof lines, 0};
	struct vs_tlog_head head = {0};
	char path[PATH_MAX];
	size_t added;
	bool published;
	int n;
	FILE *f;

	must(text != NULL, "memory");
	vs_vkey_encode(&log_party.name, vkey);
	n = snprintf(text, 4096, "log %s\n", vkey);
	for (size_t i = 0; i < witnesses; i++) {
		vs_vkey_encode(&witness[i].name, vkey);
		n += snprintf(text + n, 4096 - (size_t)n, "witness w%zu %s\n",
		              i, vkey);
	}
	n += snprintf(text + n, 4096 - (size_t)n,
	              "group all all w0 w1\nquorum all\n");
	must(!vs_tlog_path(t, "policy", path) && (f = fopen(path, "w")) &&
	             fputs(text, f) >= 0 && !fclose(f),
	     "a policy");
	must(!vs_tlog_policy_parse(text, (size_t)n, policy, NULL), "a policy");
	must(!vs_tlog_checkpoint(t, log_party.key, &published) &&
	             !vs_tlog_newest(t, &head),
	     "a checkpoint");
	for (size_t i = 0; i < witnesses; i++)
		must(!vs_cosign_add(&head.note, &witness[i].name, 1700000000,
		                    sign, witness[i].key, &out),
		     "a cosignature");
	must(!vs_tlog_cosign(t, lines, out.len, &added, &published) &&
	             published,
	     "a publication");
	vs_tlog_head_drop(&head);
	return text;
}

static void time_judgement(const struct vs_text *proof,
                           const struct vs_tlog_policy *policy, uint64_t index,
                           const struct vs_tlog_head *kept)
{
	const struct vs_leaf leaf = leaf_of(index);
	const struct vs_tlog_question q = {.proof = proof->at,
	                                   .proof_len = proof->len,
	                                   .seal = &leaf,
	                                   .policy = policy,
	                                   .kept = kept->bytes,
	                                   .kept_len = kept->len};
	struct vs_tlog_verdict v;
	double start = now();

	for (int i = 0; i < judged; i++)
		must(!vs_tlog_judge(&q, &v, NULL), "a judgement");
	print_row(kept->len
	                  ? "judge a proof, with a link from a kept checkpoint"
	                  : "judge a proof, log and two witnesses",
	          (now() - start) / judged * 1e6, "us");
}

static void time_inclusion(struct vs_tlog *t, uint64_t size)
{
	const struct vs_merkle_source source = vs_tlog_source(t, size);
	struct vs_merkle_proof p;
	struct vs_hash leaf, root;
	double start = now();

	must(!vs_merkle_prove(&source, size / 3, size, &p), "a proof");
	print_row("make an inclusion proof", (now() - start) * 1e6, "us");
	must(!source.read(source.ctx, 0, size / 3, &leaf) &&
	             !vs_merkle_root(&source, size, &root),
	     "a root");
	start = now();
	for (int i = 0; i < judged; i++)
		must(!vs_merkle_included(size / 3, size, &leaf, &p, &root),
		     "an inclusion");
	print_row("check an inclusion proof, hashes only",
	          (now() - start) / judged * 1e6, "us");
}

int main(int argc, char **argv)
{
	struct vs_tlog_policy *policy = malloc(sizeof *policy);
	struct vs_tlog *t = NULL;
	struct vs_tlog_head none = {0}, kept = {0};
	struct vs_text proof;
	bool published;
	long count = argc > 2 ? strtol(argv[2], NULL, 10) : preset;

	vs_log_init("bench-tlog");
	if (argc < 2 || count < 1 || !policy) {
		vs_error("usage: bench-tlog FOLDER [ENTRIES]");
		return 2;
	}
	log_party = make("log.example/seals", VS_NOTE_ED25519, 1);
	witness[0] = make("w0.example", VS_NOTE_COSIGNER, 2);
	witness[1] = make("w1.example", VS_NOTE_COSIGNER, 3);
	must(!vs_tlog_make(argv[1], &log_party.name) &&
	             !vs_tlog_open(argv[1], &t),
	     "a log");
	time_appends(t, (uint64_t)count);
	must(!vs_tlog_checkpoint(t, log_party.key, &published) &&
	             !vs_tlog_published(t, &kept),
	     "a checkpoint");
	append(t, (uint64_t)count + singles);
	must(!vs_tlog_sync(t), "a sync");
	char *text = publish(t, policy);
	const struct vs_leaf leaf = leaf_of((uint64_t)count / 3);
	must(!vs_tlog_prove(t, (uint64_t)count / 3, &leaf, 0, &proof),
	     "a proof");
	print_row("proof file", (double)proof.len, "bytes");
	time_judgement(&proof, policy, (uint64_t)count / 3, &none);
	time_judgement(&proof, policy, (uint64_t)count / 3, &kept);
	time_inclusion(t, t->synced);
	free(proof.at);
	free(text);
	free(policy);
	vs_tlog_head_drop(&kept);
	vs_tlog_free(&t);
	EVP_PKEY_free(log_party.key);
	EVP_PKEY_free(witness[0].key);
	EVP_PKEY_free(witness[1].key);
	return 0;
}
