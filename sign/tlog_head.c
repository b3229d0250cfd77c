/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/tlog_head.c - a log's checkpoints: signed, witnessed, published.
 */
#include "sign/tlog_head.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/pem.h"
#include "sign/say.h"
#include "trust/cosign.h"
#include "trust/evidence.h"
#include "trust/proof.h"
#include "trust/witness.h"

enum { links_max = 32 };

void vs_tlog_head_drop(struct vs_tlog_head *h)
{
	free(h->bytes);
	h->bytes = NULL;
}

static vs_status load(const struct vs_tlog *t, const char *name,
                      struct vs_tlog_head *out)
{
	char path[PATH_MAX];
	struct vs_why why = {0};
	vs_status status = vs_tlog_path(t, name, path);

	*out = (struct vs_tlog_head){0};
	if (status)
		return status;
	status = vs_file_read(path, VS_NOTE_LEN_MAX, &out->bytes, &out->len);
	if (status)
		return status == VS_ERR_ABSENT ? status
		                               : vs_say_io(status, path);
	status = vs_checkpoint_open(out->bytes, out->len, &t->key, &out->note,
	                            &out->checkpoint, &why);
	return status ? vs_say_why(status, path, &why) : VS_OK;
}

vs_status vs_tlog_published(const struct vs_tlog *t, struct vs_tlog_head *out)
{
	return load(t, "checkpoint", out);
}

vs_status vs_tlog_newest(const struct vs_tlog *t, struct vs_tlog_head *out)
{
	vs_status status = load(t, "pending", out);

	return status == VS_ERR_ABSENT ? vs_tlog_published(t, out) : status;
}

/* Gives *out (free()) and text, which it keeps: VS_ERR_ABSENT, not said. */
static vs_status load_policy(const struct vs_tlog *t, uint8_t **text,
                             struct vs_tlog_policy **out)
{
	char path[PATH_MAX];
	struct vs_why why = {0};
	size_t len;
	vs_status status = vs_tlog_path(t, "policy", path);

	*text = NULL;
	*out = NULL;
	if (status)
		return status;
	status = vs_file_read(path, VS_POLICY_LEN_MAX, text, &len);
	if (status)
		return status == VS_ERR_ABSENT ? status
		                               : vs_say_io(status, path);
	*out = malloc(sizeof **out);
	if (!*out)
		return vs_say_io(VS_ERR_NOMEM, path);
	status = vs_tlog_policy_parse((char *)*text, len, *out, &why);
	return status ? vs_say_why(status, path, &why) : VS_OK;
}

/* Whether the policy says that this may be shown to the world. */
static vs_status meets_policy(const struct vs_tlog *t, const void *bytes,
                              size_t len, bool *yes)
{
	VS_AUTO(vs_free_drop) struct vs_tlog_policy *policy = NULL;
	VS_AUTO(vs_free_drop) uint8_t *text = NULL;
	struct vs_tlog_valid valid;
	struct vs_why why = {0};
	vs_status status = load_policy(t, &text, &policy);

	*yes = status == VS_ERR_ABSENT;
	if (status)
		return *yes ? VS_OK : status;
	status = vs_tlog_policy_check(policy, bytes, len, &valid, &why);
	*yes = status == VS_OK;
	if (status && why.code != VS_REASON_WITNESSES)
		return vs_say_why(status, t->dir, &why);
	return VS_OK;
}

static vs_status write_to(const struct vs_tlog *t, const char *name,
                          const void *bytes, size_t len)
{
	char path[PATH_MAX];
	vs_status status = vs_tlog_path(t, name, path);

	if (status)
		return status;
	status = vs_file_replace(path, bytes, len, 0644);
	return status ? vs_say_io(status, path) : VS_OK;
}

/* Into the history first: what is signed is never forgotten. */
static vs_status keep(const struct vs_tlog *t, uint64_t size, const void *bytes,
                      size_t len, bool *published)
{
	char name[64], path[PATH_MAX];
	vs_status status = vs_tlog_path(t, "checkpoints", path);

	if (status)
		return status;
	if (vs_file_mkdirs(path, 0755))
		return vs_say_io(VS_ERR_IO, path);
	(void)snprintf(name, sizeof name, "checkpoints/%" PRIu64, size);
	status = write_to(t, name, bytes, len);
	if (!status)
		status = meets_policy(t, bytes, len, published);
	if (!status)
		status = write_to(t, *published ? "checkpoint" : "pending",
		                  bytes, len);
	if (status || !*published)
		return status;
	status = vs_tlog_path(t, "pending", path);
	if (!status && vs_file_remove(path))
		return vs_say_io(VS_ERR_IO, path);
	return status;
}

/* What was signed before must be the beginning of what is to be signed. */
static vs_status check_before(struct vs_tlog *t,
                              const struct vs_merkle_head *before)
{
	const struct vs_merkle_source source = vs_tlog_source(t, t->synced);
	struct vs_hash root;

	if (before->size > t->synced) {
		vs_error("%s: has %" PRIu64 " entries, and %" PRIu64
		         " were signed: an old copy of the log must never sign "
		         "again (%s)",
		         t->dir, t->synced, before->size,
		         vs_reason_name(VS_REASON_LOG_TRUNCATED));
		return VS_ERR_REFUSED;
	}
	vs_status status = vs_merkle_root(&source, before->size, &root);
	if (status)
		return vs_tlog_failed(t, status);
	if (!vs_hash_same(&root, &before->root)) {
		vs_error("%s: contradicts the checkpoint of %" PRIu64
		         " entries that it signed (%s)",
		         t->dir, before->size,
		         vs_reason_name(VS_REASON_LOG_FORKED));
		return VS_ERR_REFUSED;
	}
	return VS_OK;
}

static vs_status check_key(const struct vs_tlog *t, EVP_PKEY *key)
{
	uint8_t raw[VS_NOTE_KEY_LEN];
	size_t len = sizeof raw;

	if (EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 &&
	    EVP_PKEY_get_raw_public_key(key, raw, &len) == 1 &&
	    memcmp(raw, t->key.key, sizeof raw) == 0)
		return VS_OK;
	vs_error("%s: the key is not this log's (%s)", t->dir,
	         vs_reason_name(VS_REASON_UNKNOWN_KEY));
	return VS_ERR_REFUSED;
}

static vs_status sign_head(struct vs_tlog *t, EVP_PKEY *key,
                           struct vs_text *out)
{
	struct vs_checkpoint c = {.head.size = t->synced};
	uint8_t sig[128];
	size_t len = sizeof sig;
	vs_status status = vs_merkle_edge_root(&t->edge, &c.head.root);

	memcpy(c.origin, t->key.name, sizeof c.origin);
	if (!status)
		status = vs_checkpoint_encode(&c, out);
	if (!status)
		status = vs_pem_sign(key, out->at, out->len, sig, &len);
	if (!status)
		status = vs_text_string(out, "\n");
	if (!status)
		status = vs_note_add_line(out, &t->key, sig, len);
	return status ? vs_say_io(status, t->dir) : VS_OK;
}

vs_status vs_tlog_checkpoint(struct vs_tlog *t, EVP_PKEY *key, bool *published)
{
	char text[VS_CHECKPOINT_TEXT_LEN + VS_NOTE_NAME_LEN + 128];
	struct vs_text out = {text, sizeof text, 0};
	VS_AUTO(vs_tlog_head_drop) struct vs_tlog_head before = {0};
	vs_status status = check_key(t, key);

	*published = false;
	if (status)
		return status;
	status = vs_tlog_newest(t, &before);
	if (status && status != VS_ERR_ABSENT)
		return status;
	if (!status) {
		status = check_before(t, &before.checkpoint.head);
		if (status)
			return status;
		/* nothing new: witnesses' lines are not thrown away */
		if (before.checkpoint.head.size == t->synced)
			return keep(t, t->synced, before.bytes, before.len,
			            published);
	}
	status = sign_head(t, key, &out);
	return status ? status : keep(t, t->synced, out.at, out.len, published);
}

/* Verified lines of witnesses the policy names; a line that is there already
 * is not added again.
 */
static vs_status take_lines(const struct vs_tlog *t,
                            const struct vs_tlog_policy *policy,
                            const struct vs_note *answer,
                            const struct vs_note *has, struct vs_text *out,
                            size_t *added)
{
	struct vs_why why = {0};
	vs_status status = VS_OK;

	assert(policy);
	for (size_t i = 0; i < policy->node_count && !status; i++) {
		const struct vs_vkey *key = &policy->nodes[i].key;
		uint8_t stamped[VS_COSIGN_LEN];
		uint64_t time_s;
		size_t at = 0, old = 0;

		if (policy->nodes[i].is_group)
			continue;
		status = vs_cosign_verify(answer, key, &time_s, &why);
		if (status && status != VS_ERR_ABSENT)
			return vs_say_why(status, policy->nodes[i].key.name,
			                  &why);
		if (!status &&
		    vs_note_next(has, key, &old, stamped, sizeof stamped, &why))
			status = vs_note_next(answer, key, &at, stamped,
			                      sizeof stamped, &why);
		if (!status && at) {
			status = vs_note_add_line(out, key, stamped,
			                          sizeof stamped);
			++*added;
		}
		status = status == VS_ERR_ABSENT ? VS_OK : status;
	}
	return status ? vs_say_io(status, t->dir) : VS_OK;
}

static vs_status merge(const struct vs_tlog *t,
                       const struct vs_tlog_policy *policy,
                       const struct vs_tlog_head *head,
                       const struct vs_span *lines, struct vs_text *out,
                       size_t *added)
{
	struct vs_text answer = {out->at, out->cap, 0};
	struct vs_why why = {0};
	struct vs_note note;
	size_t cut;

	/* the answer as a note: the same text, and the answer's lines */
	vs_status status =
		vs_text_add(&answer, head->note.text.at, head->note.text.len);
	if (!status)
		status = vs_text_string(&answer, "\n");
	if (!status)
		status = vs_text_add(&answer, lines->at, lines->len);
	if (status)
		return vs_say_io(status, t->dir);
	status = vs_note_parse(answer.at, answer.len, &note, &why);
	if (status)
		return vs_say_why(status, "cosignatures", &why);
	cut = answer.len + 1;
	*out = (struct vs_text){out->at + cut, out->cap - cut, 0};
	status = vs_text_add(out, head->bytes, head->len);
	return status ? vs_say_io(status, t->dir)
	              : take_lines(t, policy, &note, &head->note, out, added);
}

vs_status vs_tlog_cosign(struct vs_tlog *t, const void *lines, size_t len,
                         size_t *added, bool *published)
{
	VS_AUTO(vs_tlog_head_drop) struct vs_tlog_head head = {0};
	VS_AUTO(vs_free_drop) struct vs_tlog_policy *policy = NULL;
	VS_AUTO(vs_free_drop) uint8_t *text = NULL;
	VS_AUTO(vs_free_drop) char *room = malloc(3 * VS_NOTE_LEN_MAX);
	struct vs_text out = {room, 3 * VS_NOTE_LEN_MAX, 0};
	const struct vs_span span = {lines, len};
	vs_status status = load_policy(t, &text, &policy);

	*added = 0;
	if (status == VS_ERR_ABSENT) {
		vs_error("%s: has no policy that names witnesses", t->dir);
		return VS_ERR_STATE;
	}
	if (!policy)
		return status;
	if (!status)
		status = vs_tlog_newest(t, &head);
	if (status == VS_ERR_ABSENT)
		vs_error("%s: nothing is signed yet", t->dir);
	if (!status && !room)
		status = vs_say_io(VS_ERR_NOMEM, t->dir);
	if (!status)
		status = merge(t, policy, &head, &span, &out, added);
	return status ? status
	              : keep(t, head.checkpoint.head.size, out.at, out.len,
	                     published);
}

vs_status vs_tlog_request(struct vs_tlog *t, uint64_t from, struct vs_text *out)
{
	VS_AUTO(vs_tlog_head_drop) struct vs_tlog_head head = {0};
	struct vs_witness_request r = {.old_size = from};
	vs_status status = vs_tlog_newest(t, &head);

	*out = (struct vs_text){0};
	if (status == VS_ERR_ABSENT)
		vs_error("%s: nothing is signed yet", t->dir);
	if (status)
		return status;
	const struct vs_merkle_source source =
		vs_tlog_source(t, head.checkpoint.head.size);
	r.checkpoint = (struct vs_span){(char *)head.bytes, head.len};
	status = vs_merkle_connect(&source, from, head.checkpoint.head.size,
	                           &r.proof);
	if (!status) {
		*out = (struct vs_text){malloc(VS_WITNESS_REQUEST_MAX),
		                        VS_WITNESS_REQUEST_MAX, 0};
		status = out->at ? vs_witness_encode(&r, out) : VS_ERR_NOMEM;
	}
	return status ? vs_tlog_failed(t, status) : VS_OK;
}

/* The newest sizes below size that were signed, largest first. */
static vs_status earlier(const struct vs_tlog *t, uint64_t size,
                         uint64_t out[static links_max], size_t *count)
{
	char path[PATH_MAX];
	const struct dirent *e;
	vs_status status = vs_tlog_path(t, "checkpoints", path);

	*count = 0;
	DIR *dir = status ? NULL : opendir(path);
	while (dir && (e = readdir(dir))) {
		const struct vs_span name = {e->d_name, strlen(e->d_name)};
		uint64_t n;
		size_t i;

		if (vs_span_number(&name, &n) || n == 0 || n >= size)
			continue;
		for (i = *count; i > 0 && out[i - 1] < n; i--)
			if (i < links_max)
				out[i] = out[i - 1];
		if (i < links_max)
			out[i] = n;
		*count += *count < links_max;
	}
	if (dir)
		closedir(dir);
	return status;
}

static vs_status link_all(const struct vs_merkle_source *source, uint64_t size,
                          const uint64_t *from, size_t count,
                          struct vs_evidence_link *out)
{
	vs_status status = VS_OK;

	for (size_t i = 0; i < count && !status; i++) {
		out[i].from = from[i];
		status =
			vs_merkle_connect(source, from[i], size, &out[i].proof);
	}
	return status;
}

static vs_status encode(const struct vs_proof *p, const struct vs_leaf *leaf,
                        const struct vs_evidence_link *links, size_t count,
                        struct vs_text *out)
{
	VS_AUTO(vs_free_drop) char *extra = NULL;
	size_t len;
	vs_status status = vs_evidence_encode(leaf, links, count, &extra, &len);

	*out = (struct vs_text){malloc(VS_PROOF_LEN_MAX), VS_PROOF_LEN_MAX, 0};
	if (!out->at)
		return VS_ERR_NOMEM;
	return status ? status : vs_proof_encode(p, extra, len, out);
}

vs_status vs_tlog_prove(struct vs_tlog *t, uint64_t index,
                        const struct vs_leaf *leaf, uint64_t from,
                        struct vs_text *out)
{
	VS_AUTO(vs_tlog_head_drop) struct vs_tlog_head head = {0};
	VS_AUTO(vs_free_drop) struct vs_evidence_link *links = NULL;
	struct vs_proof p = {.index = index};
	uint64_t sizes[links_max + 1];
	size_t count = 0;
	vs_status status = vs_tlog_published(t, &head);

	*out = (struct vs_text){0};
	if (status == VS_ERR_ABSENT)
		vs_error("%s: no checkpoint is published yet", t->dir);
	if (status)
		return status;
	uint64_t size = head.checkpoint.head.size;
	if (index >= size || from > size) {
		vs_error("%s: the published checkpoint has %" PRIu64
		         " entries (%s)",
		         t->dir, size, vs_reason_name(VS_REASON_NOT_LOGGED));
		return VS_ERR_STATE;
	}
	links = malloc((links_max + 1) * sizeof *links);
	if (!links)
		return vs_say_io(VS_ERR_NOMEM, t->dir);
	const struct vs_merkle_source source = vs_tlog_source(t, size);
	p.checkpoint = (struct vs_span){(char *)head.bytes, head.len};
	status = earlier(t, size, sizes, &count);
	if (!status && from && from < size)
		sizes[count++] = from;
	if (!status)
		status = link_all(&source, size, sizes, count, links);
	if (!status)
		status = vs_merkle_prove(&source, index, size, &p.path);
	if (!status)
		status = encode(&p, leaf, links, count, out);
	return status ? vs_tlog_failed(t, status) : VS_OK;
}
