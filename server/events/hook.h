/* SPDX-License-Identifier: Apache-2.0
 *
 * server/events/hook.h - webhooks: records of the audit log for other programs.
 *
 * The log is the outbox: a hook keeps the number of the last record that its
 * receiver took, on disk, and what comes after it is sent until it is taken.
 * So each record comes at least once and in order.  A body is signed with a
 * secret that only the two know.
 */
#ifndef VS_SERVER_EVENTS_HOOK_H
#define VS_SERVER_EVENTS_HOOK_H

#include <jansson.h>

#include "server/store/store.h"

#define VS_HOOKS_MAX 32
#define VS_HOOK_ID_LEN 16
#define VS_HOOK_URL_LEN 513
#define VS_HOOK_SECRET_LEN 32
#define VS_HOOK_EVENTS_LEN 512
#define VS_HOOK_SIGNATURE_LEN 96

struct vs_hook {
	char id[VS_HOOK_ID_LEN + 1];
	char label[64], url[VS_HOOK_URL_LEN];
	char events[VS_HOOK_EVENTS_LEN]; /* "campaign-* fell-back" */
	uint8_t secret[VS_HOOK_SECRET_LEN];
	char created_by[64];
	uint64_t created_s;
	bool on;
	uint64_t seq;      /* of the last record that was taken */
	uint64_t failures; /* in a row; 0: the last one went well */
	uint64_t failing_since_s, next_s;
	char last[128]; /* how the last attempt went, for a person */
};

/* Whether a URL may be one: https, a host, no user, no fragment. */
bool vs_hook_url_ok(const char *url);
/* Whether a pattern may be one: a word, or its beginning and a star. */
bool vs_hook_event_ok(const char *pattern);
bool vs_hook_wants(const struct vs_hook *h, const char *action,
                   const char *subject);

/* "t=TIME,v1=HEX", HMAC-SHA256 of "TIME.BODY". */
vs_status vs_hook_sign(const uint8_t secret[static VS_HOOK_SECRET_LEN],
                       uint64_t time_s, const char *body, size_t len,
                       char out[static VS_HOOK_SIGNATURE_LEN]) VS_MUST_CHECK;

/* Seconds until the next attempt after so many failures; random: any. */
uint64_t vs_hook_wait_s(uint64_t failures, uint64_t random);

/* Makes id and secret.  VS_OK; VS_ERR_LIMIT; VS_ERR_CRYPTO; VS_ERR_IO. */
vs_status vs_hook_add(struct vs_store *s, struct vs_hook *h) VS_MUST_CHECK;
/* VS_OK; VS_ERR_ABSENT. */
vs_status vs_hook_remove(struct vs_store *s, const char *id) VS_MUST_CHECK;
vs_status vs_hook_find(struct vs_store *s, const char *id,
                       struct vs_hook *out) VS_MUST_CHECK;
/* Up to VS_HOOKS_MAX, by id. */
vs_status vs_hook_list(struct vs_store *s, struct vs_hook *out,
                       size_t *count) VS_MUST_CHECK;
/* Writes on, seq, failures and so on; nothing if the hook is gone. */
vs_status vs_hook_store(struct vs_store *s,
                        const struct vs_hook *h) VS_MUST_CHECK;

/* Gives *out (json_decref); without the secret. */
vs_status vs_hook_json(const struct vs_hook *h, json_t **out) VS_MUST_CHECK;

#endif
