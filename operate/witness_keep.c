/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/witness_keep.c - what a witness has seen, and its decision as one
 * step.
 */
#include "operate/witness_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/pem.h"
#include "trust/cosign.h"

struct vs_witness {
	struct vs_witness_config config;
	char dir[PATH_MAX];
	int lock_fd;
	pthread_mutex_t one; /* load, judge, store: nothing in between */
};

vs_status vs_witness_new(const struct vs_witness_config *config,
                         struct vs_witness **out)
{
	struct vs_witness *w = calloc(1, sizeof *w);
	char path[PATH_MAX];

	*out = w;
	if (!w)
		return VS_ERR_NOMEM;
	w->config = *config;
	w->lock_fd = -1;
	if (pthread_mutex_init(&w->one, NULL)) {
		free(w);
		*out = NULL;
		return VS_ERR_NOMEM;
	}
	vs_status status = vs_path_join(path, sizeof path, config->dir, "lock");
	if (status || strlen(config->dir) >= sizeof w->dir)
		return VS_ERR_LIMIT;
	memcpy(w->dir, config->dir, strlen(config->dir) + 1);
	status = vs_file_mkdirs(config->dir, 0700);
	if (status)
		return status;
	w->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (w->lock_fd < 0)
		return VS_ERR_IO;
	if (flock(w->lock_fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? VS_ERR_STATE : VS_ERR_IO;
	return VS_OK;
}

void vs_witness_free(struct vs_witness **w)
{
	if (*w) {
		vs_fd_drop(&(*w)->lock_fd);
		pthread_mutex_destroy(&(*w)->one);
	}
	free(*w);
	*w = NULL;
}

/* DIR/HASH of the origin, which may have any characters. */
static vs_status path_of(const struct vs_witness *w, const char *origin,
                         const char *end, char out[static PATH_MAX])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char hex[65];

	if (EVP_Digest(origin, strlen(origin), digest, NULL, EVP_sha256(),
	               NULL) != 1)
		return VS_ERR_CRYPTO;
	vs_hex_encode(digest, 32, hex);
	int n = snprintf(out, PATH_MAX, "%s/%s%s", w->dir, hex, end);
	return n < 0 || n >= PATH_MAX ? VS_ERR_LIMIT : VS_OK;
}

static vs_status load(const struct vs_witness *w, const char *origin,
                      struct vs_merkle_head *out)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	struct vs_tlog_valid kept;
	char path[PATH_MAX];
	size_t len;
	vs_status status = path_of(w, origin, "", path);

	*out = (struct vs_merkle_head){0};
	if (status)
		return status;
	status = vs_file_read(path, VS_NOTE_LEN_MAX, &bytes, &len);
	if (status)
		return status == VS_ERR_ABSENT ? VS_OK : status;
	status = vs_tlog_policy_signed(w->config.logs, bytes, len, &kept, NULL);
	if (!status && strcmp(kept.checkpoint.origin, origin) != 0)
		status = VS_ERR_INPUT;
	*out = kept.checkpoint.head;
	return status;
}

static vs_status store(const struct vs_witness *w, const char *origin,
                       const struct vs_span *note, const char *end)
{
	char path[PATH_MAX];
	vs_status status = path_of(w, origin, end, path);

	return status ? status
	              : vs_file_replace(path, note->at, note->len, 0600);
}

static vs_status sign(void *ctx, const void *message, size_t len,
                      uint8_t sig[static VS_NOTE_SIG_LEN])
{
	uint8_t room[128];
	size_t sig_len = sizeof room;
	vs_status status = vs_pem_sign(ctx, message, len, room, &sig_len);

	if (!status && sig_len != VS_NOTE_SIG_LEN)
		status = VS_ERR_CRYPTO;
	if (!status)
		memcpy(sig, room, VS_NOTE_SIG_LEN);
	return status;
}

/* A checkpoint of the log's own key that contradicts what is kept is worth
 * showing to others.
 */
static void keep_evidence(const struct vs_witness *w,
                          const struct vs_tlog_valid *valid,
                          const struct vs_witness_request *r)
{
	char quoted[VS_NOTE_NAME_LEN];

	vs_warn("%s: a checkpoint contradicts the last one (%s)",
	        vs_log_quote(valid->checkpoint.origin, quoted, sizeof quoted),
	        vs_reason_name(VS_REASON_LOG_FORKED));
	if (store(w, valid->checkpoint.origin, &r->checkpoint, ".fork"))
		vs_error("%s: the evidence cannot be written: %s", w->dir,
		         strerror(errno));
}

static enum vs_witness_answer failed(struct vs_witness *w, struct vs_why *why,
                                     vs_status status, const char *what)
{
	vs_error("%s: %s: %s", w->dir, what, vs_status_name(status));
	*why = (struct vs_why){VS_REASON_UNREADABLE, what, 0};
	return VS_WITNESS_FAILED;
}

static enum vs_witness_answer judge(struct vs_witness *w,
                                    const struct vs_witness_request *r,
                                    const struct vs_tlog_valid *valid,
                                    struct vs_merkle_head *last,
                                    struct vs_why *why)
{
	const char *origin = valid->checkpoint.origin;
	vs_status status = load(w, origin, last);

	if (status)
		return failed(w, why, status, "what is kept cannot be read");
	enum vs_witness_answer answer =
		vs_witness_judge(r, &valid->checkpoint.head, last, why);
	if (answer != VS_WITNESS_COSIGN)
		return answer;
	status = store(w, origin, &r->checkpoint, "");
	return status ? failed(w, why, status, "cannot be kept")
	              : VS_WITNESS_COSIGN;
}

/* The body of an answer. */
static vs_status say(struct vs_witness *w, enum vs_witness_answer answer,
                     const struct vs_tlog_valid *valid, uint64_t now_s,
                     uint64_t kept, struct vs_text *out)
{
	vs_status status;

	if (answer == VS_WITNESS_COSIGN)
		return vs_cosign_add(&valid->note, &w->config.name, now_s, sign,
		                     w->config.key, out);
	if (answer != VS_WITNESS_CONFLICT)
		return VS_OK;
	status = vs_text_number(out, kept);
	return status ? status : vs_text_string(out, "\n");
}

enum vs_witness_answer vs_witness_add(struct vs_witness *w, const void *body,
                                      size_t len, uint64_t now_s,
                                      struct vs_text *out, struct vs_why *why)
{
	struct vs_witness_request r;
	struct vs_tlog_valid valid;
	struct vs_merkle_head last = {0};
	enum vs_witness_answer answer =
		vs_witness_open(w->config.logs, body, len, &r, &valid, why);

	if (answer != VS_WITNESS_COSIGN)
		return answer;
	if (pthread_mutex_lock(&w->one))
		return failed(w, why, VS_ERR_STATE, "lock");
	answer = judge(w, &r, &valid, &last, why);
	if (why->code == VS_REASON_LOG_FORKED)
		keep_evidence(w, &valid, &r);
	(void)pthread_mutex_unlock(&w->one);
	vs_status status = say(w, answer, &valid, now_s, last.size, out);
	return status ? failed(w, why, status, "cosigning") : answer;
}
