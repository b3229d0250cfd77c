/* SPDX-License-Identifier: Apache-2.0
 *
 * server/cmd_user.c - init and people, on the server's own host.
 *
 * A running server sees the change at the next request: both write the same
 * database, and the log's chain is continued within the transaction.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "server/audit/audit.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/hold/server.h"
#include "server/people/password.h"
#include "server/people/people.h"
#include "server/people/session.h"
#include "server/publish/artifact.h"
#include "server/publish/delta.h"
#include "server/publish/online.h"
#include "trust/json.h"

enum { path_max = 1200, day_s = 86400 };

/* What a command prints: a token, or what an app is shown. */
enum { said_len = VS_TOTP_URI_LEN };

static vs_status open_store(const struct vs_settings *s, struct vs_store **out,
                            char error[static 256])
{
	char path[path_max];
	vs_status status =
		vs_path_join(path, sizeof path, s->data_dir, "voltseal.db");

	if (!status && !vs_file_exists(path)) {
		snprintf(error, 256, "%.180s: not there; run init first", path);
		return VS_ERR_ABSENT;
	}
	return status ? status : vs_store_open_sqlite(path, true, out, error);
}

static vs_status note(struct vs_store *store, const char *action,
                      const char *subject, const char *detail)
{
	/* Whoever has this host's root is known to its own log. */
	const struct vs_audit record = {"host", action, subject, "", detail};

	return vs_audit_append(store, vs_server_now(), &record);
}

/* The first record of a log that has none: also after a power cut between
 * the file and it.
 */
static vs_status begin_log(struct vs_store *store)
{
	json_t *first = NULL;
	vs_status status = vs_audit_list(store, 0, 1, &first);

	if (!status && json_array_size(first) == 0)
		status = note(store, "server-initialised", "", "");
	json_decref(first);
	return status;
}

static vs_status init_database(const struct vs_settings *s,
                               char error[static 256])
{
	struct vs_store *store = NULL;
	char path[path_max];
	vs_status status =
		vs_path_join(path, sizeof path, s->data_dir, "voltseal.db");

	if (!status)
		status = vs_store_open_sqlite(path, true, &store, error);
	if (!status)
		status = vs_store_begin(store);
	if (!status) {
		status = begin_log(store);
		if (status)
			vs_store_undo(store);
		else
			status = vs_store_commit(store);
	}
	vs_store_close(&store);
	return status;
}

int vs_command_init(const struct vs_arguments *a)
{
	const struct vs_settings *s = a->settings;
	char error[256];
	struct vs_audit_signer signer;
	vs_status status = vs_file_mkdirs(s->data_dir, 0700);

	snprintf(error, sizeof error, "%.200s: cannot make it", s->data_dir);
	if (!status)
		status = vs_artifact_init(s->data_dir);
	if (!status)
		status = vs_delta_init(s->data_dir);
	if (!status)
		status = vs_online_init(&s->online, error);
	if (!status) {
		status =
			vs_audit_signer_load(s->data_dir, true, &signer, error);
		vs_audit_signer_drop(&signer);
	}
	if (!status)
		status = init_database(s, error);
	if (status)
		vs_error("%s", error);
	return status ? 1 : 0;
}

static void role_line(const struct vs_person *p, char *out, size_t cap)
{
	size_t used = 0;
	json_t *list = NULL;

	out[0] = 0;
	if (vs_people_roles(p->roles, &list))
		return;
	for (size_t i = 0; i < json_array_size(list) && used < cap; i++) {
		int n = snprintf(out + used, cap - used, "%s%s",
		                 used ? "," : "",
		                 json_string_value(json_array_get(list, i)));
		used += n > 0 ? (size_t)n : 0;
	}
	json_decref(list);
	for (size_t i = 0; i < p->scope_count && used < cap; i++) {
		int n = snprintf(out + used, cap - used, " %s=%s",
		                 p->scopes[i].kind, p->scopes[i].value);
		used += n > 0 ? (size_t)n : 0;
	}
}

static vs_status make_token(struct vs_store *store,
                            const struct vs_arguments *a,
                            char said[static said_len])
{
	uint64_t now_s = vs_server_now();
	char id[VS_TOKEN_ID_LEN + 1];
	struct vs_person p;
	vs_status status = vs_people_named(store, a->name, &p);
	const struct vs_token t = {p.name, "host",
	                           a->person.roles ? a->person.roles & p.roles
	                                           : p.roles,
	                           now_s, now_s + (uint64_t)a->days * day_s};

	if (!status)
		status = vs_token_add(store, &t, said, id);
	return status ? status : note(store, "token-added", a->name, id);
}

/* A line of standard input, without echo where somebody types it. */
static vs_status read_line(char *out, size_t cap)
{
	struct termios was, quiet;
	bool typed = tcgetattr(STDIN_FILENO, &was) == 0;

	if (typed) {
		quiet = was;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		fputs("password: ", stderr);
		if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet))
			return VS_ERR_IO;
	}
	const char *line = fgets(out, (int)cap, stdin);
	if (typed && tcsetattr(STDIN_FILENO, TCSAFLUSH, &was))
		return VS_ERR_IO;
	size_t len = line ? strcspn(out, "\n") : 0;
	if (!line || out[len] != '\n')
		return VS_ERR_LIMIT;
	out[len] = 0;
	return VS_OK;
}

static vs_status set_password(struct vs_store *store,
                              const struct vs_arguments *a,
                              char said[static said_len])
{
	uint8_t secret[VS_TOTP_SECRET_LEN];
	vs_status status = vs_login_set(store, a->name, a->password, secret);

	if (!status)
		status = note(store, "password-set", a->name, "");
	if (!status)
		vs_totp_uri(secret, a->name, said);
	OPENSSL_cleanse(secret, sizeof secret);
	return status;
}

static vs_status add(struct vs_store *store, const struct vs_arguments *a,
                     char said[static said_len])
{
	uint64_t now_s = vs_server_now();
	struct vs_person p = a->person;
	char line[256];

	if (strlen(a->name) >= sizeof p.name)
		return VS_ERR_INPUT;
	memcpy(p.name, a->name, strlen(a->name) + 1);
	vs_status status = vs_people_add(
		store, &p, now_s, now_s + (uint64_t)a->days * day_s, said);

	role_line(&p, line, sizeof line);
	return status ? status : note(store, "person-added", a->name, line);
}

static vs_status take_out(struct vs_store *store, const struct vs_arguments *a,
                          char said[static said_len])
{
	vs_status status = vs_people_remove(store, a->name);

	said[0] = 0;
	return status ? status : note(store, "person-removed", a->name, "");
}

/* One change of the people, whole and logged, or none. */
static int change(const struct vs_arguments *a,
                  vs_status (*act)(struct vs_store *store,
                                   const struct vs_arguments *a,
                                   char said[static said_len]))
{
	char said[said_len] = "", error[256] = "", name[96];
	struct vs_store *store = NULL;
	vs_status status = open_store(a->settings, &store, error);

	if (!status)
		status = vs_store_begin(store);
	if (!status) {
		status = act(store, a, said);
		if (status)
			vs_store_undo(store);
		else
			status = vs_store_commit(store);
	}
	if (status) {
		vs_log_quote(a->name, name, sizeof name);
		if (error[0])
			vs_error("%s", error);
		else
			vs_error("%s: %s", name,
			         status == VS_ERR_STATE ? "is there already"
			         : status == VS_ERR_INPUT
			                 ? "a name is 1 to 63 of A-Z a-z 0-9 . "
			                   "_ -"
			                 : vs_status_name(status));
	} else if (said[0]) {
		puts(said);
	}
	OPENSSL_cleanse(said, sizeof said);
	vs_store_close(&store);
	return status ? 1 : 0;
}

int vs_command_user_add(const struct vs_arguments *a)
{
	return change(a, add);
}

/* Read first: a running server must not wait for somebody who types. */
int vs_command_user_password(const struct vs_arguments *a)
{
	char password[VS_PASSWORD_MAX + 2];
	struct vs_arguments with = *a;
	int code = 1;

	with.password = password;
	if (read_line(password, sizeof password) ||
	    strlen(password) < VS_PASSWORD_MIN)
		vs_error("a password is a line of %d to %d bytes",
		         VS_PASSWORD_MIN, VS_PASSWORD_MAX);
	else
		code = change(&with, set_password);
	OPENSSL_cleanse(password, sizeof password);
	return code;
}

int vs_command_user_token(const struct vs_arguments *a)
{
	return change(a, make_token);
}

int vs_command_user_remove(const struct vs_arguments *a)
{
	return change(a, take_out);
}

static void print(void *ctx, const struct vs_person *p)
{
	char line[512];

	(void)ctx;
	role_line(p, line, sizeof line);
	printf("%-24s %s\n", p->name, line);
}

int vs_command_user_list(const struct vs_arguments *a)
{
	struct vs_store *store = NULL;
	char error[256];
	vs_status status = open_store(a->settings, &store, error);

	if (!status) {
		status = vs_people_list(store, print, NULL);
		if (status)
			snprintf(error, sizeof error, "%s", store->error);
	}
	if (status)
		vs_error("%s", error);
	vs_store_close(&store);
	return status ? 1 : 0;
}
