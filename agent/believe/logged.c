/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/believe/logged.c - a charger's memory of logs, and what it asks of
 * them.
 */
#include "agent/believe/logged.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "trust/digest.h"
#include "trust/tile.h"
#include "trust/tlog.h"

static vs_status unreadable(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE, what, 0);
}

/* A damaged memory is never a log that was not seen. */
static vs_status damaged(struct vs_why *why)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
	               "the checkpoint kept of this log is damaged", 0);
}

static vs_status parse_policy(struct vs_logged *l, size_t len,
                              struct vs_why *why)
{
	l->policy = malloc(sizeof(*l->policy));
	if (!l->policy)
		return VS_ERR_NOMEM;
	return vs_tlog_policy_parse((const char *)l->text, len, l->policy, why);
}

vs_status vs_logged_open(struct vs_logged *l, const char *charger_dir,
                         char error[static 256])
{
	struct vs_why why = {VS_REASON_UNREADABLE, "cannot be read", 0};
	char path[PATH_MAX];
	size_t len;
	vs_status status =
		vs_path_join(path, sizeof(path), charger_dir, "tlog-policy");

	memset(l, 0, sizeof(*l));
	if (status == VS_OK)
		status = vs_path_join(l->dir, sizeof(l->dir), charger_dir,
		                      "agent");
	if (status == VS_OK)
		status = vs_file_read(path, VS_POLICY_LEN_MAX, &l->text, &len);
	if (status == VS_ERR_ABSENT)
		return VS_OK;
	if (status == VS_OK)
		status = parse_policy(l, len, &why);
	if (status == VS_OK)
		return VS_OK;
	snprintf(error, 256, "tlog-policy: at byte %zu: %.120s (%s)", why.at,
	         why.what, vs_reason_name(why.code));
	return status;
}

void vs_logged_close(struct vs_logged *l)
{
	free(l->policy);
	free(l->text);
	l->policy = NULL;
	l->text = NULL;
}

/* One file for each log, named by its origin's hash. */
static vs_status kept_path(const struct vs_logged *l, const char *origin,
                           char out[static PATH_MAX])
{
	char hex[VS_DIGEST_HEX_MAX];
	vs_status status = vs_digest_hex("sha256", origin, strlen(origin), hex);
	int n;

	if (status != VS_OK)
		return status;
	n = snprintf(out, PATH_MAX, "%s/checkpoint-%s", l->dir, hex);
	return n < 0 || n >= PATH_MAX ? VS_ERR_LIMIT : VS_OK;
}

/* The head of a kept checkpoint; whether it can be read is the judge's. */
static bool head_of(const void *kept, size_t len, struct vs_merkle_head *out)
{
	struct vs_note note;
	struct vs_checkpoint c;

	if (vs_note_parse(kept, len, &note, NULL) != VS_OK ||
	    vs_checkpoint_parse(&note, &c, NULL) != VS_OK)
		return false;
	*out = c.head;
	return true;
}

/* vs_tiles.load.  A partial tile may have given way to the full one. */
static vs_status load_tile(void *ctx, const struct vs_tile *tile,
                           uint8_t out[static VS_TILE_LEN_MAX])
{
	struct vs_net *net = ctx;
	struct vs_tile full = *tile;
	char name[VS_TILE_PATH_LEN];
	uint8_t *bytes = NULL;
	size_t len, wanted = (size_t)tile->width * VS_HASH_LEN;
	vs_status status;

	vs_tile_path(tile, name);
	status = vs_net_get(net, "log", name, VS_TILE_LEN_MAX, &bytes, &len,
	                    NULL);
	if (status == VS_ERR_ABSENT && tile->width < VS_TILE_WIDTH) {
		full.width = VS_TILE_WIDTH;
		vs_tile_path(&full, name);
		status = vs_net_get(net, "log", name, VS_TILE_LEN_MAX, &bytes,
		                    &len, NULL);
	}
	if (status == VS_OK && len < wanted)
		status = VS_ERR_ABSENT;
	if (status == VS_OK)
		memcpy(out, bytes, wanted);
	free(bytes);
	return status;
}

/* The consistency proof that the log's own tiles give.  Tiles that do not
 * give the checkpoint either are somebody's mistake, and say nothing of the
 * log: no fork is called because of them.
 */
static vs_status fetch_link(struct vs_net *net,
                            const struct vs_merkle_head *old,
                            const struct vs_merkle_head *new,
                            struct vs_merkle_proof *out)
{
	struct vs_tiles *tiles = malloc(sizeof(*tiles));
	struct vs_merkle_source source;
	struct vs_hash root;
	vs_status status;

	if (!tiles)
		return VS_ERR_NOMEM;
	vs_tiles_init(tiles, new->size, load_tile, net);
	source = vs_tiles_source(tiles);
	status = vs_merkle_root(&source, new->size, &root);
	if (status == VS_OK && !vs_hash_same(&root, &new->root))
		status = VS_ERR_ABSENT;
	if (status == VS_OK)
		status = vs_merkle_connect(&source, old->size, new->size, out);
	free(tiles);
	return status;
}

/* Asks; and once more with a link from the network, if that is what lacks. */
static vs_status ask(struct vs_tlog_question *q, struct vs_net *net,
                     struct vs_tlog_verdict *out, struct vs_why *why)
{
	struct vs_merkle_proof link;
	struct vs_merkle_head old;
	vs_status status = vs_tlog_judge(q, out, why);

	if (status == VS_ERR_STATE)
		return damaged(why);
	if (status != VS_ERR_ABSENT)
		return status;
	if (net && head_of(q->kept, q->kept_len, &old)) {
		status = fetch_link(net, &old, &out->checkpoint.head, &link);
		q->link = &link;
		if (status == VS_OK)
			status = vs_tlog_judge(q, out, why);
		q->link = NULL;
	}
	return status == VS_ERR_ABSENT
	               ? vs_fail(VS_ERR_REFUSED, why, VS_REASON_LOG_GAP,
	                         "nothing links this checkpoint to the last "
	                         "one",
	                         0)
	               : status;
}

/* A kept checkpoint gives way to a larger one only. */
static vs_status keep(const char *path, const struct vs_tlog_question *q,
                      const struct vs_tlog_verdict *v, struct vs_why *why)
{
	struct vs_merkle_head old = {0};

	if (q->kept_len > 0 && head_of(q->kept, q->kept_len, &old) &&
	    v->checkpoint.head.size <= old.size)
		return VS_OK;
	if (vs_file_replace(path, v->keep.at, v->keep.len, 0644) != VS_OK)
		return unreadable(why, "the log's checkpoint cannot be kept");
	return VS_OK;
}

/* Gives *kept (free()), which q points at.  An empty file is no checkpoint,
 * and would pass for none.
 */
static vs_status recall(const char *path, struct vs_tlog_question *q,
                        uint8_t **kept, struct vs_why *why)
{
	vs_status status =
		vs_file_read(path, VS_NOTE_LEN_MAX, kept, &q->kept_len);

	q->kept = *kept;
	if (status == VS_ERR_ABSENT)
		return VS_OK;
	if (status == VS_ERR_LIMIT || (status == VS_OK && q->kept_len == 0))
		return damaged(why);
	return status == VS_OK ? VS_OK : unreadable(why, "the checkpoint kept");
}

static vs_status judge(const struct vs_logged *l, struct vs_tlog_question *q,
                       struct vs_net *net, struct vs_why *why)
{
	struct vs_tlog_verdict v;
	char origin[VS_NOTE_NAME_LEN], path[PATH_MAX];
	uint8_t *kept = NULL;
	vs_status status;

	if (q->proof_len == 0)
		return vs_tlog_judge(q, &v, why);
	status = vs_tlog_origin(q->proof, q->proof_len, origin, why);
	if (status == VS_OK)
		status = kept_path(l, origin, path);
	if (status == VS_OK)
		status = recall(path, q, &kept, why);
	if (status == VS_OK)
		status = ask(q, net, &v, why);
	if (status == VS_OK)
		status = keep(path, q, &v, why);
	free(kept);
	return status;
}

vs_status vs_logged_judge(const struct vs_logged *l,
                          const struct vs_logged_claim *claim,
                          struct vs_why *why)
{
	const struct vs_seal_header *h = claim->header;
	struct vs_leaf leaf = {.release_seq = h->release_seq,
	                       .security_version = h->security_version,
	                       .seal_len = claim->seal_len};
	struct vs_tlog_question q = {.proof = claim->proof,
	                             .proof_len = claim->proof_len,
	                             .seal = &leaf,
	                             .policy = l->policy};

	if (!l->policy)
		return VS_OK;
	snprintf(leaf.component, sizeof(leaf.component), "%s", h->component);
	snprintf(leaf.version, sizeof(leaf.version), "%s", h->version);
	snprintf(leaf.seal_sha256, sizeof(leaf.seal_sha256), "%s",
	         claim->sha256);
	while (leaf.hardware_count < VS_HARDWARE_MAX &&
	       h->hardware[leaf.hardware_count][0] != '\0') {
		snprintf(leaf.hardware[leaf.hardware_count], VS_LEAF_TEXT_LEN,
		         "%s", h->hardware[leaf.hardware_count]);
		leaf.hardware_count++;
	}
	return judge(l, &q, claim->net, why);
}
