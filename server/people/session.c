/* SPDX-License-Identifier: Apache-2.0
 *
 * server/people/session.c - logins and sessions in the database.
 */
#include "server/people/session.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "server/people/password.h"

enum { seen_every_s = 60, most_wait_s = 900 };

vs_status vs_login_set(struct vs_store *s, const char *name,
                       const char *password,
                       uint8_t secret[static VS_TOTP_SECRET_LEN])
{
	char hash[VS_PASSWORD_HASH_LEN];
	struct vs_person p;
	vs_status status = vs_people_named(s, name, &p);

	if (!status)
		status = vs_password_hash(password, hash);
	if (!status)
		status = vs_totp_make(secret);
	if (status)
		return status;
	const struct vs_value row[] = {vs_text(name), vs_text(hash),
	                               vs_blob(secret, VS_TOTP_SECRET_LEN)};
	status = vs_store_query(
		s,
		"INSERT INTO login (person, password, secret, step, failures, "
		"wait_until_s) VALUES (?1, ?2, ?3, 0, 0, 0) "
		"ON CONFLICT (person) DO UPDATE SET password = "
		"excluded.password, secret = excluded.secret, step = 0, "
		"failures = 0, wait_until_s = 0",
		row, 3, NULL, NULL);
	return status ? status
	              : vs_store_query(s,
	                               "DELETE FROM session WHERE person = ?1",
	                               row, 1, NULL, NULL);
}

struct kept {
	struct vs_store *store;
	bool found;
	char password[VS_PASSWORD_HASH_LEN];
	uint8_t secret[VS_TOTP_SECRET_LEN];
	uint64_t step, failures, wait_until_s;
};

static vs_status read_login(void *ctx, const struct vs_row *row)
{
	struct kept *k = ctx;
	size_t len;
	const void *secret = vs_row_blob(k->store, row, 1, &len);

	if (len != sizeof k->secret)
		return VS_ERR_IO;
	snprintf(k->password, sizeof k->password, "%s",
	         vs_row_text(k->store, row, 0));
	memcpy(k->secret, secret, len);
	k->step = vs_row_uint(k->store, row, 2);
	k->failures = vs_row_uint(k->store, row, 3);
	k->wait_until_s = vs_row_uint(k->store, row, 4);
	k->found = true;
	return VS_OK;
}

static vs_status load_login(struct vs_store *s, const char *name,
                            struct kept *out)
{
	const struct vs_value args[] = {vs_text(name)};

	*out = (struct kept){.store = s};
	return vs_store_query(s,
	                      "SELECT password, secret, step, failures, "
	                      "wait_until_s FROM login WHERE person = ?1",
	                      args, 1, read_login, out);
}

vs_status vs_login_check(struct vs_store *s, pthread_mutex_t *lock,
                         const struct vs_login *l, uint64_t now_s,
                         uint64_t *step)
{
	struct kept k;

	pthread_mutex_lock(lock);
	vs_status status = load_login(s, l->name, &k);
	pthread_mutex_unlock(lock);
	if (status)
		return status;
	/* All of it each time: how long it takes tells nothing. */
	bool right = vs_password_is(l->password, k.password);
	*step = vs_totp_step(k.secret, l->code, now_s, k.step);
	bool may = k.found && k.wait_until_s <= now_s;
	OPENSSL_cleanse(&k, sizeof k);
	return right && *step && may ? VS_OK : VS_ERR_DENIED;
}

static vs_status count_row(void *ctx, const struct vs_row *row)
{
	(void)row;
	++*(size_t *)ctx;
	return VS_OK;
}

static vs_status use_code(struct vs_store *s, const char *name, uint64_t step)
{
	const struct vs_value args[] = {vs_text(name), vs_uint(step)};
	size_t count = 0;
	vs_status status =
		vs_store_query(s,
	                       "UPDATE login SET step = ?2, failures = 0, "
	                       "wait_until_s = 0 WHERE person = ?1 AND "
	                       "step < ?2 RETURNING person",
	                       args, 2, count_row, &count);

	return status ? status : count ? VS_OK : VS_ERR_DENIED;
}

static void hash_cookie(const char *cookie, uint8_t out[static 32])
{
	SHA256((const uint8_t *)cookie, strlen(cookie), out);
}

vs_status vs_session_open(struct vs_store *s, const char *name, uint64_t step,
                          uint64_t now_s, struct vs_session *out,
                          char cookie[static VS_SESSION_LEN + 1])
{
	uint8_t random[2][VS_SESSION_LEN / 2];

	*out = (struct vs_session){0};
	if (RAND_priv_bytes(random[0], sizeof random) != 1)
		return VS_ERR_CRYPTO;
	vs_hex_encode(random[0], sizeof random[0], cookie);
	vs_hex_encode(random[1], sizeof random[1], out->csrf);
	OPENSSL_cleanse(random, sizeof random);
	hash_cookie(cookie, out->hash);
	out->is = true;
	vs_status status = use_code(s, name, step);
	if (status)
		return status;
	const struct vs_value row[] = {vs_blob(out->hash, sizeof out->hash),
	                               vs_text(name), vs_text(out->csrf),
	                               vs_uint(now_s)};
	return vs_store_query(s,
	                      "INSERT INTO session (hash, person, csrf, "
	                      "created_s, seen_s) "
	                      "VALUES (?1, ?2, ?3, ?4, ?4)",
	                      row, 4, NULL, NULL);
}

vs_status vs_login_failed(struct vs_store *s, const char *name, uint64_t now_s,
                          uint64_t *wait_s)
{
	struct kept k;
	vs_status status = load_login(s, name, &k);

	*wait_s = 0;
	/* While a name waits nothing is counted: nobody can lock it for ever.
	 */
	if (status || !k.found || k.wait_until_s > now_s)
		return status;
	uint64_t failures = k.failures + 1;
	uint64_t over = failures > VS_LOGIN_FREE ? failures - VS_LOGIN_FREE : 0;
	if (failures >= VS_LOGIN_FREE)
		*wait_s = over < 9 ? UINT64_C(2) << over : most_wait_s;
	OPENSSL_cleanse(&k, sizeof k);
	const struct vs_value args[] = {vs_text(name), vs_uint(failures),
	                                vs_uint(now_s + *wait_s)};
	return vs_store_query(s,
	                      "UPDATE login SET failures = ?2, "
	                      "wait_until_s = ?3 WHERE person = ?1",
	                      args, 3, NULL, NULL);
}

struct found {
	struct vs_store *store;
	struct vs_session *session;
	size_t count;
	char person[VS_PERSON_LEN];
	uint64_t created_s, seen_s;
};

static vs_status read_session(void *ctx, const struct vs_row *row)
{
	struct found *f = ctx;

	snprintf(f->person, sizeof f->person, "%s",
	         vs_row_text(f->store, row, 0));
	snprintf(f->session->csrf, sizeof f->session->csrf, "%s",
	         vs_row_text(f->store, row, 1));
	f->created_s = vs_row_uint(f->store, row, 2);
	f->seen_s = vs_row_uint(f->store, row, 3);
	f->count++;
	return VS_OK;
}

vs_status vs_session_find(struct vs_store *s, const char *cookie,
                          uint64_t now_s,
                          const struct vs_session_limits *limits,
                          struct vs_session *out, struct vs_person *person,
                          bool *stale)
{
	struct found f = {.store = s, .session = out};

	*out = (struct vs_session){0};
	*person = (struct vs_person){0};
	*stale = false;
	if (strlen(cookie) != VS_SESSION_LEN)
		return VS_ERR_ABSENT;
	hash_cookie(cookie, out->hash);
	const struct vs_value args[] = {vs_blob(out->hash, sizeof out->hash)};
	vs_status status =
		vs_store_query(s,
	                       "SELECT person, csrf, created_s, seen_s "
	                       "FROM session WHERE hash = ?1",
	                       args, 1, read_session, &f);
	if (status)
		return status;
	if (!f.count || now_s >= f.created_s + limits->max_s ||
	    now_s >= f.seen_s + limits->idle_s)
		return VS_ERR_ABSENT;
	out->is = true;
	*stale = now_s >= f.seen_s + seen_every_s ||
	         now_s >= f.seen_s + limits->idle_s / 4;
	return vs_people_named(s, f.person, person);
}

vs_status vs_session_seen(struct vs_store *s, const struct vs_session *session,
                          uint64_t now_s)
{
	const struct vs_value args[] = {
		vs_blob(session->hash, sizeof session->hash), vs_uint(now_s)};

	return vs_store_query(s,
	                      "UPDATE session SET seen_s = ?2 WHERE hash = ?1",
	                      args, 2, NULL, NULL);
}

vs_status vs_session_close(struct vs_store *s, const struct vs_session *session)
{
	const struct vs_value args[] = {
		vs_blob(session->hash, sizeof session->hash)};

	return vs_store_query(s, "DELETE FROM session WHERE hash = ?1", args, 1,
	                      NULL, NULL);
}
