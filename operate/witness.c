/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/witness.c - voltseal witness: cosigns checkpoints of logs.
 *
 * A witness says that it saw one log only; who asks several witnesses of
 * different people cannot be shown two.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/http.h"
#include "base/log.h"
#include "base/pem.h"
#include "operate/commands.h"
#include "operate/witness_serve.h"

enum { url_max = 2048, quoted_max = 256 };

static void pkey_drop(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static enum vs_exit need(const struct vs_args *a, const char *const *names)
{
	for (; *names; names++)
		if (!vs_args_has(a, *names))
			return vs_args_wrong(a, "needs --%s", *names);
	return VS_EXIT_OK;
}

static enum vs_exit failed(const char *what, vs_status status)
{
	vs_error("%s: %s", what,
	         status == VS_ERR_IO && errno ? strerror(errno)
	                                      : vs_status_name(status));
	return VS_EXIT_FAILED;
}

static enum vs_exit load_key(const char *path, EVP_PKEY **out)
{
	vs_status status = vs_pem_private_key(path, out);

	if (status == VS_ERR_DENIED) {
		vs_error("%s: others may read it; chmod 600", path);
		return VS_EXIT_FAILED;
	}
	return status ? failed(path, status) : VS_EXIT_OK;
}

static enum vs_exit make_name(const char *name, EVP_PKEY *key,
                              struct vs_vkey *out)
{
	uint8_t raw[VS_NOTE_KEY_LEN];
	size_t len = sizeof raw;
	struct vs_why why = {0};

	if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_raw_public_key(key, raw, &len) != 1) {
		vs_error("--key: a witness's key is Ed25519 (%s)",
		         vs_reason_name(VS_REASON_UNSUPPORTED));
		return VS_EXIT_FAILED;
	}
	if (vs_vkey_make(name, VS_NOTE_COSIGNER, raw, out, &why)) {
		vs_error("--name: %s (%s)", why.what, vs_reason_name(why.code));
		return VS_EXIT_FAILED;
	}
	return VS_EXIT_OK;
}

static enum vs_exit init(const struct vs_args *a)
{
	static const char *const needs[] = {"key", "name", NULL};
	VS_AUTO(pkey_drop) EVP_PKEY *key = NULL;
	const char *path = vs_args_get(a, "key");
	char text[VS_VKEY_LEN];
	struct vs_vkey name;
	enum vs_exit e = need(a, needs);

	if (e)
		return e;
	if (vs_file_exists(path)) {
		e = load_key(path, &key);
	} else {
		vs_status status = vs_pem_generate(path, true, &key);

		e = status ? failed(path, status) : VS_EXIT_OK;
	}
	if (!e)
		e = make_name(vs_args_get(a, "name"), key, &name);
	if (e)
		return e;
	vs_vkey_encode(&name, text);
	printf("%s\n", text);
	return VS_EXIT_OK;
}

/* Which logs are witnessed: the log lines of a tlog-policy. */
static enum vs_exit load_logs(const char *path, uint8_t **text,
                              struct vs_tlog_policy **out)
{
	struct vs_why why = {0};
	size_t len;
	vs_status status = vs_file_read(path, VS_POLICY_LEN_MAX, text, &len);

	if (status)
		return failed(path, status);
	*out = malloc(sizeof **out);
	if (!*out)
		return failed(path, VS_ERR_NOMEM);
	if (vs_tlog_policy_parse((char *)*text, len, *out, &why)) {
		vs_error("%s: %s, at byte %zu (%s)", path, why.what, why.at,
		         vs_reason_name(why.code));
		return VS_EXIT_FAILED;
	}
	if ((*out)->log_count == 0) {
		vs_error("%s: names no log (%s)", path,
		         vs_reason_name(VS_REASON_WRONG_ORIGIN));
		return VS_EXIT_FAILED;
	}
	return VS_EXIT_OK;
}

static enum vs_exit run_until_told(struct vs_witness *w,
                                   const struct vs_args *a)
{
	const struct vs_witness_listen listen = {vs_args_get(a, "listen"),
	                                         vs_args_get(a, "tls-cert"),
	                                         vs_args_get(a, "tls-key")};
	struct vs_witness_server *server = NULL;
	char error[256] = "";
	uint16_t port = 0;
	sigset_t signals;
	int got;

	/* before any thread is made, so that all of them block these */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	if (pthread_sigmask(SIG_BLOCK, &signals, NULL))
		return failed("signals", VS_ERR_STATE);
	if (vs_witness_start(w, &listen, &server, &port, error)) {
		vs_error("%s", error);
		vs_witness_stop(&server);
		return VS_EXIT_FAILED;
	}
	printf("listening on port %" PRIu16 "\n", port);
	(void)fflush(stdout);
	while (sigwait(&signals, &got) == EINTR)
		;
	vs_witness_stop(&server);
	return VS_EXIT_OK;
}

static enum vs_exit serve(const struct vs_args *a)
{
	static const char *const needs[] = {"key",   "name",   "policy",
	                                    "state", "listen", NULL};
	VS_AUTO(pkey_drop) EVP_PKEY *key = NULL;
	VS_AUTO(vs_free_drop) struct vs_tlog_policy *logs = NULL;
	VS_AUTO(vs_free_drop) uint8_t *text = NULL;
	VS_AUTO(vs_witness_free) struct vs_witness *w = NULL;
	struct vs_witness_config config = {.dir = vs_args_get(a, "state")};
	enum vs_exit e = need(a, needs);

	if (!e && !vs_args_has(a, "tls-cert") != !vs_args_has(a, "tls-key"))
		e = vs_args_wrong(a, "--tls-cert and --tls-key go together");
	if (!e)
		e = load_key(vs_args_get(a, "key"), &key);
	if (!e)
		e = make_name(vs_args_get(a, "name"), key, &config.name);
	if (!e)
		e = load_logs(vs_args_get(a, "policy"), &text, &logs);
	if (e)
		return e;
	config.logs = logs;
	config.key = key;
	vs_status status = vs_witness_new(&config, &w);
	if (status == VS_ERR_STATE) {
		vs_error("%s: another witness is at work there", config.dir);
		return VS_EXIT_FAILED;
	}
	return status ? failed(config.dir, status) : run_until_told(w, a);
}

/* What a witness answered, for a person or a script. */
static enum vs_exit take_answer(const struct vs_http_answer *answer,
                                const char *url, const char *out)
{
	char quoted[quoted_max];
	const char *text = answer->body ? (char *)answer->body : "";

	if (answer->code == VS_WITNESS_COSIGN) {
		if (vs_file_replace(out, text, answer->len, 0644))
			return failed(out, VS_ERR_IO);
		return VS_EXIT_OK;
	}
	if (answer->code == VS_WITNESS_CONFLICT) {
		struct vs_span rest = {text, answer->len}, line;
		uint64_t size;

		if (!vs_span_line(&rest, &line) &&
		    !vs_span_number(&line, &size)) {
			printf("%" PRIu64 "\n", size);
			vs_error("%s: has seen %" PRIu64
			         " entries; ask with --from %" PRIu64,
			         url, size, size);
			return VS_EXIT_FAILED;
		}
	}
	vs_error("%s: %ld: %s", url, answer->code,
	         vs_log_quote(text, quoted, sizeof quoted));
	return VS_EXIT_FAILED;
}

static enum vs_exit ask(const struct vs_args *a)
{
	static const char *const needs[] = {"out", NULL};
	const struct vs_http_config config = {.allow_http = true,
	                                      .ca_file = vs_args_get(a, "ca")};
	VS_AUTO(vs_http_free) struct vs_http *http = NULL;
	VS_AUTO(vs_free_drop) uint8_t *body = NULL;
	struct vs_http_answer answer = {0};
	const char *prefix = a->words[0];
	char url[url_max];
	size_t len;
	enum vs_exit e = need(a, needs);

	if (e)
		return e;
	size_t cut = strlen(prefix);
	while (cut && prefix[cut - 1] == '/')
		cut--;
	int n = snprintf(url, sizeof url, "%.*s/add-checkpoint",
	                 (int)(cut < url_max ? cut : url_max), prefix);
	if (n < 0 || (size_t)n >= sizeof url)
		return vs_args_wrong(a, "the URL is too long");
	vs_status status =
		vs_file_read(a->words[1], VS_WITNESS_REQUEST_MAX, &body, &len);
	if (status)
		return failed(a->words[1], status);
	status = vs_http_new(&config, &http);
	if (status)
		return failed(url, status);
	status = vs_http_send(http, "POST", url, "text/plain", body, len,
	                      VS_NOTE_LEN_MAX, &answer);
	if (status) {
		vs_error("%s: %s", url, vs_http_error(http));
		e = VS_EXIT_UNREACHABLE;
	} else {
		e = take_answer(&answer, url, vs_args_get(a, "out"));
	}
	vs_http_answer_drop(&answer);
	return e;
}

/* clang-format off */
const struct vs_option vs_witness_options[] = {
	{"key",      "FILE", NULL,    false,
	 "the witness's Ed25519 key, PEM, mode 0600; init makes it"},
	{"name",     "NAME", NULL,    false,
	 "the witness's name, like a URL without https://"},
	{"policy",   "FILE", "serve", false,
	 "a tlog-policy whose logs are witnessed"},
	{"state",    "DIR",  "serve", false,
	 "where the last checkpoints are kept"},
	{"listen",   "ADDRESS:PORT", "serve", false,
	 "e.g. 127.0.0.1:7000; port 0 takes a free one"},
	{"tls-cert", "FILE", "serve", false, "PEM; without it plain HTTP"},
	{"tls-key",  "FILE", "serve", false, "its key"},
	{"out",      "FILE", "ask",   false, "where the cosignatures go"},
	{0},
};

const struct vs_command vs_witness_commands[] = {
	{"init", "", 0, 0, "make a witness's key and print its verifier key",
	 NULL, init},
	{"serve", "", 0, 0, "cosign what continues what was seen",
	 "Keeps a checkpoint on the disk before its cosignature leaves.  Says "
	 "\"listening on\nport N\" when it is ready; SIGTERM ends it.\n",
	 serve},
	{"ask", "URL REQUEST", 2, 2, "send what log request wrote",
	 "A witness that has another size of the log prints it: write the "
	 "request anew with\n--from that size.\n", ask},
	{0},
};
/* clang-format on */
