/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_log.c - log init, append, checkpoint, request, cosign, prove,
 * verify: the room's transparency log.
 *
 * The room opens no socket: what witnesses are asked goes out as a file, and
 * what they answer comes back as one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/pem.h"
#include "sign/commands.h"
#include "sign/room.h"
#include "sign/say.h"
#include "sign/tlog_head.h"
#include "sign/tlog_leaf.h"
#include "sign/tlog_out.h"
#include "trust/json.h"
#include "trust/tlog.h"

static void pkey_drop(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void text_drop(struct vs_text *t)
{
	free(t->at);
}

static vs_status open_room(const struct vs_args *args, struct vs_room *r,
                           struct vs_tlog **out)
{
	char dir[PATH_MAX];
	vs_status status = vs_room_open(vs_args_text(args, "room"), r);

	if (!status)
		status = vs_room_path(r, dir, "log");
	return status ? status : vs_tlog_open(dir, out);
}

static vs_status load_private(const char *path, EVP_PKEY **out)
{
	vs_status status = vs_pem_private_key(path, out);

	if (status == VS_ERR_DENIED)
		vs_error("%s: others may read it; chmod 600", path);
	else if (status)
		vs_say_io(status, path);
	return status;
}

/* The log's key: the file's, or a new one in a new file. */
static vs_status take_key(const char *path, EVP_PKEY **out)
{
	if (vs_file_exists(path))
		return load_private(path, out);
	vs_status status = vs_pem_generate(path, true, out);
	return status ? vs_say_io(status, path) : VS_OK;
}

static vs_status make_vkey(const char *origin, EVP_PKEY *key,
                           struct vs_vkey *out)
{
	uint8_t raw[VS_NOTE_KEY_LEN];
	size_t len = sizeof raw;
	struct vs_why why = {0};

	if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_raw_public_key(key, raw, &len) != 1) {
		vs_error("--key: a log's key is Ed25519 (%s)",
		         vs_reason_name(VS_REASON_UNSUPPORTED));
		return VS_ERR_INPUT;
	}
	vs_status status =
		vs_vkey_make(origin, VS_NOTE_ED25519, raw, out, &why);
	return status ? vs_say_why(status, "--origin", &why) : VS_OK;
}

/* A policy must read, and name this log, before it decides anything. */
static vs_status copy_policy(const char *from, const char *dir,
                             const struct vs_vkey *key)
{
	VS_AUTO(vs_free_drop)
	struct vs_tlog_policy *policy = malloc(sizeof *policy);
	VS_AUTO(vs_free_drop) uint8_t *text = NULL;
	char path[PATH_MAX];
	struct vs_why why = {0};
	bool named = false;
	size_t len;
	vs_status status =
		policy ? vs_file_read(from, VS_POLICY_LEN_MAX, &text, &len)
		       : VS_ERR_NOMEM;

	if (status)
		return vs_say_io(status, from);
	status = vs_tlog_policy_parse((char *)text, len, policy, &why);
	if (status)
		return vs_say_why(status, from, &why);
	for (size_t i = 0; i < policy->log_count; i++)
		named = named ||
		        !memcmp(&policy->logs[i].key, key, sizeof *key);
	if (!named) {
		vs_error("%s: does not name this log (%s)", from,
		         vs_reason_name(VS_REASON_WRONG_ORIGIN));
		return VS_ERR_INPUT;
	}
	status = vs_path_join(path, sizeof path, dir, "policy");
	if (!status)
		status = vs_file_replace(path, text, len, 0644);
	return status ? vs_say_io(status, path) : VS_OK;
}

static vs_status init(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r;
	VS_AUTO(pkey_drop) EVP_PKEY *key = NULL;
	char dir[PATH_MAX], text[VS_VKEY_LEN];
	struct vs_vkey vkey;
	vs_status status = vs_room_open(vs_args_text(args, "room"), &r);

	if (!status)
		status = vs_room_path(&r, dir, "log");
	if (!status)
		status = take_key(vs_args_text(args, "key"), &key);
	if (!status)
		status = make_vkey(vs_args_text(args, "origin"), key, &vkey);
	if (!status)
		status = vs_tlog_make(dir, &vkey);
	if (status)
		return status;
	vs_vkey_encode(&vkey, text);
	printf("%s\n", text);
	return VS_OK;
}

static vs_status policy(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r;
	VS_AUTO(vs_tlog_free) struct vs_tlog *t = NULL;
	vs_status status = open_room(args, &r, &t);

	return status ? status : copy_policy(args->operand, t->dir, &t->key);
}

static vs_status digest_option(const struct vs_args *args, const char *name,
                               char out[static VS_LEAF_HEX_LEN])
{
	const char *path = vs_args_text(args, name);
	uint64_t len;

	if (!path)
		return VS_OK;
	vs_status status = vs_file_sha256(path, out, &len);
	return status ? vs_say_io(status, path) : VS_OK;
}

/* Whether the log has this very entry.  VS_ERR_ABSENT if not. */
static vs_status find_entry(struct vs_tlog *t, const char *seal_sha256,
                            const char *entry, size_t len)
{
	VS_AUTO(vs_free_drop) char *logged = NULL;
	struct vs_leaf has;
	struct vs_why why = {0};
	uint64_t index;
	size_t logged_len;
	vs_status status = vs_tlog_find(t, seal_sha256, &index, &has);

	if (status)
		return status;
	status = vs_leaf_encode(&has, &logged, &logged_len, &why);
	if (status)
		return vs_say_why(status, seal_sha256, &why);
	return logged_len == len && memcmp(logged, entry, len) == 0
	               ? VS_OK
	               : VS_ERR_ABSENT;
}

/* A seal that is in the log is not logged again. */
static vs_status append_leaf(struct vs_tlog *t, const struct vs_leaf *leaf,
                             size_t *added)
{
	VS_AUTO(vs_free_drop) char *entry = NULL;
	struct vs_why why = {0};
	uint64_t index;
	size_t len;
	vs_status status = vs_leaf_encode(leaf, &entry, &len, &why);

	if (status)
		return vs_say_why(status, leaf->component, &why);
	status = find_entry(t, leaf->seal_sha256, entry, len);
	if (status != VS_ERR_ABSENT)
		return status;
	status = vs_tlog_append(t, entry, len, &index);
	if (!status)
		status = vs_tlog_sync(t);
	if (status)
		return status;
	++*added;
	printf("%" PRIu64 " %s %s %s\n", index, leaf->component, leaf->version,
	       leaf->seal_sha256);
	return VS_OK;
}

static vs_status append_in_force(const struct vs_room *r, struct vs_tlog *t,
                                 size_t *added)
{
	VS_AUTO(vs_json_drop) json_t *all = NULL;
	json_t *target;
	const char *path;
	vs_status status = vs_room_released(r, &all);

	if (status)
		return status;
	json_object_foreach(json_object_get(all, "targets"), path, target)
	{
		struct vs_leaf leaf;

		status = vs_tlog_leaf_of_target(path, target, &leaf);
		if (!status)
			status = append_leaf(t, &leaf, added);
		if (status)
			break;
	}
	return status;
}

static vs_status append_seal(const struct vs_args *args,
                             const struct vs_room *r, struct vs_tlog *t,
                             size_t *added)
{
	struct vs_keyring ring;
	struct vs_leaf leaf;
	vs_status status = vs_room_keyring(r, &ring);

	if (status == VS_ERR_ABSENT)
		vs_error("%s: there is no boot keyring in force yet", r->dir);
	if (!status)
		status = vs_tlog_leaf_of_seal(vs_args_text(args, "seal"), &ring,
		                              &leaf);
	if (!status)
		status = digest_option(args, "sbom", leaf.sbom_sha256);
	if (!status)
		status = digest_option(args, "provenance",
		                       leaf.provenance_sha256);
	return status ? status : append_leaf(t, &leaf, added);
}

static vs_status append(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r;
	VS_AUTO(vs_tlog_free) struct vs_tlog *t = NULL;
	size_t added = 0;
	vs_status status = open_room(args, &r, &t);

	if (!status)
		status = vs_args_text(args, "seal")
		                 ? append_seal(args, &r, t, &added)
		                 : append_in_force(&r, t, &added);
	if (!status)
		printf("%zu added, %" PRIu64 " in the log\n", added, t->synced);
	return status;
}

static void say_published(bool published)
{
	printf("%s\n", published ? "published"
	                         : "waits for witnesses: log request, and "
	                           "log cosign with what they answer");
}

static vs_status checkpoint(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r;
	VS_AUTO(vs_tlog_free) struct vs_tlog *t = NULL;
	VS_AUTO(pkey_drop) EVP_PKEY *key = NULL;
	bool published = false;
	vs_status status = open_room(args, &r, &t);

	if (!status)
		status = load_private(vs_args_text(args, "key"), &key);
	if (!status)
		status = vs_tlog_checkpoint(t, key, &published);
	if (!status) {
		printf("%" PRIu64 " entries signed, ", t->synced);
		say_published(published);
	}
	return status;
}

static vs_status request(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r;
	VS_AUTO(vs_tlog_free) struct vs_tlog *t = NULL;
	VS_AUTO(text_drop) struct vs_text out = {0};
	const char *path = vs_args_text(args, "out");
	vs_status status = open_room(args, &r, &t);

	if (!status)
		status = vs_tlog_request(t, vs_args_uint(args, "from"), &out);
	if (!status && vs_file_replace(path, out.at, out.len, 0644))
		status = vs_say_io(VS_ERR_IO, path);
	return status;
}

static vs_status cosign(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r;
	VS_AUTO(vs_tlog_free) struct vs_tlog *t = NULL;
	VS_AUTO(vs_free_drop) uint8_t *lines = NULL;
	size_t len, added;
	bool published = false;
	vs_status status = open_room(args, &r, &t);

	if (status)
		return status;
	if ((status = vs_file_read(args->operand, VS_NOTE_LEN_MAX, &lines,
	                           &len)))
		return vs_say_io(status, args->operand);
	status = vs_tlog_cosign(t, lines, len, &added, &published);
	if (!status) {
		printf("%zu added, ", added);
		say_published(published);
	}
	return status;
}

static vs_status prove(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r;
	VS_AUTO(vs_tlog_free) struct vs_tlog *t = NULL;
	const char *seal = vs_args_text(args, "seal");
	const char *out = vs_args_text(args, "out");
	uint64_t from = vs_args_uint(args, "from"), len;
	char sha256[65];
	vs_status status = open_room(args, &r, &t);

	if (status)
		return status;
	if (!seal)
		return vs_tlog_prove_in_force(&r, t, out, from);
	status = vs_file_sha256(seal, sha256, &len);
	return status ? vs_say_io(status, seal)
	              : vs_tlog_prove_seal(t, sha256, from, out);
}

/* What a charger with this policy says, with the charger's own code. */
static vs_status verify(const struct vs_args *args)
{
	VS_AUTO(vs_free_drop) struct vs_tlog_policy *p = malloc(sizeof *p);
	VS_AUTO(vs_free_drop) uint8_t *proof = NULL;
	VS_AUTO(vs_free_drop) uint8_t *text = NULL;
	VS_AUTO(vs_free_drop) uint8_t *kept = NULL;
	const char *from = vs_args_text(args, "policy");
	const char *last = vs_args_text(args, "last");
	struct vs_tlog_question q = {0};
	struct vs_tlog_verdict v;
	struct vs_leaf seal;
	struct vs_why why = {0};
	size_t len;
	vs_status status =
		p ? vs_file_read(from, VS_POLICY_LEN_MAX, &text, &len)
		  : VS_ERR_NOMEM;

	if (status)
		return vs_say_io(status, from);
	status = vs_tlog_policy_parse((char *)text, len, p, &why);
	if (status)
		return vs_say_why(status, from, &why);
	status = vs_tlog_leaf_of_seal(vs_args_text(args, "seal"), NULL, &seal);
	if (status)
		return status;
	status = vs_file_read(args->operand, VS_PROOF_LEN_MAX, &proof,
	                      &q.proof_len);
	if (status)
		return vs_say_io(status, args->operand);
	if (last &&
	    (status = vs_file_read(last, VS_NOTE_LEN_MAX, &kept, &q.kept_len)))
		return vs_say_io(status, last);
	q.proof = proof;
	q.seal = &seal;
	q.policy = p;
	q.kept = kept;
	status = vs_tlog_judge(&q, &v, &why);
	if (status)
		return vs_say_why(status, args->operand, &why);
	printf("entry %" PRIu64 " of %" PRIu64 " in %s, %zu witnesses\n",
	       v.index, v.checkpoint.head.size, v.checkpoint.origin,
	       v.witnesses);
	return VS_OK;
}

#define ROOM VS_TEXT(VS_REQUIRED, "room", "ROOM", "the signing room")
#define FROM                                                                   \
	VS_UINT(VS_OPTIONAL, "from", "SIZE",                                   \
	        "a size that is known there; 0 = none", 0, INT64_MAX, 0)

static const struct vs_option init_options[] = {
	ROOM,
	VS_TEXT(VS_REQUIRED, "origin", "NAME",
                "the log's name for ever, like a URL without https://"),
	VS_TEXT(VS_REQUIRED, "key", "FILE",
                "the log's Ed25519 key, PEM, 0600; made if missing"),
};

static const struct vs_option room_options[] = {ROOM};

static const struct vs_option append_options[] = {
	ROOM,
	VS_TEXT(VS_OPTIONAL, "seal", "FILE",
                "one seal, instead of all that are in force"),
	VS_TEXT(VS_OPTIONAL, "sbom", "FILE", "the seal's SBOM"),
	VS_TEXT(VS_OPTIONAL, "provenance", "FILE", "the seal's provenance"),
};

static const struct vs_option checkpoint_options[] = {
	ROOM,
	VS_TEXT(VS_REQUIRED, "key", "FILE", "the log's key"),
};

static const struct vs_option request_options[] = {
	ROOM,
	FROM,
	VS_TEXT(VS_REQUIRED, "out", "FILE", "what to send to the witness"),
};

static const struct vs_option prove_options[] = {
	ROOM,
	VS_TEXT(VS_OPTIONAL, "seal", "FILE",
                "one seal, instead of all that are in force"),
	FROM,
	VS_TEXT(VS_REQUIRED, "out", "PATH",
                "the proof; without --seal a folder of them"),
};

static const struct vs_option verify_options[] = {
	VS_TEXT(VS_REQUIRED, "policy", "FILE", "the charger's tlog-policy"),
	VS_TEXT(VS_REQUIRED, "seal", "FILE", "the seal"),
	VS_TEXT(VS_OPTIONAL, "last", "FILE",
                "the last checkpoint that the charger believed"),
};

#define OPTIONS(o) (o), sizeof(o) / sizeof *(o)

const struct vs_command vs_cmd_log_init = {
	"log init",
	"make the room's transparency log",
	"Prints the log's verifier key, for policies.  ROOM/log is what the "
	"server serves;\nnothing in it is secret.\n",
	NULL,
	OPTIONS(init_options),
	init,
};

const struct vs_command vs_cmd_log_policy = {
	"log policy",
	"let a tlog-policy decide when a checkpoint is published",
	"With a quorum of witnesses a checkpoint is published when they have "
	"cosigned,\nwithout one as soon as it is signed.\n",
	"FILE",
	OPTIONS(room_options),
	policy,
};

const struct vs_command vs_cmd_log_append = {
	"log append",
	"log every seal in force, or one seal",
	"A seal that is in the log is not logged again.  A single seal must "
	"be one that the\nboot keyring in force accepts.\n",
	NULL,
	OPTIONS(append_options),
	append,
};

const struct vs_command vs_cmd_log_checkpoint = {
	"log checkpoint",
	"sign the log as it stands",
	"Refuses to sign what contradicts an earlier checkpoint: such a log "
	"is lost.\n",
	NULL,
	OPTIONS(checkpoint_options),
	checkpoint,
};

const struct vs_command vs_cmd_log_request = {
	"log request",
	"write what a witness is to be asked",
	"voltseal witness ask sends it; a witness that has another size says "
	"which, and\n--from takes it.\n",
	NULL,
	OPTIONS(request_options),
	request,
};

const struct vs_command vs_cmd_log_cosign = {
	"log cosign",
	"take a witness's answer into the checkpoint",
	NULL,
	"FILE",
	OPTIONS(room_options),
	cosign,
};

const struct vs_command vs_cmd_log_prove = {
	"log prove",
	"write proofs that seals are in the log",
	"Under the published checkpoint, with links from earlier ones, so "
	"that chargers that\nkeep one of them see offline that the log did "
	"not fork.  Prove anew after each\ncheckpoint: chargers refuse one "
	"older than the last they saw.\n",
	NULL,
	OPTIONS(prove_options),
	prove,
};

const struct vs_command vs_cmd_log_verify = {
	"log verify", "judge a proof as a charger does", NULL,
	"FILE",       OPTIONS(verify_options),           verify,
};
