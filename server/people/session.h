/* SPDX-License-Identifier: Apache-2.0
 *
 * server/people/session.h - people who came with a password and a code.
 *
 * A session is a cookie's random bytes, kept as a hash, and a second secret
 * that a page must say in a header where something changes.  After wrong
 * passwords a name has to wait, longer each time, whoever asks.
 */
#ifndef VS_SERVER_PEOPLE_SESSION_H
#define VS_SERVER_PEOPLE_SESSION_H

#include <pthread.h>

#include "server/people/people.h"
#include "server/people/totp.h"

#define VS_SESSION_LEN 64 /* hex digits of cookie and CSRF token */
#define VS_LOGIN_FREE 5   /* wrong ones before a name has to wait */

struct vs_session {
	bool is; /* false: the request came with a token */
	uint8_t hash[32];
	char csrf[VS_SESSION_LEN + 1];
};

/* How long sessions live. */
struct vs_session_limits {
	uint64_t idle_s, max_s;
};

/* Sets password and second factor; ends the person's sessions.
 * VS_OK; VS_ERR_INPUT (password); VS_ERR_ABSENT; VS_ERR_IO; VS_ERR_CRYPTO.
 */
vs_status vs_login_set(struct vs_store *s, const char *name,
                       const char *password,
                       uint8_t secret[static VS_TOTP_SECRET_LEN]) VS_MUST_CHECK;

/* What somebody says to be let in. */
struct vs_login {
	const char *name, *password, *code;
};

/* Whether it is right, and the code's half minute.  Reads only, and takes a
 * while.  VS_OK; VS_ERR_DENIED; VS_ERR_IO.
 */
vs_status vs_login_check(struct vs_store *s, pthread_mutex_t *lock,
                         const struct vs_login *l, uint64_t now_s,
                         uint64_t *step) VS_MUST_CHECK;
/* Uses the code up and opens a session; cookie is what the browser keeps.
 * VS_OK; VS_ERR_DENIED if the code was used meanwhile.
 */
vs_status vs_session_open(struct vs_store *s, const char *name, uint64_t step,
                          uint64_t now_s, struct vs_session *out,
                          char cookie[static VS_SESSION_LEN + 1]) VS_MUST_CHECK;
/* Counts a wrong one.  *wait_s: how long the name has to wait; 0: not yet, or
 * there is no such name.
 */
vs_status vs_login_failed(struct vs_store *s, const char *name, uint64_t now_s,
                          uint64_t *wait_s) VS_MUST_CHECK;

/* Who a cookie is.  *stale: vs_session_seen() is due.
 * VS_OK; VS_ERR_ABSENT; VS_ERR_IO.
 */
vs_status vs_session_find(struct vs_store *s, const char *cookie,
                          uint64_t now_s,
                          const struct vs_session_limits *limits,
                          struct vs_session *out, struct vs_person *person,
                          bool *stale) VS_MUST_CHECK;
vs_status vs_session_seen(struct vs_store *s, const struct vs_session *session,
                          uint64_t now_s) VS_MUST_CHECK;
vs_status vs_session_close(struct vs_store *s,
                           const struct vs_session *session) VS_MUST_CHECK;

#endif
