/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/monitor_pass.c - one look at a log: is it the log that it was, and
 * what is new in it?
 */
#include "operate/monitor_pass.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"

enum { entries_max = 256 << 20 }; /* bytes of entries in one look */

/* The checkpoint as it was served, for those who will ask for it. */
static void keep_evidence(const struct vs_monitor_pass *p, vs_reason code,
                          uint64_t size, const void *bytes, size_t len)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/evidence-%s-%" PRIu64, p->dir,
	                 vs_reason_name(code), size);

	if (n < 0 || (size_t)n >= sizeof path ||
	    vs_file_replace(path, bytes, len, 0644))
		vs_error("%s: the evidence cannot be written", p->dir);
}

struct look {
	const struct vs_monitor_pass *pass;
	struct vs_monitor_state state; /* as it was, then as it will be */
	uint8_t *bytes;                /* owned: the checkpoint served */
	size_t len;
	struct vs_tlog_valid valid;
	struct vs_buffer entries; /* new ones: u16 length, bytes */
};

static void look_drop(struct look *l)
{
	vs_monitor_drop(&l->state);
	vs_buffer_drop(&l->entries);
	free(l->bytes);
}

static vs_status alarm_at(struct look *l, vs_reason code, const char *what)
{
	const struct vs_why why = {code, what, 0};

	vs_monitor_alarm(l->pass->say, l->pass->source->base, &why);
	keep_evidence(l->pass, code, l->valid.checkpoint.head.size, l->bytes,
	              l->len);
	return VS_ERR_REFUSED;
}

/* Smaller than before: an old copy, a cut, or another log altogether.  The
 * tiles of the tree that was verified tell its beginning's root.
 */
static vs_status went_back(struct look *l)
{
	const struct vs_merkle_head *is = &l->valid.checkpoint.head,
				    *was = &l->state.checkpoint.head;
	const struct vs_checkpoint_seen older = {*was, l->state.time_s},
					newer = {*is, l->valid.time_s};
	struct vs_hash whole, beginning;
	struct vs_why why = {0};
	vs_status status = vs_log_source_roots(l->pass->source, was->size,
	                                       is->size, &whole, &beginning);

	if (!status && vs_hash_same(&whole, &was->root) &&
	    !vs_hash_same(&beginning, &is->root))
		return alarm_at(l, VS_REASON_LOG_FORKED,
		                "a smaller checkpoint that contradicts the "
		                "last one");
	status = vs_checkpoint_follows(&older, &newer, NULL, &why);
	return status == VS_ERR_REFUSED ? alarm_at(l, why.code, why.what)
	                                : status;
}

static vs_status add_entry(struct look *l, const uint8_t *entry, size_t len)
{
	const uint8_t prefix[2] = {(uint8_t)(len >> 8), (uint8_t)len};
	struct vs_hash leaf;
	vs_status status = vs_merkle_leaf(entry, len, &leaf);

	if (!status)
		status = vs_merkle_append(&l->state.edge, &leaf);
	if (!status)
		status = vs_buffer_add(&l->entries, prefix, sizeof prefix);
	return status ? status : vs_buffer_add(&l->entries, entry, len);
}

/* The entries of one bundle from the state's edge on. */
static vs_status read_bundle(struct look *l, uint64_t size)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	uint64_t index = l->state.edge.size / VS_TILE_WIDTH;
	unsigned width = vs_tile_width(0, index, size);
	unsigned known = (unsigned)(l->state.edge.size % VS_TILE_WIDTH);
	const uint8_t *at, *entry;
	size_t left, len;
	vs_status status = vs_log_source_bundle(l->pass->source, index, width,
	                                        &bytes, &left);

	at = bytes;
	for (unsigned i = 0; i < width && !status; i++) {
		if (vs_bundle_next(&at, &left, &entry, &len))
			return VS_ERR_ABSENT;
		if (i >= known)
			status = add_entry(l, entry, len);
	}
	return status;
}

/* Its entries do not give its root.  If its tiles do, and their beginning is
 * not what was verified before, it is another log's.
 */
static vs_status contradicts(struct look *l)
{
	const struct vs_merkle_head *is = &l->valid.checkpoint.head,
				    *was = &l->state.checkpoint.head;
	struct vs_hash whole, beginning;
	vs_status status = vs_log_source_roots(l->pass->source, is->size,
	                                       was->size, &whole, &beginning);

	if (!status && vs_hash_same(&whole, &is->root) &&
	    vs_hash_same(&beginning, &was->root))
		return alarm_at(l, VS_REASON_HASH_MISMATCH,
		                "its entries are not those it signed");
	return alarm_at(l, VS_REASON_LOG_FORKED,
	                "it contradicts what was verified before");
}

static vs_status follow(struct look *l)
{
	const struct vs_merkle_head *is = &l->valid.checkpoint.head;
	struct vs_hash root;
	vs_status status = VS_OK;

	while (l->state.edge.size < is->size && !status)
		status = read_bundle(l, is->size);
	if (status == VS_ERR_ABSENT)
		return alarm_at(l, VS_REASON_LOG_TRUNCATED,
		                "it does not serve the entries it signed");
	if (!status)
		status = vs_merkle_edge_root(&l->state.edge, &root);
	if (status)
		return status;
	return vs_hash_same(&root, &is->root) ? VS_OK : contradicts(l);
}

static void tell_entry(struct look *l, uint64_t index, const uint8_t *entry,
                       size_t len)
{
	struct vs_leaf leaf;
	struct vs_why why = {0};
	char about[VS_LEAF_TEXT_LEN * 2 + 80];

	if (vs_leaf_decode(entry, len, &leaf, &why)) {
		(void)snprintf(about, sizeof about, "entry %" PRIu64, index);
		vs_monitor_alarm(l->pass->say, about, &why);
		return;
	}
	vs_monitor_seal(l->pass->say, index, &leaf);
	if (vs_monitor_expects(l->pass->expected, leaf.seal_sha256))
		return;
	(void)snprintf(about, sizeof about, "entry %" PRIu64 ", %s %s", index,
	               leaf.component, leaf.version);
	why = (struct vs_why){VS_REASON_UNEXPECTED_RELEASE,
	                      "nobody expected this release", 0};
	vs_monitor_alarm(l->pass->say, about, &why);
}

static void tell_all(struct look *l, uint64_t index)
{
	const uint8_t *at = l->entries.data, *entry;
	size_t left = l->entries.len, len;

	while (left && vs_bundle_next(&at, &left, &entry, &len) == VS_OK)
		tell_entry(l, index++, entry, len);
	vs_monitor_at(l->pass->say, &l->valid.checkpoint, l->valid.witnesses);
}

static vs_status move_on(struct look *l)
{
	free(l->state.note);
	l->state.note = (char *)l->bytes;
	l->state.note_len = l->len;
	l->bytes = NULL;
	l->state.checkpoint = l->valid.checkpoint;
	if (l->valid.time_s > l->state.time_s)
		l->state.time_s = l->valid.time_s;
	return fflush(stdout) ? VS_ERR_IO
	                      : vs_monitor_store(l->pass->dir, &l->state);
}

static vs_status compare(struct look *l)
{
	const struct vs_merkle_head *is = &l->valid.checkpoint.head,
				    *was = &l->state.checkpoint.head;

	if (!l->state.note)
		return VS_OK;
	if (strcmp(l->state.checkpoint.origin, l->valid.checkpoint.origin) != 0)
		return alarm_at(l, VS_REASON_WRONG_ORIGIN,
		                "it is another log than before");
	if (is->size < was->size)
		return went_back(l);
	if (is->size == was->size && !vs_hash_same(&is->root, &was->root))
		return alarm_at(l, VS_REASON_LOG_FORKED,
		                "two roots for one size");
	return VS_OK;
}

static vs_status fetch(struct look *l, struct vs_why *why)
{
	vs_status status =
		vs_log_source_get(l->pass->source, "checkpoint",
	                          VS_NOTE_LEN_MAX, &l->bytes, &l->len);

	if (status)
		return vs_fail(status, why, VS_REASON_UNREADABLE,
		               vs_log_source_error(l->pass->source), 0);
	status = vs_tlog_policy_check(l->pass->policy, l->bytes, l->len,
	                              &l->valid, why);
	if (status == VS_ERR_REFUSED || status == VS_ERR_INPUT ||
	    status == VS_ERR_LIMIT) {
		vs_monitor_alarm(l->pass->say, l->pass->source->base, why);
		return VS_ERR_REFUSED;
	}
	return status;
}

static vs_status look(struct look *l, struct vs_why *why)
{
	uint64_t first;
	vs_status status = vs_monitor_load(l->pass->dir, &l->state);

	if (status)
		return vs_fail(status, why, VS_REASON_UNREADABLE,
		               "monitor.json cannot be read", 0);
	first = l->state.edge.size;
	status = fetch(l, why);
	if (!status)
		status = compare(l);
	if (!status)
		status = follow(l);
	if (status == VS_ERR_REFUSED)
		return VS_OK; /* told as an alarm */
	if (status)
		return vs_fail(status, why, VS_REASON_UNREADABLE,
		               vs_log_source_error(l->pass->source), 0);
	tell_all(l, first);
	status = move_on(l);
	return status ? vs_fail(status, why, VS_REASON_UNREADABLE,
	                        "the state cannot be written", 0)
	              : VS_OK;
}

vs_status vs_monitor_look(const struct vs_monitor_pass *p, struct vs_why *why)
{
	struct look *l = calloc(1, sizeof *l);
	struct vs_why local = {0};

	if (!l)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE,
		               "out of memory", 0);
	l->pass = p;
	vs_buffer_init(&l->entries, entries_max);
	vs_status status = look(l, &local);
	if (why)
		*why = local;
	look_drop(l);
	free(l);
	return status;
}
